#include "config.h"

#include "jlex.h"
#include "jview.h"
#include "utf8.h"

/* ---- checking text from outside ------------------------------------------ */

/* Of a value from start to p: does nothing follow it, and is what was seen in
 * it allowed?
 */
static bool acceptable (const char *start,
                        const char *p,
                        const char *end,
                        bool lax,
                        unsigned int seen)
{
    return jlex_blanks (p, end) == end && (lax || !(seen & (JLEX_NUL | JLEX_RANGE)))
           && (!(seen & JLEX_WIDE) || utf8_valid (start, p - start));
}

static int parse (const char *s, size_t len, bool lax, struct jview *v)
{
    const char *end = s + len;
    const char *start = jlex_blanks (s, end);
    unsigned int seen = 0;
    const char *p = jlex_value (start, end, JSON_MAX_DEPTH, &seen);

    if (!p || !acceptable (start, p, end, lax, seen))
        return -EINVAL;
    *v = (struct jview){ start, p - start };
    return 0;
}

int jview_parse (const char *s, size_t len, struct jview *v)
{
    return parse (s, len, false, v);
}

int jview_parse_lax (const char *s, size_t len, struct jview *v)
{
    return parse (s, len, true, v);
}

int jview_parse_object (const char *s, size_t len, struct jview *v)
{
    struct jview any;

    if (jview_parse (s, len, &any) < 0 || !jview_is (any, JVIEW_OBJECT))
        return -EINVAL;
    *v = any;
    return 0;
}

/* ---- walking over checked text ------------------------------------------- */

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

void jiter_init (struct jiter *it, struct jview container)
{
    enum jview_type type = jview_type (container);

    *it = (struct jiter){ .object = type == JVIEW_OBJECT };
    if (type == JVIEW_OBJECT || type == JVIEW_ARRAY) {
        it->end = container.s + container.len - 1;
        it->p = jlex_blanks (container.s + 1, it->end);
    }
}

bool jiter_next (struct jiter *it, struct jview *key, struct jview *value)
{
    const char *p = it->p;
    const char *start = p;

    if (!p || p >= it->end)
        return false;
    if (it->object) {
        p = jlex_skip_string (p, it->end);
        if (key)
            *key = (struct jview){ start, p - start };
        p = jlex_blanks (p, it->end) + 1;
        start = p = jlex_blanks (p, it->end);
    }
    p = jlex_skip_value (p, it->end);
    *value = (struct jview){ start, p - start };
    p = jlex_blanks (p, it->end);
    if (p < it->end)
        p = jlex_blanks (p + 1, it->end);
    it->p = p;
    return true;
}

struct jview jview_get (struct jview obj, const char *key)
{
    struct jview found;

    jview_pick (obj, 1, &key, &found);
    return found;
}

/* Is this member one of those wanted? */
static inline void pick (struct jview key,
                         struct jview value,
                         size_t n,
                         const char *const keys[],
                         struct jview out[])
{
    char c = key.s[1]; /* '"': an empty key */

    for (size_t i = 0; i < n; i++) {
        if ((c == keys[i][0] || c == '\\' || c == '"') && jview_equal (key, keys[i])) {
            out[i] = value;
            break;
        }
    }
}

void jview_pick (struct jview obj, size_t n, const char *const keys[], struct jview out[])
{
    struct jview key, value;
    struct jiter it;

    for (size_t i = 0; i < n; i++)
        out[i] = JVIEW_ABSENT;
    jiter_init (&it, obj);
    while (it.object && jiter_next (&it, &key, &value))
        pick (key, value, n, keys, out);
}

/* Check the member at p.  Past it, or NULL. */
static const char *check_member (const char *p,
                                 const char *end,
                                 struct jview *key,
                                 struct jview *value,
                                 unsigned int *seen)
{
    const char *start = p;

    if (p == end || *p != '"' || !(p = jlex_string (p, end, seen)))
        return NULL;
    *key = (struct jview){ start, p - start };
    p = jlex_blanks (p, end);
    if (p == end || *p != ':')
        return NULL;
    start = jlex_blanks (p + 1, end);
    if ((p = jlex_value (start, end, JSON_MAX_DEPTH - 1, seen)))
        *value = (struct jview){ start, p - start };
    return p;
}

int jview_parse_pick (const char *s,
                      size_t len,
                      bool lax,
                      size_t n,
                      const char *const keys[],
                      struct jview out[])
{
    const char *end = s + len;
    const char *p = jlex_blanks (s, end);
    unsigned int seen = 0;
    struct jview key, value;

    for (size_t i = 0; i < n; i++)
        out[i] = JVIEW_ABSENT;
    if (p == end || *p != '{')
        return -EINVAL;
    p = jlex_blanks (p + 1, end);
    if (p < end && *p == '}')
        return acceptable (s, p + 1, end, lax, seen) ? 0 : -EINVAL;
    for (;;) {
        if (!(p = check_member (p, end, &key, &value, &seen)))
            return -EINVAL;
        pick (key, value, n, keys, out);
        p = jlex_blanks (p, end);
        if (p == end || (*p != ',' && *p != '}'))
            return -EINVAL;
        if (*p++ == '}')
            return acceptable (s, p, end, lax, seen) ? 0 : -EINVAL;
        p = jlex_blanks (p, end);
    }
}

struct jview jview_path (struct jview obj, const char *path)
{
    while (jview_is (obj, JVIEW_OBJECT)) {
        size_t len = strcspn (path, ".");
        struct jview key, value, found = JVIEW_ABSENT;
        struct jiter it;

        jiter_init (&it, obj);
        while (jiter_next (&it, &key, &value)) {
            if (jview_equal_bytes (key, path, len))
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
    if (type != JVIEW_INTEGER || !jlex_int (v.s, v.len, value))
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
    return jlex_real (v.s, v.len, value);
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

int jview_string (struct jview v, struct text *t)
{
    if (!v.s)
        return -ENOENT;
    if (*v.s != '"')
        return -EINVAL;
    jlex_decode (v.s + 1, v.len - 2, t);
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

/* No escape is shorter than what it stands for. */
bool jview_equal_bytes (struct jview v, const char *s, size_t len)
{
    const char *p, *end;
    char bytes[4];
    size_t n;

    if (!v.s || *v.s != '"' || v.len - 2 < len)
        return false;
    p = v.s + 1;
    end = v.s + v.len - 1;
    while (p < end) {
        if (*p != '\\') {
            if (len == 0 || *s != *p++)
                return false;
            n = 1;
        }
        else {
            p = jlex_escape (p, end, bytes, &n);
            if (n > len || memcmp (s, bytes, n) != 0)
                return false;
        }
        s += n;
        len -= n;
    }
    return len == 0;
}
