#include "config.h"
#include <errno.h>

#include "lookup.h"

/* One load that is out. */
struct slot {
    struct waiter waiter;
    struct gather *g;
    size_t i;
};

struct gather {
    struct cache *cache;
    struct treeobj *valref;
    size_t pos;  /* in the references: where the next one is */
    size_t next; /* its number */
    size_t count;
    size_t out; /* slots in use */
    int errnum;
    gather_f done;
    void *arg;
    struct blob **blobs;
    struct blobref *refs; /* of the slots, by slot */
    size_t nslots;
    struct slot slots[];
};

void gather_free (struct gather *g)
{
    if (g) {
        for (size_t i = 0; i < g->nslots; i++)
            waiter_cancel (&g->slots[i].waiter);
        for (size_t i = 0; i < g->count; i++)
            blob_put (g->blobs[i]);
        free (g->blobs);
        free (g->refs);
        treeobj_put (g->valref);
        free (g);
    }
}

struct blob **gather_blobs (struct gather *g, size_t *count)
{
    *count = g->count;
    return g->blobs;
}

/* Try to get the blob of a slot: 0, or -EAGAIN while it is loaded. */
static int slot_try (struct slot *s, const struct blobref *ref)
{
    struct gather *g = s->g;
    struct blob *b;
    int r;

    if ((r = cache_raw (g->cache, ref, &s->waiter, &b)) < 0)
        return r;
    g->blobs[s->i] = blob_get (b);
    return 0;
}

/* Use a free slot for the references that come next, until one must be waited
 * for or none is left.
 */
static int slot_fill (struct slot *s)
{
    struct gather *g = s->g;
    struct blobref *ref = &g->refs[s - g->slots];
    int r = 0;

    while (r == 0 && g->next < g->count) {
        must (treeobj_ref_next (g->valref, &g->pos, ref));
        s->i = g->next++;
        r = slot_try (s, ref);
    }
    if (r == -EAGAIN) {
        g->out++;
        return 0;
    }
    return r;
}

static void slot_wake (struct waiter *w, int errnum)
{
    struct slot *s = container_of (w, struct slot, waiter);
    struct gather *g = s->g;
    int r = -errnum;

    g->out--;
    if (r == 0 && (r = slot_try (s, &g->refs[s - g->slots])) == -EAGAIN) {
        g->out++; /* gone again already: it is loaded once more */
        return;
    }
    if (r == 0)
        r = slot_fill (s);
    if (r < 0 || g->out == 0) {
        for (size_t i = 0; i < g->nslots; i++)
            waiter_cancel (&g->slots[i].waiter);
        g->done (g->arg, -r); /* may free g */
    }
}

int gather_start (struct cache *cache,
                  const struct treeobj *valref,
                  gather_f done,
                  void *arg,
                  struct gather **ret)
{
    size_t count = treeobj_ref_count (valref);
    size_t nslots = count < LOAD_WINDOW ? count : LOAD_WINDOW;
    struct gather *g = calloc (1, sizeof (*g) + nslots * sizeof (g->slots[0]));
    int r = 0;

    if (!g || !(g->blobs = calloc (count, sizeof (g->blobs[0])))
        || !(g->refs = calloc (nslots, sizeof (g->refs[0])))) {
        if (g)
            free (g->blobs);
        free (g);
        return -ENOMEM;
    }
    g->cache = cache;
    g->valref = treeobj_get (valref);
    g->count = count;
    g->done = done;
    g->arg = arg;
    g->nslots = nslots;
    for (size_t i = 0; i < nslots; i++) {
        waiter_init (&g->slots[i].waiter, slot_wake);
        g->slots[i].g = g;
    }
    for (size_t i = 0; r == 0 && i < nslots && g->next < count; i++)
        r = slot_fill (&g->slots[i]);
    if (r < 0) {
        gather_free (g);
        return r;
    }
    *ret = g;
    return g->out == 0;
}
