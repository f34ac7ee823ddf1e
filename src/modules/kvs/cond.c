/* cond.c - the conditions of transactions, decided where they are applied.
 *
 * A condition is about the root its transaction finds: with others before it
 * in the same commit, about what those have made of it so far.  What is not
 * known before the commit is sealed (the name of a directory that was touched,
 * the sequence) is not guessed: the commit ends before that transaction, which
 * will be the first of the next one.
 *
 * A transaction whose condition is not met stays among the members of its
 * commit, refused, until that is published: if the commit fails, those before
 * it may, and then it may be met.
 */

#include "config.h"
#include <errno.h>

#include "commit.h"
#include "common/utf8.h"
#include "worktree_impl.h"

#define KEY_SHOWN 200 /* bytes of a key in a message */

enum {
    MET = 0,
    UNMET,
    UNSETTLED, /* not known yet */
};

/* ---- what a key stands for ---- */

/* Where looking up a key has come to: in a directory that the transactions so
 * far have traversed (node), or one that is as it was.
 */
struct place {
    const struct wnode *node; /* or NULL */
    const struct treeobj *dir;
    const char *path;
    size_t len;
    char *linkpath;
    int links;
};

/* What is found: nothing, a node or an entry. */
struct found {
    const struct wnode *node;
    struct treeobj *entry;
};

static int
follow (struct worktree *t, struct place *p, size_t len, const struct treeobj *o)
{
    const char *ns = treeobj_symlink_namespace (o);
    const char *target = treeobj_symlink_target (o);
    size_t tlen = strlen (target);
    size_t rest = p->len - len; /* begins with the dot */
    char *path;

    if (ns && strcmp (ns, t->ns) != 0)
        return -EINVAL;
    if (++p->links > LINKS_MAX)
        return -ELOOP;
    if (!(path = malloc (tlen + rest + 1)))
        return -ENOMEM;
    memcpy (path, target, tlen);
    memcpy (path + tlen, p->path + len, rest);
    p->len = kvs_key_normalize (path, tlen + rest, path);
    free (p->linkpath);
    p->path = p->linkpath = path;
    p->node = t->root;
    p->dir = t->root->dir;
    return 0;
}

static int
enter_ref (struct worktree *t, struct place *p, const struct treeobj *o, struct waiter *w)
{
    struct treeobj *dir;
    struct blobref ref;
    int r;

    if (treeobj_ref_count (o) != 1)
        return -ENOTRECOVERABLE;
    treeobj_ref_at (o, 0, &ref);
    if ((r = cache_dir (t->cache, &ref, w, &dir)) < 0)
        return r == -EPROTO || r == -EINVAL ? -ENOTRECOVERABLE : r;
    p->node = NULL;
    p->dir = dir;
    return 0;
}

/* One component that is not the last.  Returns 1 if there is nothing behind it. */
static int enter (struct worktree *t, struct place *p, size_t len, struct waiter *w)
{
    const struct wnode *kid = p->node ? wnode_kid (p->node, p->path, len) : NULL;
    struct treeobj *o = NULL;
    int r = 0;

    if (kid) {
        p->node = kid;
        p->dir = kid->dir;
    }
    else if (!(o = treeobj_dir_find (p->dir, p->path, len)))
        return 1;
    else if (treeobj_type (o) == TREEOBJ_SYMLINK)
        return follow (t, p, len, o);
    else if (treeobj_type (o) == TREEOBJ_DIRREF)
        r = enter_ref (t, p, o, w);
    else if (treeobj_type (o) == TREEOBJ_DIR) {
        p->node = NULL;
        p->dir = o;
    }
    else
        return 1;
    if (r == 0) {
        p->path += len + 1;
        p->len -= len + 1;
    }
    return r;
}

/* A last link is not followed, as in operations.  0, -EAGAIN or an error. */
static int find (struct worktree *t,
                 const struct kvs_operation *op,
                 struct waiter *w,
                 struct found *f)
{
    struct place p = { t->root, t->root->dir, op->key, op->keylen, NULL, 0 };
    const char *dot;
    int r = 0;

    *f = (struct found){ NULL, NULL };
    while (r == 0 && (dot = memchr (p.path, '.', p.len)) && p.len > 1)
        r = enter (t, &p, dot - p.path, w);
    if (r == 0 && p.len == 1 && p.path[0] == '.')
        f->node = t->root;
    else if (r == 0 && !(p.node && (f->node = wnode_kid (p.node, p.path, p.len))))
        f->entry = treeobj_dir_find (p.dir, p.path, p.len);
    free (p.linkpath);
    return r > 0 ? 0 : r;
}

/* ---- is it that object? ---- */

/* The reference that stands for a val that is too long to stay inline. */
static int val_ref (struct worktree *t, const struct treeobj *o, struct blobref *ref)
{
    void *data;
    size_t len;
    int r;

    if ((r = treeobj_val_decode (o, &data, &len)) < 0)
        return r;
    blobhash_sum (t->hash, data, len, ref);
    free (data);
    return 0;
}

/* Both as they are, or will be, stored. */
static int
same_object (struct worktree *t, const struct treeobj *a, const struct treeobj *b)
{
    const struct treeobj *pair[2] = { a, b };
    struct blobref ref[2];
    int r;

    if (treeobj_equal (a, b))
        return MET;
    for (int i = 0; i < 2; i++) {
        const struct treeobj *o = pair[i];

        if (treeobj_type (o) == TREEOBJ_VAL && wnode_must_store (o)) {
            if ((r = val_ref (t, o, &ref[i])) < 0)
                return r;
        }
        else if (treeobj_type (o) == TREEOBJ_VALREF && treeobj_ref_count (o) == 1)
            treeobj_ref_at (o, 0, &ref[i]);
        else
            return UNMET;
    }
    return blobref_equal (&ref[0], &ref[1]) ? MET : UNMET;
}

static bool root_is (const struct commit *c, const struct treeobj *o)
{
    struct blobref ref;

    return treeobj_type (o) == TREEOBJ_DIRREF && treeobj_ref_count (o) == 1
           && treeobj_ref_at (o, 0, &ref) == 0 && blobref_equal (&ref, &c->ns->root);
}

/* MET, UNMET, UNSETTLED or an error. */
static int
check_is (struct commit *c, const struct kvs_operation *op, const struct found *f)
{
    bool first = list_first (&c->txns, struct txn, link) == c->txn;

    if (!f->node && !f->entry)
        return UNMET;
    if (f->entry
        && (treeobj_type (f->entry) != TREEOBJ_DIR
            || treeobj_type (op->dirent) != TREEOBJ_DIRREF))
        return same_object (&c->tree, f->entry, op->dirent);
    if (treeobj_type (op->dirent) != TREEOBJ_DIRREF)
        return UNMET;
    if (!first)
        return UNSETTLED;
    return f->node && root_is (c, op->dirent) ? MET : UNMET;
}

static int check (struct commit *c, const struct kvs_operation *op)
{
    bool first = list_first (&c->txns, struct txn, link) == c->txn;
    struct found f;
    int r;

    if (op->cond == KVS_COND_SEQ)
        return !first ? UNSETTLED : op->seq == c->ns->seq ? MET : UNMET;
    if ((r = find (&c->tree, op, &c->waiter, &f)) < 0)
        return r;
    if (op->cond == KVS_COND_IS)
        return check_is (c, op, &f);
    return (f.node || f.entry) == (op->cond == KVS_COND_EXISTS) ? MET : UNMET;
}

/* ---- what becomes of the transaction ---- */

/* For the client to read; if there is no memory for it, it does without. */
static char *refusal_text (const struct commit *c, const struct kvs_operation *op)
{
    struct text t = TEXT_INIT;
    size_t len = op->keylen;

    text_puts (&t, "condition not met: ");
    if (op->cond == KVS_COND_SEQ) {
        text_printf (&t, "root sequence is %jd, not %jd", (intmax_t)c->ns->seq,
                     (intmax_t)op->seq);
        return text_take (&t, NULL);
    }
    if (len > KEY_SHOWN) {
        for (len = KEY_SHOWN; len > 0 && !utf8_valid (op->key, len); len--)
            ;
    }
    text_put (&t, op->key, len);
    text_puts (&t, len < op->keylen ? "..." : "");
    text_puts (&t, op->cond == KVS_COND_ABSENT   ? " exists"
                   : op->cond == KVS_COND_EXISTS ? " does not exist"
                                                 : " is not what was expected");
    return text_take (&t, NULL);
}

/* The commit ends before the transaction whose turn it is. */
static void cut (struct commit *c)
{
    struct txn *stop = c->txn;
    struct txn *t;

    do {
        t = list_last (&c->txns, struct txn, link);
        list_del (&t->link);
        list_prepend (&c->ns->queue, &t->link);
        c->ns->queued++;
        c->count--;
    } while (t != stop);
    c->txn = NULL;
}

int commit_check (struct commit *c, const struct kvs_operation *op)
{
    int r = check (c, op);

    if (r == UNMET) {
        c->txn->refused = true;
        free (c->txn->refusal);
        c->txn->refusal = refusal_text (c, op);
    }
    if (r == UNSETTLED)
        cut (c);
    return r < 0 ? r : r != MET;
}

void txn_unrefuse (struct txn *t)
{
    t->refused = false;
    free (t->refusal);
    t->refusal = NULL;
}

bool commit_all_refused (const struct commit *c)
{
    struct txn *t;

    list_foreach (&c->txns, t, link) {
        if (!t->refused)
            return false;
    }
    return true;
}
