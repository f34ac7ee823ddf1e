/* sched-simple - placement of jobs on nodes, first come first served.
 *
 * Module arguments: queue-depth=N|unlimited (alias mode=limited=N,
 * mode=unlimited), order=worst-fit|first-fit|best-fit, test-hello-nopartial.
 */
#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "common/util.h"
#include "sched.h"

#define DEFAULT_LIMIT 8

static void log_if_failed (flux_t *h, int rc, const char *what)
{
    if (rc < 0)
        flux_log_error (h, "%s response", what);
}

/* sched.expiration { "id":I "expiration":f } -> {} */
static void expiration_cb (flux_t *h,
                           flux_msg_handler_t *mh,
                           const flux_msg_t *msg,
                           void *arg)
{
    char text[64];
    const char *errmsg = NULL;
    json_int_t id;
    double expiration;

    if (flux_request_unpack (msg, NULL, "{s:I s:F}", "id", &id, "expiration", &expiration)
        < 0)
        goto error;
    if (expiration < 0) {
        snprintf (text, sizeof (text), "invalid expiration %.1f", expiration);
        errmsg = text;
        errno = EINVAL;
        goto error;
    }
    if (flux_module_debug_test (h, DEBUG_FAIL_EXPIRATION, false)) {
        errmsg = "Rejecting expiration update for testing";
        errno = EINVAL;
        goto error;
    }
    log_if_failed (h, flux_respond (h, msg, NULL), "expiration");
    return;
error:
    log_if_failed (h, flux_respond_error (h, msg, errno, errmsg), "expiration");
}

/* feasibility.check { "jobspec":o } -> {} | EOVERFLOW | EINVAL */
static void feasibility_cb (flux_t *h,
                            flux_msg_handler_t *mh,
                            const flux_msg_t *msg,
                            void *arg)
{
    struct sched *s = arg;
    struct jobspec_request req;
    struct constraint *c = NULL;
    flux_error_t error = { "" };
    json_t *jobspec, *system, *o;
    int r;

    if (flux_request_unpack (msg, NULL, "{s:o}", "jobspec", &jobspec) < 0) {
        log_if_failed (h, flux_respond_error (h, msg, errno, NULL), "feasibility");
        return;
    }
    r = jobspec_decode_request (json_object_get (jobspec, "resources"), &req, &error);
    system = json_object_get (json_object_get (jobspec, "attributes"), "system");
    if (r == 0 && (o = json_object_get (system, "constraints")))
        r = constraint_parse (o, &c, &error);
    if (r == 0 && json_is_true (json_object_get (system, "oversubscribe")))
        req.nslots = 1;
    if (r == 0)
        r = pool_feasible (s->pool, &req, c, &error);
    constraint_free (c);
    if (r < 0)
        r = flux_respond_error (h, msg, -r, error.text[0] ? error.text : NULL);
    else
        r = flux_respond (h, msg, NULL);
    log_if_failed (h, r, "feasibility");
}

/* sched.resource-status -> { "all":R "allocated":R "down":R } */
static void resource_status_cb (flux_t *h,
                                flux_msg_handler_t *mh,
                                const flux_msg_t *msg,
                                void *arg)
{
    struct sched *s = arg;
    struct rset *allocated = NULL, *down = NULL;
    struct text t = TEXT_INIT;
    int r;

    if ((r = pool_allocated (s->pool, &allocated)) == 0
        && (r = pool_down (s->pool, &down)) == 0) {
        text_puts (&t, "{\"all\":");
        rset_encode (pool_all (s->pool), &t);
        text_puts (&t, ",\"allocated\":");
        rset_encode (allocated, &t);
        text_puts (&t, ",\"down\":");
        rset_encode (down, &t);
        text_putc (&t, '}');
        r = text_error (&t);
    }
    if (r < 0)
        r = flux_respond_error (h, msg, -r, NULL);
    else
        r = flux_respond (h, msg, t.buf);
    log_if_failed (h, r, "resource-status");
    text_fini (&t);
    rset_free (allocated);
    rset_free (down);
}

static void stats_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct sched *s = arg;

    log_if_failed (h,
                   flux_respond_pack (h,
                                      msg,
                                      "{s:I s:I}",
                                      "sched_passes", (json_int_t)s->passes,
                                      "pending_jobs", (json_int_t)treap_count (&s->pending)),
                   "stats-get");
}

static const struct {
    const char *topic;
    flux_msg_handler_f cb;
} requests[] = {
    { "sched.alloc", sched_alloc_cb },
    { "sched.cancel", sched_cancel_cb },
    { "sched.free", sched_free_cb },
    { "sched.prioritize", sched_prioritize_cb },
    { "sched.resource-status", resource_status_cb },
    { "feasibility.check", feasibility_cb },
};

void sched_dispatch (struct sched *s, const flux_msg_t *msg)
{
    const char *topic;

    if (flux_msg_get_topic (msg, &topic) < 0)
        return;
    for (size_t i = 0; i < ARRAY_SIZE (requests); i++) {
        if (!strcmp (topic, requests[i].topic))
            requests[i].cb (s->h, NULL, msg, s);
    }
}

/* Nothing can be said about resources before they are known: wait for them. */
static void request_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct sched *s = arg;

    if (s->pool)
        sched_dispatch (s, msg);
    else if (flux_msglist_append (s->early, msg) < 0)
        log_if_failed (h, flux_respond_error (h, msg, errno, NULL), "early");
}

/* The job-manager asks for jobs when it has been told that we are ready.  What comes
 * before was meant for a scheduler that has left, which it had not heard of yet: by now it
 * has, and asks again.
 */
static void job_request_cb (flux_t *h,
                            flux_msg_handler_t *mh,
                            const flux_msg_t *msg,
                            void *arg)
{
    struct sched *s = arg;

    if (s->f_ready)
        sched_dispatch (s, msg);
}

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "sched.alloc", job_request_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "sched.cancel", job_request_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "sched.free", job_request_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "sched.prioritize", job_request_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "sched.expiration", expiration_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "sched.resource-status", request_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "feasibility.check", request_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "sched-simple.stats-get", stats_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

static int parse_depth (struct sched *s, const char *value)
{
    char *end;
    long n;

    if (!strcmp (value, "unlimited")) {
        s->limit = 0;
        return 0;
    }
    errno = 0;
    n = strtol (value, &end, 10);
    if (errno || end == value || *end || n < 1 || n > 1000000)
        return -1;
    s->limit = n;
    return 0;
}

static int parse_order (struct sched *s, const char *value)
{
    if (!strcmp (value, "worst-fit"))
        s->policy = POOL_WORST_FIT;
    else if (!strcmp (value, "first-fit"))
        s->policy = POOL_FIRST_FIT;
    else if (!strcmp (value, "best-fit"))
        s->policy = POOL_BEST_FIT;
    else
        return -1;
    return 0;
}

static int parse_args (struct sched *s, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        const char *arg = argv[i];
        int rc = -1;

        if (!strncmp (arg, "queue-depth=", 12))
            rc = parse_depth (s, arg + 12);
        else if (!strncmp (arg, "mode=limited=", 13))
            rc = parse_depth (s, arg + 13);
        else if (!strcmp (arg, "mode=unlimited"))
            rc = parse_depth (s, "unlimited");
        else if (!strncmp (arg, "order=", 6))
            rc = parse_order (s, arg + 6);
        else if (!strcmp (arg, "test-hello-nopartial")) {
            s->partial_ok = false;
            rc = 0;
        }
        if (rc < 0) {
            flux_log (s->h, LOG_ERR, "invalid module argument: %s", arg);
            errno = EINVAL;
            return -1;
        }
    }
    return 0;
}

static int add_service (flux_t *h, const char *name)
{
    flux_future_t *f;
    int rc = -1;

    if ((f = flux_service_register (h, name)) && flux_future_get (f, NULL) == 0)
        rc = 0;
    else
        flux_log_error (h, "service %s", name);
    flux_future_destroy (f);
    return rc;
}

static int run (struct sched *s)
{
    if (!(s->early = flux_msglist_create ())
        || add_service (s->h, "sched") < 0
        || add_service (s->h, "feasibility") < 0
        || flux_msg_handler_addvec (s->h, handlers, s, &s->handlers) < 0
        || sched_start (s) < 0)
        return -1;
    return flux_reactor_run (flux_get_reactor (s->h), 0) < 0 ? -1 : 0;
}

int mod_main (flux_t *h, int argc, char **argv)
{
    struct sched s = {
        .h = h,
        .policy = POOL_WORST_FIT,
        .limit = DEFAULT_LIMIT,
        .partial_ok = true,
    };
    int rc;

    sched_start_init (&s);
    sched_alloc_init (&s);
    rc = parse_args (&s, argc, argv);
    if (rc == 0)
        rc = run (&s);
    sched_start_fini (&s);
    flux_msg_handler_delvec (s.handlers);
    flux_msglist_destroy (s.early);
    sched_alloc_fini (&s);
    pool_destroy (s.pool);
    return rc;
}
