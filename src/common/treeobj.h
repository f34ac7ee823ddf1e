/* treeobj.h - RFC 11 tree objects in native form.
 *
 * Purpose: the hash tree of the KVS is made of five kinds of object.  They are
 * decoded once, shared by reference count, changed by making new ones that
 * share what is unchanged, and written as canonical JSON text, the text that
 * is hashed and stored, straight from the native form.
 *
 *   val      a value, inline
 *   valref   a value stored as a sequence of blobs
 *   dirref   a directory stored as a blob
 *   dir      a directory: names, each once, sorted by bytes, to tree objects
 *   symlink  a target key, perhaps in another namespace
 *
 * Invariants
 *  - an object never changes once it has a second reference.  Directories are
 *    the only kind that changes at all: the treeobj_dir_set () and _del ()
 *    calls change a directory in place if the caller holds the only reference,
 *    else they replace the caller's reference by that of a changed copy.
 *  - a copy of a directory of n entries costs O(n / 64); a chain of
 *    treeobj_valref_append () costs O(1) each, however long the array is.
 *
 * How values are kept: a val holds its base64 *text*.  Text of up to 72
 * characters is never looked into by the KVS (it need not even be base64) and
 * must come out unchanged, and that text is what both the stored directory and
 * the lookup response contain.  References are kept as canonical text as well:
 * the array is far more often written than indexed.
 *
 * Ownership: functions that return a new object hand one reference to the
 * caller; "borrowed" ones live as long as the object they come from.
 * Not thread-safe: objects that share anything stay in one thread.
 * Bound: nesting of inline directories is limited by the parser
 * (JSON_MAX_DEPTH); nothing else is.
 */

#ifndef MILLRACE_TREEOBJ_H
#define MILLRACE_TREEOBJ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "blobref.h"
#include "jpull.h"
#include "text.h"

enum treeobj_type {
    TREEOBJ_VAL = 1,
    TREEOBJ_VALREF,
    TREEOBJ_DIRREF,
    TREEOBJ_DIR,
    TREEOBJ_SYMLINK,
};

/* Values whose base64 text is longer than this are stored as blobs. */
#define TREEOBJ_INLINE_MAX 72

struct treeobj;

struct treeobj *treeobj_get (const struct treeobj *o); /* NULL ok */
void treeobj_put (struct treeobj *o);                  /* NULL ok */
void treeobj_putp (struct treeobj **o);

int treeobj_type (const struct treeobj *o);
const char *treeobj_type_name (int type);

/* Parse JSON text.  Returns 0, -EPROTO (not JSON), -EINVAL (not a valid tree
 * object) or -ENOMEM.
 */
int treeobj_parse (const char *text, size_t len, struct treeobj **ret);

/* The same for the next value of s.  After -EINVAL too, s is behind it. */
int treeobj_scan (struct jpull *s, struct treeobj **ret);

/* Append the canonical text.  Errors stick to out. */
void treeobj_write (const struct treeobj *o, struct text *out);

/* How long that is, without writing it. */
size_t treeobj_size (const struct treeobj *o);

/* The canonical text, NUL-terminated, for the caller to free; NULL = ENOMEM. */
char *treeobj_text (const struct treeobj *o);

/* Same canonical text? */
bool treeobj_equal (const struct treeobj *a, const struct treeobj *b);

/* --- val --- */

/* From data, or from text that is (or claims to be) its base64. */
int treeobj_val_new (const void *data, size_t len, struct treeobj **ret);
int treeobj_val_new_base64 (const char *text, size_t len, struct treeobj **ret);

/* Borrowed, NUL-terminated. */
const char *treeobj_val_base64 (const struct treeobj *o, size_t *len);

/* Decode into memory that the caller frees; a NUL is added that *len does not
 * count.  -EPROTO: not base64.
 */
int treeobj_val_decode (const struct treeobj *o, void **data, size_t *len);

/* --- valref, dirref --- */

int treeobj_valref_new (const struct blobref *refs, size_t count, struct treeobj **ret);
int treeobj_dirref_new (const struct blobref *ref, struct treeobj **ret);

size_t treeobj_ref_count (const struct treeobj *o);

/* Reference number i: O(1) unless kinds of hash are mixed.  -EINVAL: no such. */
int treeobj_ref_at (const struct treeobj *o, size_t i, struct blobref *ret);

/* Iterate: start with *pos = 0, false at the end. */
bool treeobj_ref_next (const struct treeobj *o, size_t *pos, struct blobref *ret);

/* Append the canonical text of the valref that holds only the references of o
 * from number 'from' (< count) on.  O(what is written) unless kinds of hash
 * are mixed.
 */
void treeobj_valref_write_from (const struct treeobj *o, size_t from, struct text *out);

/* A valref with more references behind those of o: given as an array, or as
 * those of another valref.
 */
int treeobj_valref_append (const struct treeobj *o,
                           const struct blobref *refs,
                           size_t count,
                           struct treeobj **ret);
int treeobj_valref_concat (const struct treeobj *o,
                           const struct treeobj *more,
                           struct treeobj **ret);

/* --- symlink --- */

/* ns may be NULL. */
int treeobj_symlink_new (const char *ns, const char *target, struct treeobj **ret);
const char *treeobj_symlink_target (const struct treeobj *o);    /* borrowed */
const char *treeobj_symlink_namespace (const struct treeobj *o); /* or NULL */

/* --- dir --- */

int treeobj_dir_new (struct treeobj **ret);
size_t treeobj_dir_count (const struct treeobj *o);

/* The entry, borrowed, or NULL. */
struct treeobj *
treeobj_dir_find (const struct treeobj *dir, const char *name, size_t len);

/* Add or replace an entry; the directory takes a reference of its own.
 * Returns 0 or -ENOMEM with the directory unchanged.
 */
int treeobj_dir_set (struct treeobj **dir,
                     const char *name,
                     size_t len,
                     struct treeobj *obj);

/* Remove an entry: 0, -ENOENT (nothing changes) or -ENOMEM. */
int treeobj_dir_del (struct treeobj **dir, const char *name, size_t len);

/* Iterate in order: start with a zeroed iterator, false at the end.  Names are
 * NUL-terminated.  All is borrowed; the directory must not change meanwhile.
 */
struct treeobj_iter {
    size_t chunk;
    size_t i;
};

bool treeobj_dir_next (const struct treeobj *dir,
                       struct treeobj_iter *it,
                       const char **name,
                       size_t *len,
                       struct treeobj **obj);

/* Remember with a directory under which name its canonical text is stored.
 * Any change to the directory forgets it; copies do not inherit it.
 * treeobj_dir_ref () returns NULL if there is none.
 */
void treeobj_dir_set_ref (struct treeobj *dir, const struct blobref *ref);
const struct blobref *treeobj_dir_ref (const struct treeobj *dir);

/* Iterate over the references of its entries (not of what is inline in those that
 * are directories): start with a zeroed iterator, false at the end.
 *
 * treeobj_dir_set_saved () says that all these have been dealt with.  They are
 * passed over from then on, in other versions, too, as far as they share with
 * this one; so to go through a version costs what is new in it.
 */
struct treeobj_ref_iter {
    size_t chunk;
    size_t i;
    size_t pos; /* in the references of entry i, 0: at the beginning */
};

bool treeobj_dir_next_unsaved (const struct treeobj *dir,
                               struct treeobj_ref_iter *it,
                               struct blobref *ref);
void treeobj_dir_set_saved (struct treeobj *dir);

/* Anything else the owner wants to remember with a directory as it is: freed
 * with it, or when it changes; not inherited by copies.
 */
void treeobj_dir_set_memo (struct treeobj *dir, void *memo, void (*memo_free) (void *));
void *treeobj_dir_memo (const struct treeobj *dir);

/* How many bytes the canonical texts of two versions of a directory have in
 * common at their beginning, as far as that shows in what they share.
 * O(entries / 64), whatever is in them.
 */
size_t treeobj_dir_common (const struct treeobj *a, const struct treeobj *b);

/* The canonical text from some byte on: costs little more than what is written. */
void treeobj_dir_write_from (const struct treeobj *dir, size_t offset, struct text *out);

/* About how long the canonical text is: right for an unchanged directory that
 * was written before; a start for buffers, and for cache accounting.
 */
size_t treeobj_dir_size_hint (const struct treeobj *dir);

#endif /* !MILLRACE_TREEOBJ_H */
