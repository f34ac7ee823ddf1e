/* attach_stdin.h - carry this process's standard input to a job.
 *
 * Bound: at most STDIN_WINDOW requests are unanswered; then reading pauses,
 * so that a job that does not read its input costs no memory here.
 */

#ifndef MILLRACE_CMD_ATTACH_STDIN_H
#define MILLRACE_CMD_ATTACH_STDIN_H

#include <flux/core.h>

struct attach_stdin;

/* Nothing is read before attach_stdin_start ().  ranks is an idset, or NULL
 * for all tasks.  With strict it is an error, which ends the program, if there is
 * input and the job takes none of it.  Dies if out of memory.
 */
struct attach_stdin *attach_stdin_create (flux_t *h, const char *ranks, bool strict);
void attach_stdin_destroy (struct attach_stdin *in);

/* Read, and send to <service>.stdin on that broker rank; if only some tasks
 * are meant, when it is known which there are.  No-op on NULL.
 */
void attach_stdin_start (struct attach_stdin *in, const char *service, int rank);

/* The job has tasks 0 .. n - 1: those that are not meant have no input, and
 * those that are get it from now on.  No-op on NULL.
 */
void attach_stdin_tasks (struct attach_stdin *in, long long n);

/* A job that leaves input unread is not worth a word. */
void attach_stdin_quiet (struct attach_stdin *in);

/* Stop reading.  No-op on NULL. */
void attach_stdin_stop (struct attach_stdin *in);

#endif /* !MILLRACE_CMD_ATTACH_STDIN_H */
