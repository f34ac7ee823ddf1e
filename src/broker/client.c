#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "libflux/usock.h"

#include "client.h"

struct client {
    struct endpoint ep;
    char uuid[UUID_TEXT_SIZE];
    struct client_host *host;
    struct usock *us;
    flux_watcher_t *in;
    flux_watcher_t *out;
    struct list node;  /* in host->clients */
    struct list dirty; /* in host->dirty */
    struct list ready; /* in host->ready */
    pid_t pid;
    uint64_t rx; /* messages */
    uint64_t tx;
    bool paused;     /* does not read fast enough: input waits */
    bool throttled;  /* and its streams have been paused */
    bool stopped;    /* sends too fast for somebody: input waits */
    bool dead;       /* to be freed from the reactor */
    int errnum;      /* why */
    bool send_error; /* the peer reads no more: output is dropped */
};

static void mark_dirty (struct client *c)
{
    if (!list_linked (&c->dirty)) {
        if (list_empty (&c->host->dirty))
            flux_watcher_start (c->host->prepare);
        list_append (&c->host->dirty, &c->dirty);
    }
}

/* Not before the reactor turns: somebody may be delivering to it.  Nor is it
 * logged before: it may be the log that is being delivered.
 */
static void kill_later (struct client *c, int errnum)
{
    if (!c->dead) {
        c->dead = true;
        c->errnum = errnum;
        flux_watcher_stop (c->in);
        flux_watcher_stop (c->out);
        mark_dirty (c);
    }
}

/* Output */

static int client_send (struct client *c, const flux_msg_t *msg)
{
    if (c->dead)
        return -ENOSYS;
    if (c->send_error)
        return 0; /* nobody reads it any more */
    if (usock_queue (c->us, msg) < 0) {
        int errnum = errno;

        if (errnum == EWOULDBLOCK) {
            errnum = ENOBUFS;
            kill_later (c, errnum);
        }
        return -errnum;
    }
    c->tx++;
    if (!c->paused && usock_queued (c->us) > CLIENT_SEND_SOFT) {
        c->paused = true;
        flux_watcher_stop (c->in);
    }
    mark_dirty (c);
    return 0;
}

static int deliver (struct endpoint *ep, flux_msg_t **msg)
{
    int r = client_send (container_of (ep, struct client, ep), *msg);

    if (r == 0) {
        flux_msg_decref (*msg);
        *msg = NULL;
    }
    return r;
}

static int deliver_shared (struct endpoint *ep, const flux_msg_t *msg)
{
    return client_send (container_of (ep, struct client, ep), msg);
}

static void mark_ready (struct client *c)
{
    if (!list_linked (&c->ready)) {
        if (list_empty (&c->host->ready)) {
            flux_watcher_start (c->host->idle);
            flux_watcher_start (c->host->check);
        }
        list_append (&c->host->ready, &c->ready);
    }
}

/* Read again, unless there is another reason not to. */
static void resume (struct client *c)
{
    if (!c->dead && !c->paused && !c->stopped) {
        flux_watcher_start (c->in);
        mark_ready (c); /* its input buffer may hold whole messages */
    }
}

static void stop (struct endpoint *ep, bool yes)
{
    struct client *c = container_of (ep, struct client, ep);

    c->stopped = yes;
    if (yes)
        flux_watcher_stop (c->in);
    else
        resume (c);
}

static void client_throttle (struct client *c, bool on)
{
    c->throttled = on;
    router_throttle (c->host->router, &c->ep, on);
}

static void client_flush (struct client *c)
{
    int r;

    if (c->send_error)
        return;
    if ((r = usock_flush (c->us)) < 0) {
        c->send_error = true;
        c->errnum = errno; /* to be logged when its input ends */
    }
    if (r > 0)
        flux_watcher_start (c->out);
    else
        flux_watcher_stop (c->out);
    if (!c->throttled && usock_queued (c->us) > CLIENT_SEND_STREAM)
        client_throttle (c, true);
    else if (c->throttled && usock_queued (c->us) <= CLIENT_SEND_SOFT)
        client_throttle (c, false);
    if (c->paused && usock_queued (c->us) <= CLIENT_SEND_SOFT / 2) {
        c->paused = false;
        resume (c);
    }
}

static void out_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    client_flush (arg);
}

/* The requests that a connection answers itself */

static int subscribe (struct client *c, const flux_msg_t *msg)
{
    const char *topic;

    if (flux_request_unpack (msg, NULL, "{s:s}", "topic", &topic) < 0)
        return -EPROTO;
    return event_subscribe (c->host->events, &c->ep, topic);
}

static int unsubscribe (struct client *c, const flux_msg_t *msg)
{
    const char *topic;

    if (flux_request_unpack (msg, NULL, "{s:s}", "topic", &topic) < 0)
        return -EPROTO;
    return event_unsubscribe (c->host->events, &c->ep, topic);
}

/* Who sends this: an owner may speak as somebody else. */
static struct flux_msg_cred request_cred (struct client *c, const flux_msg_t *msg)
{
    struct flux_msg_cred cred = { .userid = c->ep.userid, .rolemask = c->ep.rolemask };
    struct flux_msg_cred claim;

    if (endpoint_is_owner (&c->ep) && flux_msg_get_cred (msg, &claim) == 0) {
        if (claim.userid != FLUX_USERID_UNKNOWN)
            cred.userid = claim.userid;
        if (claim.rolemask != FLUX_ROLE_NONE)
            cred.rolemask = claim.rolemask;
    }
    return cred;
}

static int add_service (struct client *c, const flux_msg_t *msg)
{
    const char *name;
    int r;

    if (flux_request_unpack (msg, NULL, "{s:s}", "service", &name) < 0)
        return -EPROTO;
    if ((r = service_authorize (name, request_cred (c, msg))) < 0)
        return r;
    return service_add (c->host->services, name, &c->ep);
}

static int remove_service (struct client *c, const flux_msg_t *msg)
{
    const char *name;
    int r;

    if (flux_request_unpack (msg, NULL, "{s:s}", "service", &name) < 0)
        return -EPROTO;
    if ((r = service_authorize (name, request_cred (c, msg))) < 0)
        return r;
    r = service_remove (c->host->services, name, &c->ep);
    return r == -EINVAL ? -ENOENT : r;
}

static const struct {
    const char *topic;
    int (*answer) (struct client *c, const flux_msg_t *msg);
} own_requests[] = {
    { "event.subscribe", subscribe },
    { "event.unsubscribe", unsubscribe },
    { "service.add", add_service },
    { "service.remove", remove_service },
};

/* wire.md section 2: these replies carry no routes, no userid and OWNER, and
 * are sent even to a request that wants none.
 */
static void answer (struct client *c, const flux_msg_t *msg, int errnum)
{
    flux_msg_t *request = flux_msg_copy (msg, false);
    flux_msg_t *response = NULL;

    if (request && flux_msg_clear_flag (request, FLUX_MSGFLAG_NORESPONSE) == 0)
        response = flux_response_derive (request, errnum);
    if (!response || flux_msg_set_userid (response, FLUX_USERID_UNKNOWN) < 0
        || flux_msg_set_rolemask (response, FLUX_ROLE_OWNER) < 0) {
        kill_later (c, errno); /* better than a client that waits for ever */
    }
    else {
        flux_msg_route_clear (response);
        (void)client_send (c, response);
    }
    flux_msg_decref (request);
    flux_msg_decref (response);
}

static bool answer_own_request (struct client *c, const flux_msg_t *msg)
{
    const char *topic;
    int type;

    if (flux_msg_get_type (msg, &type) < 0 || type != FLUX_MSGTYPE_REQUEST
        || flux_msg_get_topic (msg, &topic) < 0)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE (own_requests); i++) {
        if (strcmp (topic, own_requests[i].topic) == 0) {
            int r;

            router_enter (c->host->router);
            r = own_requests[i].answer (c, msg);
            router_leave (c->host->router);
            answer (c, msg, -r);
            return true;
        }
    }
    return false;
}

/* Input */

static void client_read (struct client *c)
{
    for (int i = 0; i < CLIENT_BATCH; i++) {
        flux_msg_t *msg;

        if (c->dead || c->paused || c->stopped)
            return;
        if (!(msg = usock_recv (c->us))) {
            if (errno != EWOULDBLOCK && errno != ENOMEM)
                kill_later (c, c->errnum ? c->errnum : errno);
            return;
        }
        c->rx++;
        if (answer_own_request (c, msg))
            flux_msg_decref (msg);
        else
            router_receive (c->host->router, &c->ep, msg);
    }
    if (usock_ready (c->us))
        mark_ready (c);
}

static void in_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct client *c = arg;

    /* it has its turn when 'ready' is worked off */
    if (!list_linked (&c->ready))
        client_read (c);
}

/* An idle watcher runs only when nothing else is to be done, so the work is
 * not done there: somebody always is busy.
 */
static void idle_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
}

static void check_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct client_host *host = arg;
    struct list turn;
    struct client *c;

    list_init (&turn);
    list_splice (&turn, &host->ready);
    while ((c = list_first (&turn, struct client, ready))) {
        list_del (&c->ready);
        client_read (c);
    }
    if (list_empty (&host->ready)) {
        flux_watcher_stop (host->idle);
        flux_watcher_stop (host->check);
    }
}

/* Life */

static void client_free (struct client *c)
{
    int saved_errno = errno;

    list_del (&c->node);
    list_del (&c->dirty);
    list_del (&c->ready);
    flux_watcher_destroy (c->in);
    flux_watcher_destroy (c->out);
    usock_destroy (c->us);
    free (c);
    errno = saved_errno;
}

static void log_reason (const struct client *c)
{
    int errnum = c->errnum;

    if (errnum == 0 || errnum == EPIPE || errnum == EPROTO || errnum == ECONNRESET)
        return;
    flux_log (c->host->h,
              LOG_ERR,
              "client=%.5s userid=%u: %s",
              c->uuid,
              (unsigned int)c->ep.userid,
              strerror (errnum));
}

static void client_leave (struct client *c)
{
    log_reason (c);
    router_detach (c->host->router, &c->ep);
    client_free (c);
}

static void flush_dirty (struct client_host *host)
{
    struct list turn;
    struct client *c;

    /* Whatever a leaving client sets off may make others dirty: those have
     * their turn now, too.
     */
    while (!list_empty (&host->dirty)) {
        list_init (&turn);
        list_splice (&turn, &host->dirty);
        while ((c = list_first (&turn, struct client, dirty))) {
            list_del (&c->dirty);
            if (c->dead)
                client_leave (c);
            else
                client_flush (c);
        }
    }
}

static void prepare_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct client_host *host = arg;

    flush_dirty (host);
    flux_watcher_stop (host->prepare);
}

void client_host_flush (struct client_host *host)
{
    flush_dirty (host);
}

static void client_setup (struct client *c,
                          struct client_host *host,
                          pid_t pid,
                          uint32_t userid,
                          uint32_t rolemask)
{
    endpoint_init (&c->ep, ENDPOINT_CLIENT, "client", c->uuid);
    c->ep.via = host->uuid;
    c->ep.userid = userid;
    c->ep.rolemask = rolemask;
    c->ep.deliver = deliver;
    c->ep.deliver_shared = deliver_shared;
    c->ep.stop = stop;
    c->host = host;
    c->pid = pid;
    list_init (&c->node);
    list_init (&c->dirty);
    list_init (&c->ready);
}

int client_add (struct client_host *host,
                int fd,
                pid_t pid,
                uint32_t userid,
                uint32_t rolemask)
{
    flux_reactor_t *r = flux_get_reactor (host->h);
    struct client *c = calloc (1, sizeof (*c));
    int rc;

    if (!c)
        return -1;
    client_setup (c, host, pid, userid, rolemask);
    if ((rc = uuid_generate_text (c->uuid)) < 0) {
        errno = -rc;
        goto error;
    }
    if (!(c->in = flux_fd_watcher_create (r, fd, FLUX_POLLIN, in_cb, c))
        || !(c->out = flux_fd_watcher_create (r, fd, FLUX_POLLOUT, out_cb, c)))
        goto error;
    if ((rc = router_attach (host->router, &c->ep)) < 0) {
        errno = -rc;
        goto error;
    }
    if (!(c->us = usock_create (fd))) {
        router_detach (host->router, &c->ep);
        goto error;
    }
    usock_set_send_max (c->us, host->send_hard);
    list_append (&host->clients, &c->node);
    flux_watcher_start (c->in);
    return 0;
error:
    client_free (c);
    return -1;
}

int client_host_init (struct client_host *host)
{
    flux_reactor_t *r = flux_get_reactor (host->h);

    list_init (&host->clients);
    list_init (&host->dirty);
    list_init (&host->ready);
    host->send_hard = CLIENT_SEND_HARD;
    if (!(host->prepare = flux_prepare_watcher_create (r, prepare_cb, host))
        || !(host->check = flux_check_watcher_create (r, check_cb, host))
        || !(host->idle = flux_idle_watcher_create (r, idle_cb, host)))
        return -1;
    return 0;
}

void client_host_fini (struct client_host *host)
{
    struct client *c;

    while ((c = list_first (&host->clients, struct client, node)))
        client_leave (c);
    flux_watcher_destroy (host->prepare);
    flux_watcher_destroy (host->check);
    flux_watcher_destroy (host->idle);
    host->prepare = host->check = host->idle = NULL;
}

json_t *client_host_stats (const struct client_host *host)
{
    json_t *a = json_array ();
    struct client *c;

    list_foreach (&host->clients, c, node) {
        json_t *o = json_pack ("{s:s s:I s:I s:I s:I s:I}",
                               "uuid", c->uuid,
                               "userid", (json_int_t)c->ep.userid,
                               "pid", (json_int_t)c->pid,
                               "txcount", (json_int_t)c->tx,
                               "rxcount", (json_int_t)c->rx,
                               "rxbacklog", (json_int_t)usock_queued (c->us));

        if (!a || !o || json_array_append_new (a, o) < 0) {
            json_decref (a);
            return NULL;
        }
    }
    return a;
}
