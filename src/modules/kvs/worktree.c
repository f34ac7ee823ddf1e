#include "config.h"
#include <errno.h>

#include "worktree.h"

/* An entry, put by this transaction, that must become a reference. */
struct wname {
    struct list link;
    size_t len;
    char name[];
};

struct wnode {
    struct wnode *parent;
    struct list link; /* in the parent's kids */
    struct list kids;
    struct table kid_by_name;
    struct treeobj *dir;
    struct list unstored; /* struct wname */
    size_t len;
    char name[];
};

/* ---- nodes ---- */

static bool must_be_stored (const struct treeobj *o)
{
    size_t len;

    if (treeobj_type (o) == TREEOBJ_DIR)
        return true;
    if (treeobj_type (o) != TREEOBJ_VAL)
        return false;
    treeobj_val_base64 (o, &len);
    return len > TREEOBJ_INLINE_MAX;
}

static int remember_unstored (struct wnode *n, const char *name, size_t len)
{
    struct wname *u = malloc (sizeof (*u) + len);

    if (!u)
        return -ENOMEM;
    u->len = len;
    memcpy (u->name, name, len);
    list_append (&n->unstored, &u->link);
    return 0;
}

/* A directory that came inline, or from outside, may hold anything; one that
 * was stored by a transaction here does not.
 */
static int find_unstored (struct wnode *n)
{
    struct treeobj_iter it = { 0 };
    const char *name;
    struct treeobj *o;
    size_t len;
    int r;

    if (treeobj_dir_ref (n->dir))
        return 0;
    while (treeobj_dir_next (n->dir, &it, &name, &len, &o)) {
        if (must_be_stored (o) && (r = remember_unstored (n, name, len)) < 0)
            return r;
    }
    return 0;
}

static void wnode_free_one (struct wnode *n)
{
    struct wname *u;

    if (n->parent) {
        table_del (&n->parent->kid_by_name, n->name, n->len);
        list_del (&n->link);
    }
    while ((u = list_first (&n->unstored, struct wname, link))) {
        list_del (&u->link);
        free (u);
    }
    table_fini (&n->kid_by_name);
    treeobj_put (n->dir);
    free (n);
}

static struct wnode *
wnode_new (struct wnode *parent, const char *name, size_t len, const struct treeobj *dir)
{
    struct wnode *n = malloc (sizeof (*n) + len + 1);

    if (!n)
        return NULL;
    n->parent = parent;
    list_init (&n->link);
    list_init (&n->kids);
    table_init (&n->kid_by_name);
    list_init (&n->unstored);
    n->len = len;
    memcpy (n->name, name, len);
    n->name[len] = '\0';
    if (parent) {
        if (table_put (&parent->kid_by_name, n->name, len, n) < 0) {
            free (n);
            return NULL;
        }
        list_append (&parent->kids, &n->link);
    }
    n->dir = treeobj_get (dir);
    if (find_unstored (n) < 0) {
        wnode_free_one (n);
        return NULL;
    }
    return n;
}

/* Not recursive: paths may be long. */
static void wnode_free (struct wnode *top)
{
    struct wnode *n = top;

    while (n) {
        struct wnode *kid = list_first (&n->kids, struct wnode, link);
        struct wnode *parent = n->parent;

        if (kid) {
            n = kid;
            continue;
        }
        wnode_free_one (n);
        if (n == top)
            return;
        n = parent;
    }
}

static struct wnode *wnode_kid (const struct wnode *n, const char *name, size_t len)
{
    return table_get (&n->kid_by_name, name, len);
}

/* ---- stores ---- */

static void wstore_free (struct wstore *s)
{
    list_del (&s->store.action.link);
    list_del (&s->link);
    blob_put (s->store.blob);
    treeobj_put (s->dir);
    free (s);
}

/* Takes over data, which is from malloc (). */
static int add_store (struct worktree *t,
                      char *data,
                      size_t len,
                      struct treeobj *dir,
                      struct blobref *ref)
{
    struct wstore *s = calloc (1, sizeof (*s));

    if (!s) {
        free (data);
        return -ENOMEM;
    }
    list_init (&s->store.action.link);
    list_init (&s->link);
    s->store.action.type = KVS_ACTION_STORE;
    blobhash_sum (t->hash, data, len, ref);
    s->store.ref = *ref;
    if (!(s->store.blob = blob_new_malloced (data, len))) {
        free (s);
        return -ENOMEM;
    }
    s->dir = treeobj_get (dir);
    s->known = cache_has (t->cache, ref);
    list_append (&t->stores, &s->link);
    return 0;
}

/* The data of a val as a blob. */
static int store_val (struct worktree *t, const struct treeobj *val, struct blobref *ref)
{
    void *data;
    size_t len;
    int r;

    if ((r = treeobj_val_decode (val, &data, &len)) < 0)
        return r;
    return add_store (t, data, len, NULL, ref);
}

/* ---- life ---- */

void worktree_init (struct worktree *t,
                    struct cache *cache,
                    struct blobhash *hash,
                    const char *ns)
{
    *t = (struct worktree){ .cache = cache, .hash = hash, .ns = ns };
    list_init (&t->stores);
}

void worktree_fini (struct worktree *t)
{
    struct wstore *s;

    while ((s = list_first (&t->stores, struct wstore, link)))
        wstore_free (s);
    if (t->root)
        wnode_free (t->root);
    t->root = NULL;
    free_keep_errno (t->linkpath);
    t->linkpath = NULL;
}

/* ---- walking ---- */

/* The directory that a reference stands for.  What is wrong with it depends on
 * whether it is the last one on the way.
 */
static int resolve (struct worktree *t,
                    const struct blobref *ref,
                    bool last,
                    struct waiter *w,
                    struct treeobj **dir)
{
    int r = cache_dir (t->cache, ref, w, dir);

    if (r == -EPROTO || (r == -EINVAL && !last))
        return -ENOTRECOVERABLE;
    return r;
}

int worktree_open (struct worktree *t, const struct blobref *root, struct waiter *w)
{
    struct treeobj *dir;
    int r;

    if ((r = resolve (t, root, true, w, &dir)) < 0)
        return r;
    if (!(t->root = wnode_new (NULL, "", 0, dir)))
        return -ENOMEM;
    return 0;
}

static size_t component (const struct worktree *t)
{
    const char *dot = memchr (t->path, '.', t->pathlen);

    return dot ? (size_t)(dot - t->path) : t->pathlen;
}

/* Step over a component and its dot. */
static void advance (struct worktree *t, size_t len)
{
    t->path += len + 1;
    t->pathlen -= len + 1;
}

static int descend (struct worktree *t, size_t len, const struct treeobj *dir)
{
    struct wnode *kid = wnode_new (t->at, t->path, len, dir);

    if (!kid)
        return -ENOMEM;
    t->at = kid;
    advance (t, len);
    return 0;
}

static int descend_new (struct worktree *t, size_t len)
{
    _cleanup_ (treeobj_putp) struct treeobj *empty = NULL;
    int r;

    if ((r = treeobj_dir_new (&empty)) < 0)
        return r;
    return descend (t, len, empty);
}

static int
descend_ref (struct worktree *t, size_t len, struct treeobj *entry, struct waiter *w)
{
    bool last = !memchr (t->path + len + 1, '.', t->pathlen - len - 1);
    struct treeobj *dir;
    struct blobref ref;
    int r;

    if (treeobj_ref_count (entry) != 1)
        return -ENOTRECOVERABLE;
    treeobj_ref_at (entry, 0, &ref);
    if ((r = resolve (t, &ref, last, w, &dir)) < 0)
        return r;
    return descend (t, len, dir);
}

/* A link in the way: start again at the root with its target and what remains
 * behind it.
 */
static int follow (struct worktree *t, size_t len, const struct treeobj *link)
{
    const char *ns = treeobj_symlink_namespace (link);
    const char *target = treeobj_symlink_target (link);
    size_t tlen = strlen (target);
    size_t rest = t->pathlen - len; /* begins with the dot */
    char *path;

    if (ns && strcmp (ns, t->ns) != 0)
        return -EINVAL;
    if (++t->links > LINKS_MAX)
        return -ELOOP;
    if (!(path = malloc (tlen + rest + 1)))
        return -ENOMEM;
    memcpy (path, target, tlen);
    memcpy (path + tlen, t->path + len, rest);
    t->pathlen = kvs_key_normalize (path, tlen + rest, path);
    free (t->linkpath);
    t->linkpath = path;
    t->path = path;
    t->at = t->root;
    return t->pathlen == 1 && path[0] == '.' ? -EINVAL : 0;
}

/* One intermediate component.  Returns 1 if the operation is without effect. */
static int
step (struct worktree *t, const struct kvs_operation *op, size_t len, struct waiter *w)
{
    struct wnode *kid = wnode_kid (t->at, t->path, len);
    struct treeobj *entry;

    if (kid) {
        t->at = kid;
        advance (t, len);
        return 0;
    }
    if (!(entry = treeobj_dir_find (t->at->dir, t->path, len)))
        return op->dirent ? descend_new (t, len) : 1;
    switch (treeobj_type (entry)) {
        case TREEOBJ_VAL:
        case TREEOBJ_VALREF:
            return op->dirent ? descend_new (t, len) : 1;
        case TREEOBJ_DIR:
            return descend (t, len, entry);
        case TREEOBJ_DIRREF:
            return descend_ref (t, len, entry, w);
        case TREEOBJ_SYMLINK:
            return follow (t, len, entry);
    }
    never ("a tree object of no known type");
}

/* ---- the final component ---- */

static int unlink_entry (struct worktree *t)
{
    struct wnode *kid = wnode_kid (t->at, t->path, t->pathlen);
    int r = treeobj_dir_del (&t->at->dir, t->path, t->pathlen);

    if (r < 0 && r != -ENOENT)
        return r;
    if (kid)
        wnode_free (kid);
    return 0;
}

static int set_entry (struct worktree *t, struct treeobj *o)
{
    struct wnode *kid = wnode_kid (t->at, t->path, t->pathlen);
    int r;

    if (must_be_stored (o) && (r = remember_unstored (t->at, t->path, t->pathlen)) < 0)
        return r;
    if ((r = treeobj_dir_set (&t->at->dir, t->path, t->pathlen, o)) < 0)
        return r;
    if (kid)
        wnode_free (kid);
    return 0;
}

/* A val becomes a valref of its data. */
static int
val_to_valref (struct worktree *t, const struct treeobj *val, struct treeobj **ret)
{
    struct blobref ref;
    int r;

    if ((r = store_val (t, val, &ref)) < 0)
        return r;
    return treeobj_valref_new (&ref, 1, ret);
}

/* The references behind those of 'old': of the blob a val makes, or of a valref. */
static int extend (struct worktree *t,
                   const struct treeobj *old,
                   const struct treeobj *dirent,
                   struct treeobj **ret)
{
    struct blobref ref;
    int r;

    if (treeobj_type (dirent) == TREEOBJ_VALREF)
        return treeobj_valref_concat (old, dirent, ret);
    if ((r = store_val (t, dirent, &ref)) < 0)
        return r;
    return treeobj_valref_append (old, &ref, 1, ret);
}

static int
append_to (struct worktree *t, struct treeobj *entry, const struct treeobj *dirent)
{
    _cleanup_ (treeobj_putp) struct treeobj *old = NULL;
    _cleanup_ (treeobj_putp) struct treeobj *new = NULL;
    int r;

    switch (treeobj_type (entry)) {
        case TREEOBJ_DIR:
        case TREEOBJ_DIRREF:
            return -EISDIR;
        case TREEOBJ_SYMLINK:
            return -EOPNOTSUPP;
        case TREEOBJ_VAL:
            if ((r = val_to_valref (t, entry, &old)) < 0)
                return r;
            break;
        case TREEOBJ_VALREF:
            old = treeobj_get (entry);
            break;
    }
    if ((r = extend (t, old, dirent, &new)) < 0)
        return r;
    return set_entry (t, new);
}

static bool may_append (const struct kvs_operation *op)
{
    int type = treeobj_type (op->dirent);

    return type == TREEOBJ_VAL || (type == TREEOBJ_VALREF && (op->flags & KVS_OP_BYREF));
}

static int append_entry (struct worktree *t, const struct kvs_operation *op)
{
    struct treeobj *entry;

    if (!may_append (op))
        return -EPROTO;
    if (wnode_kid (t->at, t->path, t->pathlen))
        return -EISDIR;
    if (!(entry = treeobj_dir_find (t->at->dir, t->path, t->pathlen)))
        return set_entry (t, op->dirent);
    return append_to (t, entry, op->dirent);
}

static int finish_op (struct worktree *t, const struct kvs_operation *op)
{
    if (!op->dirent)
        return unlink_entry (t);
    if (op->flags & KVS_OP_APPEND)
        return append_entry (t, op);
    return set_entry (t, op->dirent);
}

int worktree_apply (struct worktree *t, const struct kvs_operation *op, struct waiter *w)
{
    size_t len;
    int r;

    if (!t->walking) {
        if (op->error)
            return op->error;
        if (op->keylen == 1 && op->key[0] == '.')
            return -EINVAL;
        t->walking = true;
        t->at = t->root;
        t->path = op->key;
        t->pathlen = op->keylen;
        t->links = 0;
    }
    while ((len = component (t)) < t->pathlen) {
        if ((r = step (t, op, len, w)) < 0)
            return r;
        if (r > 0) {
            t->walking = false;
            return 0;
        }
    }
    if ((r = finish_op (t, op)) < 0)
        return r;
    t->walking = false;
    return 0;
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
        return val_to_valref (t, o, ret);
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

        if (!must_be_stored (o))
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

    if (!o || !must_be_stored (o))
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
