#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/errprintf.h"
#include "common/util.h"

#include "module_dso.h"

char *module_name_from_path (const char *path)
{
    const char *slash = strrchr (path, '/');
    const char *base = slash ? slash + 1 : path;

    return strndup (base, strcspn (base, "."));
}

const char *module_loader (const char *path, bool *threads, flux_error_t *error)
{
    const char *slash = strrchr (path, '/');
    const char *base = slash ? slash + 1 : path;
    size_t len = strlen (base);

    if ((*threads = strstr (base, ".so") != NULL))
        return "module-exec";
    if (len > 3 && strcmp (base + len - 3, ".py") == 0)
        return "module-python-exec";
    errprintf (error, "could not determine loader from path suffix");
    errno = ENOENT;
    return NULL;
}

static char *find_script (const char *dir, size_t dirlen, const char *name)
{
    char *path;

    if (asprintf (&path, "%.*s/%s.py", (int)dirlen, dir, name) < 0)
        return NULL;
    if (access (path, R_OK) == 0)
        return path;
    free (path);
    return NULL;
}

/* The newest-looking dir/NAME.so.* if there is no dir/NAME.so. */
static char *find_object (const char *dir, size_t dirlen, const char *name)
{
    _cleanup_ (freep) char *pattern = NULL;
    char *path = NULL;
    glob_t gl;

    if (asprintf (&pattern, "%.*s/%s.so", (int)dirlen, dir, name) < 0)
        return NULL;
    if (access (pattern, R_OK) == 0)
        return move_ptr (pattern);
    free (pattern);
    if (asprintf (&pattern, "%.*s/%s.so.*", (int)dirlen, dir, name) < 0) {
        pattern = NULL;
        return NULL;
    }
    if (glob (pattern, 0, NULL, &gl) == 0) {
        path = strdup (gl.gl_pathv[gl.gl_pathc - 1]);
        globfree (&gl);
    }
    return path;
}

static bool has_glob_chars (const char *s)
{
    return strpbrk (s, "*?[\\") != NULL;
}

static char *find_in (const char *searchpath,
                      const char *name,
                      char *(*find) (const char *dir, size_t dirlen, const char *name))
{
    char *path;

    while (searchpath && *searchpath) {
        size_t len = strcspn (searchpath, ":");

        if (len > 0 && (path = find (searchpath, len, name)))
            return path;
        searchpath += len + (searchpath[len] == ':');
    }
    return NULL;
}

char *module_find (const char *target, const char *searchpath, flux_error_t *error)
{
    char *path = NULL;

    if (strchr (target, '/'))
        return strdup (target);
    if (*target && !has_glob_chars (target)) {
        if (!(path = find_in (searchpath, target, find_object)))
            path = find_in (searchpath, target, find_script);
    }
    if (path)
        return path;
    errprintf (error, "module not found in search path");
    errno = ENOENT;
    return NULL;
}

/* RTLD_DEEPBIND lets a module prefer its own symbols to those of the broker
 * and its libraries.  Sanitizers need theirs to come first.
 */
static int dlopen_flags (void)
{
    int flags = RTLD_NOW | RTLD_GLOBAL;

#ifndef WITH_SANITIZERS
    const char *s = getenv ("FLUX_LOAD_WITH_DEEPBIND");

    if (!s || strcmp (s, "0") != 0)
        flags |= RTLD_DEEPBIND;
#endif
    return flags;
}

void module_dso_close (void *dso)
{
#ifndef WITH_SANITIZERS /* their reports need the symbols */
    if (dso)
        dlclose (dso);
#endif
}

void *module_dso_open (const char *path,
                       const char *name,
                       mod_main_f **mod_main,
                       flux_error_t *error)
{
    const char **mod_name;
    void *dso;

    dlerror ();
    if (!(dso = dlopen (path, dlopen_flags ()))) {
        const char *why = dlerror ();

        errprintf (error, "%s", why ? why : "could not open module");
        errno = ENOENT;
        return NULL;
    }
    if (!(*mod_main = (mod_main_f *)dlsym (dso, "mod_main"))) {
        errprintf (error, "module does not define mod_main()");
        goto inval;
    }
    if ((mod_name = dlsym (dso, "mod_name")) && *mod_name
        && strcmp (*mod_name, name) != 0) {
        errprintf (error, "mod_name %s != name %s", *mod_name, name);
        goto inval;
    }
    return dso;
inval:
    module_dso_close (dso);
    errno = EINVAL;
    return NULL;
}
