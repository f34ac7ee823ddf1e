/* flux/core/service.h - answer requests "NAME.*" of the whole instance.
 *
 * The future fails with EEXIST (the name is taken, also by a module), ENOENT
 * (not registered by this client), EINVAL (a dot in the name) or EPERM.  A
 * registration ends with the connection.
 */

#ifndef _FLUX_CORE_SERVICE_H
#define _FLUX_CORE_SERVICE_H

#include "handle.h"
#include "future.h"

#ifdef __cplusplus
extern "C" {
#endif

flux_future_t *flux_service_register (flux_t *h, const char *name);
flux_future_t *flux_service_unregister (flux_t *h, const char *name);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_SERVICE_H */
