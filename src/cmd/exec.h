/* exec.h - one command on many ranks: what flux exec follows.
 *
 * Each rank's broker starts the command through its rexec service and tells
 * what becomes of it (RFC 42).  Standard input goes to all of them, no faster
 * than the slowest one reads.
 *
 * Ownership: the run owns its futures and watchers; idsets are borrowed.
 */

#ifndef MILLRACE_CMD_EXEC_H
#define MILLRACE_CMD_EXEC_H

#include <flux/core.h>
#include <flux/idset.h>
#include <stdbool.h>

struct exec_opts {
    bool labelled; /* "RANK: " before each line */
    bool noinput;
    bool quiet; /* say nothing about exit codes */
    bool verbose;
    const char *command; /* its first word, for messages */
};

struct exec_run;

/* Start payload (of rexec.exec) on these ranks. */
struct exec_run *exec_run_new (flux_t *h,
                               const struct exec_opts *opts,
                               const char *payload,
                               const struct idset *ranks);

/* Follow them to their ends.  Returns the exit code: the highest one. */
int exec_run_wait (struct exec_run *run);
void exec_run_free (struct exec_run *run);

#endif /* !MILLRACE_CMD_EXEC_H */
