/* cache.h - blobs by name: loaded, being loaded, or made here.
 *
 * Purpose: a directory is decoded once and then shared by every lookup and
 * transaction; however many of them miss a blob, it is loaded once.
 *
 * An entry is "loading" (it has waiters), or has its bytes, or the directory
 * that they encode (whose bytes are then dropped), or knows that they encode
 * none.
 *
 * An entry is "held" if its blob was made here and content does not have it: it
 * has its bytes or the directory whose canonical text they are, and is pinned
 * by those who hold it (hold.h); without them it goes.
 *
 * Ownership: entries belong to the cache; who needs one after it returned to
 * the reactor takes references of the blob or directory in it, or pins it.
 * Bound: above CACHE_BYTES_MAX bytes of unpinned blobs the least recently used
 * of them go; those not used for CACHE_AGE_MAX seconds go at the next tick.
 * Current roots are pinned; they are bounded by the number of namespaces.
 */

#ifndef KVS_CACHE_H
#define KVS_CACHE_H

#include "common/table.h"
#include "common/treeobj.h"
#include "engine.h"

#define CACHE_BYTES_MAX (32 * 1024 * 1024)
#define CACHE_AGE_MAX 60.0 /* jobs come back to their directories after they waited */
#define CACHE_DIR_COST 1024 /* a version of a directory: what it does not share */
#define CACHE_ENTRY_COST 512 /* an entry, besides the text of its blob: about */

struct waiter {
    struct list link;
    /* The blob is in, or errnum says why not.  The waiter is already off the
     * list and may be used again.
     */
    void (*wake) (struct waiter *w, int errnum);
};

static inline void waiter_init (struct waiter *w, void (*wake) (struct waiter *, int))
{
    list_init (&w->link);
    w->wake = wake;
}

static inline void waiter_cancel (struct waiter *w)
{
    list_del (&w->link);
}

struct cache_entry {
    struct kvs_load load; /* begins with the action, has the name */
    struct list lru;      /* not linked while loading or pinned */
    struct list waiters;
    bool loading;
    bool held;
    bool keep; /* held, and to be stored before it may go (hold.h) */
    unsigned int pins;
    struct hold_gen *gen; /* that has it since last, or NULL */
    uint64_t walk;        /* the last one that came by (hold.c) */
    struct blob *raw;
    struct treeobj *dir;
    int nodir;   /* 0, or why the bytes are no directory: -EINVAL another tree
                * object, -EPROTO no tree object */
    size_t size; /* of the blob */
    double used;
};

struct cache {
    struct table entries;
    struct list lru; /* what may go, least recently used first */
    struct list *actions;
    size_t bytes; /* of what may go */
    size_t loading;
    size_t held;
    uint64_t faults;
    double now;
    bool have_bad; /* why the last step failed: this blob is missing, or no directory */
    bool bad_nodir;
    struct blobref bad;
};

void cache_init (struct cache *c, struct list *actions);
void cache_fini (struct cache *c);

/* The bytes, or the directory, of a blob, borrowed.  Returns 0, -EAGAIN: not
 * here, w will be woken (after a load action, if none is out yet); -ENOMEM;
 * and cache_dir () also what nodir says.
 */
int cache_raw (struct cache *c,
               const struct blobref *ref,
               struct waiter *w,
               struct blob **ret);
int cache_dir (struct cache *c,
               const struct blobref *ref,
               struct waiter *w,
               struct treeobj **ret);

/* A sentence that names the blob which is the reason for errnum, in malloc ()ed memory;
 * NULL if no blob is.  Who begins a step clears have_bad.
 */
char *cache_bad_text (const struct cache *c, int errnum);

/* The answer to a load action: wakes the waiters, in order. */
void cache_loaded (struct cache *c,
                   const struct blobref *ref,
                   int errnum,
                   struct blob *blob);

/* A directory that was stored: its canonical text has size bytes.  That it is
 * not remembered for lack of memory does no harm.
 */
void cache_add_dir (struct cache *c,
                    const struct blobref *ref,
                    struct treeobj *dir,
                    size_t size);
void cache_add_raw (struct cache *c, const struct blobref *ref, struct blob *blob);

/* The same for what is to be held, with a directory that nobody will change.
 * Says whether it was there before.  The entry is not pinned yet.  NULL: no
 * memory.
 */
struct cache_entry *cache_put_dir (struct cache *c,
                                   const struct blobref *ref,
                                   struct treeobj *dir,
                                   size_t size,
                                   bool *known);
struct cache_entry *cache_put_raw (struct cache *c,
                                   const struct blobref *ref,
                                   struct blob *blob,
                                   bool *known);

/* The entry if it is held, else NULL. */
struct cache_entry *cache_held (const struct cache *c, const struct blobref *ref);

/* Append the bytes of a held entry.  Errors stick to out. */
void cache_write_held (const struct cache_entry *e, struct text *out);

/* About what it takes in memory, in bytes.  A held directory shares most of its
 * entries with the versions before and after it, and has no text.
 */
size_t cache_cost (const struct cache_entry *e);

/* Content has it. */
void cache_stored (struct cache *c, struct cache_entry *e);

/* The blob if it is at hand, borrowed, else NULL; nothing is loaded, and its
 * place among the least recently used stays.
 */
struct blob *cache_peek (const struct cache *c, const struct blobref *ref);

/* Is the blob here?  Does not count as use. */
bool cache_has (const struct cache *c, const struct blobref *ref);

/* Keep an entry, if there is one, until it is unpinned. */
struct cache_entry *cache_pin (struct cache *c, const struct blobref *ref);
void cache_pin_entry (struct cache *c, struct cache_entry *entry);
void cache_unpin (struct cache *c, struct cache_entry *entry); /* NULL ok */

/* Drop what has not been used lately. */
void cache_expire (struct cache *c);

/* Keep to the bound.  What is added sees to it; not what is unpinned, which many are at
 * a time: who does that calls it afterwards.
 */
void cache_limit (struct cache *c);

#endif /* !KVS_CACHE_H */
