/* waker.h - what wakes a thread that sleeps in poll: an eventfd, counted.
 *
 * Purpose: whoever finds that a reader sleeps may wake it a little later,
 * when it has let go of its locks, and the reader may have gone by then.
 *
 * A write to the descriptor is never lost, and never blocks.
 */

#ifndef MILLRACE_LIBFLUX_WAKER_H
#define MILLRACE_LIBFLUX_WAKER_H

#include <stdatomic.h>

struct waker {
    atomic_int refcount;
    int fd;
};

/* NULL with errno. */
struct waker *waker_create (void);

struct waker *waker_get (struct waker *w);
void waker_put (struct waker *w);

/* Make the descriptor readable.  Not a place to be cancelled at. */
void waker_fire (struct waker *w);

#endif /* !MILLRACE_LIBFLUX_WAKER_H */
