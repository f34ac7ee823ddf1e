/* flux/core/disconnect.h - what a service does when a client goes away, or
 * ends one of its requests (RFC 6).
 */

#ifndef _FLUX_CORE_DISCONNECT_H
#define _FLUX_CORE_DISCONNECT_H

#include "message.h"
#include "msglist.h"
#include "handle.h"

#ifdef __cplusplus
extern "C" {
#endif

/* True if disconnect request msg1 is about pending request msg2: the same
 * sender (first route equal, or both without), and msg1's credential
 * authorizes msg2's userid.
 */
bool flux_disconnect_match (const flux_msg_t *msg1, const flux_msg_t *msg2);

/* Remove all that match, without responding.  Returns how many; -1 and EINVAL
 * for NULL.
 */
int flux_msglist_disconnect (struct flux_msglist *l, const flux_msg_t *msg);

/* As flux_disconnect_match (), and msg1's payload {"matchtag":i} names the
 * matchtag of msg2.
 */
bool flux_cancel_match (const flux_msg_t *msg1, const flux_msg_t *msg2);

/* Respond ENODATA to the first that matches, and remove it.  Returns 1, 0 if
 * none does, -1 and errno.
 */
int flux_msglist_cancel (flux_t *h, struct flux_msglist *l, const flux_msg_t *msg);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_DISCONNECT_H */
