/* overlay.* services (wire.md section 9.6). */

#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "common/util.h"

#include "overlay_private.h"

/* overlay.health (streaming: again on each change)
 *   -> { "rank":i "status":s "duration":f
 *        "children":[{ "rank":i "status":s "duration":f }...] }
 */
static void health_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct overlay *ov = arg;

    if ((flux_msg_is_streaming (msg)
         && flux_msglist_append (ov->health_watchers, msg) < 0)
        || overlay_respond_health (ov, msg) < 0)
        (void)flux_respond_error (h, msg, errno, NULL);
}

static void disconnect_cb (flux_t *h,
                           flux_msg_handler_t *mh,
                           const flux_msg_t *msg,
                           void *arg)
{
    struct overlay *ov = arg;

    (void)flux_msglist_disconnect (ov->health_watchers, msg);
    (void)flux_msglist_disconnect (ov->monitors, msg);
    trace_disconnect (ov->traces, msg);
}

static void cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct overlay *ov = arg;

    (void)flux_msglist_cancel (h, ov->health_watchers, msg);
    (void)flux_msglist_cancel (h, ov->monitors, msg);
    trace_cancel (ov->traces, msg);
}

/* overlay.throttle, no response: a tracer does not read, or does again
 *   { "on":b }
 */
static void throttle_cb (flux_t *h,
                         flux_msg_handler_t *mh,
                         const flux_msg_t *msg,
                         void *arg)
{
    struct overlay *ov = arg;
    int on;

    if (flux_request_unpack (msg, NULL, "{s:b}", "on", &on) == 0)
        trace_throttle (ov->traces, msg, on);
}

/* overlay.trace (streaming): trace.h says what is asked and told. */
static void trace_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct overlay *ov = arg;

    if (trace_add (ov->traces, msg) < 0)
        (void)flux_respond_error (h, msg, errno, NULL);
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
 *        "child-rpc":i "interthread":{ "sendq":i "recvq":i } }
 * Brokers talk through sockets of their own, there is no channel between threads.
 */
static void stats_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct overlay *ov = arg;
    size_t connected = 0, rpcs = 0;

    for (uint32_t i = 0; i < ov->nchildren; i++) {
        if (ov->children[i].state == PEER_ONLINE) {
            connected++;
            rpcs += ov->children[i].ep.nopen;
        }
    }
    if (flux_respond_pack (h,
                           msg,
                           "{s:i s:I s:i s:I s:I s:{s:i s:i}}",
                           "child-count", (int)ov->nchildren,
                           "child-connected", (json_int_t)connected,
                           "parent-count", ov->parent ? 1 : 0,
                           "parent-rpc",
                           (json_int_t)(ov->parent ? ov->parent->ep.nopen : 0),
                           "child-rpc", (json_int_t)rpcs,
                           "interthread", "sendq", 0, "recvq", 0)
        < 0)
        (void)flux_respond_error (h, msg, errno, NULL);
}

static int tell_monitor (const flux_msg_t *msg, const struct peer *p)
{
    return flux_respond_pack (p->ov->h,
                              msg,
                              "{s:i s:s s:b}",
                              "rank", (int)p->rank,
                              "status", overlay_health_names[p->health],
                              "torpid", (int)p->torpid);
}

void overlay_tell_monitors (const struct peer *p)
{
    struct flux_msglist *l = p->ov->monitors;
    const flux_msg_t *msg;

    for (msg = flux_msglist_first (l); msg; msg = flux_msglist_next (l))
        (void)tell_monitor (msg, p);
}

/* overlay.monitor (streaming): the children, and each of their changes
 *   -> { "rank":i "status":s "torpid":b }
 */
static void monitor_cb (flux_t *h,
                        flux_msg_handler_t *mh,
                        const flux_msg_t *msg,
                        void *arg)
{
    struct overlay *ov = arg;

    if (!flux_msg_is_streaming (msg))
        (void)flux_respond_error (h, msg, EPROTO, NULL);
    else if (flux_msglist_append (ov->monitors, msg) < 0)
        (void)flux_respond_error (h, msg, errno, NULL);
    else {
        for (uint32_t i = 0; i < ov->nchildren; i++)
            (void)tell_monitor (msg, &ov->children[i]);
    }
}

static struct peer *find_child (struct overlay *ov, int rank)
{
    for (uint32_t i = 0; i < ov->nchildren; i++) {
        if ((int)ov->children[i].rank == rank)
            return &ov->children[i];
    }
    return NULL;
}

/* overlay.disconnect-subtree
 *   { "rank":i } -> {}
 */
static void disconnect_subtree_cb (flux_t *h,
                                   flux_msg_handler_t *mh,
                                   const flux_msg_t *msg,
                                   void *arg)
{
    struct overlay *ov = arg;
    struct peer *p;
    int rank;

    if (flux_request_unpack (msg, NULL, "{s:i}", "rank", &rank) < 0)
        (void)flux_respond_error (h, msg, EPROTO, NULL);
    else if (!(p = find_child (ov, rank)) || p->state != PEER_ONLINE)
        (void)flux_respond_error (
            h, msg, ENOENT, "requested rank is not this broker's direct child");
    else {
        (void)flux_respond (h, msg, NULL);
        overlay_give_up (p, "disconnected on request");
    }
}

/* overlay.disconnect-parent
 *   { "reason":s } -> {}
 */
static void disconnect_parent_cb (flux_t *h,
                                  flux_msg_handler_t *mh,
                                  const flux_msg_t *msg,
                                  void *arg)
{
    struct overlay *ov = arg;
    const char *reason;

    if (flux_request_unpack (msg, NULL, "{s:s}", "reason", &reason) < 0)
        (void)flux_respond_error (h, msg, EPROTO, NULL);
    else if (!ov->parent || ov->parent->state != PEER_ONLINE)
        (void)flux_respond_error (h, msg, ENOENT, "this broker has no parent");
    else {
        (void)flux_respond (h, msg, NULL);
        overlay_give_up (ov->parent, reason);
    }
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "overlay.health", health_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "overlay.topology", topology_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "overlay.stats-get", stats_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "overlay.monitor", monitor_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "overlay.disconnect-subtree", disconnect_subtree_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "overlay.disconnect-parent", disconnect_parent_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "overlay.trace", trace_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "overlay.cancel", cancel_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "overlay.disconnect", disconnect_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "overlay.throttle", throttle_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

int overlay_serve (struct overlay *ov)
{
    int r;

    overlay_init_health (ov);
    if (!(ov->health_watchers = flux_msglist_create ())
        || !(ov->monitors = flux_msglist_create ())
        || !(ov->traces = trace_set_new (ov->args.router)))
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
    flux_msglist_destroy (ov->monitors);
    trace_set_free (ov->traces);
    ov->traces = NULL;
}
