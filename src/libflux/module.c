/* module.c - the module's side of its life with the broker (wire.md 8.2).
 *
 *   welcome -> [mod_main] -> status RUNNING -> shutdown -> status FINALIZING
 *           -> ENOSYS for what is still queued -> status EXITED
 *
 * RUNNING is sent when the module first enters its reactor, unless it did so
 * itself before.
 */

#include "config.h"
#include <jansson.h>

#include <flux/core.h>

#include "common/errprintf.h"
#include "common/jwords.h"
#include "common/text.h"
#include "common/util.h"
#include "module_private.h"

#define FINALIZE_TIMEOUT 10. /* seconds */

enum module_status {
    MODULE_INIT = 0,
    MODULE_RUNNING = 1,
    MODULE_FINALIZING = 2,
    MODULE_EXITED = 3,
};

struct module {
    enum module_status status; /* last one reported */
    int debug_mask;
    flux_watcher_t *prepare;
    flux_msg_handler_t **handlers;
    flux_msg_handler_t *shutdown;
};

static void module_destroy (void *arg)
{
    struct module *m = arg;
    int saved_errno = errno;

    flux_watcher_destroy (m->prepare);
    flux_msg_handler_destroy (m->shutdown);
    flux_msg_handler_delvec (m->handlers);
    free (m);
    errno = saved_errno;
}

static struct module *module_get (flux_t *h)
{
    static const char name[] = "flux::module";
    struct module *m;

    if (!h) {
        errno = EINVAL;
        return NULL;
    }
    if ((m = flux_aux_get (h, name)))
        return m;
    if (!(m = calloc (1, sizeof (*m))))
        return NULL;
    if (flux_aux_set (h, name, m, module_destroy) < 0) {
        free_keep_errno (m);
        return NULL;
    }
    return m;
}

int *module_debug_mask (flux_t *h)
{
    struct module *m = module_get (h);

    return m ? &m->debug_mask : NULL;
}

bool flux_module_debug_test (flux_t *h, int flag, bool clear)
{
    int *mask = module_debug_mask (h);

    if (!mask || !(*mask & flag))
        return false;
    if (clear)
        *mask &= ~flag;
    return true;
}

int flux_module_set_running (flux_t *h)
{
    struct module *m = module_get (h);
    flux_future_t *f;

    if (!m)
        return -1;
    if (m->status != MODULE_INIT)
        return 0;
    if (!(f = flux_rpc_pack (h,
                             "module.status",
                             FLUX_NODEID_ANY,
                             FLUX_RPC_NORESPONSE,
                             "{s:i}",
                             "status",
                             MODULE_RUNNING)))
        return -1;
    flux_future_destroy (f);
    m->status = MODULE_RUNNING;
    return 0;
}

int flux_module_config_request_decode (const flux_msg_t *msg, flux_conf_t **conf)
{
    flux_conf_t *c;
    json_t *cpy;
    json_t *o;

    if (flux_request_unpack (msg, NULL, "o", &o) < 0)
        return -1;
    if (!conf)
        return 0;
    /* the message may be another thread's, too: share nothing of it */
    if (!(cpy = json_deep_copy (o))) {
        errno = ENOMEM;
        return -1;
    }
    if (!(c = flux_conf_pack ("o", cpy)))
        return -1;
    *conf = c;
    return 0;
}

/* The arguments joined by blanks; "" if there are none. */
static char *join_args (json_t *args)
{
    struct text t = TEXT_INIT;
    size_t i;
    json_t *arg;

    json_array_foreach (args, i, arg) {
        if (i > 0)
            text_putc (&t, ' ');
        text_put (&t, json_string_value (arg), json_string_length (arg));
    }
    return text_take (&t, NULL);
}

static int cache_attrs (flux_t *h, json_t *attrs)
{
    const char *name;
    json_t *value;

    json_object_foreach (attrs, name, value) {
        if (json_is_string (value)
            && flux_attr_set_cacheonly (h, name, json_string_value (value)) < 0)
            return -1;
    }
    return 0;
}

static int set_string (flux_t *h, const char *key, const char *value)
{
    char *cpy = strdup (value);

    if (!cpy || flux_aux_set (h, key, cpy, free) < 0) {
        free_keep_errno (cpy);
        return -1;
    }
    return 0;
}

/* welcome {"args":[s...]|null "attrs":{} "conf":{} "name":s "uuid":s} */
static int handle_welcome (flux_t *h, const flux_msg_t *msg, char **args)
{
    const char *name, *uuid;
    json_t *args_array, *attrs, *conf_object, *cpy;
    flux_conf_t *conf;
    char *joined;

    if (flux_request_unpack (msg,
                             NULL,
                             "{s:o s:o s:o s:s s:s}",
                             "args",
                             &args_array,
                             "attrs",
                             &attrs,
                             "conf",
                             &conf_object,
                             "name",
                             &name,
                             "uuid",
                             &uuid)
        < 0)
        return -1;
    if (json_is_array (args_array) && !jwords_valid (args_array)) {
        errno = EPROTO;
        return -1;
    }
    if (!(cpy = json_deep_copy (conf_object))) {
        errno = ENOMEM;
        return -1;
    }
    if (!(conf = flux_conf_pack ("o", cpy)) || flux_set_conf_new (h, conf) < 0
        || cache_attrs (h, attrs) < 0 || set_string (h, "flux::name", name) < 0
        || set_string (h, "flux::uuid", uuid) < 0)
        return -1;
    flux_log_set_appname (h, name);
    if (args) {
        if (!(joined = join_args (args_array))) {
            errno = ENOMEM;
            return -1;
        }
        *args = joined;
    }
    return 0;
}

int flux_module_initialize (flux_t *h, char **args, flux_error_t *error)
{
    struct flux_match match = FLUX_MATCH_REQUEST;
    flux_msg_t *msg;
    int rc;

    if (!module_get (h))
        return errprintf (error, "%s", strerror (errno));
    match.topic_glob = "welcome";
    if (!(msg = flux_recv (h, match, 0)))
        return errprintf (error, "error receiving welcome message: %s", strerror (errno));
    if ((rc = handle_welcome (h, msg, args)) < 0)
        errprintf (error, "error decoding welcome message: %s", strerror (errno));
    flux_msg_destroy (msg);
    return rc;
}

static void shutdown_cb (flux_t *h,
                         flux_msg_handler_t *mh,
                         const flux_msg_t *msg,
                         void *arg)
{
    flux_reactor_stop (flux_get_reactor (h));
}

/* The reactor runs: the module has initialised. */
static void running_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    flux_watcher_stop (w);
    if (flux_module_set_running (arg) < 0)
        flux_log_error (arg, "error reporting module status");
}

static int register_shutdown (flux_t *h, struct module *m, const char *name)
{
    struct flux_match match = FLUX_MATCH_REQUEST;
    char *topic;

    if (asprintf (&topic, "%s.shutdown", name) < 0)
        return -1;
    match.topic_glob = topic;
    if ((m->shutdown = flux_msg_handler_create (h, match, shutdown_cb, NULL)))
        flux_msg_handler_start (m->shutdown);
    free (topic);
    return m->shutdown ? 0 : -1;
}

static int subscribe_stats_clear (flux_t *h, const char *name)
{
    flux_future_t *f = NULL;
    char *topic;

    if (asprintf (&topic, "%s.stats-clear", name) < 0)
        return -1;
    f = flux_event_subscribe_ex (h, topic, FLUX_RPC_NORESPONSE);
    free (topic);
    flux_future_destroy (f);
    return f ? 0 : -1;
}

int flux_module_register_handlers (flux_t *h, flux_error_t *error)
{
    struct module *m = module_get (h);
    const char *name;
    flux_reactor_t *r;

    if (!m)
        return errprintf (error, "%s", strerror (errno));
    if (!(name = flux_aux_get (h, "flux::name")))
        return errprintf (error, "module has no name: %s", strerror (errno));
    if (flux_register_default_methods (h, name, &m->handlers) < 0
        || register_shutdown (h, m, name) < 0)
        return errprintf (error, "error registering methods: %s", strerror (errno));
    if (subscribe_stats_clear (h, name) < 0)
        return errprintf (error, "error subscribing: %s", strerror (errno));
    if (!(r = flux_get_reactor (h))
        || !(m->prepare = flux_prepare_watcher_create (r, running_cb, h)))
        return errprintf (error, "error creating watcher: %s", strerror (errno));
    flux_watcher_unref (m->prepare);
    flux_watcher_start (m->prepare);
    return 0;
}

/* What came after the module stopped listening will not be done. */
static void refuse_queued_requests (flux_t *h)
{
    flux_msg_t *msg;

    while ((msg = flux_recv (h, FLUX_MATCH_REQUEST, FLUX_O_NONBLOCK))) {
        if (flux_respond_error (h, msg, ENOSYS, NULL) < 0)
            flux_log_error (h, "error responding to request");
        flux_msg_destroy (msg);
    }
}

int flux_module_finalize (flux_t *h, int errnum, flux_error_t *error)
{
    struct module *m = module_get (h);
    flux_future_t *f;
    int rc = -1;

    if (!m)
        return errprintf (error, "%s", strerror (errno));
    m->status = MODULE_FINALIZING;
    flux_watcher_stop (m->prepare);
    /* the answer says that the broker sends nothing more */
    f = flux_rpc_pack (h,
                       "module.status",
                       FLUX_NODEID_ANY,
                       0,
                       "{s:i}",
                       "status",
                       MODULE_FINALIZING);
    if (!f || flux_future_wait_for (f, FINALIZE_TIMEOUT) < 0
        || flux_rpc_get (f, NULL) < 0) {
        errprintf (error, "module.status FINALIZING: %s", strerror (errno));
        goto done;
    }
    refuse_queued_requests (h);
    flux_future_destroy (f);
    f = flux_rpc_pack (h,
                       "module.status",
                       FLUX_NODEID_ANY,
                       FLUX_RPC_NORESPONSE,
                       "{s:i s:i}",
                       "status",
                       MODULE_EXITED,
                       "errnum",
                       errnum);
    if (!f) {
        errprintf (error, "module.status EXITED: %s", strerror (errno));
        goto done;
    }
    m->status = MODULE_EXITED;
    rc = 0;
done:
    flux_future_destroy (f);
    return rc;
}
