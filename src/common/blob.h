/* blob.h - immutable bytes with shared ownership.
 *
 * Purpose: a blob that content sent stays in the message it came in, one that
 * a transaction made stays where it was made; nothing is copied on the way
 * between messages, caches, lookups and stores.
 *
 * Not thread-safe.
 */

#ifndef MILLRACE_BLOB_H
#define MILLRACE_BLOB_H

#include <stddef.h>
#include <stdint.h>

struct blob {
    uint32_t refcount;
    const void *data; /* may be NULL if len is 0 */
    size_t len;
    void (*release) (void *arg); /* gives back what holds the data; or NULL */
    void *arg;
};

/* On success the blob owns arg, and calls release (arg) with its last
 * reference; on failure (NULL: no memory) arg is still the caller's.
 */
struct blob *blob_new (const void *data, size_t len, void (*release) (void *), void *arg);

/* The common case: memory from malloc (), which is freed in any case. */
struct blob *blob_new_malloced (void *data, size_t len);

/* The blob has the bytes itself.  So it is with small ones that came in a
 * message: the message, and the future it belongs to, are larger than they.
 */
struct blob *blob_new_copy (const void *data, size_t len);
#define BLOB_COPY_MAX 4096

static inline struct blob *blob_get (struct blob *b)
{
    b->refcount++;
    return b;
}

void blob_put (struct blob *b); /* NULL ok */
void blob_putp (struct blob **b);

#endif /* !MILLRACE_BLOB_H */
