/* Modules in a real broker: how they come, go and fail.
 *
 * AddressSanitizer does not survive a thread that is cancelled (the unwinding
 * leaves its stack marks behind), so that is tested without it.
 */

#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <jansson.h>

#include "common/tap.h"
#include "common/util.h"

#include "test_instance.h"

#ifdef WITH_SANITIZERS
#define CAN_CANCEL false
#else
#define CAN_CANCEL true
#endif

static bool listed (flux_t *h, const char *name)
{
    char want[64], *s;
    bool found;

    snprintf (want, sizeof (want), "\"name\":\"%s\"", name);
    call_json (h, "module.list", NULL, &s);
    found = s && strstr (s, want) != NULL;
    free (s);
    return found;
}

static void come_and_go (flux_t *h)
{
    char *s;

    ok (load (h, "a", "x y=1") == 0, "a module loads");
    ok (load (h, "b", NULL) == 0, "the same object loads under another name");
    ok (load (h, "a", NULL) == EEXIST, "a name is taken once");
    ok (load (h, "attr", NULL) == EEXIST, "and not one of the broker's services");
    ok (load (h, "a.b", NULL) == EINVAL, "a name has no dot");
    ok (listed (h, "a") && listed (h, "b") && listed (h, "connector-local"),
        "both are listed, with the built-in ones");
    call_json (h, "a.args", NULL, &s);
    is (s, "{\"args\":[\"x\",\"y=1\"],\"null\":false}", "arguments are split at blanks");
    free (s);
    call_json (h, "b.args", NULL, &s);
    is (s, "{\"args\":[],\"null\":true}", "without arguments argv is NULL");
    free (s);
    ok (call (h, "a.attr", "{\"name\":\"rank\"}") == 0, "a module reads attributes");
    ok (call (h, "a.ping", "{}") == 0, "it has the default methods");
    ok (call (h, "a.nosuch", "{}") == ENOSYS, "and no others");
    is (call_error (), "Unknown service method 'a.nosuch'", "says so");
    ok (unload (h, "a") == 0 && !listed (h, "a"), "it unloads");
    ok (unload (h, "a") == ENOENT, "once");
    ok (call (h, "a.echo", "{}") == ENOSYS, "its service is gone");
    for (int i = 0; i < 20; i++) {
        if (load (h, "a", NULL) != 0 || unload (h, "a") != 0)
            bail_out ("reload %d: %s", i, call_error ());
    }
    ok (load (h, "a", NULL) == 0 && unload (h, "a") == 0, "again and again");
    ok (unload (h, test_module ()) == 0 && !listed (h, "b"), "by path, too");
}

static void refused_loads (flux_t *h)
{
    ok (call (h, "module.load", "{}") == EPROTO, "a load needs a path");
    ok (call (h, "module.load", "{\"path\":\"nosuch\",\"args\":[]}") == ENOENT, "unknown");
    is (call_error (), "module not found in search path", "says so");
    ok (call (h, "module.load", "{\"path\":\"/x/y.txt\",\"args\":[]}") == ENOENT, "no .so");
    is (call_error (), "could not determine loader from path suffix", "says so");
    ok (call (h, "module.load", "{\"path\":\"/x/y.so\",\"args\":[]}") == ENOENT, "no file");
    ok (strstr (call_error (), "/x/y.so") != NULL, "says which: %s", call_error ());
    ok (call (h, "module.load", "{\"path\":\"x\",\"args\":[1]}") == EPROTO, "args: strings");
    ok (call (h, "module.load", "{\"path\":\"x\",\"args\":[],\"loader\":\"y\"}") == EINVAL,
        "a loader needs a path");
    ok (load (h, "m", "init-fail=13") == EACCES, "a module that fails early fails the load");
    ok (load (h, "m", "init-fail") == ECONNRESET, "without an errno: ECONNRESET");
    ok (load (h, "m", "init-exit") == 0 && !listed (h, "m"),
        "one that ends at once was loaded and is gone");
    ok (!listed (h, "m") && call (h, "m.ping", "{}") == ENOSYS, "nothing stays of it");
}

static void open_requests (flux_t *h)
{
    flux_future_t *f, *load_f;
    char payload[4400];

    if (load (h, "m", NULL) != 0)
        bail_out ("load: %s", call_error ());
    f = flux_rpc (h, "m.hold", NULL, FLUX_NODEID_ANY, 0);
    ok (call (h, "m.release", NULL) == 0 && flux_rpc_get (f, NULL) == 0,
        "a held request is answered later");
    flux_future_destroy (f);

    /* hold everything to the module back, and remove it */
    ok (call (h, "module.debug", "{\"name\":\"m\",\"defer\":true}") == 0, "defer");
    f = flux_rpc (h, "m.echo", "{}", FLUX_NODEID_ANY, 0);
    load_f = flux_rpc (h, "module.remove", "{\"name\":\"m\"}", FLUX_NODEID_ANY, 0);
    ok (call (h, "broker.ping", "{}") == 0 && !flux_future_is_ready (f),
        "nothing gets through");
    ok (call (h, "module.debug", "{\"name\":\"m\",\"defer\":false}") == 0, "let go");
    ok (flux_rpc_get (f, NULL) == 0, "what was held back comes first");
    ok (flux_rpc_get (load_f, NULL) == 0, "then the end");
    flux_future_destroy (f);
    flux_future_destroy (load_f);

    if (!CAN_CANCEL) {
        skip (3, "no cancellation under sanitizers");
        return;
    }
    snprintf (payload,
              sizeof (payload),
              "{\"path\":\"%s\",\"name\":\"d\",\"args\":[\"deaf\"]}",
              test_module ());
    ok (call (h, "module.load", payload) == 0, "a deaf module");
    ok (call (h, "module.remove", "{\"name\":\"d\",\"cancel\":true}") == 0,
        "is cancelled when asked for");
    ok (!listed (h, "d"), "and gone");
}

/* What waits for the module of that name, as module.list says. */
static int queued_for (flux_t *h, const char *name)
{
    json_t *o, *mod;
    size_t i;
    char *s;
    int n = -1;

    call_json (h, "module.list", NULL, &s);
    o = json_loads (s ? s : "", 0, NULL);
    json_array_foreach (json_object_get (o, "mods"), i, mod) {
        if (strcmp (json_string_value (json_object_get (mod, "name")), name) == 0)
            n = json_integer_value (json_object_get (mod, "sendqueue"));
    }
    json_decref (o);
    free (s);
    return n;
}

static void deaf_module (struct instance *in, flux_t *h)
{
    enum { COUNT = 90000 };
    flux_t *flood;
    int max = 0, last = -1, same = 0;

    if (!CAN_CANCEL) {
        skip (4, "no cancellation under sanitizers");
        return;
    }
    load (h, "d", "deaf");
    flood = instance_open (in);
    for (int i = 0; i < COUNT; i++) {
        flux_msg_t *msg = flux_request_encode ("d.x", NULL);

        if (flux_msg_set_noresponse (msg) < 0 || flux_send (flood, msg, FLUX_O_NONBLOCK) < 0)
            bail_out ("flood: %s", strerror (errno));
        flux_msg_decref (msg);
    }
    /* until nothing more is taken for as long as a thousand requests last */
    while (same < 1000) {
        (void)flux_pollevents (flood);
        max = queued_for (h, "d");
        same = max == last ? same + 1 : 0;
        last = max;
    }
    ok (max < COUNT && max > 1000, "%d requests are kept for a deaf module, no more", max);
    ok (call (h, "broker.ping", "{}") == 0, "others are served meanwhile");
    ok (call (h, "module.remove", "{\"name\":\"d\",\"cancel\":true}") == 0,
        "it can be removed");
    ok (call (flood, "broker.ping", "{}") == 0, "and who flooded it goes on");
    flux_close (flood);
}

static void subscriptions (flux_t *h)
{
    char *s;

    load (h, "m", NULL);
    load (h, "n", NULL);
    ok (call (h, "m.subscribe", "{\"topic\":\"foo\"}") == 0, "a module subscribes");
    ok (call (h, "n.publish", "{\"topic\":\"foo.a\",\"count\":2}") == 0, "another publishes");
    ok (call (h, "m.publish", "{\"topic\":\"foo.b\",\"count\":1}") == 0, "it does itself");
    ok (call (h, "n.publish", "{\"topic\":\"bar\",\"count\":1}") == 0, "and something else");
    call_json (h, "m.events", NULL, &s);
    is (s, "{\"events\":[\"foo.a\",\"foo.a\",\"foo.b\"]}", "it got what it wanted, in order");
    free (s);
    ok (call (h, "n.register", "{\"service\":\"extra\"}") == 0, "a module adds a service");
    ok (call (h, "extra.x", "{}") == ENOSYS, "it is routed there");
    is (call_error (), "Unknown service method 'extra.x'", "by the broker");
    ok (call (h, "m.register", "{\"service\":\"extra\"}") == EEXIST, "once");
    is (call_error (),
        "could not register service extra for module m: File exists",
        "with the sentence");
    ok (call (h, "m.register", "{\"service\":\"extra\",\"remove\":true}") == EINVAL,
        "nobody else removes it");
    is (call_error (), "requestor did not register extra", "with the sentence");
    ok (call (h, "m.register", "{\"service\":\"nosuch\",\"remove\":true}") == ENOENT,
        "nor one that there is not");
    is (call_error (), "nosuch is not registered", "which is another sentence");
    ok (call (h, "n.register", "{\"service\":\"extra\",\"remove\":true}") == 0,
        "its module does");
    ok (call (h, "extra.x", "{}") == ENOSYS, "and it is gone");
    is (call_error (), "No service matching extra.x is registered", "for everybody");
    ok (call (h, "n.register", "{\"service\":\"extra\"}") == 0, "it may come again");
    unload (h, "n");
    ok (call (h, "m.register", "{\"service\":\"extra\"}") == 0, "until its module goes");
    unload (h, "m");
}

static void disconnects (struct instance *in, flux_t *h)
{
    flux_t *other = instance_open (in);
    char *s = NULL;

    load (h, "m", NULL);
    call (other, "m.echo", "{}");
    call (other, "m.echo", "{}");
    flux_close (other);
    /* the connection ends when its end is read: ask until it is */
    for (int i = 0; i < 100000; i++) {
        free (s);
        call_json (h, "m.disconnects", NULL, &s);
        if (s && strcmp (s, "{\"count\":0}") != 0)
            break;
    }
    is (s, "{\"count\":1}", "a client that leaves is reported once");
    free (s);
    load (h, "n", NULL);
    unload (h, "n");
    unload (h, "m");
}

static bool conf_is (flux_t *h, const char *topic, const char *want)
{
    char *s;
    bool same;

    call_json (h, topic, NULL, &s);
    if (!(same = s && strcmp (s, want) == 0))
        diag ("%s: %s", topic, s ? s : call_error ());
    free (s);
    return same;
}

static void configuration (flux_t *h)
{
    flux_future_t *f;
    const char *s;

    load (h, "m", NULL);
    load (h, "p", "picky");
    f = flux_rpc (h, "config.get", NULL, FLUX_NODEID_ANY, FLUX_RPC_STREAMING);
    ok (flux_rpc_get (f, &s) == 0 && strcmp (s, "{}") == 0, "somebody watches");
    flux_future_reset (f);
    ok (call (h, "config.load", "{\"a\":1}") == 0, "config.load");
    ok (conf_is (h, "m.conf", "{\"a\":1}") && conf_is (h, "p.conf", "{\"a\":1}"),
        "every module gets it");
    ok (conf_is (h, "config.get", "{\"a\":1}"), "the broker has it");
    ok (flux_rpc_get (f, &s) == 0 && strcmp (s, "{\"a\":1}") == 0, "who watches hears");
    flux_future_destroy (f);
    ok (call (h, "config.load", "{\"bad\":1}") == EINVAL, "one module refuses another");
    is (call_error (), "error updating p: I do not like it", "and says why");
    ok (conf_is (h, "m.conf", "{\"a\":1}") && conf_is (h, "config.get", "{\"a\":1}"),
        "it is taken back from those that had it");
    ok (call (h, "config.load", "{\"access\":{\"foo\":1}}") == EINVAL, "nor the broker");
    ok (strstr (call_error (), "error updating connector-local:") != NULL, "says why");
    ok (load (h, "n", NULL) == 0 && conf_is (h, "n.conf", "{\"a\":1}"),
        "a module that comes later gets it with its welcome");
    ok (call (h, "config.load", "1") == EPROTO, "a configuration is an object");
    ok (call (h, "config.reload", NULL) == 0, "without a path there is nothing to reload");
    unload (h, "m");
    unload (h, "n");
    unload (h, "p");
}

static void runtime_failure (void)
{
    struct instance in;
    flux_t *h;
    char *log;

    instance_start (&in, NULL);
    h = instance_open (&in);
    load (h, "m", NULL);
    flux_future_destroy (
        flux_rpc (h, "m.die", "{\"errnum\":5}", FLUX_NODEID_ANY, FLUX_RPC_NORESPONSE));
    flux_close (h);
    instance_await_end (&in);
    log = instance_log (&in);
    ok (strstr (log, "m module runtime failure") && strstr (log, "m: Input/output error"),
        "a module that fails at run time is reported");
    free (log);
    ok (instance_wait (&in) == 1, "and takes the instance down with exit code 1");

    instance_start (&in, (const char *[]){ "-Sbroker.rc2_none",
                                           "-Sbroker.module-nopanic=1",
                                           NULL });
    h = instance_open (&in);
    load (h, "m", NULL);
    flux_future_destroy (
        flux_rpc (h, "m.die", "{\"errnum\":5}", FLUX_NODEID_ANY, FLUX_RPC_NORESPONSE));
    while (listed (h, "m"))
        ;
    ok (call (h, "broker.ping", "{}") == 0, "unless module-nopanic is set");
    flux_close (h);
    ok (instance_stop (&in) == 0, "exit code 0");
}

static void left_behind (void)
{
    static const char *const args[] = { NULL, "deaf", "stuck" };

    for (size_t i = 0; i < ARRAY_SIZE (args); i++) {
        struct instance in;
        char *log;
        flux_t *h;
        int rc;

        if (!CAN_CANCEL && args[i] && strcmp (args[i], "deaf") == 0) {
            skip (2, "no cancellation under sanitizers");
            continue;
        }
        instance_start (&in, NULL);
        h = instance_open (&in);
        if (load (h, "m", args[i]) != 0)
            bail_out ("load: %s", call_error ());
        call (h, "shutdown.start", "{}");
        flux_close (h);
        instance_await_end (&in);
        log = instance_log (&in);
        rc = instance_wait (&in);
        ok (rc == 1, "a %s module left behind makes exit code 1", args[i] ? args[i] : "good");
        ok (strstr (log, "broker module 'm' was not properly shut down") != NULL,
            "... and is named");
        free (log);
    }
}

int main (void)
{
    struct instance in;
    flux_t *h;

    instance_start (&in, NULL);
    h = instance_open (&in);
    come_and_go (h);
    refused_loads (h);
    open_requests (h);
    deaf_module (&in, h);
    subscriptions (h);
    disconnects (&in, h);
    configuration (h);
    flux_close (h);
    ok (instance_stop (&in) == 0, "exit code 0");
    runtime_failure ();
    left_behind ();
    return done_testing ();
}
