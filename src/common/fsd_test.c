#include "config.h"
#include <math.h>

#include "fsd.h"
#include "testdata.h"

static double seconds_of (json_t *o)
{
    json_t *v = json_object_get (o, "seconds");

    return json_is_string (v) ? strtod (json_string_value (v), NULL)
                              : json_number_value (v);
}

static bool same (double a, double b)
{
    return a == b || fabs (a - b) <= 1e-12 * fabs (b);
}

static void durations_are_read (json_t *list,
                                const char *parser,
                                int (*parse) (const char *, double *))
{
    size_t i;
    json_t *o;

    json_array_foreach (list, i, o) {
        const char *in = testdata_str (o, "in");
        double d = 42;
        int rc = parse (in, &d);

        if (testdata_quirk (o))
            continue;
        if (json_is_true (json_object_get (o, "ok")))
            ok (rc == 0 && same (d, seconds_of (o)), "%s reads '%s'", parser, in);
        else
            ok (rc == -EINVAL && d == 42, "%s refuses '%s'", parser, in);
    }
}

static void accidents_are_not_copied (void)
{
    double d;

    ok (fsd_parse ("", &d) == -EINVAL, "no digits are no duration");
    ok (fsd_parse ("ms", &d) == -EINVAL, "a bare unit is no duration");
    ok (fsd_parse (" 5s", &d) == -EINVAL, "blanks in front are refused");
    ok (fsd_parse ("1e400", &d) == -EINVAL, "what overflows is refused");
    ok (fsd_parse (NULL, &d) == -EINVAL, "NULL is refused");
}

static void durations_are_written (json_t *list)
{
    static const struct {
        const char *key;
        int prec;
    } forms[] = { { "fmt", 6 }, { "fmt_prec2", 2 }, { "fmt_prec3", 3 } };
    char buf[FSD_BUFSIZE];
    size_t i;
    json_t *o;

    json_array_foreach (list, i, o) {
        for (size_t k = 0; k < ARRAY_SIZE (forms); k++) {
            int n = fsd_format_prec (buf, sizeof (buf), seconds_of (o), forms[k].prec);

            is (n < 0 ? NULL : buf,
                testdata_str (o, forms[k].key),
                "%g in %d digits",
                seconds_of (o),
                forms[k].prec);
        }
    }
    ok (fsd_format (buf, sizeof (buf), -1) == -EINVAL, "negative durations are refused");
    ok (fsd_format (buf, sizeof (buf), NAN) == -EINVAL, "NaN is refused");
    ok (fsd_format (buf, sizeof (buf), -INFINITY) == -EINVAL, "so is -inf");
    ok (fsd_format (buf, 2, 1) == -EOVERFLOW && fsd_format (buf, 3, 1) == 2,
        "a short buffer overflows");
    is (fsd_format (buf, sizeof (buf), -0.) < 0 ? NULL : buf, "0s", "-0 is 0s");
}

static void listings_have_their_own_rules (json_t *list)
{
    static const char *const keys[] = { "F", "H", "P" };
    char buf[FSD_BUFSIZE];
    size_t i;
    json_t *o;

    json_array_foreach (list, i, o) {
        for (size_t k = 0; k < ARRAY_SIZE (keys); k++) {
            int n = fsd_pyformat (buf, sizeof (buf), seconds_of (o), keys[k][0]);

            is (n < 0 ? NULL : buf,
                testdata_str (o, keys[k]),
                "%g as !%s",
                seconds_of (o),
                keys[k]);
        }
    }
    ok (fsd_pyformat (buf, sizeof (buf), 1, 'X') == -EINVAL, "!X is unknown");
    ok (fsd_pyformat (buf, sizeof (buf), NAN, 'F') == -EINVAL, "NaN is refused");
}

int main (void)
{
    json_t *v = testdata_vectors ("fsd.json");

    durations_are_read (json_object_get (v, "parse"), "parse", fsd_parse);
    durations_are_read (json_object_get (v, "pyparse"), "pyparse", fsd_pyparse);
    accidents_are_not_copied ();
    durations_are_written (json_object_get (v, "format"));
    listings_have_their_own_rules (json_object_get (v, "pyformat"));
    json_decref (v);
    return done_testing ();
}
