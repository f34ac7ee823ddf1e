#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/errprintf.h"
#include "common/util.h"

#include "private.h"

/* The processes */

static void prepare_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct rexec *rx = arg;
    struct proc *p;

    flux_watcher_stop (w);
    while ((p = list_first (&rx->done, struct proc, node)))
        proc_free (p);
    if (list_empty (&rx->procs)) {
        flux_watcher_stop (rx->sigchld);
        if (rx->ending && rx->ended) {
            void (*ended) (void *arg) = rx->ended;

            rx->ended = NULL;
            flux_watcher_stop (rx->timer);
            ended (rx->ended_arg);
        }
    }
}

void rexec_proc_done (struct proc *p)
{
    struct rexec *rx = p->rx;

    if (table_get_u64 (&rx->pids, p->pid) == p)
        table_del_u64 (&rx->pids, p->pid);
    list_del (&p->node);
    list_append (&rx->done, &p->node);
    flux_watcher_start (rx->prepare);
}

static void sigchld_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct rexec *rx = arg;
    struct proc *p;

    list_foreach (&rx->procs, p, node)
        child_check_stopped (p->child);
}

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct rexec *rx = arg;
    struct proc *p;

    list_foreach (&rx->procs, p, node) {
        flux_log (rx->h, LOG_ERR, "rexec: killing %s[%d]", p->cmd->line, (int)p->pid);
        (void)child_kill (p->child, SIGKILL);
        p->flags &= ~REXEC_WAITABLE;
        if (p->exited)
            rexec_proc_done (p);
    }
}

bool rexec_end_all (struct rexec *rx, void (*cb) (void *arg), void *arg)
{
    struct proc *p;

    rx->ending = true;
    list_foreach (&rx->procs, p, node) {
        if (p->over)
            rexec_proc_done (p);
        else
            (void)child_kill (p->child, SIGTERM);
    }
    if (list_empty (&rx->procs))
        return false;
    rx->ended = cb;
    rx->ended_arg = arg;
    flux_timer_watcher_reset (rx->timer, REXEC_GRACE, 1.);
    flux_watcher_start (rx->timer);
    return true;
}

static struct proc *find_label (struct rexec *rx, const char *label)
{
    struct proc *p;

    list_foreach (&rx->procs, p, node) {
        if (p->cmd->label && strcmp (p->cmd->label, label) == 0)
            return p;
    }
    return NULL;
}

static struct proc *find (struct rexec *rx, int pid, const char *label)
{
    if (pid > 0)
        return table_get_u64 (&rx->pids, pid);
    return label ? find_label (rx, label) : NULL;
}

/* Requests */

static void refuse (struct rexec *rx, const flux_msg_t *msg, int r, const char *text)
{
    (void)flux_respond_error (rx->h, msg, -r, text && *text ? text : NULL);
}

/* May one more be started? */
static int admit (struct rexec *rx, const flux_msg_t *msg, int flags, flux_error_t *error)
{
    if ((flags & ~REXEC_FLAGS)
        || ((flags & REXEC_WAITABLE) && flux_msg_is_streaming (msg))) {
        errprintf (error, "invalid flags");
        return -EINVAL;
    }
    if (rx->ending) {
        errprintf (error, "the broker is shutting down");
        return -ENOSYS;
    }
    if (table_count (&rx->pids) >= REXEC_MAX) {
        errprintf (error, "there are too many processes");
        return -ENOSPC;
    }
    return 0;
}

static int exec (struct rexec *rx,
                 const flux_msg_t *msg,
                 json_t *o,
                 int flags,
                 int local_flags,
                 flux_error_t *error)
{
    struct command *cmd;
    int r;

    if ((r = admit (rx, msg, flags, error)) < 0
        || (r = command_decode (o, local_flags, rx->uri, &cmd, error)) < 0)
        return r;
    if (cmd->label && find_label (rx, cmd->label)) {
        errprintf (error, "label '%s' is in use", cmd->label);
        r = -EEXIST;
    }
    else {
        flux_watcher_start (rx->sigchld);
        if ((r = proc_start (rx, cmd, flags, msg)) == 0)
            return 0;
        errprintf (error, "error launching process: %s", strerror (-r));
    }
    command_free (cmd);
    return r;
}

/* rexec.exec (streaming; else in the background)
 *   { "cmd":o "flags":i "local_flags"?:i }
 *   -> { "type":"started" "pid":i }
 *      { "type":"add-credit" "channels":{stream:i} }
 *      { "type":"output" "pid":i "io":{ "stream":s "rank":s "data"?:s
 *                                       "encoding"?:"base64" "eof"?:true } }
 *      { "type":"stopped" }
 *      { "type":"finished" "status":i }, then ENODATA
 */
static void exec_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct rexec *rx = arg;
    int flags, local_flags = 0;
    flux_error_t error = { { 0 } };
    json_t *o;
    int r;

    if (flux_request_unpack (msg,
                             NULL,
                             "{s:o s:i s?i}",
                             "cmd", &o,
                             "flags", &flags,
                             "local_flags", &local_flags)
        < 0)
        r = -EPROTO;
    else
        r = exec (rx, msg, o, flags, local_flags, &error);
    if (r < 0)
        refuse (rx, msg, r, error.text);
}

static int write_data (struct proc *p,
                       const char *stream,
                       const char *data,
                       size_t len,
                       const char *encoding)
{
    _cleanup_ (freep) char *raw = NULL;
    ssize_t n;

    if (!encoding)
        return child_write (p->child, stream, data, len);
    if (strcmp (encoding, "base64") != 0)
        return -EPROTO;
    if (!(raw = malloc (base64_decoded_max (len) + 1)))
        return -ENOMEM;
    if ((n = base64_decode (raw, data, len)) < 0)
        return -EPROTO;
    return child_write (p->child, stream, raw, n);
}

/* Returns 0 or a negative errno; what comes after the end of the process, or
 * of the stream, is of no interest.
 */
static int write_io (struct proc *p, json_t *io)
{
    const char *stream, *data = NULL, *encoding = NULL;
    size_t len = 0;
    int eof = 0, r = 0;

    if (json_unpack (io,
                     "{s:s s?s% s?s s?b}",
                     "stream", &stream,
                     "data", &data, &len,
                     "encoding", &encoding,
                     "eof", &eof)
        < 0)
        return -EPROTO;
    if (data && len > 0)
        r = write_data (p, stream, data, len, encoding);
    if (r == 0 && eof)
        r = child_close (p->child, stream);
    return r == -EPIPE ? 0 : r;
}

/* rexec.write, no response: a failure ends the process
 *   { "matchtag":i "io":o }
 */
static void write_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct rexec *rx = arg;
    struct proc *p;
    json_t *io;
    int matchtag, r;

    if (flux_request_unpack (msg, NULL, "{s:i s:o}", "matchtag", &matchtag, "io", &io)
        < 0) {
        flux_log (h, LOG_ERR, "rexec.write: malformed");
        return;
    }
    list_foreach (&rx->procs, p, node) {
        if (p->request && flux_cancel_match (msg, p->request)) {
            if (!p->exited && (r = write_io (p, io)) < 0)
                proc_fail (p, -r, NULL);
            break;
        }
    }
}

/* rexec.kill
 *   { "pid":i "signum":i } -> {}
 */
static void kill_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct rexec *rx = arg;
    const char *label = NULL;
    char text[80] = "";
    int pid = 0, signum, r;
    struct proc *p;

    if (flux_request_unpack (
            msg, NULL, "{s?i s?s s:i}", "pid", &pid, "label", &label, "signum", &signum)
        < 0)
        r = -EPROTO;
    else if (signum <= 0 || signum >= NSIG)
        r = -EINVAL;
    else if (!(p = find (rx, pid, label)) || p->over) {
        snprintf (text, sizeof (text), "pid %d does not belong to any subprocess", pid);
        r = -ESRCH;
    }
    else
        r = child_kill (p->child, signum);
    if (r < 0)
        refuse (rx, msg, r, text);
    else
        (void)flux_respond (h, msg, NULL);
}

/* rexec.wait
 *   { "pid":i | "label":s } -> { "status":i "output"?:[io...] }
 */
static void wait_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct rexec *rx = arg;
    const char *label = NULL;
    int pid = -1;
    struct proc *p;

    if (flux_request_unpack (msg, NULL, "{s?i s?s}", "pid", &pid, "label", &label) < 0)
        refuse (rx, msg, -EPROTO, NULL);
    else if (!(p = find (rx, pid, label)))
        refuse (rx, msg, -ESRCH, NULL);
    else if (!(p->flags & REXEC_WAITABLE))
        refuse (rx, msg, -EINVAL, "process is not waitable");
    else if (p->waiter)
        refuse (rx, msg, -EINVAL, "process is being waited for already");
    else {
        p->waiter = flux_msg_incref (msg);
        if (p->over) {
            proc_answer_waiter (p);
            rexec_proc_done (p);
        }
    }
}

/* rexec.attach (streaming): take the output of one in the background
 *   { "pid":i | "label":s, "flags"?:i }
 *   -> { "type":"attached" "pid":i "cmd":o }, then as exec
 */
static void attach_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct rexec *rx = arg;
    const char *label = NULL;
    struct proc *p;
    int pid = -1, r = 0;

    if (flux_request_unpack (msg, NULL, "{s?i s?s}", "pid", &pid, "label", &label) < 0
        || !flux_msg_is_streaming (msg))
        r = -EPROTO;
    else if (!(p = find (rx, pid, label)))
        r = -ESRCH;
    else
        r = proc_attach (p, msg);
    if (r < 0)
        refuse (rx, msg, r, NULL);
}

static json_t *describe (const struct proc *p)
{
    const char *sender = p->request ? flux_msg_route_first (p->request) : NULL;
    json_t *o = json_pack ("{s:i s:s s:s s:s}",
                           "pid", (int)p->pid,
                           "cmd", p->cmd->child.argv[0],
                           "state", p->exited ? "Exited" : "Running",
                           "sender", sender ? sender : "");

    if (o && p->cmd->label)
        (void)json_object_set_new (o, "label", json_string (p->cmd->label));
    return o;
}

/* rexec.list
 *   -> { "rank":i "procs":[{ "pid":i "cmd":s "state":s "sender":s
 *                            "label"?:s }...] }
 */
static void list_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct rexec *rx = arg;
    json_t *procs = json_array ();
    struct proc *p;

    list_foreach (&rx->procs, p, node)
        (void)json_array_append_new (procs, describe (p));
    if (!procs
        || flux_respond_pack (
               h, msg, "{s:i s:O}", "rank", atoi (rx->rank), "procs", procs)
               < 0)
        refuse (rx, msg, -ENOMEM, NULL);
    json_decref (procs);
}

/* rexec.throttle, no response: sent by the broker of a client that does not read,
 * or does again
 *   { "on":b }
 */
static void throttle_cb (flux_t *h,
                         flux_msg_handler_t *mh,
                         const flux_msg_t *msg,
                         void *arg)
{
    struct rexec *rx = arg;
    struct proc *p;
    int on;

    if (flux_request_unpack (msg, NULL, "{s:b}", "on", &on) < 0)
        return;
    list_foreach (&rx->procs, p, node) {
        if (p->request && flux_disconnect_match (msg, p->request))
            child_pause (p->child, on);
    }
}

static void disconnect_cb (flux_t *h,
                           flux_msg_handler_t *mh,
                           const flux_msg_t *msg,
                           void *arg)
{
    struct rexec *rx = arg;
    struct proc *p;

    list_foreach (&rx->procs, p, node) {
        if (p->waiter && flux_disconnect_match (msg, p->waiter)) {
            flux_msg_decref (p->waiter);
            p->waiter = NULL;
        }
        if (p->request && flux_disconnect_match (msg, p->request))
            proc_abandon (p);
    }
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "rexec.exec", exec_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "rexec.write", write_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "rexec.kill", kill_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "rexec.wait", wait_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "rexec.attach", attach_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "rexec.list", list_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "rexec.throttle", throttle_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "rexec.disconnect", disconnect_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static int create_watchers (struct rexec *rx)
{
    rx->sigchld = flux_signal_watcher_create (rx->reactor, SIGCHLD, sigchld_cb, rx);
    rx->prepare = flux_prepare_watcher_create (rx->reactor, prepare_cb, rx);
    rx->timer = flux_timer_watcher_create (rx->reactor, REXEC_GRACE, 0., timer_cb, rx);
    return rx->sigchld && rx->prepare && rx->timer ? 0 : -1;
}

struct rexec *rexec_serve (struct self *self,
                           struct service_table *services,
                           const struct attrs *attrs,
                           uint32_t rank)
{
    struct rexec *rx = calloc (1, sizeof (*rx));

    if (!rx)
        return NULL;
    list_init (&rx->procs);
    list_init (&rx->done);
    table_init (&rx->pids);
    rx->h = self_handle (self);
    rx->reactor = flux_get_reactor (rx->h);
    rx->uri = attrs_get (attrs, "local-uri");
    snprintf (rx->rank, sizeof (rx->rank), "%u", (unsigned int)rank);
    if (create_watchers (rx) < 0
        || service_add (services, "rexec", self_endpoint (self)) < 0
        || flux_msg_handler_addvec (rx->h, htab, rx, &rx->handlers) < 0) {
        rexec_unserve (rx);
        return NULL;
    }
    return rx;
}

void rexec_unserve (struct rexec *rx)
{
    int saved_errno = errno;
    struct proc *p;

    if (!rx)
        return;
    flux_msg_handler_delvec (rx->handlers);
    while ((p = list_first (&rx->procs, struct proc, node))) {
        (void)child_kill (p->child, SIGKILL);
        proc_free (p);
    }
    while ((p = list_first (&rx->done, struct proc, node)))
        proc_free (p);
    table_fini (&rx->pids);
    flux_watcher_destroy (rx->sigchld);
    flux_watcher_destroy (rx->prepare);
    flux_watcher_destroy (rx->timer);
    free (rx);
    errno = saved_errno;
}
