/* wnode.c - the nodes of a worktree: one per directory that was traversed. */

#include "config.h"
#include <errno.h>

#include "worktree_impl.h"

bool wnode_must_store (const struct treeobj *o)
{
    size_t len;

    if (treeobj_type (o) == TREEOBJ_DIR)
        return true;
    if (treeobj_type (o) != TREEOBJ_VAL)
        return false;
    treeobj_val_base64 (o, &len);
    return len > TREEOBJ_INLINE_MAX;
}

int wnode_remember (struct wnode *n, const char *name, size_t len)
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
        if (wnode_must_store (o) && (r = wnode_remember (n, name, len)) < 0)
            return r;
    }
    return 0;
}

void wnode_free_one (struct wnode *n)
{
    struct wname *u;

    if (n->parent) {
        if (table_count (&n->parent->kid_by_name) > 0)
            table_del (&n->parent->kid_by_name, n->name, n->len);
        list_del (&n->link);
        n->parent->nkids--;
    }
    while ((u = list_first (&n->unstored, struct wname, link))) {
        list_del (&u->link);
        free (u);
    }
    table_fini (&n->kid_by_name);
    treeobj_put (n->dir);
    treeobj_put (n->base);
    free (n);
}

/* All kids, or none of them. */
static int make_table (struct wnode *n)
{
    struct wnode *kid;
    int r;

    list_foreach (&n->kids, kid, link) {
        if ((r = table_put (&n->kid_by_name, kid->name, kid->len, kid)) < 0) {
            table_fini (&n->kid_by_name);
            return r;
        }
    }
    return 0;
}

static int add_kid (struct wnode *parent, struct wnode *n)
{
    bool table = table_count (&parent->kid_by_name) > 0;
    int r;

    if (!table && parent->nkids >= KIDS_MANY) {
        if ((r = make_table (parent)) < 0)
            return r;
        table = true;
    }
    if (table && (r = table_put (&parent->kid_by_name, n->name, n->len, n)) < 0)
        return r;
    list_append (&parent->kids, &n->link);
    parent->nkids++;
    return 0;
}

struct wnode *
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
    n->nkids = 0;
    if (parent && add_kid (parent, n) < 0) {
        free (n);
        return NULL;
    }
    n->dir = treeobj_get (dir);
    n->base = treeobj_get (dir);
    if (find_unstored (n) < 0) {
        wnode_free_one (n);
        return NULL;
    }
    return n;
}

/* Not recursive: paths may be long. */
void wnode_free (struct wnode *top)
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

struct wnode *wnode_kid (const struct wnode *n, const char *name, size_t len)
{
    struct wnode *kid;

    if (table_count (&n->kid_by_name) > 0)
        return table_get (&n->kid_by_name, name, len);
    list_foreach (&n->kids, kid, link) {
        if (kid->len == len && memcmp (kid->name, name, len) == 0)
            return kid;
    }
    return NULL;
}
