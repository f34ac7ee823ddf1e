#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/errprintf.h"
#include "common/util.h"

#include "module.h"
#include "module_dso.h"

/* Towards the module */

/* Wait for room in the channel if there is a backlog, for input always. */
static void choose_watcher (struct module *m)
{
    bool backlog = flux_msglist_count (m->backlog) > 0 && !m->defer;

    flux_watcher_stop (backlog ? m->in : m->inout);
    flux_watcher_start (backlog ? m->inout : m->in);
}

static int add_backlog (struct module *m, flux_msg_t **msg)
{
    if (flux_msglist_append (m->backlog, *msg) < 0)
        return -errno;
    flux_msg_decref (*msg);
    *msg = NULL;
    if (flux_msglist_count (m->backlog) == 1)
        choose_watcher (m);
    if (flux_msglist_count (m->backlog) > MODULE_BACKLOG_SOFT)
        endpoint_set_congested (&m->ep, true);
    return 0;
}

static int send_now (struct module *m, flux_msg_t **msg)
{
    if (flux_send_new (m->h, msg, FLUX_O_NONBLOCK) < 0)
        return errno == ECONNRESET ? -ENOSYS : -errno;
    return 0;
}

static void send_backlog (struct module *m)
{
    while (flux_msglist_first (m->backlog)) {
        flux_msg_t *msg = (flux_msg_t *)flux_msglist_pop (m->backlog);
        int r = send_now (m, &msg);

        if (r == -EWOULDBLOCK && flux_msglist_push (m->backlog, msg) == 0) {
            flux_msg_decref (msg);
            break;
        }
        flux_msg_decref (msg); /* NULL, or the module is gone */
    }
    if (flux_msglist_count (m->backlog) == 0)
        endpoint_set_congested (&m->ep, false);
    choose_watcher (m);
}

static int deliver (struct endpoint *ep, flux_msg_t **msg)
{
    struct module *m = container_of (ep, struct module, ep);
    int type, r;

    if (flux_msg_get_type (*msg, &type) < 0)
        return -EPROTO;
    if (m->status == MODULE_EXITED
        || (m->status == MODULE_FINALIZING && type == FLUX_MSGTYPE_REQUEST))
        return -ENOSYS;
    if (m->defer || flux_msglist_count (m->backlog) > 0)
        return add_backlog (m, msg);
    if ((r = send_now (m, msg)) == -EWOULDBLOCK)
        return add_backlog (m, msg);
    return r;
}

static int deliver_shared (struct endpoint *ep, const flux_msg_t *msg)
{
    flux_msg_t *copy = flux_msg_copy (msg, true);
    int r;

    if (!copy)
        return -errno;
    if ((r = deliver (ep, &copy)) < 0)
        flux_msg_decref (copy);
    return r;
}

void module_set_defer (struct module *m, bool defer)
{
    m->defer = defer;
    if (!defer)
        send_backlog (m);
    choose_watcher (m);
}

/* From the module */

/* module.status
 *   { "status":i "errnum"?:i } -> {}
 */
static void take_status (struct module *m, const flux_msg_t *msg)
{
    flux_msg_t *response = NULL;
    int status, errnum = 0;

    if (flux_request_unpack (msg, NULL, "{s:i s?i}", "status", &status, "errnum", &errnum)
        < 0)
        response = flux_response_derive (msg, EPROTO);
    else if (!flux_msg_is_noresponse (msg))
        response = flux_response_derive (msg, 0);
    /* The answer goes out first: after FINALIZING the module hears no more. */
    if (response && flux_msg_set_userid (response, getuid ()) == 0
        && flux_msg_set_rolemask (response, FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL) == 0
        && deliver (&m->ep, &response) == 0)
        response = NULL;
    flux_msg_decref (response);
    if (status <= (int)m->status || status > MODULE_EXITED)
        return;
    m->status = status;
    if (status == MODULE_RUNNING)
        m->was_running = true;
    if (status == MODULE_EXITED)
        m->errnum = errnum;
    m->ops->status_changed (m, m->arg);
}

static bool is_status (const flux_msg_t *msg)
{
    const char *topic;
    int type;

    return flux_msg_get_type (msg, &type) == 0 && type == FLUX_MSGTYPE_REQUEST
           && flux_msg_get_topic (msg, &topic) == 0
           && strcmp (topic, "module.status") == 0 && flux_msg_route_count (msg) <= 0;
}

/* Returns false if nothing (more) comes. */
static bool read_one (struct module *m)
{
    flux_msg_t *msg;

    if (!(msg = flux_recv (m->h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK))) {
        if (errno != EWOULDBLOCK && errno != ENOMEM) {
            /* closed: the thread is ending, and will say so elsewhere */
            flux_watcher_stop (m->in);
            flux_watcher_stop (m->inout);
        }
        return false;
    }
    if (is_status (msg)) {
        take_status (m, msg);
        flux_msg_decref (msg);
    }
    else if (m->status == MODULE_EXITED)
        flux_msg_decref (msg);
    else
        router_receive (m->router, &m->ep, msg);
    return true;
}

static void channel_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct module *m = arg;

    m->last_seen = flux_reactor_now (r);
    for (int i = 0; i < MODULE_BATCH && read_one (m); i++)
        ;
    if ((revents & FLUX_POLLOUT) && !m->defer)
        send_backlog (m);
}

void module_drain (struct module *m)
{
    while (read_one (m))
        ;
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
    if (!(m->h = flux_open (uri, FLUX_O_NONBLOCK | FLUX_O_NOREQUEUE))
        || !(m->in = flux_handle_watcher_create (
                 reactor, m->h, FLUX_POLLIN, channel_cb, m))
        || !(m->inout = flux_handle_watcher_create (
                 reactor, m->h, FLUX_POLLIN | FLUX_POLLOUT, channel_cb, m)))
        return -1;
    return 0;
}

struct module *module_new (const char *name,
                           const char *path,
                           flux_reactor_t *reactor,
                           struct router *router,
                           const struct module_ops *ops,
                           void *arg,
                           flux_error_t *error)
{
    struct module *m = calloc (1, sizeof (*m));

    if (!m || !(m->name = strdup (name)) || !(m->path = strdup (path))
        || !(m->backlog = flux_msglist_create ())
        || !(m->removers = flux_msglist_create ()))
        goto error;
    list_init (&m->node);
    endpoint_init (&m->ep, ENDPOINT_MODULE, m->name, m->uuid);
    m->ep.deliver = deliver;
    m->ep.deliver_shared = deliver_shared;
    m->router = router;
    m->ops = ops;
    m->arg = arg;
    m->last_seen = flux_reactor_now (reactor);
    if (!(m->dso = module_dso_open (path, name, &m->mod_main, error)))
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

int module_start (struct module *m, int ended_fd)
{
    char uri[64];
    flux_t *h;

    snprintf (uri, sizeof (uri), "interthread://%s", m->uuid);
    if (!(h = flux_open (uri, 0))
        || !(m->thread = module_thread_start (m->name, h, m->mod_main, ended_fd)))
        return -1;
    flux_watcher_start (m->in);
    return 0;
}

void module_free (struct module *m)
{
    int saved_errno = errno;

    if (!m)
        return;
    list_del (&m->node);
    module_thread_join (m->thread);
    flux_watcher_destroy (m->in);
    flux_watcher_destroy (m->inout);
    flux_close (m->h);
    flux_msglist_destroy (m->backlog);
    flux_msglist_destroy (m->removers);
    flux_msg_decref (m->load_request);
    module_dso_close (m->dso);
    free (m->name);
    free (m->path);
    free (m);
    errno = saved_errno;
}

static size_t queue_count (const struct module *m, const char *option)
{
    size_t count;

    return flux_opt_get (m->h, option, &count, sizeof (count)) == 0 ? count : 0;
}

size_t module_sendqueue (const struct module *m)
{
    return queue_count (m, FLUX_OPT_SEND_QUEUE_COUNT) + flux_msglist_count (m->backlog);
}

size_t module_recvqueue (const struct module *m)
{
    return queue_count (m, FLUX_OPT_RECV_QUEUE_COUNT);
}
