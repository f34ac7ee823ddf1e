/* joblist.h - ask job-list for jobs: what flux jobs and flux job list share. */

#ifndef MILLRACE_CMD_JOBLIST_H
#define MILLRACE_CMD_JOBLIST_H

#include <flux/core.h>
#include <jansson.h>

/* Parse "pending,run,..." (any case) into masks of states and, if results is
 * not NULL, of results.  Returns the word that was not understood (static
 * until the next call), or NULL.
 */
const char *joblist_parse_filter (const char *list, int *states, int *results);

/* A user name, a number, or "all" (-1).  Dies with "unknown user". */
long long joblist_parse_user (const char *s);

/* {"and":[{"userid":[u]},{"or":[{"states":[m]},{"results":[m]}]}]}, leaving
 * out what is not asked for (userid -1, a zero mask).  A new reference.
 */
json_t *joblist_constraint (long long userid, int states, int results);

/* Call f for each job, in the order the service gives them.  attrs and
 * constraint are stolen.  Dies on error.
 */
void joblist_foreach (flux_t *h,
                      long long max_entries,
                      json_t *attrs,
                      json_t *constraint,
                      void (*f) (json_t *job, void *arg),
                      void *arg);

#endif /* !MILLRACE_CMD_JOBLIST_H */
