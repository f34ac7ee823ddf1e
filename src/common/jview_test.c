#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "jlex.h"
#include "jview.h"
#include "tap.h"

static struct jview view (const char *s)
{
    struct jview v;

    if (jview_parse (s, strlen (s), &v) < 0)
        bail_out ("test text does not parse: %s", s);
    return v;
}

static bool accepts (const char *s)
{
    struct jview v;
    return jview_parse (s, strlen (s), &v) == 0;
}

static void grammar (void)
{
    static const char *good[] = {
        "{}",
        "[]",
        " [ ] ",
        "0",
        "-0",
        "1.5e-3",
        "\"\"",
        "true",
        "null",
        "{\"a\":[1,2,{\"b\":null}]}",
        "[[],{}]",
        "9223372036854775807",
        "-9223372036854775808",
        "\"\\ud83d\\ude00\"",
        "\"\xc3\xa9\"",
        "1e300",
    };
    static const char *bad[] = {
        "",
        " ",
        "{",
        "}",
        "[1,]",
        "[1 2]",
        "{\"a\"}",
        "{\"a\":}",
        "{a:1}",
        "01",
        "+1",
        "1.",
        ".5",
        "1e",
        "-",
        "nul",
        "truex",
        "\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "\"\xff\"",
        "[1]]",
        "{} {}",
        "9223372036854775808",
        "-9223372036854775809",
        "1e999",
        "[,1]",
        "{,}",
        "{\"a\":1,}",
        "\"\xed\xa0\x80\"",
        "[1}",
        "{\"a\":1]",
        "[",
        "]",
        "[1",
        "[1,",
        "{1:2}",
        "-a",
        "1e+",
        "nan",
        "\"a",
        "\"\\\"",
        "\"\\",
        "\"\\ud800\\u0041\"",
        "\"a\nb\"",
        "1 2",
        "\"aaaaaaa\x01\"",
        "{\"a\" 1}",
    };

    for (size_t i = 0; i < ARRAY_SIZE (good); i++)
        ok (accepts (good[i]), "%s is JSON", good[i]);
    ok (accepts (" {\t\"a\" :\n1 , \"b\":[ true ]\r} "), "blanks may be anywhere");
    for (size_t i = 0; i < ARRAY_SIZE (bad); i++)
        ok (!accepts (bad[i]), "%s is not", bad[i]);
}

static void values_are_recognised (void)
{
    static const struct {
        const char *text;
        enum jview_type type;
        const char *inner;
    } good[] = {
        { "{}", JVIEW_OBJECT, "{}" },
        { " [1, {\"a\":[]} ] ", JVIEW_ARRAY, "[1, {\"a\":[]} ]" },
        { "\"\"", JVIEW_STRING, "\"\"" },
        { "\"a long string, longer than a word \xc3\xa9\"", JVIEW_STRING,
          "\"a long string, longer than a word \xc3\xa9\"" },
        { "-1.5e+3", JVIEW_REAL, "-1.5e+3" },
        { "0", JVIEW_INTEGER, "0" },
        { "true", JVIEW_TRUE, "true" },
        { "false", JVIEW_FALSE, "false" },
        { "\n null\t", JVIEW_NULL, "null" },
    };

    for (size_t i = 0; i < ARRAY_SIZE (good); i++) {
        struct jview v = view (good[i].text);
        char *inner = strndup (v.s, v.len);

        ok (jview_type (v) == good[i].type, "value %zu is recognised", i);
        is (inner, good[i].inner, "... and where it is");
        free (inner);
    }
}

static void nesting_is_bounded (void)
{
    char deep[2 * JSON_MAX_DEPTH + 8];
    int n = JSON_MAX_DEPTH;
    struct jview v;

    memset (deep, '[', n);
    memset (deep + n, ']', n);
    ok (jview_parse (deep, 2 * n, &v) == 0, "%d levels are accepted", n);
    memset (deep, '[', n + 1);
    memset (deep + n + 1, ']', n + 1);
    ok (jview_parse (deep, 2 * n + 2, &v) == -EINVAL, "one more is refused");
}

static void reading (void)
{
    struct jview o = view ("{\"i\":-42,\"r\":1.5,\"s\":\"a\\n\\u00e9\\\"\",\"t\":true,"
                           "\"o\":{\"x\":{\"y\":7}},\"a\":[1,\"two\",[3]],\"n\":null,"
                           "\"dup\":1,\"dup\":2,\"\\u0061b\":5, \"f\":false}");
    struct text t = TEXT_INIT;
    int64_t i = 0;
    double d = 0.;
    bool b = false;
    const char *s;
    size_t len;

    ok (jview_int (jview_get (o, "i"), &i) == 0 && i == -42, "an integer is read");
    ok (jview_int (jview_get (o, "r"), &i) == -EINVAL, "a real is no integer");
    ok (jview_number (jview_get (o, "r"), &d) == 0 && d == 1.5, "a real is read");
    ok (jview_number (jview_get (o, "i"), &d) == 0 && d == -42.,
        "an integer is a number");
    ok (jview_bool (jview_get (o, "t"), &b) == 0 && b, "true is read");
    ok (jview_bool (jview_get (o, "f"), &b) == 0 && !b, "false is read");
    ok (jview_bool (jview_get (o, "n"), &b) == -EINVAL, "null is no boolean");
    ok (jview_int (jview_get (o, "none"), &i) == -ENOENT, "what is not there is absent");
    ok (jview_string (jview_get (o, "s"), &t) == 0, "a string is read");
    is (t.buf, "a\n\xc3\xa9\"", "its escapes are decoded");
    ok (jview_equal (jview_get (o, "s"), "a\n\xc3\xa9\""), "and compare equal");
    ok (!jview_equal (jview_get (o, "s"), "a\n\xc3\xa9\"x")
            && !jview_equal (jview_get (o, "s"), "a\n\xc3\xa9"),
        "but not to a longer or a shorter one");
    ok (jview_int (jview_get (o, "ab"), &i) == 0 && i == 5, "keys may be escaped");
    ok (jview_int (jview_get (o, "dup"), &i) == 0 && i == 2, "the last duplicate counts");
    ok (jview_int (jview_path (o, "o.x.y"), &i) == 0 && i == 7, "a path is followed");
    ok (!jview_present (jview_path (o, "o.z.y"))
            && !jview_present (jview_path (o, "i.x")),
        "a path that leads nowhere is absent");
    ok (jview_equal (jview_at (jview_get (o, "a"), 1), "two"), "elements are found");
    ok (!jview_present (jview_at (jview_get (o, "a"), 3)), "only those that exist");
    is_int (jview_count (jview_get (o, "a")), 3, "elements are counted");
    is_int (jview_count (o), 11, "members are counted, duplicates too");
    ok (jview_plain (jview_at (jview_get (o, "a"), 1), &s, &len) && len == 3
            && memcmp (s, "two", 3) == 0,
        "a string without escapes lies plain in the text");
    ok (!jview_plain (jview_get (o, "s"), &s, &len), "one with escapes does not");
    text_fini (&t);
}

static void members_are_found (void)
{
    static const char *const keys[] = { "b", "d", "a" };
    struct jview o = view ("{\"a\":1, \"b\" : {\"a\":2},\"c\":[3,\"x\",[]], \"a\":4}");
    struct jview key, v, out[3];
    struct jiter it;
    int64_t n = 0;
    int count = 0;

    jiter_init (&it, o);
    while (jiter_next (&it, &key, &v))
        count++;
    is_int (count, 4, "all members are met");
    jview_pick (o, 3, keys, out);
    ok (jview_is (out[0], JVIEW_OBJECT) && !jview_present (out[1])
            && jview_int (out[2], &n) == 0 && n == 4,
        "several are picked at once, the last of a name, and the missing missed");
    jiter_init (&it, jview_get (o, "c"));
    for (count = 0; jiter_next (&it, NULL, &v); count++)
        ;
    is_int (count, 3, "elements of an array are met");
    jiter_init (&it, view ("{}"));
    ok (!jiter_next (&it, &key, &v), "an empty object has none");
}

/* String lengths around the eight bytes that are looked at together. */
static void strings_of_any_length (void)
{
    bool skipped = true, decoded = true, equal = true;

    for (int len = 0; len < 40; len++) {
        for (int at = 0; at <= len; at++) {
            struct text t = TEXT_INIT, want = TEXT_INIT, back = TEXT_INIT;
            struct jview v, s;
            int64_t i = 0;

            text_puts (&t, "{\"s\":\"");
            for (int n = 0; n <= len; n++) {
                text_puts (&t, n == at ? "\\\"" : "z");
                text_putc (&want, n == at ? '"' : 'z');
            }
            text_puts (&t, "\",\"i\":7}");
            must (jview_parse (t.buf, t.len, &v) == 0);
            s = jview_get (v, "s");
            skipped &= jview_int (jview_get (v, "i"), &i) == 0 && i == 7;
            decoded &= jview_string (s, &back) == 0 && back.len == want.len
                       && memcmp (back.buf, want.buf, want.len) == 0;
            equal &= jview_equal (s, want.buf) && !jview_equal_bytes (s, want.buf, len);
            text_fini (&t);
            text_fini (&want);
            text_fini (&back);
        }
    }
    ok (skipped, "strings of any length are skipped, wherever their escape is");
    ok (decoded, "... and decoded");
    ok (equal, "... and compared");
}

static void strings_are_unescaped (void)
{
    const char *s = "\"a\\u0000\\n\\\"\\\\\\/\\u00e9\\u20AC\\ud83d\\ude00z\"";
    static const char want[] = "a\0\n\"\\/\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
    struct text t = TEXT_INIT;
    struct jview v;

    must (jview_parse_lax (s, strlen (s), &v) == 0);
    ok (jview_string (v, &t) == 0 && t.len == sizeof (want) - 1
            && memcmp (t.buf, want, t.len) == 0,
        "every escape is undone");
    ok (jview_equal_bytes (v, want, sizeof (want) - 1) && !jview_equal (v, "a"),
        "a NUL is a byte like others");
    text_fini (&t);
    v = view ("\"n\\u0061me\"");
    ok (jview_equal (v, "name") && !jview_equal (v, "nam") && !jview_equal (v, "names"),
        "an escaped name is recognised");
    v = view ("\"name\"");
    ok (jview_equal (v, "name") && !jview_equal (v, "nam") && !jview_equal (v, "names"),
        "a plain one too");
    ok (!jview_equal (view ("\"a\\nb\""), "a\\nb"), "escapes are not taken literally");
}

static struct jview view_lax (const char *s)
{
    struct jview v;

    if (jview_parse_lax (s, strlen (s), &v) < 0)
        bail_out ("lax test text does not parse: %s", s);
    return v;
}

static void numbers_are_read (void)
{
    int64_t n;
    double d;

    ok (jview_int (view ("-9223372036854775808"), &n) == 0 && n == INT64_MIN,
        "the least integer");
    ok (jview_int (view ("9223372036854775807"), &n) == 0 && n == INT64_MAX,
        "the largest one");
    ok (jview_int (view_lax ("9223372036854775808"), &n) == -EINVAL
            && jview_int (view_lax ("99999999999999999999"), &n) == -EINVAL,
        "one more is none, and lax text may have it");
    ok (jview_int (view ("1.0"), &n) == -EINVAL, "a real is no integer");
    ok (jview_number (view ("1.0"), &d) == 0 && d == 1., "but a number");
    ok (jview_number (view_lax ("1e999"), &d) == -ERANGE,
        "an infinite one is out of range, and lax text may have it");
    ok (jview_number (view ("\"1\""), &d) == -EINVAL
            && jview_int (view ("\"1\""), &n) == -EINVAL,
        "a string is no number");
}

static void check_put (const char *what, struct text *t, const char *want)
{
    is (text_error (t) ? NULL : t->buf, want, "%s", what);
    text_clear (t);
}

static void writing (void)
{
    struct text t = TEXT_INIT;
    struct jview o = view ("{\"a\":1, \"b\": {\"c\":2}}");

    jview_put_without (&t, o, "a");
    check_put ("a member is left out", &t, "{\"b\":{\"c\":2}}");
    jview_put_without (&t, o, "b");
    check_put ("also the last one", &t, "{\"a\":1}");
    jview_put_compact (&t, view ("{ \"a b\" :\n[ 1 , \"\\\" \" ]\t}"));
    check_put ("blanks go, but not those in strings", &t, "{\"a b\":[1,\"\\\" \"]}");
    ok (jview_put_set (&t, o, "b.c", view ("3")) == 0, "a value is set");
    check_put ("in its place", &t, "{\"a\":1,\"b\":{\"c\":3}}");
    jview_put_set (&t, o, "b.d.e", view ("[]"));
    check_put ("missing objects are made", &t,
               "{\"a\":1,\"b\":{\"c\":2,\"d\":{\"e\":[]}}}");
    jview_put_set (&t, o, "a.x", view ("0"));
    check_put ("what is in the way goes", &t, "{\"a\":{\"x\":0},\"b\":{\"c\":2}}");
    jview_put_set (&t, view ("{\"a\":1,\"a\":{\"b\":2}}"), "a.c", view ("0"));
    check_put ("of two with one name the last counts", &t, "{\"a\":{\"b\":2,\"c\":0}}");
    jview_put_set (&t, view ("{}"), "x", view ("0"));
    check_put ("an empty object is a start", &t, "{\"x\":0}");
    ok (jview_put_set (&t, o, "b..c", view ("3")) == -EINVAL
            && jview_put_set (&t, o, "", view ("3")) == -EINVAL
            && jview_put_set (&t, o, ".b", view ("3")) == -EINVAL
            && jview_put_set (&t, view ("[]"), "b", view ("3")) == -EINVAL,
        "empty parts and non-objects are refused");
    text_fini (&t);
}

static void merge (const char *base, const char *patch, const char *want)
{
    struct text t = TEXT_INIT;

    jview_put_merge (&t, base ? view (base) : JVIEW_ABSENT, view (patch));
    is (text_error (&t) ? NULL : t.buf, want, "%s + %s", base ? base : "nothing", patch);
    text_fini (&t);
}

static void merging (void)
{
    merge (NULL, "{\"a\":1}", "{\"a\":1}");
    merge ("{\"a\":1}", "{\"b\":2}", "{\"a\":1,\"b\":2}");
    merge ("{\"a\":1,\"b\":2}", "{\"a\":null}", "{\"b\":2}");
    merge ("{\"a\":{\"x\":1,\"y\":2}}", "{\"a\":{\"y\":3}}", "{\"a\":{\"x\":1,\"y\":3}}");
    merge ("{\"a\":{\"x\":1}}", "{\"a\":{\"x\":null}}", "{}");
    merge ("{\"a\":{\"x\":{\"y\":1}},\"b\":0}", "{\"a\":{\"x\":{\"y\":null}}}",
           "{\"b\":0}");
    merge ("{\"a\":1}", "{\"a\":{\"x\":null}}", "{}");
    merge (NULL, "{\"a\":{\"x\":null,\"y\":[null]}}", "{\"a\":{\"y\":[null]}}");
    merge ("{\"a\":{\"x\":1}}", "{\"a\":5}", "{\"a\":5}");
    merge ("{\"a\":1}", "{}", "{\"a\":1}");
    merge ("{\"a\":{\"x\":1},\"a\":{\"y\":1}}", "{\"a\":{\"y\":null}}", "{}");
    merge ("{\"a\":0}", "{\"b\":1,\"b\":null}", "{\"a\":0}");
}

/* Whatever jansson takes we take, and the other way round. */
static void agrees_with_jansson (void)
{
    static const char *seeds[] = {
        "{\"timestamp\":1795259306.56,\"name\":\"x\",\"context\":{\"a\":[1,-2.5e3,true]}"
        "}",
        "[\"\\ud83d\\ude00\\u00e9\\n\",null,{\"\":{}},[[[]]],0,-0.0,1e5]",
        "{\"a\":{\"b\":{\"c\":\"\xe2\x82\xac\"}},\"d\":false}",
    };
    static const char alphabet[] = "{}[]\",:\\0123456789.eE+-tfnu aldsr\xc3\xa9\n";
    unsigned int seed = 42;
    int disagreements = 0, accepted = 0;

    for (int i = 0; i < 60000; i++) {
        const char *base = seeds[i % ARRAY_SIZE (seeds)];
        size_t len = strlen (base);
        char buf[128];
        json_t *o;
        struct jview v;
        bool ours;

        memcpy (buf, base, len);
        for (unsigned int n = rand_r (&seed) % 4; n > 0; n--) {
            size_t at = rand_r (&seed) % len;

            if (rand_r (&seed) % 3 == 0) {
                memmove (buf + at, buf + at + 1, len - at - 1);
                len--;
            }
            else
                buf[at] = alphabet[rand_r (&seed) % (sizeof (alphabet) - 1)];
        }
        ours = jview_parse (buf, len, &v) == 0;
        o = json_loadb (buf, len, JSON_DECODE_ANY, NULL);
        accepted += ours;
        if (ours != (o != NULL)) {
            diag ("%.*s: we say %d", (int)len, buf, ours);
            disagreements++;
        }
        json_decref (o);
    }
    is_int (disagreements, 0, "60000 mutated texts: jansson agrees on every one");
    ok (accepted > 10000 && accepted < 50000, "both verdicts occurred (%d accepted)",
        accepted);
}

/* Would jansson take it?  Its limits on numbers do not bind lax text. */
static int jansson_scans (const char *s, size_t len)
{
    json_error_t error;
    json_t *o = json_loadb (s, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

    if (!o && json_error_code (&error) == json_error_numeric_overflow)
        return -1;
    json_decref (o);
    return o != NULL;
}

static void lax_text_agrees_with_jansson (void)
{
    static const char seed_text[] =
        "{\"timestamp\":1795258092.0313981,\"name\":\"data\",\"context\":{\"stream\":"
        "\"stdout\",\"rank\":[0,-1.5e3,true,false,null],\"data\":\"h\\u00e9\\n\\\"x\"}}";
    static const char bytes[] = "{}[]\",:\\ue0-+.1 tfn\xc3\xa9";
    unsigned int seed = getenv ("TEST_SEED") ? atoi (getenv ("TEST_SEED")) : 42;
    int differ = 0, valid = 0;

    diag ("TEST_SEED=%u", seed);
    for (int i = 0; i < 50000; i++) {
        char s[sizeof (seed_text)];
        size_t len = sizeof (seed_text) - 1;
        struct jview v;
        int want, got;

        memcpy (s, seed_text, sizeof (s));
        for (int n = rand_r (&seed) % 3; n >= 0; n--) {
            size_t at = rand_r (&seed) % len;

            if (rand_r (&seed) % 3 == 0)
                memmove (s + at, s + at + 1, len-- - at);
            else
                s[at] = bytes[rand_r (&seed) % (sizeof (bytes) - 1)];
        }
        want = jansson_scans (s, len);
        got = jview_parse_lax (s, len, &v) == 0;
        if (want >= 0 && want != got && differ++ == 0)
            diag ("%.*s: jansson %d, we %d", (int)len, s, want, got);
        valid += got;
    }
    ok (differ == 0 && valid > 1000, "50000 lax texts, %d of them valid", valid);
}

int main (void)
{
    grammar ();
    values_are_recognised ();
    nesting_is_bounded ();
    reading ();
    members_are_found ();
    strings_of_any_length ();
    strings_are_unescaped ();
    numbers_are_read ();
    writing ();
    merging ();
    agrees_with_jansson ();
    lax_text_agrees_with_jansson ();
    return done_testing ();
}
