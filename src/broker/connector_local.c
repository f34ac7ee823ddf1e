#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/errprintf.h"
#include "common/util.h"

#include "client.h"
#include "access.h"
#include "connector_local.h"

enum {
    DEBUG_DENY = 1,
    DEBUG_GUEST = 4,
};

#define ACCEPT_PAUSE 0.010 /* seconds */

struct connector {
    struct client_host host;
    struct endpoint hop; /* our place in route stacks */
    char uuid[UUID_TEXT_SIZE];
    uint32_t owner;
    struct access access;
    int debug;
    uint64_t connects;
    int fd;
    char *path;
    flux_watcher_t *w;
    flux_watcher_t *timer; /* runs while accepting is paused */
    flux_msg_handler_t **handlers;
};

/* Whom does the kernel say this is?  0 and its roles, or -EPERM. */
static int authenticate (struct connector *c, uint32_t *userid, uint32_t *rolemask)
{
    if ((c->debug & DEBUG_DENY)) {
        c->debug &= ~DEBUG_DENY;
        flux_log (c->host.h, LOG_ERR, "connect by userid %u denied by debug flag",
                  (unsigned int)*userid);
        return -EPERM;
    }
    if (!(*rolemask = access_roles (&c->access, c->owner, *userid))) {
        flux_log (c->host.h,
                  LOG_ERR,
                  "client_authenticate: uid=%u no assigned roles",
                  (unsigned int)*userid);
        return -EPERM;
    }
    if ((c->debug & DEBUG_GUEST) && *rolemask == FLUX_ROLE_OWNER) {
        c->debug &= ~DEBUG_GUEST;
        *userid = FLUX_USERID_UNKNOWN;
        *rolemask = FLUX_ROLE_USER;
    }
    *rolemask |= FLUX_ROLE_LOCAL;
    return 0;
}

static void greet (struct connector *c, int fd)
{
    struct ucred peer;
    socklen_t len = sizeof (peer);
    uint32_t userid, rolemask;
    unsigned char byte;
    int r;

    if (getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0) {
        close (fd);
        return;
    }
    userid = peer.uid;
    r = authenticate (c, &userid, &rolemask);
    byte = -r;
    if (send (fd, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1 || r < 0
        || client_add (&c->host, fd, peer.pid, userid, rolemask) < 0) {
        close (fd);
        return;
    }
    c->connects++;
}

static void accept_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct connector *c = arg;
    int fd;

    while ((fd = accept4 (c->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
        greet (c, fd);
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        flux_watcher_stop (c->w);
        flux_timer_watcher_reset (c->timer, ACCEPT_PAUSE, 0.);
        flux_watcher_start (c->timer);
    }
    else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
        flux_log_error (c->host.h, "accept");
}

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct connector *c = arg;

    flux_watcher_start (c->w);
}

struct connector *connector_new (flux_t *h,
                                 struct router *router,
                                 struct service_table *services,
                                 struct event_hub *events,
                                 uint32_t owner)
{
    struct connector *c = calloc (1, sizeof (*c));
    int r;

    if (!c)
        return NULL;
    c->fd = -1;
    c->owner = owner;
    c->host.h = h;
    c->host.services = services;
    c->host.events = events;
    c->host.uuid = c->uuid;
    list_init (&c->host.clients);
    if ((r = uuid_generate_text (c->uuid)) < 0) {
        errno = -r;
        goto error;
    }
    endpoint_init (&c->hop, ENDPOINT_HOP, "connector-local", c->uuid);
    if ((r = router_attach (router, &c->hop)) < 0) {
        errno = -r;
        goto error;
    }
    c->host.router = router;
    if (client_host_init (&c->host) < 0)
        goto error;
    return c;
error:
    connector_free (c);
    return NULL;
}

void connector_free (struct connector *c)
{
    int saved_errno = errno;

    if (!c)
        return;
    flux_msg_handler_delvec (c->handlers);
    flux_watcher_destroy (c->w);
    flux_watcher_destroy (c->timer);
    client_host_fini (&c->host);
    if (c->host.router)
        router_detach (c->host.router, &c->hop);
    if (c->fd >= 0)
        close (c->fd);
    connector_unlink (c);
    access_fini (&c->access);
    free (c);
    errno = saved_errno;
}

void connector_unlink (struct connector *c)
{
    if (c->path) {
        (void)unlink (c->path);
        free (c->path);
        c->path = NULL;
    }
}

void connector_flush (struct connector *c)
{
    client_host_flush (&c->host);
}

int connector_configure (struct connector *c,
                         const flux_conf_t *conf,
                         flux_error_t *error)
{
    return access_configure (&c->access, c->host.h, conf, error);
}

static int listen_at (const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd;

    if (strlen (path) >= sizeof (addr.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy (addr.sun_path, path);
    if (unlink (path) < 0 && errno != ENOENT)
        return -1;
    if ((fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
        return -1;
    /* A longer backlog than stock: a burst of clients must not see EAGAIN. */
    if (bind (fd, (struct sockaddr *)&addr, sizeof (addr)) < 0 || chmod (path, 0777) < 0
        || listen (fd, SOMAXCONN) < 0) {
        int saved_errno = errno;

        close (fd);
        errno = saved_errno;
        return -1;
    }
    return fd;
}

int connector_listen (struct connector *c, const char *path, flux_error_t *error)
{
    flux_reactor_t *r = flux_get_reactor (c->host.h);

    if ((c->fd = listen_at (path)) < 0 || !(c->path = strdup (path))
        || !(c->w = flux_fd_watcher_create (r, c->fd, FLUX_POLLIN, accept_cb, c))
        || !(c->timer = flux_timer_watcher_create (r, ACCEPT_PAUSE, 0., timer_cb, c)))
        return errprintf (error, "could not listen on %s: %s", path, strerror (errno));
    flux_watcher_start (c->w);
    return 0;
}

/* connector-local.stats-get
 *   -> { "server":{ "clients":[...] "connects":i }
 *        "allow_guest_user":b "allow_root_owner":b }
 */
static void stats_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct connector *c = arg;
    json_t *clients;

    if (!(clients = client_host_stats (&c->host))
        || flux_respond_pack (h,
                              msg,
                              "{s:{s:O s:I} s:b s:b}",
                              "server",
                              "clients", clients,
                              "connects", (json_int_t)c->connects,
                              "allow_guest_user", (int)c->access.allow_guest_user,
                              "allow_root_owner", (int)c->access.allow_root_owner)
               < 0)
        (void)flux_respond_error (h, msg, errno, NULL);
    json_decref (clients);
}

/* connector-local.debug
 *   { "op":s "flags":i } -> { "flags":i }
 */
static void debug_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct connector *c = arg;
    const char *op;
    int flags;

    if (flux_request_unpack (msg, NULL, "{s:s s:i}", "op", &op, "flags", &flags) < 0)
        goto proto;
    if (strcmp (op, "setbit") == 0)
        c->debug |= flags;
    else if (strcmp (op, "clrbit") == 0)
        c->debug &= ~flags;
    else if (strcmp (op, "set") == 0)
        c->debug = flags;
    else if (strcmp (op, "clr") == 0)
        c->debug = 0;
    else
        goto proto;
    (void)flux_respond_pack (h, msg, "{s:i}", "flags", c->debug);
    return;
proto:
    (void)flux_respond_error (h, msg, EPROTO, NULL);
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "connector-local.stats-get", stats_cb, FLUX_ROLE_ALL },
    { FLUX_MSGTYPE_REQUEST, "connector-local.debug", debug_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

int connector_serve (struct connector *c, struct endpoint *self)
{
    int r;

    if ((r = service_add (c->host.services, "connector-local", self)) < 0) {
        errno = -r;
        return -1;
    }
    return flux_msg_handler_addvec (c->host.h, htab, c, &c->handlers);
}
