#include "config.h"
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/util.h"
#include "reactor_test.h"

static void fd_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    *(int *)arg = revents;
    flux_reactor_stop (r);
}

static void descriptors (void)
{
    flux_reactor_t *r = flux_reactor_create (0);
    flux_watcher_t *w, *t;
    int fds[2];
    int revents;

    errno = 0;
    ok (!flux_fd_watcher_create (r, -1, FLUX_POLLIN, fd_cb, NULL) && errno == EINVAL,
        "a negative descriptor is EINVAL");
    ok (!flux_fd_watcher_create (r, 999, FLUX_POLLIN, fd_cb, NULL) && errno == EBADF,
        "one that is not open is EBADF");
    ok (!flux_fd_watcher_create (NULL, 0, FLUX_POLLIN, fd_cb, NULL) && errno == EINVAL,
        "no reactor is EINVAL");
    must (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    w = flux_fd_watcher_create (r, fds[0], FLUX_POLLIN | FLUX_POLLOUT, fd_cb, &revents);
    is_int (flux_fd_watcher_get_fd (w), fds[0], "the descriptor can be asked for");
    flux_watcher_start (w);
    flux_reactor_run (r, 0);
    is_int (revents, FLUX_POLLOUT, "writable is reported");
    must (write (fds[1], "x", 1) == 1);
    for (int k = 0; k < 2; k++) {
        flux_reactor_run (r, 0);
        is_int (revents, FLUX_POLLIN | FLUX_POLLOUT, "level triggered, pass %d", k);
    }
    flux_watcher_destroy (w);
    w = flux_fd_watcher_create (r, fds[0], FLUX_POLLIN, fd_cb, &revents);
    must (read (fds[0], &revents, 1) == 1);
    close (fds[1]);
    flux_watcher_start (w);
    flux_reactor_run (r, 0);
    is_int (revents, FLUX_POLLIN, "hang-up comes as what was asked for");
    flux_watcher_stop (w);
    close (fds[0]);
    flux_watcher_start (w);
    flux_reactor_run (r, 0);
    is_int (revents, FLUX_POLLERR, "a descriptor closed before start gives POLLERR");
    ok (!flux_watcher_is_active (w), "and the watcher is inactive");
    is_int (flux_reactor_run (r, 0), 0, "and not counted");
    flux_watcher_destroy (w);

    t = flux_timer_watcher_create (r, 1., 0., mark_cb, "t");
    errno = 0;
    ok (flux_fd_watcher_get_fd (t) < 0 && errno == EINVAL,
        "asking a timer for its descriptor is EINVAL");
    flux_watcher_destroy (t);
    flux_reactor_destroy (r);
}

static void repeat_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    if (++*(int *)arg == 3)
        flux_watcher_stop (w);
}

static void active_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    *(bool *)arg = flux_watcher_is_active (w);
}

static void timers (void)
{
    flux_reactor_t *r = flux_reactor_create (0);
    flux_watcher_t *w;
    double t0;
    int count = 0;
    bool active = true;

    errno = 0;
    ok (!flux_timer_watcher_create (r, -1., 0., mark_cb, "x") && errno == EINVAL,
        "a negative time is EINVAL");
    ok (!flux_timer_watcher_create (r, 0., -1., mark_cb, "x") && errno == EINVAL,
        "a negative repeat is EINVAL");
    w = flux_timer_watcher_create (r, 0.001, 0., active_cb, &active);
    flux_watcher_start (w);
    is_int (flux_reactor_run (r, 0), 0, "a one-shot timer fires once");
    ok (!active, "and is inactive before its callback");
    flux_watcher_destroy (w);

    w = flux_timer_watcher_create (r, 0.001, 0.001, repeat_cb, &count);
    flux_watcher_start (w);
    flux_reactor_run (r, 0);
    is_int (count, 3, "a repeating timer fires until it is stopped");
    flux_watcher_destroy (w);

    clear ();
    w = flux_timer_watcher_create (r, 100., 0., mark_stop_cb, "t");
    flux_timer_watcher_again (w);
    ok (!flux_watcher_is_active (w), "again without repeat stops");
    flux_timer_watcher_reset (w, 100., 0.001);
    ok (!flux_watcher_is_active (w), "reset does not start");
    flux_timer_watcher_again (w);
    ok (flux_watcher_is_active (w), "again starts");
    flux_reactor_run (r, 0);
    is (trace, "t", "and fires after repeat, not after 'after'");
    flux_watcher_start (w);
    ok (flux_watcher_next_wakeup (w) - flux_reactor_now (r) > 99.,
        "next_wakeup is absolute");
    flux_timer_watcher_reset (w, 0.001, 0.);
    ok (flux_watcher_next_wakeup (w) - flux_reactor_now (r) > 99.,
        "reset of an active timer changes nothing yet");
    flux_watcher_stop (w);
    flux_watcher_start (w);
    t0 = flux_reactor_time ();
    flux_reactor_run (r, 0);
    ok (flux_reactor_time () - t0 < 50., "until it is started again");
    flux_watcher_destroy (w);
    w = flux_check_watcher_create (r, mark_cb, "c");
    errno = 0;
    ok (flux_watcher_next_wakeup (w) < 0 && errno == EINVAL,
        "other kinds have no next wake-up");
    flux_watcher_destroy (w);
    flux_reactor_destroy (r);
}

static double next_cb (flux_watcher_t *w, double now, void *arg)
{
    int *left = arg;

    return (*left)-- > 0 ? now + 0.001 : now - 1.;
}

static void count_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    mark ('.');
}

static void periodics (void)
{
    flux_reactor_t *r = flux_reactor_create (0);
    flux_watcher_t *w;
    int left = 2;

    errno = 0;
    ok (!flux_periodic_watcher_create (r, -1., 0., NULL, mark_cb, "x") && errno == EINVAL,
        "a negative offset is EINVAL");
    ok (!flux_periodic_watcher_create (r, 0., -1., NULL, mark_cb, "x") && errno == EINVAL,
        "a negative interval is EINVAL");
    clear ();
    w = flux_periodic_watcher_create (r, flux_reactor_time (), 0., NULL, mark_cb, "o");
    flux_watcher_start (w);
    is_int (flux_reactor_run (r, 0), 0, "interval 0 fires once");
    is (trace, "o", "at its time");
    ok (!flux_watcher_is_active (w), "and is over");
    flux_periodic_watcher_reset (w, 0., 0.01, NULL);
    ok (flux_watcher_is_active (w), "reset arms it again");
    ok (flux_watcher_next_wakeup (w) >= flux_reactor_now (r)
            && flux_watcher_next_wakeup (w) < flux_reactor_now (r) + 0.02,
        "at a multiple of the interval");
    flux_watcher_destroy (w);

    clear ();
    w = flux_periodic_watcher_create (r, 0., 0., next_cb, count_cb, &left);
    flux_watcher_start (w);
    is_int (flux_reactor_run (r, 0), 0, "a reschedule time that has passed ends it");
    is (trace, "..", "after the calls that it allowed");
    ok (!flux_watcher_is_active (w), "and it is inactive");
    left = 0;
    flux_watcher_start (w);
    ok (!flux_watcher_is_active (w), "one that is over at once does not start");
    left = 1;
    flux_watcher_start (w);
    ok (flux_watcher_is_active (w), "but can be started again");
    flux_reactor_run (r, 0);
    is (trace, "...", "and fires");
    flux_watcher_destroy (w);
    flux_reactor_destroy (r);
}

static bool blocked (int signum)
{
    sigset_t set;

    pthread_sigmask (SIG_SETMASK, NULL, &set);
    return sigismember (&set, signum);
}

static void signals (void)
{
    flux_reactor_t *r = flux_reactor_create (0);
    flux_reactor_t *r2 = flux_reactor_create (0);
    flux_watcher_t *a, *b, *c;

    errno = 0;
    ok (!flux_signal_watcher_create (r, -1, mark_cb, "x") && errno == EINVAL,
        "a bad signal number is EINVAL");
    ok (!flux_signal_watcher_create (r, SIGKILL, mark_cb, "x") && errno == EINVAL,
        "so is one that cannot be caught");
    a = flux_signal_watcher_create (r, SIGUSR1, mark_stop_cb, "a");
    b = flux_signal_watcher_create (r, SIGUSR1, mark_stop_cb, "b");
    is_int (flux_signal_watcher_get_signum (a), SIGUSR1, "the number can be asked for");
    ok (!blocked (SIGUSR1), "an inactive watcher does not block the signal");
    c = flux_signal_watcher_create (r2, SIGUSR1, mark_stop_cb, "c");
    flux_watcher_start (a);
    flux_watcher_start (b);
    ok (blocked (SIGUSR1), "an active one does");
    flux_watcher_start (c);
    ok (!flux_watcher_is_active (c), "a second reactor cannot start on the same signal");
    errno = 0;
    ok (!flux_signal_watcher_create (r2, SIGUSR1, mark_cb, "x") && errno == EBUSY,
        "nor create a watcher for it: EBUSY");
    clear ();
    raise (SIGUSR1);
    flux_reactor_run (r, 0);
    is_int (strlen (trace), 2, "all watchers of a signal fire");
    ok (!blocked (SIGUSR1), "unblocked after the last stop");
    flux_watcher_start (c);
    ok (flux_watcher_is_active (c), "another reactor may have it then");
    clear ();
    raise (SIGUSR1);
    flux_reactor_run (r2, 0);
    is (trace, "c", "and gets it");
    flux_watcher_destroy (a);
    flux_watcher_destroy (b);
    flux_watcher_destroy (c);
    flux_reactor_destroy (r);
    flux_reactor_destroy (r2);
}

static void stats (void)
{
    flux_reactor_t *r = flux_reactor_create (0);
    char path[] = "/tmp/reactor_test.XXXXXX";
    int fd = mkstemp (path);
    flux_watcher_t *w, *limit;
    struct stat cur, prev;

    must (fd >= 0);
    w = flux_stat_watcher_create (r, path, 0.02, stop_cb, "s");
    limit = flux_timer_watcher_create (r, 30., 0., stop_cb, "!");
    flux_watcher_start (w);
    flux_watcher_start (limit);
    must (write (fd, "hello", 5) == 5);
    clear ();
    flux_reactor_run (r, 0);
    is (trace, "s", "a change of the file is noticed");
    is_int (flux_stat_watcher_get_rstat (w, &cur, &prev), 0, "get_rstat works");
    ok (cur.st_size == 5 && prev.st_size == 0, "and has the sizes before and after");
    errno = 0;
    ok (flux_stat_watcher_get_rstat (limit, &cur, &prev) < 0 && errno == EINVAL,
        "on another kind it is EINVAL");
    flux_watcher_destroy (w);
    flux_watcher_destroy (limit);
    flux_reactor_destroy (r);
    close (fd);
    unlink (path);
}

int main (void)
{
    descriptors ();
    timers ();
    periodics ();
    signals ();
    stats ();
    return done_testing ();
}
