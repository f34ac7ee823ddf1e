#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#include "event.h"

/* One distinct prefix: who subscribed to it. */
struct prefix {
    struct list subs;
    size_t len;
    char text[];
};

/* One endpoint's interest in one prefix. */
struct sub {
    struct list node; /* in prefix->subs */
    struct endpoint *ep;
    struct prefix *prefix; /* whose text is the key in ep->subs */
    unsigned int refcount;
};

struct event_hub {
    struct table prefixes; /* text => struct prefix */
    /* prefixes of each length; lengths in use are in the bitmap */
    unsigned int per_length[EVENT_PREFIX_MAX + 1];
    uint64_t lengths[EVENT_PREFIX_MAX / 64 + 1];
    uint32_t seq;   /* of the last event published */
    uint64_t round; /* of delivery: marks who is in this one already */
    struct endpoint **receivers;
    size_t receivers_cap;
    struct event_stats stats;
};

struct event_hub *event_hub_new (void)
{
    struct event_hub *hub = calloc (1, sizeof (*hub));

    if (hub)
        table_init (&hub->prefixes);
    return hub;
}

void event_hub_free (struct event_hub *hub)
{
    if (!hub)
        return;
    must (table_count (&hub->prefixes) == 0);
    table_fini (&hub->prefixes);
    free (hub->receivers);
    free (hub);
}

static void length_add (struct event_hub *hub, size_t len)
{
    if (hub->per_length[len]++ == 0)
        hub->lengths[len / 64] |= (uint64_t)1 << (len % 64);
}

static void length_del (struct event_hub *hub, size_t len)
{
    if (--hub->per_length[len] == 0)
        hub->lengths[len / 64] &= ~((uint64_t)1 << (len % 64));
}

static struct prefix *prefix_get (struct event_hub *hub, const char *text, size_t len)
{
    struct prefix *p = table_get (&hub->prefixes, text, len);

    if (p)
        return p;
    if (!(p = malloc (sizeof (*p) + len + 1)))
        return NULL;
    list_init (&p->subs);
    p->len = len;
    memcpy (p->text, text, len + 1);
    if (table_put (&hub->prefixes, p->text, len, p) < 0) {
        free (p);
        return NULL;
    }
    length_add (hub, len);
    return p;
}

static void prefix_put (struct event_hub *hub, struct prefix *p)
{
    if (list_empty (&p->subs)) {
        table_del (&hub->prefixes, p->text, p->len);
        length_del (hub, p->len);
        free (p);
    }
}

static void sub_free (struct event_hub *hub, struct sub *s)
{
    struct prefix *p = s->prefix;

    list_del (&s->node);
    free (s);
    prefix_put (hub, p);
}

int event_subscribe (struct event_hub *hub, struct endpoint *ep, const char *prefix)
{
    size_t len = strlen (prefix);
    struct sub *s;

    if (len > EVENT_PREFIX_MAX)
        return -EINVAL;
    if ((s = table_get (&ep->subs, prefix, len))) {
        s->refcount++;
        return 0;
    }
    if (ep->kind == ENDPOINT_CLIENT && table_count (&ep->subs) >= EVENT_SUBS_MAX)
        return -ENOSPC;
    if (!(s = calloc (1, sizeof (*s))))
        return -ENOMEM;
    list_init (&s->node);
    if (!(s->prefix = prefix_get (hub, prefix, len))) {
        free (s);
        return -ENOMEM;
    }
    s->ep = ep;
    s->refcount = 1;
    list_append (&s->prefix->subs, &s->node);
    if (table_put (&ep->subs, s->prefix->text, len, s) < 0) {
        sub_free (hub, s);
        return -ENOMEM;
    }
    return 0;
}

int event_unsubscribe (struct event_hub *hub, struct endpoint *ep, const char *prefix)
{
    size_t len = strlen (prefix);
    struct sub *s = table_get (&ep->subs, prefix, len);

    if (!s)
        return -ENOENT;
    if (--s->refcount == 0) {
        table_del (&ep->subs, prefix, len);
        sub_free (hub, s);
    }
    return 0;
}

void event_unsubscribe_all (struct event_hub *hub, struct endpoint *ep)
{
    struct sub *s;

    while ((s = table_pop (&ep->subs)))
        sub_free (hub, s);
    table_fini (&ep->subs);
}

/* A private event is for modules, for owners, and for whom it concerns. */
static bool may_see (const struct endpoint *ep, const flux_msg_t *msg)
{
    uint32_t userid;

    if (ep->kind != ENDPOINT_CLIENT || endpoint_is_owner (ep)
        || !flux_msg_is_private (msg))
        return true;
    return flux_msg_get_userid (msg, &userid) == 0 && userid == ep->userid;
}

static int add_receivers (struct event_hub *hub,
                          struct prefix *p,
                          const flux_msg_t *msg,
                          size_t *count)
{
    struct sub *s;

    list_foreach (&p->subs, s, node) {
        if (s->ep->event_mark == hub->round || !may_see (s->ep, msg))
            continue;
        if (*count == hub->receivers_cap) {
            size_t cap = hub->receivers_cap ? hub->receivers_cap * 2 : 16;
            struct endpoint **bigger = reallocarray (hub->receivers, cap, sizeof (*bigger));

            if (!bigger)
                return -ENOMEM;
            hub->receivers = bigger;
            hub->receivers_cap = cap;
        }
        s->ep->event_mark = hub->round;
        hub->receivers[(*count)++] = s->ep;
    }
    return 0;
}

/* Everybody with a matching prefix, each once. */
static int find_receivers (struct event_hub *hub,
                           const char *topic,
                           const flux_msg_t *msg,
                           size_t *count)
{
    size_t topic_len = strlen (topic);
    size_t max = topic_len < EVENT_PREFIX_MAX ? topic_len : EVENT_PREFIX_MAX;

    hub->round++;
    for (size_t word = 0; word <= max / 64; word++) {
        uint64_t bits = hub->lengths[word];

        for (; bits; bits &= bits - 1) {
            size_t len = word * 64 + __builtin_ctzll (bits);
            struct prefix *p;

            if (len > max)
                break;
            if ((p = table_get (&hub->prefixes, topic, len))
                && add_receivers (hub, p, msg, count) < 0)
                return -ENOMEM;
        }
    }
    return 0;
}

static int deliver (struct event_hub *hub, const char *topic, flux_msg_t **msg)
{
    size_t count = 0;
    int r = find_receivers (hub, topic, *msg, &count);

    /* All but the last receiver share the message; the last one gets it. */
    for (size_t i = 0; i < count; i++) {
        struct endpoint *ep = hub->receivers[i];
        int rc = i + 1 < count ? endpoint_deliver_shared (ep, *msg)
                               : endpoint_deliver (ep, msg);

        if (rc == 0)
            hub->stats.delivered++;
        else
            hub->stats.lost++;
    }
    flux_msg_decref (*msg);
    *msg = NULL;
    return r;
}

int event_publish (struct event_hub *hub, flux_msg_t **msg, uint32_t *seq)
{
    uint32_t next = hub->seq + 1 ? hub->seq + 1 : 1; /* 0 means unpublished */
    const char *topic;

    if (flux_msg_get_topic (*msg, &topic) < 0 || flux_msg_set_seq (*msg, next) < 0) {
        flux_msg_decref (*msg);
        *msg = NULL;
        return -EPROTO;
    }
    hub->seq = next;
    hub->stats.published++;
    if (seq)
        *seq = hub->seq;
    return deliver (hub, topic, msg);
}

void event_deliver (struct event_hub *hub, flux_msg_t **msg)
{
    const char *topic;

    if (flux_msg_get_topic (*msg, &topic) == 0)
        (void)deliver (hub, topic, msg);
    flux_msg_decref (*msg);
    *msg = NULL;
}

void event_get_stats (const struct event_hub *hub, struct event_stats *stats)
{
    *stats = hub->stats;
    stats->prefixes = table_count (&hub->prefixes);
}
