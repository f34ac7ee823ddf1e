/* rset.h - a resource set, R version 1 (RFC 20).
 *
 * Purpose: the inventory, what is down, what is allocated and what one job
 * has are all of this one kind; scheduler, resource service and exec compute
 * on it and write it as text.
 *
 * Invariants
 *  - nodes are sorted by rank, each rank once
 *  - a node may have no resources left only as parsed; the set operations
 *    drop such nodes
 *  - properties name ranks of the set only
 *
 * Ownership: a set owns its nodes; id sets and strings inside are borrowed by
 * callers until the next change.
 * Bound: RSET_PARSE_MAX nodes and kinds of resources on them from one text,
 * which can name many in few words.
 */

#ifndef MILLRACE_RSET_H
#define MILLRACE_RSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <jansson.h>
#include <flux/core/types.h>
#include <flux/idset.h>

#include "text.h"

/* Children other than these two are carried, named and counted, no more. */
#define RSET_CORE "core"
#define RSET_GPU "gpu"

#define RSET_PARSE_MAX (2 << 20)

struct rset;

struct rset *rset_new (void); /* NULL: ENOMEM */
struct rset *rset_copy (const struct rset *r);
void rset_free (struct rset *r);

/* Decode.  Returns 0, or -EINVAL with a sentence, or -ENOMEM. */
int rset_parse (json_t *o, struct rset **r, flux_error_t *error);
int rset_parse_text (const char *s, size_t len, struct rset **r, flux_error_t *error);

/* Append the compact JSON text: R_lite entries grouped by equal children in
 * order of their lowest rank.  Without R_lite the nodelist is [""], as it is
 * upstream.
 */
void rset_encode (const struct rset *r, struct text *out);

/* Append the short form: rank[0-1]/core[0-3],gpu0 rank5/core2 */
void rset_dumps (const struct rset *r, struct text *out);

size_t rset_nnodes (const struct rset *r);
/* All ids of one child type over all nodes. */
size_t rset_count (const struct rset *r, const char *type);
/* New set of ranks; NULL: ENOMEM. */
struct idset *rset_ranks (const struct rset *r);
/* Append the hostlist, in rank order; nothing if hosts are not known.
 * Returns 0 or -ENOMEM.
 */
int rset_nodelist (const struct rset *r, struct text *out);

/* Nodes by index 0 .. rset_nnodes () - 1, ascending rank. */
uint32_t rset_rank_at (const struct rset *r, size_t i);
const char *rset_host_at (const struct rset *r, size_t i); /* NULL: unknown */
/* The ids of one type, NULL if there are none. */
const struct idset *rset_ids_at (const struct rset *r, size_t i, const char *type);
/* Index of a rank, or -ENOENT. */
ssize_t rset_find (const struct rset *r, uint32_t rank);

/* Add a node, or children to it.  host may be NULL.  Returns 0, -EEXIST if
 * an id is there already, or -ENOMEM.
 */
int rset_add (struct rset *r,
              uint32_t rank,
              const char *host,
              const char *type,
              const struct idset *ids);

/* New sets; 0 or -ENOMEM.  Times, slots and the opaque scheduling part come
 * from a.
 */
int rset_union (const struct rset *a, const struct rset *b, struct rset **ret);
int rset_difference (const struct rset *a, const struct rset *b, struct rset **ret);
int rset_intersect (const struct rset *a, const struct rset *b, struct rset **ret);
int rset_subset (const struct rset *r, const struct idset *ranks, struct rset **ret);
int rset_remove_ranks (struct rset *r, const struct idset *ranks);

/* Properties.  rset_add_property: -EINVAL for a bad name (error says why),
 * -ENOENT if a rank is not in the set.
 */
bool rset_has_property (const struct rset *r, uint32_t rank, const char *name);
int rset_add_property (struct rset *r,
                       const char *name,
                       const struct idset *ranks,
                       flux_error_t *error);
/* Give a the properties that b has on a's ranks, but for those that are local
 * to the instance (a leading +).  Returns 0 or -ENOMEM.
 */
int rset_inherit_properties (struct rset *a, const struct rset *b);

double rset_starttime (const struct rset *r);
double rset_expiration (const struct rset *r);
int64_t rset_nslots (const struct rset *r);
void rset_set_times (struct rset *r, double starttime, double expiration);
void rset_set_nslots (struct rset *r, int64_t nslots); /* 0: not written */

/* Opaque to us; NULL if there is none.  set takes its own reference. */
json_t *rset_scheduling (const struct rset *r);
void rset_set_scheduling (struct rset *r, json_t *o);

#endif /* !MILLRACE_RSET_H */
