/* conf.c - configuration: one JSON object, read-only for all who hold it.
 *
 * flux_conf_update () is the exception: it replaces the object as a whole, so
 * that values borrowed before stay whole, and a failed update changes nothing.
 */

#include "config.h"
#include <jansson.h>
#include <stdbool.h>

#include <flux/core.h>

#include "common/errprintf.h"
#include "common/util.h"

#include "conf_private.h"

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

flux_conf_t *flux_conf_parse (const char *path, flux_error_t *error)
{
    json_t *o;

    if (!path) {
        errprintf (error, "configuration path is not set");
        errno = EINVAL;
        return NULL;
    }
    if (!(o = conf_read_path (path, error)))
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
    const char *equals;

    if (*s == '{')
        return conf_read_json (s, "configuration", error);
    if (strchr (s, '\n'))
        return conf_read_toml (s, strlen (s), "configuration", error);
    if ((equals = strchr (s, '=')))
        return parse_setting (s, equals - s, error);
    return conf_read_path (s, error);
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
    if (!(merged = json_deep_copy (conf->obj)) || conf_merge (merged, update) < 0) {
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
