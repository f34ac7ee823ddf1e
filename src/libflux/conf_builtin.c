/* conf_builtin.c - where things are: installed, or in the build tree that this
 * library was loaded from.
 *
 * The build tree is known by where the code lies and by the config.status that
 * configure left in it; no path of the building machine is compiled in but the
 * installation's own.  Found once, when first asked for.
 */

#include "config.h"
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include <flux/core.h>

#include "common/util.h"

#include "conf_private.h"

struct builtin {
    const char *key;
    const char *installed;
    const char *intree; /* below the build tree; NULL: as installed */
};

static const struct builtin table[] = {
    { "confdir", INSTALLED_SYSCONFDIR "/flux", "etc" },
    { "libexecdir", INSTALLED_LIBEXECDIR "/flux", "src/cmd" },
    { "datadir", INSTALLED_DATADIR "/flux", NULL },
    { "lua_cpath_add", "", NULL },
    { "lua_path_add", "", NULL },
    { "python_path", "", NULL },
    { "python_wrapper", "", NULL },
    { "man_path", INSTALLED_MANDIR, "doc" },
    { "exec_path", INSTALLED_LIBEXECDIR "/flux/cmd", "src/cmd" },
    { "connector_path", INSTALLED_LIBDIR "/flux/connectors", "src/connectors/.libs" },
    { "module_path", INSTALLED_LIBDIR "/flux/modules", "src/modules/.libs" },
    { "rc1_path", "flux modprobe rc1", NULL },
    { "rc3_path", "flux modprobe rc3", NULL },
    { "cmdhelp_pattern", INSTALLED_DATADIR "/flux/help.d/*.json", NULL },
    { "pmi_library_path", INSTALLED_LIBDIR "/flux/libpmi.so", NULL },
    { "shell_path", INSTALLED_LIBEXECDIR "/flux/flux-shell", NULL },
    { "shell_pluginpath", INSTALLED_LIBDIR "/flux/shell/plugins", NULL },
    { "shell_initrc", INSTALLED_SYSCONFDIR "/flux/shell/initrc.lua", NULL },
    { "jobtap_pluginpath", INSTALLED_LIBDIR "/flux/job-manager/plugins",
      "src/modules/job-manager/plugins/.libs" },
    { "upmi_pluginpath", INSTALLED_LIBDIR "/flux/upmi/plugins", NULL },
    { "no_docs_path", INSTALLED_LIBEXECDIR "/flux/no-docs", NULL },
    { "rundir", INSTALLED_RUNSTATEDIR "/flux", NULL },
    /* of no key that anybody may ask for */
    { NULL, INSTALLED_LIBDIR "/flux/conf_toml.so", "src/libflux/.libs/conf_toml.so" },
};
enum { TOML = ARRAY_SIZE (table) - 1 };

/* The table's paths below the build tree, absolute; all NULL outside one. */
static char *intree_paths[ARRAY_SIZE (table)];
static pthread_once_t intree_once = PTHREAD_ONCE_INIT;

/* The file that this code is in: libflux-core, or a program linked statically
 * to it.  The caller frees it.
 */
static char *own_path (void)
{
    Dl_info info;

    if (dladdr (table, &info) != 0 && info.dli_fname && strstr (info.dli_fname, ".so"))
        return realpath (info.dli_fname, NULL);
    return realpath ("/proc/self/exe", NULL);
}

/* Cut path to the build tree that it lies in.  Objects are in src/ROOM/ or
 * src/ROOM/.libs/ (modules link to the library, so ROOM may be nested).
 */
static bool cut_to_buildtree (char *path)
{
    char status[PATH_MAX];
    char *p = path + strlen (path);

    while (p > path) {
        while (p > path && *p != '/')
            p--;
        *p = '\0';
        if (strlen (path) + sizeof ("/config.status") > sizeof (status))
            continue;
        strcpy (status, path);
        strcat (status, "/config.status");
        if (access (status, F_OK) == 0)
            return true;
        if (p > path && !strstr (path, "/src"))
            return false;
    }
    return false;
}

static void find_intree (void)
{
    char *path = own_path ();

    if (path && cut_to_buildtree (path)) {
        for (size_t i = 0; i < ARRAY_SIZE (table); i++) {
            if (table[i].intree
                && asprintf (&intree_paths[i], "%s/%s", path, table[i].intree) < 0)
                intree_paths[i] = NULL;
        }
    }
    free (path);
}

const char *flux_conf_builtin_get (const char *key, enum flux_conf_builtin_hint hint)
{
    size_t i;

    for (i = 0; key && i < TOML; i++) {
        if (strcmp (key, table[i].key) == 0)
            break;
    }
    if (!key || i == TOML
        || (hint != FLUX_CONF_INSTALLED && hint != FLUX_CONF_INTREE
            && hint != FLUX_CONF_AUTO)) {
        errno = EINVAL;
        return NULL;
    }
    if (hint != FLUX_CONF_INSTALLED) {
        pthread_once (&intree_once, find_intree);
        if (intree_paths[i])
            return intree_paths[i];
    }
    return table[i].installed;
}

const char *conf_toml_path (void)
{
    pthread_once (&intree_once, find_intree);
    return intree_paths[TOML] ? intree_paths[TOML] : table[TOML].installed;
}
