#include "config.h"
#include <errno.h>
#include <stdio.h>

#include <flux/hostlist.h>

#include "hostlist_private.h"
#include "text.h"
#include "util.h"

#define SEPARATORS ", \t"

/* The text between two brackets and what is around it. */
struct brackets {
    const char *prefix;
    size_t prefixlen;
    const char *inner;
    const char *inner_end;
    const char *suffix;
    size_t suffixlen;
};

/* Length of the name (with its brackets) at s: up to a separator that is in
 * no bracket.  -EINVAL if brackets are not well formed.
 */
static ssize_t name_length (const char *s)
{
    const char *p;
    bool inside = false;

    for (p = s; *p; p++) {
        if (*p == '[') {
            if (inside)
                return -EINVAL;
            inside = true;
        }
        else if (*p == ']') {
            if (!inside)
                return -EINVAL;
            inside = false;
        }
        else if (!inside && strchr (SEPARATORS, *p))
            break;
    }
    return inside ? -EINVAL : p - s;
}

/* A run of digits.  -EINVAL if there is none, -ERANGE above 64 bits. */
static int scan_digits (const char **p, const char *end, uint64_t *n)
{
    const char *start = *p;
    uint64_t value = 0;
    int rc = 0;

    for (; *p < end && **p >= '0' && **p <= '9'; (*p)++) {
        if (__builtin_mul_overflow (value, 10, &value)
            || __builtin_add_overflow (value, **p - '0', &value))
            rc = -ERANGE;
    }
    if (*p == start)
        return -EINVAL;
    *n = value;
    return rc;
}

/* N or N-M; steps behind it. */
static int scan_range (const char **p,
                       const char *end,
                       int *width,
                       uint64_t *lo,
                       uint64_t *hi)
{
    const char *start = *p;
    int rc;

    if ((rc = scan_digits (p, end, lo)) < 0)
        return rc;
    if (*p - start > INT16_MAX)
        return -ERANGE;
    *width = *p - start;
    *hi = *lo;
    if (*p < end && **p == '-') {
        (*p)++;
        if ((rc = scan_digits (p, end, hi)) < 0)
            return rc;
        if (*hi < *lo)
            return -EINVAL;
        if (*hi - *lo >= HOSTLIST_RANGE_MAX)
            return -ERANGE;
    }
    return 0;
}

/* Hosts with a suffix are names of their own, each spelled out. */
static int push_suffixed (struct hostlist *hl,
                          const struct brackets *b,
                          int width,
                          uint64_t lo,
                          uint64_t hi)
{
    struct text t = TEXT_INIT;
    int rc = 0;

    for (uint64_t n = lo; rc == 0; n++) {
        text_clear (&t);
        text_put (&t, b->prefix, b->prefixlen);
        text_printf (&t, "%0*llu", width, (unsigned long long)n);
        text_put (&t, b->suffix, b->suffixlen);
        if ((rc = text_error (&t)) == 0)
            rc = hl_push_host (hl, t.buf, t.len);
        if (n == hi)
            break;
    }
    text_fini (&t);
    return rc;
}

/* How much of the whole text is spelled out. */
struct spelled {
    uint64_t hosts;
    uint64_t bytes;
};

static int spell (struct spelled *s, const struct brackets *b, int width, uint64_t count)
{
    s->hosts += count;
    s->bytes += count * (b->prefixlen + width + b->suffixlen);
    return s->hosts > HOSTLIST_RANGE_MAX || s->bytes > HOSTLIST_SPELLED_MAX ? -ERANGE : 0;
}

static int push_brackets (struct hostlist *hl,
                          const struct brackets *b,
                          struct spelled *spelled)
{
    const char *p = b->inner;
    uint64_t lo, hi;
    int width;
    int rc;

    for (;;) {
        if ((rc = scan_range (&p, b->inner_end, &width, &lo, &hi)) < 0)
            return rc;
        if (p < b->inner_end && *p != ',')
            return -EINVAL;
        if (b->suffixlen > 0) {
            if ((rc = spell (spelled, b, text_digits (width, hi), hi - lo + 1)) == 0)
                rc = push_suffixed (hl, b, width, lo, hi);
        }
        else
            rc = hl_push_range (hl, b->prefix, b->prefixlen, width, lo, hi);
        if (rc < 0)
            return rc;
        if (p == b->inner_end)
            return 0;
        p++;
    }
}

static int push_name (struct hostlist *hl,
                      const char *s,
                      size_t len,
                      struct spelled *spelled)
{
    const char *open = memchr (s, '[', len);
    const char *close;
    struct brackets b;

    if (!open)
        return hl_push_host (hl, s, len);
    close = memchr (open, ']', s + len - open);
    must (close != NULL);
    b = (struct brackets){
        .prefix = s,
        .prefixlen = open - s,
        .inner = open + 1,
        .inner_end = close,
        .suffix = close + 1,
        .suffixlen = s + len - (close + 1),
    };
    return push_brackets (hl, &b, spelled);
}

int hl_parse (struct hostlist *hl, const char *s)
{
    struct spelled spelled = { 0 };
    ssize_t len;
    int rc;

    for (;;) {
        s += strspn (s, SEPARATORS);
        if (!*s)
            return 0;
        if ((len = name_length (s)) < 0)
            return len;
        if ((rc = push_name (hl, s, len, &spelled)) < 0)
            return rc;
        s += len;
    }
}

static void put_number (struct text *t, int width, uint64_t n)
{
    text_printf (t, "%0*llu", width, (unsigned long long)n);
}

static void put_range (struct text *t, const struct range *r)
{
    put_number (t, r->width, r->lo);
    if (r->hi > r->lo) {
        text_putc (t, '-');
        put_number (t, r->width, r->hi);
    }
}

static bool same_prefix (const struct range *a, const struct range *b)
{
    return a->numeric && b->numeric && a->prefix->len == b->prefix->len
           && memcmp (a->prefix->s, b->prefix->s, a->prefix->len) == 0;
}

char *hostlist_encode (struct hostlist *hl)
{
    struct text t = TEXT_INIT;
    size_t i, next;
    char *s;

    if (!hl) {
        errno = EINVAL;
        return NULL;
    }
    for (i = 0; i < hl->nranges; i = next) {
        const struct range *r = &hl->ranges[i];
        bool brackets;

        for (next = i + 1; next < hl->nranges; next++) {
            if (!same_prefix (r, &hl->ranges[next]))
                break;
        }
        brackets = r->numeric && (next > i + 1 || r->hi > r->lo);
        if (i > 0)
            text_putc (&t, ',');
        text_put (&t, r->prefix->s, r->prefix->len);
        if (brackets)
            text_putc (&t, '[');
        for (size_t k = i; k < next && r->numeric; k++) {
            if (k > i)
                text_putc (&t, ',');
            put_range (&t, &hl->ranges[k]);
        }
        if (brackets)
            text_putc (&t, ']');
    }
    if (!(s = text_take (&t, NULL))) {
        text_fini (&t);
        errno = ENOMEM;
    }
    return s;
}
