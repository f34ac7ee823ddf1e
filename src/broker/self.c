#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <flux/core/connector.h>

#include "common/util.h"

#include "self.h"

struct direct {
    const struct self_direct *spec;
    void *arg;
};

struct self {
    struct endpoint ep;
    struct table direct; /* topic => struct direct */
    struct router *router;
    flux_t *h;
    struct flux_msglist *queue;
    int wakefd; /* readable when the queue went from empty to not */
    bool awake; /* wakefd was written to, and not read since */
};

static void check_congestion (struct self *s)
{
    int limit = s->ep.congested ? SELF_QUEUE_SOFT / 2 : SELF_QUEUE_SOFT;
    bool yes = flux_msglist_count (s->queue) > limit;

    if (yes != s->ep.congested)
        endpoint_set_congested (&s->ep, yes);
}

/* The same check and texts as the dispatcher has for its handlers. */
static bool refuse_role (struct self *s, const struct direct *d, const flux_msg_t *msg)
{
    uint32_t rolemask;

    if (flux_msg_get_rolemask (msg, &rolemask) == 0
        && (rolemask & (d->spec->rolemask | FLUX_ROLE_OWNER)))
        return false;
    router_respond (s->router,
                    msg,
                    EPERM,
                    d->spec->rolemask ? "Request rejected due to insufficient privilege"
                                      : "Request requires owner credentials");
    return true;
}

static bool handle_directly (struct self *s, const flux_msg_t *msg, bool anywhere)
{
    const struct direct *d;
    const char *topic;
    int type;

    if (flux_msg_get_type (msg, &type) < 0 || type != FLUX_MSGTYPE_REQUEST
        || flux_msg_get_topic (msg, &topic) < 0
        || !(d = table_get_str (&s->direct, topic)) || d->spec->anywhere != anywhere)
        return false;
    if (!refuse_role (s, d, msg))
        d->spec->cb (anywhere ? NULL : s->h, msg, d->arg);
    return true;
}

static bool answer (struct endpoint *ep, const flux_msg_t *msg)
{
    return handle_directly (container_of (ep, struct self, ep), msg, true);
}

static int deliver (struct endpoint *ep, flux_msg_t **msg)
{
    struct self *s = container_of (ep, struct self, ep);
    bool idle = flux_msglist_count (s->queue) == 0;

    if (handle_directly (s, *msg, false)) {
        flux_msg_decref (*msg);
        *msg = NULL;
        return 0;
    }
    if (flux_msglist_append (s->queue, *msg) < 0)
        return -errno;
    flux_msg_decref (*msg);
    *msg = NULL;
    if (idle && !s->awake) {
        (void)eventfd_write (s->wakefd, 1);
        s->awake = true;
    }
    check_congestion (s);
    return 0;
}

/* Without a send operation flux_send () copies the message for us. */
static int op_send_new (void *impl, flux_msg_t **msg, int flags)
{
    struct self *s = impl;

    router_receive (s->router, &s->ep, *msg);
    *msg = NULL;
    return 0;
}

static flux_msg_t *op_recv (void *impl, int flags)
{
    struct self *s = impl;
    const flux_msg_t *msg;

    flux_msglist_first (s->queue);
    if (!(msg = flux_msglist_pop (s->queue)))
        errno = EWOULDBLOCK;
    else
        check_congestion (s);
    return (flux_msg_t *)msg;
}

static int op_pollfd (void *impl)
{
    struct self *s = impl;

    return s->wakefd;
}

static int op_pollevents (void *impl)
{
    struct self *s = impl;
    eventfd_t value;

    if (flux_msglist_count (s->queue) > 0)
        return FLUX_POLLIN | FLUX_POLLOUT;
    if (s->awake) {
        (void)eventfd_read (s->wakefd, &value);
        s->awake = false;
    }
    return FLUX_POLLOUT;
}

static const struct flux_handle_ops ops = {
    .pollfd = op_pollfd,
    .pollevents = op_pollevents,
    .recv = op_recv,
    .send_new = op_send_new,
};

struct self *self_new (struct router *router, flux_reactor_t *reactor, const char *uuid)
{
    struct self *s = calloc (1, sizeof (*s));
    int r;

    if (!s)
        return NULL;
    endpoint_init (&s->ep, ENDPOINT_SELF, "broker", uuid);
    table_init (&s->direct);
    s->ep.deliver = deliver;
    s->ep.deliver_shared = endpoint_deliver_copy;
    s->ep.answer = answer;
    if ((s->wakefd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0
        || !(s->queue = flux_msglist_create ())
        || !(s->h = flux_handle_create (s, &ops, FLUX_O_NOREQUEUE))
        || flux_set_reactor (s->h, reactor) < 0)
        goto error;
    if ((r = router_attach (router, &s->ep)) < 0) {
        errno = -r;
        goto error;
    }
    s->router = router;
    return s;
error:
    self_free (s);
    return NULL;
}

int self_add_direct (struct self *s, const struct self_direct *tab, void *arg)
{
    for (; tab->topic; tab++) {
        struct direct *d = calloc (1, sizeof (*d));
        int r = -ENOMEM;

        if (d) {
            d->spec = tab;
            d->arg = arg;
            r = table_put_str (&s->direct, tab->topic, d);
        }
        if (r < 0) {
            free (d);
            errno = -r;
            return -1;
        }
    }
    return 0;
}

void self_free (struct self *s)
{
    int saved_errno = errno;
    struct direct *d;

    if (!s)
        return;
    while ((d = table_pop (&s->direct)))
        free (d);
    table_fini (&s->direct);
    if (s->router)
        router_detach (s->router, &s->ep);
    flux_close (s->h);
    flux_msglist_destroy (s->queue);
    if (s->wakefd >= 0)
        close (s->wakefd);
    free (s);
    errno = saved_errno;
}

flux_t *self_handle (struct self *s)
{
    return s->h;
}

struct endpoint *self_endpoint (struct self *s)
{
    return &s->ep;
}
