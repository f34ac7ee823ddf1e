/* resource - the inventory of the instance: what there is, what is up.
 *
 * All of it is rank 0's.  On other ranks, where the rc1 of other hosts loads it, too, it
 * has nothing to do, and says so.
 *
 * Module arguments: monitor-force-up, noverify, notruncate (accepted: here
 * nothing is verified or truncated).
 */
#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "common/errprintf.h"
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

/* Where R comes from.  Returns 0 or a negative errno. */
static int get_inventory (struct resource *r,
                          const struct resource_conf *c,
                          const char **method,
                          flux_error_t *error)
{
    json_error_t jerror;
    json_t *o;
    int rc;

    *method = "configuration";
    if (c->fake)
        r->force_up = true;
    if (c->fake)
        return inventory_fake (c->fake, &r->R, error);
    if (c->config)
        return inventory_config (c->config, &r->R, error);
    if (!c->path && resource_ask_parent (r) == 0)
        return 0; /* which is configuration, too: nobody has looked */
    if (!c->path) {
        *method = "dynamic-discovery";
        return inventory_probe (r->size, flux_attr_get (r->h, "hostlist"), &r->R, error);
    }
    if (!(o = json_load_file (c->path, 0, &jerror))) {
        errprintf (error, "%s: %s", c->path, jerror.text);
        return -EINVAL;
    }
    rc = rset_parse (o, &r->R, error);
    json_decref (o);
    return rc;
}

/* What there is, and what of it is excluded.  Returns 0, or -1 with errno after
 * logging.
 */
static int configure (struct resource *r, const char **method)
{
    flux_error_t error = { "" };
    struct resource_conf c;
    int e = 0;

    if (resource_conf_parse (flux_get_conf (r->h), &c, &error) < 0
        || (e = get_inventory (r, &c, method, &error)) < 0
        || !(r->exclude = resource_conf_excluded (&c, r->R, &error))) {
        flux_log (r->h, LOG_ERR, "%s", error.text);
        errno = e < 0 ? -e : EINVAL;
        return -1;
    }
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
    { FLUX_MSGTYPE_REQUEST, "resource.config-reload", resource_reload_cb, 0 },
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

    if (flux_get_size (r->h, &r->size) < 0 || configure (r, &method) < 0)
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
        || !(r->omitted = idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(r->torpid = idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(r->drain = drain_create (r->nranks)))
        return -1;
    if (!(r->f_replay = flux_kvs_lookup (r->h, NULL, 0, "resource.eventlog"))
        || flux_future_then (r->f_replay, -1., replay_continuation, r) < 0
        || (!r->force_up && r->size > 1 && resource_watch_online (r) < 0)
        || commit_R (r, method) < 0
        || flux_msg_handler_addvec (r->h, handlers, r, &r->handlers) < 0)
        return -1;
    return 0;
}

static void
not_here_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    if (flux_respond_error (h, msg, EPROTO, "this RPC is only available on rank 0") < 0)
        flux_log_error (h, "error responding");
}

static const struct flux_msg_handler_spec elsewhere[] = {
    { FLUX_MSGTYPE_REQUEST, "resource.acquire", not_here_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "resource.status", not_here_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "resource.sched-status", not_here_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "resource.drain", not_here_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "resource.undrain", not_here_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static int run_elsewhere (flux_t *h)
{
    flux_msg_handler_t **mhs = NULL;
    int rc = flux_msg_handler_addvec (h, elsewhere, NULL, &mhs);

    if (rc == 0)
        rc = flux_reactor_run (flux_get_reactor (h), 0);
    flux_msg_handler_delvec (mhs);
    return rc < 0 ? -1 : 0;
}

int mod_main (flux_t *h, int argc, char **argv)
{
    struct resource r = { .h = h };
    uint32_t rank;
    int rc = -1;

    if (flux_get_rank (h, &rank) < 0)
        return -1;
    if (rank > 0)
        return run_elsewhere (h);
    list_init (&r.asked);
    if (parse_args (&r, argc, argv) == 0 && start (&r) == 0)
        rc = flux_reactor_run (flux_get_reactor (h), 0) < 0 ? -1 : 0;
    flux_msg_handler_delvec (r.handlers);
    resource_forget_asked (&r);
    flux_future_destroy (r.f_replay);
    flux_future_destroy (r.f_online);
    flux_future_destroy (r.f_torpid);
    resource_forget_parent (&r);
    flux_msg_decref (r.acquire);
    drain_destroy (r.drain);
    idset_destroy (r.online);
    idset_destroy (r.exclude);
    idset_destroy (r.omitted);
    idset_destroy (r.torpid);
    rset_free (r.R);
    return rc;
}
