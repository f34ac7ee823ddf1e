/* format_names.h - formats by name: those we bring, and the user's own.
 *
 * The user's are in flux-jobs.toml or .json below $XDG_CONFIG_HOME/flux, then
 * below the directories of $XDG_CONFIG_DIRS; what comes first counts.  The
 * files are read only if a name is asked for that is not one of ours.
 */

#ifndef MILLRACE_CMD_FORMAT_NAMES_H
#define MILLRACE_CMD_FORMAT_NAMES_H

#include <flux/core/types.h>
#include <jansson.h>

struct format_name {
    const char *name;
    const char *description;
    const char *format;
};

struct format_names {
    const struct format_name *builtin; /* ends with a NULL name; "default" is one */
    const char *config;                /* base name of the user's file, NULL for none */
    const char *environ;               /* variable that replaces "default" */
};

/* The argument of -o, or NULL for none, as a format string; the caller frees
 * it.  Dies with a message if there is no such name.
 */
char *format_names_get (const struct format_names *names, const char *arg);

/* "help" and "get-config=NAME": print and exit. */
void format_names_answer (const struct format_names *names, const char *arg);

#endif /* !MILLRACE_CMD_FORMAT_NAMES_H */
