/* What the engine says, done. */

#include "config.h"
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "manager.h"

static double sink_now (void *arg)
{
    struct timespec ts;

    clock_gettime (CLOCK_REALTIME, &ts);
    return ts.tv_sec + 1e-9 * ts.tv_nsec;
}

/* {"id":..,"priority":..,"userid":..,"t_submit":..,"jobspec":{..}} */
static void sink_alloc (const struct job *job, void *arg)
{
    struct manager *m = arg;
    struct text *t = &m->scratch;

    manager_send_priorities (m);
    text_clear (t);
    text_printf (t, "{\"id\":%lld,\"priority\":%lld,\"userid\":%lu,\"t_submit\":",
                 (long long)job->id, (long long)job->priority,
                 (unsigned long)job->userid);
    text_put_real (t, job->t_submit);
    text_puts (t, ",\"jobspec\":");
    text_put (t, job->jobspec->s, job->jobspec->len);
    text_putc (t, '}');
    if (text_error (t) < 0 || manager_send_request (m, "sched.alloc", t->buf) < 0)
        manager_fail (m, "sending sched.alloc");
    text_clear (t);
}

/* A request that nobody answers. */
static void send_off (struct manager *m, const char *topic, const char *payload)
{
    flux_future_t *f =
        flux_rpc (m->h, topic, payload, FLUX_NODEID_ANY, FLUX_RPC_NORESPONSE);

    if (!f)
        flux_log_error (m->h, "sending %s", topic);
    flux_future_destroy (f);
}

static void sink_cancel (const struct job *job, void *arg)
{
    char payload[64];

    manager_send_priorities (arg);
    snprintf (payload, sizeof (payload), "{\"id\":%lld}", (long long)job->id);
    send_off (arg, "sched.cancel", payload);
}

/* They gather: a plugin may change the priorities of all jobs at once. */
static void sink_prioritize (const struct job *job, void *arg)
{
    struct manager *m = arg;
    struct text *t = &m->priorities;

    text_printf (t, "%s[%lld,%lld]", t->len > 0 ? "," : "{\"jobs\":[", (long long)job->id,
                 (long long)job->priority);
}

void manager_send_priorities (struct manager *m)
{
    struct text *t = &m->priorities;

    if (t->len == 0)
        return;
    text_puts (t, "]}");
    if (text_error (t) < 0)
        manager_fail (m, "sending sched.prioritize");
    else if (jm_sched_online (m->jm))
        send_off (m, "sched.prioritize", t->buf);
    text_clear (t);
}

static void sink_give_back (uint64_t id, const char *R, size_t len, void *arg)
{
    struct manager *m = arg;
    struct text *t = &m->scratch;

    text_clear (t);
    text_printf (t, "{\"id\":%lld,\"R\":", (long long)id);
    text_put (t, R, len);
    text_puts (t, ",\"final\":true}");
    if (text_error (t) < 0 || manager_send_request (m, "sched.free", t->buf) < 0)
        manager_fail (m, "sending sched.free");
    text_clear (t);
}

/* {"id":..,"userid":..,"jobspec":{..},"reattach":b,"R":{..}} */
static void sink_start (const struct job *job, void *arg)
{
    struct manager *m = arg;
    struct text *t = &m->scratch;
    char topic[128];

    text_clear (t);
    text_printf (t, "{\"id\":%lld,\"userid\":%lu,\"jobspec\":", (long long)job->id,
                 (unsigned long)job->userid);
    text_put (t, job->jobspec->s, job->jobspec->len);
    text_puts (t,
               job->started ? ",\"reattach\":true,\"R\":" : ",\"reattach\":false,\"R\":");
    if (job->R)
        text_put (t, job->R->s, job->R->len);
    else
        text_puts (t, "null");
    text_putc (t, '}');
    snprintf (topic, sizeof (topic), "%s.start", m->exec_service);
    if (text_error (t) < 0 || manager_send_request (m, topic, t->buf) < 0)
        manager_fail (m, "sending a start request");
    text_clear (t);
}

/* The exec service does not know the new time limit: the job's owner should
 * know that.
 */
static void expiration_continuation (flux_future_t *f, void *arg)
{
    struct manager *m = arg;
    const uint64_t *id = flux_future_aux_get (f, "id");
    struct job *job = jm_lookup (m->jm, *id);
    struct jm_exception x = {
        .type = "exec",
        .severity = 1,
        .note = "failed to send expiration update to exec system: "
                "job termination may not coincide with expiration",
        .userid = -1,
        .wait_status = -1,
    };

    if (flux_rpc_get (f, NULL) < 0 && job && job->state != STATE_INACTIVE)
        jm_raise (m->jm, job, &x);
    flux_future_destroy (f);
}

/* S.expiration { "id":I "expiration":f } -> empty */
static void sink_expiration (const struct job *job, double expiration, void *arg)
{
    struct manager *m = arg;
    flux_future_t *f = NULL;
    char topic[128];
    uint64_t *id;

    if (!m->exec_service || job->exec != EXEC_SENT)
        return;
    snprintf (topic, sizeof (topic), "%s.expiration", m->exec_service);
    if (!(id = malloc (sizeof (*id)))
        || !(f = flux_rpc_pack (m->h, topic, 0, 0, "{s:I s:f}", "id", (json_int_t)job->id,
                                "expiration", expiration))
        || flux_future_aux_set (f, "id", id, free) < 0) {
        flux_log_error (m->h, "sending %s", topic);
        flux_future_destroy (f);
        free (id);
        return;
    }
    *id = job->id;
    if (flux_future_then (f, -1., expiration_continuation, m) < 0) {
        flux_log_error (m->h, "sending %s", topic);
        flux_future_destroy (f);
    }
}

static void sink_deferred (void *token, void *arg)
{
    struct manager *m = arg;
    struct deferred *d = token;

    if (d->call)
        d->call (m);
    else if (flux_respond (m->h, d->msg, d->payload) < 0)
        flux_log_error (m->h, "deferred response");
    manager_deferred_free (d);
}

static void sink_raised (uint64_t id, const char *type, int severity, void *arg)
{
    manager_publish_exception (arg, id, type, severity, -1);
}

static void sink_log (int level, const char *message, void *arg)
{
    struct manager *m = arg;
    flux_log (m->h, level, "%s", message);
}

const struct jm_sink manager_sink = {
    .now = sink_now,
    .journal = manager_journal_send,
    .alloc = sink_alloc,
    .cancel = sink_cancel,
    .prioritize = sink_prioritize,
    .give_back = sink_give_back,
    .start = sink_start,
    .expiration = sink_expiration,
    .commit_op = manager_commit_op,
    .deferred = sink_deferred,
    .waited = manager_waited,
    .raised = sink_raised,
    .ended = manager_ended,
    .unarchived = manager_unarchived,
    .log = sink_log,
};
