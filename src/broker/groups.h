/* broker/groups.h - "groups": sets of ranks with a name (wire.md section 9.5).
 *
 * Rank 0 keeps the members.  A broker joins for somebody on it, once per name,
 * by telling rank 0; it leaves when that somebody does.  broker.online is kept
 * by the overlay, which also takes a lost rank out of all groups.
 *
 * Bound: GROUPS_MAX groups; one more is refused with ENOSPC.
 */

#ifndef MILLRACE_BROKER_GROUPS_H
#define MILLRACE_BROKER_GROUPS_H

#include <stdbool.h>
#include <stdint.h>
#include <flux/core.h>
#include <flux/idset.h>

#include "self.h"
#include "service.h"

enum { GROUPS_MAX = 1024 };

struct groups;

/* Something about the group has changed; on rank 0 only. */
typedef void (*groups_changed_f) (const char *name, void *arg);

/* NULL with errno on failure. */
struct groups *groups_serve (struct self *self,
                             struct service_table *services,
                             uint32_t rank,
                             uint32_t size);
void groups_unserve (struct groups *g);

void groups_watch (struct groups *g, groups_changed_f cb, void *arg);

/* Say that ranks are members, or are no more, of one group (name NULL: of
 * any).  On other ranks than 0 this goes to rank 0.
 */
void groups_set (struct groups *g, const char *name, const struct idset *ranks, bool in);

/* The broker itself joins. */
void groups_join (struct groups *g, const char *name);

/* On rank 0; borrowed; NULL if there is no such group. */
const struct idset *groups_members (const struct groups *g, const char *name);

#endif /* !MILLRACE_BROKER_GROUPS_H */
