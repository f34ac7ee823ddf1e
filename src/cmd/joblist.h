/* joblist.h - ask job-list for jobs: what the listing commands share. */

#ifndef MILLRACE_CMD_JOBLIST_H
#define MILLRACE_CMD_JOBLIST_H

#include <flux/core.h>
#include <jansson.h>

/* Parse "pending,run,..." (any case) into masks of states and, if results is
 * not NULL, of results.  Returns the word that was not understood (static
 * until the next call), or NULL.
 */
const char *joblist_parse_filter (const char *list, int *states, int *results);

/* A user name, a number, or "all" (-1).  Returns false if it is none. */
bool joblist_parse_user (const char *s, long long *userid);

/* {"and":[{"userid":[u]},{"or":[{"states":[m]},{"results":[m]}]}]}, leaving
 * out what is not asked for (userid -1, a zero mask).  A new reference.
 */
json_t *joblist_constraint (long long userid, int states, int results);

struct joblist_request {
    long long max_entries; /* 0: no limit */
    double since;          /* leave out jobs that ended before; 0: none */
    json_t *attrs;         /* stolen */
    json_t *constraint;    /* stolen */
};

/* Call cb for each job, in the order the service gives them.  Returns 0, or
 * -1 with a sentence.
 */
int joblist_foreach (flux_t *h,
                     const struct joblist_request *req,
                     void (*cb) (json_t *job, void *arg),
                     void *arg,
                     flux_error_t *error);

/* The jobs as a new array, or NULL with a sentence. */
json_t *joblist_get (flux_t *h, const struct joblist_request *req, flux_error_t *error);

#endif /* !MILLRACE_CMD_JOBLIST_H */
