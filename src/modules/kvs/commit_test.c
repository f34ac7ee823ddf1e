#include "config.h"
#include <errno.h>
#include <stdio.h>

#include "common/tap.h"
#include "testbed.h"

#define VAL(data) "{\"ver\":1,\"type\":\"val\",\"data\":\"" data "\"}"
#define PUT(key, data) "{\"key\":\"" key "\",\"flags\":0,\"dirent\":" VAL (data) "}"
#define APPEND(key, data) "{\"key\":\"" key "\",\"flags\":32,\"dirent\":" VAL (data) "}"
#define LINK(key, target)                                                          \
    "{\"key\":\"" key "\",\"flags\":0,\"dirent\":{\"ver\":1,\"type\":\"symlink\"," \
    "\"data\":{\"target\":\"" target "\"}}}"

static struct tb_store store;

static void setup_with (struct testbed *tb, bool merge)
{
    struct kvs_config cfg = { .hash = BLOBREF_SHA1, .merge = merge, .owner = 100 };
    struct blobref empty;

    tb_store_init (&store, BLOBREF_SHA1);
    tb_init (tb, &store, &cfg);
    tb_empty_root (tb, &empty);
    if (kvs_engine_ns_create (tb->e, "primary", 100, 0, &empty, 0, KVS_NS_SILENT) < 0)
        bail_out ("no namespace");
}

static void setup (struct testbed *tb)
{
    setup_with (tb, true);
}

static void teardown (struct testbed *tb)
{
    tb_fini (tb);
    tb_store_fini (&store);
}

/* Was the request answered with this errno? */
static bool answered (struct tb_req *req, int errnum)
{
    bool good = req->done && req->r.errnum == errnum;

    if (!good)
        diag ("done %d errnum %d", req->done, req->r.errnum);
    tb_req_free (req);
    return good;
}

static bool has (struct testbed *tb, const char *ns, const char *key)
{
    struct tb_req *req = tb_lookup (tb, ns, 0, 0, key);

    tb_pump (tb);
    return answered (req, 0);
}

static int64_t seq (struct testbed *tb, const char *ns)
{
    struct blobref root;
    int64_t seq = -1;

    kvs_engine_root (tb->e, ns, &root, &seq);
    return seq;
}

static int count_events (struct testbed *tb, const char *what)
{
    struct tb_event *ev;
    int n = 0;

    while ((ev = tb_event_take (tb))) {
        n += strstr (ev->topic, what) != NULL;
        tb_event_free (ev);
    }
    return n;
}

static struct tb_req *commit (struct testbed *tb, int flags, const char *ops)
{
    return tb_commit (tb, "primary", flags, 0, ops);
}

/* Get the first transaction as far as its stores, so that others queue up. */
static struct tb_req *busy (struct testbed *tb)
{
    struct tb_req *req = commit (tb, 0, "[" PUT ("first", "MQ==") "]");

    while (tb->stores == 0) {
        struct kvs_action *a;

        kvs_engine_run (tb->e);
        if (!(a = kvs_engine_next (tb->e)))
            bail_out ("nothing to do");
        if (a->type == KVS_ACTION_STORE) {
            return req;
        }
        tb_do (tb, a);
    }
    return req;
}

/* busy () took one store action away: answer it. */
static void unbusy (struct testbed *tb)
{
    kvs_engine_stored (tb->e, 1, 0);
    tb_pump (tb);
}

static void waiting_ones_are_merged (void)
{
    struct testbed tb;
    struct tb_req *r0, *r1, *r2, *r3, *r4;
    struct tb_event *ev;

    setup (&tb);
    r0 = busy (&tb);
    r1 = commit (&tb, 0, "[" PUT ("a", "MQ==") "]");
    r2 = commit (&tb, 0, "[" PUT ("b", "MQ==") "," PUT ("a", "Mg==") "]");
    r3 = commit (&tb, KVS_NO_MERGE, "[" PUT ("c", "MQ==") "]");
    r4 = commit (&tb, 0, "[" PUT ("d", "MQ==") "]");
    ok (!r0->done, "the first transaction waits for its stores");
    unbusy (&tb);
    ok (seq (&tb, "primary") == 4, "four transactions after it made three roots");
    tb_event_free (tb_event_take (&tb));
    ev = tb_event_take (&tb);
    ok (strstr (ev->payload,
                "\"names\":[\"transaction_req.0.1\",\"transaction_req.0.2\"]")
            && strstr (ev->payload, "\"keys\":{\"a\":null,\"b\":null}"),
        "two were merged, each key named once");
    tb_event_free (ev);
    is (r1->r.payload, r2->r.payload, "their clients get the same answer");
    ok (answered (r0, 0) && answered (r1, 0) && answered (r2, 0) && answered (r3, 0)
            && answered (r4, 0),
        "all succeed");
    teardown (&tb);
}

static void lazy_ones_wait_for_company (void)
{
    struct testbed tb;
    struct tb_req *r0, *r1, *r2, *r3, *r4;
    int64_t first;

    setup (&tb);
    tb_req_free (commit (&tb, 0, "[" PUT ("z", "MQ==") "]"));
    tb_pump (&tb);
    first = seq (&tb, "primary");
    r0 = commit (&tb, KVS_LAZY, "[" PUT ("a", "MQ==") "]");
    r1 = commit (&tb, KVS_LAZY, "[" PUT ("a", "Mg==") "," PUT ("b", "MQ==") "]");
    tb_pump (&tb);
    ok (!r0->done && !r1->done && kvs_engine_lazy (tb.e) && !has (&tb, "primary", "a"),
        "transactions for which nobody waits are not published by themselves");
    r2 = commit (&tb, 0, "[" PUT ("c", "MQ==") "]");
    tb_pump (&tb);
    ok (r2->done && !kvs_engine_lazy (tb.e) && seq (&tb, "primary") == first + 1,
        "they are with the next one, in one root");
    is (r0->r.payload, r2->r.payload, "and get its answer");
    ok (answered (r0, 0) && answered (r1, 0) && answered (r2, 0), "all succeed");
    r3 = commit (&tb, KVS_LAZY, "[" PUT ("d", "MQ==") "]");
    tb_pump (&tb);
    kvs_engine_hurry (tb.e);
    tb_pump (&tb);
    ok (!kvs_engine_lazy (tb.e) && has (&tb, "primary", "d") && answered (r3, 0),
        "or when somebody is in a hurry");
    r3 = commit (&tb, KVS_LAZY, "[" PUT ("e", "MQ==") "]");
    r4 = commit (&tb, KVS_NO_MERGE, "[" PUT ("f", "MQ==") "]");
    tb_pump (&tb);
    ok (answered (r3, 0) && answered (r4, 0) && seq (&tb, "primary") == first + 4,
        "one that is not to be merged does not wait for them, nor go with them");
    r3 = commit (&tb, KVS_LAZY, "[" PUT ("g", "MQ==") "]");
    kvs_engine_abort (tb.e, ENOSYS);
    tb_pump (&tb);
    ok (answered (r3, ENOSYS) && !kvs_engine_lazy (tb.e), "they end with the others");
    teardown (&tb);
}

static void only_the_culprit_fails (void)
{
    struct testbed tb;
    struct tb_req *r0, *r1, *r2, *r3;

    setup (&tb);
    tb_req_free (commit (&tb, 0, "[" LINK ("l", "x") "]"));
    tb_pump (&tb);
    tb.stores = 0;
    r0 = busy (&tb);
    r1 = commit (&tb, 0, "[" PUT ("a", "MQ==") "]");
    r2 = commit (&tb, 0, "[" PUT ("b", "MQ==") "," APPEND ("l", "MQ==") "]");
    r3 = commit (&tb, 0, "[" PUT ("c", "MQ==") "]");
    kvs_engine_stored (tb.e, 2, 0);
    tb_pump (&tb);
    ok (answered (r0, 0) && answered (r1, 0) && answered (r3, 0),
        "those merged with a bad one succeed");
    ok (answered (r2, EOPNOTSUPP), "the bad one fails with its own error");
    ok (has (&tb, "primary", "a") && has (&tb, "primary", "c")
            && !has (&tb, "primary", "b"),
        "and nothing of it is applied");
    ok (count_events (&tb, "-error") == 1, "one error event");
    teardown (&tb);
}

static void merging_can_be_off (void)
{
    struct testbed tb;
    struct tb_req *r0, *r1, *r2;

    setup_with (&tb, false);
    r0 = busy (&tb);
    r1 = commit (&tb, 0, "[" PUT ("a", "MQ==") "]");
    r2 = commit (&tb, 0, "[]");
    unbusy (&tb);
    ok (seq (&tb, "primary") == 3, "each transaction makes a root of its own");
    ok (answered (r0, 0) && answered (r1, 0) && answered (r2, 0), "all succeed");
    teardown (&tb);
}

static void a_failed_store_changes_nothing (void)
{
    struct testbed tb;

    setup (&tb);
    store.fail_store = EFBIG;
    ok (tb_put (&tb, "primary", "a", "1") == EFBIG && seq (&tb, "primary") == 0,
        "the transaction fails with the error of content");
    store.fail_store = 0;
    ok (tb_put (&tb, "primary", "b", "1") == 0 && seq (&tb, "primary") == 1
            && !has (&tb, "primary", "a"),
        "the next one succeeds");
    teardown (&tb);
}

static void symlinks_are_bounded (void)
{
    struct testbed tb;
    struct text ops = TEXT_INIT;
    struct tb_req *req;

    setup (&tb);
    req = commit (&tb, 0,
                  "[" LINK ("a", "b") "," LINK ("b", "a") "," LINK ("d.n", "d") "]");
    tb_pump (&tb);
    ok (answered (req, 0), "links may form a cycle");
    req = commit (&tb, 0, "[" PUT ("a.x", "MQ==") "]");
    tb_pump (&tb);
    ok (answered (req, ELOOP), "a key through the cycle is ELOOP");
    text_puts (&ops, "[{\"key\":\"d");
    for (int i = 0; i < 60; i++)
        text_puts (&ops, ".n");
    text_puts (&ops, ".x\",\"flags\":0,\"dirent\":" VAL ("MQ==") "}]");
    req = commit (&tb, 0, ops.buf);
    tb_pump (&tb);
    ok (answered (req, 0) && has (&tb, "primary", "d.x"),
        "sixty links in a row are fine");
    text_fini (&ops);
    teardown (&tb);
}

static void appending_by_reference (void)
{
    struct testbed tb;
    struct blobref ref;
    char buf[BLOBREF_TEXT_SIZE], op[400];
    struct tb_req *req;

    setup (&tb);
    tb_store_put (&store, "world", 5, &ref);
    snprintf (op, sizeof (op),
              "[{\"key\":\"k\",\"flags\":48,\"dirent\":{\"ver\":1,\"type\":\"valref\","
              "\"data\":[\"%s\",\"%s\"]}}]",
              blobref_str (&ref, buf), buf);
    ok (tb_put (&tb, "primary", "k", "hello") == 0, "a small value");
    req = commit (&tb, 0, op);
    tb_pump (&tb);
    ok (answered (req, 0), "appended to by reference");
    req = tb_lookup (&tb, "primary", 0, 0, "k");
    tb_pump (&tb);
    is (req->r.payload,
        "{\"val\":{\"data\":\"aGVsbG93b3JsZHdvcmxk\",\"type\":\"val\",\"ver\":1}}",
        "holds all");
    tb_req_free (req);
    req = tb_commit (&tb, "primary", 0, 100, op);
    tb_pump (&tb);
    ok (answered (req, EPERM), "a guest may not");
    teardown (&tb);
}

static void guests (void)
{
    static const struct {
        const char *dirent;
        const char *why;
    } bad[] = {
        { "{\"ver\":1,\"type\":\"symlink\",\"data\":{\"target\":\"x\"}}",
          "guests may not commit symlink objects" },
        { "{\"ver\":1,\"type\":\"dir\",\"data\":{\"x\":" VAL ("") "}}",
          "guests may not commit non-empty dir objects" },
        { "5", "guests may not commit ??? objects" },
    };
    struct testbed tb;
    struct blobref empty;
    struct tb_req *req;
    char op[300];

    setup (&tb);
    tb_empty_root (&tb, &empty);
    kvs_engine_ns_create (tb.e, "guest", 42, 0, &empty, 0, KVS_NS_NOW);
    req = tb_commit (&tb, "guest", 0, 42,
                     "[" PUT ("a", "MQ==") "," APPEND ("a", "MQ==") "]");
    tb_pump (&tb);
    ok (answered (req, 0), "a guest may write to its own namespace");
    req = tb_commit (&tb, "guest", 0, 43, "[" PUT ("a", "MQ==") "]");
    tb_pump (&tb);
    ok (answered (req, EPERM), "not to another's");
    req = tb_commit (&tb, "nosuch", 0, 42, "[]");
    tb_pump (&tb);
    ok (answered (req, EOPNOTSUPP), "an unknown one is ENOTSUP");
    for (size_t i = 0; i < ARRAY_SIZE (bad); i++) {
        snprintf (op, sizeof (op), "[{\"key\":\"a\",\"flags\":0,\"dirent\":%s}]",
                  bad[i].dirent);
        req = tb_commit (&tb, "guest", 0, 42, op);
        tb_pump (&tb);
        is (req->r.errtext, bad[i].why, "%s", bad[i].why);
        ok (answered (req, EPERM), "... is EPERM");
    }
    req = tb_commit (&tb, "guest", 0, 42, "[5]");
    tb_pump (&tb);
    is (req->r.errtext, "could not decode commit operation", "a malformed operation");
    ok (answered (req, EPROTO), "... is EPROTO");
    teardown (&tb);
}

static void syncing (void)
{
    struct testbed tb;
    struct blobref empty;
    struct tb_req *req;

    setup (&tb);
    tb_empty_root (&tb, &empty);
    kvs_engine_ns_create (tb.e, "other", 100, 0, &empty, 0, KVS_NS_NOW);
    req = commit (&tb, KVS_SYNC, "[]");
    tb_pump (&tb);
    ok (answered (req, 0) && tb.checkpoints == 1 && seq (&tb, "primary") == 1,
        "a sync commit is checkpointed");
    store.fail_checkpoint = ENOSPC;
    req = commit (&tb, KVS_SYNC, "[" PUT ("a", "MQ==") "]");
    tb_pump (&tb);
    ok (answered (req, ENOSPC) && seq (&tb, "primary") == 1,
        "or fails, and the root stays");
    store.fail_checkpoint = 0;
    req = tb_commit (&tb, "other", KVS_SYNC, 0, "[]");
    tb_pump (&tb);
    ok (answered (req, EINVAL), "only the primary namespace can be synced");
    count_events (&tb, "");
    tb.checkpoints = 0;
    kvs_engine_checkpoint (tb.e);
    tb_pump (&tb);
    ok (tb.checkpoints == 1 && seq (&tb, "primary") == 1 && count_events (&tb, "") == 0,
        "a periodic checkpoint makes no root and no event");
    kvs_engine_checkpoint (tb.e);
    tb_pump (&tb);
    ok (tb.checkpoints == 1, "nothing changed: none is made");
    tb_put (&tb, "primary", "a", "1");
    store.fail_checkpoint = EIO;
    kvs_engine_checkpoint (tb.e);
    tb_pump (&tb);
    ok (tb.checkpoints == 2 && count_events (&tb, "-error") == 1,
        "a failed one is an error event");
    teardown (&tb);
}

/* Evict all, so that the next transaction has to load every directory. */
static void go_cold (struct testbed *tb)
{
    static double now = 0;

    kvs_engine_set_time (tb->e, now += 1000);
    kvs_engine_tick (tb->e);
}

static void missing_blobs (void)
{
    struct testbed tb;
    struct tb_req *req;
    size_t loads;

    setup (&tb);
    tb_put (&tb, "primary", "d.e.f.a", "1");
    tb_put (&tb, "primary", "x.y.a", "2");
    go_cold (&tb);
    loads = tb.loads;
    req = commit (&tb, 0,
                  "[" PUT ("d.e.f.b", "MQ==") "," APPEND ("d.e.f.a", "Mg==") "," PUT (
                      "x.y.b", "MQ==") "]");
    tb_pump (&tb);
    ok (answered (req, 0), "a transaction through directories that are not here");
    is_int (tb.loads - loads, 5, "loads each of them once (the root stays warm)");
    ok (has (&tb, "primary", "d.e.f.b") && has (&tb, "primary", "x.y.b"),
        "and is complete");
    teardown (&tb);
}

static void clients_that_leave (void)
{
    struct testbed tb;
    struct tb_req *r0;
    struct kvs_stats stats;

    setup (&tb);
    r0 = busy (&tb);
    tb_req_free (commit (&tb, 0, "[" PUT ("a", "MQ==") "]"));
    tb_req_free (r0);
    unbusy (&tb);
    ok (has (&tb, "primary", "first") && has (&tb, "primary", "a"),
        "transactions of clients that left are applied");
    kvs_engine_stats (tb.e, &stats);
    is_int (stats.pending, 0, "nothing is pending");
    teardown (&tb);
}

static void long_transactions_yield (void)
{
    struct testbed tb;
    struct text ops = TEXT_INIT;
    struct tb_req *r0, *r1;
    struct blobref empty;
    int runs = 1;

    setup (&tb);
    tb_empty_root (&tb, &empty);
    kvs_engine_ns_create (tb.e, "other", 100, 0, &empty, 0, KVS_NS_NOW);
    tb_put (&tb, "primary", "x", "");
    tb_put (&tb, "other", "x", "");
    for (int i = 0; i < 20000; i++) {
        char key[20];
        char *op;

        snprintf (key, sizeof (key), "d.k%d", i);
        op = tb_op (key, 0, "v");
        text_puts (&ops, i == 0 ? "[" : ",");
        text_puts (&ops, op);
        free (op);
    }
    text_puts (&ops, "]");
    r0 = commit (&tb, 0, ops.buf);
    r1 = tb_commit (&tb, "other", 0, 0, "[" PUT ("a", "MQ==") "]");
    while (kvs_engine_run (tb.e)) {
        struct kvs_action *a;

        while ((a = kvs_engine_next (tb.e)))
            tb_do (&tb, a);
        runs++;
    }
    tb_pump (&tb);
    ok (runs > 10, "a transaction of 20000 operations takes several runs");
    ok (answered (r1, 0) && answered (r0, 0), "both are applied");
    ok (has (&tb, "primary", "d.k19999"), "to the end");
    text_fini (&ops);
    teardown (&tb);
}

/* Each append must not cost more than the one before it. */
static void long_logs (void)
{
    struct testbed tb;
    struct tb_req *req;
    char expect[100];

    setup (&tb);
    for (int i = 0; i < 3000; i++) {
        if (tb_append (&tb, "primary", "log", "x") != 0)
            bail_out ("append failed");
    }
    req = tb_lookup (&tb, "primary", 0, 0, "log");
    tb_pump (&tb);
    ok (req->r.len
            == strlen ("{\"val\":{\"data\":\"\",\"type\":\"val\",\"ver\":1}}") + 4000,
        "3000 appends are 3000 bytes");
    tb_req_free (req);
    go_cold (&tb);
    req = tb_lookup (&tb, "primary", KVS_TREEOBJ, 0, "log");
    tb_pump (&tb);
    snprintf (expect, sizeof (expect), "{\"val\":{\"data\":[\"sha1-11f6ad8e");
    ok (strncmp (req->r.payload, expect, strlen (expect)) == 0, "kept as references");
    tb_req_free (req);
    teardown (&tb);
}

/* Events since the last time: their last words, and what one of them has. */
static const char *told (struct testbed *tb, const char *member)
{
    static char line[256];
    struct tb_event *ev;

    line[0] = '\0';
    while ((ev = tb_event_take (tb))) {
        const char *p = strstr (ev->payload, member);

        snprintf (line + strlen (line), sizeof (line) - strlen (line), "%s%s%s",
                  line[0] ? " " : "", strrchr (ev->topic, '-') + 1, p ? "+" : "");
        tb_event_free (ev);
    }
    return line;
}

static void half (struct testbed *tb, const char *ops)
{
    struct tb_req *req = tb_req_new (true, 0);

    req->r.prelude = true;
    kvs_engine_commit (tb->e, &req->r, "job", 0, tb_ops (ops));
    tb_pump (tb);
    ok (answered (req, 0), "half a request is done");
}

static void requests_in_two_halves (void)
{
    struct testbed tb;
    struct blobref empty;

    setup (&tb);
    tb_empty_root (&tb, &empty);
    kvs_engine_ns_create (tb.e, "job", 100, 0, &empty, 0, KVS_NS_WITH_CONTENT);
    tb_pump (&tb);
    is (told (&tb, ""), "", "a namespace without content is not announced");
    half (&tb, "[" PUT ("a", "MQ==") "]");
    is (told (&tb, "\"rootseq\":1,"), "created+", "its first root is announced with it");
    tb_put (&tb, "job", "b", "2");
    is (told (&tb, "\"rootseq\":2,"), "setroot+", "later ones as always");
    half (&tb, "[" PUT ("c", "MQ==") "]");
    is (told (&tb, ""), "", "last words are kept back");
    kvs_engine_ns_remove (tb.e, "job");
    tb_pump (&tb);
    is (told (&tb, "\"rootseq\":3,"), "removed+", "the removal tells of them");

    kvs_engine_tick (tb.e);
    kvs_engine_ns_create (tb.e, "job", 100, 0, &empty, 0, KVS_NS_WITH_CONTENT);
    kvs_engine_ns_announce (tb.e, "job");
    half (&tb, "[" PUT ("c", "MQ==") "]");
    tb_put (&tb, "job", "d", "2");
    is (told (&tb, "\"keys\":{"), "created setroot+ setroot+",
        "last words that were not the last are told before what comes next");
    kvs_engine_ns_remove (tb.e, "job");
    tb_pump (&tb);
    is (told (&tb, "rootseq"), "removed", "and not again");
    teardown (&tb);
}

int main (void)
{
    waiting_ones_are_merged ();
    lazy_ones_wait_for_company ();
    only_the_culprit_fails ();
    merging_can_be_off ();
    a_failed_store_changes_nothing ();
    symlinks_are_bounded ();
    appending_by_reference ();
    guests ();
    syncing ();
    missing_blobs ();
    clients_that_leave ();
    long_transactions_yield ();
    long_logs ();
    requests_in_two_halves ();
    return done_testing ();
}
