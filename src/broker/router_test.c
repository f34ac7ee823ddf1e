#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <flux/core.h>

#include "common/tap.h"

#include "test_party.h"

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
    events ();
    two_ranks ();
    return done_testing ();
}
