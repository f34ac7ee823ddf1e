/* kvsops.h - the payload of a kvs.commit request, written straight as text.
 *
 *   { "namespace":s "flags":i "ops":[ { "key":s "flags":i "dirent":treeobj|null } ] }
 *
 * Purpose: services that commit on behalf of jobs write small values and
 * appends all day; this makes them in one pass, with no JSON tree.  It is also
 * how conditions are sent, which libflux has no functions for.
 *
 * Keys are written as they are given: they must be valid UTF-8.
 * Errors stick, as in text.h: kvsops_finish () tells.
 * Bound: none of its own; callers bound what they put in.
 */

#ifndef MILLRACE_KVSOPS_H
#define MILLRACE_KVSOPS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

struct kvsops {
    struct text text;
    size_t count; /* ops so far */
};

#define KVSOPS_INIT { TEXT_INIT, 0 }

void kvsops_fini (struct kvsops *ops);

/* Put or append a raw value. */
void kvsops_put (struct kvsops *ops, const char *key, const void *data, size_t len);
void kvsops_append (struct kvsops *ops, const char *key, const void *data, size_t len);

/* Append blobs that the content store has already (our kvs only: the owner
 * may append a valref).
 */
void kvsops_append_ref (struct kvsops *ops, const char *key, const char *blobref);

void kvsops_put_dirref (struct kvsops *ops, const char *key, const char *blobref);
void kvsops_symlink (struct kvsops *ops,
                     const char *key,
                     const char *ns,
                     const char *target);
void kvsops_unlink (struct kvsops *ops, const char *key);

/* An empty directory; a tree object, given as valid text. */
void kvsops_mkdir (struct kvsops *ops, const char *key);
void kvsops_put_treeobj (struct kvsops *ops, const char *key, const char *treeobj);

/* Conditions (our kvs only; a stock one answers EPROTO): before all else.  The
 * commit fails as a whole with KVSOPS_ECONDITION and a sentence if one is not
 * met: the key is absent; exists; is that tree object; the root's sequence
 * number is seq.
 */
#define KVSOPS_ECONDITION EBADE

void kvsops_if_absent (struct kvsops *ops, const char *key);
void kvsops_if_exists (struct kvsops *ops, const char *key);
void kvsops_if_treeobj (struct kvsops *ops, const char *key, const char *treeobj);
void kvsops_if_seq (struct kvsops *ops, int64_t seq);

static inline bool kvsops_empty (const struct kvsops *ops)
{
    return ops->count == 0;
}

/* Those of 'more' too, behind; it stays as it is. */
void kvsops_concat (struct kvsops *ops, const struct kvsops *more);

/* A flag of a commit: nobody waits for its answer, so it may be published with the next
 * one that somebody waits for, when somebody looks, or some milliseconds late (our kvs
 * only; a stock one ignores the flag).
 */
#define KVSOPS_LAZY 0x10000

/* The request for namespace ns, malloced; ops is empty after.  NULL: ENOMEM. */
char *kvsops_finish (struct kvsops *ops, const char *ns, int flags);

#endif /* !MILLRACE_KVSOPS_H */
