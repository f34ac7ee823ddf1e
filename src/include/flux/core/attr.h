/* flux/core/attr.h - part of the public interface of libflux. */

#ifndef _FLUX_CORE_ATTR_H
#define _FLUX_CORE_ATTR_H

#include <stdbool.h>
#include <stdint.h>
#include "handle.h"

#ifdef __cplusplus
extern "C" {
#endif

const char *flux_attr_get (flux_t *h, const char *name);
int flux_attr_set (flux_t *h, const char *name, const char *val);
int flux_attr_set_ex (flux_t *h,
                      const char *name,
                      const char *val,
                      bool force,
                      flux_error_t *errp);
int flux_attr_set_cacheonly (flux_t *h, const char *name, const char *val);
const char *flux_attr_cache_first (flux_t *h);
const char *flux_attr_cache_next (flux_t *h);
int flux_get_rank (flux_t *h, uint32_t *rank);
int flux_get_size (flux_t *h, uint32_t *size);
int flux_get_instance_starttime (flux_t *h, double *starttime);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_ATTR_H */
