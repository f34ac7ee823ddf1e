/* job-manager/spans.h - the jobs that share a directory of the KVS.
 *
 * Purpose: the directory "job.XXXX.YYYY" has the jobs of a quarter of a second,
 * those whose ids have the upper half in common.  Once all of them are inactive
 * nobody writes there any more, until one is purged: then the name of the
 * directory's blob stands for all that is known of them, and they can be kept
 * together (volume.h).  A span knows who is in such a directory, and whether that
 * is the case.
 *
 * Invariants
 *  - every job that the engine knows by its id is in exactly one span: counted in
 *    active, or in the list of inactive ones
 *  - a span has a volume only if no job has entered or left it since that was
 *    written
 *  - due has the spans that have inactive jobs only and are in no volume, and
 *    that changed since they were last taken
 *
 * Ownership: a span lives as long as it has a job.  Jobs are linked in by their
 * node 'running', which an inactive job does not need otherwise.
 * Bound: that of the jobs.
 */

#ifndef MILLRACE_JOB_MANAGER_SPANS_H
#define MILLRACE_JOB_MANAGER_SPANS_H

#include "common/list.h"
#include "common/table.h"

#include "job.h"

struct span {
    uint64_t number; /* the upper half of the ids */
    uint32_t active;
    uint32_t inactive;
    uint32_t version; /* changes when a job enters, ends or leaves */
    uint32_t volume;  /* the one that has its jobs; 0: none */
    struct list jobs; /* inactive ones, by job->running */
    struct list due;
};

struct spans {
    struct table table;
    struct span *last; /* that somebody asked for */
    struct list due;
    size_t ndue; /* jobs in these */
    uint32_t version;
    void (*left) (uint32_t volume, void *arg); /* a span is no longer in it; or NULL */
    void *arg;
};

void spans_init (struct spans *s, void (*left) (uint32_t volume, void *arg), void *arg);
void spans_fini (struct spans *s); /* no job is left */

static inline uint64_t span_number (uint64_t id)
{
    return id >> 32;
}

/* NULL: it has no jobs. */
struct span *spans_find (struct spans *s, uint64_t number);

/* A job that is there now.  0 or -ENOMEM. */
int spans_enter (struct spans *s, struct job *job);

/* It has become inactive; it goes away (which is fine for one that is in none). */
void spans_end (struct spans *s, struct job *job);
void spans_leave (struct spans *s, struct job *job);

/* A span that is due: it is not any more, until it changes. */
struct span *spans_take (struct spans *s);

/* It is after all. */
void spans_give_back (struct spans *s, struct span *span);

/* Its jobs are in this volume now, and as they were at that version. */
void spans_stored (struct spans *s, struct span *span, uint32_t volume);

#endif /* !MILLRACE_JOB_MANAGER_SPANS_H */
