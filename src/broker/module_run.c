#include "config.h"

#include <argz.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#include "module_dso.h"
#include "module_run.h"

/* "a b c" to { "a", "b", "c", NULL } over one allocation. */
static char **split_args (const char *args, int *argc)
{
    char *argz = NULL;
    size_t len = 0;
    char **argv;

    *argc = 0;
    if (!args || argz_create_sep (args, ' ', &argz, &len) != 0 || len == 0)
        return NULL;
    if ((argv = calloc (argz_count (argz, len) + 2, sizeof (*argv)))) {
        argv[0] = argz; /* owner of the strings, one before the arguments */
        argz_extract (argz, len, argv + 1);
        *argc = argz_count (argz, len);
    }
    else
        free (argz);
    return argv;
}

static void free_args (char **argv)
{
    if (argv) {
        free (argv[0]);
        free (argv);
    }
}

/* Run mod_main ().  Returns 0, or the errno it failed with. */
static int run_main (flux_t *h, mod_main_f *mod_main, const char *args)
{
    int argc, errnum = 0;
    char **argv = split_args (args, &argc);

    errno = 0;
    if (mod_main (h, argc, argv ? argv + 1 : NULL) < 0) {
        errnum = errno ? errno : ECONNRESET;
        flux_log (h, LOG_CRIT, "module exiting abnormally");
    }
    free_args (argv);
    return errnum;
}

void module_run (flux_t *h, mod_main_f *mod_main, const char *path)
{
    void *dso = NULL;
    char *args = NULL;
    flux_error_t error;
    int errnum;

    if (flux_module_initialize (h, &args, &error) < 0
        || (!mod_main
            && !(dso = module_dso_open (
                     path, flux_aux_get (h, "flux::name"), &mod_main, &error)))
        || flux_module_register_handlers (h, &error) < 0) {
        errnum = errno ? errno : ECONNRESET;
        flux_log (h, LOG_CRIT, "%s", error.text);
    }
    else
        errnum = run_main (h, mod_main, args);
    free (args);
    if (flux_module_finalize (h, errnum, &error) < 0)
        flux_log (h, LOG_ERR, "%s", error.text);
    module_dso_close (dso);
}
