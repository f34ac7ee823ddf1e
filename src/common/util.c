#include "config.h"
#include <stdio.h>

#include "util.h"

void must_failed (const char *expr, const char *file, int line)
{
    fprintf (stderr, "%s:%d: must (%s) does not hold\n", file, line, expr);
    abort ();
}

void never_reached (const char *why, const char *file, int line)
{
    fprintf (stderr, "%s:%d: never: %s\n", file, line, why);
    abort ();
}
