#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <jansson.h>

#include "common/fsd.h"
#include "common/util.h"

#include "module_host_private.h"

struct module *module_host_find (struct module_host *mh, const char *name)
{
    struct module *m;

    list_foreach (&mh->modules, m, node) {
        if (strcmp (m->name, name) == 0 || strcmp (m->path, name) == 0)
            return m;
    }
    return NULL;
}

int module_host_count (const struct module_host *mh)
{
    struct module *m;
    int count = 0;

    list_foreach (&mh->modules, m, node)
        count++;
    return count;
}

void module_host_foreach (struct module_host *mh,
                          void (*f) (const char *name, void *arg),
                          void *arg)
{
    struct module *m;

    list_foreach (&mh->modules, m, node)
        f (m->name, arg);
}

/* The end of a module */

static void answer (flux_t *h, const flux_msg_t *msg, int errnum, const char *text)
{
    if (errnum)
        (void)flux_respond_error (h, msg, errnum, text);
    else
        (void)flux_respond (h, msg, NULL);
    flux_msg_decref (msg);
}

static void answer_removers (struct module_host *mh,
                             struct flux_msglist *removers,
                             int errnum,
                             const char *text)
{
    const flux_msg_t *msg;

    while (flux_msglist_first (removers) && (msg = flux_msglist_pop (removers)))
        answer (mh->h, msg, errnum, text);
}

/* It is found no longer.  What it was asked and has left is answered for it. */
static void detach (struct module_host *mh, struct module *m)
{
    size_t unanswered = router_detach (mh->router, &m->ep);

    if (unanswered > 0)
        flux_log (mh->h, LOG_DEBUG, "module %s left %zu requests without an answer",
                  m->name, unanswered);
}

/* The thread has ended: forget the module, then tell. */
static void reap (struct module_host *mh, struct module *m)
{
    struct flux_msglist *removers = move_ptr (m->removers);
    const flux_msg_t *load_request = move_ptr (m->load_request);
    _cleanup_ (freep) char *name = strdup (m->name);
    bool wanted = m->to_end;
    bool was_running = m->was_running;
    int errnum = m->errnum;
    flux_error_t why;

    snprintf (why.text, sizeof (why.text), "%s", strerror (errnum));
    if (m->status != MODULE_EXITED) {
        /* cancelled, or killed, or it could not say goodbye */
        router_enter (mh->router);
        m->status = MODULE_EXITED;
        router_leave (mh->router);
        module_thread_join (move_ptr (m->thread));
        errnum = wanted ? 0 : module_why_ended (m, &why);
        detach (mh, m);
    }
    module_free (m);

    if (errnum)
        flux_log (mh->h, LOG_ERR, "%s: %s", name ? name : "", why.text);
    flux_log (mh->h, LOG_DEBUG, "module %s exited", name ? name : "");
    if (load_request)
        answer (mh->h, load_request, errnum, why.text);
    answer_removers (mh, removers, 0, NULL);
    flux_msglist_destroy (removers);
    if (errnum && was_running && !wanted)
        mh->ops->failed (name ? name : "", mh->arg);
    if (list_empty (&mh->modules))
        mh->ops->emptied (mh->arg);
}

static void ended_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct module_host *mh = arg;
    struct module *m;
    eventfd_t value;

    (void)eventfd_read (mh->ended_fd, &value);
    list_foreach (&mh->modules, m, node) {
        if (module_thread_ended (m->thread)) {
            /* its last words may still be on the way */
            router_drain (mh->router);
            reap (mh, m);
        }
    }
}

static void status_changed (struct module *m, void *arg)
{
    struct module_host *mh = arg;

    if (m->status == MODULE_RUNNING && m->load_request)
        answer (mh->h, move_ptr (m->load_request), 0, NULL);
    else if (m->status == MODULE_EXITED)
        detach (mh, m);
}

const struct module_ops module_host_module_ops = {
    .status_changed = status_changed,
};

/* Remove */

/* It was asked to end, and has shown no sign of life for so long: whoever waits
 * for that need not wait longer.  The module stays, and may still end.
 */
static void patience_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct module *m = arg;
    struct module_host *mh = m->arg;
    char fsd[FSD_BUFSIZE] = "", text[256];
    double idle;

    router_enter (mh->router);
    idle = module_now () - m->last_seen;
    router_leave (mh->router);
    if (idle < mh->patience) {
        flux_timer_watcher_reset (w, mh->patience - idle, 0.);
        flux_watcher_start (w);
        return;
    }
    (void)fsd_format (fsd, sizeof (fsd), mh->patience);
    snprintf (text, sizeof (text), "module %s was asked to end, and does not: "
              "nothing was heard of it for %s", m->name, fsd);
    flux_log (mh->h, LOG_ERR, "%s", text);
    answer_removers (mh, m->removers, ETIMEDOUT, text);
}

/* There may be more than one who asks. */
static int be_patient (struct module_host *mh, struct module *m)
{
    if (mh->patience < 0)
        return 0;
    if (!m->patience
        && !(m->patience = flux_timer_watcher_create (
                 mh->reactor, mh->patience, 0., patience_cb, m)))
        return -1;
    flux_timer_watcher_reset (m->patience, mh->patience, 0.);
    flux_watcher_start (m->patience);
    return 0;
}

static int send_shutdown (struct module_host *mh, struct module *m)
{
    _cleanup_ (freep) char *topic = NULL;
    flux_future_t *f;

    if (asprintf (&topic, "%s.shutdown", m->name) < 0) {
        topic = NULL;
        return -1;
    }
    if (!(f = flux_rpc (mh->h, topic, NULL, FLUX_NODEID_ANY, FLUX_RPC_NORESPONSE)))
        return -1;
    flux_future_destroy (f);
    return 0;
}

/* module.remove
 *   { "name":s "cancel"?:b } -> {}
 */
static void remove_cb (flux_t *h, flux_msg_handler_t *mh_, const flux_msg_t *msg, void *arg)
{
    struct module_host *mh = arg;
    struct module *m;
    const char *name;
    int cancel = 0;

    if (flux_request_unpack (msg, NULL, "{s:s s?b}", "name", &name, "cancel", &cancel)
        < 0)
        errno = EPROTO;
    else if (!(m = module_host_find (mh, name)))
        errno = ENOENT;
    else if (be_patient (mh, m) == 0 && flux_msglist_append (m->removers, msg) == 0) {
        flux_log (h, LOG_DEBUG, "rmmod %s", m->name);
        m->to_end = true;
        if (cancel)
            module_thread_cancel (m->thread);
        else if (m->status < MODULE_FINALIZING && send_shutdown (mh, m) < 0)
            flux_log_error (h, "%s: shutdown", m->name);
        return;
    }
    (void)flux_respond_error (h, msg, errno, NULL);
}

void module_host_remove_all (struct module_host *mh, bool cancel)
{
    struct module *m;

    list_foreach (&mh->modules, m, node) {
        m->to_end = true;
        if (cancel)
            module_thread_cancel (m->thread);
        else if (m->status < MODULE_FINALIZING)
            (void)send_shutdown (mh, m);
    }
}

/* List and debug */

static json_t *services_of (const struct endpoint *ep)
{
    json_t *a = json_array ();
    const char *name = NULL;

    while (a && (name = service_next (ep, name))) {
        if (json_array_append_new (a, json_string (name)) < 0) {
            json_decref (a);
            return NULL;
        }
    }
    return a;
}

/* Other threads send to it and from it meanwhile. */
static json_t *list_entry_json (struct module_host *mh, const struct module *m)
{
    json_t *o;
    double idle;

    router_enter (mh->router);
    idle = module_now () - m->last_seen;
    o = json_pack ("{s:s s:s s:i s:i s:o s:I s:I}",
                      "name", m->name,
                      "path", m->path,
                      "idle", idle > 0 ? (int)idle : 0,
                      "status", (int)m->status,
                      "services", services_of (&m->ep),
                      "sendqueue", (json_int_t)module_sendqueue (m),
                      "recvqueue", (json_int_t)0); /* a sender routes itself */
    router_leave (mh->router);
    return o;
}

static json_t *list_json (struct module_host *mh)
{
    json_t *a = json_array ();
    struct module *m;

    for (int i = 0; a && mh->builtins && mh->builtins[i]; i++) {
        json_t *o = json_pack ("{s:s s:s s:i s:i s:[s] s:i s:i}",
                               "name", mh->builtins[i],
                               "path", "builtin",
                               "idle", 0,
                               "status", MODULE_RUNNING,
                               "services", mh->builtins[i],
                               "sendqueue", 0,
                               "recvqueue", 0);

        if (json_array_append_new (a, o) < 0)
            goto error;
    }
    list_foreach (&mh->modules, m, node) {
        if (json_array_append_new (a, list_entry_json (mh, m)) < 0)
            goto error;
    }
    return a;
error:
    json_decref (a);
    return NULL;
}

/* module.list
 *   -> { "mods":[{ "name":s "path":s "idle":i "status":i "services":[s...]
 *                  "sendqueue":i "recvqueue":i }...] }
 */
static void list_cb (flux_t *h, flux_msg_handler_t *mh_, const flux_msg_t *msg, void *arg)
{
    json_t *mods = list_json (arg);

    if (!mods || flux_respond_pack (h, msg, "{s:O}", "mods", mods) < 0)
        (void)flux_respond_error (h, msg, ENOMEM, NULL);
    json_decref (mods);
}

/* module.status from somebody who is no module of ours: accepted, ignored. */
static void status_cb (flux_t *h, flux_msg_handler_t *mh_, const flux_msg_t *msg, void *arg)
{
    int status;

    if (flux_request_unpack (msg, NULL, "{s:i}", "status", &status) < 0)
        (void)flux_respond_error (
            h, msg, EPROTO, "error decoding module.status request");
    else
        (void)flux_respond (h, msg, NULL);
}

/* module.debug
 *   { "name":s "defer"?:b } -> {}
 */
static void debug_cb (flux_t *h, flux_msg_handler_t *mh_, const flux_msg_t *msg, void *arg)
{
    struct module_host *mh = arg;
    struct module *m;
    const char *name;
    int defer = -1;

    if (flux_request_unpack (msg, NULL, "{s:s s?b}", "name", &name, "defer", &defer) < 0)
        errno = EPROTO;
    else if (!(m = module_host_find (mh, name)))
        errno = ENOENT;
    else {
        if (defer != -1)
            module_set_defer (m, defer);
        (void)flux_respond (h, msg, NULL);
        return;
    }
    (void)flux_respond_error (h, msg, errno, NULL);
}

/* module.trace (streaming): trace.h says what is asked and told. */
static void trace_cb (flux_t *h, flux_msg_handler_t *mh_, const flux_msg_t *msg, void *arg)
{
    struct module_host *mh = arg;

    if (trace_add (mh->traces, msg) < 0)
        (void)flux_respond_error (h, msg, errno, NULL);
}

static void cancel_cb (flux_t *h,
                       flux_msg_handler_t *mh_,
                       const flux_msg_t *msg,
                       void *arg)
{
    struct module_host *mh = arg;

    trace_cancel (mh->traces, msg);
}

static void disconnect_cb (flux_t *h,
                           flux_msg_handler_t *mh_,
                           const flux_msg_t *msg,
                           void *arg)
{
    struct module_host *mh = arg;

    trace_disconnect (mh->traces, msg);
}

/* module.throttle, no response: a tracer does not read, or does again
 *   { "on":b }
 */
static void throttle_cb (flux_t *h,
                         flux_msg_handler_t *mh_,
                         const flux_msg_t *msg,
                         void *arg)
{
    struct module_host *mh = arg;
    int on;

    if (flux_request_unpack (msg, NULL, "{s:b}", "on", &on) == 0)
        trace_throttle (mh->traces, msg, on);
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "module.load", module_host_load_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "module.remove", remove_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "module.list", list_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "module.status", status_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "module.debug", debug_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "module.trace", trace_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "module.cancel", cancel_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "module.disconnect", disconnect_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "module.throttle", throttle_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

void module_host_set_exec (struct module_host *mh,
                           const char *flux,
                           const struct child_env *env)
{
    mh->exec = (struct module_exec){ flux, env };
}

int module_host_configure (struct module_host *mh, flux_error_t *error)
{
    return attrs_duration (mh->attrs, "broker.module-unload-timeout", &mh->patience, error);
}

void module_host_set_builtins (struct module_host *mh,
                               const char *const *names,
                               const struct endpoint *self)
{
    mh->builtins = names;
    mh->self = self;
}

int module_host_serve (struct module_host *mh, struct endpoint *self)
{
    int r;

    mh->self = self;
    if ((r = service_add (mh->services, "module", self)) < 0) {
        errno = -r;
        return -1;
    }
    return flux_msg_handler_addvec (mh->h, htab, mh, &mh->handlers);
}

struct module_host *module_host_new (flux_t *h,
                                     struct router *router,
                                     struct service_table *services,
                                     const struct attrs *attrs,
                                     const char *searchpath,
                                     const struct module_host_ops *ops,
                                     void *arg)
{
    struct module_host *mh = calloc (1, sizeof (*mh));

    if (!mh)
        return NULL;
    mh->h = h;
    mh->router = router;
    mh->services = services;
    mh->attrs = attrs;
    mh->searchpath = searchpath;
    mh->ops = ops;
    mh->arg = arg;
    mh->patience = -1;
    list_init (&mh->modules);
    if ((mh->ended_fd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0
        || !(mh->reactor = flux_get_reactor (h))
        || !(mh->traces = trace_set_new (router))
        || !(mh->ended = flux_fd_watcher_create (
                 mh->reactor, mh->ended_fd, FLUX_POLLIN, ended_cb, mh))) {
        module_host_free (mh);
        return NULL;
    }
    flux_watcher_start (mh->ended);
    return mh;
}

void module_host_free (struct module_host *mh)
{
    int saved_errno = errno;

    if (!mh)
        return;
    must (list_empty (&mh->modules));
    flux_msg_handler_delvec (mh->handlers);
    flux_watcher_destroy (mh->ended);
    trace_set_free (mh->traces);
    if (mh->ended_fd >= 0)
        close (mh->ended_fd);
    free (mh);
    errno = saved_errno;
}
