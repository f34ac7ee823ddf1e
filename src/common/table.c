#include "config.h"
#include <errno.h>
#include <stdlib.h>

#include "table.h"

#define TABLE_MIN_SLOTS 16

/* splitmix64's finaliser: ids that differ in few bits spread over all slots. */
static uint64_t mix (uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9ULL;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebULL;
    x ^= x >> 31;
    return x;
}

/* Eight bytes a step; keys are short (digests, KVS keys, names). */
static uint64_t hash_bytes (const void *key, size_t len)
{
    const unsigned char *p = key;
    uint64_t h = 0x9e3779b97f4a7c15ULL ^ len;
    uint64_t w;

    for (; len >= 8; p += 8, len -= 8) {
        memcpy (&w, p, 8);
        h = mix (h ^ w);
    }
    if (len > 0) {
        w = 0;
        memcpy (&w, p, len);
        h = mix (h ^ w);
    }
    return h;
}

static size_t home (const struct table *t, const struct table_slot *s)
{
    return (s->key ? s->hash : mix (s->hash)) & t->mask;
}

static int same_key (const struct table_slot *a, const struct table_slot *b)
{
    return a->hash == b->hash && a->keylen == b->keylen
           && (!a->key || memcmp (a->key, b->key, a->keylen) == 0);
}

/* The slot that holds the key of 'want', or the free slot where it belongs. */
static struct table_slot *find (const struct table *t,
                                const struct table_slot *want)
{
    size_t i = home (t, want);

    while (t->slots[i].value && !same_key (&t->slots[i], want))
        i = (i + 1) & t->mask;
    return &t->slots[i];
}

static int grow (struct table *t)
{
    size_t nslots = t->slots ? (t->mask + 1) * 2 : TABLE_MIN_SLOTS;
    struct table bigger = { .mask = nslots - 1, .count = t->count };

    if (!(bigger.slots = calloc (nslots, sizeof (bigger.slots[0]))))
        return -ENOMEM;
    if (t->slots) {
        for (size_t i = 0; i <= t->mask; i++) {
            if (t->slots[i].value)
                *find (&bigger, &t->slots[i]) = t->slots[i];
        }
        free (t->slots);
    }
    *t = bigger;
    return 0;
}

static int put (struct table *t, const struct table_slot *want)
{
    struct table_slot *slot;
    int r;

    if (!want->value)
        return -EINVAL;
    if (!t->slots || t->count + 1 > (t->mask + 1) / 4 * 3) {
        if ((r = grow (t)) < 0)
            return r;
    }
    slot = find (t, want);
    if (slot->value)
        return -EEXIST;
    *slot = *want;
    t->count++;
    return 0;
}

static void *get (const struct table *t, const struct table_slot *want)
{
    return t->count > 0 ? find (t, want)->value : NULL;
}

/* Empty 'slot' and move up those after it that had been pushed past it. */
static void *vacate (struct table *t, struct table_slot *slot)
{
    void *value = slot->value;
    size_t hole = slot - t->slots;
    size_t i = hole;

    for (;;) {
        i = (i + 1) & t->mask;
        if (!t->slots[i].value)
            break;
        size_t h = home (t, &t->slots[i]);
        if (((i - h) & t->mask) >= ((i - hole) & t->mask)) {
            t->slots[hole] = t->slots[i];
            hole = i;
        }
    }
    t->slots[hole].value = NULL;
    t->count--;
    return value;
}

static void *del (struct table *t, const struct table_slot *want)
{
    struct table_slot *slot;

    if (t->count == 0 || !(slot = find (t, want))->value)
        return NULL;
    return vacate (t, slot);
}

static struct table_slot slot_u64 (uint64_t key, void *value)
{
    return (struct table_slot){ .hash = key, .value = value };
}

static struct table_slot slot_bytes (const void *key, size_t len, void *value)
{
    return (struct table_slot){
        .hash = hash_bytes (key, len),
        .key = key,
        .keylen = len,
        .value = value,
    };
}

void table_init (struct table *t)
{
    *t = (struct table)TABLE_INIT;
}

void table_fini (struct table *t)
{
    if (t) {
        free (t->slots);
        table_init (t);
    }
}

int table_put_u64 (struct table *t, uint64_t key, void *value)
{
    struct table_slot s = slot_u64 (key, value);
    return put (t, &s);
}

int table_put (struct table *t, const void *key, size_t len, void *value)
{
    struct table_slot s = slot_bytes (key, len, value);

    if (!key || len > UINT32_MAX)
        return -EINVAL;
    return put (t, &s);
}

void *table_get_u64 (const struct table *t, uint64_t key)
{
    struct table_slot s = slot_u64 (key, NULL);
    return get (t, &s);
}

void *table_get (const struct table *t, const void *key, size_t len)
{
    struct table_slot s = slot_bytes (key, len, NULL);
    return get (t, &s);
}

void *table_del_u64 (struct table *t, uint64_t key)
{
    struct table_slot s = slot_u64 (key, NULL);
    return del (t, &s);
}

void *table_del (struct table *t, const void *key, size_t len)
{
    struct table_slot s = slot_bytes (key, len, NULL);
    return del (t, &s);
}

void *table_next (const struct table *t, size_t *pos)
{
    if (!t->slots)
        return NULL;
    while (*pos <= t->mask) {
        void *value = t->slots[(*pos)++].value;
        if (value)
            return value;
    }
    return NULL;
}

void *table_pop (struct table *t)
{
    if (t->count == 0)
        return NULL;
    while (!t->slots[t->hint & t->mask].value)
        t->hint++;
    return vacate (t, &t->slots[t->hint & t->mask]);
}
