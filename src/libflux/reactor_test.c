#include "config.h"
#include <signal.h>
#include <sys/socket.h>

#include "reactor_private.h"
#include "reactor_test.h"

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
    ok (flux_reactor_time () - flux_reactor_now (r) < 60., "now is wall clock time");
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

/* What was raised and not read yet would take its usual course, which is to kill us,
 * once nobody watches for it.
 */
static void read_signals (void)
{
    sigset_t pending;

    while (sigpending (&pending) == 0 && sigismember (&pending, SIGUSR2) == 1)
        must (flux_reactor_run (zoo.r, FLUX_REACTOR_NOWAIT) >= 0);
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
        read_signals ();
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
    ready_queue ();
    random_changes ();
    return done_testing ();
}
