/* env.c - flux env, flux version: where things are and what they are. */

#include "config.h"
#include <stdio.h>

#include "cmd.h"

extern char **environ;

static const struct opt_table env_table = {
    .prog = "flux-env",
    .usage = "[COMMAND [ARGS...]]",
    .summary = "Run COMMAND in the environment flux gives its subcommands, or print it.",
    .example = "eval $(flux env)",
};

/* In double quotes for a shell: four characters are special there. */
static void print_quoted (const char *s)
{
    for (; *s; s++) {
        if (strchr ("\"$`\\", *s))
            putchar ('\\');
        putchar (*s);
    }
}

int cmd_env (int argc, char **argv)
{
    int i = opt_parse (&env_table, argc, argv, NULL, NULL);

    if (i < argc) {
        execvp (argv[i], argv + i);
        cmd_warn ("%s: %s", argv[i], strerror (errno));
        return errno == ENOENT ? 127 : 126;
    }
    for (char **e = environ; *e; e++) {
        char *eq = strchr (*e, '=');

        if (strncmp (*e, "FLUX_", 5) == 0 && eq) {
            printf ("export %.*s=\"", (int)(eq - *e), *e);
            print_quoted (eq + 1);
            printf ("\"\n");
        }
    }
    return 0;
}

static const struct opt_table version_table = {
    .prog = "flux-version",
    .usage = "",
    .summary = "Print the version of this command, its library and the broker.",
};

int cmd_version (int argc, char **argv)
{
    const char *uri = getenv ("FLUX_URI");
    flux_t *h;
    const char *s;

    if (opt_parse (&version_table, argc, argv, NULL, NULL) < argc)
        opt_usage (&version_table);
    printf ("commands:    \t\t%s\n", FLUX_CORE_VERSION_STRING);
    printf ("libflux-core:\t\t%s\n", flux_core_version_string ());
    if (uri && (h = flux_open (NULL, 0))) {
        if ((s = flux_attr_get (h, "version")))
            printf ("broker:      \t\t%s\n", s);
        printf ("FLUX_URI:    \t\t%s\n", uri);
        flux_close (h);
    }
    printf ("build-options:\t\tmillrace==%s\n", PACKAGE_VERSION);
    return 0;
}
