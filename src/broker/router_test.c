#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <flux/core.h>

#include "common/tap.h"

#include "router.h"

#define BROKER "bbbbbbbb-0000-0000-0000-000000000000"
#define CONNECTOR "cccccccc-0000-0000-0000-000000000000"

enum { OWNER = 1000, GUEST = 2000 };

/* An endpoint with an inbox. */
struct party {
    struct endpoint ep;
    char uuid[37];
    flux_msg_t *inbox[64];
    int count;
    int fail; /* deliver returns this */
};

struct world {
    struct service_table *services;
    struct event_hub *events;
    struct router *r;
    struct party self, a, b, client, guest, hop;
};

static int party_deliver (struct endpoint *ep, flux_msg_t **msg)
{
    struct party *p = (struct party *)ep;

    if (p->fail)
        return p->fail;
    if (p->count == ARRAY_SIZE (p->inbox))
        bail_out ("inbox of %s is full", ep->name);
    p->inbox[p->count++] = *msg;
    *msg = NULL;
    return 0;
}

static int party_deliver_shared (struct endpoint *ep, const flux_msg_t *msg)
{
    flux_msg_t *copy = flux_msg_copy (msg, true);

    return party_deliver (ep, &copy);
}

static void party_init (struct party *p,
                        enum endpoint_kind kind,
                        const char *name,
                        const char *uuid)
{
    memset (p, 0, sizeof (*p));
    if (uuid)
        strcpy (p->uuid, uuid);
    else
        snprintf (p->uuid, sizeof (p->uuid), "%.8s-0000-0000-0000-000000000000", name);
    endpoint_init (&p->ep, kind, name, p->uuid);
    p->ep.deliver = party_deliver;
    p->ep.deliver_shared = party_deliver_shared;
}

/* The oldest message of the inbox; the caller destroys it. */
static flux_msg_t *take (struct party *p)
{
    flux_msg_t *msg;

    if (p->count == 0)
        return NULL;
    msg = p->inbox[0];
    memmove (p->inbox, p->inbox + 1, --p->count * sizeof (p->inbox[0]));
    return msg;
}

static void party_fini (struct party *p)
{
    flux_msg_t *msg;

    while ((msg = take (p)))
        flux_msg_decref (msg);
}

static void world_init (struct world *w, uint32_t rank, const char *broker_uuid)
{
    memset (w, 0, sizeof (*w));
    w->services = service_table_new ();
    w->events = event_hub_new ();
    w->r = router_new (rank, broker_uuid, OWNER, w->services, w->events);
    party_init (&w->self, ENDPOINT_SELF, "broker", broker_uuid);
    party_init (&w->a, ENDPOINT_MODULE, "aaaaaaaa", NULL);
    party_init (&w->b, ENDPOINT_MODULE, "abababab", NULL);
    party_init (&w->client, ENDPOINT_CLIENT, "11111111", NULL);
    party_init (&w->guest, ENDPOINT_CLIENT, "22222222", NULL);
    party_init (&w->hop, ENDPOINT_HOP, "connector", CONNECTOR);
    w->client.ep.via = w->guest.ep.via = w->hop.uuid;
    w->client.ep.userid = OWNER;
    w->client.ep.rolemask = FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL;
    w->guest.ep.userid = GUEST;
    w->guest.ep.rolemask = FLUX_ROLE_USER | FLUX_ROLE_LOCAL;
    router_attach (w->r, &w->self.ep);
    router_attach (w->r, &w->a.ep);
    router_attach (w->r, &w->b.ep);
    router_attach (w->r, &w->client.ep);
    router_attach (w->r, &w->guest.ep);
    router_attach (w->r, &w->hop.ep);
    service_add (w->services, "broker", &w->self.ep);
    service_add (w->services, "a", &w->a.ep);
    service_add (w->services, "b", &w->b.ep);
}

static void world_fini (struct world *w)
{
    router_detach (w->r, &w->client.ep);
    router_detach (w->r, &w->guest.ep);
    router_detach (w->r, &w->a.ep);
    router_detach (w->r, &w->b.ep);
    router_detach (w->r, &w->hop.ep);
    router_detach (w->r, &w->self.ep);
    party_fini (&w->client);
    party_fini (&w->guest);
    party_fini (&w->a);
    party_fini (&w->b);
    party_fini (&w->self);
    router_free (w->r);
    event_hub_free (w->events);
    service_table_free (w->services);
}

static flux_msg_t *request (const char *topic, uint32_t matchtag)
{
    flux_msg_t *msg = flux_request_encode (topic, "{}");

    if (!msg || flux_msg_set_matchtag (msg, matchtag) < 0)
        bail_out ("request %s", topic);
    return msg;
}

static void send_from (struct world *w, struct party *p, flux_msg_t *msg)
{
    router_receive (w->r, &p->ep, msg);
}

static bool routes_are (const flux_msg_t *msg, const char *want)
{
    char *have = flux_msg_route_string (msg);
    bool same = have && strcmp (have, want) == 0;

    if (!same)
        diag ("routes are %s, wanted %s", have ? have : "(null)", want);
    free (have);
    return same;
}

static bool cred_is (const flux_msg_t *msg, uint32_t userid, uint32_t rolemask)
{
    struct flux_msg_cred cred;

    if (!msg || flux_msg_get_cred (msg, &cred) < 0)
        return false;
    if (cred.userid != userid || cred.rolemask != rolemask) {
        diag ("cred is %u 0x%x", (unsigned int)cred.userid, (unsigned int)cred.rolemask);
        return false;
    }
    return true;
}

static bool refused (flux_msg_t *msg, int errnum, const char *text)
{
    const char *s = NULL;
    int have = -1;
    bool good;

    if (!msg || flux_msg_get_errnum (msg, &have) < 0)
        return false;
    (void)flux_msg_get_string (msg, &s);
    good = have == errnum && (text ? s && strcmp (s, text) == 0 : !s);
    if (!good)
        diag ("errnum %d text %s", have, s ? s : "(none)");
    flux_msg_decref (msg);
    return good;
}

static void round_trip (void)
{
    struct world w;
    flux_msg_t *msg, *resp;
    uint32_t matchtag;

    world_init (&w, 0, BROKER);

    send_from (&w, &w.client, request ("a.do", 7));
    msg = take (&w.a);
    ok (msg && routes_are (msg, "11111111!cccccccc!bbbbbbbb"),
        "client to module: client, connector, broker");
    ok (cred_is (msg, OWNER, FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL), "stamped owner, local");
    resp = flux_response_derive (msg, 0);
    send_from (&w, &w.a, resp);
    flux_msg_decref (msg);
    msg = take (&w.client);
    ok (msg && flux_msg_route_count (msg) == 0, "the response comes back without routes");
    ok (msg && flux_msg_get_matchtag (msg, &matchtag) == 0 && matchtag == 7, "same tag");
    ok (cred_is (msg, OWNER, FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL),
        "a response is stamped too: clients drop those without a role");
    flux_msg_decref (msg);

    send_from (&w, &w.client, request ("broker.do", 8));
    msg = take (&w.self);
    ok (msg && routes_are (msg, "11111111!cccccccc"), "client to broker service");
    send_from (&w, &w.self, flux_response_derive (msg, ENOENT));
    flux_msg_decref (msg);
    ok (refused (take (&w.client), ENOENT, NULL), "... and back");

    send_from (&w, &w.a, request ("b.do", 9));
    msg = take (&w.b);
    ok (msg && routes_are (msg, "aaaaaaaa!bbbbbbbb"), "module to module: A, broker");
    send_from (&w, &w.b, flux_response_derive (msg, 0));
    flux_msg_decref (msg);
    msg = take (&w.a);
    ok (msg && flux_msg_route_count (msg) == 0, "... and back");
    flux_msg_decref (msg);

    send_from (&w, &w.a, request ("broker.do", 10));
    msg = take (&w.self);
    ok (msg && routes_are (msg, "aaaaaaaa"), "module to broker service: module");
    flux_msg_decref (msg);

    send_from (&w, &w.self, request ("a.shutdown", 11));
    msg = take (&w.a);
    ok (msg && routes_are (msg, "bbbbbbbb"), "broker to module: broker");
    send_from (&w, &w.a, flux_response_derive (msg, 0));
    flux_msg_decref (msg);
    msg = take (&w.self);
    ok (msg && flux_msg_route_count (msg) == 0, "... and back");
    flux_msg_decref (msg);
    world_fini (&w);
}

static void refusals (void)
{
    struct world w;
    flux_msg_t *msg;

    world_init (&w, 0, BROKER);
    send_from (&w, &w.client, request ("foo.bar", 1));
    ok (refused (take (&w.client), ENOSYS, "No service matching foo.bar is registered"),
        "unknown service");
    send_from (&w,
               &w.client,
               request ("service-with-a-name-that-is-far-too-long-to-be-shown.method", 1));
    ok (refused (take (&w.client),
                 ENOSYS,
                 "No service matching service-with-a-name-that-is-far-too-long-to"),
        "the text is cut at 63 characters");
    send_from (&w, &w.client, request (".", 1));
    ok (refused (take (&w.client), ENOSYS, "No service matching . is registered"),
        "the empty service does not exist");

    msg = request ("foo.bar", 1);
    flux_msg_set_noresponse (msg);
    send_from (&w, &w.client, msg);
    ok (!take (&w.client), "NORESPONSE: nothing comes back");

    msg = request ("a.do", 1);
    flux_msg_set_nodeid (msg, 5);
    send_from (&w, &w.client, msg);
    ok (refused (take (&w.client), EHOSTUNREACH, NULL), "a rank that is not there");

    msg = request ("a.do", 1);
    flux_msg_set_nodeid (msg, 0);
    flux_msg_set_flag (msg, FLUX_MSGFLAG_UPSTREAM);
    send_from (&w, &w.client, msg);
    ok (refused (take (&w.client), EHOSTUNREACH, NULL), "nothing is upstream of rank 0");

    msg = request ("a.do", 1);
    flux_msg_set_nodeid (msg, 0);
    send_from (&w, &w.client, msg);
    flux_msg_decref (msg = take (&w.a));
    ok (msg != NULL, "our own rank is here");

    w.a.fail = -ENOSYS;
    send_from (&w, &w.client, request ("a.do", 1));
    ok (refused (take (&w.client), ENOSYS, "No service matching a.do is registered"),
        "a module that is finalizing counts as gone");
    w.a.fail = 0;

    char topic[300];
    memset (topic, 'x', sizeof (topic));
    memcpy (topic, "a.", 2);
    strcpy (topic + 260, ".y");
    send_from (&w, &w.client, request (topic, 1));
    ok (refused (take (&w.client), EINVAL, "topic string is too long"),
        "a topic without room for its disconnect is refused, not dropped");
    world_fini (&w);
}

static void credentials (void)
{
    struct world w;
    flux_msg_t *msg;

    world_init (&w, 0, BROKER);
    msg = request ("a.do", 1);
    flux_msg_set_userid (msg, OWNER);
    flux_msg_set_rolemask (msg, FLUX_ROLE_OWNER);
    send_from (&w, &w.guest, msg);
    msg = take (&w.a);
    ok (cred_is (msg, GUEST, FLUX_ROLE_USER | FLUX_ROLE_LOCAL), "a guest cannot forge");
    flux_msg_decref (msg);

    msg = request ("a.do", 1);
    flux_msg_set_userid (msg, 42);
    send_from (&w, &w.client, msg);
    msg = take (&w.a);
    ok (cred_is (msg, 42, FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL),
        "on an owner's socket the unset rolemask alone is filled in");
    flux_msg_decref (msg);

    msg = request ("a.do", 1);
    flux_msg_set_rolemask (msg, FLUX_ROLE_USER);
    send_from (&w, &w.client, msg);
    msg = take (&w.a);
    ok (cred_is (msg, OWNER, FLUX_ROLE_USER), "... or the unset userid alone");
    flux_msg_decref (msg);

    msg = request ("a.do", 1);
    flux_msg_set_userid (msg, 42);
    send_from (&w, &w.b, msg);
    msg = take (&w.a);
    ok (cred_is (msg, 42, FLUX_ROLE_NONE), "a module's message keeps what it has");
    flux_msg_decref (msg);
    world_fini (&w);
}

static void hostile_responses (void)
{
    struct world w;
    flux_msg_t *msg, *resp;

    world_init (&w, 0, BROKER);

    /* the broker has an RPC out with tag 1 */
    send_from (&w, &w.self, request ("a.do", 1));
    resp = flux_response_encode ("a.do", "{}");
    flux_msg_set_matchtag (resp, 1);
    send_from (&w, &w.client, resp);
    ok (!take (&w.self), "a response without routes from a client goes nowhere");

    resp = flux_response_encode ("a.do", "{}");
    flux_msg_set_matchtag (resp, 1);
    flux_msg_route_push (resp, BROKER);
    send_from (&w, &w.client, resp);
    ok (!take (&w.self), "nor one that knows our uuid");

    resp = flux_response_encode ("b.do", "{}");
    flux_msg_set_matchtag (resp, 1);
    flux_msg_route_push (resp, w.b.uuid);
    flux_msg_route_push (resp, BROKER);
    send_from (&w, &w.guest, resp);
    ok (!take (&w.b), "nor one for a module's RPC");

    resp = flux_response_encode ("b.do", "{}");
    flux_msg_route_push (resp, "nobody");
    flux_msg_route_push (resp, BROKER);
    send_from (&w, &w.a, resp);
    resp = flux_response_encode ("b.do", "{}");
    send_from (&w, &w.a, resp);
    ok (!take (&w.self) && !take (&w.b), "a module's response to nobody is dropped");

    flux_msg_decref ((msg = take (&w.a)));
    world_fini (&w);
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

static void events (void)
{
    struct world w;
    flux_msg_t *msg;
    uint32_t seq;

    world_init (&w, 0, BROKER);
    event_subscribe (w.events, &w.a.ep, "foo");
    event_subscribe (w.events, &w.client.ep, "foo");
    send_from (&w, &w.guest, flux_event_encode ("foo.bar", NULL));
    msg = take (&w.a);
    ok (msg && flux_msg_get_seq (msg, &seq) == 0 && seq == 1, "numbered at rank 0");
    ok (cred_is (msg, GUEST, FLUX_ROLE_USER | FLUX_ROLE_LOCAL), "stamped");
    ok (msg && flux_msg_route_count (msg) == 0, "without routes");
    flux_msg_decref (msg);
    flux_msg_decref ((msg = take (&w.client)));
    ok (msg != NULL, "every subscriber gets it");
    world_fini (&w);
}

/* Two routers, joined by endpoints that hand messages across. */
struct bridge {
    struct party party;
    struct router *other;
    struct endpoint *from; /* how the other side knows us */
};

/* What has come to a bridge goes on to the other side, until all is there. */
static void cross (struct bridge *x, struct bridge *y)
{
    flux_msg_t *msg;

    do {
        while ((msg = take (&x->party)))
            router_receive (x->other, x->from, msg);
        while ((msg = take (&y->party)))
            router_receive (y->other, y->from, msg);
    } while (x->party.count > 0);
}

static void two_ranks (void)
{
    static const char uuid0[] = "00000000-aaaa-0000-0000-000000000000";
    static const char uuid2[] = "99999999-aaaa-0000-0000-000000000000";
    struct world w0, w2;
    struct bridge down, up; /* rank 0's view of 2, rank 2's view of 0 */
    flux_msg_t *msg;

    world_init (&w0, 0, uuid0);
    world_init (&w2, 2, uuid2);
    party_init (&down.party, ENDPOINT_PEER, "rank2", uuid2);
    party_init (&up.party, ENDPOINT_PEER, "rank0", uuid0);
    down.other = w2.r;
    down.from = &up.party.ep;
    up.other = w0.r;
    up.from = &down.party.ep;
    router_attach (w0.r, &down.party.ep);
    router_add_peer (w0.r, 2, &down.party.ep);
    router_attach (w2.r, &up.party.ep);
    router_set_parent (w2.r, &up.party.ep);

    service_add (w0.services, "only0", &w0.a.ep);
    send_from (&w2, &w2.client, request ("only0.do", 4));
    cross (&down, &up);
    msg = take (&w0.a);
    ok (msg && routes_are (msg, "11111111!cccccccc!99999999!00000000"),
        "client on rank 2 to module on rank 0");
    ok (cred_is (msg, OWNER, FLUX_ROLE_OWNER), "LOCAL is cleared between brokers");
    send_from (&w0, &w0.a, flux_response_derive (msg, 0));
    cross (&down, &up);
    flux_msg_decref (msg);
    msg = take (&w2.client);
    ok (msg && flux_msg_route_count (msg) == 0, "... and back");
    flux_msg_decref (msg);

    msg = request ("a.do", 1);
    flux_msg_set_nodeid (msg, 2);
    flux_msg_set_flag (msg, FLUX_MSGFLAG_UPSTREAM);
    send_from (&w2, &w2.b, msg);
    cross (&down, &up);
    ok (w2.a.count == 0 && w0.a.count == 1, "UPSTREAM skips the local broker");
    flux_msg_decref (take (&w0.a));

    msg = request ("a.do", 1);
    flux_msg_set_nodeid (msg, 2);
    send_from (&w0, &w0.b, msg);
    cross (&down, &up);
    ok (w0.a.count == 0 && w2.a.count == 1, "a rank is reached through its next hop");
    msg = take (&w2.a);
    send_from (&w2, &w2.a, flux_response_derive (msg, 0));
    cross (&down, &up);
    flux_msg_decref (msg);
    msg = take (&w0.b);
    ok (msg && flux_msg_route_count (msg) == 0, "... and back");
    flux_msg_decref (msg);

    send_from (&w2, &w2.client, request ("nowhere.do", 1));
    cross (&down, &up);
    ok (refused (take (&w2.client), ENOSYS, "No service matching nowhere.do is registered"),
        "an unknown service is refused by rank 0");

    router_detach (w0.r, &down.party.ep);
    router_remove_peer (w0.r, 2);
    router_detach (w2.r, &up.party.ep);
    world_fini (&w0);
    world_fini (&w2);
}

int main (void)
{
    round_trip ();
    refusals ();
    credentials ();
    hostile_responses ();
    client_service ();
    disconnects ();
    throttling ();
    too_many_disconnects ();
    events ();
    two_ranks ();
    return done_testing ();
}
