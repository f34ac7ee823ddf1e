/* jview: writing what is viewed, or something like it. */

#include "config.h"

#include "jlex.h"
#include "jview.h"

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
            p = jlex_skip_string (p, end);
        else if (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r') {
            text_put (t, start, p - start);
            start = p = jlex_blanks (p, end);
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

/* Depth is bounded: by JSON_MAX_DEPTH where obj has objects, and
 * put_new_path () does not recurse.
 */
static void
put_set (struct text *t, struct jview obj, const char *path, struct jview value)
{
    size_t len = strcspn (path, ".");
    struct jview key, old, last = JVIEW_ABSENT;
    struct jiter it;
    bool first = true;

    jiter_init (&it, obj);
    while (jiter_next (&it, &key, &old)) {
        if (jview_equal_bytes (key, path, len))
            last = old; /* of two with that name the last counts */
    }
    text_putc (t, '{');
    jiter_init (&it, obj);
    while (jiter_next (&it, &key, &old)) {
        if (old.s != last.s) {
            if (!jview_equal_bytes (key, path, len)) {
                put_key (t, &first, key);
                jview_put (t, old);
            }
        }
        else if (path[len] != '\0' && jview_is (old, JVIEW_OBJECT)) {
            put_key (t, &first, key);
            put_set (t, old, path + len + 1, value);
        }
        else {
            if (!first)
                text_putc (t, ',');
            first = false;
            put_new_path (t, path, value);
        }
    }
    if (!jview_present (last)) {
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
        if (same_key (base, key).s != old.s) /* of two the last counts */
            continue;
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
        if (!jview_present (same_key (base, key)) && same_key (patch, key).s == new.s)
            put_merged_member (t, &first, key, JVIEW_ABSENT, new);
    }
    text_putc (t, '}');
}
