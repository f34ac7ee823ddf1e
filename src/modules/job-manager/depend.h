/* job-manager/depend.h - what a job in DEPEND waits for.
 *
 * Schemes: afterstart, afterany, afterok, afternotok, afterexcept (and after,
 * the old name of afterstart) wait for another job; begin-time for a moment;
 * singleton until no other job of the same user and job name is under way.
 *
 * A dependency that has come true, or never can, is decided: it is put into
 * one list, and jm_depend_pump () posts what follows from it.  So a job that
 * ends does not process the jobs that waited for it, and they not those that
 * wait for them: no recursion along a chain of users' making, and a million
 * dependents do not hold the module up.
 *
 * Invariants
 *  - a tie is in its job's list 'own', and by 'place' in exactly one of: its
 *    antecedent's list of dependents, the line of its namesakes, the decided
 *    ones; or by 'timed' in the ordered set of moments
 *  - an inactive job has no ties, and nothing is tied to it
 *  - a group of namesakes counts its active jobs; waiting <= active
 *
 * What is decided is not stored: at a restart each job in DEPEND is tied anew
 * from its jobspec, and what its log says is done is left alone.
 *
 * Bound: ties are bounded by the jobspecs of the active jobs.
 */

#ifndef MILLRACE_JOB_MANAGER_DEPEND_H
#define MILLRACE_JOB_MANAGER_DEPEND_H

#include "common/intern.h"
#include "common/list.h"
#include "common/treap.h"

struct job;

enum scheme {
    SCHEME_START,
    SCHEME_ANY,
    SCHEME_OK,
    SCHEME_NOTOK,
    SCHEME_EXCEPT,
    SCHEME_BEGIN_TIME,
    SCHEME_SINGLETON,
};

enum outcome {
    OUTCOME_OPEN,
    OUTCOME_SATISFIED,
    OUTCOME_NEVER_STARTED,
    OUTCOME_NEVER,
};

struct tie {
    struct list own;         /* in ties.own of its job */
    struct list place;       /* see above */
    struct treap_node timed; /* SCHEME_BEGIN_TIME, while open */
    struct job *job;         /* who waits */
    struct itext *description;
    enum scheme scheme;
    enum outcome outcome;
    double begin; /* SCHEME_BEGIN_TIME: seconds since the epoch */
};

/* Active jobs of one user with one job name. */
struct namesakes {
    size_t active;
    size_t waiting;
    struct list line; /* struct tie by place, oldest first */
    size_t len;
    char key[]; /* UID:NAME */
};

/* Of a job that has a name, waits for something, or is waited for. */
struct ties {
    struct list own;
    struct list dependents;
    struct namesakes *namesakes; /* NULL: no name */
};

#endif /* !MILLRACE_JOB_MANAGER_DEPEND_H */
