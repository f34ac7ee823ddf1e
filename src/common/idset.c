/* idset.c - the public set (flux/idset.h): a trie, a universe, and the rules of
 * growing.
 *
 * Invariants: no member >= universe; the root's height suffices for every
 * member, not for the whole universe.
 */

#include "config.h"
#include <errno.h>
#include <stdint.h>

#include <flux/idset.h>

#include "idtrie.h"
#include "text.h"
#include "util.h"

#define DEFAULT_UNIVERSE 1024
#define CREATE_FLAGS                                                          \
    (IDSET_FLAG_AUTOGROW | IDSET_FLAG_INITFULL | IDSET_FLAG_COUNT_LAZY        \
     | IDSET_FLAG_ALLOC_RR)

struct idset {
    uint64_t root;
    int height;
    int flags;
    size_t universe;
    unsigned int rr; /* IDSET_FLAG_ALLOC_RR: where to look next */
};

/* Make the root high enough for id. */
static int raise_for (struct idset *idset, unsigned int id)
{
    while (id >= slot_span (idset->height)) {
        must (idset->height < SLOT_MAX_HEIGHT);
        if (slot_raise (&idset->root, idset->height) < 0) {
            errno = ENOMEM;
            return -1;
        }
        idset->height++;
    }
    return 0;
}

static bool valid_id (unsigned int id)
{
    return id < IDSET_INVALID_ID;
}

static int range_update (struct idset *idset,
                         unsigned int lo,
                         unsigned int hi,
                         bool member)
{
    if (member && raise_for (idset, hi) < 0)
        return -1;
    if (lo >= slot_span (idset->height))
        return 0;
    if (hi >= slot_span (idset->height))
        hi = slot_span (idset->height) - 1;
    if (slot_range (&idset->root, idset->height, lo, hi, member) < 0) {
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

/* Make the universe include id. */
static int grow (struct idset *idset, unsigned int id)
{
    size_t universe = idset->universe;

    if (id < universe)
        return 0;
    if (!(idset->flags & IDSET_FLAG_AUTOGROW)) {
        errno = EINVAL;
        return -1;
    }
    if (id >= IDSET_MAX_UNIVERSE) {
        errno = ERANGE;
        return -1;
    }
    while (universe <= id)
        universe *= 2;
    if (universe > IDSET_MAX_UNIVERSE)
        universe = IDSET_MAX_UNIVERSE;
    if ((idset->flags & IDSET_FLAG_INITFULL)
        && range_update (idset, idset->universe, universe - 1, true) < 0)
        return -1;
    idset->universe = universe;
    return 0;
}

struct idset *idset_create (size_t size, int flags)
{
    struct idset *idset;

    if (flags & ~CREATE_FLAGS) {
        errno = EINVAL;
        return NULL;
    }
    if (size > IDSET_MAX_UNIVERSE) {
        errno = ERANGE;
        return NULL;
    }
    if (!(idset = calloc (1, sizeof (*idset))))
        return NULL;
    idset->universe = size > 0 ? size : DEFAULT_UNIVERSE;
    idset->flags = flags;
    if ((flags & IDSET_FLAG_INITFULL)
        && range_update (idset, 0, idset->universe - 1, true) < 0) {
        idset_destroy (idset);
        return NULL;
    }
    return idset;
}

void idset_destroy (struct idset *idset)
{
    if (idset) {
        int saved_errno = errno;
        slot_free (idset->root, idset->height);
        free (idset);
        errno = saved_errno;
    }
}

static void idset_destroyp (struct idset **idset)
{
    idset_destroy (*idset);
}

size_t idset_universe_size (const struct idset *idset)
{
    return idset ? idset->universe : 0;
}

static struct idset *copy_with (const struct idset *idset, int flags)
{
    struct idset *cpy;

    if (!idset) {
        errno = EINVAL;
        return NULL;
    }
    if (!(cpy = malloc (sizeof (*cpy))))
        return NULL;
    *cpy = *idset;
    cpy->flags = flags;
    if (slot_copy (&cpy->root, idset->root, idset->height) < 0) {
        free (cpy);
        errno = ENOMEM;
        return NULL;
    }
    return cpy;
}

struct idset *idset_copy (const struct idset *idset)
{
    return copy_with (idset, idset ? idset->flags : 0);
}

/* Bring lo and hi into order. */
static int check_range (const struct idset *idset, unsigned int *lo, unsigned int *hi)
{
    unsigned int first = *lo < *hi ? *lo : *hi;
    unsigned int last = *lo < *hi ? *hi : *lo;

    if (!idset || !valid_id (last)) {
        errno = EINVAL;
        return -1;
    }
    *lo = first;
    *hi = last;
    return 0;
}

int idset_range_set (struct idset *idset, unsigned int lo, unsigned int hi)
{
    if (check_range (idset, &lo, &hi) < 0)
        return -1;
    if (hi >= idset->universe) {
        if (idset->flags & IDSET_FLAG_INITFULL) {
            /* ids beyond the universe are in already, so to speak */
            if (lo >= idset->universe)
                return 0;
            hi = idset->universe - 1;
        }
        else if (grow (idset, hi) < 0)
            return -1;
    }
    return range_update (idset, lo, hi, true);
}

int idset_set (struct idset *idset, unsigned int id)
{
    return idset_range_set (idset, id, id);
}

int idset_range_clear (struct idset *idset, unsigned int lo, unsigned int hi)
{
    if (check_range (idset, &lo, &hi) < 0)
        return -1;
    if (hi >= idset->universe) {
        if (idset->flags & IDSET_FLAG_INITFULL) {
            if (grow (idset, hi) < 0)
                return -1;
        }
        else {
            if (lo >= idset->universe)
                return 0;
            hi = idset->universe - 1;
        }
    }
    return range_update (idset, lo, hi, false);
}

int idset_clear (struct idset *idset, unsigned int id)
{
    return idset_range_clear (idset, id, id);
}

bool idset_test (const struct idset *idset, unsigned int id)
{
    if (!idset || id >= idset->universe || id >= slot_span (idset->height))
        return false;
    return slot_test (idset->root, idset->height, id);
}

static unsigned int next_from (const struct idset *idset, uint64_t from)
{
    uint64_t id;

    if (!idset || from >= slot_span (idset->height)
        || !slot_next (idset->root, idset->height, from, true, &id))
        return IDSET_INVALID_ID;
    return id;
}

/* The first id above 'from', a member, that is none. */
static uint64_t gap_after (const struct idset *idset, uint64_t from)
{
    uint64_t id;

    if (from + 1 >= slot_span (idset->height)
        || !slot_next (idset->root, idset->height, from + 1, false, &id))
        return slot_span (idset->height);
    return id;
}

unsigned int idset_first (const struct idset *idset)
{
    return next_from (idset, 0);
}

unsigned int idset_next (const struct idset *idset, unsigned int id)
{
    return next_from (idset, (uint64_t)id + 1);
}

static unsigned int prev_from (const struct idset *idset, uint64_t from)
{
    uint64_t id;

    if (from >= slot_span (idset->height))
        from = slot_span (idset->height) - 1;
    if (!slot_prev (idset->root, idset->height, from, &id))
        return IDSET_INVALID_ID;
    return id;
}

unsigned int idset_last (const struct idset *idset)
{
    return idset ? prev_from (idset, UINT64_MAX) : IDSET_INVALID_ID;
}

unsigned int idset_prev (const struct idset *idset, unsigned int id)
{
    return idset && id > 0 ? prev_from (idset, (uint64_t)id - 1) : IDSET_INVALID_ID;
}

size_t idset_count (const struct idset *idset)
{
    return idset ? slot_count (idset->root, idset->height) : 0;
}

bool idset_empty (const struct idset *idset)
{
    return !idset || idset->root == 0;
}

bool idset_equal (const struct idset *a, const struct idset *b)
{
    int height;

    if (!a || !b || idset_count (a) != idset_count (b))
        return false;
    if (idset_last (a) != idset_last (b))
        return false;
    height = a->height < b->height ? a->height : b->height;
    return slot_equal (slot_lower (a->root, a->height, height),
                       slot_lower (b->root, b->height, height),
                       height);
}

bool idset_has_intersection (const struct idset *a, const struct idset *b)
{
    int height;

    if (!a || !b)
        return false;
    height = a->height < b->height ? a->height : b->height;
    return slot_meets (slot_lower (a->root, a->height, height),
                       slot_lower (b->root, b->height, height),
                       height);
}

/* Add members of b one range at a time, by the rules of idset_range_set. */
static int add_ranges (struct idset *a, const struct idset *b)
{
    unsigned int lo;
    uint64_t gap;

    for (lo = idset_first (b); lo != IDSET_INVALID_ID; lo = next_from (b, gap)) {
        gap = gap_after (b, lo);
        if (idset_range_set (a, lo, gap - 1) < 0)
            return -1;
    }
    return 0;
}

int idset_add (struct idset *a, const struct idset *b)
{
    unsigned int last;

    if (!a) {
        errno = EINVAL;
        return -1;
    }
    if (a == b || idset_empty (b))
        return 0;
    last = idset_last (b);
    if (last >= a->universe && (a->flags & IDSET_FLAG_INITFULL))
        return add_ranges (a, b);
    if (grow (a, last) < 0 || raise_for (a, last) < 0)
        return -1;
    if (a->height > b->height)
        return add_ranges (a, b);
    if (slot_add (&a->root, slot_lower (b->root, b->height, a->height), a->height) < 0) {
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

static int subtract_ranges (struct idset *a, const struct idset *b)
{
    unsigned int lo;
    uint64_t gap;

    for (lo = idset_first (b); lo != IDSET_INVALID_ID; lo = next_from (b, gap)) {
        gap = gap_after (b, lo);
        if (range_update (a, lo, gap - 1, false) < 0)
            return -1;
    }
    return 0;
}

int idset_subtract (struct idset *a, const struct idset *b)
{
    uint64_t other;

    if (!a) {
        errno = EINVAL;
        return -1;
    }
    if (a == b) {
        slot_set (&a->root, a->height, 0);
        return 0;
    }
    if (idset_empty (b))
        return 0;
    if (a->height > b->height)
        return subtract_ranges (a, b);
    other = slot_lower (b->root, b->height, a->height);
    if (slot_subtract (&a->root, other, a->height) < 0) {
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

struct idset *idset_union (const struct idset *a, const struct idset *b)
{
    _cleanup_ (idset_destroyp) struct idset *result = NULL;

    if (!(result = copy_with (a, IDSET_FLAG_AUTOGROW)) || idset_add (result, b) < 0)
        return NULL;
    return move_ptr (result);
}

struct idset *idset_difference (const struct idset *a, const struct idset *b)
{
    _cleanup_ (idset_destroyp) struct idset *result = NULL;

    if (!(result = idset_copy (a)) || idset_subtract (result, b) < 0)
        return NULL;
    return move_ptr (result);
}

struct idset *idset_intersect (const struct idset *a, const struct idset *b)
{
    struct idset *result;

    if (!a || !b) {
        errno = EINVAL;
        return NULL;
    }
    if (!(result = calloc (1, sizeof (*result))))
        return NULL;
    result->universe = a->universe;
    result->flags = a->flags;
    result->height = a->height < b->height ? a->height : b->height;
    if (slot_intersect (&result->root,
                        slot_lower (a->root, a->height, result->height),
                        slot_lower (b->root, b->height, result->height),
                        result->height)
        < 0) {
        free (result);
        errno = ENOMEM;
        return NULL;
    }
    return result;
}

int idset_alloc (struct idset *idset, unsigned int *val)
{
    unsigned int id = IDSET_INVALID_ID;

    if (!idset || !val || !(idset->flags & IDSET_FLAG_INITFULL)) {
        errno = EINVAL;
        return -1;
    }
    if ((idset->flags & IDSET_FLAG_ALLOC_RR))
        id = next_from (idset, idset->rr);
    if (id == IDSET_INVALID_ID)
        id = idset_first (idset);
    if (id == IDSET_INVALID_ID) {
        id = idset->universe;
        if (grow (idset, id) < 0)
            return -1;
    }
    if (range_update (idset, id, id, false) < 0)
        return -1;
    idset->rr = id + 1;
    *val = id;
    return 0;
}

int idset_free_check (struct idset *idset, unsigned int val)
{
    if (!idset || !(idset->flags & IDSET_FLAG_INITFULL) || val >= idset->universe) {
        errno = EINVAL;
        return -1;
    }
    if (idset_test (idset, val)) {
        errno = EEXIST;
        return -1;
    }
    return range_update (idset, val, val, true);
}

void idset_free (struct idset *idset, unsigned int val)
{
    int saved_errno = errno;

    (void)idset_free_check (idset, val);
    errno = saved_errno;
}

char *idset_encode (const struct idset *idset, int flags)
{
    struct text t = TEXT_INIT;
    const char *separator = "";
    unsigned int lo;
    uint64_t gap;
    bool brackets;
    char *s;

    if (!idset || (flags & ~(IDSET_FLAG_RANGE | IDSET_FLAG_BRACKETS))) {
        errno = EINVAL;
        return NULL;
    }
    brackets = (flags & IDSET_FLAG_BRACKETS) && idset_count (idset) > 1;
    if (brackets)
        text_putc (&t, '[');
    for (lo = idset_first (idset); lo != IDSET_INVALID_ID; lo = next_from (idset, gap)) {
        gap = flags & IDSET_FLAG_RANGE ? gap_after (idset, lo) : (uint64_t)lo + 1;
        text_puts (&t, separator);
        text_put_uint (&t, lo);
        if (gap > (uint64_t)lo + 1) {
            text_putc (&t, '-');
            text_put_uint (&t, gap - 1);
        }
        separator = ",";
        if (text_error (&t) < 0)
            break;
    }
    if (brackets)
        text_putc (&t, ']');
    if (!(s = text_take (&t, NULL))) {
        text_fini (&t);
        errno = ENOMEM;
    }
    return s;
}
