/* job-manager.wait (owner)   { "id":I } (-1: any) -> { "id":I "success":b "errstr":s }
 * job-manager.drain (owner)  -> empty, when no job is active
 * job-manager.idle (owner)   -> { "pending":i }, when none runs or is about to
 */

#include "config.h"

#include "manager.h"

/* ---- wait ------------------------------------------------------------------------ */

/* Why the job did not succeed; nothing if it did. */
static bool result_of (const struct job *job, struct text *why)
{
    _cleanup_ (text_fini) struct text log = TEXT_INIT;
    struct entry e;
    flux_error_t error = { "" };

    if (job_end_event (job, &log, &e) < 0) {
        text_puts (why, "the job's log does not say how it ended");
        return false;
    }
    if (e.ev == EV_FINISH) {
        if (e.status == 0)
            return true;
        (void)flux_job_waitstatus_to_exitcode (e.status, &error);
        text_puts (why, error.text);
        return false;
    }
    text_puts (why, "Fatal exception type=");
    jview_string (e.type, why);
    text_putc (why, ' ');
    jview_string (e.note, why);
    return false;
}

void manager_waited (void *token, const struct job *job, const char *reason, void *arg)
{
    struct manager *m = arg;
    const flux_msg_t *msg = token;
    _cleanup_ (text_fini) struct text why = TEXT_INIT;
    struct text *t = &m->scratch;
    bool success;

    if (!job)
        manager_refuse (m, msg, ECHILD, reason);
    else {
        success = result_of (job, &why);
        text_clear (t);
        text_printf (t, "{\"id\":%lld,\"success\":%s,\"errstr\":", (long long)job->id,
                     success ? "true" : "false");
        text_put_json_string (t, why.buf ? why.buf : "", why.len);
        text_putc (t, '}');
        manager_respond_text (m, msg, t);
    }
    flux_msg_decref (msg);
}

void wait_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    const char *why = NULL;
    flux_jobid_t id;
    int r;

    if (manager_job_is_late (arg, msg, wait_cb))
        return;
    if (flux_request_unpack (msg, NULL, "{s:I}", "id", &id) < 0) {
        manager_refuse (m, msg, EPROTO, "malformed wait request");
        return;
    }
    if ((r = jm_wait (m->jm, id, (void *)flux_msg_incref (msg), &why)) < 0) {
        manager_refuse (m, msg, -r, why);
        flux_msg_decref (msg);
    }
}

struct departure {
    struct manager *m;
    const flux_msg_t *msg; /* NULL: everybody */
};

static bool waiter_gone (void *token, void *arg)
{
    struct departure *d = arg;
    const flux_msg_t *msg = token;

    if (d->msg && !flux_disconnect_match (d->msg, msg))
        return false;
    if (!d->msg)
        manager_refuse (d->m, msg, ENOSYS, "job-manager is unloading");
    flux_msg_decref (msg);
    return true;
}

void manager_waiting_disconnect (struct manager *m, const flux_msg_t *msg)
{
    struct departure d = { m, msg };

    jm_wait_drop (m->jm, waiter_gone, &d);
    flux_msglist_disconnect (m->drainers, msg);
    flux_msglist_disconnect (m->idlers, msg);
}

/* ---- drain, idle -------------------------------------------------------------------- */

static void enlist (struct manager *m, struct flux_msglist *l, const flux_msg_t *msg)
{
    if (flux_msglist_append (l, msg) < 0)
        manager_refuse (m, msg, errno, NULL);
}

void drain_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    enlist (m, m->drainers, msg);
}

void idle_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    enlist (m, m->idlers, msg);
}

static void answer_idle (struct manager *m, const flux_msg_t *msg, size_t pending)
{
    struct text t = TEXT_INIT;
    char *payload;

    text_printf (&t, "{\"pending\":%zu}", pending);
    if ((payload = text_take (&t, NULL)))
        manager_defer (m, msg, payload);
    else
        manager_refuse (m, msg, ENOMEM, NULL);
    text_fini (&t);
}

void manager_check_drain (struct manager *m)
{
    const flux_msg_t *msg;
    struct jm_counts c;

    if (flux_msglist_count (m->drainers) == 0 && flux_msglist_count (m->idlers) == 0)
        return;
    jm_count (m->jm, &c);
    while (c.active == 0 && (msg = flux_msglist_pop (m->drainers))) {
        manager_defer (m, msg, NULL);
        flux_msg_decref (msg);
    }
    while (c.running == 0 && c.sent == 0 && (msg = flux_msglist_pop (m->idlers))) {
        answer_idle (m, msg, c.active);
        flux_msg_decref (msg);
    }
}

static void refuse_all (struct manager *m, struct flux_msglist *l)
{
    const flux_msg_t *msg;

    while ((msg = flux_msglist_pop (l))) {
        manager_refuse (m, msg, ENOSYS, "job-manager is unloading");
        flux_msg_decref (msg);
    }
}

void manager_waiting_fini (struct manager *m)
{
    struct departure d = { m, NULL };

    jm_wait_drop (m->jm, waiter_gone, &d);
    refuse_all (m, m->drainers);
    refuse_all (m, m->idlers);
}
