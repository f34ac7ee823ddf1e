/* broker/mailbox.h - what module threads have for the broker's thread.
 *
 * Purpose: a module thread routes its messages itself, but clients, other
 * brokers and the broker's services belong to the broker's thread.  What goes
 * to them waits here until that thread delivers it.
 *
 * Order: endpoints of the broker's thread get messages in the order in which
 * they were routed.  So what that thread itself routes to them waits as well
 * while something else does (mailbox_passes ()).
 *
 * All functions but the four at the end are called inside the monitor.
 *
 * Bound: past MAILBOX_MAX messages or MAILBOX_BYTES_MAX bytes of payload (what
 * may come over a client that is told to be slow too late, client.h)
 * modules wait in mailbox_wait () before they send anything, until half of
 * it is worked off.  What is sent on behalf of others meanwhile is taken.
 */

#ifndef MILLRACE_BROKER_MAILBOX_H
#define MILLRACE_BROKER_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <flux/core.h>

#include "monitor.h"

enum {
    MAILBOX_MAX = 65536,
    MAILBOX_BYTES_MAX = 4 << 20,
    MAILBOX_BATCH = 256, /* delivered per pass of the reactor, or ... */
    MAILBOX_BATCH_BYTES = 1 << 20,
};

struct endpoint;
struct mailbox;

struct mailbox *mailbox_new (struct monitor *monitor);

/* Nothing waits in it, or nobody cares any more. */
void mailbox_free (struct mailbox *mb);

/* May this thread deliver to its endpoints itself, now? */
bool mailbox_passes (const struct mailbox *mb);

/* Takes *msg, which is NULL then.  Returns 0 or -ENOMEM. */
int mailbox_put (struct mailbox *mb, struct endpoint *ep, flux_msg_t **msg);

/* The next one for the broker's thread, which delivers it and then asks
 * again.  False if there is none.  *msg is NULL if it was put so.
 */
bool mailbox_take (struct mailbox *mb, struct endpoint **ep, flux_msg_t **msg);

/* The endpoint goes away: what waits for it is taken with *ep NULL, for nobody.
 * O(messages that wait).
 */
void mailbox_forget (struct mailbox *mb, const struct endpoint *ep);

/* Outside the monitor: for senders.  Wait for room; or see if there is. */
void mailbox_wait (struct mailbox *mb);
bool mailbox_full (const struct mailbox *mb);

/* Outside the monitor: for the broker's thread.  Call work (), which takes out
 * MAILBOX_BATCH messages at most, whenever there are some.
 */
int mailbox_watch (struct mailbox *mb,
                   flux_reactor_t *reactor,
                   void (*work) (void *arg),
                   void *arg);
size_t mailbox_count (const struct mailbox *mb);

/* How many bytes of payload have been taken out so far. */
size_t mailbox_taken (const struct mailbox *mb);

#endif /* !MILLRACE_BROKER_MAILBOX_H */
