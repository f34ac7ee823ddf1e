/* flux/core/handle.h - a connection to a broker.
 *
 * One thread uses a handle and its clones.  Errors: -1 or NULL and errno,
 * EINVAL for a NULL handle.
 */

#ifndef _FLUX_CORE_HANDLE_H
#define _FLUX_CORE_HANDLE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "types.h"
#include "message.h"
#include "conf.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Flags of flux_open () (RPCTRACK and NOREQUEUE only there), of requeue, and
 * the bits of flux_pollevents ().
 */
enum {
    FLUX_O_TRACE = 1,
    FLUX_O_CLONE = 2,
    FLUX_O_NONBLOCK = 4,
    FLUX_O_MATCHDEBUG = 8,
    FLUX_O_TEST_NOSUB = 16,
    FLUX_O_RPCTRACK = 32,
    FLUX_O_NOREQUEUE = 64,
    FLUX_RQ_HEAD = 1,
    FLUX_RQ_TAIL = 2,
    FLUX_POLLIN = 1,
    FLUX_POLLOUT = 2,
    FLUX_POLLERR = 4,
};

/* Options: of local:// (set) and loop://, uint32_t; of interthread://, a string
 * (set) and two size_t (get).
 */
#define FLUX_OPT_TESTING_USERID "flux::testing_userid"
#define FLUX_OPT_TESTING_ROLEMASK "flux::testing_rolemask"
#define FLUX_OPT_ROUTER_NAME "flux::router_name"
#define FLUX_OPT_SEND_QUEUE_COUNT "flux::send_queue_count"
#define FLUX_OPT_RECV_QUEUE_COUNT "flux::recv_queue_count"
#define FLUX_OPT_POLLFD_EVENTS "flux::pollfd_events"

/* Messages sent, and messages returned by flux_recv (). */
typedef struct {
    int request_tx;
    int request_rx;
    int response_tx;
    int response_rx;
    int event_tx;
    int event_rx;
    int control_tx;
    int control_rx;
} flux_msgcounters_t;

/* Return 0 to have the failed operation tried again, -1 to let it fail. */
typedef int (*flux_comms_error_f)(flux_t *h, void *arg);

/* Connect.  uri NULL: FLUX_URI, else the system instance's socket.  On failure
 * NULL, errno, and a sentence in error.
 */
flux_t *flux_open (const char *uri, int flags);
flux_t *flux_open_ex (const char *uri, int flags, flux_error_t *error);

/* flux_close () is flux_decref (): the last one destroys.  NULL is accepted,
 * errno kept.
 */
void flux_close (flux_t *h);
flux_t *flux_incref (flux_t *h);
void flux_decref (flux_t *h);

/* Another view of the same connection, with its own reactor, dispatcher, aux
 * and flags; queue, matchtags and counters are shared.
 */
flux_t *flux_clone (flux_t *orig);

/* The reactor is made on first use and belongs to the handle.  One that is set
 * belongs to the caller and must outlive the handle; EEXIST if there is one.
 */
flux_reactor_t *flux_get_reactor (flux_t *h);
int flux_set_reactor (flux_t *h, flux_reactor_t *r);

/* The configuration, owned by the handle; an empty one if none was set.  set
 * takes over the caller's reference; NULL forgets.
 */
const flux_conf_t *flux_get_conf (flux_t *h);
int flux_set_conf_new (flux_t *h, const flux_conf_t *conf);

/* Connect again after the connection was lost.  ENOSYS if the connector cannot.
 * With FLUX_O_RPCTRACK every RPC that is out is answered with ECONNRESET.
 */
int flux_reconnect (flux_t *h);

/* EINVAL: unknown option, wrong len. */
int flux_opt_set (flux_t *h, const char *option, const void *val, size_t len);
int flux_opt_get (flux_t *h, const char *option, void *val, size_t len);

/* fun is called when send, recv or pollevents meets a connection error. */
void flux_comms_error_set (flux_t *h, flux_comms_error_f fun, void *arg);

/* Named values that die with the handle. */
void *flux_aux_get (flux_t *h, const char *name);
int flux_aux_set (flux_t *h, const char *name, void *aux, flux_free_f destroy);

void flux_flags_set (flux_t *h, int flags);
void flux_flags_unset (flux_t *h, int flags);
int flux_flags_get (flux_t *h);

/* The lowest free number from 1; 0 and errno if there is none. */
uint32_t flux_matchtag_alloc (flux_t *h);
void flux_matchtag_free (flux_t *h, uint32_t matchtag);
uint32_t flux_matchtag_avail (flux_t *h);

/* flags: 0 or FLUX_O_NONBLOCK, then EWOULDBLOCK when the queue is full.  ENOSYS
 * if the connector does not send or the handle is being destroyed.
 */
int flux_send (flux_t *h, const flux_msg_t *msg, int flags);

/* Send a message and give it away: *msg becomes NULL.  EINVAL if others hold
 * it too.  Within the process the very object arrives, without its aux.
 */
int flux_send_new (flux_t *h, flux_msg_t **msg, int flags);

/* The next message that matches, with a reference for the caller.  Others met
 * on the way are kept, in order, for later calls.  EWOULDBLOCK with
 * FLUX_O_NONBLOCK, ECONNRESET when the peer is gone.
 */
flux_msg_t *flux_recv (flux_t *h, struct flux_match match, int flags);

/* Put the message object back, to be received again: FLUX_RQ_HEAD or TAIL. */
int flux_requeue (flux_t *h, const flux_msg_t *msg, int flags);

/* pollevents: what can be done now, FLUX_POLLIN | FLUX_POLLOUT | FLUX_POLLERR.
 * pollfd: becomes readable when that changes; after it woke you, act until
 * pollevents has nothing more for you (or recv says EWOULDBLOCK), then wait.
 */
int flux_pollevents (flux_t *h);
int flux_pollfd (flux_t *h);

void flux_get_msgcounters (flux_t *h, flux_msgcounters_t *mcs);
void flux_clr_msgcounters (flux_t *h);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_HANDLE_H */
