/* rset_ops.c - resource sets combined. */
#include "config.h"
#include "rset_private.h"

enum rset_op {
    KEEP,   /* all of a */
    MINUS,  /* a without b */
    COMMON, /* a and b */
};

static const struct idset *peer_ids (const struct rset *b, uint32_t rank, const char *type)
{
    ssize_t i = b ? rset_find (b, rank) : -ENOENT;

    return i < 0 ? NULL : rset_ids_at (b, i, type);
}

static int add_node (struct rset *ret,
                     const struct rset_node *n,
                     const struct rset *b,
                     enum rset_op op)
{
    int rc = 0;

    for (size_t i = 0; i < n->nchildren && rc == 0; i++) {
        const struct rset_child *c = &n->children[i];
        const struct idset *other = peer_ids (b, n->rank, c->type);
        struct idset *ids;

        if (op == COMMON && !other)
            continue;
        if (op == COMMON)
            ids = idset_intersect (c->ids, other);
        else
            ids = idset_difference (c->ids, op == MINUS ? other : NULL);
        if (!ids)
            return -ENOMEM;
        if (!idset_empty (ids))
            rc = rset_add (ret, n->rank, n->host, c->type, ids);
        idset_destroy (ids);
    }
    return rc;
}

/* The properties of from, on the ranks that ret has. */
static int restrict_properties (struct rset *ret, const struct rset *from)
{
    struct idset *ranks, *both;
    int rc = 0;

    if (from->nproperties == 0)
        return 0;
    if (!(ranks = rset_ranks (ret)))
        return -ENOMEM;
    for (size_t i = 0; i < from->nproperties && rc == 0; i++) {
        if (!(both = idset_intersect (from->properties[i].ranks, ranks)))
            rc = -ENOMEM;
        else if (!idset_empty (both))
            rc = rset_grow_property (ret, from->properties[i].name, both);
        idset_destroy (both);
    }
    idset_destroy (ranks);
    return rc;
}

static void copy_meta (struct rset *ret, const struct rset *from)
{
    rset_set_times (ret, from->starttime, from->expiration);
    rset_set_nslots (ret, from->nslots);
    rset_set_scheduling (ret, from->scheduling);
}

static int combine (const struct rset *a,
                    const struct rset *b,
                    enum rset_op op,
                    struct rset **ret)
{
    struct rset *r;
    int rc = 0;

    if (!(r = rset_new ()))
        return -ENOMEM;
    for (size_t i = 0; i < a->count && rc == 0; i++)
        rc = add_node (r, &a->nodes[i], b, op);
    if (rc == 0)
        rc = restrict_properties (r, a);
    if (rc < 0) {
        rset_free (r);
        return rc;
    }
    copy_meta (r, a);
    *ret = r;
    return 0;
}

int rset_difference (const struct rset *a, const struct rset *b, struct rset **ret)
{
    return combine (a, b, MINUS, ret);
}

int rset_intersect (const struct rset *a, const struct rset *b, struct rset **ret)
{
    return combine (a, b, COMMON, ret);
}

int rset_union (const struct rset *a, const struct rset *b, struct rset **ret)
{
    struct rset *r;
    int rc;

    if ((rc = combine (a, NULL, KEEP, &r)) < 0)
        return rc;
    for (size_t i = 0; i < b->count && rc == 0; i++)
        rc = add_node (r, &b->nodes[i], a, MINUS);
    if (rc == 0)
        rc = restrict_properties (r, b);
    if (rc < 0) {
        rset_free (r);
        return rc;
    }
    *ret = r;
    return 0;
}

struct rset *rset_copy (const struct rset *r)
{
    struct rset *ret;

    return combine (r, NULL, KEEP, &ret) < 0 ? NULL : ret;
}

int rset_subset (const struct rset *r, const struct idset *ranks, struct rset **ret)
{
    struct rset *s;
    int rc = 0;

    if (!(s = rset_new ()))
        return -ENOMEM;
    for (size_t i = 0; i < r->count && rc == 0; i++) {
        if (idset_test (ranks, r->nodes[i].rank))
            rc = add_node (s, &r->nodes[i], NULL, KEEP);
    }
    if (rc == 0)
        rc = restrict_properties (s, r);
    if (rc < 0) {
        rset_free (s);
        return rc;
    }
    copy_meta (s, r);
    *ret = s;
    return 0;
}

int rset_remove_ranks (struct rset *r, const struct idset *ranks)
{
    struct idset *keep = rset_ranks (r);
    struct rset *rest, tmp;
    int rc;

    if (!keep)
        return -ENOMEM;
    rc = idset_subtract (keep, ranks) < 0 ? -ENOMEM : rset_subset (r, keep, &rest);
    idset_destroy (keep);
    if (rc < 0)
        return rc;
    tmp = *r;
    *r = *rest;
    *rest = tmp;
    rset_free (rest);
    return 0;
}
