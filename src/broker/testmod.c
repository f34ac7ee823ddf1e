/* testmod - a module that behaves as its arguments say, for the tests.
 *
 *   init-fail[=ERRNO]   fail before the reactor runs
 *   init-exit           succeed without ever running it
 *   init-kill           kill its process (exec) before the reactor runs
 *   deaf                never look at messages, but can be cancelled
 *   stuck               never look at messages, and cannot be cancelled
 *   picky               refuse any configuration with key "bad"
 *
 * Methods: NAME.echo, NAME.args, NAME.attr, NAME.die {"errnum":i},
 * NAME.hold (answered when NAME.release comes), NAME.holding (count), NAME.subscribe {"topic":s},
 * NAME.events (topics seen), NAME.disconnects (count), NAME.publish
 * {"topic":s "count":i}, NAME.register {"service":s},
 * NAME.conf (the configuration it has).
 */

#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <flux/core.h>
#include <jansson.h>

#include "common/util.h"

struct testmod {
    flux_t *h;
    int argc;
    char **argv;
    int errnum; /* to die with */
    int disconnects;
    json_t *events;
    struct flux_msglist *held;
};

static bool has_arg (struct testmod *tm, const char *name, const char **value)
{
    size_t len = strlen (name);

    for (int i = 0; i < tm->argc; i++) {
        if (strncmp (tm->argv[i], name, len) == 0
            && (tm->argv[i][len] == '\0' || tm->argv[i][len] == '=')) {
            if (value)
                *value = tm->argv[i][len] ? tm->argv[i] + len + 1 : NULL;
            return true;
        }
    }
    return false;
}

static void echo_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    json_t *o;

    if (flux_request_unpack (msg, NULL, "o", &o) < 0
        || flux_respond_pack (h, msg, "O", o) < 0)
        (void)flux_respond_error (h, msg, errno, NULL);
}

static void args_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct testmod *tm = arg;
    json_t *a = json_array ();

    for (int i = 0; i < tm->argc; i++)
        json_array_append_new (a, json_string (tm->argv[i]));
    (void)flux_respond_pack (h, msg, "{s:o s:b}", "args", a, "null", tm->argv == NULL);
}

static void attr_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *name, *value;

    if (flux_request_unpack (msg, NULL, "{s:s}", "name", &name) < 0
        || !(value = flux_attr_get (h, name))
        || flux_respond_pack (h, msg, "{s:s}", "value", value) < 0)
        (void)flux_respond_error (h, msg, errno, NULL);
}

static void die_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct testmod *tm = arg;

    (void)flux_request_unpack (msg, NULL, "{s:i}", "errnum", &tm->errnum);
    flux_reactor_stop (flux_get_reactor (h));
}

static void hold_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct testmod *tm = arg;

    (void)flux_msglist_append (tm->held, msg);
}

static void holding_cb (flux_t *h,
                        flux_msg_handler_t *mh,
                        const flux_msg_t *msg,
                        void *arg)
{
    struct testmod *tm = arg;

    (void)flux_respond_pack (h, msg, "{s:i}", "count", flux_msglist_count (tm->held));
}

static void release_cb (flux_t *h,
                        flux_msg_handler_t *mh,
                        const flux_msg_t *msg,
                        void *arg)
{
    struct testmod *tm = arg;
    const flux_msg_t *m;

    while (flux_msglist_first (tm->held) && (m = flux_msglist_pop (tm->held))) {
        (void)flux_respond (h, m, NULL);
        flux_msg_decref (m);
    }
    (void)flux_respond (h, msg, NULL);
}

static void subscribe_cb (flux_t *h,
                          flux_msg_handler_t *mh,
                          const flux_msg_t *msg,
                          void *arg)
{
    const char *topic;

    if (flux_request_unpack (msg, NULL, "{s:s}", "topic", &topic) < 0
        || flux_event_subscribe (h, topic) < 0)
        (void)flux_respond_error (h, msg, errno, NULL);
    else
        (void)flux_respond (h, msg, NULL);
}

static void event_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct testmod *tm = arg;
    const char *topic;

    if (flux_event_decode (msg, &topic, NULL) == 0)
        json_array_append_new (tm->events, json_string (topic));
}

static void events_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct testmod *tm = arg;

    (void)flux_respond_pack (h, msg, "{s:O}", "events", tm->events);
}

static void disconnect_cb (flux_t *h,
                           flux_msg_handler_t *mh,
                           const flux_msg_t *msg,
                           void *arg)
{
    struct testmod *tm = arg;

    tm->disconnects++;
    (void)flux_msglist_disconnect (tm->held, msg);
}

static void disconnects_cb (flux_t *h,
                            flux_msg_handler_t *mh,
                            const flux_msg_t *msg,
                            void *arg)
{
    struct testmod *tm = arg;

    (void)flux_respond_pack (h, msg, "{s:i}", "count", tm->disconnects);
}

static void publish_cb (flux_t *h,
                        flux_msg_handler_t *mh,
                        const flux_msg_t *msg,
                        void *arg)
{
    const char *topic;
    int count;

    if (flux_request_unpack (msg, NULL, "{s:s s:i}", "topic", &topic, "count", &count)
        < 0) {
        (void)flux_respond_error (h, msg, errno, NULL);
        return;
    }
    for (int i = 0; i < count; i++) {
        flux_msg_t *event = flux_event_pack (topic, "{s:i}", "n", i);

        (void)flux_send_new (h, &event, 0);
        flux_msg_destroy (event);
    }
    (void)flux_respond (h, msg, NULL);
}

static void registered_cb (flux_future_t *f, void *arg)
{
    const flux_msg_t *msg = arg;
    flux_t *h = flux_future_get_flux (f);

    if (flux_future_get (f, NULL) < 0)
        (void)flux_respond_error (h, msg, errno, flux_future_error_string (f));
    else
        (void)flux_respond (h, msg, NULL);
    flux_msg_decref (msg);
    flux_future_destroy (f);
}

/* Add a service, or remove it. */
static void register_cb (flux_t *h,
                         flux_msg_handler_t *mh,
                         const flux_msg_t *msg,
                         void *arg)
{
    flux_future_t *f = NULL;
    const char *name;
    int remove = 0;

    if (flux_request_unpack (msg, NULL, "{s:s s?b}", "service", &name, "remove", &remove)
            < 0
        || !(f = remove ? flux_service_unregister (h, name)
                        : flux_service_register (h, name))
        || flux_future_then (f, -1., registered_cb, (void *)flux_msg_incref (msg)) < 0)
        (void)flux_respond_error (h, msg, errno, NULL);
}

static void conf_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    json_t *o;

    if (flux_conf_unpack (flux_get_conf (h), NULL, "o", &o) < 0
        || flux_respond_pack (h, msg, "O", o) < 0)
        (void)flux_respond_error (h, msg, errno, NULL);
}

static void reload_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_conf_t *conf;
    json_t *o;

    if (flux_module_config_request_decode (msg, &conf) < 0)
        (void)flux_respond_error (h, msg, errno, NULL);
    else if (has_arg (arg, "picky", NULL)
             && flux_conf_unpack (conf, NULL, "{s:o}", "bad", &o) == 0) {
        flux_conf_decref (conf);
        (void)flux_respond_error (h, msg, EINVAL, "I do not like it");
    }
    else {
        (void)flux_set_conf_new (h, conf);
        (void)flux_respond (h, msg, NULL);
    }
}

static const struct flux_msg_handler_spec methods[] = {
    { FLUX_MSGTYPE_REQUEST, "echo", echo_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "args", args_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "attr", attr_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "die", die_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "hold", hold_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "holding", holding_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "release", release_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "subscribe", subscribe_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "events", events_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "disconnect", disconnect_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "disconnects", disconnects_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "publish", publish_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "register", register_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "conf", conf_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "config-reload", reload_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static int run (struct testmod *tm)
{
    struct flux_match match = FLUX_MATCH_EVENT;
    flux_msg_handler_t **handlers = NULL;
    flux_msg_handler_t *events;
    int rc;

    if (flux_msg_handler_addvec_ex (
            tm->h, flux_aux_get (tm->h, "flux::name"), methods, tm, &handlers)
        < 0)
        return -1;
    if (!(events = flux_msg_handler_create (tm->h, match, event_cb, tm)))
        return -1;
    flux_msg_handler_start (events);
    rc = flux_reactor_run (flux_get_reactor (tm->h), 0);
    flux_msg_handler_destroy (events);
    flux_msg_handler_delvec (handlers);
    if (tm->errnum) {
        errno = tm->errnum;
        return -1;
    }
    return rc < 0 ? -1 : 0;
}

int mod_main (flux_t *h, int argc, char **argv)
{
    struct testmod tm = { .h = h, .argc = argc, .argv = argv };
    const char *value;
    int rc;

    if (has_arg (&tm, "init-fail", &value)) {
        errno = value ? atoi (value) : 0;
        return -1;
    }
    if (has_arg (&tm, "init-exit", NULL))
        return 0;
    if (has_arg (&tm, "init-kill", NULL))
        raise (SIGKILL);
    if (has_arg (&tm, "deaf", NULL) || has_arg (&tm, "stuck", NULL)) {
        if (has_arg (&tm, "stuck", NULL))
            pthread_setcancelstate (PTHREAD_CANCEL_DISABLE, NULL);
        if (flux_module_set_running (h) < 0)
            return -1;
        for (;;)
            pause ();
    }
    if (!(tm.events = json_array ()) || !(tm.held = flux_msglist_create ()))
        return -1;
    rc = run (&tm);
    json_decref (tm.events);
    flux_msglist_destroy (tm.held);
    return rc;
}
