/* worktree.h - the private copy of a root that a transaction works on.
 *
 * Purpose: apply operations one by one to a tree of which only the touched
 * directories are in hand, then turn the result into blobs, bottom up.
 *
 * A worktree holds one node per directory that was traversed; a node's entries
 * are a tree object shared with the cache until the first change.  Where a
 * node exists it stands for the entry of that name in its parent.
 *
 * Every function that may miss a blob can return -EAGAIN: the waiter will be
 * woken, and the same call goes on where it stopped.
 *
 * Invariant: nothing outside changes, whatever happens; a worktree that is
 * thrown away leaves no trace.  Stores are only made by worktree_finish ().
 * What clients name by reference and is held elsewhere goes into the set.
 * Bound: the traversed part of the tree; NEW_DIRS_MAX directories that were not there
 * before (-EFBIG); LINKS_MAX symlinks in one operation (-ELOOP).
 */

#ifndef KVS_WORKTREE_H
#define KVS_WORKTREE_H

#include "cache.h"
#include "common/blobhash.h"
#include "hold.h"
#include "naming.h"
#include "ops.h"

#define LINKS_MAX 256
#define NEW_DIRS_MAX 262144 /* each costs 1 KiB, and two bytes of a key make one */

struct wnode;

/* A blob that the result needs, and that is not held. */
struct wstore {
    struct kvs_store store;
    struct list link;    /* in the worktree's stores */
    struct treeobj *dir; /* what it encodes; NULL: a value */
};

struct worktree {
    struct cache *cache;
    struct blobhash *hash;
    const char *ns; /* links that name it are plain links */
    struct wnode *root;
    struct blobref base; /* the root that was opened */
    struct hold *hold;   /* where what is made will be held, and ... */
    struct hold_set set; /* ... what the result needs of it so far */
    struct text *scratch;
    struct list stores;
    size_t known; /* of all that it needs, what was in the cache before */
    size_t new_dirs;
    /* The operation under way. */
    bool walking;
    struct wnode *at;
    const char *path; /* what remains of its key */
    size_t pathlen;
    char *linkpath; /* holds path, once a link was followed */
    int links;
    /* Where finishing goes on. */
    struct wnode *sealing;
};

void wstore_free (struct wstore *s);

void worktree_init (struct worktree *t,
                    struct hold *hold,
                    struct blobhash *hash,
                    struct text *scratch,
                    const char *ns);
void worktree_fini (struct worktree *t);

/* Get hold of the root directory. */
int worktree_open (struct worktree *t, const struct blobref *root, struct waiter *w);

/* Apply an operation, or go on with it. */
int worktree_apply (struct worktree *t, const struct kvs_operation *op, struct waiter *w);

/* Make blobs of all that changed, at most *budget directories.  Returns 1 if
 * there is more to do, 0 when the name of the new root is in *root.
 */
int worktree_finish (struct worktree *t, int *budget, struct blobref *root);

#endif /* !KVS_WORKTREE_H */
