/* kvs_private.h - what the files of the KVS client share. */

#ifndef MILLRACE_LIBFLUX_KVS_PRIVATE_H
#define MILLRACE_LIBFLUX_KVS_PRIVATE_H

#include <flux/core.h>

#include "common/text.h"

/* The namespace to use when the caller named none. */
const char *kvs_namespace (const char *ns);

/* Append a string as JSON.  Returns 0, or -1 with errno EINVAL if it is not
 * UTF-8.  A lack of memory is in the text's error.
 */
int kvs_put_string (struct text *t, const char *s);

/* A dirref of a root, as canonical text that the caller frees. */
char *kvs_dirref (const char *rootref);

/* Append the operations as a JSON array. */
int kvs_txn_write (const flux_kvs_txn_t *txn, struct text *t);

/* Join appends to one key, see kvs_txn.c. */
int kvs_txn_compact (flux_kvs_txn_t *txn);

#endif /* !MILLRACE_LIBFLUX_KVS_PRIVATE_H */
