#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/errprintf.h"
#include "common/util.h"

#include "overlay_private.h"

/* Control messages */

void overlay_send_control (struct peer *p, int type, int status)
{
    flux_msg_t *msg = flux_control_encode (type, status);

    /* if the link is broken, that is being found out */
    if (!msg)
        return;
    trace_message (p->ov->traces, msg, "tx", p->name, p->rank);
    if (p->ov->plugin->send (p->link, msg) < 0)
        flux_log (p->ov->h, LOG_DEBUG, "%s: control %d not sent", p->name, type);
    flux_msg_decref (msg);
}

static void tell_children (struct overlay *ov)
{
    for (uint32_t i = 0; i < ov->nchildren; i++) {
        if (ov->children[i].state == PEER_ONLINE)
            overlay_send_control (&ov->children[i], CONTROL_STATE, ov->state);
    }
}

/* Endpoint */

static int deliver_shared (struct endpoint *ep, const flux_msg_t *msg)
{
    struct peer *p = container_of (ep, struct peer, ep);

    if (p->state != PEER_ONLINE)
        return -EHOSTUNREACH;
    trace_message (p->ov->traces, msg, "tx", p->name, p->rank);
    return p->ov->plugin->send (p->link, msg) < 0 ? -errno : 0;
}

static int deliver (struct endpoint *ep, flux_msg_t **msg)
{
    int r = deliver_shared (ep, *msg);

    if (r == 0) {
        flux_msg_decref (*msg);
        *msg = NULL;
    }
    return r;
}

static void congested_cb (struct link *l, bool yes, void *arg)
{
    struct peer *p = arg;

    endpoint_set_congested (&p->ep, yes);
}

static int attach (struct peer *p)
{
    endpoint_init (&p->ep, ENDPOINT_PEER, p->name, p->uuid);
    p->ep.deliver = deliver;
    p->ep.deliver_shared = deliver_shared;
    return router_attach (p->ov->args.router, &p->ep);
}

/* Ranks below a child, it included. */
static struct idset *subtree (struct overlay *ov, const struct peer *p)
{
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);
    uint32_t next;

    for (uint32_t r = p->rank; ids && r < ov->topology.size; r++) {
        if (topology_next (&ov->topology, ov->rank, r, &next) && next == p->rank)
            (void)idset_set (ids, r);
    }
    return ids;
}

/* Children */

static int route_child (struct peer *p)
{
    struct overlay *ov = p->ov;
    uint32_t next;
    int r;

    router_enter (ov->args.router);
    r = event_subscribe (ov->args.events, &p->ep, "");
    router_leave (ov->args.router);
    for (uint32_t rank = p->rank; r == 0 && rank < ov->topology.size; rank++) {
        if (topology_next (&ov->topology, ov->rank, rank, &next) && next == p->rank)
            r = router_add_peer (ov->args.router, rank, &p->ep);
    }
    return r;
}

/* Nobody is routed to it any more. */
static void detach_child (struct peer *p)
{
    struct overlay *ov = p->ov;
    uint32_t next;

    for (uint32_t rank = p->rank; rank < ov->topology.size; rank++) {
        if (topology_next (&ov->topology, ov->rank, rank, &next) && next == p->rank)
            router_remove_peer (ov->args.router, rank);
    }
    router_detach (ov->args.router, &p->ep);
}

static int child_online (struct peer *p)
{
    int r;

    if ((r = attach (p)) < 0)
        return r;
    if ((r = route_child (p)) < 0)
        detach_child (p);
    else
        p->state = PEER_ONLINE;
    return r;
}

static bool children_online (const struct overlay *ov)
{
    for (uint32_t i = 0; i < ov->nchildren; i++) {
        if (ov->children[i].state == PEER_ONLINE)
            return true;
    }
    return false;
}

/* Before the instance runs, all ranks are needed, unless a smaller quorum is
 * enough: without one of them waiting has no end.
 */
static void check_needed (struct overlay *ov, const struct peer *p)
{
    if (ov->state >= STATE_RUN || ov->quorum < ov->topology.size)
        return;
    flux_log (ov->h, LOG_ERR, "%s is needed, and has gone", p->name);
    if (ov->state == STATE_QUORUM)
        ov->ops->post ("quorum-fail", ov->arg);
    ov->ops->shutdown (true, ov->arg);
}

/* A child has gone, one way or the other, and everything below with it. */
static void child_gone (struct peer *p, enum peer_state state)
{
    struct overlay *ov = p->ov;
    struct idset *ids = subtree (ov, p);

    p->state = state;
    detach_child (p);
    if (ids)
        groups_set (ov->groups, NULL, ids, false);
    idset_destroy (ids);
    p->torpid = false;
    overlay_set_health (p, state == PEER_LOST ? HEALTH_LOST : HEALTH_OFFLINE);
    if (ov->state == STATE_SHUTDOWN && !children_online (ov))
        ov->ops->post ("children-complete", ov->arg);
    else
        check_needed (ov, p);
}

/* A child that did not come. */
static void child_missing (struct peer *p, const char *why)
{
    (void)snprintf (p->why, sizeof (p->why), "%s", why);
    flux_log (p->ov->h, LOG_ERR, "%s: %s", p->name, why);
    p->state = PEER_LOST;
    overlay_set_health (p, HEALTH_LOST);
    check_needed (p->ov, p);
}

static void hello (struct peer *p, int version)
{
    struct overlay *ov = p->ov;
    int r;

    if (p->state != PEER_OFFLINE)
        return;
    if (version != OVERLAY_VERSION)
        flux_log (ov->h, LOG_ERR, "%s speaks version %d", p->name, version);
    else if ((r = child_online (p)) < 0)
        flux_log (ov->h, LOG_ERR, "%s: %s", p->name, strerror (-r));
    else {
        overlay_send_control (p, CONTROL_STATE, ov->state);
        overlay_set_health (p, HEALTH_PARTIAL);
    }
}

static void give_up_child (struct peer *p, const char *why)
{
    flux_log (p->ov->h, LOG_ERR, "%s: %s", p->name, why);
    (void)snprintf (p->why, sizeof (p->why), "%s", why);
    child_gone (p, PEER_LOST);
}

static void child_control (struct peer *p, const flux_msg_t *msg)
{
    int type, status;

    if (flux_control_decode (msg, &type, &status) < 0)
        return;
    if (type == CONTROL_HELLO)
        hello (p, status);
    else if (p->state != PEER_ONLINE)
        return;
    else if (type == CONTROL_HEALTH && status >= HEALTH_FULL
             && status <= HEALTH_DEGRADED)
        overlay_set_health (p, status);
    else if (type == CONTROL_GOODBYE) {
        overlay_send_control (p, CONTROL_GOODBYE, 0);
        child_gone (p, PEER_GONE);
    }
    else if (type == CONTROL_DISCONNECT)
        give_up_child (p, "disconnected itself");
}

static void child_message (struct link *l, flux_msg_t *msg, void *arg)
{
    struct peer *p = arg;
    int type;

    trace_message (p->ov->traces, msg, "rx", p->name, p->rank);
    overlay_heard (p);
    if (flux_msg_get_type (msg, &type) == 0 && type == FLUX_MSGTYPE_CONTROL) {
        child_control (p, msg);
        flux_msg_decref (msg);
    }
    else if (p->state == PEER_ONLINE)
        router_receive (p->ov->args.router, &p->ep, msg);
    else
        flux_msg_decref (msg);
}

static void child_lost (struct link *l, const char *why, void *arg)
{
    struct peer *p = arg;

    if (p->state == PEER_ONLINE)
        give_up_child (p, why);
    else if (p->state == PEER_OFFLINE)
        child_missing (p, why);
}

const struct link_ops overlay_child_ops = {
    .message = child_message,
    .lost = child_lost,
    .congested = congested_cb,
};

/* Parent */

/* The parent will not let us get any further.  If it is lost that is a failure. */
static void parent_fails (struct overlay *ov, const char *event)
{
    if (ov->parent->state == PEER_LOST)
        ov->ops->shutdown (true, ov->arg); /* which posts the event */
    else
        ov->ops->post (event, ov->arg);
}

/* What its state, or ours, being new, means for us. */
static void follow_parent (struct overlay *ov)
{
    enum broker_state ps = ov->parent_state;

    switch (ov->state) {
        case STATE_JOIN:
            if (ov->parent->state == PEER_OFFLINE)
                break;
            if (ps == STATE_QUORUM || ps == STATE_RUN)
                ov->ops->post ("parent-ready", ov->arg);
            else if (ps > STATE_RUN)
                parent_fails (ov, "parent-fail");
            break;
        case STATE_QUORUM:
            if (ps == STATE_RUN)
                ov->ops->post ("quorum-full", ov->arg);
            else if (ps > STATE_RUN)
                parent_fails (ov, "quorum-fail");
            break;
        case STATE_INIT:
        case STATE_RUN:
            if (ps >= STATE_SHUTDOWN)
                ov->ops->shutdown (ov->parent->state == PEER_LOST, ov->arg);
            break;
        case STATE_GOODBYE:
            if (ov->parent->state != PEER_ONLINE)
                ov->ops->post ("goodbye", ov->arg);
            break;
        default:
            break;
    }
}

static void parent_state (struct overlay *ov, int state)
{
    struct peer *p = ov->parent;
    int r;

    if (p->state == PEER_OFFLINE) {
        if ((r = attach (p)) < 0) {
            flux_log (ov->h, LOG_ERR, "%s: %s", p->name, strerror (-r));
            return;
        }
        router_set_parent (ov->args.router, &p->ep);
        p->state = PEER_ONLINE;
        flux_watcher_stop (ov->timer);
        overlay_update_health (ov);
    }
    ov->parent_state = state;
    follow_parent (ov);
}

static void parent_gone (struct overlay *ov, enum peer_state state)
{
    struct peer *p = ov->parent;

    if (p->state == PEER_ONLINE)
        router_detach (ov->args.router, &p->ep);
    p->state = state;
    ov->parent_state = STATE_EXIT;
    follow_parent (ov);
}

static void give_up_parent (struct peer *p, const char *why)
{
    flux_log (p->ov->h, LOG_CRIT, "%s (parent): %s", p->name, why);
    parent_gone (p->ov, PEER_LOST);
}

void overlay_give_up (struct peer *p, const char *why)
{
    if (p->state != PEER_ONLINE)
        return;
    overlay_send_control (p, CONTROL_DISCONNECT, 0);
    if (p == p->ov->parent)
        give_up_parent (p, why);
    else
        give_up_child (p, why);
}

static void parent_message (struct link *l, flux_msg_t *msg, void *arg)
{
    struct peer *p = arg;
    struct overlay *ov = p->ov;
    int type, status;

    trace_message (ov->traces, msg, "rx", p->name, p->rank);
    if (flux_msg_get_type (msg, &type) == 0 && type == FLUX_MSGTYPE_CONTROL) {
        if (flux_control_decode (msg, &type, &status) < 0)
            type = 0;
        flux_msg_decref (msg);
        if (type == CONTROL_STATE && status >= 0 && status <= STATE_EXIT)
            parent_state (ov, status);
        else if (type == CONTROL_GOODBYE && ov->state == STATE_GOODBYE)
            parent_gone (ov, PEER_GONE);
        else if (type == CONTROL_DISCONNECT && p->state == PEER_ONLINE)
            give_up_parent (p, "has disconnected us");
    }
    else if (p->state == PEER_ONLINE)
        router_receive (ov->args.router, &p->ep, msg);
    else
        flux_msg_decref (msg);
}

static void parent_lost (struct link *l, const char *why, void *arg)
{
    struct peer *p = arg;

    if (p->state != PEER_GONE && p->state != PEER_LOST)
        give_up_parent (p, why);
}

const struct link_ops overlay_parent_ops = {
    .message = parent_message,
    .lost = parent_lost,
    .congested = congested_cb,
};

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct overlay *ov = arg;

    if (ov->state == STATE_JOIN) {
        flux_log (ov->h, LOG_CRIT, "%s (parent) does not answer", ov->parent->name);
        parent_gone (ov, PEER_LOST);
        return;
    }
    for (uint32_t i = 0; i < ov->nchildren; i++) {
        if (ov->children[i].state == PEER_OFFLINE)
            child_missing (&ov->children[i], "did not come");
    }
}

/* How long a broker waits for its parent to answer its HELLO, and for that of
 * its children.
 */
static void timer_restart (struct overlay *ov)
{
    if (ov->delay.connect_timeout < 0)
        return;
    flux_timer_watcher_reset (ov->timer, ov->delay.connect_timeout, 0.);
    flux_watcher_start (ov->timer);
}

/* Life */

/* Rank 0 waits until enough ranks are online. */
static void check_quorum (struct overlay *ov)
{
    const struct idset *online = groups_members (ov->groups, OVERLAY_ONLINE);
    _cleanup_ (freep) char *s = NULL;

    if (ov->state != STATE_QUORUM || idset_count (online) < ov->quorum)
        return;
    s = idset_encode (online, IDSET_FLAG_RANGE);
    flux_log (ov->h,
              LOG_INFO,
              "online: %s (ranks %s)",
              attrs_get (ov->args.attrs, "hostlist"),
              s ? s : "");
    ov->ops->post ("quorum-full", ov->arg);
}

static void groups_changed (const char *name, void *arg)
{
    if (strcmp (name, OVERLAY_ONLINE) == 0)
        check_quorum (arg);
}

bool overlay_entered (struct overlay *ov, enum broker_state state)
{
    ov->state = state;
    tell_children (ov);
    overlay_delay_entered (ov, state);
    if (state == STATE_QUORUM) {
        groups_join (ov->groups, OVERLAY_ONLINE);
        timer_restart (ov);
        overlay_update_health (ov);
    }
    if (state == STATE_JOIN && ov->parent) {
        overlay_send_control (ov->parent, CONTROL_HELLO, OVERLAY_VERSION);
        timer_restart (ov);
    }
    if (state == STATE_GOODBYE && ov->parent && ov->parent->state == PEER_ONLINE) {
        overlay_send_control (ov->parent, CONTROL_GOODBYE, 0);
        return true;
    }
    if (ov->parent)
        follow_parent (ov);
    switch (state) {
        case STATE_JOIN:
            return ov->parent != NULL;
        case STATE_QUORUM:
            if (!ov->parent)
                check_quorum (ov);
            return true;
        case STATE_SHUTDOWN:
            return children_online (ov);
        default:
            return false;
    }
}

/* Set-up */

static int get_quorum (struct overlay *ov, flux_error_t *error)
{
    const char *s = attrs_get (ov->args.attrs, "broker.quorum");

    ov->quorum = s ? strtoul (s, NULL, 10) : ov->topology.size;
    if (s && strchr (s, '-')) /* all ranks, the older way to say it (boot.c) */
        ov->quorum = ov->topology.size;
    if (ov->quorum < 1)
        ov->quorum = 1;
    return 0;
}

struct overlay *overlay_new (const struct overlay_args *args, flux_error_t *error)
{
    struct overlay *ov = calloc (1, sizeof (*ov));

    errprintf (error, "out of memory");
    if (!ov)
        return NULL;
    ov->args = *args;
    ov->h = self_handle (args->self);
    ov->reactor = flux_get_reactor (ov->h);
    ov->rank = args->pmi->rank;
    ov->since = flux_reactor_time ();
    ov->topology.size = ov->topology.k = 1; /* until there are more */
    if (!(ov->timer = flux_timer_watcher_create (
              ov->reactor, 1., 0., timer_cb, ov))
        || (args->pmi->size > 1 && overlay_join (ov, error) < 0)
        || get_quorum (ov, error) < 0 || overlay_delay_init (ov, error) < 0
        || overlay_serve (ov) < 0) {
        overlay_free (ov, 0.);
        return NULL;
    }
    return ov;
}

static void detach_all (struct overlay *ov)
{
    if (ov->parent && ov->parent->state == PEER_ONLINE)
        router_detach (ov->args.router, &ov->parent->ep);
    for (uint32_t i = 0; i < ov->nchildren; i++) {
        if (ov->children[i].state == PEER_ONLINE)
            detach_child (&ov->children[i]);
        ov->children[i].state = PEER_GONE;
    }
    if (ov->parent)
        ov->parent->state = PEER_GONE;
}

void overlay_free (struct overlay *ov, double linger)
{
    int saved_errno = errno;

    if (!ov)
        return;
    overlay_unserve (ov);
    detach_all (ov);
    if (ov->transport)
        ov->plugin->destroy (ov->transport, linger);
    flux_watcher_destroy (ov->timer);
    overlay_delay_fini (ov);
    /* its threads have ended, but may not have left its code: it stays */
    free (ov->children);
    free (ov->parent);
    free (ov);
    errno = saved_errno;
}

void overlay_set_ops (struct overlay *ov,
                      struct groups *groups,
                      const struct overlay_ops *ops,
                      void *arg)
{
    ov->groups = groups;
    ov->ops = ops;
    ov->arg = arg;
    groups_watch (groups, groups_changed, ov);
}
