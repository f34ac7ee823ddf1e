/* resource/online.c - which ranks may be used: brokers come, go, or are slow to
 * answer; the configuration excludes some.
 */
#include "config.h"

#include "common/util.h"
#include "resource.h"

/* The scheduler hears of the difference.  Ranks that it was not told of in R, as they
 * were excluded then, are not for it.
 */
static void tell_changes (struct resource *r, const struct idset *before)
{
    struct idset *after = resource_up (r), *gone = NULL, *come = NULL;

    if (before && after && (gone = idset_difference (before, after))
        && (come = idset_difference (after, before))
        && idset_subtract (come, r->omitted) == 0) {
        resource_acquire_update (r, gone, false);
        resource_acquire_update (r, come, true);
    }
    idset_destroy (after);
    idset_destroy (gone);
    idset_destroy (come);
}

/* '*ids', of those that make the ranks which are up, becomes now. */
static void change (struct resource *r, struct idset **ids, struct idset *now)
{
    struct idset *before = resource_up (r);

    idset_destroy (*ids);
    *ids = now;
    tell_changes (r, before);
    idset_destroy (before);
}

void resource_exclude (struct resource *r, struct idset *ranks)
{
    change (r, &r->exclude, ranks);
}

/* The members of a group that have resources; NULL: it was the last word on it. */
static struct idset *members_of (struct resource *r, flux_future_t *f)
{
    struct idset *all = NULL, *members = NULL, *now = NULL;
    const char *s;

    if (flux_rpc_get_unpack (f, "{s:s}", "members", &s) < 0) {
        flux_log_error (r->h, "groups.get");
        return NULL;
    }
    if ((members = idset_decode (s)) && (all = rset_ranks (r->R)))
        now = idset_intersect (all, members);
    idset_destroy (members);
    idset_destroy (all);
    flux_future_reset (f);
    return now;
}

static void online_cb (flux_future_t *f, void *arg)
{
    struct resource *r = arg;
    struct idset *now = members_of (r, f);

    if (now)
        change (r, &r->online, now);
}

static void torpid_cb (flux_future_t *f, void *arg)
{
    struct resource *r = arg;
    struct idset *now = members_of (r, f);

    if (now) {
        idset_destroy (r->torpid);
        r->torpid = now;
    }
}

static flux_future_t *
follow (struct resource *r, const char *group, flux_continuation_f cb)
{
    flux_future_t *f =
        flux_rpc_pack (r->h, "groups.get", 0, FLUX_RPC_STREAMING, "{s:s}", "name", group);

    if (f && flux_future_then (f, -1., cb, r) < 0) {
        flux_future_destroy (f);
        return NULL;
    }
    return f;
}

int resource_watch_online (struct resource *r)
{
    idset_destroy (r->online);
    if (!(r->online = idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(r->f_online = follow (r, "broker.online", online_cb))
        || !(r->f_torpid = follow (r, "broker.torpid", torpid_cb)))
        return -1;
    return 0;
}
