/* opt.h - command-line options from a table, with the messages people know.
 *
 * Parsing stops at the first word that is not an option, or after "--"; in an
 * intermixed table only "--" stops it, and the words are moved to the end.
 * Long names may not be abbreviated: a script must not change its meaning
 * when an option is added.
 *
 * Errors go to stderr and end the program: a command line that is not
 * understood has nothing to clean up.
 */

#ifndef MILLRACE_CMD_OPT_H
#define MILLRACE_CMD_OPT_H

#include <stdbool.h>

enum opt_arg {
    OPT_NONE,     /* -x, --long */
    OPT_REQUIRED, /* -xV, -x V, --long=V, --long V */
    OPT_OPTIONAL, /* -xV, --long=V; V may be missing (NULL) */
};

struct opt {
    int key;          /* the short option's character, or >= 256 for none */
    const char *name; /* long name, NULL for none */
    enum opt_arg arg;
    const char *arginfo; /* in help: the argument's name */
    const char *help;    /* NULL hides the option */
};

#define OPT_END { 0, NULL, OPT_NONE, NULL, NULL }

struct opt_table {
    const char *prog;     /* "flux-kvs get": how messages begin */
    const char *usage;    /* what follows the program in the usage line */
    const char *summary;  /* one sentence */
    const char *example;  /* one command line, may be NULL */
    const struct opt *opts; /* ends with OPT_END; may be NULL */
    int error_exit;       /* exit code of a usage error, 0 means 1 */
    bool intermixed;      /* options may also follow words */
};

/* Called for each option in order; arg is NULL if there was none. */
typedef void (*opt_set_f) (int key, const char *arg, void *data);

/* Returns the index in argv of the first non-option (argc if none); argv may
 * be reordered if the table is intermixed.
 * -h and --help print help and exit 0.
 */
int opt_parse (const struct opt_table *t, int argc, char **argv, opt_set_f set, void *data);

/* Print "PROG: text" and the hint to --help; exit with the table's code. */
void opt_error (const struct opt_table *t, const char *fmt, ...)
    __attribute__ ((noreturn, format (printf, 2, 3)));

/* Print the usage line on stderr; exit with the table's code. */
void opt_usage (const struct opt_table *t) __attribute__ ((noreturn));

/* Is this a number in lo..hi, *n? */
bool opt_is_number (const char *arg, long long lo, long long hi, long long *n);

/* An option's value as a number in lo..hi; anything else is opt_error (). */
long long opt_number (const struct opt_table *t,
                      const char *name,
                      const char *arg,
                      long long lo,
                      long long hi);

#endif /* !MILLRACE_CMD_OPT_H */
