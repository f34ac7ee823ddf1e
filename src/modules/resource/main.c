/* resource - the inventory of the instance: what there is, what is up.
 *
 * Module arguments: monitor-force-up, noverify, notruncate (accepted: here
 * nothing is verified or truncated).
 */
#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include <flux/hostlist.h>
#include "common/eventlog.h"
#include "common/kvsops.h"
#include "common/util.h"
#include "inventory.h"
#include "resource.h"

struct idset *resource_up (const struct resource *r)
{
    struct idset *up = idset_difference (r->online, r->exclude);

    for (uint32_t rank = 0; up && rank < r->nranks; rank++) {
        if (drain_test (r->drain, rank))
            idset_clear (up, rank);
    }
    return up;
}

/* Decide where R comes from.  Returns 0, or -1 with errno after logging. */
static int get_inventory (struct resource *r, const char **method)
{
    json_t *config = NULL, *fake = NULL;
    const char *path = NULL;
    flux_error_t error = { "" };
    json_error_t jerror;
    json_t *o;
    int rc;

    if (flux_conf_unpack (flux_get_conf (r->h),
                          &error,
                          "{s?{s?s s?o} s?o}",
                          "resource",
                            "path", &path,
                            "config", &config,
                          "fake-resources", &fake) < 0) {
        flux_log (r->h, LOG_ERR, "error parsing [resource]: %s", error.text);
        return -1;
    }
    *method = "configuration";
    if (fake)
        r->force_up = true;
    if (fake)
        rc = inventory_fake (fake, &r->R, &error);
    else if (config)
        rc = inventory_config (config, &r->R, &error);
    else if (path) {
        if (!(o = json_load_file (path, 0, &jerror))) {
            flux_log (r->h, LOG_ERR, "%s: %s", path, jerror.text);
            errno = EINVAL;
            return -1;
        }
        rc = rset_parse (o, &r->R, &error);
        json_decref (o);
    }
    else {
        *method = "dynamic-discovery";
        rc = inventory_probe (r->size, flux_attr_get (r->h, "hostlist"), &r->R, &error);
    }
    if (rc < 0) {
        flux_log (r->h, LOG_ERR, "resources: %s", error.text);
        errno = -rc;
        return -1;
    }
    return 0;
}

/* An idset, or a hostlist of R's hosts. */
static int parse_exclude (struct resource *r)
{
    const char *s = NULL;
    struct hostlist *hl;
    struct idset *ids;

    if (flux_conf_unpack (flux_get_conf (r->h),
                          NULL,
                          "{s?{s?s}}",
                          "resource",
                            "exclude", &s) < 0
        || !s)
        return 0;
    if ((ids = idset_decode (s))) {
        idset_destroy (r->exclude);
        r->exclude = ids;
        return 0;
    }
    if (!(hl = hostlist_decode (s))) {
        flux_log (r->h, LOG_ERR, "invalid resource.exclude '%s'", s);
        return -1;
    }
    for (size_t i = 0; i < rset_nnodes (r->R); i++) {
        const char *host = rset_host_at (r->R, i);

        if (host && hostlist_find (hl, host) >= 0)
            idset_set (r->exclude, rset_rank_at (r->R, i));
    }
    hostlist_destroy (hl);
    return 0;
}

static void log_commit_failure (flux_future_t *f, void *arg)
{
    struct resource *r = arg;

    if (flux_rpc_get (f, NULL) < 0)
        flux_log (r->h, LOG_ERR, "commit of resource.R: %s", future_strerror (f, errno));
    flux_future_destroy (f);
}

/* resource.R and the event that says how we know, in one commit. */
static int commit_R (struct resource *r, const char *method)
{
    struct kvsops ops = KVSOPS_INIT;
    struct text t = TEXT_INIT;
    flux_future_t *f = NULL;
    char *payload = NULL;

    rset_encode (r->R, &t);
    if (!text_error (&t))
        kvsops_put (&ops, "resource.R", t.buf, t.len);
    text_clear (&t);
    eventlog_begin (&t, flux_reactor_time (), "resource-define");
    text_printf (&t, ",\"context\":{\"method\":\"%s\"}", method);
    eventlog_end (&t);
    if (!text_error (&t)) {
        kvsops_append (&ops, "resource.eventlog", t.buf, t.len);
        payload = kvsops_finish (&ops, KVS_PRIMARY_NAMESPACE, 0);
    }
    text_fini (&t);
    kvsops_fini (&ops);
    if (!payload || !(f = flux_rpc (r->h, "kvs.commit", payload, FLUX_NODEID_ANY, 0))
        || flux_future_then (f, -1., log_commit_failure, r) < 0) {
        flux_future_destroy (f);
        free (payload);
        return -1;
    }
    free (payload);
    return 0;
}

/* The log of earlier runs, if there is a state directory. */
static void replay_continuation (flux_future_t *f, void *arg)
{
    struct resource *r = arg;
    const char *s;

    if (flux_kvs_lookup_get (f, &s) == 0 && s)
        resource_replay (r, s, strlen (s));
    else if (errno != ENOENT)
        flux_log (r->h, LOG_ERR, "resource.eventlog: %s", future_strerror (f, errno));
    r->replayed = true;
    flux_future_destroy (f);
    r->f_replay = NULL;
    resource_acquire_begin (r);
}

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "resource.acquire", resource_acquire_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "resource.disconnect", resource_disconnect_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "resource.status", resource_status_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST,
      "resource.sched-status",
      resource_sched_status_cb,
      FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "resource.drain", resource_drain_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "resource.undrain", resource_undrain_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static int parse_args (struct resource *r, int argc, char **argv)
{
    static const char *const known[] = { "monitor-force-up", "noverify", "notruncate" };

    for (int i = 0; i < argc; i++) {
        bool good = false;

        for (size_t k = 0; k < ARRAY_SIZE (known); k++)
            good |= !strcmp (argv[i], known[k]);
        if (!strcmp (argv[i], "monitor-force-up"))
            r->force_up = true;
        if (!good) {
            flux_log (r->h, LOG_ERR, "unknown module argument: %s", argv[i]);
            errno = EINVAL;
            return -1;
        }
    }
    return 0;
}

static int start (struct resource *r)
{
    const char *method;

    if (flux_get_size (r->h, &r->size) < 0 || get_inventory (r, &method) < 0)
        return -1;
    if (rset_nnodes (r->R) == 0) {
        flux_log (r->h, LOG_ERR, "no resources");
        errno = EINVAL;
        return -1;
    }
    r->nranks = rset_rank_at (r->R, rset_nnodes (r->R) - 1) + 1;
    /* One broker is up, and fake nodes are by definition.  Of several, those
     * that are not (any more) are found out.
     */
    if (!(r->online = rset_ranks (r->R))
        || !(r->exclude = idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(r->drain = drain_create (r->nranks)) || parse_exclude (r) < 0)
        return -1;
    if (!(r->f_replay = flux_kvs_lookup (r->h, NULL, 0, "resource.eventlog"))
        || flux_future_then (r->f_replay, -1., replay_continuation, r) < 0
        || (!r->force_up && r->size > 1 && resource_watch_online (r) < 0)
        || commit_R (r, method) < 0
        || flux_msg_handler_addvec (r->h, handlers, r, &r->handlers) < 0)
        return -1;
    return 0;
}

int mod_main (flux_t *h, int argc, char **argv)
{
    struct resource r = { .h = h };
    int rc = -1;

    if (parse_args (&r, argc, argv) == 0 && start (&r) == 0)
        rc = flux_reactor_run (flux_get_reactor (h), 0) < 0 ? -1 : 0;
    flux_msg_handler_delvec (r.handlers);
    flux_future_destroy (r.f_replay);
    flux_future_destroy (r.f_online);
    flux_msg_decref (r.acquire);
    drain_destroy (r.drain);
    idset_destroy (r.online);
    idset_destroy (r.exclude);
    rset_free (r.R);
    return rc;
}
