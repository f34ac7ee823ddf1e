#include "config.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"
#include "opt.h"

static int error_exit (const struct opt_table *t)
{
    return t->error_exit ? t->error_exit : 1;
}

void opt_error (const struct opt_table *t, const char *fmt, ...)
{
    va_list ap;

    fprintf (stderr, "%s: ", t->prog);
    va_start (ap, fmt);
    vfprintf (stderr, fmt, ap);
    va_end (ap);
    if (t->error_exit == 2)
        fprintf (stderr, "\nUsage: %s %s", t->prog, t->usage);
    fprintf (stderr, "\nTry `%s --help' for more information.\n", t->prog);
    exit (error_exit (t));
}

void opt_usage (const struct opt_table *t)
{
    fprintf (stderr, "Usage: %s %s\n", t->prog, t->usage);
    exit (error_exit (t));
}

static void help_option (const struct opt *o)
{
    char left[64];
    int n = 0;

    if (!o->help)
        return;
    if (o->key < 256)
        n = snprintf (left, sizeof (left), "-%c%s", o->key, o->name ? ", " : "");
    else
        n = snprintf (left, sizeof (left), "    ");
    if (o->name)
        n += snprintf (left + n, sizeof (left) - n, "--%s", o->name);
    if (o->arg != OPT_NONE)
        snprintf (left + n, sizeof (left) - n, o->arg == OPT_OPTIONAL ? "[=%s]" : "=%s",
                  o->arginfo);
    printf ("  %-26s %s\n", left, o->help);
}

static void help (const struct opt_table *t)
{
    printf ("Usage: %s %s\n", t->prog, t->usage);
    if (t->summary)
        printf ("%s\n", t->summary);
    printf ("\n  %-26s %s\n", "-h, --help", "show this and exit");
    for (const struct opt *o = t->opts; o && o->key; o++)
        help_option (o);
    if (t->example)
        printf ("\nExample: %s\n", t->example);
    exit (0);
}

static const struct opt *find_long (const struct opt_table *t, const char *name, size_t len)
{
    for (const struct opt *o = t->opts; o && o->key; o++) {
        if (o->name && strlen (o->name) == len && strncmp (o->name, name, len) == 0)
            return o;
    }
    return NULL;
}

static const struct opt *find_short (const struct opt_table *t, int c)
{
    for (const struct opt *o = t->opts; o && o->key; o++) {
        if (o->key == c)
            return o;
    }
    return NULL;
}

/* argv[i] is "--name" or "--name=value".  Returns the words it used. */
static int parse_long (const struct opt_table *t, char **argv, int i, opt_set_f set, void *data)
{
    const char *word = argv[i] + 2;
    const char *eq = strchr (word, '=');
    size_t len = eq ? (size_t)(eq - word) : strlen (word);
    const struct opt *o = find_long (t, word, len);

    if (!o) {
        if (strcmp (word, "help") == 0)
            help (t);
        opt_error (t, "unrecognized option '--%.*s'", (int)len, word);
    }
    if (o->arg == OPT_NONE && eq)
        opt_error (t, "option '--%s' takes no argument", o->name);
    if (o->arg == OPT_REQUIRED && !eq) {
        if (!argv[i + 1])
            opt_error (t, "'--%s' missing argument", o->name);
        set (o->key, argv[i + 1], data);
        return 2;
    }
    set (o->key, eq ? eq + 1 : NULL, data);
    return 1;
}

/* argv[i] is "-abcVALUE".  Returns the words it used. */
static int parse_short (const struct opt_table *t, char **argv, int i, opt_set_f set, void *data)
{
    for (const char *p = argv[i] + 1; *p; p++) {
        const struct opt *o = find_short (t, (unsigned char)*p);

        if (!o) {
            if (*p == 'h')
                help (t);
            opt_error (t, "unrecognized option '-%c'", *p);
        }
        if (o->arg == OPT_NONE) {
            set (o->key, NULL, data);
            continue;
        }
        if (p[1] || o->arg == OPT_OPTIONAL) {
            set (o->key, p[1] ? p + 1 : NULL, data);
            return 1;
        }
        if (!argv[i + 1])
            opt_error (t, "'-%c' missing argument", *p);
        set (o->key, argv[i + 1], data);
        return 2;
    }
    return 1;
}

/* Move the n words before argv[i] behind the 'used' words from there. */
static void move_back (char **argv, int i, int n, int used)
{
    char *moved[2] = { argv[i], argv[i + used - 1] };

    must (used >= 1 && used <= 2);
    memmove (&argv[i - n + used], &argv[i - n], n * sizeof (argv[0]));
    memcpy (&argv[i - n], moved, used * sizeof (argv[0]));
}

int opt_parse (const struct opt_table *t, int argc, char **argv, opt_set_f set, void *data)
{
    int i = 1, words = 0; /* words before argv[i] that are not options */

    while (i < argc) {
        const char *word = argv[i];
        int used;

        if (word[0] != '-' || word[1] == '\0') {
            if (!t->intermixed)
                break;
            words++;
            i++;
            continue;
        }
        if (strcmp (word, "--") == 0) {
            move_back (argv, i++, words, 1);
            break;
        }
        if (word[1] == '-')
            used = parse_long (t, argv, i, set, data);
        else
            used = parse_short (t, argv, i, set, data);
        move_back (argv, i, words, used);
        i += used;
    }
    return i - words;
}

bool opt_is_number (const char *arg, long long lo, long long hi, long long *n)
{
    char *end;

    errno = 0;
    *n = strtoll (arg, &end, 10);
    return errno == 0 && end != arg && *end == '\0' && *n >= lo && *n <= hi;
}

long long opt_number (const struct opt_table *t,
                      const char *name,
                      const char *arg,
                      long long lo,
                      long long hi)
{
    long long n;

    if (!opt_is_number (arg, lo, hi, &n))
        opt_error (t, "--%s: '%s' is not a number from %lld to %lld", name, arg, lo, hi);
    return n;
}
