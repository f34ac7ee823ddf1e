/* job-manager.queue-list (user)    -> { "queues":[s] }
 * job-manager.queue-status (user)  { "name"?:s }
 *   -> { "enable":b "start":b "blocked"?:s "disable_reason"?:s "stop_reason"?:s }
 * job-manager.queue-enable (owner) { "name"?:s "enable":b "reason"?:s "all":b } -> empty
 * job-manager.queue-start (owner)  { "name"?:s "start":b "reason"?:s "all":b
 *                                    "nocheckpoint"?:b } -> empty
 * There is the anonymous queue only, so any name is wrong.
 */

#include "config.h"

#include "manager.h"

static void refuse_name (struct manager *m, const flux_msg_t *msg, const char *name)
{
    struct text *t = &m->scratch;

    text_clear (t);
    text_printf (t, "'%s' is not a valid queue", name);
    manager_refuse (m, msg, EINVAL, text_error (t) ? NULL : t->buf);
    text_clear (t);
}

void queue_list_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    if (flux_respond (h, msg, "{\"queues\":[]}") < 0)
        flux_log_error (h, "queue-list response");
}

static void put_string (struct text *t, const char *key, const char *s)
{
    text_printf (t, ",\"%s\":", key);
    text_put_json_string (t, s, strlen (s));
}

void queue_status_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    const struct queue *q = jm_queue (m->jm);
    bool online = jm_sched_online (m->jm);
    struct text *t = &m->scratch;
    const char *name = NULL;

    if (flux_request_unpack (msg, NULL, "{s?s}", "name", &name) < 0) {
        manager_refuse (m, msg, EPROTO, NULL);
        return;
    }
    if (name) {
        refuse_name (m, msg, name);
        return;
    }
    text_clear (t);
    text_printf (t, "{\"enable\":%s,\"start\":%s", q->enable ? "true" : "false",
                 q->start && online ? "true" : "false");
    if (!online && q->start)
        put_string (t, "blocked", "scheduler");
    if (q->disable_reason)
        put_string (t, "disable_reason", q->disable_reason->s);
    if (!online)
        put_string (t, "stop_reason", "Scheduler is offline");
    else if (q->stop_reason)
        put_string (t, "stop_reason", q->stop_reason->s);
    text_putc (t, '}');
    manager_respond_text (m, msg, t);
}

void queue_enable_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    const char *name = NULL, *reason = NULL;
    int enable, all, r;

    if (flux_request_unpack (msg, NULL, "{s?s s:b s?s s:b}", "name", &name, "enable",
                             &enable, "reason", &reason, "all", &all)
        < 0)
        manager_refuse (m, msg, EPROTO, NULL);
    else if (!enable && !reason)
        manager_refuse (m, msg, EINVAL, "reason is required for disable");
    else if (name)
        refuse_name (m, msg, name);
    else if ((r = jm_queue_enable (m->jm, enable, reason)) < 0)
        manager_refuse (m, msg, -r, NULL);
    else
        manager_respond (m, msg);
}

void queue_start_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    const char *name = NULL, *reason = NULL;
    int start, all, nocheckpoint = 0, r;

    if (flux_request_unpack (msg, NULL, "{s?s s:b s?s s:b s?b}", "name", &name, "start",
                             &start, "reason", &reason, "all", &all, "nocheckpoint",
                             &nocheckpoint)
        < 0)
        manager_refuse (m, msg, EPROTO, NULL);
    else if (name)
        refuse_name (m, msg, name);
    else if ((r = jm_queue_start (m->jm, start, reason, nocheckpoint)) < 0)
        manager_refuse (m, msg, -r, NULL);
    else
        manager_respond (m, msg);
}
