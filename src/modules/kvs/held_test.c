#include "config.h"
#include <errno.h>
#include <stdio.h>

#include "common/tap.h"
#include "testbed.h"

static struct tb_store store;

static void setup (struct testbed *tb, size_t hold_min)
{
    struct kvs_config cfg = { .hash = BLOBREF_SHA256,
                              .merge = true,
                              .hold_min = hold_min };
    struct blobref empty;

    tb_store_init (&store, BLOBREF_SHA256);
    tb_init (tb, &store, &cfg);
    tb->provider = tb->e;
    tb_empty_root (tb, &empty);
    if (kvs_engine_ns_create (tb->e, "primary", 0, 0, &empty, 0, false) < 0)
        bail_out ("no namespace");
}

static void teardown (struct testbed *tb)
{
    tb_fini (tb);
    tb_store_fini (&store);
}

static size_t held (struct testbed *tb)
{
    struct kvs_stats stats;

    kvs_engine_stats (tb->e, &stats);
    return stats.held;
}

static void append (struct testbed *tb, const char *ns, const char *key, int from, int n)
{
    for (int i = from; i < from + n; i++) {
        char line[20];

        snprintf (line, sizeof (line), "%d\n", i);
        if (tb_append (tb, ns, key, line) != 0)
            bail_out ("append failed");
    }
}

static struct blobref root_of (struct testbed *tb, const char *ns)
{
    struct blobref root = { 0 };
    int64_t seq;

    kvs_engine_root (tb->e, ns, &root, &seq);
    return root;
}

/* What the same appends make in an engine that holds nothing. */
static bool same_as_stored (struct testbed *tb, int n)
{
    struct tb_store plain_store = store;
    struct blobref want, got = root_of (tb, "primary");
    struct testbed plain;

    setup (&plain, 0);
    append (&plain, "primary", "d.log", 0, n);
    want = root_of (&plain, "primary");
    teardown (&plain);
    store = plain_store;
    return blobref_equal (&want, &got);
}

static void logs_are_held (void)
{
    struct blobref middle;
    struct testbed tb;
    struct tb_req *req;
    size_t stores;

    setup (&tb, 4000);
    append (&tb, "primary", "d.log", 0, 500);
    stores = tb.stores;
    middle = root_of (&tb, "primary");
    append (&tb, "primary", "d.log", 500, 500);
    ok (held (&tb) > 700, "versions of a directory with a long log are held");
    is_int (tb.stores - stores, 1000,
            "an append stores its data and the parent, no more");
    ok (same_as_stored (&tb, 1000), "their names are those of their texts");
    kvs_engine_set_time (tb.e, 1000);
    kvs_engine_tick (tb.e);
    req = tb_req_new (true, 0);
    kvs_engine_lookup (tb.e, &req->r,
                       &(struct kvs_lookup_args){ .key = "d.log",
                                                  .keylen = 5,
                                                  .flags = KVS_TREEOBJ,
                                                  .rootdir = &middle });
    tb_pump (&tb);
    ok (req->r.errnum == 0 && req->r.len > 500 * 74 && req->r.len < 501 * 74,
        "an old root can be looked up");
    tb_req_free (req);
    teardown (&tb);
}

static void saving (void)
{
    struct list *pos = NULL;
    struct text t = TEXT_INIT;
    struct blobref ref, named;
    struct testbed tb;
    size_t before;

    setup (&tb, 4000);
    append (&tb, "primary", "d.log", 0, 300);
    before = held (&tb);
    ok (kvs_engine_held_next (tb.e, "primary", &pos, &ref, &t)
            && !kvs_engine_held_next (tb.e, "primary", &pos, &named, &t),
        "before a checkpoint the newest version is to be stored");
    blobhash_sum (store.hash, t.buf, t.len, &named);
    ok (blobref_equal (&ref, &named), "in full");
    kvs_engine_held_stored (tb.e, &ref);
    pos = NULL;
    ok (!kvs_engine_held_next (tb.e, "primary", &pos, &named, &t)
            && held (&tb) == before - 1,
        "then it is no longer held");
    ok (kvs_engine_held_load (tb.e, &ref, &t) == -ENOENT, "nor loaded from here");
    tb_store_put (&store, t.buf, t.len, &ref);
    append (&tb, "primary", "d.log", 300, 1);
    ok (kvs_engine_held_next (tb.e, "primary", &pos, &ref, &t), "the next version is");
    text_fini (&t);
    teardown (&tb);
}

static void other_changes (void)
{
    struct testbed tb;
    size_t before;

    setup (&tb, 4000);
    append (&tb, "primary", "d.log", 0, 300);
    before = held (&tb);
    tb_put (&tb, "primary", "d.a", "before the log");
    ok (held (&tb) == before, "a change before the log: the version is stored");
    append (&tb, "primary", "d.log", 300, 10);
    ok (held (&tb) >= before + 8, "then appends are held again");
    before = held (&tb);
    tb_put (&tb, "primary", "d.z", "behind the log");
    ok (held (&tb) == before + 1, "a change behind the log is held");
    tb_put (&tb, "primary", "d.log", "short");
    append (&tb, "primary", "d.log", 0, 10);
    ok (held (&tb) == before + 1, "a short log is not");
    teardown (&tb);
}

static void namespaces_take_theirs_along (void)
{
    struct blobref empty;
    struct testbed tb;

    setup (&tb, 4000);
    tb_empty_root (&tb, &empty);
    kvs_engine_ns_create (tb.e, "job", 0, 0, &empty, 0, true);
    append (&tb, "job", "output", 0, 300);
    ok (held (&tb) > 100, "a namespace holds its versions");
    kvs_engine_ns_remove (tb.e, "job");
    kvs_engine_tick (tb.e);
    is_int (held (&tb), 0, "as long as it is there");
    teardown (&tb);
}

/* As jobs do: the namespace's root becomes a directory of the primary one. */
static void copies_are_stored (void)
{
    struct blobref empty, root;
    struct testbed tb;
    struct tb_req *req;
    char buf[BLOBREF_TEXT_SIZE], op[300];

    setup (&tb, 4000);
    tb_empty_root (&tb, &empty);
    kvs_engine_ns_create (tb.e, "job", 0, 0, &empty, 0, true);
    append (&tb, "job", "output", 0, 300);
    root = root_of (&tb, "job");
    ok (!tb_store_get (&store, &root), "the root of a namespace is held");
    snprintf (op, sizeof (op),
              "[{\"key\":\"guest\",\"flags\":0,\"dirent\":"
              "{\"ver\":1,\"type\":\"dirref\",\"data\":[\"%s\"]}}]",
              blobref_str (&root, buf));
    req = tb_commit (&tb, "primary", 0, 0, op);
    tb_pump (&tb);
    ok (req->r.errnum == 0 && tb_store_get (&store, &root),
        "a copy by reference stores it");
    tb_req_free (req);
    append (&tb, "job", "output", 300, 10);
    root = root_of (&tb, "job");
    kvs_engine_ns_create (tb.e, "twin", 0, 0, &root, 0, true);
    tb_pump (&tb);
    ok (tb_store_get (&store, &root) != NULL, "so does a namespace that starts from it");
    kvs_engine_ns_remove (tb.e, "job");
    kvs_engine_tick (tb.e);
    tb.provider = NULL;
    req = tb_lookup (&tb, "primary", 0, 0, "guest.output");
    tb_pump (&tb);
    ok (req->r.errnum == 0, "the copy does not need the namespace");
    tb_req_free (req);
    teardown (&tb);
}

int main (void)
{
    logs_are_held ();
    saving ();
    other_changes ();
    namespaces_take_theirs_along ();
    copies_are_stored ();
    return done_testing ();
}
