#include "config.h"

#include <string.h>

#include "common/util.h"

#include "monitor.h"

enum { HELD_MAX = 32 };

/* What a thread has put off.  Its address also tells threads apart. */
static _Thread_local struct held {
    bool yes;
    int n;
    struct waker *wakes[HELD_MAX];
} me;

void monitor_init (struct monitor *m)
{
    pthread_mutexattr_t attr;

    /* What is done inside is short: look again before going to sleep. */
    pthread_mutexattr_init (&attr);
    pthread_mutexattr_settype (&attr, PTHREAD_MUTEX_ADAPTIVE_NP);
    pthread_mutex_init (&m->lock, &attr);
    pthread_mutexattr_destroy (&attr);
    m->home = &me;
    atomic_init (&m->inside, NULL);
    m->depth = 0;
    m->nwakes = 0;
}

void monitor_fini (struct monitor *m)
{
    monitor_let_go ();
    pthread_mutex_destroy (&m->lock);
}

bool monitor_is_home (const struct monitor *m)
{
    return m->home == &me;
}

void monitor_enter (struct monitor *m)
{
    int cancelstate;

    /* Only this thread can have put its own address there. */
    if (atomic_load_explicit (&m->inside, memory_order_relaxed) == &me) {
        m->depth++;
        return;
    }
    pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, &cancelstate);
    pthread_mutex_lock (&m->lock);
    atomic_store_explicit (&m->inside, &me, memory_order_relaxed);
    m->depth = 1;
    m->cancelstate = cancelstate;
}

void monitor_wake (struct monitor *m, struct waker *w)
{
    if (m->nwakes < MONITOR_WAKES)
        m->wakes[m->nwakes++] = waker_get (w);
    else
        waker_fire (w);
}

void monitor_leave (struct monitor *m)
{
    struct waker *wakes[MONITOR_WAKES];
    int cancelstate = m->cancelstate;
    int nwakes = m->nwakes;

    must (m->depth > 0);
    if (--m->depth > 0)
        return;
    memcpy (wakes, m->wakes, nwakes * sizeof (wakes[0]));
    m->nwakes = 0;
    atomic_store_explicit (&m->inside, NULL, memory_order_relaxed);
    pthread_mutex_unlock (&m->lock);
    for (int i = 0; i < nwakes; i++) {
        waker_fire (wakes[i]);
        waker_put (wakes[i]);
    }
    pthread_setcancelstate (cancelstate, NULL);
}

void monitor_wake_later (struct monitor *m, struct waker *w)
{
    if (me.yes && me.n < HELD_MAX && waker_owe (w))
        me.wakes[me.n++] = waker_get (w);
    else
        monitor_wake (m, w);
}

void monitor_hurry (struct monitor *m, struct waker *w)
{
    if (waker_take_over (w))
        monitor_wake (m, w);
}

void monitor_hold (void)
{
    me.yes = true;
}

void monitor_let_go (void)
{
    me.yes = false;
    while (me.n > 0) {
        struct waker *w = me.wakes[--me.n];

        if (waker_take_over (w))
            waker_fire (w);
        waker_put (w);
    }
}
