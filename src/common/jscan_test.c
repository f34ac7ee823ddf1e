#include "config.h"
#include <jansson.h>

#include "jscan.h"
#include "tap.h"
#include "utf8.h"

static bool scans (const char *s)
{
    struct jvalue v;

    return jscan_text (s, strlen (s), &v) == 0;
}

static void values_are_recognised (void)
{
    static const struct {
        const char *text;
        enum jscan_type type;
        const char *inner;
    } good[] = {
        { "{}", JSCAN_OBJECT, "{}" },
        { " [1, {\"a\":[]} ] ", JSCAN_ARRAY, "[1, {\"a\":[]} ]" },
        { "\"\"", JSCAN_STRING, "" },
        { "\"a long string, longer than a word \xc3\xa9\"",
          JSCAN_STRING,
          "a long string, longer than a word \xc3\xa9" },
        { "-1.5e+3", JSCAN_NUMBER, "-1.5e+3" },
        { "0", JSCAN_NUMBER, "0" },
        { "true", JSCAN_TRUE, "true" },
        { "false", JSCAN_FALSE, "false" },
        { "\n null\t", JSCAN_NULL, "null" },
    };

    for (size_t i = 0; i < ARRAY_SIZE (good); i++) {
        struct jvalue v;
        char *inner;

        if (!ok (jscan_text (good[i].text, strlen (good[i].text), &v) == 0
                     && v.type == good[i].type,
                 "value %zu is recognised",
                 i))
            continue;
        inner = strndup (v.text, v.len);
        is (inner, good[i].inner, "... and where it is");
        free (inner);
    }
}

static void other_texts_are_refused (void)
{
    static const char *const bad[] = {
        "", " ", "{", "}", "[", "]", "[1", "[1,", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}",
        "{\"a\":1,}", "{a:1}", "{\"a\":1]", "[1}", "{1:2}", "01", "-", "-a", "1.", ".5",
        "1e", "1e+", "+1", "nul", "truex", "\"", "\"a", "\"\\\"", "\"\\x\"", "\"\\u12\"",
        "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"a\nb\"", "1 2", "{} {}",
        "\"aaaaaaa\x01\"", "[1 2]", "{\"a\" 1}", "nan",
    };

    for (size_t i = 0; i < ARRAY_SIZE (bad); i++)
        ok (!scans (bad[i]), "bad text %zu is refused", i);
}

static void depth_is_bounded (void)
{
    char *deep = malloc (2 * JSCAN_MAX_DEPTH + 3);

    must (deep != NULL);
    memset (deep, '[', JSCAN_MAX_DEPTH);
    memset (deep + JSCAN_MAX_DEPTH, ']', JSCAN_MAX_DEPTH);
    deep[2 * JSCAN_MAX_DEPTH] = '\0';
    ok (scans (deep), "the deepest text is accepted");
    memset (deep, '[', JSCAN_MAX_DEPTH + 1);
    memset (deep + JSCAN_MAX_DEPTH + 1, ']', JSCAN_MAX_DEPTH + 1);
    deep[2 * JSCAN_MAX_DEPTH + 2] = '\0';
    ok (!scans (deep), "a deeper one is refused");
    free (deep);
}

static void members_are_found (void)
{
    const char *s = "{\"a\":1, \"b\" : {\"a\":2},\"c\":[3,\"x\",[]], \"a\":4}";
    struct jscan it = JSCAN_INIT (s, strlen (s));
    struct jvalue key, v;
    int64_t n = 0;
    int count = 0;

    while (jscan_next (&it, &key, &v) > 0)
        count++;
    ok (count == 4 && it.p == s + strlen (s), "all members are met");
    ok (jscan_find (s, strlen (s), "a", &v) == 0 && jvalue_int (&v, &n) == 0 && n == 4,
        "of two members of a name the last counts");
    ok (jscan_find (s, strlen (s), "d", &v) == -ENOENT, "a missing one is missed");
    ok (jscan_find (s, strlen (s) - 1, "a", &v) == -EINVAL, "a broken object is refused");
    must (jscan_find (s, strlen (s), "c", &v) == 0);
    it = (struct jscan)JSCAN_INIT (v.text, v.len);
    for (count = 0; jscan_next (&it, NULL, &v) > 0; count++)
        ;
    ok (count == 3, "elements of an array are met");
    it = (struct jscan)JSCAN_INIT ("{}", 2);
    ok (jscan_next (&it, &key, &v) == 0, "an empty object has none");
}

static void strings_are_unescaped (void)
{
    const char *s = "\"a\\u0000\\n\\\"\\\\\\/\\u00e9\\u20AC\\ud83d\\ude00z\"";
    static const char want[] = "a\0\n\"\\/\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
    struct text t = TEXT_INIT;
    struct jvalue v;

    must (jscan_text (s, strlen (s), &v) == 0);
    ok (v.escaped && jvalue_unescape (&v, &t) == 0 && t.len == sizeof (want) - 1
            && memcmp (t.buf, want, t.len) == 0,
        "every escape is undone");
    text_fini (&t);
    must (jscan_text ("\"n\\u0061me\"", 11, &v) == 0);
    ok (jvalue_is (&v, "name") && !jvalue_is (&v, "nam") && !jvalue_is (&v, "names"),
        "an escaped name is recognised");
    must (jscan_text ("\"name\"", 6, &v) == 0);
    ok (jvalue_is (&v, "name") && !jvalue_is (&v, "nam") && !jvalue_is (&v, "names"),
        "a plain one too");
}

static void numbers_are_read (void)
{
    struct jvalue v;
    int64_t n;
    double d;

    must (jscan_text ("-9223372036854775808", 20, &v) == 0);
    ok (jvalue_int (&v, &n) == 0 && n == INT64_MIN, "the least integer");
    must (jscan_text ("9223372036854775807", 19, &v) == 0);
    ok (jvalue_int (&v, &n) == 0 && n == INT64_MAX, "the largest one");
    must (jscan_text ("9223372036854775808", 19, &v) == 0);
    ok (jvalue_int (&v, &n) == -ERANGE, "one more is out of range");
    must (jscan_text ("1.0", 3, &v) == 0);
    ok (jvalue_int (&v, &n) == -EINVAL, "a real is no integer");
    ok (jvalue_real (&v, &d) == 0 && d == 1., "but a real");
    must (jscan_text ("1e999", 5, &v) == 0);
    ok (jvalue_real (&v, &d) == -ERANGE, "an infinite one is out of range");
    must (jscan_text ("\"1\"", 3, &v) == 0);
    ok (jvalue_real (&v, &d) == -EINVAL && jvalue_int (&v, &n) == -EINVAL,
        "a string is no number");
}

/* Would jansson take it?  Its own limits on numbers are not ours. */
static int jansson_scans (const char *s, size_t len)
{
    json_error_t error;
    json_t *o = json_loadb (s, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

    if (!o && json_error_code (&error) == json_error_numeric_overflow)
        return -1;
    json_decref (o);
    return o != NULL;
}

static void mutated_texts_are_judged_as_jansson_does (void)
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
        struct jvalue v;
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
        got = utf8_valid (s, len) && jscan_text (s, len, &v) == 0;
        if (want >= 0 && want != got && differ++ == 0)
            diag ("%.*s: jansson %d, jscan %d", (int)len, s, want, got);
        valid += got;
    }
    ok (differ == 0 && valid > 1000, "50000 texts, %d of them valid", valid);
}

int main (void)
{
    values_are_recognised ();
    other_texts_are_refused ();
    depth_is_bounded ();
    members_are_found ();
    strings_are_unescaped ();
    numbers_are_read ();
    mutated_texts_are_judged_as_jansson_does ();
    return done_testing ();
}
