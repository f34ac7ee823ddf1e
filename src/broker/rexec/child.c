#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/util.h"

#include "child_private.h"

/* Streams */

static struct stream *find_stream (const struct child *c, const char *name)
{
    for (size_t i = 0; i < c->nstreams; i++) {
        if (strcmp (c->streams[i].name, name) == 0)
            return (struct stream *)&c->streams[i];
    }
    return NULL;
}

static void stream_fini (struct stream *s)
{
    flux_watcher_destroy (s->r);
    flux_watcher_destroy (s->w);
    s->r = s->w = NULL;
    if (s->fd >= 0)
        close (s->fd);
    s->fd = -1;
    text_fini (&s->written);
    text_fini (&s->line);
}

static void check_over (struct child *c)
{
    if (!c->exited || c->told_over)
        return;
    for (size_t i = 0; i < c->nstreams; i++) {
        if (c->streams[i].out)
            return;
    }
    c->told_over = true;
    c->ops->over (c, c->arg);
}

/* Input */

static void end_input (struct stream *s)
{
    s->closed = true;
    flux_watcher_stop (s->w);
    text_fini (&s->written);
    text_init (&s->written);
    s->sent = 0;
    if (s->fd < 0)
        return;
    if (s->out)
        (void)shutdown (s->fd, SHUT_WR);
    else {
        flux_watcher_destroy (s->w);
        s->w = NULL;
        close (s->fd);
        s->fd = -1;
    }
}

/* Write what the pipe takes. */
static void flush (struct stream *s)
{
    size_t before = s->sent;
    bool broken = false;

    while (s->sent < s->written.len) {
        /* a reader that went away is an error: the broker ignores SIGPIPE */
        ssize_t n = write (
            s->fd, s->written.buf + s->sent, s->written.len - s->sent);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            break;
        if (n < 0) { /* nobody reads it any more */
            broken = true;
            s->sent = s->written.len;
            break;
        }
        s->sent += n;
    }
    if (s->sent > before)
        s->c->ops->taken (s->c, s->name, s->sent - before, s->c->arg);
    if (s->sent == s->written.len) {
        text_clear (&s->written);
        s->sent = 0;
        flux_watcher_stop (s->w);
        if (s->closing || broken)
            end_input (s);
    }
    else
        flux_watcher_start (s->w);
}

static void writable_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    flush (arg);
}

size_t child_buffer_size (const struct child *c, const char *stream)
{
    struct stream *s = find_stream (c, stream);

    return s && s->in ? s->size : 0;
}

/* Forget what has been sent, when it is more than what is left. */
static void compact (struct stream *s)
{
    if (s->sent > s->written.len / 2) {
        s->written.len -= s->sent;
        memmove (s->written.buf, s->written.buf + s->sent, s->written.len);
        s->sent = 0;
    }
}

int child_write (struct child *c, const char *stream, const char *data, size_t len)
{
    struct stream *s = find_stream (c, stream);

    if (!s || !s->in)
        return -EINVAL;
    if (s->closed || s->closing || s->fd < 0)
        return -EPIPE;
    if (s->written.len - s->sent + len > s->size)
        return -ENOSPC;
    compact (s);
    text_put (&s->written, data, len);
    if (text_error (&s->written))
        return -ENOMEM;
    flush (s);
    return 0;
}

int child_close (struct child *c, const char *stream)
{
    struct stream *s = find_stream (c, stream);

    if (!s || !s->in)
        return -EINVAL;
    s->closing = true;
    if (!s->closed && s->written.len == 0)
        end_input (s);
    return 0;
}

/* Output */

static void emit (struct stream *s, const char *data, size_t len)
{
    s->c->ops->output (s->c, s->name, data, len, s->c->arg);
}

/* Pass on whole lines, and what is too long for one. */
static void emit_lines (struct stream *s)
{
    char *nl;
    size_t len;

    if (s->line.len == 0)
        return;
    nl = memrchr (s->line.buf, '\n', s->line.len);
    len = nl ? (size_t)(nl + 1 - s->line.buf) : 0;
    if (s->chunks || (len == 0 && s->line.len >= CHILD_LINE_MAX))
        len = s->line.len;
    if (len == 0)
        return;
    emit (s, s->line.buf, len);
    s->line.len -= len;
    memmove (s->line.buf, s->line.buf + len, s->line.len);
}

static void end_output (struct stream *s)
{
    if (s->line.len > 0)
        emit (s, s->line.buf, s->line.len);
    text_clear (&s->line);
    flux_watcher_destroy (s->r);
    s->r = NULL;
    s->out = false;
    emit (s, "", 0);
    if (!s->in || s->closed) {
        close (s->fd);
        s->fd = -1;
    }
    check_over (s->c);
}

static void readable_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct stream *s = arg;
    char *room = text_reserve (&s->line, CHILD_LINE_MAX);
    ssize_t n;

    if (!room) { /* it waits in the pipe until there is memory again */
        text_clear (&s->line);
        return;
    }
    while ((n = read (s->fd, room, CHILD_LINE_MAX)) < 0 && errno == EINTR)
        ;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        return;
    if (n <= 0) {
        end_output (s);
        return;
    }
    s->line.len += n;
    emit_lines (s);
}

void child_pause (struct child *c, bool yes)
{
    c->paused = yes;
    for (size_t i = 0; i < c->nstreams; i++) {
        if (!c->streams[i].r)
            continue;
        if (yes)
            flux_watcher_stop (c->streams[i].r);
        else
            flux_watcher_start (c->streams[i].r);
    }
}

/* The process */

pid_t child_pid (const struct child *c)
{
    return c->pid;
}

bool child_has_exited (const struct child *c)
{
    return c->exited;
}

int child_kill (struct child *c, int signum)
{
    if (c->exited && !c->group)
        return -ESRCH;
    return kill (c->group ? -c->pid : c->pid, signum) < 0 ? -errno : 0;
}

static int get_status (const struct child *c, int options, siginfo_t *si)
{
    int r;

    si->si_pid = 0;
    while ((r = waitid (P_PIDFD, c->pidfd, si, options | WNOHANG)) < 0 && errno == EINTR)
        ;
    return r < 0 ? -errno : 0;
}

static int to_status (const siginfo_t *si)
{
    if (si->si_code == CLD_EXITED)
        return (si->si_status & 0xff) << 8;
    return (si->si_status & 0x7f) | (si->si_code == CLD_DUMPED ? 0x80 : 0);
}

static void exit_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct child *c = arg;
    int status = 0;
    siginfo_t si;

    /* an error: somebody else reaped it, and all that is known is its end */
    if (get_status (c, WEXITED, &si) == 0) {
        if (si.si_pid == 0)
            return;
        status = to_status (&si);
    }
    flux_watcher_stop (c->exit_watcher);
    c->exited = true;
    for (size_t i = 0; i < c->nstreams; i++) {
        if (c->streams[i].in && !c->streams[i].closed)
            end_input (&c->streams[i]);
    }
    c->ops->exited (c, status, c->arg);
    check_over (c);
}

void child_check_stopped (struct child *c)
{
    siginfo_t si;

    if (!c->exited && get_status (c, WSTOPPED, &si) == 0 && si.si_pid != 0
        && si.si_code == CLD_STOPPED)
        c->ops->stopped (c, c->arg);
}

/* Set-up */

static int set_nonblock (int fd)
{
    int flags = fcntl (fd, F_GETFL);

    return flags < 0 || fcntl (fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

/* Make the two ends of a stream; *theirs is to be closed by the caller. */
static int stream_open (struct stream *s, int *theirs)
{
    bool both = s->in && s->out;
    int fd[2];
    int r;

    if ((both ? socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd)
              : pipe2 (fd, O_CLOEXEC))
        < 0)
        return -errno;
    s->fd = s->in && !both ? fd[1] : fd[0];
    *theirs = s->in && !both ? fd[0] : fd[1];
    if ((r = set_nonblock (s->fd)) < 0)
        return r;
    return 0;
}

static int open_null (int *theirs)
{
    return (*theirs = open ("/dev/null", O_RDWR | O_CLOEXEC)) < 0 ? -errno : 0;
}

static struct stream *add_stream (struct child *c, const char *name, bool in, bool out)
{
    struct stream *s = &c->streams[c->nstreams++];

    s->c = c;
    s->fd = -1;
    s->in = in;
    s->out = out;
    s->closed = !in;
    s->size = CHILD_BUFFER_DEFAULT;
    text_init (&s->written);
    text_init (&s->line);
    (void)snprintf (s->name, sizeof (s->name), "%s", name);
    return s;
}

static int add_streams (struct child *c, const struct child_command *cmd)
{
    bool own = !(cmd->flags & CHILD_SHARE_STDIO);
    struct stream *s;

    s = add_stream (c, "stdin", own && !(cmd->flags & CHILD_NO_STDIN), false);
    if (cmd->stdin_size)
        s->size = cmd->stdin_size;
    s = add_stream (c, "stdout", false, own && (cmd->flags & CHILD_READ_STDOUT));
    s->chunks = cmd->flags & CHILD_CHUNKS_STDOUT;
    s = add_stream (c, "stderr", false, own && (cmd->flags & CHILD_READ_STDERR));
    s->chunks = cmd->flags & CHILD_CHUNKS_STDERR;
    for (size_t i = 0; cmd->channels && cmd->channels[i]; i++) {
        if (i == CHILD_CHANNELS_MAX || strlen (cmd->channels[i]) >= sizeof (s->name)
            || find_stream (c, cmd->channels[i]))
            return -EINVAL;
        add_stream (c, cmd->channels[i], true, true);
    }
    return 0;
}

static int open_streams (struct child *c, const struct child_command *cmd, int *theirs)
{
    int r = 0;

    for (size_t i = 0; i < c->nstreams && r == 0; i++) {
        struct stream *s = &c->streams[i];

        if (s->in || s->out)
            r = stream_open (s, &theirs[i]);
        else if (!(cmd->flags & CHILD_SHARE_STDIO))
            r = open_null (&theirs[i]);
    }
    return r;
}

static int watch (struct child *c, flux_reactor_t *r)
{
    for (size_t i = 0; i < c->nstreams; i++) {
        struct stream *s = &c->streams[i];

        if (s->out
            && !(s->r = flux_fd_watcher_create (r, s->fd, FLUX_POLLIN, readable_cb, s)))
            return -errno;
        if (s->in
            && !(s->w = flux_fd_watcher_create (r, s->fd, FLUX_POLLOUT, writable_cb, s)))
            return -errno;
        flux_watcher_start (s->r);
    }
    if ((c->pidfd = pidfd_open (c->pid, 0)) < 0
        || !(c->exit_watcher = flux_fd_watcher_create (
                 r, c->pidfd, FLUX_POLLIN, exit_cb, c)))
        return -errno;
    flux_watcher_start (c->exit_watcher);
    return 0;
}

static int start (struct child *c, flux_reactor_t *r, const struct child_command *cmd)
{
    int theirs[FIRST_CHANNEL + CHILD_CHANNELS_MAX];
    int rc;

    for (size_t i = 0; i < ARRAY_SIZE (theirs); i++)
        theirs[i] = -1;
    if ((rc = add_streams (c, cmd)) == 0
        && (rc = open_streams (c, cmd, theirs)) == 0
        && (rc = child_spawn (cmd, theirs, c->nstreams, &c->pid)) == 0
        && (rc = watch (c, r)) < 0) {
        (void)kill (c->group ? -c->pid : c->pid, SIGKILL);
        (void)waitpid (c->pid, NULL, 0);
    }
    for (size_t i = 0; i < ARRAY_SIZE (theirs); i++) {
        if (theirs[i] >= 0)
            close (theirs[i]);
    }
    return rc;
}

int child_start (flux_reactor_t *r,
                 const struct child_command *cmd,
                 const struct child_ops *ops,
                 void *arg,
                 struct child **ret)
{
    struct child *c = calloc (1, sizeof (*c));
    int rc;

    if (!c)
        return -ENOMEM;
    c->pidfd = -1;
    c->group = !(cmd->flags & CHILD_SHARE_GROUP);
    c->ops = ops;
    c->arg = arg;
    if ((rc = start (c, r, cmd)) < 0) {
        child_free (c);
        return rc;
    }
    *ret = c;
    return 0;
}

void child_free (struct child *c)
{
    int saved_errno = errno;

    if (!c)
        return;
    flux_watcher_destroy (c->exit_watcher);
    if (c->pidfd >= 0)
        close (c->pidfd);
    for (size_t i = 0; i < c->nstreams; i++)
        stream_fini (&c->streams[i]);
    free (c);
    errno = saved_errno;
}
