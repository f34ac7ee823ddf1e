/* Who leaves, and what is still to be said to or by whom: disconnects, requests
 * that stay open, messages that wait.
 */

#include "config.h"

#include <pthread.h>
#include <flux/core.h>

#include "common/tap.h"

#include "test_party.h"

static int count_topic (struct party *p, const char *topic)
{
    flux_msg_t *msg;
    int n = 0;

    while ((msg = take (p))) {
        const char *s;

        n += flux_msg_get_topic (msg, &s) == 0 && strcmp (s, topic) == 0;
        flux_msg_decref (msg);
    }
    return n;
}

static void client_service (void)
{
    struct world w;
    flux_msg_t *msg, *resp;
    const char *s;

    world_init (&w, 0, BROKER);
    ok (service_add (w.services, "mine", &w.guest.ep) == 0, "a client provides a service");
    msg = request ("mine.do", 3);
    flux_msg_set_streaming (msg);
    send_from (&w, &w.a, msg);
    msg = take (&w.guest);
    ok (msg && routes_are (msg, "aaaaaaaa!bbbbbbbb"), "it gets the request");

    for (int i = 0; i < 2; i++) {
        resp = flux_response_derive (msg, 0);
        flux_msg_set_string (resp, "more");
        send_from (&w, &w.guest, resp);
        resp = take (&w.a);
        ok (resp && flux_msg_get_string (resp, &s) == 0 && strcmp (s, "more") == 0,
            "and answers, again");
        flux_msg_decref (resp);
    }

    resp = flux_response_derive (msg, 0);
    flux_msg_route_clear (resp);
    flux_msg_route_push (resp, w.a.uuid);
    flux_msg_route_push (resp, w.b.uuid);
    flux_msg_route_push (resp, BROKER);
    send_from (&w, &w.guest, resp);
    ok (!take (&w.b), "an answer cannot be bent to somebody else");
    flux_msg_decref (take (&w.a));

    send_from (&w, &w.guest, flux_response_derive (msg, ENODATA));
    ok (refused (take (&w.a), ENODATA, NULL), "it ends the stream");
    send_from (&w, &w.guest, flux_response_derive (msg, 0));
    ok (!take (&w.a), "after that nothing more gets through");
    flux_msg_decref (msg);

    /* both ways to lose the other side */
    send_from (&w, &w.a, request ("mine.do", 4));
    send_from (&w, &w.b, request ("mine.do", 4));
    flux_msg_decref (take (&w.guest));
    flux_msg_decref (take (&w.guest));
    router_detach (w.r, &w.b.ep);
    msg = take (&w.guest);
    ok (msg && flux_msg_get_topic (msg, &s) == 0 && strcmp (s, "mine.disconnect") == 0,
        "the provider hears that a requestor left");
    flux_msg_decref (msg);
    router_detach (w.r, &w.guest.ep);
    ok (refused (take (&w.a), ENOSYS, "No service matching mine.do is registered"),
        "when the provider leaves, what it left open is answered ENOSYS");
    ok (!take (&w.b), "... to those that are still there");
    send_from (&w, &w.a, request ("mine.do", 5));
    ok (refused (take (&w.a), ENOSYS, "No service matching mine.do is registered"),
        "and its services went with it");
    world_fini (&w);
}

static void answer (struct world *w, struct party *p, const flux_msg_t *request, int errnum)
{
    send_from (w, p, flux_response_derive (request, errnum));
}

/* A module that goes without having answered. */
static void module_service (void)
{
    struct world w;
    flux_msg_t *msg[6];
    int n;

    world_init (&w, 0, BROKER);
    for (uint32_t i = 0; i < 4; i++) {
        msg[i] = request ("b.do", i + 1);
        if (i >= 2)
            flux_msg_set_streaming (msg[i]);
    }
    msg[4] = request ("b.do", 5);
    flux_msg_set_noresponse (msg[4]);
    msg[5] = request ("b.do", FLUX_MATCHTAG_NONE);
    for (int i = 0; i < 6; i++) {
        send_from (&w, i == 1 ? &w.guest : &w.a, msg[i]);
        msg[i] = take (&w.b);
    }
    answer (&w, &w.b, msg[0], 0);
    answer (&w, &w.b, msg[2], 0);
    answer (&w, &w.b, msg[3], 0);
    answer (&w, &w.b, msg[3], ENODATA);
    for (n = 0; n < 4; n++)
        flux_msg_decref (take (&w.a));
    ok (n == 4 && w.a.count == 0 && w.guest.count == 0,
        "a module answers some of its requests");
    ok (router_detach (w.r, &w.b.ep) == 2, "when it leaves two are open");
    ok (refused (take (&w.guest), ENOSYS, "No service matching b.do is registered"),
        "one is answered ENOSYS");
    ok (refused (take (&w.a), ENOSYS, "No service matching b.do is registered")
            && w.a.count == 0 && w.guest.count == 0,
        "so is a stream; what was answered, or needs no answer, is not");
    for (int i = 0; i < 6; i++)
        flux_msg_decref (msg[i]);
    world_fini (&w);
}

/* Who is not there any more gets no answer. */
static void module_and_requestors (void)
{
    struct world w;

    world_init (&w, 0, BROKER);
    send_from (&w, &w.client, request ("b.do", 1));
    send_from (&w, &w.client, request ("b.do", 2));
    send_from (&w, &w.guest, request ("b.do", 1));
    router_detach (w.r, &w.client.ep);
    ok (router_detach (w.r, &w.b.ep) == 1,
        "what a client that left had asked a module is not open any more");
    ok (refused (take (&w.guest), ENOSYS, "No service matching b.do is registered"),
        "what others have asked is answered");
    world_fini (&w);

    world_init (&w, 0, BROKER);
    w.b.fail = -ENOSYS;
    send_from (&w, &w.a, request ("b.do", 1));
    ok (refused (take (&w.a), ENOSYS, "No service matching b.do is registered")
            && router_detach (w.r, &w.b.ep) == 0
            && w.a.count == 0,
        "what a module did not take is answered once");
    world_fini (&w);
}

/* Each of many senders has one request after the other. */
static void module_and_many (void)
{
    enum { SENDERS = 1000 };
    struct world w;
    char uuid[37];

    world_init (&w, 0, BROKER);
    for (int i = 0; i < SENDERS; i++) {
        flux_msg_t *msg = request ("b.do", 1);

        snprintf (uuid, sizeof (uuid), "%08d-0000-0000-0000-000000000000", i);
        flux_msg_route_enable (msg);
        flux_msg_route_push (msg, uuid);
        send_from (&w, &w.self, msg);
        msg = take (&w.b);
        if (i % 2 == 0)
            answer (&w, &w.b, msg, 0);
        flux_msg_decref (msg);
    }
    ok (table_count (&w.b.ep.open_senders) < SENDERS,
        "senders whose requests are answered are not remembered without end");
    ok (router_detach (w.r, &w.b.ep) == SENDERS / 2,
        "half of a thousand requests of a thousand senders are open");
    world_fini (&w);
}

static void disconnects (void)
{
    struct world w;
    flux_msg_t *msg;
    const char *topic;

    world_init (&w, 0, BROKER);
    for (int i = 1; i < 6; i++)
        send_from (&w, &w.client, request ("a.do", i));
    msg = request ("b.x.y", 1);
    flux_msg_set_streaming (msg);
    send_from (&w, &w.client, msg);
    msg = request ("broker.do", 1);
    flux_msg_set_noresponse (msg);
    send_from (&w, &w.client, msg);
    count_topic (&w.a, "a.do");
    count_topic (&w.b, "b.x.y");
    count_topic (&w.self, "broker.do");
    router_detach (w.r, &w.client.ep);
    ok (w.self.count == 0, "a NORESPONSE request leaves nothing to tell");
    msg = take (&w.b);
    ok (msg && flux_msg_get_topic (msg, &topic) == 0
            && strcmp (topic, "b.x.disconnect") == 0,
        "the last word of the topic becomes disconnect");
    ok (msg && routes_are (msg, "11111111!cccccccc!bbbbbbbb"), "same routes as the request");
    ok (msg && flux_msg_is_noresponse (msg) && !flux_msg_is_streaming (msg)
            && !flux_msg_has_payload (msg),
        "no answer wanted, not streaming, no payload");
    ok (cred_is (msg, OWNER, FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL), "same credential");
    flux_msg_decref (msg);
    ok (count_topic (&w.a, "a.disconnect") == 1, "five requests, one disconnect");

    send_from (&w, &w.a, request ("b.do", 1));
    msg = request ("b.do", 2);
    flux_msg_route_enable (msg);
    flux_msg_route_push (msg, "somebody");
    send_from (&w, &w.a, msg);
    count_topic (&w.b, "b.do");
    router_detach (w.r, &w.a.ep);
    ok (count_topic (&w.b, "b.disconnect") == 1,
        "a module's own request is followed by one, a relayed one is not");
    world_fini (&w);
}

static void throttling (void)
{
    struct world w;
    flux_msg_t *msg;
    const char *topic;
    int on = 0;

    world_init (&w, 0, BROKER);
    send_from (&w, &w.client, request ("a.do", 1));
    send_from (&w, &w.client, request ("b.x.do", 1));
    msg = request ("b.x.y", 2);
    flux_msg_set_streaming (msg);
    send_from (&w, &w.client, msg);
    count_topic (&w.a, "a.do");
    while ((msg = take (&w.b)))
        flux_msg_decref (msg);
    router_throttle (w.r, &w.client.ep, true);
    msg = take (&w.b);
    ok (msg && flux_msg_get_topic (msg, &topic) == 0
            && strcmp (topic, "b.x.throttle") == 0
            && flux_msg_unpack (msg, "{s:b}", "on", &on) == 0 && on,
        "who was asked for a stream is told that its client does not read");
    ok (msg && flux_msg_is_noresponse (msg)
            && routes_are (msg, "11111111!cccccccc!bbbbbbbb"),
        "in the name of that client, and is to say nothing");
    flux_msg_decref (msg);
    ok (w.a.count == 0 && w.b.count == 0, "nobody else is told");
    router_detach (w.r, &w.client.ep);
    ok (count_topic (&w.b, "b.x.disconnect") == 1, "its disconnect comes as ever");
    world_fini (&w);
}

static void too_many_disconnects (void)
{
    struct world w;
    char topic[32];
    int i, r = 0;

    world_init (&w, 0, BROKER);
    for (i = 0; i <= ROUTER_DISCONNECTS_MAX && r == 0; i++) {
        flux_msg_t *msg;

        snprintf (topic, sizeof (topic), "a.%d.x", i);
        send_from (&w, &w.client, request (topic, 1));
        flux_msg_decref (take (&w.a));
        if ((msg = take (&w.client)) && flux_msg_get_errnum (msg, &r) < 0)
            r = -1;
        flux_msg_decref (msg);
        /* detaching is not tested here: empty the inbox as we go */
    }
    ok (r == ENOSPC && i == ROUTER_DISCONNECTS_MAX + 1,
        "what a client can make us remember is bounded");
    w.a.fail = -ENOSYS;
    world_fini (&w);
}

/* A module's thread sends: what is for the broker's thread waits. */
struct send {
    struct world *w;
    struct party *from;
    flux_msg_t *msg;
};

static void *send_main (void *arg)
{
    struct send *s = arg;

    send_from (s->w, s->from, s->msg);
    return NULL;
}

static void send_elsewhere (struct world *w, struct party *from, flux_msg_t *msg)
{
    struct send s = { w, from, msg };
    pthread_t thread;

    if (pthread_create (&thread, NULL, send_main, &s) != 0
        || pthread_join (thread, NULL) != 0)
        bail_out ("pthread");
}

static size_t waiting (struct world *w)
{
    return mailbox_count (router_mailbox (w->r));
}

/* After this a call of its operations is one too many. */
static void wreck (struct party *p)
{
    party_fini (p);
    memset (p, 0, sizeof (*p));
}

static void waiting_messages (void)
{
    struct world w;
    flux_msg_t *msg;

    world_init (&w, 0, BROKER);
    event_subscribe (w.events, &w.client.ep, "foo");
    event_subscribe (w.events, &w.guest.ep, "foo");
    service_add (w.services, "mine", &w.client.ep);
    send_elsewhere (&w, &w.a, flux_event_encode ("foo.bar", NULL));
    send_elsewhere (&w, &w.a, request ("mine.do", 3));
    msg = request ("mine.do", 0);
    flux_msg_set_noresponse (msg);
    send_elsewhere (&w, &w.a, msg);
    ok (waiting (&w) == 4 && w.client.count == 0 && w.guest.count == 0,
        "what another thread sends waits for the broker's");
    router_detach (w.r, &w.client.ep);
    ok (refused (take (&w.a), ENOSYS, "No service matching mine.do is registered"),
        "a request that waits for somebody who leaves is answered");
    ok (w.client.count == 0, "who leaves is handed nothing more");
    wreck (&w.client);
    router_drain (w.r);
    ok (waiting (&w) == 0 && !take (&w.a),
        "nor afterwards, when his memory is somebody else's");
    flux_msg_decref ((msg = take (&w.guest)));
    ok (msg && w.guest.count == 0, "others get what waits for them");
    party_init (&w.client, ENDPOINT_CLIENT, "11111111", NULL);
    world_fini (&w);
}

/* While the router forgets the client, with an ear for nobody else, something
 * more for it is put into the mailbox: by a thread that came in between.
 */
static struct world *late_world;

static void late_stop (struct endpoint *ep, bool yes)
{
    flux_msg_t *msg;

    if (yes)
        return;
    msg = flux_event_encode ("foo.bar", NULL);
    if (mailbox_put (router_mailbox (late_world->r), &late_world->client.ep, &msg) < 0)
        bail_out ("mailbox_put");
}

static void late_message (void)
{
    struct world w;

    world_init (&w, 0, BROKER);
    late_world = &w;
    service_add (w.services, "mine", &w.client.ep);
    w.guest.ep.stop = late_stop;
    w.client.ep.congested = true;
    send_from (&w, &w.guest, request ("mine.do", 3));
    ok (list_linked (&w.guest.ep.stop_node), "a client waits for another that is slow");
    router_detach (w.r, &w.client.ep);
    ok (waiting (&w) > 0, "a message comes while that one leaves");
    wreck (&w.client);
    router_drain (w.r);
    ok (waiting (&w) == 0, "and is dropped");
    party_init (&w.client, ENDPOINT_CLIENT, "11111111", NULL);
    world_fini (&w);
}

static void odd_senders (void)
{
    struct world w;
    flux_msg_t *msg;

    world_init (&w, 0, BROKER);
    msg = request ("broker.do", 1);
    flux_msg_route_enable (msg);
    ok (router_sender (w.r, msg) == &w.self.ep, "without routes it is the broker");
    flux_msg_route_push (msg, w.hop.uuid);
    ok (router_sender (w.r, msg) == NULL,
        "a name in route stacks is no sender: nothing can be delivered there");
    flux_msg_decref (msg);
    world_fini (&w);
}

int main (void)
{
    client_service ();
    module_service ();
    module_and_requestors ();
    module_and_many ();
    disconnects ();
    throttling ();
    too_many_disconnects ();
    waiting_messages ();
    late_message ();
    odd_senders ();
    return done_testing ();
}
