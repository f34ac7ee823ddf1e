/* blobhash.h - compute the name of a blob.
 *
 * Purpose: one object holds the fetched algorithm and a context that is used
 * again for every blob; fetching costs as much as hashing a small blob.
 *
 * Not thread-safe: each thread has its own.  Lives in libblob.la, with
 * libcrypto; blobref.h is what needs no hashing.
 */

#ifndef MILLRACE_BLOBHASH_H
#define MILLRACE_BLOBHASH_H

#include "blobref.h"

struct blobhash;

/* Returns 0, -EINVAL (not a kind), -ENOTSUP (the crypto library refuses that
 * algorithm) or -ENOMEM.
 */
int blobhash_new (int kind, struct blobhash **ret);
void blobhash_free (struct blobhash *h);
void blobhash_freep (struct blobhash **h);

int blobhash_kind (const struct blobhash *h);

/* The name of len bytes of data (which may be NULL if len is 0). */
void blobhash_sum (struct blobhash *h, const void *data, size_t len, struct blobref *ret);

/* The same in pieces: begin, or resume; update any number of times; end.  What
 * was hashed so far can be saved, to be resumed from any number of times.
 */
struct blobhash_state;

void blobhash_begin (struct blobhash *h);
void blobhash_update (struct blobhash *h, const void *data, size_t len);
void blobhash_end (struct blobhash *h, struct blobref *ret);
int blobhash_save (const struct blobhash *h, struct blobhash_state **ret); /* -ENOMEM */
int blobhash_resume (struct blobhash *h, const struct blobhash_state *state); /* same */
void blobhash_state_free (struct blobhash_state *state);

#endif /* !MILLRACE_BLOBHASH_H */
