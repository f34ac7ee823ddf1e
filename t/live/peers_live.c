/* peers_live.c - kvs-watch beside a kvs, and job-list beside a job-manager, that know
 * the protocols of stock Flux and nothing of what ours add to them.
 *
 * The instance has no modules.  A child of this program is kvs, content and
 * job-manager; it takes no member of a request but those that stock has, refuses
 * every topic that is ours (ENOSYS), and answers as stock does: a log with all of
 * its references, one journal message for each event.
 *
 * peer.append { "data":s }, peer.event { "id":I "name":s "context"?:o } tell it
 * what is to happen next.
 */

#include "config.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/blob.h"
#include "common/blobhash.h"
#include "common/text.h"
#include "common/util.h"
#include "live.h"

#define MAXCHUNKS 16

/* ---- the child: kvs and content ------------------------------------------------- */

static struct {
    struct blobref ref;
    char name[BLOBREF_TEXT_SIZE];
    char data[64];
} chunks[MAXCHUNKS];
static int nchunks;
static struct blobhash *hash;
static const flux_msg_t *journal;

static void root_of (char *buf, size_t size)
{
    snprintf (buf, size, "sha1-%040d", nchunks);
}

static void
getroot_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    char root[64];

    root_of (root, sizeof (root));
    flux_respond_pack (h, msg, "{s:i s:i s:s s:i s:s}", "owner", (int)getuid (),
                       "rootseq", nchunks, "rootref", root, "flags", 0, "namespace",
                       "primary");
}

static json_t *log_object (int n, bool treeobj)
{
    _cleanup_ (text_fini)
    struct text all = TEXT_INIT, b64 = TEXT_INIT;
    json_t *refs = json_array ();

    for (int i = 0; i < n; i++) {
        json_array_append_new (refs, json_string (chunks[i].name));
        text_puts (&all, chunks[i].data);
    }
    if (treeobj)
        return json_pack ("{s:i s:s s:o}", "ver", 1, "type", "valref", "data", refs);
    json_decref (refs);
    text_put_base64 (&b64, all.buf, all.len);
    return json_pack ("{s:i s:s s:s}", "ver", 1, "type", "val", "data", b64.buf);
}

/* A root is known by its number; without one it is the last. */
static void
lookup_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    int rootseq = nchunks, flags;
    const char *key;
    char root[64];

    if (flux_request_unpack (msg, NULL, "{s:s s:i s?i}", "key", &key, "flags", &flags,
                             "rootseq", &rootseq)
        < 0)
        flux_respond_error (h, msg, EPROTO, NULL);
    else {
        root_of (root, sizeof (root));
        if (strcmp (key, "log") != 0 || rootseq == 0)
            flux_respond_pack (h, msg, "{s:i s:i s:s}", "errno", ENOENT, "rootseq",
                               rootseq, "rootref", root);
        else
            flux_respond_pack (h, msg, "{s:o s:i s:s}", "val",
                               log_object (rootseq, flags & FLUX_KVS_TREEOBJ), "rootseq",
                               rootseq, "rootref", root);
    }
}

static void load_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct blobref ref;
    const void *digest;
    size_t len;

    if (flux_request_decode_raw (msg, NULL, &digest, &len) == 0
        && blobref_from_digest (BLOBREF_SHA1, digest, len, &ref) == 0) {
        for (int i = 0; i < nchunks; i++) {
            if (memcmp (&chunks[i].ref, &ref, sizeof (ref)) == 0) {
                flux_respond_raw (h, msg, chunks[i].data, strlen (chunks[i].data));
                return;
            }
        }
    }
    flux_respond_error (h, msg, ENOENT, NULL);
}

static void
append_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_future_t *f;
    const char *data;
    char root[64];

    if (flux_request_unpack (msg, NULL, "{s:s}", "data", &data) < 0
        || nchunks == MAXCHUNKS)
        _exit (1);
    snprintf (chunks[nchunks].data, sizeof (chunks[0].data), "%s", data);
    blobhash_sum (hash, data, strlen (data), &chunks[nchunks].ref);
    blobref_str (&chunks[nchunks].ref, chunks[nchunks].name);
    nchunks++;
    root_of (root, sizeof (root));
    f = flux_event_publish_pack (h, "kvs.namespace-primary-setroot", 0,
                                 "{s:s s:i s:s s:[] s:{s:n} s:i}", "namespace", "primary",
                                 "rootseq", nchunks, "rootref", root, "names", "keys",
                                 "log", "owner", (int)getuid ());
    flux_future_destroy (f);
    flux_respond (h, msg, NULL);
}

/* ---- the child: job-manager ------------------------------------------------------ */

static json_t *jobspec (void)
{
    return json_pack (
        "{s:i s:[{s:s s:i s:s s:[{s:s s:i}]}] s:[{s:[s] s:s s:{s:i}}] s:{s:{s:f}}}",
        "version", 1, "resources", "type", "slot", "count", 1, "label", "t", "with",
        "type", "core", "count", 1, "tasks", "command", "true", "slot", "t", "count",
        "per_slot", 1, "attributes", "system", "duration", 0.);
}

static json_t *event (const char *name, json_t *context)
{
    static double t = 1e9;
    json_t *o = json_pack ("{s:f s:s}", "timestamp", t += 0.5, "name", name);

    if (context)
        json_object_set (o, "context", context);
    return o;
}

static json_t *submit_context (void)
{
    return json_pack ("{s:i s:i s:i s:i}", "userid", 5, "urgency", 16, "flags", 0,
                      "version", 1);
}

static void tell (flux_t *h, json_int_t id, json_t *events, bool with_jobspec)
{
    json_t *o = json_pack ("{s:I s:o}", "id", id, "events", events);

    if (with_jobspec)
        json_object_set_new (o, "jobspec", jobspec ());
    flux_respond_pack (h, journal, "o", o);
}

/* One job is there, and pending. */
static void
journal_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    json_t *context = submit_context (), *priority = json_pack ("{s:i}", "priority", 16);
    int full = 0;

    if (flux_request_unpack (msg, NULL, "{s?b}", "full", &full) < 0 || !full
        || !flux_msg_is_streaming (msg))
        _exit (1);
    journal = flux_msg_incref (msg);
    tell (h, 1,
          json_pack ("[o o o o]", event ("submit", context), event ("validate", NULL),
                     event ("depend", NULL), event ("priority", priority)),
          true);
    tell (h, -1, json_array (), false);
    json_decref (context);
    json_decref (priority);
}

static void
getattr_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    json_int_t id;
    json_t *attrs;

    if (flux_request_unpack (msg, NULL, "{s:I s:o}", "id", &id, "attrs", &attrs) < 0)
        flux_respond_error (h, msg, EPROTO, NULL);
    else if (id > 2)
        flux_respond_error (h, msg, EINVAL, "unknown job");
    else
        flux_respond (h, msg, "{}");
}

static void event_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    json_t *context = NULL;
    const char *name;
    json_int_t id;

    if (flux_request_unpack (msg, NULL, "{s:I s:s s?o}", "id", &id, "name", &name,
                             "context", &context)
        < 0)
        _exit (1);
    if (strcmp (name, "submit") == 0)
        context = submit_context ();
    tell (h, id, json_pack ("[o]", event (name, context)), strcmp (name, "submit") == 0);
    flux_respond (h, msg, NULL);
}

static void serve (flux_t *h, const char *name)
{
    flux_future_t *f = flux_service_register (h, name);

    if (!f || flux_future_get (f, NULL) < 0)
        _exit (1);
    flux_future_destroy (f);
}

static void child (void)
{
    static const struct flux_msg_handler_spec handlers[] = {
        { FLUX_MSGTYPE_REQUEST, "kvs.getroot", getroot_cb, 0 },
        { FLUX_MSGTYPE_REQUEST, "kvs.lookup-plus", lookup_cb, 0 },
        { FLUX_MSGTYPE_REQUEST, "content.load", load_cb, 0 },
        { FLUX_MSGTYPE_REQUEST, "job-manager.events-journal", journal_cb, 0 },
        { FLUX_MSGTYPE_REQUEST, "job-manager.getattr", getattr_cb, 0 },
        { FLUX_MSGTYPE_REQUEST, "peer.append", append_cb, 0 },
        { FLUX_MSGTYPE_REQUEST, "peer.event", event_cb, 0 },
        FLUX_MSGHANDLER_TABLE_END,
    };
    flux_t *h = flux_open (NULL, 0);
    flux_msg_handler_t **mh;

    if (!h || flux_msg_handler_addvec (h, handlers, NULL, &mh) < 0)
        _exit (1);
    serve (h, "kvs");
    serve (h, "content");
    serve (h, "job-manager");
    serve (h, "peer");
    flux_reactor_run (flux_get_reactor (h), 0);
    _exit (0);
}

/* ---- the test ------------------------------------------------------------------------- */

static int try (flux_t *h, const char *topic, const char *payload)
{
    flux_future_t *f = flux_rpc (h, topic, payload, FLUX_NODEID_ANY, 0);
    int rc = flux_rpc_get (f, NULL);

    flux_future_destroy (f);
    return rc;
}

static void must_do (flux_t *h, const char *topic, const char *payload)
{
    if (try (h, topic, payload) < 0)
        bail_out ("%s: %s", topic, strerror (errno));
}

static void watching (flux_t *h)
{
    flux_future_t *first, *second, *plain;

    rpc_fails (h, "module.load", 0, "{\"path\":\"kvs-watch\",\"args\":[]}", 0, NULL,
               "kvs-watch starts");
    first = live_watch (h, NULL, FLUX_KVS_WATCH | FLUX_KVS_WATCH_APPEND, "log");
    next_is (first, "one\n", "what a log has is read");
    must_do (h, "peer.append", "{\"data\":\"two\\n\"}");
    next_is (first, "two\n", "what is appended comes once");
    must_do (h, "peer.append", "{\"data\":\"three\\n\"}");
    next_is (first, "three\n", "every time");
    second = live_watch (h, NULL, FLUX_KVS_WATCH | FLUX_KVS_WATCH_APPEND, "log");
    next_is (second, "one\n", "who comes later gets the log from its beginning");
    next_is (second, "two\n", "all of it");
    next_is (second, "three\n", "to the end");
    plain = live_watch (h, NULL, FLUX_KVS_WATCH, "log");
    next_is (plain, "one\ntwo\nthree\n", "or as a whole");
    must_do (h, "peer.append", "{\"data\":\"four\\n\"}");
    next_is (first, "four\n", "and the next chunk reaches the first");
    next_is (second, "four\n", "the second");
    next_is (plain, "one\ntwo\nthree\nfour\n", "and the one that wants it whole");
    end_is (live_watch (h, NULL, FLUX_KVS_WATCH, "nosuch"), ENOENT, NULL,
            "what is not there is not");
    cancel_ends (first, "they are canceled");
    cancel_ends (second, "each");
    cancel_ends (plain, "of them");
    rpc_fails (h, "module.remove", 0, "{\"name\":\"kvs-watch\"}", 0, NULL,
               "kvs-watch leaves");
}

/* What job-list says of a job: its state, or -1. */
static int state_of (flux_t *h, json_int_t id)
{
    flux_future_t *f = flux_rpc_pack (h, "job-list.list-id", FLUX_NODEID_ANY, 0,
                                      "{s:I s:[s]}", "id", id, "attrs", "state");
    int state = -1;

    if (flux_rpc_get_unpack (f, "{s:{s:i}}", "job", "state", &state) < 0)
        state = -1;
    flux_future_destroy (f);
    return state;
}

static void listing (flux_t *h)
{
    flux_future_t *f;
    int state = -1;

    rpc_fails (h, "module.load", 0, "{\"path\":\"job-list\",\"args\":[]}", 0, NULL,
               "job-list starts");
    is_int (state_of (h, 1), FLUX_JOB_STATE_SCHED, "what was there before is listed");
    rpc_fails (h, "job-list.list-id", 0, "{\"id\":99,\"attrs\":[]}", ENOENT, NULL,
               "a job that there is none of is not");
    f = flux_rpc (h, "job-list.list-id", "{\"id\":2,\"attrs\":[\"state\"]}",
                  FLUX_NODEID_ANY, 0);
    must_do (h, "peer.event", "{\"id\":2,\"name\":\"submit\"}");
    must_do (h, "peer.event", "{\"id\":2,\"name\":\"validate\"}");
    ok (flux_rpc_get_unpack (f, "{s:{s:i}}", "job", "state", &state) == 0,
        "who asks for one that is known, and not told of yet, waits for it");
    flux_future_destroy (f);
    must_do (h, "peer.event", "{\"id\":2,\"name\":\"depend\"}");
    must_do (h, "peer.event",
             "{\"id\":2,\"name\":\"priority\",\"context\":{\"priority\":5}}");
    must_do (h, "peer.event",
             "{\"id\":1,\"name\":\"exception\",\"context\":{\"type\":\"cancel\","
             "\"severity\":0,\"note\":\"\",\"userid\":5}}");
    must_do (h, "peer.event", "{\"id\":1,\"name\":\"clean\"}");
    while (state_of (h, 1) != FLUX_JOB_STATE_INACTIVE)
        must_do (h, "peer.event", "{\"id\":2,\"name\":\"nothing\"}");
    is_int (state_of (h, 2), FLUX_JOB_STATE_SCHED,
            "events that come one by one move jobs on");
    rpc_fails (h, "module.remove", 0, "{\"name\":\"job-list\"}", 0, NULL,
               "job-list leaves");
}

int main (int argc, char *argv[])
{
    flux_t *h = live_open ();

    if (blobhash_new (BLOBREF_SHA1, &hash) < 0)
        bail_out ("no hash");
    if (fork () == 0)
        child ();
    while (try (h, "peer.append", "{\"data\":\"one\\n\"}") < 0 && errno == ENOSYS)
        ;
    watching (h);
    listing (h);
    blobhash_free (hash);
    flux_close (h);
    return done_testing ();
}
