/* flux/core/future.h - part of the public interface of libflux.
 *
 * A future is a result that is not there yet: wait for it (get, wait_for) or
 * go on when it comes (then).  It may have several results, one after the
 * other: use the current one, then reset.  Times are in seconds.
 *
 * It has two contexts.  'then' is the user's reactor and handle (set_reactor,
 * set_flux).  'now' is made by the first blocking wait: a private reactor and
 * a clone of the handle; messages for others that arrive during a wait are
 * requeued when it ends.  The init function is called when a context is first
 * used, at most once in each, and must put its watchers and handlers on what
 * get_reactor and get_flux return at that time.
 *
 * Reference counted; destroy is decref.  Destructors keep errno.
 */

#ifndef _FLUX_CORE_FUTURE_H
#define _FLUX_CORE_FUTURE_H

#include "reactor.h"
#include "types.h"
#include "handle.h"
#include "msg_handler.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The future's own error text if it has one, else that of errnum. */
#define future_strerror(f, errnum)                                            \
    (flux_future_has_error ((f)) ? flux_future_error_string ((f))            \
                                 : flux_strerror ((errnum)))

typedef void (*flux_continuation_f)(flux_future_t *f, void *arg);

/* Call cb once for each result, from the reactor, never from inside then.
 * Replaces the continuation.  timeout > 0: if no result comes in time, the
 * future is fulfilled with ETIMEDOUT (what it stands for is not cancelled).
 * The continuation may destroy or reset the future.
 * -1 with EINVAL: f or cb NULL, no reactor.
 */
int flux_future_then (flux_future_t *f,
                      double timeout,
                      flux_continuation_f cb,
                      void *arg);

/* Wait; negative: no limit.  -1 with ETIMEDOUT (also at once, for 0; the
 * future stays usable), EDEADLOCK (nothing is left that could fulfill it),
 * EINVAL, or the errno of a failed connection.
 */
int flux_future_wait_for (flux_future_t *f, double timeout);
bool flux_future_is_ready (flux_future_t *f);

/* Drop the current result.  The next queued one becomes current, or else the
 * timeout of then starts again.  A fatal error stays.
 */
void flux_future_reset (flux_future_t *f);
void flux_future_destroy (flux_future_t *f);

/* Items of f, or of the future its result came from (fulfill_with, chains). */
void *flux_future_aux_get (flux_future_t *f, const char *name);
int flux_future_aux_set (flux_future_t *f,
                         const char *name,
                         void *aux,
                         flux_free_f destroy);
typedef void (*flux_future_init_f)(flux_future_t *f, void *arg);

/* cb may be NULL.  If it fails it fulfills the future with an error. */
flux_future_t *flux_future_create (flux_future_init_f cb, void *arg);

/* Wait without limit; then a fatal error, an error, or the result, which the
 * future owns until it is reset or destroyed.  result may be NULL.
 */
int flux_future_get (flux_future_t *f, const void **result);

/* Add a result.  The first becomes current, others queue.  free_fn may be
 * NULL; it is called at once if f is NULL or has a fatal error.
 */
void flux_future_fulfill (flux_future_t *f, void *result, flux_free_f free_fn);
void flux_future_fulfill_error (flux_future_t *f, int errnum, const char *errstr);

/* Give f the current result of p, keep a reference on p, and let p's aux
 * items show through f.  -1 with EINVAL (NULL, f == p), EAGAIN (p is not
 * ready), EEXIST (f has another p).
 */
int flux_future_fulfill_with (flux_future_t *f, flux_future_t *p);

/* Overrides results and survives reset; the first one wins. */
void flux_future_fatal_error (flux_future_t *f, int errnum, const char *errstr);

/* True if the current result is an error, or there is a fatal one. */
bool flux_future_has_error (flux_future_t *f);

/* The text given with the error, or that of its errno; NULL without error. */
const char *flux_future_error_string (flux_future_t *f);

/* Takes a reference on h; its reactor is used unless one is set. */
void flux_future_set_flux (flux_future_t *f, flux_t *h);
flux_t *flux_future_get_flux (flux_future_t *f);
void flux_future_set_reactor (flux_future_t *f, flux_reactor_t *r);
flux_reactor_t *flux_future_get_reactor (flux_future_t *f);
void flux_future_incref (flux_future_t *f);
void flux_future_decref (flux_future_t *f);

/* Composite futures own what is pushed (name NULL: the count so far), and take
 * over its reactor, handle and continuation when they are first waited for.
 * wait_all is fulfilled when all children are ready, with the errno of one that
 * failed, if any; wait_any with the status of the first.
 * push: -1 with EINVAL (no composite, f NULL), EEXIST (name).
 */
flux_future_t *flux_future_wait_all_create (void);
flux_future_t *flux_future_wait_any_create (void);
int flux_future_push (flux_future_t *cf, const char *name, flux_future_t *f);
const char *flux_future_first_child (flux_future_t *cf);
const char *flux_future_next_child (flux_future_t *cf);
flux_future_t *flux_future_get_child (flux_future_t *cf, const char *name);

/* Chain a next future to f: on success of f the function of and_then, on error
 * that of or_then is called with f, which it then owns: it destroys f, or resets
 * it to await another result.  Both give the same next, which owns f otherwise.
 * Without a function for the outcome it passes to next.
 */
flux_future_t *flux_future_and_then (flux_future_t *f,
                                     flux_continuation_f cb,
                                     void *arg);
flux_future_t *flux_future_or_then (flux_future_t *f,
                                    flux_continuation_f cb,
                                    void *arg);

/* In such a function: next gets the results of f (owned by the chain from now
 * on; f == prev: at once; NULL: none now), or an error, or a result.  If none of
 * these is called next gets that of prev.  -1 with EINVAL if prev has no chain.
 */
int flux_future_continue (flux_future_t *prev, flux_future_t *f);
void flux_future_continue_error (flux_future_t *prev, int errnum, const char *errstr);
int flux_future_fulfill_next (flux_future_t *prev, void *result, flux_free_f free_fn);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_FUTURE_H */
