/* broker/overlay/transport.h - messages between two brokers.
 *
 * Purpose: the broker knows its neighbours as links; how bytes get there is
 * hidden behind this table of functions.  Its one implementation (zmq.c) is a
 * shared object of its own, opened only by an instance of more than one
 * broker: loading ZeroMQ costs more than all the rest of start-up.
 *
 * A link has one peer: it listens for one that proves to own a given key, or
 * connects to one that does.  Messages arrive whole, in order, or not at all.
 * A link that was up and breaks, or connects to nobody, is lost for good: it
 * never comes back.
 *
 * Callbacks come from the reactor, never from within a call (but congested ()
 * may); they may send, but not destroy the transport.
 *
 * Ownership: links belong to the transport and stay until it is destroyed.
 * Bound: a peer that does not read makes its link congested past LINK_SOFT
 * messages, and lost past LINK_HARD.
 */

#ifndef MILLRACE_OVERLAY_TRANSPORT_H
#define MILLRACE_OVERLAY_TRANSPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <flux/core.h>

enum {
    TRANSPORT_KEY_SIZE = 65, /* a public key as hex digits, and NUL */
    LINK_SOFT = 1024,
    LINK_HARD = 1024 * 1024,
};

struct transport;
struct link;

struct link_ops {
    /* Takes msg, which has one reference. */
    void (*message) (struct link *l, flux_msg_t *msg, void *arg);
    void (*lost) (struct link *l, const char *why, void *arg);
    void (*congested) (struct link *l, bool yes, void *arg);
};

struct transport_plugin {
    /* NULL with errno and a sentence. */
    struct transport *(*create) (flux_reactor_t *r, flux_error_t *error);

    /* What was sent has 'linger' seconds to leave. */
    void (*destroy) (struct transport *t, double linger);

    /* Our public key. */
    const char *(*key) (const struct transport *t);

    /* Wait for the owner of a key at a URI.  The key may be given later, with
     * admit (); until then nobody is let in.  NULL with errno.
     */
    struct link *(*listen) (struct transport *t,
                            const char *uri,
                            const struct link_ops *ops,
                            void *arg);
    int (*admit) (struct link *l, const char *key);

    /* Go to the owner of a key at a URI.  NULL with errno. */
    struct link *(*connect) (struct transport *t,
                             const char *uri,
                             const char *key,
                             const struct link_ops *ops,
                             void *arg);

    /* Queue a copy of msg.  0, or -1 with errno: EHOSTUNREACH when the link is
     * lost, ENOMEM.
     */
    int (*send) (struct link *l, const flux_msg_t *msg);
};

/* The symbol that the shared object exports. */
#define TRANSPORT_SYMBOL "overlay_transport"
extern const struct transport_plugin overlay_transport;

#endif /* !MILLRACE_OVERLAY_TRANSPORT_H */
