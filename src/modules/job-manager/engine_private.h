/* job-manager/engine_private.h - the engine's state, for its own files.
 *
 * Sets of jobs
 *   jobs      all, by id
 *   active    in order of arrival
 *   running   those of them in RUN or CLEANUP
 *   waiting   in SCHED, in the alloc queue: priority descending, id ascending; a set
 *             of its own for each queue, so that to stop and start one costs nothing
 *   sent      in SCHED, request at the scheduler, same order
 *   canceling in SCHED, its cancellation at the scheduler too
 *   inactive  by the time they ended
 *   zombies   inactive, waitable, not waited for
 */

#ifndef MILLRACE_JOB_MANAGER_ENGINE_PRIVATE_H
#define MILLRACE_JOB_MANAGER_ENGINE_PRIVATE_H

#include "common/list.h"
#include "common/table.h"
#include "common/treap.h"
#include "common/util.h"

#include "depend.h"
#include "engine.h"
#include "journal.h"
#include "spans.h"

struct waiter {
    struct list node;
    void *token;
    struct job *job; /* NULL: waits for any */
};

struct jm {
    const struct jm_sink *sink;
    void *arg;
    uint32_t owner; /* of the instance */
    int error;
    double last_time;
    unsigned int depth; /* of steps, see jm_step_begin () */

    const struct jm_hooks *hooks; /* NULL: none */
    void *hooks_arg;
    unsigned int in_hook;
    struct list later; /* jobs with events that hooks posted */

    struct table jobs;
    struct list active;
    struct list running;
    struct list zombies;
    struct treap sent;
    struct treap canceling;
    struct treap inactive;
    struct list walks; /* struct jm_walk */
    struct spans spans;
    size_t nactive;
    size_t nrunning;
    size_t nwaitable;
    size_t nstarting; /* start requests out */
    uint64_t serial;
    uint64_t max_jobid;

    bool sched_online;
    bool sched_greeted; /* and not online yet */
    unsigned int sched_limit; /* 0: none */
    bool exec_online;

    struct list waiters_any; /* struct waiter, FIFO */
    struct list waiters_job;
    size_t nwaiters;

    struct list decided;    /* struct tie */
    struct treap moments;   /* struct tie by timed: those of begin-time */
    struct table namesakes; /* struct namesakes by user and job name */

    unsigned int unknown_schemes; /* 1 << enum scheme: those that were taken out */

    struct list queues;       /* the configured ones */
    struct list leftovers;    /* others, in whose alloc queue there are jobs */
    struct table queue_names; /* all but the anonymous one */
    struct queue *anonymous;

    struct intern pool;
    struct batch batch;
    struct journal journal;
    struct packer *packer;
    size_t packed_bytes;
    struct text line;    /* the event being written */
    struct text context; /* the context of an event of our own */
};

/* ---- engine.c: posting ---------------------------------------------------- */

/* What happens between these two is one step; steps may be nested.  The journal
 * tells consumers who want it so of a job's whole step at once, at the latest
 * when jm_told () is called: before anybody else hears of what happened.
 */
void jm_step_begin (struct jm *jm);
void jm_step_end (struct jm *jm);
void jm_told (struct jm *jm);

/* A time that is later than any given before, unless the clock was set back. */
double jm_time (struct jm *jm);

void jm_log (struct jm *jm, int level, const char *fmt, ...) _printf_ (3, 4);

/* Remember the first error that cannot be undone. */
void jm_fail (struct jm *jm, int error);

/* Process what is queued for the job, and what its state asks for.  The job
 * may have become inactive after.
 */
int jm_run (struct jm *jm, struct job *job);

/* jm_post () with a name known to be an event's, and context text that may be
 * NULL.
 */
int jm_post_event (struct jm *jm, struct job *job, enum event ev, struct text *context);

/* Check, record, journal and apply one event now. */
int jm_process (struct jm *jm, struct job *job, const struct entry *e, bool is_volatile);

/* The job's state has become 'state': keep the sets right. */
void jm_enter (struct jm *jm, struct job *job, enum job_state state);

/* From the active ones to the inactive ones. */
void jm_retire (struct jm *jm, struct job *job);

/* A text context with what an exception says. */
void jm_write_exception (struct text *t, const struct jm_exception *x, bool from_exec);

/* Call one hook, if there are hooks. */
#define JM_HOOK(jm, name, ...)                                                \
    do {                                                                      \
        if ((jm)->hooks) {                                                    \
            (jm)->in_hook++;                                                  \
            (jm)->hooks->name (__VA_ARGS__, (jm)->hooks_arg);                 \
            (jm)->in_hook--;                                                  \
        }                                                                     \
    } while (0)

/* The same with a result, 0 without hooks.  What it posts for the job is
 * processed before this returns.
 */
int jm_hook_submitted (struct jm *jm, struct job *job, struct text *why);
int jm_hook_dependency (struct jm *jm,
                        struct job *job,
                        struct jview dependency,
                        bool known,
                        struct text *why);
void jm_hook_accepted (struct jm *jm, struct job *job);
void jm_hook_restored (struct jm *jm, struct job *job);

/* ---- jobs.c ----------------------------------------------------------------- */

int jm_inactive_order (const struct treap_node *a, const struct treap_node *b);

/* Tables for a job that has just been made. */
int jm_add_job (struct jm *jm, struct job *job, struct jview queue);

/* One that was inactive when it was read.  0; -EEXIST; -ENOMEM. */
int jm_add_inactive (struct jm *jm, struct job *job);

/* An inactive job: job_pack (), counted. */
void jm_pack (struct jm *jm, struct job *job);

/* Take a job out of everything and free it. */
void jm_drop_job (struct jm *jm, struct job *job);

/* Out of the one ordered set that it is in, if it is in one. */
void jm_leave_sets (struct jm *jm, struct job *job);

/* The job is about to leave the list of active ones. */
void jm_walks_skip (struct jm *jm, const struct job *job);

/* ---- alloc.c ---------------------------------------------------------------- */

int jm_alloc_order (const struct treap_node *a, const struct treap_node *b);
int jm_cancel_order (const struct treap_node *a, const struct treap_node *b);

/* In SCHED: into the alloc queue, if it may be there and is not yet. */
void jm_alloc_enqueue (struct jm *jm, struct job *job);

/* Out of SCHED: no longer wanted; tell the scheduler if it has the request. */
void jm_alloc_withdraw (struct jm *jm, struct job *job);

/* The queue has been stopped, and with it those whose parent it is. */
void jm_alloc_stop (struct jm *jm, const struct queue *queue);

/* A queue that is stopped leaves the configuration: its jobs wait no more. */
void jm_alloc_forget_waiting (struct jm *jm, struct queue *q);
size_t jm_alloc_count_waiting (const struct jm *jm);

/* Its priority changed while it was in SCHED; it is in no set just now. */
void jm_alloc_rekeyed (struct jm *jm, struct job *job);

/* Give a job's resources back before its free event. */
void jm_alloc_free (struct jm *jm, struct job *job);

/* Merge into the annotations; an event if they change. */
int jm_annotate (struct jm *jm, struct job *job, struct jview patch);

/* ---- start.c ---------------------------------------------------------------- */

/* In RUN: send the start request if it is time.  True: it was sent now. */
bool jm_exec_start (struct jm *jm, struct job *job);

/* ---- queue.c ---------------------------------------------------------------- */

int jm_queues_init (struct jm *jm);
void jm_queues_fini (struct jm *jm); /* no job is left */

/* May a job be submitted to the queue of that name (absent: none)?  Returns 0,
 * -EINVAL with a sentence in 'why', or -ENOMEM.
 */
int jm_queue_check (const struct jm *jm, struct jview name, struct text *why);

/* An active job names that queue, and no longer. */
int jm_queue_join (struct jm *jm, struct job *job, struct jview name);
void jm_queue_leave (struct jm *jm, struct job *job);

/* Its jobspec has changed: it may name another one. */
int jm_queue_follow (struct jm *jm, struct job *job);

/* ---- depend.c --------------------------------------------------------------- */

int jm_begin_order (const struct treap_node *a, const struct treap_node *b);

/* The job counts among its user's jobs of that name (absent: it has none). */
int jm_depend_join (struct jm *jm, struct job *job, struct jview name);

/* Tie a new job to what its jobspec says it depends on.  -EINVAL with a
 * sentence in 'why': it cannot be.
 */
int jm_depend_establish (struct jm *jm,
                         struct job *job,
                         struct jview dependencies,
                         struct text *why);

/* The same for a job that is in DEPEND at a restart. */
void jm_depend_restore (struct jm *jm, struct job *job, struct jview dependencies);

/* The job has just started, or has just become inactive. */
void jm_depend_started (struct jm *jm, struct job *job);
void jm_depend_ended (struct jm *jm, struct job *job);

/* The job goes away. */
void jm_depend_drop (struct jm *jm, struct job *job);

/* ---- wait.c ----------------------------------------------------------------- */

/* The job has just become inactive. */
void jm_wait_ended (struct jm *jm, struct job *job);
void jm_wait_fini (struct jm *jm);

#endif /* !MILLRACE_JOB_MANAGER_ENGINE_PRIVATE_H */
