/* broker/client.h - one process connected to the local socket.
 *
 * Purpose: frames in, frames out, and the four requests that a connection
 * answers itself (event.subscribe/unsubscribe, service.add/remove: they are
 * about the connection).  Everything else goes to the router.
 *
 * Invariants
 *  - nothing here blocks on the peer; a peer that sends garbage loses its own
 *    connection and nothing else
 *  - a connection is torn down from the reactor, never while a message is
 *    delivered to it
 *
 * Bounds, per client
 *  - CLIENT_SEND_SOFT bytes queued: no more requests are read from it until
 *    half of that is written, so what it asks for cannot outrun it
 *  - CLIENT_SEND_STREAM bytes queued: the services that it asked for streams
 *    are told to pause them (router_throttle ()), until it has read all but
 *    CLIENT_SEND_SOFT; kvs-watch and job-info do
 *  - a receiver that cannot keep up (endpoint.h): the same, until it can
 *  - CLIENT_SEND_HARD bytes queued (events and streams that cannot be paused,
 *    and that it does not read): it is disconnected, and that is logged
 *  - CLIENT_BATCH messages are read per pass of the reactor, so that one
 *    client cannot keep the others waiting
 */

#ifndef MILLRACE_BROKER_CLIENT_H
#define MILLRACE_BROKER_CLIENT_H

#include <sys/types.h>
#include <flux/core.h>
#include <jansson.h>

#include "common/list.h"

#include "endpoint.h"
#include "router.h"
#include "uuid.h"

enum {
    CLIENT_SEND_SOFT = 1 << 20,
    CLIENT_SEND_STREAM = 4 << 20,
    CLIENT_SEND_HARD = 64 << 20,
    CLIENT_BATCH = 128,
};

/* What all clients of a connector share. */
struct client_host {
    flux_t *h; /* the broker's: for its reactor and for logging */
    struct router *router;
    struct service_table *services;
    struct event_hub *events;
    const char *uuid;    /* the connector's, in route stacks */
    struct list clients; /* all of them */
    struct list dirty;   /* those with output to flush, or to be closed */
    struct list ready;   /* those with input that was read but not worked off */
    size_t send_hard;    /* CLIENT_SEND_HARD, unless a test wants less */
    flux_watcher_t *prepare; /* runs while 'dirty' is not empty */
    flux_watcher_t *check;   /* runs while 'ready' is not empty ... */
    flux_watcher_t *idle;    /* ... and this keeps the reactor from sleeping */
};

int client_host_init (struct client_host *host);

/* Disconnects all clients. */
void client_host_fini (struct client_host *host);

/* Work off 'dirty' once more, when the reactor has stopped: what is queued is
 * written as far as the sockets take it.
 */
void client_host_flush (struct client_host *host);

struct client;

/* Takes over fd, whose handshake is done, on success.  -1 with errno. */
int client_add (struct client_host *host,
                int fd,
                pid_t pid,
                uint32_t userid,
                uint32_t rolemask);

/* One JSON object per client, for stats-get; NULL with no memory. */
json_t *client_host_stats (const struct client_host *host);

#endif /* !MILLRACE_BROKER_CLIENT_H */
