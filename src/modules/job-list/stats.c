/* job-list.job-stats (user; may be streaming)  -> counters, again after changes
 * job-list.stats-get (user)
 *   -> { "jobs":{"pending":i "running":i "inactive":i}
 *        "idsync":{"lookups":i "waits":i} "stats_watchers":i }
 */

#include "config.h"

#include "service.h"

/* Seconds from the first change to the answer: what changes meanwhile is in the
 * same one.  The timer runs only while somebody watches and something changed.
 */
#define STATS_PERIOD 0.2

/* In private mode guests have no business with what others do. */
static bool refused (struct service *s, const flux_msg_t *msg)
{
    uint32_t userid;

    if (!service_restricts (s, msg, &userid))
        return false;
    service_refuse (s, msg, EPERM, NULL);
    return true;
}

static void respond_stats (struct service *s, const flux_msg_t *msg)
{
    struct text *t = &s->scratch;

    text_clear (t);
    jl_put_stats (s->jl, t);
    service_respond_text (s, msg, t);
}

void job_stats_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;

    if (refused (s, msg))
        return;
    if (flux_msg_is_streaming (msg)) {
        if (flux_msglist_append (s->watchers, msg) < 0) {
            service_refuse (s, msg, errno, NULL);
            return;
        }
        if (flux_msglist_count (s->watchers) == 1)
            s->stats_sent = s->jl->changes;
    }
    respond_stats (s, msg);
}

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct service *s = arg;
    const flux_msg_t *msg;

    s->stats_timer_on = false;
    s->stats_sent = s->jl->changes;
    for (msg = flux_msglist_first (s->watchers); msg;
         msg = flux_msglist_next (s->watchers))
        respond_stats (s, msg);
}

void stats_check (struct service *s)
{
    if (s->stats_timer_on || s->stats_sent == s->jl->changes
        || flux_msglist_count (s->watchers) == 0)
        return;
    flux_timer_watcher_reset (s->stats_timer, STATS_PERIOD, 0.);
    flux_watcher_start (s->stats_timer);
    s->stats_timer_on = true;
}

static size_t list_length (const struct service *s, enum list_id list)
{
    return treap_count (&s->jl->lists[list]);
}

void stats_get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;

    if (journal_defers (s, msg, stats_get_cb) || refused (s, msg))
        return;
    if (flux_respond_pack (h, msg, "{s:{s:i s:i s:i} s:{s:i s:i} s:i}", "jobs", "pending",
                           (int)list_length (s, LIST_PENDING), "running",
                           (int)list_length (s, LIST_RUNNING), "inactive",
                           (int)list_length (s, LIST_INACTIVE), "idsync", "lookups",
                           (int)s->nlookups, "waits", (int)jl_wait_count (s->jl),
                           "stats_watchers", flux_msglist_count (s->watchers))
        < 0)
        flux_log_error (h, "stats-get response");
}

void stats_disconnect (struct service *s, const flux_msg_t *msg)
{
    flux_msglist_disconnect (s->watchers, msg);
}

int stats_init (struct service *s)
{
    flux_reactor_t *r = flux_get_reactor (s->h);

    if (!(s->watchers = flux_msglist_create ())
        || !(s->stats_timer =
                 flux_timer_watcher_create (r, STATS_PERIOD, 0., timer_cb, s)))
        return -1;
    return 0;
}

void stats_fini (struct service *s)
{
    const flux_msg_t *msg;

    while (s->watchers && (msg = flux_msglist_pop (s->watchers))) {
        service_refuse (s, msg, ENOSYS, "job-list is unloading");
        flux_msg_decref (msg);
    }
    flux_msglist_destroy (s->watchers);
    flux_watcher_destroy (s->stats_timer);
}
