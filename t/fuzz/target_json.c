/* target_json.c - our readers of JSON text against jansson. */

#include "config.h"
#include <stdio.h>

#include "common/jpull.h"
#include "common/jview.h"
#include "fuzz.h"

/* ---- scan: jpull and jview read what jansson reads -------------------------- */

/* jpull has the same dialect as jansson. */
static void check_pull (const char *data, size_t size, const json_t *o)
{
    _cleanup_ (text_fini) struct text canon = TEXT_INIT;
    _cleanup_ (freep) char *want = NULL;
    struct jpull s;
    int r;

    jpull_init (&s, data, size);
    if ((r = jpull_skip (&s)) == 0)
        r = jpull_end (&s);
    jpull_fini (&s);
    must (r == 0 || r == -EPROTO);
    must ((r == 0) == (o != NULL));
    jpull_init (&s, data, size);
    r = jpull_canon (&s, &canon);
    if (r == 0)
        r = jpull_end (&s);
    jpull_fini (&s);
    must ((r == 0) == (o != NULL));
    if (o) {
        want = fuzz_dump (o);
        must (strcmp (canon.buf, want) == 0);
    }
}

static void compare_view (struct jview v, const json_t *o);

static void compare_object (struct jview v, const json_t *const_o)
{
    json_t *o = (json_t *)const_o;
    struct jview key, value;
    struct jiter it;
    const char *name;
    json_t *member;
    size_t n = 0;

    jiter_init (&it, v);
    while (jiter_next (&it, &key, &value)) {
        must (jview_is (key, JVIEW_STRING));
        n++;
    }
    must (n >= json_object_size (o) && jview_count (v) == n);
    json_object_foreach (o, name, member)
    {
        /* jview_get () is for names that need no escapes */
        if (!strpbrk (name, "\"\\/")
            && strspn (name, "abcdefghijklmnopqrstuvwxyz_") == strlen (name))
            compare_view (jview_get (v, name), member);
    }
    must (!jview_present (jview_get (v, "no such member")));
}

static void compare_string (struct jview v, const json_t *o)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    const char *s;
    size_t len;

    must (jview_string (v, &t) == 0);
    must (t.len == json_string_length (o));
    must (t.len == 0 || memcmp (t.buf, json_string_value (o), t.len) == 0);
    must (jview_equal_bytes (v, json_string_value (o), t.len));
    if (jview_plain (v, &s, &len))
        must (len == t.len && (len == 0 || memcmp (s, t.buf, len) == 0));
}

static void compare_view (struct jview v, const json_t *o)
{
    int64_t i;
    double d;
    bool b;

    must (jview_present (v));
    switch (json_typeof (o)) {
        case JSON_OBJECT:
            must (jview_is (v, JVIEW_OBJECT));
            compare_object (v, o);
            break;
        case JSON_ARRAY:
            must (jview_is (v, JVIEW_ARRAY));
            must (jview_count (v) == json_array_size (o));
            for (size_t n = 0; n < json_array_size (o); n++)
                compare_view (jview_at (v, n), json_array_get (o, n));
            break;
        case JSON_STRING:
            must (jview_is (v, JVIEW_STRING));
            compare_string (v, o);
            break;
        case JSON_INTEGER:
            must (jview_int (v, &i) == 0 && i == json_integer_value (o));
            must (jview_number (v, &d) == 0 && d == (double)i);
            break;
        case JSON_REAL:
            must (jview_is (v, JVIEW_REAL) && jview_int (v, &i) == -EINVAL);
            must (jview_number (v, &d) == 0 && d == json_real_value (o));
            break;
        case JSON_NULL:
            must (jview_is (v, JVIEW_NULL));
            break;
        default:
            must (jview_bool (v, &b) == 0 && b == json_is_true (o));
    }
}

static void check_view (const char *data, size_t size, const json_t *o)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    struct jview v;
    json_t *again;
    int r = jview_parse (data, size, &v);

    if (r < 0) {
        must (r == -EINVAL && !o);
        return;
    }
    must (o != NULL);
    must (v.s >= data && v.s + v.len <= data + size);
    compare_view (v, o);
    jview_put_compact (&t, v);
    must (!memchr (t.buf, '\n', t.len));
    again = fuzz_json (t.buf, t.len);
    must (json_equal (again, o));
    json_decref (again);
}

/* Lax text has the limits of jansson for neither NUL bytes nor numbers. */
static void check_lax (const char *data, size_t size)
{
    struct jview v;
    int r = jview_parse_lax (data, size, &v);
    json_error_t e;
    json_t *o;

    if (memchr (data, '\0', size)) { /* jansson overlooks one behind a number */
        must (r == -EINVAL);
        return;
    }
    o = json_loadb (data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
    must (r == 0 || (r == -EINVAL && !o));
    must (r < 0 || o || json_error_code (&e) == json_error_numeric_overflow
          || json_error_code (&e) == json_error_null_byte_in_key);
    if (o)
        compare_view (v, o);
    json_decref (o);
}

/* Checking and picking in one pass does what it does in two. */
static void check_pick (const char *data, size_t size, bool lax)
{
    static const char *const keys[] = { "a", "version", "type", "" };
    struct jview v, out[ARRAY_SIZE (keys)];
    int r = jview_parse_pick (data, size, lax, ARRAY_SIZE (keys), keys, out);
    int want = lax ? jview_parse_lax (data, size, &v) : jview_parse (data, size, &v);

    if (want == 0 && !jview_is (v, JVIEW_OBJECT))
        want = -EINVAL;
    must (r == want);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE (keys); i++) {
        struct jview one = jview_get (v, keys[i]);

        must (out[i].s == one.s && out[i].len == one.len);
    }
}

static void scan_one (const char *data, size_t size)
{
    _cleanup_ (freep) char *copy = fuzz_bytes (data, size);
    json_t *o = fuzz_json (copy, size);

    check_pull (copy, size, o);
    check_view (copy, size, o);
    check_lax (copy, size);
    check_pick (copy, size, false);
    check_pick (copy, size, true);
    json_decref (o);
}

static const struct fuzz_source scan_sources[] = {
    { "jobspec-valid.json", "jobspec", FUZZ_JSON },
    { "R.json", "R", FUZZ_JSON },
    { "kvs-treeobj.json", "object", FUZZ_JSON },
    { 0 },
};

static const char *const scan_seeds[] = {
    "[]",
    "{}",
    "null",
    " true ",
    "\"\"",
    "0",
    "-0",
    "-0.0",
    "1e3",
    "1E-3",
    "1.5",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "1e400",
    "1e-400",
    "123456789012345678901234567890.5",
    "[1,2,[3,[4]],{\"a\":{\"b\":[null]}}]",
    "\"\\u00e9\\ud83d\\ude00\\n\\/\"",
    "\"\xc3\xa9\xf0\x9f\x98\x80\"",
    "\"\\ud800\"",
    "\"\\u0000\"",
    "{\"a\":1,\"a\":2,\"\":3}",
    "[1,]",
    "{\"a\" :\t1 ,\"b\":\r\n[ ] }",
    "01",
    "1.",
    ".5",
    "+1",
    "[0.1,1e21,1.7976931348623157e308,5e-324]",
    NULL,
};

static const char *const json_words[] = {
    "{\"a\":",      "[[[[",     "]]]]", "{}",  "\\u0000", "\\ud83d\\ude00", "\\u",
    "\xed\xa0\x80", "\xc0\x80", "1e",   "-0",  "null",    "true",           "false",
    "\"",           "\\\"",     "1E+0", "0e0", NULL,
};

const struct fuzz_target fuzz_scan = {
    .name = "scan",
    .one = scan_one,
    .sources = scan_sources,
    .seeds = scan_seeds,
    .words = json_words,
};

/* ---- edit: changes to text against changes to trees ------------------------- */

/* Objects merge, null deletes, what becomes empty vanishes. */
static json_t *merged (json_t *base, json_t *patch)
{
    json_t *o = json_is_object (base) ? json_deep_copy (base) : json_object ();
    const char *key;
    json_t *v;

    json_object_foreach (patch, key, v)
    {
        json_t *old = json_object_get (o, key);

        if (json_is_null (v))
            json_object_del (o, key);
        else if (!json_is_object (v))
            json_object_set (o, key, v);
        else {
            json_t *sub = merged (old, v);

            if (json_object_size (sub) == 0)
                json_object_del (o, key);
            else
                json_object_set (o, key, sub);
            json_decref (sub);
        }
    }
    return o;
}

static void check_merge (struct jview base, struct jview patch, json_t *b, json_t *p)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    json_t *want, *got;

    if (!json_is_object (p) || !json_is_object (b))
        return;
    jview_put_merge (&t, base, patch);
    must (text_error (&t) == 0);
    got = fuzz_json (t.buf, t.len);
    want = merged (b, p);
    must (got && json_equal (got, want));
    json_decref (want);
    json_decref (got);
}

/* The naive way to set a dotted path: -1 if the path is bad. */
static int set_path (json_t *o, const char *path, json_t *value)
{
    const char *dot = strchrnul (path, '.');
    char key[256];
    json_t *sub;

    if (dot == path || dot - path > 255)
        return -1;
    snprintf (key, sizeof (key), "%.*s", (int)(dot - path), path);
    if (!*dot)
        return json_object_set (o, key, value);
    sub = json_object_get (o, key);
    if (json_is_object (sub))
        return set_path (sub, dot + 1, value);
    sub = json_object ();
    json_object_set_new (o, key, sub);
    return set_path (sub, dot + 1, value);
}

static void check_set (struct jview base, struct jview value, json_t *b, json_t *v)
{
    static const char *const paths[] = { "a", "a.b", "a.b.c", "b.a", "", "a..b", ".a" };

    for (size_t i = 0; i < ARRAY_SIZE (paths); i++) {
        _cleanup_ (text_fini) struct text t = TEXT_INIT;
        json_t *want = json_deep_copy (b);
        int bad = !json_is_object (b) || set_path (want, paths[i], v) < 0;
        int r = jview_put_set (&t, base, paths[i], value);
        json_t *got = r == 0 ? fuzz_json (t.buf, t.len) : NULL;

        must ((r < 0) == bad && (r == 0 || r == -EINVAL));
        must (r < 0 || json_equal (got, want));
        json_decref (got);
        json_decref (want);
    }
}

static void check_without (struct jview base, json_t *b)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    json_t *want, *got;

    if (!json_is_object (b))
        return;
    jview_put_without (&t, base, "a");
    want = json_copy (b);
    json_object_del (want, "a");
    got = fuzz_json (t.buf, t.len);
    must (got && json_equal (got, want));
    json_decref (want);
    json_decref (got);
}

/* Two texts with a byte between them that JSON text has not. */
static void edit_one (const char *data, size_t size)
{
    const char *between = size > 0 ? memchr (data, '\x1e', size) : NULL;
    size_t len = between ? (size_t)(between - data) : size;
    const char *second = data + len + (len < size);
    size_t len2 = size - (second - data);
    json_t *a = fuzz_json (data, len), *b = fuzz_json (second, len2);
    struct jview va, vb;

    if (a && b && jview_parse (data, len, &va) == 0
        && jview_parse (second, len2, &vb) == 0) {
        check_merge (va, vb, a, b);
        check_set (va, vb, a, b);
        check_without (va, a);
    }
    json_decref (a);
    json_decref (b);
}

static const struct fuzz_source edit_sources[] = {
    { "jobspec-valid.json", "attributes", FUZZ_JSON },
    { 0 },
};

static const char *const edit_seeds[] = {
    "{\"a\":1,\"b\":{\"a\":2}}\x1e{\"a\":{\"b\":{\"c\":1}}}",
    "{\"a\":null,\"b\":{}}\x1e{\"b\":{\"c\":null}}",
    "{\"a\":[],\"a\":{\"b\":1},\"c\":\"x\"}\x1e{\"a\":{\"b\":null},\"c\":1}",
    NULL,
};

static const char *const edit_words[] = {
    "\"a\":",       "\"b\":", "\"c\":", "{\"a\":{\"b\":", "null", "{}", "},{",
    "{\"a\":null}", "}",      ",",      "\x1e{",          NULL,
};

const struct fuzz_target fuzz_edit = {
    .name = "edit",
    .one = edit_one,
    .sources = edit_sources,
    .seeds = edit_seeds,
    .words = edit_words,
};
