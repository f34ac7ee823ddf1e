#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/util.h"

#include "places.h"

static char *executable_dir (void)
{
    char path[4096];
    ssize_t n = readlink ("/proc/self/exe", path, sizeof (path) - 1);
    char *slash;

    if (n < 0)
        return NULL;
    path[n] = '\0';
    if ((slash = strrchr (path, '/')))
        *slash = '\0';
    return strdup (path);
}

int places_find (struct places *pl)
{
    _cleanup_ (freep) char *dir = executable_dir ();
    const char *env = getenv ("FLUX_MODULE_PATH");

    if (!dir || asprintf (&pl->flux, "%s/../cmd/flux", dir) < 0) {
        pl->flux = NULL;
        return -1;
    }
    if (access (pl->flux, X_OK) == 0) {
        char *real = realpath (pl->flux, NULL);

        if (!real)
            return -1;
        free (pl->flux);
        pl->flux = real;
        if (!env && asprintf (&pl->modules, "%s/../modules/.libs", dir) < 0)
            pl->modules = NULL;
        if (asprintf (&pl->overlay, "%s/overlay/.libs/overlay.so", dir) < 0)
            pl->overlay = NULL;
    }
    else {
        free (pl->flux);
        if (!(pl->flux = strdup (BINDIR "/flux")))
            return -1;
        pl->overlay = strdup (OVERLAYDIR "/overlay.so");
    }
    if (!pl->overlay)
        return -1;
    if (!pl->modules)
        pl->modules = strdup (env ? env : FLUXMODDIR);
    return pl->modules ? 0 : -1;
}

int places_set_path (const struct places *pl)
{
    _cleanup_ (freep) char *path = NULL;
    const char *old = getenv ("PATH");
    const char *slash = strrchr (pl->flux, '/');

    if (asprintf (&path,
                  "%.*s:%s",
                  (int)(slash - pl->flux),
                  pl->flux,
                  old ? old : "/usr/local/bin:/usr/bin:/bin")
        < 0) {
        path = NULL;
        return -1;
    }
    return setenv ("PATH", path, 1);
}

void places_fini (struct places *pl)
{
    free (pl->flux);
    free (pl->modules);
    free (pl->overlay);
}
