/* sched-simple/pool_private.h - what the files of the pool share.
 *
 *   pool.c      nodes, their order, what is taken and comes back
 *   pool_fit.c  what a request needs, which nodes have it, and whether any could
 */

#ifndef MILLRACE_POOL_PRIVATE_H
#define MILLRACE_POOL_PRIVATE_H

#include "pool.h"

struct pool_node {
    uint32_t rank;
    const char *host;           /* in the inventory */
    const struct idset *cores;  /* in the inventory, may be NULL */
    const struct idset *gpus;   /* in the inventory, may be NULL */
    struct idset *free_cores;
    struct idset *free_gpus;
    uint32_t ncores; /* counts of the above */
    uint32_t ngpus;
    uint32_t nfree_cores;
    uint32_t nfree_gpus;
    bool up;
};

struct pool {
    struct rset *all;
    struct pool_node *nodes;  /* by rank, like the inventory */
    struct pool_node **order; /* the same, sorted for the policy */
    size_t count;
    enum pool_policy policy;
};

/* The index in the order of the first node that does not come before n. */
size_t pool_order_find (const struct pool *p, const struct pool_node *n);

/* Move the ids of R from free to taken, or back. */
int pool_transfer (struct pool *p, const struct rset *R, bool take);

#endif /* !MILLRACE_POOL_PRIVATE_H */
