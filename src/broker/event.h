/* broker/event.h - who gets which event, in which order.
 *
 * A subscription is a string prefix of topics (wire.md section 7).  The hub
 * keeps one node per distinct prefix, found by hash, and the sorted set of
 * distinct prefix lengths: an event costs one look-up per distinct length not
 * above its topic's, plus its receivers; how many subscriptions there are
 * does not matter.
 *
 * Invariants
 *  - an endpoint gets an event once, however many of its prefixes match
 *  - subscriptions are counted per endpoint: two subscribes need two
 *    unsubscribes
 *  - events reach every endpoint in the order of their sequence numbers,
 *    which start at 1; delivery is done when event_publish () returns
 *
 * Ownership: endpoints are borrowed, and leave by event_unsubscribe_all ().
 * Bounds: EVENT_PREFIX_MAX bytes per prefix; EVENT_SUBS_MAX prefixes per
 * client, none for modules.
 */

#ifndef MILLRACE_BROKER_EVENT_H
#define MILLRACE_BROKER_EVENT_H

#include <stdint.h>
#include <flux/core.h>

#include "endpoint.h"

enum {
    EVENT_PREFIX_MAX = 1024,
    EVENT_SUBS_MAX = 16384,
};

struct event_hub;

struct event_hub *event_hub_new (void);
void event_hub_free (struct event_hub *hub);

/* Returns 0, -EINVAL (prefix too long), -ENOSPC (bound), -ENOMEM. */
int event_subscribe (struct event_hub *hub, struct endpoint *ep, const char *prefix);

/* Returns 0 or -ENOENT. */
int event_unsubscribe (struct event_hub *hub, struct endpoint *ep, const char *prefix);

void event_unsubscribe_all (struct event_hub *hub, struct endpoint *ep);

/* Number the event and deliver it.  Takes *msg.  The sequence number is
 * stored in *seq unless seq is NULL.  Returns 0, or -EPROTO when the message
 * is no event or has no topic, or -ENOMEM; *msg is gone in any case.
 */
int event_publish (struct event_hub *hub, flux_msg_t **msg, uint32_t *seq);

/* Deliver an event that rank 0 has numbered.  Takes *msg. */
void event_deliver (struct event_hub *hub, flux_msg_t **msg);

struct event_stats {
    uint64_t published; /* events numbered here */
    uint64_t delivered; /* copies handed over */
    uint64_t lost;      /* copies an endpoint did not take */
    uint64_t prefixes;  /* distinct prefixes subscribed now */
};

void event_get_stats (const struct event_hub *hub, struct event_stats *stats);

#endif /* !MILLRACE_BROKER_EVENT_H */
