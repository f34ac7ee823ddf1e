/* flux/core/kvs.h - the key-value store (RFC 11, RFC 18 for logs).
 *
 * Wherever a namespace is NULL it is $FLUX_KVS_NAMESPACE, or else "primary".
 * Functions that return a future return NULL with errno EINVAL for NULL
 * handles and bad arguments; what the service says comes with the future:
 * ENOENT, EISDIR, ENOTDIR, EPERM, ENOTSUP (no such namespace), ...
 */

#ifndef _FLUX_CORE_KVS_H
#define _FLUX_CORE_KVS_H

#include "kvs_dir.h"
#include "kvs_lookup.h"
#include "kvs_getroot.h"
#include "kvs_txn.h"
#include "kvs_commit.h"
#include "kvs_copy.h"
#include "future.h"

#ifdef __cplusplus
extern "C" {
#endif

enum kvs_op {
    FLUX_KVS_READDIR = 1,
    FLUX_KVS_READLINK = 2,
    FLUX_KVS_WATCH = 4,
    FLUX_KVS_WAITCREATE = 8,
    FLUX_KVS_TREEOBJ = 16,
    FLUX_KVS_APPEND = 32,
    FLUX_KVS_WATCH_FULL = 64,
    FLUX_KVS_WATCH_UNIQ = 128,
    FLUX_KVS_WATCH_APPEND = 256,
    FLUX_KVS_STREAM = 512,
    FLUX_KVS_WATCH_INITIAL_SENTINEL = 1024,
};

#define KVS_PRIMARY_NAMESPACE "primary"

/* A new namespace, empty or with the given root; owner may be
 * FLUX_USERID_UNKNOWN (the caller).  flags 0.  EEXIST.  (Without a root this
 * may wait for attribute content.hash.)
 */
flux_future_t *flux_kvs_namespace_create (flux_t *h,
                                          const char *ns,
                                          uint32_t owner,
                                          int flags);
flux_future_t *flux_kvs_namespace_create_with (flux_t *h,
                                               const char *ns,
                                               const char *rootref,
                                               uint32_t owner,
                                               int flags);
/* Removing one that does not exist succeeds; the primary one is ENOTSUP. */
flux_future_t *flux_kvs_namespace_remove (flux_t *h, const char *ns);
/* The sequence number of the root; wait until it is at least so.  Both block. */
int flux_kvs_get_version (flux_t *h, const char *ns, int *versionp);
int flux_kvs_wait_version (flux_t *h, const char *ns, int version);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_KVS_H */
