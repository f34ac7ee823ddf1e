#include "config.h"
#include <flux/core.h>

#include "common/util.h"
#include "future_private.h"

bool flux_future_is_ready (flux_future_t *f)
{
    return f && (f->current || f->is_fatal);
}

/* A result or fatal error became current: tell whoever waits. */
void future_became_ready (flux_future_t *f)
{
    flux_watcher_stop (f->timer);
    if (f->cb)
        reactor_defer (f->r, &f->continuation);
    if (f->waiting)
        flux_reactor_stop (f->now_r);
    if (f->ready_fn)
        f->ready_fn (f, f->ready_arg);
}

/* Contexts */

static bool was_inited (const flux_future_t *f, const flux_reactor_t *r)
{
    for (int i = 0; i < FUTURE_CONTEXTS; i++)
        if (f->inited[i] == r)
            return true;
    return false;
}

bool future_was_started (const flux_future_t *f)
{
    return f->inited[0] != NULL;
}

/* Call init in the context of r, which the caller made the current one. */
static void context_init (flux_future_t *f, flux_reactor_t *r)
{
    bool again = was_inited (f, r);

    if (!f->init || (again && !f->rebind))
        return;
    if (!again) {
        flux_reactor_decref (f->inited[FUTURE_CONTEXTS - 1]);
        memmove (&f->inited[1], &f->inited[0],
                 sizeof (f->inited) - sizeof (f->inited[0]));
        flux_reactor_incref (r);
        f->inited[0] = r;
    }
    f->init (f, f->init_arg);
}

/* Whatever wait is going on, init is to see the 'then' context. */
static void then_init (flux_future_t *f)
{
    int waiting = f->waiting;

    f->waiting = 0;
    context_init (f, f->r);
    f->waiting = waiting;
}

void future_start (flux_future_t *f)
{
    if (f->r)
        then_init (f);
}

void future_bind (flux_future_t *f, flux_future_t *g)
{
    int saved_errno = errno;
    flux_t *h = flux_future_get_flux (g);

    flux_future_set_reactor (f, flux_future_get_reactor (g));
    if (h)
        flux_future_set_flux (f, h);
    else if (g->h) /* there is no memory for the clone that f needs */
        flux_future_fulfill_error (f, ENOMEM, NULL);
    errno = saved_errno;
}

static void now_destroy (flux_future_t *f)
{
    flux_close (move_ptr (f->now_h));
    flux_reactor_decref (move_ptr (f->now_r));
}

void flux_future_set_flux (flux_future_t *f, flux_t *h)
{
    flux_t *old;

    if (!f || f->h == h)
        return;
    if (f->waiting == 0)
        now_destroy (f); /* its clone is one of the old handle */
    old = f->h;
    f->h = flux_incref (h);
    flux_close (old);
}

flux_t *flux_future_get_flux (flux_future_t *f)
{
    flux_t *h;

    if (!f || !f->h) {
        errno = EINVAL;
        return NULL;
    }
    if (!f->waiting)
        return f->h;
    if (!f->now_h) {
        if (!(h = flux_clone (f->h)))
            return NULL;
        if (flux_set_reactor (h, f->now_r) < 0) {
            flux_close (h);
            return NULL;
        }
        f->now_h = h;
    }
    return f->now_h;
}

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    flux_future_fulfill_error (arg, ETIMEDOUT, NULL);
}

/* (Re)start the timeout of 'then', if it has one. */
static int timer_arm (flux_future_t *f)
{
    flux_watcher_stop (f->timer);
    if (!f->cb || f->timeout <= 0. || flux_future_is_ready (f))
        return 0;
    if (f->timer)
        flux_timer_watcher_reset (f->timer, f->timeout, 0.);
    else if (!(f->timer = flux_timer_watcher_create (f->r, f->timeout, 0., timer_cb, f)))
        return -1;
    flux_watcher_start (f->timer);
    return 0;
}

void flux_future_set_reactor (flux_future_t *f, flux_reactor_t *r)
{
    flux_reactor_t *old;
    bool pending;

    if (!f || f->r == r)
        return;
    old = f->r;
    pending = list_linked (&f->continuation.node);
    if (pending)
        reactor_undefer (old, &f->continuation);
    flux_watcher_destroy (move_ptr (f->timer));
    flux_reactor_incref (r);
    f->r = r;
    flux_reactor_decref (old);
    if (!f->cb)
        return;
    if (!r || reactor_need_loop (r) < 0 || timer_arm (f) < 0) {
        f->cb = NULL; /* it could not be called there */
        flux_future_fatal_error (f, r ? ENOMEM : EINVAL, NULL);
    }
    else if (pending)
        reactor_defer (r, &f->continuation);
}

flux_reactor_t *flux_future_get_reactor (flux_future_t *f)
{
    if (f && f->waiting)
        return f->now_r;
    if (f && !f->r && f->h)
        flux_future_set_reactor (f, flux_get_reactor (f->h));
    if (!f || !f->r) {
        errno = EINVAL;
        return NULL;
    }
    return f->r;
}

/* Waiting */

static void expired_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    *(bool *)arg = true;
    flux_reactor_stop (r);
}

/* Run the private reactor until f is ready. */
static int wait_run (flux_future_t *f, const bool *expired)
{
    while (!flux_future_is_ready (f)) {
        int rc = *expired ? 0 : flux_reactor_run (f->now_r, 0);

        if (flux_future_is_ready (f))
            break;
        if (rc < 0)
            return -1;
        if (*expired || rc == 0) {
            errno = *expired ? ETIMEDOUT : EDEADLOCK;
            return -1;
        }
    }
    return 0;
}

static int wait_enter (flux_future_t *f)
{
    if (!f->now_r && !(f->now_r = reactor_create_light ()))
        return -1;
    f->waiting++;
    context_init (f, f->now_r);
    return 0;
}

/* Give back what is not ours, and return to the 'then' context. */
static void wait_leave (flux_future_t *f)
{
    int saved_errno = errno;

    if (--f->waiting == 0) {
        /* On failure the messages stay saved, for the next wait. */
        if (f->now_h)
            (void)flux_dispatch_requeue (f->now_h);
        if (f->rebind && f->r && was_inited (f, f->r))
            context_init (f, f->r);
    }
    errno = saved_errno;
}

static int wait_limited (flux_future_t *f, double timeout)
{
    bool expired = false;
    flux_watcher_t *timer;
    int rc;

    timer = flux_timer_watcher_create (f->now_r, timeout, 0., expired_cb, &expired);
    if (!timer)
        return -1;
    flux_watcher_start (timer);
    rc = wait_run (f, &expired);
    flux_watcher_destroy (timer);
    return rc;
}

/* By the private reactor. */
static int wait_by_reactor (flux_future_t *f, double timeout)
{
    int rc;

    if ((rc = wait_enter (f)) == 0) {
        if (timeout > 0.)
            rc = wait_limited (f, timeout);
        else
            rc = wait_run (f, &(bool){ false });
        wait_leave (f);
    }
    return rc;
}

int flux_future_wait_for (flux_future_t *f, double timeout)
{
    int rc = -1;

    if (!f) {
        errno = EINVAL;
        return -1;
    }
    if (flux_future_is_ready (f))
        return 0;
    if (timeout == 0.) {
        errno = ETIMEDOUT;
        return -1;
    }
    future_ref (f);
    errno = EWOULDBLOCK;
    if (f->wait_fn && timeout < 0. && !f->waiting)
        rc = f->wait_fn (f, f->wait_arg);
    if (rc < 0 && errno == EWOULDBLOCK)
        rc = wait_by_reactor (f, timeout);
    future_unref (f);
    return rc;
}

int flux_future_get (flux_future_t *f, const void **result)
{
    int errnum;

    if (flux_future_wait_for (f, -1.) < 0)
        return -1;
    if ((errnum = future_errnum (f)) != 0) {
        errno = errnum;
        return -1;
    }
    if (result)
        *result = f->current->value;
    return 0;
}

/* Continuing */

static void continuation_run (struct deferred *d)
{
    flux_future_t *f = container_of (d, flux_future_t, continuation);

    if (!f->cb || !flux_future_is_ready (f))
        return;
    future_ref (f);
    f->cb (f, f->cb_arg);
    future_unref (f);
}

int flux_future_then (flux_future_t *f, double timeout, flux_continuation_f cb, void *arg)
{
    int waiting;
    flux_reactor_t *r;

    if (!f || !cb) {
        errno = EINVAL;
        return -1;
    }
    waiting = f->waiting;
    f->waiting = 0;
    r = flux_future_get_reactor (f);
    f->waiting = waiting;
    if (!r || reactor_need_loop (r) < 0)
        return -1;
    f->cb = cb;
    f->cb_arg = arg;
    f->timeout = timeout;
    then_init (f);
    if (flux_future_is_ready (f))
        reactor_defer (r, &f->continuation);
    return timer_arm (f);
}

void future_clear_continuation (flux_future_t *f)
{
    f->cb = NULL;
    flux_watcher_destroy (move_ptr (f->timer));
    if (f->r)
        reactor_undefer (f->r, &f->continuation);
}

void flux_future_reset (flux_future_t *f)
{
    int saved_errno = errno;

    if (!f)
        return;
    f->resets++;
    future_drop_current (f);
    if (!f->is_fatal) {
        if (f->r)
            reactor_undefer (f->r, &f->continuation);
        if (future_next_result (f))
            future_became_ready (f);
        else if (timer_arm (f) < 0)
            flux_future_fatal_error (f, errno, NULL);
    }
    errno = saved_errno;
}

/* Life */

flux_future_t *flux_future_create (flux_future_init_f cb, void *arg)
{
    flux_future_t *f;

    if (!(f = calloc (1, sizeof (*f))))
        return NULL;
    f->refcount = 1;
    f->init = cb;
    f->init_arg = arg;
    list_init (&f->queue);
    list_init (&f->continuation.node);
    f->continuation.fn = continuation_run;
    return f;
}

static void future_free (flux_future_t *f)
{
    int saved_errno = errno;

    future_clear_continuation (f);
    aux_destroy (&f->aux); /* first: what init put there uses the contexts */
    future_drop_current (f);
    future_queue_clear (f);
    free (f->fatal_errstr);
    future_unref (f->embedded);
    now_destroy (f);
    for (int i = 0; i < FUTURE_CONTEXTS; i++)
        flux_reactor_decref (f->inited[i]);
    flux_reactor_decref (f->r);
    flux_close (f->h);
    free (f);
    errno = saved_errno;
}

void future_ref (flux_future_t *f)
{
    f->refcount++;
}

void future_unref (flux_future_t *f)
{
    if (f && --f->refcount == 0)
        future_free (f);
}

void flux_future_incref (flux_future_t *f)
{
    if (f) {
        if (f->lent)
            f->lent_net++;
        future_ref (f);
    }
}

void flux_future_decref (flux_future_t *f)
{
    if (f) {
        if (f->lent)
            f->lent_net--;
        future_unref (f);
    }
}

void flux_future_destroy (flux_future_t *f)
{
    flux_future_decref (f);
}

int flux_future_aux_set (flux_future_t *f,
                         const char *name,
                         void *aux,
                         flux_free_f destroy)
{
    if (!f) {
        errno = EINVAL;
        return -1;
    }
    return aux_set (&f->aux, name, aux, destroy);
}

/* Its own items, then those of the future that the result came from. */
void *flux_future_aux_get (flux_future_t *f, const char *name)
{
    void *val;

    if (!f || !name) {
        errno = EINVAL;
        return NULL;
    }
    if ((val = aux_get (f->aux, name)))
        return val;
    if (f->current && f->current->from
        && (val = flux_future_aux_get (f->current->from, name)))
        return val;
    if (f->embedded)
        return flux_future_aux_get (f->embedded, name);
    return NULL;
}
