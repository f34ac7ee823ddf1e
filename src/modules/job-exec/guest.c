/* job-exec/guest.c - the guest namespace of a job, from creation to graft. */
#include "config.h"
#include <stdio.h>

#include "common/blobref.h"
#include "common/eventlog.h"
#include "common/fluid.h"
#include "common/kvsops.h"
#include "common/util.h"
#include "exec.h"

static flux_future_t *commit (struct job *job, char *payload)
{
    flux_future_t *f = NULL;

    if (payload)
        f = flux_rpc (job->x->h, "kvs.commit", payload, FLUX_NODEID_ANY, 0);
    free_keep_errno (payload);
    return f;
}

static void guest_key (struct job *job, const char *key, char *buf, size_t size)
{
    if (flux_job_kvs_key (buf, size, job->id, key) < 0)
        never ("job key does not fit");
}

/* Once a log cannot be written the job goes on: its tasks may still do what
 * they are for.  It is said once per failure, in the broker's log.
 */
static void log_failure (struct job *job, flux_future_t *f, const char *what)
{
    flux_log (job->x->h,
              LOG_ERR,
              "%s: %s: %s",
              job->f58,
              what,
              f ? future_strerror (f, errno) : strerror (errno));
}

/* A commit's payload with more members, or NULL. */
static char *add_members (char *payload, const struct text *members)
{
    size_t len = payload ? strlen (payload) : 0;
    char *p = NULL;

    if (payload && !text_error (members)
        && (p = realloc (payload, len + members->len + 2))) {
        p[len - 1] = ',';
        memcpy (p + len, members->buf, members->len);
        memcpy (p + len + members->len, "}", 2);
        return p;
    }
    free (payload);
    errno = ENOMEM;
    return NULL;
}

/* more: further members, or "". */
static flux_future_t *
guest_rpc (struct job *job, const char *topic, char *payload, const char *more)
{
    struct text t = TEXT_INIT;
    flux_future_t *f = NULL;
    char key[64];

    guest_key (job, "guest", key, sizeof (key));
    text_printf (&t, "\"owner\":%d,\"key\":\"%s\"%s", (int)job->userid, key, more);
    if ((payload = add_members (payload, &t)))
        f = flux_rpc (job->x->h, topic, payload, 0, 0);
    free_keep_errno (payload);
    text_fini (&t);
    return f;
}

/* ---- the end ---- */

#define GRAFT_QUICK_MAX 8192 /* bytes; larger values may not be held by kvs, but stored */

/* A guest-end under way that its job did not wait for. */
struct graft {
    struct list link; /* in exec.grafts */
    struct exec *x;
    uint64_t id;
    flux_future_t *f;
};

static void graft_free (struct graft *g)
{
    list_del (&g->link);
    flux_future_destroy (g->f);
    free (g);
}

static void graft_failed (struct exec *x, uint64_t id, const char *why)
{
    char f58[FLUID_BUFSIZE];

    (void)fluid_encode (f58, sizeof (f58), id, FLUID_F58);
    flux_log (x->h, LOG_ERR, "%s: graft of the guest namespace: %s", f58, why);
}

/* The guest directory is in place, the namespace is gone; or f, which may be NULL, or errno
 * says why not.
 */
static void graft_answered (struct exec *x, uint64_t id, flux_future_t *f)
{
    if ((!f || flux_rpc_get (f, NULL) < 0)
        && errno != ENOTSUP) /* there is none: nothing to keep */
        graft_failed (x, id, f ? future_strerror (f, errno) : strerror (errno));
}

static void graft_continuation (flux_future_t *f, void *arg)
{
    struct graft *g = arg;

    graft_answered (g->x, g->id, f);
    graft_free (g);
}

void grafts_wait (struct exec *x)
{
    double end = flux_reactor_time () + GRAFT_WAIT_MAX;
    struct graft *g;

    while ((g = list_first (&x->grafts, struct graft, link))) {
        double left = end - flux_reactor_time ();

        if (flux_future_wait_for (g->f, left > 0. ? left : 0.) == 0)
            graft_continuation (g->f, g);
        else {
            graft_failed (x, g->id, strerror (errno));
            graft_free (g);
        }
    }
}

static void graft_done (struct job *job, flux_future_t *f, size_t arg)
{
    graft_answered (job->x, job->id, f);
    job_end (job);
}

/* kvs carries it out as soon as it has it, since there is nothing that content must have
 * first; and everybody asks that kvs: on another rank the end of the job might be heard
 * of before the root with the graft.
 */
static bool graft_is_quick (const struct job *job, const char *payload)
{
    return payload && job->x->size == 1 && strlen (payload) <= GRAFT_QUICK_MAX
           && (job->mock || job->log.ncommits <= 1);
}

/* payload: of the last commit to the namespace.  After a quick one the job ends without
 * waiting for the answer: kvs has this before anybody can hear of that end, and publishes
 * what is committed then, the "clean" event among it, after the graft; so it does with who
 * looks ("ahead").  Meanwhile the resources of the job can be used.
 */
static void send_graft (struct job *job, char *payload)
{
    bool quick = graft_is_quick (job, payload);
    flux_future_t *f =
        guest_rpc (job, "kvs.guest-end", payload, quick ? ",\"ahead\":true" : "");
    struct graft *g = quick && f ? calloc (1, sizeof (*g)) : NULL;

    job->state = JOB_GRAFTING;
    if (!g) {
        job_call (job, f, graft_done, 0);
        return;
    }
    *g = (struct graft){ .x = job->x, .id = job->id, .f = f };
    list_append (&job->x->grafts, &g->link);
    if (flux_future_then (f, -1., graft_continuation, g) < 0)
        graft_failed (job->x, job->id, strerror (errno));
    job_end (job);
}

void guest_graft (struct job *job)
{
    struct kvsops ops = KVSOPS_INIT;

    if (job->has_namespace)
        send_graft (job, kvsops_finish (&ops, job->ns, 0));
    else
        job_end (job);
}

static void stored (struct job *job, flux_future_t *f, size_t slot)
{
    struct blobref ref;
    char text[BLOBREF_TEXT_SIZE];
    const void *digest;
    size_t len;

    if (f && flux_rpc_get_raw (f, &digest, &len) == 0
        && blobref_from_digest (len == 32 ? BLOBREF_SHA256 : BLOBREF_SHA1, digest, len, &ref)
               == 0)
        guestlog_stored (&job->log, slot, blobref_str (&ref, text));
    else {
        log_failure (job, f, "store of job output");
        guestlog_store_failed (&job->log, slot);
    }
    job_touch (job);
}

/* One of the calls before the tasks is done. */
static void start_done (struct job *job)
{
    if (--job->waiting == 0)
        job_launch (job);
}

static void committed (struct job *job, flux_future_t *f, size_t len)
{
    guestlog_committed (&job->log, len);
    if (!f || flux_rpc_get (f, NULL) < 0)
        log_failure (job, f, "commit to the guest namespace");
    job_resume (job);
    job_touch (job);
}

static void send_stores (struct job *job)
{
    unsigned int slot;
    size_t len;
    char *p;

    while ((p = guestlog_next_store (&job->log, &len, &slot))) {
        flux_future_t *f;

        f = flux_rpc_raw (job->x->h, "content.store", p, len, FLUX_NODEID_ANY, 0);
        free_keep_errno (p);
        job_call (job, f, stored, slot);
    }
}

void guest_flush (struct job *job)
{
    size_t len;
    char *p;

    bool small = job->state == JOB_RUNNING && guestlog_small_output (&job->log);

    if (!job->logs_begun || job->state >= JOB_GRAFTING)
        return;
    if (small && guestlog_quiet (&job->log) && !exec_may_commit_output (job->x, job))
        return;
    if (!small || guestlog_quiet (&job->log))
        send_stores (job);
    if (job->state == JOB_RUNNING && guestlog_only_events (&job->log)
        && !exec_may_commit_events (job->x, job))
        return;
    if ((p = guestlog_next_commit (&job->log, job->ns, &len))) {
        if (job->state == JOB_FINISHING) /* the last one: nothing comes behind it */
            send_graft (job, p);
        else {
            job_call (job, commit (job, p), committed, len);
            send_stores (job); /* those that the commit names are done with */
        }
    }
    else if (job->state == JOB_FINISHING && guestlog_idle (&job->log))
        guest_graft (job); /* no memory for the last commit */
}

static void not_begun (struct job *job, const char *why)
{
    char note[160];

    snprintf (note, sizeof (note), "failed to create guest ns: %s", why);
    if (job->mock) {
        job_fatal (job, "exec", "%s", note);
        return;
    }
    job->doomed = true;
    job_respond_exception (job, 0, "exec", note);
}

/* The namespace is there, and linked; the logs are begun. */
static void begun (struct job *job, flux_future_t *f, size_t len)
{
    if (job->log.ncommits > 0) /* or there was no memory for it */
        guestlog_committed (&job->log, len);
    job->logs_begun = true;
    if (!f || flux_future_get (f, NULL) < 0)
        not_begun (job, f ? future_strerror (f, errno) : strerror (errno));
    if (!job->mock)
        start_done (job);
    job_touch (job);
}

/* J alone has the environment; everything else comes from the start request,
 * which has the current jobspec.
 */
static void J_done (struct job *job, flux_future_t *f, size_t arg)
{
    const char *J;
    char *payload = NULL;
    uint32_t signer;
    json_t *env;

    if (f && flux_kvs_lookup_get (f, &J) == 0
        && (payload = flux_unwrap_string (J, true, &signer, NULL)))
        job->J = json_loads (payload, 0, NULL);
    free_keep_errno (payload);
    if (!job->J) {
        log_failure (job, f, "J");
        job->doomed = true;
        job_respond_exception (job, 0, "exec", "failed to read the job request (J)");
    }
    env = json_object_get (json_object_get (json_object_get (job->J, "attributes"), "system"),
                           "environment");
    if (env && !json_is_object (env))
        snprintf (job->refusal,
                  sizeof (job->refusal),
                  "attributes.system.environment must be a mapping");
    start_done (job);
}

static void service_done (struct job *job, flux_future_t *f, size_t arg)
{
    if (!f || flux_future_get (f, NULL) < 0)
        log_failure (job, f, "service registration");
    else
        job->has_service = true;
    start_done (job);
}

/* The first entries of all logs: they leave in one commit. */
void guest_init_logs (struct job *job)
{
    struct text *in = guestlog_text (&job->log, GUESTLOG_INPUT);

    job_event (job, "init", NULL);
    if (mock_fails_init (job))
        return;
    job_event (job, "starting", NULL);
    if (job->mock)
        job_event (job, "recoverable", NULL);
    if (!job->output)
        return;
    output_header (job->output, exec_now ());
    eventlog_begin (in, exec_now (), "header");
    text_puts (in,
               ",\"context\":{\"version\":1,\"encoding\":{\"stdin\":\"UTF-8\"},"
               "\"count\":{\"stdin\":1},\"options\":{}}");
    eventlog_end (in);
    job_event_shell_init (job);
}

/* Everything a job needs before its tasks, in one round trip.  The service is
 * there before anyone reads of it in shell.init: messages of one sender arrive
 * in order.  A mock has no tasks who might want any of that, and runs and ends without
 * waiting for it: who hears that it started asks the KVS after us.
 */
void guest_begin (struct job *job)
{
    flux_t *h = job->x->h;
    char key[64];
    size_t len = 0;
    char *p;

    /* One more than there are: a call that fails at once must not be last. */
    job->waiting = job->output ? 4 : job->mock ? 1 : 2;
    job->has_namespace = true;
    if (job->output)
        job_call (job, flux_service_register (h, job->service), service_done, 0);
    guest_init_logs (job);
    p = guestlog_next_commit (&job->log, job->ns, &len);
    job_call (job,
              guest_rpc (job, "kvs.guest-begin", p, job->mock ? ",\"lazy\":true" : ""),
              begun, len);
    if (job->mock)
        job->logs_begun = true; /* what comes next is carried out after it */
    if (job->output) {
        guest_key (job, "J", key, sizeof (key));
        job_call (job, flux_kvs_lookup (h, NULL, 0, key), J_done, 0);
    }
    start_done (job);
}
