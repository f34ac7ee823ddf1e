/* What goes through a link: frames, and the messages in them.
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
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/blobbatch.h"
#include "common/util.h"

#include "zmq_private.h"

enum {
    BUDGET = 256,      /* messages of one link before the others have their turn */
    FRAME = 16 * 1024, /* bytes: a frame with so much takes no further message */
};

void link_mark_dirty (struct link *l)
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

int link_send_frames (struct link *l)
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

int link_send (struct link *l, const flux_msg_t *msg)
{
    if (link_is_closed (l)) {
        errno = EHOSTUNREACH;
        return -1;
    }
    if (has_room (l)) {
        if (add_message (l, msg) < 0)
            return -1;
        /* if this fails, link_work () will find out */
        if (!list_linked (&l->dirty) || !has_room (l))
            (void)link_send_frames (l);
        link_mark_dirty (l);
        return 0;
    }
    link_mark_dirty (l);
    if (flux_msglist_count (l->queue) >= LINK_HARD) {
        errno = EHOSTUNREACH; /* link_work () will say so */
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
        if (link_send_frames (l) < 0) {
            if (errno != EAGAIN)
                link_lose (l, zmq_strerror (errno));
            return;
        }
        if (flux_msglist_count (l->queue) == 0)
            break;
        while (l->out.len < FRAME && (msg = flux_msglist_pop (l->queue))) {
            if (add_message (l, msg) < 0)
                link_lose (l, strerror (errno));
            flux_msg_decref (msg);
            if (link_is_closed (l))
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

    while (!link_is_closed (l) && pos < size) {
        flux_msg_t *msg = NULL;

        if (blobbatch_next (buf, size, &pos, &data, &len) > 0)
            msg = flux_msg_decode (data, len);
        if (!msg) {
            link_lose (l, "undecodable message");
            break;
        }
        l->ops->message (l, msg, l->arg);
        n++;
    }
    return n;
}

int link_receive_frame (struct link *l)
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

void link_work (struct link *l)
{
    int n = 0, more;

    do {
        flush (l);
        more = 1;
        while (!link_is_closed (l) && n < BUDGET && (more = link_receive_frame (l)) > 0)
            n += more;
        if (link_is_closed (l))
            return;
        if (more) {
            link_mark_dirty (l);
            return;
        }
    } while (l->framed && events (l, ZMQ_POLLOUT));
    if (flux_msglist_count (l->queue) >= LINK_HARD)
        link_lose (l, "it does not read its messages");
}

void transport_check_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct transport *t = arg;
    struct list todo = LIST_INIT (todo);
    struct link *l;

    list_splice (&todo, &t->dirty);
    flux_watcher_stop (t->check);
    flux_watcher_stop (t->idle);
    while ((l = list_first (&todo, struct link, dirty))) {
        list_del (&l->dirty);
        if (!link_is_closed (l))
            link_work (l);
    }
}
