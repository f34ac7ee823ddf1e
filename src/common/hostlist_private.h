/* hostlist_private.h - what a hostlist is made of; see flux/hostlist.h.
 *
 * Invariants
 *  - ranges are in list order; neighbours that could be one range are one
 *  - range.start is the list index of its first host; count the sum of sizes
 *  - the text of host n of a numeric range is its prefix and n with at least
 *    'width' digits
 *
 * Errors below the public functions are 0 or negative errno.
 */

#ifndef MILLRACE_HOSTLIST_PRIVATE_H
#define MILLRACE_HOSTLIST_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOSTLIST_RANGE_MAX (1 << 20)
#define HOSTLIST_SPELLED_MAX (64 << 20) /* bytes of names spelled out, per text */

/* Shared by neighbouring ranges: most lists have one prefix. */
struct prefix {
    int refs;
    size_t len;
    char s[];
};

struct range {
    struct prefix *prefix;
    bool numeric; /* else one host, whose name is the prefix */
    int width;
    uint64_t lo;
    uint64_t hi;
    size_t start;
};

struct hostlist {
    struct range *ranges;
    size_t nranges;
    size_t cap;
    size_t count;
    size_t cursor; /* index of the current host, if any */
    enum {
        CURSOR_BEFORE, /* next gives the host at the cursor */
        CURSOR_AT,
    } cursor_state;
    char *buf; /* the string last returned */
    size_t bufsize;
};

/* A host name, taken apart. */
struct hostname {
    const char *s;
    size_t len;
    size_t prefixlen;
    bool numeric; /* the rest is a number */
    uint64_t number;
};

static inline uint64_t range_size (const struct range *r)
{
    return r->hi - r->lo + 1;
}

/* Digits of n in decimal. */
int decimal_digits (uint64_t n);

/* Digits of host n of a range of that width. */
static inline int text_digits (int width, uint64_t n)
{
    int digits = decimal_digits (n);

    return digits > width ? digits : width;
}

struct hostname hostname_parse (const char *s, size_t len);

/* Append hosts; they join the last range if they can.  -ENOMEM, -ERANGE. */
int hl_push_range (struct hostlist *hl,
                   const char *prefix,
                   size_t prefixlen,
                   int width,
                   uint64_t lo,
                   uint64_t hi);
int hl_push_copy (struct hostlist *hl, const struct range *r);
int hl_push_host (struct hostlist *hl, const char *s, size_t len);

/* Read the hosts of a text into hl; on failure some may be in it. */
int hl_parse (struct hostlist *hl, const char *s);

/* Drop all hosts. */
void hl_clear (struct hostlist *hl);

/* Replace the content of hl by that of other, which is left empty. */
void hl_take (struct hostlist *hl, struct hostlist *other);

#endif /* !MILLRACE_HOSTLIST_PRIVATE_H */
