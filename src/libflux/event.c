/* event.c - the event codec, and the RPCs of the event service.
 *
 *   event.subscribe, event.unsubscribe  {"topic":s}
 *   event.publish (rank 0)  {"topic":s "flags":i "payload"?:s} -> {"seq":i}
 *     payload: base64 of the raw payload, the NUL of strings included
 */

#include "config.h"
#include <jansson.h>
#include <flux/core.h>

#include "common/base64.h"
#include "common/util.h"
#include "codec_private.h"

int flux_event_decode (const flux_msg_t *msg, const char **topic, const char **s)
{
    return codec_decode (msg, FLUX_MSGTYPE_EVENT, topic, s);
}

int flux_event_decode_raw (const flux_msg_t *msg,
                           const char **topic,
                           const void **data,
                           size_t *len)
{
    if (!data || !len) {
        errno = EINVAL;
        return -1;
    }
    return codec_decode_raw (msg, FLUX_MSGTYPE_EVENT, topic, data, len);
}

int flux_event_unpack (const flux_msg_t *msg, const char **topic, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start (ap, fmt);
    rc = codec_vunpack (msg, FLUX_MSGTYPE_EVENT, topic, fmt, ap);
    va_end (ap);
    return rc;
}

flux_msg_t *flux_event_encode (const char *topic, const char *s)
{
    return codec_encode (FLUX_MSGTYPE_EVENT, topic, s);
}

flux_msg_t *flux_event_encode_raw (const char *topic, const void *data, size_t len)
{
    return codec_encode_raw (FLUX_MSGTYPE_EVENT, topic, data, len);
}

flux_msg_t *flux_event_pack (const char *topic, const char *fmt, ...)
{
    flux_msg_t *msg;
    va_list ap;
    int rc;

    if (!(msg = codec_create (FLUX_MSGTYPE_EVENT, topic)))
        return NULL;
    va_start (ap, fmt);
    rc = flux_msg_vpack (msg, fmt, ap);
    va_end (ap);
    if (rc < 0) {
        flux_msg_destroy (msg);
        return NULL;
    }
    return msg;
}

static flux_future_t *
subscription_rpc (flux_t *h, const char *method, const char *topic, int flags)
{
    if (!h || !topic) {
        errno = EINVAL;
        return NULL;
    }
    return flux_rpc_pack (h, method, FLUX_NODEID_ANY, flags, "{s:s}", "topic", topic);
}

static int subscription_wait (flux_t *h, const char *method, const char *topic)
{
    flux_future_t *f;
    int rc;

    if (h && topic && (flux_flags_get (h) & FLUX_O_TEST_NOSUB))
        return 0;
    if (!(f = subscription_rpc (h, method, topic, 0)))
        return -1;
    rc = flux_future_get (f, NULL);
    flux_future_destroy (f);
    return rc;
}

int flux_event_subscribe (flux_t *h, const char *topic)
{
    return subscription_wait (h, "event.subscribe", topic);
}

int flux_event_unsubscribe (flux_t *h, const char *topic)
{
    return subscription_wait (h, "event.unsubscribe", topic);
}

flux_future_t *flux_event_subscribe_ex (flux_t *h, const char *topic, int flags)
{
    return subscription_rpc (h, "event.subscribe", topic, flags);
}

flux_future_t *flux_event_unsubscribe_ex (flux_t *h, const char *topic, int flags)
{
    return subscription_rpc (h, "event.unsubscribe", topic, flags);
}

/* What callers write (1) to what brokers accept (0x20); -1 with EINVAL. */
static int wire_flags (int flags)
{
    int wire = flags & FLUX_MSGFLAG_PRIVATE;

    if (flags & FLUX_EVENT_PRIVATE)
        wire |= FLUX_MSGFLAG_PRIVATE;
    if (flags & ~(FLUX_EVENT_PRIVATE | FLUX_MSGFLAG_PRIVATE)) {
        errno = EINVAL;
        return -1;
    }
    return wire;
}

flux_future_t *flux_event_publish_raw (flux_t *h,
                                       const char *topic,
                                       int flags,
                                       const void *data,
                                       size_t len)
{
    _cleanup_ (freep)
    char *text = NULL;
    size_t n;

    if (!h || !topic || (flags = wire_flags (flags)) < 0) {
        errno = EINVAL;
        return NULL;
    }
    if (!data)
        return flux_rpc_pack (h, "event.publish", 0, 0, "{s:s s:i}", "topic", topic,
                              "flags", flags);
    if (!(text = malloc (base64_encoded_size (len) + 1)))
        return NULL;
    n = base64_encode (text, data, len);
    return flux_rpc_pack (h, "event.publish", 0, 0, "{s:s s:i s:s%}", "topic", topic,
                          "flags", flags, "payload", text, n);
}

flux_future_t *flux_event_publish (flux_t *h, const char *topic, int flags, const char *s)
{
    return flux_event_publish_raw (h, topic, flags, s, s ? strlen (s) + 1 : 0);
}

flux_future_t *
flux_event_publish_pack (flux_t *h, const char *topic, int flags, const char *fmt, ...)
{
    _cleanup_ (freep)
    char *s = NULL;
    json_t *o;
    va_list ap;

    if (!h || !topic || !fmt) {
        errno = EINVAL;
        return NULL;
    }
    va_start (ap, fmt);
    o = json_vpack_ex (NULL, 0, fmt, ap);
    va_end (ap);
    if (!json_is_object (o)) {
        json_decref (o);
        errno = EINVAL;
        return NULL;
    }
    s = json_dumps (o, JSON_COMPACT);
    json_decref (o);
    if (!s) {
        errno = ENOMEM;
        return NULL;
    }
    return flux_event_publish (h, topic, flags, s);
}

int flux_event_publish_get_seq (flux_future_t *f, int *seq)
{
    int i;

    if (flux_rpc_get_unpack (f, "{s:i}", "seq", &i) < 0)
        return -1;
    if (seq)
        *seq = i;
    return 0;
}
