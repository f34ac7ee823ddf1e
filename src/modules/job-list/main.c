/* job-list - which jobs are there?  An index over job-manager's journal.
 * Rank 0 only, after job-manager.  Module arguments are ignored.
 */

#include "config.h"

#include "listing.h"
#include "service.h"

static void
disconnect_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;

    waiting_disconnect (s, &s->waiting, msg);
    waiting_disconnect (s, &s->later, msg);
    listing_disconnect (s, msg);
    id_disconnect (s, msg);
    stats_disconnect (s, msg);
}

/* job-list.throttle { "on":b } (no answer): from our broker, for a client that does
 * not read.
 */
static void
throttle_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    int on;

    if (flux_request_unpack (msg, NULL, "{s:b}", "on", &on) == 0) {
        listing_throttle (s, msg, on);
        stats_throttle (s, msg, on);
    }
}

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "job-list.list", list_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-list.list-id", list_id_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-list.list-attrs", list_attrs_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-list.job-stats", job_stats_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-list.stats-get", stats_get_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-list.job-state-pause", pause_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-list.job-state-unpause", unpause_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-list.disconnect", disconnect_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-list.throttle", throttle_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-list.config-reload", config_reload_cb, 0 },
    { FLUX_MSGTYPE_EVENT, "job-purge-inactive", purge_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static void engine_log (int level, const char *message, void *arg)
{
    struct service *s = arg;
    flux_log (s->h, level, "%s", message);
}

static const struct jl_sink sink = {
    .waited = id_waited,
    .log = engine_log,
};

/* Before the reactor sleeps; the idle watcher keeps it awake while there are
 * listings to send.
 */
static void prepare_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct service *s = arg;

    stats_check (s);
    if (!list_empty (&s->later) && !listing_is_full (s))
        waiting_serve (s, &s->later);
    if (listing_pump (s))
        flux_watcher_start (s->idle);
    else
        flux_watcher_stop (s->idle);
}

static void idle_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
}

static int start (struct service *s)
{
    flux_reactor_t *r = flux_get_reactor (s->h);
    flux_error_t error = { "" };
    uint32_t size;

    if (flux_get_size (s->h, &size) < 0)
        return -1;
    s->max_ids = size > 1024 ? size : 1024;
    if (!(s->jl = jl_create (&sink, s)) || stats_init (s) < 0)
        return -1;
    if (service_configure (s, flux_get_conf (s->h), &error) < 0) {
        flux_log (s->h, LOG_ERR, "%s", error.text);
        flux_log (s->h, LOG_ERR, "initialization error: Invalid argument");
        errno = EINVAL;
        return -1;
    }
    if (!(s->prepare = flux_prepare_watcher_create (r, prepare_cb, s))
        || !(s->idle = flux_idle_watcher_create (r, idle_cb, s))
        || flux_event_subscribe (s->h, "job-purge-inactive") < 0
        || flux_msg_handler_addvec (s->h, handlers, s, &s->handlers) < 0
        || journal_start (s) < 0)
        return -1;
    flux_watcher_start (s->prepare);
    return 0;
}

static void service_fini (struct service *s)
{
    flux_msg_handler_delvec (s->handlers);
    flux_watcher_destroy (s->prepare);
    flux_watcher_destroy (s->idle);
    if (s->jl) {
        waiting_fini (s, &s->waiting);
        waiting_fini (s, &s->later);
        listing_fini (s);
        id_fini (s);
        stats_fini (s);
        journal_fini (s);
    }
    jl_destroy (s->jl);
    table_fini (&s->quotas);
    text_fini (&s->scratch);
}

int mod_main (flux_t *h, int argc, char **argv)
{
    struct service s = { .h = h };
    int rc = -1;

    list_init (&s.held);
    list_init (&s.waiting);
    list_init (&s.later);
    table_init (&s.quotas);
    list_init (&s.listings);
    list_init (&s.stopped);
    list_init (&s.answers);
    list_init (&s.lookups);
    if (start (&s) == 0)
        rc = flux_reactor_run (flux_get_reactor (h), 0) < 0 ? -1 : 0;
    service_fini (&s);
    return rc;
}
