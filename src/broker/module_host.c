#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <jansson.h>

#include "common/errprintf.h"
#include "common/util.h"

#include "module.h"
#include "module_dso.h"
#include "module_host.h"

struct module_host {
    flux_t *h;
    flux_reactor_t *reactor;
    struct router *router;
    struct service_table *services;
    const struct attrs *attrs;
    const char *searchpath;
    const struct module_host_ops *ops;
    void *arg;
    const char *const *builtins;
    const struct endpoint *self;
    struct list modules;
    struct trace_set *traces;
    int ended_fd; /* written by each thread that ends */
    flux_watcher_t *ended;
    flux_msg_handler_t **handlers;
};

static struct module *find_module (struct module_host *mh, const char *name)
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

static void answer_loader (struct module_host *mh, struct module *m, int errnum)
{
    if (!m->load_request)
        return;
    if (errnum)
        (void)flux_respond_error (mh->h, m->load_request, errnum, strerror (errnum));
    else
        (void)flux_respond (mh->h, m->load_request, NULL);
    flux_msg_decref (m->load_request);
    m->load_request = NULL;
}

static void answer_removers (struct module_host *mh, struct flux_msglist *removers)
{
    const flux_msg_t *msg;

    while (flux_msglist_first (removers) && (msg = flux_msglist_pop (removers))) {
        (void)flux_respond (mh->h, msg, NULL);
        flux_msg_decref (msg);
    }
}

/* The thread has ended: forget the module, then tell. */
static void reap (struct module_host *mh, struct module *m)
{
    struct flux_msglist *removers = move_ptr (m->removers);
    const flux_msg_t *load_request = move_ptr (m->load_request);
    _cleanup_ (freep) char *name = strdup (m->name);
    bool wanted = flux_msglist_count (removers) > 0;
    bool was_running = m->was_running;
    int errnum = m->errnum;

    if (m->status != MODULE_EXITED) {
        /* cancelled, or it could not say goodbye */
        router_enter (mh->router);
        m->status = MODULE_EXITED;
        router_leave (mh->router);
        errnum = wanted ? 0 : ECONNABORTED;
        router_detach (mh->router, &m->ep);
    }
    module_free (m);

    if (errnum)
        flux_log (mh->h, LOG_ERR, "%s: %s", name ? name : "", strerror (errnum));
    flux_log (mh->h, LOG_DEBUG, "module %s exited", name ? name : "");
    if (load_request) {
        if (errnum)
            (void)flux_respond_error (mh->h, load_request, errnum, strerror (errnum));
        else
            (void)flux_respond (mh->h, load_request, NULL);
        flux_msg_decref (load_request);
    }
    answer_removers (mh, removers);
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
        if (m->thread && module_thread_ended (m->thread)) {
            /* its last words may still be on the way */
            router_drain (mh->router);
            reap (mh, m);
        }
    }
}

static void status_changed (struct module *m, void *arg)
{
    struct module_host *mh = arg;

    if (m->status == MODULE_RUNNING)
        answer_loader (mh, m, 0);
    else if (m->status == MODULE_EXITED)
        router_detach (mh->router, &m->ep);
}

static const struct module_ops module_ops = {
    .status_changed = status_changed,
};

/* Load */

/* What never changes, for the module to keep. */
static json_t *immutable_attrs (const struct attrs *attrs)
{
    json_t *o = json_object ();
    const char *name, *value;
    size_t pos = 0;

    while (o && (name = attrs_next (attrs, &pos, &value))) {
        if (!value || !(attrs_flags (attrs, name) & ATTR_IMMUTABLE))
            continue;
        if (json_object_set_new (o, name, json_string (value)) < 0) {
            json_decref (o);
            return NULL;
        }
    }
    return o;
}

/* NAME: welcome
 *   { "args":[s...] "attrs":{name:s...} "conf":o "name":s "uuid":s }
 */
static int send_welcome (struct module_host *mh, struct module *m, json_t *args)
{
    const flux_conf_t *conf = flux_get_conf (mh->h);
    json_t *attrs = immutable_attrs (mh->attrs);
    json_t *o = NULL;
    flux_msg_t *msg = NULL;
    int rc = -1;

    if (!attrs || !conf || flux_conf_unpack (conf, NULL, "o", &o) < 0
        || !(msg = flux_request_encode ("welcome", NULL))
        || flux_msg_pack (msg,
                          "{s:O s:O s:O s:s s:s}",
                          "args", args,
                          "attrs", attrs,
                          "conf", o,
                          "name", m->name,
                          "uuid", m->uuid)
               < 0
        || flux_msg_set_userid (msg, getuid ()) < 0
        || flux_msg_set_rolemask (msg, FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL) < 0)
        goto done;
    flux_msg_route_enable (msg);
    router_enter (mh->router);
    if (flux_msg_route_push (msg, mh->self->route) == 0
        && m->ep.deliver (&m->ep, &msg) == 0)
        rc = 0;
    router_leave (mh->router);
done:
    flux_msg_decref (msg);
    json_decref (attrs);
    return rc;
}

static int install (struct module_host *mh,
                    struct module *m,
                    json_t *args,
                    flux_error_t *error)
{
    int r;

    if ((r = router_attach (mh->router, &m->ep)) == 0) {
        router_enter (mh->router);
        r = service_add (mh->services, m->name, &m->ep);
        router_leave (mh->router);
        if (r < 0)
            router_detach (mh->router, &m->ep);
    }
    if (r < 0) {
        errno = -r;
        return errprintf (error, "%s", strerror (errno));
    }
    if (send_welcome (mh, m, args) < 0 || module_start (m, mh->ended_fd) < 0) {
        int saved_errno = errno;

        router_detach (mh->router, &m->ep);
        errno = saved_errno;
        return errprintf (error, "%s: %s", m->name, strerror (errno));
    }
    list_append (&mh->modules, &m->node);
    flux_log (mh->h, LOG_DEBUG, "insmod %s", m->name);
    return 0;
}

/* Returns the module, whose thread runs now, or NULL with errno; *error is
 * empty if there is nothing to add to that.
 */
static struct module *load (struct module_host *mh,
                            const char *target,
                            const char *name,
                            json_t *args,
                            flux_error_t *error)
{
    _cleanup_ (freep) char *path = NULL;
    _cleanup_ (freep) char *base = NULL;
    struct module *m;
    bool taken;

    error->text[0] = '\0';
    if (!name) {
        if (!(base = strchr (target, '/') ? module_name_from_path (target)
                                          : strdup (target)))
            return NULL;
        name = base;
    }
    if (!*name || strchr (name, '.')) {
        errno = EINVAL;
        return NULL;
    }
    router_enter (mh->router);
    taken = find_module (mh, name) || service_find (mh->services, name);
    router_leave (mh->router);
    if (taken) {
        errno = EEXIST;
        return NULL;
    }
    if (!(path = module_find (target, mh->searchpath, error))
        || !(m = module_new (
                 name, path, mh->reactor, mh->router, &module_ops, mh, error)))
        return NULL;
    m->traces = mh->traces;
    if (install (mh, m, args, error) < 0) {
        module_free (m);
        return NULL;
    }
    return m;
}

static bool all_strings (json_t *args)
{
    size_t i;
    json_t *o;

    json_array_foreach (args, i, o) {
        if (!json_is_string (o))
            return false;
    }
    return json_is_array (args);
}

static bool is_builtin (const struct module_host *mh, const char *name)
{
    for (int i = 0; mh->builtins && mh->builtins[i]; i++) {
        if (strcmp (mh->builtins[i], name) == 0)
            return true;
    }
    return false;
}

/* module.load
 *   { "path":s "args":[s...] "name"?:s "exec"?:b "loader"?:s } -> {}
 */
static void load_cb (flux_t *h, flux_msg_handler_t *mh_, const flux_msg_t *msg, void *arg)
{
    struct module_host *mh = arg;
    const char *path, *name = NULL, *loader = NULL;
    struct module *m;
    flux_error_t error;
    int exec = 0;
    json_t *args;

    if (flux_request_unpack (msg,
                             NULL,
                             "{s:s s:o s?s s?b s?s}",
                             "path", &path,
                             "args", &args,
                             "name", &name,
                             "exec", &exec,
                             "loader", &loader)
            < 0
        || !all_strings (args)) {
        (void)flux_respond_error (h, msg, EPROTO, NULL);
        return;
    }
    if (loader && !strchr (path, '/')) {
        (void)flux_respond_error (
            h, msg, EINVAL, "module loader may only be specified with module path");
        return;
    }
    if (exec && is_builtin (mh, path)) {
        (void)flux_respond_error (
            h, msg, EINVAL, "built-in modules cannot execute in a separate process");
        return;
    }
    if (exec || loader) {
        (void)flux_respond_error (
            h, msg, EINVAL, "this broker runs modules as threads only");
        return;
    }
    if (!(m = load (mh, path, name, args, &error))) {
        (void)flux_respond_error (h, msg, errno, error.text[0] ? error.text : NULL);
        return;
    }
    m->load_request = flux_msg_incref (msg);
}

/* Remove */

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
    else if (!(m = find_module (mh, name)))
        errno = ENOENT;
    else if (flux_msglist_append (m->removers, msg) == 0) {
        flux_log (h, LOG_DEBUG, "rmmod %s", m->name);
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
    else if (!(m = find_module (mh, name)))
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
    { FLUX_MSGTYPE_REQUEST, "module.load", load_cb, 0 },
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
