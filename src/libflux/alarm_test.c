#include "config.h"
#include <flux/core.h>
#include <time.h>

#include "alarm.h"
#include "common/tap.h"
#include "common/util.h"

struct run {
    flux_watcher_t *w[3];
    char trace[8];
    int n;
};

static double now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec * 1e-9;
}

static void note_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct run *run = arg;

    for (int i = 0; i < 3; i++) {
        if (run->w[i] == w)
            run->trace[run->n++] = 'a' + i;
    }
}

/* The best of many: others may keep the processor now and then, not always. */
static double shortest (flux_reactor_t *r, double after, int tries)
{
    struct run run = { 0 };
    flux_watcher_t *w = flux_timer_watcher_create (r, after, 0., note_cb, &run);
    double best = 1.;

    must (w);
    for (int i = 0; i < tries; i++) {
        double t0 = now (), t;

        flux_watcher_start (w);
        must (flux_reactor_run (r, 0) == 0);
        t = now () - t0;
        if (t < best)
            best = t;
    }
    flux_watcher_destroy (w);
    return best;
}

static void precision (flux_reactor_t *r)
{
    double t = shortest (r, 0.0002, 500);

    ok (t >= 0.0002, "a timer of 0.2 ms does not end before that");
    ok (t < 0.001, "and not a millisecond later (%.2f ms)", t * 1000);
}

/* Returns how long that took: others may keep the processor meanwhile. */
static double start_three (struct run *run)
{
    double t0 = now ();

    for (int i = 0; i < 3; i++)
        flux_watcher_start (run->w[i]);
    return now () - t0;
}

static void order (flux_reactor_t *r)
{
    const double after[] = { 0.003, 0.0002, 0.0015 };
    struct run run = { 0 };

    for (int i = 0; i < 3; i++) {
        run.w[i] = flux_timer_watcher_create (r, after[i], 0., note_cb, &run);
        must (run.w[i]);
    }
    /* they are to end in another order than they are started in */
    while (start_three (&run) > 0.001) {
        must (flux_reactor_run (r, 0) == 0);
        run = (struct run){ .w = { run.w[0], run.w[1], run.w[2] } };
    }
    is_int (flux_reactor_run (r, 0), 0, "three timers, started in another order");
    is (run.trace, "bca", "end in the order of their times");
    run = (struct run){ .w = { run.w[0], run.w[1], run.w[2] } };
    for (int i = 0; i < 3; i++)
        flux_watcher_start (run.w[i]);
    flux_watcher_stop (run.w[1]);
    flux_watcher_destroy (run.w[2]);
    is_int (flux_reactor_run (r, 0), 0, "the earliest is stopped, the next destroyed");
    is (run.trace, "a", "and the last one ends");
    flux_watcher_destroy (run.w[0]);
    flux_watcher_destroy (run.w[1]);
}

static void entries (void)
{
    struct ev_loop *loop = ev_loop_new (EVFLAG_AUTO);
    struct alarm_entry e[2];
    struct alarm a;

    must (loop);
    alarm_init (&a);
    for (int i = 0; i < 2; i++)
        alarm_entry_init (&e[i]);
    alarm_remove (&a, &e[0]);
    alarm_add (&a, loop, &e[0], ALARM_MAX);
    ok (treap_count (&a.entries) == 0 && a.fd < 0,
        "what is long enough for libev needs no descriptor");
    alarm_add (&a, loop, &e[0], 0.009);
    alarm_add (&a, loop, &e[1], 0.001);
    while (e[1].due > e[0].due) { /* the processor was away in between */
        alarm_remove (&a, &e[1]);
        alarm_remove (&a, &e[0]);
        a.armed = 0;
        alarm_add (&a, loop, &e[0], 0.009);
        alarm_add (&a, loop, &e[1], 0.001);
    }
    ok (treap_count (&a.entries) == 2 && a.armed == e[1].due,
        "the earliest of two is armed, though it came later");
    while (treap_count (&a.entries) > 0)
        ev_run (loop, EVRUN_ONCE);
    is_int (a.armed, 0, "nothing is armed when all are over");
    alarm_fini (&a);
    ev_loop_destroy (loop);
}

int main (void)
{
    flux_reactor_t *r = flux_reactor_create (0);

    must (r);
    precision (r);
    order (r);
    entries ();
    flux_reactor_destroy (r);
    return done_testing ();
}
