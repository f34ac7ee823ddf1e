/* broker/disconnect.h - what an endpoint leaves behind.
 *
 * Two sets hang on an endpoint:
 *  - disconnects: for each (topic prefix, nodeid, UPSTREAM) it sent a request
 *    to, the message that tells the service when it goes (wire.md 6.3); behind
 *    another broker, for each sender.  To those among them that it asked for a
 *    stream it can be told, too, that it does not read ("throttle")
 *  - open: for each request that a service-providing client or another broker
 *    was handed and has not answered, what is needed to answer in its place
 *
 * Ownership: both hold copies of messages without payload.
 * Bounds: given by the caller.
 */

#ifndef MILLRACE_BROKER_DISCONNECT_H
#define MILLRACE_BROKER_DISCONNECT_H

#include <stdbool.h>
#include <stddef.h>
#include <flux/core.h>

#include "endpoint.h"

/* Note a request of ep, as it is now (routes, credential): unless its key is
 * known already, keep the disconnect message for it.  A request without
 * response is not noted.  Returns 0, -ENOSPC past max, -ENOMEM.
 */
int disconnect_note (struct endpoint *ep, const flux_msg_t *msg, size_t max);

/* The sender itself has sent this disconnect message: it need not be sent for
 * it any more.
 */
void disconnect_forget (struct endpoint *ep, const flux_msg_t *disconnect);

/* Take one of the disconnect messages out; NULL when none is left. */
flux_msg_t *disconnect_pop (struct endpoint *ep);

/* Note that ep was handed a request.  One without response is not noted.
 * Returns 0, -ENOSPC past max, -EEXIST (same sender and matchtag are open
 * already), -ENOMEM.
 */
int open_note (struct endpoint *ep, const flux_msg_t *request, size_t max);

/* The answer to an open request: routes, topic, matchtag and flags are those
 * of the request that was handed out, only result, payload and credential
 * are the client's.  If it ends the request, that is no longer open.
 * NULL with errno ENOENT when no open request fits, or ENOMEM.
 */
flux_msg_t *open_answer (struct endpoint *ep, const flux_msg_t *response);

/* This response of a broker passes as it is: if it ends its request, that is
 * no longer open.
 */
void open_answered (struct endpoint *ep, const flux_msg_t *response);

/* The request could not be handed over after all. */
void open_cancel (struct endpoint *ep, const flux_msg_t *request);

/* The sender of this disconnect request has gone: forget its open requests
 * below the same topic prefix; nobody waits for an answer.
 */
void open_forget (struct endpoint *ep, const flux_msg_t *disconnect);

/* Take one open request out; NULL when none is left. */
flux_msg_t *open_pop (struct endpoint *ep);

/* For each service that ep asked for a stream a request without response,
 * X.throttle {"on":b}.  *pos starts at 0; NULL at the end.
 */
flux_msg_t *disconnect_throttle (struct endpoint *ep, size_t *pos, bool on);

/* Is this the disconnect message of a sender? */
bool disconnect_is (const flux_msg_t *msg);

#endif /* !MILLRACE_BROKER_DISCONNECT_H */
