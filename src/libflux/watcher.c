/* watcher.c - what all watchers have in common, and the kinds that libev has
 * ready made: descriptors, prepare, check, idle, stat.
 */

#include "config.h"
#include <fcntl.h>
#include <flux/core.h>

#include "reactor_private.h"

void *watcher_create (flux_reactor_t *r,
                      size_t size,
                      const struct watcher_ops *ops,
                      flux_watcher_f fn,
                      void *arg)
{
    struct flux_watcher *w;

    if (!r) {
        errno = EINVAL;
        return NULL;
    }
    if (reactor_need_loop (r) < 0 || !(w = calloc (1, size)))
        return NULL;
    w->r = r;
    w->ops = ops;
    w->fn = fn;
    w->arg = arg;
    flux_reactor_incref (r);
    return w;
}

void watcher_call (flux_watcher_t *w, int revents)
{
    flux_reactor_t *r = w->r;

    if (w->fn)
        w->fn (r, w, revents, w->arg);
    reactor_callback_done (r);
}

void watcher_expired (flux_watcher_t *w)
{
    if (w->active) {
        w->active = false;
        if (!w->unreferenced)
            w->r->usecount--;
    }
}

void flux_watcher_start (flux_watcher_t *w)
{
    if (!w || w->active)
        return;
    if (w->ops->start (w) < 0)
        return;
    w->active = true;
    if (!w->unreferenced)
        w->r->usecount++;
}

void flux_watcher_stop (flux_watcher_t *w)
{
    if (!w || !w->active)
        return;
    w->ops->stop (w);
    watcher_expired (w);
}

void flux_watcher_ref (flux_watcher_t *w)
{
    if (w && w->unreferenced) {
        w->unreferenced = false;
        if (w->active)
            w->r->usecount++;
    }
}

void flux_watcher_unref (flux_watcher_t *w)
{
    if (w && !w->unreferenced) {
        w->unreferenced = true;
        if (w->active)
            w->r->usecount--;
    }
}

void flux_watcher_destroy (flux_watcher_t *w)
{
    int saved_errno = errno;

    if (!w)
        return;
    w->ops->stop (w);
    watcher_expired (w);
    if (w->ops->destroy)
        w->ops->destroy (w);
    flux_reactor_decref (w->r);
    free (w);
    errno = saved_errno;
}

bool flux_watcher_is_active (flux_watcher_t *w)
{
    return w && w->active;
}

bool flux_watcher_is_referenced (flux_watcher_t *w)
{
    return !w || !w->unreferenced;
}

/* Descriptors */

struct fd_watcher {
    struct flux_watcher base;
    struct ev_io io;
    struct ev_watcher failed; /* never started: only fed, to report POLLERR */
};

static void fd_cb (struct ev_loop *loop, struct ev_io *io, int revents)
{
    struct fd_watcher *w = container_of (io, struct fd_watcher, io);
    int events = 0;

    if (revents & EV_ERROR) { /* libev has stopped it: bad descriptor */
        watcher_expired (&w->base);
        events = FLUX_POLLERR;
    }
    else {
        if (revents & EV_READ)
            events |= FLUX_POLLIN;
        if (revents & EV_WRITE)
            events |= FLUX_POLLOUT;
    }
    watcher_call (&w->base, events);
}

static void fd_failed_cb (struct ev_loop *loop, struct ev_watcher *failed, int revents)
{
    struct fd_watcher *w = container_of (failed, struct fd_watcher, failed);

    watcher_expired (&w->base);
    watcher_call (&w->base, FLUX_POLLERR);
}

/* libev would abort on a descriptor that was closed since. */
static int fd_start (flux_watcher_t *base)
{
    struct fd_watcher *w = (struct fd_watcher *)base;

    if (fcntl (w->io.fd, F_GETFD) < 0)
        ev_feed_event (base->r->loop, &w->failed, 0);
    else
        ev_io_start (base->r->loop, &w->io);
    return 0;
}

static void fd_stop (flux_watcher_t *base)
{
    struct fd_watcher *w = (struct fd_watcher *)base;

    ev_clear_pending (base->r->loop, &w->failed);
    ev_io_stop (base->r->loop, &w->io);
}

static const struct watcher_ops fd_ops = { .start = fd_start, .stop = fd_stop };

flux_watcher_t *flux_fd_watcher_create (flux_reactor_t *r,
                                        int fd,
                                        int events,
                                        flux_watcher_f cb,
                                        void *arg)
{
    struct fd_watcher *w;
    int mask = 0;

    if (fd < 0) {
        errno = EINVAL;
        return NULL;
    }
    if (fcntl (fd, F_GETFD) < 0) /* EBADF */
        return NULL;
    if (!(w = watcher_create (r, sizeof (*w), &fd_ops, cb, arg)))
        return NULL;
    if (events & FLUX_POLLIN)
        mask |= EV_READ;
    if (events & FLUX_POLLOUT)
        mask |= EV_WRITE;
    ev_io_init (&w->io, fd_cb, fd, mask);
    ev_init (&w->failed, fd_failed_cb);
    return &w->base;
}

int flux_fd_watcher_get_fd (flux_watcher_t *w)
{
    if (!w || w->ops != &fd_ops) {
        errno = EINVAL;
        return -1;
    }
    return ((struct fd_watcher *)w)->io.fd;
}

/* Prepare, check, idle */

struct prepare_watcher {
    struct flux_watcher base;
    struct ev_prepare ev;
};

static void prepare_cb (struct ev_loop *loop, struct ev_prepare *ev, int revents)
{
    watcher_call (&container_of (ev, struct prepare_watcher, ev)->base, 0);
}

static int prepare_start (flux_watcher_t *w)
{
    ev_prepare_start (w->r->loop, &((struct prepare_watcher *)w)->ev);
    return 0;
}

static void prepare_stop (flux_watcher_t *w)
{
    ev_prepare_stop (w->r->loop, &((struct prepare_watcher *)w)->ev);
}

static const struct watcher_ops prepare_ops = {
    .start = prepare_start,
    .stop = prepare_stop,
};

flux_watcher_t *
flux_prepare_watcher_create (flux_reactor_t *r, flux_watcher_f cb, void *arg)
{
    struct prepare_watcher *w;

    if (!(w = watcher_create (r, sizeof (*w), &prepare_ops, cb, arg)))
        return NULL;
    ev_prepare_init (&w->ev, prepare_cb);
    return &w->base;
}

struct check_watcher {
    struct flux_watcher base;
    struct ev_check ev;
};

static void check_cb (struct ev_loop *loop, struct ev_check *ev, int revents)
{
    watcher_call (&container_of (ev, struct check_watcher, ev)->base, 0);
}

static int check_start (flux_watcher_t *w)
{
    ev_check_start (w->r->loop, &((struct check_watcher *)w)->ev);
    return 0;
}

static void check_stop (flux_watcher_t *w)
{
    ev_check_stop (w->r->loop, &((struct check_watcher *)w)->ev);
}

static const struct watcher_ops check_ops = {
    .start = check_start,
    .stop = check_stop,
};

flux_watcher_t *
flux_check_watcher_create (flux_reactor_t *r, flux_watcher_f cb, void *arg)
{
    struct check_watcher *w;

    if (!(w = watcher_create (r, sizeof (*w), &check_ops, cb, arg)))
        return NULL;
    ev_check_init (&w->ev, check_cb);
    return &w->base;
}

void flux_watcher_set_priority (flux_watcher_t *w, int priority)
{
    if (!w || w->ops != &check_ops || w->active)
        return;
    if (priority < EV_MINPRI)
        priority = EV_MINPRI;
    if (priority > EV_MAXPRI)
        priority = EV_MAXPRI;
    ev_set_priority (&((struct check_watcher *)w)->ev, priority);
}

struct idle_watcher {
    struct flux_watcher base;
    struct ev_idle ev;
};

static void idle_cb (struct ev_loop *loop, struct ev_idle *ev, int revents)
{
    watcher_call (&container_of (ev, struct idle_watcher, ev)->base, 0);
}

static int idle_start (flux_watcher_t *w)
{
    ev_idle_start (w->r->loop, &((struct idle_watcher *)w)->ev);
    w->r->idles++;
    return 0;
}

static void idle_stop (flux_watcher_t *w)
{
    if (w->active)
        w->r->idles--;
    ev_idle_stop (w->r->loop, &((struct idle_watcher *)w)->ev);
}

static const struct watcher_ops idle_ops = { .start = idle_start, .stop = idle_stop };

flux_watcher_t *flux_idle_watcher_create (flux_reactor_t *r, flux_watcher_f cb, void *arg)
{
    struct idle_watcher *w;

    if (!(w = watcher_create (r, sizeof (*w), &idle_ops, cb, arg)))
        return NULL;
    ev_idle_init (&w->ev, idle_cb);
    return &w->base;
}

/* Stat */

struct stat_watcher {
    struct flux_watcher base;
    struct ev_stat ev;
    char *path;
};

static void stat_cb (struct ev_loop *loop, struct ev_stat *ev, int revents)
{
    watcher_call (&container_of (ev, struct stat_watcher, ev)->base, 0);
}

static int stat_start (flux_watcher_t *w)
{
    ev_stat_start (w->r->loop, &((struct stat_watcher *)w)->ev);
    return 0;
}

static void stat_stop (flux_watcher_t *w)
{
    ev_stat_stop (w->r->loop, &((struct stat_watcher *)w)->ev);
}

static void stat_destroy (flux_watcher_t *w)
{
    free (((struct stat_watcher *)w)->path);
}

static const struct watcher_ops stat_ops = {
    .start = stat_start,
    .stop = stat_stop,
    .destroy = stat_destroy,
};

flux_watcher_t *flux_stat_watcher_create (flux_reactor_t *r,
                                          const char *path,
                                          double interval,
                                          flux_watcher_f cb,
                                          void *arg)
{
    struct stat_watcher *w;

    if (!path || !(interval >= 0)) {
        errno = EINVAL;
        return NULL;
    }
    if (!(w = watcher_create (r, sizeof (*w), &stat_ops, cb, arg)))
        return NULL;
    if (!(w->path = strdup (path)))
        goto error;
    ev_stat_init (&w->ev, stat_cb, w->path, interval);
    return &w->base;
error:
    flux_watcher_destroy (&w->base);
    return NULL;
}

int flux_stat_watcher_get_rstat (flux_watcher_t *base,
                                 struct stat *stat,
                                 struct stat *prev)
{
    struct stat_watcher *w = (struct stat_watcher *)base;

    if (!w || base->ops != &stat_ops) {
        errno = EINVAL;
        return -1;
    }
    if (stat)
        *stat = w->ev.attr;
    if (prev)
        *prev = w->ev.prev;
    return 0;
}
