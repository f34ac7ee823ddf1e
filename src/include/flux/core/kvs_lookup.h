/* flux/core/kvs_lookup.h - look up a key, once or as it changes.
 *
 * The getters wait for a response.  What they return belongs to the future: it
 * is valid until the future is destroyed, or reset and another value read.
 * With FLUX_KVS_WATCH (and STREAM) there are several responses: use one, then
 * flux_future_reset (); ENODATA is the end.
 *
 * EINVAL: not a lookup future, or the object is not of the kind asked for.
 * EPROTO: the response is malformed.
 */

#ifndef _FLUX_CORE_KVS_LOOKUP_H
#define _FLUX_CORE_KVS_LOOKUP_H

#include "handle.h"
#include "future.h"
#include "kvs_dir.h"

#ifdef __cplusplus
extern "C" {
#endif

/* flags: 0, TREEOBJ, READDIR (with or without TREEOBJ) or READLINK; and WATCH,
 * WAITCREATE, STREAM; with WATCH also WATCH_FULL, WATCH_UNIQ, WATCH_APPEND,
 * WATCH_INITIAL_SENTINEL.
 */
flux_future_t *flux_kvs_lookup (flux_t *h, const char *ns, int flags, const char *key);
/* In a snapshot: treeobj is the JSON text of its root. */
flux_future_t *flux_kvs_lookupat (flux_t *h,
                                  int flags,
                                  const char *key,
                                  const char *treeobj);
/* The value as text, JSON (any type) or bytes: always followed by a NUL that is
 * not counted.  An empty value, or the sentinel, is NULL of length 0.
 */
int flux_kvs_lookup_get (flux_future_t *f, const char **value);
int flux_kvs_lookup_get_unpack (flux_future_t *f, const char *fmt, ...);
int flux_kvs_lookup_get_raw (flux_future_t *f, const void **data, size_t *len);
/* The object in canonical form; a directory (not a dirref); a link, *ns NULL if
 * it stays in its namespace.
 */
int flux_kvs_lookup_get_treeobj (flux_future_t *f, const char **treeobj);
int flux_kvs_lookup_get_dir (flux_future_t *f, const flux_kvsdir_t **dir);
int flux_kvs_lookup_get_symlink (flux_future_t *f,
                                 const char **ns,
                                 const char **target);
/* The key as it was asked for. */
const char *flux_kvs_lookup_get_key (flux_future_t *f);
/* Ask the service to end a WATCH, WAITCREATE or STREAM; ENODATA will follow. */
int flux_kvs_lookup_cancel (flux_future_t *f);

#ifdef __cplusplus
}
#endif

#endif /* !_FLUX_CORE_KVS_LOOKUP_H */
