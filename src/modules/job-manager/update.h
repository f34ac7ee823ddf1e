/* job-manager/update.h - one request to update a jobspec, on its way.
 *
 * Ownership: the manager's list has those that wait for another service.
 */

#ifndef MILLRACE_JOB_MANAGER_UPDATE_H
#define MILLRACE_JOB_MANAGER_UPDATE_H

#include "manager.h"

struct update {
    struct list node;
    struct manager *m;
    const flux_msg_t *msg;
    uint32_t userid; /* who asks */
    uint32_t rolemask;
    uint64_t id;
    json_t *updates;  /* by dotted keys */
    json_t *more;     /* what they bring along */
    size_t validated; /* how many of the keys need no more looking at */
    bool bypassed;    /* ... which are all */
    bool feasibility; /* the scheduler is to be asked */
    char *jobspec;    /* updated */
    size_t jobspec_len;
    double expiration; /* of a running job; < 0: it does not change */
    flux_future_t *f;
    struct text why;
};

/* 0, or -1 with a sentence in u->why. */
int update_check_key (struct update *u, struct job *job, const char *key, json_t *value);
int update_make_jobspec (struct update *u, const struct job *job);
int update_validate (struct update *u, struct job *job);

#endif /* !MILLRACE_JOB_MANAGER_UPDATE_H */
