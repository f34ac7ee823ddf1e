/* t/sim/index.h - a job-list's engine, for simulations of the job-manager's.
 *
 * The two engines have names in common, so this one is seen through a keyhole.
 */

#ifndef MILLRACE_SIM_INDEX_H
#define MILLRACE_SIM_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct index;

struct index *index_new (void);
void index_free (struct index *x);

/* A journal message.  < 0: it is refused. */
int index_message (struct index *x, const char *payload, size_t len);
void index_purge (struct index *x, uint64_t id);

/* Does the index have the job? */
bool index_knows (struct index *x, uint64_t id);

/* Does the index have the job in that state?  (A NEW one may have any.) */
bool index_agrees (struct index *x,
                   uint64_t id,
                   int state,
                   int urgency,
                   int64_t priority);

/* Are the lists in order, and do the counters equal a count? */
bool index_is_sound (struct index *x);

#endif /* !MILLRACE_SIM_INDEX_H */
