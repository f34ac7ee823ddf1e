/* Arguments of a plugin's callbacks: two JSON objects. */

#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include <flux/core.h>

#include "common/util.h"

#define ARG_FLAGS (FLUX_PLUGIN_ARG_OUT | FLUX_PLUGIN_ARG_REPLACE)

struct flux_plugin_arg {
    json_t *side[2]; /* in, out; NULL: not set */
    char error[160];
};

flux_plugin_arg_t *flux_plugin_arg_create (void)
{
    return calloc (1, sizeof (flux_plugin_arg_t));
}

void flux_plugin_arg_destroy (flux_plugin_arg_t *args)
{
    if (args) {
        int saved_errno = errno;

        json_decref (args->side[0]);
        json_decref (args->side[1]);
        free (args);
        errno = saved_errno;
    }
}

const char *flux_plugin_arg_strerror (flux_plugin_arg_t *args)
{
    if (!args) {
        errno = EINVAL;
        return NULL;
    }
    return args->error;
}

static int fail (flux_plugin_arg_t *args, int errnum, const char *text)
{
    snprintf (args->error, sizeof (args->error), "%s", text);
    errno = errnum;
    return -1;
}

static int check (flux_plugin_arg_t *args, int flags)
{
    if (!args) {
        errno = EINVAL;
        return -1;
    }
    args->error[0] = '\0';
    return flags & ~ARG_FLAGS ? fail (args, EINVAL, "invalid flags") : 0;
}

static json_t **side_of (flux_plugin_arg_t *args, int flags)
{
    return &args->side[flags & FLUX_PLUGIN_ARG_OUT];
}

/* Takes the reference to o, always. */
static int take (flux_plugin_arg_t *args, int flags, json_t *o)
{
    json_t **side = side_of (args, flags);

    if (!json_is_object (o)) {
        json_decref (o);
        return fail (args, EINVAL, "arguments are no JSON object");
    }
    if (*side && !(flags & FLUX_PLUGIN_ARG_REPLACE)) {
        int rc = json_object_update (*side, o);

        json_decref (o);
        return rc < 0 ? fail (args, ENOMEM, "out of memory") : 0;
    }
    json_decref (*side);
    *side = o;
    return 0;
}

int flux_plugin_arg_set (flux_plugin_arg_t *args, int flags, const char *json_str)
{
    json_error_t error;
    json_t *o;

    if (check (args, flags) < 0)
        return -1;
    if (!json_str)
        o = json_object ();
    else if (!(o = json_loads (json_str, JSON_ALLOW_NUL, &error)))
        return fail (args, EINVAL, error.text);
    return take (args, flags, o);
}

/* What every use of an argument (a text or a format) begins with. */
static int check_with (flux_plugin_arg_t *args, int flags, const void *arg)
{
    if (check (args, flags) < 0)
        return -1;
    return arg ? 0 : fail (args, EINVAL, "invalid argument");
}

/* The object of one side, if it is set; NULL with errno. */
static json_t *get_side (flux_plugin_arg_t *args, int flags, const void *arg)
{
    json_t *o;

    if (check_with (args, flags, arg) < 0)
        return NULL;
    if (!(o = *side_of (args, flags)))
        (void)fail (args, ENOENT, "No args currently set");
    return o;
}

int flux_plugin_arg_get (flux_plugin_arg_t *args, int flags, char **json_str)
{
    json_t *o;
    char *s;

    if (!(o = get_side (args, flags, json_str)))
        return -1;
    if (!(s = json_dumps (o, JSON_COMPACT)))
        return fail (args, ENOMEM, "out of memory");
    *json_str = s;
    return 0;
}

int flux_plugin_arg_vpack (flux_plugin_arg_t *args,
                           int flags,
                           const char *fmt,
                           va_list ap)
{
    json_error_t error;
    json_t *o;

    if (check_with (args, flags, fmt) < 0)
        return -1;
    if (!(o = json_vpack_ex (&error, 0, fmt, ap)))
        return fail (args, EINVAL, error.text);
    return take (args, flags, o);
}

int flux_plugin_arg_pack (flux_plugin_arg_t *args, int flags, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start (ap, fmt);
    rc = flux_plugin_arg_vpack (args, flags, fmt, ap);
    va_end (ap);
    return rc;
}

int flux_plugin_arg_vunpack (flux_plugin_arg_t *args,
                             int flags,
                             const char *fmt,
                             va_list ap)
{
    json_error_t error;
    json_t *o;

    if (!(o = get_side (args, flags, fmt)))
        return -1;
    if (json_vunpack_ex (o, &error, 0, fmt, ap) < 0)
        return fail (args, EINVAL, error.text);
    return 0;
}

int flux_plugin_arg_unpack (flux_plugin_arg_t *args, int flags, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start (ap, fmt);
    rc = flux_plugin_arg_vunpack (args, flags, fmt, ap);
    va_end (ap);
    return rc;
}
