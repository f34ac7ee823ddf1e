/* overlay.* services (wire.md section 9.6), and the health of the subtree.
 *
 * Each broker tells its parent when the health of its subtree changes, so that
 * nobody needs to ask around.
 */

#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "common/util.h"

#include "overlay_private.h"

static const char *const names[] = {
    [HEALTH_FULL] = "full",         [HEALTH_PARTIAL] = "partial",
    [HEALTH_DEGRADED] = "degraded", [HEALTH_LOST] = "lost",
    [HEALTH_OFFLINE] = "offline",
};

static enum health compute (const struct overlay *ov)
{
    bool partial = false;

    for (uint32_t i = 0; i < ov->nchildren; i++) {
        enum health h = ov->children[i].health;

        if (h == HEALTH_LOST || h == HEALTH_DEGRADED)
            return HEALTH_DEGRADED;
        partial = partial || h != HEALTH_FULL;
    }
    return partial ? HEALTH_PARTIAL : HEALTH_FULL;
}

static json_t *describe (const struct overlay *ov)
{
    double now = flux_reactor_time ();
    json_t *children = json_array ();

    for (uint32_t i = 0; children && i < ov->nchildren; i++) {
        const struct peer *p = &ov->children[i];

        (void)json_array_append_new (children,
                                     json_pack ("{s:i s:s s:f}",
                                                "rank", (int)p->rank,
                                                "status", names[p->health],
                                                "duration", now - p->since));
    }
    return json_pack ("{s:i s:s s:f s:o}",
                      "rank", (int)ov->rank,
                      "status", names[ov->health],
                      "duration", now - ov->since,
                      "children", children);
}

static void respond_health (struct overlay *ov, const flux_msg_t *msg)
{
    json_t *o = describe (ov);

    if (!o || flux_respond_pack (ov->h, msg, "O", o) < 0)
        (void)flux_respond_error (ov->h, msg, o ? errno : ENOMEM, NULL);
    json_decref (o);
}

static void tell_watchers (struct overlay *ov)
{
    const flux_msg_t *msg;

    for (msg = flux_msglist_first (ov->health_watchers); msg;
         msg = flux_msglist_next (ov->health_watchers))
        respond_health (ov, msg);
}

void overlay_update_health (struct overlay *ov)
{
    enum health health = compute (ov);
    flux_msg_t *msg;

    if (health != ov->health) {
        ov->health = health;
        ov->since = flux_reactor_time ();
    }
    tell_watchers (ov);
    if (!ov->parent || ov->parent->state != PEER_ONLINE)
        return;
    if (!(msg = flux_control_encode (CONTROL_HEALTH, health))
        || ov->plugin->send (ov->parent->link, msg) < 0)
        flux_log (ov->h, LOG_DEBUG, "health not sent: %s", strerror (errno));
    flux_msg_decref (msg);
}

void overlay_set_health (struct peer *p, enum health health)
{
    if (p->health == health)
        return;
    p->health = health;
    p->since = flux_reactor_time ();
    overlay_update_health (p->ov);
}

/* overlay.health (streaming: again on each change)
 *   -> { "rank":i "status":s "duration":f
 *        "children":[{ "rank":i "status":s "duration":f }...] }
 */
static void health_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct overlay *ov = arg;

    if (flux_msg_is_streaming (msg)
        && flux_msglist_append (ov->health_watchers, msg) < 0)
        (void)flux_respond_error (h, msg, errno, NULL);
    else
        respond_health (ov, msg);
}

static void disconnect_cb (flux_t *h,
                           flux_msg_handler_t *mh,
                           const flux_msg_t *msg,
                           void *arg)
{
    struct overlay *ov = arg;

    (void)flux_msglist_disconnect (ov->health_watchers, msg);
}

static json_t *tree (const struct topology *t, uint32_t rank)
{
    uint32_t first = 0, n = topology_children (t, rank, &first);
    json_t *children = json_array ();

    for (uint32_t i = 0; children && i < n; i++)
        (void)json_array_append_new (children, tree (t, first + i));
    return json_pack ("{s:i s:i s:o}",
                      "rank", (int)rank,
                      "size", (int)topology_descendants (t, rank) + 1,
                      "children", children);
}

/* overlay.topology
 *   { "rank":i } -> { "rank":i "size":i "children":[(the same)...] }
 */
static void topology_cb (flux_t *h,
                         flux_msg_handler_t *mh,
                         const flux_msg_t *msg,
                         void *arg)
{
    struct overlay *ov = arg;
    json_t *o;
    int rank;

    if (flux_request_unpack (msg, NULL, "{s:i}", "rank", &rank) < 0) {
        (void)flux_respond_error (h, msg, EPROTO, NULL);
        return;
    }
    if (rank < 0 || (uint32_t)rank >= ov->topology.size
        || ((uint32_t)rank != ov->rank
            && (rank == 0
                || topology_parent (&ov->topology, rank) != ov->rank))) {
        (void)flux_respond_error (
            h, msg, ENOENT, "requested rank is not this broker or its direct child");
        return;
    }
    if (!(o = tree (&ov->topology, rank)) || flux_respond_pack (h, msg, "O", o) < 0)
        (void)flux_respond_error (h, msg, o ? errno : ENOMEM, NULL);
    json_decref (o);
}

/* overlay.stats-get
 *   -> { "child-count":i "child-connected":i "parent-count":i "parent-rpc":i
 *        "child-rpc":i }
 */
static void stats_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct overlay *ov = arg;
    size_t connected = 0, rpcs = 0;

    for (uint32_t i = 0; i < ov->nchildren; i++) {
        if (ov->children[i].state == PEER_ONLINE) {
            connected++;
            rpcs += table_count (&ov->children[i].ep.open);
        }
    }
    if (flux_respond_pack (h,
                           msg,
                           "{s:i s:I s:i s:I s:I}",
                           "child-count", (int)ov->nchildren,
                           "child-connected", (int64_t)connected,
                           "parent-count", ov->parent ? 1 : 0,
                           "parent-rpc",
                           (int64_t)(ov->parent ? table_count (&ov->parent->ep.open) : 0),
                           "child-rpc", (int64_t)rpcs)
        < 0)
        (void)flux_respond_error (h, msg, errno, NULL);
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "overlay.health", health_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "overlay.topology", topology_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "overlay.stats-get", stats_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "overlay.disconnect", disconnect_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

int overlay_serve (struct overlay *ov)
{
    int r;

    ov->health = compute (ov);
    if (!(ov->health_watchers = flux_msglist_create ()))
        return -1;
    if ((r = service_add (ov->args.services, "overlay", self_endpoint (ov->args.self)))
        < 0) {
        errno = -r;
        return -1;
    }
    return flux_msg_handler_addvec (ov->h, htab, ov, &ov->handlers);
}

void overlay_unserve (struct overlay *ov)
{
    flux_msg_handler_delvec (ov->handlers);
    flux_msglist_destroy (ov->health_watchers);
}
