/* broker/router.h - where a message goes next.
 *
 * Purpose: every message that enters the broker passes router_receive ().
 * There it gets its credential (what the sender claims, as far as it may),
 * its routes, and its next endpoint: by service name and rank for a request,
 * by the route stack for a response, by subscription for an event.
 *
 * Route stacks (wire.md section 6.2): a sender that is not a broker gets its
 * own UUID pushed on the way in (a client also that of the connector); the
 * broker's UUID is pushed when a request leaves for a module, a client or
 * another broker.  A response sheds them in the reverse order.
 *
 * Rules that keep clients honest
 *  - a guest's userid and rolemask are overwritten; an owner's unset ones
 *    are filled in; LOCAL is cleared between brokers
 *  - a client's response counts only as the answer to a request that was
 *    handed to that client and is still open; anything else is dropped.  So
 *    no client can answer an RPC of the broker or of somebody else.
 *
 * Several ranks: peers are endpoints too.  router_add_peer () says which
 * next hop leads to which rank, router_set_parent () which is upstream; with
 * neither, this is an instance of one.
 *
 * When another broker goes, what it was asked and did not answer is answered
 * EHOSTUNREACH, and what senders behind it used here or farther on is sent
 * their disconnects.
 *
 * When a module goes, however it goes, what it was asked and did not answer is
 * answered ENOSYS: a request that was taken never stays without an answer.  (A
 * module that also runs on other hosts answers all of it itself.)
 *
 * Threads: a monitor.  Whoever sends routes: router_receive () may be called
 * by any thread, for an endpoint of its own, and hands messages to modules at
 * once; what is for endpoints of the broker's thread (the one that made the
 * router) waits in the mailbox.  All of the router's functions but those for
 * senders are for the broker's thread.  The service table, the event hub and
 * the lists in endpoints are used between router_enter () and router_leave ()
 * once there are modules.
 *
 * Bounds: mailbox.h.  ROUTER_DISCONNECTS_MAX disconnect messages are kept per endpoint,
 * ROUTER_OPEN_MAX open requests per client that provides a service,
 * ROUTER_PEER_MAX of each per broker and module process; past them a request is
 * refused with ENOSPC.  Of a module, too, ROUTER_PEER_MAX are kept; past them it is
 * on its own.
 */

#ifndef MILLRACE_BROKER_ROUTER_H
#define MILLRACE_BROKER_ROUTER_H

#include <stdbool.h>
#include <stdint.h>
#include <flux/core.h>

#include "endpoint.h"
#include "event.h"
#include "service.h"

enum {
    ROUTER_TOPIC_PREFIX_MAX = 244, /* wire.md section 2, hazard (a) */
    ROUTER_DISCONNECTS_MAX = 4096,
    ROUTER_OPEN_MAX = 65536,
    ROUTER_PEER_MAX = 1024 * 1024,
};

struct router;

/* services, events and uuid are borrowed.  uuid names this broker in route
 * stacks; owner is the userid of the instance owner.
 */
struct router *router_new (uint32_t rank,
                           const char *uuid,
                           uint32_t owner,
                           struct service_table *services,
                           struct event_hub *events);
void router_free (struct router *r);

/* Make an endpoint reachable by its route.  Exactly one may be
 * ENDPOINT_SELF.  Returns 0, -EEXIST or -ENOMEM.
 */
int router_attach (struct router *r, struct endpoint *ep);

/* Forget an endpoint: its services, subscriptions and route, after telling
 * those it used: one disconnect per (service, rank) is sent.  Requests it
 * took and did not answer are answered ENOSYS, those of a broker, or of a module
 * in a process of its own, EHOSTUNREACH.  Returns how many these were.
 */
size_t router_detach (struct router *r, struct endpoint *ep);

/* Be alone with the router and its tables (monitor.h). */
void router_enter (struct router *r);
void router_leave (struct router *r);

/* What router_enter () enters. */
struct monitor *router_monitor (struct router *r);

/* This broker has no place in its instance yet: requests of clients are answered
 * EAGAIN, but for those about its state, its attributes and its log.
 */
void router_set_offline (struct router *r, bool offline);

/* A message from an attached endpoint.  Takes msg, which must have one
 * reference.
 */
void router_receive (struct router *r, struct endpoint *from, flux_msg_t *msg);

/* ep does not read what it is sent, or does again: those that it asked for
 * streams are told (X.throttle), and may pause them.  From the reactor only.
 */
void router_throttle (struct router *r, struct endpoint *ep, bool on);

/* The attached endpoint that sent this request first, NULL if it is not one of
 * ours (or has gone).
 */
struct endpoint *router_sender (const struct router *r, const flux_msg_t *msg);

/* Answer a request in the broker's name, on the spot, in any thread. */
void router_respond (struct router *r,
                     const flux_msg_t *request,
                     int errnum,
                     const char *text);
void router_respond_pack (struct router *r,
                          const flux_msg_t *request,
                          const char *fmt,
                          ...);

/* Have the reactor of the broker's thread deliver what waits for it.  Returns
 * 0, or -1 with errno.
 */
int router_start (struct router *r, flux_reactor_t *reactor);

/* Deliver all that waits now. */
void router_drain (struct router *r);

struct mailbox *router_mailbox (struct router *r);

/* Overlay: requests for rank go to peer; ANY requests nobody here serves, and
 * UPSTREAM ones, go to the parent.  The caller attaches peers as well.
 * Returns 0, -EEXIST, -ENOMEM.
 */
int router_add_peer (struct router *r, uint32_t rank, struct endpoint *peer);
void router_remove_peer (struct router *r, uint32_t rank);
void router_set_parent (struct router *r, struct endpoint *parent);

struct router_stats {
    uint64_t requests;  /* taken in */
    uint64_t responses; /* taken in */
    uint64_t events;    /* taken in */
    uint64_t refused;   /* requests answered with an error by the router */
    uint64_t dropped;   /* messages without a place to go */
};

void router_get_stats (struct router *r, struct router_stats *stats);

#endif /* !MILLRACE_BROKER_ROUTER_H */
