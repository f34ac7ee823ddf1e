/* module_test.c - a module's life, seen from the broker's end of its channel. */

#include "config.h"
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>

#include <flux/core.h>

#include "common/tap.h"

static char uri[64];
static char *module_args;
static bool module_debug;

/* A handler of the module's own hides the default one. */
static void rusage_cb (flux_t *h,
                       flux_msg_handler_t *mh,
                       const flux_msg_t *msg,
                       void *arg)
{
    flux_respond (h, msg, "mine");
}

/* What the broker's thread for a module does. */
static void *module_thread (void *arg)
{
    static const struct flux_msg_handler_spec tab[] = {
        { FLUX_MSGTYPE_REQUEST, "mod.rusage", rusage_cb, 0 },
        FLUX_MSGHANDLER_TABLE_END,
    };
    flux_msg_handler_t **handlers;
    flux_error_t error;
    flux_t *h = flux_open (uri, 0);

    if (flux_module_initialize (h, &module_args, &error) < 0
        || flux_module_register_handlers (h, &error) < 0)
        bail_out ("module: %s", error.text);
    if (arg)
        must (flux_msg_handler_addvec (h, tab, NULL, &handlers) == 0);
    must (flux_reactor_run (flux_get_reactor (h), 0) >= 0);
    module_debug = flux_module_debug_test (h, 4, true)
                   && !flux_module_debug_test (h, 4, false)
                   && flux_module_debug_test (h, 1, false);
    if (flux_module_finalize (h, EDOM, &error) < 0)
        bail_out ("module: %s", error.text);
    if (arg)
        flux_msg_handler_delvec (handlers);
    flux_close (h);
    return NULL;
}

static flux_msg_t *request (const char *topic, const char *payload)
{
    flux_msg_t *msg = flux_request_encode (topic, payload);

    must (msg && flux_msg_route_push (msg, "0123456789client") == 0);
    return msg;
}

static void send_msg (flux_t *h, flux_msg_t *msg)
{
    must (flux_send (h, msg, 0) == 0);
    flux_msg_destroy (msg);
}

static flux_msg_t *receive (flux_t *h, const char *topic, const char *payload)
{
    flux_msg_t *msg = flux_recv (h, FLUX_MATCH_ANY, 0);
    const char *t = NULL, *s = NULL;

    if (!msg)
        bail_out ("receiving %s: %s", topic, strerror (errno));
    flux_msg_get_topic (msg, &t);
    flux_msg_get_string (msg, &s);
    is (t, topic, "%s", topic);
    is (s, payload, "... payload");
    return msg;
}

static void expect (flux_t *h, const char *topic, const char *payload)
{
    flux_msg_destroy (receive (h, topic, payload));
}

/* Ask the module; the answer's payload as an object. */
static json_t *ask (flux_t *h, const char *topic, const char *payload, int errnum)
{
    flux_msg_t *msg;
    const char *s = NULL;
    int e = 0;
    json_t *o;

    send_msg (h, request (topic, payload));
    if (!(msg = flux_recv (h, FLUX_MATCH_RESPONSE, 0)))
        bail_out ("%s: %s", topic, strerror (errno));
    flux_msg_get_errnum (msg, &e);
    is_int (e, errnum, "%s %s", topic, payload ? payload : "");
    flux_msg_get_string (msg, &s);
    if (!(o = s ? json_loads (s, 0, NULL) : json_object ()))
        o = json_string (s);
    flux_msg_destroy (msg);
    return o;
}

static void is_answer (flux_t *h,
                       const char *topic,
                       const char *payload,
                       int errnum,
                       const char *want)
{
    json_t *o = ask (h, topic, payload, errnum);
    char *s = json_dumps (o, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);

    is (s, want, "... answer");
    free (s);
    json_decref (o);
}

static void welcome (flux_t *h, const char *args)
{
    char payload[512];

    snprintf (payload,
              sizeof (payload),
              "{\"args\":%s,\"attrs\":{\"rank\":\"3\",\"size\":\"4\"},"
              "\"conf\":{\"t\":{\"x\":1}},\"name\":\"mod\",\"uuid\":\"abcdefghij\"}",
              args);
    send_msg (h, request ("welcome", payload));
}

static void default_methods_answer (flux_t *h)
{
    char pong[128];
    json_t *o;
    int n;

    snprintf (pong,
              sizeof (pong),
              "{\"rank\":3,\"rolemask\":5,\"route\":\"01234567!abcdefgh\",\"seq\":1,"
              "\"userid\":%u}",
              getuid ());
    is_answer (h, "mod.ping", "{\"seq\":1}", 0, pong);
    is_answer (h, "mod.ping", NULL, EPROTO, "{}");
    o = ask (h, "mod.stats-get", NULL, 0);
    ok (json_unpack (o, "{s:{s:i}}", "tx", "response", &n) == 0 && n > 0
            && json_unpack (o, "{s:{s:i}}", "rx", "request", &n) == 0 && n > 0,
        "... counters");
    json_decref (o);
    is_answer (h, "mod.stats-clear", NULL, 0, "{}");
    o = ask (h, "mod.rusage", "{\"who\":\"thread\"}", 0);
    ok (json_object_size (o) == 16 && json_object_get (o, "utime"), "... 16 members");
    json_decref (o);
    is_answer (h, "mod.rusage", "{\"who\":\"me\"}", EINVAL, "\"me is unsupported\"");
    is_answer (h, "mod.debug", "{\"op\":\"set\",\"flags\":6}", 0, "{\"flags\":6}");
    is_answer (h, "mod.debug", "{\"op\":\"setbit\",\"flags\":1}", 0, "{\"flags\":7}");
    is_answer (h, "mod.debug", "{\"op\":\"clrbit\",\"flags\":2}", 0, "{\"flags\":5}");
    is_answer (h, "mod.debug", "{\"op\":\"toggle\",\"flags\":2}", EPROTO, "{}");
    is_answer (h, "mod.debug", NULL, EPROTO, "{}");
    is_answer (h, "mod.config-reload", "{\"a\":1}", 0, "{}");
    is_answer (h,
               "mod.config-update",
               NULL,
               EPROTO,
               "\"Failed to parse mod.config-update request\"");
    is_answer (h, "mod.nosuch", NULL, ENOSYS, "\"Unknown service method 'mod.nosuch'\"");
}

static void a_module_lives_and_dies (void)
{
    flux_msg_t *msg;
    pthread_t t;
    flux_t *h;
    int errnum;

    snprintf (uri, sizeof (uri), "interthread://module-%d", (int)getpid ());
    must ((h = flux_open (uri, 0)) != NULL);
    must (pthread_create (&t, NULL, module_thread, NULL) == 0);
    welcome (h, "[\"a\",\"b=c d\"]");
    expect (h, "event.subscribe", "{\"topic\":\"mod.stats-clear\"}");
    expect (h, "module.status", "{\"status\":1}");
    is (module_args, "a b=c d", "arguments are joined by blanks");
    free (module_args);

    default_methods_answer (h);

    /* two requests: the second finds the module gone */
    send_msg (h, request ("mod.shutdown", NULL));
    msg = receive (h, "module.status", "{\"status\":2}");
    send_msg (h, request ("mod.ping", "{}"));
    must (flux_respond (h, msg, NULL) == 0);
    flux_msg_destroy (msg);
    msg = receive (h, "mod.ping", NULL);
    ok (flux_msg_get_errnum (msg, &errnum) == 0 && errnum == ENOSYS,
        "requests that are too late get ENOSYS");
    flux_msg_destroy (msg);
    expect (h, "module.status", "{\"status\":3,\"errnum\":33}");
    must (pthread_join (t, NULL) == 0);
    ok (module_debug, "the module could test its debug bits");
    flux_close (h);
}

static void a_module_overrides (void)
{
    flux_msg_t *msg;
    pthread_t t;
    flux_t *h;

    must ((h = flux_open (uri, 0)) != NULL);
    must (pthread_create (&t, NULL, module_thread, uri) == 0);
    welcome (h, "null");
    expect (h, "event.subscribe", "{\"topic\":\"mod.stats-clear\"}");
    expect (h, "module.status", "{\"status\":1}");
    is (module_args, "", "no arguments are no text");
    free (module_args);
    is_answer (h, "mod.rusage", NULL, 0, "\"mine\"");
    send_msg (h, request ("mod.shutdown", NULL));
    msg = receive (h, "module.status", "{\"status\":2}");
    must (flux_respond (h, msg, NULL) == 0);
    flux_msg_destroy (msg);
    expect (h, "module.status", "{\"status\":3,\"errnum\":33}");
    must (pthread_join (t, NULL) == 0);
    flux_close (h);
}

/* In one thread: both ends are here. */
static void bad_welcomes_are_refused (void)
{
    static const char *const bad[] = {
        "{}",
        "{\"args\":[1],\"attrs\":{},\"conf\":{},\"name\":\"m\",\"uuid\":\"u\"}",
        "{\"args\":null,\"attrs\":{},\"conf\":[],\"name\":\"m\",\"uuid\":\"u\"}",
        "{\"args\":null,\"attrs\":{},\"conf\":{},\"name\":1,\"uuid\":\"u\"}",
    };

    for (size_t i = 0; i < ARRAY_SIZE (bad); i++) {
        flux_error_t error = { "" };
        flux_t *broker = flux_open (uri, 0);
        flux_t *h = flux_open (uri, 0);
        char *args = NULL;

        must (broker && h);
        send_msg (broker, request ("welcome", bad[i]));
        ok (flux_module_initialize (h, &args, &error) < 0 && !args, "bad welcome %zu", i);
        ok (error.text[0], "... %s", error.text);
        flux_close (h);
        flux_close (broker);
    }
    ok (flux_module_initialize (NULL, NULL, NULL) < 0 && errno == EINVAL, "no handle");
    ok (flux_module_set_running (NULL) < 0 && errno == EINVAL, "nor here");
    ok (!flux_module_debug_test (NULL, 1, false), "nor here");
    ok (flux_register_default_methods (NULL, "x", NULL) < 0 && errno == EINVAL,
        "or here");
}

static void configuration_is_decoded (void)
{
    flux_msg_t *msg = request ("m.config-reload", "{\"a\":{\"b\":2}}");
    flux_conf_t *conf = NULL;
    int b = 0;

    ok (flux_module_config_request_decode (msg, NULL) == 0, "it is valid");
    ok (flux_module_config_request_decode (msg, &conf) == 0, "it is decoded");
    flux_msg_destroy (msg);
    ok (flux_conf_unpack (conf, NULL, "{s:{s:i}}", "a", "b", &b) == 0 && b == 2,
        "it outlives the message");
    flux_conf_decref (conf);
    msg = request ("m.config-reload", NULL);
    ok (flux_module_config_request_decode (msg, &conf) < 0 && errno == EPROTO,
        "none is refused");
    flux_msg_destroy (msg);
}

int main (void)
{
    a_module_lives_and_dies ();
    a_module_overrides ();
    bad_welcomes_are_refused ();
    configuration_is_decoded ();
    return done_testing ();
}
