/* The transport over ZeroMQ: one pair of DEALER sockets per link, with CURVE
 * keys made by libsodium.
 *
 * One socket per link, and its monitor, is what tells at once, and reliably
 * which, peer has gone: the kernel closes the connection of a dead process.
 *
 * ZeroMQ's descriptors are edge-triggered: whoever touched a socket looks
 * again before the loop sleeps.  So a link that sent goes on the dirty list,
 * which is worked off when the loop comes round.
 *
 * To send a frame, encrypt it and wake ZeroMQ's thread for it costs more than
 * the message in it.  So the first message of a pass of the loop goes at once,
 * and what is sent behind it in the same pass goes together: a frame is any
 * number of messages, each with its length before it (common/blobbatch.h).
 */

#include "config.h"

#include <errno.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "common/blobbatch.h"
#include "common/errprintf.h"
#include "common/list.h"
#include "common/text.h"
#include "common/util.h"

#include "transport.h"

enum {
    KEY = crypto_box_PUBLICKEYBYTES,
    BUDGET = 256, /* messages of one link before the others have their turn */
    RECONNECT_MS = 5,
    FRAME = 16 * 1024, /* bytes: a frame with so much takes no further message */
    FRAMES = 64,       /* that ZeroMQ keeps in either direction */
};

_Static_assert(TRANSPORT_KEY_SIZE == 2 * KEY + 1, "hex digits and NUL");
_Static_assert(crypto_box_SECRETKEYBYTES == KEY, "CURVE keys have one size");

#define HANDSHAKE_FAILED                                                        \
    (ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL \
     | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
#define EVENTS                                                                 \
    (ZMQ_EVENT_HANDSHAKE_SUCCEEDED | HANDSHAKE_FAILED | ZMQ_EVENT_DISCONNECTED \
     | ZMQ_EVENT_CONNECT_RETRIED)

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"

struct transport {
    flux_reactor_t *reactor;
    void *ctx;
    void *zap; /* who may come in */
    flux_watcher_t *zap_w;
    flux_watcher_t *check; /* both while a link is dirty ... */
    flux_watcher_t *idle;  /* ... this one that the loop does not sleep */
    unsigned char public_key[KEY];
    unsigned char secret_key[KEY];
    char key_text[TRANSPORT_KEY_SIZE];
    unsigned int links_made;
    struct list links;
    struct list dirty;
};

struct link {
    struct transport *t;
    struct list node;
    struct list dirty;
    void *sock;
    void *monitor;
    flux_watcher_t *w;
    flux_watcher_t *monitor_w;
    struct text out;            /* messages for the next frame */
    zmq_msg_t frame;            /* one that ZeroMQ did not take yet, ... */
    bool framed;                /* ... if there is one */
    struct flux_msglist *queue; /* what came when there was no room in 'out' */
    const struct link_ops *ops;
    void *arg;
    char domain[16];
    unsigned char peer_key[KEY];
    bool admits;   /* peer_key is known */
    bool connects; /* rather than listens */
    bool up;
    unsigned int strangers; /* turned away, not disconnected yet */
    bool congested;
};

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

static bool is_closed (const struct link *l)
{
    return !l->sock;
}

static void mark_dirty (struct link *l)
{
    if (list_empty (&l->t->dirty)) {
        flux_watcher_start (l->t->check);
        flux_watcher_start (l->t->idle);
    }
    if (!list_linked (&l->dirty))
        list_append (&l->t->dirty, &l->dirty);
}

static void set_congested (struct link *l, bool yes)
{
    if (l->congested != yes) {
        l->congested = yes;
        l->ops->congested (l, yes, l->arg);
    }
}

static void link_close (struct link *l)
{
    if (is_closed (l))
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

static void lose (struct link *l, const char *why)
{
    if (is_closed (l))
        return;
    link_close (l);
    l->ops->lost (l, why, l->arg);
}

/* Sending */

/* Add a message to the frame that is being made. */
static int add_message (struct link *l, const flux_msg_t *msg)
{
    ssize_t size = flux_msg_encode_size (msg);
    size_t start = l->out.len;
    char *p;

    if (size < 0)
        return -1;
    if (size > UINT32_MAX) {
        errno = EMSGSIZE;
        return -1;
    }
    blobbatch_add (&l->out, NULL, 0);
    if (!(p = text_reserve (&l->out, size)) || flux_msg_encode (msg, p, size) < 0) {
        int saved_errno = text_error (&l->out) ? ENOMEM : errno;

        l->out.len = start;
        l->out.error = 0;
        errno = saved_errno;
        return -1;
    }
    text_commit (&l->out, size);
    blobbatch_set_size (&l->out, start);
    return 0;
}

/* A frame is freed by a thread of ZeroMQ's, after it was handed over.  That order
 * is ZeroMQ's to keep; it is stated here for tools that do not see into it.
 */
static atomic_uint handed_over;

static void free_frame (void *data, void *hint)
{
    (void)atomic_load_explicit (&handed_over, memory_order_acquire);
    free (data);
}

/* Small ones are copied, so that what waits takes no more room than it has to. */
static int make_frame (struct link *l)
{
    size_t size = l->out.len;

    if (size > 2 * FRAME) {
        char *buf = text_take (&l->out, NULL);

        (void)atomic_fetch_add_explicit (&handed_over, 1, memory_order_release);
        if (zmq_msg_init_data (&l->frame, buf, size, free_frame, NULL) < 0) {
            free_keep_errno (buf);
            return -1;
        }
    }
    else {
        if (zmq_msg_init_size (&l->frame, size) < 0)
            return -1;
        memcpy (zmq_msg_data (&l->frame), l->out.buf, size);
        text_clear (&l->out);
    }
    l->framed = true;
    return 0;
}

/* Returns 0, or -1 with errno, EAGAIN if ZeroMQ's own queue is full. */
static int send_frames (struct link *l)
{
    while (l->framed || l->out.len > 0) {
        if ((!l->framed && make_frame (l) < 0)
            || zmq_msg_send (&l->frame, l->sock, ZMQ_DONTWAIT) < 0)
            return -1;
        l->framed = false;
    }
    return 0;
}

static bool has_room (const struct link *l)
{
    return l->out.len < FRAME && flux_msglist_count (l->queue) == 0;
}

static int link_send (struct link *l, const flux_msg_t *msg)
{
    if (is_closed (l)) {
        errno = EHOSTUNREACH;
        return -1;
    }
    if (has_room (l)) {
        if (add_message (l, msg) < 0)
            return -1;
        /* if this fails, work () will find out */
        if (!list_linked (&l->dirty) || !has_room (l))
            (void)send_frames (l);
        mark_dirty (l);
        return 0;
    }
    mark_dirty (l);
    if (flux_msglist_count (l->queue) >= LINK_HARD) {
        errno = EHOSTUNREACH; /* work () will say so */
        return -1;
    }
    if (flux_msglist_append (l->queue, msg) < 0)
        return -1;
    if (flux_msglist_count (l->queue) > LINK_SOFT)
        set_congested (l, true);
    return 0;
}

/* Send what is there, as far as it goes. */
static void flush (struct link *l)
{
    const flux_msg_t *msg;

    for (;;) {
        if (send_frames (l) < 0) {
            if (errno != EAGAIN)
                lose (l, zmq_strerror (errno));
            return;
        }
        if (flux_msglist_count (l->queue) == 0)
            break;
        while (l->out.len < FRAME && (msg = flux_msglist_pop (l->queue))) {
            if (add_message (l, msg) < 0)
                lose (l, strerror (errno));
            flux_msg_decref (msg);
            if (is_closed (l))
                return;
        }
    }
    set_congested (l, false);
}

/* Receiving */

/* The messages of a frame.  Any of them may be the link's last. */
static int receive_messages (struct link *l, const void *buf, size_t size)
{
    const void *data;
    size_t len, pos = 0;
    int n = 0;

    while (!is_closed (l) && pos < size) {
        flux_msg_t *msg = NULL;

        if (blobbatch_next (buf, size, &pos, &data, &len) > 0)
            msg = flux_msg_decode (data, len);
        if (!msg) {
            lose (l, "undecodable message");
            break;
        }
        l->ops->message (l, msg, l->arg);
        n++;
    }
    return n;
}

/* Returns the number of messages, 0 if there is nothing. */
static int receive_frame (struct link *l)
{
    zmq_msg_t frame;
    int n;

    zmq_msg_init (&frame);
    if (zmq_msg_recv (&frame, l->sock, ZMQ_DONTWAIT) < 0)
        n = 0;
    else
        n = receive_messages (l, zmq_msg_data (&frame), zmq_msg_size (&frame));
    zmq_msg_close (&frame);
    return n;
}

static bool events (struct link *l, int which)
{
    int value = 0;
    size_t size = sizeof (value);

    return zmq_getsockopt (l->sock, ZMQ_EVENTS, &value, &size) == 0 && (value & which);
}

static void work (struct link *l)
{
    int n = 0, more;

    do {
        flush (l);
        more = 1;
        while (!is_closed (l) && n < BUDGET && (more = receive_frame (l)) > 0)
            n += more;
        if (is_closed (l))
            return;
        if (more) {
            mark_dirty (l);
            return;
        }
    } while (l->framed && events (l, ZMQ_POLLOUT));
    if (flux_msglist_count (l->queue) >= LINK_HARD)
        lose (l, "it does not read its messages");
}

static void link_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct link *l = arg;

    if (!is_closed (l))
        work (l);
}

static void check_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct transport *t = arg;
    struct list todo = LIST_INIT (todo);
    struct link *l;

    list_splice (&todo, &t->dirty);
    flux_watcher_stop (t->check);
    flux_watcher_stop (t->idle);
    while ((l = list_first (&todo, struct link, dirty))) {
        list_del (&l->dirty);
        if (!is_closed (l))
            work (l);
    }
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
        while (!is_closed (l) && receive_frame (l) > 0)
            ;
        lose (l, "connection lost");
    }
}

static void monitor_work (struct link *l)
{
    int event;

    while (!is_closed (l) && (event = monitor_read (l))) {
        if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
            l->up = true;
        else if (event == ZMQ_EVENT_DISCONNECTED)
            disconnected (l);
        else if (event == ZMQ_EVENT_CONNECT_RETRIED)
            lose (l, "nobody is there"); /* who listens did so before we knew */
        else if ((event & HANDSHAKE_FAILED) && l->connects)
            lose (l, "turned away");
        else if ((event & HANDSHAKE_FAILED))
            l->strangers++;
    }
}

static void monitor_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    monitor_work (arg);
}

/* A ZAP request: version, id, domain, address, identity, mechanism, and for
 * CURVE the client's key.  Returns how many frames there were, 0 if none.
 */
struct zap_request {
    char id[64];
    int id_len;
    char domain[32];
    unsigned char key[KEY];
    int key_len;
};

static int zap_read (struct transport *t, struct zap_request *req)
{
    unsigned char buf[256];
    int n, count = 0, more = 1;
    size_t size;

    memset (req, 0, sizeof (*req));
    while (more) {
        if ((n = zmq_recv (t->zap, buf, sizeof (buf), ZMQ_DONTWAIT)) < 0)
            return 0;
        if (count == 1 && n <= (int)sizeof (req->id)) {
            memcpy (req->id, buf, n);
            req->id_len = n;
        }
        else if (count == 2 && n < (int)sizeof (req->domain))
            memcpy (req->domain, buf, n);
        else if (count == 6 && n == KEY) {
            memcpy (req->key, buf, KEY);
            req->key_len = KEY;
        }
        count++;
        size = sizeof (more);
        if (zmq_getsockopt (t->zap, ZMQ_RCVMORE, &more, &size) < 0)
            return 0;
    }
    return count;
}

static bool zap_allows (struct transport *t, const struct zap_request *req)
{
    struct link *l;

    list_foreach (&t->links, l, node) {
        if (!is_closed (l) && l->admits && strcmp (l->domain, req->domain) == 0)
            return req->key_len == KEY && sodium_memcmp (l->peer_key, req->key, KEY) == 0;
    }
    return false;
}

static void zap_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct transport *t = arg;
    struct zap_request req;

    while (zap_read (t, &req) > 0) {
        const char *status = zap_allows (t, &req) ? "200" : "400";

        zmq_send (t->zap, "1.0", 3, ZMQ_SNDMORE);
        zmq_send (t->zap, req.id, req.id_len, ZMQ_SNDMORE);
        zmq_send (t->zap, status, 3, ZMQ_SNDMORE);
        zmq_send (t->zap, "", 0, ZMQ_SNDMORE); /* status text */
        zmq_send (t->zap, "", 0, ZMQ_SNDMORE); /* user id */
        zmq_send (t->zap, "", 0, 0);           /* metadata */
    }
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
    mark_dirty (l);
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
        if (!is_closed (l)) {
            (void)send_frames (l);
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
        || !(t->zap_w = watch_socket (t, t->zap, zap_cb, t))
        || !(t->check = flux_check_watcher_create (r, check_cb, t))
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
