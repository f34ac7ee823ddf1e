#include "config.h"
#include <stdarg.h>
#include <stdio.h>

#include "tap.h"

static int count;
static int failed;

static bool result (bool cond, const char *file, int line, const char *fmt, va_list ap)
{
    printf ("%sok %d - ", cond ? "" : "not ", ++count);
    vprintf (fmt, ap);
    printf ("\n");
    if (!cond) {
        failed++;
        diag ("failed at %s:%d", file, line);
    }
    fflush (stdout);
    return cond;
}

bool tap_ok (bool cond, const char *file, int line, const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    result (cond, file, line, fmt, ap);
    va_end (ap);
    return cond;
}

bool tap_is (const char *got,
             const char *want,
             const char *file,
             int line,
             const char *fmt,
             ...)
{
    bool cond = got && want ? strcmp (got, want) == 0 : got == want;
    va_list ap;

    va_start (ap, fmt);
    result (cond, file, line, fmt, ap);
    va_end (ap);
    if (!cond) {
        diag ("     got: %s", got ? got : "NULL");
        diag ("expected: %s", want ? want : "NULL");
    }
    return cond;
}

bool tap_is_int (long long got,
                 long long want,
                 const char *file,
                 int line,
                 const char *fmt,
                 ...)
{
    va_list ap;

    va_start (ap, fmt);
    result (got == want, file, line, fmt, ap);
    va_end (ap);
    if (got != want)
        diag ("got %lld, expected %lld", got, want);
    return got == want;
}

void diag (const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    fprintf (stderr, "# ");
    vfprintf (stderr, fmt, ap);
    fprintf (stderr, "\n");
    va_end (ap);
}

void skip (int n, const char *fmt, ...)
{
    va_list ap;

    while (n-- > 0) {
        printf ("ok %d # SKIP ", ++count);
        va_start (ap, fmt);
        vprintf (fmt, ap);
        va_end (ap);
        printf ("\n");
    }
}

void bail_out (const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    printf ("Bail out! ");
    vprintf (fmt, ap);
    printf ("\n");
    va_end (ap);
    exit (255);
}

int done_testing (void)
{
    printf ("1..%d\n", count);
    return failed > 0 || count == 0 ? 1 : 0;
}
