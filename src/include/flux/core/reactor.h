/* flux/core/reactor.h - part of the public interface of libflux.
 *
 * A reactor runs watchers (watcher.h) in one thread.  One pass: prepare
 * callbacks, poll (blocks unless NOWAIT or an idle watcher is active), then
 * check callbacks, then timers, descriptors and signals that became due;
 * idle callbacks only when nothing else was.
 */

#ifndef _FLUX_CORE_REACTOR_H
#define _FLUX_CORE_REACTOR_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FLUX_REACTOR_NOWAIT = 1,
    FLUX_REACTOR_ONCE = 2,
};

/* flags must be 0, else NULL with EINVAL.  Reference counted; destroy is
 * decref.  Watchers hold a reference each.
 */
flux_reactor_t *flux_reactor_create (int flags);
void flux_reactor_destroy (flux_reactor_t *r);
void flux_reactor_incref (flux_reactor_t *r);
void flux_reactor_decref (flux_reactor_t *r);

/* Run until no active, referenced watcher is left, or until stopped; with
 * ONCE or NOWAIT for one pass.  Returns the number of active, referenced
 * watchers left; -1 with EINVAL on unknown flags, or if stop_error was
 * called, with errno as that callback left it.
 */
int flux_reactor_run (flux_reactor_t *r, int flags);

/* End the run in progress after the current pass; no effect outside a run. */
void flux_reactor_stop (flux_reactor_t *r);
void flux_reactor_stop_error (flux_reactor_t *r);

/* Wall clock, seconds since the epoch, cached at the start of the pass. */
double flux_reactor_now (flux_reactor_t *r);
void flux_reactor_now_update (flux_reactor_t *r);

/* The same, not cached. */
double flux_reactor_time (void);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_REACTOR_H */
