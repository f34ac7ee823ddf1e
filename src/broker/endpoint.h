/* broker/endpoint.h - somebody a message can come from or go to.
 *
 * Purpose: the router, the service table and the event hub know modules,
 * clients, other brokers and the broker itself only as endpoints.  The owner
 * of an endpoint (module host, connector, ...) embeds one and fills in the
 * two ways to hand it a message.
 *
 * Contract of the two operations: they do not block, and they never detach or
 * free an endpoint, be it this one: whoever finds a connection broken while
 * it delivers does the cleaning up later, from the reactor.  So the router
 * may hold endpoints across deliveries.
 *
 * Threads: all of this is used inside the router's monitor, by any thread.
 * An endpoint with a mailbox belongs to the broker's thread: only that calls
 * its operations, except for 'answer'.  One without (a module) is delivered
 * to by whoever sends.
 *
 * Ownership: strings belong to the embedding object.  The lists and tables in
 * here are those of the service table, the event hub and the router; they
 * are empty again after router_detach ().
 */

#ifndef MILLRACE_BROKER_ENDPOINT_H
#define MILLRACE_BROKER_ENDPOINT_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <flux/core.h>

#include "common/list.h"
#include "common/table.h"

#include "mailbox.h"

enum endpoint_kind {
    ENDPOINT_SELF,   /* the broker's own services and RPCs */
    ENDPOINT_MODULE, /* a module thread */
    ENDPOINT_CLIENT, /* a process on the local socket */
    ENDPOINT_HOP,    /* only a name in route stacks: it is skipped */
    ENDPOINT_PEER,   /* another broker of this instance */
};

struct endpoint {
    enum endpoint_kind kind;
    const char *name;  /* for people: "kvs", a client's program, ... */
    const char *route; /* its UUID in route stacks */
    const char *via;   /* pushed after its own: the connector's; or NULL */

    /* Who it is, by the kernel's word.  An owner may claim to be somebody
     * else, message by message; a guest may not.
     */
    uint32_t userid;
    uint32_t rolemask;

    /* Hand over *msg, which has one reference; on success it is NULL after.
     * Returns 0; -ENOSYS if it takes no more requests; another negative
     * errno when the message is lost.
     */
    int (*deliver) (struct endpoint *ep, flux_msg_t **msg);

    /* The same for a message that others get too. */
    int (*deliver_shared) (struct endpoint *ep, const flux_msg_t *msg);

    /* Where messages wait for the broker's thread; NULL: they need not. */
    struct mailbox *mailbox;

    /* NULL, or answers certain requests on the spot, in any thread: true if it
     * did.
     */
    bool (*answer) (struct endpoint *ep, const flux_msg_t *msg);

    /* It may die without a word (a module in a process of its own), and must not
     * be handed what cannot be noted, to be answered then.
     */
    bool mortal;

    /* Back-pressure.  A receiver that cannot keep up says so; a sender that
     * can be stopped (stop is not NULL: clients) is stopped when it sends
     * something there, and goes on when the congestion is over.
     */
    void (*stop) (struct endpoint *ep, bool yes);
    bool congested;
    struct list stopped;   /* senders that wait for this receiver */
    struct list stop_node; /* of a sender, in the former */

    struct list services;      /* of the service table */
    struct table subs;         /* of the event hub */
    uint64_t event_mark;       /* of the event hub: last delivery it was in */
    struct table disconnects;  /* of the router: what to send when it leaves */
    struct table open_senders; /* of the router: requests it is to answer, by who
                                * sent them */
    struct list open_list;     /* ... the same */
    size_t nopen;              /* ... how many requests */
};

static inline void endpoint_init (struct endpoint *ep,
                                  enum endpoint_kind kind,
                                  const char *name,
                                  const char *route)
{
    memset (ep, 0, sizeof (*ep));
    ep->kind = kind;
    ep->name = name;
    ep->route = route;
    ep->userid = FLUX_USERID_UNKNOWN;
    list_init (&ep->stopped);
    list_init (&ep->stop_node);
    list_init (&ep->services);
    table_init (&ep->subs);
    table_init (&ep->disconnects);
    table_init (&ep->open_senders);
    list_init (&ep->open_list);
}

/* Hand over *msg, as the operation of that name does; what has to wait for
 * the broker's thread counts as delivered.
 */
static inline int endpoint_deliver (struct endpoint *ep, flux_msg_t **msg)
{
    if (ep->answer && ep->answer (ep, *msg)) {
        flux_msg_decref (*msg);
        *msg = NULL;
        return 0;
    }
    if (ep->mailbox && !mailbox_passes (ep->mailbox))
        return mailbox_put (ep->mailbox, ep, msg);
    return ep->deliver (ep, msg);
}

static inline int endpoint_deliver_shared (struct endpoint *ep, const flux_msg_t *msg)
{
    flux_msg_t *copy;
    int r;

    if (!ep->mailbox || mailbox_passes (ep->mailbox))
        return ep->deliver_shared (ep, msg);
    if (!(copy = flux_msg_copy (msg, true)))
        return -ENOMEM;
    if ((r = mailbox_put (ep->mailbox, ep, &copy)) < 0)
        flux_msg_decref (copy);
    return r;
}

/* A deliver_shared () for those who keep what they are handed. */
static inline int endpoint_deliver_copy (struct endpoint *ep, const flux_msg_t *msg)
{
    flux_msg_t *copy = flux_msg_copy (msg, true);
    int r;

    if (!copy)
        return -errno;
    if ((r = ep->deliver (ep, &copy)) < 0)
        flux_msg_decref (copy);
    return r;
}

/* For a receiver, in the broker's thread: say how it is doing. */
static inline void endpoint_set_congested (struct endpoint *ep, bool yes)
{
    struct endpoint *sender;

    ep->congested = yes;
    while (!yes && (sender = list_first (&ep->stopped, struct endpoint, stop_node))) {
        list_del (&sender->stop_node);
        sender->stop (sender, false);
    }
}

/* For the router: sender has just sent something to receiver. */
static inline void endpoint_press_back (struct endpoint *sender,
                                        struct endpoint *receiver)
{
    if (sender->stop && receiver->congested && !list_linked (&sender->stop_node)) {
        list_append (&receiver->stopped, &sender->stop_node);
        sender->stop (sender, true);
    }
}

static inline bool endpoint_is_owner (const struct endpoint *ep)
{
    return (ep->rolemask & FLUX_ROLE_OWNER) != 0;
}

#endif /* !MILLRACE_BROKER_ENDPOINT_H */
