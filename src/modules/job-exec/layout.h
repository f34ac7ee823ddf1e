/* job-exec/layout.h - how many tasks a job has, and which node runs which.
 *
 * Rules: exec.md 8.5.  Tasks are dealt out one by one to the node with most
 * cores first, then numbered in blocks: node 0 has the first ids, unless a
 * taskmap scheme says otherwise.
 *
 * Ownership: a layout owns its arrays.
 * Bound: LAYOUT_TASKS_MAX tasks.
 */

#ifndef MILLRACE_EXEC_LAYOUT_H
#define MILLRACE_EXEC_LAYOUT_H

#include <stdint.h>
#include <flux/core/types.h>

#include "common/jobspec.h"
#include "common/rset.h"
#include "common/text.h"

#define LAYOUT_TASKS_MAX 65536

struct layout {
    uint32_t nnodes;
    uint32_t ntasks;
    uint32_t *ppn;    /* tasks of each node */
    uint32_t *nodeid; /* node of each task */
};

/* Returns 0, -EINVAL with a sentence, or -ENOMEM. */
int layout_create (const struct jobspec *js,
                   const struct rset *R,
                   struct layout *l,
                   flux_error_t *error);
void layout_fini (struct layout *l);

/* Number the tasks in another way (RFC 34 schemes; see taskmap.c).  block and
 * cyclic[:N] leave each node as many as it has, manual:MAP may not.  Returns 0,
 * -EINVAL with a sentence and the layout as it was, or -ENOMEM.
 */
int layout_remap (struct layout *l,
                  const char *scheme,
                  const char *value,
                  flux_error_t *error);

/* hosts: hostlists, one to a line.  Tasks go to nodes (of R, by name) in the order
 * of the hosts, which begins anew when it is at its end.  Returns as above.
 */
int layout_remap_hosts (struct layout *l,
                        const struct rset *R,
                        const char *hosts,
                        flux_error_t *error);

/* RFC 34: [[nodeid,nnodes,ppn,repeat],...] */
void layout_taskmap (const struct layout *l, struct text *out);

/* PMI_process_mapping: (vector,(nodeid,nnodes,ppn),...) */
void layout_pmi_mapping (const struct layout *l, struct text *out);

#endif /* !MILLRACE_EXEC_LAYOUT_H */
