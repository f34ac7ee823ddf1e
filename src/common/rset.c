#include "config.h"
#include <stdio.h>

#include <flux/hostlist.h>
#include "errprintf.h"
#include "rset_private.h"

#define fail(error, ...) (errprintf ((error), __VA_ARGS__), -EINVAL)

static void node_fini (struct rset_node *n)
{
    for (size_t i = 0; i < n->nchildren; i++) {
        free (n->children[i].type);
        idset_destroy (n->children[i].ids);
    }
    free (n->children);
    free (n->host);
}

struct rset *rset_new (void)
{
    return calloc (1, sizeof (struct rset));
}

void rset_free (struct rset *r)
{
    if (r) {
        int saved_errno = errno;

        for (size_t i = 0; i < r->count; i++)
            node_fini (&r->nodes[i]);
        free (r->nodes);
        for (size_t i = 0; i < r->nproperties; i++) {
            free (r->properties[i].name);
            idset_destroy (r->properties[i].ranks);
        }
        free (r->properties);
        json_decref (r->scheduling);
        free (r);
        errno = saved_errno;
    }
}

/* Index of the first node whose rank is not below. */
static size_t lower_bound (const struct rset *r, uint32_t rank)
{
    size_t lo = 0, hi = r->count;

    if (r->count > 0 && r->nodes[r->count - 1].rank < rank)
        return r->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (r->nodes[mid].rank < rank)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

ssize_t rset_find (const struct rset *r, uint32_t rank)
{
    size_t i = lower_bound (r, rank);

    return i < r->count && r->nodes[i].rank == rank ? (ssize_t)i : -ENOENT;
}

struct rset_node *rset_get_node (struct rset *r, uint32_t rank)
{
    size_t i = lower_bound (r, rank);

    if (i < r->count && r->nodes[i].rank == rank)
        return &r->nodes[i];
    if (r->count == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 4;
        struct rset_node *nodes = realloc (r->nodes, cap * sizeof (*nodes));

        if (!nodes)
            return NULL;
        r->nodes = nodes;
        r->cap = cap;
    }
    memmove (&r->nodes[i + 1], &r->nodes[i], (r->count - i) * sizeof (r->nodes[0]));
    r->nodes[i] = (struct rset_node){ .rank = rank };
    r->count++;
    return &r->nodes[i];
}

static struct rset_child *find_child (const struct rset_node *n, const char *type)
{
    for (size_t i = 0; i < n->nchildren; i++) {
        if (!strcmp (n->children[i].type, type))
            return &n->children[i];
    }
    return NULL;
}

/* core, gpu, then the rest by name */
static int child_order (const char *type)
{
    return !strcmp (type, RSET_CORE) ? 0 : !strcmp (type, RSET_GPU) ? 1 : 2;
}

static bool child_before (const char *a, const char *b)
{
    int x = child_order (a), y = child_order (b);

    return x != y ? x < y : strcmp (a, b) < 0;
}

static struct rset_child *insert_child (struct rset_node *n, const char *type)
{
    struct rset_child *children;
    size_t i = 0;

    if (!(children = realloc (n->children, (n->nchildren + 1) * sizeof (*children))))
        return NULL;
    n->children = children;
    while (i < n->nchildren && child_before (children[i].type, type))
        i++;
    memmove (&children[i + 1], &children[i], (n->nchildren - i) * sizeof (*children));
    children[i].ids = idset_create (0, IDSET_FLAG_AUTOGROW);
    children[i].type = strdup (type);
    if (!children[i].ids || !children[i].type) {
        idset_destroy (children[i].ids);
        free (children[i].type);
        memmove (&children[i],
                 &children[i + 1],
                 (n->nchildren - i) * sizeof (*children));
        return NULL;
    }
    n->nchildren++;
    return &children[i];
}

int rset_node_add (struct rset_node *n, const char *type, const struct idset *ids)
{
    struct rset_child *c = find_child (n, type);

    if (c && idset_has_intersection (c->ids, ids))
        return -EEXIST;
    if (idset_empty (ids))
        return 0;
    if (!c && !(c = insert_child (n, type)))
        return -ENOMEM;
    return idset_add (c->ids, ids) < 0 ? -ENOMEM : 0;
}

int rset_add (struct rset *r,
              uint32_t rank,
              const char *host,
              const char *type,
              const struct idset *ids)
{
    struct rset_node *n;

    if (!(n = rset_get_node (r, rank)))
        return -ENOMEM;
    if (host && !n->host && !(n->host = strdup (host)))
        return -ENOMEM;
    return rset_node_add (n, type, ids);
}

size_t rset_nnodes (const struct rset *r)
{
    return r->count;
}

size_t rset_count (const struct rset *r, const char *type)
{
    size_t count = 0;

    for (size_t i = 0; i < r->count; i++)
        count += idset_count (rset_ids_at (r, i, type));
    return count;
}

uint32_t rset_rank_at (const struct rset *r, size_t i)
{
    must (i < r->count);
    return r->nodes[i].rank;
}

const char *rset_host_at (const struct rset *r, size_t i)
{
    must (i < r->count);
    return r->nodes[i].host;
}

const struct idset *rset_ids_at (const struct rset *r, size_t i, const char *type)
{
    struct rset_child *c;

    must (i < r->count);
    c = find_child (&r->nodes[i], type);
    return c ? c->ids : NULL;
}

struct idset *rset_ranks (const struct rset *r)
{
    struct idset *ranks = idset_create (0, IDSET_FLAG_AUTOGROW);

    for (size_t i = 0; ranks && i < r->count; i++) {
        if (idset_set (ranks, r->nodes[i].rank) < 0) {
            idset_destroy (ranks);
            ranks = NULL;
        }
    }
    return ranks;
}

int rset_nodelist (const struct rset *r, struct text *out)
{
    struct hostlist *hl;
    char *s = NULL;
    int rc = 0;

    if (!(hl = hostlist_create ()))
        return -ENOMEM;
    for (size_t i = 0; i < r->count && rc == 0; i++) {
        if (r->nodes[i].host && hostlist_append (hl, r->nodes[i].host) < 0)
            rc = -ENOMEM;
    }
    if (rc == 0 && !(s = hostlist_encode (hl)))
        rc = -ENOMEM;
    if (rc == 0)
        text_puts (out, s);
    free (s);
    hostlist_destroy (hl);
    return rc;
}

double rset_starttime (const struct rset *r)
{
    return r->starttime;
}

double rset_expiration (const struct rset *r)
{
    return r->expiration;
}

int64_t rset_nslots (const struct rset *r)
{
    return r->nslots;
}

void rset_set_times (struct rset *r, double starttime, double expiration)
{
    r->starttime = starttime > 0 ? starttime : 0;
    r->expiration = expiration > 0 ? expiration : 0;
}

void rset_set_nslots (struct rset *r, int64_t nslots)
{
    r->nslots = nslots;
}

json_t *rset_scheduling (const struct rset *r)
{
    return r->scheduling;
}

void rset_set_scheduling (struct rset *r, json_t *o)
{
    json_incref (o);
    json_decref (r->scheduling);
    r->scheduling = o;
}

/* Properties */

static struct rset_property *find_property (const struct rset *r, const char *name)
{
    for (size_t i = 0; i < r->nproperties; i++) {
        if (!strcmp (r->properties[i].name, name))
            return &r->properties[i];
    }
    return NULL;
}

bool rset_has_property (const struct rset *r, uint32_t rank, const char *name)
{
    struct rset_property *p = find_property (r, name);

    return p && idset_test (p->ranks, rank);
}

int rset_grow_property (struct rset *r, const char *name, const struct idset *ranks)
{
    struct rset_property *p = find_property (r, name);

    if (!p) {
        p = realloc (r->properties, (r->nproperties + 1) * sizeof (*p));
        if (!p)
            return -ENOMEM;
        r->properties = p;
        p += r->nproperties;
        p->name = strdup (name);
        p->ranks = idset_create (0, IDSET_FLAG_AUTOGROW);
        if (!p->name || !p->ranks) {
            free (p->name);
            idset_destroy (p->ranks);
            return -ENOMEM;
        }
        r->nproperties++;
    }
    return idset_add (p->ranks, ranks) < 0 ? -ENOMEM : 0;
}

int rset_add_property (struct rset *r,
                       const char *name,
                       const struct idset *ranks,
                       flux_error_t *error)
{
    struct idset *own, *alien;
    char *s;
    int rc = 0;

    if (!*name || strpbrk (name, "!&'\"^`|()"))
        return fail (error, "invalid character in property '%s'", name);
    own = rset_ranks (r);
    alien = own ? idset_difference (ranks, own) : NULL;
    if (!alien)
        rc = -ENOMEM;
    else if (!idset_empty (alien)) {
        s = idset_encode (alien, IDSET_FLAG_RANGE);
        errprintf (error, "ranks %s not found in target resource list", s ? s : "?");
        free (s);
        rc = -ENOENT;
    }
    idset_destroy (alien);
    idset_destroy (own);
    return rc < 0 ? rc : rset_grow_property (r, name, ranks);
}

int rset_inherit_properties (struct rset *a, const struct rset *b)
{
    struct idset *ranks, *both;
    int rc = 0;

    if (b->nproperties == 0)
        return 0;
    if (!(ranks = rset_ranks (a)))
        return -ENOMEM;
    for (size_t i = 0; i < b->nproperties && rc == 0; i++) {
        const struct rset_property *p = &b->properties[i];

        if (*p->name == '+')
            continue;
        if (!(both = idset_intersect (p->ranks, ranks)))
            rc = -ENOMEM;
        else if (!idset_empty (both))
            rc = rset_grow_property (a, p->name, both);
        idset_destroy (both);
    }
    idset_destroy (ranks);
    return rc;
}
