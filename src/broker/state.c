#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#include "state.h"

struct transition {
    const char *event;
    enum broker_state from;
    enum broker_state to;
};

static const struct transition table[] = {
    { "builtins-success", STATE_LOAD_BUILTINS, STATE_JOIN },
    { "builtins-fail", STATE_LOAD_BUILTINS, STATE_UNLOAD_BUILTINS },
    { "parent-none", STATE_JOIN, STATE_CONFIG_SYNC },
    { "parent-ready", STATE_JOIN, STATE_CONFIG_SYNC },
    { "parent-fail", STATE_JOIN, STATE_SHUTDOWN },
    { "sync-none", STATE_CONFIG_SYNC, STATE_INIT },
    { "sync-success", STATE_CONFIG_SYNC, STATE_INIT },
    { "sync-fail", STATE_CONFIG_SYNC, STATE_SHUTDOWN },
    { "rc1-none", STATE_INIT, STATE_QUORUM },
    { "rc1-success", STATE_INIT, STATE_QUORUM },
    { "rc1-ignorefail", STATE_INIT, STATE_QUORUM },
    { "rc1-fail", STATE_INIT, STATE_SHUTDOWN },
    { "quorum-full", STATE_QUORUM, STATE_RUN },
    { "quorum-fail", STATE_QUORUM, STATE_SHUTDOWN },
    { "rc2-success", STATE_RUN, STATE_CLEANUP },
    { "rc2-fail", STATE_RUN, STATE_CLEANUP },
    { "shutdown", STATE_RUN, STATE_CLEANUP },
    { "cleanup-none", STATE_CLEANUP, STATE_SHUTDOWN },
    { "cleanup-success", STATE_CLEANUP, STATE_SHUTDOWN },
    { "cleanup-fail", STATE_CLEANUP, STATE_SHUTDOWN },
    { "children-none", STATE_SHUTDOWN, STATE_FINALIZE },
    { "children-complete", STATE_SHUTDOWN, STATE_FINALIZE },
    { "rc3-none", STATE_FINALIZE, STATE_GOODBYE },
    { "rc3-success", STATE_FINALIZE, STATE_GOODBYE },
    { "rc3-fail", STATE_FINALIZE, STATE_GOODBYE },
    { "goodbye", STATE_GOODBYE, STATE_UNLOAD_BUILTINS },
    { "builtins-done", STATE_UNLOAD_BUILTINS, STATE_EXIT },
};

static const char *const names[] = {
    [STATE_LOAD_BUILTINS] = "load-builtins",
    [STATE_JOIN] = "join",
    [STATE_CONFIG_SYNC] = "config-sync",
    [STATE_INIT] = "init",
    [STATE_QUORUM] = "quorum",
    [STATE_RUN] = "run",
    [STATE_CLEANUP] = "cleanup",
    [STATE_SHUTDOWN] = "shutdown",
    [STATE_FINALIZE] = "finalize",
    [STATE_GOODBYE] = "goodbye",
    [STATE_UNLOAD_BUILTINS] = "unload-builtins",
    [STATE_EXIT] = "exit",
};

struct posted {
    const struct transition *row; /* any one with the event's name */
    double now;
};

struct state_machine {
    enum broker_state state;
    double since;
    state_enter_f enter;
    void *arg;
    bool busy;
    /* What listeners posted.  Each transition posts at most a few events and
     * the table has no cycle, so that this never fills.
     */
    struct posted queue[ARRAY_SIZE (table)];
    size_t queued;
};

const char *broker_state_name (enum broker_state state)
{
    if ((size_t)state >= ARRAY_SIZE (names))
        return "unknown";
    return names[state];
}

struct state_machine *state_machine_new (double now, state_enter_f enter, void *arg)
{
    struct state_machine *sm = calloc (1, sizeof (*sm));

    if (sm) {
        sm->state = STATE_LOAD_BUILTINS;
        sm->since = now;
        sm->enter = enter;
        sm->arg = arg;
    }
    return sm;
}

void state_machine_free (struct state_machine *sm)
{
    free (sm);
}

enum broker_state state_machine_state (const struct state_machine *sm)
{
    return sm->state;
}

double state_machine_since (const struct state_machine *sm)
{
    return sm->since;
}

static const struct transition *find_event (const char *event)
{
    for (size_t i = 0; i < ARRAY_SIZE (table); i++) {
        if (strcmp (table[i].event, event) == 0)
            return &table[i];
    }
    return NULL;
}

static const struct transition *find (enum broker_state from, const char *event)
{
    for (size_t i = 0; i < ARRAY_SIZE (table); i++) {
        if (table[i].from == from && strcmp (table[i].event, event) == 0)
            return &table[i];
    }
    return NULL;
}

static bool transit (struct state_machine *sm, const char *event, double now)
{
    const struct transition *t = find (sm->state, event);
    double duration = now - sm->since;
    enum broker_state old = sm->state;

    if (!t)
        return false;
    sm->state = t->to;
    sm->since = now;
    sm->enter (sm->state, old, t->event, duration, sm->arg);
    return true;
}

bool state_machine_post (struct state_machine *sm, const char *event, double now)
{
    const struct transition *row = find_event (event);
    bool done;

    if (!row)
        return false;
    if (sm->busy) {
        if (sm->queued == ARRAY_SIZE (sm->queue))
            return false;
        sm->queue[sm->queued++] = (struct posted){ row, now };
        return true;
    }
    sm->busy = true;
    done = transit (sm, event, now);
    while (sm->queued > 0) {
        struct posted next = sm->queue[0];

        memmove (sm->queue, sm->queue + 1, --sm->queued * sizeof (sm->queue[0]));
        (void)transit (sm, next.row->event, next.now);
    }
    sm->busy = false;
    return done;
}
