/* jobwatch.h - follow many jobs at once: their output, events and ends.
 *
 * A job's main log is watched from the start, its exec log from the event
 * "start" and its output from "shell.init", each only if something is to be
 * shown or learnt of it.
 *
 * Ownership: a watch owns its jobs and lets go of each when it has ended.
 */

#ifndef MILLRACE_CMD_JOBWATCH_H
#define MILLRACE_CMD_JOBWATCH_H

#include <flux/core.h>
#include <stdio.h>

struct progress;

struct jobwatch_opts {
    bool output;            /* copy what the tasks write */
    bool label_io;          /* prefix it with "ID: RANK: " */
    int verbose;            /* 1: say how each job ended; 2: all events */
    const char *wait_event; /* stop at this event, "exec.X" is one of the exec log;
                             * NULL: at the end of the job */
    struct progress *progress; /* borrowed; may be NULL */
};

struct jobwatch;

struct jobwatch *jobwatch_create (flux_t *h, const struct jobwatch_opts *opts);
void jobwatch_destroy (struct jobwatch *w);

/* Follow a job; out and err are borrowed. */
void jobwatch_add (struct jobwatch *w, flux_jobid_t id, FILE *out, FILE *err);

/* Run the reactor until all have ended.  Returns the highest exit code; a job
 * that a fatal exception kept from starting has 1.  Dies if the connection is
 * lost.
 */
int jobwatch_run (struct jobwatch *w);

#endif /* !MILLRACE_CMD_JOBWATCH_H */
