#include "config.h"
#include <stdio.h>

#include "common/errprintf.h"
#include "common/util.h"
#include "pool_private.h"

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

    return p->policy == POOL_BEST_FIT ? pool_order_find (p, &least) : 0;
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
    if ((r = pool_transfer (p, R, true)) < 0) {
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
