/* overlay/zmq_private.h - what the files of the ZeroMQ transport share
 * (transport.h).
 *
 *   zmq.c      the transport and its links: made, connected, lost
 *   zmq_io.c   what goes through a link: frames, and the messages in them
 *   zmq_zap.c  who may come in
 */

#ifndef MILLRACE_OVERLAY_ZMQ_PRIVATE_H
#define MILLRACE_OVERLAY_ZMQ_PRIVATE_H

#include <sodium.h>
#include <zmq.h>

#include "common/list.h"
#include "common/text.h"

#include "transport.h"

enum { KEY = crypto_box_PUBLICKEYBYTES };

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

static inline bool link_is_closed (const struct link *l)
{
    return !l->sock;
}

/* It is closed, and its owner told why. */
void link_lose (struct link *l, const char *why);

/* ---- zmq_io.c ---- */

/* It is looked at before the loop sleeps. */
void link_mark_dirty (struct link *l);

/* Send and receive what there is, as far as it goes. */
void link_work (struct link *l);

int link_send (struct link *l, const flux_msg_t *msg);

/* Returns 0, or -1 with errno, EAGAIN if ZeroMQ's own queue is full. */
int link_send_frames (struct link *l);

/* Returns the number of messages, 0 if there is nothing. */
int link_receive_frame (struct link *l);

/* Work off the dirty links. */
void transport_check_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg);

/* ---- zmq_zap.c ---- */

void transport_zap_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg);

#endif /* !MILLRACE_OVERLAY_ZMQ_PRIVATE_H */
