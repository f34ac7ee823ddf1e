/* broker/overlay/overlay.h - the other brokers of this instance.
 *
 * Purpose: place this broker in the tree, keep the links to its parent and
 * its children, and make them endpoints of the router; carry the life of the
 * instance through the tree: a broker starts its services when its parent has
 * them, runs when rank 0 does, and is gone before its parent goes.
 *
 * Between brokers, besides routed messages, control messages (type, status):
 *     HELLO    child to parent: I am here; status is the version
 *     STATE    parent to child: my state; the first one answers HELLO
 *     HEALTH   child to parent: that of my subtree
 *     GOODBYE  child to parent: I am done; parent to child: so be it
 *     DISCONNECT  either way: you are given up (overlay.disconnect-*)
 *
 * A child whose connection breaks without GOODBYE is lost, with all below it:
 * what was asked of them fails with EHOSTUNREACH, and what their clients used
 * elsewhere is told that they are gone.  A broker that loses its parent shuts
 * down.  Nobody comes back.
 *
 * Ownership: everything in the arguments is borrowed.
 */

#ifndef MILLRACE_OVERLAY_OVERLAY_H
#define MILLRACE_OVERLAY_OVERLAY_H

#include <flux/core.h>

#include "../attr.h"
#include "../groups.h"
#include "../router.h"
#include "../self.h"
#include "../service.h"
#include "../state.h"
#include "pmi_client.h"

struct overlay;

struct overlay_ops {
    /* Something happened that the state machine waits for. */
    void (*post) (const char *event, void *arg);

    /* Shut down; failed: because something broke. */
    void (*shutdown) (bool failed, void *arg);
};

struct overlay_args {
    struct pmi_client *pmi;
    struct attrs *attrs;
    struct self *self;
    struct router *router;
    struct event_hub *events;
    struct service_table *services;
    const char *uuid;
    const char *plugin; /* path of the transport's shared object */
};

/* Find the others and start connecting; in an instance of one there is nobody,
 * and it only answers who asks for the topology.  Blocks until all brokers of the
 * instance have come that far.  Sets the attributes hostlist and tbon.*.
 * NULL with errno and a sentence.
 */
struct overlay *overlay_new (const struct overlay_args *args, flux_error_t *error);

/* What was sent has 'linger' seconds to leave. */
void overlay_free (struct overlay *ov, double linger);

/* Before the reactor runs. */
void overlay_set_ops (struct overlay *ov,
                      struct groups *groups,
                      const struct overlay_ops *ops,
                      void *arg);

/* The state machine has entered this state.  Returns true if what happens now
 * is for the overlay to say: it will post the event that leads out of it.
 */
bool overlay_entered (struct overlay *ov, enum broker_state state);

#endif /* !MILLRACE_OVERLAY_OVERLAY_H */
