/* Connections over socket pairs, with a router around them. */

#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <flux/core.h>

#include "common/tap.h"
#include "common/util.h"
#include "libflux/usock.h"

#include "client.h"
#include "self.h"

#define BROKER "bbbbbbbb-0000-0000-0000-000000000000"
#define CONNECTOR "cccccccc-0000-0000-0000-000000000000"

struct world {
    flux_reactor_t *reactor;
    struct service_table *services;
    struct event_hub *events;
    struct router *router;
    struct self *self;
    struct endpoint hop;
    struct client_host host;
    char log[1024];
};

static int publish (struct world *w, const char *topic, size_t size)
{
    char *payload = calloc (1, size);
    flux_msg_t *msg = flux_event_encode_raw (topic, payload, size);
    int r = event_publish (w->events, &msg, NULL);

    free (payload);
    return r;
}

static void log_cb (const char *buf, int len, void *arg)
{
    struct world *w = arg;

    snprintf (w->log, sizeof (w->log), "%.*s", len, buf);
    /* somebody may follow the log: even the one it is about */
    publish (w, "log", len);
}

static void world_init (struct world *w)
{
    memset (w, 0, sizeof (*w));
    if (!(w->reactor = flux_reactor_create (0)) || !(w->services = service_table_new ())
        || !(w->events = event_hub_new ())
        || !(w->router = router_new (0, BROKER, getuid (), w->services, w->events))
        || !(w->self = self_new (w->router, w->reactor, BROKER)))
        bail_out ("world: %s", strerror (errno));
    w->host.h = self_handle (w->self);
    flux_log_set_hostname (w->host.h, "0");
    flux_log_set_redirect (w->host.h, log_cb, w);
    w->host.router = w->router;
    w->host.services = w->services;
    w->host.events = w->events;
    w->host.uuid = CONNECTOR;
    endpoint_init (&w->hop, ENDPOINT_HOP, "connector", CONNECTOR);
    if (router_attach (w->router, &w->hop) < 0 || client_host_init (&w->host) < 0)
        bail_out ("host: %s", strerror (errno));
}

static void world_fini (struct world *w)
{
    client_host_fini (&w->host);
    router_detach (w->router, &w->hop);
    self_free (w->self);
    router_free (w->router);
    event_hub_free (w->events);
    service_table_free (w->services);
    flux_reactor_destroy (w->reactor);
}

/* The other end of a new connection. */
static struct usock *connect_to (struct world *w, uint32_t rolemask)
{
    struct usock *us;
    int fd[2];

    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0
        || client_add (&w->host, fd[0], 1, getuid (), rolemask) < 0
        || !(us = usock_create (fd[1])))
        bail_out ("connect: %s", strerror (errno));
    return us;
}

static void turn (struct world *w)
{
    for (int i = 0; i < 4; i++)
        (void)flux_reactor_run (w->reactor, FLUX_REACTOR_NOWAIT);
}

static void request (struct usock *us, const char *topic, const char *payload)
{
    flux_msg_t *msg = flux_request_encode (topic, payload);

    if (!msg || usock_send (us, msg) < 0)
        bail_out ("request %s", topic);
    flux_msg_decref (msg);
}

static int count_clients (struct world *w)
{
    json_t *stats = client_host_stats (&w->host);
    int count = json_array_size (stats);

    json_decref (stats);
    return count;
}

static bool expect (struct usock *us, int type, const char *topic, int errnum)
{
    flux_msg_t *msg = usock_recv (us);
    const char *s;
    int t, e = 0;
    bool good;

    if (!msg)
        return false;
    good = flux_msg_get_type (msg, &t) == 0 && t == type
           && flux_msg_get_topic (msg, &s) == 0 && strcmp (s, topic) == 0;
    if (good && type == FLUX_MSGTYPE_RESPONSE)
        good = flux_msg_get_errnum (msg, &e) == 0 && e == errnum;
    flux_msg_decref (msg);
    return good;
}

static void own_requests (void)
{
    struct usock *us;
    struct world w;
    flux_msg_t *msg;

    world_init (&w);
    us = connect_to (&w, FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL);
    msg = flux_request_encode ("event.subscribe", "{\"topic\":\"c\"}");
    if (!msg || flux_msg_set_noresponse (msg) < 0 || usock_send (us, msg) < 0)
        bail_out ("request without response");
    flux_msg_decref (msg);
    turn (&w);
    ok (expect (us, FLUX_MSGTYPE_RESPONSE, "event.subscribe", 0),
        "is answered even if no answer is wanted");
    request (us, "event.subscribe", "{}");
    request (us, "event.subscribe", "{\"topic\":\"a\"}");
    request (us, "event.unsubscribe", "{\"topic\":\"b\"}");
    request (us, "service.add", "{\"service\":\"mine\"}");
    request (us, "service.remove", "{\"service\":\"yours\"}");
    request (us, "nosuch.x", "{}");
    turn (&w);
    publish (&w, "a", 1);
    turn (&w);
    ok (expect (us, FLUX_MSGTYPE_RESPONSE, "event.subscribe", EPROTO), "malformed: EPROTO");
    ok (expect (us, FLUX_MSGTYPE_RESPONSE, "event.subscribe", 0), "subscribe");
    ok (expect (us, FLUX_MSGTYPE_RESPONSE, "event.unsubscribe", ENOENT), "not subscribed");
    ok (expect (us, FLUX_MSGTYPE_RESPONSE, "service.add", 0), "a service");
    ok (expect (us, FLUX_MSGTYPE_RESPONSE, "service.remove", ENOENT), "not its own");
    ok (expect (us, FLUX_MSGTYPE_RESPONSE, "nosuch.x", ENOSYS), "the rest is routed");
    ok (expect (us, FLUX_MSGTYPE_EVENT, "a", 0), "an event comes");
    usock_destroy (us);
    turn (&w);
    ok (count_clients (&w) == 0, "closing the socket is leaving");
    ok (!service_find (w.services, "mine"), "its service went with it");
    world_fini (&w);
}

static void deaf_subscriber (void)
{
    struct usock *deaf, *good;
    struct world w;
    int n;

    world_init (&w);
    w.host.send_hard = 1 << 20;
    deaf = connect_to (&w, FLUX_ROLE_OWNER);
    good = connect_to (&w, FLUX_ROLE_OWNER);
    request (deaf, "event.subscribe", "{\"topic\":\"\"}");
    request (good, "event.subscribe", "{\"topic\":\"\"}");
    turn (&w);
    ok (expect (good, FLUX_MSGTYPE_RESPONSE, "event.subscribe", 0), "two subscribe");
    for (n = 0; n < 1000 && count_clients (&w) == 2; n++) {
        publish (&w, "x", 65536);
        turn (&w);
        if (!expect (good, FLUX_MSGTYPE_EVENT, "x", 0))
            break;
    }
    ok (n < 100 && count_clients (&w) == 1,
        "the one that does not read is disconnected after %d events of 64 KiB",
        n);
    ok (strstr (w.log, "client=") && strstr (w.log, "No buffer space"), "log: %s", w.log);
    publish (&w, "y", 1);
    turn (&w);
    ok (expect (good, FLUX_MSGTYPE_EVENT, "log", 0)
            && expect (good, FLUX_MSGTYPE_EVENT, "y", 0),
        "the other misses nothing");
    usock_destroy (deaf);
    usock_destroy (good);
    world_fini (&w);
}

/* Somebody keeps the reactor busy all the time. */
static void chatty_neighbour (void)
{
    struct usock *chatty, *quiet;
    struct world w;
    int answers = 0, most = 0;

    world_init (&w);
    chatty = connect_to (&w, FLUX_ROLE_OWNER);
    quiet = connect_to (&w, FLUX_ROLE_OWNER);
    for (int i = 0; i < 3 * CLIENT_BATCH; i++)
        request (quiet, "nosuch.x", NULL);
    for (int i = 0; i < 20; i++) {
        int before = answers;

        (void)usock_flush (quiet);
        for (int j = 0; j < CLIENT_BATCH; j++)
            request (chatty, "nosuch.x", NULL);
        (void)flux_reactor_run (w.reactor, FLUX_REACTOR_NOWAIT);
        while (expect (chatty, FLUX_MSGTYPE_RESPONSE, "nosuch.x", ENOSYS))
            ;
        while (expect (quiet, FLUX_MSGTYPE_RESPONSE, "nosuch.x", ENOSYS))
            answers++;
        most = answers - before > most ? answers - before : most;
    }
    ok (most <= CLIENT_BATCH, "a client's turn is bounded (%d)", most);
    ok (answers == 3 * CLIENT_BATCH, "and comes again, however busy others are (%d)",
        answers);
    usock_destroy (chatty);
    usock_destroy (quiet);
    world_fini (&w);
}

/* Take what has been routed to the broker itself. */
static int drain_self (struct world *w)
{
    flux_msg_t *msg;
    int count = 0;

    while ((msg = flux_recv (w->host.h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK))) {
        flux_msg_destroy (msg);
        count++;
    }
    return count;
}

static void flooded_broker (void)
{
    enum { COUNT = 3 * SELF_QUEUE_SOFT };
    struct usock *us, *other;
    struct world w;
    int count, total, rounds = 0;

    world_init (&w);
    service_add (w.services, "broker", self_endpoint (w.self));
    us = connect_to (&w, FLUX_ROLE_OWNER);
    other = connect_to (&w, FLUX_ROLE_OWNER);
    for (int i = 0; i < COUNT; i++) {
        flux_msg_t *msg = flux_request_encode ("broker.x", NULL);

        if (flux_msg_set_noresponse (msg) < 0 || usock_queue (us, msg) < 0)
            bail_out ("queue");
        flux_msg_decref (msg);
    }
    for (int i = 0; i < 1000; i++) {
        (void)usock_flush (us);
        turn (&w);
    }
    request (other, "nosuch.x", NULL);
    turn (&w);
    ok (expect (other, FLUX_MSGTYPE_RESPONSE, "nosuch.x", ENOSYS),
        "one client floods the broker, others are served");
    count = drain_self (&w);
    ok (count > SELF_QUEUE_SOFT && count <= SELF_QUEUE_SOFT + CLIENT_BATCH,
        "it is stopped when %d requests wait",
        count);
    for (total = count; total < COUNT && rounds < 10000; rounds++) {
        (void)usock_flush (us);
        turn (&w);
        total += drain_self (&w);
    }
    ok (total == COUNT, "and goes on when they are worked off");
    usock_destroy (us);
    usock_destroy (other);
    world_fini (&w);
}

int main (void)
{
    own_requests ();
    deaf_subscriber ();
    chatty_neighbour ();
    flooded_broker ();
    return done_testing ();
}
