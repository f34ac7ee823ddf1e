/* job-exec/spawn.h - start a process cheaply from a big threaded one.
 *
 * Purpose: fork () copies the page tables of the whole broker; this shares its
 * memory with the child until it has called execve (), like vfork (), and so
 * costs the same in a broker of any size.
 *
 * Between clone and execve the child runs on a stack of its own and makes
 * system calls only; whatever it needs has been prepared by the parent, which
 * stands still meanwhile.
 *
 * Ownership: a spawner belongs to one thread.  Descriptors in the command stay
 * the caller's.
 */

#ifndef MILLRACE_EXEC_SPAWN_H
#define MILLRACE_EXEC_SPAWN_H

#include <sched.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

/* A session has a share of the processor of its own where the kernel groups
 * processes by session (autogroup): tasks of one job in the session of the
 * broker would wait for it and for each other, as they do not under Hydra.
 */
struct spawner;

struct spawn_limit {
    int resource; /* RLIMIT_x */
    struct rlimit limit;
};

struct spawn_command {
    char *const *argv; /* argv[0] is looked up in path */
    char *const *envp;
    const char *path; /* value of PATH, or NULL for the default */
    int cwd;          /* directory, or -1 to stay */
    int fds[3];       /* become 0, 1, 2 */
    int extra;        /* becomes SPAWN_EXTRA_FD, or -1 */
    bool mortal;      /* SIGKILL when the thread that started it ends */
    bool newsession;  /* make it the leader of a session and a process group */
    bool stop;        /* it is stopped when it has been started, for a debugger */
    bool tty;         /* stdin is to be the session's terminal */
    int umask;        /* or -1: as the parent */
    const cpu_set_t *cpus; /* NULL: as the parent */
    const struct spawn_limit *limits;
    size_t nlimits;
};

/* The only descriptor a child has besides 0, 1 and 2. */
#define SPAWN_EXTRA_FD 3

/* Returns 0 or -ENOMEM. */
int spawner_create (struct spawner **ret);
void spawner_destroy (struct spawner *s);

/* Start it.  All signals are unblocked and have their default action in the
 * child.  Returns 0, with *pid and *pidfd (readable when the process has
 * exited, close-on-exec), or a negative errno: that of execve () (-ENOENT,
 * -EACCES, ...) or of what failed before it.
 */
int spawn (struct spawner *s, const struct spawn_command *cmd, pid_t *pid, int *pidfd);

/* Collect an exited process: its wait status, or a negative errno (-EAGAIN:
 * it still runs).  The pidfd stays open.
 */
int spawn_collect (int pidfd, int *status);

/* The wait status of an exited process that is not collected yet. */
int spawn_status (int pidfd, int *status);

/* Send a signal; 0 or a negative errno. */
int spawn_signal (int pidfd, int signum);

#endif /* !MILLRACE_EXEC_SPAWN_H */
