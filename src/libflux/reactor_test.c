#include "config.h"
#include <fcntl.h>
#include <signal.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <flux/core.h>

#include "common/tap.h"
#include "reactor_private.h"

/* What ran, in order: one letter per callback. */
static char trace[64];

static void mark (char c)
{
    size_t n = strlen (trace);

    if (n + 1 < sizeof (trace)) {
        trace[n] = c;
        trace[n + 1] = '\0';
    }
}

static void clear (void)
{
    trace[0] = '\0';
}

/* arg: a string whose first letter is noted. */
static void mark_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    mark (*(const char *)arg);
}

static void mark_stop_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    mark (*(const char *)arg);
    flux_watcher_stop (w);
}

static void reactor_basics (void)
{
    flux_reactor_t *r;

    errno = 0;
    ok (!flux_reactor_create (99) && errno == EINVAL, "unknown create flags are EINVAL");
    r = flux_reactor_create (0);
    errno = 0;
    ok (flux_reactor_run (r, 99) < 0 && errno == EINVAL, "unknown run flags are EINVAL");
    ok (flux_reactor_run (NULL, 0) < 0 && errno == EINVAL, "no reactor is EINVAL");
    is_int (flux_reactor_run (r, 0), 0, "an empty reactor runs dry at once");
    ok (flux_reactor_time () - flux_reactor_now (r) < 1.0, "now is wall clock time");
    errno = ENOTTY;
    flux_reactor_destroy (r);
    flux_reactor_destroy (NULL);
    is_int (errno, ENOTTY, "the destructor keeps errno");
}

static void stop_error_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    flux_reactor_stop_error (r);
    errno = *(int *)arg;
}

static void stop_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    mark (*(const char *)arg);
    flux_reactor_stop (r);
}

static void stopping (void)
{
    flux_reactor_t *r = flux_reactor_create (0);
    flux_watcher_t *a, *b, *e;
    int errnum = ENOSPC;

    a = flux_timer_watcher_create (r, 0., 0., mark_cb, "a");
    b = flux_timer_watcher_create (r, 0., 0., stop_cb, "b");
    e = flux_timer_watcher_create (r, 0., 0., stop_error_cb, &errnum);

    clear ();
    flux_reactor_stop (r);
    flux_watcher_start (a);
    is_int (flux_reactor_run (r, 0), 0, "stop before run has no effect");
    is (trace, "a", "and the watchers ran");

    clear ();
    flux_watcher_start (a);
    flux_watcher_start (b);
    flux_reactor_run (r, 0);
    is_int (strlen (trace), 2, "what is due in the pass that stops still runs");

    flux_watcher_start (e);
    errno = 0;
    ok (flux_reactor_run (r, 0) < 0 && errno == ENOSPC,
        "stop_error makes run fail with errno as the callback left it");

    clear ();
    flux_watcher_destroy (a);
    a = flux_prepare_watcher_create (r, stop_cb, "p");
    flux_watcher_start (a);
    is_int (flux_reactor_run (r, 0), 1, "stop in a prepare callback does not block");
    flux_watcher_destroy (a);
    flux_watcher_destroy (b);
    flux_watcher_destroy (e);
    flux_reactor_destroy (r);
}

static void one_pass (void)
{
    flux_reactor_t *r = flux_reactor_create (0);
    flux_watcher_t *p = flux_prepare_watcher_create (r, mark_cb, "p");
    flux_watcher_t *c = flux_check_watcher_create (r, mark_cb, "c");
    flux_watcher_t *t = flux_timer_watcher_create (r, 0., 0., mark_cb, "t");
    flux_watcher_t *i = flux_idle_watcher_create (r, mark_cb, "i");
    int fds[2];
    flux_watcher_t *f;

    must (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    must (write (fds[1], "x", 1) == 1);
    f = flux_fd_watcher_create (r, fds[0], FLUX_POLLIN, mark_cb, "f");
    flux_watcher_start (p);
    flux_watcher_start (c);
    flux_watcher_start (i);
    flux_watcher_start (f);
    clear ();
    flux_reactor_run (r, FLUX_REACTOR_ONCE);
    is (trace, "pcf", "prepare, then check, then descriptors; no idle while others ran");
    flux_watcher_stop (f);
    flux_watcher_start (t);
    clear ();
    flux_reactor_run (r, FLUX_REACTOR_NOWAIT);
    is (trace, "pct", "check before the timer that became due in the same pass");
    clear ();
    is_int (flux_reactor_run (r, FLUX_REACTOR_ONCE), 3, "the active ones are counted");
    is (trace, "pci", "idle runs when nothing else does, and keeps ONCE from blocking");
    flux_watcher_destroy (p);
    flux_watcher_destroy (c);
    flux_watcher_destroy (t);
    flux_watcher_destroy (i);
    flux_watcher_destroy (f);
    close (fds[0]);
    close (fds[1]);
    flux_reactor_destroy (r);
}

static void check_priorities (void)
{
    flux_reactor_t *r = flux_reactor_create (0);
    flux_watcher_t *w[3];
    flux_watcher_t *i = flux_idle_watcher_create (r, NULL, NULL);

    w[0] = flux_check_watcher_create (r, mark_cb, "a");
    w[1] = flux_check_watcher_create (r, mark_cb, "b");
    w[2] = flux_check_watcher_create (r, mark_cb, "c");
    flux_watcher_set_priority (w[0], 100);
    flux_watcher_set_priority (w[1], -100);
    for (int k = 0; k < 3; k++)
        flux_watcher_start (w[k]);
    flux_watcher_set_priority (w[1], 2);
    flux_watcher_start (i);
    clear ();
    flux_reactor_run (r, FLUX_REACTOR_ONCE);
    is (trace, "acb", "checks by priority, clamped, fixed while active");
    flux_watcher_stop (w[0]);
    flux_watcher_stop (w[1]);
    flux_watcher_set_priority (w[0], 0);
    flux_watcher_set_priority (w[1], 1);
    flux_watcher_set_priority (i, 2);
    flux_watcher_start (w[0]);
    flux_watcher_start (w[1]);
    clear ();
    flux_reactor_run (r, FLUX_REACTOR_ONCE);
    is (trace, "bac", "equal priority: the most recently started first");
    for (int k = 0; k < 3; k++)
        flux_watcher_destroy (w[k]);
    flux_watcher_destroy (i);
    flux_reactor_destroy (r);
}

static void references (void)
{
    flux_reactor_t *r = flux_reactor_create (0);
    flux_watcher_t *p = flux_prepare_watcher_create (r, mark_cb, "p");
    flux_watcher_t *t = flux_timer_watcher_create (r, 0.001, 0., mark_cb, "t");

    ok (flux_watcher_is_referenced (p) && flux_watcher_is_referenced (NULL),
        "watchers are referenced at first");
    flux_watcher_unref (p);
    flux_watcher_unref (p);
    flux_watcher_start (p);
    clear ();
    is_int (flux_reactor_run (r, 0), 0, "an unreferenced watcher does not keep it going");
    is (trace, "p", "but makes one pass");
    flux_watcher_ref (p);
    flux_watcher_ref (p);
    is_int (flux_reactor_run (r, FLUX_REACTOR_NOWAIT), 1, "referenced while active");
    flux_watcher_unref (p);
    is_int (flux_reactor_run (r, FLUX_REACTOR_NOWAIT), 0, "unreferenced while active");
    flux_watcher_start (t);
    clear ();
    is_int (flux_reactor_run (r, 0), 0, "runs until the referenced timer is over");
    ok (trace[strlen (trace) - 1] == 't', "which fired last");
    flux_watcher_unref (t);
    flux_watcher_stop (p);
    for (int k = 0; k < 3; k++) {
        flux_watcher_start (t);
        clear ();
        while (!strchr (trace, 't'))
            flux_reactor_run (r, FLUX_REACTOR_ONCE);
    }
    is_int (flux_reactor_run (r, 0), 0,
            "one-shot timers that expire unreferenced leave the count right");
    flux_watcher_destroy (p);
    flux_watcher_destroy (t);
    flux_reactor_destroy (r);
}

struct pair {
    flux_watcher_t *w[2];
    int calls;
};

static void kill_other_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct pair *p = arg;
    int other = w == p->w[0] ? 1 : 0;

    p->calls++;
    flux_watcher_destroy (p->w[other]);
    flux_watcher_destroy (w);
    p->w[0] = p->w[1] = NULL;
}

static void inside_callbacks (void)
{
    flux_reactor_t *r = flux_reactor_create (0);
    struct pair p = { .calls = 0 };
    int fds[2];

    for (int k = 0; k < 2; k++) {
        p.w[k] = flux_timer_watcher_create (r, 0., 0.01, kill_other_cb, &p);
        flux_watcher_start (p.w[k]);
    }
    is_int (flux_reactor_run (r, 0), 0, "a callback may destroy itself and others");
    is_int (p.calls, 1, "a pending one that was destroyed is not called");

    must (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    for (int k = 0; k < 2; k++) {
        must (write (fds[1 - k], "x", 1) == 1);
        p.w[k] = flux_fd_watcher_create (r, fds[k], FLUX_POLLIN, kill_other_cb, &p);
        flux_watcher_start (p.w[k]);
    }
    flux_reactor_run (r, 0);
    is_int (p.calls, 2, "the same for descriptors");
    for (int k = 0; k < 2; k++) {
        p.w[k] = flux_signal_watcher_create (r, SIGUSR1, kill_other_cb, &p);
        flux_watcher_start (p.w[k]);
    }
    raise (SIGUSR1);
    flux_reactor_run (r, 0);
    is_int (p.calls, 3, "the same for signals");
    flux_reactor_destroy (r);
    p.w[0] = flux_check_watcher_create (r = flux_reactor_create (0), mark_cb, "x");
    flux_reactor_destroy (r);
    flux_watcher_destroy (p.w[0]);
    flux_watcher_destroy (NULL);
    flux_watcher_start (NULL);
    flux_watcher_stop (NULL);
    ok (!flux_watcher_is_active (NULL), "NULL watchers are harmless");
    close (fds[0]);
    close (fds[1]);
}

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

struct item {
    struct deferred d;
    flux_reactor_t *r;
    struct item *victim;
    char c;
    int again;
};

static void item_run (struct deferred *d)
{
    struct item *it = container_of (d, struct item, d);

    mark (it->c);
    if (it->victim)
        reactor_undefer (it->r, &it->victim->d);
    if (it->again-- > 0)
        reactor_defer (it->r, d);
}

static void ready_queue (void)
{
    flux_reactor_t *r = reactor_create_light ();
    struct item it[3];

    must (reactor_need_loop (r) == 0);
    for (int k = 0; k < 3; k++) {
        it[k] = (struct item){ .d.fn = item_run, .r = r, .c = 'a' + k };
        list_init (&it[k].d.node);
        reactor_defer (r, &it[k].d);
        reactor_defer (r, &it[k].d);
    }
    it[0].victim = &it[1];
    it[2].again = 1;
    clear ();
    is_int (flux_reactor_run (r, FLUX_REACTOR_ONCE), 1, "deferred work is counted");
    is (trace, "ac", "it runs in order; what was taken back does not");
    is_int (flux_reactor_run (r, 0), 0, "what it adds waits for the next pass");
    is (trace, "acc", "and runs then");
    flux_reactor_destroy (r);
}

/* Callbacks that start, stop, destroy and create watchers at random. */
#define ZOO 24

static struct zoo {
    flux_reactor_t *r;
    flux_watcher_t *w[ZOO];
    int fds[2];
    unsigned int seed;
    int calls;
} zoo;

static void zoo_step (void);

static void zoo_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct zoo *z = arg;

    if (++z->calls >= 4000)
        flux_reactor_stop (r);
    else
        zoo_step ();
}

static flux_watcher_t *zoo_create (int kind)
{
    switch (kind) {
        case 0:
            return flux_timer_watcher_create (zoo.r, 0., 0., zoo_cb, &zoo);
        case 1:
            return flux_timer_watcher_create (zoo.r, 0., 0.0001, zoo_cb, &zoo);
        case 2:
            return flux_prepare_watcher_create (zoo.r, zoo_cb, &zoo);
        case 3:
            return flux_check_watcher_create (zoo.r, zoo_cb, &zoo);
        case 4:
            return flux_idle_watcher_create (zoo.r, zoo_cb, &zoo);
        case 5:
            return flux_signal_watcher_create (zoo.r, SIGUSR1, zoo_cb, &zoo);
        case 6:
            return flux_periodic_watcher_create (zoo.r, 0., 0.001, NULL, zoo_cb, &zoo);
        default:
            return flux_fd_watcher_create (zoo.r, zoo.fds[0], FLUX_POLLIN, zoo_cb, &zoo);
    }
}

static void zoo_step (void)
{
    for (int n = rand_r (&zoo.seed) % 4; n >= 0; n--) {
        flux_watcher_t **w = &zoo.w[rand_r (&zoo.seed) % ZOO];

        if (!*w)
            *w = zoo_create (rand_r (&zoo.seed) % 8);
        switch (rand_r (&zoo.seed) % 8) {
            case 0:
                flux_watcher_destroy (move_ptr (*w));
                break;
            case 1:
                flux_watcher_stop (*w);
                break;
            case 2:
                flux_watcher_unref (*w);
                break;
            case 3:
                flux_watcher_ref (*w);
                break;
            case 4:
                if (flux_watcher_is_active (zoo.w[0]) && *w == zoo.w[0])
                    raise (SIGUSR2);
                flux_timer_watcher_again (*w);
                break;
            default:
                flux_watcher_start (*w);
        }
    }
}

/* Active and referenced ones. */
static int zoo_count (flux_watcher_t *extra)
{
    int n = flux_watcher_is_active (extra);

    for (int i = 0; i < ZOO; i++)
        n += flux_watcher_is_active (zoo.w[i]) && flux_watcher_is_referenced (zoo.w[i]);
    return n;
}

static void random_changes (void)
{
    flux_watcher_t *usr2;

    zoo.r = flux_reactor_create (0);
    must (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, zoo.fds) == 0);
    must (write (zoo.fds[1], "x", 1) == 1);
    usr2 = flux_signal_watcher_create (zoo.r, SIGUSR2, zoo_cb, &zoo);
    for (zoo.seed = 1; zoo.seed < 6; zoo.seed++) {
        unsigned int seed = zoo.seed;

        zoo.calls = 0;
        flux_watcher_start (usr2);
        while (zoo.calls < 4000) {
            zoo_step ();
            must (flux_reactor_run (zoo.r, FLUX_REACTOR_NOWAIT) >= 0);
        }
        is_int (zoo.r->usecount, zoo_count (usr2), "seed %u: the count is right", seed);
        for (int i = 0; i < ZOO; i++)
            flux_watcher_destroy (move_ptr (zoo.w[i]));
        flux_watcher_stop (usr2);
        is_int (zoo.r->usecount, 0, "seed %u: and zero when all are gone", seed);
        zoo.seed = seed;
    }
    flux_watcher_destroy (usr2);
    flux_reactor_destroy (zoo.r);
    close (zoo.fds[0]);
    close (zoo.fds[1]);
}

int main (void)
{
    reactor_basics ();
    stopping ();
    one_pass ();
    check_priorities ();
    references ();
    inside_callbacks ();
    descriptors ();
    timers ();
    periodics ();
    signals ();
    stats ();
    ready_queue ();
    random_changes ();
    return done_testing ();
}
