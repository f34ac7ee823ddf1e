/* cmd.h - what the subcommands of flux share.
 *
 * Each command is a function like main (); argv[0] is the command's name.
 * Messages for people go to stderr and begin with the command's full name,
 * e.g. "flux-kvs: ".
 */

#ifndef MILLRACE_CMD_H
#define MILLRACE_CMD_H

#include <flux/core.h>
#include <stdio.h>

#include "common/util.h"
#include "opt.h"

struct cmd {
    const char *name;
    int (*run) (int argc, char **argv);
    const char *help; /* NULL hides the command */
};

/* The running command's full name, "flux-kvs"; set once by the driver. */
extern const char *cmd_name;

/* Print "NAME: text" on stderr; die exits 1 after it. */
void cmd_warn (const char *fmt, ...) _printf_ (1, 2);
_noreturn_ void cmd_die (const char *fmt, ...) _printf_ (1, 2);

/* Write out what stdout holds.  If that, or anything written to it before, failed, say
 * so and exit with cmd_failure.  Whoever exits does this once more (flux.c).
 */
void cmd_flush (void);
extern int cmd_failure; /* 1 unless the command has another code for it */

/* A handle to the broker that FLUX_URI names.  Dies with one line if there
 * is none.
 */
flux_t *cmd_open (void);
/* The same; the line starts with prefix, behind the command's name. */
flux_t *cmd_open_for (const char *prefix);

/* Run the subcommand argv[1] of a group such as "flux kvs".  No or an unknown
 * subcommand prints the list and returns 1.
 */
int cmd_group (const char *group, const struct cmd *cmds, int argc, char **argv);

/* Parse a job id in any encoding; dies if it is none. */
flux_jobid_t cmd_jobid (const char *s);

/* Room for one more element, zeroed, behind the n that array has; a copy of a
 * string.  Both die if there is no memory: a command has nothing else to do.
 */
void *cmd_grow (void *array, size_t n, size_t size);
char *cmd_strndup (const char *s, size_t n);

/* A signal by number, NAME or SIGNAME; 0 if it is none. */
int cmd_signum (const char *s);

/* Words with blanks between them; everything that a file still holds.  The
 * caller frees.  Both die if that cannot be had.
 */
char *cmd_join (int argc, char **argv);
char *cmd_read_all (FILE *f, const char *name);

/* The text of a failed future: the service's sentence, or strerror. */
const char *cmd_future_error (flux_future_t *f);

/* The commands of the table in flux.c. */
int cmd_alloc (int argc, char **argv);
int cmd_batch (int argc, char **argv);
int cmd_broker (int argc, char **argv);
int cmd_bulksubmit (int argc, char **argv);
int cmd_cancel (int argc, char **argv);
int cmd_config (int argc, char **argv);
int cmd_content (int argc, char **argv);
int cmd_dmesg (int argc, char **argv);
int cmd_env (int argc, char **argv);
int cmd_exec (int argc, char **argv);
int cmd_event (int argc, char **argv);
int cmd_getattr (int argc, char **argv);
int cmd_guard (int argc, char **argv);
int cmd_hwlocxml (int argc, char **argv);
int cmd_job (int argc, char **argv);
int cmd_jobs (int argc, char **argv);
int cmd_housekeeping (int argc, char **argv);
int cmd_jobtap (int argc, char **argv);
int cmd_kvs (int argc, char **argv);
int cmd_logger (int argc, char **argv);
int cmd_lptest (int argc, char **argv);
int cmd_lsattr (int argc, char **argv);
int cmd_modprobe (int argc, char **argv);
int cmd_module (int argc, char **argv);
int cmd_mpiexec (int argc, char **argv);
int cmd_overlay (int argc, char **argv);
int cmd_pgrep (int argc, char **argv);
int cmd_ping (int argc, char **argv);
int cmd_pkill (int argc, char **argv);
int cmd_queue (int argc, char **argv);
int cmd_resource (int argc, char **argv);
int cmd_run (int argc, char **argv);
int cmd_setattr (int argc, char **argv);
int cmd_shutdown (int argc, char **argv);
int cmd_start (int argc, char **argv);
int cmd_startlog (int argc, char **argv);
int cmd_submit (int argc, char **argv);
int cmd_update (int argc, char **argv);
int cmd_post_job_event (int argc, char **argv);
int cmd_uptime (int argc, char **argv);
int cmd_version (int argc, char **argv);
int cmd_watch (int argc, char **argv);

/* Replace this process by the broker with these words after its name. */
_noreturn_ void cmd_exec_broker (char **args);

#endif /* !MILLRACE_CMD_H */
