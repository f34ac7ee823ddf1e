/* waker.h - what wakes a thread that sleeps in poll: an eventfd, counted.
 *
 * Purpose: whoever finds that a reader sleeps may wake it a little later,
 * when it has let go of its locks, and the reader may have gone by then.
 *
 * A write to the descriptor is never lost, and never blocks.
 *
 * A wake-up may be owed for a while: it is paid once, by whoever is first, be it
 * the thread that owes it or one that cannot wait.
 */

#ifndef MILLRACE_LIBFLUX_WAKER_H
#define MILLRACE_LIBFLUX_WAKER_H

#include <stdatomic.h>
#include <stdbool.h>

struct waker {
    atomic_int refcount;
    atomic_bool owed;
    int fd;
};

/* NULL with errno. */
struct waker *waker_create (void);

struct waker *waker_get (struct waker *w);
void waker_put (struct waker *w);

/* Owe it a wake-up.  False if one is owed already, and stays so. */
bool waker_owe (struct waker *w);

/* True if one was owed, and is the caller's to pay from now on. */
bool waker_take_over (struct waker *w);

/* Make the descriptor readable.  Not a place to be cancelled at. */
void waker_fire (struct waker *w);

#endif /* !MILLRACE_LIBFLUX_WAKER_H */
