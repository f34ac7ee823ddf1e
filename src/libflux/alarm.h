/* alarm.h - wake the reactor in time for short timers.
 *
 * Purpose: epoll, as libev uses it, sleeps for whole milliseconds, rounded up.
 * A timer of 0.1 ms would end after 1 ms or more.  So the earliest of the
 * timers below ALARM_MAX also arms a timerfd, which ends the sleep; the timer
 * itself stays libev's.
 *
 * Best effort: without a descriptor timers are as late as they were.
 * One per reactor.  Bound: that of the timers.
 */

#ifndef MILLRACE_LIBFLUX_ALARM_H
#define MILLRACE_LIBFLUX_ALARM_H

#include <stdint.h>
#include <ev.h>

#include "common/treap.h"

/* Seconds.  A longer timer is late by a tenth at most. */
#define ALARM_MAX 0.01

struct alarm_entry {
    struct treap_node node;
    int64_t due; /* ns of CLOCK_MONOTONIC */
};

struct alarm {
    struct ev_loop *loop; /* NULL until an entry was added */
    int fd;               /* timerfd, or -1 */
    struct ev_io io;
    struct treap entries;
    int64_t armed; /* for when; 0: not */
};

void alarm_init (struct alarm *a);

/* Before the loop is destroyed. */
void alarm_fini (struct alarm *a);

void alarm_entry_init (struct alarm_entry *e);

/* Wake up 'after' seconds from now, for an entry that is not in yet. */
void alarm_add (struct alarm *a, struct ev_loop *loop, struct alarm_entry *e, double after);

/* Also of an entry that is not in. */
void alarm_remove (struct alarm *a, struct alarm_entry *e);

#endif /* !MILLRACE_LIBFLUX_ALARM_H */
