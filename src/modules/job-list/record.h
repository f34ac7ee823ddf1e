/* job-list/record.h - what is known about one job.
 *
 * Purpose: a million of these must fit in memory and be filtered without
 * decoding anything: numbers are native, texts are pooled, and the jobspec
 * they come from is dropped when the job ends.
 *
 * Absent: -1 for counts, waitstatus and the times of duration and expiration;
 * 0 for the times of events; NULL for texts.
 *
 * Ownership: a record owns references into the pool it was made with.
 */

#ifndef MILLRACE_JOB_LIST_RECORD_H
#define MILLRACE_JOB_LIST_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "common/intern.h"
#include "common/jview.h"
#include "common/list.h"
#include "common/treap.h"

/* Values are those of flux_job_state_t and flux_job_result_t. */
enum job_state {
    STATE_NEW = 1,
    STATE_DEPEND = 2,
    STATE_PRIORITY = 4,
    STATE_SCHED = 8,
    STATE_RUN = 16,
    STATE_CLEANUP = 32,
    STATE_INACTIVE = 64,

    STATE_PENDING = 14,
    STATE_RUNNING = 48,
    STATE_ACTIVE = 62,
    STATE_ALL = 126,
};

enum job_result {
    RESULT_COMPLETED = 1,
    RESULT_FAILED = 2,
    RESULT_CANCELED = 4,
    RESULT_TIMEOUT = 8,
};

/* Where ntasks comes from when only R will tell. */
enum ntasks_from {
    NTASKS_KNOWN,
    NTASKS_PER_NODE,
    NTASKS_PER_CORE,
};

struct dep {
    struct list node;
    bool outstanding;
    struct itext *description;
};

struct queue_stats;

struct record {
    uint64_t id;
    double t_submit, t_depend, t_priority, t_sched, t_run, t_cleanup, t_inactive;
    double duration, expiration;
    int64_t priority;
    int64_t ntasks, ncores, nnodes;
    int32_t waitstatus;
    uint32_t userid;
    uint8_t state;   /* one bit */
    uint8_t history; /* bits of the states that were entered */
    uint8_t urgency;
    uint8_t result;
    uint8_t exception_severity;
    uint8_t ntasks_from;
    unsigned int success : 1;
    unsigned int exception_occurred : 1;
    unsigned int R_valid : 1;
    unsigned int old_eventlog : 1; /* submit without version */
    unsigned int had_deps : 1;
    unsigned int purged : 1; /* by the job-manager; its end is still to be told */
    int64_t ntasks_per; /* tasks per node or core of R */
    struct itext *name, *cwd, *project, *bank;
    struct itext *ranks, *nodelist;
    struct itext *annotations;
    struct itext *exception_type, *exception_note;
    struct itext *jobspec;     /* while active: updates need it */
    struct queue_stats *queue; /* NULL: none */
    struct itext *queue_name;
    struct list deps;
    struct treap_node order;
};

struct record *record_new (uint64_t id);
void record_free (struct record *rec, struct intern *pool);

/* Take the fields of a jobspec (job-list.md 4.2).  Returns 0; -EINVAL: it is
 * malformed somewhere, 'why' (a constant) tells, and what came before that
 * point is set; -ENOMEM.
 */
int record_set_jobspec (struct record *rec,
                        struct jview jobspec,
                        struct intern *pool,
                        const char **why);

/* Take the fields of an R (4.3).  Returns 0; -EINVAL with *why: it is ignored;
 * -ENOMEM.
 */
int record_set_R (struct record *rec,
                  struct jview R,
                  struct intern *pool,
                  const char **why);

/* After a jobspec was read again: what R has said before counts more. */
void record_keep_R (struct record *rec, const struct record *before);

#endif /* !MILLRACE_JOB_LIST_RECORD_H */
