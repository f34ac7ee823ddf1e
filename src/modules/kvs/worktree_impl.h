/* worktree_impl.h - what the files that implement worktree.h share. */

#ifndef KVS_WORKTREE_IMPL_H
#define KVS_WORKTREE_IMPL_H

#include "worktree.h"

/* An entry, put by this transaction, that must become a reference. */
struct wname {
    struct list link;
    size_t len;
    char name[];
};

#define KIDS_MANY 8

struct wnode {
    struct wnode *parent;
    struct list link; /* in the parent's kids */
    struct list kids;
    size_t nkids;
    struct table kid_by_name; /* used once there are KIDS_MANY of them */
    struct treeobj *dir;
    struct treeobj *base; /* what dir was at first */
    struct list unstored; /* struct wname */
    size_t len;
    char name[];
};

/* wnode.c */

/* A val that is too long to stay inline, or an inline directory? */
bool wnode_must_store (const struct treeobj *o);

/* Remember to look at an entry again when the node is sealed. */
int wnode_remember (struct wnode *n, const char *name, size_t len);

/* A node for dir, in the place of the parent's entry of that name. */
struct wnode *
wnode_new (struct wnode *parent, const char *name, size_t len, const struct treeobj *dir);
void wnode_free_one (struct wnode *n); /* has no kids */
void wnode_free (struct wnode *top);
struct wnode *wnode_kid (const struct wnode *n, const char *name, size_t len);

/* seal.c */

/* The data of a val as a blob; as a valref of that. */
int worktree_store_val (struct worktree *t,
                        const struct treeobj *val,
                        struct blobref *ref);
int worktree_val_to_valref (struct worktree *t,
                            const struct treeobj *val,
                            struct treeobj **ret);

#endif /* !KVS_WORKTREE_IMPL_H */
