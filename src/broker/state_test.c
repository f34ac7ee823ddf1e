#include "config.h"

#include <stdio.h>
#include <string.h>

#include "common/tap.h"

#include "state.h"

struct world {
    struct state_machine *sm;
    char log[1024];
    const char *rc1; /* what is posted on entering init, run, ... */
    const char *rc2;
};

static void enter (enum broker_state state,
                   enum broker_state old,
                   const char *event,
                   double duration,
                   void *arg)
{
    struct world *w = arg;
    const char *next = NULL;

    snprintf (w->log + strlen (w->log),
              sizeof (w->log) - strlen (w->log),
              "%s: %s->%s %.0f\n",
              event,
              broker_state_name (old),
              broker_state_name (state),
              duration);
    switch (state) {
        case STATE_JOIN:
            next = "parent-none";
            break;
        case STATE_CONFIG_SYNC:
            next = "sync-none";
            break;
        case STATE_INIT:
            next = w->rc1;
            break;
        case STATE_QUORUM:
            next = "quorum-full";
            break;
        case STATE_RUN:
            next = w->rc2;
            break;
        case STATE_CLEANUP:
            next = "cleanup-none";
            break;
        case STATE_SHUTDOWN:
            next = "children-none";
            break;
        case STATE_FINALIZE:
            next = "rc3-success";
            break;
        case STATE_GOODBYE:
            next = "goodbye";
            break;
        case STATE_UNLOAD_BUILTINS:
            next = "builtins-done";
            break;
        default:
            break;
    }
    if (next)
        state_machine_post (w->sm, next, 10.);
}

static void straight_through (void)
{
    struct world w = { .rc1 = "rc1-success", .rc2 = "rc2-fail" };

    w.sm = state_machine_new (3., enter, &w);
    ok (state_machine_post (w.sm, "builtins-success", 10.), "the first event is taken");
    is (w.log,
        "builtins-success: load-builtins->join 7\n"
        "parent-none: join->config-sync 0\n"
        "sync-none: config-sync->init 0\n"
        "rc1-success: init->quorum 0\n"
        "quorum-full: quorum->run 0\n"
        "rc2-fail: run->cleanup 0\n"
        "cleanup-none: cleanup->shutdown 0\n"
        "children-none: shutdown->finalize 0\n"
        "rc3-success: finalize->goodbye 0\n"
        "goodbye: goodbye->unload-builtins 0\n"
        "builtins-done: unload-builtins->exit 0\n",
        "an instance of one goes through all states, events posted while entering");
    ok (state_machine_state (w.sm) == STATE_EXIT, "ends in exit");
    ok (!state_machine_post (w.sm, "shutdown", 10.), "where nothing moves any more");
    state_machine_free (w.sm);
}

static void rc1_fails (void)
{
    struct world w = { .rc1 = "rc1-fail" };

    w.sm = state_machine_new (0., enter, &w);
    state_machine_post (w.sm, "builtins-success", 10.);
    ok (strstr (w.log, "rc1-fail: init->shutdown") && strstr (w.log, "rc3-success")
            && !strstr (w.log, "cleanup"),
        "a failing rc1 goes to rc3 without rc2 and cleanup");
    state_machine_free (w.sm);
}

static void waits_in_run (void)
{
    struct world w = { .rc1 = "rc1-none" };

    w.sm = state_machine_new (0., enter, &w);
    state_machine_post (w.sm, "builtins-success", 10.);
    ok (state_machine_state (w.sm) == STATE_RUN, "without rc2 it stays in run");
    ok (!state_machine_post (w.sm, "rc1-success", 11.)
            && !state_machine_post (w.sm, "no such event", 11.),
        "events out of place are ignored");
    ok (state_machine_state (w.sm) == STATE_RUN && state_machine_since (w.sm) == 10.,
        "... and change nothing");
    ok (state_machine_post (w.sm, "shutdown", 12.)
            && state_machine_state (w.sm) == STATE_EXIT,
        "until it is shut down");
    is (broker_state_name (99), "unknown", "a number that is no state has no name");
    state_machine_free (w.sm);
}

int main (void)
{
    straight_through ();
    rc1_fails ();
    waits_in_run ();
    return done_testing ();
}
