/* job-list/engine_private.h - between the engine's own files. */

#ifndef MILLRACE_JOB_LIST_ENGINE_PRIVATE_H
#define MILLRACE_JOB_LIST_ENGINE_PRIVATE_H

#include "engine.h"

void jl_log (struct jl *jl, int level, const char *fmt, ...) _printf_ (3, 4);

/* engine.c: enter a state at time t; its waiters hear of it. */
void jl_enter (struct jl *jl, struct record *rec, enum job_state state, double t);

/* From SCHED back to PRIORITY, as if it had not been there. */
void jl_revert (struct jl *jl, struct record *rec, double t);
void jl_set_priority (struct jl *jl, struct record *rec, int64_t priority);

/* The job is gone; its waiters are not told. */
void jl_forget (struct jl *jl, struct record *rec);

/* counters.c: the record leaves, or comes into, what is counted. */
void jl_count_out (struct jl *jl, const struct record *rec);
void jl_count_in (struct jl *jl, const struct record *rec);

/* rec->queue for its queue_name.  0 or -ENOMEM. */
int jl_queue_assign (struct jl *jl, struct record *rec);
void jl_queues_fini (struct jl *jl);

/* waits.c: the job has entered a state; or it will never again. */
void jl_wake (struct jl *jl, const struct record *rec);
void jl_wake_gone (struct jl *jl, uint64_t id);
void jl_waits_fini (struct jl *jl);

#endif /* !MILLRACE_JOB_LIST_ENGINE_PRIVATE_H */
