/* broker/test_party.h - for tests of the router: a broker without a reactor, and
 * some who take part, each with an inbox.
 */

#ifndef MILLRACE_BROKER_TEST_PARTY_H
#define MILLRACE_BROKER_TEST_PARTY_H

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

static inline int party_deliver (struct endpoint *ep, flux_msg_t **msg)
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

static inline int party_deliver_shared (struct endpoint *ep, const flux_msg_t *msg)
{
    flux_msg_t *copy = flux_msg_copy (msg, true);

    return party_deliver (ep, &copy);
}

static inline void party_init (struct party *p,
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
static inline flux_msg_t *take (struct party *p)
{
    flux_msg_t *msg;

    if (p->count == 0)
        return NULL;
    msg = p->inbox[0];
    memmove (p->inbox, p->inbox + 1, --p->count * sizeof (p->inbox[0]));
    return msg;
}

static inline void party_fini (struct party *p)
{
    flux_msg_t *msg;

    while ((msg = take (p)))
        flux_msg_decref (msg);
}

static inline void world_init (struct world *w, uint32_t rank, const char *broker_uuid)
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

static inline void world_fini (struct world *w)
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

static inline flux_msg_t *request (const char *topic, uint32_t matchtag)
{
    flux_msg_t *msg = flux_request_encode (topic, "{}");

    if (!msg || flux_msg_set_matchtag (msg, matchtag) < 0)
        bail_out ("request %s", topic);
    return msg;
}

static inline void send_from (struct world *w, struct party *p, flux_msg_t *msg)
{
    router_receive (w->r, &p->ep, msg);
}

static inline bool routes_are (const flux_msg_t *msg, const char *want)
{
    char *have = flux_msg_route_string (msg);
    bool same = have && strcmp (have, want) == 0;

    if (!same)
        diag ("routes are %s, wanted %s", have ? have : "(null)", want);
    free (have);
    return same;
}

static inline bool cred_is (const flux_msg_t *msg, uint32_t userid, uint32_t rolemask)
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

static inline bool refused (flux_msg_t *msg, int errnum, const char *text)
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

#endif /* !MILLRACE_BROKER_TEST_PARTY_H */
