#include "config.h"
#include <errno.h>
#include <stdlib.h>

#include "common/tap.h"
#include "guest.h"

static bool is_nothing (struct guest_todo t)
{
    return !t.sentinel && t.source == GUEST_KEEP && !t.finish;
}

static bool is_finish (struct guest_todo t, int errnum)
{
    return t.finish && t.errnum == errnum;
}

static bool feed (struct guest *g, size_t len)
{
    bool deliver;

    return is_nothing (guest_data (g, len, &deliver)) && deliver;
}

static void a_whole_life (void)
{
    struct guest g;
    struct guest_todo t;

    guest_init (&g, false, false);
    ok (is_nothing (guest_phase (&g, false, false, false)),
        "before the start there is nothing to do");
    t = guest_phase (&g, true, false, false);
    ok (t.source == GUEST_OPEN_LIVE, "a started job is watched in its namespace");
    ok (is_nothing (guest_phase (&g, true, false, false)), "once");
    ok (feed (&g, 10) && feed (&g, 5), "data are delivered");
    ok (is_nothing (guest_phase (&g, true, true, true)),
        "the end of the job does not end a stream that is still draining");
    ok (feed (&g, 1), "what is left is delivered");
    t = guest_end (&g, ENOTSUP);
    ok (is_finish (t, ENODATA) && t.source == GUEST_KEEP && g.state == GUEST_DONE,
        "then it ends, without reading anything again");
}

static void late_comers (void)
{
    struct guest g;
    struct guest_todo t;

    guest_init (&g, true, true);
    t = guest_phase (&g, true, true, true);
    ok (t.source == GUEST_OPEN_FINAL, "of a finished job the moved data are read");
    ok (feed (&g, 10), "and delivered");
    t = guest_end (&g, ENODATA);
    ok (t.sentinel && is_finish (t, ENODATA), "sentinel and end follow");

    guest_init (&g, true, false);
    guest_phase (&g, true, true, true);
    ok (is_finish (guest_end (&g, ENOENT), ENOENT),
        "a missing key of a finished job is not waited for");

    guest_init (&g, false, false);
    t = guest_phase (&g, true, false, true);
    ok (t.source == GUEST_OPEN_FINAL, "an inactive job has no namespace any more");

    guest_init (&g, false, true);
    t = guest_phase (&g, false, false, true);
    ok (is_finish (t, ENODATA) && !t.sentinel, "a job that never started has no data");
}

static void the_move_overtakes (void)
{
    struct guest g;
    struct guest_todo t;

    guest_init (&g, false, true);
    guest_phase (&g, true, false, false);
    t = guest_end (&g, ENOTSUP);
    ok (t.source == GUEST_OPEN_FINAL && !t.finish,
        "a namespace that is gone already is looked for where it was moved to");
    ok (feed (&g, 3), "from the start");
    t = guest_end (&g, ENODATA);
    ok (t.sentinel && is_finish (t, ENODATA), "with sentinel and end");

    guest_init (&g, true, false);
    guest_phase (&g, true, false, false);
    t = guest_phase (&g, true, true, false);
    ok (t.source == GUEST_OPEN_FINAL,
        "a watch that waits for a removed namespace is given up at the move");

    guest_init (&g, true, true);
    guest_phase (&g, true, false, false);
    t = guest_sentinel (&g);
    ok (t.sentinel, "a key that is waited for has its sentinel at once");
    ok (is_nothing (guest_phase (&g, true, true, false)), "its watch ends by itself");
    t = guest_end (&g, ENOTSUP);
    ok (t.source == GUEST_OPEN_FINAL, "then the moved data are looked at");
    ok (is_finish (guest_end (&g, ENOENT), ENOENT), "and it was never created");
}

static void errors (void)
{
    struct guest g;
    struct guest_todo t;
    bool deliver;

    guest_init (&g, false, false);
    guest_phase (&g, true, false, false);
    ok (is_finish (guest_end (&g, ENOENT), ENOENT), "a missing key is an error");

    guest_init (&g, false, false);
    guest_phase (&g, true, false, false);
    feed (&g, 3);
    t = guest_data (&g, 0, &deliver);
    ok (!deliver && is_finish (t, EINVAL) && t.source == GUEST_CLOSE,
        "an append of nothing ends the stream");

    guest_init (&g, false, false);
    guest_phase (&g, true, false, false);
    ok (is_finish (guest_end (&g, EINVAL), EINVAL), "so does an overwritten log");
}

/* A job in a world where everything takes its time: the log of the guest grows
 * to 'total', is copied, its namespace removed, and the main log tells of that
 * later still; a watch of the namespace is answered later than it was asked.
 */
struct world {
    unsigned int seed;
    struct guest g;
    bool waitcreate;
    int started, total, grown, copied, removed, final; /* what is true */
    int told_started, told_final;                      /* what the main log said */
    enum { NONE, ASKED, LIVE, FINAL } source;
    bool pauses; /* the client now and then does not read */
    bool paused; /* then no source is open */
    int brought; /* by all sources */
    int got;     /* by the client */
    bool finished;
    int errnum;
};

static void world_do (struct world *w, struct guest_todo t)
{
    if (t.source == GUEST_OPEN_LIVE)
        w->source = ASKED;
    if (t.source == GUEST_OPEN_FINAL)
        w->source = FINAL;
    if (w->paused)
        w->source = NONE;
    if (t.finish) {
        w->finished = true;
        w->errnum = t.errnum;
    }
}

static void world_bring (struct world *w)
{
    bool deliver;

    w->brought++;
    world_do (w, guest_data (&w->g, 1, &deliver));
    w->got += deliver;
}

/* As kvs-watch does it. */
static void world_live (struct world *w)
{
    if (w->source == ASKED) {
        if (!w->removed)
            w->source = LIVE;
        else if (!w->waitcreate)
            world_do (w, guest_end (&w->g, ENOTSUP));
    }
    else if (w->removed && w->brought < w->grown && rand_r (&w->seed) % 3 == 0)
        world_do (w, guest_end (&w->g, ESTALE)); /* what is left is gone from there */
    else if (w->brought < w->grown)
        world_bring (w);
    else if (w->removed)
        world_do (w, guest_end (&w->g, ENOTSUP));
}

static void world_pause (struct world *w)
{
    if (!w->pauses)
        return;
    w->paused = !w->paused;
    if (w->paused)
        w->source = NONE;
    else if (w->g.state == GUEST_LIVE || w->g.state == GUEST_FINAL)
        world_do (w, guest_resume (&w->g, w->told_started, w->told_final, false));
}

static void world_step (struct world *w)
{
    if (rand_r (&w->seed) % 20 == 0)
        world_pause (w);
    switch (rand_r (&w->seed) % 8) {
        case 0:
            w->started = 1;
            break;
        case 1:
        case 2:
            if (w->started && w->grown < w->total)
                w->grown++;
            break;
        case 3:
            w->copied |= w->grown == w->total;
            break;
        case 4:
            w->final |= w->removed;
            w->removed |= w->copied;
            break;
        case 5:
            w->told_final |= w->final;
            w->told_started |= w->started;
            world_do (w, guest_phase (&w->g, w->told_started, w->told_final, false));
            break;
        default:
            if (w->source == ASKED || w->source == LIVE)
                world_live (w);
            else if (w->source == FINAL && w->brought < w->total)
                world_bring (w);
            else if (w->source == FINAL)
                world_do (w, guest_end (&w->g, ENODATA));
    }
}

static void every_entry_once (void)
{
    bool good = true;
    unsigned int seed;

    for (seed = 1; good && seed < 50000; seed++) {
        struct world w = { .seed = seed, .total = 1 + seed % 5, .grown = 1 };

        w.waitcreate = seed & 8;
        w.pauses = seed & 16;
        guest_init (&w.g, w.waitcreate, false);
        for (int i = 0; i < 4000 && !w.finished; i++)
            world_step (&w);
        good = w.finished && w.errnum == ENODATA && w.got == w.total;
    }
    ok (good, "every entry comes once, whenever the move happens (seed %u)", seed - 1);
}

int main (void)
{
    a_whole_life ();
    late_comers ();
    the_move_overtakes ();
    errors ();
    every_entry_once ();
    return done_testing ();
}
