/* seal.c - a worktree becomes blobs, bottom up. */

#include "config.h"
#include <errno.h>

#include "worktree_impl.h"

/* ---- stores ---- */

void wstore_free (struct wstore *s)
{
    list_del (&s->store.action.link);
    list_del (&s->link);
    blob_put (s->store.blob);
    treeobj_put (s->dir);
    free (s);
}

/* It need not be stored.  r: was it known? */
static int add_held (struct worktree *t, int r)
{
    if (r > 0)
        t->known++;
    return r < 0 ? r : 0;
}

/* Takes over blob. */
static int add_store (struct worktree *t,
                      struct blob *blob,
                      struct treeobj *dir,
                      const struct blobref *ref)
{
    struct wstore *s = calloc (1, sizeof (*s));

    if (!s) {
        blob_put (blob);
        return -ENOMEM;
    }
    list_init (&s->store.action.link);
    list_init (&s->link);
    s->store.action.type = KVS_ACTION_STORE;
    s->store.ref = *ref;
    s->store.blob = blob;
    s->dir = treeobj_get (dir);
    list_append (&t->stores, &s->link);
    t->known += cache_has (t->cache, ref);
    return 0;
}

/* The data of a val as a blob. */
int worktree_store_val (struct worktree *t,
                        const struct treeobj *val,
                        struct blobref *ref)
{
    struct blob *blob;
    void *data;
    size_t len;
    int r;

    if ((r = treeobj_val_decode (val, &data, &len)) < 0)
        return r;
    blobhash_sum (t->hash, data, len, ref);
    if (!(blob = blob_new_malloced (data, len)))
        return -ENOMEM;
    if (!t->hold->cfg.on || len > t->hold->cfg.blob_max)
        return add_store (t, blob, NULL, ref);
    r = add_held (t, hold_blob (t->hold, &t->set, ref, blob));
    blob_put (blob);
    return r;
}

/* A val becomes a valref of its data. */
int worktree_val_to_valref (struct worktree *t,
                            const struct treeobj *val,
                            struct treeobj **ret)
{
    struct blobref ref;
    int r;

    if ((r = worktree_store_val (t, val, &ref)) < 0)
        return r;
    return treeobj_valref_new (&ref, 1, ret);
}

/* ---- blobs ---- */

/* A directory, which was base before (or is base).  If it will be held it is only
 * named: its text can be written at any time.
 */
static int store_dir (struct worktree *t,
                      struct treeobj *base,
                      struct treeobj *dir,
                      struct blobref *ref)
{
    struct blob *blob;
    size_t size;
    int r;

    if (t->hold->cfg.on) {
        if ((r = naming_version (t->hash, base, dir, t->scratch, ref, &size)) < 0)
            return r;
        return add_held (t, hold_dir (t->hold, &t->set, ref, dir, size));
    }
    text_clear (t->scratch);
    treeobj_write (dir, t->scratch);
    if (text_error (t->scratch)
        || !(blob = blob_new_copy (t->scratch->buf, t->scratch->len)))
        return -ENOMEM;
    blobhash_sum (t->hash, blob->data, blob->len, ref);
    return add_store (t, blob, dir, ref);
}

static int unroll_dir (struct worktree *t, struct treeobj **dir, struct blobref *ref);

/* What stands for a value or directory that is too much to be kept inline. */
static int unroll (struct worktree *t, const struct treeobj *o, struct treeobj **ret)
{
    _cleanup_ (treeobj_putp)
    struct treeobj *dir = NULL;
    struct blobref ref;
    int r;

    if (treeobj_type (o) == TREEOBJ_VAL)
        return worktree_val_to_valref (t, o, ret);
    dir = treeobj_get (o);
    if ((r = unroll_dir (t, &dir, &ref)) < 0)
        return r;
    return treeobj_dirref_new (&ref, ret);
}

/* A directory that came inline, with all that is in it.  As deep as the parser
 * allows.
 */
static int unroll_dir (struct worktree *t, struct treeobj **dir, struct blobref *ref)
{
    _cleanup_ (treeobj_putp)
    struct treeobj *given = treeobj_get (*dir);
    struct treeobj_iter it = { 0 };
    const char *name;
    struct treeobj *o;
    size_t len;

    while (treeobj_dir_next (given, &it, &name, &len, &o)) {
        _cleanup_ (treeobj_putp)
        struct treeobj *stored = NULL;
        int r;

        if (!wnode_must_store (o))
            continue;
        if ((r = unroll (t, o, &stored)) < 0
            || (r = treeobj_dir_set (dir, name, len, stored)) < 0)
            return r;
    }
    return store_dir (t, *dir, *dir, ref);
}

static int unroll_entry (struct worktree *t, struct wnode *n, const struct wname *u)
{
    _cleanup_ (treeobj_putp)
    struct treeobj *stored = NULL;
    struct treeobj *o = treeobj_dir_find (n->dir, u->name, u->len);
    int r;

    if (!o || !wnode_must_store (o))
        return 0; /* replaced since */
    if ((r = unroll (t, o, &stored)) < 0)
        return r;
    return treeobj_dir_set (&n->dir, u->name, u->len, stored);
}

/* A node without kids becomes a blob, unless it is one already. */
static int seal (struct worktree *t, struct wnode *n, struct blobref *ref)
{
    struct wname *u;
    int r;

    while ((u = list_first (&n->unstored, struct wname, link))) {
        if ((r = unroll_entry (t, n, u)) < 0)
            return r;
        list_del (&u->link);
        free (u);
    }
    if (treeobj_dir_ref (n->dir)) {
        *ref = *treeobj_dir_ref (n->dir);
        return 0;
    }
    return store_dir (t, n->base, n->dir, ref);
}

/* The sealed kid's reference takes its place in the parent. */
static int replace_by_ref (struct wnode *n, const struct blobref *ref)
{
    _cleanup_ (treeobj_putp)
    struct treeobj *dirref = NULL;
    struct treeobj *o = treeobj_dir_find (n->parent->dir, n->name, n->len);
    struct blobref old;
    int r;

    if (o && treeobj_type (o) == TREEOBJ_DIRREF && treeobj_ref_count (o) == 1
        && treeobj_ref_at (o, 0, &old) == 0 && blobref_equal (&old, ref))
        return 0;
    if ((r = treeobj_dirref_new (ref, &dirref)) < 0)
        return r;
    return treeobj_dir_set (&n->parent->dir, n->name, n->len, dirref);
}

int worktree_finish (struct worktree *t, int *budget, struct blobref *root)
{
    struct wnode *n = t->sealing ? t->sealing : t->root;
    struct blobref ref;
    int r;

    while ((*budget)-- > 0) {
        struct wnode *parent;

        while (!list_empty (&n->kids))
            n = list_first (&n->kids, struct wnode, link);
        if ((r = seal (t, n, &ref)) < 0)
            return r;
        if (!(parent = n->parent)) {
            *root = ref;
            return 0;
        }
        if ((r = replace_by_ref (n, &ref)) < 0)
            return r;
        wnode_free_one (n);
        t->sealing = n = parent;
    }
    return 1;
}
