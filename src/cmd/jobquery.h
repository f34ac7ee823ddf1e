/* jobquery.h - which jobs: the options that flux jobs, pgrep, pkill and watch
 * have in common.
 */

#ifndef MILLRACE_CMD_JOBQUERY_H
#define MILLRACE_CMD_JOBQUERY_H

#include <flux/core.h>
#include <jansson.h>

#include "format.h"
#include "opt.h"

enum jobquery_key {
    JOBQUERY_NAME = 256,
    JOBQUERY_SINCE,
    JOBQUERY_KEY_LAST,
};

#define JOBQUERY_OPTS                                                                     \
    { 'a', NULL, OPT_NONE, NULL, "jobs in all states" },                                  \
    { 'A', NULL, OPT_NONE, NULL, "jobs of all users" },                                   \
    { 'u', "user", OPT_REQUIRED, "USER", "jobs of this user, or all" },                   \
    { 'f', "filter", OPT_REQUIRED, "LIST", "states or results (pending,running)" },       \
    { 'q', "queue", OPT_REQUIRED, "NAME,...", "jobs of these queues" }
#define JOBQUERY_MORE_OPTS                                                                \
    { JOBQUERY_NAME, "name", OPT_REQUIRED, "NAME", "jobs of this name" },                 \
    { 'i', "include", OPT_REQUIRED, "HOSTS|RANKS", "jobs on any of these" },              \
    { JOBQUERY_SINCE, "since", OPT_REQUIRED, "WHEN", "jobs that ended since, or run" }

struct jobquery {
    bool all_states;
    bool all_users;
    bool given; /* one of the options was */
    long long user;
    bool user_given;
    int states;
    int results;
    const char *name;
    json_t *queues;  /* array, NULL: all */
    json_t *include; /* leaf constraint, NULL: everywhere */
    double since;    /* 0: from the beginning */
};

/* The user's own pending and running jobs. */
void jobquery_init (struct jobquery *q);
void jobquery_fini (struct jobquery *q);

/* Take one of the options; returns false if it is none of them.  Dies with
 * "ERROR: ..." if its value makes no sense.
 */
bool jobquery_option (struct jobquery *q, int key, const char *arg);

/* The constraint (a new reference). */
json_t *jobquery_constraint (const struct jobquery *q);

/* The attributes that the fields of a format (jobview.h) need, and those of
 * 'more', a comma list: a new array.
 */
json_t *jobquery_attrs (const struct format *f, const char *more);

#endif /* !MILLRACE_CMD_JOBQUERY_H */
