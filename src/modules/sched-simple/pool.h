/* sched-simple/pool.h - nodes, what is free on them, and where a job goes.
 *
 * Purpose: placement (exec.md 6.4) without I/O, clock or JSON.
 *
 * Invariants
 *  - free ids of a node are a subset of its ids; counts are those of the sets
 *  - the node order is always sorted for the pool's policy: placement walks
 *    candidates from its start and stops as soon as none can follow
 *
 * Ownership: the pool owns its inventory; sets it returns are the caller's.
 * Bound: as many nodes as the inventory has.
 */

#ifndef MILLRACE_SCHED_POOL_H
#define MILLRACE_SCHED_POOL_H

#include <stdbool.h>
#include <stdint.h>
#include <flux/core/types.h>
#include <flux/idset.h>

#include "common/constraint.h"
#include "common/jobspec.h"
#include "common/rset.h"

enum pool_policy {
    POOL_WORST_FIT, /* most free cores first */
    POOL_FIRST_FIT, /* rank order */
    POOL_BEST_FIT,  /* fewest free cores first */
};

struct pool;

/* Takes ownership of the inventory, on success only.  All nodes are up and
 * free.  Returns 0 or -ENOMEM.
 */
int pool_create (struct rset *inventory, enum pool_policy policy, struct pool **ret);
void pool_destroy (struct pool *p);

/* Ranks that are not in the pool are ignored. */
void pool_set_up (struct pool *p, const struct idset *ranks, bool up);

/* Take resources for one request.  On success *R has starttime now and, if
 * duration > 0, expiration now + duration, else that of the inventory.
 * Returns 0; -ENOSPC: not now, perhaps later; -EOVERFLOW: never, error says
 * why; -ENOMEM.
 */
int pool_alloc (struct pool *p,
                const struct jobspec_request *req,
                const struct constraint *c,
                double now,
                double duration,
                struct rset **R,
                flux_error_t *error);

/* Could it ever be?  Returns 0 or -EOVERFLOW. */
int pool_feasible (struct pool *p,
                   const struct jobspec_request *req,
                   const struct constraint *c,
                   flux_error_t *error);

/* The slots of this kind (cores and gpus) that there would be on nodes that are
 * up and match, if all of them were free.
 */
uint64_t pool_slots_up (const struct pool *p,
                        const struct jobspec_request *req,
                        const struct constraint *c);

/* Mark as taken what a job had before a restart: all or nothing.  Returns 0,
 * -ENOENT (not in the pool), -EBUSY (taken already) or -ENOMEM.
 */
int pool_claim (struct pool *p, const struct rset *R);

/* Give back.  What is not taken is ignored.  Returns 0 or -ENOMEM. */
int pool_release (struct pool *p, const struct rset *R);

/* Remove ranks for good.  Returns 0 or -ENOMEM. */
int pool_shrink (struct pool *p, const struct idset *ranks);

void pool_set_expiration (struct pool *p, double expiration);

const struct rset *pool_all (const struct pool *p);
/* New sets: what is taken, what is down.  Return 0 or -ENOMEM. */
int pool_allocated (const struct pool *p, struct rset **ret);
int pool_down (const struct pool *p, struct rset **ret);

#endif /* !MILLRACE_SCHED_POOL_H */
