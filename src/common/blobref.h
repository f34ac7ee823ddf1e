/* blobref.h - the name of a blob: which hash, and its digest.
 *
 * Purpose: blobs are named on the wire by raw digest and in JSON by text
 * ("sha1-" or "sha256-" and lower-case hex).  Inside they are struct blobref:
 * plain data that may be copied, compared with memcmp () and used as a hash
 * table key.
 *
 * Invariant: bytes past the digest are zero, so that equal names are equal
 * memory.
 *
 * Hashing is apart, in blobhash.h: it needs libcrypto, which clients must not
 * have to load.
 */

#ifndef MILLRACE_BLOBREF_H
#define MILLRACE_BLOBREF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum blobref_kind {
    BLOBREF_SHA1 = 1,
    BLOBREF_SHA256 = 2,
};

#define BLOBREF_DIGEST_MAX 32
#define BLOBREF_TEXT_MAX 71                       /* "sha256-" and 64 digits */
#define BLOBREF_TEXT_SIZE (BLOBREF_TEXT_MAX + 1)  /* with NUL */

struct blobref {
    uint8_t kind; /* enum blobref_kind */
    uint8_t bytes[BLOBREF_DIGEST_MAX];
};

/* Bytes in a digest; characters in the text form (without NUL). */
static inline size_t blobref_digest_size (int kind)
{
    return kind == BLOBREF_SHA256 ? 32 : 20;
}

static inline size_t blobref_text_size (int kind)
{
    return kind == BLOBREF_SHA256 ? 71 : 45;
}

static inline bool blobref_equal (const struct blobref *a, const struct blobref *b)
{
    return memcmp (a, b, sizeof (*a)) == 0;
}

/* "sha1" or "sha256" to its kind, else -EINVAL; and back. */
int blobref_kind_parse (const char *hashname);
const char *blobref_kind_name (int kind);

/* Parse len characters of text.  Returns 0, or -EINVAL: anything that is not
 * exactly a known hash name, '-', and the right number of lower-case digits.
 */
int blobref_parse (const char *text, size_t len, struct blobref *ret);

/* True if the characters are a valid blobref. */
bool blobref_text_valid (const char *text, size_t len);

/* Write the text form, without NUL, into buf (BLOBREF_TEXT_MAX characters
 * suffice); returns its length.
 */
size_t blobref_format (const struct blobref *ref, char *buf);

/* The same with NUL, into a buffer of the caller's; returns buf. */
const char *blobref_str (const struct blobref *ref, char buf[BLOBREF_TEXT_SIZE]);

/* From a raw digest of exactly the size of its kind, else -EINVAL. */
int blobref_from_digest (int kind, const void *digest, size_t len, struct blobref *ret);

#endif /* !MILLRACE_BLOBREF_H */
