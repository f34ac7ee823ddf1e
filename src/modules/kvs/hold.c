#include "config.h"
#include <errno.h>

#include "engine_impl.h"
#include "hold.h"

#define GEN_COST 256  /* bytes that a generation counts for, in any case */
#define ROOT_COST 128 /* ... and each root in it */

/* ---- sets ---- */

static int set_reserve (struct hold_set *set, size_t more)
{
    size_t cap = set->cap ? set->cap : 16;
    struct cache_entry **v;

    if (set->count + more <= set->cap)
        return 0;
    while (cap < set->count + more)
        cap *= 2;
    if (!(v = realloc (set->v, cap * sizeof (v[0]))))
        return -ENOMEM;
    set->v = v;
    set->cap = cap;
    return 0;
}

static int set_add (struct cache *cache, struct hold_set *set, struct cache_entry *e)
{
    int r;

    if ((r = set_reserve (set, 1)) < 0)
        return r;
    cache_pin_entry (cache, e);
    set->v[set->count++] = e;
    return 0;
}

void hold_set_drop (struct cache *cache, struct hold_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        cache_unpin (cache, set->v[i]);
    free (set->v);
    *set = (struct hold_set){ 0 };
}

/* ---- objects ---- */

void hold_init (struct hold *hold, struct cache *cache)
{
    *hold = (struct hold){ .cache = cache };
    list_init (&hold->open);
    list_init (&hold->closed);
}

int hold_dir (struct hold *hold,
              struct hold_set *set,
              const struct blobref *ref,
              struct treeobj *dir,
              size_t size)
{
    struct cache_entry *e;
    bool known;

    if (hold->cfg.blob_limit > 0 && size > hold->cfg.blob_limit)
        return -EFBIG;
    if (set_reserve (set, 1) < 0
        || !(e = cache_put_dir (hold->cache, ref, dir, size, &known)))
        return -ENOMEM;
    treeobj_dir_set_ref (dir, ref);
    must (set_add (hold->cache, set, e) == 0);
    return known;
}

int hold_blob (struct hold *hold,
               struct hold_set *set,
               const struct blobref *ref,
               struct blob *blob)
{
    struct cache_entry *e;
    bool known;

    if (hold->cfg.blob_limit > 0 && blob->len > hold->cfg.blob_limit)
        return -EFBIG;
    if (set_reserve (set, 1) < 0 || !(e = cache_put_raw (hold->cache, ref, blob, &known)))
        return -ENOMEM;
    must (set_add (hold->cache, set, e) == 0);
    return known;
}

static int reach (struct hold *hold, struct hold_set *set, const struct blobref *ref)
{
    struct cache_entry *e = cache_held (hold->cache, ref);
    int r;

    if (!e || e->walk == hold->walks)
        return 0;
    if ((r = set_add (hold->cache, set, e)) < 0)
        return r;
    e->walk = hold->walks;
    return 0;
}

/* Below what is in the set from number i on. */
static int reach_below (struct hold *hold, struct hold_set *set, size_t i)
{
    struct blobref ref;
    int r;

    for (; i < set->count; i++) {
        struct treeobj_ref_iter it = { 0 };
        const struct cache_entry *e = set->v[i];

        while (e->dir && treeobj_dir_next_unsaved (e->dir, &it, &ref)) {
            if ((r = reach (hold, set, &ref)) < 0)
                return r;
        }
    }
    return 0;
}

int hold_reach (struct hold *hold, struct hold_set *set, const struct blobref *ref)
{
    size_t n = set->count;
    int r;

    hold->walks++;
    if ((r = reach (hold, set, ref)) < 0)
        return r;
    return reach_below (hold, set, n);
}

int hold_reach_kept (struct hold *hold, struct hold_set *set, const struct ns *ns)
{
    size_t n = set->count;
    struct hold_gen *g;
    int r;

    list_foreach (&ns->gens, g, link) {
        for (size_t i = 0; i < g->set.count; i++) {
            struct cache_entry *e = g->set.v[i];

            if (e->keep && e->held && (r = reach (hold, set, &e->load.ref)) < 0)
                return r;
        }
    }
    return reach_below (hold, set, n);
}

/* ---- generations ---- */

/* It counts for so many bytes more (or less). */
static void gen_count (struct hold *hold, struct hold_gen *g, ssize_t bytes)
{
    g->bytes += bytes;
    *(g->closed ? &hold->closed_bytes : &hold->open_bytes) += bytes;
}

static struct hold_gen *gen_new (struct hold *hold, struct ns *ns)
{
    struct hold_gen *g = calloc (1, sizeof (*g));

    if (!g)
        return NULL;
    g->ns = ns;
    g->number = ++hold->gens;
    list_init (&g->link);
    list_init (&g->age);
    list_append (&ns->gens, &g->link);
    list_append (&hold->open, &g->age);
    g->own = GEN_COST;
    gen_count (hold, g, GEN_COST);
    return g;
}

static void gen_free (struct hold *hold, struct hold_gen *g)
{
    gen_count (hold, g, -(ssize_t)g->bytes);
    if (g->ns->gen == g)
        g->ns->gen = NULL;
    for (size_t i = 0; i < g->set.count; i++) {
        if (g->set.v[i]->gen == g)
            g->set.v[i]->gen = NULL;
    }
    hold_set_drop (hold->cache, &g->set);
    list_del (&g->link);
    list_del (&g->age);
    free (g);
}

int hold_reserve (struct hold *hold, struct ns *ns, const struct hold_set *set)
{
    if (!ns->gen && !(ns->gen = gen_new (hold, ns)))
        return -ENOMEM;
    return set_reserve (&ns->gen->set, set->count);
}

/* What is stored meanwhile, or in the generation already, need not be there
 * (again).
 */
static void join (struct hold *hold, struct hold_gen *g, struct hold_set *set)
{
    ssize_t bytes = 0;

    for (size_t i = 0; i < set->count; i++) {
        struct cache_entry *e = set->v[i];

        if (!e->held || e->gen == g) {
            cache_unpin (hold->cache, e);
            continue;
        }
        e->gen = g;
        g->set.v[g->set.count++] = e;
        bytes += cache_cost (e);
    }
    free (set->v);
    *set = (struct hold_set){ 0 };
    gen_count (hold, g, bytes);
}

void hold_publish (struct hold *hold, struct ns *ns, struct hold_set *set)
{
    join (hold, ns->gen, set);
    ns->gen->own += ROOT_COST;
    gen_count (hold, ns->gen, ROOT_COST);
}

int hold_adopt (struct hold *hold, struct ns *ns, const struct blobref *ref)
{
    struct hold_set set = { 0 };
    int r;

    if (!cache_held (hold->cache, ref))
        return 0;
    if ((r = hold_reach (hold, &set, ref)) < 0
        || (r = hold_reserve (hold, ns, &set)) < 0) {
        hold_set_drop (hold->cache, &set);
        return r;
    }
    join (hold, ns->gen, &set);
    return 0;
}

int hold_keep (struct hold *hold, struct ns *primary, const struct blobref *ref)
{
    struct cache_entry *e = cache_held (hold->cache, ref);
    int r;

    if (!e)
        return 0;
    if (!e->gen || e->gen->closed) {
        if (!primary)
            return 0;
        if ((r = hold_adopt (hold, primary, ref)) < 0)
            return r;
    }
    e->keep = true;
    return 0;
}

/* ---- settling ---- */

uint64_t hold_freeze (struct hold *hold, struct ns *ns)
{
    ns->gen = NULL;
    return hold->gens;
}

/* Only what is still held stays. */
static void gen_close (struct hold *hold, struct hold_gen *g, int64_t seq)
{
    size_t bytes = g->own, n = 0;

    gen_count (hold, g, -(ssize_t)g->bytes);
    g->closed = true;
    g->seq = seq;
    for (size_t i = 0; i < g->set.count; i++) {
        struct cache_entry *e = g->set.v[i];

        if (e->held) {
            g->set.v[n++] = e;
            bytes += cache_cost (e);
            continue;
        }
        if (e->gen == g)
            e->gen = NULL;
        cache_unpin (hold->cache, e);
    }
    g->set.count = n;
    gen_count (hold, g, bytes);
    list_del (&g->age);
    list_append (&hold->closed, &g->age);
    list_del (&g->link);
    list_append (&g->ns->closed_gens, &g->link);
}

/* Somebody may have asked to keep one since the settling began. */
static void gen_rescue (struct hold *hold, struct hold_gen *g, struct ns *heir)
{
    for (size_t i = 0; i < g->set.count; i++) {
        const struct cache_entry *e = g->set.v[i];

        if (e->keep && e->held && e->gen == g)
            hold_adopt (hold, heir, &e->load.ref);
    }
}

void hold_close (struct hold *hold, struct ns *ns, uint64_t upto, int64_t seq)
{
    struct hold_gen *g;

    list_foreach (&ns->gens, g, link) {
        if (g->number > upto)
            break;
        gen_close (hold, g, seq);
        gen_rescue (hold, g, ns);
    }
    hold_trim (hold);
}

void hold_trim (struct hold *hold)
{
    hold_trim_to (hold, hold->cfg.log_max);
}

void hold_trim_to (struct hold *hold, size_t max)
{
    struct hold_gen *g;

    while (hold->closed_bytes > max
           && (g = list_first (&hold->closed, struct hold_gen, age))) {
        rootlog_forget (&g->ns->log, g->seq);
        gen_free (hold, g);
    }
    cache_limit (hold->cache);
}

void hold_forget (struct hold *hold, struct ns *ns, struct ns *heir)
{
    struct hold_gen *g;

    list_foreach (&ns->gens, g, link) {
        if (heir)
            gen_rescue (hold, g, heir);
    }
    while ((g = list_first (&ns->gens, struct hold_gen, link))
           || (g = list_first (&ns->closed_gens, struct hold_gen, link)))
        gen_free (hold, g);
}
