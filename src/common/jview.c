#include "config.h"
#include <ctype.h>
#include <math.h>

#include "jview.h"
#include "utf8.h"

/* ---- checking: one pass over text from outside ------------------------- */

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

/* At the 'u' of \uXXXX: the code point, past it.  A high surrogate must be
 * followed by its low one; NUL is refused.
 */
static bool unicode_escape (const char **pp, const char *end, unsigned int *code)
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
            if (!unicode_escape (&p, sc->end, &code))
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

/* The digits of an integer as a signed 64-bit number. */
static bool fits_int64 (const char *s, size_t len, int64_t *value)
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
static double to_double (const char *s, size_t len)
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
        return fits_int64 (start, sc->p - start, &i);
    return (!exponent && sc->p - start < 300)
           || isfinite (to_double (start, sc->p - start));
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

/* ---- walking over checked text ----------------------------------------- */

enum jview_type jview_type (struct jview v)
{
    if (!v.s)
        return JVIEW_NONE;
    switch (*v.s) {
        case '{':
            return JVIEW_OBJECT;
        case '[':
            return JVIEW_ARRAY;
        case '"':
            return JVIEW_STRING;
        case 't':
            return JVIEW_TRUE;
        case 'f':
            return JVIEW_FALSE;
        case 'n':
            return JVIEW_NULL;
    }
    for (size_t i = 0; i < v.len; i++) {
        if (v.s[i] == '.' || (v.s[i] | 0x20) == 'e')
            return JVIEW_REAL;
    }
    return JVIEW_INTEGER;
}

/* What ends a run of bytes that need no look: inside a string, inside a
 * container, inside a bare word or number.
 */
enum { IN_STRING = 1, IN_CONTAINER = 2, IN_WORD = 4 };

static const unsigned char stops[256] = {
    ['"'] = IN_STRING | IN_CONTAINER, ['\\'] = IN_STRING,   ['{'] = IN_CONTAINER,
    ['['] = IN_CONTAINER,             [']'] = IN_CONTAINER | IN_WORD,
    ['}'] = IN_CONTAINER | IN_WORD,   [','] = IN_WORD,       [' '] = IN_WORD,
    ['\t'] = IN_WORD,                 ['\r'] = IN_WORD,      ['\n'] = IN_WORD,
};

static const char *skip_string (const char *p)
{
    for (p++;; p += 2) {
        while (!(stops[(unsigned char)*p] & IN_STRING))
            p++;
        if (*p == '"')
            return p + 1;
    }
}

/* p is at an opening bracket; past its closing one after. */
static const char *skip_container (const char *p)
{
    size_t depth = 1;

    p++;
    while (depth > 0) {
        while (!(stops[(unsigned char)*p] & IN_CONTAINER))
            p++;
        if (*p == '"')
            p = skip_string (p);
        else if (*p++ & 2) /* '{' 0x7b '[' 0x5b; '}' 0x7d ']' 0x5d */
            depth++;
        else
            depth--;
    }
    return p;
}

/* p is at a value; past it after. */
static const char *skip_value (const char *p, const char *end)
{
    if (*p == '"')
        return skip_string (p);
    if (*p == '{' || *p == '[')
        return skip_container (p);
    while (p < end && !(stops[(unsigned char)*p] & IN_WORD))
        p++;
    return p;
}

static const char *past_blanks (const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

void jiter_init (struct jiter *it, struct jview container)
{
    enum jview_type type = jview_type (container);

    *it = (struct jiter){ .object = type == JVIEW_OBJECT };
    if (type == JVIEW_OBJECT || type == JVIEW_ARRAY) {
        it->end = container.s + container.len - 1;
        it->p = past_blanks (container.s + 1, it->end);
    }
}

bool jiter_next (struct jiter *it, struct jview *key, struct jview *value)
{
    const char *p = it->p;
    const char *start = p;

    if (!p || p >= it->end)
        return false;
    if (it->object) {
        p = skip_string (p);
        if (key)
            *key = (struct jview){ start, p - start };
        p = past_blanks (p, it->end) + 1;
        start = p = past_blanks (p, it->end);
    }
    p = skip_value (p, it->end);
    *value = (struct jview){ start, p - start };
    p = past_blanks (p, it->end);
    if (p < it->end)
        p = past_blanks (p + 1, it->end);
    it->p = p;
    return true;
}

struct jview jview_get (struct jview obj, const char *key)
{
    struct jview found;

    jview_pick (obj, 1, &key, &found);
    return found;
}

void jview_pick (struct jview obj, size_t n, const char *const keys[], struct jview out[])
{
    struct jview key, value;
    struct jiter it;

    for (size_t i = 0; i < n; i++)
        out[i] = JVIEW_ABSENT;
    if (!jview_is (obj, JVIEW_OBJECT))
        return;
    jiter_init (&it, obj);
    while (jiter_next (&it, &key, &value)) {
        for (size_t i = 0; i < n; i++) {
            if (jview_equal (key, keys[i])) {
                out[i] = value;
                break;
            }
        }
    }
}

/* The part of a dotted path before its first dot. */
static bool key_is_part (struct jview key, const char *part, size_t len)
{
    const char *s;
    size_t n;

    return jview_plain (key, &s, &n) && n == len && memcmp (s, part, len) == 0;
}

struct jview jview_path (struct jview obj, const char *path)
{
    while (jview_is (obj, JVIEW_OBJECT)) {
        size_t len = strcspn (path, ".");
        struct jview key, value, found = JVIEW_ABSENT;
        struct jiter it;

        jiter_init (&it, obj);
        while (jiter_next (&it, &key, &value)) {
            if (key_is_part (key, path, len))
                found = value;
        }
        if (path[len] == '\0')
            return found;
        obj = found;
        path += len + 1;
    }
    return JVIEW_ABSENT;
}

struct jview jview_at (struct jview array, size_t i)
{
    struct jview value;
    struct jiter it;

    if (!jview_is (array, JVIEW_ARRAY))
        return JVIEW_ABSENT;
    jiter_init (&it, array);
    while (jiter_next (&it, NULL, &value)) {
        if (i-- == 0)
            return value;
    }
    return JVIEW_ABSENT;
}

size_t jview_count (struct jview container)
{
    struct jview value;
    struct jiter it;
    size_t n = 0;

    jiter_init (&it, container);
    while (jiter_next (&it, NULL, &value))
        n++;
    return n;
}

/* ---- typed reading ------------------------------------------------------ */

int jview_int (struct jview v, int64_t *value)
{
    enum jview_type type = jview_type (v);

    if (type == JVIEW_NONE)
        return -ENOENT;
    if (type != JVIEW_INTEGER || !fits_int64 (v.s, v.len, value))
        return -EINVAL;
    return 0;
}

int jview_number (struct jview v, double *value)
{
    enum jview_type type = jview_type (v);

    if (type == JVIEW_NONE)
        return -ENOENT;
    if (type != JVIEW_INTEGER && type != JVIEW_REAL)
        return -EINVAL;
    *value = to_double (v.s, v.len);
    return 0;
}

int jview_bool (struct jview v, bool *value)
{
    enum jview_type type = jview_type (v);

    if (type == JVIEW_NONE)
        return -ENOENT;
    if (type != JVIEW_TRUE && type != JVIEW_FALSE)
        return -EINVAL;
    *value = type == JVIEW_TRUE;
    return 0;
}

static size_t utf8_encode (unsigned int c, char out[4])
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

/* At a backslash: the bytes it stands for, past the escape. */
static size_t decode_escape (const char **pp, const char *end, char out[4])
{
    const char *p = *pp + 1;
    unsigned int code = 0;

    if (*p == 'u') {
        unicode_escape (&p, end, &code);
        *pp = p;
        return utf8_encode (code, out);
    }
    switch (*p) {
        case 'b':
            out[0] = '\b';
            break;
        case 'f':
            out[0] = '\f';
            break;
        case 'n':
            out[0] = '\n';
            break;
        case 'r':
            out[0] = '\r';
            break;
        case 't':
            out[0] = '\t';
            break;
        default:
            out[0] = *p;
    }
    *pp = p + 1;
    return 1;
}

int jview_string (struct jview v, struct text *t)
{
    const char *p, *end;
    char bytes[4];

    if (!v.s)
        return -ENOENT;
    if (*v.s != '"')
        return -EINVAL;
    p = v.s + 1;
    end = v.s + v.len - 1;
    while (p < end) {
        const char *start = p;

        if (!(p = memchr (p, '\\', end - p)))
            p = end;
        text_put (t, start, p - start);
        if (p < end)
            text_put (t, bytes, decode_escape (&p, end, bytes));
    }
    return text_error (t);
}

int jview_strdup (struct jview v, char **s)
{
    struct text t = TEXT_INIT;
    int r = jview_string (v, &t);

    if (r == 0 && !(*s = text_take (&t, NULL)))
        r = -ENOMEM;
    text_fini (&t);
    return r;
}

bool jview_plain (struct jview v, const char **s, size_t *len)
{
    if (!v.s || *v.s != '"' || memchr (v.s, '\\', v.len))
        return false;
    *s = v.s + 1;
    *len = v.len - 2;
    return true;
}

bool jview_equal (struct jview v, const char *s)
{
    const char *p, *end;
    char bytes[4];

    if (!v.s || *v.s != '"')
        return false;
    p = v.s + 1;
    end = v.s + v.len - 1;
    while (p < end) {
        if (*p != '\\') {
            if (*s != *p++)
                return false;
            s++;
        }
        else {
            size_t n = decode_escape (&p, end, bytes);

            if (strncmp (s, bytes, n) != 0)
                return false;
            s += n;
        }
    }
    return *s == '\0';
}

/* ---- writing ------------------------------------------------------------ */

void jview_put (struct text *t, struct jview v)
{
    if (v.s)
        text_put (t, v.s, v.len);
    else
        text_puts (t, "null");
}

void jview_put_compact (struct text *t, struct jview v)
{
    const char *p = v.s, *end = v.s + v.len;
    const char *start = p;

    if (!v.s) {
        jview_put (t, v);
        return;
    }
    while (p < end) {
        if (*p == '"')
            p = skip_string (p);
        else if (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r') {
            text_put (t, start, p - start);
            start = p = past_blanks (p, end);
        }
        else
            p++;
    }
    text_put (t, start, p - start);
}

/* "key": with a comma before it unless it is the first of its object. */
static void put_key (struct text *t, bool *first, struct jview key)
{
    if (!*first)
        text_putc (t, ',');
    *first = false;
    text_put (t, key.s, key.len);
    text_putc (t, ':');
}

void jview_put_without (struct text *t, struct jview obj, const char *name)
{
    struct jview key, value;
    struct jiter it;
    bool first = true;

    text_putc (t, '{');
    jiter_init (&it, obj);
    while (jiter_next (&it, &key, &value)) {
        if (!jview_equal (key, name)) {
            put_key (t, &first, key);
            jview_put (t, value);
        }
    }
    text_putc (t, '}');
}

/* "part":{"part":...value */
static void put_new_path (struct text *t, const char *path, struct jview value)
{
    size_t len = strcspn (path, ".");
    size_t open = 0;

    for (;;) {
        text_put_json_string (t, path, len);
        text_putc (t, ':');
        if (path[len] == '\0')
            break;
        text_putc (t, '{');
        open++;
        path += len + 1;
        len = strcspn (path, ".");
    }
    jview_put (t, value);
    while (open-- > 0)
        text_putc (t, '}');
}

/* Depth is bounded: by JVIEW_MAX_DEPTH where obj has objects, and
 * put_new_path () does not recurse.
 */
static void put_set (struct text *t, struct jview obj, const char *path, struct jview value)
{
    size_t len = strcspn (path, ".");
    struct jview key, old;
    struct jiter it;
    bool first = true, done = false;

    text_putc (t, '{');
    jiter_init (&it, obj);
    while (jiter_next (&it, &key, &old)) {
        if (!key_is_part (key, path, len)) {
            put_key (t, &first, key);
            jview_put (t, old);
        }
        else if (!done) {
            done = true;
            if (path[len] == '\0' || !jview_is (old, JVIEW_OBJECT)) {
                if (!first)
                    text_putc (t, ',');
                first = false;
                put_new_path (t, path, value);
            }
            else {
                put_key (t, &first, key);
                put_set (t, old, path + len + 1, value);
            }
        }
    }
    if (!done) {
        if (!first)
            text_putc (t, ',');
        put_new_path (t, path, value);
    }
    text_putc (t, '}');
}

int jview_put_set (struct text *t, struct jview obj, const char *path, struct jview value)
{
    size_t len = strlen (path);

    if (!jview_is (obj, JVIEW_OBJECT) || len == 0 || path[0] == '.'
        || path[len - 1] == '.' || strstr (path, ".."))
        return -EINVAL;
    put_set (t, obj, path, value);
    return text_error (t);
}

/* The last member of obj whose key has the same text. */
static struct jview same_key (struct jview obj, struct jview want)
{
    struct jview key, value, found = JVIEW_ABSENT;
    struct jiter it;

    if (!jview_is (obj, JVIEW_OBJECT))
        return found;
    jiter_init (&it, obj);
    while (jiter_next (&it, &key, &value)) {
        if (key.len == want.len && memcmp (key.s, want.s, key.len) == 0)
            found = value;
    }
    return found;
}

/* Write one merged member, unless nothing is left of it. */
static void put_merged_member (struct text *t,
                               bool *first,
                               struct jview key,
                               struct jview old,
                               struct jview new)
{
    size_t before = t->len;
    bool was_first = *first;

    if (!jview_is (new, JVIEW_OBJECT)) {
        if (!jview_is (new, JVIEW_NULL)) {
            put_key (t, first, key);
            jview_put (t, new);
        }
        return;
    }
    put_key (t, first, key);
    jview_put_merge (t, jview_is (old, JVIEW_OBJECT) ? old : JVIEW_ABSENT, new);
    if (!text_error (t) && t->len >= 2 && memcmp (t->buf + t->len - 2, "{}", 2) == 0) {
        t->len = before;
        t->buf[before] = '\0';
        *first = was_first;
    }
}

void jview_put_merge (struct text *t, struct jview base, struct jview patch)
{
    struct jview key, old, new;
    struct jiter it;
    bool first = true;

    text_putc (t, '{');
    jiter_init (&it, base);
    while (jiter_next (&it, &key, &old)) {
        new = same_key (patch, key);
        if (jview_present (new))
            put_merged_member (t, &first, key, old, new);
        else {
            put_key (t, &first, key);
            jview_put (t, old);
        }
    }
    jiter_init (&it, patch);
    while (jiter_next (&it, &key, &new)) {
        if (!jview_present (same_key (base, key)))
            put_merged_member (t, &first, key, JVIEW_ABSENT, new);
    }
    text_putc (t, '}');
}
