/* t/sim/list_sim.c - job-list's index beside a plain replay of the same journal.
 *
 * Jobs are submitted, changed, run, ended, taken back and purged in any order that a
 * journal may have, and now and then the index is made anew from the backlog.  All
 * of it follows from one seed.
 *
 * After every step
 *  - the job that something happened to has all the attributes, and no others, that
 *    going through its events from the beginning gives (list_model.h)
 *  - the three lists are what sorting the jobs gives
 *  - the counters are what counting gives, in all and by queue
 *  - some constraint selects what looking at each job selects
 *  - those who wait have been answered exactly if the job has come so far
 *
 * Usage: list_sim [SEED [STEPS]]
 */

#include "config.h"
#include <stdio.h>
#include <time.h>

#include "common/tap.h"
#include "modules/job-list/attrs.h"
#include "modules/job-list/engine.h"
#include "modules/job-list/match.h"

#include "list_judge.h"

enum { MAX_WAITERS = 40 };

struct waiter {
    bool used;
    int id, states;
    int answer; /* 0: none yet, 1: a job, 2: none */
};

static struct list_world w;
static struct waiter waiters[MAX_WAITERS];
static double t;

static int roll (int n)
{
    return rand_r (&w.seed) % n;
}

static double tick (void)
{
    return t += 0.125;
}

/* ---- the index ---- */

static void waited (void *token, const struct record *rec, void *arg)
{
    struct waiter *x = token;

    if (x->answer)
        list_broke (&w, "a waiter is answered twice", x->id);
    x->answer = rec ? 1 : 2;
}

static void logged (int level, const char *message, void *arg)
{
}

static const struct jl_sink sink = { waited, logged };

static void
send (int id, const char *events, const struct spec *spec, const struct now *R)
{
    struct text m = TEXT_INIT;
    const char *why = "";
    bool sentinel;

    text_printf (&m, "{\"id\":%d,\"events\":[%s]", id, events);
    if (spec) {
        text_puts (&m, ",\"jobspec\":");
        model_put_spec (&m, spec);
    }
    if (R && R->rnodes) {
        text_puts (&m, ",\"R\":");
        model_put_R (&m, R->rnodes, R->rfirst, R->rcores, R->expiration);
    }
    text_putc (&m, '}');
    if (jl_message (w.jl, m.buf, m.len, &sentinel, &why) < 0) {
        diag ("%s: %s", why, m.buf);
        list_broke (&w, "a message is refused", id);
    }
    text_fini (&m);
}

/* ---- what happens ---- */

static void add (struct mjob *j, enum what what, int a, int b, int c)
{
    struct text e = TEXT_INIT;

    if (j->n == MAX_EVENTS)
        return;
    j->events[j->n] = (struct happened){ what, tick (), a, b, c };
    model_put_event (&e, j, &j->events[j->n++]);
    model_replay (j, &w.now[j->id]);
    send (j->id, e.buf, what == SUBMIT ? &j->spec : NULL,
          what == ALLOC ? &w.now[j->id] : NULL);
    text_fini (&e);
    w.touched = j;
}

static int maybe (int n)
{
    return roll (n + 1) - 1;
}

static void do_submit (void)
{
    struct mjob *j = &w.jobs[w.njobs + 1];

    if (w.njobs + 1 >= LIST_MAXJOBS)
        return;
    *j = (struct mjob){
        .id = ++w.njobs,
        .there = true,
        .userid = 100 + roll (2),
        .old = roll (10) == 0,
        .spec = { .name = maybe (3),
                  .cwd = maybe (2),
                  .queue = maybe (QUEUES),
                  .project = maybe (2),
                  .bank = maybe (2),
                  .nnodes = roll (3),
                  .nslots = 1 + roll (4),
                  .cores = 1 + roll (3),
                  .duration = roll (3) * 60,
                  .exclusive = roll (2),
                  .per = roll (3) },
    };
    add (j, SUBMIT, 0, 0, 0);
}

/* Something that may happen in any state but NEW and INACTIVE. */
static void do_anything (struct mjob *j)
{
    switch (roll (12)) {
        case 0:
            add (j, DEP_ADD, roll (DEPS), 0, 0);
            break;
        case 1:
            add (j, DEP_REMOVE, roll (DEPS), 0, 0);
            break;
        case 2:
            add (j, ANNOTATE, maybe (9), 0, 0);
            break;
        case 3:
            add (j, MEMO, roll (MEMOS), maybe (5), 0);
            break;
        case 4:
            add (j, URGENCY, roll (32), 0, 0);
            break;
        case 5:
            add (j, SET_QUEUE, roll (QUEUES), 0, 0);
            break;
        case 6:
            add (j, SET_DURATION, roll (1000), 0, 0);
            break;
        case 7:
            add (j, SET_NAME, roll (3), 0, 0);
            break;
        case 8:
            add (j, EXPIRE, maybe (1000), 0, 0);
            break;
        case 9:
            add (j, EXCEPTION, roll (4) == 0 ? 0 : roll (8), roll (3), 0);
            break;
        case 10:
            add (j, PRIORITY_, roll (3) * 1000, 0, 0);
            break;
        case 11:
            add (j, roll (2) ? RESTART : OTHER, 0, 0, 0);
            break;
    }
}

/* The next thing in a job's life; sometimes one that comes too late. */
static void do_next (struct mjob *j)
{
    switch (w.now[j->id].state) {
        case STATE_NEW:
            if (roll (8) == 0)
                add (j, DEP_ADD, roll (DEPS), 0, 0);
            else
                add (j, VALIDATE, 0, 0, 0);
            break;
        case STATE_DEPEND:
            add (j, DEPEND, 0, 0, 0);
            break;
        case STATE_PRIORITY:
            add (j, PRIORITY_, roll (4) * 500, 0, 0);
            break;
        case STATE_SCHED:
            add (j, ALLOC, 1 + roll (3), roll (4), 1 + roll (3));
            break;
        case STATE_RUN:
            add (j, FINISH, roll (2) * 256, 0, 0);
            break;
        case STATE_CLEANUP:
            if (w.now[j->id].rnodes == 0 && roll (8) == 0)
                add (j, ALLOC, 1, 0, 1);
            else if (w.now[j->id].rnodes && w.now[j->id].status < 0 && roll (3))
                add (j, FINISH, roll (2) * 15, 0, 0);
            else
                add (j, CLEAN, 0, 0, 0);
            break;
    }
}

static struct mjob *any_job (void)
{
    struct mjob *j = w.njobs ? &w.jobs[1 + roll (w.njobs)] : NULL;

    return j && j->there ? j : NULL;
}

/* Taken back: it was never there. */
static void take_back (struct mjob *j)
{
    add (j, INVALIDATE, 0, 0, 0);
    j->there = false;
    w.touched = NULL;
    for (int i = 0; i < MAX_WAITERS; i++) {
        if (waiters[i].used && waiters[i].id == (int)j->id && waiters[i].answer != 2)
            list_broke (&w, "who waits for what is gone is not told", j->id);
        if (waiters[i].id == (int)j->id)
            waiters[i].used = false;
    }
}

static void do_job (void)
{
    struct mjob *j = any_job ();
    int state = j ? w.now[j->id].state : STATE_INACTIVE;

    if (state == STATE_INACTIVE)
        return;
    if (state == STATE_NEW && roll (10) == 0)
        take_back (j);
    else if (state == STATE_NEW || roll (2))
        do_next (j);
    else
        do_anything (j);
}

static void do_purge (void)
{
    struct mjob *j = any_job ();
    bool inactive = j && w.now[j->id].state == STATE_INACTIVE;

    if (!j)
        return;
    if (jl_purge (w.jl, j->id) != inactive)
        list_broke (&w, "what is inactive can be purged, and nothing else", j->id);
    if (inactive) {
        j->there = false;
        w.purged++;
        if (w.now[j->id].spec.queue >= 0)
            w.queue_purged[w.now[j->id].spec.queue]++;
    }
}

static void do_wait (void)
{
    struct waiter *x = &waiters[roll (MAX_WAITERS)];
    int id = 1 + roll (w.njobs + 1);

    /* what is gone will not come again */
    if (x->used || (id <= w.njobs && !w.jobs[id].there))
        return;
    *x = (struct waiter){ .id = id, .states = roll (3) ? 2 << roll (6) : 0 };
    if (id <= w.njobs && jl_satisfies (jl_lookup (w.jl, id), x->states))
        return;
    x->used = true;
    if (jl_wait (w.jl, id, x->states, x) < 0)
        list_broke (&w, "waiting", id);
}

static bool gone (void *token, void *arg)
{
    ((struct waiter *)token)->used = false;
    return true;
}

/* Annotations are in no log. */
static void forget_annotations (struct mjob *j)
{
    int n = 0;

    for (int i = 0; i < j->n; i++) {
        if (j->events[i].what != ANNOTATE)
            j->events[n++] = j->events[i];
    }
    j->n = n;
}

static void send_past (struct mjob *j)
{
    struct text e = TEXT_INIT;

    forget_annotations (j);
    model_replay (j, &w.now[j->id]);
    for (int i = 0; i < j->n; i++) {
        if (i > 0)
            text_putc (&e, ',');
        model_put_event (&e, j, &j->events[i]);
    }
    send (j->id, e.buf, &w.now[j->id].spec, &w.now[j->id]);
    text_fini (&e);
}

/* From the backlog, which has the jobs in any order. */
static void do_restart (void)
{
    int order[LIST_MAXJOBS];

    jl_wait_drop (w.jl, NULL, gone, NULL);
    jl_destroy (w.jl);
    w.jl = jl_create (&sink, NULL);
    jl_queue_configure (w.jl, "q3", "q0");
    w.purged = 0;
    memset (w.queue_purged, 0, sizeof (w.queue_purged));
    for (int i = 0; i < w.njobs; i++) {
        int k = roll (i + 1);

        order[i] = order[k];
        order[k] = i + 1;
    }
    for (int i = 0; i < w.njobs; i++) {
        if (w.jobs[order[i]].there)
            send_past (&w.jobs[order[i]]);
    }
    for (int id = 1; id <= w.njobs; id++)
        list_check_job (&w, &w.jobs[id]);
}

/* ---- what must hold ---- */

static bool has_come (const struct waiter *x)
{
    const struct now *n = &w.now[x->id];

    if (x->id > w.njobs || n->state == STATE_NEW)
        return false;
    return n->state == STATE_INACTIVE || x->states == 0 || (n->history & x->states);
}

static void check_waiters (void)
{
    for (int i = 0; i < MAX_WAITERS; i++) {
        struct waiter *x = &waiters[i];

        if (!x->used)
            continue;
        if (has_come (x) != (x->answer == 1))
            list_broke (&w, "a waiter is answered early, late or never", x->id);
        if (x->answer)
            x->used = false;
    }
}

static void step (void)
{
    int r = roll (1000);

    w.touched = NULL;
    if (r < 60)
        do_submit ();
    else if (r < 900)
        do_job ();
    else if (r < 930)
        do_purge ();
    else if (r < 995)
        do_wait ();
    else
        do_restart ();
    if (w.touched)
        list_check_job (&w, w.touched);
    check_waiters ();
    list_check_lists (&w);
    list_check_counters (&w);
    list_check_constraint (&w);
}

static void simulate (unsigned int seed, int steps)
{
    int n;

    memset (&w, 0, sizeof (w));
    memset (waiters, 0, sizeof (waiters));
    w.seed = seed;
    t = 1000;
    w.jl = jl_create (&sink, NULL);
    jl_queue_configure (w.jl, "q3", "q0");
    for (n = 0; n < steps && !w.broken; n++)
        step ();
    ok (!w.broken, "seed %u: %d steps, %d jobs", seed, n, w.njobs);
    if (w.broken)
        diag ("after step %d, job %d: %s", n, w.broken_job, w.broken);
    jl_wait_drop (w.jl, NULL, gone, NULL);
    jl_destroy (w.jl);
}

int main (int argc, char *argv[])
{
    int steps = argc > 2 ? atoi (argv[2]) : 3000;

    if (argc > 1)
        simulate (strtoul (argv[1], NULL, 10), steps);
    else {
        for (unsigned int seed = 1; seed <= 10; seed++)
            simulate (seed, steps);
        simulate (time (NULL), steps);
    }
    return done_testing ();
}
