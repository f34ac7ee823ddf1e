/* kvs/main.c - the kvs module: life and arguments.
 *
 * Module arguments: transaction-merge=N (0: never merge), initial-rootref=BLOBREF
 * (rank 0: start from that root, not from a checkpoint).
 */

#include "config.h"
#include <errno.h>

#include "common/slab.h"
#include "service.h"

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "commit", commit_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "relaycommit", relaycommit_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "lookup", lookup_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "lookup-plus", lookup_plus_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "getroot", getroot_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "root-log", root_log_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "root-forget", root_forget_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "wait-version", wait_version_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "setroot-pause", pause_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "setroot-unpause", unpause_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "namespace-create", ns_create_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "namespace-remove", ns_remove_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "namespace-list", ns_list_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "guest-begin", guest_begin_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "guest-end", guest_end_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "save", save_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "held-load", held_load_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "held-store", held_store_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "held-keep", held_keep_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "held-limit", held_limit_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "config-reload", config_reload_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "disconnect", disconnect_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "stats-get", stats_get_cb, FLUX_ROLE_ALL },
    { FLUX_MSGTYPE_REQUEST, "stats-clear", stats_clear_cb, 0 },
    { FLUX_MSGTYPE_EVENT, "stats-clear", stats_clear_event_cb, 0 },
    { FLUX_MSGTYPE_EVENT, "namespace-*", namespace_event_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

/* ---- time ---- */

static double now (struct service *s)
{
    return flux_reactor_now (flux_get_reactor (s->h));
}

static void tick (struct service *s)
{
    kvs_engine_set_time (s->e, now (s));
    kvs_engine_tick (s->e);
    service_run (s);
}

static int heartbeat_start (struct service *s);

/* A timeout is as good as a beat. */
static void heartbeat_continuation (flux_future_t *f, void *arg)
{
    struct service *s = arg;

    tick (s);
    flux_future_reset (f);
    if (heartbeat_start (s) < 0)
        flux_log_error (s->h, "error waiting for the heartbeat");
}

static int heartbeat_start (struct service *s)
{
    return flux_future_then (s->heartbeat, TICK_MAX, heartbeat_continuation, s);
}

static void tick_timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    tick (arg);
}

static void
checkpoint_timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct service *s = arg;

    if (kvs_engine_checkpoint (s->e) < 0)
        flux_log (s->h, LOG_ERR, "no memory for a checkpoint");
    service_run (s);
}

/* Blobs are aged by the time of the loop that used them. */
static void prepare_time_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct service *s = arg;

    kvs_engine_set_time (s->e, flux_reactor_now (r));
}

/* ---- start ---- */

static int parse_args (struct service *s, int argc, char *argv[])
{
    static const char merge[] = "transaction-merge=";
    static const char root[] = "initial-rootref=";

    for (int i = 0; i < argc; i++) {
        if (strncmp (argv[i], merge, sizeof (merge) - 1) == 0) {
            const char *n = argv[i] + sizeof (merge) - 1;
            char *end;

            s->merge = strtol (n, &end, 10) != 0;
            if (end == n || *end != '\0') {
                flux_log (s->h, LOG_ERR, "'%s' is not a number", argv[i]);
                errno = EINVAL;
                return -1;
            }
        }
        else if (strncmp (argv[i], root, sizeof (root) - 1) == 0)
            s->initial_rootref = argv[i] + sizeof (root) - 1;
        else {
            flux_log (s->h, LOG_ERR, "Unknown option `%s'", argv[i]);
            errno = EINVAL;
            return -1;
        }
    }
    return 0;
}

static int get_attrs (struct service *s)
{
    const char *cleanup = flux_attr_get (s->h, "statedir-cleanup");
    const char *hash;

    if (flux_get_rank (s->h, &s->rank) < 0)
        return -1;
    s->owner = getuid ();
    s->lasting =
        flux_attr_get (s->h, "statedir") && (!cleanup || strcmp (cleanup, "1") != 0);
    if (!(hash = flux_attr_get (s->h, "content.hash"))) {
        flux_log_error (s->h, "content.hash");
        return -1;
    }
    if ((s->hash = blobref_kind_parse (hash)) < 0) {
        flux_log (s->h, LOG_ERR, "content.hash: unknown hash '%s'", hash);
        errno = EINVAL;
        return -1;
    }
    return 0;
}

/* Other ranks see names of this one in events: they must be new each time the
 * module is loaded.
 */
static uint64_t first_name (const struct service *s)
{
    return s->rank == 0 ? 0 : (uint64_t)(flux_reactor_time () * 1e6);
}

static int create_engine (struct service *s)
{
    struct kvs_config cfg = {
        .rank = s->rank,
        .owner = s->owner,
        .hash = s->hash,
        .merge = s->merge,
        .first_name = first_name (s),
    };
    int r = kvs_engine_new (&cfg, &s->e);

    if (r < 0) {
        errno = -r;
        return -1;
    }
    kvs_engine_set_time (s->e, now (s));
    return 0;
}

static int create_watchers (struct service *s)
{
    flux_reactor_t *r = flux_get_reactor (s->h);

    if (!(s->idle = flux_idle_watcher_create (r, service_idle_cb, s))
        || !(s->clock = flux_check_watcher_create (r, prepare_time_cb, s))
        || !(s->lazy_timer =
                 flux_timer_watcher_create (r, LAZY_MAX, 0., service_lazy_cb, s))
        || !(s->tick_timer =
                 flux_timer_watcher_create (r, TICK_MIN, 0., tick_timer_cb, s))
        || !(s->window_timer =
                 flux_timer_watcher_create (r, DURABILITY_WINDOW, 0., window_timer_cb, s))
        || !(s->checkpoint_timer =
                 flux_timer_watcher_create (r, 1., 1., checkpoint_timer_cb, s)))
        return -1;
    flux_watcher_unref (s->clock);
    flux_watcher_start (s->clock);
    return 0;
}

static int read_config (struct service *s)
{
    flux_error_t error = { "" };

    if (configure (s, flux_get_conf (s->h), &error) < 0) {
        flux_log (s->h, LOG_ERR, "%s", error.text);
        return -1;
    }
    return 0;
}

static int go_online (struct service *s)
{
    const char *name = flux_aux_get (s->h, "flux::name");

    if (flux_msg_handler_addvec_ex (s->h, name ? name : "kvs", handlers, s, &s->handlers)
        < 0)
        return -1;
    /* Rank 0 knows what it publishes. */
    if (s->rank > 0 && flux_event_subscribe (s->h, "kvs.namespace-") < 0) {
        flux_log_error (s->h, "error subscribing to kvs.namespace-");
        return -1;
    }
    if (!(s->heartbeat = flux_sync_create (s->h, TICK_MIN)) || heartbeat_start (s) < 0)
        return -1;
    return 0;
}

static void service_destroy (struct service *s)
{
    flux_msg_handler_delvec (s->handlers);
    requests_refuse_all (s);
    savers_refuse_all (s);
    flux_future_destroy (s->heartbeat);
    calls_drop_all (s);
    free (s->batch);
    flux_watcher_destroy (s->idle);
    flux_watcher_destroy (s->clock);
    flux_watcher_destroy (s->lazy_timer);
    flux_watcher_destroy (s->tick_timer);
    flux_watcher_destroy (s->checkpoint_timer);
    flux_watcher_destroy (s->window_timer);
    kvs_engine_free (s->e);
    table_fini (&s->clients);
    table_fini (&s->waits);
    free_keep_errno (s);
}

static struct service *service_create (flux_t *h, int argc, char *argv[])
{
    struct service *s = calloc (1, sizeof (*s));

    if (!s)
        return NULL;
    s->h = h;
    s->merge = true;
    table_init (&s->clients);
    table_init (&s->waits);
    list_init (&s->requests);
    list_init (&s->calls);
    list_init (&s->savers);
    list_init (&s->turns);
    if (parse_args (s, argc, argv) < 0 || get_attrs (s) < 0 || create_engine (s) < 0
        || create_watchers (s) < 0 || read_config (s) < 0
        || (s->rank == 0 && restart (s) < 0) || go_online (s) < 0 || held_offer (s) < 0) {
        service_destroy (s);
        return NULL;
    }
    return s;
}

int mod_main (flux_t *h, int argc, char *argv[])
{
    struct service *s;
    int rc;

    slab_begin ();
    if (!(s = service_create (h, argc, argv))) {
        slab_end ();
        return -1;
    }
    if ((rc = flux_reactor_run (flux_get_reactor (h), 0)) < 0)
        flux_log_error (h, "reactor");
    turns_hurry (s);
    requests_refuse_all (s);
    savers_refuse_all (s);
    if (s->rank == 0 && checkpoint_final (s) < 0)
        rc = -1;
    held_withdraw (s);
    service_destroy (s);
    slab_end ();
    return rc;
}
