/* flux/core/method.h - methods that every service has.
 *
 * NAME.ping, .stats-get, .stats-clear (also as event), .rusage, .debug,
 * .config-reload, .config-update.  Handlers that are registered later for the
 * same topics hide them.
 */

#ifndef _FLUX_CORE_METHOD_H
#define _FLUX_CORE_METHOD_H

#include "handle.h"
#include "msg_handler.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Register and start them; flux_msg_handler_delvec () ends them.  ping answers
 * with the uuid in handle aux "flux::uuid" as the end of the route.
 */
int flux_register_default_methods (flux_t *h,
                                   const char *service_name,
                                   flux_msg_handler_t **msg_handlers[]);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_METHOD_H */
