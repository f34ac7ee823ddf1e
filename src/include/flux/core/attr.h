/* flux/core/attr.h - broker attributes: named strings.
 *
 * These functions wait for the broker's answer, except for attributes that
 * cannot change: these are asked for once and then kept in the handle.  In a
 * module all of these are there from the start.
 *
 * Errors: -1 or NULL with errno; EINVAL for NULL arguments.
 */

#ifndef _FLUX_CORE_ATTR_H
#define _FLUX_CORE_ATTR_H

#include <stdbool.h>
#include <stdint.h>
#include "handle.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The value; ENOENT if there is none.  The string is valid until the next get
 * of that name, for attributes that cannot change as long as the handle.
 */
const char *flux_attr_get (flux_t *h, const char *name);
/* Set a value.  ENOENT: no such attribute; EINVAL: it is set already and may
 * not change at run time (force overrides this); EPERM: it never changes.
 */
int flux_attr_set (flux_t *h, const char *name, const char *val);
int flux_attr_set_ex (flux_t *h,
                      const char *name,
                      const char *val,
                      bool force,
                      flux_error_t *errp);
/* Put a value into the handle's cache only; val NULL drops it. */
int flux_attr_set_cacheonly (flux_t *h, const char *name, const char *val);
/* Iterate over the names in the cache, in the order they came. */
const char *flux_attr_cache_first (flux_t *h);
const char *flux_attr_cache_next (flux_t *h);
/* Attributes "rank" and "size" as numbers; EINVAL if they are none. */
int flux_get_rank (flux_t *h, uint32_t *rank);
int flux_get_size (flux_t *h, uint32_t *size);
/* When rank 0 started, in seconds since the epoch. */
int flux_get_instance_starttime (flux_t *h, double *starttime);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_ATTR_H */
