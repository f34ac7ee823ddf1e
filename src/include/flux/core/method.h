/* flux/core/method.h - part of the public interface of libflux. */

#ifndef _FLUX_CORE_METHOD_H
#define _FLUX_CORE_METHOD_H

#include "handle.h"
#include "msg_handler.h"

#ifdef __cplusplus
extern "C" {
#endif

int flux_register_default_methods (flux_t *h,
                                   const char *service_name,
                                   flux_msg_handler_t **msg_handlers[]);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_METHOD_H */
