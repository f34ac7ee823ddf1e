/* What the router does for and against its neighbours: it plays rank 1, with
 * rank 0 as its parent and rank 3 as its child.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <flux/core.h>

#include "common/tap.h"

#include "../router.h"

#define UUID(c) c c c c c c c c "-0000-0000-0000-000000000000"

enum { OWNER = 1000 };

struct party {
    struct endpoint ep;
    flux_msg_t *inbox[16];
    int count;
};

struct world {
    struct service_table *services;
    struct event_hub *events;
    struct router *r;
    struct party self, module, client, parent, child;
};

static int party_deliver (struct endpoint *ep, flux_msg_t **msg)
{
    struct party *p = container_of (ep, struct party, ep);

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

static void join (struct world *w,
                  struct party *p,
                  enum endpoint_kind kind,
                  const char *name,
                  const char *uuid)
{
    endpoint_init (&p->ep, kind, name, uuid);
    p->ep.deliver = party_deliver;
    p->ep.deliver_shared = party_deliver_shared;
    p->ep.userid = OWNER;
    p->ep.rolemask = FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL;
    if (router_attach (w->r, &p->ep) < 0)
        bail_out ("attach %s", name);
}

static flux_msg_t *take (struct party *p)
{
    flux_msg_t *msg = p->inbox[0];

    if (p->count == 0)
        return NULL;
    memmove (p->inbox, p->inbox + 1, --p->count * sizeof (p->inbox[0]));
    return msg;
}

static void leave (struct world *w, struct party *p)
{
    flux_msg_t *msg;

    router_detach (w->r, &p->ep);
    while ((msg = take (p)))
        flux_msg_decref (msg);
}

static void world_init (struct world *w)
{
    memset (w, 0, sizeof (*w));
    w->services = service_table_new ();
    w->events = event_hub_new ();
    w->r = router_new (1, UUID ("1"), OWNER, w->services, w->events);
    join (w, &w->self, ENDPOINT_SELF, "broker", UUID ("1"));
    join (w, &w->module, ENDPOINT_MODULE, "module", UUID ("d"));
    join (w, &w->client, ENDPOINT_CLIENT, "client", UUID ("c"));
    join (w, &w->parent, ENDPOINT_PEER, "rank 0", UUID ("0"));
    join (w, &w->child, ENDPOINT_PEER, "rank 3", UUID ("3"));
    router_set_parent (w->r, &w->parent.ep);
    router_add_peer (w->r, 3, &w->child.ep);
    service_add (w->services, "module", &w->module.ep);
    event_subscribe (w->events, &w->child.ep, "");
}

static void child_gone (struct world *w)
{
    router_remove_peer (w->r, 3);
    router_detach (w->r, &w->child.ep);
}

static void world_fini (struct world *w)
{
    router_remove_peer (w->r, 3);
    leave (w, &w->client);
    leave (w, &w->module);
    leave (w, &w->child);
    leave (w, &w->parent);
    leave (w, &w->self);
    router_free (w->r);
    event_hub_free (w->events);
    service_table_free (w->services);
}

static flux_msg_t *request (const char *topic, uint32_t nodeid, uint32_t matchtag)
{
    flux_msg_t *msg = flux_request_encode (topic, "{}");

    if (!msg || flux_msg_set_nodeid (msg, nodeid) < 0
        || flux_msg_set_matchtag (msg, matchtag) < 0)
        bail_out ("request %s", topic);
    return msg;
}

/* As it comes from a broker: with the routes of sender and broker. */
static flux_msg_t *request_of (const char *sender,
                               const char *broker,
                               const char *topic,
                               uint32_t nodeid,
                               uint32_t matchtag)
{
    flux_msg_t *msg = request (topic, nodeid, matchtag);

    flux_msg_route_enable (msg);
    if (flux_msg_route_push (msg, sender) < 0 || flux_msg_route_push (msg, broker) < 0
        || flux_msg_set_userid (msg, OWNER) < 0
        || flux_msg_set_rolemask (msg, FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL) < 0)
        bail_out ("request %s", topic);
    return msg;
}

static bool is_response (flux_msg_t *msg, int errnum, uint32_t matchtag)
{
    uint32_t tag = 0;
    int e = -1;
    bool good = msg && flux_msg_get_errnum (msg, &e) == 0 && e == errnum
                && flux_msg_get_matchtag (msg, &tag) == 0 && tag == matchtag;

    flux_msg_decref (msg);
    return good;
}

static bool is_topic (flux_msg_t *msg, const char *want)
{
    const char *topic;
    bool good = msg && flux_msg_get_topic (msg, &topic) == 0 && !strcmp (topic, want);

    flux_msg_decref (msg);
    return good;
}

static void open_requests_of_a_lost_rank (void)
{
    struct world w;
    flux_msg_t *msg, *stream;

    world_init (&w);
    router_receive (w.r, &w.client.ep, request ("kvs.a", 3, 1));
    router_receive (w.r, &w.client.ep, request ("kvs.b", 3, 2));
    stream = request ("kvs.c", 3, 3);
    flux_msg_set_streaming (stream);
    router_receive (w.r, &w.client.ep, stream);
    msg = request ("kvs.d", 3, 0);
    flux_msg_set_noresponse (msg);
    router_receive (w.r, &w.client.ep, msg);
    ok (w.child.count == 4, "four requests went to the child");

    msg = take (&w.child);
    router_receive (w.r, &w.child.ep, flux_response_derive (msg, 0));
    flux_msg_decref (msg);
    ok (is_response (take (&w.client), 0, 1), "one is answered");
    flux_msg_decref (take (&w.child));
    msg = take (&w.child);
    router_receive (w.r, &w.child.ep, flux_response_derive (msg, 0));
    flux_msg_decref (msg);
    ok (is_response (take (&w.client), 0, 3), "a stream had one response");

    child_gone (&w);
    ok (w.client.count == 2, "when the child is lost, two answers are made up");
    ok (is_response (take (&w.client), EHOSTUNREACH, 2)
            | is_response (take (&w.client), EHOSTUNREACH, 3),
        "EHOSTUNREACH, to the one not answered and to the stream");
    router_receive (w.r, &w.client.ep, request ("kvs.a", 3, 5));
    msg = take (&w.parent);
    ok (is_topic (msg, "kvs.a"), "what is not below is sought upstream");
    world_fini (&w);
}

static void requests_do_not_go_round_in_circles (void)
{
    struct world w;
    flux_msg_t *msg;

    world_init (&w);
    child_gone (&w);
    router_receive (
        w.r, &w.parent.ep, request_of (UUID ("9"), UUID ("0"), "kvs.a", 3, 7));
    msg = take (&w.parent);
    ok (is_response (msg, EHOSTUNREACH, 7),
        "the parent's request for a lost rank is refused, not sent back");
    router_set_parent (w.r, NULL);
    router_receive (w.r, &w.client.ep, request ("nowhere.a", FLUX_NODEID_ANY, 1));
    ok (is_response (take (&w.client), EHOSTUNREACH, 1),
        "a broker that is cut off does not know what is served elsewhere");
    world_fini (&w);
}

static void senders_behind_a_lost_rank (void)
{
    struct world w;
    flux_msg_t *msg;

    world_init (&w);
    router_receive (
        w.r, &w.child.ep, request_of (UUID ("5"), UUID ("3"), "module.x", 1, 1));
    router_receive (
        w.r, &w.child.ep, request_of (UUID ("5"), UUID ("3"), "module.y", 1, 2));
    router_receive (
        w.r, &w.child.ep, request_of (UUID ("6"), UUID ("3"), "module.x", 1, 1));
    router_receive (
        w.r, &w.child.ep, request_of (UUID ("7"), UUID ("3"), "module.x", 1, 1));
    router_receive (
        w.r, &w.child.ep, request_of (UUID ("5"), UUID ("3"), "kvs.x", 0, 3));
    ok (w.module.count == 4 && w.parent.count == 1, "three senders used services");
    msg = request_of (UUID ("7"), UUID ("3"), "module.disconnect", 1, 1);
    flux_msg_set_noresponse (msg);
    router_receive (w.r, &w.child.ep, msg);
    ok (w.module.count == 5, "one says goodbye itself");
    while ((msg = take (&w.module)))
        flux_msg_decref (msg);
    flux_msg_decref (take (&w.parent));

    child_gone (&w);
    ok (w.module.count == 2 && w.parent.count == 1,
        "for the two others each service used is told, once");
    ok (is_topic (take (&w.module), "module.disconnect")
            && is_topic (take (&w.module), "module.disconnect")
            && is_topic (take (&w.parent), "kvs.disconnect"),
        "by a disconnect");
    world_fini (&w);
}

static void local_means_this_rank (void)
{
    struct flux_msg_cred cred;
    struct world w;
    flux_msg_t *msg;

    world_init (&w);
    router_receive (
        w.r, &w.child.ep, request_of (UUID ("5"), UUID ("3"), "module.x", 1, 1));
    msg = take (&w.module);
    ok (msg && flux_msg_get_cred (msg, &cred) == 0 && cred.rolemask == FLUX_ROLE_OWNER
            && cred.userid == OWNER,
        "LOCAL is taken from what another broker sends, whatever it says");
    flux_msg_decref (msg);
    msg = request ("event.subscribe", 1, 1);
    flux_msg_route_enable (msg);
    flux_msg_route_push (msg, UUID ("3"));
    ok (router_sender (w.r, msg) == NULL, "another broker is no sender of ours");
    flux_msg_decref (msg);
    world_fini (&w);
}

static void events_go_up_to_be_numbered (void)
{
    struct world w;
    flux_msg_t *msg;

    world_init (&w);
    event_subscribe (w.events, &w.module.ep, "e");
    router_receive (w.r, &w.client.ep, flux_event_encode ("e.1", NULL));
    router_receive (w.r, &w.child.ep, flux_event_encode ("e.2", NULL));
    ok (w.parent.count == 2 && w.module.count == 0 && w.child.count == 0,
        "events from here and from below go to the parent");
    while ((msg = take (&w.parent))) {
        flux_msg_set_seq (msg, 8);
        router_receive (w.r, &w.parent.ep, msg);
    }
    ok (w.module.count == 2 && w.child.count == 2 && w.parent.count == 0,
        "and from there to all here and below");
    ok (is_topic (take (&w.module), "e.1") && is_topic (take (&w.module), "e.2")
            && is_topic (take (&w.child), "e.1") && is_topic (take (&w.child), "e.2"),
        "in order");
    world_fini (&w);
}

int main (void)
{
    open_requests_of_a_lost_rank ();
    requests_do_not_go_round_in_circles ();
    senders_behind_a_lost_rank ();
    local_means_this_rank ();
    events_go_up_to_be_numbered ();
    return done_testing ();
}
