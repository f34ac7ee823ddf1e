/* watcher_signal.c - signals, by one signalfd per reactor.
 *
 * Invariants
 *  - a signal with an active watcher is blocked in the reactor's thread, and
 *    as it was before once its last watcher stopped
 *  - a signal is watched by one reactor of the process at a time (two would
 *    steal from each other): creating a watcher for a taken one fails with
 *    EBUSY, starting one leaves it inactive
 */

#include "config.h"
#include <pthread.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <flux/core.h>

#include "reactor_private.h"

struct signal_watcher {
    struct flux_watcher base;
    int signum;
    struct list node;     /* in reactor's signals.watchers while active */
    struct ev_watcher ev; /* never started: only fed when the signal came */
};

static pthread_mutex_t owners_lock = PTHREAD_MUTEX_INITIALIZER;
static flux_reactor_t *owners[NSIG];

/* Returns 0, or -1 with errno EBUSY if another reactor has it. */
static int owner_check (flux_reactor_t *r, int signum, bool take)
{
    int rc = 0;

    pthread_mutex_lock (&owners_lock);
    if (owners[signum] && owners[signum] != r) {
        errno = EBUSY;
        rc = -1;
    }
    else if (take)
        owners[signum] = r;
    pthread_mutex_unlock (&owners_lock);
    return rc;
}

static void owner_release (int signum)
{
    pthread_mutex_lock (&owners_lock);
    owners[signum] = NULL;
    pthread_mutex_unlock (&owners_lock);
}

static void signal_cb (struct ev_loop *loop, struct ev_watcher *ev, int revents)
{
    watcher_call (&container_of (ev, struct signal_watcher, ev)->base, 0);
}

static void signalfd_cb (struct ev_loop *loop, struct ev_io *io, int revents)
{
    flux_reactor_t *r = container_of (io, flux_reactor_t, signals.io);
    struct signalfd_siginfo info;
    struct signal_watcher *w;

    while (read (r->signals.fd, &info, sizeof (info)) == sizeof (info)) {
        list_foreach (&r->signals.watchers, w, node)
            if (w->signum == (int)info.ssi_signo)
                ev_feed_event (loop, &w->ev, 0);
    }
}

static int signalfd_update (flux_reactor_t *r)
{
    int fd = signalfd (r->signals.fd, &r->signals.set, SFD_NONBLOCK | SFD_CLOEXEC);

    if (fd < 0)
        return -1;
    if (r->signals.fd < 0) {
        r->signals.fd = fd;
        ev_io_init (&r->signals.io, signalfd_cb, fd, EV_READ);
    }
    return 0;
}

static int signal_take (flux_reactor_t *r, int signum)
{
    sigset_t set;
    sigset_t old;

    if (owner_check (r, signum, true) < 0)
        return -1;
    sigaddset (&r->signals.set, signum);
    if (signalfd_update (r) < 0) {
        sigdelset (&r->signals.set, signum);
        owner_release (signum);
        return -1;
    }
    sigemptyset (&set);
    sigaddset (&set, signum);
    pthread_sigmask (SIG_BLOCK, &set, &old);
    if (!sigismember (&old, signum))
        sigaddset (&r->signals.unblock, signum);
    ev_io_start (r->loop, &r->signals.io);
    return 0;
}

static void signal_release (flux_reactor_t *r, int signum)
{
    sigset_t set;

    sigdelset (&r->signals.set, signum);
    (void)signalfd_update (r);
    if (list_empty (&r->signals.watchers))
        ev_io_stop (r->loop, &r->signals.io);
    owner_release (signum);
    if (sigismember (&r->signals.unblock, signum)) {
        sigdelset (&r->signals.unblock, signum);
        sigemptyset (&set);
        sigaddset (&set, signum);
        pthread_sigmask (SIG_UNBLOCK, &set, NULL);
    }
}

static int signal_start (flux_watcher_t *base)
{
    struct signal_watcher *w = (struct signal_watcher *)base;
    flux_reactor_t *r = base->r;

    if (!sigismember (&r->signals.set, w->signum) && signal_take (r, w->signum) < 0)
        return -1;
    list_append (&r->signals.watchers, &w->node);
    return 0;
}

static void signal_stop (flux_watcher_t *base)
{
    struct signal_watcher *w = (struct signal_watcher *)base;
    struct signal_watcher *other;

    ev_clear_pending (base->r->loop, &w->ev);
    if (!list_linked (&w->node))
        return;
    list_del (&w->node);
    list_foreach (&base->r->signals.watchers, other, node)
        if (other->signum == w->signum)
            return;
    signal_release (base->r, w->signum);
}

static const struct watcher_ops signal_ops = {
    .start = signal_start,
    .stop = signal_stop,
};

flux_watcher_t *
flux_signal_watcher_create (flux_reactor_t *r, int signum, flux_watcher_f cb, void *arg)
{
    struct signal_watcher *w;

    if (signum <= 0 || signum >= NSIG || signum == SIGKILL || signum == SIGSTOP) {
        errno = EINVAL;
        return NULL;
    }
    if (!r) {
        errno = EINVAL;
        return NULL;
    }
    if (owner_check (r, signum, false) < 0)
        return NULL;
    if (!(w = watcher_create (r, sizeof (*w), &signal_ops, cb, arg)))
        return NULL;
    w->signum = signum;
    list_init (&w->node);
    ev_init (&w->ev, signal_cb);
    return &w->base;
}

int flux_signal_watcher_get_signum (flux_watcher_t *w)
{
    if (!w || w->ops != &signal_ops) {
        errno = EINVAL;
        return -1;
    }
    return ((struct signal_watcher *)w)->signum;
}
