#include "config.h"
#include <flux/core.h>

#include "common/util.h"
#include "codec_private.h"

int flux_request_decode (const flux_msg_t *msg, const char **topic, const char **s)
{
    return codec_decode (msg, FLUX_MSGTYPE_REQUEST, topic, s);
}

int flux_request_decode_raw (const flux_msg_t *msg,
                             const char **topic,
                             const void **data,
                             size_t *len)
{
    if (!data || !len) {
        errno = EINVAL;
        return -1;
    }
    return codec_decode_raw (msg, FLUX_MSGTYPE_REQUEST, topic, data, len);
}

int flux_request_unpack (const flux_msg_t *msg, const char **topic, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start (ap, fmt);
    rc = codec_vunpack (msg, FLUX_MSGTYPE_REQUEST, topic, fmt, ap);
    va_end (ap);
    return rc;
}

flux_msg_t *flux_request_encode (const char *topic, const char *s)
{
    return codec_encode (FLUX_MSGTYPE_REQUEST, topic, s);
}

flux_msg_t *flux_request_encode_raw (const char *topic, const void *data, size_t len)
{
    return codec_encode_raw (FLUX_MSGTYPE_REQUEST, topic, data, len);
}
