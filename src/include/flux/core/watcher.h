/* flux/core/watcher.h - part of the public interface of libflux.
 *
 * A watcher calls a function when something happens.  It is created stopped
 * and holds a reference on its reactor.  A callback may start, stop or
 * destroy any watcher, itself included; one that is stopped while its event
 * is pending is not called.  revents is 0 except for descriptors and
 * handles.  A NULL callback is allowed.  Times are in seconds.
 */

#ifndef _FLUX_CORE_WATCHER_H
#define _FLUX_CORE_WATCHER_H

#include <stdbool.h>
#include <sys/stat.h>
#include "types.h"
#include "handle.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef void (*flux_watcher_f)(flux_reactor_t *r,
              flux_watcher_t *w,
              int revents,
              void *arg);
/* Check watchers only, while stopped: -2..2 (clamped), higher runs first. */
void flux_watcher_set_priority (flux_watcher_t *w, int priority);

/* NULL, starting an active and stopping an inactive one: no effect. */
void flux_watcher_start (flux_watcher_t *w);
void flux_watcher_stop (flux_watcher_t *w);

/* An unreferenced watcher does not keep flux_reactor_run () going. */
void flux_watcher_ref (flux_watcher_t *w);
void flux_watcher_unref (flux_watcher_t *w);
void flux_watcher_destroy (flux_watcher_t *w);

/* Absolute time of the next call; timers and periodics, else -1 EINVAL. */
double flux_watcher_next_wakeup (flux_watcher_t *w);
bool flux_watcher_is_active (flux_watcher_t *w);
bool flux_watcher_is_referenced (flux_watcher_t *w);

/* Messages can be received (FLUX_POLLIN) or sent (FLUX_POLLOUT); FLUX_POLLERR
 * is always reported.  Called at most once per pass, while the state lasts.
 * The handle must outlive the watcher.
 */
flux_watcher_t *flux_handle_watcher_create (flux_reactor_t *r,
                                            flux_t *h,
                                            int events,
                                            flux_watcher_f cb,
                                            void *arg);
flux_t *flux_handle_watcher_get_flux (flux_watcher_t *w);

/* Level triggered.  Hang-up and errors of the peer are reported as the events
 * asked for.  NULL with EINVAL (negative fd) or EBADF (not open); one that is
 * closed later makes one call with FLUX_POLLERR and the watcher inactive.
 */
flux_watcher_t *flux_fd_watcher_create (flux_reactor_t *r,
                                        int fd,
                                        int events,
                                        flux_watcher_f cb,
                                        void *arg);
int flux_fd_watcher_get_fd (flux_watcher_t *w);

/* Fires after 'after', then every 'repeat' unless that is 0: then it becomes
 * inactive before the callback.  Negative times: EINVAL.  reset only stores
 * new values for the next start; again restarts it to fire in 'repeat', or
 * stops it if that is 0.
 */
flux_watcher_t *flux_timer_watcher_create (flux_reactor_t *r,
                                           double after,
                                           double repeat,
                                           flux_watcher_f cb,
                                           void *arg);
void flux_timer_watcher_reset (flux_watcher_t *w, double after, double repeat);
void flux_timer_watcher_again (flux_watcher_t *w);

/* Fires at wall-clock times offset + N * interval, or once at offset, or when
 * the reschedule function says: it returns the next absolute time, and one
 * before now ends the watcher.  reset also starts it.
 */
typedef double (*flux_reschedule_f) (flux_watcher_t *w, double now, void *arg);
flux_watcher_t *flux_periodic_watcher_create (flux_reactor_t *r,
                                              double offset,
                                              double interval,
                                              flux_reschedule_f reschedule_cb,
                                              flux_watcher_f cb,
                                              void *arg);
void flux_periodic_watcher_reset (flux_watcher_t *w,
                                  double next_wakeup,
                                  double interval,
                                  flux_reschedule_f reschedule_cb);

flux_watcher_t *flux_prepare_watcher_create (flux_reactor_t *r,
                                             flux_watcher_f cb,
                                             void *arg);
flux_watcher_t *flux_check_watcher_create (flux_reactor_t *r,
                                           flux_watcher_f cb,
                                           void *arg);
flux_watcher_t *flux_idle_watcher_create (flux_reactor_t *r,
                                          flux_watcher_f cb,
                                          void *arg);

/* The signal is blocked in the calling thread while a watcher for it is
 * active.  EBUSY while another reactor watches it (a watcher made before
 * that stays inactive when started).
 */
flux_watcher_t *flux_signal_watcher_create (flux_reactor_t *r,
                                            int signum,
                                            flux_watcher_f cb,
                                            void *arg);
int flux_signal_watcher_get_signum (flux_watcher_t *w);

/* Fires when the attributes of path change; interval is the polling period
 * where the kernel cannot tell, 0 = a reasonable one.
 */
flux_watcher_t *flux_stat_watcher_create (flux_reactor_t *r,
                                          const char *path,
                                          double interval,
                                          flux_watcher_f cb,
                                          void *arg);
int flux_stat_watcher_get_rstat (flux_watcher_t *w,
                                 struct stat *stat,
                                 struct stat *prev);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_WATCHER_H */
