/* flux/core/control.h - part of the public interface of libflux.
 *
 * Control messages, which a broker and its modules exchange.
 */

#ifndef _FLUX_CORE_CONTROL_H
#define _FLUX_CORE_CONTROL_H

#include "message.h"

#ifdef __cplusplus
extern "C" {
#endif

flux_msg_t *flux_control_encode (int type, int status);

/* -1 with EINVAL (NULL), EPROTO (not a control message). */
int flux_control_decode (const flux_msg_t *msg, int *type, int *status);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_CONTROL_H */
