/* dispatch_private.h - the dispatcher of a handle: who gets which message.
 *
 * Purpose: requests by exact topic and responses by matchtag are found by
 * hash, however many there are; only handlers with a glob (or for events, or
 * for several types) are looked at one by one, newest first.
 *
 * Invariants
 *  - the handle's watcher is active iff some handler or sink is running
 *  - who gets a message is settled before the first of them is called: a
 *    callback may create, start, stop or destroy any handler; stopped or
 *    destroyed ones are not called any more
 *  - what a message made ready (continuations) runs before the next message
 *
 * Ownership: the handle owns its dispatcher (aux); handlers and sinks hold a
 * reference, so that they may outlive the handle; they are then detached and
 * only need to be destroyed.
 *
 * Bound: one pass takes at most DISPATCH_BATCH messages and DISPATCH_TIME, so
 * that timers and other descriptors get their turn; those whom it sends to are
 * woken at its end, or when DISPATCH_HOLD has passed and a message is done.  What a clone
 * saves for its parent is what arrives during one blocking wait: that has no
 * bound, as the awaited response may come behind all of it.
 */

#ifndef MILLRACE_LIBFLUX_DISPATCH_PRIVATE_H
#define MILLRACE_LIBFLUX_DISPATCH_PRIVATE_H

#include <stdbool.h>
#include <flux/core.h>

#include "common/list.h"
#include "common/table.h"

/* Nanoseconds. */
enum {
    DISPATCH_BATCH = 64,
    DISPATCH_TIME = 1000000,
    DISPATCH_HOLD = 100000,
};

struct dispatch {
    int refcount;
    flux_t *h; /* NULL: detached */
    flux_watcher_t *w;
    int running;         /* started handlers and sinks */
    struct table topics; /* name -> struct topic */
    struct table sinks;  /* matchtag -> struct response_sink */
    struct list others;  /* handlers that are in neither, newest first */

    const flux_msg_t **saved; /* on a clone: for the parent, in order */
    size_t saved_count;
    size_t saved_max;
};

/* Where the responses with one matchtag go.  A sink that is not running does
 * not make the dispatcher receive; but it gets what arrives for it anyway and
 * would be dropped.
 */
struct response_sink {
    struct dispatch *d; /* NULL: not registered */
    uint32_t matchtag;
    bool running;
    /* Returns false if it does not want the message. */
    bool (*accept) (struct response_sink *s, const flux_msg_t *msg); /* may be NULL */
    void (*receive) (struct response_sink *s, const flux_msg_t *msg);
};

struct topic {
    char *name;
    struct list handlers; /* newest first, never empty */
};

struct flux_msg_handler {
    int refcount;
    struct dispatch *d; /* NULL: destroyed, and only kept by a dispatch */
    struct flux_match match;
    uint32_t rolemask;
    flux_msg_handler_f cb;
    void *arg;
    bool running;
    struct list node;          /* in others, or in the topic */
    struct topic *topic;       /* NULL unless it is in one */
    struct response_sink sink; /* registered if it is for one matchtag */
};

/* The dispatcher of h, made if there is none. */
struct dispatch *dispatch_get (flux_t *h);
void dispatch_decref (struct dispatch *d);

/* Make the handle's watcher if there is none (and with it the reactor). */
int dispatch_need_watcher (struct dispatch *d);

/* One more, or one less, handler or sink is running. */
void dispatch_ref_running (struct dispatch *d);
void dispatch_unref_running (struct dispatch *d);

/* Register, stopped.  -1 with EEXIST if the matchtag has a sink. */
int response_sink_add (struct dispatch *d, uint32_t matchtag, struct response_sink *s);
int response_sink_start (struct response_sink *s);
void response_sink_stop (struct response_sink *s);
void response_sink_remove (struct response_sink *s);

/* Hand over a response that is for s; without any role it is dropped. */
void response_sink_deliver (struct response_sink *s, const flux_msg_t *msg);

/* Offer msg to a handler that was chosen for it: call it, or refuse. */
void msg_handler_deliver (flux_msg_handler_t *mh, const flux_msg_t *msg);
void msg_handler_decref (flux_msg_handler_t *mh);

#endif /* !MILLRACE_LIBFLUX_DISPATCH_PRIVATE_H */
