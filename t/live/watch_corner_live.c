/* watch_corner_live.c - kvs-watch: what happens rarely (watch.md sections 1.2 to 1.8),
 * and how many lookups it takes.
 */

#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "live.h"

enum {
    W = FLUX_KVS_WATCH,
    FULL = FLUX_KVS_WATCH | FLUX_KVS_WATCH_FULL,
    UNIQ = FLUX_KVS_WATCH | FLUX_KVS_WATCH_UNIQ,
    APPEND = FLUX_KVS_WATCH | FLUX_KVS_WATCH_APPEND,
    WAIT = FLUX_KVS_WAITCREATE,
    STREAM = FLUX_KVS_STREAM,
    TREEOBJ = FLUX_KVS_TREEOBJ,
    COMPACT = FLUX_KVS_TXN_COMPACT,
};

static flux_t *h;
static long long watchers, namespaces; /* of the instance itself */
static const char overwritten[] = "value of key watched with WATCH_APPEND overwritten";

/* "treeobj KEY OBJ", with the object that 'from' is now.  The caller frees. */
static char *put_as (const char *key, const char *from)
{
    flux_future_t *f = flux_kvs_lookup (h, NULL, TREEOBJ, from);
    const char *s;
    char *op;

    if (!f || flux_kvs_lookup_get_treeobj (f, &s) < 0
        || asprintf (&op, "treeobj %s %s", key, s) < 0)
        bail_out ("treeobj %s: %s", from, strerror (errno));
    flux_future_destroy (f);
    return op;
}

/* The next response is an object of this type. */
static void next_type_is (flux_future_t *f, const char *type, const char *name)
{
    const char *s = NULL, *got = "";
    json_t *o = NULL;

    if (flux_kvs_lookup_get_treeobj (f, &s) == 0 && (o = json_loads (s, 0, NULL)))
        json_unpack (o, "{s:s}", "type", &got);
    is (got, type, "%s", name);
    json_decref (o);
    flux_future_reset (f);
}

static void kinds_of_reads (void)
{
    flux_future_t *f;
    char big[5000];

    memset (big, 'x', sizeof (big) - 1);
    big[sizeof (big) - 1] = '\0';
    memcpy (big, "put k.v ", 8);
    live_commit (h, NULL, big, "mkdir k.d", "link k.l k.v", NULL);
    f = live_watch (h, NULL, W | TREEOBJ, "k.v");
    next_type_is (f, "valref", "TREEOBJ brings what is stored");
    live_commit (h, NULL, "put k.v 1", NULL);
    next_type_is (f, "val", "and what is stored then");
    live_commit (h, NULL, "mkdir k.v", NULL);
    next_type_is (f, "dirref", "whatever it is");
    cancel_ends (f, "the end");
    f = live_watch (h, NULL, W | TREEOBJ, "k.l");
    next_type_is (f, "symlink", "a link is not followed then");
    cancel_ends (f, "the end");
    f = live_watch (h, NULL, W | FLUX_KVS_READLINK, "k.l");
    next_type_is (f, "symlink", "nor with READLINK");
    live_commit (h, NULL, "put k.l 1", NULL);
    end_is (f, EINVAL, NULL, "which ends when it is no link any more");
    end_is (live_watch (h, NULL, W | FLUX_KVS_READLINK, "k.d"), EINVAL, NULL,
            "or was none");
    end_is (live_watch (h, NULL, W | FLUX_KVS_READDIR, "k.l"), ENOTDIR, NULL,
            "READDIR wants a directory");
    f = live_watch (h, NULL, FULL | FLUX_KVS_READDIR, "k.d");
    next_is (f, "{\"data\":{},\"type\":\"dir\",\"ver\":1}", "a directory and all changes in it");
    live_commit (h, NULL, "put k.w 1", NULL);
    live_commit (h, NULL, "put k.d.a 1", NULL);
    next_is (f,
             "{\"data\":{\"a\":{\"data\":\"MQ==\",\"type\":\"val\",\"ver\":1}},"
             "\"type\":\"dir\",\"ver\":1}",
             "are told, with FULL");
    live_commit (h, NULL, "unlink k", NULL);
    end_is (f, ENOENT, NULL, "to the end");
}

static void logs_that_are_rewritten (void)
{
    flux_future_t *f, *c;
    char *two, *longer, op[6000];

    live_commit (h, NULL, "append f.log a", NULL);
    live_commit (h, NULL, "append f.log b", NULL);
    live_commit (h, NULL, "append f.longer x", NULL);
    live_commit (h, NULL, "append f.longer y", NULL);
    live_commit (h, NULL, "append f.longer z", NULL);
    two = put_as ("f.log", "f.log");
    longer = put_as ("f.log", "f.longer");
    f = live_watch (h, NULL, APPEND, "f.log");
    next_is (f, "a", "a log of two");
    next_is (f, "b", "chunks");
    live_commit (h, NULL, longer, NULL);
    next_is (f, "z", "that is rewritten by a longer one: what is more is new");
    live_commit (h, NULL, two, "append f.log c", NULL);
    live_commit (h, NULL, "append f.log d", NULL);
    next_is (f, "d", "by one as long: nothing is");
    live_commit (h, NULL, two, NULL);
    end_is (f, EINVAL, "key watched with WATCH_APPEND shortened", "by a shorter one: an error");
    free (two);
    free (longer);

    live_commit (h, NULL, "put f.v 1", NULL);
    f = live_watch (h, NULL, APPEND, "f.v");
    next_is (f, "1", "a value is one chunk");
    memset (op, 'x', sizeof (op) - 1);
    op[sizeof (op) - 1] = '\0';
    memcpy (op, "put f.v ", 8);
    live_commit (h, NULL, op, NULL);
    live_commit (h, NULL, "append f.v 2", NULL);
    next_is (f, "2", "a large value in its place is one, too");
    live_commit (h, NULL, "put f.v 1", NULL);
    end_is (f, EINVAL, overwritten, "a small one is not");
    f = live_watch (h, NULL, APPEND, "f.v");
    next_is (f, "1", "a value");
    live_commit (h, NULL, "put f.v 1", NULL);
    end_is (f, EINVAL, overwritten, "that is written again is overwritten");

    f = live_watch (h, NULL, APPEND | WAIT, "f.compact");
    c = live_commit_begin (h, NULL, COMPACT, "append f.compact a");
    next_is (f, "a", "a commit that is compact");
    flux_future_destroy (c);
    cancel_ends (f, "the end");
}

static void compact_commits (void)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_future_t *f, *c;

    live_commit (h, NULL, "append c.log 0", NULL);
    f = live_watch (h, NULL, APPEND, "c.log");
    next_is (f, "0", "a log");
    if (!txn || flux_kvs_txn_put (txn, FLUX_KVS_APPEND, "c.log", "1") < 0
        || flux_kvs_txn_put (txn, FLUX_KVS_APPEND, "c.log", "2") < 0
        || !(c = flux_kvs_commit (h, NULL, COMPACT, txn)) || flux_future_get (c, NULL) < 0)
        bail_out ("commit: %s", strerror (errno));
    flux_kvs_txn_destroy (txn);
    flux_future_destroy (c);
    next_is (f, "12", "two appends in a compact commit are one response");
    cancel_ends (f, "the end");
}

static void full_waits (void)
{
    flux_future_t *f = live_watch (h, NULL, FULL | WAIT, "fw.a");

    live_commit (h, NULL, "put fw.b 1", NULL);
    live_commit (h, NULL, "unlink fw.a", NULL);
    live_commit (h, NULL, "put fw.c 1", NULL);
    live_commit (h, NULL, "put fx.a 7", "link fw fx", NULL);
    next_is (f, "7", "FULL and WAITCREATE: until the key exists by any way");
    live_commit (h, NULL, "put fx.a 8", NULL);
    next_is (f, "8", "and what follows");
    live_commit (h, NULL, "unlink fw", NULL);
    end_is (f, ENOENT, NULL, "to the end");
}

static void other_namespaces (void)
{
    flux_future_t *f, *full;

    live_create (h, "far", getuid ());
    live_commit (h, "far", "put k 1", NULL);
    live_commit (h, NULL,
                 "treeobj xk {\"ver\":1,\"type\":\"symlink\",\"data\":"
                 "{\"namespace\":\"far\",\"target\":\"k\"}}",
                 NULL);
    f = live_watch (h, NULL, W, "xk");
    full = live_watch (h, NULL, FULL, "xk");
    next_is (f, "1", "a key in another namespace, by a link");
    next_is (full, "1", "with FULL, too");
    live_commit (h, "far", "put k 2", NULL);
    live_commit (h, NULL, "put unrelated 1", NULL);
    next_is (full, "2", "what happens there is seen at the next commit here, with FULL");
    cancel_ends (full, "the end");
    live_remove (h, "far");
    live_commit (h, NULL, "put xk 3", NULL);
    next_is (f, "3", "that it is removed is not");
    cancel_ends (f, "the end");

    live_create (h, "again", getuid ());
    f = live_watch (h, "again", W | WAIT, "k");
    ok (stats_get (h, "kvs-watch", "namespaces/again/watchers") == 1, "a watch has begun");
    live_remove (h, "again");
    end_is (f, ENOTSUP, NULL, "and ends with its namespace");
    f = live_watch (h, "again", APPEND | WAIT, "k");
    ok (stats_get (h, "kvs-watch", "namespaces/again/owner") == -1
            && stats_get (h, "kvs-watch", "namespaces/again/rootseq") == -1,
        "of one that is waited for no more is known");
    cancel_ends (f, "though it can be waited for");
    end_is (live_watch (h, "again", W, "k"), ENOTSUP, NULL, "or not");
}

/* kvs-watch.lookup as a message, to choose the matchtag. */
static flux_future_t *lookup_rpc (flux_t *who, const char *ns, const char *key, int flags)
{
    return flux_rpc_pack (who, "kvs-watch.lookup", FLUX_NODEID_ANY,
                          flags & W ? FLUX_RPC_STREAMING : 0, "{s:s s:s s:i}", "key", key,
                          "namespace", ns, "flags", flags);
}

static void cancel_rpc (flux_t *who, int matchtag)
{
    flux_future_t *f = flux_rpc_pack (who, "kvs-watch.cancel", FLUX_NODEID_ANY,
                                      FLUX_RPC_NORESPONSE, "{s:i}", "matchtag", matchtag);
    flux_future_destroy (f);
}

static void cancels (void)
{
    flux_t *other = live_open ();
    flux_future_t *f, *g;

    live_commit (h, NULL, "put x.a 1", NULL);
    f = live_watch (h, NULL, W, "x.a");
    next_is (f, "1", "a watch");
    cancel_rpc (h, 4711);
    cancel_rpc (other, flux_rpc_get_matchtag (f));
    g = flux_rpc (other, "kvs-watch.cancel", "{\"matchtag\":\"x\"}", FLUX_NODEID_ANY,
                  FLUX_RPC_NORESPONSE);
    flux_future_destroy (g);
    ok (stats_get (other, "kvs-watch", "watchers") == watchers + 1,
        "is not cancelled by what is unknown, malformed or another's");
    live_commit (h, NULL, "put x.a 2", NULL);
    next_is (f, "2", "it goes on");
    cancel_ends (f, "until it is");
    f = live_watch (h, "nowhere", W | WAIT, "a");
    cancel_ends (f, "a wait for a namespace can be cancelled");
    f = live_watch (h, NULL, APPEND | WAIT, "x.never");
    cancel_ends (f, "and that for a log");
    flux_close (other);
}

static void matchtags (void)
{
    flux_future_t *f = lookup_rpc (h, "primary", "x.a", 0);
    flux_t *other = live_open ();
    const char *s;
    int tag = flux_rpc_get_matchtag (f);
    flux_msg_t *msg;

    ok (flux_rpc_get (f, &s) == 0, "a lookup without WATCH is answered");
    flux_future_destroy (f);
    is_int (stats_get (h, "kvs-watch", "watchers"), watchers, "and done with");
    f = lookup_rpc (h, "primary", "x.a", 0);
    ok ((int)flux_rpc_get_matchtag (f) == tag && flux_rpc_get (f, &s) == 0,
        "so that its matchtag can be used again");
    flux_future_destroy (f);
    f = lookup_rpc (other, "primary", "x.a", W);
    ok (flux_rpc_get (f, &s) == 0, "a watch");
    flux_future_reset (f);
    msg = flux_request_encode ("kvs-watch.lookup",
                               "{\"key\":\"x.b\",\"namespace\":\"primary\",\"flags\":4}");
    if (!msg || flux_msg_set_matchtag (msg, flux_rpc_get_matchtag (f)) < 0
        || flux_msg_set_streaming (msg) < 0 || flux_send (other, msg, 0) < 0)
        bail_out ("send: %s", strerror (errno));
    flux_msg_destroy (msg);
    ok (flux_rpc_get (f, &s) < 0 && errno == EINVAL, "with a matchtag that is in use: EINVAL");
    flux_future_destroy (f);
    flux_close (other);
}

/* A FULL watch looks at each root, and loads what has changed. */
static void nothing_is_loaded_in_vain (void)
{
    enum { COMMITS = 20 };
    char big[20000], op[64];
    flux_future_t *f, *u;
    long long lookups, responses;

    memset (big, 'x', sizeof (big) - 1);
    big[sizeof (big) - 1] = '\0';
    memcpy (big, "put n.big ", 10);
    live_commit (h, NULL, big, NULL);
    live_commit (h, NULL, "append n.log 0123456789012345678901234567890123456789", NULL);
    f = live_watch (h, NULL, FULL, "n.big");
    u = live_watch (h, NULL, UNIQ, "n.big");
    next_is (f, big + 10, "a large value");
    next_is (u, big + 10, "that two watch");
    live_commit (h, NULL, "put n.small 0", NULL);
    responses = stats_get (h, "kvs-watch", "responses");
    lookups = stats_get (h, "kvs-watch", "lookups");
    for (int i = 0; i < COMMITS; i++) {
        snprintf (op, sizeof (op), "put n.small %d", i + 1);
        live_commit (h, NULL, op, NULL);
    }
    live_commit (h, NULL, big, NULL);
    ok (stats_get (h, "kvs-watch", "lookups") - lookups <= COMMITS + 1,
        "%d roots are %d lookups", COMMITS + 1, COMMITS + 1);
    is_int (stats_get (h, "kvs-watch", "responses") - responses, 0, "and no response");
    big[10] = 'y';
    live_commit (h, NULL, big, NULL);
    next_is (f, big + 10, "until it is another: this is what comes next");
    next_is (u, big + 10, "also for who wants changes of this key only");
    cancel_ends (f, "the end");
    cancel_ends (u, "and that");
}

static void numbers (void)
{
    flux_future_t *f, *g, *w;
    long long responses = stats_get (h, "kvs-watch", "responses");

    live_create (h, "num", getuid ());
    live_commit (h, NULL, "put num 1", NULL);
    live_commit (h, "num", "put k 1", NULL);
    f = live_watch (h, NULL, W, "num");
    g = live_watch (h, "num", W, "k");
    w = live_watch (h, "absent", W | WAIT, "k");
    next_is (f, "1", "three watch");
    next_is (g, "1", "in three namespaces");
    is_int (stats_get (h, "kvs-watch", "watchers") - watchers, 3, "three are counted");
    ok (stats_get (h, "kvs-watch", "namespace-count") >= 3, "and three namespaces");
    is_int (stats_get (h, "kvs-watch", "namespaces/num/rootseq"), 1, "and how far they are");
    is_int (stats_get (h, "kvs-watch", "responses") - responses, 2, "and what they were told");
    cancel_ends (f, "the end");
    cancel_ends (g, "of");
    cancel_ends (w, "all");
    is_int (stats_get (h, "kvs-watch", "namespace-count"), namespaces,
            "then nothing is left");
    live_remove (h, "num");
}

int main (void)
{
    h = live_open ();
    watchers = stats_get (h, "kvs-watch", "watchers");
    namespaces = stats_get (h, "kvs-watch", "namespace-count");
    kinds_of_reads ();
    logs_that_are_rewritten ();
    compact_commits ();
    full_waits ();
    other_namespaces ();
    cancels ();
    matchtags ();
    nothing_is_loaded_in_vain ();
    numbers ();
    flux_close (h);
    return done_testing ();
}
