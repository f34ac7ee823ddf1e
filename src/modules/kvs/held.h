/* held.h - large directories that grow at one place: named, but not stored.
 *
 * Purpose: a directory with a log of n blobs is some 50 n bytes of text.  To
 * store that anew for each append makes logs cost O(n^2), in hashing, copying
 * and disk.  Versions of such a directory differ in little: everything up to
 * the end of the old references is common.  So
 *
 *   - a version's name is computed from the hash state at that place, saved
 *     with the version before it, and what comes after;
 *   - its text is not stored but held: as the directory itself while it is the
 *     newest version, then as the length of what it has in common with the
 *     next one, and the rest (some hundred bytes);
 *   - who asks content for its blob gets it from here (held_load ());
 *   - before a checkpoint of a root, the newest versions are stored in full
 *     (held_next ()), and so is a version that a client puts into some other
 *     place by its name.
 *
 * A lineage is the versions of one directory in one place of one namespace,
 * each made from the one before.
 *
 * Invariants
 *  - every directory reachable from a current root is in content or held
 *  - every directory reachable from a root of the primary namespace that is
 *    being checkpointed is in content (the caller stores what held_next ()
 *    tells, and waits)
 *
 * Bounds: HELD_MAX versions that are no longer current; the oldest are
 * forgotten, as garbage collection would forget them.  Those of a namespace go
 * with it.
 */

#ifndef KVS_HELD_H
#define KVS_HELD_H

#include "cache.h"
#include "common/blobhash.h"

#define HELD_MAX 200000

/* What a held directory counts for in the cache: its text is nowhere. */
#define HELD_CACHE_SIZE 8192

struct ns;
struct lineage;

struct held {
    struct table versions;  /* by name: those whose text is not stored */
    struct list lineages;   /* all that have a newest version held */
    struct list superseded; /* struct version, oldest first */
    size_t nsuperseded;
    size_t min; /* bytes: smaller directories are stored as ever; 0: all are */
    struct cache *cache;
};

void held_init (struct held *held, struct cache *cache, size_t min);
void held_fini (struct held *held);

/* Is this text held? */
bool held_has (const struct held *held, const struct blobref *ref);

/* Write it: 0, -ENOENT or -ENOMEM. */
int held_load (struct held *held, const struct blobref *ref, struct text *out);

/* Iterate over the newest versions held for a namespace: start with *pos NULL,
 * false at the end.
 */
bool held_next (struct held *held,
                const char *ns,
                struct list **pos,
                struct blobref *ref,
                struct treeobj **dir);

/* It has been stored: it need not be held. */
void held_stored (struct held *held, const struct blobref *ref);

/* Forget what a namespace holds. */
void held_forget (struct held *held, struct ns *ns);

/* ---- making versions ---- */

/* A new version, from sealing to publishing. */
struct held_version {
    struct list link; /* the maker's */
    struct treeobj *base;
    struct treeobj *dir;
    struct blobref ref;
    size_t common;                /* with base */
    bool hold;                    /* else its text is stored */
    struct blobhash_state *state; /* at the end of what is common */
    /* made by held_prepare () */
    struct held *held;
    struct ns *ns;
    struct lineage *lineage;
    struct version *next; /* for dir */
    char *rest;           /* of base */
    size_t restlen;
};

/* Name a version of base without its full text, if that is possible and worth
 * it.  Returns 1 and a version that can be held, 0 if the full text is needed;
 * -ENOMEM.
 */
int held_name (struct held *held,
               struct blobhash *hash,
               struct treeobj *base,
               struct treeobj *dir,
               struct held_version **ret);

/* The same from the full text, so that later ones can be named without. */
int held_name_full (struct held *held,
                    struct blobhash *hash,
                    struct treeobj *base,
                    struct treeobj *dir,
                    const char *text,
                    size_t len,
                    struct held_version **ret);

void held_version_free (struct held_version *v);

/* Publish in two steps: what can fail, and what cannot. */
int held_prepare (struct held *held, struct ns *ns, struct held_version *v);
void held_publish (struct held *held, struct held_version *v);

#endif /* !KVS_HELD_H */
