/* proc.c - one process and what is told about it. */

#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "common/base64.h"
#include "common/utf8.h"
#include "common/util.h"

#include "private.h"

/* What is written, as JSON (RFC 24 without time): text if it is text. */
static json_t *io_encode (struct rexec *rx,
                          const char *stream,
                          const char *data,
                          size_t len)
{
    json_t *o;
    char *s;

    if (len == 0)
        return json_pack (
            "{s:s s:s s:b}", "stream", stream, "rank", rx->rank, "eof", 1);
    if (utf8_valid (data, len) && !memchr (data, '\0', len))
        return json_pack (
            "{s:s s:s s:s#}", "stream", stream, "rank", rx->rank, "data", data, (int)len);
    if (!(s = malloc (base64_encoded_size (len) + 1)))
        return NULL;
    s[base64_encode (s, data, len)] = '\0';
    o = json_pack ("{s:s s:s s:s s:s}",
                   "stream", stream,
                   "rank", rx->rank,
                   "encoding", "base64",
                   "data", s);
    free (s);
    return o;
}

static void send_output (struct proc *p, json_t *io)
{
    if (flux_respond_pack (p->rx->h,
                           p->request,
                           "{s:s s:i s:O}",
                           "type", "output",
                           "pid", (int)p->pid,
                           "io", io)
        < 0)
        flux_log_error (p->rx->h, "rexec: output of %d", (int)p->pid);
}

static void keep_output (struct proc *p, json_t *io, size_t len)
{
    if (p->kept_size + len > REXEC_KEPT_MAX)
        return;
    p->kept_size += len;
    if (!p->kept)
        p->kept = json_array ();
    (void)json_array_append (p->kept, io);
}

/* Nobody gets it: for people to find. */
static void log_output (struct proc *p, const char *stream, const char *data, size_t len)
{
    int level = strcmp (stream, "stderr") == 0 ? LOG_ERR : LOG_INFO;
    const char *name = p->cmd->label ? p->cmd->label : p->cmd->child.argv[0];

    while (len > 0 && (data[len - 1] == '\n' || data[len - 1] == '\r'))
        len--;
    if (len > 0)
        flux_log (p->rx->h, level, "%s[%d]: %.*s", name, (int)p->pid, (int)len, data);
}

static void output_cb (struct child *c,
                       const char *stream,
                       const char *data,
                       size_t len,
                       void *arg)
{
    struct proc *p = arg;
    json_t *io;

    if (!p->request && !(p->flags & REXEC_WAITABLE)) {
        if (p->background)
            log_output (p, stream, data, len);
        return;
    }
    if (!(io = io_encode (p->rx, stream, data, len)))
        flux_log (p->rx->h, LOG_ERR, "rexec: %d: out of memory", (int)p->pid);
    else if (p->request)
        send_output (p, io);
    else
        keep_output (p, io, len);
    json_decref (io);
}

static void add_credit (struct proc *p, const char *stream, size_t len)
{
    if (p->request && (p->flags & REXEC_CREDIT)
        && flux_respond_pack (p->rx->h,
                              p->request,
                              "{s:s s:{s:I}}",
                              "type", "add-credit",
                              "channels", stream, (json_int_t)len)
               < 0)
        flux_log_error (p->rx->h, "rexec: credit of %d", (int)p->pid);
}

static void taken_cb (struct child *c, const char *stream, size_t len, void *arg)
{
    add_credit (arg, stream, len);
}

static void stopped_cb (struct child *c, void *arg)
{
    struct proc *p = arg;

    if (p->request)
        (void)flux_respond_pack (p->rx->h, p->request, "{s:s}", "type", "stopped");
}

static void exited_cb (struct child *c, int status, void *arg)
{
    struct proc *p = arg;

    p->exited = true;
    p->status = status;
    if (p->request)
        (void)flux_respond_pack (
            p->rx->h, p->request, "{s:s s:i}", "type", "finished", "status", status);
    else if (!p->background)
        rexec_proc_done (p); /* abandoned: who still holds its pipes is alone */
    if (p->background && !p->request && !(p->flags & REXEC_WAITABLE) && status != 0)
        flux_log (p->rx->h,
                  LOG_ERR,
                  "%s[%d]: %s %d",
                  p->cmd->label ? p->cmd->label : p->cmd->child.argv[0],
                  (int)p->pid,
                  WIFSIGNALED (status) ? "killed by signal" : "exit",
                  WIFSIGNALED (status) ? WTERMSIG (status) : WEXITSTATUS (status));
}

static void forget_request (struct proc *p)
{
    flux_msg_decref (p->request);
    p->request = NULL;
}

void proc_answer_waiter (struct proc *p)
{
    int r = p->kept ? flux_respond_pack (p->rx->h,
                                         p->waiter,
                                         "{s:i s:O}",
                                         "status", p->status,
                                         "output", p->kept)
                    : flux_respond_pack (
                          p->rx->h, p->waiter, "{s:i}", "status", p->status);

    if (r < 0)
        (void)flux_respond_error (p->rx->h, p->waiter, errno, NULL);
    flux_msg_decref (p->waiter);
    p->waiter = NULL;
}

static void over_cb (struct child *c, void *arg)
{
    struct proc *p = arg;

    p->over = true;
    if (p->request) {
        (void)flux_respond_error (p->rx->h, p->request, ENODATA, NULL);
        forget_request (p);
    }
    if (p->waiter)
        proc_answer_waiter (p);
    else if ((p->flags & REXEC_WAITABLE) && !p->rx->ending)
        return; /* until somebody asks */
    rexec_proc_done (p);
}

static const struct child_ops child_ops = {
    .output = output_cb,
    .taken = taken_cb,
    .stopped = stopped_cb,
    .exited = exited_cb,
    .over = over_cb,
};

/* Who started it is not there, or not served, any more. */
static void end (struct proc *p)
{
    child_pause (p->child, false);
    (void)child_kill (p->child, SIGKILL);
    if (p->exited)
        rexec_proc_done (p);
}

void proc_fail (struct proc *p, int errnum, const char *text)
{
    (void)flux_respond_error (p->rx->h, p->request, errnum, text);
    forget_request (p);
    end (p);
}

void proc_abandon (struct proc *p)
{
    forget_request (p);
    if (p->background)
        child_pause (p->child, false);
    else
        end (p);
}

static int respond_started (struct proc *p, const flux_msg_t *request)
{
    if (flux_respond_pack (
            p->rx->h, request, "{s:s s:i}", "type", "started", "pid", (int)p->pid)
        < 0)
        return -errno;
    if (!p->request)
        return 0;
    add_credit (p, "stdin", child_buffer_size (p->child, "stdin"));
    for (size_t i = 0; p->cmd->child.channels && p->cmd->child.channels[i]; i++)
        add_credit (p,
                    p->cmd->child.channels[i],
                    child_buffer_size (p->child, p->cmd->child.channels[i]));
    return 0;
}

static int child_flags (const struct proc *p)
{
    int flags = p->cmd->child.flags;

    if ((p->flags & REXEC_STDOUT) || p->background)
        flags |= CHILD_READ_STDOUT;
    if ((p->flags & REXEC_STDERR) || p->background)
        flags |= CHILD_READ_STDERR;
    if (p->background)
        flags |= CHILD_NO_STDIN;
    return flags;
}

int proc_start (struct rexec *rx,
                struct command *cmd,
                int flags,
                const flux_msg_t *request)
{
    struct proc *p = calloc (1, sizeof (*p));
    int r;

    if (!p)
        return -ENOMEM;
    p->rx = rx;
    p->cmd = cmd;
    p->flags = flags;
    p->background = !flux_msg_is_streaming (request);
    list_init (&p->node);
    cmd->child.flags = child_flags (p);
    if ((r = child_start (rx->reactor, &cmd->child, &child_ops, p, &p->child)) < 0) {
        p->cmd = NULL;
        proc_free (p);
        return r;
    }
    p->pid = child_pid (p->child);
    if (!p->background)
        p->request = flux_msg_incref (request);
    list_append (&rx->procs, &p->node);
    if (table_put_u64 (&rx->pids, p->pid, p) < 0)
        flux_log (rx->h, LOG_ERR, "rexec: %d cannot be found by its pid", (int)p->pid);
    if ((r = respond_started (p, request)) < 0)
        flux_log (rx->h, LOG_ERR, "rexec: %s", strerror (-r));
    return 0;
}

int proc_attach (struct proc *p, const flux_msg_t *msg)
{
    if (!p->background || p->request || p->exited)
        return -EINVAL;
    if (flux_respond_pack (p->rx->h,
                           msg,
                           "{s:s s:i s:O}",
                           "type", "attached",
                           "pid", (int)p->pid,
                           "cmd", p->cmd->o)
        < 0)
        return -errno;
    p->request = flux_msg_incref (msg);
    return 0;
}

void proc_free (struct proc *p)
{
    if (!p)
        return;
    list_del (&p->node);
    child_free (p->child);
    command_free (p->cmd);
    flux_msg_decref (p->request);
    flux_msg_decref (p->waiter);
    json_decref (p->kept);
    free (p);
}
