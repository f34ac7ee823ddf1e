/* watch_live.c - kvs-watch as its clients see it (watch.md section 1). */

#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "live.h"

enum {
    W = FLUX_KVS_WATCH,
    UNIQ = FLUX_KVS_WATCH | FLUX_KVS_WATCH_UNIQ,
    FULL = FLUX_KVS_WATCH | FLUX_KVS_WATCH_FULL,
    APPEND = FLUX_KVS_WATCH | FLUX_KVS_WATCH_APPEND,
    SENTINEL = APPEND | FLUX_KVS_WATCH_INITIAL_SENTINEL,
    WAIT = FLUX_KVS_WAITCREATE,
    STREAM = FLUX_KVS_STREAM,
};

static flux_t *h;
static const char overwritten[] = "value of key watched with WATCH_APPEND overwritten";

static void values (void)
{
    flux_future_t *f, *u;

    live_commit (h, NULL, "put v.a 1", NULL);
    f = live_watch (h, NULL, W, "v.a");
    next_is (f, "1", "the current value comes first");
    u = live_watch (h, NULL, UNIQ, "..v...a.");
    next_is (u, "1", "also by another spelling of the key");
    live_commit (h, NULL, "put v.a 1", NULL);
    next_is (f, "1", "a commit is told even if it changes nothing");
    live_commit (h, NULL, "put v.b x", NULL);
    live_commit (h, NULL, "put .v..a 2", NULL);
    next_is (f, "2", "a commit to another key is not");
    next_is (u, "2", "UNIQ is told of changes only");
    live_commit (h, NULL, "put v.a 3", "put v.a 4", NULL);
    next_is (f, "4", "one commit is one response, with the final value");
    next_is (u, "4", "for UNIQ, too");
    live_commit (h, NULL, "unlink v.a", NULL);
    end_is (f, ENOENT, NULL, "the end of the key is the end of the watch");
    end_is (u, ENOENT, NULL, "for all");
    end_is (live_watch (h, NULL, W, "v.a"), ENOENT, NULL, "a missing key is an error");
    live_commit (h, NULL, "mkdir v.d", NULL);
    end_is (live_watch (h, NULL, W, "v.d"), EISDIR, NULL, "so is a directory");
    f = live_watch (h, NULL, W | FLUX_KVS_READDIR, "v.d");
    next_is (f, "{\"data\":{},\"type\":\"dir\",\"ver\":1}", "unless it is asked for");
    cancel_ends (f, "a watch can be cancelled");
}

static void every_commit (void)
{
    flux_future_t *f, *c[10];
    char op[32], want[8];

    live_commit (h, NULL, "put e 0", NULL);
    f = live_watch (h, NULL, W, "e");
    next_is (f, "0", "a watch that is to see many commits");
    for (int i = 0; i < 10; i++) {
        snprintf (op, sizeof (op), "put e %d", i + 1);
        c[i] = live_commit_begin (h, NULL, 1 /* FLUX_KVS_NO_MERGE */, op);
    }
    for (int i = 0; i < 10; i++) {
        snprintf (want, sizeof (want), "%d", i + 1);
        next_is (f, want, "sees each, in order");
        flux_future_destroy (c[i]);
    }
    cancel_ends (f, "until it is cancelled");
}

static void indirect_changes (void)
{
    flux_future_t *f, *full, *a;

    live_commit (h, NULL, "put i.p.q 1", NULL);
    f = live_watch (h, NULL, W, "i.p.q");
    full = live_watch (h, NULL, FULL, "i.p.q");
    a = live_watch (h, NULL, APPEND, "i.p.q");
    next_is (f, "1", "WATCH on a key in a directory");
    next_is (full, "1", "and FULL");
    next_is (a, "1", "and APPEND");
    live_commit (h, NULL, "put i.other 1", NULL);
    live_commit (h, NULL, "unlink i.p", NULL);
    end_is (full, ENOENT, NULL, "only FULL notices that the directory goes");
    live_commit (h, NULL, "put i.p.q 2", NULL);
    next_is (f, "2", "WATCH goes on when the key is back");
    end_is (a, EINVAL, overwritten, "for APPEND it is another value");
    cancel_ends (f, "the end of WATCH");

    live_commit (h, NULL, "put i.dir.x 1", "link i.link i.dir", NULL);
    f = live_watch (h, NULL, W, "i.link.x");
    full = live_watch (h, NULL, FULL, "i.link.x");
    next_is (f, "1", "WATCH through a symlink");
    next_is (full, "1", "and FULL");
    live_commit (h, NULL, "put i.dir.x 2", NULL);
    next_is (full, "2", "FULL sees the target change");
    live_commit (h, NULL, "put i.link.x 3", NULL);
    next_is (f, "3", "WATCH does when the commit goes through the link");
    next_is (full, "3", "and FULL, too");
    cancel_ends (f, "the end of WATCH");
    cancel_ends (full, "and of FULL");

    live_commit (h, NULL, "put i.t1 1", "put i.t2 2", "link i.l i.t1", NULL);
    f = live_watch (h, NULL, W, "i.l");
    next_is (f, "1", "a watched key may be a symlink");
    live_commit (h, NULL, "link i.l i.t2", NULL);
    next_is (f, "2", "that is led elsewhere");
    cancel_ends (f, "its end");
}

static void appends (void)
{
    flux_future_t *f;

    live_commit (h, NULL, "put a.log one", NULL);
    f = live_watch (h, NULL, APPEND, "a.log");
    next_is (f, "one", "a value is the first chunk");
    live_commit (h, NULL, "append a.log two", NULL);
    next_is (f, "two", "what is appended comes alone");
    live_commit (h, NULL, "append a.log three", "append a.log four", NULL);
    next_is (f, "three", "two appends in one commit");
    next_is (f, "four", "are two responses");
    live_commit (h, NULL, "append a.log ", NULL);
    next_is_empty (f, "an append of nothing is a response of nothing");
    cancel_ends (f, "the end");

    f = live_watch (h, NULL, SENTINEL, "a.log");
    next_is (f, "one", "who comes later gets what there is");
    next_is (f, "two", "chunk");
    next_is (f, "three", "by chunk");
    next_is (f, "four", "in order");
    next_is_empty (f, "with the empty one");
    next_is_empty (f, "and the sentinel");
    live_commit (h, NULL, "append a.log five", NULL);
    next_is (f, "five", "before what follows");
    live_commit (h, NULL, "put a.log five", NULL);
    end_is (f, EINVAL, overwritten, "a new value is no append");

    f = live_watch (h, NULL, APPEND, "a.log");
    next_is (f, "five", "another watch");
    live_commit (h, NULL, "mkdir a.log", NULL);
    end_is (f, EINVAL, overwritten, "nor is a directory");
    end_is (live_watch (h, NULL, APPEND, "a.log"), EISDIR,
            "dirref cannot be watched with WATCH_APPEND", "which cannot be watched so");
    live_commit (h, NULL, "link a.link a.log", NULL);
    end_is (live_watch (h, NULL, APPEND, "a.link"), EINVAL,
            "symlink cannot be watched with WATCH_APPEND", "nor can a symlink");
}

static void shorter_logs (void)
{
    flux_future_t *f, *g;
    char *two;
    const char *s;

    live_commit (h, NULL, "append s.log one", NULL);
    live_commit (h, NULL, "append s.log two", NULL);
    g = live_watch (h, NULL, FLUX_KVS_TREEOBJ | WAIT, "s.log");
    if (flux_kvs_lookup_get_treeobj (g, &s) < 0 || !(two = strdup (s)))
        bail_out ("treeobj: %s", strerror (errno));
    flux_future_destroy (g);
    live_commit (h, NULL, "append s.log three", NULL);
    f = live_watch (h, NULL, APPEND, "s.log");
    next_is (f, "one", "a log");
    next_is (f, "two", "of three");
    next_is (f, "three", "chunks");
    char op[1024];
    snprintf (op, sizeof (op), "treeobj s.log %s", two);
    live_commit (h, NULL, op, NULL);
    end_is (f, EINVAL, "key watched with WATCH_APPEND shortened", "that got shorter");
    f = live_watch (h, NULL, APPEND, "s.log");
    next_is (f, "one", "two");
    next_is (f, "two", "chunks");
    live_commit (h, NULL, op, "append s.other x", NULL);
    live_commit (h, NULL, "append s.log four", NULL);
    next_is (f, "four", "the same value again is no news");
    live_commit (h, NULL, "unlink s.log", NULL);
    end_is (f, ENOENT, NULL, "the end of the key");
    free (two);
}

static void streams (void)
{
    flux_future_t *f;

    live_commit (h, NULL, "append st.log one", NULL);
    live_commit (h, NULL, "append st.log two", NULL);
    f = live_watch (h, NULL, STREAM, "st.log");
    next_is (f, "one", "STREAM brings each chunk");
    next_is (f, "two", "in order");
    end_is (f, ENODATA, NULL, "and ends");
    live_commit (h, NULL, "put st.v value", NULL);
    f = live_watch (h, NULL, STREAM, "st.v");
    next_is (f, "value", "a value is one chunk");
    end_is (f, ENODATA, NULL, "the end");
    end_is (live_watch (h, NULL, STREAM, "st"), EISDIR, "dirref cannot be streamed",
            "a directory cannot be streamed");
    end_is (live_watch (h, NULL, STREAM, "st.no"), ENOENT, NULL, "nor can nothing");
    f = live_watch (h, NULL, STREAM | WAIT, "st.late");
    live_commit (h, NULL, "put st.late 1", NULL);
    next_is (f, "1", "it can be waited for");
    end_is (f, ENODATA, NULL, "the end");
}

static void waits (void)
{
    flux_future_t *f, *g, *s;

    f = live_watch (h, NULL, WAIT, "w.a");
    g = live_watch (h, NULL, W | WAIT, "w.a");
    s = live_watch (h, NULL, SENTINEL | WAIT, "w.a");
    next_is_empty (s, "the sentinel of a missing key comes at once");
    live_commit (h, NULL, "unlink w.a", NULL);
    live_commit (h, NULL, "put w.b 1", NULL);
    live_commit (h, NULL, "put w.a 1", NULL);
    next_is (f, "1", "WAITCREATE brings the value when it is there");
    flux_future_destroy (f);
    next_is (g, "1", "with WATCH, too");
    next_is (s, "1", "and with APPEND");
    live_commit (h, NULL, "put w.a 2", NULL);
    next_is (g, "2", "and what follows");
    live_commit (h, NULL, "unlink w.a", NULL);
    end_is (g, ENOENT, NULL, "a key that goes is not waited for again");
    end_is (s, EINVAL, overwritten, "the log had ended before");

    live_commit (h, NULL, "put w.v 1", NULL);
    f = live_watch (h, NULL, W | WAIT, "w.v.b");
    live_commit (h, NULL, "unlink w.v", "put w.v.b 2", NULL);
    next_is (f, "2", "a value in the way can be waited away");
    cancel_ends (f, "the end");
    f = live_watch (h, NULL, WAIT, "w.never");
    cancel_ends (f, "a wait can be cancelled");
}

static void namespaces (void)
{
    flux_future_t *f, *g, *w;

    end_is (live_watch (h, "ns1", W, "k"), ENOTSUP, NULL, "a missing namespace");
    f = live_watch (h, "ns1", W | WAIT, "k");
    g = live_watch (h, "ns1", SENTINEL | WAIT, "k");
    end_is (live_watch (h, "ns1", W, "k"), ENOTSUP, NULL,
            "is an error even if waited for");
    live_create (h, "ns1", getuid ());
    next_is_empty (g, "the sentinel comes when the namespace does");
    live_commit (h, "ns1", "put k 1", NULL);
    next_is (f, "1", "and the value when the key does");
    next_is (g, "1", "for all");
    is_int (stats_get (h, "kvs-watch", "namespaces/ns1/watchers"), 2,
            "stats count the watchers of a namespace");
    is_int (stats_get (h, "kvs-watch", "namespaces/ns1/owner"), getuid (),
            "and its owner");
    w = live_watch (h, "ns1", W | WAIT, "never");
    ok (stats_get (h, "kvs-watch", "namespaces/ns1/watchers") == 3,
        "a third one has arrived"); /* or it would wait for the next ns1 */
    live_commit (h, "ns1", "put k2 1", NULL);
    live_remove (h, "ns1");
    end_is (f, ENOTSUP, NULL, "a removed namespace ends its watches");
    end_is (g, ENOTSUP, NULL, "of logs");
    end_is (w, ENOTSUP, NULL, "and of keys that never were");
    is_int (stats_get (h, "kvs-watch", "namespaces/ns1/watchers"), -2,
            "then it is forgotten");
}

static void guests (void)
{
    flux_t *guest = live_open_guest (getuid () + 1000);
    flux_future_t *f;

    live_commit (h, NULL, "put g.a 1", NULL);
    end_is (live_watch (guest, "primary", W, "g.a"), EPERM, NULL, "a guest is refused");
    live_create (h, "nsg", getuid () + 1000);
    live_commit (h, "nsg", "put a 1", NULL);
    f = live_watch (guest, "nsg", W, "a");
    next_is (f, "1", "but not in its own namespace");
    live_commit (h, "nsg", "put a 2", NULL);
    next_is (f, "2", "now and later");
    cancel_ends (f, "and it may cancel");
    live_commit (h, "nsg",
                 "treeobj out {\"ver\":1,\"type\":\"symlink\",\"data\":"
                 "{\"namespace\":\"primary\",\"target\":\"g.a\"}}",
                 NULL);
    f = live_watch (h, "nsg", W, "out");
    next_is (f, "1", "what the owner may see");
    end_is (live_watch (guest, "nsg", W, "out"), EPERM, NULL, "a guest may not");
    cancel_ends (f, "the end");
    f = live_watch (guest, "nsx", W | WAIT, "a");
    live_create (h, "nsx", getuid ());
    end_is (f, EPERM, NULL, "nor what turns out to be another's");
    live_remove (h, "nsg");
    live_remove (h, "nsx");
    flux_close (guest);
}

static void bad_requests (void)
{
    static const char lookup[] = "kvs-watch.lookup";
    const int s = FLUX_RPC_STREAMING;

    rpc_fails (h, lookup, s, NULL, EPROTO, NULL, "no payload");
    rpc_fails (h, lookup, s, "{\"key\":", EPROTO, NULL, "no JSON");
    rpc_fails (h, lookup, s, "{\"key\":\"a\",\"flags\":4}", EPROTO, NULL, "no namespace");
    rpc_fails (h, lookup, 0, "{\"key\":\"a\",\"namespace\":\"primary\",\"flags\":4}",
               EPROTO, "KVS watch request rejected without streaming RPC flag",
               "WATCH is streaming");
    rpc_fails (h, lookup, 0, "{\"key\":\"a\",\"namespace\":\"primary\",\"flags\":512}",
               EPROTO, "KVS stream request rejected without streaming RPC flag",
               "STREAM is, too");
    rpc_fails (h, lookup, s, "{\"key\":\"a\",\"namespace\":\"primary\",\"flags\":516}",
               EINVAL, "Cannot KVS watch and stream at the same time", "not both");
    rpc_fails (h, lookup, s, "{\"key\":\"a\",\"namespace\":\"primary\",\"flags\":64}",
               EINVAL, "Must set KVS watch flag with other watch flags",
               "FULL without WATCH");
    rpc_fails (h, lookup, s, "{\"key\":\"a\",\"namespace\":\"primary\",\"flags\":1028}",
               EINVAL, "Must set KVS watch append flag with initial sentinel flag",
               "a sentinel without APPEND");
    rpc_fails (h, lookup, s, "{\"key\":\"\",\"namespace\":\"primary\",\"flags\":4}",
               ENOENT, NULL, "no key");
    live_commit (h, NULL, "put bad 1", NULL);
    rpc_fails (h, lookup, 0, "{\"key\":\"bad\",\"namespace\":\"primary\",\"flags\":0}", 0,
               NULL, "a plain lookup is one, too");
}

static void raw (void)
{
    flux_future_t *f;
    const flux_msg_t *msg;
    const void *data;
    size_t len;

    live_commit (h, NULL, "append raw.log one", NULL);
    f = flux_rpc_pack (h, "kvs-watch.lookup", FLUX_NODEID_ANY, FLUX_RPC_STREAMING,
                       "{s:s s:s s:i}", "key", "raw.log", "namespace", "primary", "flags",
                       SENTINEL | 1 << 16);
    ok (flux_rpc_get_raw (f, &data, &len) == 0 && len == 3
            && memcmp (data, "one", 3) == 0,
        "raw chunks are just their bytes");
    flux_future_reset (f);
    ok (flux_future_get (f, (const void **)&msg) == 0
            && flux_msg_has_flag (msg, FLUX_MSGFLAG_USER1) && !flux_msg_has_payload (msg),
        "the raw sentinel is marked");
    flux_future_reset (f);
    live_commit (h, NULL, "append raw.log ", NULL);
    ok (flux_future_get (f, (const void **)&msg) == 0
            && !flux_msg_has_flag (msg, FLUX_MSGFLAG_USER1)
            && !flux_msg_has_payload (msg),
        "an empty chunk is not");
    flux_future_destroy (f);
}

static bool no_watchers (const char *ns)
{
    char path[64];

    snprintf (path, sizeof (path), "namespaces/%s/watchers", ns);
    for (int i = 0; i < 100000; i++) { /* each try is a round trip */
        if (stats_get (h, "kvs-watch", path) == -2)
            return true;
    }
    return false;
}

static void departures (void)
{
    flux_t *other = live_open ();
    flux_future_t *f, *g;

    live_create (h, "nsd", getuid ());
    live_commit (h, "nsd", "put a 1", NULL);
    g = live_watch (other, "nsd", W | WAIT, "b");
    f = live_watch (other, "nsd", W, "a"); /* when this is answered, that has come */
    next_is (f, "1", "a client that watches");
    is_int (stats_get (h, "kvs-watch", "namespaces/nsd/watchers"), 2, "two keys");
    flux_future_destroy (f);
    flux_future_destroy (g);
    flux_close (other);
    ok (no_watchers ("nsd"), "takes its watches along when it leaves");
    live_remove (h, "nsd");
}

static void unload (void)
{
    flux_future_t *f, *g, *r;

    live_commit (h, NULL, "put u.a 1", NULL);
    f = live_watch (h, NULL, W, "u.a");
    g = live_watch (h, NULL, WAIT, "u.b");
    next_is (f, "1", "a watch");
    r = flux_rpc_pack (h, "module.remove", FLUX_NODEID_ANY, 0, "{s:s}", "name",
                       "kvs-watch");
    ok (flux_future_get (r, NULL) == 0, "the module can be unloaded");
    flux_future_destroy (r);
    end_is (f, ENOSYS, NULL, "then those who watch are told");
    end_is (g, ENOSYS, NULL, "and those who wait");
    r = flux_rpc_pack (h, "module.load", FLUX_NODEID_ANY, 0, "{s:s s:[]}", "path",
                       "kvs-watch", "args");
    ok (flux_future_get (r, NULL) == 0, "and loaded again");
    flux_future_destroy (r);
    f = live_watch (h, NULL, W, "u.a");
    next_is (f, "1", "to go on");
    cancel_ends (f, "the end");
}

static void many_chunks (void)
{
    enum { CHUNKS = 1000 };
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_future_t *f, *c;
    char buf[100];
    const char *s;
    bool good = true;

    for (int i = 0; i < CHUNKS; i++) {
        snprintf (buf, sizeof (buf), "%080d", i);
        if (flux_kvs_txn_put (txn, FLUX_KVS_APPEND, "m.log", buf) < 0)
            bail_out ("txn_put: %s", strerror (errno));
    }
    c = flux_kvs_commit (h, NULL, 0, txn);
    if (flux_future_get (c, NULL) < 0)
        bail_out ("commit: %s", strerror (errno));
    flux_future_destroy (c);
    flux_kvs_txn_destroy (txn);
    f = live_watch (h, NULL, STREAM, "m.log");
    for (int i = 0; i < CHUNKS && good; i++) {
        snprintf (buf, sizeof (buf), "%080d", i);
        good = flux_kvs_lookup_get (f, &s) == 0 && strcmp (s, buf) == 0;
        flux_future_reset (f);
    }
    ok (good, "a thousand chunks come in order");
    end_is (f, ENODATA, NULL, "and then the end");
}

int main (void)
{
    h = live_open ();
    values ();
    every_commit ();
    indirect_changes ();
    appends ();
    shorter_logs ();
    streams ();
    waits ();
    namespaces ();
    guests ();
    bad_requests ();
    raw ();
    departures ();
    many_chunks ();
    unload ();
    flux_close (h);
    return done_testing ();
}
