#include "config.h"
#include <errno.h>

#include "worktree_impl.h"

/* ---- life ---- */

void worktree_init (struct worktree *t,
                    struct hold *hold,
                    struct blobhash *hash,
                    struct text *scratch,
                    const char *ns)
{
    *t = (struct worktree){
        .cache = hold->cache,
        .hold = hold,
        .hash = hash,
        .scratch = scratch,
        .ns = ns,
    };
    list_init (&t->stores);
}

void worktree_fini (struct worktree *t)
{
    struct wstore *s;

    while ((s = list_first (&t->stores, struct wstore, link)))
        wstore_free (s);
    hold_set_drop (t->cache, &t->set);
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
    t->base = *root;
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
    _cleanup_ (treeobj_putp)
    struct treeobj *empty = NULL;
    int r;

    if (t->new_dirs == NEW_DIRS_MAX)
        return -EFBIG;
    if ((r = treeobj_dir_new (&empty)) < 0)
        return r;
    t->new_dirs++;
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

    if (wnode_must_store (o) && (r = wnode_remember (t->at, t->path, t->pathlen)) < 0)
        return r;
    if ((r = treeobj_dir_set (&t->at->dir, t->path, t->pathlen, o)) < 0)
        return r;
    if (kid)
        wnode_free (kid);
    return 0;
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
    if ((r = worktree_store_val (t, dirent, &ref)) < 0)
        return r;
    return treeobj_valref_append (old, &ref, 1, ret);
}

static int
append_to (struct worktree *t, struct treeobj *entry, const struct treeobj *dirent)
{
    _cleanup_ (treeobj_putp)
    struct treeobj *old = NULL;
    _cleanup_ (treeobj_putp)
    struct treeobj *new = NULL;
    int r;

    switch (treeobj_type (entry)) {
        case TREEOBJ_DIR:
        case TREEOBJ_DIRREF:
            return -EISDIR;
        case TREEOBJ_SYMLINK:
            return -EOPNOTSUPP;
        case TREEOBJ_VAL:
            if ((r = worktree_val_to_valref (t, entry, &old)) < 0)
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

/* References that a client gives may be to what is held, for other namespaces or
 * past roots: now it is needed here, too.  That of the root itself is.
 */
static int take_referenced (struct worktree *t, const struct treeobj *o)
{
    struct treeobj_iter it = { 0 };
    struct blobref ref;
    struct treeobj *entry;
    const char *name;
    size_t len, pos = 0;
    int r;

    if (treeobj_type (o) == TREEOBJ_DIR) {
        while (treeobj_dir_next (o, &it, &name, &len, &entry)) {
            if ((r = take_referenced (t, entry)) < 0)
                return r;
        }
    }
    if (treeobj_type (o) != TREEOBJ_VALREF && treeobj_type (o) != TREEOBJ_DIRREF)
        return 0;
    while (treeobj_ref_next (o, &pos, &ref)) {
        if (!blobref_equal (&ref, &t->base)
            && (r = hold_reach (t->hold, &t->set, &ref)) < 0)
            return r;
    }
    return 0;
}

static int finish_op (struct worktree *t, const struct kvs_operation *op)
{
    int r;

    if (!op->dirent)
        return unlink_entry (t);
    if (t->cache->held > 0 && (r = take_referenced (t, op->dirent)) < 0)
        return r;
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
