#include "config.h"

#include "cache.h"
#include "common/tap.h"

static struct blobref name (unsigned int i)
{
    struct blobref ref = { .kind = BLOBREF_SHA1 };

    memcpy (ref.bytes, &i, sizeof (i));
    return ref;
}

static struct entry *add (struct cache *c, unsigned int i)
{
    struct blobref ref = name (i);
    struct entry *e = cache_add (c, &ref);

    if (!e)
        bail_out ("out of memory");
    return e;
}

static struct entry *find (struct cache *c, unsigned int i)
{
    struct blobref ref = name (i);

    return cache_find (c, &ref);
}

static void store (struct cache *c, unsigned int i, size_t len)
{
    struct entry *e = find (c, i);
    struct blob *b = blob_new (NULL, len, NULL, NULL);

    cache_store (c, e ? e : add (c, i), b);
    blob_put (b);
}

static struct entry *send_next (struct cache *c)
{
    struct entry *e = cache_first_dirty (c);

    if (e)
        cache_sending (c, e);
    return e;
}

static void writing_back (void)
{
    struct cache c;
    struct entry *a, *b;

    cache_init (&c);
    store (&c, 1, 10);
    store (&c, 2, 5);
    store (&c, 1, 10);
    ok (c.ndirty == 2 && c.dirty_bytes == 15 && c.bytes == 15, "two dirty blobs");
    a = send_next (&c);
    b = send_next (&c);
    ok (a == find (&c, 1) && b == find (&c, 2) && !send_next (&c), "first in, first out");
    store (&c, 1, 10);
    ok (a->state == ENTRY_STORING, "one that is being written need not be written again");
    cache_stored (&c, a, true);
    cache_stored (&c, b, false);
    ok (c.nclean == 1 && c.ndirty == 1 && c.nfailed == 1 && c.nstoring == 0,
        "one was written, one was not");
    ok (!send_next (&c), "what failed is not tried again by itself");
    cache_retry (&c);
    ok (c.nfailed == 0 && send_next (&c) == b, "but when asked for");
    cache_requeue (&c);
    ok (b->state == ENTRY_DIRTY && send_next (&c) == b,
        "and when its answer will never come");
    cache_unsent (&c, b);
    ok (b->state == ENTRY_DIRTY && c.nstoring == 0 && send_next (&c) == b,
        "and when it was not sent in truth");
    cache_stored (&c, b, true);
    store (&c, 2, 5);
    ok (b->state == ENTRY_DIRTY && c.dirty_bytes == 5,
        "storing a clean blob makes it dirty");
    cache_fini (&c);
}

static void load (struct cache *c, unsigned int i, size_t len)
{
    struct blob *b = blob_new (NULL, len, NULL, NULL);

    cache_loaded (c, add (c, i), b);
    blob_put (b);
    cache_limit (c);
}

/* Who reads on and on. */
static void passing (void)
{
    struct cache c;
    int left = 0;

    cache_init (&c);
    c.limit = 1000;
    c.entry_cost = 0;
    c.passing_max = 300;
    for (int i = 0; i < 10; i++)
        load (&c, i, 100);
    ok (c.bytes == 1000 && c.passing_bytes == 0, "a cache that is full");
    for (int i = 10; i < 100; i++) {
        load (&c, i, 100);
        if (i == 50)
            ok (find (&c, 9) && find (&c, 50), "what passed is asked for, and is kept");
    }
    ok (c.bytes == 1000 && c.passing_bytes == 300, "what passes does not take up more than it may");
    for (int i = 4; i < 10; i++)
        left += find (&c, i) != NULL;
    ok (left == 6, "what was there stays, but for that");
    ok (find (&c, 50) && !find (&c, 51), "what was asked for twice stays");
    ok (find (&c, 97) && find (&c, 98) && find (&c, 99) && c.passing_bytes == 0,
        "the newest are there");
    load (&c, 100, 900);
    ok (find (&c, 100) && c.bytes <= 1000, "a large one finds room");
    load (&c, 101, 2000);
    ok (c.bytes == 0, "one that is larger than all does not stay");
    cache_fini (&c);
}

/* Many small ones: what they take is not their data. */
static void counting (void)
{
    struct cache c;

    cache_init (&c);
    c.limit = 100 * (10 + CACHE_ENTRY_COST);
    c.passing_max = 0;
    for (int i = 0; i < 1000; i++)
        load (&c, i, 10);
    ok (c.bytes <= 1010 && c.bytes >= 900, "so many stay that they take what they may");
    cache_fini (&c);
}

static void purging (void)
{
    struct cache c;
    struct blob *b = blob_new (NULL, 100, NULL, NULL);

    cache_init (&c);
    for (int i = 0; i < 10; i++) {
        c.now = i;
        cache_loaded (&c, add (&c, i), b);
    }
    add (&c, 10);
    store (&c, 11, 100);
    blob_put (b);
    find (&c, 0);
    cache_purge (&c, 550, 0);
    ok (c.bytes == 500 && !find (&c, 1) && find (&c, 0) && find (&c, 9) && find (&c, 11),
        "the least recently used go, down to the target");
    cache_purge (&c, 0, 1000);
    ok (c.bytes == 500, "if they are old enough");
    c.limit = 400;
    c.entry_cost = 0;
    cache_limit (&c);
    ok (c.bytes == 400, "or, when memory is short, however young");
    c.now = 2000;
    cache_purge (&c, 0, 1000);
    ok (c.bytes == 100 && find (&c, 11) && find (&c, 10), "dirty ones stay");
    cache_loaded (&c, find (&c, 10), find (&c, 11)->blob);
    cache_drop_clean (&c);
    ok (c.nclean == 0 && c.ndirty == 1 && !find (&c, 10),
        "all clean ones can be dropped");
    cache_drop (&c, find (&c, 11));
    ok (c.bytes == 0 && c.ndirty == 0 && c.dirty_bytes == 0, "the counts add up");
    cache_fini (&c);
}

int main (void)
{
    writing_back ();
    passing ();
    counting ();
    purging ();
    return done_testing ();
}
