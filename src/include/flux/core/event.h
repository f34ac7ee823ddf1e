/* flux/core/event.h - part of the public interface of libflux.
 *
 * Events: encode, decode, subscribe, publish.  Decoding as in request.h.
 */

#ifndef _FLUX_CORE_EVENT_H
#define _FLUX_CORE_EVENT_H

#include "message.h"
#include "future.h"

#ifdef __cplusplus
extern "C" {
#endif

enum event_flags {
    FLUX_EVENT_PRIVATE = 1,
};

/* Receive events whose topic starts with topic ("": all).  Subscriptions are
 * counted: each needs its unsubscribe; one too many is ENOENT.  The _ex forms
 * do not wait; flags are those of flux_rpc.
 */
int flux_event_subscribe (flux_t *h, const char *topic);
int flux_event_unsubscribe (flux_t *h, const char *topic);
flux_future_t *flux_event_subscribe_ex (flux_t *h, const char *topic, int flags);
flux_future_t *flux_event_unsubscribe_ex (flux_t *h, const char *topic, int flags);

/* s is NULL if there is no payload; unpack is then EPROTO. */
int flux_event_decode (const flux_msg_t *msg, const char **topic, const char **s);
int flux_event_unpack (const flux_msg_t *msg, const char **topic, const char *fmt, ...);
flux_msg_t *flux_event_encode (const char *topic, const char *s);
flux_msg_t *flux_event_pack (const char *topic, const char *fmt, ...);
flux_msg_t *flux_event_encode_raw (const char *topic, const void *data, size_t len);
int flux_event_decode_raw (const flux_msg_t *msg,
                           const char **topic,
                           const void **data,
                           size_t *len);

/* Publish; flags: 0, or private (FLUX_EVENT_PRIVATE, FLUX_MSGFLAG_PRIVATE): for
 * the instance owner only.  s or data NULL: no payload.
 */
flux_future_t *flux_event_publish (flux_t *h,
                                   const char *topic,
                                   int flags,
                                   const char *s);
flux_future_t *flux_event_publish_pack (flux_t *h,
                                        const char *topic,
                                        int flags,
                                        const char *fmt,
                                        ...);
flux_future_t *flux_event_publish_raw (flux_t *h,
                                       const char *topic,
                                       int flags,
                                       const void *data,
                                       size_t len);

/* The sequence number the event got; seq may be NULL. */
int flux_event_publish_get_seq (flux_future_t *f, int *seq);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_EVENT_H */
