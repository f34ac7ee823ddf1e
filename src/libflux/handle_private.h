/* handle_private.h - what a handle is made of, for the files that are it.
 *
 * Purpose: a handle is a view on a connection: flux_clone () makes another
 * view of the same one.  What views share is the connection; what each has
 * for itself (reactor, dispatcher and other aux, flags) is the handle.
 *
 * Invariants
 *  - the connection belongs to the handle that opened it; clones hold a
 *    reference to that handle, so it outlives them
 *  - one thread uses a handle and its clones
 *
 * Bound: the requeue queue holds what its users put back, which they had
 * received before; it has no limit of its own.
 */

#ifndef MILLRACE_LIBFLUX_HANDLE_PRIVATE_H
#define MILLRACE_LIBFLUX_HANDLE_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <flux/core.h>
#include <flux/core/connector.h>

#include "aux.h"
#include "msgq.h"
#include "tagpool.h"

struct rpctrack;

/* Makes a connector's pollfd readable although nothing arrived. */
typedef void (*handle_raise_f) (void *impl);

/* The thread is about to sleep until something arrives: wait awake for a
 * moment, if that is worth it.
 */
typedef void (*handle_linger_f) (void *impl);

/* The thread begins to work (yes): for the time being it may put off waking
 * those that it sends to.  Or it has done, and wakes them.
 */
typedef void (*handle_hold_f) (void *impl, bool yes);

struct conn {
    flux_t *owner;
    const struct flux_handle_ops *ops;
    void *impl;
    void *dso; /* of a loaded connector */
    struct msgq requeue;
    struct tagpool *tags;
    struct rpctrack *track;
    flux_msgcounters_t counters;
    flux_comms_error_f comms_error;
    void *comms_error_arg;
    bool in_comms_error;
    bool closing;
    int64_t trace_start; /* 0: nothing traced yet */
    handle_raise_f raise;
    handle_linger_f linger; /* may be NULL */
    handle_hold_f hold;     /* may be NULL */
    int pollfd; /* -1: nobody asked yet */
    int epfd;   /* -1, or pollfd when the connector cannot be raised */
    int wakefd; /* ... and the event that requeue raises in it */
};

struct flux_handle {
    int refcount;
    int flags;
    struct conn *conn;
    flux_t *parent; /* of a clone */
    struct aux_item *aux;
    flux_reactor_t *reactor;
    void (*reactor_release) (flux_reactor_t *r); /* set if it is ours */
    const flux_conf_t *conf;
    void (*conf_release) (const flux_conf_t *conf);
};

/* A connector whose pollfd can be raised says so; else the handle wraps it. */
void handle_set_raise (flux_t *h, handle_raise_f raise);

/* What to do before its thread sleeps. */
void handle_set_linger (flux_t *h, handle_linger_f linger);
void handle_linger (flux_t *h);

/* What to do when it begins to work, and when it has done. */
void handle_set_hold (flux_t *h, handle_hold_f hold);
void handle_hold (flux_t *h, bool yes);

/* Put a message (back) where the next flux_recv () looks first. */
int handle_requeue (flux_t *h, const flux_msg_t *msg, bool head);

/* Write a message to stderr if the handle traces. */
void handle_trace (flux_t *h, const flux_msg_t *msg);

/* The requeue queue got a message: make pollfd readable, if anyone has it. */
void handle_wake (struct conn *conn);

/* Take edges off a wrapped pollfd.  Returns true if there were any. */
bool handle_drain (struct conn *conn);

/* An operation failed with errno.  Returns 0 if the user's callback wants it
 * tried again, else -1 with errno as it was.
 */
int handle_comms_error (struct conn *conn);

/* Open "/", ".", ".." and the like. */
flux_t *handle_open_ancestor (const char *uri, int flags, flux_error_t *error);

/* Connectors.  'path' is the URI without SCHEME://, NULL if it had none. */
flux_t *connector_local_init (const char *path, int flags, flux_error_t *error);
flux_t *connector_fd_init (const char *path, int flags, flux_error_t *error);
flux_t *connector_loop_init (const char *path, int flags, flux_error_t *error);
flux_t *connector_interthread_init (const char *path, int flags, flux_error_t *error);

#endif /* !MILLRACE_LIBFLUX_HANDLE_PRIVATE_H */
