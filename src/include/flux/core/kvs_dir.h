/* flux/core/kvs_dir.h - what is in a directory.
 *
 * From flux_kvs_lookup_get_dir (), or from the JSON text of a dir object.
 * Reference counted.  It is what the directory was; it does not follow it.
 */

#ifndef _FLUX_CORE_KVS_DIR_H
#define _FLUX_CORE_KVS_DIR_H

#include <stdbool.h>
#include "handle.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct flux_kvsdir flux_kvsdir_t;
typedef struct flux_kvsitr flux_kvsitr_t;
/* handle is only remembered; rootref: JSON text of the snapshot (a dirref) it
 * is from, or NULL.  EINVAL: json_str is no dir object.
 */
flux_kvsdir_t *flux_kvsdir_create (flux_t *handle,
                                   const char *rootref,
                                   const char *key,
                                   const char *json_str);
void flux_kvsdir_destroy (flux_kvsdir_t *dir);
flux_kvsdir_t *flux_kvsdir_copy (const flux_kvsdir_t *dir);
void flux_kvsdir_incref (flux_kvsdir_t *dir);
/* Iterate over the names in ascending order; NULL at the end, and ever after
 * until rewound.  The directory must outlive the iterator.
 */
flux_kvsitr_t *flux_kvsitr_create (const flux_kvsdir_t *dir);
void flux_kvsitr_destroy (flux_kvsitr_t *itr);
const char *flux_kvsitr_next (flux_kvsitr_t *itr);
void flux_kvsitr_rewind (flux_kvsitr_t *itr);
/* Questions; to NULL they are -1, false and NULL.  isdir: dir or dirref. */
int flux_kvsdir_get_size (const flux_kvsdir_t *dir);
bool flux_kvsdir_exists (const flux_kvsdir_t *dir, const char *name);
bool flux_kvsdir_isdir (const flux_kvsdir_t *dir, const char *name);
bool flux_kvsdir_issymlink (const flux_kvsdir_t *dir, const char *name);
const char *flux_kvsdir_key (const flux_kvsdir_t *dir);
void *flux_kvsdir_handle (const flux_kvsdir_t *dir);
const char *flux_kvsdir_rootref (const flux_kvsdir_t *dir);
/* The key of an entry; the caller frees it. */
char *flux_kvsdir_key_at (const flux_kvsdir_t *dir, const char *key);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_KVS_DIR_H */
