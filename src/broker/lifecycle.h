/* broker/lifecycle.h - what happens from start to exit (wire.md section 12).
 *
 * Purpose: drive the state machine: run the commands of each phase, act on
 * signals, keep the exit code, and serve those who ask for or wait on the
 * state ("state-machine", "runat", "shutdown").
 *
 * Exit code: the first nonzero one of rc1, rc2, cleanup, rc3; 1 for a panic
 * and for modules left loaded.  broker.exit-norestart replaces it after a
 * failing rc1, a panic, or shutdown.start.
 *
 * Signals HUP, INT, QUIT, TERM and ALRM abort the running phase; one that
 * comes again is more pressing (runat.h).
 */

#ifndef MILLRACE_BROKER_LIFECYCLE_H
#define MILLRACE_BROKER_LIFECYCLE_H

#include <flux/core.h>

#include "attr.h"
#include "environ.h"
#include "log.h"
#include "module_host.h"
#include "runat.h"
#include "self.h"
#include "service.h"
#include "state.h"

struct lifecycle;

struct lifecycle_args {
    struct self *self;
    struct service_table *services;
    struct attrs *attrs;
    struct logger *logger;
    struct module_host *modules;
    const struct child_env *env; /* of all commands */
    const char *shell;
    const char *notify; /* sd_notify.h; NULL: nobody wants to know */
    uint32_t rank;
};

/* Told of each state entered.  Returns true if it will post the event that
 * leads out of this state (join, quorum, shutdown, goodbye).
 */
typedef bool (*lifecycle_entered_f) (enum broker_state state, void *arg);

/* Everything in args is borrowed.  NULL with errno on failure. */
struct lifecycle *lifecycle_new (const struct lifecycle_args *args);
void lifecycle_free (struct lifecycle *lc);

/* The phase to put the initial program in; NULL if there is to be none. */
struct phase *lifecycle_rc2 (struct lifecycle *lc);

/* Read the attributes that matter (rc1, rc3, time-outs).  -1 with errno and a
 * sentence.
 */
int lifecycle_configure (struct lifecycle *lc, flux_error_t *error);

/* An instance of several brokers: somebody who knows the others. */
void lifecycle_set_peers (struct lifecycle *lc, lifecycle_entered_f cb, void *arg);

/* What is to be done before the built-in services go: cb returns true if that
 * takes time, and lifecycle_unload () will be called when it is done.
 */
void lifecycle_set_unload (struct lifecycle *lc, bool (*cb) (void *arg), void *arg);
void lifecycle_unload (struct lifecycle *lc);

/* Something happened that the state machine may wait for. */
void lifecycle_post (struct lifecycle *lc, const char *event);

/* Shut down, from whatever state; with exit code 1 if that is a failure. */
void lifecycle_stop (struct lifecycle *lc, bool failed);

/* The parts are up: go, until the state is exit.  Returns -1 with errno if the
 * reactor failed.
 */
int lifecycle_run (struct lifecycle *lc);

/* A module failed: shut down with exit code 1. */
void lifecycle_panic (struct lifecycle *lc, const char *reason);

/* The last module has gone. */
void lifecycle_modules_gone (struct lifecycle *lc);

int lifecycle_exit_code (const struct lifecycle *lc);

#endif /* !MILLRACE_BROKER_LIFECYCLE_H */
