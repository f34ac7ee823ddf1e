/* job-list/engine.h - an index over the job-manager's journal.
 *
 * Purpose: answer "which jobs are there" for a million jobs from native
 * records kept in order, never by sorting or decoding per request.
 *
 * Input: journal messages as views of their text, purges, requests.  Output:
 * text of answers, and calls on a sink for those who wait.
 *
 * Every job that is past NEW is in exactly one of three ordered sets:
 *   pending   priority descending, id ascending
 *   running   t_run descending, those that never ran last
 *   inactive  t_inactive descending, id descending
 * and a listing is the three in that order.
 *
 * Invariants
 *  - the index equals a replay of the journal
 *  - the counters equal a count of the records (queue by queue)
 *  - a waiter is answered once, with a job that satisfies it, or with none
 *
 * Ownership: the engine owns records and queues.  Tokens are the service's;
 * the sink gets each waiter's back once.
 * Bounds: the jobs are those the job-manager keeps.
 *
 * No flux_t, no JSON trees, no clock, no I/O; the sink must not call back.
 * Errors are negative errnos.
 */

#ifndef MILLRACE_JOB_LIST_ENGINE_H
#define MILLRACE_JOB_LIST_ENGINE_H

#include "common/table.h"

#include "record.h"

enum list_id {
    LIST_PENDING,
    LIST_RUNNING,
    LIST_INACTIVE,
    LIST_COUNT,
};

struct jl_sink {
    /* The job a waiter waited for has come so far; rec NULL: it is gone. */
    void (*waited) (void *token, const struct record *rec, void *arg);
    void (*log) (int level, const char *message, void *arg);
};

struct counters {
    uint64_t depend, priority, sched, run, cleanup, inactive;
    uint64_t successful, failed, canceled, timeout;
    uint64_t purged;
};

struct queue_stats {
    struct itext *name;
    struct itext *parent; /* of a virtual queue; else NULL */
    struct counters counters;
    struct list node;
};

struct jl {
    const struct jl_sink *sink;
    void *arg;
    struct table jobs;
    struct treap lists[LIST_COUNT];
    struct table waits; /* struct wait_list by id */
    struct list wait_lists;
    struct counters counters;
    struct table queues;
    struct list queue_list; /* struct queue_stats in order of appearance */
    struct intern pool;
    uint64_t changes; /* of counters */
};

struct jl *jl_create (const struct jl_sink *sink, void *arg);

/* All tokens must have been taken back. */
void jl_destroy (struct jl *jl);

/* Bytes that the records, and the texts in them, take; without what malloc adds. */
size_t jl_record_bytes (const struct jl *jl);
size_t jl_text_bytes (const struct jl *jl);

struct record *jl_lookup (const struct jl *jl, uint64_t id);

/* One event of job id, an entry object, with the message's jobspec and R if it
 * has them.  Returns 0; -EPROTO with a sentence in *why: the journal cannot be
 * understood; -ENOMEM.
 */
int jl_event (struct jl *jl,
              uint64_t id,
              struct jview entry,
              struct jview jobspec,
              struct jview R,
              const char **why);

/* A whole journal message, as it came.  *sentinel: it was the end of the backlog. */
int jl_message (struct jl *jl,
                const char *s,
                size_t len,
                bool *sentinel,
                const char **why);

/* Forget an inactive job.  False if there is no such one. */
bool jl_purge (struct jl *jl, uint64_t id);

/* The same for a job, if there is such a one, whose end has not been told yet: it is
 * forgotten when it is.  A purge overtakes those events that follow the backlog.
 */
void jl_purge_at_end (struct jl *jl, uint64_t id);

/* Make a queue known, with its parent (NULL: none).  0 or -ENOMEM. */
int jl_queue_configure (struct jl *jl, const char *name, const char *parent);

/* No queue has a parent any more, until it is configured again. */
void jl_queues_reset (struct jl *jl);

/* ---- walking ---------------------------------------------------------------- */

struct record *jl_first (const struct jl *jl, enum list_id list);
struct record *jl_next (const struct record *rec);

/* ---- waiting ---------------------------------------------------------------- */

/* Is rec what a waiter for 'states' (0: any past NEW) waits for? */
bool jl_satisfies (const struct record *rec, int states);

/* Wait for a job, known or not.  0 or -ENOMEM. */
int jl_wait (struct jl *jl, uint64_t id, int states, void *token);

/* Every waiter whose token is gone () is dropped; gone () has taken its token
 * back.  With id, look at that job's waiters only.
 */
void jl_wait_drop (struct jl *jl,
                   const uint64_t *id,
                   bool (*gone) (void *token, void *arg),
                   void *arg);

/* How many ids are waited for. */
size_t jl_wait_count (const struct jl *jl);

/* ---- answers ------------------------------------------------------------------ */

/* Append the counters: {"job_states":{...},...,"queues":[...]} */
void jl_put_stats (const struct jl *jl, struct text *t);

#endif /* !MILLRACE_JOB_LIST_ENGINE_H */
