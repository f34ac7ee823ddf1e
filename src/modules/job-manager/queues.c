/* job-manager.queue-list (user)    -> { "queues":[s] }
 * job-manager.queue-status (user)  { "name"?:s }
 *   -> { "enable":b "start":b "parent"?:s "blocked"?:s "disable_reason"?:s
 *        "stop_reason"?:s }
 * job-manager.queue-enable (owner) { "name"?:s "enable":b "reason"?:s "all":b } -> empty
 * job-manager.queue-start (owner)  { "name"?:s "start":b "reason"?:s "all":b
 *                                    "nocheckpoint"?:b } -> empty
 * No name means the anonymous queue, or with "all" each that there is.
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

/* The queue that a request names; "" is the name of none. */
static struct queue *named (struct manager *m, const char *name)
{
    return *name ? jm_queue (m->jm, name) : NULL;
}

void queue_list_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    struct text *t = &m->scratch;
    struct queue *q = NULL;
    bool first = true;

    text_clear (t);
    text_puts (t, "{\"queues\":[");
    while (jm_queues_are_named (m->jm) && (q = jm_next_queue (m->jm, q))) {
        if (!first)
            text_putc (t, ',');
        first = false;
        text_put_json_string (t, q->name, strlen (q->name));
    }
    text_puts (t, "]}");
    manager_respond_text (m, msg, t);
}

static void put_string (struct text *t, const char *key, const char *s)
{
    text_printf (t, ",\"%s\":", key);
    text_put_json_string (t, s, strlen (s));
}

/* Why does it not offer jobs to the scheduler? */
static void put_blocked (struct manager *m, const struct queue *q, struct text *t)
{
    _cleanup_ (text_fini) struct text why = TEXT_INIT;

    if (!jm_sched_online (m->jm)) {
        if (q->start)
            put_string (t, "blocked", "scheduler");
        put_string (t, "stop_reason", "Scheduler is offline");
    }
    else if (q->start && q->parent && !q->parent->start) {
        put_string (t, "blocked", "parent");
        text_printf (&why, "parent queue '%s' is stopped", q->parent->name);
        put_string (t, "stop_reason", text_error (&why) ? "" : why.buf);
    }
    else if (q->stop_reason)
        put_string (t, "stop_reason", q->stop_reason->s);
}

static void put_status (struct manager *m, const struct queue *q, struct text *t)
{
    bool started = jm_queue_is_started (q) && jm_sched_online (m->jm);

    text_printf (t, "{\"enable\":%s,\"start\":%s", q->enable ? "true" : "false",
                 started ? "true" : "false");
    if (q->parent)
        put_string (t, "parent", q->parent->name);
    if (q->disable_reason)
        put_string (t, "disable_reason", q->disable_reason->s);
    put_blocked (m, q, t);
    text_putc (t, '}');
}

void queue_status_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    const struct queue *q;
    const char *name = NULL;

    if (flux_request_unpack (msg, NULL, "{s?s}", "name", &name) < 0) {
        manager_refuse (m, msg, EPROTO, NULL);
        return;
    }
    q = name ? named (m, name) : jm_queue (m->jm, NULL);
    if (!q && name)
        refuse_name (m, msg, name);
    else if (!q)
        manager_refuse (m, msg, EINVAL, "a named queue is required");
    else {
        text_clear (&m->scratch);
        put_status (m, q, &m->scratch);
        manager_respond_text (m, msg, &m->scratch);
    }
}

struct change {
    int on;
    const char *reason;
    int nocheckpoint;
};

static int enable (struct manager *m, struct queue *q, const struct change *c)
{
    return jm_queue_enable (m->jm, q, c->on, c->reason);
}

static int start (struct manager *m, struct queue *q, const struct change *c)
{
    return jm_queue_start (m->jm, q, c->on, c->reason, c->nocheckpoint);
}

/* Change the queue of that name, the anonymous one, or all. */
static void change (struct manager *m,
                    const flux_msg_t *msg,
                    const char *name,
                    bool all,
                    int (*f) (struct manager *m, struct queue *q, const struct change *c),
                    const struct change *c)
{
    struct queue *q = NULL;
    int r = 0;

    if (name && !(q = named (m, name))) {
        refuse_name (m, msg, name);
        return;
    }
    if (!name && !all && jm_queues_are_named (m->jm)) {
        manager_refuse (m, msg, EINVAL, "Use --all to apply this command to all queues");
        return;
    }
    if (q)
        r = f (m, q, c);
    else {
        while (r == 0 && (q = jm_next_queue (m->jm, q)))
            r = f (m, q, c);
    }
    if (r < 0)
        manager_refuse (m, msg, -r, NULL);
    else
        manager_respond (m, msg);
}

void queue_enable_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    struct change c = { .reason = NULL };
    const char *name = NULL;
    int all;

    if (flux_request_unpack (msg, NULL, "{s?s s:b s?s s:b}", "name", &name, "enable",
                             &c.on, "reason", &c.reason, "all", &all)
        < 0)
        manager_refuse (m, msg, EPROTO, NULL);
    else if (!c.on && !c.reason)
        manager_refuse (m, msg, EINVAL, "reason is required for disable");
    else
        change (m, msg, name, all, enable, &c);
}

void queue_start_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    struct change c = { .reason = NULL };
    const char *name = NULL;
    int all;

    if (flux_request_unpack (msg, NULL, "{s?s s:b s?s s:b s?b}", "name", &name, "start",
                             &c.on, "reason", &c.reason, "all", &all, "nocheckpoint",
                             &c.nocheckpoint)
        < 0)
        manager_refuse (m, msg, EPROTO, NULL);
    else
        change (m, msg, name, all, start, &c);
}
