/* job-manager/runner.h - one command on many ranks, by rexec (RFC 42).
 *
 * For what is run around jobs: housekeeping, prologs, epilogs.
 *
 * Ownership: the runner is the caller's, until runner_free (): then nobody hears
 * of what still runs, and its host ends it.  Callbacks may not free it.
 * Bound: one process per rank; a line of output longer than RUNNER_LINE_MAX is
 * cut into pieces.
 */

#ifndef MILLRACE_JOB_MANAGER_RUNNER_H
#define MILLRACE_JOB_MANAGER_RUNNER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include <flux/core.h>

#include "common/list.h"
#include "common/text.h"

#define RUNNER_LINE_MAX 4096

struct runner;

struct runner_rank {
    struct list node;
    struct runner *runner;
    uint32_t rank;
    pid_t pid;     /* 0: not started yet */
    int signum;    /* to be sent as soon as it is */
    bool finished; /* its output has not ended yet */
    bool done;
    int status;      /* wait(2); of one that could not be run: exit code 127 */
    const char *why; /* NULL, or why it could not be run */
    flux_future_t *f;
    struct text line[2]; /* stdout, stderr: not ended yet */
};

struct runner_ops {
    void (*output) (const struct runner_rank *r,
                    bool is_stderr,
                    const char *line,
                    void *arg);
    void (*done) (const struct runner_rank *r, void *arg);
};

struct runner {
    flux_t *h;
    const struct runner_ops *ops;
    void *arg;
    struct list ranks;
    size_t running;
};

/* The environment is this process's with env (an object) added. */
struct runner *runner_new (flux_t *h, const struct runner_ops *ops, void *arg);
int runner_start (struct runner *r, uint32_t rank, json_t *command, json_t *env);
void runner_kill (struct runner *r, uint32_t rank, int signum);
void runner_kill_all (struct runner *r, int signum);
void runner_free (struct runner *r);

#endif /* !MILLRACE_JOB_MANAGER_RUNNER_H */
