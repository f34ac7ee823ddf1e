/* Who is woken when. */

#include "config.h"

#include <errno.h>
#include <flux/core.h>
#include <sys/eventfd.h>

#include "common/tap.h"
#include "common/util.h"

#include "monitor.h"

static struct waker *new_waker (void)
{
    struct waker *w = waker_create ();

    if (!w)
        bail_out ("waker: %s", strerror (errno));
    return w;
}

/* How often it was fired since it was last asked. */
static int fired (struct waker *w)
{
    eventfd_t value;

    return eventfd_read (w->fd, &value) < 0 ? 0 : value;
}

static void wake (struct monitor *m, struct waker *w)
{
    monitor_enter (m);
    monitor_wake (m, w);
    monitor_leave (m);
}

int main (void)
{
    struct waker *w = new_waker ();
    struct monitor m;
    int now;

    monitor_init (&m);
    monitor_enter (&m);
    monitor_enter (&m);
    monitor_wake (&m, w);
    monitor_leave (&m);
    ok (fired (w) == 0, "nobody is woken from inside");
    monitor_leave (&m);
    ok (fired (w) == 1, "but on leaving");

    monitor_enter (&m);
    for (int i = 0; i < 100; i++)
        monitor_wake (&m, w);
    monitor_leave (&m);
    ok (fired (w) == 100, "each time it was asked for, however many there are");

    monitor_hold ();
    wake (&m, w);
    wake (&m, w);
    ok (fired (w) == 0, "who holds puts that off");
    monitor_let_go ();
    ok (fired (w) == 2, "until it lets go");
    wake (&m, w);
    ok (fired (w) == 1, "which ends it");

    monitor_hold ();
    for (int i = 0; i < 100; i++)
        wake (&m, w);
    now = fired (w);
    ok (now > 0 && now < 100, "what is put off has a bound");
    monitor_let_go ();
    ok (now + fired (w) == 100, "and all are woken in the end");

    monitor_hold ();
    wake (&m, w);
    ok (atomic_load (&w->refcount) == 2, "it is kept for that");
    monitor_let_go ();
    ok (atomic_load (&w->refcount) == 1, "and not longer");
    waker_put (w);
    monitor_fini (&m);
    return done_testing ();
}
