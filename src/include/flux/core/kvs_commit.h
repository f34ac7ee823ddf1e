/* flux/core/kvs_commit.h - apply a transaction, whole or not at all. */

#ifndef _FLUX_CORE_KVS_COMMIT_H
#define _FLUX_CORE_KVS_COMMIT_H

#include "handle.h"
#include "future.h"
#include "kvs_txn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* NO_MERGE: a root of its own.  TXN_COMPACT: appends to one key become one
 * (in txn; EINVAL if another operation follows an append to its key).
 * SYNC: acknowledged means on disk.
 */
enum kvs_commit_flags {
    FLUX_KVS_NO_MERGE = 1,
    FLUX_KVS_TXN_COMPACT = 2,
    FLUX_KVS_SYNC = 4,
};

/* txn is not consumed and may be changed or destroyed at once.  An empty one
 * makes a new root, too.
 */
flux_future_t *flux_kvs_commit (flux_t *h,
                                const char *ns,
                                int flags,
                                flux_kvs_txn_t *txn);
/* The new root, as a dirref object or as blobref, and its sequence number.
 * Strings belong to the future.  EINVAL: not a commit.
 */
int flux_kvs_commit_get_treeobj (flux_future_t *f, const char **treeobj);
int flux_kvs_commit_get_rootref (flux_future_t *f, const char **rootref);
int flux_kvs_commit_get_sequence (flux_future_t *f, int *rootseq);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_KVS_COMMIT_H */
