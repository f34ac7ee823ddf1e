#include "config.h"

#include <jansson.h>

#include "jlex.h"
#include "jpull.h"
#include "tap.h"

static int canon (const char *in, struct text *out)
{
    _cleanup_ (jpull_fini) struct jpull s;
    int r;

    jpull_init (&s, in, strlen (in));
    if ((r = jpull_canon (&s, out)) < 0)
        return r;
    return jpull_end (&s);
}

static void canonical (const char *in, const char *want)
{
    _cleanup_ (text_fini) struct text out = TEXT_INIT;

    ok (canon (in, &out) == 0, "reads %s", in);
    is (out.buf, want, "... as %s", want);
}

static int skip_all (const char *in, size_t len)
{
    _cleanup_ (jpull_fini) struct jpull s;
    int r;

    jpull_init (&s, in, len);
    if ((r = jpull_skip (&s)) < 0)
        return r;
    return jpull_end (&s);
}

static void malformed (const char *in)
{
    _cleanup_ (text_fini) struct text out = TEXT_INIT;

    ok (skip_all (in, strlen (in)) == -EPROTO && canon (in, &out) == -EPROTO,
        "refuses %s", in);
}

static void strings (void)
{
    canonical ("\"a\\u00e9\\ud83d\\ude00\\/\\u0001\"",
               "\"a\xc3\xa9\xf0\x9f\x98\x80/\\u0001\"");
    canonical ("\"\\\"\\\\\\b\\f\\n\\r\\t\"", "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
    canonical ("\"\xe6\x97\xa5\"", "\"\xe6\x97\xa5\"");
    malformed ("\"");
    malformed ("\"a\\");
    malformed ("\"a\\x\"");
    malformed ("\"\\u0000\"");
    malformed ("\"\\ud800\"");
    malformed ("\"\\ud800\\u0041\"");
    malformed ("\"\\udc00\"");
    malformed ("\"\\u12g4\"");
    malformed ("\"\\u12");
    malformed ("\"a\nb\"");
    malformed ("\"\x80\"");
    malformed ("\"\\t\xc3\"");
    ok (skip_all ("\"a\0b\"", 5) == -EPROTO, "refuses a NUL in a string");
}

static void numbers (void)
{
    canonical ("0", "0");
    canonical ("-0", "0");
    canonical ("-0.0", "-0.0");
    canonical ("9223372036854775807", "9223372036854775807");
    canonical ("-9223372036854775808", "-9223372036854775808");
    canonical ("1E300", "1.0000000000000001e300");
    canonical ("1e-7", "9.9999999999999995e-8");
    canonical ("100.0", "100.0");
    canonical ("0.1", "0.10000000000000001");
    malformed ("9223372036854775808");
    malformed ("1e400");
    malformed ("01");
    malformed ("-");
    malformed ("1.");
    malformed (".5");
    malformed ("+1");
    malformed ("1e");
    malformed ("1e+");
    malformed ("0x10");
}

static void structures (void)
{
    char deep[2 * JSON_MAX_DEPTH + 3];

    canonical (" { } ", "{}");
    canonical ("[ 1 , [ ] , { \"a\" : null } , true , false ]",
               "[1,[],{\"a\":null},true,false]");
    canonical ("{\"b\":1,\"a\":2,\"aa\":3,\"B\":4}",
               "{\"B\":4,\"a\":2,\"aa\":3,\"b\":1}");
    canonical ("{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}");
    malformed ("");
    malformed (" ");
    malformed ("{");
    malformed ("{\"a\"}");
    malformed ("{\"a\":}");
    malformed ("{\"a\":1,}");
    malformed ("{a:1}");
    malformed ("{1:1}");
    malformed ("[1,]");
    malformed ("[1 2]");
    malformed ("[1}");
    malformed ("{]");
    malformed ("nul");
    malformed ("truey");
    malformed ("{} {}");
    memset (deep, '[', JSON_MAX_DEPTH);
    memset (deep + JSON_MAX_DEPTH, ']', JSON_MAX_DEPTH);
    ok (skip_all (deep, 2 * JSON_MAX_DEPTH) == 0, "the deepest nesting allowed");
    memset (deep, '[', JSON_MAX_DEPTH + 1);
    memset (deep + JSON_MAX_DEPTH + 1, ']', JSON_MAX_DEPTH + 1);
    ok (skip_all (deep, 2 * JSON_MAX_DEPTH + 2) == -EPROTO, "one deeper is refused");
}

/* {"s":"x","n":-5,"r":1.0,"t":true,"z":null} */
static void typed_values (void)
{
    static const char in[] = "{\"s\":\"x\",\"n\":-5,\"r\":1.0,\"t\":true,\"z\":null}";
    _cleanup_ (jpull_fini) struct jpull s;
    const char *str;
    size_t len;
    int64_t i = 0;
    bool b = false;
    int n = 0;

    jpull_init (&s, in, sizeof (in) - 1);
    ok (jpull_array (&s) == -EINVAL && jpull_object (&s) == 0,
        "an object is not an array");
    ok (jpull_member (&s, &n, &str, &len) == 1 && jpull_is (str, len, "s"),
        "first member");
    ok (jpull_int (&s, &i) == -EINVAL && jpull_null (&s) == -EINVAL
            && jpull_bool (&s, &b) == -EINVAL && jpull_string (&s, &str, &len) == 0
            && jpull_is (str, len, "x"),
        "a value of another type is left for the next call");
    ok (jpull_member (&s, &n, &str, &len) == 1 && jpull_string (&s, &str, &len) == -EINVAL
            && jpull_int (&s, &i) == 0 && i == -5,
        "an integer");
    ok (jpull_member (&s, &n, &str, &len) == 1 && jpull_int (&s, &i) == -EINVAL
            && jpull_skip (&s) == 0,
        "a real is not an integer");
    ok (jpull_member (&s, &n, &str, &len) == 1 && jpull_bool (&s, &b) == 0 && b, "true");
    ok (jpull_member (&s, &n, &str, &len) == 1 && jpull_null (&s) == 0, "null");
    ok (jpull_member (&s, &n, &str, &len) == 0 && n == 5 && jpull_end (&s) == 0,
        "the end");
}

/* Adds the names to a text; refuses a member "stop". */
static int name_member (struct jpull *s, const char *name, size_t len, void *arg)
{
    struct text *names = arg;

    if (jpull_is (name, len, "stop"))
        return -EDOM;
    text_put (names, name, len);
    text_putc (names, ' ');
    return jpull_peek (s) == '{' ? jpull_members (s, name_member, names) : jpull_skip (s);
}

/* What jpull_members () returns, or jpull_end () after it. */
static int members_of (const char *in, struct text *names)
{
    _cleanup_ (jpull_fini) struct jpull s;
    int r;

    jpull_init (&s, in, strlen (in));
    if ((r = jpull_members (&s, name_member, names)) < 0)
        return r;
    return jpull_end (&s);
}

static void members (const char *in, int want, const char *names, const char *what)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;

    text_puts (&t, "");
    ok (members_of (in, &t) == want, "members of %s: %s", in, what);
    is (t.buf, names, "... after <%s>", names);
}

static void whole_objects (void)
{
    members ("{}", 0, "", "none");
    members (" { } ", 0, "", "none between blanks");
    members ("{\"a\":1,\"b\":[{\"c\":2}],\"a\":null}", 0, "a b a ",
             "each as often as it stands there");
    members ("{\"a\":{\"b\":{},\"c\":{\"d\":1}},\"e\":2}", 0, "a b c d e ",
             "an object in an object");
    members ("{\"a\":1,\"stop\":2,\"b\":3}", -EDOM, "a ", "an error stops");
    members ("{\"a\":{\"stop\":2},\"b\":3}", -EDOM, "a ", "an error stops at any depth");
    members ("[]", -EINVAL, "", "an array has none");
    members ("7", -EINVAL, "", "a number has none");
    members ("", -EPROTO, "", "nothing has none");
    members ("{", -EPROTO, "", "not closed");
    members ("{\"a\":1", -EPROTO, "a ", "not closed after a member");
    members ("{\"a\":1,}", -EPROTO, "a ", "one is missing");
    members ("{\"a\":1 \"b\":2}", -EPROTO, "a ", "no comma");
    members ("{\"a\":}", -EPROTO, "a ", "no value");
    members ("{\"a\" 1}", -EPROTO, "", "no colon");
    members ("{1:1}", -EPROTO, "", "a name that is no string");
    members ("{\"a\":1]", -EPROTO, "a ", "the wrong bracket");
    members ("{\"a\":1} x", -EPROTO, "a ", "something behind it");
}

/* Texts made by small changes to good ones, judged against jansson: the same
 * are accepted, and canonical text is jansson's sorted compact dump (but for
 * upper-case hex in escapes, which is jansson's way, too).
 */
static void mutants (unsigned int seed)
{
    static const char *const good[] = {
        "{\"data\":{\"a\":{\"data\":\"MQ==\",\"type\":\"val\",\"ver\":1}},\"type\":"
        "\"dir\",\"ver\":1}",
        "[1,-2.5e3,true,null,\"\\u00e9\\ud83d\\ude00\\n\",{\"b\":[],\"a\":{}}]",
        " { \"x\" : [ 0.1 , 1e-7 , \"\xc3\xa9\" ] , \"y\" : false } ",
    };
    static const char bytes[] = "{}[]\",:\\/ \n\t0123456789.eE+-tfn\x01\x7f\x80\xc3\xa9"
                                "ud8dc";
    bool accepted = true, same = true;
    int valid = 0;

    for (int i = 0; i < 20000; i++) {
        _cleanup_ (text_fini) struct text out = TEXT_INIT;
        char in[200];
        size_t len;
        json_t *o;
        int r;

        strcpy (in, good[rand_r (&seed) % 3]);
        len = strlen (in);
        for (int n = rand_r (&seed) % 3; n >= 0; n--) {
            size_t at = rand_r (&seed) % len;

            if (rand_r (&seed) % 2)
                in[at] = bytes[rand_r (&seed) % (sizeof (bytes) - 1)];
            else {
                memmove (in + at, in + at + 1, len - at);
                len--;
            }
        }
        o = json_loadb (in, len, JSON_DECODE_ANY, NULL);
        in[len] = '\0';
        r = canon (in, &out);
        if ((r == 0) != (o != NULL)) {
            accepted = false;
            diag ("jansson %s: %s", o ? "accepts" : "refuses", in);
        }
        else if (o) {
            char *want = json_dumps (o, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);

            valid++;
            if (strcmp (want, out.buf) != 0) {
                same = false;
                diag ("%s: %s, not %s", in, out.buf, want);
            }
            free (want);
        }
        json_decref (o);
    }
    ok (accepted && valid > 1000, "accepts what jansson accepts (%d of 20000 mutants)",
        valid);
    ok (same, "and reads the same in it");
}

int main (void)
{
    strings ();
    numbers ();
    structures ();
    typed_values ();
    whole_objects ();
    mutants (1);
    mutants (2);
    return done_testing ();
}
