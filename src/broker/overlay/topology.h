/* broker/overlay/topology.h - the shape of the tree of brokers.
 *
 * Ranks 0 ... size-1 form a k-ary tree in breadth-first order: the children of
 * r are k*r+1 ... k*r+k.  With k = 0 all others are children of rank 0.  So
 * nothing needs to be exchanged: everybody computes everybody's place.
 *
 * Pure arithmetic: no errors, except in topology_parse ().
 */

#ifndef MILLRACE_OVERLAY_TOPOLOGY_H
#define MILLRACE_OVERLAY_TOPOLOGY_H

#include <stdbool.h>
#include <stdint.h>

struct topology {
    uint32_t size; /* at least 1 */
    uint32_t k;
};

/* "kary:K", "flat".  Returns 0 or -EINVAL. */
int topology_parse (const char *spec, uint32_t size, struct topology *t);

/* The parent of a rank greater than 0. */
uint32_t topology_parent (const struct topology *t, uint32_t rank);

/* Its children are the ranks first ... first + count - 1. */
uint32_t topology_children (const struct topology *t, uint32_t rank, uint32_t *first);

/* The child of rank whose subtree target is in; false if there is none. */
bool topology_next (const struct topology *t,
                    uint32_t rank,
                    uint32_t target,
                    uint32_t *child);

/* How many ranks are below. */
uint32_t topology_descendants (const struct topology *t, uint32_t rank);

/* Distance from rank 0; that of the farthest rank is topology_level (size-1). */
uint32_t topology_level (const struct topology *t, uint32_t rank);

#endif /* !MILLRACE_OVERLAY_TOPOLOGY_H */
