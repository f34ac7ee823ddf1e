/* options.h - the command line of flux-broker.
 *
 * Ownership: all but 'conf' points into argv; options_fini () frees that.
 */

#ifndef MILLRACE_BROKER_OPTIONS_H
#define MILLRACE_BROKER_OPTIONS_H

#include "attr.h"

struct options {
    int verbose;
    const char *config_path;
    const char **conf; /* --conf values, NULL-terminated */
    int argc;          /* initial program */
    char **argv;
};

/* Returns 0, 1 to exit with success, or -1 (it has been said why).  Attributes
 * that are given are set.
 */
int options_parse (struct options *opt, struct attrs *attrs, int argc, char *argv[]);
void options_fini (struct options *opt);

#endif /* !MILLRACE_BROKER_OPTIONS_H */
