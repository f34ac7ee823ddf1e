#include "config.h"
#include <errno.h>
#include <stdio.h>

#include "cache.h"
#include "common/slab.h"

void cache_init (struct cache *c, struct list *actions)
{
    *c = (struct cache){ .actions = actions };
    table_init (&c->entries);
    list_init (&c->lru);
}

/* The list of what may go, and the bytes that count. */
static void lru_add (struct cache *c, struct cache_entry *e)
{
    e->used = c->now;
    if (e->pins > 0)
        return;
    if (list_linked (&e->lru))
        list_del (&e->lru);
    else
        c->bytes += e->size + CACHE_ENTRY_COST;
    list_append (&c->lru, &e->lru);
}

static void lru_del (struct cache *c, struct cache_entry *e)
{
    if (list_linked (&e->lru)) {
        list_del (&e->lru);
        c->bytes -= e->size + CACHE_ENTRY_COST;
    }
}

static void entry_free (struct cache_entry *e)
{
    list_del (&e->load.action.link);
    list_del (&e->lru);
    blob_put (e->raw);
    treeobj_put (e->dir);
    slab_free (e, sizeof (*e));
}

static void entry_drop (struct cache *c, struct cache_entry *e)
{
    table_del (&c->entries, &e->load.ref, sizeof (e->load.ref));
    if (e->loading)
        c->loading--;
    if (e->held)
        c->held--;
    lru_del (c, e);
    entry_free (e);
}

void cache_fini (struct cache *c)
{
    struct cache_entry *e;

    while ((e = table_pop (&c->entries))) {
        while (!list_empty (&e->waiters))
            list_del (e->waiters.next);
        entry_free (e);
    }
    table_fini (&c->entries);
}

static struct cache_entry *entry_find (const struct cache *c, const struct blobref *ref)
{
    return table_get (&c->entries, ref, sizeof (*ref));
}

static struct cache_entry *entry_new (struct cache *c, const struct blobref *ref)
{
    struct cache_entry *e = slab_alloc (sizeof (*e));

    if (!e)
        return NULL;
    *e = (struct cache_entry){ 0 };
    list_init (&e->load.action.link);
    e->load.action.type = KVS_ACTION_LOAD;
    e->load.ref = *ref;
    list_init (&e->lru);
    list_init (&e->waiters);
    if (table_put (&c->entries, &e->load.ref, sizeof (e->load.ref), e) < 0) {
        slab_free (e, sizeof (*e));
        return NULL;
    }
    return e;
}

/* Make room; what was used last stays even if it is larger than all. */
void cache_limit (struct cache *c)
{
    struct cache_entry *e;

    if (c->bytes <= CACHE_BYTES_MAX)
        return;
    list_foreach (&c->lru, e, lru) {
        if (c->bytes <= CACHE_BYTES_MAX || e->lru.next == &c->lru)
            break;
        entry_drop (c, e);
    }
}

void cache_expire (struct cache *c)
{
    struct cache_entry *e;

    list_foreach (&c->lru, e, lru) {
        if (c->now - e->used <= CACHE_AGE_MAX)
            break;
        entry_drop (c, e);
    }
}

static void start_load (struct cache *c, struct cache_entry *e)
{
    lru_del (c, e);
    e->loading = true;
    c->loading++;
    c->faults++;
    list_append (c->actions, &e->load.action.link);
}

/* An entry that is not loading, or -EAGAIN. */
static int entry_want (struct cache *c,
                       const struct blobref *ref,
                       struct waiter *w,
                       struct cache_entry **ret)
{
    struct cache_entry *e = entry_find (c, ref);

    if (!e) {
        if (!(e = entry_new (c, ref)))
            return -ENOMEM;
        start_load (c, e);
    }
    if (e->loading) {
        list_append (&e->waiters, &w->link);
        return -EAGAIN;
    }
    lru_add (c, e);
    *ret = e;
    return 0;
}

/* The text of a held directory: that is what its name stands for. */
static int make_raw (struct cache_entry *e)
{
    struct text t = TEXT_INIT;
    char *data;
    size_t len;

    treeobj_write (e->dir, &t);
    if (!(data = text_take (&t, &len))) {
        text_fini (&t);
        return -ENOMEM;
    }
    return (e->raw = blob_new_malloced (data, len)) ? 0 : -ENOMEM;
}

int cache_raw (struct cache *c,
               const struct blobref *ref,
               struct waiter *w,
               struct blob **ret)
{
    struct cache_entry *e;
    int r;

    if ((r = entry_want (c, ref, w, &e)) < 0)
        return r;
    if (!e->raw && e->held && (r = make_raw (e)) < 0)
        return r;
    if (!e->raw) {
        /* Only the directory was kept, and another text may encode it, too. */
        start_load (c, e);
        list_append (&e->waiters, &w->link);
        return -EAGAIN;
    }
    *ret = e->raw;
    return 0;
}

static int entry_decode (struct cache_entry *e)
{
    struct treeobj *o;
    int r;

    if ((r = treeobj_parse (e->raw->data, e->raw->len, &o)) < 0) {
        if (r == -ENOMEM)
            return r;
        e->nodir = -EPROTO;
        return r;
    }
    if (treeobj_type (o) != TREEOBJ_DIR) {
        treeobj_put (o);
        e->nodir = -EINVAL;
        return 0;
    }
    e->dir = o;
    if (!e->held) { /* else it is what will be stored */
        blob_put (e->raw);
        e->raw = NULL;
    }
    return 0;
}

int cache_dir (struct cache *c,
               const struct blobref *ref,
               struct waiter *w,
               struct treeobj **ret)
{
    struct cache_entry *e;
    int r;

    if ((r = entry_want (c, ref, w, &e)) < 0)
        return r;
    if (!e->dir && !e->nodir) {
        if ((r = entry_decode (e)) == -ENOMEM)
            return r;
    }
    if (e->nodir) {
        c->have_bad = c->bad_nodir = true;
        c->bad = *ref;
        return e->nodir;
    }
    *ret = e->dir;
    return 0;
}

char *cache_bad_text (const struct cache *c, int errnum)
{
    char ref[BLOBREF_TEXT_SIZE];
    char *text;

    if (!c->have_bad
        || asprintf (&text, "%s: %s", blobref_str (&c->bad, ref),
                     c->bad_nodir ? "this blob is no directory" : strerror (errnum))
               < 0)
        return NULL;
    return text;
}

void cache_loaded (struct cache *c,
                   const struct blobref *ref,
                   int errnum,
                   struct blob *blob)
{
    struct cache_entry *e = entry_find (c, ref);
    struct list waiters = LIST_INIT (waiters);
    struct blobref name = *ref; /* which may go with the entry */
    struct waiter *w;

    if (!e || !e->loading)
        return;
    list_splice (&waiters, &e->waiters);
    if (e->held) { /* made here meanwhile */
        list_del (&e->load.action.link);
        e->loading = false;
        c->loading--;
        lru_add (c, e);
        errnum = 0;
    }
    else if (errnum) {
        if (e->dir) { /* what was there before is still good */
            e->loading = false;
            c->loading--;
            lru_add (c, e);
        }
        else
            entry_drop (c, e);
    }
    else {
        list_del (&e->load.action.link);
        e->loading = false;
        c->loading--;
        blob_put (e->raw);
        e->raw = blob_get (blob);
        e->size = blob->len;
        lru_add (c, e);
        cache_limit (c);
    }
    while ((w = list_first (&waiters, struct waiter, link))) {
        list_del (&w->link);
        c->have_bad = errnum != 0;
        c->bad_nodir = false;
        c->bad = name;
        w->wake (w, errnum);
    }
}

static struct cache_entry *
entry_add (struct cache *c, const struct blobref *ref, size_t size)
{
    struct cache_entry *e = entry_find (c, ref);

    if (e) {
        if (!e->loading)
            lru_add (c, e);
        return NULL;
    }
    if (!(e = entry_new (c, ref)))
        return NULL;
    e->size = size;
    lru_add (c, e);
    return e;
}

void cache_add_dir (struct cache *c,
                    const struct blobref *ref,
                    struct treeobj *dir,
                    size_t size)
{
    struct cache_entry *e = entry_add (c, ref, size);

    if (e) {
        e->dir = treeobj_get (dir);
        cache_limit (c);
    }
}

void cache_add_raw (struct cache *c, const struct blobref *ref, struct blob *blob)
{
    struct cache_entry *e = entry_add (c, ref, blob->len);

    if (e) {
        e->raw = blob_get (blob);
        cache_limit (c);
    }
}

/* An entry for what is to be held. */
static struct cache_entry *
entry_put (struct cache *c, const struct blobref *ref, size_t size, bool *known)
{
    struct cache_entry *e = entry_find (c, ref);

    *known = e && !e->loading;
    if (!e) {
        if (!(e = entry_new (c, ref)))
            return NULL;
        e->size = size;
    }
    if (!e->held) {
        e->held = true;
        c->held++;
    }
    return e;
}

struct cache_entry *cache_put_dir (struct cache *c,
                                   const struct blobref *ref,
                                   struct treeobj *dir,
                                   size_t size,
                                   bool *known)
{
    struct cache_entry *e = entry_put (c, ref, size, known);

    /* The new one knows best what of it is stored: what the old one refers to may
     * have been removed from the store since, and be made anew by this commit.
     */
    if (e && e->dir != dir) {
        treeobj_put (e->dir);
        e->dir = treeobj_get (dir);
        e->nodir = 0;
    }
    return e;
}

struct cache_entry *
cache_put_raw (struct cache *c, const struct blobref *ref, struct blob *blob, bool *known)
{
    struct cache_entry *e = entry_put (c, ref, blob->len, known);

    if (e && !e->raw)
        e->raw = blob_get (blob);
    return e;
}

struct cache_entry *cache_held (const struct cache *c, const struct blobref *ref)
{
    struct cache_entry *e = c->held > 0 ? entry_find (c, ref) : NULL;

    return e && e->held ? e : NULL;
}

void cache_write_held (const struct cache_entry *e, struct text *out)
{
    if (e->raw)
        text_put (out, e->raw->data, e->raw->len);
    else
        treeobj_write (e->dir, out);
}

size_t cache_cost (const struct cache_entry *e)
{
    size_t n = CACHE_ENTRY_COST;

    if (e->raw)
        n += e->raw->len;
    if (e->dir && e->held && e->size > CACHE_DIR_COST)
        n += CACHE_DIR_COST + treeobj_dir_count (e->dir) / 4;
    else if (e->dir)
        n += e->size;
    return n;
}

void cache_stored (struct cache *c, struct cache_entry *e)
{
    if (e->held)
        c->held--;
    e->held = e->keep = false;
}

struct blob *cache_peek (const struct cache *c, const struct blobref *ref)
{
    const struct cache_entry *e = entry_find (c, ref);

    return e && !e->loading ? e->raw : NULL;
}

bool cache_has (const struct cache *c, const struct blobref *ref)
{
    struct cache_entry *e = entry_find (c, ref);

    return e && !e->loading;
}

void cache_pin_entry (struct cache *c, struct cache_entry *e)
{
    lru_del (c, e);
    e->pins++;
}

struct cache_entry *cache_pin (struct cache *c, const struct blobref *ref)
{
    struct cache_entry *e = entry_find (c, ref);

    if (!e || e->loading)
        return NULL;
    cache_pin_entry (c, e);
    return e;
}

void cache_unpin (struct cache *c, struct cache_entry *e)
{
    if (!e)
        return;
    must (e->pins > 0);
    if (--e->pins > 0)
        return;
    if (!e->held) {
        if (!e->loading)
            lru_add (c, e);
    }
    else if (!e->loading)
        entry_drop (c, e); /* nobody needs it, and nobody else has it */
    else
        cache_stored (c, e); /* if that is so, the load under way finds it */
}
