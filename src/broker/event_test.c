#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <flux/core.h>

#include "common/tap.h"

#include "event.h"

/* An endpoint that writes down what it gets. */
struct listener {
    struct endpoint ep;
    char log[512];
    uint32_t last_seq;
    bool ordered;
};

static int note (struct listener *l, const flux_msg_t *msg)
{
    const char *topic;
    uint32_t seq;

    if (flux_msg_get_topic (msg, &topic) < 0 || flux_msg_get_seq (msg, &seq) < 0)
        return -EPROTO;
    if (seq <= l->last_seq)
        l->ordered = false;
    l->last_seq = seq;
    snprintf (l->log + strlen (l->log), sizeof (l->log) - strlen (l->log), "%s ", topic);
    return 0;
}

static int listener_deliver (struct endpoint *ep, flux_msg_t **msg)
{
    int r = note ((struct listener *)ep, *msg);

    flux_msg_decref (*msg);
    *msg = NULL;
    return r;
}

static int listener_deliver_shared (struct endpoint *ep, const flux_msg_t *msg)
{
    return note ((struct listener *)ep, msg);
}

static void listener_init (struct listener *l, enum endpoint_kind kind, const char *name)
{
    memset (l, 0, sizeof (*l));
    endpoint_init (&l->ep, kind, name, name);
    l->ep.rolemask = FLUX_ROLE_OWNER;
    l->ep.deliver = listener_deliver;
    l->ep.deliver_shared = listener_deliver_shared;
    l->ordered = true;
}

static uint32_t publish (struct event_hub *hub, const char *topic)
{
    flux_msg_t *msg = flux_event_encode (topic, NULL);
    uint32_t seq = 0;

    if (!msg || event_publish (hub, &msg, &seq) < 0)
        bail_out ("publish %s", topic);
    return seq;
}

static uint32_t publish_private (struct event_hub *hub, const char *topic, uint32_t uid)
{
    flux_msg_t *msg = flux_event_encode (topic, NULL);
    uint32_t seq = 0;

    if (!msg || flux_msg_set_private (msg) < 0 || flux_msg_set_userid (msg, uid) < 0
        || event_publish (hub, &msg, &seq) < 0)
        bail_out ("publish %s", topic);
    return seq;
}

static void prefixes (void)
{
    struct event_hub *hub = event_hub_new ();
    struct listener a, b;

    listener_init (&a, ENDPOINT_MODULE, "a");
    listener_init (&b, ENDPOINT_CLIENT, "b");
    ok (event_subscribe (hub, &a.ep, "foo") == 0, "a subscribes to foo");
    ok (event_subscribe (hub, &a.ep, "foo.x") == 0, "... and to foo.x");
    ok (event_subscribe (hub, &b.ep, "") == 0, "b subscribes to everything");
    ok (publish (hub, "foo") == 1, "the first event is number 1");
    publish (hub, "foobar");
    publish (hub, "foo.x");
    publish (hub, "fo");
    publish (hub, "bar.foo");
    publish (hub, "");
    is (a.log, "foo foobar foo.x ", "a prefix matches, and no event comes twice");
    is (b.log, "foo foobar foo.x fo bar.foo  ", "the empty prefix matches all");
    ok (a.ordered && b.ordered && b.last_seq == 6, "in the order of their numbers");
    event_unsubscribe_all (hub, &a.ep);
    event_unsubscribe_all (hub, &b.ep);
    publish (hub, "foo");
    is (a.log, "foo foobar foo.x ", "who left hears nothing more");
    event_hub_free (hub);
}

static void counted (void)
{
    struct event_hub *hub = event_hub_new ();
    struct event_stats st;
    struct listener a;

    listener_init (&a, ENDPOINT_CLIENT, "a");
    event_subscribe (hub, &a.ep, "x");
    event_subscribe (hub, &a.ep, "x");
    publish (hub, "x1");
    ok (event_unsubscribe (hub, &a.ep, "x") == 0, "subscribed twice, unsubscribed once");
    publish (hub, "x2");
    ok (event_unsubscribe (hub, &a.ep, "x") == 0, "unsubscribed twice");
    publish (hub, "x3");
    is (a.log, "x1 x2 ", "two subscribes take two unsubscribes");
    ok (event_unsubscribe (hub, &a.ep, "x") == -ENOENT, "the third is ENOENT");
    event_get_stats (hub, &st);
    ok (st.prefixes == 0 && st.published == 3 && st.delivered == 2, "stats say so");
    event_unsubscribe_all (hub, &a.ep);
    event_hub_free (hub);
}

static void private_events (void)
{
    struct event_hub *hub = event_hub_new ();
    struct listener owner, guest, other, module;

    listener_init (&owner, ENDPOINT_CLIENT, "owner");
    listener_init (&guest, ENDPOINT_CLIENT, "guest");
    listener_init (&other, ENDPOINT_CLIENT, "other");
    listener_init (&module, ENDPOINT_MODULE, "module");
    guest.ep.rolemask = other.ep.rolemask = FLUX_ROLE_USER;
    guest.ep.userid = 100;
    other.ep.userid = 200;
    module.ep.rolemask = FLUX_ROLE_NONE;
    event_subscribe (hub, &owner.ep, "p");
    event_subscribe (hub, &guest.ep, "p");
    event_subscribe (hub, &other.ep, "p");
    event_subscribe (hub, &module.ep, "p");
    publish_private (hub, "p", 100);
    is (owner.log, "p ", "a private event reaches the owner");
    is (module.log, "p ", "... modules");
    is (guest.log, "p ", "... and its own user");
    is (other.log, "", "... but no other guest");
    event_unsubscribe_all (hub, &owner.ep);
    event_unsubscribe_all (hub, &guest.ep);
    event_unsubscribe_all (hub, &other.ep);
    event_unsubscribe_all (hub, &module.ep);
    event_hub_free (hub);
}

static void bounds (void)
{
    struct event_hub *hub = event_hub_new ();
    char longest[EVENT_PREFIX_MAX + 2];
    struct listener a, m;
    char topic[32];
    int n = 0, r;

    listener_init (&a, ENDPOINT_CLIENT, "a");
    listener_init (&m, ENDPOINT_MODULE, "m");
    memset (longest, 'x', sizeof (longest));
    longest[EVENT_PREFIX_MAX + 1] = '\0';
    ok (event_subscribe (hub, &m.ep, longest) == -EINVAL, "a prefix may be too long");
    longest[EVENT_PREFIX_MAX] = '\0';
    ok (event_subscribe (hub, &m.ep, longest) == 0, "the longest one is fine");
    longest[EVENT_PREFIX_MAX] = 'x';
    publish (hub, longest);
    ok (m.last_seq == 1, "... and matches a longer topic");
    do {
        snprintf (topic, sizeof (topic), "t%d", n);
        if ((r = event_subscribe (hub, &a.ep, topic)) == 0)
            n++;
    } while (r == 0 && n <= EVENT_SUBS_MAX);
    ok (r == -ENOSPC && n == EVENT_SUBS_MAX, "a client's subscriptions are bounded");
    publish (hub, "t77");
    is (a.log, "t77 ", "it still gets its events, once each (t7 and t77 match)");
    event_unsubscribe_all (hub, &a.ep);
    event_unsubscribe_all (hub, &m.ep);
    event_hub_free (hub);
}

/* The reference: try every subscription on every event. */
static void against_linear_scan (void)
{
    enum { N = 40, SUBS = 300, EVENTS = 500 };
    struct event_hub *hub = event_hub_new ();
    static struct listener l[N];
    static char subs[SUBS][16];
    int owner[SUBS], expected[N] = { 0 }, got[N] = { 0 };
    unsigned int seed = 42;

    for (int i = 0; i < N; i++)
        listener_init (&l[i], ENDPOINT_MODULE, "l");
    for (int i = 0; i < SUBS; i++) {
        size_t len = rand_r (&seed) % 8;

        for (size_t j = 0; j < len; j++)
            subs[i][j] = 'a' + rand_r (&seed) % 2;
        owner[i] = rand_r (&seed) % N;
        event_subscribe (hub, &l[owner[i]].ep, subs[i]);
    }
    for (int e = 0; e < EVENTS; e++) {
        char topic[16] = { 0 };
        bool match[N] = { 0 };
        size_t len = rand_r (&seed) % 10;

        for (size_t j = 0; j < len; j++)
            topic[j] = 'a' + rand_r (&seed) % 2;
        publish (hub, topic);
        for (int i = 0; i < SUBS; i++)
            match[owner[i]] |= strncmp (subs[i], topic, strlen (subs[i])) == 0;
        for (int i = 0; i < N; i++) {
            expected[i] += match[i];
            got[i] += *l[i].log != '\0' || l[i].last_seq == (uint32_t)e + 1;
            l[i].log[0] = '\0';
        }
    }
    ok (memcmp (expected, got, sizeof (got)) == 0,
        "random prefixes and topics: the same receivers as a linear scan finds");
    for (int i = 0; i < N; i++)
        event_unsubscribe_all (hub, &l[i].ep);
    event_hub_free (hub);
}

int main (void)
{
    prefixes ();
    counted ();
    private_events ();
    bounds ();
    against_linear_scan ();
    return done_testing ();
}
