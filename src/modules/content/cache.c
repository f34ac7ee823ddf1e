#include "config.h"
#include <errno.h>

#include "cache.h"

void cache_init (struct cache *c)
{
    *c = (struct cache){ 0 };
    table_init (&c->entries);
    c->limit = CACHE_BYTES_MAX;
    c->entry_cost = CACHE_ENTRY_COST;
    c->passing_max = CACHE_PASSING_MAX;
    list_init (&c->clean);
    list_init (&c->passing);
    list_init (&c->dirty);
    list_init (&c->busy);
    list_init (&c->failed);
}

static void entry_free (struct entry *e)
{
    must (list_empty (&e->waiters));
    list_del (&e->link);
    blob_put (e->blob);
    free (e);
}

void cache_fini (struct cache *c)
{
    struct entry *e;

    while ((e = table_pop (&c->entries)))
        entry_free (e);
    table_fini (&c->entries);
}

static bool is_dirty (enum entry_state state)
{
    return state >= ENTRY_DIRTY;
}

/* All counts follow from here. */
static void count (struct cache *c, const struct entry *e, int sign)
{
    size_t len = e->blob ? e->blob->len : 0;

    c->bytes += sign * len;
    c->nclean += sign * (e->state == ENTRY_CLEAN);
    c->nfailed += sign * (e->state == ENTRY_FAILED);
    c->nstoring += sign * (e->state == ENTRY_STORING);
    if (is_dirty (e->state)) {
        c->ndirty += sign;
        c->dirty_bytes += sign * len;
    }
}

static bool is_too_much (const struct cache *c)
{
    return c->bytes + table_count (&c->entries) * c->entry_cost > c->limit;
}

static void stop_passing (struct cache *c, struct entry *e)
{
    if (e->passing) {
        e->passing = false;
        c->passing_bytes -= e->blob->len;
    }
}

static void start_passing (struct cache *c, struct entry *e)
{
    list_del (&e->link);
    list_append (&c->passing, &e->link);
    e->passing = true;
    c->passing_bytes += e->blob->len;
}

static void set_state (struct cache *c, struct entry *e, enum entry_state state)
{
    struct list *lists[] = {
        [ENTRY_LOADING] = &c->busy,  [ENTRY_CLEAN] = &c->clean,
        [ENTRY_DIRTY] = &c->dirty,   [ENTRY_STORING] = &c->busy,
        [ENTRY_FAILED] = &c->failed,
    };

    stop_passing (c, e);
    list_del (&e->link);
    e->state = state;
    e->used = c->now;
    list_append (lists[state], &e->link);
}

static void change_state (struct cache *c, struct entry *e, enum entry_state state)
{
    count (c, e, -1);
    set_state (c, e, state);
    count (c, e, 1);
}

struct entry *cache_find (struct cache *c, const struct blobref *ref)
{
    struct entry *e = table_get (&c->entries, ref, sizeof (*ref));

    if (e && e->state == ENTRY_CLEAN)
        set_state (c, e, ENTRY_CLEAN);
    return e;
}

struct entry *cache_add (struct cache *c, const struct blobref *ref)
{
    struct entry *e = calloc (1, sizeof (*e));

    if (!e)
        return NULL;
    e->ref = *ref;
    list_init (&e->link);
    list_init (&e->waiters);
    if (table_put (&c->entries, &e->ref, sizeof (e->ref), e) < 0) {
        free (e);
        return NULL;
    }
    set_state (c, e, ENTRY_LOADING);
    return e;
}

static void
set_blob (struct cache *c, struct entry *e, struct blob *blob, enum entry_state state)
{
    count (c, e, -1);
    if (!e->blob)
        e->blob = blob_get (blob);
    set_state (c, e, state);
    count (c, e, 1);
}

void cache_loaded (struct cache *c, struct entry *e, struct blob *blob)
{
    must (e->state == ENTRY_LOADING);
    set_blob (c, e, blob, ENTRY_CLEAN);
    if (is_too_much (c))
        start_passing (c, e);
}

void cache_store (struct cache *c, struct entry *e, struct blob *blob)
{
    if (e->state != ENTRY_STORING && e->state != ENTRY_DIRTY)
        set_blob (c, e, blob, ENTRY_DIRTY);
}

struct entry *cache_first_dirty (struct cache *c)
{
    return list_first (&c->dirty, struct entry, link);
}

void cache_sending (struct cache *c, struct entry *e)
{
    must (e->state == ENTRY_DIRTY);
    change_state (c, e, ENTRY_STORING);
}

void cache_unsent (struct cache *c, struct entry *e)
{
    must (e->state == ENTRY_STORING);
    change_state (c, e, ENTRY_DIRTY);
}

void cache_stored (struct cache *c, struct entry *e, bool good)
{
    must (e->state == ENTRY_STORING);
    change_state (c, e, good ? ENTRY_CLEAN : ENTRY_FAILED);
}

void cache_retry (struct cache *c)
{
    struct entry *e;

    while ((e = list_first (&c->failed, struct entry, link)))
        change_state (c, e, ENTRY_DIRTY);
}

void cache_requeue (struct cache *c)
{
    struct entry *e;

    list_foreach (&c->busy, e, link) {
        if (e->state == ENTRY_STORING)
            change_state (c, e, ENTRY_DIRTY);
    }
}

void cache_drop (struct cache *c, struct entry *e)
{
    stop_passing (c, e);
    count (c, e, -1);
    table_del (&c->entries, &e->ref, sizeof (e->ref));
    entry_free (e);
}

static bool passes_too_much (const struct cache *c)
{
    return c->passing_bytes > c->passing_max && c->passing.next != c->passing.prev;
}

void cache_limit (struct cache *c)
{
    struct entry *passing, *e;

    while (is_too_much (c)) {
        passing = list_first (&c->passing, struct entry, link);
        e = list_first (&c->clean, struct entry, link);
        if (passing && (!e || passes_too_much (c)))
            e = passing;
        if (!e)
            break;
        cache_drop (c, e);
    }
}

static struct entry *oldest_clean (struct cache *c)
{
    struct entry *passing = list_first (&c->passing, struct entry, link);
    struct entry *e = list_first (&c->clean, struct entry, link);

    return passing && (!e || passing->used <= e->used) ? passing : e;
}

void cache_drop_clean (struct cache *c)
{
    struct entry *e;

    while ((e = oldest_clean (c)))
        cache_drop (c, e);
}

void cache_purge (struct cache *c, size_t target, double min_age)
{
    struct entry *e;

    while (c->bytes > target && (e = oldest_clean (c)) && c->now - e->used > min_age)
        cache_drop (c, e);
}
