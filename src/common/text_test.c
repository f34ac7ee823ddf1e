#include "config.h"
#include <math.h>
#include <stdio.h>
#include "tap.h"
#include "text.h"

#define TEN "0123456789"
#define LONG TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

static void json_string (const char *in, size_t len, const char *want)
{
    struct text t = TEXT_INIT;

    text_put_json_string (&t, in, len);
    is (t.buf, want, "escapes %s", want);
    ok (text_json_string_size (in, len) == strlen (want), "... in as many bytes as foretold");
    text_fini (&t);
}

static void real (double d, const char *want)
{
    struct text t = TEXT_INIT;

    text_put_real (&t, d);
    is (t.buf, want, "writes %s", want);
    text_fini (&t);
}

/* Times have a way of their own: it must not be seen. */
static void times_are_written_as_other_reals (void)
{
    struct text t = TEXT_INIT;
    unsigned int seed = 1;
    int differ = 0;

    for (int i = 0; i < 200000; i++) {
        double d = 1E9 + (double)rand_r (&seed) * rand_r (&seed) * 1.95E-9;
        char want[40];

        if (i % 4 == 0)
            d = rint (d * 128.) / 128.; /* few digits, ties */
        if (i % 16 == 0)
            d = rint (d);
        snprintf (want, sizeof (want), "%.17g", d);
        if (!strchr (want, '.'))
            strcat (want, ".0");
        text_clear (&t);
        text_put_real (&t, d);
        if (strcmp (t.buf, want) != 0 && differ++ == 0)
            diag ("got %s, want %s", t.buf, want);
    }
    ok (differ == 0, "200000 times are written as %%.17g");
    text_fini (&t);
}

int main (void)
{
    struct text t = TEXT_INIT;
    char *s;
    size_t len;

    for (int i = 0; i < 1000; i++)
        text_printf (&t, "%d,", i);
    ok (t.len == 3890 && strlen (t.buf) == t.len, "grows, stays NUL-terminated");
    s = text_take (&t, &len);
    ok (s && len == 3890 && !t.buf, "text_take moves the buffer out");
    free (s);
    s = text_take (&t, &len);
    ok (s && len == 0 && s[0] == '\0', "an empty text is an empty string");
    free (s);
    text_put_int (&t, INT64_MIN);
    text_putc (&t, ' ');
    text_put_uint (&t, UINT64_MAX);
    is (t.buf, "-9223372036854775808 18446744073709551615", "extreme integers");
    text_clear (&t);
    text_put_base64 (&t, "1", 1);
    is (t.buf, "MQ==", "base64");
    ok (!text_reserve (&t, SIZE_MAX - 1) && text_error (&t) == -ENOMEM,
        "an impossible size is an error");
    text_puts (&t, "more");
    ok (text_error (&t) == -ENOMEM && !text_take (&t, NULL), "... that sticks");
    text_fini (&t);
    json_string ("", 0, "\"\"");
    json_string ("a\"\\/\b\f\n\r\t\x1f\x7f", 11,
                 "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u001F\x7f\"");
    json_string ("a\0b", 3, "\"a\\u0000b\"");
    json_string (LONG LONG LONG "\n" LONG LONG LONG "\"" LONG, 7 * strlen (LONG) + 2,
                 "\"" LONG LONG LONG "\\n" LONG LONG LONG "\\\"" LONG "\"");
    json_string ("\xc3\xa9", 2, "\"\xc3\xa9\"");
    real (42, "42.0");
    real (1795258091.9834473, "1795258091.9834473");
    real (1e300, "1.0000000000000001e300");
    real (1e-7, "9.9999999999999995e-8");
    real (-0.0, "-0.0");
    real (NAN, "0.0");
    real (1E9, "1000000000.0");
    real (9999999998.9999981, "9999999998.9999981");
    real (9999999999.9999981, "9999999999.9999981");
    times_are_written_as_other_reals ();
    return done_testing ();
}
