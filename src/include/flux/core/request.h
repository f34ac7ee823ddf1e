/* flux/core/request.h - part of the public interface of libflux.
 *
 * Encode and decode requests.  Decoding: -1 with EINVAL (msg NULL), EPROTO (not
 * a request, no topic, payload of another kind); outputs are written only on
 * success, borrowed from msg, and optional but for data and len.
 */

#ifndef _FLUX_CORE_REQUEST_H
#define _FLUX_CORE_REQUEST_H

#include "message.h"

#ifdef __cplusplus
extern "C" {
#endif

int flux_request_decode (const flux_msg_t *msg, const char **topic, const char **s);
int flux_request_unpack (const flux_msg_t *msg,
                         const char **topic,
                         const char *fmt,
                         ...);
int flux_request_decode_raw (const flux_msg_t *msg,
                             const char **topic,
                             const void **data,
                             size_t *len);

/* s or data NULL: no payload.  NULL with EINVAL if there is no topic. */
flux_msg_t *flux_request_encode (const char *topic, const char *s);
flux_msg_t *flux_request_encode_raw (const char *topic, const void *data, size_t len);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_REQUEST_H */
