/* service.h - carries out what the engine of kvs-watch decides.
 *
 * Ownership: the service owns the engine and the RPCs that are out; both are
 * gone when watch_service_free () returns, and every watcher then has an
 * answer.  An engine's client is a reference to the request message.
 */

#ifndef KVS_WATCH_SERVICE_H
#define KVS_WATCH_SERVICE_H

#include <flux/core.h>

#include "common/list.h"
#include "engine.h"
#include "event.h"

/* A subscription (listen.c). */
struct watch_ear {
    flux_t *h;
    bool open;
    unsigned int useless;       /* events, since there is nothing to watch */
    flux_future_t *subscribing; /* NULL: no request for that is out */
};

enum {
    WATCH_EAR_PRIMARY, /* the primary namespace */
    WATCH_EAR_ALL,     /* if something is watched in another one */
    WATCH_EARS,
};

struct watch_service {
    flux_t *h;
    struct watch_engine *engine;
    struct list rpcs;  /* struct watch_rpc: lookups and loads that are out */
    struct list stats; /* struct stats: stats-get requests under way */
    struct watch_ear ears[WATCH_EARS];
    struct watch_event event; /* the one at hand */
};

#define EVENT_PREFIX "kvs.namespace-"

struct watch_service *watch_service_new (flux_t *h);
void watch_service_free (struct watch_service *ws);

/* Carry out all actions that the last call into the engine made due. */
void watch_service_run (struct watch_service *ws);

/* listen.c: get events of this namespace from now on; before anything is read for
 * a new watch.  -1 with errno.
 */
int watch_listen (struct watch_service *ws, const char *ns);

/* An event came, and was worked off. */
void watch_heard (struct watch_service *ws);
void watch_listen_fini (struct watch_service *ws);

/* stats.c: kvs-watch.stats-get */
void watch_stats_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg);
void watch_stats_abort (struct watch_service *ws);

#endif /* !KVS_WATCH_SERVICE_H */
