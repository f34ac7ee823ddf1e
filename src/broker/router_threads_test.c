/* Many threads in one router: what each sends arrives, in order, and events
 * in order of their numbers, at modules and at what belongs to the broker's
 * thread.  ThreadSanitizer watches (--enable-tsan).
 */

#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <flux/core.h>

#include "common/tap.h"
#include "common/util.h"

#include "router.h"

enum {
    SENDERS = 4,
    ROUNDS = 5000,
};

static const char broker_uuid[] = "bbbbbbbb-0000-0000-0000-000000000000";

/* Delivered to inside the monitor, or by the broker's thread: a receiver has
 * no lock of its own.
 */
struct receiver {
    struct endpoint ep;
    char uuid[37];
    uint32_t last[SENDERS]; /* matchtag of the last message from each */
    uint32_t seq;           /* of the last event */
    int requests, responses, events, disorder;
};

struct sender {
    struct receiver r;
    pthread_t thread;
    struct router *router;
    int index;
};

static struct service_table *services;
static struct event_hub *events;
static struct router *router;
static atomic_int running = SENDERS;

static int deliver_shared (struct endpoint *ep, const flux_msg_t *msg)
{
    struct receiver *r = (struct receiver *)ep;
    uint32_t tag, userid, seq;
    int type;

    must (flux_msg_get_type (msg, &type) == 0);
    if (type == FLUX_MSGTYPE_EVENT) {
        must (flux_msg_get_seq (msg, &seq) == 0);
        r->disorder += seq != r->seq + 1;
        r->seq = seq;
        r->events++;
        return 0;
    }
    r->responses += type == FLUX_MSGTYPE_RESPONSE;
    /* the userid says who of them it is; or it is a visitor */
    must (flux_msg_get_userid (msg, &userid) == 0);
    if (type == FLUX_MSGTYPE_REQUEST && userid < SENDERS) {
        r->requests++;
        must (flux_msg_get_matchtag (msg, &tag) == 0);
        r->disorder += tag <= r->last[userid];
        r->last[userid] = tag;
    }
    return 0;
}

static int deliver (struct endpoint *ep, flux_msg_t **msg)
{
    (void)deliver_shared (ep, *msg);
    flux_msg_decref (*msg);
    *msg = NULL;
    return 0;
}

/* Answers requests where they come in, like a module that does nothing else. */
static int echo (struct endpoint *ep, flux_msg_t **msg)
{
    flux_msg_t *response = NULL;
    int type;

    if (flux_msg_get_type (*msg, &type) == 0 && type == FLUX_MSGTYPE_REQUEST)
        response = flux_response_derive (*msg, 0);
    (void)deliver (ep, msg);
    if (response)
        router_receive (router, ep, response);
    return 0;
}

static void
receiver_init (struct receiver *r, enum endpoint_kind kind, const char *name, int i)
{
    memset (r, 0, sizeof (*r));
    if (kind == ENDPOINT_SELF)
        strcpy (r->uuid, broker_uuid);
    else
        snprintf (r->uuid, sizeof (r->uuid), "%08d-1111-0000-0000-000000000000", i);
    endpoint_init (&r->ep, kind, name, r->uuid);
    r->ep.deliver = deliver;
    r->ep.deliver_shared = deliver_shared;
    r->ep.userid = 7;
    r->ep.rolemask = FLUX_ROLE_OWNER;
    must (router_attach (router, &r->ep) == 0);
}

static flux_msg_t *request (const struct sender *s, const char *topic, int i)
{
    flux_msg_t *msg = flux_request_encode (topic, "{}");

    must (msg && flux_msg_set_matchtag (msg, i + 1) == 0);
    must (flux_msg_set_userid (msg, s->index) == 0);
    must (flux_msg_set_rolemask (msg, FLUX_ROLE_OWNER) == 0);
    return msg;
}

static void *sender_main (void *arg)
{
    struct sender *s = arg;

    for (int i = 0; i < ROUNDS; i++) {
        router_receive (router, &s->r.ep, request (s, "echo.x", i));
        router_receive (router, &s->r.ep, request (s, "client.x", i));
        router_receive (router, &s->r.ep, request (s, "nobody.x", i));
        router_receive (router, &s->r.ep, request (s, "broker.x", i));
        router_receive (router, &s->r.ep, request (s, "visitor.x", i));
        router_receive (router, &s->r.ep, flux_event_encode ("e.x", NULL));
    }
    atomic_fetch_sub (&running, 1);
    return NULL;
}

static void subscribe (struct receiver *r)
{
    router_enter (router);
    must (event_subscribe (events, &r->ep, "e") == 0);
    router_leave (router);
}

/* A client that provides a service and has asked for one: it comes, others send
 * to it, and it goes, with whatever waits for it.
 */
static struct receiver visitors[1024]; /* in turn */
static int ghosts;                     /* messages for those who have gone */

static int ghost (struct endpoint *ep, flux_msg_t **msg)
{
    ghosts++;
    flux_msg_decref (*msg);
    *msg = NULL;
    return 0;
}

static int ghost_shared (struct endpoint *ep, const flux_msg_t *msg)
{
    ghosts++;
    return 0;
}

static void visitor_come (struct receiver *v)
{
    receiver_init (v, ENDPOINT_CLIENT, "visitor", 1000 + (v - visitors));
    subscribe (v);
    router_enter (router);
    must (service_add (services, "visitor", &v->ep) == 0);
    router_leave (router);
    router_receive (router, &v->ep, flux_request_encode ("echo.y", NULL));
}

static int visitor_go (struct receiver *v)
{
    router_detach (router, &v->ep);
    v->ep.deliver = ghost;
    v->ep.deliver_shared = ghost_shared;
    return v->requests + v->events;
}

int main (void)
{
    static struct sender s[SENDERS];
    static struct receiver self, client, server;
    const int all = SENDERS * ROUNDS;
    int answers = 0, disorder = 0, visits = 0, own;

    services = service_table_new ();
    events = event_hub_new ();
    must (router = router_new (0, broker_uuid, 7, services, events));
    receiver_init (&self, ENDPOINT_SELF, "broker", 0);
    receiver_init (&client, ENDPOINT_CLIENT, "client", 99);
    receiver_init (&server, ENDPOINT_MODULE, "echo", 98);
    server.ep.deliver = echo;
    must (service_add (services, "broker", &self.ep) == 0);
    must (service_add (services, "client", &client.ep) == 0);
    must (service_add (services, "echo", &server.ep) == 0);
    for (int i = 0; i < SENDERS; i++) {
        s[i].index = i;
        receiver_init (&s[i].r, ENDPOINT_MODULE, "sender", i + 1);
        subscribe (&s[i].r);
    }
    subscribe (&client);
    for (int i = 0; i < SENDERS; i++)
        must (pthread_create (&s[i].thread, NULL, sender_main, &s[i]) == 0);

    /* meanwhile the broker's thread has events of its own, and works */
    for (own = 0; atomic_load (&running) > 0; own++) {
        struct receiver *v = &visitors[own / 4 % ARRAY_SIZE (visitors)];

        router_receive (router, &client.ep, flux_event_encode ("e.y", NULL));
        if (own % 4 == 0)
            visitor_come (v);
        if (own % 16 == 2) /* one visitor of four is still there to hear of it */
            router_drain (router);
        if (own % 4 == 3)
            visits += visitor_go (v) > 0;
    }
    router_drain (router);
    if (own % 4)
        visits += visitor_go (&visitors[own / 4 % ARRAY_SIZE (visitors)]) > 0;
    for (int i = 0; i < SENDERS; i++)
        must (pthread_join (s[i].thread, NULL) == 0);
    router_drain (router);

    ok (server.requests == all && client.requests == all && self.requests == all,
        "every request arrived");
    for (int i = 0; i < SENDERS; i++) {
        answers += s[i].r.responses;
        disorder += s[i].r.disorder;
    }
    ok (answers == 3 * all,
        "who was answered got the answers, a refusal each, and one for those who left");
    diag ("%d visits", visits);
    ok (visits > 0, "clients that came and went heard of some of it");
    ok (ghosts == 0, "and of nothing afterwards");
    ok (server.disorder == 0 && self.disorder == 0, "in the order of each sender");
    ok (client.events == all + own && s[0].r.events == all + own,
        "every event arrived");
    ok (client.disorder == 0, "at a client in order of numbers");
    ok (disorder == 0, "and at modules");

    for (int i = 0; i < SENDERS; i++)
        router_detach (router, &s[i].r.ep);
    router_detach (router, &server.ep);
    router_detach (router, &client.ep);
    router_detach (router, &self.ep);
    router_free (router);
    event_hub_free (events);
    service_table_free (services);
    return done_testing ();
}
