/* job-manager/engine.h - the life of all jobs.
 *
 * Purpose: drives every job through RFC 21's states.  Input: what requests,
 * the scheduler, the exec service and the KVS say.  Output: calls on a sink,
 * in the order in which they must take effect.
 *
 * A job's events are processed one at a time, in the order in which they were
 * posted.  For each: it is checked (a bad one is refused and nobody sees it),
 * written into the job's log, sent to the journal, applied, and put into the
 * batch for the KVS.  When no posted event is left, what the job's state asks
 * for is done, and the event that follows of itself (depend, priority, free,
 * clean) is processed at once.
 *
 * Invariants
 *  - a job's state is a function of its log
 *  - a new job does nothing until its submit event is committed
 *  - every active job is in the list of active jobs, every inactive one in the
 *    ordered set of inactive ones
 *  - alloc requests at the scheduler never exceed its limit
 *
 * Ownership: the engine owns its jobs; a pointer to one is valid until the
 * next call.  Tokens (journal consumers, waiters, deferred responses) are the
 * service's; the sink gets each waiter and deferred one back exactly once.
 * Bounds: JOB_LOG_MAX and JOB_ANNOTATIONS_MAX per job; jobs themselves are
 * bounded by who may submit.
 *
 * No flux_t, no JSON trees, no clock of its own, no I/O.  The sink must not
 * call the engine back.  Hooks may: what they post for the job they are called
 * for is processed next; what they post for other jobs waits until
 * jm_later_pump (), so that nothing changes under a loop over jobs.
 *
 * Errors: functions return 0 or a negative errno.  -ENOMEM inside a step that
 * cannot be undone is kept: jm_error () tells, and the service ends itself.
 */

#ifndef MILLRACE_JOB_MANAGER_ENGINE_H
#define MILLRACE_JOB_MANAGER_ENGINE_H

#include "job.h"
#include "volume.h"

struct jm;

/* What comes out of the engine.  Every function is there. */
struct jm_sink {
    /* Seconds since the epoch. */
    double (*now) (void *arg);

    /* One journal message for the consumer with this token. */
    void (*journal) (void *token, const char *payload, size_t len, void *arg);

    /* Requests to the scheduler. */
    void (*alloc) (const struct job *job, void *arg);
    void (*cancel) (const struct job *job, void *arg);
    void (*prioritize) (const struct job *job, void *arg);
    void (*give_back) (uint64_t id, const char *R, size_t len, void *arg);

    /* Start request to the exec service. */
    void (*start) (const struct job *job, void *arg);
    void (*expiration) (const struct job *job, double expiration, void *arg);

    /* An operation of the commit that was begun. */
    void (*commit_op) (const struct batch_op *op, void *arg);

    /* A deferred response may go out. */
    void (*deferred) (void *token, void *arg);

    /* The job a waiter waits for (job NULL: there will be none, say why). */
    void (*waited) (void *token, const struct job *job, const char *why, void *arg);

    /* An exception of the engine's own took effect. */
    void (*raised) (uint64_t id, const char *type, int severity, void *arg);

    /* The job has become inactive. */
    void (*ended) (const struct job *job, void *arg);

    /* A span of jobs is no longer in the volume it was in (jm_archived ()). */
    void (*unarchived) (uint32_t volume, void *arg);

    void (*log) (int level, const char *message, void *arg);
};

/* What plugins see, and have a say in.  A job is the one to post for. */
struct jm_hooks {
    /* Submitted: may it live?  0; -EINVAL with a sentence in 'why'; -ENOMEM. */
    int (*submitted) (struct job *job, struct text *why, void *arg);

    /* One element of its dependencies.  'known': the engine takes care of it.
     * Returns 0; -ENOENT (nobody knows the scheme); or as submitted ().
     */
    int (*dependency) (struct job *job,
                       struct jview dependency,
                       bool known,
                       struct text *why,
                       void *arg);

    /* It may not, and goes away. */
    void (*refused) (struct job *job, void *arg);

    /* It may; it is about to be validated. */
    void (*accepted) (struct job *job, void *arg);

    /* It is there again, after a restart. */
    void (*restored) (struct job *job, void *arg);

    /* An event has taken effect: its line with newline, the state before. */
    void (*event) (struct job *job,
                   const struct entry *e,
                   const char *line,
                   size_t len,
                   enum job_state before,
                   void *arg);

    /* In PRIORITY: its priority.  False: there is none yet. */
    bool (*priority) (struct job *job, int64_t *priority, void *arg);

    /* Its resources are free: true, if they are taken care of. */
    bool (*keep) (const struct job *job, void *arg);

    /* It has become inactive; it is purged. */
    void (*ended) (struct job *job, void *arg);
    void (*purged) (const struct job *job, void *arg);
};

/* owner: the userid of the instance, in exceptions of its own. */
struct jm *jm_create (const struct jm_sink *sink, void *arg, uint32_t owner);

/* Tokens that were not taken back are forgotten. */
void jm_destroy (struct jm *jm);

/* NULL: none. */
void jm_set_hooks (struct jm *jm, const struct jm_hooks *hooks, void *arg);

/* Process what hooks posted for jobs they were not called for, of up to 'budget'
 * of them.  True if there are more.
 */
bool jm_later_pump (struct jm *jm, unsigned int budget);

/* 0, or the error that makes going on impossible. */
int jm_error (const struct jm *jm);

/* ---- jobs ---------------------------------------------------------------- */

/* Active or inactive; NULL if unknown (or purged). */
struct job *jm_lookup (const struct jm *jm, uint64_t id);

struct jm_submission {
    uint64_t id;
    uint32_t userid;
    int urgency;
    int flags;
    double t_submit;
    struct jview jobspec; /* redacted */
};

/* Returns 0; -EINVAL with a sentence in 'why': the job is rejected; -ENOMEM. */
int jm_submit (struct jm *jm, const struct jm_submission *s, struct text *why);

/* Post any event.  context is absent or an object; is_volatile: journal it,
 * do not store it.  The timestamp is now.  Returns 0; -EPROTO (bad context),
 * -EROFS (job is inactive), or why the job cannot take the event.
 */
int jm_post (struct jm *jm,
             struct job *job,
             const char *name,
             struct jview context,
             bool is_volatile);

struct jm_exception {
    const char *type;
    int severity;
    const char *note;    /* NULL: "" */
    int64_t userid;      /* -1: leave it out */
    int64_t wait_status; /* -1: leave it out */
};

int jm_raise (struct jm *jm, struct job *job, const struct jm_exception *x);

/* Post the new urgency; the priority follows of itself. */
int jm_urgency (struct jm *jm, struct job *job, uint32_t userid, int urgency);

/* Around something that must not change any set of jobs, as in a hook. */
void jm_hook_enter (struct jm *jm);
void jm_hook_leave (struct jm *jm);

/* Is the dependency outstanding (or has it ever been there)? */
bool jm_dependency_is (const struct job *job, const char *description, bool ever);

/* The priority that its urgency makes of 'priority'. */
int64_t jm_effective_priority (const struct job *job, int64_t priority);

/* Post a priority; in SCHED only if it changes.  Other states: -EINVAL. */
int jm_reprioritize (struct jm *jm, struct job *job, int64_t priority);

/* In PRIORITY: the next pass asks for the priority again. */
void jm_priority_again (struct jm *jm, struct job *job);

/* Merge into the annotations; an event if they change, unless 'quietly'. */
int jm_job_annotate (struct jm *jm, struct job *job, struct jview patch, bool quietly);

/* R of a job that has none, without its scheduling key.  -EEXIST. */
int jm_set_R (struct jm *jm, struct job *job, struct jview R);

struct jm_counts {
    size_t active;
    size_t inactive;
    size_t running;  /* RUN or CLEANUP */
    size_t waiting;  /* in the alloc queue */
    size_t sent;     /* at the scheduler */
    size_t waitable; /* active ones that can be waited for */
    uint64_t max_jobid;
    uint64_t journal_events;
    size_t journal_consumers;
    size_t text_bytes; /* jobspecs, R, annotations: each distinct one once */
    size_t record_bytes;
    size_t packed_bytes; /* of inactive jobs */
};

void jm_count (const struct jm *jm, struct jm_counts *counts);

/* Walk over jobs: NULL begins, NULL ends.  Nothing may change meanwhile but
 * what becomes of the job returned last.
 */
struct job *jm_next_active (const struct jm *jm, const struct job *job);
struct job *jm_next_running (const struct jm *jm, const struct job *job);
struct job *jm_next_zombie (const struct jm *jm, const struct job *job);
struct job *jm_next_waiting (const struct jm *jm, const struct job *job);
bool jm_is_waiting (const struct job *job); /* is it one of these? */
struct job *jm_next_inactive (const struct jm *jm, const struct job *job);

/* The same over the active jobs that there are now, in portions: jobs may come
 * and go between two steps.  Begun, it must be ended while the engine lives.
 */
struct jm_walk {
    struct list node;
    struct job *next;
    uint64_t last; /* serial of the last one that belongs to it */
};

void jm_walk_begin (struct jm *jm, struct jm_walk *w);
struct job *jm_walk_next (struct jm *jm, struct jm_walk *w);
void jm_walk_end (struct jm_walk *w);

/* ---- batch --------------------------------------------------------------- */

/* There is something to commit, and the commits in flight allow it; somebody
 * waits for it.
 */
bool jm_commit_wanted (const struct jm *jm);
bool jm_commit_urgent (const struct jm *jm);

/* Begin a commit; its operations go to the sink.  Returns how many there are;
 * with none, and no commit in flight, jm_commit_end () may follow at once.
 */
size_t jm_commit_begin (struct jm *jm);

/* Nobody waits for the end of what was begun: it may be KVSOPS_LAZY. */
bool jm_commit_lazy (const struct jm *jm);

/* What was begun is on its way: jobs whose R is in it may start. */
void jm_commit_sent (struct jm *jm);

/* The oldest one is stored. */
void jm_commit_end (struct jm *jm);

/* Hand 'token' back when all that was posted until now is committed. */
int jm_defer (struct jm *jm, void *token);

/* Take all deferred tokens back: there will be no more commit. */
void jm_drop_deferred (struct jm *jm, void (*drop) (void *token, void *arg), void *arg);

/* ---- restart ------------------------------------------------------------- */

/* Replay one job: R may be absent.  Returns 0, or a negative errno with a
 * sentence in 'why': the job cannot be replayed, nothing has changed.
 */
int jm_restore (struct jm *jm,
                uint64_t id,
                const char *eventlog,
                size_t len,
                struct jview jobspec,
                struct jview R,
                struct text *why);

/* All jobs that are active are restored: let them go on.  With 'history' the
 * inactive ones are still to come, so that those who depend on others go on
 * after jm_history_finish () only.
 */
void jm_restore_finish (struct jm *jm, uint64_t max_jobid, bool history);
void jm_history_finish (struct jm *jm);

/* ---- volumes of inactive jobs (volume.h) ------------------------------------ */

/* Jobs that could be put into one. */
size_t jm_archive_due (const struct jm *jm);

/* Take spans that are due, up to so many jobs or spans: their numbers and versions.  To be put
 * into a volume when all is committed that was posted until now.
 */
struct jm_span {
    uint64_t number;
    uint32_t version;
};

size_t jm_archive_take (struct jm *jm, struct jm_span spans[VOLUME_SPANS]);

/* Append it with the reference of its directory.  -EAGAIN: it is not what it was, and
 * will be due again; -ENOMEM (and t says so, too).
 */
int jm_archive_add (struct jm *jm,
                    const struct jm_span *span,
                    const char *ref,
                    struct text *t);

/* The volume is stored.  -EAGAIN: the span has changed, and is not in it. */
int jm_archived (struct jm *jm, const struct jm_span *span, uint32_t volume);

/* They will not be: they are due again. */
void jm_archive_give_back (struct jm *jm, const struct jm_span *span);

/* Restore the jobs up to 'before' of the span that was read last, those that are not there
 * yet.  Says how many.  Returns 1: its jobs are these; 0: it has others, too; -EINVAL: what
 * is left of the volume makes no sense; -ENOMEM.
 */
int jm_recall (struct jm *jm,
               struct volume_reader *r,
               const struct volume_span *span,
               uint64_t before,
               uint32_t volume,
               size_t *restored);

/* ---- queues --------------------------------------------------------------- */

struct queue {
    struct list node;     /* of the configured ones, in that order */
    struct queue *parent; /* of a virtual queue; NULL: it is none */
    size_t jobs;          /* active ones that name it */
    struct treap waiting; /* those in the alloc queue, sent when it is open */
    bool configured;
    bool enable;
    bool start;        /* its own; see jm_queue_is_started () */
    bool sticky_start; /* survives a restart */
    bool was_started;  /* before the configuration changed */
    struct itext *disable_reason;
    struct itext *stop_reason;
    char name[]; /* "": the anonymous one */
};

struct jm_queue_conf {
    const char *name;   /* not "" */
    const char *parent; /* NULL: none; else another one, without parent */
};

/* These are the queues from now on; with n = 0 the anonymous one.  Those that
 * were there before keep their state.  Returns 0, or -ENOMEM with nothing
 * changed.
 */
int jm_queues_configure (struct jm *jm, const struct jm_queue_conf *conf, size_t n);
bool jm_queues_are_named (const struct jm *jm);

/* The configured queue of that name; of none (NULL): the anonymous one, if it
 * is configured.  NULL if there is none.
 */
struct queue *jm_queue (const struct jm *jm, const char *name);

/* Walk over them: NULL begins, NULL ends. */
struct queue *jm_next_queue (const struct jm *jm, const struct queue *q);

/* It and its parent are. */
bool jm_queue_is_started (const struct queue *q);

int jm_queue_enable (struct jm *jm, struct queue *q, bool enable, const char *reason);
int jm_queue_start (struct jm *jm,
                    struct queue *q,
                    bool start,
                    const char *reason,
                    bool nocheckpoint);

/* ---- scheduler ------------------------------------------------------------ */

/* A scheduler is ready for at most 'limit' requests (0: any number). */
void jm_sched_ready (struct jm *jm, unsigned int limit);
void jm_sched_gone (struct jm *jm);

/* A scheduler has been told who holds resources, and will be ready.  Until then
 * nobody gives any back: it would not hear of it.  False: it went away before.
 */
void jm_sched_greeted (struct jm *jm, bool greeted);
bool jm_sched_online (const struct jm *jm);

/* Jobs wait for resources. */
bool jm_sched_is_crowded (const struct jm *jm);

/* The scheduler leaves it to us to store R: before jm_alloc_success ().  The job
 * starts when the commit of R is on its way.
 */
int jm_alloc_store (struct jm *jm, uint64_t id, struct jview R);

/* Its answers.  Errors are fatal for the interface: -EEXIST (the job has
 * resources already), -EPROTO, -ENOMEM.
 */
int jm_alloc_success (struct jm *jm,
                      uint64_t id,
                      struct jview R,
                      struct jview annotations);
int jm_alloc_annotate (struct jm *jm, uint64_t id, struct jview annotations);
int jm_alloc_cancelled (struct jm *jm, uint64_t id);

/* *denied: the exception took effect. */
int jm_alloc_deny (struct jm *jm, uint64_t id, const char *note, bool *denied);

/* Send up to 'budget' alloc requests.  True if there are more to send. */
bool jm_sched_pump (struct jm *jm, unsigned int budget);

/* ---- dependencies ---------------------------------------------------------- */

/* Let up to 'budget' dependencies that have come true, or never can, take
 * effect.  True if there are more.
 */
bool jm_depend_pump (struct jm *jm, unsigned int budget);

/* Which families of schemes are known; all, until said otherwise. */
void jm_depend_know (struct jm *jm, bool after, bool singleton, bool begin_time);

/* Append who waits for whom, and the singletons, as members of a JSON object,
 * with a comma before.
 */
void jm_depend_tell (const struct jm *jm, struct text *t);
void jm_singletons_tell (const struct jm *jm, struct text *t);

/* When to call that at the latest, for a begin-time; < 0: there is none. */
double jm_next_begin (const struct jm *jm);

/* ---- exec ----------------------------------------------------------------- */

void jm_exec_ready (struct jm *jm);
void jm_exec_gone (struct jm *jm);

/* How many start requests are out. */
size_t jm_exec_outstanding (const struct jm *jm);

/* Its answers.  -ENOENT: no such job, or it is not the exec service's;
 * -EEXIST: it has started already; or as jm_post ().
 */
int jm_exec_started (struct jm *jm, uint64_t id);
int jm_exec_reattached (struct jm *jm, uint64_t id);
int jm_exec_finish (struct jm *jm, uint64_t id, int status);
int jm_exec_release (struct jm *jm, uint64_t id, struct jview data);
int jm_exec_exception (struct jm *jm, uint64_t id, const struct jm_exception *x);

/* ---- waiting --------------------------------------------------------------- */

/* Wait for job 'id', or for any (UINT64_MAX).  Returns 0: the sink will hear
 * (or has heard already); -ECHILD with a sentence in *why.
 */
int jm_wait (struct jm *jm, uint64_t id, void *token, const char **why);

/* Every waiter whose token is gone () is dropped; gone () has taken that token
 * back.
 */
void jm_wait_drop (struct jm *jm, bool (*gone) (void *token, void *arg), void *arg);

/* ---- journal ---------------------------------------------------------------- */

int jm_journal_add (struct jm *jm,
                    void *token,
                    bool full,
                    bool group,
                    struct jview allow,
                    struct jview deny);
bool jm_journal_remove (struct jm *jm, const void *token);

/* A consumer does not read, or does again; one that is to be removed because too
 * much waits for it (NULL: none).
 */
void jm_journal_pause (struct jm *jm, const void *token, bool pause);
void *jm_journal_overrun (const struct jm *jm);
void *jm_journal_next (const struct jm *jm, const void *token);

/* Send more backlog.  True if there is more to send. */
bool jm_journal_pump (struct jm *jm, size_t bytes);

/* The streams are about to end: send what is kept for those past their sentinel. */
void jm_journal_finish (struct jm *jm);

/* ---- purge ------------------------------------------------------------------ */

/* Remove an inactive job from the tables and from the KVS. */
int jm_purge (struct jm *jm, struct job *job);

/* Store a value with the next commit. */
int jm_put (struct jm *jm, const char *key, const char *data, size_t len);

#endif /* !MILLRACE_JOB_MANAGER_ENGINE_H */
