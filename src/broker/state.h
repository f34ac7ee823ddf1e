/* broker/state.h - the life of a broker as a state machine (wire.md 12.1).
 *
 * Purpose: one table says which event leads from which state to which.  What
 * is to be done on entering a state is the business of its listener
 * (lifecycle.c); this file does no I/O and knows no clock: the time comes
 * with the event.
 *
 * Events may be posted from within a listener; they are worked off in order,
 * one transition at a time.  An event that the table does not foresee in the
 * current state is ignored.
 */

#ifndef MILLRACE_BROKER_STATE_H
#define MILLRACE_BROKER_STATE_H

#include <stdbool.h>

enum broker_state {
    STATE_LOAD_BUILTINS = 0,
    STATE_JOIN = 1,
    STATE_CONFIG_SYNC = 2,
    STATE_INIT = 3,
    STATE_QUORUM = 4,
    STATE_RUN = 5,
    STATE_CLEANUP = 6,
    STATE_SHUTDOWN = 7,
    STATE_FINALIZE = 8,
    STATE_GOODBYE = 9,
    STATE_UNLOAD_BUILTINS = 10,
    STATE_EXIT = 11,
};

const char *broker_state_name (enum broker_state state);

struct state_machine;

/* A transition has happened; 'duration' is the time spent in the old state. */
typedef void (*state_enter_f) (enum broker_state state,
                               enum broker_state old,
                               const char *event,
                               double duration,
                               void *arg);

struct state_machine *state_machine_new (double now, state_enter_f enter, void *arg);
void state_machine_free (struct state_machine *sm);

enum broker_state state_machine_state (const struct state_machine *sm);

/* When the current state was entered. */
double state_machine_since (const struct state_machine *sm);

/* Returns false if the event means nothing now (as far as that is known: an
 * event posted from a listener is judged when its turn comes).
 */
bool state_machine_post (struct state_machine *sm, const char *event, double now);

#endif /* !MILLRACE_BROKER_STATE_H */
