/* future_private.h - what plain, composite and chained futures share.
 *
 * A future has results, in a queue; the first is current until it is reset.
 * A fatal error overrides them all and stays.
 *
 * It has two contexts, in which its init function finds different things:
 *  - then: the user's reactor and handle
 *  - now: made by the first blocking wait: a private reactor and, when init
 *    asks for a handle, a clone bound to that reactor.  Whenever a wait ends,
 *    for whatever reason, what the clone received for others goes back to
 *    the head of the handle's queue.
 *
 * Composite and chained futures have futures below them, which they move to
 * the context they are in themselves: init binds them, when a context is
 * entered and again when a wait is left ("rebind").  So "once per context"
 * means once per reactor: a future that was moved is initialised there, too.
 *
 * Ownership: a future holds references on the reactors and handles of its
 * contexts.  Bound: the queue holds what the future's owner did not reset;
 * its producer (a streaming service) is what limits it.
 */

#ifndef MILLRACE_LIBFLUX_FUTURE_PRIVATE_H
#define MILLRACE_LIBFLUX_FUTURE_PRIVATE_H

#include <stdbool.h>
#include <flux/core.h>

#include "common/list.h"
#include "aux.h"
#include "reactor_private.h"

#define FUTURE_CONTEXTS 4

/* A value that several futures have: freed with the last of them. */
struct future_value {
    int refcount;
    void *value;
    flux_free_f free_fn;
};

struct future_result {
    struct list node;
    void *value;
    flux_free_f free_fn;
    struct future_value *shared; /* if set, it owns the value */
    int errnum;                  /* 0: a value, not an error */
    char *errstr;                /* may be NULL */
    flux_future_t *from;         /* where it came from: its aux shows through */
};

struct chain;

struct flux_future {
    int refcount;
    flux_future_init_f init;
    void *init_arg;
    bool rebind; /* init is to be called whenever a context is entered */
    flux_reactor_t *inited[FUTURE_CONTEXTS]; /* where init was called */
    struct aux_item *aux;

    struct future_result *current;
    struct list queue;
    struct future_result first; /* most futures have one result */
    bool first_used;
    bool is_fatal;
    int fatal_errnum;
    char *fatal_errstr;
    flux_future_t *embedded;
    unsigned int resets;

    /* then */
    flux_reactor_t *r;
    flux_t *h;
    flux_continuation_f cb;
    void *cb_arg;
    double timeout;
    flux_watcher_t *timer;
    struct deferred continuation;

    /* now */
    flux_reactor_t *now_r;
    flux_t *now_h;
    int waiting;

    /* If set, a shorter way to wait without limit than by a private reactor.
     * Returns 0 (ready), or -1 with errno: EWOULDBLOCK = take the long way.
     */
    int (*wait_fn) (flux_future_t *f, void *arg);
    void *wait_arg;

    /* Composite: called when a result or fatal error becomes current.  It
     * runs no code of users and destroys nothing.
     */
    void (*ready_fn) (flux_future_t *f, void *arg);
    void *ready_arg;

    /* Chain: set while another future waits for this one. */
    struct chain *chain;
    bool lent;    /* the user's handler runs: see what it does to the count */
    int lent_net; /* references it took less those it dropped */
};

/* future_result.c */

void future_drop_current (flux_future_t *f);
void future_queue_clear (flux_future_t *f);

/* Make the next queued result current.  Returns false if there is none. */
bool future_next_result (flux_future_t *f);

/* The errnum of the current result or fatal error, 0 if it is no error. */
int future_errnum (const flux_future_t *f);

/* The error text it was given, not one derived from errnum; or NULL. */
const char *future_errstr (const flux_future_t *f);

/* Give f the current result of p, which must be ready. */
void future_pass (flux_future_t *f, flux_future_t *p);

/* future.c */

/* A result or fatal error became current: tell whoever waits. */
void future_became_ready (flux_future_t *f);

void future_ref (flux_future_t *f);
void future_unref (flux_future_t *f);

/* Move f to the context that g is in: reactor, and handle if g has one. */
void future_bind (flux_future_t *f, flux_future_t *g);

/* Call init in the 'then' context, unless it was called there. */
void future_start (flux_future_t *f);

/* Forget the continuation and its timeout. */
void future_clear_continuation (flux_future_t *f);

/* True if init was called in any context. */
bool future_was_started (const flux_future_t *f);

#endif /* !MILLRACE_LIBFLUX_FUTURE_PRIVATE_H */
