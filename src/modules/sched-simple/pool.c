#include "config.h"
#include <stdio.h>

#include "common/errprintf.h"
#include "common/util.h"
#include "pool.h"

struct pool_node {
    uint32_t rank;
    const char *host;           /* in the inventory */
    const struct idset *cores;  /* in the inventory, may be NULL */
    const struct idset *gpus;   /* in the inventory, may be NULL */
    struct idset *free_cores;
    struct idset *free_gpus;
    uint32_t ncores; /* counts of the above */
    uint32_t ngpus;
    uint32_t nfree_cores;
    uint32_t nfree_gpus;
    bool up;
};

struct pool {
    struct rset *all;
    struct pool_node *nodes;  /* by rank, like the inventory */
    struct pool_node **order; /* the same, sorted for the policy */
    size_t count;
    enum pool_policy policy;
};

/* What one request asks of every node it uses. */
struct need {
    uint32_t nodes; /* 0: slots wherever they fit */
    uint64_t cores; /* per node if nodes > 0, else per slot */
    uint64_t gpus;
    uint32_t slots; /* in all, if nodes == 0 */
    bool exclusive;
};

static void need_init (struct need *n, const struct jobspec_request *req)
{
    uint64_t per_node = req->nslots;

    *n = (struct need){ .exclusive = req->exclusive };
    if (req->nnodes > 0)
        n->nodes = req->nnodes;
    else if (req->exclusive) { /* each slot is one node */
        n->nodes = req->nslots;
        per_node = 1;
    }
    else {
        n->slots = req->nslots;
        per_node = 1;
    }
    n->cores = per_node * req->slot_cores;
    n->gpus = per_node * req->slot_gpus;
}

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

/* Index in the order of the first node that does not come before n. */
static size_t order_find (const struct pool *p, const struct pool_node *n)
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
        from = order_find (p, n);
        must (p->order[from] == n);
        to = order_find (p, &copy);
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

static bool has_property (void *arg, uint32_t rank, const char *name)
{
    return rset_has_property (arg, rank, name);
}

static bool node_matches (const struct pool *p,
                          const struct pool_node *n,
                          const struct constraint *c)
{
    struct constraint_target target = {
        .rank = n->rank,
        .host = n->host,
        .has_property = has_property,
        .arg = p->all,
    };

    return constraint_match (c, &target);
}

/* How many slots fit now. */
static uint32_t slots_free (const struct pool_node *n, const struct need *need)
{
    uint64_t k = n->nfree_cores / need->cores;

    if (need->gpus > 0 && n->nfree_gpus / need->gpus < k)
        k = n->nfree_gpus / need->gpus;
    return k;
}

static bool candidate (const struct pool *p,
                       const struct pool_node *n,
                       const struct need *need,
                       const struct constraint *c)
{
    if (!n->up || n->nfree_cores < need->cores || n->nfree_gpus < need->gpus)
        return false;
    if (need->exclusive && n->nfree_cores < n->ncores)
        return false;
    return node_matches (p, n, c);
}

/* Where the first candidate can be, and whether one can still follow. */
static size_t first_candidate (const struct pool *p, const struct need *need)
{
    struct pool_node least = { .nfree_cores = need->cores };

    return p->policy == POOL_BEST_FIT ? order_find (p, &least) : 0;
}

static bool exhausted (const struct pool *p,
                       const struct pool_node *n,
                       const struct need *need)
{
    return p->policy == POOL_WORST_FIT && n->nfree_cores < need->cores;
}

/* One node's share of an allocation that is being put together. */
struct share {
    struct pool_node *node;
    uint32_t count; /* slots; 0 with whole nodes */
};

/* Choose nodes.  Returns how many shares, or -ENOSPC. */
static ssize_t choose (const struct pool *p,
                       const struct need *need,
                       const struct constraint *c,
                       struct share *shares)
{
    uint32_t left = need->nodes > 0 ? need->nodes : need->slots;
    ssize_t count = 0;

    for (size_t i = first_candidate (p, need); i < p->count && left > 0; i++) {
        struct pool_node *n = p->order[i];
        uint32_t k = 1;

        if (exhausted (p, n, need))
            break;
        if (!candidate (p, n, need, c))
            continue;
        if (need->nodes == 0) {
            k = slots_free (n, need);
            if (k > left)
                k = left;
        }
        shares[count++] = (struct share){ .node = n, .count = k };
        left -= k;
    }
    return left > 0 ? -ENOSPC : count;
}

/* Add to R the lowest count free ids of a node, or all of them. */
static int take_ids (struct rset *R,
                     const struct pool_node *n,
                     const char *type,
                     const struct idset *from,
                     uint64_t count,
                     bool all)
{
    struct idset *ids;
    unsigned int id;
    int r = 0;

    if (all)
        count = idset_count (from);
    if (count == 0)
        return 0;
    if (!(ids = idset_create (0, IDSET_FLAG_AUTOGROW)))
        return -ENOMEM;
    for (id = idset_first (from); count > 0; id = idset_next (from, id), count--) {
        if (idset_set (ids, id) < 0)
            r = -ENOMEM;
    }
    if (r == 0)
        r = rset_add (R, n->rank, n->host, type, ids);
    idset_destroy (ids);
    return r;
}

static int build (const struct pool *p,
                  const struct need *need,
                  const struct share *shares,
                  size_t count,
                  struct rset **ret)
{
    struct rset *R;
    int r = 0;

    if (!(R = rset_new ()))
        return -ENOMEM;
    for (size_t i = 0; i < count && r == 0; i++) {
        const struct pool_node *n = shares[i].node;
        uint64_t k = shares[i].count;

        r = take_ids (R, n, RSET_CORE, n->free_cores, k * need->cores, need->exclusive);
        if (r == 0)
            r = take_ids (R, n, RSET_GPU, n->free_gpus, k * need->gpus, need->exclusive);
    }
    if (r == 0)
        r = rset_inherit_properties (R, p->all);
    if (r < 0) {
        rset_free (R);
        return r;
    }
    rset_set_scheduling (R, rset_scheduling (p->all));
    *ret = R;
    return 0;
}

/* Move the ids of R from free to taken, or back. */
static int transfer (struct pool *p, const struct rset *R, bool take)
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

int pool_alloc (struct pool *p,
                const struct jobspec_request *req,
                const struct constraint *c,
                double now,
                double duration,
                struct rset **ret,
                flux_error_t *error)
{
    struct share *shares;
    struct need need;
    struct rset *R;
    ssize_t n;
    int r;

    need_init (&need, req);
    if (!(shares = calloc (p->count + 1, sizeof (shares[0]))))
        return -ENOMEM;
    if ((n = choose (p, &need, c, shares)) < 0) {
        free (shares);
        if ((r = pool_feasible (p, req, c, error)) < 0)
            return r;
        return n;
    }
    r = build (p, &need, shares, n, &R);
    free (shares);
    if (r < 0)
        return r;
    if ((r = transfer (p, R, true)) < 0) {
        rset_free (R);
        return r;
    }
    rset_set_nslots (R, req->nnodes > 0 ? (int64_t)req->nnodes * req->nslots : req->nslots);
    rset_set_times (R, now, duration > 0 ? now + duration : rset_expiration (p->all));
    *ret = R;
    return 0;
}

static int refuse_nodes (const struct need *need, uint32_t eligible, flux_error_t *error)
{
    char gpus[40] = "";

    if (need->exclusive)
        errprintf (error,
                   "unsatisfiable request: need %u exclusive node(s), only %u eligible",
                   need->nodes,
                   eligible);
    else {
        if (need->gpus > 0)
            snprintf (gpus, sizeof (gpus), " and %llu GPUs", (unsigned long long)need->gpus);
        errprintf (error,
                   "unsatisfiable request: need %u node(s) with %llu cores%s each, "
                   "only %u eligible",
                   need->nodes,
                   (unsigned long long)need->cores,
                   gpus,
                   eligible);
    }
    return -EOVERFLOW;
}

/* Slots of a whole node. */
static uint64_t slots_of (const struct pool_node *n, const struct need *need)
{
    uint64_t by_core = n->ncores / need->cores;
    uint64_t by_gpu = need->gpus > 0 ? n->ngpus / need->gpus : UINT64_MAX;

    return by_core < by_gpu ? by_core : by_gpu;
}

uint64_t pool_slots_up (const struct pool *p,
                        const struct jobspec_request *req,
                        const struct constraint *c)
{
    uint64_t slots = 0;
    struct need need;

    need_init (&need, req);
    for (size_t i = 0; i < p->count; i++) {
        if (p->nodes[i].up && node_matches (p, &p->nodes[i], c))
            slots += slots_of (&p->nodes[i], &need);
    }
    return slots;
}

int pool_feasible (struct pool *p,
                   const struct jobspec_request *req,
                   const struct constraint *c,
                   flux_error_t *error)
{
    uint64_t cores = 0, gpus = 0, slots = 0, gpu_slots = 0;
    uint32_t eligible = 0;
    struct need need;

    need_init (&need, req);
    for (size_t i = 0; i < p->count; i++) {
        const struct pool_node *n = &p->nodes[i];

        if (!node_matches (p, n, c))
            continue;
        cores += n->ncores;
        gpus += n->ngpus;
        gpu_slots += need.gpus > 0 ? n->ngpus / need.gpus : 0;
        slots += slots_of (n, &need);
        eligible += slots_of (n, &need) > 0;
    }
    if (need.nodes > 0)
        return eligible < need.nodes ? refuse_nodes (&need, eligible, error) : 0;
    if (slots >= need.slots)
        return 0;
    if (need.gpus > 0 && gpu_slots < need.slots)
        errprintf (error,
                   "unsatisfiable request: need %u slot(s) with %llu GPU(s) each, only "
                   "%llu available (total GPUs: %llu)",
                   need.slots,
                   (unsigned long long)need.gpus,
                   (unsigned long long)slots,
                   (unsigned long long)gpus);
    else
        errprintf (error,
                   "unsatisfiable request: need %u slot(s) of %llu core(s), only %llu "
                   "such slot(s) available (total cores: %llu)",
                   need.slots,
                   (unsigned long long)need.cores,
                   (unsigned long long)slots,
                   (unsigned long long)cores);
    return -EOVERFLOW;
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
    return transfer (p, R, true);
}

int pool_release (struct pool *p, const struct rset *R)
{
    return transfer (p, R, false);
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
    r = transfer (q, taken, true);
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
