/* broker/rexec/rexec.h - "rexec": processes for whoever may ask (RFC 42).
 *
 * Purpose: start a program on this rank, bring what is written to it there and
 * what it writes back, signal it, tell how it ended.  For `flux exec`, for
 * prolog and housekeeping scripts, for tools.  Owner only.
 *
 * Rules
 *  - a process belongs to the request that started it: if the sender goes, its
 *    process group is killed.  One started in the background (its request was
 *    not streaming) belongs to the instance; what it writes is logged, or kept
 *    for rexec.wait.
 *  - at the end of the instance all that still run are sent SIGTERM, and SIGKILL
 *    after REXEC_GRACE seconds.
 *  - output waits in its pipe while its receiver does not read (rexec.throttle).
 *
 * Ownership: all arguments are borrowed.
 * Bounds: REXEC_MAX processes; REXEC_KEPT_MAX bytes of output are kept of one
 * that is to be waited for, what is more is dropped; child.h has those of one
 * process.
 */

#ifndef MILLRACE_REXEC_REXEC_H
#define MILLRACE_REXEC_REXEC_H

#include "../attr.h"
#include "../self.h"
#include "../service.h"

enum { REXEC_MAX = 8192, REXEC_KEPT_MAX = 1024 * 1024 };
#define REXEC_GRACE 5.

struct rexec;

struct rexec *rexec_serve (struct self *self,
                           struct service_table *services,
                           const struct attrs *attrs,
                           uint32_t rank);
void rexec_unserve (struct rexec *rx);

/* The instance ends: send SIGTERM to all processes.  Returns false if there
 * are none; else cb will be called once when they have ended.  No more are
 * started.
 */
bool rexec_end_all (struct rexec *rx, void (*cb) (void *arg), void *arg);

#endif /* !MILLRACE_REXEC_REXEC_H */
