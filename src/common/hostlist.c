#include "config.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include <flux/hostlist.h>

#include "hostlist_private.h"
#include "util.h"

struct hostlist_hostname {
    struct hostname hn;
    char name[];
};

int decimal_digits (uint64_t n)
{
    int digits = 1;

    for (; n >= 10; n /= 10)
        digits++;
    return digits;
}

struct hostname hostname_parse (const char *s, size_t len)
{
    struct hostname hn = { .s = s, .len = len, .prefixlen = len };
    uint64_t n = 0;

    while (hn.prefixlen > 0 && s[hn.prefixlen - 1] >= '0' && s[hn.prefixlen - 1] <= '9')
        hn.prefixlen--;
    hn.numeric = hn.prefixlen < len && len - hn.prefixlen <= INT16_MAX;
    for (size_t i = hn.prefixlen; i < len && hn.numeric; i++) {
        if (__builtin_mul_overflow (n, 10, &n)
            || __builtin_add_overflow (n, s[i] - '0', &n))
            hn.numeric = false; /* too large a number is part of the name */
    }
    if (!hn.numeric)
        hn.prefixlen = len;
    hn.number = n;
    return hn;
}

static struct prefix *prefix_create (const char *s, size_t len)
{
    struct prefix *p = malloc (sizeof (*p) + len + 1);

    if (p) {
        p->refs = 1;
        p->len = len;
        memcpy (p->s, s, len);
        p->s[len] = '\0';
    }
    return p;
}

static struct prefix *prefix_incref (struct prefix *p)
{
    p->refs++;
    return p;
}

static void prefix_decref (struct prefix *p)
{
    if (--p->refs == 0)
        free (p);
}

static bool prefix_is (const struct prefix *p, const char *s, size_t len)
{
    return p->len == len && memcmp (p->s, s, len) == 0;
}

static struct range *last_range (struct hostlist *hl)
{
    return hl->nranges > 0 ? &hl->ranges[hl->nranges - 1] : NULL;
}

/* Room for one more range. */
static int reserve (struct hostlist *hl)
{
    size_t cap = hl->cap ? 2 * hl->cap : 8;
    struct range *ranges;

    if (hl->nranges < hl->cap)
        return 0;
    if (!(ranges = reallocarray (hl->ranges, cap, sizeof (*ranges))))
        return -ENOMEM;
    hl->ranges = ranges;
    hl->cap = cap;
    return 0;
}

/* Does a range of that width which starts at lo continue r? */
static bool continues (const struct range *r, int width, uint64_t lo)
{
    return r->numeric && r->hi != UINT64_MAX && lo == r->hi + 1
           && text_digits (r->width, lo) == text_digits (width, lo);
}

/* Append a range; takes the prefix over, also when it fails. */
static int push (struct hostlist *hl, struct range r)
{
    if (range_size (&r) > INT_MAX - hl->count || reserve (hl) < 0) {
        prefix_decref (r.prefix);
        return range_size (&r) > INT_MAX - hl->count ? -ERANGE : -ENOMEM;
    }
    r.start = hl->count;
    hl->ranges[hl->nranges++] = r;
    hl->count += range_size (&r);
    return 0;
}

static int push_new (struct hostlist *hl,
                     const char *prefix,
                     size_t prefixlen,
                     struct range r)
{
    struct range *last = last_range (hl);

    if (last && prefix_is (last->prefix, prefix, prefixlen))
        r.prefix = prefix_incref (last->prefix);
    else if (!(r.prefix = prefix_create (prefix, prefixlen)))
        return -ENOMEM;
    return push (hl, r);
}

int hl_push_range (struct hostlist *hl,
                   const char *prefix,
                   size_t prefixlen,
                   int width,
                   uint64_t lo,
                   uint64_t hi)
{
    struct range r = { .numeric = true, .width = width, .lo = lo, .hi = hi };
    struct range *last = last_range (hl);

    if (last && prefix_is (last->prefix, prefix, prefixlen)
        && continues (last, width, lo)) {
        if (range_size (&r) > INT_MAX - hl->count)
            return -ERANGE;
        last->hi = hi;
        hl->count += range_size (&r);
        return 0;
    }
    return push_new (hl, prefix, prefixlen, r);
}

int hl_push_copy (struct hostlist *hl, const struct range *r)
{
    if (r->numeric)
        return hl_push_range (hl,
                              r->prefix->s,
                              r->prefix->len,
                              r->width,
                              r->lo,
                              r->hi);
    return push_new (hl, r->prefix->s, r->prefix->len, *r);
}

int hl_push_host (struct hostlist *hl, const char *s, size_t len)
{
    struct hostname hn = hostname_parse (s, len);
    struct range plain = { .numeric = false };

    if (hn.numeric)
        return hl_push_range (hl,
                              s,
                              hn.prefixlen,
                              len - hn.prefixlen,
                              hn.number,
                              hn.number);
    return push_new (hl, s, len, plain);
}

void hl_clear (struct hostlist *hl)
{
    for (size_t i = 0; i < hl->nranges; i++)
        prefix_decref (hl->ranges[i].prefix);
    hl->nranges = 0;
    hl->count = 0;
    hl->cursor = 0;
    hl->cursor_state = CURSOR_BEFORE;
}

void hl_take (struct hostlist *hl, struct hostlist *other)
{
    hl_clear (hl);
    free (hl->ranges);
    hl->ranges = move_ptr (other->ranges);
    hl->nranges = other->nranges;
    hl->cap = other->cap;
    hl->count = other->count;
    other->nranges = other->cap = other->count = 0;
}

struct hostlist *hostlist_create (void)
{
    return calloc (1, sizeof (struct hostlist));
}

void hostlist_destroy (struct hostlist *hl)
{
    if (hl) {
        int saved_errno = errno;
        hl_clear (hl);
        free (hl->ranges);
        free (hl->buf);
        free (hl);
        errno = saved_errno;
    }
}

static int fail (int rc)
{
    errno = -rc;
    return -1;
}

/* NULL with errno EINVAL, or the list that s describes. */
struct hostlist *hostlist_decode (const char *s)
{
    struct hostlist *hl;
    int rc;

    if (!s) {
        errno = EINVAL;
        return NULL;
    }
    if (!(hl = hostlist_create ()))
        return NULL;
    if ((rc = hl_parse (hl, s)) < 0) {
        hostlist_destroy (hl);
        errno = -rc;
        return NULL;
    }
    return hl;
}

struct hostlist *hostlist_copy (const struct hostlist *hl)
{
    struct hostlist *cpy;

    if (!hl || !(cpy = hostlist_create ()))
        return NULL;
    for (size_t i = 0; i < hl->nranges; i++) {
        int rc = hl_push_copy (cpy, &hl->ranges[i]);

        if (rc < 0) {
            hostlist_destroy (cpy);
            errno = -rc;
            return NULL;
        }
    }
    return cpy;
}

int hostlist_append_list (struct hostlist *hl1, struct hostlist *hl2)
{
    size_t nranges;
    int count;

    if (!hl1 || !hl2)
        return fail (-EINVAL);
    if (hl2->count > INT_MAX - hl1->count)
        return fail (-ERANGE);
    count = hl2->count;
    nranges = hl2->nranges; /* it may be the same list */
    for (size_t i = 0; i < nranges; i++) {
        struct range r = hl2->ranges[i];
        int rc = hl_push_copy (hl1, &r);

        if (rc < 0)
            return fail (rc);
    }
    return count;
}

int hostlist_append (struct hostlist *hl, const char *hosts)
{
    struct hostlist *more;
    int count;

    if (!hl)
        return fail (-EINVAL);
    if (!(more = hostlist_decode (hosts)))
        return -1;
    count = hostlist_append_list (hl, more);
    hostlist_destroy (more);
    return count;
}

int hostlist_count (struct hostlist *hl)
{
    return hl ? hl->count : 0;
}

/* The range that host 'index' < count is in. */
static size_t range_at (const struct hostlist *hl, size_t index)
{
    size_t lo = 0;
    size_t hi = hl->nranges;

    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;

        if (hl->ranges[mid].start <= index)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

/* The name of host 'index' in hl's buffer; NULL (ENOMEM) or beyond the end. */
static const char *host_text (struct hostlist *hl, size_t index)
{
    const struct range *r;
    size_t size;

    if (index >= hl->count)
        return NULL;
    r = &hl->ranges[range_at (hl, index)];
    size = r->prefix->len + (r->numeric ? text_digits (r->width, r->hi) : 0) + 1;
    if (size > hl->bufsize) {
        char *buf = realloc (hl->buf, size);

        if (!buf)
            return NULL;
        hl->buf = buf;
        hl->bufsize = size;
    }
    memcpy (hl->buf, r->prefix->s, r->prefix->len + 1);
    if (r->numeric)
        snprintf (hl->buf + r->prefix->len,
                  size - r->prefix->len,
                  "%0*llu",
                  r->width,
                  (unsigned long long)(r->lo + (index - r->start)));
    return hl->buf;
}

const char *hostlist_nth (struct hostlist *hl, int n)
{
    if (!hl || n < 0 || (size_t)n >= hl->count) {
        errno = hl && n >= 0 ? ENOENT : EINVAL;
        return NULL;
    }
    hl->cursor = n;
    hl->cursor_state = CURSOR_AT;
    return host_text (hl, n);
}

const char *hostlist_first (struct hostlist *hl)
{
    return hl && hl->count > 0 ? hostlist_nth (hl, 0) : NULL;
}

const char *hostlist_last (struct hostlist *hl)
{
    return hl && hl->count > 0 ? hostlist_nth (hl, hl->count - 1) : NULL;
}

const char *hostlist_next (struct hostlist *hl)
{
    if (!hl)
        return NULL;
    if (hl->cursor_state == CURSOR_BEFORE)
        hl->cursor_state = CURSOR_AT;
    else if (hl->cursor < hl->count)
        hl->cursor++;
    return host_text (hl, hl->cursor);
}

const char *hostlist_current (struct hostlist *hl)
{
    if (!hl || hl->cursor_state == CURSOR_BEFORE)
        return NULL;
    return host_text (hl, hl->cursor);
}

/* Is the host in the range?  *offset is then its place there. */
static bool range_has (const struct range *r, const struct hostname *hn, uint64_t *offset)
{
    struct hostname rest;

    if (hn->len < r->prefix->len || memcmp (hn->s, r->prefix->s, r->prefix->len) != 0)
        return false;
    if (!r->numeric) {
        *offset = 0;
        return hn->len == r->prefix->len;
    }
    /* the prefix of a range may end in digits, too, even in so many that those
     * of the whole name are too large a number
     */
    if (hn->numeric && hn->prefixlen > r->prefix->len)
        return false;
    if (hn->numeric && hn->prefixlen == r->prefix->len)
        rest = *hn;
    else {
        rest = hostname_parse (hn->s + r->prefix->len, hn->len - r->prefix->len);
        if (rest.prefixlen > 0)
            return false;
    }
    if (!rest.numeric || rest.number < r->lo || rest.number > r->hi
        || hn->len - r->prefix->len != (size_t)text_digits (r->width, rest.number))
        return false;
    *offset = rest.number - r->lo;
    return true;
}

static int find (const struct hostlist *hl, const struct hostname *hn)
{
    uint64_t offset;

    for (size_t i = 0; i < hl->nranges; i++) {
        if (range_has (&hl->ranges[i], hn, &offset))
            return hl->ranges[i].start + offset;
    }
    return fail (-ENOENT);
}

static bool single_name (const char *s)
{
    return s && !strpbrk (s, "[], \t");
}

int hostlist_find (struct hostlist *hl, const char *hostname)
{
    struct hostname hn;

    if (!hl || !single_name (hostname))
        return fail (-EINVAL);
    hn = hostname_parse (hostname, strlen (hostname));
    return find (hl, &hn);
}

struct hostlist_hostname *hostlist_hostname_create (const char *hostname)
{
    struct hostlist_hostname *hn;
    size_t len;

    if (!single_name (hostname)) {
        errno = EINVAL;
        return NULL;
    }
    len = strlen (hostname);
    if (!(hn = malloc (sizeof (*hn) + len + 1)))
        return NULL;
    memcpy (hn->name, hostname, len + 1);
    hn->hn = hostname_parse (hn->name, len);
    return hn;
}

void hostlist_hostname_destroy (struct hostlist_hostname *hn)
{
    free_keep_errno (hn);
}

int hostlist_find_hostname (struct hostlist *hl, struct hostlist_hostname *hn)
{
    if (!hl || !hn)
        return fail (-EINVAL);
    return find (hl, &hn->hn);
}

/* Make ranges i and i + 1 one if they can be. */
static void join (struct hostlist *hl, size_t i)
{
    struct range *a = &hl->ranges[i];
    struct range *b = a + 1;

    if (i + 1 >= hl->nranges || !b->numeric
        || !prefix_is (a->prefix, b->prefix->s, b->prefix->len)
        || !continues (a, b->width, b->lo))
        return;
    a->hi = b->hi;
    prefix_decref (b->prefix);
    hl->nranges--;
    memmove (b, b + 1, (hl->nranges - i - 1) * sizeof (*b));
}

static int remove_at (struct hostlist *hl, size_t index)
{
    size_t i = range_at (hl, index);
    struct range *r = &hl->ranges[i];
    uint64_t offset = index - r->start;

    if (offset > 0 && offset < range_size (r) - 1) { /* split in two */
        if (reserve (hl) < 0)
            return -ENOMEM;
        r = &hl->ranges[i];
        memmove (r + 1, r, (hl->nranges - i) * sizeof (*r));
        hl->nranges++;
        prefix_incref (r->prefix);
        r[0].hi = r->lo + offset - 1;
        r[1].lo += offset + 1;
    }
    else if (range_size (r) == 1) {
        prefix_decref (r->prefix);
        hl->nranges--;
        memmove (r, r + 1, (hl->nranges - i) * sizeof (*r));
        if (i > 0)
            join (hl, i - 1);
    }
    else if (offset == 0)
        r->lo++;
    else
        r->hi--;
    hl->count = 0;
    for (i = 0; i < hl->nranges; i++) {
        hl->ranges[i].start = hl->count;
        hl->count += range_size (&hl->ranges[i]);
    }
    if (index < hl->cursor)
        hl->cursor--;
    else if (index == hl->cursor)
        hl->cursor_state = CURSOR_BEFORE;
    return 0;
}

int hostlist_remove_current (struct hostlist *hl)
{
    int rc;

    if (!hl)
        return fail (-EINVAL);
    if (hl->cursor_state == CURSOR_BEFORE || hl->cursor >= hl->count)
        return 0;
    if ((rc = remove_at (hl, hl->cursor)) < 0)
        return fail (rc);
    return 1;
}

int hostlist_delete (struct hostlist *hl, const char *hosts)
{
    struct hostlist *list;
    const char *host;
    int count = 0;
    int rc = 0;

    if (!hl)
        return fail (-EINVAL);
    if (!(list = hostlist_decode (hosts)))
        return -1;
    for (host = hostlist_first (list); host && rc == 0; host = hostlist_next (list)) {
        struct hostname hn = hostname_parse (host, strlen (host));
        int index = find (hl, &hn);

        if (index >= 0 && (rc = remove_at (hl, index)) == 0)
            count++;
    }
    hostlist_destroy (list);
    return rc < 0 ? fail (rc) : count;
}
