/* job-manager/housekeeping.h - resources that jobs have done with.
 *
 * With [job-manager.housekeeping] they are not given back at once: a command is
 * run on each of their ranks first.  Ranks are given back together, or, with
 * release-after, one after the other.
 *
 * Bound: one record for each job whose resources are not given back yet, so no
 * more than there are resources.
 */

#ifndef MILLRACE_JOB_MANAGER_HOUSEKEEPING_H
#define MILLRACE_JOB_MANAGER_HOUSEKEEPING_H

#include "manager.h"
#include "runner.h"

struct rset;
struct idset;

struct housekeeping_conf {
    json_t *command; /* NULL: not configured */
    double release_after; /* seconds; < 0: when all are done */
};

struct housekeeping {
    struct list node;
    struct manager *m;
    uint64_t id;
    int64_t priority;
    uint32_t userid;
    double t_submit;
    double t_start;
    struct rset *R;
    struct idset *pending; /* ranks where it runs */
    struct idset *ready;   /* done, not given back */
    struct idset *given;   /* back */
    struct idset *failed;
    int failure;   /* -1: several kinds; 0: none; 1: exit code; else signal + 1 */
    bool trickle;  /* those that are ready are given back as they come */
    struct runner *runner;
    flux_watcher_t *timer;
};

/* What of R is not given back. */
int housekeeping_held (const struct housekeeping *hk, struct rset **R);

/* Give back what can be. */
void housekeeping_release (struct housekeeping *hk);

#endif /* !MILLRACE_JOB_MANAGER_HOUSEKEEPING_H */
