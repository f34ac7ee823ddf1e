/* flux/core/response.h - part of the public interface of libflux.
 *
 * Encode, decode and send responses.  Decoding an error response fails with
 * its errno.  Outputs are borrowed from msg, and optional.
 */

#ifndef _FLUX_CORE_RESPONSE_H
#define _FLUX_CORE_RESPONSE_H

#include "message.h"
#include "handle.h"

#ifdef __cplusplus
extern "C" {
#endif

int flux_response_decode (const flux_msg_t *msg, const char **topic, const char **s);
int flux_response_decode_raw (const flux_msg_t *msg,
                              const char **topic,
                              const void **data,
                              size_t *len);

/* The text of an error response; -1 with ENOENT if there is none. */
int flux_response_decode_error (const flux_msg_t *msg, const char **errstr);
flux_msg_t *flux_response_encode (const char *topic, const char *s);
flux_msg_t *flux_response_encode_raw (const char *topic, const void *data, size_t len);
flux_msg_t *flux_response_encode_error (const char *topic,
                                        int errnum,
                                        const char *errstr);

/* A response to request without payload.  NULL with EINVAL if request is NULL,
 * no request, or wants no response.
 */
flux_msg_t *flux_response_derive (const flux_msg_t *request, int errnum);

/* Respond.  A request that wants no response gets none: 0 is returned.  A
 * streaming service ends with flux_respond_error (h, request, ENODATA, NULL).
 * errnum 0 is sent as EINVAL.
 */
int flux_respond (flux_t *h, const flux_msg_t *request, const char *s);
int flux_respond_pack (flux_t *h, const flux_msg_t *request, const char *fmt, ...);
int flux_respond_raw (flux_t *h, const flux_msg_t *request, const void *data, int len);
int flux_respond_error (flux_t *h,
                        const flux_msg_t *request,
                        int errnum,
                        const char *errstr);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_RESPONSE_H */
