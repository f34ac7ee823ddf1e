/* broker/rexec/child.h - a process that is started, fed, read and waited for on
 * behalf of somebody else.
 *
 * Purpose: what rexec needs of a process and no protocol: its streams are bytes
 * with an end, its states are events.  (process.h runs the broker's own
 * commands, whose output is lines of the log.)
 *
 * Streams: "stdin" goes in, "stdout" and "stderr" come out, a channel goes both
 * ways; the child finds its descriptor in an environment variable of the
 * channel's name.
 *
 * It is over when it has exited and all streams that come out have ended, also
 * those that a grandchild still holds.
 *
 * Ownership: the child owns its descriptors and watchers; strings are copied.
 * It is never freed from within its own callbacks.
 * Bound: stdin and each channel hold what was written and the process has not
 * read yet, up to their size; past that child_write () fails with -ENOSPC.  Up
 * to CHILD_LINE_MAX of an unfinished line is held per stream that comes out.
 */

#ifndef MILLRACE_REXEC_CHILD_H
#define MILLRACE_REXEC_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <flux/core.h>

enum { CHILD_LINE_MAX = 64 * 1024, CHILD_CHANNELS_MAX = 16 };
#define CHILD_BUFFER_DEFAULT (4 * 1024 * 1024)

struct child;

struct child_ops {
    /* Output; len 0 is the end of the stream. */
    void (*output) (struct child *c,
                    const char *stream,
                    const char *data,
                    size_t len,
                    void *arg);

    /* The process took so many bytes of what was written. */
    void (*taken) (struct child *c, const char *stream, size_t len, void *arg);

    /* A signal stopped it. */
    void (*stopped) (struct child *c, void *arg);

    /* It ended, with this wait status.  There may be more output. */
    void (*exited) (struct child *c, int status, void *arg);

    /* It is over: the last event. */
    void (*over) (struct child *c, void *arg);
};

enum {
    CHILD_READ_STDOUT = 1,  /* else: /dev/null */
    CHILD_READ_STDERR = 2,
    CHILD_SHARE_GROUP = 4,  /* else a process group of its own */
    CHILD_SHARE_STDIO = 8,  /* its 0, 1 and 2 are the broker's */
    CHILD_NO_STDIN = 16,    /* /dev/null */
    CHILD_CHUNKS_STDOUT = 32, /* as it comes; else whole lines */
    CHILD_CHUNKS_STDERR = 64,
};

struct child_command {
    char **argv; /* argv[0] is looked up in PATH of envp */
    char **envp;
    const char *cwd; /* NULL: stay; if it cannot be entered, /tmp */
    const char *const *channels; /* NULL-terminated, or NULL */
    size_t stdin_size;           /* 0: CHILD_BUFFER_DEFAULT */
    int flags;
};

/* Returns 0, or a negative errno: -ENOENT (no such program), -EACCES, ... */
int child_start (flux_reactor_t *r,
                 const struct child_command *cmd,
                 const struct child_ops *ops,
                 void *arg,
                 struct child **ret);

/* Forget it; it is not killed. */
void child_free (struct child *c);

pid_t child_pid (const struct child *c);

/* Size of a stream that goes in; 0 if there is none of this name. */
size_t child_buffer_size (const struct child *c, const char *stream);

/* Returns 0, -EINVAL (no such stream), -EPIPE (it was closed), -ENOSPC. */
int child_write (struct child *c, const char *stream, const char *data, size_t len);

/* The end comes after what was written; again is fine. */
int child_close (struct child *c, const char *stream);

/* Signal it: its process group if it has one.  -ESRCH once it has exited and,
 * if it has a group, nobody else is in it.
 */
int child_kill (struct child *c, int signum);

/* Read its output, or let it wait. */
void child_pause (struct child *c, bool yes);

/* SIGCHLD came: has it been stopped? */
void child_check_stopped (struct child *c);

bool child_has_exited (const struct child *c);

#endif /* !MILLRACE_REXEC_CHILD_H */
