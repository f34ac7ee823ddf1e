#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/errprintf.h"
#include "common/util.h"

#include "module.h"
#include "module_dso.h"
#include "patient.h"

/* Towards the module */

double module_now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC_COARSE, &ts);
    return ts.tv_sec + ts.tv_nsec * 1e-9;
}

static bool is_full (const struct module *m)
{
    int full;

    return flux_opt_get (m->h, INTERTHREAD_FULL, &full, sizeof (full)) == 0 && full;
}

static int push (struct module *m, flux_msg_t **msg)
{
    flux_msg_t *nothing = NULL;

    m->has_time = patient (*msg);
    if (flux_send_new (m->h, msg, FLUX_O_NONBLOCK) < 0)
        return errno == ECONNRESET ? -ENOSYS : -errno;
    if (!m->has_time && m->waker)
        monitor_hurry (router_monitor (m->router), m->waker);
    if (!m->ep.congested && is_full (m)) {
        endpoint_set_congested (&m->ep, true);
        /* The desk waits for room.  Without memory for the note that asks for
         * it, clients are not stopped.
         */
        if (mailbox_put (router_mailbox (m->router), &m->desk, &nothing) < 0)
            endpoint_set_congested (&m->ep, false);
    }
    return 0;
}

/* It has a message and sleeps. */
static void wake (void *arg, struct waker *w)
{
    struct module *m = arg;

    m->waker = w;
    if (m->has_time)
        monitor_wake_later (router_monitor (m->router), w);
    else
        monitor_wake (router_monitor (m->router), w);
}

/* In the module's thread: it works, or is about to sleep. */
static void put_off (void *arg, bool yes)
{
    if (yes)
        monitor_hold ();
    else
        monitor_let_go ();
}

static int hold (struct module *m, flux_msg_t **msg)
{
    if (flux_msglist_append (m->held, *msg) < 0)
        return -errno;
    flux_msg_decref (*msg);
    *msg = NULL;
    return 0;
}

static int deliver (struct endpoint *ep, flux_msg_t **msg)
{
    struct module *m = container_of (ep, struct module, ep);
    int type;

    if (flux_msg_get_type (*msg, &type) < 0)
        return -EPROTO;
    if (m->status == MODULE_EXITED
        || (m->status == MODULE_FINALIZING && type == FLUX_MSGTYPE_REQUEST))
        return -ENOSYS;
    trace_message (m->traces, *msg, "rx", m->name, -1);
    return m->defer ? hold (m, msg) : push (m, msg);
}

void module_set_defer (struct module *m, bool defer)
{
    router_enter (m->router);
    m->defer = defer;
    while (!defer && flux_msglist_first (m->held)) {
        flux_msg_t *msg = (flux_msg_t *)flux_msglist_pop (m->held);

        (void)push (m, &msg);
        flux_msg_decref (msg); /* NULL, or the module is gone */
    }
    router_leave (m->router);
}

static void room_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct module *m = arg;

    flux_watcher_stop (w);
    router_enter (m->router);
    endpoint_set_congested (&m->ep, false);
    router_leave (m->router);
}

/* From the module */

/* module.status
 *   { "status":i "errnum"?:i } -> {}
 */
static void take_status (struct module *m, const flux_msg_t *msg)
{
    int status, errnum = 0;
    bool changed;

    router_enter (m->router);
    /* The answer goes out first: after FINALIZING the module hears no more. */
    if (flux_request_unpack (msg, NULL, "{s:i s?i}", "status", &status, "errnum", &errnum)
        < 0) {
        status = -1;
        router_respond (m->router, msg, EPROTO, NULL);
    }
    else
        router_respond (m->router, msg, 0, NULL);
    changed = status > (int)m->status && status <= MODULE_EXITED;
    if (changed)
        m->status = status;
    if (changed && status == MODULE_RUNNING)
        m->was_running = true;
    if (changed && status == MODULE_EXITED)
        m->errnum = errnum;
    router_leave (m->router);
    if (changed)
        m->ops->status_changed (m, m->arg);
}

/* In the broker's thread: a status of the module's, or there is no room. */
static int take_letter (struct endpoint *ep, flux_msg_t **msg)
{
    struct module *m = container_of (ep, struct module, desk);

    if (!*msg)
        flux_watcher_start (m->out);
    else
        take_status (m, *msg);
    flux_msg_decref (*msg);
    *msg = NULL;
    return 0;
}

static bool is_status (const flux_msg_t *msg)
{
    const char *topic;
    int type;

    return flux_msg_get_type (msg, &type) == 0 && type == FLUX_MSGTYPE_REQUEST
           && flux_msg_get_topic (msg, &topic) == 0
           && strcmp (topic, "module.status") == 0 && flux_msg_route_count (msg) <= 0;
}

/* In the module's thread. */
static int send (void *arg, flux_msg_t **msg, int flags)
{
    struct module *m = arg;
    struct mailbox *mb = router_mailbox (m->router);
    int r = 0;

    if ((flags & FLUX_O_NONBLOCK) && mailbox_full (mb)) {
        errno = EWOULDBLOCK;
        return -1;
    }
    mailbox_wait (mb);
    router_enter (m->router);
    m->last_seen = module_now ();
    trace_message (m->traces, *msg, "tx", m->name, -1);
    if (is_status (*msg)) {
        flux_msg_route_enable (*msg);
        if (flux_msg_route_push (*msg, m->uuid) < 0)
            r = -errno;
        else
            r = mailbox_put (mb, &m->desk, msg);
    }
    else {
        if (m->status == MODULE_EXITED)
            flux_msg_decref (*msg);
        else
            router_receive (m->router, &m->ep, *msg);
        *msg = NULL;
    }
    router_leave (m->router);
    if (r < 0)
        errno = -r;
    return r < 0 ? -1 : 0;
}

/* Life */

static int open_channel (struct module *m, flux_reactor_t *reactor)
{
    char uri[64];
    int r;

    if ((r = uuid_generate_text (m->uuid)) < 0) {
        errno = -r;
        return -1;
    }
    snprintf (uri, sizeof (uri), "interthread://%s", m->uuid);
    m->tap.send = send;
    m->tap.wake = wake;
    m->tap.hold = put_off;
    m->tap.arg = m;
    if (!(m->h = flux_open (uri, FLUX_O_NONBLOCK | FLUX_O_NOREQUEUE))
        || flux_opt_set (m->h, INTERTHREAD_TAP, &m->tap, sizeof (m->tap)) < 0
        || !(m->out = flux_handle_watcher_create (
                 reactor, m->h, FLUX_POLLOUT, room_cb, m)))
        return -1;
    return 0;
}

struct module *module_new (const char *name,
                           const char *path,
                           const char *loader,
                           flux_reactor_t *reactor,
                           struct router *router,
                           const struct module_ops *ops,
                           void *arg,
                           flux_error_t *error)
{
    struct module *m = calloc (1, sizeof (*m));

    if (!m || !(m->name = strdup (name)) || !(m->path = strdup (path))
        || (loader && !(m->loader = strdup (loader)))
        || !(m->held = flux_msglist_create ())
        || !(m->removers = flux_msglist_create ()))
        goto error;
    list_init (&m->node);
    endpoint_init (&m->ep, ENDPOINT_MODULE, m->name, m->uuid);
    m->ep.deliver = deliver;
    m->ep.deliver_shared = endpoint_deliver_copy;
    m->ep.mortal = loader != NULL;
    endpoint_init (&m->desk, ENDPOINT_HOP, m->name, m->uuid);
    m->desk.deliver = take_letter;
    m->router = router;
    m->ops = ops;
    m->arg = arg;
    m->last_seen = module_now ();
    if (!loader
        && !(m->dso = module_dso_open (path, name, &m->mod_main, error)))
        goto error_told;
    if (open_channel (m, reactor) < 0)
        goto error;
    return m;
error:
    errprintf (error, "%s: %s", name, strerror (errno));
error_told:
    module_free (m);
    return NULL;
}

int module_start (struct module *m, const struct module_exec *exec, int ended_fd)
{
    struct module_body body = { .mod_main = m->mod_main };
    char uri[64];
    flux_t *h;

    if (m->loader
        && !(m->process = module_process_start (
                 exec->flux, m->loader, m->path, exec->env)))
        return -1;
    body.process = m->process;
    snprintf (uri, sizeof (uri), "interthread://%s", m->uuid);
    if (!(h = flux_open (uri, 0))
        || !(m->thread = module_thread_start (m->name, h, &body, ended_fd)))
        return -1;
    return 0;
}

int module_why_ended (const struct module *m, flux_error_t *error)
{
    if (!m->process) {
        errprintf (error, "%s", strerror (ECONNABORTED));
        return ECONNABORTED;
    }
    module_process_describe (m->process, error->text, sizeof (error->text));
    return EINVAL;
}

/* A note that there is no room may have been left on it by another thread. */
static void forget_desk (struct module *m)
{
    if (!m->router)
        return;
    router_enter (m->router);
    mailbox_forget (router_mailbox (m->router), &m->desk);
    router_leave (m->router);
}

void module_free (struct module *m)
{
    int saved_errno = errno;

    if (!m)
        return;
    list_del (&m->node);
    module_thread_join (m->thread);
    module_process_free (m->process);
    forget_desk (m);
    flux_watcher_destroy (m->out);
    flux_watcher_destroy (m->patience);
    flux_close (m->h);
    flux_msglist_destroy (m->held);
    flux_msglist_destroy (m->removers);
    flux_msg_decref (m->load_request);
    module_dso_close (m->dso);
    free (m->name);
    free (m->path);
    free (m->loader);
    free (m);
    errno = saved_errno;
}

size_t module_sendqueue (const struct module *m)
{
    size_t count;

    if (flux_opt_get (m->h, FLUX_OPT_SEND_QUEUE_COUNT, &count, sizeof (count)) < 0)
        count = 0;
    return count + flux_msglist_count (m->held);
}
