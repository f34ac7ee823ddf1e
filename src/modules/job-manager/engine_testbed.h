/* job-manager/engine_testbed.h - a world around the engine that writes down
 * what it is told, for unit tests.
 */

#ifndef MILLRACE_JOB_MANAGER_ENGINE_TESTBED_H
#define MILLRACE_JOB_MANAGER_ENGINE_TESTBED_H

#include "common/tap.h"

#include "engine.h"

/* One line for each call of the sink, and for each operation of a commit. */
extern struct text bed_told;
extern struct text bed_commits;

/* An R, and what of it is told to others. */
#define BED_R "{\"version\":1,\"execution\":{\"R_lite\":[]},\"scheduling\":{\"x\":1}}"
#define BED_R_REDACTED "{\"version\":1,\"execution\":{\"R_lite\":[]}}"

/* A fresh engine; the clock starts at 1000 and goes on by .5 each time. */
struct jm *bed_new_jm (void);

/* Test text as JSON. */
struct jview bed_view (const char *s);

/* What was told since the last call.  Valid until the next one. */
const char *bed_heard (void);
void bed_heard_is (const char *want, const char *why);

int bed_submit_full (struct jm *jm,
                     uint64_t id,
                     int urgency,
                     int flags,
                     const char *jobspec);
void bed_submit (struct jm *jm, uint64_t id, int urgency);

/* Cancel a job that has not started. */
void bed_run_to_end (struct jm *jm, uint64_t id);

/* One commit, stored at once: how many operations it had; or all there are. */
size_t bed_commit (struct jm *jm);
void bed_commit_all (struct jm *jm);

/* The names in a job's log, blanks between them. */
const char *bed_events (struct jm *jm, uint64_t id);

/* Each in a file of its own: depend_test.c ... */
void dependencies (void);
void journals (void);
void queues (void);
void restarts (void);
void volumes (void);

#endif /* !MILLRACE_JOB_MANAGER_ENGINE_TESTBED_H */
