/* broker/monitor.h - one thread at a time.
 *
 * Purpose: the router and what belongs to it (service table, event hub,
 * endpoints) are used by the broker's thread and by every module thread, each
 * of which routes what it sends itself.  The monitor lets one in at a time.
 *
 * A thread may enter again while it is inside: a message that is delivered
 * may be answered on the spot.
 *
 * Whom it has messages for, a thread wakes when it has left: somebody who is
 * woken earlier may find it still inside, and goes back to sleep.  For what
 * nobody waits for (patient ()), a thread at its work puts that off further,
 * until it has done: whom it sends ten events, it wakes once.
 *
 * Rules for who is inside: no waiting, no long work.  A thread cannot be
 * cancelled there (modules can be elsewhere).
 */

#ifndef MILLRACE_BROKER_MONITOR_H
#define MILLRACE_BROKER_MONITOR_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "libflux/waker.h"

enum { MONITOR_WAKES = 16 };

struct monitor {
    pthread_mutex_t lock;
    const void *home;              /* the thread that made it */
    _Atomic (const void *) inside; /* the thread that is */
    int depth;
    int cancelstate; /* to be restored */
    struct waker *wakes[MONITOR_WAKES];
    int nwakes;
};

void monitor_init (struct monitor *m);
void monitor_fini (struct monitor *m);

void monitor_enter (struct monitor *m);
void monitor_leave (struct monitor *m);

/* Inside: fire the waker on leaving (if there are too many, now). */
void monitor_wake (struct monitor *m, struct waker *w);

/* The same for something that has time: while this thread holds, it owes that. */
void monitor_wake_later (struct monitor *m, struct waker *w);

/* Inside: something came that has no time.  If the wake-up is owed, by whichever
 * thread, it is not put off longer.
 */
void monitor_hurry (struct monitor *m, struct waker *w);

/* This thread may owe wake-ups from now on.  It lets go before it sleeps, and
 * from time to time.
 */
void monitor_hold (void);
void monitor_let_go (void);

/* Is this the thread that made the monitor (the broker's)? */
bool monitor_is_home (const struct monitor *m);

#endif /* !MILLRACE_BROKER_MONITOR_H */
