/* flux/core/disconnect.h - part of the public interface of libflux. */

#ifndef _FLUX_CORE_DISCONNECT_H
#define _FLUX_CORE_DISCONNECT_H

#include "message.h"
#include "msglist.h"
#include "handle.h"

#ifdef __cplusplus
extern "C" {
#endif

bool flux_disconnect_match (const flux_msg_t *msg1, const flux_msg_t *msg2);
int flux_msglist_disconnect (struct flux_msglist *l, const flux_msg_t *msg);
bool flux_cancel_match (const flux_msg_t *msg1, const flux_msg_t *msg2);
int flux_msglist_cancel (flux_t *h, struct flux_msglist *l, const flux_msg_t *msg);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_DISCONNECT_H */
