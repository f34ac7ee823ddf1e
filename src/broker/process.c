#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/util.h"

#include "process.h"

/* Output of the child, on its way to become lines. */
struct stream {
    int fd;
    flux_watcher_t *w;
    size_t len;
    char buf[PROCESS_LINE_MAX + 1];
};

struct process {
    pid_t pid;
    int flags;
    bool has_terminal;
    int pidfd;
    flux_watcher_t *w;
    const struct process_ops *ops;
    void *arg;
    struct stream streams[2];
};

int process_exit_code (int status)
{
    if (WIFSIGNALED (status))
        return 128 + WTERMSIG (status);
    return WEXITSTATUS (status);
}

static void stream_close (struct stream *s)
{
    flux_watcher_destroy (s->w);
    s->w = NULL;
    if (s->fd >= 0)
        close (s->fd);
    s->fd = -1;
}

void process_free (struct process *p)
{
    int saved_errno = errno;

    if (!p)
        return;
    flux_watcher_destroy (p->w);
    if (p->pidfd >= 0)
        close (p->pidfd);
    stream_close (&p->streams[0]);
    stream_close (&p->streams[1]);
    free (p);
    errno = saved_errno;
}

int process_kill (struct process *p, int signum)
{
    return kill ((p->flags & PROCESS_SHARE_GROUP) ? p->pid : -p->pid, signum);
}

static void emit (struct process *p, struct stream *s, size_t len)
{
    char saved = s->buf[len];

    s->buf[len] = '\0';
    p->ops->line (p, s - p->streams, s->buf, p->arg);
    s->buf[len] = saved;
}

/* Pass on whole lines; at the end of the stream, or when the buffer is full,
 * also what is not whole.
 */
static void emit_lines (struct process *p, struct stream *s, bool flush)
{
    size_t start = 0;
    char *nl;

    while ((nl = memchr (s->buf + start, '\n', s->len - start))) {
        *nl = '\0';
        p->ops->line (p, s - p->streams, s->buf + start, p->arg);
        start = nl + 1 - s->buf;
    }
    s->len -= start;
    memmove (s->buf, s->buf + start, s->len);
    if (s->len > 0 && (flush || s->len == PROCESS_LINE_MAX)) {
        emit (p, s, s->len);
        s->len = 0;
    }
}

/* Read what is there.  Returns false at the end of the stream. */
static bool stream_read (struct process *p, struct stream *s)
{
    for (;;) {
        ssize_t n = read (s->fd, s->buf + s->len, PROCESS_LINE_MAX - s->len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return true;
        if (n <= 0)
            return false;
        s->len += n;
        emit_lines (p, s, false);
    }
}

static void stream_drain (struct process *p, struct stream *s)
{
    if (s->fd >= 0) {
        (void)stream_read (p, s);
        emit_lines (p, s, true);
        stream_close (s);
    }
}

static void stream_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct process *p = arg;
    struct stream *s = &p->streams[p->streams[0].w == w ? 0 : 1];

    if (!stream_read (p, s)) {
        emit_lines (p, s, true);
        stream_close (s);
    }
}

/* Take the terminal back from a child that had it. */
static void reclaim_terminal (void)
{
    sigset_t block, saved;

    sigemptyset (&block);
    sigaddset (&block, SIGTTOU);
    if (pthread_sigmask (SIG_BLOCK, &block, &saved) == 0) {
        (void)tcsetpgrp (STDIN_FILENO, getpgrp ());
        pthread_sigmask (SIG_SETMASK, &saved, NULL);
    }
}

static void exit_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct process *p = arg;
    int status;
    pid_t pid;

    while ((pid = waitpid (p->pid, &status, WNOHANG)) < 0 && errno == EINTR)
        ;
    if (pid == 0)
        return;
    if (pid < 0) /* somebody else reaped it: all that is known is that it ended */
        status = 0;
    flux_watcher_stop (p->w);
    if (p->has_terminal)
        reclaim_terminal ();
    stream_drain (p, &p->streams[0]);
    stream_drain (p, &p->streams[1]);
    p->ops->exited (p, status, p->arg);
}

static int stream_open (struct process *p, int n, int *child_end)
{
    int fd[2];

    if (pipe2 (fd, O_CLOEXEC) < 0)
        return -1;
    p->streams[n].fd = fd[0];
    *child_end = fd[1];
    return fcntl (fd[0], F_SETFL, O_NONBLOCK);
}

static int add_stdio (struct process *p,
                      posix_spawn_file_actions_t *fa,
                      const int child_ends[2])
{
    int e = 0;

    if ((p->flags & PROCESS_INHERIT_STDIO)) {
        if (p->has_terminal)
            e = posix_spawn_file_actions_addtcsetpgrp_np (fa, STDIN_FILENO);
    }
    else if (!(e = posix_spawn_file_actions_addopen (fa, 0, "/dev/null", O_RDONLY, 0))
             && !(e = posix_spawn_file_actions_adddup2 (fa, child_ends[0], 1)))
        e = posix_spawn_file_actions_adddup2 (fa, child_ends[1], 2);
    return e;
}

static int add_attributes (struct process *p, posix_spawnattr_t *attr)
{
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    sigset_t none, defaults;
    int e;

    sigemptyset (&none);
    sigemptyset (&defaults);
    sigaddset (&defaults, SIGPIPE); /* the one signal that the broker ignores */
    if (!(p->flags & PROCESS_SHARE_GROUP))
        flags |= POSIX_SPAWN_SETPGROUP;
    if ((e = posix_spawnattr_setflags (attr, flags))
        || (e = posix_spawnattr_setsigmask (attr, &none))
        || (e = posix_spawnattr_setsigdefault (attr, &defaults)))
        return e;
    return posix_spawnattr_setpgroup (attr, 0);
}

static int spawn (struct process *p,
                  char *const argv[],
                  char *const envp[],
                  const int child_ends[2])
{
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    int e;

    if ((e = posix_spawn_file_actions_init (&fa)))
        goto out;
    if ((e = posix_spawnattr_init (&attr)))
        goto out_actions;
    if (!(e = add_stdio (p, &fa, child_ends)) && !(e = add_attributes (p, &attr)))
        e = posix_spawnp (&p->pid, argv[0], &fa, &attr, argv, envp);
    posix_spawnattr_destroy (&attr);
out_actions:
    posix_spawn_file_actions_destroy (&fa);
out:
    errno = e;
    return e ? -1 : 0;
}

static int watch (struct process *p, flux_reactor_t *r)
{
    for (int i = 0; i < 2; i++) {
        struct stream *s = &p->streams[i];

        if (s->fd < 0)
            continue;
        if (!(s->w = flux_fd_watcher_create (r, s->fd, FLUX_POLLIN, stream_cb, p)))
            return -1;
        flux_watcher_start (s->w);
    }
    if ((p->pidfd = pidfd_open (p->pid, 0)) < 0
        || !(p->w = flux_fd_watcher_create (r, p->pidfd, FLUX_POLLIN, exit_cb, p)))
        return -1;
    flux_watcher_start (p->w);
    return 0;
}

static bool in_foreground (void)
{
    return isatty (STDIN_FILENO) && tcgetpgrp (STDIN_FILENO) == getpgrp ();
}

struct process *process_start (flux_reactor_t *r,
                               char *const argv[],
                               char *const envp[],
                               int flags,
                               const struct process_ops *ops,
                               void *arg)
{
    _cleanup_ (closep) int out = -1;
    _cleanup_ (closep) int err = -1;
    struct process *p = calloc (1, sizeof (*p));

    if (!p)
        return NULL;
    p->pidfd = p->streams[0].fd = p->streams[1].fd = -1;
    p->flags = flags;
    p->ops = ops;
    p->arg = arg;
    p->has_terminal = (flags & PROCESS_INHERIT_STDIO) && !(flags & PROCESS_SHARE_GROUP)
                      && in_foreground ();
    if (!(flags & PROCESS_INHERIT_STDIO)
        && (stream_open (p, 0, &out) < 0 || stream_open (p, 1, &err) < 0))
        goto error;
    if (spawn (p, argv, envp, (int[]){ out, err }) < 0)
        goto error;
    if (watch (p, r) < 0) {
        int saved_errno = errno;

        (void)process_kill (p, SIGKILL);
        (void)waitpid (p->pid, NULL, 0);
        errno = saved_errno;
        goto error;
    }
    return p;
error:
    process_free (p);
    return NULL;
}
