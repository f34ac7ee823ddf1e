/* broker/self.h - the broker's own handle: its services and its RPCs.
 *
 * Purpose: services inside the broker are written like those of a module,
 * with message handlers on a flux_t.  What is sent on this handle goes
 * straight into the router; what the router has for the broker itself is
 * queued here and read by the dispatcher.
 *
 * Nobody may wait synchronously on this handle: the answer would have to
 * come from the reactor that is waiting.
 *
 * Ownership: the self owns the handle; message handlers and futures on it
 * must be gone before self_free ().
 * Bound: past SELF_QUEUE_SOFT queued messages clients that send more are
 * stopped, until half of them is worked off.
 */

#ifndef MILLRACE_BROKER_SELF_H
#define MILLRACE_BROKER_SELF_H

#include <flux/core.h>

#include "router.h"

enum { SELF_QUEUE_SOFT = 4096 };

struct self;

/* A request that is handled the moment it is delivered, not when the
 * dispatcher comes to it: for what must keep its order with messages that do
 * not pass the dispatcher (a subscription and the event that follows it), and
 * for what is frequent.  Such a handler must not detach an endpoint.
 *
 * One that may run anywhere is called by the sender's thread, inside the
 * router's monitor, with h NULL: it touches nothing but what the monitor
 * guards, and answers by router_respond ().
 */
struct self_direct {
    const char *topic;
    uint32_t rolemask; /* besides OWNER */
    bool anywhere;
    void (*cb) (flux_t *h, const flux_msg_t *msg, void *arg);
};

/* Makes the endpoint, attaches it to the router and opens the handle, which
 * uses the given reactor.  uuid is borrowed.  NULL with errno on failure.
 */
struct self *self_new (struct router *router,
                       flux_reactor_t *reactor,
                       const char *uuid);
void self_free (struct self *s);

flux_t *self_handle (struct self *s);
struct endpoint *self_endpoint (struct self *s);

/* Add the entries of tab, which ends with a NULL topic; it is borrowed.
 * Returns 0, or -1 with errno.
 */
int self_add_direct (struct self *s, const struct self_direct *tab, void *arg);

#endif /* !MILLRACE_BROKER_SELF_H */
