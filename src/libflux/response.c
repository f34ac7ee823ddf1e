#include "config.h"
#include <flux/core.h>

#include "common/util.h"
#include "codec_private.h"

/* An error response is its errno. */
static int check_errnum (const flux_msg_t *msg)
{
    int errnum;

    if (codec_topic (msg, FLUX_MSGTYPE_RESPONSE, &(const char *){ NULL }) < 0
        || flux_msg_get_errnum (msg, &errnum) < 0)
        return -1;
    if (errnum != 0) {
        errno = errnum;
        return -1;
    }
    return 0;
}

int flux_response_decode (const flux_msg_t *msg, const char **topic, const char **s)
{
    if (check_errnum (msg) < 0)
        return -1;
    return codec_decode (msg, FLUX_MSGTYPE_RESPONSE, topic, s);
}

int flux_response_decode_raw (const flux_msg_t *msg,
                              const char **topic,
                              const void **data,
                              size_t *len)
{
    if (check_errnum (msg) < 0)
        return -1;
    return codec_decode_raw (msg, FLUX_MSGTYPE_RESPONSE, topic, data, len);
}

int flux_response_decode_error (const flux_msg_t *msg, const char **errstr)
{
    const char *s;
    int errnum;

    if (!errstr) {
        errno = EINVAL;
        return -1;
    }
    if (codec_decode (msg, FLUX_MSGTYPE_RESPONSE, NULL, &s) < 0
        || flux_msg_get_errnum (msg, &errnum) < 0)
        return -1;
    if (errnum == 0 || !s) {
        errno = ENOENT;
        return -1;
    }
    *errstr = s;
    return 0;
}

flux_msg_t *flux_response_encode (const char *topic, const char *s)
{
    return codec_encode (FLUX_MSGTYPE_RESPONSE, topic, s);
}

flux_msg_t *flux_response_encode_raw (const char *topic, const void *data, size_t len)
{
    return codec_encode_raw (FLUX_MSGTYPE_RESPONSE, topic, data, len);
}

flux_msg_t *flux_response_encode_error (const char *topic, int errnum, const char *errstr)
{
    flux_msg_t *msg;

    if (errnum == 0) {
        errno = EINVAL;
        return NULL;
    }
    if (!(msg = codec_encode (FLUX_MSGTYPE_RESPONSE, topic, errstr)))
        return NULL;
    if (flux_msg_set_errnum (msg, errnum) < 0) {
        flux_msg_destroy (msg);
        return NULL;
    }
    return msg;
}

flux_msg_t *flux_response_derive (const flux_msg_t *request, int errnum)
{
    struct flux_msg_cred unset = { FLUX_USERID_UNKNOWN, FLUX_ROLE_NONE };
    flux_msg_t *msg;
    int type;

    if (!request || flux_msg_is_noresponse (request)
        || flux_msg_get_type (request, &type) < 0 || type != FLUX_MSGTYPE_REQUEST) {
        errno = EINVAL;
        return NULL;
    }
    if (!(msg = flux_msg_copy (request, false)))
        return NULL;
    if (flux_msg_set_type (msg, FLUX_MSGTYPE_RESPONSE) < 0
        || flux_msg_set_cred (msg, unset) < 0 || flux_msg_set_errnum (msg, errnum) < 0) {
        flux_msg_destroy (msg);
        return NULL;
    }
    return msg;
}

/* Returns 1 if a response is due, 0 if none is wanted, -1 with EINVAL. */
static int wants_response (flux_t *h, const flux_msg_t *request)
{
    if (!h || !request) {
        errno = EINVAL;
        return -1;
    }
    return flux_msg_is_noresponse (request) ? 0 : 1;
}

/* Finish the response: send it if rc is 0, else drop it. */
static int finish (flux_t *h, flux_msg_t *msg, int rc)
{
    if (rc < 0) {
        flux_msg_destroy (msg);
        return -1;
    }
    return codec_send (h, msg);
}

int flux_respond (flux_t *h, const flux_msg_t *request, const char *s)
{
    flux_msg_t *msg;
    int wanted = wants_response (h, request);

    if (wanted <= 0)
        return wanted;
    if (!(msg = flux_response_derive (request, 0)))
        return -1;
    return finish (h, msg, s ? flux_msg_set_string (msg, s) : 0);
}

int flux_respond_pack (flux_t *h, const flux_msg_t *request, const char *fmt, ...)
{
    flux_msg_t *msg;
    int wanted = wants_response (h, request);
    va_list ap;
    int rc;

    if (wanted <= 0)
        return wanted;
    if (!(msg = flux_response_derive (request, 0)))
        return -1;
    va_start (ap, fmt);
    rc = flux_msg_vpack (msg, fmt, ap);
    va_end (ap);
    return finish (h, msg, rc);
}

int flux_respond_raw (flux_t *h, const flux_msg_t *request, const void *data, int len)
{
    flux_msg_t *msg;
    int wanted = wants_response (h, request);

    if (wanted <= 0)
        return wanted;
    if (len < 0) {
        errno = EINVAL;
        return -1;
    }
    if (!(msg = flux_response_derive (request, 0)))
        return -1;
    return finish (h, msg, data ? flux_msg_set_payload (msg, data, len) : 0);
}

int flux_respond_error (flux_t *h,
                        const flux_msg_t *request,
                        int errnum,
                        const char *errstr)
{
    flux_msg_t *msg;
    int wanted = wants_response (h, request);

    if (wanted <= 0)
        return wanted;
    if (!(msg = flux_response_derive (request, errnum ? errnum : EINVAL)))
        return -1;
    return finish (h, msg, errstr ? flux_msg_set_string (msg, errstr) : 0);
}
