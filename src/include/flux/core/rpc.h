/* flux/core/rpc.h - part of the public interface of libflux.
 *
 * A request and the future of its response or, with FLUX_RPC_STREAMING,
 * responses, which end with an error, normally ENODATA.
 *
 * nodeid is a rank, FLUX_NODEID_ANY (the nearest instance of the service) or
 * FLUX_NODEID_UPSTREAM (skip the local broker).  The request is sent before
 * the function returns; NULL with errno if that fails, EINVAL on bad arguments.
 * FLUX_RPC_NORESPONSE: the future is fulfilled at once, without a result.
 *
 * Destroying the future does not tell the server; its matchtag is free when the
 * last response has arrived.
 */

#ifndef _FLUX_CORE_RPC_H
#define _FLUX_CORE_RPC_H

#include "handle.h"
#include "future.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    FLUX_RPC_NORESPONSE = 1,
    FLUX_RPC_STREAMING = 2,
};

/* s NULL: no payload. */
flux_future_t *flux_rpc (flux_t *h,
                         const char *topic,
                         const char *s,
                         uint32_t nodeid,
                         int flags);
flux_future_t *flux_rpc_pack (flux_t *h,
                              const char *topic,
                              uint32_t nodeid,
                              int flags,
                              const char *fmt,
                              ...);
flux_future_t *flux_rpc_vpack (flux_t *h,
                               const char *topic,
                               uint32_t nodeid,
                               int flags,
                               const char *fmt,
                               va_list ap);
flux_future_t *flux_rpc_raw (flux_t *h,
                             const char *topic,
                             const void *data,
                             size_t len,
                             uint32_t nodeid,
                             int flags);

/* msg is copied. */
flux_future_t *flux_rpc_message (flux_t *h,
                                 const flux_msg_t *msg,
                                 uint32_t nodeid,
                                 int flags);

/* Wait if need be and decode the current response.  -1 with the errno of an
 * error response (its text: flux_future_error_string), EPROTO (payload of
 * another kind), EINVAL (NORESPONSE).  Borrowed until reset or destroy.
 */
int flux_rpc_get (flux_future_t *f, const char **s);
int flux_rpc_get_unpack (flux_future_t *f, const char *fmt, ...);
int flux_rpc_get_raw (flux_future_t *f, const void **data, size_t *len);

/* FLUX_MATCHTAG_NONE and FLUX_NODEID_ANY if f is no RPC. */
uint32_t flux_rpc_get_matchtag (flux_future_t *f);
uint32_t flux_rpc_get_nodeid (flux_future_t *f);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_RPC_H */
