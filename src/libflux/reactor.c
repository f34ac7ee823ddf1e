#include "config.h"
#include <flux/core.h>

#include "reactor_private.h"

static flux_reactor_t *reactor_new (bool light)
{
    flux_reactor_t *r;

    if (!(r = calloc (1, sizeof (*r))))
        return NULL;
    r->refcount = 1;
    r->light = light;
    list_init (&r->handles);
    list_init (&r->ready);
    alarm_init (&r->alarm);
    r->signals.fd = -1;
    list_init (&r->signals.watchers);
    sigemptyset (&r->signals.set);
    sigemptyset (&r->signals.unblock);
    return r;
}

flux_reactor_t *flux_reactor_create (int flags)
{
    if (flags != 0) {
        errno = EINVAL;
        return NULL;
    }
    return reactor_new (false);
}

flux_reactor_t *reactor_create_light (void)
{
    return reactor_new (true);
}

void flux_reactor_incref (flux_reactor_t *r)
{
    if (r)
        r->refcount++;
}

void flux_reactor_decref (flux_reactor_t *r)
{
    int saved_errno = errno;

    if (!r || --r->refcount > 0)
        return;
    if (r->loop) {
        if (r->signals.fd >= 0) {
            ev_io_stop (r->loop, &r->signals.io);
            close (r->signals.fd);
        }
        alarm_fini (&r->alarm);
        ev_loop_destroy (r->loop);
    }
    free (r);
    errno = saved_errno;
}

void flux_reactor_destroy (flux_reactor_t *r)
{
    flux_reactor_decref (r);
}

static void ready_check_cb (struct ev_loop *loop, struct ev_check *w, int revents)
{
    reactor_run_deferred (container_of (w, flux_reactor_t, ready_check));
}

static void ready_idle_cb (struct ev_loop *loop, struct ev_idle *w, int revents)
{
    /* Its only work is to keep the pass from blocking. */
}

int reactor_need_loop (flux_reactor_t *r)
{
    unsigned int flags = EVFLAG_NOENV;

    if (r->loop)
        return 0;
    flags |= r->light ? EVBACKEND_POLL : EVBACKEND_EPOLL | EVBACKEND_POLL;
    if (!(r->loop = ev_loop_new (flags))) {
        errno = ENOMEM;
        return -1;
    }
    ev_check_init (&r->ready_check, ready_check_cb);
    ev_idle_init (&r->ready_idle, ready_idle_cb);
    return 0;
}

void reactor_defer (flux_reactor_t *r, struct deferred *d)
{
    if (list_linked (&d->node))
        return;
    d->round = r->ready_round;
    list_append (&r->ready, &d->node);
    if (!r->ready_active) {
        r->ready_active = true;
        r->usecount++;
        ev_check_start (r->loop, &r->ready_check);
        ev_idle_start (r->loop, &r->ready_idle);
    }
}

static void ready_stop (flux_reactor_t *r)
{
    if (r->ready_active && list_empty (&r->ready)) {
        r->ready_active = false;
        r->usecount--;
        ev_check_stop (r->loop, &r->ready_check);
        ev_idle_stop (r->loop, &r->ready_idle);
    }
}

void reactor_undefer (flux_reactor_t *r, struct deferred *d)
{
    if (list_linked (&d->node)) {
        list_del (&d->node);
        ready_stop (r);
    }
}

/* Items stay on the queue until their turn comes, so that one may be taken
 * back by the function of another, and a nested run still finds the rest.
 */
void reactor_run_deferred (flux_reactor_t *r)
{
    uint64_t round = r->ready_round++;
    struct deferred *d;

    while ((d = list_first (&r->ready, struct deferred, node)) && d->round <= round) {
        list_del (&d->node);
        d->fn (d);
        reactor_callback_done (r);
    }
    ready_stop (r);
}

int flux_reactor_run (flux_reactor_t *r, int flags)
{
    bool outer_stop;
    int rc;

    if (!r || (flags & ~(FLUX_REACTOR_NOWAIT | FLUX_REACTOR_ONCE))) {
        errno = EINVAL;
        return -1;
    }
    if (!r->loop)
        return 0;
    flux_reactor_incref (r);
    outer_stop = r->stop;
    r->stop = r->failed = r->failing = false;
    do {
        bool nowait = (flags & FLUX_REACTOR_NOWAIT) || r->usecount == 0;

        r->nowait = nowait;
        ev_run (r->loop, nowait ? EVRUN_NOWAIT : EVRUN_ONCE);
    } while (!flags && !r->stop && r->usecount > 0);
    handle_watchers_let_go (r);
    rc = r->failed ? -1 : r->usecount;
    if (r->failed)
        errno = r->errnum;
    r->failed = false;
    r->stop = outer_stop;
    flux_reactor_decref (r);
    return rc;
}

void flux_reactor_stop (flux_reactor_t *r)
{
    if (r && r->loop) {
        r->stop = true;
        ev_break (r->loop, EVBREAK_ONE);
    }
}

void flux_reactor_stop_error (flux_reactor_t *r)
{
    if (r && r->loop) {
        if (!r->failed) {
            r->failed = r->failing = true;
            r->errnum = errno;
        }
        flux_reactor_stop (r);
    }
}

double flux_reactor_now (flux_reactor_t *r)
{
    if (!r || reactor_need_loop (r) < 0)
        return ev_time ();
    return ev_now (r->loop);
}

void flux_reactor_now_update (flux_reactor_t *r)
{
    if (r && r->loop)
        ev_now_update (r->loop);
}

double flux_reactor_time (void)
{
    return ev_time ();
}
