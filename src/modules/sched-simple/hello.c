/* sched-simple/hello.c - the start-up handshake (exec.md 6.1).
 *
 * resource.acquire -> job-manager.sched-hello -> R of every running job from
 * the KVS, all at once -> job-manager.sched-ready.  Each step begins in the
 * continuation of the one before; failure of any is the end of the module.  If
 * resource goes later, jobs are placed on what there was.
 */
#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "common/util.h"
#include "sched.h"

static void die (struct sched *s, const char *what, flux_future_t *f)
{
    flux_log (s->h, LOG_ERR, "%s: %s", what, f ? future_strerror (f, errno) : strerror (errno));
    flux_reactor_stop_error (flux_get_reactor (s->h));
}

static int apply_ids (struct sched *s, const char *ids, bool up)
{
    struct idset *ranks;

    if (!ids)
        return 0;
    if (!(ranks = idset_decode (ids)))
        return -1;
    pool_set_up (s->pool, ranks, up);
    idset_destroy (ranks);
    return 0;
}

static int apply_shrink (struct sched *s, const char *ids)
{
    struct idset *ranks;
    int r;

    if (!ids)
        return 0;
    if (!(ranks = idset_decode (ids)))
        return -1;
    r = pool_shrink (s->pool, ranks);
    idset_destroy (ranks);
    if (r < 0) {
        errno = -r;
        return -1;
    }
    return 0;
}

static int first_resources (struct sched *s, json_t *R, const char *up)
{
    struct rset *inventory;
    struct idset *ranks;
    flux_error_t error = { "" };
    int r;

    if ((r = rset_parse (R, &inventory, &error)) < 0) {
        flux_log (s->h, LOG_ERR, "resources: %s", error.text);
        errno = -r;
        return -1;
    }
    if ((r = pool_create (inventory, s->policy, &s->pool)) < 0) {
        rset_free (inventory);
        errno = -r;
        return -1;
    }
    /* Whatever is not in up is down. */
    if (!(ranks = rset_ranks (inventory)))
        return -1;
    pool_set_up (s->pool, ranks, false);
    idset_destroy (ranks);
    return apply_ids (s, up, true);
}

static void send_ready (struct sched *s);

static void ready_continuation (flux_future_t *f, void *arg)
{
    struct sched *s = arg;

    if (flux_rpc_get (f, NULL) < 0)
        die (s, "job-manager.sched-ready", f);
}

static void send_ready (struct sched *s)
{
    if (s->limit > 0)
        s->f_ready = flux_rpc_pack (s->h,
                                    "job-manager.sched-ready",
                                    FLUX_NODEID_ANY,
                                    0,
                                    "{s:s s:i}",
                                    "mode", "limited",
                                    "limit", s->limit);
    else
        s->f_ready = flux_rpc_pack (s->h,
                                    "job-manager.sched-ready",
                                    FLUX_NODEID_ANY,
                                    0,
                                    "{s:s}",
                                    "mode", "unlimited");
    if (!s->f_ready || flux_future_then (s->f_ready, -1., ready_continuation, s) < 0)
        die (s, "job-manager.sched-ready", NULL);
}

static void maybe_ready (struct sched *s)
{
    if (s->hello_ended && list_empty (&s->lookups) && !s->f_ready)
        send_ready (s);
}

struct running {
    struct list node; /* in lookups; of a job that is lost, in raises */
    struct sched *s;
    uint64_t id;
    struct idset *free_ranks; /* given back already; NULL: none */
    flux_future_t *f;         /* its R, or the exception */
    bool again;               /* R was not there yet */
};

/* R is committed with the alloc event.  That may still be on its way when we ask: it
 * is waited for, but not longer than this (seconds).
 */
#define R_LATE 10.

static void running_free (struct running *job)
{
    int saved_errno = errno;

    list_del (&job->node);
    idset_destroy (job->free_ranks);
    flux_future_destroy (job->f);
    free (job);
    errno = saved_errno;
}

static void raise_continuation (flux_future_t *f, void *arg)
{
    struct running *job = arg;

    if (flux_future_get (f, NULL) < 0)
        flux_log (job->s->h, LOG_ERR, "raise scheduler-restart: %s",
                  future_strerror (f, errno));
    running_free (job);
}

/* A running job whose resources are no longer ours. */
static void raise_lost (struct running *job)
{
    struct sched *s = job->s;

    flux_future_destroy (job->f);
    list_del (&job->node);
    list_append (&s->raises, &job->node);
    job->f = flux_job_raise (s->h, job->id, "scheduler-restart", 0,
                             "failed to reallocate R for running job");
    if (!job->f || flux_future_then (job->f, -1., raise_continuation, job) < 0) {
        flux_log_error (s->h, "raise scheduler-restart");
        running_free (job);
    }
}

static int lookup_begin (struct running *job, int flags, double timeout);

static void R_continuation (flux_future_t *f, void *arg)
{
    struct running *job = arg;
    struct sched *s = job->s;
    struct rset *R = NULL;
    flux_error_t error = { "" };
    const char *text;
    int r;

    if (flux_kvs_lookup_get (f, &text) < 0) {
        r = -errno;
        if (r == -ENOENT && !job->again) {
            job->again = true;
            flux_future_destroy (job->f);
            if (lookup_begin (job, FLUX_KVS_WAITCREATE, R_LATE) == 0)
                return;
        }
    }
    else
        r = rset_parse_text (text, strlen (text), &R, &error);
    if (r == 0 && job->free_ranks)
        r = rset_remove_ranks (R, job->free_ranks);
    if (r == 0)
        r = pool_claim (s->pool, R);
    if (r < 0) {
        flux_log (s->h,
                  LOG_ERR,
                  "job %ju: %s",
                  (uintmax_t)job->id,
                  error.text[0] ? error.text : strerror (-r));
        raise_lost (job);
    }
    else
        running_free (job);
    rset_free (R);
    maybe_ready (s);
}

static int lookup_begin (struct running *job, int flags, double timeout)
{
    char key[64];

    job->f = NULL;
    if (flux_job_kvs_key (key, sizeof (key), job->id, "R") < 0
        || !(job->f = flux_kvs_lookup (job->s->h, NULL, flags, key)))
        return -1;
    return flux_future_then (job->f, timeout, R_continuation, job);
}

static int lookup_R (struct sched *s, uint64_t id, const char *free_ranks)
{
    struct running *job;

    if (!(job = calloc (1, sizeof (*job))))
        return -1;
    job->s = s;
    job->id = id;
    list_append (&s->lookups, &job->node);
    if ((free_ranks && !(job->free_ranks = idset_decode (free_ranks)))
        || lookup_begin (job, 0, -1.) < 0) {
        running_free (job);
        return -1;
    }
    return 0;
}

/* { "id":I "priority":I "userid":i "t_submit":f "free"?:s } ..., ENODATA */
static void hello_continuation (flux_future_t *f, void *arg)
{
    struct sched *s = arg;
    const char *free_ranks = NULL;
    json_int_t id;

    if (flux_rpc_get_unpack (f, "{s:I s?s}", "id", &id, "free", &free_ranks) < 0) {
        if (errno != ENODATA) {
            die (s, "job-manager.sched-hello", f);
            return;
        }
        s->hello_ended = true;
        maybe_ready (s);
        return;
    }
    if (lookup_R (s, id, free_ranks) < 0) {
        die (s, "lookup of R", NULL);
        return;
    }
    flux_future_reset (f);
}

static void replay_early (struct sched *s)
{
    const flux_msg_t *msg;

    while ((msg = flux_msglist_pop (s->early))) {
        sched_dispatch (s, msg);
        flux_msg_decref (msg);
    }
}

static int begin (struct sched *s, json_t *R, const char *up)
{
    if (first_resources (s, R, up) < 0)
        return -1;
    if (!(s->f_hello = flux_rpc_pack (s->h,
                                      "job-manager.sched-hello",
                                      FLUX_NODEID_ANY,
                                      FLUX_RPC_STREAMING,
                                      "{s:b}",
                                      "partial-ok", s->partial_ok))
        || flux_future_then (s->f_hello, -1., hello_continuation, s) < 0)
        return -1;
    replay_early (s);
    return 0;
}

/* { "resources"?:R "up"?:s "down"?:s "shrink"?:s "expiration"?:f } ...
 * The first one, and only it, has resources.
 */
static void acquire_continuation (flux_future_t *f, void *arg)
{
    struct sched *s = arg;
    const char *up = NULL, *down = NULL, *shrink = NULL;
    double expiration = -1;
    json_t *R = NULL;

    if (flux_rpc_get_unpack (f,
                             "{s?o s?s s?s s?s s?F}",
                             "resources", &R,
                             "up", &up,
                             "down", &down,
                             "shrink", &shrink,
                             "expiration", &expiration) < 0) {
        if (errno == ENOSYS && s->pool)
            flux_log (s->h, LOG_ERR, "resource has gone: what is up stays as it was");
        else
            die (s, "resource.acquire", f);
        return;
    }
    if (!s->pool) {
        if (!R || begin (s, R, up) < 0) {
            die (s, "resource.acquire", NULL);
            return;
        }
    }
    else if (apply_ids (s, up, true) < 0 || apply_ids (s, down, false) < 0
             || apply_shrink (s, shrink) < 0) {
        die (s, "resource.acquire update", NULL);
        return;
    }
    if (expiration >= 0)
        pool_set_expiration (s->pool, expiration);
    flux_future_reset (f);
    sched_pass (s);
}

void sched_start_init (struct sched *s)
{
    list_init (&s->lookups);
    list_init (&s->raises);
}

static void forget (struct list *jobs)
{
    struct running *job;

    list_foreach (jobs, job, node)
        running_free (job);
}

void sched_start_fini (struct sched *s)
{
    flux_future_destroy (s->f_acquire);
    flux_future_destroy (s->f_hello);
    flux_future_destroy (s->f_ready);
    forget (&s->lookups);
    forget (&s->raises);
}

int sched_start (struct sched *s)
{
    if (!(s->f_acquire = flux_rpc (s->h,
                                   "resource.acquire",
                                   NULL,
                                   FLUX_NODEID_ANY,
                                   FLUX_RPC_STREAMING))
        || flux_future_then (s->f_acquire, -1., acquire_continuation, s) < 0)
        return -1;
    return 0;
}
