/* job-manager.events-journal (owner, streaming)
 *   { "full"?:b "allow"?:o "deny"?:o "group"?:b }   (group: ours, see journal.h)
 *   -> { "id":I "events":[...] "jobspec"?:o "R"?:o } ..., then ENODATA
 * job-manager.events-journal-cancel  { "matchtag":i } (no answer)
 * job-manager.throttle  { "on":b } (no answer): from our broker, for a client that
 *   does not read; its streams end with EOVERFLOW if too much waits for them
 */

#include "config.h"

#include "journal.h"
#include "manager.h"

/* A request that jobs are sent for before its sentinel. */
static const char has_backlog[] = "job-manager::backlog";

static bool is_sentinel (const char *payload, size_t len)
{
    return len == sizeof (JOURNAL_SENTINEL) - 1
           && memcmp (payload, JOURNAL_SENTINEL, len) == 0;
}

void manager_journal_send (void *token, const char *payload, size_t len, void *arg)
{
    struct manager *m = arg;

    if (flux_respond (m->h, token, payload) < 0)
        flux_log_error (m->h, "journal message");
    if (is_sentinel (payload, len) && flux_msg_aux_get (token, has_backlog))
        flux_log (m->h, LOG_DEBUG, "finished sending journal backlog");
}

static void tell_of_backlog (struct manager *m, const flux_msg_t *msg, bool full)
{
    struct jm_counts c;
    size_t jobs;

    jm_count (m->jm, &c);
    jobs = c.active + (full ? c.inactive : 0);
    if (jobs > 0 && flux_msg_aux_set (msg, has_backlog, m, NULL) == 0)
        flux_log (m->h, LOG_DEBUG, "begin sending journal backlog: %zu jobs", jobs);
}

void journal_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    static const char *const keys[] = { "full", "allow", "deny", "group" };
    struct jview v, f[4];
    bool full = false, group = false;
    int r;

    if (manager_decode (msg, &v) < 0) {
        manager_refuse (m, msg, EPROTO, NULL);
        return;
    }
    jview_pick (v, 4, keys, f);
    if ((jview_present (f[0]) && jview_bool (f[0], &full) < 0)
        || (jview_present (f[3]) && jview_bool (f[3], &group) < 0))
        manager_refuse (m, msg, EPROTO, NULL);
    else if (full && flux_msg_is_streaming (msg) && manager_is_late (m, msg, journal_cb))
        return;
    else if (!flux_msg_is_streaming (msg))
        manager_refuse (m, msg, EPROTO, "job-manager.events requires streaming RPC flag");
    else if (jview_present (f[1]) && !jview_is (f[1], JVIEW_OBJECT))
        manager_refuse (m, msg, EPROTO, "job-manager.events allow should be an object");
    else if (jview_present (f[2]) && !jview_is (f[2], JVIEW_OBJECT))
        manager_refuse (m, msg, EPROTO, "job-manager.events deny should be an object");
    else if ((r = jm_journal_add (m->jm, (void *)flux_msg_incref (msg), full, group, f[1],
                                  f[2]))
             < 0) {
        manager_refuse (m, msg, -r, NULL);
        flux_msg_decref (msg);
    }
    else
        tell_of_backlog (m, msg, full);
}

/* End the streams that match the departure or cancellation. */
static void end_streams (struct manager *m,
                         const flux_msg_t *msg,
                         bool (*match) (const flux_msg_t *, const flux_msg_t *),
                         bool tell)
{
    const flux_msg_t *consumer, *next;

    for (consumer = jm_journal_next (m->jm, NULL); consumer; consumer = next) {
        next = jm_journal_next (m->jm, consumer);
        if (match && !match (msg, consumer))
            continue;
        jm_journal_remove (m->jm, consumer);
        if (tell)
            manager_refuse (m, consumer, ENODATA, NULL);
        flux_msg_decref (consumer);
    }
}

void throttle_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    const flux_msg_t *consumer = NULL;
    int on;

    if (flux_request_unpack (msg, NULL, "{s:b}", "on", &on) < 0)
        return;
    while ((consumer = jm_journal_next (m->jm, consumer))) {
        if (flux_disconnect_match (msg, consumer))
            jm_journal_pause (m->jm, consumer, on);
    }
}

void manager_journal_check (struct manager *m)
{
    const flux_msg_t *consumer;

    while ((consumer = jm_journal_overrun (m->jm))) {
        jm_journal_remove (m->jm, consumer);
        manager_refuse (m, consumer, EOVERFLOW, "events are not read");
        flux_msg_decref (consumer);
    }
}

void journal_cancel_cb (flux_t *h,
                        flux_msg_handler_t *mh,
                        const flux_msg_t *msg,
                        void *arg)
{
    if (!manager_history_cancel (arg, msg))
        end_streams (arg, msg, flux_cancel_match, true);
}

void manager_journal_disconnect (struct manager *m, const flux_msg_t *msg)
{
    end_streams (m, msg, flux_disconnect_match, false);
}

/* A stream that ends with ENODATA has had every event, if it was past its sentinel. */
void manager_journal_fini (struct manager *m)
{
    manager_journal_check (m);
    jm_journal_finish (m->jm);
    end_streams (m, NULL, NULL, true);
}
