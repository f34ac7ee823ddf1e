/* broker/overlay/overlay_private.h - for the files of this room. */

#ifndef MILLRACE_OVERLAY_PRIVATE_H
#define MILLRACE_OVERLAY_PRIVATE_H

#include "../uuid.h"
#include "overlay.h"
#include "../trace.h"
#include "topology.h"
#include "transport.h"

/* Of control messages between brokers. */
enum {
    CONTROL_HELLO = 1,
    CONTROL_STATE = 2,
    CONTROL_HEALTH = 3,
    CONTROL_GOODBYE = 4,
    CONTROL_DISCONNECT = 5,
    CONTROL_KEEPALIVE = 6, /* nothing else was to be said */
};
enum { OVERLAY_VERSION = 2 };

#define OVERLAY_ONLINE "broker.online"

enum peer_state {
    PEER_OFFLINE, /* not heard of yet */
    PEER_ONLINE,
    PEER_GONE, /* in order */
    PEER_LOST,
};

enum health {
    HEALTH_FULL,
    HEALTH_PARTIAL,  /* somebody has not come yet */
    HEALTH_DEGRADED, /* somebody was lost */
    HEALTH_LOST,
    HEALTH_OFFLINE,
};

struct peer {
    struct endpoint ep;
    struct overlay *ov;
    struct link *link;
    uint32_t rank;
    enum peer_state state;
    enum health health; /* of its subtree */
    double since;       /* it is in this health */
    char why[96];       /* it was lost; "" if it was not */
    bool heard;         /* something came from it since the last pulse ... */
    double quiet;       /* ... or did not, for so many seconds */
    bool torpid;
    char name[24];
    char uuid[UUID_TEXT_SIZE];
};

/* delay.c; durations in seconds, < 0: none */
struct overlay_delay {
    double quorum_warn;
    double shutdown_warn;
    double shutdown_timeout;
    double connect_timeout;
    double torpid_min;
    double torpid_max;
    double since; /* the state was entered */
    flux_watcher_t *warn;
    flux_watcher_t *give_up;
    flux_watcher_t *pulse;
};

struct overlay {
    struct overlay_args args;
    flux_t *h;
    flux_reactor_t *reactor;
    uint32_t rank;
    struct topology topology;
    void *dso;
    const struct transport_plugin *plugin;
    struct transport *transport;
    struct peer *parent; /* NULL on rank 0 */
    struct peer *children;
    uint32_t nchildren;
    struct groups *groups;
    uint32_t quorum; /* ranks to wait for, on rank 0 */
    const struct overlay_ops *ops;
    void *arg;
    enum broker_state state;        /* ours */
    enum broker_state parent_state; /* as it last said */
    enum health health;             /* of our subtree */
    double since;                   /* it is in this health */
    struct overlay_delay delay;
    flux_watcher_t *timer;          /* for parent or children to be heard of */
    flux_msg_handler_t **handlers;
    struct flux_msglist *health_watchers;
    struct flux_msglist *monitors; /* overlay.monitor */
    struct trace_set *traces;
};

/* overlay.c */
/* Give up a child, or the parent: tell it, and go on as if it had been lost. */
void overlay_give_up (struct peer *p, const char *why);
void overlay_send_control (struct peer *p, int type, int status);
extern const struct link_ops overlay_parent_ops;
extern const struct link_ops overlay_child_ops;

/* delay.c: what takes long */
int overlay_delay_init (struct overlay *ov, flux_error_t *error);
void overlay_delay_fini (struct overlay *ov);
void overlay_delay_entered (struct overlay *ov, enum broker_state state);
void overlay_heard (struct peer *child);

/* join.c: place in the tree, exchange of keys, links */
int overlay_join (struct overlay *ov, flux_error_t *error);

/* service.c: overlay.* services */
int overlay_serve (struct overlay *ov);
void overlay_unserve (struct overlay *ov);
void overlay_tell_monitors (const struct peer *child);

/* health.c */
extern const char *const overlay_health_names[];
void overlay_init_health (struct overlay *ov);
int overlay_respond_health (struct overlay *ov, const flux_msg_t *msg);
void overlay_update_health (struct overlay *ov);
void overlay_set_health (struct peer *p, enum health health);

#endif /* !MILLRACE_OVERLAY_PRIVATE_H */
