/* job-list.job-stats (user; may be streaming)  -> counters, again after changes
 * job-list.stats-get (user)
 *   -> { "jobs":{"pending":i "running":i "inactive":i}
 *        "idsync":{"lookups":i "waits":i} "stats_watchers":i
 *        "memory":{"records":i "texts":i}      ours: bytes
 *        "lists":{"sending":i "stopped":i} }   ours: requests not answered yet
 */

#include "config.h"
#include <jansson.h>

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

static int watcher_count (struct service *s)
{
    return flux_msglist_count (s->watchers) + flux_msglist_count (s->stopped_watchers);
}

void job_stats_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;

    if (refused (s, msg))
        return;
    if (flux_msg_is_streaming (msg)) {
        if (!quota_take (s, msg))
            return;
        if (flux_msglist_append (s->watchers, msg) < 0) {
            service_refuse (s, msg, errno, NULL);
            quota_give (s, msg);
            return;
        }
        if (watcher_count (s) == 1)
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

static int count (const struct list *list)
{
    int n = 0;

    for (const struct list *node = list->next; node != list; node = node->next)
        n++;
    return n;
}

void stats_get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;

    if (journal_defers (s, msg, stats_get_cb) || refused (s, msg))
        return;
    if (flux_respond_pack (h, msg,
                           "{s:{s:i s:i s:i} s:{s:i s:i} s:i s:{s:I s:I} s:{s:i s:i}}",
                           "jobs", "pending", (int)list_length (s, LIST_PENDING),
                           "running", (int)list_length (s, LIST_RUNNING), "inactive",
                           (int)list_length (s, LIST_INACTIVE), "idsync", "lookups",
                           (int)s->nlookups, "waits", (int)jl_wait_count (s->jl),
                           "stats_watchers", watcher_count (s), "memory", "records",
                           (json_int_t)jl_record_bytes (s->jl), "texts",
                           (json_int_t)jl_text_bytes (s->jl), "lists", "sending",
                           count (&s->listings) + count (&s->answers), "stopped",
                           count (&s->stopped))
        < 0)
        flux_log_error (h, "stats-get response");
}

static void
drop_from (struct service *s, struct flux_msglist *list, const flux_msg_t *departed)
{
    const flux_msg_t *msg;

    for (msg = flux_msglist_first (list); msg; msg = flux_msglist_next (list)) {
        if (flux_disconnect_match (departed, msg)) {
            quota_give (s, msg);
            flux_msglist_delete (list);
        }
    }
}

void stats_disconnect (struct service *s, const flux_msg_t *msg)
{
    drop_from (s, s->watchers, msg);
    drop_from (s, s->stopped_watchers, msg);
}

/* Who does not read is sent the latest counters when it reads again. */
void stats_throttle (struct service *s, const flux_msg_t *client, bool on)
{
    struct flux_msglist *from = on ? s->watchers : s->stopped_watchers;
    struct flux_msglist *to = on ? s->stopped_watchers : s->watchers;
    const flux_msg_t *msg;

    for (msg = flux_msglist_first (from); msg; msg = flux_msglist_next (from)) {
        if (!flux_disconnect_match (client, msg) || flux_msglist_append (to, msg) < 0)
            continue;
        if (!on)
            respond_stats (s, msg);
        flux_msglist_delete (from);
    }
}

int stats_init (struct service *s)
{
    flux_reactor_t *r = flux_get_reactor (s->h);

    if (!(s->watchers = flux_msglist_create ())
        || !(s->stopped_watchers = flux_msglist_create ())
        || !(s->stats_timer =
                 flux_timer_watcher_create (r, STATS_PERIOD, 0., timer_cb, s)))
        return -1;
    return 0;
}

static void end_all (struct service *s, struct flux_msglist *list)
{
    const flux_msg_t *msg;

    while (list && (msg = flux_msglist_pop (list))) {
        service_refuse (s, msg, ENOSYS, "job-list is unloading");
        flux_msg_decref (msg);
    }
    flux_msglist_destroy (list);
}

void stats_fini (struct service *s)
{
    end_all (s, s->watchers);
    end_all (s, s->stopped_watchers);
    flux_watcher_destroy (s->stats_timer);
}
