#include "config.h"

#include "jview_private.h"

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
    ['"'] = IN_STRING | IN_CONTAINER,
    ['\\'] = IN_STRING,
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

const char *jview_skip_string (const char *p)
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
            p = jview_skip_string (p);
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
        return jview_skip_string (p);
    if (*p == '{' || *p == '[')
        return skip_container (p);
    while (p < end && !(stops[(unsigned char)*p] & IN_WORD))
        p++;
    return p;
}

void jiter_init (struct jiter *it, struct jview container)
{
    enum jview_type type = jview_type (container);

    *it = (struct jiter){ .object = type == JVIEW_OBJECT };
    if (type == JVIEW_OBJECT || type == JVIEW_ARRAY) {
        it->end = container.s + container.len - 1;
        it->p = jview_past_blanks (container.s + 1, it->end);
    }
}

bool jiter_next (struct jiter *it, struct jview *key, struct jview *value)
{
    const char *p = it->p;
    const char *start = p;

    if (!p || p >= it->end)
        return false;
    if (it->object) {
        p = jview_skip_string (p);
        if (key)
            *key = (struct jview){ start, p - start };
        p = jview_past_blanks (p, it->end) + 1;
        start = p = jview_past_blanks (p, it->end);
    }
    p = skip_value (p, it->end);
    *value = (struct jview){ start, p - start };
    p = jview_past_blanks (p, it->end);
    if (p < it->end)
        p = jview_past_blanks (p + 1, it->end);
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
bool jview_key_is_part (struct jview key, const char *part, size_t len)
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
            if (jview_key_is_part (key, path, len))
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
    if (type != JVIEW_INTEGER || !jview_fits_int64 (v.s, v.len, value))
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
    *value = jview_to_double (v.s, v.len);
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
        jview_unicode_escape (&p, end, &code);
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
