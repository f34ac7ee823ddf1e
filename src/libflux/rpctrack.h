/* rpctrack.h - the requests of a connection that await a response.
 *
 * Purpose: a program that survives a restart of its broker (FLUX_O_RPCTRACK)
 * must see the RPCs that died with the connection fail, not hang.
 *
 * Ownership: holds a copy without payload of each request.
 * Bound: one entry per matchtag that is out.
 */

#ifndef MILLRACE_LIBFLUX_RPCTRACK_H
#define MILLRACE_LIBFLUX_RPCTRACK_H

#include <flux/core/message.h>

struct rpctrack;

struct rpctrack *rpctrack_create (void);
void rpctrack_destroy (struct rpctrack *rt);

/* A message was sent or received.  Returns 0 or -ENOMEM. */
int rpctrack_update (struct rpctrack *rt, const flux_msg_t *msg);

/* Remove any one request and return the response that says it was aborted;
 * NULL when there are no more, or with errno ENOMEM.
 */
flux_msg_t *rpctrack_abort_next (struct rpctrack *rt);

#endif /* !MILLRACE_LIBFLUX_RPCTRACK_H */
