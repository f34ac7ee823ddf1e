#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base64.h"
#include "common/util.h"

#include "services.h"

struct event_service {
    uint32_t rank;
    struct service_table *services;
    struct router *router;
    struct event_hub *events;
    flux_msg_handler_t **handlers;
};

static void
respond_result (struct event_service *es, const flux_msg_t *msg, int r, const char *text)
{
    router_respond (es->router, msg, -r, r < 0 ? text : NULL);
}

/* event.subscribe
 *   { "topic":s } -> {}
 */
static void subscribe_direct (flux_t *h, const flux_msg_t *msg, void *arg)
{
    struct event_service *es = arg;
    struct endpoint *ep = router_sender (es->router, msg);
    const char *topic;
    int r = -ENOENT;

    if (flux_request_unpack (msg, NULL, "{s:s}", "topic", &topic) < 0)
        r = -EPROTO;
    else if (ep)
        r = event_subscribe (es->events, ep, topic);
    respond_result (es, msg, r, NULL);
}

/* event.unsubscribe
 *   { "topic":s } -> {}
 */
static void unsubscribe_direct (flux_t *h, const flux_msg_t *msg, void *arg)
{
    struct event_service *es = arg;
    struct endpoint *ep = router_sender (es->router, msg);
    const char *topic;
    int r = -ENOENT;

    if (flux_request_unpack (msg, NULL, "{s:s}", "topic", &topic) < 0)
        r = -EPROTO;
    else if (ep)
        r = event_unsubscribe (es->events, ep, topic);
    respond_result (es, msg, r, NULL);
}

/* Base64 to an event message without credential; NULL with errno. */
static flux_msg_t *decode_event (const char *topic, const char *payload)
{
    _cleanup_ (freep) char *data = NULL;
    size_t len = payload ? strlen (payload) : 0;
    ssize_t size = 0;

    if (len > 0) {
        if (!(data = malloc (base64_decoded_max (len))))
            return NULL;
        if (len % 4 != 0 || (size = base64_decode (data, payload, len)) < 0) {
            errno = EPROTO;
            return NULL;
        }
    }
    return flux_event_encode_raw (topic, size > 0 ? data : NULL, size);
}

static flux_msg_t *event_from_request (const flux_msg_t *msg)
{
    struct flux_msg_cred cred;
    const char *topic, *payload = NULL;
    flux_msg_t *event;
    int flags;

    if (flux_request_unpack (msg,
                             NULL,
                             "{s:s s:i s?s}",
                             "topic", &topic,
                             "flags", &flags,
                             "payload", &payload)
            < 0
        || (flags & ~FLUX_MSGFLAG_PRIVATE)) {
        errno = EPROTO;
        return NULL;
    }
    if (!(event = decode_event (topic, payload)))
        return NULL;
    if ((flags && flux_msg_set_private (event) < 0) || flux_msg_get_cred (msg, &cred) < 0
        || flux_msg_set_cred (event, cred) < 0) {
        flux_msg_decref (event);
        return NULL;
    }
    return event;
}

/* event.publish
 *   { "topic":s "flags":i "payload"?:s } -> { "seq":i }
 */
static void publish_direct (flux_t *h, const flux_msg_t *msg, void *arg)
{
    struct event_service *es = arg;
    flux_msg_t *event;
    uint32_t seq;
    int r;

    if (es->rank > 0)
        respond_result (es, msg, -EPROTO, "this service is only available on rank 0");
    else if (!(event = event_from_request (msg)))
        respond_result (es, msg, -errno, NULL);
    else if ((r = event_publish (es->events, &event, &seq)) < 0)
        respond_result (es, msg, r, NULL);
    else
        router_respond_pack (es->router, msg, "{s:I}", "seq", (int64_t)seq);
}

/* service.add
 *   { "service":s } -> {}
 */
static void add_direct (flux_t *h, const flux_msg_t *msg, void *arg)
{
    struct event_service *es = arg;
    struct endpoint *ep = router_sender (es->router, msg);
    struct flux_msg_cred cred;
    char text[200];
    const char *name;
    int r;

    if (flux_request_unpack (msg, NULL, "{s:s}", "service", &name) < 0
        || flux_msg_get_cred (msg, &cred) < 0)
        respond_result (es, msg, -EPROTO, NULL);
    else if ((r = service_authorize (name, cred)) < 0)
        respond_result (es, msg, r, NULL);
    else if (!ep)
        respond_result (es, msg, -ENOENT, "requestor is not local");
    else {
        if ((r = service_add (es->services, name, ep)) < 0)
            snprintf (text,
                      sizeof (text),
                      "could not register service %s for module %s: %s",
                      name,
                      ep->name,
                      strerror (-r));
        respond_result (es, msg, r, text);
    }
}

/* service.remove
 *   { "service":s } -> {}
 */
static void remove_direct (flux_t *h, const flux_msg_t *msg, void *arg)
{
    struct event_service *es = arg;
    struct endpoint *ep = router_sender (es->router, msg);
    struct flux_msg_cred cred;
    char text[200];
    const char *name;
    int r;

    if (flux_request_unpack (msg, NULL, "{s:s}", "service", &name) < 0
        || flux_msg_get_cred (msg, &cred) < 0)
        respond_result (es, msg, -EPROTO, NULL);
    else if ((r = service_authorize (name, cred)) < 0)
        respond_result (es, msg, r, NULL);
    else {
        r = ep ? service_remove (es->services, name, ep) : -EINVAL;
        if (r == -ENOENT)
            snprintf (text, sizeof (text), "%s is not registered", name);
        else
            snprintf (text, sizeof (text), "requestor did not register %s", name);
        respond_result (es, msg, r, text);
    }
}

static const struct self_direct direct[] = {
    { "event.subscribe", 0, true, subscribe_direct },
    { "event.unsubscribe", 0, true, unsubscribe_direct },
    { "event.publish", FLUX_ROLE_USER, true, publish_direct },
    { "service.add", FLUX_ROLE_USER, true, add_direct },
    { "service.remove", FLUX_ROLE_USER, true, remove_direct },
    { NULL, 0, false, NULL },
};

/* event.stats-get
 *   -> { "published":i "delivered":i "lost":i "prefixes":i "router":{...} }
 */
static void stats_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct event_service *es = arg;
    struct event_stats ev;
    struct router_stats rt;

    router_enter (es->router);
    event_get_stats (es->events, &ev);
    router_leave (es->router);
    router_get_stats (es->router, &rt);
    if (flux_respond_pack (h,
                           msg,
                           "{s:I s:I s:I s:I s:{s:I s:I s:I s:I s:I}}",
                           "published", (int64_t)ev.published,
                           "delivered", (int64_t)ev.delivered,
                           "lost", (int64_t)ev.lost,
                           "prefixes", (int64_t)ev.prefixes,
                           "router",
                           "requests", (int64_t)rt.requests,
                           "responses", (int64_t)rt.responses,
                           "events", (int64_t)rt.events,
                           "refused", (int64_t)rt.refused,
                           "dropped", (int64_t)rt.dropped)
        < 0)
        (void)flux_respond_error (h, msg, errno, NULL);
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "event.stats-get", stats_cb, FLUX_ROLE_ALL },
    FLUX_MSGHANDLER_TABLE_END,
};

struct event_service *event_serve (struct self *self,
                                   struct service_table *services,
                                   struct router *router,
                                   struct event_hub *events,
                                   uint32_t rank)
{
    struct event_service *es = calloc (1, sizeof (*es));

    if (!es)
        return NULL;
    es->services = services;
    es->router = router;
    es->events = events;
    es->rank = rank;
    if (service_add (services, "event", self_endpoint (self)) < 0
        || service_add (services, "service", self_endpoint (self)) < 0
        || self_add_direct (self, direct, es) < 0
        || flux_msg_handler_addvec (self_handle (self), htab, es, &es->handlers) < 0) {
        event_unserve (es);
        return NULL;
    }
    return es;
}

void event_unserve (struct event_service *es)
{
    int saved_errno = errno;

    if (es) {
        flux_msg_handler_delvec (es->handlers);
        free (es);
    }
    errno = saved_errno;
}
