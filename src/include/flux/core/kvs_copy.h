/* flux/core/kvs_copy.h - copy or move what is under a key.
 *
 * A directory is copied by reference, at once; a final symlink as such.  A
 * move is a copy, then an unlink in a second commit: not atomic.  ENOENT.
 * flux_kvs_commit_get_* () work on the future: the (last) commit.
 */

#ifndef _FLUX_CORE_KVS_COPY_H
#define _FLUX_CORE_KVS_COPY_H

#include "handle.h"
#include "future.h"

#ifdef __cplusplus
extern "C" {
#endif

flux_future_t *flux_kvs_copy (flux_t *h,
                              const char *srcns,
                              const char *srckey,
                              const char *dstns,
                              const char *dstkey,
                              int commit_flags);
flux_future_t *flux_kvs_move (flux_t *h,
                              const char *srcns,
                              const char *srckey,
                              const char *dstns,
                              const char *dstkey,
                              int commit_flags);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_KVS_COPY_H */
