/* broker/lifecycle_private.h - for lifecycle.c and lifecycle_service.c. */

#ifndef MILLRACE_BROKER_LIFECYCLE_PRIVATE_H
#define MILLRACE_BROKER_LIFECYCLE_PRIVATE_H

#include "lifecycle.h"

enum { LIFECYCLE_SIGNALS = 7 };

struct lifecycle {
    struct lifecycle_args args;
    flux_t *h;
    flux_reactor_t *reactor;
    struct state_machine *sm;
    struct phase_host phase_host;
    struct phase *rc1;
    struct phase *rc2;
    struct phase *cleanup;
    struct phase *rc3;
    flux_watcher_t *signals[LIFECYCLE_SIGNALS];
    flux_watcher_t *timer; /* of cleanup, then of the last modules */
    double cleanup_timeout; /* seconds; < 0: none */
    int exit_code;
    bool norestart; /* broker.exit-norestart applies */
    bool rc2_none;
    lifecycle_entered_f entered; /* NULL for an instance of one */
    void *entered_arg;
    bool (*before_unload) (void *arg);
    void *unload_arg;
    bool interrupted; /* by a signal */
    bool cancelling;  /* modules that did not go when asked */

    /* lifecycle_service.c */
    struct flux_msglist *waiters;   /* state-machine.wait */
    struct flux_msglist *monitors;  /* state-machine.monitor, streaming */
    const flux_msg_t *shutdown;     /* shutdown.start, streaming */
    int shutdown_loglevel;
    bool shutdown_started;
    flux_msg_handler_t **handlers;
};

/* Abort what runs, or what is waited for: rc2, other brokers. */
void lifecycle_shutdown (struct lifecycle *lc, int signum);

/* Keep the first nonzero exit code. */
void lifecycle_note_exit (struct lifecycle *lc, int rc);

/* Services */
int lifecycle_serve (struct lifecycle *lc);
void lifecycle_unserve (struct lifecycle *lc);
void lifecycle_tell (struct lifecycle *lc, enum broker_state state);

#endif /* !MILLRACE_BROKER_LIFECYCLE_PRIVATE_H */
