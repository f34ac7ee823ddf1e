/* flux/core/msg_handler.h - part of the public interface of libflux.
 *
 * Who gets which message that a handle receives.
 *
 * A response with a matchtag and no routes goes to the handler for exactly
 * that matchtag.  A request goes to the newest handler for exactly its topic.
 * Else the other handlers (globs, several types, events) are tried, newest
 * first: the first running match gets a request or response, every one an
 * event.  An unhandled request is answered with ENOSYS.
 *
 * A message passes a handler if it has a role that the handler allows (the
 * owner, always); else a request is answered with EPERM, others are dropped.
 *
 * Handlers are created stopped.  A callback may create, start, stop and
 * destroy any handler; stopped ones are not called any more, new ones do not
 * see the current message.  Messages stay queued while no handler runs.
 * One reactor pass dispatches a bounded batch of messages.
 */

#ifndef _FLUX_CORE_MSG_HANDLER_H
#define _FLUX_CORE_MSG_HANDLER_H

#include "message.h"
#include "handle.h"
#include "watcher.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct flux_msg_handler flux_msg_handler_t;

/* msg is borrowed: incref it to keep it. */
typedef void (*flux_msg_handler_f)(flux_t *h,
              flux_msg_handler_t *mh,
              const flux_msg_t *msg,
              void *arg);

/* match.topic_glob is copied.  NULL with EINVAL (h or cb NULL), EEXIST (the
 * matchtag of match has a handler).  Handlers may outlive the handle.
 */
flux_msg_handler_t *flux_msg_handler_create (flux_t *h,
                                             const struct flux_match match,
                                             flux_msg_handler_f cb,
                                             void *arg);
void flux_msg_handler_destroy (flux_msg_handler_t *mh);
void flux_msg_handler_start (flux_msg_handler_t *mh);
void flux_msg_handler_stop (flux_msg_handler_t *mh);
void flux_msg_handler_allow_rolemask (flux_msg_handler_t *mh, uint32_t rolemask);
void flux_msg_handler_deny_rolemask (flux_msg_handler_t *mh, uint32_t rolemask);

/* rolemask is added to FLUX_ROLE_OWNER. */
struct flux_msg_handler_spec {
    int typemask;
    const char *topic_glob;
    flux_msg_handler_f cb;
    uint32_t rolemask;
};

#define FLUX_MSGHANDLER_TABLE_END { 0, NULL, NULL, 0 }

/* Create and start a handler per entry; topics become "service_name.topic" if
 * service_name is not NULL.  The vector is NULL-terminated.
 */
int flux_msg_handler_addvec_ex (flux_t *h,
                                const char *service_name,
                                const struct flux_msg_handler_spec tab[],
                                void *arg,
                                flux_msg_handler_t **hp[]);
int flux_msg_handler_addvec (flux_t *h,
                             const struct flux_msg_handler_spec tab[],
                             void *arg,
                             flux_msg_handler_t **msg_handlers[]);
void flux_msg_handler_delvec (flux_msg_handler_t *msg_handlers[]);

/* A clone keeps what it did not handle, and all events; put that back at the
 * head of the queue, in order.  -1 with EINVAL if h is no clone.
 */
int flux_dispatch_requeue (flux_t *h);

/* The watcher that dispatches; active while a handler is started. */
flux_watcher_t *flux_get_handle_watcher (flux_t *h);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_MSG_HANDLER_H */
