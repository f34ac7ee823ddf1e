#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "common/base64.h"

#include "service_world.h"

#define PATIENCE 30.

int mod_main (flux_t *h, int argc, char **argv);

struct world w;

/* ---- the module's side ------------------------------------------------------------- */

static const char uri[] = "interthread://job-manager-test";

static void
shutdown_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
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

/* ---- a KVS, as strict as that of stock Flux ----------------------------------------- */

struct value *world_value_get (const char *key, bool make)
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

void world_put (const char *key, const char *s)
{
    struct value *v = world_value_get (key, true);

    text_clear (&v->text);
    text_puts (&v->text, s);
}

static void unlink_below (const char *dir)
{
    size_t len = strlen (dir), pos = 0;
    struct value *v;

    while ((v = table_next (&w.kvs, &pos))) {
        if (strncmp (v->key, dir, len) == 0
            && (v->key[len] == '.' || v->key[len] == '\0')) {
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

    if (json_unpack (op, "{s:s s:i s:o !}", "key", &key, "flags", &flags, "dirent",
                     &dirent)
            < 0
        || (flags != 0 && flags != FLUX_KVS_APPEND))
        bail_out ("an operation that a stock KVS does not take");
    if (json_is_null (dirent))
        unlink_below (key);
    else if (json_unpack (dirent, "{s:s s:s}", "type", &type, "data", &data) == 0
             && !strcmp (type, "val")) {
        struct text *t = &world_value_get (key, true)->text;
        char *p;

        if (!(flags & FLUX_KVS_APPEND))
            text_clear (t);
        p = text_reserve (t, base64_decoded_max (strlen (data)));
        text_commit (t, base64_decode (p, data, strlen (data)));
    }
    else
        world_put (key, "moved");
}

static void
commit_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    json_t *ops, *op;
    size_t i;

    const char *ns;
    int flags;

    if (flux_request_unpack (msg, NULL, "{s:s s:i s:o !}", "namespace", &ns, "flags",
                             &flags, "ops", &ops)
            < 0
        || strcmp (ns, "primary") != 0 || flags != 0)
        bail_out ("a commit that a stock KVS does not take");
    if (w.full) {
        flux_respond_error (h, msg, ENOSPC, NULL);
        return;
    }
    json_array_foreach (ops, i, op) apply_op (op);
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
            json_object_set_new (
                entries, name,
                strchr (rest, '.')
                    ? json_pack ("{s:i s:s s:[s]}", "ver", 1, "type", "dirref", "data",
                                 "sha1-0000000000000000000000000000000000000000")
                    : json_pack ("{s:i s:s s:s}", "ver", 1, "type", "val", "data", ""));
        }
    }
    if (json_object_size (entries) == 0)
        flux_respond_error (h, msg, ENOENT, NULL);
    else
        flux_respond_pack (h, msg, "{s:{s:i s:s s:O}}", "val", "ver", 1, "type", "dir",
                           "data", entries);
    json_decref (entries);
}

static void
lookup_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
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
        flux_respond_pack (h, msg, "{s:{s:i s:s s:{}}}", "val", "ver", 1, "type", "dir",
                           "data");
    else if (!(v = world_value_get (key, false)))
        flux_respond_error (h, msg, ENOENT, NULL);
    else {
        text_put_base64 (&b64, v->text.buf, v->text.len);
        flux_respond_pack (h, msg, "{s:{s:i s:s s:s}}", "val", "ver", 1, "type", "val",
                           "data", b64.buf ? b64.buf : "");
        text_fini (&b64);
    }
}

/* The names in a job's stored eventlog. */
const char *world_stored (const char *dir)
{
    static struct text names;
    char key[64];
    struct value *v;
    const char *p;

    text_clear (&names);
    text_puts (&names, "");
    snprintf (key, sizeof (key), "job.%s.eventlog", dir);
    if (!(v = world_value_get (key, false)))
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

    if (flux_request_unpack (msg, NULL, "{s:s}", "name", &name) == 0
        && !strcmp (name, "rank"))
        flux_respond_pack (h, msg, "{s:s s:i}", "value", w.rank ? w.rank : "0", "flags",
                           1);
    else
        flux_respond_error (h, msg, ENOENT, NULL);
}

static void remember (const flux_msg_t **slot, const flux_msg_t *msg)
{
    flux_msg_decref (*slot);
    *slot = flux_msg_incref (msg);
}

/* <PRIORITY>VERSION TIME HOST NAME PROCESS - - MESSAGE */
static void keep_log (const char *s, size_t len)
{
    const char *end = s + len, *p = memmem (s, len, " - - ", 5);

    if (!p)
        bail_out ("an odd log entry");
    text_put (&w.logged, p + 5, end - (p + 5));
    text_putc (&w.logged, '\n');
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

        if (flux_request_decode_raw (msg, NULL, &data, &len) == 0) {
            diag ("%.*s", (int)len, (const char *)data);
            keep_log (data, len);
        }
    }
    if (!strncmp (topic, "log.", 4) || !strncmp (topic, "module.", 7))
        return;
    if (!strcmp (topic, "sched.alloc"))
        remember (&w.alloc, msg);
    else if (!strcmp (topic, "exec.start"))
        remember (&w.start, msg);
    else if (!strcmp (topic, "sched.expiration") || !strcmp (topic, "exec.expiration"))
        remember (&w.expiration, msg);
    else if (!strncmp (topic, "event.", 6))
        flux_respond (h, msg, NULL);
    if (strncmp (topic, "event.", 6))
        text_printf (&w.heard, "%s%s %s\n", type == FLUX_MSGTYPE_EVENT ? "event " : "",
                     topic, s ? s : "");
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

const char *world_result_of (flux_future_t *f)
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
const char *
world_rpc_as (uint32_t userid, const char *method, const char *payload, int flags)
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
    s = world_result_of (f);
    flux_future_destroy (f);
    return s;
}

const char *world_rpc (const char *method, const char *payload)
{
    return world_rpc_as (0, method, payload, 0);
}

/* Whatever the module has to say to what it was told so far has been said. */
void world_settle (void)
{
    world_rpc ("getinfo", NULL);
    world_rpc ("getinfo", NULL);
}

const char *world_heard (void)
{
    static char *last;

    world_settle ();
    free (last);
    last = text_take (&w.heard, NULL);
    return last;
}

/* Serve until done () is true of arg; not for ever. */
static void serve_until (bool (*done) (const void *arg), const void *arg)
{
    flux_reactor_t *r = flux_get_reactor (w.h);
    flux_watcher_t *t = flux_timer_watcher_create (r, PATIENCE, 0., timeout_cb, NULL);

    flux_watcher_start (t);
    while (!done (arg))
        flux_reactor_run (r, FLUX_REACTOR_ONCE);
    flux_watcher_destroy (t);
}

static bool heard_as_much (const void *want)
{
    return w.heard.len >= strlen (want);
}

/* What comes next, sooner or later, is this. */
void world_hears (const char *want, const char *why)
{
    serve_until (heard_as_much, want);
    is (w.heard.buf, want, "%s", why);
    text_clear (&w.heard);
}

void world_forget (const flux_msg_t **slot)
{
    flux_msg_decref (move_ptr (*slot));
}

static bool is_taken (const void *slot)
{
    return *(const flux_msg_t *const *)slot != NULL;
}

void world_awaits (const flux_msg_t **slot)
{
    serve_until (is_taken, slot);
}

static bool is_logged (const void *line)
{
    const char *p = w.logged.buf ? strstr (w.logged.buf, line) : NULL;

    return p && (p == w.logged.buf || p[-1] == '\n');
}

void world_logs (const char *want, const char *why)
{
    char line[256];

    snprintf (line, sizeof (line), "%s\n", want);
    serve_until (is_logged, line);
    ok (true, "%s", why);
    text_clear (&w.logged);
}

void world_launch_module (void)
{
    if (!(w.h = flux_open (uri, 0))
        || flux_msg_handler_addvec (w.h, handlers, NULL, &w.handlers) < 0)
        bail_out ("no handle for the test");
    pthread_create (&w.thread, NULL, module_thread, NULL);
}

void world_start_module (void)
{
    world_launch_module ();
    world_settle ();
    text_clear (&w.heard);
}

/* Shut it down; its last commit is served meanwhile. */
static void *joiner (void *arg)
{
    pthread_join (w.thread, NULL);
    __atomic_store_n (&w.ended, true, __ATOMIC_RELEASE);
    return NULL;
}

static void serve_until_it_ends (void)
{
    flux_reactor_t *r = flux_get_reactor (w.h);
    pthread_t thread;

    w.ended = false;
    pthread_create (&thread, NULL, joiner, NULL);
    while (!__atomic_load_n (&w.ended, __ATOMIC_ACQUIRE))
        flux_reactor_run (r, FLUX_REACTOR_NOWAIT);
    pthread_join (thread, NULL);
    for (int i = 0; i < 100; i++) /* what it sent last */
        flux_reactor_run (r, FLUX_REACTOR_NOWAIT);
}

void world_end_module (void)
{
    flux_future_t *f = flux_rpc (w.h, "job-manager.shutdown", NULL, FLUX_NODEID_ANY,
                                 FLUX_RPC_NORESPONSE);

    flux_future_destroy (f);
    serve_until_it_ends ();
    is_int (w.rc, 0, "the module ends well");
}

void world_module_fails (const char *why)
{
    serve_until_it_ends ();
    is_int (w.rc, -1, "%s", why);
}

void world_forget_module (void)
{
    world_forget (&w.alloc);
    world_forget (&w.start);
    world_forget (&w.expiration);
    flux_msg_handler_delvec (w.handlers);
    flux_close (w.h);
}

void world_stop_module (void)
{
    world_end_module ();
    world_forget_module ();
}

void world_respond (const flux_msg_t *msg, const char *payload)
{
    if (!msg || flux_respond (w.h, msg, payload) < 0)
        bail_out ("respond");
}

void world_fini (void)
{
    struct value *v;

    while ((v = table_pop (&w.kvs))) {
        text_fini (&v->text);
        free (v->key);
        free (v);
    }
    table_fini (&w.kvs);
    text_fini (&w.heard);
    text_fini (&w.logged);
}
