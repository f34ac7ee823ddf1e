#include "config.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/errprintf.h"
#include "common/util.h"

#include "rundir.h"

enum {
    RUNDIR_MAX = 96,      /* leaves room for a socket name in sun_path */
    LOCAL_PATH_MAX = 107, /* sizeof (sun_path) - 1 */
    LOCAL_URI_MAX = 1024,
};

static const char local_scheme[] = "local://";

static int fail (int errnum)
{
    errno = errnum;
    return -1;
}

/* Make a directory of our own below dir, and set the attributes. */
static int make_private (struct attrs *attrs,
                         const char *name,
                         const char *dir,
                         flux_error_t *error)
{
    char path[4096];

    if (snprintf (path, sizeof (path), "%s/flux-XXXXXX", dir) >= (int)sizeof (path))
        errno = ENAMETOOLONG;
    else if (mkdtemp (path)) {
        int r = attrs_set (attrs, name, path);

        return r < 0 ? fail (-r) : 0;
    }
    errprintf (error, "cannot create %s in %s: %s", name, dir, strerror (errno));
    return -1;
}

static int check_dir (const char *name,
                      const char *path,
                      const struct stat *st,
                      flux_error_t *error)
{
    if (!S_ISDIR (st->st_mode)) {
        errprintf (error, "%s %s: Not a directory", name, path);
        return fail (ENOTDIR);
    }
    if (st->st_uid != getuid ()) {
        errprintf (error, "%s %s is not owned by instance owner", name, path);
        return fail (EPERM);
    }
    if ((st->st_mode & S_IRWXU) != S_IRWXU) {
        errprintf (error, "%s %s does not have owner=rwx permissions", name, path);
        return fail (EPERM);
    }
    return 0;
}

/* Returns 1 if the directory is ours to remove, 0 if not, -1 on error. */
static int use_given (struct attrs *attrs,
                      const char *name,
                      const char *path,
                      flux_error_t *error)
{
    struct stat st;

    if (stat (path, &st) < 0) {
        if (errno != ENOENT || mkdir (path, 0700) < 0) {
            errprintf (error, "cannot create %s %s: %s", name, path, strerror (errno));
            return -1;
        }
        return 1;
    }
    if (S_ISDIR (st.st_mode) && (st.st_mode & S_ISVTX))
        return make_private (attrs, name, path, error) < 0 ? -1 : 1;
    return check_dir (name, path, &st, error);
}

int rundir_create (struct attrs *attrs,
                   const char *name,
                   const char *tmpdir,
                   flux_error_t *error)
{
    const char *path = attrs_get (attrs, name);
    char cleanup[64];
    int ours, r;

    if (path)
        ours = use_given (attrs, name, path, error);
    else
        ours = make_private (attrs, name, tmpdir, error) < 0 ? -1 : 1;
    if (ours < 0)
        return -1;
    path = attrs_get (attrs, name);
    snprintf (cleanup, sizeof (cleanup), "%s-cleanup", name);
    if ((r = attrs_set_default (attrs, cleanup, ours ? "1" : "0")) < 0)
        return fail (-r);
    if (strcmp (name, "rundir") == 0 && strlen (path) > RUNDIR_MAX) {
        errprintf (error,
                   "rundir length of %zu bytes exceeds max %d"
                   " to allow for AF_UNIX socket creation.",
                   strlen (path),
                   RUNDIR_MAX);
        return fail (EINVAL);
    }
    return 0;
}

static int remove_entry (const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)remove (path); /* what cannot go stays; the rest goes all the same */
    return 0;
}

void rundir_cleanup (const struct attrs *attrs, const char *name)
{
    const char *path = attrs_get (attrs, name);
    const char *wanted;
    char cleanup[64];

    snprintf (cleanup, sizeof (cleanup), "%s-cleanup", name);
    wanted = attrs_get (attrs, cleanup);
    if (path && wanted && strcmp (wanted, "0") != 0)
        (void)nftw (path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

int rundir_link_flux (const struct attrs *attrs, const char *flux, flux_error_t *error)
{
    const char *rundir = attrs_get (attrs, "rundir");
    _cleanup_ (freep) char *bin = NULL;
    _cleanup_ (freep) char *link = NULL;
    _cleanup_ (freep) char *new_link = NULL;

    if (asprintf (&bin, "%s/bin", rundir) < 0) {
        bin = NULL;
        return fail (ENOMEM);
    }
    if (asprintf (&link, "%s/flux", bin) < 0) {
        link = NULL;
        return fail (ENOMEM);
    }
    if (mkdir (bin, 0755) < 0 && errno != EEXIST)
        return errprintf (error, "cannot create %s: %s", bin, strerror (errno));
    /* one of an earlier instance, or of another broker of this one */
    if (asprintf (&new_link, "%s.%s", link, attrs_get (attrs, "rank")) < 0) {
        new_link = NULL;
        return fail (ENOMEM);
    }
    (void)unlink (new_link);
    if (symlink (flux, new_link) < 0 || rename (new_link, link) < 0)
        return errprintf (error, "cannot create %s: %s", link, strerror (errno));
    return 0;
}

static int check_local_dir (const char *socket, flux_error_t *error)
{
    const char *slash = strrchr (socket, '/');
    _cleanup_ (freep) char *dir = NULL;
    struct stat st;

    dir = slash == socket ? strdup ("/")
          : slash         ? strndup (socket, slash - socket)
                          : strdup (".");
    if (!dir)
        return -1;
    if (stat (dir, &st) < 0) {
        errprintf (
            error, "local-uri directory cannot stat %s: %s", dir, strerror (errno));
        return -1;
    }
    if (!S_ISDIR (st.st_mode)) {
        errprintf (error, "local-uri directory %s: Not a directory", dir);
        return fail (ENOTDIR);
    }
    if (st.st_uid != getuid ()) {
        errprintf (error, "local-uri directory %s is not owned by instance owner", dir);
        return fail (EPERM);
    }
    if ((st.st_mode & S_IRWXU) != S_IRWXU) {
        errprintf (
            error, "local-uri directory %s does not have owner=rwx permissions", dir);
        return fail (EPERM);
    }
    return 0;
}

static int check_local_uri (const char *uri, flux_error_t *error)
{
    const char *path;

    if (strlen (uri) >= LOCAL_URI_MAX) {
        errprintf (error, "buffer overflow while checking local-uri");
        return fail (EOVERFLOW);
    }
    if (strncmp (uri, local_scheme, strlen (local_scheme)) != 0
        || uri[strlen (local_scheme)] == '\0') {
        errprintf (error, "local-uri is malformed");
        return fail (EINVAL);
    }
    path = uri + strlen (local_scheme);
    if (strlen (path) > LOCAL_PATH_MAX) {
        errprintf (error,
                   "local-uri length of %zu bytes exceeds max %d"
                   " AF_UNIX socket path length",
                   strlen (path),
                   LOCAL_PATH_MAX);
        return fail (EINVAL);
    }
    return check_local_dir (path, error);
}

int rundir_local_uri (struct attrs *attrs, const char **path, flux_error_t *error)
{
    int r;

    if (attrs_is_set (attrs, "local-uri")) {
        const char *uri = attrs_get (attrs, "local-uri");

        if (check_local_uri (uri ? uri : "", error) < 0)
            return -1;
    }
    else if ((r = attrs_setf (attrs,
                              "local-uri",
                              "%s%s/local-%s",
                              local_scheme,
                              attrs_get (attrs, "rundir"),
                              attrs_get (attrs, "rank")))
             < 0)
        return fail (-r);
    *path = attrs_get (attrs, "local-uri") + strlen (local_scheme);
    return 0;
}
