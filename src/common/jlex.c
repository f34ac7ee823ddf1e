#include "config.h"
#include <endian.h>
#include <math.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "jlex.h"

/* ---- strings ------------------------------------------------------------- */

/* Sixteen bytes at a time, in whatever vectors the machine has. */
typedef unsigned char bytes16 __attribute__ ((vector_size (16)));

static inline bytes16 load (const char *p)
{
    bytes16 v;

    memcpy (&v, p, sizeof (v));
    return v;
}

/* The number of the first byte with bit 7 set, or 16. */
static inline size_t first_set (bytes16 v)
{
#ifdef __SSE2__
    return __builtin_ctz (_mm_movemask_epi8 ((__m128i)v) | 1 << 16);
#else
    uint64_t w[2];

    v &= 0x80;
    memcpy (w, &v, sizeof (w));
    if (w[0])
        return __builtin_ctzll (le64toh (w[0])) / 8;
    return w[1] ? 8 + __builtin_ctzll (le64toh (w[1])) / 8 : 16;
#endif
}

/* The next quote, backslash or control byte, or end.  *wide becomes true if a
 * byte passed, or one shortly behind, is above 0x7f.
 */
static inline const char *plain (const char *p, const char *end, bool *wide)
{
    bytes16 high = { 0 };
    unsigned char all = 0;

    for (; end - p >= 16; p += 16) {
        bytes16 v = load (p);
        size_t n = first_set ((bytes16)((v == '"') | (v == '\\') | (v < 0x20)));

        high |= v;
        if (n < 16) {
            p += n;
            goto done;
        }
    }
    for (; p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20; p++)
        all |= *p;
done:
    if ((all & 0x80) || first_set (high) < 16)
        *wide = true;
    return p;
}

/* Four hex digits, or -1. */
static int hex4 (const char *p, const char *end)
{
    int v = 0;

    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i] | 0x20;

        if (p[i] >= '0' && p[i] <= '9')
            v = v << 4 | (p[i] - '0');
        else if (c >= 'a' && c <= 'f')
            v = v << 4 | (c - 'a' + 10);
        else
            return -1;
    }
    return v;
}

/* p is at a backslash: past the escape, or NULL.  Two may make one character. */
static const char *escape (const char *p, const char *end, unsigned int *code)
{
    static const char to[256] = {
        ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
        ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
    };
    int c, low;

    if (end - p < 2)
        return NULL;
    if (p[1] != 'u') {
        *code = to[(unsigned char)p[1]];
        return *code ? p + 2 : NULL;
    }
    p += 2;
    if ((c = hex4 (p, end)) < 0 || (c >= 0xdc00 && c <= 0xdfff))
        return NULL;
    p += 4;
    if (c >= 0xd800 && c <= 0xdbff) {
        if (end - p < 6 || p[0] != '\\' || p[1] != 'u'
            || (low = hex4 (p + 2, end)) < 0xdc00 || low > 0xdfff)
            return NULL;
        p += 6;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    *code = c;
    return p;
}

const char *jlex_string (const char *p, const char *end, unsigned int *seen)
{
    bool wide = false;
    unsigned int code;

    p = plain (p + 1, end, &wide);
    while (p < end && *p == '\\') {
        if (!(p = escape (p, end, &code)))
            return NULL;
        *seen |= code ? JLEX_ESCAPE : JLEX_ESCAPE | JLEX_NUL;
        p = plain (p, end, &wide);
    }
    if (p == end || *p != '"')
        return NULL;
    if (wide)
        *seen |= JLEX_WIDE;
    return p + 1;
}

const char *jlex_skip_string (const char *p, const char *end)
{
    bool wide;

    p = plain (p + 1, end, &wide);
    while (*p == '\\')
        p = plain (p + 2, end, &wide);
    return p + 1;
}

static size_t put_utf8 (unsigned int c, char *out)
{
    if (c < 0x80) {
        out[0] = c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = 0xc0 | c >> 6;
        out[1] = 0x80 | (c & 0x3f);
        return 2;
    }
    if (c < 0x10000) {
        out[0] = 0xe0 | c >> 12;
        out[1] = 0x80 | (c >> 6 & 0x3f);
        out[2] = 0x80 | (c & 0x3f);
        return 3;
    }
    out[0] = 0xf0 | c >> 18;
    out[1] = 0x80 | (c >> 12 & 0x3f);
    out[2] = 0x80 | (c >> 6 & 0x3f);
    out[3] = 0x80 | (c & 0x3f);
    return 4;
}

const char *jlex_escape (const char *p, const char *end, char out[4], size_t *n)
{
    unsigned int code = 0;

    p = escape (p, end, &code);
    *n = put_utf8 (code, out);
    return p;
}

/* No escape is shorter than what it stands for. */
void jlex_decode (const char *s, size_t len, struct text *t)
{
    const char *end = s + len;
    char *start, *d;

    if (!(start = d = text_reserve (t, len)))
        return;
    while (s < end) {
        size_t n;

        if (end - s >= 16) {
            bytes16 v = load (s);

            memcpy (d, &v, sizeof (v));
            n = first_set ((bytes16)(v == '\\'));
            s += n;
            d += n;
            if (n == 16)
                continue;
        }
        else if (*s != '\\') {
            *d++ = *s++;
            continue;
        }
        s = jlex_escape (s, end, d, &n);
        d += n;
    }
    text_commit (t, d - start);
}

/* ---- numbers ------------------------------------------------------------- */

bool jlex_int (const char *s, size_t len, int64_t *value)
{
    bool negative = *s == '-';
    uint64_t v = 0;

    for (size_t i = negative; i < len; i++) {
        if (__builtin_mul_overflow (v, 10, &v)
            || __builtin_add_overflow (v, s[i] - '0', &v))
            return false;
    }
    if (v > (uint64_t)INT64_MAX + negative)
        return false;
    *value = negative ? (int64_t)-v : (int64_t)v;
    return true;
}

/* strtod () needs a NUL, which a span does not have. */
int jlex_real (const char *s, size_t len, double *value)
{
    char buf[64];
    char *copy = buf;
    double d;

    if (len >= sizeof (buf) && !(copy = malloc (len + 1)))
        return -ENOMEM;
    memcpy (copy, s, len);
    copy[len] = '\0';
    d = strtod (copy, NULL);
    if (copy != buf)
        free (copy);
    if (!isfinite (d))
        return -ERANGE;
    *value = d;
    return 0;
}

/* At least one; NULL if there is none. */
static const char *digits (const char *p, const char *end)
{
    const char *start = p;

    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p > start ? p : NULL;
}

const char *jlex_number (const char *p, const char *end, unsigned int *seen)
{
    const char *start = p;
    bool exponent = false, real = false;
    int64_t i;
    double d;

    if (*p == '-')
        p++;
    if (p < end && *p == '0')
        p++;
    else if (!(p = digits (p, end)))
        return NULL;
    if (p < end && *p == '.') {
        real = true;
        if (!(p = digits (p + 1, end)))
            return NULL;
    }
    if (p < end && (*p | 0x20) == 'e') {
        real = exponent = true;
        p++;
        if (p < end && (*p == '+' || *p == '-'))
            p++;
        if (!(p = digits (p, end)))
            return NULL;
    }
    if (real)
        *seen |= JLEX_REAL;
    /* only an exponent or very many digits make a real infinite */
    if (real ? (exponent || p - start >= 300) && jlex_real (start, p - start, &d) < 0
             : !jlex_int (start, p - start, &i))
        *seen |= JLEX_RANGE;
    return p;
}

const char *jlex_word (const char *p, const char *end, const char *word)
{
    size_t len = strlen (word);

    return (size_t)(end - p) >= len && memcmp (p, word, len) == 0 ? p + len : NULL;
}

/* ---- values -------------------------------------------------------------- */

static const char *scalar (const char *p, const char *end, unsigned int *seen)
{
    switch (*p) {
        case '"':
            return jlex_string (p, end, seen);
        case 't':
            return jlex_word (p, end, "true");
        case 'f':
            return jlex_word (p, end, "false");
        case 'n':
            return jlex_word (p, end, "null");
    }
    return jlex_number (p, end, seen);
}

/* At a member's key: to its value. */
static const char *key (const char *p, const char *end, unsigned int *seen)
{
    if (p == end || *p != '"' || !(p = jlex_string (p, end, seen)))
        return NULL;
    p = jlex_blanks (p, end);
    if (p == end || *p != ':')
        return NULL;
    return jlex_blanks (p + 1, end);
}

/* Which of the containers that are open are objects: one bit each. */
struct nesting {
    uint64_t bits[JSON_MAX_DEPTH / 64];
    unsigned int depth;
};

static inline bool in_object (const struct nesting *n)
{
    return n->bits[(n->depth - 1) / 64] >> ((n->depth - 1) % 64) & 1;
}

static inline void nest (struct nesting *n, bool object)
{
    uint64_t bit = UINT64_C (1) << n->depth % 64;

    if (object)
        n->bits[n->depth / 64] |= bit;
    else
        n->bits[n->depth / 64] &= ~bit;
    n->depth++;
}

/* After a value: close what ends here.  Then at the next value, or past it all
 * if the depth is 0.
 */
static const char *
next (const char *p, const char *end, struct nesting *n, unsigned int *seen)
{
    while (n->depth > 0) {
        bool object = in_object (n);

        p = jlex_blanks (p, end);
        if (p == end)
            return NULL;
        if (*p == ',') {
            p = jlex_blanks (p + 1, end);
            return object ? key (p, end, seen) : p;
        }
        if (*p++ != (object ? '}' : ']'))
            return NULL;
        n->depth--;
    }
    return p;
}

const char *
jlex_value (const char *p, const char *end, unsigned int depth, unsigned int *seen)
{
    struct nesting n;

    n.depth = 0;
    do {
        if (p == end)
            return NULL;
        if (*p == '{' || *p == '[') {
            bool object = *p == '{';

            if (n.depth == depth)
                return NULL;
            nest (&n, object);
            p = jlex_blanks (p + 1, end);
            if (p == end || *p != (object ? '}' : ']')) {
                if (object && !(p = key (p, end, seen)))
                    return NULL;
                continue;
            }
            /* empty: next () closes it */
        }
        else if (!(p = scalar (p, end, seen)))
            return NULL;
        if (!(p = next (p, end, &n, seen)))
            return NULL;
    } while (n.depth > 0);
    return p;
}

/* What ends a run of bytes that need no look: inside a container, inside a
 * bare word or number.
 */
enum { IN_CONTAINER = 1, IN_WORD = 2 };

static const unsigned char stops[256] = {
    ['"'] = IN_CONTAINER,
    ['{'] = IN_CONTAINER,
    ['['] = IN_CONTAINER,
    [']'] = IN_CONTAINER | IN_WORD,
    ['}'] = IN_CONTAINER | IN_WORD,
    [','] = IN_WORD,
    [' '] = IN_WORD,
    ['\t'] = IN_WORD,
    ['\r'] = IN_WORD,
    ['\n'] = IN_WORD,
};

static const char *skip_container (const char *p, const char *end)
{
    size_t depth = 1;

    p++;
    while (depth > 0) {
        while (!(stops[(unsigned char)*p] & IN_CONTAINER))
            p++;
        if (*p == '"')
            p = jlex_skip_string (p, end);
        else if (*p++ & 2) /* '{' 0x7b '[' 0x5b; '}' 0x7d ']' 0x5d */
            depth++;
        else
            depth--;
    }
    return p;
}

const char *jlex_skip_value (const char *p, const char *end)
{
    if (*p == '"')
        return jlex_skip_string (p, end);
    if (*p == '{' || *p == '[')
        return skip_container (p, end);
    while (p < end && !(stops[(unsigned char)*p] & IN_WORD))
        p++;
    return p;
}
