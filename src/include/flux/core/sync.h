/* flux/core/sync.h - the instance's heartbeat. */

#ifndef _FLUX_CORE_SYNC_H
#define _FLUX_CORE_SYNC_H

#include "handle.h"
#include "future.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A future that is fulfilled by heartbeats (event "heartbeat.pulse"), at most
 * once per 'minimum' seconds (0: by each); reset it to await the next.
 * EINVAL: h NULL, minimum negative.
 */
flux_future_t *flux_sync_create (flux_t *h, double minimum);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_SYNC_H */
