/* broker/runat.h - the commands of a phase, run one after the other.
 *
 * Purpose: a phase (rc1, rc2, cleanup, rc3) is a list of commands.  They run
 * in list order, all of them, even if one fails; the phase's exit code is
 * the first nonzero one.  An abort signals the running command and skips
 * the rest; an aborted command that exits 0 counts as 1.
 *
 * A command line is what a shell would run ("$SHELL -c LINE").  When the line
 * is plain words - no character means anything to a shell, the first word is
 * a program in PATH, and no BASH_ENV asks for a start-up file - the program
 * is executed directly: the shell would do just that, some milliseconds
 * later, and starting up is on the way of every `flux start`.
 *
 * Ownership: a phase owns its commands; the environment is borrowed.
 * Bound: RUNAT_COMMANDS_MAX per phase.
 */

#ifndef MILLRACE_BROKER_RUNAT_H
#define MILLRACE_BROKER_RUNAT_H

#include <stdbool.h>
#include <flux/core.h>

#include "environ.h"

enum { RUNAT_COMMANDS_MAX = 1024 };

struct phase;

typedef void (*phase_done_f) (struct phase *ph, int rc, void *arg);

/* What a phase needs from its surroundings. */
struct phase_host {
    flux_reactor_t *reactor;
    const struct child_env *env; /* of the commands */
    const char *shell;  /* full path */
    void (*log) (int level, const char *text, void *arg);
    phase_done_f done; /* may come while phase_start () runs */
    void *arg;
};

/* host is borrowed. */
struct phase *phase_new (const char *name, const struct phase_host *host);
void phase_free (struct phase *ph);

const char *phase_name (const struct phase *ph);

/* Give the commands the broker's own stdio instead of log lines (rc2), and
 * its process group if share_group is true.
 */
void phase_inherit (struct phase *ph, bool share_group);

/* Add a command line at the front or the end.  Returns 0, -EINVAL (empty),
 * -ENOSPC, -ENOMEM.
 */
int phase_push (struct phase *ph, const char *line);
int phase_append (struct phase *ph, const char *line);

/* Add a program to execute as it is. */
int phase_append_argv (struct phase *ph, int argc, char *const argv[]);

int phase_count (const struct phase *ph);

/* Run the commands; done is called when all have ended.  Returns 0, or
 * -ENOENT when there is none (done is not called).
 */
int phase_start (struct phase *ph);
bool phase_is_running (const struct phase *ph);

/* Signal the running command and skip the rest.  Repeating it is more
 * pressing each time: SIGHUP (or what is given), SIGTERM, SIGKILL.
 */
void phase_abort (struct phase *ph, int signum);

/* Split a line of plain words into malloc'ed argv; NULL if a shell is needed
 * to understand it.  Exposed for the unit test.
 */
char **command_split_plain (const char *line, const char *path);
void command_free_argv (char **argv);

#endif /* !MILLRACE_BROKER_RUNAT_H */
