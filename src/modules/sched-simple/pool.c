#include "config.h"

#include "common/util.h"
#include "pool_private.h"

static int compare (const struct pool *p,
                    const struct pool_node *a,
                    const struct pool_node *b)
{
    int sign = p->policy == POOL_WORST_FIT ? -1 : 1;

    if (p->policy != POOL_FIRST_FIT) {
        if (a->nfree_cores != b->nfree_cores)
            return a->nfree_cores < b->nfree_cores ? -sign : sign;
        if (a->nfree_gpus != b->nfree_gpus)
            return a->nfree_gpus < b->nfree_gpus ? -sign : sign;
    }
    return a->rank < b->rank ? -1 : a->rank > b->rank;
}

size_t pool_order_find (const struct pool *p, const struct pool_node *n)
{
    size_t lo = 0, hi = p->count;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (compare (p, p->order[mid], n) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Change the free counts of one node and move it to its place: O(log n)
 * comparisons and one memmove.
 */
static void node_recount (struct pool *p, struct pool_node *n)
{
    struct pool_node copy = *n;
    size_t from, to;

    copy.nfree_cores = idset_count (n->free_cores);
    copy.nfree_gpus = idset_count (n->free_gpus);
    if (p->policy != POOL_FIRST_FIT) {
        from = pool_order_find (p, n);
        must (p->order[from] == n);
        to = pool_order_find (p, &copy);
        if (to > from) {
            to--;
            memmove (&p->order[from],
                     &p->order[from + 1],
                     (to - from) * sizeof (p->order[0]));
        }
        else
            memmove (&p->order[to + 1],
                     &p->order[to],
                     (from - to) * sizeof (p->order[0]));
        p->order[to] = n;
    }
    *n = copy;
}

static int node_init (struct pool_node *n, const struct rset *all, size_t i)
{
    n->rank = rset_rank_at (all, i);
    n->host = rset_host_at (all, i);
    n->cores = rset_ids_at (all, i, RSET_CORE);
    n->gpus = rset_ids_at (all, i, RSET_GPU);
    n->free_cores = n->cores ? idset_copy (n->cores) : idset_create (1, 0);
    n->free_gpus = n->gpus ? idset_copy (n->gpus) : idset_create (1, 0);
    if (!n->free_cores || !n->free_gpus)
        return -ENOMEM;
    n->ncores = n->nfree_cores = idset_count (n->cores);
    n->ngpus = n->nfree_gpus = idset_count (n->gpus);
    n->up = true;
    return 0;
}

static int compare_qsort (const void *a, const void *b, void *arg)
{
    return compare (arg, *(struct pool_node *const *)a, *(struct pool_node *const *)b);
}

int pool_create (struct rset *inventory, enum pool_policy policy, struct pool **ret)
{
    size_t count = rset_nnodes (inventory);
    struct pool *p;

    if (!(p = calloc (1, sizeof (*p))))
        return -ENOMEM;
    p->policy = policy;
    p->nodes = calloc (count + 1, sizeof (p->nodes[0]));
    p->order = calloc (count + 1, sizeof (p->order[0]));
    if (!p->nodes || !p->order)
        goto nomem;
    for (; p->count < count; p->count++) {
        p->order[p->count] = &p->nodes[p->count];
        if (node_init (&p->nodes[p->count], inventory, p->count) < 0) {
            p->count++;
            goto nomem;
        }
    }
    qsort_r (p->order, count, sizeof (p->order[0]), compare_qsort, p);
    p->all = inventory;
    *ret = p;
    return 0;
nomem:
    pool_destroy (p);
    return -ENOMEM;
}

void pool_destroy (struct pool *p)
{
    if (!p)
        return;
    for (size_t i = 0; p->nodes && i < p->count; i++) {
        idset_destroy (p->nodes[i].free_cores);
        idset_destroy (p->nodes[i].free_gpus);
    }
    free (p->nodes);
    free (p->order);
    rset_free (p->all);
    free (p);
}

static struct pool_node *find_node (const struct pool *p, uint32_t rank)
{
    ssize_t i = rset_find (p->all, rank);

    return i < 0 ? NULL : &p->nodes[i];
}

void pool_set_up (struct pool *p, const struct idset *ranks, bool up)
{
    for (unsigned int rank = idset_first (ranks); rank != IDSET_INVALID_ID;
         rank = idset_next (ranks, rank)) {
        struct pool_node *n = find_node (p, rank);

        if (n)
            n->up = up;
    }
}

void pool_set_expiration (struct pool *p, double expiration)
{
    rset_set_times (p->all, rset_starttime (p->all), expiration);
}

int pool_transfer (struct pool *p, const struct rset *R, bool take)
{
    for (size_t i = 0; i < rset_nnodes (R); i++) {
        struct pool_node *n = find_node (p, rset_rank_at (R, i));
        const struct idset *cores = rset_ids_at (R, i, RSET_CORE);
        const struct idset *gpus = rset_ids_at (R, i, RSET_GPU);
        struct idset *own_cores = NULL, *own_gpus = NULL;
        int r = 0;

        if (!n)
            continue;
        if (take) {
            if (idset_subtract (n->free_cores, cores) < 0
                || idset_subtract (n->free_gpus, gpus) < 0)
                r = -ENOMEM;
        }
        else { /* only what the node really has comes back */
            own_cores = n->cores && cores ? idset_intersect (n->cores, cores) : NULL;
            own_gpus = n->gpus && gpus ? idset_intersect (n->gpus, gpus) : NULL;
            if (idset_add (n->free_cores, own_cores) < 0
                || idset_add (n->free_gpus, own_gpus) < 0)
                r = -ENOMEM;
        }
        idset_destroy (own_cores);
        idset_destroy (own_gpus);
        node_recount (p, n);
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_claim (const struct idset *ids,
                        const struct idset *all,
                        const struct idset *free_ids)
{
    for (unsigned int id = idset_first (ids); id != IDSET_INVALID_ID;
         id = idset_next (ids, id)) {
        if (!idset_test (all, id))
            return -ENOENT;
        if (!idset_test (free_ids, id))
            return -EBUSY;
    }
    return 0;
}

int pool_claim (struct pool *p, const struct rset *R)
{
    int r;

    for (size_t i = 0; i < rset_nnodes (R); i++) {
        struct pool_node *n = find_node (p, rset_rank_at (R, i));

        if (!n)
            return -ENOENT;
        r = check_claim (rset_ids_at (R, i, RSET_CORE), n->cores, n->free_cores);
        if (r == 0)
            r = check_claim (rset_ids_at (R, i, RSET_GPU), n->gpus, n->free_gpus);
        if (r < 0)
            return r;
    }
    return pool_transfer (p, R, true);
}

int pool_release (struct pool *p, const struct rset *R)
{
    return pool_transfer (p, R, false);
}

int pool_shrink (struct pool *p, const struct idset *ranks)
{
    struct pool *q;
    struct rset *all, *taken;
    int r;

    if ((r = pool_allocated (p, &taken)) < 0)
        return r;
    if (!(all = rset_copy (p->all)) || rset_remove_ranks (all, ranks) < 0
        || rset_remove_ranks (taken, ranks) < 0
        || pool_create (all, p->policy, &q) < 0) {
        rset_free (all);
        rset_free (taken);
        return -ENOMEM;
    }
    for (size_t i = 0; i < q->count; i++)
        q->nodes[i].up = find_node (p, q->nodes[i].rank)->up;
    r = pool_transfer (q, taken, true);
    rset_free (taken);
    if (r == 0) {
        struct pool tmp = *p;
        *p = *q;
        *q = tmp;
    }
    pool_destroy (q);
    return r;
}

const struct rset *pool_all (const struct pool *p)
{
    return p->all;
}

int pool_allocated (const struct pool *p, struct rset **ret)
{
    struct rset *R;
    int r = 0;

    if (!(R = rset_new ()))
        return -ENOMEM;
    for (size_t i = 0; i < p->count && r == 0; i++) {
        const struct pool_node *n = &p->nodes[i];
        struct idset *cores = NULL, *gpus = NULL;

        if (n->cores && n->nfree_cores < n->ncores) {
            cores = idset_difference (n->cores, n->free_cores);
            r = cores ? rset_add (R, n->rank, n->host, RSET_CORE, cores) : -ENOMEM;
        }
        if (r == 0 && n->gpus && n->nfree_gpus < n->ngpus) {
            gpus = idset_difference (n->gpus, n->free_gpus);
            r = gpus ? rset_add (R, n->rank, n->host, RSET_GPU, gpus) : -ENOMEM;
        }
        idset_destroy (cores);
        idset_destroy (gpus);
    }
    if (r == 0)
        r = rset_inherit_properties (R, p->all);
    if (r < 0) {
        rset_free (R);
        return r;
    }
    *ret = R;
    return 0;
}

int pool_down (const struct pool *p, struct rset **ret)
{
    struct idset *ranks;
    int r = 0;

    if (!(ranks = idset_create (0, IDSET_FLAG_AUTOGROW)))
        return -ENOMEM;
    for (size_t i = 0; i < p->count && r == 0; i++) {
        if (!p->nodes[i].up && idset_set (ranks, p->nodes[i].rank) < 0)
            r = -ENOMEM;
    }
    if (r == 0)
        r = rset_subset (p->all, ranks, ret);
    idset_destroy (ranks);
    return r;
}
