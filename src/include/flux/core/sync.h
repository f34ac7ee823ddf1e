/* flux/core/sync.h - part of the public interface of libflux. */

#ifndef _FLUX_CORE_SYNC_H
#define _FLUX_CORE_SYNC_H

#include "handle.h"
#include "future.h"

#ifdef __cplusplus
extern "C" {
#endif

flux_future_t *flux_sync_create (flux_t *h, double minimum);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_SYNC_H */
