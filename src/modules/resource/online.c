/* resource/online.c - ranks whose brokers are there. */
#include "config.h"

#include "common/util.h"
#include "resource.h"

/* Tell the scheduler what follows for ranks that are not drained or excluded. */
static void change (struct resource *r, struct idset *now)
{
    struct idset *before = resource_up (r);
    struct idset *after = NULL, *gone = NULL, *come = NULL;

    idset_destroy (r->online);
    r->online = now;
    if (before && (after = resource_up (r)) && (gone = idset_difference (before, after))
        && (come = idset_difference (after, before))) {
        resource_acquire_update (r, gone, false);
        resource_acquire_update (r, come, true);
    }
    idset_destroy (before);
    idset_destroy (after);
    idset_destroy (gone);
    idset_destroy (come);
}

static void online_cb (flux_future_t *f, void *arg)
{
    struct resource *r = arg;
    struct idset *all = NULL, *members = NULL, *now = NULL;
    const char *s;

    if (flux_rpc_get_unpack (f, "{s:s}", "members", &s) < 0) {
        flux_log_error (r->h, "groups.get broker.online");
        return; /* the last word on it */
    }
    if ((members = idset_decode (s)) && (all = rset_ranks (r->R))
        && (now = idset_intersect (all, members)))
        change (r, now);
    idset_destroy (members);
    idset_destroy (all);
    flux_future_reset (f);
}

int resource_watch_online (struct resource *r)
{
    idset_destroy (r->online);
    if (!(r->online = idset_create (0, IDSET_FLAG_AUTOGROW)))
        return -1;
    if (!(r->f_online = flux_rpc_pack (r->h,
                                       "groups.get",
                                       0,
                                       FLUX_RPC_STREAMING,
                                       "{s:s}",
                                       "name", "broker.online")))
        return -1;
    return flux_future_then (r->f_online, -1., online_cb, r);
}
