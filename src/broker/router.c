#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/table.h"
#include "common/util.h"

#include "disconnect.h"
#include "router.h"

struct router {
    uint32_t rank;
    const char *uuid;
    uint32_t owner;
    struct service_table *services;
    struct event_hub *events;
    struct endpoint *self;
    struct endpoint *parent;
    struct table routes; /* UUID => struct endpoint */
    struct table peers;  /* rank => struct endpoint: next hop */
    struct router_stats stats;
    bool offline;
    struct monitor monitor; /* around all of this */
    struct mailbox *mailbox;
};

struct router *router_new (uint32_t rank,
                           const char *uuid,
                           uint32_t owner,
                           struct service_table *services,
                           struct event_hub *events)
{
    struct router *r = calloc (1, sizeof (*r));

    if (!r)
        return NULL;
    r->rank = rank;
    r->uuid = uuid;
    r->owner = owner;
    r->services = services;
    r->events = events;
    table_init (&r->routes);
    table_init (&r->peers);
    monitor_init (&r->monitor);
    if (!(r->mailbox = mailbox_new (&r->monitor))) {
        router_free (r);
        return NULL;
    }
    return r;
}

void router_free (struct router *r)
{
    if (!r)
        return;
    table_fini (&r->routes);
    table_fini (&r->peers);
    mailbox_free (r->mailbox);
    monitor_fini (&r->monitor);
    free (r);
}

void router_enter (struct router *r)
{
    monitor_enter (&r->monitor);
}

void router_leave (struct router *r)
{
    monitor_leave (&r->monitor);
}

struct monitor *router_monitor (struct router *r)
{
    return &r->monitor;
}

int router_attach (struct router *r, struct endpoint *ep)
{
    int rc;

    router_enter (r);
    must (ep->kind != ENDPOINT_SELF || !r->self);
    must (ep->kind == ENDPOINT_HOP || (ep->deliver && ep->deliver_shared));
    if ((rc = table_put_str (&r->routes, ep->route, ep)) == 0) {
        if (ep->kind == ENDPOINT_SELF)
            r->self = ep;
        if (ep->kind != ENDPOINT_MODULE)
            ep->mailbox = r->mailbox;
    }
    router_leave (r);
    return rc;
}

struct endpoint *router_sender (const struct router *r, const flux_msg_t *msg)
{
    const char *route = flux_msg_route_first (msg);
    struct endpoint *ep = route ? table_get_str (&r->routes, route) : r->self;

    return ep && ep->kind != ENDPOINT_PEER && ep->kind != ENDPOINT_HOP ? ep : NULL;
}

int router_add_peer (struct router *r, uint32_t rank, struct endpoint *peer)
{
    int rc;

    router_enter (r);
    rc = table_put_u64 (&r->peers, rank, peer);
    router_leave (r);
    return rc;
}

void router_remove_peer (struct router *r, uint32_t rank)
{
    router_enter (r);
    table_del_u64 (&r->peers, rank);
    router_leave (r);
}

void router_set_offline (struct router *r, bool offline)
{
    router_enter (r);
    r->offline = offline;
    router_leave (r);
}

void router_set_parent (struct router *r, struct endpoint *parent)
{
    router_enter (r);
    r->parent = parent;
    router_leave (r);
}

void router_get_stats (struct router *r, struct router_stats *stats)
{
    router_enter (r);
    *stats = r->stats;
    router_leave (r);
}

static void drop (struct router *r, flux_msg_t *msg)
{
    r->stats.dropped++;
    flux_msg_decref (msg);
}

/* Say who sent this.  From an owner's socket each unset field is filled in
 * by itself; within the process only a message with neither gets both.
 */
static int stamp (struct router *r, const struct endpoint *from, flux_msg_t *msg)
{
    struct flux_msg_cred cred;

    if (flux_msg_get_cred (msg, &cred) < 0)
        return -EPROTO;
    if (from->kind == ENDPOINT_PEER)
        cred.rolemask &= ~FLUX_ROLE_LOCAL; /* its sender is not of this broker */
    else if (from->kind == ENDPOINT_CLIENT && !endpoint_is_owner (from)) {
        cred.userid = from->userid;
        cred.rolemask = from->rolemask;
    }
    else {
        bool no_userid = cred.userid == FLUX_USERID_UNKNOWN;
        bool no_rolemask = cred.rolemask == FLUX_ROLE_NONE;
        bool both = no_userid && no_rolemask;
        bool each = from->kind == ENDPOINT_CLIENT;

        if (no_userid && (each || both))
            cred.userid = r->owner;
        if (no_rolemask && (each || both))
            cred.rolemask = FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL;
    }
    return flux_msg_set_cred (msg, cred) < 0 ? -errno : 0;
}

/* Responses */

static void route_response (struct router *r, const struct endpoint *from, flux_msg_t *msg)
{
    const char *route;
    struct endpoint *ep;

    /* Only the broker's own answers were never given our route. */
    if (from != r->self) {
        route = flux_msg_route_last (msg);
        if (!route || strcmp (route, r->uuid) != 0
            || flux_msg_route_delete_last (msg) < 0) {
            drop (r, msg);
            return;
        }
    }
    for (;;) {
        if (!(route = flux_msg_route_last (msg))) {
            ep = r->self;
            break;
        }
        if (!(ep = table_get_str (&r->routes, route)))
            break;
        if (ep->kind == ENDPOINT_PEER)
            break;
        if (flux_msg_route_delete_last (msg) < 0)
            ep = NULL;
        if (!ep || ep->kind != ENDPOINT_HOP)
            break;
    }
    if (!ep || endpoint_deliver (ep, &msg) < 0)
        drop (r, msg);
}

static void receive_response (struct router *r, struct endpoint *from, flux_msg_t *msg)
{
    r->stats.responses++;
    if (from->kind == ENDPOINT_CLIENT) {
        flux_msg_t *answer = open_answer (from, msg);

        if (!answer) {
            drop (r, msg);
            return;
        }
        flux_msg_decref (msg);
        msg = answer;
    }
    else if (from->kind != ENDPOINT_SELF)
        open_answered (from, msg);
    route_response (r, from, msg);
}

/* Answer a request that has not been given our route (any more).  Takes msg. */
static void refuse (struct router *r, flux_msg_t *msg, int errnum, const char *text)
{
    flux_msg_t *response = NULL;

    r->stats.refused++;
    if (!flux_msg_is_noresponse (msg)
        && (response = flux_response_derive (msg, errnum))) {
        if ((text && flux_msg_set_string (response, text) < 0)
            || stamp (r, r->self, response) < 0) {
            flux_msg_decref (response);
            response = NULL;
        }
    }
    flux_msg_decref (msg);
    if (response)
        route_response (r, r->self, response);
}

static void refuse_nosys (struct router *r, flux_msg_t *msg)
{
    char text[64]; /* the documented cut */
    const char *topic;

    if (flux_msg_get_topic (msg, &topic) < 0)
        topic = "";
    /* a topic that is cut in the middle is still the documented answer */
    (void)(snprintf (text,
                     sizeof (text),
                     "No service matching %s is registered",
                     topic)
           < 0);
    refuse (r, msg, ENOSYS, text);
}

/* Requests */

/* Find the next endpoint for a request.  Returns 0, -ENOSYS (nobody here or
 * upstream serves it) or -EHOSTUNREACH (no way to that rank).
 */
static int resolve (struct router *r, const flux_msg_t *msg, struct endpoint **next)
{
    bool upstream = flux_msg_has_flag (msg, FLUX_MSGFLAG_UPSTREAM);
    struct endpoint *ep;
    const char *topic;
    uint32_t nodeid;

    if (flux_msg_get_topic (msg, &topic) < 0 || flux_msg_get_nodeid (msg, &nodeid) < 0)
        return -EPROTO;
    if (upstream && nodeid == r->rank) {
        *next = r->parent;
        return r->parent ? 0 : -EHOSTUNREACH;
    }
    if (upstream || nodeid == FLUX_NODEID_ANY) {
        if (!(ep = service_lookup (r->services, topic)))
            ep = r->parent;
        *next = ep;
        /* what is upstream is not known to a broker that is cut off */
        return ep ? 0 : r->rank > 0 ? -EHOSTUNREACH : -ENOSYS;
    }
    if (nodeid == r->rank) {
        *next = service_lookup (r->services, topic);
        return *next ? 0 : -ENOSYS;
    }
    if (!(ep = table_get_u64 (&r->peers, nodeid)))
        ep = r->parent;
    *next = ep;
    return ep ? 0 : -EHOSTUNREACH;
}

/* Keep what is needed to answer, should next go away before it does.  A client's
 * answers are known by it; those of others pass as they are, and a module that
 * ends well answers what it can itself.
 */
static int note_open (struct endpoint *next, const flux_msg_t *msg)
{
    bool client = next->kind == ENDPOINT_CLIENT;
    uint32_t matchtag = FLUX_MATCHTAG_NONE;
    int rc;

    if (disconnect_is (msg))
        open_forget (next, msg);
    (void)flux_msg_get_matchtag (msg, &matchtag);
    if (!client && matchtag == FLUX_MATCHTAG_NONE)
        return 0; /* nobody waits for an answer */
    rc = open_note (next, msg, client ? ROUTER_OPEN_MAX : ROUTER_PEER_MAX);
    if (next->kind == ENDPOINT_MODULE && !next->mortal)
        return 0;
    return !client && rc == -EEXIST ? 0 : rc;
}

/* Before a request leaves the broker's own thread it gets our route, and
 * between brokers it loses LOCAL.
 */
static int prepare_to_leave (struct router *r, struct endpoint *next, flux_msg_t *msg)
{
    uint32_t rolemask;

    if (next->kind == ENDPOINT_SELF)
        return 0;
    flux_msg_route_enable (msg);
    if (flux_msg_route_push (msg, r->uuid) < 0)
        return -errno;
    if (next->kind == ENDPOINT_PEER
        && (flux_msg_get_rolemask (msg, &rolemask) < 0
            || flux_msg_set_rolemask (msg, rolemask & ~FLUX_ROLE_LOCAL) < 0))
        return -EPROTO;
    return note_open (next, msg);
}

/* A request that was pushed our route and went nowhere. */
static void come_back (struct router *r, flux_msg_t *msg, int errnum, const char *text)
{
    const char *route = flux_msg_route_last (msg);

    if (route && strcmp (route, r->uuid) == 0)
        (void)flux_msg_route_delete_last (msg);
    if (errnum == ENOSYS)
        refuse_nosys (r, msg);
    else
        refuse (r, msg, errnum, text);
}

/* A request that next did not take after all. */
static void
undelivered (struct router *r, struct endpoint *next, flux_msg_t *msg, int errnum)
{
    if (!flux_msg_is_noresponse (msg))
        open_cancel (next, msg);
    come_back (r, msg, errnum, NULL);
}

/* Note what is to be sent when the sender goes: for a client, for a module's
 * own requests only (wire.md 6.3), and for all senders behind a broker.
 */
static int note_disconnect (struct endpoint *from, const flux_msg_t *msg)
{
    switch (from->kind) {
        case ENDPOINT_CLIENT:
            return disconnect_note (from, msg, ROUTER_DISCONNECTS_MAX);
        case ENDPOINT_MODULE:
            if (flux_msg_route_count (msg) > 1)
                return 0;
            return disconnect_note (from, msg, ROUTER_DISCONNECTS_MAX);
        case ENDPOINT_PEER:
            if (disconnect_is (msg)) {
                disconnect_forget (from, msg);
                return 0;
            }
            return disconnect_note (from, msg, ROUTER_PEER_MAX);
        default:
            return 0;
    }
}

/* Send a request on.  Takes msg, which has its credential and the routes of
 * those before us.
 */
static void route_request (struct router *r, struct endpoint *from, flux_msg_t *msg)
{
    struct endpoint *next;
    int rc;

    if ((rc = resolve (r, msg, &next)) == 0 && next == from
        && next->kind == ENDPOINT_PEER)
        rc = -EHOSTUNREACH; /* it was sent here because we should know the way */
    if (rc < 0) {
        if (rc == -ENOSYS)
            refuse_nosys (r, msg);
        else
            refuse (r, msg, -rc, NULL);
        return;
    }
    if (from && (rc = note_disconnect (from, msg)) < 0) {
        refuse (r, msg, -rc, NULL);
        return;
    }
    if ((rc = prepare_to_leave (r, next, msg)) < 0)
        come_back (r, msg, -rc, NULL);
    else if ((rc = endpoint_deliver (next, &msg)) < 0)
        undelivered (r, next, msg, -rc);
    else if (from)
        endpoint_press_back (from, next);
}

static int push_sender (const struct endpoint *from, flux_msg_t *msg)
{
    if (from->kind == ENDPOINT_SELF || from->kind == ENDPOINT_PEER)
        return 0;
    flux_msg_route_enable (msg);
    if (flux_msg_route_push (msg, from->route) < 0
        || (from->via && flux_msg_route_push (msg, from->via) < 0))
        return -errno;
    return 0;
}

static bool may_be_offline (const char *topic)
{
    static const char *const topics[] = {
        "state-machine.wait", "state-machine.get", "attr.get", "log.dmesg",
    };

    for (size_t i = 0; i < ARRAY_SIZE (topics); i++) {
        if (strcmp (topic, topics[i]) == 0)
            return true;
    }
    return false;
}

static void receive_request (struct router *r, struct endpoint *from, flux_msg_t *msg)
{
    const char *topic, *dot;
    int rc;

    r->stats.requests++;
    if (flux_msg_get_topic (msg, &topic) < 0 || push_sender (from, msg) < 0) {
        drop (r, msg);
        return;
    }
    if ((rc = stamp (r, from, msg)) < 0) {
        refuse (r, msg, -rc, NULL);
        return;
    }
    if (r->offline && from->kind == ENDPOINT_CLIENT && !may_be_offline (topic)) {
        refuse (r, msg, EAGAIN, "Upstream Flux broker is offline. Try again later.");
        return;
    }
    dot = strrchr (topic, '.');
    if (dot && dot - topic > ROUTER_TOPIC_PREFIX_MAX) {
        refuse (r, msg, EINVAL, "topic string is too long");
        return;
    }
    route_request (r, from, msg);
}

/* Events are numbered at rank 0. */
static void receive_event (struct router *r, struct endpoint *from, flux_msg_t *msg)
{
    r->stats.events++;
    if (stamp (r, from, msg) < 0) {
        drop (r, msg);
        return;
    }
    if (from == r->parent && from != NULL) {
        event_deliver (r->events, &msg);
        return;
    }
    flux_msg_route_enable (msg);
    flux_msg_route_clear (msg); /* nobody answers an event */
    if (r->rank > 0) {
        if (!r->parent || endpoint_deliver (r->parent, &msg) < 0)
            drop (r, msg);
        return;
    }
    if (event_publish (r->events, &msg, NULL) < 0)
        r->stats.dropped++;
}

void router_receive (struct router *r, struct endpoint *from, flux_msg_t *msg)
{
    int type;

    router_enter (r);
    if (flux_msg_get_type (msg, &type) < 0)
        type = 0;
    switch (type) {
        case FLUX_MSGTYPE_REQUEST:
            receive_request (r, from, msg);
            break;
        case FLUX_MSGTYPE_RESPONSE:
            if (stamp (r, from, msg) < 0)
                drop (r, msg);
            else
                receive_response (r, from, msg);
            break;
        case FLUX_MSGTYPE_EVENT:
            receive_event (r, from, msg);
            break;
        default:
            drop (r, msg);
            break;
    }
    router_leave (r);
}

/* Answers */

static void respond (struct router *r, flux_msg_t *response)
{
    router_enter (r);
    if (stamp (r, r->self, response) < 0)
        drop (r, response);
    else
        route_response (r, r->self, response);
    router_leave (r);
}

void router_respond (struct router *r, const flux_msg_t *request, int errnum, const char *text)
{
    flux_msg_t *response;

    if (flux_msg_is_noresponse (request)
        || !(response = flux_response_derive (request, errnum)))
        return;
    /* without its sentence it still is the answer */
    (void)(text && flux_msg_set_string (response, text) < 0);
    respond (r, response);
}

void router_respond_pack (struct router *r, const flux_msg_t *request, const char *fmt, ...)
{
    flux_msg_t *response;
    va_list ap;
    int rc;

    if (flux_msg_is_noresponse (request) || !(response = flux_response_derive (request, 0)))
        return;
    va_start (ap, fmt);
    rc = flux_msg_vpack (response, fmt, ap);
    va_end (ap);
    if (rc == 0)
        respond (r, response);
    else {
        flux_msg_decref (response);
        router_respond (r, request, errno, NULL);
    }
}

/* The broker's thread */

/* Deliver one of those that wait.  False if there is none. */
static bool deliver_next (struct router *r)
{
    struct endpoint *ep;
    flux_msg_t *msg;
    bool more;
    int rc, type;

    router_enter (r);
    more = mailbox_take (r->mailbox, &ep, &msg);
    router_leave (r);
    if (more && !ep)
        flux_msg_decref (msg);
    if (!more || !ep || (rc = ep->deliver (ep, &msg)) == 0)
        return more;
    router_enter (r);
    if (flux_msg_get_type (msg, &type) == 0 && type == FLUX_MSGTYPE_REQUEST)
        undelivered (r, ep, msg, -rc);
    else
        drop (r, msg);
    router_leave (r);
    return true;
}

static void work (void *arg)
{
    struct router *r = arg;
    size_t begin = mailbox_taken (r->mailbox);

    for (int i = 0; i < MAILBOX_BATCH && deliver_next (r); i++) {
        if (mailbox_taken (r->mailbox) - begin >= MAILBOX_BATCH_BYTES)
            break; /* the clients are to have it written, or say that they are slow */
    }
}

int router_start (struct router *r, flux_reactor_t *reactor)
{
    return mailbox_watch (r->mailbox, reactor, work, r);
}

void router_drain (struct router *r)
{
    while (deliver_next (r))
        ;
}

struct mailbox *router_mailbox (struct router *r)
{
    return r->mailbox;
}

void router_throttle (struct router *r, struct endpoint *ep, bool on)
{
    flux_msg_t *msg;
    size_t pos = 0;

    router_enter (r);
    while (r->self && (msg = disconnect_throttle (ep, &pos, on)))
        route_request (r, NULL, msg);
    router_leave (r);
}

/* What waits for ep in the mailbox is for nobody then, and more cannot come: it
 * is found no longer.  Requests among it count as taken and not answered.
 */
size_t router_detach (struct router *r, struct endpoint *ep)
{
    size_t unanswered = 0;
    flux_msg_t *msg;

    router_enter (r);
    endpoint_set_congested (ep, false);
    list_del (&ep->stop_node);
    service_remove_all (r->services, ep);
    event_unsubscribe_all (r->events, ep);
    table_del_str (&r->routes, ep->route);
    if (r->self == ep)
        r->self = NULL;
    if (r->parent == ep)
        r->parent = NULL;
    while ((msg = open_pop (ep))) {
        unanswered++;
        if (r->self && ep->mortal)
            come_back (r, msg, EHOSTUNREACH, "module disconnect");
        else if (r->self)
            come_back (r, msg, ep->kind == ENDPOINT_PEER ? EHOSTUNREACH : ENOSYS, NULL);
        else
            flux_msg_decref (msg);
    }
    while ((msg = disconnect_pop (ep))) {
        if (r->self)
            route_request (r, NULL, msg);
        else
            flux_msg_decref (msg);
    }
    mailbox_forget (r->mailbox, ep);
    router_leave (r);
    return unanswered;
}
