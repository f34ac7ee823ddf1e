/* The transport over ZeroMQ: one pair of DEALER sockets per link, with CURVE
 * keys made by libsodium.
 *
 * One socket per link, and its monitor, is what tells at once, and reliably
 * which, peer has gone: the kernel closes the connection of a dead process.
 */

#include "config.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "common/errprintf.h"
#include "common/util.h"

#include "zmq_private.h"

_Static_assert(TRANSPORT_KEY_SIZE == 2 * KEY + 1, "hex digits and NUL");
_Static_assert(crypto_box_SECRETKEYBYTES == KEY, "CURVE keys have one size");

enum {
    RECONNECT_MS = 5,
    FRAMES = 64, /* that ZeroMQ keeps in either direction */
};

#define HANDSHAKE_FAILED                                                        \
    (ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL \
     | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
#define EVENTS                                                                 \
    (ZMQ_EVENT_HANDSHAKE_SUCCEEDED | HANDSHAKE_FAILED | ZMQ_EVENT_DISCONNECTED \
     | ZMQ_EVENT_CONNECT_RETRIED)

static int key_decode (const char *text, unsigned char key[KEY])
{
    size_t len;

    if (sodium_hex2bin (key, KEY, text, strlen (text), NULL, &len, NULL) < 0 || len != KEY
        || text[2 * KEY] != '\0') {
        errno = EINVAL;
        return -1;
    }
    return 0;
}

static void link_close (struct link *l)
{
    if (link_is_closed (l))
        return;
    list_del (&l->dirty);
    flux_watcher_destroy (l->w);
    flux_watcher_destroy (l->monitor_w);
    l->w = l->monitor_w = NULL;
    (void)zmq_socket_monitor (l->sock, NULL, 0);
    if (l->monitor)
        zmq_close (l->monitor);
    zmq_close (l->sock);
    l->sock = l->monitor = NULL;
    if (l->framed)
        zmq_msg_close (&l->frame);
    l->framed = false;
    text_fini (&l->out);
}

void link_lose (struct link *l, const char *why)
{
    if (link_is_closed (l))
        return;
    link_close (l);
    l->ops->lost (l, why, l->arg);
}

/* Coming and going */

/* The number of the event in the first frame, 0 if there is none. */
static int monitor_read (struct link *l)
{
    unsigned char buf[512];
    uint16_t event = 0;
    int more = 1;
    size_t size;

    if (zmq_recv (l->monitor, buf, sizeof (buf), ZMQ_DONTWAIT) < 6)
        return 0;
    memcpy (&event, buf, sizeof (event));
    for (;;) {
        size = sizeof (more);
        if (zmq_getsockopt (l->monitor, ZMQ_RCVMORE, &more, &size) < 0 || !more)
            break;
        (void)zmq_recv (l->monitor, buf, sizeof (buf), ZMQ_DONTWAIT);
    }
    return event;
}

/* A connection has ended: that of our peer, unless it is that of somebody who
 * was turned away.  If the two go at the same time the second one tells.
 */
static void disconnected (struct link *l)
{
    if (l->strangers > 0)
        l->strangers--;
    else if (l->up) {
        /* its last words may still be here */
        while (!link_is_closed (l) && link_receive_frame (l) > 0)
            ;
        link_lose (l, "connection lost");
    }
}

static void monitor_work (struct link *l)
{
    int event;

    while (!link_is_closed (l) && (event = monitor_read (l))) {
        if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
            l->up = true;
        else if (event == ZMQ_EVENT_DISCONNECTED)
            disconnected (l);
        else if (event == ZMQ_EVENT_CONNECT_RETRIED)
            link_lose (l, "nobody is there"); /* who listens did so before we knew */
        else if ((event & HANDSHAKE_FAILED) && l->connects)
            link_lose (l, "turned away");
        else if ((event & HANDSHAKE_FAILED))
            l->strangers++;
    }
}

static void monitor_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    monitor_work (arg);
}

static void link_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct link *l = arg;

    if (!link_is_closed (l))
        link_work (l);
}

/* Making */

static flux_watcher_t *
watch_socket (struct transport *t, void *sock, flux_watcher_f cb, void *arg)
{
    flux_watcher_t *w;
    int fd;
    size_t size = sizeof (fd);

    if (zmq_getsockopt (sock, ZMQ_FD, &fd, &size) < 0
        || !(w = flux_fd_watcher_create (t->reactor, fd, FLUX_POLLIN, cb, arg)))
        return NULL;
    flux_watcher_start (w);
    return w;
}

static void link_free (struct link *l)
{
    int saved_errno = errno;

    if (!l)
        return;
    link_close (l);
    list_del (&l->node);
    flux_msglist_destroy (l->queue);
    free (l);
    errno = saved_errno;
}

static int set_int (void *sock, int option, int value)
{
    return zmq_setsockopt (sock, option, &value, sizeof (value));
}

static int link_start (struct link *l)
{
    struct transport *t = l->t;
    char name[64];

    snprintf (name, sizeof (name), "inproc://monitor-%s", l->domain);
    if (!(l->sock = zmq_socket (t->ctx, ZMQ_DEALER))
        || set_int (l->sock, ZMQ_LINGER, 0) < 0
        || set_int (l->sock, ZMQ_RECONNECT_IVL, RECONNECT_MS) < 0
        || set_int (l->sock, ZMQ_SNDHWM, FRAMES) < 0
        || set_int (l->sock, ZMQ_RCVHWM, FRAMES) < 0
        || zmq_setsockopt (l->sock, ZMQ_CURVE_SECRETKEY, t->secret_key, KEY) < 0
        || zmq_setsockopt (l->sock, ZMQ_CURVE_PUBLICKEY, t->public_key, KEY) < 0
        || zmq_socket_monitor (l->sock, name, EVENTS) < 0
        || !(l->monitor = zmq_socket (t->ctx, ZMQ_PAIR))
        || set_int (l->monitor, ZMQ_LINGER, 0) < 0 || zmq_connect (l->monitor, name) < 0
        || !(l->monitor_w = watch_socket (t, l->monitor, monitor_cb, l))
        || !(l->w = watch_socket (t, l->sock, link_cb, l)))
        return -1;
    /* a pipe that was never read does not signal that it has something */
    monitor_work (l);
    link_mark_dirty (l);
    return 0;
}

static struct link *link_new (struct transport *t, const struct link_ops *ops, void *arg)
{
    struct link *l = calloc (1, sizeof (*l));

    if (!l)
        return NULL;
    l->t = t;
    l->ops = ops;
    l->arg = arg;
    list_init (&l->node);
    list_init (&l->dirty);
    snprintf (l->domain, sizeof (l->domain), "%u", t->links_made++);
    if (!(l->queue = flux_msglist_create ()) || link_start (l) < 0) {
        link_free (l);
        return NULL;
    }
    list_append (&t->links, &l->node);
    return l;
}

static struct link *
link_listen (struct transport *t, const char *uri, const struct link_ops *ops, void *arg)
{
    struct link *l = link_new (t, ops, arg);

    if (!l)
        return NULL;
    if (set_int (l->sock, ZMQ_CURVE_SERVER, 1) < 0
        || zmq_setsockopt (l->sock, ZMQ_ZAP_DOMAIN, l->domain, strlen (l->domain)) < 0
        || zmq_bind (l->sock, uri) < 0) {
        link_free (l);
        return NULL;
    }
    return l;
}

static int link_admit (struct link *l, const char *key)
{
    if (key_decode (key, l->peer_key) < 0)
        return -1;
    l->admits = true;
    return 0;
}

static struct link *link_connect (struct transport *t,
                                  const char *uri,
                                  const char *key,
                                  const struct link_ops *ops,
                                  void *arg)
{
    struct link *l = link_new (t, ops, arg);

    if (!l)
        return NULL;
    l->connects = true;
    if (key_decode (key, l->peer_key) < 0
        || zmq_setsockopt (l->sock, ZMQ_CURVE_SERVERKEY, l->peer_key, KEY) < 0
        || zmq_connect (l->sock, uri) < 0) {
        link_free (l);
        return NULL;
    }
    return l;
}

static void transport_destroy (struct transport *t, double linger)
{
    int saved_errno = errno;
    struct link *l;

    if (!t)
        return;
    list_foreach (&t->links, l, node) {
        if (!link_is_closed (l)) {
            (void)link_send_frames (l);
            (void)set_int (l->sock, ZMQ_LINGER, (int)(linger * 1000));
        }
        link_free (l);
    }
    flux_watcher_destroy (t->check);
    flux_watcher_destroy (t->idle);
    flux_watcher_destroy (t->zap_w);
    if (t->zap)
        zmq_close (t->zap);
    if (t->ctx)
        zmq_ctx_term (t->ctx);
    sodium_memzero (t->secret_key, sizeof (t->secret_key));
    free (t);
    errno = saved_errno;
}

static struct transport *transport_create (flux_reactor_t *r, flux_error_t *error)
{
    struct transport *t = calloc (1, sizeof (*t));

    if (!t) {
        errprintf (error, "out of memory");
        return NULL;
    }
    t->reactor = r;
    list_init (&t->links);
    list_init (&t->dirty);
    if (sodium_init () < 0 || crypto_box_keypair (t->public_key, t->secret_key) < 0) {
        errno = EIO;
        goto error;
    }
    sodium_bin2hex (t->key_text, sizeof (t->key_text), t->public_key, KEY);
    if (!(t->ctx = zmq_ctx_new ()) || !(t->zap = zmq_socket (t->ctx, ZMQ_REP))
        || set_int (t->zap, ZMQ_LINGER, 0) < 0 || zmq_bind (t->zap, ZAP_ENDPOINT) < 0
        || !(t->zap_w = watch_socket (t, t->zap, transport_zap_cb, t))
        || !(t->check = flux_check_watcher_create (r, transport_check_cb, t))
        || !(t->idle = flux_idle_watcher_create (r, NULL, NULL)))
        goto error;
    return t;
error:
    errprintf (error, "overlay: %s", zmq_strerror (errno));
    transport_destroy (t, 0.);
    return NULL;
}

static const char *transport_key (const struct transport *t)
{
    return t->key_text;
}

const struct transport_plugin overlay_transport = {
    .create = transport_create,
    .destroy = transport_destroy,
    .key = transport_key,
    .listen = link_listen,
    .admit = link_admit,
    .connect = link_connect,
    .send = link_send,
};
