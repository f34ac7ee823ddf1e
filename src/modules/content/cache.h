/* content/cache.h - the blobs of this broker: which are here, which must go to
 * the backing store.
 *
 * Purpose: content.store is answered from memory; blobs are written back
 * later, a bounded number at a time, and dropped when they are clean, old and
 * too many.
 *
 * An entry is in exactly one state:
 *
 *   LOADING   asked for, no data yet
 *   CLEAN     has data that is elsewhere, too: may be dropped
 *   DIRTY     has data that is nowhere else; waits for its turn
 *   STORING   ... is being written
 *   FAILED    ... could not be written; tried again at the next flush or beat
 *
 * Ownership: entries belong to the cache; blobs are counted.
 * Bounds: clean data above cache_purge ()'s target goes once it is old enough,
 * and at once while there is more than CACHE_BYTES_MAX in all.  What is loaded then
 * passes: of it CACHE_PASSING_MAX bytes are kept, or one blob, the newest, until they are asked for once
 * more, so that who reads more than fits does not drive out all that others want, nor what
 * he will want when he reads it again;
 * dirty data is bounded by the service, which holds back its answers to stores
 * above CACHE_DIRTY_MAX bytes while the backing store works, CACHE_FAILING_MAX
 * while it fails.  Without one everything stays in memory.
 *
 * No flux_t, no clock, no I/O.
 */

#ifndef CONTENT_CACHE_H
#define CONTENT_CACHE_H

#include <stdbool.h>

#include "common/blob.h"
#include "common/blobref.h"
#include "common/list.h"
#include "common/table.h"

/* Write back when so much has gathered, if not earlier. */
#define CACHE_WRITEBACK_BYTES (4 * 1024 * 1024)
#define CACHE_WRITEBACK_COUNT 8192
/* Make clients wait when so much is dirty. */
#define CACHE_DIRTY_MAX (64 * 1024 * 1024)
/* ... and when the backing store does not take it. */
#define CACHE_FAILING_MAX (256 * 1024 * 1024)
/* Above so much in all, clean data goes however young it is. */
#define CACHE_BYTES_MAX (128 * 1024 * 1024)
#define CACHE_PASSING_MAX (16 * 1024 * 1024)
/* What an entry takes besides its data, about: most blobs are smaller than that. */
#define CACHE_ENTRY_COST 200

enum entry_state {
    ENTRY_LOADING,
    ENTRY_CLEAN,
    ENTRY_DIRTY,
    ENTRY_STORING,
    ENTRY_FAILED,
};

struct entry {
    struct blobref ref;
    enum entry_state state;
    struct list link; /* among those of its state */
    struct blob *blob;
    bool passing; /* CLEAN, and on that list */
    double used;
    struct list waiters; /* the service's: who waits for the state to change */
};

struct cache {
    struct table entries;
    struct list clean; /* least recently used first */
    struct list passing; /* the same, of those that were loaded when it was full */
    struct list dirty; /* first in, first out */
    struct list busy;  /* LOADING or STORING */
    struct list failed;
    size_t limit;       /* CACHE_BYTES_MAX */
    size_t entry_cost;  /* CACHE_ENTRY_COST; counts for the limit alone */
    size_t passing_max; /* CACHE_PASSING_MAX */
    size_t bytes;       /* of all data */
    size_t passing_bytes;
    size_t dirty_bytes; /* DIRTY, STORING and FAILED */
    size_t ndirty;      /* entries: the same */
    size_t nclean;
    size_t nfailed;
    size_t nstoring;
    double now;
};

void cache_init (struct cache *c);

/* Waiters must be gone. */
void cache_fini (struct cache *c);

/* The entry, or NULL.  If it is clean, that counts as use. */
struct entry *cache_find (struct cache *c, const struct blobref *ref);

/* A new entry, LOADING.  NULL: no memory. */
struct entry *cache_add (struct cache *c, const struct blobref *ref);

/* LOADING: the data is in: CLEAN.  Takes a reference. */
void cache_loaded (struct cache *c, struct entry *e, struct blob *blob);

/* A store: any state but STORING becomes DIRTY.  Takes a reference if it needs
 * one.  The caller deals with the waiters of a LOADING entry.
 */
void cache_store (struct cache *c, struct entry *e, struct blob *blob);

/* The next to be written, or NULL; it is sent: DIRTY becomes STORING; it has not been,
 * in truth: the opposite.
 */
struct entry *cache_first_dirty (struct cache *c);
void cache_sending (struct cache *c, struct entry *e);
void cache_unsent (struct cache *c, struct entry *e);

/* How writing it ended: CLEAN or FAILED. */
void cache_stored (struct cache *c, struct entry *e, bool good);

/* All FAILED ones become DIRTY. */
void cache_retry (struct cache *c);

/* STORING ones become DIRTY: their answers will not come. */
void cache_requeue (struct cache *c);

/* Forget an entry, in any state. */
void cache_drop (struct cache *c, struct entry *e);

/* Drop clean entries while there is more than the limit in all. */
void cache_limit (struct cache *c);

/* Drop all clean entries; or, while there is more than target bytes in all,
 * those not used for more than min_age seconds.
 */
void cache_drop_clean (struct cache *c);
void cache_purge (struct cache *c, size_t target, double min_age);

#endif /* !CONTENT_CACHE_H */
