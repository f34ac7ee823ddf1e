#include "config.h"
#include <flux/core.h>

#include "common/util.h"
#include "codec_private.h"

flux_msg_t *codec_create (int type, const char *topic)
{
    flux_msg_t *msg;

    if (!topic) {
        errno = EINVAL;
        return NULL;
    }
    if (!(msg = flux_msg_create (type)))
        return NULL;
    flux_msg_route_enable (msg);
    if (flux_msg_set_topic (msg, topic) < 0) {
        flux_msg_destroy (msg);
        return NULL;
    }
    return msg;
}

flux_msg_t *codec_encode (int type, const char *topic, const char *s)
{
    flux_msg_t *msg = codec_create (type, topic);

    if (msg && s && flux_msg_set_string (msg, s) < 0) {
        flux_msg_destroy (msg);
        return NULL;
    }
    return msg;
}

flux_msg_t *codec_encode_raw (int type, const char *topic, const void *data, size_t len)
{
    flux_msg_t *msg = codec_create (type, topic);

    if (msg && data && flux_msg_set_payload (msg, data, len) < 0) {
        flux_msg_destroy (msg);
        return NULL;
    }
    return msg;
}

int codec_topic (const flux_msg_t *msg, int type, const char **topic)
{
    int msgtype;

    if (!msg) {
        errno = EINVAL;
        return -1;
    }
    if (flux_msg_get_type (msg, &msgtype) < 0)
        return -1;
    if (msgtype != type) {
        errno = EPROTO;
        return -1;
    }
    return flux_msg_get_topic (msg, topic);
}

int codec_decode (const flux_msg_t *msg, int type, const char **topic, const char **s)
{
    const char *t;
    const char *payload;

    if (codec_topic (msg, type, &t) < 0 || flux_msg_get_string (msg, &payload) < 0)
        return -1;
    if (topic)
        *topic = t;
    if (s)
        *s = payload;
    return 0;
}

int codec_decode_raw (const flux_msg_t *msg,
                      int type,
                      const char **topic,
                      const void **data,
                      size_t *len)
{
    const char *t;
    const void *buf = NULL;
    size_t size = 0;

    if (codec_topic (msg, type, &t) < 0)
        return -1;
    if (flux_msg_has_payload (msg) && flux_msg_get_payload (msg, &buf, &size) < 0)
        return -1;
    if (topic)
        *topic = t;
    if (data)
        *data = buf;
    if (len)
        *len = size;
    return 0;
}

int codec_vunpack (const flux_msg_t *msg,
                   int type,
                   const char **topic,
                   const char *fmt,
                   va_list ap)
{
    const char *t;

    if (codec_topic (msg, type, &t) < 0 || flux_msg_vunpack (msg, fmt, ap) < 0)
        return -1;
    if (topic)
        *topic = t;
    return 0;
}

int codec_send (flux_t *h, flux_msg_t *msg)
{
    int rc = flux_send_new (h, &msg, 0);

    flux_msg_destroy (msg);
    return rc;
}
