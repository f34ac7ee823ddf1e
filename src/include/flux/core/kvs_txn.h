/* flux/core/kvs_txn.h - a transaction: operations to commit as one.
 *
 * flags are 0, or for put, put_raw and pack FLUX_KVS_APPEND.  Data is copied.
 * EINVAL: NULL or empty key, wrong flags, bad format; EPROTO: treeobj is no
 * tree object.  A failed call adds nothing.
 */

#ifndef _FLUX_CORE_KVS_TXN_H
#define _FLUX_CORE_KVS_TXN_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct flux_kvs_txn flux_kvs_txn_t;
flux_kvs_txn_t *flux_kvs_txn_create (void);
void flux_kvs_txn_destroy (flux_kvs_txn_t *txn);
/* A value: text without its NUL (NULL: empty), JSON of any type, bytes. */
int flux_kvs_txn_put (flux_kvs_txn_t *txn,
                      int flags,
                      const char *key,
                      const char *value);
int flux_kvs_txn_vpack (flux_kvs_txn_t *txn,
                        int flags,
                        const char *key,
                        const char *fmt,
                        va_list ap);
int flux_kvs_txn_pack (flux_kvs_txn_t *txn,
                       int flags,
                       const char *key,
                       const char *fmt,
                       ...);
int flux_kvs_txn_put_raw (flux_kvs_txn_t *txn,
                          int flags,
                          const char *key,
                          const void *data,
                          size_t len);
/* Any tree object, as JSON text (RFC 11). */
int flux_kvs_txn_put_treeobj (flux_kvs_txn_t *txn,
                              int flags,
                              const char *key,
                              const char *treeobj);
int flux_kvs_txn_mkdir (flux_kvs_txn_t *txn, int flags, const char *key);
int flux_kvs_txn_unlink (flux_kvs_txn_t *txn, int flags, const char *key);
int flux_kvs_txn_symlink (flux_kvs_txn_t *txn,
                          int flags,
                          const char *key,
                          const char *ns,
                          const char *target);
int flux_kvs_txn_clear (flux_kvs_txn_t *txn);
bool flux_kvs_txn_is_empty (flux_kvs_txn_t *txn);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_KVS_TXN_H */
