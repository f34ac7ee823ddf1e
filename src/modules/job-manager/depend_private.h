/* job-manager/depend_private.h - what the files of dependencies share (depend.h).
 *
 *   depend.c            ties, who decides them, and what follows
 *   depend_establish.c  from the jobspec to ties
 */

#ifndef MILLRACE_JOB_MANAGER_DEPEND_PRIVATE_H
#define MILLRACE_JOB_MANAGER_DEPEND_PRIVATE_H

#include "engine_private.h"

/* Made when they are first asked for; NULL: no memory. */
struct ties *jm_ties_of (struct job *job);

/* In its job's list, and nowhere else yet.  NULL: no memory. */
struct tie *jm_tie_new (struct jm *jm,
                        struct job *job,
                        enum scheme scheme,
                        struct itext *description);

/* The pump does the rest. */
void jm_tie_decide (struct jm *jm, struct tie *tie, enum outcome outcome);

/* How a job that others wait for did: OUTCOME_OPEN as long as it may still go
 * either way.
 */
enum outcome jm_depend_judge (const struct job *job, enum scheme scheme);

/* When all that are active wait for each other, the first may go. */
void jm_namesakes_release (struct jm *jm, struct namesakes *n);

/* Post an event with this description; raise an exception of type dependency. */
int jm_depend_post (struct jm *jm,
                    struct job *job,
                    enum event ev,
                    const struct itext *description);
void jm_depend_raise (struct jm *jm, struct job *job, int severity, const char *note);

#endif /* !MILLRACE_JOB_MANAGER_DEPEND_PRIVATE_H */
