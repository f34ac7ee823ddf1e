/* hostlist_sort.c - order and uniqueness, without spelling out the ranges.
 *
 * Hosts are ordered by prefix, then number of digits, then number.  So a range
 * is first cut where its numbers get a digit more; then ranges of one prefix
 * and one number of digits are intervals, and only where these overlap (which
 * uniq merges) does sort have to count single hosts.
 */

#include "config.h"
#include <errno.h>
#include <stdlib.h>

#include <flux/hostlist.h>

#include "hostlist_private.h"
#include "util.h"

struct piece {
    struct range r;
    int digits; /* of every number in it */
};

struct pieces {
    struct piece *v;
    size_t n;
    size_t cap;
};

static int add_piece (struct pieces *p, const struct piece *piece)
{
    if (p->n == p->cap) {
        size_t cap = p->cap ? 2 * p->cap : 16;
        struct piece *v = reallocarray (p->v, cap, sizeof (*v));

        if (!v)
            return -ENOMEM;
        p->v = v;
        p->cap = cap;
    }
    p->v[p->n++] = *piece;
    return 0;
}

/* The last number of so many digits. */
static uint64_t last_of_length (int digits)
{
    uint64_t limit = 1;

    for (; digits > 0; digits--) {
        if (__builtin_mul_overflow (limit, 10, &limit))
            return UINT64_MAX;
    }
    return limit - 1;
}

static int cut (struct pieces *p, const struct range *r)
{
    struct piece piece = { .r = *r };

    if (!r->numeric)
        return add_piece (p, &piece);
    for (;;) {
        piece.digits = text_digits (r->width, piece.r.lo);
        piece.r.hi = last_of_length (piece.digits);
        if (piece.r.hi > r->hi)
            piece.r.hi = r->hi;
        if (add_piece (p, &piece) < 0)
            return -ENOMEM;
        if (piece.r.hi == r->hi)
            return 0;
        piece.r.lo = piece.r.hi + 1;
    }
}

static int compare_prefix (const struct prefix *a, const struct prefix *b)
{
    return a == b ? 0 : strcmp (a->s, b->s);
}

static int compare (const void *x, const void *y)
{
    const struct piece *a = x;
    const struct piece *b = y;
    int rc = compare_prefix (a->r.prefix, b->r.prefix);

    if (rc != 0)
        return rc;
    if (a->r.numeric != b->r.numeric)
        return a->r.numeric ? 1 : -1;
    if (a->digits != b->digits)
        return a->digits < b->digits ? -1 : 1;
    if (a->r.lo != b->r.lo)
        return a->r.lo < b->r.lo ? -1 : 1;
    return 0;
}

/* Can one host be in both?  b is not before a. */
static bool overlap (const struct piece *a, const struct piece *b)
{
    return compare_prefix (a->r.prefix, b->r.prefix) == 0
           && a->r.numeric == b->r.numeric && a->digits == b->digits
           && b->r.lo <= a->r.hi;
}

static int compare_number (const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x;
    uint64_t b = *(const uint64_t *)y;

    return a < b ? -1 : a > b;
}

/* Append every single host of pieces that overlap, in order. */
static int push_hosts (struct hostlist *hl, const struct piece *v, size_t n)
{
    struct range one = v[0].r;
    uint64_t *numbers;
    size_t total = 0;
    size_t k = 0;
    int rc = 0;

    for (size_t i = 0; i < n; i++)
        total += range_size (&v[i].r);
    if (!(numbers = reallocarray (NULL, total, sizeof (*numbers))))
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        for (uint64_t m = 0; m < range_size (&v[i].r); m++)
            numbers[k++] = v[i].r.lo + m;
    }
    qsort (numbers, total, sizeof (*numbers), compare_number);
    for (size_t i = 0; i < total && rc == 0; i++) {
        one.lo = one.hi = numbers[i];
        rc = hl_push_copy (hl, &one);
    }
    free (numbers);
    return rc;
}

/* Append pieces v[0..n), which overlap: each host once if uniq. */
static int push_cluster (struct hostlist *hl, const struct piece *v, size_t n, bool uniq)
{
    struct range merged = v[0].r;

    if (n > 1 && !uniq)
        return push_hosts (hl, v, n);
    for (size_t i = 1; i < n; i++) {
        if (v[i].r.hi > merged.hi)
            merged.hi = v[i].r.hi;
    }
    return hl_push_copy (hl, &merged);
}

static int push_sorted (struct hostlist *hl, const struct pieces *p, bool uniq)
{
    size_t i, next;
    int rc = 0;

    for (i = 0; i < p->n && rc == 0; i = next) {
        struct piece reach = p->v[i];

        for (next = i + 1; next < p->n && overlap (&reach, &p->v[next]); next++) {
            if (p->v[next].r.hi > reach.r.hi)
                reach.r.hi = p->v[next].r.hi;
        }
        rc = push_cluster (hl, p->v + i, next - i, uniq);
    }
    return rc;
}

/* Without memory the list stays as it was: there is no way to say so. */
static void order (struct hostlist *hl, bool uniq)
{
    struct pieces p = { NULL, 0, 0 };
    struct hostlist *sorted;

    if (!hl || !(sorted = hostlist_create ()))
        return;
    for (size_t i = 0; i < hl->nranges; i++) {
        if (cut (&p, &hl->ranges[i]) < 0)
            goto done;
    }
    if (p.n > 0)
        qsort (p.v, p.n, sizeof (p.v[0]), compare);
    if (push_sorted (sorted, &p, uniq) == 0)
        hl_take (hl, sorted);
done:
    free (p.v);
    hostlist_destroy (sorted);
}

void hostlist_sort (struct hostlist *hl)
{
    order (hl, false);
}

void hostlist_uniq (struct hostlist *hl)
{
    order (hl, true);
}
