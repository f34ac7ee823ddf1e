#include "config.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/util.h"
#include "waker.h"

struct waker *waker_create (void)
{
    struct waker *w = malloc (sizeof (*w));

    if (!w)
        return NULL;
    atomic_init (&w->refcount, 1);
    atomic_init (&w->owed, false);
    if ((w->fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0) {
        free_keep_errno (w);
        return NULL;
    }
    return w;
}

struct waker *waker_get (struct waker *w)
{
    atomic_fetch_add_explicit (&w->refcount, 1, memory_order_relaxed);
    return w;
}

void waker_put (struct waker *w)
{
    if (w && atomic_fetch_sub_explicit (&w->refcount, 1, memory_order_acq_rel) == 1) {
        close (w->fd);
        free (w);
    }
}

bool waker_owe (struct waker *w)
{
    return !atomic_exchange (&w->owed, true);
}

bool waker_take_over (struct waker *w)
{
    return atomic_load_explicit (&w->owed, memory_order_relaxed)
           && atomic_exchange (&w->owed, false);
}

/* Module threads can be cancelled: the mark that the reader left for this is
 * gone, and it would never hear of it.
 */
void waker_fire (struct waker *w)
{
    int state;

    pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, &state);
    /* It can only fail when 2^64 - 2 wake-ups were not read. */
    if (eventfd_write (w->fd, 1) < 0)
        never ("eventfd overflow");
    pthread_setcancelstate (state, NULL);
}
