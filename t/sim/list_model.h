/* t/sim/list_model.h - a job as job-list should see it, worked out the plain way.
 *
 * A job is all that ever happened to it; what it is follows from going through that
 * from the beginning, each time anew, as job-list.md section 2.2 tells it.
 */

#ifndef MILLRACE_SIM_LIST_MODEL_H
#define MILLRACE_SIM_LIST_MODEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"

enum what {
    SUBMIT,
    VALIDATE,
    INVALIDATE,
    DEP_ADD,    /* a: which */
    DEP_REMOVE, /* a: which */
    DEPEND,
    PRIORITY_, /* a: the priority */
    ANNOTATE,  /* a: a number, or -1: none */
    MEMO,      /* a: key, b: value or -1: null */
    ALLOC,     /* a: nodes, b: first rank, c: cores each */
    URGENCY,   /* a: urgency */
    SET_QUEUE, /* a: queue */
    SET_DURATION,
    SET_NAME,
    EXPIRE,    /* a: expiration */
    EXCEPTION, /* a: severity, b: type */
    FINISH,    /* a: status */
    CLEAN,
    RESTART,
    OTHER,
    WHAT_COUNT,
};

struct happened {
    enum what what;
    double t;
    int a, b, c;
};

/* What its jobspec says; -1: nothing. */
struct spec {
    int name, cwd, queue, project, bank;
    int nnodes; /* 0: none asked for */
    int nslots, cores, duration;
    bool exclusive;
    int per; /* tasks per node (1), per core (2), as slots (0) */
};

enum { MAX_EVENTS = 200, QUEUES = 4, MEMOS = 3, DEPS = 3 };

struct mjob {
    uint64_t id;
    bool there; /* not purged, not taken back */
    int userid;
    bool old;         /* a log without a version */
    struct spec spec; /* at submission */
    int n;
    struct happened events[MAX_EVENTS];
};

/* What follows. */
struct now {
    int state, history;
    int urgency;
    int64_t priority;
    double t_submit, t_depend, t_priority, t_sched, t_run, t_cleanup, t_inactive;
    struct spec spec;
    int rnodes, rfirst, rcores; /* of R; 0: none */
    int expiration;
    int sched; /* annotation */
    int memo[MEMOS];
    int dep[DEPS]; /* 0: never, 1: outstanding, 2: gone */
    int order[DEPS], ndeps;
    int severity, type; /* of the exception that counts; -1: none */
    int status;         /* -1: none */
    bool success;
    int result;
};

extern const char *const model_types[]; /* of exceptions; ends with NULL */

void model_replay (const struct mjob *j, struct now *now);

/* All attributes, a new object. */
json_t *model_attrs (const struct mjob *j, const struct now *now);

/* As in the journal: an entry; the jobspec now; R now. */
void model_put_event (struct text *t, const struct mjob *j, const struct happened *e);
void model_put_spec (struct text *t, const struct spec *s);
void model_put_R (struct text *t, int nodes, int first, int cores, int expiration);

#endif /* !MILLRACE_SIM_LIST_MODEL_H */
