/* broker/process.h - one child of the broker: started, read, signalled, reaped.
 *
 * Purpose: run the commands of rc1, rc2, cleanup and rc3.  A child is spawned
 * (not forked: the broker has threads, and vfork-like spawning costs the same
 * however big the broker is) and its end is seen through a pidfd, so that
 * nobody else's children are ever waited for and SIGCHLD is not used.
 *
 * A child is over when it exits.  What it wrote until then is read; a pipe
 * that some grandchild still holds open is not waited for.
 *
 * Ownership: the process owns its descriptors and watchers.  It may be freed
 * from its own exit callback, not from the line callback.
 * Bound: a line of output longer than PROCESS_LINE_MAX is cut in pieces.
 */

#ifndef MILLRACE_BROKER_PROCESS_H
#define MILLRACE_BROKER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <flux/core.h>

enum { PROCESS_LINE_MAX = 8192 };

struct process;

enum process_stream {
    PROCESS_STDOUT = 0,
    PROCESS_STDERR = 1,
};

struct process_ops {
    /* A line of output, without its LF. */
    void (*line) (struct process *p, enum process_stream stream, const char *s, void *arg);

    /* The end, with the status that waitpid(2) gave.  Comes once, and not
     * before process_start () has returned.
     */
    void (*exited) (struct process *p, int status, void *arg);
};

enum {
    PROCESS_INHERIT_STDIO = 1, /* else: /dev/null in, lines out */
    PROCESS_SHARE_GROUP = 2,   /* else: a process group of its own */
};

/* Start argv[0], searched in PATH, with environment envp.  If it gets its
 * own process group and the broker is in the foreground of the terminal on
 * stdin, a child with inherited stdio is put there.
 * NULL with errno on failure: ENOENT, EACCES, ...
 */
struct process *process_start (flux_reactor_t *r,
                               char *const argv[],
                               char *const envp[],
                               int flags,
                               const struct process_ops *ops,
                               void *arg);

/* Forget the child; it is not killed. */
void process_free (struct process *p);

/* Signal its process group, or the child alone if it shares ours. */
int process_kill (struct process *p, int signum);

/* 0..255: exit code, or 128 + signal number. */
int process_exit_code (int status);

#endif /* !MILLRACE_BROKER_PROCESS_H */
