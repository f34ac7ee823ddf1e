/* flux/core/hosts.h - which host a rank is on (attribute "hostlist"). */

#ifndef _FLUX_CORE_HOSTS_H
#define _FLUX_CORE_HOSTS_H

#include "handle.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Never NULL: "any" and "upstream" for the special node ids, "(null)" if the
 * rank is unknown.  Valid until the next call.
 */
const char *flux_get_hostbyrank (flux_t *h, uint32_t rank);
/* The lowest rank on that host, or -1 with errno ENOENT. */
int flux_get_rankbyhost (flux_t *h, const char *host);
/* Ranks (an idset) to hosts (a hostlist), or hosts to their lowest ranks.  The
 * caller frees the result.  NULL with errno ENOENT (one is not there) or
 * EINVAL (targets is neither), said in errp.
 */
char *flux_hostmap_lookup (flux_t *h, const char *targets, flux_error_t *errp);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_HOSTS_H */
