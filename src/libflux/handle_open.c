/* handle_open.c - from a URI to a connection (wire.md section 3). */

#include "config.h"
#include <dlfcn.h>
#include <stdio.h>

#include "common/errprintf.h"
#include "common/util.h"
#include "handle_private.h"

#define USER_FLAGS                                                          \
    (FLUX_O_TRACE | FLUX_O_NONBLOCK | FLUX_O_MATCHDEBUG | FLUX_O_TEST_NOSUB \
     | FLUX_O_RPCTRACK | FLUX_O_NOREQUEUE)

static const struct {
    const char *name;
    connector_init_f *init;
} builtin[] = {
    { "local", connector_local_init },
    { "fd", connector_fd_init },
    { "loop", connector_loop_init },
    { "interthread", connector_interthread_init },
};

static connector_init_f *find_builtin (const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE (builtin); i++) {
        if (strcmp (builtin[i].name, name) == 0)
            return builtin[i].init;
    }
    return NULL;
}

/* Look for SCHEME.so along a path of directories. */
static void *find_loadable (const char *name)
{
    const char *searchpath = getenv ("FLUX_CONNECTOR_PATH");
    const char *end;
    char path[4096];

    if (!searchpath)
        searchpath = flux_conf_builtin_get ("connector_path", FLUX_CONF_AUTO);

    for (; searchpath; searchpath = end ? end + 1 : NULL) {
        int dirlen;

        end = strchr (searchpath, ':');
        dirlen = end ? (int)(end - searchpath) : (int)strlen (searchpath);
        if (dirlen == 0
            || snprintf (path, sizeof (path), "%.*s/%s.so", dirlen, searchpath, name)
                   >= (int)sizeof (path))
            continue;
        if (access (path, R_OK) == 0)
            return dlopen (path, RTLD_NOW | RTLD_LOCAL);
    }
    return NULL;
}

static flux_t *
open_loadable (const char *name, const char *path, int flags, flux_error_t *error)
{
    connector_init_f *init = NULL;
    void *dso = NULL;
    flux_t *h;

    /* A name is one path element, not a way out of the directory. */
    if (*name && !strchr (name, '/'))
        dso = find_loadable (name);
    if (dso)
        *(void **)&init = dlsym (dso, "connector_init");
    if (!init) {
        errprintf (error, "Unable to find connector name '%s'", name);
        if (dso)
            dlclose (dso);
        errno = ENOENT;
        return NULL;
    }
    if (!(h = init (path, flags, error))) {
        int saved_errno = errno;

        dlclose (dso);
        errno = saved_errno;
        return NULL;
    }
    h->conn->dso = dso;
    return h;
}

static flux_t *open_uri (const char *uri, int flags, flux_error_t *error)
{
    const char *sep = strstr (uri, "://");
    _cleanup_ (freep)
    char *name = sep ? strndup (uri, sep - uri) : strdup (uri);
    const char *path = sep ? sep + 3 : NULL;
    connector_init_f *init;

    if (*uri == '.' || *uri == '/')
        return handle_open_ancestor (uri, flags, error);
    if (!name) {
        errprintf (error, "out of memory");
        return NULL;
    }
    if ((init = find_builtin (name)))
        return init (path, flags, error);
    return open_loadable (name, path, flags, error);
}

/* FLUX_HANDLE_USERID and FLUX_HANDLE_ROLEMASK: speak as somebody else. */
static int set_testing_cred (flux_t *h, flux_error_t *error)
{
    const char *s;
    uint32_t value;

    if ((s = getenv ("FLUX_HANDLE_USERID"))) {
        value = strtoul (s, NULL, 10);
        if (flux_opt_set (h, FLUX_OPT_TESTING_USERID, &value, sizeof (value)) < 0)
            return errprintf (error, "failed to set testing userid: %s",
                              strerror (errno));
    }
    if ((s = getenv ("FLUX_HANDLE_ROLEMASK"))) {
        value = strtoul (s, NULL, 0);
        if (flux_opt_set (h, FLUX_OPT_TESTING_ROLEMASK, &value, sizeof (value)) < 0)
            return errprintf (error, "failed to set testing rolemask: %s",
                              strerror (errno));
    }
    return 0;
}

/* Where a program finds its broker if nobody says: a system instance. */
static const char *default_uri (char *buf, size_t size)
{
    const char *uri = getenv ("FLUX_URI");

    if (uri)
        return uri;
    snprintf (buf, size, "local://%s/local",
              flux_conf_builtin_get ("rundir", FLUX_CONF_AUTO));
    return buf;
}

flux_t *flux_open_ex (const char *uri, int flags, flux_error_t *error)
{
    flux_error_t mine = { .text = "" };
    char buf[4096];
    flux_t *h;

    if (flags & ~USER_FLAGS) {
        errprintf (error, "invalid flags specified");
        errno = EINVAL;
        return NULL;
    }
    if (!uri)
        uri = default_uri (buf, sizeof (buf));
    if (getenv ("FLUX_HANDLE_TRACE"))
        flags |= FLUX_O_TRACE;
    if (getenv ("FLUX_HANDLE_MATCHDEBUG"))
        flags |= FLUX_O_MATCHDEBUG;
    if (!(h = open_uri (uri, flags, &mine))) {
        errprintf (error, "%s", mine.text[0] ? mine.text : strerror (errno));
        return NULL;
    }
    if (set_testing_cred (h, error) < 0) {
        int saved_errno = errno;

        flux_close (h);
        errno = saved_errno;
        return NULL;
    }
    return h;
}

flux_t *flux_open (const char *uri, int flags)
{
    return flux_open_ex (uri, flags, NULL);
}
