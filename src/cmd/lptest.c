/* lptest.c - flux lptest: the ripple pattern that line printers were tested
 * with.  Used as a source of much predictable output.
 */

#include "config.h"
#include <limits.h>
#include <stdio.h>

#include "cmd.h"

static const struct opt_table table = {
    .prog = "flux-lptest",
    .usage = "[LENGTH [COUNT]]",
    .summary = "Print COUNT lines (200) of LENGTH characters (79).",
    .example = "flux lptest 80 1000",
};

int cmd_lptest (int argc, char **argv)
{
    enum { FIRST = 0x21, CHARS = 0x7e - 0x21 + 1 };
    int i = opt_parse (&table, argc, argv, NULL, NULL);
    long long length = 79, count = 200;
    char *pattern;

    if (argc - i > 2)
        opt_usage (&table);
    if (i < argc)
        length = opt_number (&table, "LENGTH", argv[i], 0, INT_MAX - CHARS);
    if (i + 1 < argc)
        count = opt_number (&table, "COUNT", argv[i + 1], 0, LLONG_MAX);
    if (!(pattern = malloc (length + CHARS)))
        cmd_die ("out of memory");
    for (long long k = 0; k < length + CHARS; k++)
        pattern[k] = FIRST + k % CHARS;
    for (long long line = 0; line < count; line++) {
        fwrite (pattern + line % CHARS, 1, length, stdout);
        putchar ('\n');
    }
    free (pattern);
    if (fflush (stdout) != 0 || ferror (stdout))
        cmd_die ("write: %s", strerror (errno));
    return 0;
}
