/* interthread.h - a tap on an interthread:// channel.
 *
 * Purpose: a module sends into its channel; who is to have the message is
 * known to the router.  With a tap the sender's thread asks it at once, so
 * that no thread in between has to wake up.
 *
 *   flux_opt_set (h, INTERTHREAD_TAP, &tap, sizeof (tap))
 *
 * set on one end, before the other is opened: whatever the other end sends is
 * handed to tap.send () in its own thread and never arrives at h.
 *
 * The end with the tap may then be sent to by any thread, one at a time, and
 * what is sent never waits: the queue grows past its bound.  Its owner asks
 * for INTERTHREAD_FULL (get, int) and, full, waits for FLUX_POLLOUT.
 *
 * Ownership: the tap is borrowed until both ends are closed.
 */

#ifndef MILLRACE_LIBFLUX_INTERTHREAD_H
#define MILLRACE_LIBFLUX_INTERTHREAD_H

#include <stdbool.h>
#include <flux/core.h>

#include "waker.h"

#define INTERTHREAD_TAP "millrace::tap"
#define INTERTHREAD_FULL "millrace::full"

struct interthread_tap {
    /* Takes *msg, which has one reference and no aux, and may have no
     * credential; it is NULL then.  Returns 0, or -1 with errno and *msg as
     * it was; with FLUX_O_NONBLOCK among flags it does not wait.
     */
    int (*send) (void *arg, flux_msg_t **msg, int flags);

    /* What was sent to the other end finds it asleep.  Fire the waker, at once
     * or (with a reference of your own) later.
     */
    void (*wake) (void *arg, struct waker *w);

    /* For the thread of the other end: from now on it may put off waking those
     * that it sends to (yes), or is about to sleep: it wakes them now.  NULL if
     * it never puts that off.
     */
    void (*hold) (void *arg, bool yes);
    void *arg;
};

#endif /* !MILLRACE_LIBFLUX_INTERTHREAD_H */
