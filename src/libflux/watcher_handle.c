/* watcher_handle.c - messages on a handle.
 *
 * flux_pollfd () only signals edges, so the state is asked for before each
 * poll (prepare; an idle watcher keeps the pass from blocking if there is
 * something to do) and after it (check; where the callback is made, before
 * the timers and descriptors of the pass).  The descriptor only ends the
 * poll.
 *
 * Its prepare callback is the last one of a pass, so what others do there has
 * been sent when it lets go of wake-ups that were put off, and lingers.
 */

#include "config.h"
#include <flux/core.h>

#include "handle_private.h"
#include "reactor_private.h"

struct handle_watcher {
    struct flux_watcher base;
    flux_t *h;
    int events;
    struct ev_prepare prepare;
    struct ev_check check;
    struct ev_idle idle;
    struct ev_io io;
    struct list node; /* in the reactor's 'handles' while it is active */
};

/* The events that are wanted and there. */
static int pending_events (struct handle_watcher *w)
{
    int revents = flux_pollevents (w->h);

    if (revents < 0)
        return FLUX_POLLERR;
    return revents & (w->events | FLUX_POLLERR);
}

static void prepare_cb (struct ev_loop *loop, struct ev_prepare *ev, int revents)
{
    struct handle_watcher *w = container_of (ev, struct handle_watcher, prepare);

    handle_hold (w->h, false);
    if (reactor_may_sleep (w->base.r))
        handle_linger (w->h);
    if (pending_events (w))
        ev_idle_start (loop, &w->idle);
}

static void check_cb (struct ev_loop *loop, struct ev_check *ev, int revents)
{
    struct handle_watcher *w = container_of (ev, struct handle_watcher, check);
    int events;

    handle_hold (w->h, true);
    events = pending_events (w);
    ev_idle_stop (loop, &w->idle);
    if (events)
        watcher_call (&w->base, events);
}

static void idle_cb (struct ev_loop *loop, struct ev_idle *ev, int revents)
{
    /* It has done its work by being active. */
}

static void io_cb (struct ev_loop *loop, struct ev_io *ev, int revents)
{
    struct handle_watcher *w = container_of (ev, struct handle_watcher, io);

    if (revents & EV_ERROR) { /* the descriptor was closed: no more edges */
        flux_watcher_stop (&w->base);
        watcher_call (&w->base, FLUX_POLLERR);
    }
}

static int handle_start (flux_watcher_t *base)
{
    struct handle_watcher *w = (struct handle_watcher *)base;
    struct ev_loop *loop = base->r->loop;

    ev_prepare_start (loop, &w->prepare);
    ev_check_start (loop, &w->check);
    ev_io_start (loop, &w->io);
    list_append (&base->r->handles, &w->node);
    return 0;
}

static void handle_stop (flux_watcher_t *base)
{
    struct handle_watcher *w = (struct handle_watcher *)base;
    struct ev_loop *loop = base->r->loop;

    ev_prepare_stop (loop, &w->prepare);
    ev_check_stop (loop, &w->check);
    ev_idle_stop (loop, &w->idle);
    ev_io_stop (loop, &w->io);
    list_del (&w->node);
}

void handle_watchers_let_go (flux_reactor_t *r)
{
    struct handle_watcher *w;

    list_foreach (&r->handles, w, node)
        handle_hold (w->h, false);
}

static const struct watcher_ops handle_ops = {
    .start = handle_start,
    .stop = handle_stop,
};

flux_watcher_t *flux_handle_watcher_create (flux_reactor_t *r,
                                            flux_t *h,
                                            int events,
                                            flux_watcher_f cb,
                                            void *arg)
{
    struct handle_watcher *w;
    int fd;

    if (!r || !h) {
        errno = EINVAL;
        return NULL;
    }
    if ((fd = flux_pollfd (h)) < 0)
        return NULL;
    if (!(w = watcher_create (r, sizeof (*w), &handle_ops, cb, arg)))
        return NULL;
    w->h = h;
    w->events = events;
    list_init (&w->node);
    ev_prepare_init (&w->prepare, prepare_cb);
    ev_set_priority (&w->prepare, EV_MINPRI);
    ev_check_init (&w->check, check_cb);
    ev_idle_init (&w->idle, idle_cb);
    ev_io_init (&w->io, io_cb, fd, EV_READ);
    return &w->base;
}

flux_t *flux_handle_watcher_get_flux (flux_watcher_t *w)
{
    if (!w || w->ops != &handle_ops) {
        errno = EINVAL;
        return NULL;
    }
    return ((struct handle_watcher *)w)->h;
}
