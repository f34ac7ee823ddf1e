/* blobbatch.h - several blobs in one message.
 *
 * Purpose: a commit makes a handful of small directories; storing each by a
 * request of its own costs more in messages than in anything else.  Our
 * content module takes them together, as content.store-batch, and so does its backing
 * store, as content-backing.store-batch:
 *
 *   request   each blob: its length in 4 bytes, big-endian, and its bytes
 *   response  the digests in the same order, nothing between them
 *
 * All are stored or none is.  A content service that does not know the method
 * answers ENOSYS, and is sent a store for each.
 */

#ifndef MILLRACE_BLOBBATCH_H
#define MILLRACE_BLOBBATCH_H

#include <stddef.h>

#include "text.h"

/* Append a blob (less than 4 GiB).  Errors stick to t. */
void blobbatch_add (struct text *t, const void *data, size_t len);

/* The same without a copy: add an empty one, write it behind that, and say so, with
 * where it began.
 */
void blobbatch_set_size (struct text *t, size_t start);

/* The next blob, borrowed from buf: 1, 0 at the end, or -EPROTO.  Start with
 * *pos = 0.
 */
int blobbatch_next (const void *buf,
                    size_t size,
                    size_t *pos,
                    const void **data,
                    size_t *len);

#endif /* !MILLRACE_BLOBBATCH_H */
