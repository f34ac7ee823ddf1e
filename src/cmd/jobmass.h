/* jobmass.h - one request that acts on all jobs of a kind. */

#ifndef MILLRACE_CMD_JOBMASS_H
#define MILLRACE_CMD_JOBMASS_H

#include <flux/core.h>

struct jobmass {
    bool dry_run;
    long long userid; /* -1: all */
    int states;       /* raise */
    const char *type; /* raise */
    int severity;     /* raise */
    const char *note; /* raise; may be NULL */
    int signum;       /* kill */
    flux_error_t error;
};

/* job-manager.raiseall, .killall.  Returns 0 with the number of jobs that
 * match and of those that refused, or -1 with m->error.
 */
int jobmass_raise (flux_t *h, struct jobmass *m, int *count, int *errors);
int jobmass_kill (flux_t *h, struct jobmass *m, int *count, int *errors);

#endif /* !MILLRACE_CMD_JOBMASS_H */
