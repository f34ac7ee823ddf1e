#include "config.h"

#include "common/util.h"
#include "tagpool.h"

enum { BITS = 64, FIRST_WORDS = 1024 / BITS };
#define MAX_WORDS ((size_t)1 << (31 - 6))

/* One bit per tag, set: out.  Words below 'hint' are full, so the search for
 * the lowest free tag does not start over at each allocation.
 */
struct tagpool {
    uint64_t *words;
    size_t count;
    size_t hint;
    uint32_t out; /* tag 0 included */
};

struct tagpool *tagpool_create (void)
{
    struct tagpool *t;

    if (!(t = calloc (1, sizeof (*t)))
        || !(t->words = calloc (FIRST_WORDS, sizeof (*t->words)))) {
        tagpool_destroy (t);
        return NULL;
    }
    t->count = FIRST_WORDS;
    t->words[0] = 1;
    t->out = 1;
    return t;
}

void tagpool_destroy (struct tagpool *t)
{
    if (t) {
        free_keep_errno (t->words);
        free_keep_errno (t);
    }
}

uint32_t tagpool_size (const struct tagpool *t)
{
    return t->count * BITS - 1;
}

uint32_t tagpool_avail (const struct tagpool *t)
{
    return t->count * BITS - t->out;
}

static int grow (struct tagpool *t)
{
    uint64_t *words;

    if (t->count >= MAX_WORDS) {
        errno = EBUSY;
        return -1;
    }
    if (!(words = realloc (t->words, 2 * t->count * sizeof (*words))))
        return -1;
    memset (words + t->count, 0, t->count * sizeof (*words));
    t->words = words;
    t->count *= 2;
    return 0;
}

uint32_t tagpool_alloc (struct tagpool *t, uint32_t *grown_from)
{
    int bit;

    *grown_from = 0;
    while (t->hint < t->count && t->words[t->hint] == UINT64_MAX)
        t->hint++;
    if (t->hint == t->count) {
        uint32_t before = tagpool_size (t);

        if (grow (t) < 0)
            return 0;
        *grown_from = before;
    }
    bit = __builtin_ctzll (~t->words[t->hint]);
    t->words[t->hint] |= (uint64_t)1 << bit;
    t->out++;
    return t->hint * BITS + bit;
}

void tagpool_free (struct tagpool *t, uint32_t tag)
{
    size_t word = tag / BITS;
    uint64_t mask = (uint64_t)1 << tag % BITS;

    if (tag == 0 || word >= t->count || !(t->words[word] & mask))
        return;
    t->words[word] &= ~mask;
    t->out--;
    if (word < t->hint)
        t->hint = word;
}

uint32_t tagpool_next (const struct tagpool *t, uint32_t tag)
{
    size_t word = ++tag / BITS;
    uint64_t rest;

    if (word >= t->count)
        return 0;
    rest = t->words[word] & (UINT64_MAX << tag % BITS);
    while (rest == 0) {
        if (++word == t->count)
            return 0;
        rest = t->words[word];
    }
    return word * BITS + __builtin_ctzll (rest);
}
