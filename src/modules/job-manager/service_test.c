/* The whole service, in a thread of its own.  The test plays broker, KVS,
 * scheduler and exec service on the other end of an interthread channel.
 */

#include "config.h"
#include <flux/core.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>

#include "common/base64.h"
#include "common/table.h"
#include "common/tap.h"
#include "common/text.h"
#include "common/util.h"

#define PATIENCE 30.

int mod_main (flux_t *h, int argc, char **argv);

struct value {
    char *key;
    struct text text;
};

static struct world {
    flux_t *h;
    flux_msg_handler_t **handlers;
    pthread_t thread;
    int rc;
    bool ended;
    struct table kvs; /* struct value by key; survives a restart */
    int commits;
    struct text heard; /* requests and events of the module */
    const flux_msg_t *alloc; /* the last request of each kind */
    const flux_msg_t *start;
} w;

/* ---- the module's side ------------------------------------------------------------- */

static const char uri[] = "interthread://job-manager-test";

static void shutdown_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_reactor_stop (flux_get_reactor (h));
}

static void *module_thread (void *arg)
{
    static const struct flux_msg_handler_spec handlers[] = {
        { FLUX_MSGTYPE_REQUEST, "job-manager.shutdown", shutdown_cb, 0 },
        FLUX_MSGHANDLER_TABLE_END,
    };
    flux_msg_handler_t **mh = NULL;
    flux_t *h = flux_open (uri, 0);

    if (!h || flux_msg_handler_addvec (h, handlers, NULL, &mh) < 0)
        bail_out ("no handle for the module");
    w.rc = mod_main (h, 0, NULL);
    flux_msg_handler_delvec (mh);
    flux_close (h);
    return NULL;
}

/* ---- a KVS ----------------------------------------------------------------------------- */

static struct value *value_get (const char *key, bool make)
{
    struct value *v = table_get_str (&w.kvs, key);

    if (!v && make) {
        v = calloc (1, sizeof (*v));
        v->key = strdup (key);
        table_put_str (&w.kvs, v->key, v);
    }
    return v;
}

static void value_free (struct value *v)
{
    if (v) {
        table_del_str (&w.kvs, v->key);
        text_fini (&v->text);
        free (v->key);
        free (v);
    }
}

static void put (const char *key, const char *s)
{
    struct value *v = value_get (key, true);

    text_clear (&v->text);
    text_puts (&v->text, s);
}

static void unlink_below (const char *dir)
{
    size_t len = strlen (dir), pos = 0;
    struct value *v;

    while ((v = table_next (&w.kvs, &pos))) {
        if (strncmp (v->key, dir, len) == 0 && (v->key[len] == '.' || v->key[len] == '\0')) {
            value_free (v);
            pos = 0;
        }
    }
}

static void apply_op (json_t *op)
{
    const char *key, *data, *type;
    json_t *dirent;
    int flags;

    if (json_unpack (op, "{s:s s:i s:o}", "key", &key, "flags", &flags, "dirent", &dirent) < 0)
        bail_out ("a malformed operation");
    if (json_is_null (dirent))
        unlink_below (key);
    else if (json_unpack (dirent, "{s:s s:s}", "type", &type, "data", &data) == 0
             && !strcmp (type, "val")) {
        struct text *t = &value_get (key, true)->text;
        char *p;

        if (!(flags & FLUX_KVS_APPEND))
            text_clear (t);
        p = text_reserve (t, base64_decoded_max (strlen (data)));
        text_commit (t, base64_decode (p, data, strlen (data)));
    }
    else
        put (key, "moved");
}

static void commit_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    json_t *ops, *op;
    size_t i;

    if (flux_request_unpack (msg, NULL, "{s:o}", "ops", &ops) < 0)
        bail_out ("a malformed commit");
    json_array_foreach (ops, i, op)
        apply_op (op);
    w.commits++;
    flux_respond (h, msg, "{\"rootref\":\"sha1-0\",\"rootseq\":1}");
}

static void lookup_dir (flux_t *h, const flux_msg_t *msg, const char *key)
{
    json_t *entries = json_object ();
    size_t len = strlen (key), pos = 0;
    struct value *v;

    while ((v = table_next (&w.kvs, &pos))) {
        const char *rest = v->key + len + 1;

        if (strncmp (v->key, key, len) == 0 && v->key[len] == '.') {
            char name[64];

            snprintf (name, sizeof (name), "%.*s", (int)strcspn (rest, "."), rest);
            json_object_set_new (entries,
                                 name,
                                 strchr (rest, '.')
                                     ? json_pack ("{s:i s:s s:[s]}", "ver", 1, "type", "dirref",
                                                  "data",
                                                  "sha1-0000000000000000000000000000000000000000")
                                     : json_pack ("{s:i s:s s:s}", "ver", 1, "type", "val",
                                                  "data", ""));
        }
    }
    if (json_object_size (entries) == 0)
        flux_respond_error (h, msg, ENOENT, NULL);
    else
        flux_respond_pack (h, msg, "{s:{s:i s:s s:O}}", "val", "ver", 1, "type", "dir", "data",
                           entries);
    json_decref (entries);
}

static void lookup_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct text b64 = TEXT_INIT;
    struct value *v;
    const char *key;
    int flags;

    if (flux_request_unpack (msg, NULL, "{s:s s:i}", "key", &key, "flags", &flags) < 0)
        bail_out ("a malformed lookup");
    if (flags & FLUX_KVS_READDIR)
        lookup_dir (h, msg, key);
    else if (flags & FLUX_KVS_TREEOBJ)
        flux_respond_pack (h, msg, "{s:{s:i s:s s:{}}}", "val", "ver", 1, "type", "dir", "data");
    else if (!(v = value_get (key, false)))
        flux_respond_error (h, msg, ENOENT, NULL);
    else {
        text_put_base64 (&b64, v->text.buf, v->text.len);
        flux_respond_pack (h, msg, "{s:{s:i s:s s:s}}", "val", "ver", 1, "type", "val", "data",
                           b64.buf ? b64.buf : "");
        text_fini (&b64);
    }
}

/* The names in a job's stored eventlog. */
static const char *stored (const char *dir)
{
    static struct text names;
    char key[64];
    struct value *v;
    const char *p;

    text_clear (&names);
    text_puts (&names, "");
    snprintf (key, sizeof (key), "job.%s.eventlog", dir);
    if (!(v = value_get (key, false)))
        return "nothing";
    for (p = v->text.buf; (p = strstr (p, "\"name\":\"")); p++) {
        if (names.len > 0)
            text_putc (&names, ' ');
        text_put (&names, p + 8, strcspn (p + 8, "\""));
    }
    return names.buf;
}

/* ---- the rest of the broker --------------------------------------------------------------- */

static void attr_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *name;

    if (flux_request_unpack (msg, NULL, "{s:s}", "name", &name) == 0 && !strcmp (name, "rank"))
        flux_respond_pack (h, msg, "{s:s s:i}", "value", "0", "flags", 1);
    else
        flux_respond_error (h, msg, ENOENT, NULL);
}

static void remember (const flux_msg_t **slot, const flux_msg_t *msg)
{
    flux_msg_decref (*slot);
    *slot = flux_msg_incref (msg);
}

static void any_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *topic = "", *s = NULL;
    int type;

    flux_msg_get_type (msg, &type);
    flux_msg_get_topic (msg, &topic);
    flux_msg_get_string (msg, &s);
    if (!strncmp (topic, "log.", 4)) {
        const void *data;
        size_t len;

        if (flux_request_decode_raw (msg, NULL, &data, &len) == 0)
            diag ("%.*s", (int)len, (const char *)data);
    }
    if (!strncmp (topic, "log.", 4) || !strncmp (topic, "module.", 7))
        return;
    if (!strcmp (topic, "sched.alloc"))
        remember (&w.alloc, msg);
    else if (!strcmp (topic, "exec.start"))
        remember (&w.start, msg);
    else if (!strncmp (topic, "event.", 6))
        flux_respond (h, msg, NULL);
    if (strncmp (topic, "event.", 6))
        text_printf (&w.heard, "%s%s %s\n", type == FLUX_MSGTYPE_EVENT ? "event " : "", topic,
                     s ? s : "");
}

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "*", any_cb, FLUX_ROLE_ALL },
    { FLUX_MSGTYPE_EVENT, "*", any_cb, FLUX_ROLE_ALL },
    { FLUX_MSGTYPE_REQUEST, "kvs.commit", commit_cb, FLUX_ROLE_ALL },
    { FLUX_MSGTYPE_REQUEST, "kvs.lookup", lookup_cb, FLUX_ROLE_ALL },
    { FLUX_MSGTYPE_REQUEST, "attr.get", attr_cb, FLUX_ROLE_ALL },
    FLUX_MSGHANDLER_TABLE_END,
};

static void timeout_cb (flux_reactor_t *r, flux_watcher_t *t, int revents, void *arg)
{
    bail_out ("the module does not do what it should");
}

/* Run until the response to f is there. */
static void done_cb (flux_future_t *f, void *arg)
{
    flux_reactor_stop (flux_get_reactor (w.h));
}

static void run_until (flux_future_t *f)
{
    flux_reactor_t *r = flux_get_reactor (w.h);
    flux_watcher_t *t = flux_timer_watcher_create (r, PATIENCE, 0., timeout_cb, NULL);

    flux_watcher_start (t);
    if (flux_future_then (f, -1., done_cb, NULL) < 0)
        bail_out ("then");
    flux_reactor_run (r, 0);
    flux_watcher_destroy (t);
}

static const char *result_of (flux_future_t *f)
{
    static char *last;
    const char *s;

    free (last);
    last = NULL;
    if (flux_rpc_get (f, &s) == 0)
        last = strdup (s ? s : "");
    else if (asprintf (&last, "%d %s", errno, flux_future_error_string (f)) < 0)
        bail_out ("out of memory");
    return last;
}

/* A request as the owner, or as a guest with that id: what came back. */
static const char *rpc_as (uint32_t userid, const char *method, const char *payload, int flags)
{
    char topic[64];
    flux_msg_t *msg;
    flux_future_t *f;
    const char *s;

    snprintf (topic, sizeof (topic), "job-manager.%s", method);
    if (!(msg = flux_request_encode (topic, payload)))
        bail_out ("encode");
    if (userid != 0)
        flux_msg_set_cred (msg, (struct flux_msg_cred){ userid, FLUX_ROLE_USER });
    if (!(f = flux_rpc_message (w.h, msg, FLUX_NODEID_ANY, flags)))
        bail_out ("rpc");
    flux_msg_destroy (msg);
    run_until (f);
    s = result_of (f);
    flux_future_destroy (f);
    return s;
}

static const char *rpc (const char *method, const char *payload)
{
    return rpc_as (0, method, payload, 0);
}

/* Whatever the module has to say to what it was told so far has been said. */
static void settle (void)
{
    rpc ("getinfo", NULL);
    rpc ("getinfo", NULL);
}

static const char *heard (void)
{
    static char *last;

    settle ();
    free (last);
    last = text_take (&w.heard, NULL);
    return last;
}

/* What comes next, sooner or later, is this. */
static void hears (const char *want, const char *why)
{
    flux_reactor_t *r = flux_get_reactor (w.h);
    flux_watcher_t *t = flux_timer_watcher_create (r, PATIENCE, 0., timeout_cb, NULL);

    flux_watcher_start (t);
    while (w.heard.len < strlen (want))
        flux_reactor_run (r, FLUX_REACTOR_ONCE);
    flux_watcher_destroy (t);
    is (w.heard.buf, want, "%s", why);
    text_clear (&w.heard);
}

static void start_module (void)
{
    if (!(w.h = flux_open (uri, 0)) || flux_msg_handler_addvec (w.h, handlers, NULL, &w.handlers) < 0)
        bail_out ("no handle for the test");
    pthread_create (&w.thread, NULL, module_thread, NULL);
    settle ();
    text_clear (&w.heard);
}

/* Shut it down; its last commit is served meanwhile. */
static void *joiner (void *arg)
{
    pthread_join (w.thread, NULL);
    w.ended = true;
    return NULL;
}

static void stop_module (void)
{
    flux_reactor_t *r = flux_get_reactor (w.h);
    flux_future_t *f = flux_rpc (w.h, "job-manager.shutdown", NULL, FLUX_NODEID_ANY,
                                 FLUX_RPC_NORESPONSE);
    pthread_t thread;

    flux_future_destroy (f);
    w.ended = false;
    pthread_create (&thread, NULL, joiner, NULL);
    while (!__atomic_load_n (&w.ended, __ATOMIC_ACQUIRE))
        flux_reactor_run (r, FLUX_REACTOR_NOWAIT);
    pthread_join (thread, NULL);
    for (int i = 0; i < 100; i++) /* what it sent last */
        flux_reactor_run (r, FLUX_REACTOR_NOWAIT);
    is_int (w.rc, 0, "the module ends well");
    flux_msg_decref (move_ptr (w.alloc));
    flux_msg_decref (move_ptr (w.start));
    flux_msg_handler_delvec (w.handlers);
    flux_close (w.h);
}

static void respond (const flux_msg_t *msg, const char *payload)
{
    if (!msg || flux_respond (w.h, msg, payload) < 0)
        bail_out ("respond");
}

#define JOB(id, flags)                                                                    \
    "{\"jobs\":[{\"id\":" #id ",\"userid\":100,\"urgency\":16,\"t_submit\":5.5,\"flags\":" \
    #flags ",\"jobspec\":{\"version\":1}}]}"
#define DIR(id) "0000.0000.0000.000" #id
#define R0                                                                               \
    "{\"version\":1,\"execution\":{\"R_lite\":[{\"rank\":\"0\",\"children\":{\"core\":\"0\"}}],"\
    "\"starttime\":0.0,\"expiration\":0.0,\"nodelist\":[\"h\"]}}"

/* ---- statements ------------------------------------------------------------------------------ */

static void a_job (void)
{
    is (rpc ("sched-ready", "{\"mode\":\"limited\",\"limit\":8}"), "{\"count\":0}",
        "a scheduler is ready");
    is (rpc ("exec-hello", "{\"service\":\"exec\"}"), "", "an exec service too");
    is (rpc ("submit", JOB (1, 4)), "{\"errors\":[]}", "a job is submitted");
    ok (strncmp (stored (DIR (1)), "submit", 6) == 0, "and stored before the answer");
    hears ("sched.alloc {\"id\":1,\"priority\":16,\"userid\":100,\"t_submit\":5.5,"
        "\"jobspec\":{\"version\":1}}\n",
        "the scheduler is asked");
    is (rpc ("alloc-query", NULL), "{\"queue_length\":0,\"alloc_pending\":1,\"running\":0}",
        "it has one request");
    respond (w.alloc,
             "{\"id\":1,\"type\":0,\"R\":" R0 ",\"annotations\":{\"sched\":{\"x\":\"y\"}}}");
    hears ("exec.start {\"id\":1,\"userid\":100,\"jobspec\":{\"version\":1},"
                  "\"reattach\":false,\"R\":" R0 "}\n",
        "the job is started");
    is (rpc ("resource-status", NULL), "{\"allocated\":" R0 "}", "its resources are known");
    is (rpc ("list", "{\"max_entries\":0}"),
        "{\"jobs\":[{\"id\":1,\"userid\":100,\"urgency\":16,\"priority\":16,\"t_submit\":5.5,"
        "\"state\":16,\"annotations\":{\"sched\":{\"x\":\"y\"}}}]}",
        "it is listed");
    is (rpc ("kill", "{\"id\":1,\"signum\":15}"), "", "it is sent a signal");
    hears ("event shell-1.kill {\"signum\":15}\n", "by an event");
    respond (w.start, "{\"id\":1,\"type\":\"start\",\"data\":{}}");
    respond (w.start, "{\"id\":1,\"type\":\"finish\",\"data\":{\"status\":256}}");
    respond (w.start, "{\"id\":1,\"type\":\"release\",\"data\":{\"ranks\":\"all\",\"final\":true}}");
    hears ("sched.free {\"id\":1,\"R\":" R0 ",\"final\":true}\n",
        "it ends, and the scheduler gets its resources back");
    is (rpc ("wait", "{\"id\":-1}"),
        "{\"id\":1,\"success\":false,\"errstr\":\"task(s) exited with exit code 1\"}",
        "who waits for it hears how it ended");
    is (rpc ("drain", NULL), "", "nothing is active");
    is (stored (DIR (1)), "submit validate depend priority alloc start finish release free clean",
        "the KVS has its life");
    is (rpc ("getattr", "{\"id\":1,\"attrs\":[\"R\",\"jobspec\"]}"),
        "{\"R\":" R0 ",\"jobspec\":{\"version\":1}}", "its attributes can be had");
    is (rpc ("getinfo", NULL), "{\"max_jobid\":1}", "it is the newest");
}

static void refusals (void)
{
    is (rpc ("submit", "{\"jobs\":[{\"id\":2}]}"), "71 Protocol error", "a malformed submission");
    is (rpc ("submit", "{\"jobs\":[{\"id\":2,\"userid\":100,\"urgency\":16,\"t_submit\":5.5,"
                       "\"flags\":0,\"jobspec\":{\"attributes\":{\"system\":{\"dependencies\":"
                       "[{\"scheme\":\"x\\\"\",\"value\":\"y\"}]}}}}]}"),
        "{\"errors\":[[2,\"dependency scheme \\\"x\\\"\\\" not supported\"]]}", "a rejected job");
    is (rpc ("submit", JOB (3, 0)), "{\"errors\":[]}", "one that waits");
    heard ();
    is (rpc ("raise", "{\"id\":3,\"severity\":8,\"type\":\"x\"}"),
        "71 invalid exception severity", "raise: severity");
    is (rpc ("raise", "{\"id\":3,\"severity\":0,\"type\":\"a b\"}"), "71 invalid exception type",
        "raise: type");
    is (rpc ("raise", "{\"id\":9,\"severity\":0,\"type\":\"x\"}"), "2 unknown job id",
        "raise: unknown");
    is (rpc ("raise", "{\"id\":1,\"severity\":0,\"type\":\"x\"}"), "2 job is inactive",
        "raise: inactive");
    is (rpc_as (101, "raise", "{\"id\":3,\"severity\":0,\"type\":\"x\"}", 0),
        "1 guests can only raise exceptions on their own jobs", "raise: guest");
    is (rpc_as (101, "raiseall",
                "{\"dry_run\":true,\"userid\":-1,\"states\":62,\"severity\":0,\"type\":\"x\"}", 0),
        "1 guests can only raise exceptions on their own jobs", "raiseall: guest");
    is (rpc_as (100, "raiseall",
                "{\"dry_run\":true,\"userid\":100,\"states\":62,\"severity\":0,\"type\":\"x\"}", 0),
        "{\"count\":1,\"errors\":0}", "raiseall: own jobs");
    is (rpc ("kill", "{\"id\":3,\"signum\":0}"), "22 Invalid signal number", "kill: signal");
    is (rpc ("kill", "{\"id\":9,\"signum\":9}"), "22 unknown job id", "kill: unknown");
    is (rpc ("kill", "{\"id\":1,\"signum\":9}"), "22 job is inactive", "kill: inactive");
    is (rpc ("kill", "{\"id\":3,\"signum\":9}"), "22 job is not running", "kill: pending");
    is (rpc ("killall", "{}"), "71 error decoding request", "killall: payload");
    is (rpc ("urgency", "{\"id\":3,\"urgency\":32}"), "22 urgency value is out of range",
        "urgency: range");
    is (rpc ("urgency", "{\"id\":9,\"urgency\":1}"), "22 unknown job", "urgency: unknown");
    is (rpc ("urgency", "{\"id\":1,\"urgency\":1}"), "22 job is inactive", "urgency: inactive");
    is (rpc_as (101, "urgency", "{\"id\":3,\"urgency\":1}", 0),
        "1 guests can only reprioritize their own jobs", "urgency: other guest");
    is (rpc_as (100, "urgency", "{\"id\":3,\"urgency\":20}", 0),
        "1 guests can only adjust urgency <= default", "urgency: guest up");
    is (rpc_as (100, "urgency", "{\"id\":3,\"urgency\":0}", 0), "{\"old_urgency\":16}",
        "urgency: guest down");
    is (rpc ("memo", "{\"id\":9,\"memo\":{}}"), "2 unknown job id", "memo: unknown");
    is (rpc ("memo", "{\"id\":3,\"memo\":5}"), "22 memo must be an object", "memo: no object");
    is (rpc ("memo", "{\"id\":3,\"memo\":{\"a\":1}}"), "", "memo: fine");
    is (rpc ("post-event.post", "{\"id\":9,\"name\":\"x\"}"), "2 No such file or directory",
        "post-event: unknown");
    is (rpc ("post-event.post", "{\"id\":3,\"name\":\"exception\"}"), "71 Protocol error",
        "post-event: an exception needs a context");
    is (rpc ("post-event.post", "{\"id\":3,\"name\":\"a\\\"b\"}"), "71 Protocol error",
        "post-event: names are plain");
    is (rpc ("post-event.post", "{\"id\":3,\"name\":\"note\",\"context\":{\"a\":1}}"), "",
        "post-event: fine");
    is (rpc ("getattr", "{\"id\":9,\"attrs\":[]}"), "22 unknown job", "getattr: unknown");
    is (rpc ("getattr", "{\"id\":3,\"attrs\":[\"R\"]}"), "2 R is NULL", "getattr: no R yet");
    is (rpc ("getattr", "{\"id\":3,\"attrs\":[\"x\"]}"), "2 unknown attr x", "getattr: what?");
    is (rpc ("getattr", "{\"id\":3,\"attrs\":[5]}"), "71 attribute list contains non-string",
        "getattr: no string");
    is (rpc_as (101, "getattr", "{\"id\":3,\"attrs\":[]}", 0),
        "1 guests can only access their own jobs", "getattr: guest");
    is (rpc_as (101, "list", "{\"max_entries\":0}", 0), "1 Request requires owner credentials",
        "list: guest");
    is (rpc ("wait", "{}"), "71 malformed wait request", "wait: payload");
    is (rpc ("wait", "{\"id\":3}"), "10 job was not submitted with FLUX_JOB_WAITABLE", "wait: 3");
    is (rpc ("wait", "{\"id\":-1}"), "10 there are no more waitable jobs", "wait: any");
    is (rpc ("purge", "{\"age_limit\":-2.0,\"num_limit\":-1,\"batch\":1,\"force\":false}"),
        "22 if set, age limit must be >= 0", "purge: age");
    is (rpc ("purge", "{\"age_limit\":-1.0,\"num_limit\":-2,\"batch\":1,\"force\":false}"),
        "22 if set, num limit must be >= 0", "purge: number");
    is (rpc ("purge", "{\"age_limit\":-1.0,\"num_limit\":0,\"batch\":101,\"force\":false}"),
        "22 batch must be >= 1 and <= 100", "purge: batch");
    is (rpc ("purge", "{\"age_limit\":-1.0,\"num_limit\":0,\"batch\":10,\"force\":false}"),
        "{\"count\":1}", "purge: a dry run");
    is (rpc ("purge-id", "{\"id\":3,\"force\":1}"), "22 cannot purge active job", "purge-id");
    is (rpc ("purge-id", "{\"id\":9,\"force\":1}"), "2 id not found", "purge-id: unknown");
    is (rpc ("events-journal", "{}"), "71 job-manager.events requires streaming RPC flag",
        "journal: not streaming");
    is (rpc_as (0, "events-journal", "{\"allow\":5}", FLUX_RPC_STREAMING),
        "71 job-manager.events allow should be an object", "journal: filter");
    is (rpc ("queue-status", "{\"name\":\"x\"}"), "22 'x' is not a valid queue", "queue-status");
    is (rpc ("queue-enable", "{\"enable\":false,\"all\":false}"),
        "22 reason is required for disable", "queue-enable: reason");
    is (rpc ("sched-ready", "{\"mode\":\"limited\"}"), "71 Protocol error", "sched-ready: limit");
    is (rpc ("history.get", "{\"slice\":\"x\"}"),
        "22 could not parse python-style slice expression", "history: slice");
    is (rpc_as (100, "history.get", "{\"slice\":\"[:]\"}", 0), "{\"jobs\":[3,1]}", "history");
    is (rpc_as (100, "history.get", "{\"slice\":\"[-1]\"}", 0), "{\"jobs\":[1]}", "history: one");
    is (rpc_as (100, "history.get", "{\"slice\":\"[::-1]\"}", 0), "{\"jobs\":[1,3]}",
        "history: backwards");
    heard ();
}

static void queues (void)
{
    is (rpc ("queue-list", NULL), "{\"queues\":[]}", "there are no named queues");
    is (rpc ("queue-status", "{}"), "{\"enable\":true,\"start\":true}", "the queue is open");
    is (rpc ("queue-enable", "{\"enable\":false,\"reason\":\"no\",\"all\":false}"), "", "disable");
    is (rpc ("submit", JOB (4, 0)), "{\"errors\":[[4,\"job submission is disabled: no\"]]}",
        "a closed queue takes no jobs");
    is (rpc ("queue-start", "{\"start\":false,\"reason\":\"wait\",\"all\":false}"), "", "stop");
    is (rpc ("queue-status", "{}"),
        "{\"enable\":false,\"start\":false,\"disable_reason\":\"no\",\"stop_reason\":\"wait\"}",
        "both are told");
}

static void deny_and_cancel (void)
{
    rpc ("queue-enable", "{\"enable\":true,\"all\":false}");
    rpc ("queue-start", "{\"start\":true,\"all\":false}");
    heard ();
    is (rpc ("submit", JOB (5, 0)), "{\"errors\":[]}", "another job");
    hears ("sched.alloc {\"id\":5,\"priority\":16,\"userid\":100,\"t_submit\":5.5,"
           "\"jobspec\":{\"version\":1}}\n",
           "is asked for");
    respond (w.alloc, "{\"id\":5,\"type\":2,\"note\":\"too big\"}");
    hears ("event job-exception {\"id\":5,\"type\":\"alloc\",\"severity\":0}\n",
           "a denial is published");
    is (rpc ("raise", "{\"id\":3,\"severity\":0,\"type\":\"cancel\",\"note\":\"bye\"}"), "",
        "a held job is cancelled");
    hears ("event job-exception {\"id\":3,\"type\":\"cancel\",\"severity\":0}\n",
           "which is published too");
    is (rpc ("idle", NULL), "{\"pending\":0}", "nothing is left");
    ok (strstr (stored (DIR (3)), "exception clean"), "and all is stored when that is said");
    is (stored (DIR (5)), "submit validate depend priority exception clean", "of both");
}

static void restart (void)
{
    rpc ("submit", JOB (6, 0));
    rpc ("urgency", "{\"id\":6,\"urgency\":0}");
    rpc ("queue-start", "{\"start\":false,\"reason\":\"later\",\"all\":false}");
    stop_module ();
    is (value_get ("checkpoint.job-manager", false)->text.buf,
        "{\"version\":1,\"max_jobid\":6,\"queue\":[{\"enable\":true,\"start\":false,"
        "\"stop_reason\":\"later\"}]}",
        "at the end there is a checkpoint");
    put ("job." DIR (1) ".jobspec", "{\"version\":1}");
    put ("job." DIR (1) ".R", R0);
    put ("job." DIR (3) ".jobspec", "{\"version\":1}");
    put ("job." DIR (6) ".jobspec", "{\"version\":1}");
    put ("job." DIR (7) ".eventlog", "{\"timestamp\":1.0,\"name\":\"depend\"}\n");
    put ("job." DIR (7) ".jobspec", "{\"version\":1}");
    start_module ();
    is (rpc ("stats-get", NULL),
        "{\"journal\":{\"listeners\":0,\"events\":2},\"active_jobs\":1,\"inactive_jobs\":2,"
        "\"max_jobid\":6,\"housekeeping\":{\"running\":{},\"config\":{\"release-after\":-1.0,"
        "\"command\":\"\"}},\"text_bytes\":143}",
        "the jobs are there again");
    ok (value_get ("job-lost+found.job.f8", false) || value_get ("job-lost+found.job.\xc6\x92""8", false),
        "but for those that make no sense");
    is (stored (DIR (6)),
        "submit validate depend priority urgency priority flux-restart priority",
        "a pending one is looked at anew");
    is (rpc ("queue-status", "{}"),
        "{\"enable\":true,\"start\":false,\"stop_reason\":\"Scheduler is offline\"}",
        "the queue is as it was left");
    is (rpc ("wait", "{\"id\":1}"),
        "{\"id\":1,\"success\":false,\"errstr\":\"task(s) exited with exit code 1\"}",
        "a job can be waited for again");
    is (rpc ("purge-id", "{\"id\":1,\"force\":1}"), "{\"count\":1}", "a job is purged");
    is (stored (DIR (1)), "nothing", "from the KVS, before that is said");
    hears ("event job-purge-inactive {\"jobs\":[1]}\n", "and an event tells");
}

/* The answers to a streaming request are kept one after the other. */
static void stream_cb (flux_future_t *f, void *arg)
{
    struct text *t = arg;
    const char *s = result_of (f);

    text_printf (t, "%s\n", s);
    if (strstr (s, "\"id\":-1") || !strncmp (s, "61 ", 3))
        flux_reactor_stop (flux_get_reactor (w.h));
    flux_future_reset (f);
}

static void journal (void)
{
    struct text got = TEXT_INIT;
    flux_future_t *f = flux_rpc (w.h, "job-manager.events-journal",
                                 "{\"full\":true,\"allow\":{\"memo\":1,\"annotations\":1}}",
                                 FLUX_NODEID_ANY, FLUX_RPC_STREAMING);
    flux_future_t *f2;

    flux_future_then (f, -1., stream_cb, &got);
    flux_reactor_run (flux_get_reactor (w.h), 0);
    ok (got.len > 0 && strstr (got.buf, "{\"id\":3,\"events\":[{\"timestamp\":") == got.buf
            && strstr (got.buf, "\"name\":\"memo\",\"context\":{\"a\":1}}],\"jobspec\":"
                                "{\"version\":1}}\n"
                                "{\"id\":6,\"events\":[],\"jobspec\":{\"version\":1}}\n"
                                "{\"id\":-1,\"events\":[]}\n"),
        "a journal begins with the past");
    text_clear (&got);
    rpc ("memo", "{\"id\":6,\"memo\":{\"v\":1},\"volatile\":true}");
    ok (strstr (got.buf, "{\"id\":6,\"events\":[{\"timestamp\":")
            && strstr (got.buf, "\"name\":\"memo\",\"context\":{\"v\":1}}]}"),
        "then it tells what happens");
    text_clear (&got);
    f2 = flux_rpc_pack (w.h, "job-manager.events-journal-cancel", FLUX_NODEID_ANY,
                        FLUX_RPC_NORESPONSE, "{s:i}", "matchtag",
                        (int)flux_rpc_get_matchtag (f));
    flux_future_destroy (f2);
    flux_reactor_run (flux_get_reactor (w.h), 0);
    is (got.buf, "61 No data available\n", "until it is cancelled");
    flux_future_destroy (f);
    text_fini (&got);
}

static void sched_goes (void)
{
    rpc ("queue-start", "{\"start\":true,\"all\":false}");
    rpc ("urgency", "{\"id\":6,\"urgency\":10}");
    is (rpc ("sched-ready", "{\"mode\":\"unlimited\"}"), "{\"count\":1}", "a scheduler comes");
    hears ("sched.alloc {\"id\":6,\"priority\":10,\"userid\":100,\"t_submit\":5.5,"
           "\"jobspec\":{\"version\":1}}\n",
           "it is asked");
    flux_respond_error (w.h, w.alloc, ENOSYS, NULL);
    is (rpc ("alloc-query", NULL), "{\"queue_length\":1,\"alloc_pending\":0,\"running\":0}",
        "an error of it ends the relation; the job waits on");
    is (rpc ("raiseall", "{\"dry_run\":false,\"userid\":-1,\"states\":14,\"severity\":0,"
                         "\"type\":\"cancel\"}"),
        "{\"count\":1,\"errors\":0}", "all jobs are cancelled");
    is (rpc ("drain", NULL), "", "and none is left");
}

int main (void)
{
    struct value *v;

    table_init (&w.kvs);
    start_module ();
    a_job ();
    refusals ();
    queues ();
    deny_and_cancel ();
    restart ();
    journal ();
    sched_goes ();
    stop_module ();
    while ((v = table_pop (&w.kvs))) {
        text_fini (&v->text);
        free (v->key);
        free (v);
    }
    table_fini (&w.kvs);
    text_fini (&w.heard);
    return done_testing ();
}
