#include "config.h"

#include "common/util.h"

#include "monitor.h"

/* Its address tells threads apart. */
static _Thread_local char me;

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
}

void monitor_fini (struct monitor *m)
{
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

void monitor_leave (struct monitor *m)
{
    int cancelstate = m->cancelstate;

    must (m->depth > 0);
    if (--m->depth > 0)
        return;
    atomic_store_explicit (&m->inside, NULL, memory_order_relaxed);
    pthread_mutex_unlock (&m->lock);
    pthread_setcancelstate (cancelstate, NULL);
}
