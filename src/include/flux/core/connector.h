/* flux/core/connector.h - for those who write a transport. */

#ifndef _FLUX_CORE_CONNECTOR_H
#define _FLUX_CORE_CONNECTOR_H

#include "handle.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What SCHEME.so exports as connector_init.  uri: what follows SCHEME://. */
typedef flux_t *(connector_init_f)(const char *uri, int flags, flux_error_t *errp);

/* Any of them may be NULL.  recv returns a message with one reference, or NULL
 * and EWOULDBLOCK when there is none (and NONBLOCK is in flags).  pollfd
 * becomes readable on an edge, pollevents tells the level.  send references or
 * copies; send_new takes over on success.  impl_destroy is called once.
 */
struct flux_handle_ops {
    int (*setopt)(void *impl, const char *option, const void *val, size_t len);
    int (*getopt)(void *impl, const char *option, void *val, size_t len);
    int (*pollfd)(void *impl);
    int (*pollevents)(void *impl);
    int (*send)(void *impl, const flux_msg_t *msg, int flags);
    flux_msg_t* (*recv)(void *impl, int flags);
    int (*reconnect)(void *impl);
    void (*impl_destroy)(void *impl);
    int (*send_new)(void *impl, flux_msg_t **msg, int flags);
    void *_pad[4];
};

/* A handle around any transport.  On failure impl is still the caller's. */
flux_t *flux_handle_create (void *impl, const struct flux_handle_ops *ops, int flags);
void flux_handle_destroy (flux_t *hp);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_CONNECTOR_H */
