/* jview: checking text from outside, in one pass. */

#include "config.h"
#include <ctype.h>
#include <math.h>

#include "jview_private.h"
#include "utf8.h"

static bool hex4 (const char *p, const char *end, unsigned int *value)
{
    unsigned int v = 0;

    if (end - p < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        char c = p[i];

        if (c >= '0' && c <= '9')
            v = v * 16 + (c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            v = v * 16 + ((c | 0x20) - 'a' + 10);
        else
            return false;
    }
    *value = v;
    return true;
}

bool jview_unicode_escape (const char **pp, const char *end, unsigned int *code)
{
    const char *p = *pp + 1;
    unsigned int v, low;

    if (!hex4 (p, end, &v) || v == 0)
        return false;
    p += 4;
    if (v >= 0xd800 && v <= 0xdfff) {
        if (v >= 0xdc00 || end - p < 6 || p[0] != '\\' || p[1] != 'u'
            || !hex4 (p + 2, end, &low) || low < 0xdc00 || low > 0xdfff)
            return false;
        v = 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00);
        p += 6;
    }
    *code = v;
    *pp = p;
    return true;
}

bool jview_fits_int64 (const char *s, size_t len, int64_t *value)
{
    bool negative = *s == '-';
    uint64_t v = 0;

    for (size_t i = negative; i < len; i++) {
        unsigned int d = s[i] - '0';

        if (v > (UINT64_MAX - d) / 10)
            return false;
        v = v * 10 + d;
    }
    if (v > (uint64_t)INT64_MAX + negative)
        return false;
    *value = negative ? (int64_t)-v : (int64_t)v;
    return true;
}

/* strtod () needs a NUL, which a span does not have. */
double jview_to_double (const char *s, size_t len)
{
    char buf[64];
    char *copy = buf;
    double d;

    if (len >= sizeof (buf) && !(copy = malloc (len + 1)))
        return 0.;
    memcpy (copy, s, len);
    copy[len] = '\0';
    d = strtod (copy, NULL);
    if (copy != buf)
        free (copy);
    return d;
}

#include "jview.h"
#include "utf8.h"

struct scan {
    const char *p;
    const char *end;
    bool wide; /* a byte >= 0x80 was seen in a string */
};

static void skip_blanks (struct scan *sc)
{
    while (sc->p < sc->end
           && (*sc->p == ' ' || *sc->p == '\t' || *sc->p == '\n' || *sc->p == '\r'))
        sc->p++;
}

/* At the opening quote; past the closing one after. */
static bool check_string (struct scan *sc)
{
    const char *p = sc->p + 1;
    unsigned int code;

    while (p < sc->end) {
        unsigned char c = *p;

        if (c == '"') {
            sc->p = p + 1;
            return true;
        }
        if (c < 0x20)
            return false;
        if (c >= 0x80)
            sc->wide = true;
        p++;
        if (c != '\\')
            continue;
        if (p == sc->end)
            return false;
        if (*p == 'u') {
            if (!jview_unicode_escape (&p, sc->end, &code))
                return false;
        }
        else if (*p == '\0' || !strchr ("\"\\/bfnrt", *p++))
            return false;
    }
    return false;
}

static bool digits (struct scan *sc)
{
    const char *start = sc->p;

    while (sc->p < sc->end && isdigit ((unsigned char)*sc->p))
        sc->p++;
    return sc->p > start;
}

static bool check_number (struct scan *sc)
{
    const char *start = sc->p;
    bool real = false, exponent = false;
    int64_t i;

    if (*sc->p == '-')
        sc->p++;
    if (sc->p < sc->end && *sc->p == '0')
        sc->p++;
    else if (!digits (sc))
        return false;
    if (sc->p < sc->end && *sc->p == '.') {
        real = true;
        sc->p++;
        if (!digits (sc))
            return false;
    }
    if (sc->p < sc->end && (*sc->p | 0x20) == 'e') {
        real = exponent = true;
        sc->p++;
        if (sc->p < sc->end && (*sc->p == '+' || *sc->p == '-'))
            sc->p++;
        if (!digits (sc))
            return false;
    }
    if (!real)
        return jview_fits_int64 (start, sc->p - start, &i);
    return (!exponent && sc->p - start < 300)
           || isfinite (jview_to_double (start, sc->p - start));
}

static bool check_word (struct scan *sc, const char *word)
{
    size_t len = strlen (word);

    if ((size_t)(sc->end - sc->p) < len || memcmp (sc->p, word, len) != 0)
        return false;
    sc->p += len;
    return true;
}

static bool check_scalar (struct scan *sc)
{
    switch (*sc->p) {
        case '"':
            return check_string (sc);
        case 't':
            return check_word (sc, "true");
        case 'f':
            return check_word (sc, "false");
        case 'n':
            return check_word (sc, "null");
        default:
            return check_number (sc);
    }
}

/* At a member's key: past the colon and the blanks after it. */
static bool check_key (struct scan *sc)
{
    if (sc->p == sc->end || *sc->p != '"' || !check_string (sc))
        return false;
    skip_blanks (sc);
    if (sc->p == sc->end || *sc->p++ != ':')
        return false;
    skip_blanks (sc);
    return true;
}

/* Which containers are open: one bit each, 1 = object. */
struct nest {
    unsigned char bits[JVIEW_MAX_DEPTH / 8];
    size_t depth;
};

static bool nest_push (struct nest *n, bool object)
{
    if (n->depth == JVIEW_MAX_DEPTH)
        return false;
    if (object)
        n->bits[n->depth / 8] |= 1 << n->depth % 8;
    else
        n->bits[n->depth / 8] &= ~(1 << n->depth % 8);
    n->depth++;
    return true;
}

static bool nest_is_object (const struct nest *n)
{
    return n->bits[(n->depth - 1) / 8] & (1 << (n->depth - 1) % 8);
}

/* After a value: close what ends here, and go to the next value if there is
 * one.  1: at a value, 0: all is closed, -1: syntax error.
 */
static int after_value (struct scan *sc, struct nest *n)
{
    while (n->depth > 0) {
        bool object = nest_is_object (n);

        skip_blanks (sc);
        if (sc->p == sc->end)
            return -1;
        if (*sc->p == ',') {
            sc->p++;
            skip_blanks (sc);
            return object && !check_key (sc) ? -1 : 1;
        }
        if (*sc->p++ != (object ? '}' : ']'))
            return -1;
        n->depth--;
    }
    return 0;
}

/* At an opening bracket.  1: at the first value inside, 0: empty and closed,
 * -1: syntax error.
 */
static int open_container (struct scan *sc, struct nest *n)
{
    bool object = *sc->p++ == '{';

    if (!nest_push (n, object))
        return -1;
    skip_blanks (sc);
    if (sc->p < sc->end && *sc->p == (object ? '}' : ']')) {
        sc->p++;
        n->depth--;
        return 0;
    }
    return object && !check_key (sc) ? -1 : 1;
}

static bool check_value (struct scan *sc)
{
    struct nest n = { .depth = 0 };
    int more = 1;

    while (more > 0) {
        if (sc->p == sc->end)
            return false;
        if (*sc->p == '{' || *sc->p == '[') {
            if ((more = open_container (sc, &n)) > 0)
                continue;
        }
        else
            more = check_scalar (sc) ? 0 : -1;
        if (more == 0)
            more = after_value (sc, &n);
    }
    return more == 0;
}

int jview_parse (const char *s, size_t len, struct jview *v)
{
    struct scan sc = { .p = s, .end = s + len };
    const char *start, *end;

    skip_blanks (&sc);
    start = sc.p;
    if (!check_value (&sc))
        return -EINVAL;
    end = sc.p;
    skip_blanks (&sc);
    if (sc.p != sc.end || (sc.wide && !utf8_valid (start, end - start)))
        return -EINVAL;
    *v = (struct jview){ start, end - start };
    return 0;
}

int jview_parse_object (const char *s, size_t len, struct jview *v)
{
    struct jview any;

    if (jview_parse (s, len, &any) < 0 || !jview_is (any, JVIEW_OBJECT))
        return -EINVAL;
    *v = any;
    return 0;
}
