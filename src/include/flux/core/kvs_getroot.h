/* flux/core/kvs_getroot.h - the root of a namespace.
 *
 * flags 0.  Strings belong to the future; treeobj is a dirref object, the
 * snapshot for flux_kvs_lookupat ().  EINVAL: not a getroot future.
 */

#ifndef _FLUX_CORE_KVS_GETROOT_H
#define _FLUX_CORE_KVS_GETROOT_H

#include "handle.h"
#include "future.h"

#ifdef __cplusplus
extern "C" {
#endif

flux_future_t *flux_kvs_getroot (flux_t *h, const char *ns, int flags);
int flux_kvs_getroot_get_treeobj (flux_future_t *f, const char **treeobj);
int flux_kvs_getroot_get_blobref (flux_future_t *f, const char **blobref);
int flux_kvs_getroot_get_sequence (flux_future_t *f, int *seq);
int flux_kvs_getroot_get_owner (flux_future_t *f, uint32_t *owner);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_KVS_GETROOT_H */
