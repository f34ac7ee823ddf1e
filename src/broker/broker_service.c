/* broker_service.c - "broker": getenv, setenv, conf-builtin (wire.md section 9.4),
 * and the default methods.
 */

#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "common/util.h"

#include "services.h"

struct broker_service {
    flux_t *h;
    struct child_env *env;
    flux_msg_handler_t **methods;
    flux_msg_handler_t **handlers;
};

/* broker.getenv
 *   { "names":[s...] } -> { "env":{name:s...} }, those that are set
 */
static void getenv_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct broker_service *bs = arg;
    json_t *names, *o, *env = NULL;
    size_t i;

    if (flux_request_unpack (msg, NULL, "{s:o}", "names", &names) < 0
        || !json_is_array (names))
        goto malformed;
    if (!(env = json_object ()))
        goto nomem;
    json_array_foreach (names, i, o) {
        const char *name = json_string_value (o);
        const char *value;

        if (!name)
            goto malformed;
        if ((value = child_env_get (bs->env, name))
            && json_object_set_new (env, name, json_string (value)) < 0)
            goto nomem;
    }
    if (flux_respond_pack (h, msg, "{s:O}", "env", env) < 0)
        goto nomem;
    json_decref (env);
    return;
malformed:
    json_decref (env);
    (void)flux_respond_error (h, msg, EPROTO, NULL);
    return;
nomem:
    json_decref (env);
    (void)flux_respond_error (h, msg, ENOMEM, NULL);
}

static bool is_env (json_t *env)
{
    const char *name;
    json_t *o;

    json_object_foreach (env, name, o) {
        if (!*name || strchr (name, '=') || (!json_is_string (o) && !json_is_null (o)))
            return false;
    }
    return json_is_object (env);
}

/* broker.setenv
 *   { "env":{name:s|null...} } -> {}; null takes the name out
 * For the commands that are run from now on.
 */
static void setenv_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct broker_service *bs = arg;
    const char *name;
    json_t *env, *o;
    int r = 0;

    if (flux_request_unpack (msg, NULL, "{s:o}", "env", &env) < 0 || !is_env (env)) {
        (void)flux_respond_error (h, msg, EPROTO, NULL);
        return;
    }
    json_object_foreach (env, name, o) {
        if (r == 0)
            r = child_env_set (bs->env, name, json_string_value (o));
    }
    if (r < 0)
        (void)flux_respond_error (h, msg, -r, NULL);
    else
        (void)flux_respond (h, msg, NULL);
}

/* broker.conf-builtin
 *   { "keys":[s...] } -> { "values":{key:s...} }
 */
static void conf_builtin_cb (flux_t *h,
                             flux_msg_handler_t *mh,
                             const flux_msg_t *msg,
                             void *arg)
{
    json_t *keys, *o, *values = json_object ();
    char text[128];
    size_t i;

    if (flux_request_unpack (msg, NULL, "{s:o}", "keys", &keys) < 0
        || !json_is_array (keys))
        goto malformed;
    json_array_foreach (keys, i, o) {
        const char *key = json_string_value (o);
        const char *value;

        if (!key)
            goto malformed;
        if (!(value = flux_conf_builtin_get (key, FLUX_CONF_AUTO))) {
            snprintf (text, sizeof (text), "%.100s: invalid key", key);
            (void)flux_respond_error (h, msg, EINVAL, text);
            json_decref (values);
            return;
        }
        (void)json_object_set_new (values, key, json_string (value));
    }
    if (flux_respond_pack (h, msg, "{s:O}", "values", values) < 0)
        (void)flux_respond_error (h, msg, ENOMEM, NULL);
    json_decref (values);
    return;
malformed:
    json_decref (values);
    (void)flux_respond_error (h, msg, EPROTO, NULL);
}

/* Its senders need no state here. */
static void disconnect_cb (flux_t *h,
                           flux_msg_handler_t *mh,
                           const flux_msg_t *msg,
                           void *arg)
{
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "broker.getenv", getenv_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "broker.setenv", setenv_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "broker.conf-builtin", conf_builtin_cb, FLUX_ROLE_ALL },
    { FLUX_MSGTYPE_REQUEST, "broker.disconnect", disconnect_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

/* The last two are the broker's, too (wire.md section 6.1), though it has no methods for
 * them: so an asker is told, and nobody else can take what is meant for the broker.
 */
static const char *const names[] = { "broker", "heaptrace", "bootstrap" };

struct broker_service *broker_serve (struct self *self,
                                     struct service_table *services,
                                     struct child_env *env)
{
    struct broker_service *bs = calloc (1, sizeof (*bs));
    int r = 0;

    if (!bs)
        return NULL;
    bs->h = self_handle (self);
    bs->env = env;
    for (size_t i = 0; i < ARRAY_SIZE (names) && r == 0; i++)
        r = service_add (services, names[i], self_endpoint (self));
    if (r < 0)
        errno = -r;
    else if (flux_register_default_methods (bs->h, "broker", &bs->methods) == 0
             && flux_msg_handler_addvec (bs->h, htab, bs, &bs->handlers) == 0)
        return bs;
    broker_unserve (bs);
    return NULL;
}

void broker_unserve (struct broker_service *bs)
{
    int saved_errno = errno;

    if (bs) {
        flux_msg_handler_delvec (bs->handlers);
        flux_msg_handler_delvec (bs->methods);
        free (bs);
    }
    errno = saved_errno;
}
