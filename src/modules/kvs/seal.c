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

/* Takes over data, which is from malloc (). */
static struct wstore *
wstore_new (char *data, size_t len, struct treeobj *dir, const struct blobref *ref)
{
    struct wstore *s = calloc (1, sizeof (*s));

    if (!s) {
        free (data);
        return NULL;
    }
    list_init (&s->store.action.link);
    list_init (&s->link);
    s->store.action.type = KVS_ACTION_STORE;
    s->store.ref = *ref;
    if (!(s->store.blob = blob_new_malloced (data, len))) {
        free (s);
        return NULL;
    }
    s->dir = treeobj_get (dir);
    return s;
}

int wstore_new_held (struct held *held, const struct blobref *ref, struct wstore **ret)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    char *data;
    size_t len;
    int r;

    if ((r = held_load (held, ref, &t)) < 0)
        return r;
    if (!(data = text_take (&t, &len)) || !(*ret = wstore_new (data, len, NULL, ref)))
        return -ENOMEM;
    return 0;
}

/* The same for the stores of a worktree. */
static int add_named_store (struct worktree *t,
                            char *data,
                            size_t len,
                            struct treeobj *dir,
                            const struct blobref *ref)
{
    struct wstore *s = wstore_new (data, len, dir, ref);

    if (!s)
        return -ENOMEM;
    s->known = cache_has (t->cache, ref);
    list_append (&t->stores, &s->link);
    return 0;
}

static int add_store (struct worktree *t,
                      char *data,
                      size_t len,
                      struct treeobj *dir,
                      struct blobref *ref)
{
    blobhash_sum (t->hash, data, len, ref);
    return add_named_store (t, data, len, dir, ref);
}

/* The data of a val as a blob. */
int worktree_store_val (struct worktree *t,
                        const struct treeobj *val,
                        struct blobref *ref)
{
    void *data;
    size_t len;
    int r;

    if ((r = treeobj_val_decode (val, &data, &len)) < 0)
        return r;
    return add_store (t, data, len, NULL, ref);
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

static int store_dir (struct worktree *t, struct treeobj *dir, struct blobref *ref)
{
    _cleanup_ (text_fini) struct text text = TEXT_INIT;
    char *data;
    size_t len;

    treeobj_write (dir, &text);
    if (!(data = text_take (&text, &len)))
        return -ENOMEM;
    return add_store (t, data, len, dir, ref);
}

static int unroll_dir (struct worktree *t, struct treeobj **dir, struct blobref *ref);

/* What stands for a value or directory that is too much to be kept inline. */
static int unroll (struct worktree *t, const struct treeobj *o, struct treeobj **ret)
{
    _cleanup_ (treeobj_putp) struct treeobj *dir = NULL;
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
    _cleanup_ (treeobj_putp) struct treeobj *given = treeobj_get (*dir);
    struct treeobj_iter it = { 0 };
    const char *name;
    struct treeobj *o;
    size_t len;

    while (treeobj_dir_next (given, &it, &name, &len, &o)) {
        _cleanup_ (treeobj_putp) struct treeobj *stored = NULL;
        int r;

        if (!wnode_must_store (o))
            continue;
        if ((r = unroll (t, o, &stored)) < 0
            || (r = treeobj_dir_set (dir, name, len, stored)) < 0)
            return r;
    }
    return store_dir (t, *dir, ref);
}

static int unroll_entry (struct worktree *t, struct wnode *n, const struct wname *u)
{
    _cleanup_ (treeobj_putp) struct treeobj *stored = NULL;
    struct treeobj *o = treeobj_dir_find (n->dir, u->name, u->len);
    int r;

    if (!o || !wnode_must_store (o))
        return 0; /* replaced since */
    if ((r = unroll (t, o, &stored)) < 0)
        return r;
    return treeobj_dir_set (&n->dir, u->name, u->len, stored);
}

/* The same name twice at once is too rare to be worth the trouble. */
static bool name_is_new (const struct worktree *t, const struct blobref *ref)
{
    struct held_version *v;

    if (held_has (t->held, ref))
        return false;
    list_foreach (&t->named, v, link) {
        if (blobref_equal (&v->ref, ref))
            return false;
    }
    return true;
}

/* It is named; store its text, too. */
static int store_named (struct worktree *t, struct held_version *v, struct text *text)
{
    char *data;
    size_t len;

    if (!(data = text_take (text, &len)))
        return -ENOMEM;
    return add_named_store (t, data, len, v->dir, &v->ref);
}

/* A large directory, which may be one that grows for long. */
static int seal_large (struct worktree *t, struct wnode *n, struct blobref *ref)
{
    _cleanup_ (text_fini) struct text text = TEXT_INIT;
    struct held_version *v = NULL;
    char *data;
    size_t len;
    int r;

    if ((r = held_name (t->held, t->hash, n->base, n->dir, &v)) < 0)
        return r;
    if (v && (!t->may_hold || !name_is_new (t, &v->ref)))
        v->hold = false;
    if (!v || !v->hold)
        treeobj_write (n->dir, &text);
    if ((r = text_error (&text)) == 0 && !v) {
        if ((r = held_name_full (t->held, t->hash, n->base, n->dir, text.buf, text.len,
                                 &v))
            < 0)
            return r;
        if (!v) { /* it does not grow at one place */
            if (!(data = text_take (&text, &len)))
                return -ENOMEM;
            return add_store (t, data, len, n->dir, ref);
        }
    }
    if (r < 0 || (!v->hold && (r = store_named (t, v, &text)) < 0)) {
        held_version_free (v);
        return r;
    }
    list_append (&t->named, &v->link);
    *ref = v->ref;
    return 0;
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
    if (t->held && t->held->min > 0 && treeobj_size (n->dir) >= t->held->min)
        return seal_large (t, n, ref);
    return store_dir (t, n->dir, ref);
}

/* The sealed kid's reference takes its place in the parent. */
static int replace_by_ref (struct wnode *n, const struct blobref *ref)
{
    _cleanup_ (treeobj_putp) struct treeobj *dirref = NULL;
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
