/* hold.h - what commits made and nobody stored: a KVS that writes behind.
 *
 * Purpose: a commit makes a new version of each directory on the way to what it
 * changed, and most versions are replaced before anybody could have wanted
 * them.  So new blobs are only named and kept here, as the directories they
 * are, in the cache; who asks content for one gets it from here
 * (kvs.held-load).  When a root is to be saved, what can be reached from it and
 * is not stored yet is sent to content (settle.h); the rest never is.
 *
 * A generation is what a namespace was given to hold from one settling to the
 * next.  It is open, or closed: a newer root has been settled, so what is still
 * held of it belongs to older roots alone.  Closed generations are what the log
 * of past roots (rootlog.h) lives on; they are dropped oldest first, and the
 * roots with them.
 *
 * Invariants
 *  - every object reachable from a current root was acknowledged by content, or
 *    is held, in a generation of that namespace that is not closed
 *  - of what a settling stored, everything below is stored: who goes through
 *    what is held need not look behind anything else
 *  - what a commit makes is its own until it is published (struct hold_set);
 *    if it fails, nobody has it
 *
 * Ownership: an object is held as long as some set or generation has it (has
 * its cache entry pinned) and it is not stored.
 * Bounds: see struct kvs_hold.
 */

#ifndef KVS_HOLD_H
#define KVS_HOLD_H

#include "cache.h"

struct ns;

/* Objects, each pinned. */
struct hold_set {
    struct cache_entry **v;
    size_t count, cap;
};

void hold_set_drop (struct cache *cache, struct hold_set *set);

struct hold_gen {
    struct list link; /* in ns->gens or ns->closed_gens, oldest first */
    struct list age;  /* in hold->open or hold->closed, oldest first */
    struct ns *ns;
    uint64_t number; /* counts generations */
    bool closed;
    int64_t seq;  /* closed: roots before it go with this generation */
    size_t own;   /* bytes that itself and its roots count for */
    size_t bytes; /* ... and what it holds */
    struct hold_set set;
};

struct hold {
    struct cache *cache;
    struct kvs_hold cfg;
    struct list open; /* generations of all namespaces */
    struct list closed;
    size_t open_bytes;
    size_t closed_bytes;
    uint64_t gens;
    uint64_t walks;
    int errnum;    /* why the last settling failed, or 0 ... */
    double failed; /* ... and when */
};

void hold_init (struct hold *hold, struct cache *cache);

/* New objects, for a commit.  Return 1 if it was known, else 0; -ENOMEM, or -EFBIG
 * if content would not take it.
 */
int hold_dir (struct hold *hold,
              struct hold_set *set,
              const struct blobref *ref,
              struct treeobj *dir,
              size_t size);
int hold_blob (struct hold *hold,
               struct hold_set *set,
               const struct blobref *ref,
               struct blob *blob);

/* What is held of ref and of all that can be reached from it. */
int hold_reach (struct hold *hold, struct hold_set *set, const struct blobref *ref);

/* The same, to be called after it: of what is to be kept (cache_entry.keep). */
int hold_reach_kept (struct hold *hold, struct hold_set *set, const struct ns *ns);

/* A commit is published: its set becomes part of its namespace's.  The first
 * call is what can fail, the second does not.
 */
int hold_reserve (struct hold *hold, struct ns *ns, const struct hold_set *set);
void hold_publish (struct hold *hold, struct ns *ns, struct hold_set *set);

/* A namespace takes part in what is held of ref: -ENOMEM. */
int hold_adopt (struct hold *hold, struct ns *ns, const struct blobref *ref);

/* Somebody was told that name: it will be stored, whatever becomes of the roots
 * it belongs to.  -ENOMEM.
 */
int hold_keep (struct hold *hold, struct ns *primary, const struct blobref *ref);

/* Settling: which generations are concerned; and those up to that are closed, as
 * the root with that sequence is stored.
 */
uint64_t hold_freeze (struct hold *hold, struct ns *ns);
void hold_close (struct hold *hold, struct ns *ns, uint64_t upto, int64_t seq);

/* Keep to the bound of what is closed, or to another. */
void hold_trim (struct hold *hold);
void hold_trim_to (struct hold *hold, size_t max);

/* Forget what a namespace holds; 'heir' (or NULL) gets what is to be kept. */
void hold_forget (struct hold *hold, struct ns *ns, struct ns *heir);

#endif /* !KVS_HOLD_H */
