/* job-manager/job.h - one job's record.
 *
 * Invariants
 *  - everything above the line "of this instance" follows from the eventlog
 *    (with jobspec and R); nothing below it is ever stored
 *  - 'order' is linked in at most one of the engine's ordered sets: waiting
 *    or sent or canceling (state SCHED), or inactive
 *  - 'active' is linked in the list of active jobs, or in that of zombies
 *  - flushed <= loglen; the bytes between are in the batch or about to be
 *  - log and R are there, or (inactive jobs only) packed is
 *  - 'running' is linked in the list of running jobs, or of an inactive job in its span's
 *
 * Ownership: the engine owns the record; it owns log, texts, dependencies and
 * queued events.
 */

#ifndef MILLRACE_JOB_MANAGER_JOB_H
#define MILLRACE_JOB_MANAGER_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "common/intern.h"
#include "common/list.h"
#include "common/text.h"
#include "common/treap.h"

#include "batch.h"
#include "event.h"
#include "pack.h"

/* Longest eventlog of one job; an event that would not fit is refused. */
#define JOB_LOG_MAX (16 << 20)

/* Longest dictionary of annotations, as text: annotations come from users. */
#define JOB_ANNOTATIONS_MAX (16 << 10)

/* Where the job stands with the scheduler. */
enum alloc_state {
    ALLOC_NONE,
    ALLOC_WAITING,   /* in the alloc queue */
    ALLOC_SENT,      /* request at the scheduler */
    ALLOC_CANCELING, /* the same, and its cancellation too */
};

/* Where the job stands with the exec service. */
enum exec_state {
    EXEC_NONE,
    EXEC_SENT, /* start request is out, its stream of replies open */
    EXEC_DONE, /* the stream has ended: release, final */
};

struct dependency {
    struct list node;
    bool outstanding; /* a description once used stays, to be refused again */
    struct itext *description;
};

/* An event posted while its job could not take it. */
struct queued_event {
    struct list node;
    bool is_volatile;
    size_t namelen;
    size_t contextlen; /* 0: none */
    char text[];       /* name, context */
};

struct job {
    uint64_t id;
    uint64_t serial; /* order of arrival in this instance */
    double t_submit;
    double t_clean;
    int64_t priority;
    uint32_t userid;
    uint32_t flags; /* enum job_flag */
    uint8_t state;  /* enum job_state */
    uint8_t urgency;
    uint8_t perilogs; /* prologs and epilogs now active */
    unsigned int has_resources : 1;
    unsigned int started : 1;
    unsigned int finished : 1;
    unsigned int had_dependencies : 1;
    unsigned int allocated : 1; /* it had resources once */
    struct itext *jobspec; /* redacted, updates applied */
    struct itext *R;       /* without "scheduling"; NULL before alloc */
    struct itext *annotations;
    struct list dependencies; /* struct dependency */
    char *log;                /* the eventlog, as stored */
    struct packed *packed;    /* instead of log and R, when all is over */
    uint32_t loglen;
    uint32_t end_offset; /* in log: the line of the event that ended the job */
    uint32_t end_len;

    /* ---- of this instance ---- */
    uint32_t logcap;
    uint32_t flushed;        /* bytes of log already in a commit */
    uint8_t alloc;           /* enum alloc_state */
    uint8_t exec;            /* enum exec_state */
    unsigned int held : 1;   /* its submit event is not committed yet */
    unsigned int busy : 1;   /* an event is being processed */
    unsigned int asleep : 1; /* restored, and not acted upon yet */
    unsigned int R_unsent : 1; /* R is in the batch, not in a commit yet */
    unsigned int purged : 1; /* gone from the tables, kept as a zombie only */
    struct queue *queue;     /* of an active job */
    struct ties *ties;       /* to other jobs; NULL: none */
    void *waiter;            /* who waits for this very job */
    struct list events;      /* struct queued_event */
    struct list later;       /* of jobs that have some of a hook's */
    struct treap_node order;
    struct list active;
    struct list running; /* state RUN or CLEANUP; inactive: in its span */
    struct span *span;
    struct batch_item item;
};

struct job *job_new (uint64_t id);

/* Must be in no set and no list.  Puts its texts back into the pool. */
void job_free (struct job *job, struct intern *pool);

/* What an event is about to change: made by job_check () before anybody has
 * seen the event, used up by job_apply ().
 */
struct job_change {
    struct itext *text; /* new jobspec, R or annotations */
    struct dependency *dependency;
};

/* May this job take this event now?  Returns 0; -EINVAL (not in this state),
 * -ENOENT (unknown dependency), -EOVERFLOW (bound reached), -ENOMEM.
 */
int job_check (const struct job *job,
               const struct entry *e,
               struct intern *pool,
               struct job_change *change);

/* Cannot fail.  The state is left alone: it follows from state_after (). */
void job_apply (struct job *job,
                const struct entry *e,
                struct intern *pool,
                struct job_change *change);

/* Forget a change that will not be applied. */
void job_change_drop (struct job_change *change, struct intern *pool);

/* Append a line to the log.  -ENOMEM or -EOVERFLOW leave it as it was. */
int job_log_append (struct job *job, const char *line, size_t len);

/* Give back what the log does not use. */
void job_log_trim (struct job *job);

/* An inactive job, all of whose log is flushed: replace log and R by a packed
 * block.  If that fails they stay.
 */
void job_pack (struct job *job, struct packer *packer, struct intern *pool);

/* Log and R, packed or not; t lends its memory.  Returns 0 or a negative errno. */
int job_texts (const struct job *job, struct text *t, struct jview *log, struct jview *R);

/* The event that moved the job to CLEANUP; t lends its memory.  -ENOENT before
 * that.
 */
int job_end_event (const struct job *job, struct text *t, struct entry *e);

/* The dependency with that pooled description, or NULL. */
const struct dependency *job_dependency (const struct job *job,
                                         const struct itext *description);

unsigned int job_dependencies_outstanding (const struct job *job);

#endif /* !MILLRACE_JOB_MANAGER_JOB_H */
