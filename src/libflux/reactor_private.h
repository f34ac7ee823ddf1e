/* reactor_private.h - what the reactor, its watchers and futures share.
 *
 * A reactor wraps one ev_loop, made when the first watcher needs it: a client
 * that only does blocking calls never pays for one it does not use.
 *
 * Invariants
 *  - usecount = watchers that are active and referenced, + 1 while the ready
 *    queue holds something; run () goes on while it is above zero.  libev's
 *    own count (which takes part in deciding whether to block) counts every
 *    active ev_watcher, so that ev_ref/ev_unref are never needed.
 *  - a watcher holds a reference on its reactor.
 *
 * Ready queue: work to be done on a coming pass, in order, from a check
 * watcher (continuations of futures).  An item belongs to its owner, who
 * takes it back with reactor_undefer () before it dies.
 * Bound: one item per future.
 */

#ifndef MILLRACE_LIBFLUX_REACTOR_PRIVATE_H
#define MILLRACE_LIBFLUX_REACTOR_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <signal.h>
#include <ev.h>
#include <flux/core.h>

#include "common/list.h"

#include "alarm.h"

struct reactor_signals {
    int fd; /* signalfd, -1 until the first signal watcher starts */
    struct ev_io io;
    sigset_t set;         /* signals with an active watcher */
    sigset_t unblock;     /* of these, the ones to unblock after the last stop */
    struct list watchers; /* active signal watchers */
};

struct flux_reactor {
    int refcount;
    bool light;           /* no epoll descriptor: a few descriptors, polled */
    struct ev_loop *loop; /* NULL until needed */
    int usecount;
    int idles;   /* idle watchers that are active */
    bool nowait; /* the pass in progress does not block */

    bool stop;    /* end the run in progress */
    bool failed;  /* ... with -1 and errnum */
    bool failing; /* stop_error () was called by the current callback */
    int errnum;

    struct list handles; /* watchers of handles */
    struct list ready;
    uint64_t ready_round;
    bool ready_active;
    struct ev_check ready_check;
    struct ev_idle ready_idle;

    struct reactor_signals signals;
    struct alarm alarm;
};

struct deferred {
    struct list node;
    uint64_t round;
    void (*fn) (struct deferred *d);
};

struct watcher_ops {
    /* Returns 0, or -1 and the watcher stays inactive. */
    int (*start) (flux_watcher_t *w);
    /* Also called on an inactive watcher, before it is freed. */
    void (*stop) (flux_watcher_t *w);
    void (*destroy) (flux_watcher_t *w); /* may be NULL */
};

/* The head of every kind of watcher, which embeds it as its first member. */
struct flux_watcher {
    flux_reactor_t *r;
    const struct watcher_ops *ops;
    flux_watcher_f fn;
    void *arg;
    bool active;
    bool unreferenced;
};

/* A reactor for one blocking wait: cheap to make, no descriptor of its own. */
flux_reactor_t *reactor_create_light (void);

/* Make the ev_loop if there is none.  Returns 0, or -1 with errno. */
int reactor_need_loop (flux_reactor_t *r);

/* True if the pass in progress is the last one of the run. */
static inline bool reactor_is_stopping (const flux_reactor_t *r)
{
    return r->stop;
}

/* The run ends: what was put off on its handles is done. */
void handle_watchers_let_go (flux_reactor_t *r);

/* In a prepare callback: may this pass block, as far as is known? */
static inline bool reactor_may_sleep (const flux_reactor_t *r)
{
    return !r->ready_active && !r->nowait && r->idles == 0;
}

/* Append d to the ready queue, unless it is on it.  The loop must exist. */
void reactor_defer (flux_reactor_t *r, struct deferred *d);
void reactor_undefer (flux_reactor_t *r, struct deferred *d);

/* Run what is on the ready queue now (not what that adds to it).  Only from
 * inside a callback that is in the check phase.
 */
void reactor_run_deferred (flux_reactor_t *r);

/* Keep errno as a callback left it, if the callback called stop_error (). */
static inline void reactor_callback_done (flux_reactor_t *r)
{
    if (r->failing) {
        r->failing = false;
        r->errnum = errno;
    }
}

/* Allocate a watcher of 'size' bytes, zeroed, its head filled in. */
void *watcher_create (flux_reactor_t *r,
                      size_t size,
                      const struct watcher_ops *ops,
                      flux_watcher_f fn,
                      void *arg);

/* Call the user's function.  The watcher may be gone afterwards. */
void watcher_call (flux_watcher_t *w, int revents);

/* The watcher stopped itself: it is no longer active for the user. */
void watcher_expired (flux_watcher_t *w);

#endif /* !MILLRACE_LIBFLUX_REACTOR_PRIVATE_H */
