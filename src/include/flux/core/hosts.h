/* flux/core/hosts.h - part of the public interface of libflux. */

#ifndef _FLUX_CORE_HOSTS_H
#define _FLUX_CORE_HOSTS_H

#include "handle.h"

#ifdef __cplusplus
extern "C" {
#endif

const char *flux_get_hostbyrank (flux_t *h, uint32_t rank);
int flux_get_rankbyhost (flux_t *h, const char *host);
char *flux_hostmap_lookup (flux_t *h, const char *targets, flux_error_t *errp);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_HOSTS_H */
