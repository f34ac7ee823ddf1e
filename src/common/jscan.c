#include "config.h"
#include <math.h>

#include "jscan.h"

static const char *skip_blanks (const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
        p++;
    return p;
}

/* The next byte of a string that needs a look: quote, backslash or control. */
static const char *skip_plain (const char *p, const char *end)
{
    const uint64_t ones = UINT64_C (0x0101010101010101);
    const uint64_t high = UINT64_C (0x8080808080808080);

    while (end - p >= 8) {
        uint64_t w, quote, escape;

        memcpy (&w, p, 8);
        quote = w ^ ones * '"';
        escape = w ^ ones * '\\';
        /* a byte below 0x20 (or, wrongly, one above 0x9f), or a zero byte */
        if (((w - ones * 0x20) | (quote - ones) | (escape - ones)) & ~w & high)
            break;
        p += 8;
    }
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20)
        p++;
    return p;
}

static int hex4 (const char *p, const char *end, unsigned int *value)
{
    unsigned int n = 0;

    if (end - p < 4)
        return -EINVAL;
    for (int i = 0; i < 4; i++) {
        char c = p[i] | 0x20;

        if (p[i] >= '0' && p[i] <= '9')
            n = n << 4 | (p[i] - '0');
        else if (c >= 'a' && c <= 'f')
            n = n << 4 | (c - 'a' + 10);
        else
            return -EINVAL;
    }
    *value = n;
    return 0;
}

/* The code point of \uXXXX, or of two that form a pair; *p is behind the
 * first 'u'.
 */
static int scan_unicode (const char **p, const char *end, unsigned int *code)
{
    unsigned int hi, lo;

    if (hex4 (*p, end, &hi) < 0)
        return -EINVAL;
    *p += 4;
    if (hi >= 0xdc00 && hi <= 0xdfff)
        return -EINVAL;
    if (hi >= 0xd800 && hi <= 0xdbff) {
        if (end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u'
            || hex4 (*p + 2, end, &lo) < 0 || lo < 0xdc00 || lo > 0xdfff)
            return -EINVAL;
        *p += 6;
        hi = 0x10000 + ((hi - 0xd800) << 10 | (lo - 0xdc00));
    }
    *code = hi;
    return 0;
}

/* *p is behind the opening quote; leaves it behind the closing one. */
static int scan_string (const char **p, const char *end, struct jvalue *v)
{
    const char *q = *p;
    bool escaped = false;
    unsigned int code;

    for (;;) {
        q = skip_plain (q, end);
        if (q == end || (unsigned char)*q < 0x20)
            return -EINVAL;
        if (*q == '"')
            break;
        escaped = true;
        if (++q == end)
            return -EINVAL;
        if (*q == 'u') {
            q++;
            if (scan_unicode (&q, end, &code) < 0)
                return -EINVAL;
        }
        else if (*q && strchr ("\"\\/bfnrt", *q))
            q++;
        else
            return -EINVAL;
    }
    *v = (struct jvalue){ JSCAN_STRING, escaped, *p, q - *p };
    *p = q + 1;
    return 0;
}

static const char *skip_digits (const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    return p;
}

static int scan_number (const char **p, const char *end, struct jvalue *v)
{
    const char *q = *p;
    const char *digits;

    if (q < end && *q == '-')
        q++;
    digits = q;
    q = skip_digits (q, end);
    if (q == digits || (*digits == '0' && q - digits > 1))
        return -EINVAL;
    if (q < end && *q == '.') {
        digits = ++q;
        if ((q = skip_digits (q, end)) == digits)
            return -EINVAL;
    }
    if (q < end && (*q == 'e' || *q == 'E')) {
        q++;
        if (q < end && (*q == '+' || *q == '-'))
            q++;
        digits = q;
        if ((q = skip_digits (q, end)) == digits)
            return -EINVAL;
    }
    *v = (struct jvalue){ JSCAN_NUMBER, false, *p, q - *p };
    *p = q;
    return 0;
}

static int scan_word (const char **p, const char *end, struct jvalue *v)
{
    static const struct {
        const char *word;
        size_t len;
        enum jscan_type type;
    } words[] = {
        { "true", 4, JSCAN_TRUE },
        { "false", 5, JSCAN_FALSE },
        { "null", 4, JSCAN_NULL },
    };

    for (size_t i = 0; i < ARRAY_SIZE (words); i++) {
        if ((size_t)(end - *p) >= words[i].len
            && memcmp (*p, words[i].word, words[i].len) == 0) {
            *v = (struct jvalue){ words[i].type, false, *p, words[i].len };
            *p += words[i].len;
            return 0;
        }
    }
    return -EINVAL;
}

static int scan_scalar (const char **p, const char *end, struct jvalue *v)
{
    if (*p == end)
        return -EINVAL;
    if (**p == '"') {
        (*p)++;
        return scan_string (p, end, v);
    }
    if (**p == '-' || (**p >= '0' && **p <= '9'))
        return scan_number (p, end, v);
    return scan_word (p, end, v);
}

/* "key" : */
static int scan_key (const char **p, const char *end, struct jvalue *key)
{
    *p = skip_blanks (*p, end);
    if (*p == end || **p != '"')
        return -EINVAL;
    (*p)++;
    if (scan_string (p, end, key) < 0)
        return -EINVAL;
    *p = skip_blanks (*p, end);
    if (*p == end || **p != ':')
        return -EINVAL;
    (*p)++;
    return 0;
}

/* Which of the containers that are open are objects: one bit each. */
struct nesting {
    uint64_t bits[JSCAN_MAX_DEPTH / 64];
    unsigned int depth;
};

static bool in_object (const struct nesting *n)
{
    return n->bits[(n->depth - 1) / 64] >> ((n->depth - 1) % 64) & 1;
}

static int nest (struct nesting *n, bool object)
{
    uint64_t bit = UINT64_C (1) << (n->depth % 64);

    if (n->depth == JSCAN_MAX_DEPTH)
        return -EINVAL;
    if (object)
        n->bits[n->depth / 64] |= bit;
    else
        n->bits[n->depth / 64] &= ~bit;
    n->depth++;
    return 0;
}

/* Behind an element: close what ends here, and step to the next element. */
static int scan_after (struct nesting *n, const char **p, const char *end)
{
    while (n->depth > 0) {
        *p = skip_blanks (*p, end);
        if (*p == end)
            return -EINVAL;
        if (*(*p)++ == ',')
            return 0;
        if ((*p)[-1] != (in_object (n) ? '}' : ']'))
            return -EINVAL;
        n->depth--;
    }
    return 0;
}

/* A container, iteratively: its depth is bounded, not the stack's. */
static int scan_container (const char **p, const char *end, struct jvalue *v)
{
    const char *start = *p;
    struct nesting n;
    struct jvalue inner;

    n.depth = 0;
    do {
        *p = skip_blanks (*p, end);
        if (*p < end && (**p == '{' || **p == '[')) {
            char close = **p == '{' ? '}' : ']';

            if (nest (&n, **p == '{') < 0)
                return -EINVAL;
            *p = skip_blanks (*p + 1, end);
            if (*p == end)
                return -EINVAL;
            if (**p != close) {
                if (close == '}' && scan_key (p, end, &inner) < 0)
                    return -EINVAL;
                continue;
            }
            /* empty: scan_after closes it */
        }
        else if (scan_scalar (p, end, &inner) < 0)
            return -EINVAL;
        if (scan_after (&n, p, end) < 0)
            return -EINVAL;
        if (n.depth > 0 && in_object (&n) && scan_key (p, end, &inner) < 0)
            return -EINVAL;
    } while (n.depth > 0);
    *v = (struct jvalue){
        *start == '{' ? JSCAN_OBJECT : JSCAN_ARRAY,
        false,
        start,
        *p - start,
    };
    return 0;
}

int jscan_value (const char **p, const char *end, struct jvalue *v)
{
    const char *q = skip_blanks (*p, end);
    int rc;

    if (q < end && (*q == '{' || *q == '['))
        rc = scan_container (&q, end, v);
    else
        rc = scan_scalar (&q, end, v);
    if (rc == 0)
        *p = q;
    return rc;
}

int jscan_text (const char *s, size_t len, struct jvalue *v)
{
    const char *end = s + len;
    struct jvalue found;

    if (jscan_value (&s, end, &found) < 0 || skip_blanks (s, end) != end)
        return -EINVAL;
    *v = found;
    return 0;
}

bool jscan_is_object (const char *s, size_t len)
{
    struct jvalue v;

    return jscan_text (s, len, &v) == 0 && v.type == JSCAN_OBJECT;
}

/* Step over '{', '[' or the ',' before a member.  Returns 1, 0 at the end. */
static int begin_next (struct jscan *it)
{
    bool first = !it->close;

    it->p = skip_blanks (it->p, it->end);
    if (it->p == it->end)
        return -EINVAL;
    if (first) {
        if (*it->p != '{' && *it->p != '[')
            return -EINVAL;
        it->close = *it->p++ == '{' ? '}' : ']';
        it->p = skip_blanks (it->p, it->end);
        if (it->p == it->end)
            return -EINVAL;
    }
    if (*it->p == it->close) {
        it->p++;
        return 0;
    }
    if (!first) {
        if (*it->p != ',')
            return -EINVAL;
        it->p++;
    }
    return 1;
}

int jscan_next (struct jscan *it, struct jvalue *key, struct jvalue *value)
{
    int rc = begin_next (it);

    if (rc <= 0)
        return rc;
    if (it->close == '}' && scan_key (&it->p, it->end, key) < 0)
        return -EINVAL;
    if (jscan_value (&it->p, it->end, value) < 0)
        return -EINVAL;
    return 1;
}

int jscan_find (const char *s, size_t len, const char *name, struct jvalue *v)
{
    struct jscan it = JSCAN_INIT (s, len);
    struct jvalue key, value;
    bool found = false;
    int rc;

    while ((rc = jscan_next (&it, &key, &value)) > 0) {
        if (it.close == '}' && jvalue_is (&key, name)) {
            *v = value;
            found = true;
        }
    }
    if (rc < 0)
        return rc;
    return found ? 0 : -ENOENT;
}

static char *put_utf8 (char *d, unsigned int code)
{
    if (code < 0x80)
        *d++ = code;
    else if (code < 0x800) {
        *d++ = 0xc0 | code >> 6;
        *d++ = 0x80 | (code & 0x3f);
    }
    else if (code < 0x10000) {
        *d++ = 0xe0 | code >> 12;
        *d++ = 0x80 | (code >> 6 & 0x3f);
        *d++ = 0x80 | (code & 0x3f);
    }
    else {
        *d++ = 0xf0 | code >> 18;
        *d++ = 0x80 | (code >> 12 & 0x3f);
        *d++ = 0x80 | (code >> 6 & 0x3f);
        *d++ = 0x80 | (code & 0x3f);
    }
    return d;
}

/* No escape is shorter than what it stands for. */
int jvalue_unescape (const struct jvalue *v, struct text *t)
{
    static const char from[] = "bfnrt";
    static const char to[] = "\b\f\n\r\t";
    const char *p = v->text;
    const char *end = p + v->len;
    unsigned int code;
    char *start, *d;

    if (v->type != JSCAN_STRING)
        return -EINVAL;
    if (!v->escaped) {
        text_put (t, v->text, v->len);
        return 0;
    }
    if (!(start = d = text_reserve (t, v->len)))
        return 0;
    while (p < end) {
        const char *which;

        if (*p != '\\')
            *d++ = *p++;
        else if (p[1] == 'u') {
            p += 2;
            if (scan_unicode (&p, end, &code) < 0)
                return -EINVAL;
            d = put_utf8 (d, code);
        }
        else {
            which = strchr (from, p[1]);
            *d++ = which ? to[which - from] : p[1];
            p += 2;
        }
    }
    text_commit (t, d - start);
    return 0;
}

bool jvalue_is (const struct jvalue *v, const char *s)
{
    struct text t = TEXT_INIT;
    bool same;

    if (v->type != JSCAN_STRING)
        return false;
    if (!v->escaped)
        return strncmp (v->text, s, v->len) == 0 && s[v->len] == '\0';
    same = jvalue_unescape (v, &t) == 0 && text_error (&t) == 0 && t.len == strlen (s)
           && memcmp (t.buf, s, t.len) == 0;
    text_fini (&t);
    return same;
}

int jvalue_int (const struct jvalue *v, int64_t *value)
{
    uint64_t n = 0;
    bool negative;

    if (v->type != JSCAN_NUMBER)
        return -EINVAL;
    negative = v->text[0] == '-';
    for (size_t i = negative; i < v->len; i++) {
        if (v->text[i] < '0' || v->text[i] > '9')
            return -EINVAL;
        if (__builtin_mul_overflow (n, 10, &n)
            || __builtin_add_overflow (n, v->text[i] - '0', &n))
            return -ERANGE;
    }
    if (n > (uint64_t)INT64_MAX + negative)
        return -ERANGE;
    *value = negative ? -n : n;
    return 0;
}

int jvalue_real (const struct jvalue *v, double *value)
{
    char buf[64];
    double d;

    if (v->type != JSCAN_NUMBER)
        return -EINVAL;
    if (v->len < sizeof (buf)) {
        memcpy (buf, v->text, v->len);
        buf[v->len] = '\0';
        d = strtod (buf, NULL);
    }
    else {
        char *copy = strndup (v->text, v->len);

        if (!copy)
            return -ENOMEM;
        d = strtod (copy, NULL);
        free (copy);
    }
    if (!isfinite (d))
        return -ERANGE;
    *value = d;
    return 0;
}
