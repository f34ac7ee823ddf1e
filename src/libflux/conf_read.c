/* conf_read.c - configuration texts and files, into JSON objects. */

#include "config.h"
#include <dlfcn.h>
#include <glob.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "common/errprintf.h"
#include "common/text.h"
#include "common/util.h"

#include "conf_private.h"
#include "conf_toml.h"

/* More than that is no configuration: a wrong path, say. */
enum { FILE_MAX = 64 * 1024 * 1024 };

int conf_merge (json_t *to, json_t *from)
{
    const char *key;
    json_t *value;

    json_object_foreach (from, key, value) {
        json_t *old = json_object_get (to, key);

        if (json_is_object (old) && json_is_object (value)) {
            if (conf_merge (old, value) < 0)
                return -1;
        }
        else if (json_object_set_new (to, key, json_deep_copy (value)) < 0) {
            errno = ENOMEM;
            return -1;
        }
    }
    return 0;
}

/* Text that was read (or not) from 'name'. */
static json_t *check_loaded (json_t *o,
                             const char *name,
                             const json_error_t *json_error,
                             flux_error_t *error)
{
    if (!o)
        errprintf (error, "%s:%d: %s", name, json_error->line, json_error->text);
    else if (!json_is_object (o)) {
        errprintf (error, "%s:1: configuration is not a JSON object", name);
        json_decref (o);
        o = NULL;
    }
    if (!o)
        errno = EINVAL;
    return o;
}

json_t *conf_read_json (const char *text, const char *name, flux_error_t *error)
{
    json_error_t json_error;
    json_t *o = json_loads (text, JSON_REJECT_DUPLICATES, &json_error);

    return check_loaded (o, name, &json_error, error);
}

/* TOML.  The object that reads it is opened once, and stays. */

static pthread_once_t toml_once = PTHREAD_ONCE_INIT;
static conf_toml_f toml_read;
static char toml_problem[160];

static void open_toml (void)
{
    void *dso = dlopen (conf_toml_path (), RTLD_NOW | RTLD_LOCAL);
    const conf_toml_f *f = dso ? dlsym (dso, CONF_TOML_SYMBOL) : NULL;

    if (f)
        toml_read = *f;
    else {
        const char *s = dlerror ();

        (void)snprintf (toml_problem, sizeof (toml_problem), "%.150s", s ? s : "no reader");
    }
}

json_t *conf_read_toml (const char *text,
                        size_t len,
                        const char *name,
                        flux_error_t *error)
{
    struct conf_toml_error te;
    json_t *o;

    pthread_once (&toml_once, open_toml);
    if (!toml_read) {
        errprintf (error, "%s: cannot read TOML: %s", name, toml_problem);
        errno = ENOSYS;
        return NULL;
    }
    if (!(o = toml_read (text, len, &te))) {
        errprintf (error, "%s:%d: %s", name, te.line, te.text);
        errno = EINVAL;
    }
    return o;
}

/* Files */

static bool has_suffix (const char *s, const char *suffix)
{
    size_t len = strlen (s);
    size_t n = strlen (suffix);

    return len >= n && strcmp (s + len - n, suffix) == 0;
}

static int read_all (const char *path, struct text *t)
{
    FILE *f = fopen (path, "re");
    char buf[4096];
    int saved_errno;
    size_t n;

    if (!f)
        return -1;
    errno = 0;
    while ((n = fread (buf, 1, sizeof (buf), f)) > 0 && t->len < FILE_MAX)
        text_put (t, buf, n);
    if (t->len >= FILE_MAX)
        errno = EFBIG;
    else if (text_error (t))
        errno = ENOMEM;
    else if (!ferror (f))
        errno = 0;
    saved_errno = errno;
    fclose (f);
    errno = saved_errno;
    return errno ? -1 : 0;
}

static json_t *read_file (const char *path, flux_error_t *error)
{
    struct text t = TEXT_INIT;
    json_t *o = NULL;

    if (read_all (path, &t) < 0)
        errprintf (error, "%s: %s", path, strerror (errno));
    else if (!has_suffix (path, ".json"))
        o = conf_read_toml (t.buf ? t.buf : "", t.len, path, error);
    else {
        json_error_t json_error;

        o = json_loadb (
            t.buf ? t.buf : "", t.len, JSON_REJECT_DUPLICATES, &json_error);
        o = check_loaded (o, path, &json_error, error);
    }
    text_fini (&t);
    return o;
}

static int merge_file (json_t *to, const char *path, flux_error_t *error)
{
    _cleanup_ (json_decrefp) json_t *o = read_file (path, error);

    if (!o)
        return -1;
    if (conf_merge (to, o) < 0)
        return errprintf (error, "%s: %s", path, strerror (errno));
    return 0;
}

static int merge_glob (json_t *to,
                       const char *dir,
                       const char *glob_s,
                       flux_error_t *error)
{
    char pattern[4096];
    int rc = 0;
    glob_t gl;

    if ((size_t)snprintf (pattern, sizeof (pattern), "%s/%s", dir, glob_s)
        >= sizeof (pattern)) {
        errno = ENAMETOOLONG;
        return errprintf (error, "%s: %s", dir, strerror (errno));
    }
    switch (glob (pattern, GLOB_ERR, NULL, &gl)) {
        case 0:
            break;
        case GLOB_NOMATCH:
            return 0;
        default:
            if (errno == 0)
                errno = ENOMEM;
            return errprintf (error, "%s: %s", pattern, strerror (errno));
    }
    for (size_t i = 0; i < gl.gl_pathc && rc == 0; i++)
        rc = merge_file (to, gl.gl_pathv[i], error);
    globfree (&gl);
    return rc;
}

static json_t *read_directory (const char *path, flux_error_t *error)
{
    json_t *o = json_object ();

    if (!o) {
        errno = ENOMEM;
        errprintf (error, "%s", strerror (errno));
        return NULL;
    }
    if (merge_glob (o, path, "*.toml", error) < 0
        || merge_glob (o, path, "*.json", error) < 0) {
        json_decref (o);
        return NULL;
    }
    return o;
}

json_t *conf_read_path (const char *path, flux_error_t *error)
{
    struct stat sb;

    if (stat (path, &sb) < 0) {
        errprintf (error, "stat: %s: %s", path, strerror (errno));
        return NULL;
    }
    return S_ISDIR (sb.st_mode) ? read_directory (path, error)
                                : read_file (path, error);
}
