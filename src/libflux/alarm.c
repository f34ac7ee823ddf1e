#include "config.h"
#include <sys/timerfd.h>
#include <unistd.h>

#include "common/util.h"

#include "alarm.h"
#include "clock.h"

enum { NSEC = 1000000000 };

static struct alarm_entry *entry_of (const struct treap_node *n)
{
    return container_of (n, struct alarm_entry, node);
}

static int compare (const struct treap_node *na, const struct treap_node *nb)
{
    int64_t a = entry_of (na)->due;
    int64_t b = entry_of (nb)->due;

    if (a != b)
        return a < b ? -1 : 1;
    return na < nb ? -1 : na > nb;
}

void alarm_init (struct alarm *a)
{
    *a = (struct alarm){ .fd = -1 };
    treap_init (&a->entries, compare);
}

void alarm_fini (struct alarm *a)
{
    if (a->fd >= 0) {
        ev_io_stop (a->loop, &a->io);
        close (a->fd);
    }
}

void alarm_entry_init (struct alarm_entry *e)
{
    treap_node_init (&e->node);
}

/* For the earliest entry.  One that is armed for too early is left: it wakes
 * the loop once in vain, which costs less than setting it each time a timer
 * is stopped.
 */
static void arm (struct alarm *a)
{
    struct treap_node *first = treap_first (&a->entries);
    struct itimerspec its = { 0 };
    int64_t due;

    if (!first || (a->armed && a->armed <= entry_of (first)->due))
        return;
    due = entry_of (first)->due;
    its.it_value.tv_sec = due / NSEC;
    its.it_value.tv_nsec = due % NSEC;
    if (timerfd_settime (a->fd, TFD_TIMER_ABSTIME, &its, NULL) == 0)
        a->armed = due;
}

/* The loop is awake: libev calls what is due. */
static void awake (struct ev_loop *loop, struct ev_io *io, int revents)
{
    struct alarm *a = container_of (io, struct alarm, io);
    struct treap_node *first;
    uint64_t count;
    int64_t t = monotonic_nsec ();

    if (read (a->fd, &count, sizeof (count)) < 0)
        return; /* not yet after all */
    a->armed = 0;
    while ((first = treap_first (&a->entries)) && entry_of (first)->due <= t)
        treap_remove (&a->entries, first);
    arm (a);
}

static bool is_open (struct alarm *a, struct ev_loop *loop)
{
    if (!a->loop) {
        a->loop = loop;
        if ((a->fd = timerfd_create (CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)) >= 0) {
            ev_io_init (&a->io, awake, a->fd, EV_READ);
            ev_io_start (loop, &a->io);
        }
    }
    return a->fd >= 0;
}

void alarm_add (struct alarm *a, struct ev_loop *loop, struct alarm_entry *e, double after)
{
    if (after >= ALARM_MAX || !is_open (a, loop))
        return;
    e->due = monotonic_nsec () + (int64_t)(after * NSEC) + 1;
    treap_insert (&a->entries, &e->node);
    arm (a);
}

void alarm_remove (struct alarm *a, struct alarm_entry *e)
{
    if (treap_linked (&e->node))
        treap_remove (&a->entries, &e->node);
}
