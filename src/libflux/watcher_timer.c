/* watcher_timer.c - relative and wall-clock timers. */

#include "config.h"
#include <flux/core.h>

#include "reactor_private.h"

struct timer_watcher {
    struct flux_watcher base;
    struct ev_timer ev;
    struct alarm_entry alarm;
    double after;
    double repeat;
};

struct periodic_watcher {
    struct flux_watcher base;
    struct ev_periodic ev;
    flux_reschedule_f reschedule;
    bool ended; /* reschedule () gave a time that has passed: no further call */
};

static int timer_start (flux_watcher_t *base);
static void timer_stop (flux_watcher_t *base);

static const struct watcher_ops timer_ops = { .start = timer_start, .stop = timer_stop };

static void timer_cb (struct ev_loop *loop, struct ev_timer *ev, int revents)
{
    struct timer_watcher *w = container_of (ev, struct timer_watcher, ev);

    alarm_remove (&w->base.r->alarm, &w->alarm);
    if (!ev_is_active (ev))
        watcher_expired (&w->base);
    else
        alarm_add (&w->base.r->alarm, loop, &w->alarm, ev_timer_remaining (loop, ev));
    watcher_call (&w->base, 0);
}

/* Outside of a run the cached time is as old as the last pass: a timer
 * must not count that time as elapsed.
 */
static void refresh_now (flux_reactor_t *r)
{
    if (ev_depth (r->loop) == 0)
        ev_now_update (r->loop);
}

static int timer_start (flux_watcher_t *base)
{
    struct timer_watcher *w = (struct timer_watcher *)base;

    refresh_now (base->r);
    ev_timer_set (&w->ev, w->after, w->repeat);
    ev_timer_start (base->r->loop, &w->ev);
    if (w->after > 0)
        alarm_add (&base->r->alarm, base->r->loop, &w->alarm, w->after);
    return 0;
}

static void timer_stop (flux_watcher_t *base)
{
    struct timer_watcher *w = (struct timer_watcher *)base;

    alarm_remove (&base->r->alarm, &w->alarm);
    ev_timer_stop (base->r->loop, &w->ev);
}

flux_watcher_t *flux_timer_watcher_create (flux_reactor_t *r,
                                           double after,
                                           double repeat,
                                           flux_watcher_f cb,
                                           void *arg)
{
    struct timer_watcher *w;

    if (!(after >= 0) || !(repeat >= 0)) {
        errno = EINVAL;
        return NULL;
    }
    if (!(w = watcher_create (r, sizeof (*w), &timer_ops, cb, arg)))
        return NULL;
    w->after = after;
    w->repeat = repeat;
    ev_timer_init (&w->ev, timer_cb, after, repeat);
    alarm_entry_init (&w->alarm);
    return &w->base;
}

void flux_timer_watcher_reset (flux_watcher_t *base, double after, double repeat)
{
    struct timer_watcher *w = (struct timer_watcher *)base;

    if (!w || base->ops != &timer_ops || !(after >= 0) || !(repeat >= 0))
        return;
    w->after = after;
    w->repeat = repeat;
    w->ev.repeat = repeat;
}

void flux_timer_watcher_again (flux_watcher_t *base)
{
    struct timer_watcher *w = (struct timer_watcher *)base;
    double after;

    if (!w || base->ops != &timer_ops)
        return;
    flux_watcher_stop (base);
    if (w->repeat == 0)
        return;
    after = w->after;
    w->after = w->repeat;
    flux_watcher_start (base);
    w->after = after;
}

/* Periodic */

static int periodic_start (flux_watcher_t *base);
static void periodic_stop (flux_watcher_t *base);

static const struct watcher_ops periodic_ops = {
    .start = periodic_start,
    .stop = periodic_stop,
};

/* libev insists on a time not before now, and forbids stopping the watcher
 * from here.  So an ended one is parked far away until it can be stopped;
 * it counts as inactive at once.
 */
static ev_tstamp reschedule_cb (struct ev_periodic *ev, ev_tstamp now)
{
    struct periodic_watcher *w = container_of (ev, struct periodic_watcher, ev);
    double next = w->reschedule (&w->base, now, w->base.arg);

    if (next >= now)
        return next;
    w->ended = true;
    watcher_expired (&w->base);
    return now + 1e30;
}

static void periodic_cb (struct ev_loop *loop, struct ev_periodic *ev, int revents)
{
    struct periodic_watcher *w = container_of (ev, struct periodic_watcher, ev);

    if (w->ended)
        ev_periodic_stop (loop, ev);
    if (!ev_is_active (ev))
        watcher_expired (&w->base);
    watcher_call (&w->base, 0);
}

static int periodic_start (flux_watcher_t *base)
{
    struct periodic_watcher *w = (struct periodic_watcher *)base;

    periodic_stop (base);
    refresh_now (base->r);
    w->ended = false;
    ev_periodic_start (base->r->loop, &w->ev);
    if (w->ended) {
        periodic_stop (base);
        return -1;
    }
    return 0;
}

static void periodic_stop (flux_watcher_t *base)
{
    ev_periodic_stop (base->r->loop, &((struct periodic_watcher *)base)->ev);
}

flux_watcher_t *flux_periodic_watcher_create (flux_reactor_t *r,
                                              double offset,
                                              double interval,
                                              flux_reschedule_f reschedule,
                                              flux_watcher_f cb,
                                              void *arg)
{
    struct periodic_watcher *w;

    if (!(offset >= 0) || !(interval >= 0)) {
        errno = EINVAL;
        return NULL;
    }
    if (!(w = watcher_create (r, sizeof (*w), &periodic_ops, cb, arg)))
        return NULL;
    w->reschedule = reschedule;
    ev_periodic_init (&w->ev, periodic_cb, offset, interval,
                      reschedule ? reschedule_cb : NULL);
    return &w->base;
}

void flux_periodic_watcher_reset (flux_watcher_t *base,
                                  double next_wakeup,
                                  double interval,
                                  flux_reschedule_f reschedule)
{
    struct periodic_watcher *w = (struct periodic_watcher *)base;

    if (!w || base->ops != &periodic_ops || !(next_wakeup >= 0) || !(interval >= 0))
        return;
    flux_watcher_stop (base);
    periodic_stop (base);
    w->reschedule = reschedule;
    ev_periodic_set (&w->ev, next_wakeup, interval, reschedule ? reschedule_cb : NULL);
    flux_watcher_start (base);
}

double flux_watcher_next_wakeup (flux_watcher_t *w)
{
    if (w && w->ops == &timer_ops) {
        struct ev_timer *ev = &((struct timer_watcher *)w)->ev;
        return ev_now (w->r->loop) + ev_timer_remaining (w->r->loop, ev);
    }
    if (w && w->ops == &periodic_ops)
        return ev_periodic_at (&((struct periodic_watcher *)w)->ev);
    errno = EINVAL;
    return -1;
}
