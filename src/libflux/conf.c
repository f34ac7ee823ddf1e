/* conf.c - configuration: one JSON object, read-only for all who hold it.
 *
 * flux_conf_update () is the exception: it replaces the object as a whole, so
 * that values borrowed before stay whole, and a failed update changes nothing.
 */

#include "config.h"
#include <glob.h>
#include <jansson.h>
#include <stdbool.h>
#include <sys/stat.h>

#include <flux/core.h>

#include "common/errprintf.h"
#include "common/util.h"

struct flux_conf {
    json_t *obj;
    int refs;
};

/* Takes obj over, also when it fails; obj NULL means no memory. */
static flux_conf_t *conf_new (json_t *obj)
{
    flux_conf_t *conf;

    if (!obj || !(conf = calloc (1, sizeof (*conf)))) {
        json_decref (obj);
        errno = ENOMEM;
        return NULL;
    }
    conf->obj = obj;
    conf->refs = 1;
    return conf;
}

flux_conf_t *flux_conf_create (void)
{
    return conf_new (json_object ());
}

const flux_conf_t *flux_conf_incref (const flux_conf_t *conf)
{
    if (conf)
        ((flux_conf_t *)conf)->refs++;
    return conf;
}

void flux_conf_decref (const flux_conf_t *conf)
{
    if (conf && --((flux_conf_t *)conf)->refs == 0) {
        int saved_errno = errno;
        json_decref (conf->obj);
        free ((flux_conf_t *)conf);
        errno = saved_errno;
    }
}

flux_conf_t *flux_conf_copy (const flux_conf_t *conf)
{
    if (!conf) {
        errno = EINVAL;
        return NULL;
    }
    return conf_new (json_deep_copy (conf->obj));
}

/* Merge from into to: tables are merged, other values replaced. */
static int merge (json_t *to, json_t *from)
{
    const char *key;
    json_t *value;

    json_object_foreach (from, key, value) {
        json_t *old = json_object_get (to, key);

        if (json_is_object (old) && json_is_object (value)) {
            if (merge (old, value) < 0)
                return -1;
        }
        else if (json_object_set_new (to, key, json_deep_copy (value)) < 0) {
            errno = ENOMEM;
            return -1;
        }
    }
    return 0;
}

static json_t *refuse_toml (const char *what, flux_error_t *error)
{
    errprintf (error, "%s: TOML is not understood here, use JSON", what);
    errno = EINVAL;
    return NULL;
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

static bool has_suffix (const char *s, const char *suffix)
{
    size_t len = strlen (s);
    size_t n = strlen (suffix);

    return len >= n && strcmp (s + len - n, suffix) == 0;
}

static json_t *parse_file (const char *path, flux_error_t *error)
{
    json_error_t json_error;
    json_t *o;
    FILE *f;

    if (!has_suffix (path, ".json"))
        return refuse_toml (path, error);
    if (!(f = fopen (path, "re"))) {
        errprintf (error, "%s: %s", path, strerror (errno));
        return NULL;
    }
    o = json_loadf (f, JSON_REJECT_DUPLICATES, &json_error);
    fclose (f);
    return check_loaded (o, path, &json_error, error);
}

static int merge_file (json_t *to, const char *path, flux_error_t *error)
{
    _cleanup_ (json_decrefp) json_t *o = parse_file (path, error);

    if (!o)
        return -1;
    if (merge (to, o) < 0)
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

static json_t *parse_directory (const char *path, flux_error_t *error)
{
    json_t *o = json_object ();

    if (!o) {
        errno = ENOMEM;
        return NULL;
    }
    if (merge_glob (o, path, "*.toml", error) < 0
        || merge_glob (o, path, "*.json", error) < 0) {
        json_decref (o);
        return NULL;
    }
    return o;
}

static json_t *parse_path (const char *path, flux_error_t *error)
{
    struct stat sb;

    if (stat (path, &sb) < 0) {
        errprintf (error, "%s: %s", path, strerror (errno));
        return NULL;
    }
    return S_ISDIR (sb.st_mode) ? parse_directory (path, error)
                                : parse_file (path, error);
}

flux_conf_t *flux_conf_parse (const char *path, flux_error_t *error)
{
    json_t *o;

    if (!path) {
        errprintf (error, "configuration path is not set");
        errno = EINVAL;
        return NULL;
    }
    if (!(o = parse_path (path, error)))
        return NULL;
    return conf_new (o);
}

/* {"a":{"b":value}} for "a.b"; takes value over. */
static json_t *nest (const char *key, size_t len, json_t *value)
{
    while (value && len > 0) {
        size_t at = len; /* where the last name starts */
        char *member;
        json_t *o;

        while (at > 0 && key[at - 1] != '.')
            at--;
        member = strndup (key + at, len - at);
        o = member ? json_object () : NULL;

        if (!o || json_object_set (o, member, value) < 0) {
            json_decref (o);
            o = NULL;
        }
        free (member);
        json_decref (value);
        value = o;
        len = at > 0 ? at - 1 : 0;
    }
    if (!value)
        errno = ENOMEM;
    return value;
}

static bool valid_key (const char *key, size_t len)
{
    if (len == 0 || key[0] == '.' || key[len - 1] == '.')
        return false;
    return !memmem (key, len, "..", 2);
}

/* KEY=VAL */
static json_t *parse_setting (const char *s, size_t keylen, flux_error_t *error)
{
    const char *text = s + keylen + 1;
    json_t *value;

    if (!valid_key (s, keylen) || keylen > 1024) {
        errprintf (error, "%.*s: invalid configuration key", (int)keylen, s);
        errno = EINVAL;
        return NULL;
    }
    if (!(value = json_loads (text, JSON_DECODE_ANY, NULL))
        && !(value = json_string (text))) {
        errprintf (error, "%.*s: value is not valid UTF-8", (int)keylen, s);
        errno = EINVAL;
        return NULL;
    }
    if (!(value = nest (s, keylen, value)))
        errprintf (error, "%s", strerror (errno));
    return value;
}

static json_t *parse_value (const char *s, flux_error_t *error)
{
    json_error_t json_error;
    const char *equals;

    if (*s == '{')
        return check_loaded (json_loads (s, JSON_REJECT_DUPLICATES, &json_error),
                             "configuration",
                             &json_error,
                             error);
    if (strchr (s, '\n'))
        return refuse_toml ("configuration", error);
    if ((equals = strchr (s, '=')))
        return parse_setting (s, equals - s, error);
    return parse_path (s, error);
}

int flux_conf_update (flux_conf_t *conf, const char *value, flux_error_t *error)
{
    _cleanup_ (json_decrefp) json_t *update = NULL;
    _cleanup_ (json_decrefp) json_t *merged = NULL;
    json_t *old;

    if (!conf || !value) {
        errno = EINVAL;
        return errprintf (error, "%s", strerror (errno));
    }
    if (!(update = parse_value (value, error)))
        return -1;
    if (!(merged = json_deep_copy (conf->obj)) || merge (merged, update) < 0) {
        errno = ENOMEM;
        return errprintf (error, "%s", strerror (errno));
    }
    old = conf->obj;
    conf->obj = merged;
    merged = old;
    return 0;
}

int flux_conf_vunpack (const flux_conf_t *conf,
                       flux_error_t *error,
                       const char *fmt,
                       va_list ap)
{
    json_error_t json_error;

    if (!conf || !fmt || !*fmt) {
        errno = EINVAL;
        return errprintf (error, "%s", strerror (errno));
    }
    if (json_vunpack_ex (conf->obj, &json_error, 0, fmt, ap) < 0) {
        errno = EINVAL;
        return errprintf (error, "%s", json_error.text);
    }
    return 0;
}

int flux_conf_unpack (const flux_conf_t *conf,
                      flux_error_t *error,
                      const char *fmt,
                      ...)
{
    va_list ap;
    int rc;

    va_start (ap, fmt);
    rc = flux_conf_vunpack (conf, error, fmt, ap);
    va_end (ap);
    return rc;
}

flux_conf_t *flux_conf_vpack (const char *fmt, va_list ap)
{
    json_t *o = fmt && *fmt ? json_vpack_ex (NULL, 0, fmt, ap) : NULL;

    if (!json_is_object (o)) {
        json_decref (o);
        errno = EINVAL;
        return NULL;
    }
    return conf_new (o);
}

flux_conf_t *flux_conf_pack (const char *fmt, ...)
{
    flux_conf_t *conf;
    va_list ap;

    va_start (ap, fmt);
    conf = flux_conf_vpack (fmt, ap);
    va_end (ap);
    return conf;
}
