/* t/sim/list_judge.h - the index and the plain replay, compared. */

#ifndef MILLRACE_SIM_LIST_JUDGE_H
#define MILLRACE_SIM_LIST_JUDGE_H

#include "modules/job-list/engine.h"

#include "list_model.h"

#define LIST_MAXJOBS 120

struct list_world {
    unsigned int seed;
    struct jl *jl;
    int njobs;
    struct mjob jobs[LIST_MAXJOBS]; /* by id, from 1 */
    struct now now[LIST_MAXJOBS];
    struct mjob *touched; /* by the last step */
    int purged;
    int queue_purged[QUEUES];
    const char *broken;
    int broken_job;
};

/* Something does not hold; the first is kept. */
void list_broke (struct list_world *w, const char *what, int job);

void list_check_job (struct list_world *w, const struct mjob *j);
void list_check_lists (struct list_world *w);
void list_check_counters (struct list_world *w);

/* One constraint, made up on the spot. */
void list_check_constraint (struct list_world *w);

#endif /* !MILLRACE_SIM_LIST_JUDGE_H */
