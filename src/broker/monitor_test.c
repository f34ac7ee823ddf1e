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

static void wake_later (struct monitor *m, struct waker *w)
{
    monitor_enter (m);
    monitor_wake_later (m, w);
    monitor_leave (m);
}

static void hurry (struct monitor *m, struct waker *w)
{
    monitor_enter (m);
    monitor_hurry (m, w);
    monitor_leave (m);
}

static void at_once (struct monitor *m)
{
    struct waker *w = new_waker ();

    monitor_enter (m);
    monitor_enter (m);
    monitor_wake (m, w);
    monitor_leave (m);
    ok (fired (w) == 0, "nobody is woken from inside");
    monitor_leave (m);
    ok (fired (w) == 1, "but on leaving");

    monitor_enter (m);
    for (int i = 0; i < 100; i++)
        monitor_wake (m, w);
    monitor_leave (m);
    ok (fired (w) == 100, "each time it was asked for, however many there are");
    waker_put (w);
}

static void later (struct monitor *m)
{
    struct waker *w = new_waker ();

    wake_later (m, w);
    ok (fired (w) == 1, "who does not hold puts nothing off");
    monitor_hold ();
    wake_later (m, w);
    ok (fired (w) == 0 && atomic_load (&w->refcount) == 2, "who holds does, and keeps it");
    monitor_let_go ();
    ok (fired (w) == 1 && atomic_load (&w->refcount) == 1, "until it lets go");
    wake_later (m, w);
    ok (fired (w) == 1, "which ends it");

    monitor_hold ();
    wake_later (m, w);
    hurry (m, w);
    ok (fired (w) == 1, "something without time does not wait for that");
    monitor_let_go ();
    ok (fired (w) == 0, "and what is paid is owed no longer");
    hurry (m, w);
    ok (fired (w) == 0, "nothing is paid that is not owed");

    monitor_hold ();
    wake_later (m, w);
    wake_later (m, w);
    monitor_let_go ();
    ok (fired (w) == 2, "two sleeps, two wake-ups");
    waker_put (w);
}

static void many (struct monitor *m)
{
    struct waker *w[100];
    int now = 0, then = 0;

    monitor_hold ();
    for (int i = 0; i < 100; i++)
        wake_later (m, w[i] = new_waker ());
    for (int i = 0; i < 100; i++)
        now += fired (w[i]);
    monitor_let_go ();
    for (int i = 0; i < 100; i++) {
        then += fired (w[i]);
        waker_put (w[i]);
    }
    ok (now > 0 && now < 100 && now + then == 100,
        "what is put off has a bound, and all are woken in the end");
}

int main (void)
{
    struct monitor m;

    monitor_init (&m);
    at_once (&m);
    later (&m);
    many (&m);
    monitor_fini (&m);
    return done_testing ();
}
