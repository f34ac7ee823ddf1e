/* t/sim/job_world.h - what is around the job-manager's engine in job_sim, and
 * what must always hold.
 */

#ifndef MILLRACE_SIM_JOB_WORLD_H
#define MILLRACE_SIM_JOB_WORLD_H

#include <stdio.h>

#include "common/tap.h"
#include "modules/job-manager/depend.h"
#include "modules/job-manager/engine.h"

#include "index.h"

#define MAXJOBS 4000
#define MAXCONSUMERS 4
#define NCORES 6

enum request { REQ_ALLOC, REQ_CANCEL };

struct message {
    struct list node;
    enum request type;
    int job;
};

struct sjob {
    bool submitted; /* accepted */
    bool purged;
    char jobspec[256];
    bool was_told; /* the submitter knows its id */
    struct text kvs;
    bool unlinked;
    bool stores;   /* the scheduler left it to the manager to store R: */
    bool R_sent;   /* it is in a commit */
    bool R_in_kvs;
    /* at the scheduler */
    bool asked;
    bool granted; /* holds resources, as the scheduler sees it */
    int core;     /* which it has, or had */
    /* of plugins */
    int prologs;   /* outstanding */
    int epilogs;
    int undecided; /* > 1: times to be asked for its priority until there is one */
    bool kept;     /* in housekeeping */
    /* at the exec service */
    int exec; /* 0 none, 1 asked, 2 started, 3 finished */
};

struct consumer {
    bool used;
    bool sentinel;
    bool paused;
    bool behind; /* there may be events that wait for it */
    bool lagged; /* it was, past its sentinel: it may have missed a purge */
    struct index *index; /* what a job-list makes of it */
    struct text logs[MAXJOBS];
    bool seen[MAXJOBS];
};

struct op {
    struct list node;
    unsigned int commit; /* number of it */
    enum batch_kind kind;
    int job;
    size_t len;
    char data[];
};

struct world {
    struct jm *jm;
    unsigned int seed;
    double now;
    int njobs;
    struct sjob jobs[MAXJOBS];
    struct list to_sched;
    bool sched_greeted; /* it has said hello */
    bool sched_up;
    int cores[NCORES]; /* whose they are, as the scheduler sees it; 0: nobody's */
    unsigned int limit;
    bool exec_up;
    struct list inflight; /* struct op */
    unsigned int begun; /* commits */
    unsigned int ended;
    struct consumer consumers[MAXCONSUMERS];
    int waiters; /* tokens out */
    int deferred;
    const char *broken; /* what went wrong, where */
    int broken_job;
};

extern struct world sim;
extern const struct jm_sink sim_sink;
extern const struct jm_hooks sim_hooks;

/* 0 .. n-1 */
int sim_roll (int n);
double sim_now (void *arg);

/* Something does not hold; the first is kept. */
void sim_broke (const char *what, int job);

/* job_judge.c: how often a log has that event; whether it follows RFC 21. */
int sim_count_events (const char *log, size_t len, const char *name);
void sim_check_log (const struct job *job);

/* Its resources are about to be free: nothing may use them any more. */
void sim_check_idle (int job);

/* The scheduler gives and takes a core; taking fails if there is none. */
bool sim_take_core (int job);
void sim_free_core (int job);

/* job_plugin.c: what plugins do now and then, and what so that all ends. */
void sim_plugin_step (struct job *job);
void sim_plugin_finish (struct job *job);

/* Everything that must hold, or what is cheap of it. */
void sim_check_all (void);
void sim_check_indexes (void);
void sim_check_counts (void);

#endif /* !MILLRACE_SIM_JOB_WORLD_H */
