#include "config.h"
#include <errno.h>
#include <stdio.h>

#include "common/tap.h"
#include "testbed.h"

static struct tb_store store;

static void setup (struct testbed *tb, const struct kvs_hold *hold)
{
    struct kvs_config cfg = { .hash = BLOBREF_SHA256, .merge = true, .hold = *hold };
    struct blobref empty;

    tb_store_init (&store, BLOBREF_SHA256);
    tb_init (tb, &store, &cfg);
    tb->provider = tb->e;
    tb_empty_root (tb, &empty);
    if (kvs_engine_ns_create (tb->e, "primary", 0, 0, &empty, 0, KVS_NS_SILENT) < 0)
        bail_out ("no namespace");
}

static void teardown (struct testbed *tb)
{
    tb_fini (tb);
    tb_store_fini (&store);
}

static struct kvs_stats stats_of (struct testbed *tb)
{
    struct kvs_stats stats;

    kvs_engine_stats (tb->e, &stats);
    return stats;
}

static size_t held (struct testbed *tb)
{
    return stats_of (tb).held;
}

static size_t stored (void)
{
    return table_count (&store.blobs);
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

static int
lookup_at (struct testbed *tb, const struct blobref *root, const char *key, int flags)
{
    struct tb_req *req = tb_req_new (true, 0);
    int errnum;

    kvs_engine_lookup (tb->e, &req->r,
                       &(struct kvs_lookup_args){ .key = key,
                                                  .keylen = strlen (key),
                                                  .flags = flags,
                                                  .rootdir = root });
    tb_pump (tb);
    errnum = req->done ? req->r.errnum : EINPROGRESS;
    tb_req_free (req);
    return errnum;
}

static int save (struct testbed *tb)
{
    if (kvs_engine_save (tb->e) < 0)
        bail_out ("no memory");
    tb_pump (tb);
    return tb->saved.errnum;
}

/* Can it be read from what is stored alone? */
static bool complete (const struct blobref *ref)
{
    const struct tb_blob *b = tb_store_get (&store, ref);
    struct treeobj_iter it = { 0 };
    struct treeobj *dir = NULL, *o;
    const char *name;
    struct blobref kid;
    bool good = true;
    size_t len;

    if (!b || treeobj_parse (b->data, b->len, &dir) < 0)
        return false;
    while (good && treeobj_dir_next (dir, &it, &name, &len, &o)) {
        size_t pos = 0;

        if (treeobj_type (o) == TREEOBJ_DIRREF)
            good = treeobj_ref_at (o, 0, &kid) == 0 && complete (&kid);
        while (good && treeobj_type (o) == TREEOBJ_VALREF
               && treeobj_ref_next (o, &pos, &kid))
            good = tb_store_get (&store, &kid) != NULL;
    }
    treeobj_put (dir);
    return good;
}

/* As if the kvs had been idle for long. */
static void forget_cache (struct testbed *tb)
{
    static double now = 1000;

    kvs_engine_set_time (tb->e, now += 1000);
    kvs_engine_tick (tb->e);
}

static char *number_of_roots (struct testbed *tb, const char *ns, int *n)
{
    struct tb_req *req = tb_req_new (true, 0);
    char *s;

    kvs_engine_root_log (tb->e, &req->r, ns, 0, INT64_MAX);
    tb_pump (tb);
    *n = -1; /* the outer array */
    for (s = strstr (req->r.payload, "["); s; s = strstr (s + 1, "["))
        ++*n;
    s = strdup (req->r.payload);
    tb_req_free (req);
    return s;
}

/* ---- what is held, and what is stored of it ---- */

static void nothing_is_stored_before_it_must_be (void)
{
    struct blobref root, past;
    struct testbed tb;

    setup (&tb, &tb_hold);
    tb_put (&tb, "primary", "a.b.c", "1");
    past = root_of (&tb, "primary");
    append (&tb, "primary", "a.log", 0, 50);
    root = root_of (&tb, "primary");
    ok (stored () == 1 && tb.stores == 0, "a commit stores nothing");
    ok (held (&tb) > 150, "what it made is held");
    forget_cache (&tb);
    ok (lookup_at (&tb, &root, "a.log", 0) == 0
            && lookup_at (&tb, &past, "a.b.c", 0) == 0,
        "and can be read, also at a past root");
    is_int (save (&tb), 0, "when a root is saved");
    ok (complete (&root), "all that it needs is stored");
    ok (blobref_equal (&root, &tb.saved.root) && tb.saved.seq == 51, "it says which");
    ok (stored () == 1 + 50 + 3, "and nothing else is");
    ok (held (&tb) > 90 && lookup_at (&tb, &past, "a.b.c", 0) == 0,
        "what past roots need is held still");
    is_int (save (&tb), 0, "to save again");
    ok (stored () == 1 + 50 + 3, "costs nothing");
    tb_put (&tb, "primary", "a.b.d", "1");
    save (&tb);
    ok (stored () == 1 + 50 + 3 + 3, "after a change, what changed");
    teardown (&tb);
}

static void same_names_as_stored (void)
{
    static const struct kvs_hold off = { .on = false };
    struct blobref roots[2];
    struct testbed tb;

    for (int i = 0; i < 2; i++) {
        setup (&tb, i ? &tb_hold : &off);
        append (&tb, "primary", "d.log", 0, 1000);
        tb_put (&tb, "primary", "d.a", "before the log");
        append (&tb, "primary", "d.log", 1000, 10);
        tb_put (&tb, "primary", "d.z", "behind the log");
        append (&tb, "primary", "d.log", 1010, 10);
        roots[i] = root_of (&tb, "primary");
        if (i == 0)
            ok (complete (&roots[0]), "if nothing may be held all is stored");
        else
            save (&tb);
        ok (complete (&roots[i]), "the root is whole");
        teardown (&tb);
    }
    ok (blobref_equal (&roots[0], &roots[1]), "names do not depend on what is held");
}

static void large_values_are_stored (void)
{
    struct testbed tb;
    char value[20001];

    setup (&tb, &tb_hold);
    memset (value, 'x', sizeof (value) - 1);
    value[sizeof (value) - 1] = '\0';
    tb_put (&tb, "primary", "large", value);
    is_int (tb.stores, 1, "a large value is stored before it is published");
    store.fail_store = ENOSPC;
    value[0] = 'y';
    is_int (tb_put (&tb, "primary", "large", value), ENOSPC,
            "if that fails the commit fails");
    store.fail_store = 0;
    save (&tb);
    ok (complete (&tb.saved.root), "what refers to it is saved like anything else");
    teardown (&tb);
}

static void sync_commits (void)
{
    struct blobref before, root;
    struct testbed tb;
    struct tb_req *req;
    char *op = tb_op ("a.b.c", 0, "1");
    char ops[200];

    snprintf (ops, sizeof (ops), "[%s]", op);
    free (op);
    setup (&tb, &tb_hold);
    append (&tb, "primary", "a.log", 0, 20);
    before = root_of (&tb, "primary");
    store.fail_checkpoint = ENOSPC;
    req = tb_commit (&tb, "primary", KVS_SYNC, 0, ops);
    tb_pump (&tb);
    ok (req->done && req->r.errnum == ENOSPC, "a sync commit fails with its checkpoint");
    tb_req_free (req);
    store.fail_checkpoint = 0;
    store.fail_store = EIO;
    req = tb_commit (&tb, "primary", KVS_SYNC, 0, ops);
    tb_pump (&tb);
    ok (req->done && req->r.errnum == EIO, "or with what had to be stored for it");
    tb_req_free (req);
    store.fail_store = 0;
    forget_cache (&tb);
    root = root_of (&tb, "primary");
    ok (lookup_at (&tb, &before, "a.log", 0) == 0 && blobref_equal (&before, &root),
        "then the root of before is as it was");
    req = tb_commit (&tb, "primary", KVS_SYNC, 0, ops);
    tb_pump (&tb);
    root = root_of (&tb, "primary");
    ok (req->r.errnum == 0 && complete (&root),
        "one that succeeds has stored all of its root");
    tb_req_free (req);
    teardown (&tb);
}

/* ---- other namespaces ---- */

static int copy (struct testbed *tb, const char *key, const struct blobref *root)
{
    char buf[BLOBREF_TEXT_SIZE], op[300];
    struct tb_req *req;
    int errnum;

    snprintf (op, sizeof (op),
              "[{\"key\":\"%s\",\"flags\":0,\"dirent\":"
              "{\"ver\":1,\"type\":\"dirref\",\"data\":[\"%s\"]}}]",
              key, blobref_str (root, buf));
    req = tb_commit (tb, "primary", 0, 0, op);
    tb_pump (tb);
    errnum = req->r.errnum;
    tb_req_free (req);
    return errnum;
}

/* As jobs do: the namespace's root becomes a directory of the primary one. */
static void copies (void)
{
    struct blobref empty, root, twin;
    struct testbed tb;

    setup (&tb, &tb_hold);
    tb_empty_root (&tb, &empty);
    kvs_engine_ns_create (tb.e, "job", 0, 0, &empty, 0, KVS_NS_NOW);
    append (&tb, "job", "out.put", 0, 100);
    root = root_of (&tb, "job");
    copy (&tb, "guest", &root);
    kvs_engine_ns_create (tb.e, "twin", 0, 0, &root, 0, KVS_NS_NOW);
    kvs_engine_ns_remove (tb.e, "job");
    forget_cache (&tb);
    ok (stored () == 1 && lookup_at (&tb, &root, "out.put", 0) == 0,
        "a copy by reference stores nothing, and needs the namespace no longer");
    ok (held (&tb) < 120, "what else the namespace held is gone");
    save (&tb);
    ok (complete (&tb.saved.root), "it is saved with where it is now");
    append (&tb, "twin", "out.put", 100, 1);
    twin = root_of (&tb, "twin");
    forget_cache (&tb);
    ok (lookup_at (&tb, &twin, "out.put", 0) == 0,
        "a namespace that starts from what another held has its part in it");
    kvs_engine_ns_remove (tb.e, "twin");
    forget_cache (&tb);
    ok (lookup_at (&tb, &twin, "out.put", 0) == ENOENT,
        "but only as long as it is there");
    teardown (&tb);
}

static void known_names_are_kept (void)
{
    struct blobref empty, root, told;
    struct testbed tb;
    struct tb_req *req;

    setup (&tb, &tb_hold);
    tb_empty_root (&tb, &empty);
    kvs_engine_ns_create (tb.e, "job", 0, 0, &empty, 0, KVS_NS_NOW);
    tb_put (&tb, "job", "a.b", "1");
    told = root_of (&tb, "job");
    req = tb_req_new (true, 0);
    kvs_engine_getroot (tb.e, &req->r, "job");
    tb_pump (&tb);
    tb_req_free (req);
    tb_put (&tb, "job", "a.b", "2");
    root = root_of (&tb, "job");
    kvs_engine_ns_remove (tb.e, "job");
    forget_cache (&tb);
    ok (lookup_at (&tb, &told, "a.b", 0) == 0
            && lookup_at (&tb, &root, "a.b", 0) == ENOENT,
        "a root that somebody was told outlives its namespace");
    save (&tb);
    ok (complete (&told), "and is stored, though no root needs it");
    tb_put (&tb, "primary", "c.d", "1");
    root = root_of (&tb, "primary");
    ok (lookup_at (&tb, &root, ".", KVS_TREEOBJ) == 0, "so is one that a lookup told");
    tb_put (&tb, "primary", "c.d", "2");
    save (&tb);
    ok (complete (&root) && complete (&tb.saved.root), "with the newest");
    teardown (&tb);
}

/* A rank that follows tells rank 0 what it told. */
static void followers_tell_what_they_told (void)
{
    struct kvs_config cfg = { .rank = 1, .hash = BLOBREF_SHA256 };
    struct kvs_action *a;
    struct testbed tb;
    struct kvs_engine *follower;
    struct blobref root;

    setup (&tb, &tb_hold);
    tb_put (&tb, "primary", "a.b", "1");
    root = root_of (&tb, "primary");
    if (kvs_engine_new (&cfg, &follower) < 0)
        bail_out ("no engine");
    for (int i = 0; i < 2; i++) {
        struct tb_req *req = tb_req_new (true, 0);

        kvs_engine_getroot (follower, &req->r, "primary");
        a = kvs_engine_next (follower);
        if (i == 0) {
            ok (a && a->type == KVS_ACTION_FETCH, "a follower asks for the root");
            kvs_engine_fetched (follower, "primary", 0, 0, 0, &root, 1);
            a = kvs_engine_next (follower);
            ok (a && a->type == KVS_ACTION_KEEP, "it tells that it passes it on");
            kvs_engine_held_keep (tb.e, &container_of (a, struct kvs_keep, action)->ref);
            free (container_of (a, struct kvs_keep, action));
            a = kvs_engine_next (follower);
        }
        ok (a && a->type == KVS_ACTION_RESPOND, i == 0 ? "and does" : "once");
        tb_req_free (req);
    }
    kvs_engine_free (follower);
    tb_put (&tb, "primary", "a.b", "2");
    save (&tb);
    kvs_engine_root_forget (tb.e);
    forget_cache (&tb);
    ok (complete (&root), "so that rank 0 keeps it");
    teardown (&tb);
}

static void all_of_it (void)
{
    struct blobref empty;
    struct testbed tb;
    struct tb_req *req[2] = { tb_req_new (true, 0), tb_req_new (true, 0) };

    setup (&tb, &tb_hold);
    tb_empty_root (&tb, &empty);
    kvs_engine_ns_create (tb.e, "job", 0, 0, &empty, 0, KVS_NS_NOW);
    tb_put (&tb, "job", "a.b", "1");
    tb_put (&tb, "primary", "c.d", "1");
    tb_put (&tb, "primary", "c.d", "2");
    kvs_engine_store_held (tb.e, &req[0]->r);
    kvs_engine_store_held (tb.e, &req[1]->r);
    ok (!req[0]->done && !req[1]->done, "who wants all stored waits");
    tb_pump (&tb);
    empty = root_of (&tb, "job");
    ok (req[0]->done && req[0]->r.errnum == 0 && req[1]->done && complete (&empty),
        "until it is, in all namespaces");
    empty = root_of (&tb, "primary");
    ok (complete (&empty), "as their roots are now");
    ok (held (&tb) > 0, "not what they were");
    kvs_engine_root_forget (tb.e);
    is_int (held (&tb), 0, "which can be forgotten");
    tb_req_free (req[0]);
    tb_put (&tb, "job", "a.b", "2");
    req[0] = tb_req_new (true, 0);
    store.fail_store = EIO;
    kvs_engine_store_held (tb.e, &req[0]->r);
    tb_pump (&tb);
    ok (req[0]->done && req[0]->r.errnum == EIO, "what goes wrong is told");
    tb_req_free (req[0]);
    tb_req_free (req[1]);
    teardown (&tb);
}

/* ---- bounds ---- */

static void space (void)
{
    struct kvs_hold small = { .on = true,
                              .blob_max = 1000,
                              .open_max = 20000,
                              .full = 40000,
                              .log_max = 20000 };
    struct blobref first;
    struct testbed tb;
    struct kvs_stats stats;
    char *log;
    int n;

    setup (&tb, &small);
    tb_put (&tb, "primary", "x", "0");
    first = root_of (&tb, "primary");
    append (&tb, "primary", "a.log", 0, 300);
    stats = stats_of (&tb);
    ok (stored () > 100, "when too much is held it is stored");
    ok (stats.open_bytes <= small.open_max * 2 && stats.log_bytes <= small.log_max,
        "and what only past roots need goes");
    forget_cache (&tb);
    log = number_of_roots (&tb, "primary", &n);
    ok (n > 1 && n < 300 && lookup_at (&tb, &first, "x", 0) == ENOENT,
        "with them: the log has fewer than there were");
    for (char *p = strchr (log, '"'); p; p = strchr (p, '"')) {
        struct blobref ref;

        if (strncmp (p, "\"sha256", 7) == 0
            && (blobref_parse (p + 1, 71, &ref) < 0
                || lookup_at (&tb, &ref, "a.log", 0) != 0)) {
            n = 0;
            break;
        }
        p++;
    }
    free (log);
    ok (n > 0, "but each of those can be read");
    teardown (&tb);
}

/* Versions of a directory have most of it in common. */
static void counted_as_what_it_takes (void)
{
    struct testbed tb;
    struct kvs_stats stats;

    setup (&tb, &tb_hold);
    for (int i = 0; i < 2000; i++) {
        char key[20];

        snprintf (key, sizeof (key), "dir.key%d", i);
        tb_put (&tb, "primary", key, "something of some length");
    }
    stats = stats_of (&tb);
    ok (stats.held >= 4000, "two thousand versions of a growing directory are held");
    ok (stats.cache_bytes <= stats.open_bytes + stats.log_bytes,
        "the bytes in the cache are those that are counted against the bounds");
    ok (stats.cache_bytes < 8 * 1024 * 1024, "and not those of their texts: %zu",
        stats.cache_bytes);
    teardown (&tb);
}

static void no_space (void)
{
    struct kvs_hold small = { .on = true,
                              .blob_max = 1000,
                              .open_max = 20000,
                              .full = 40000,
                              .log_max = 20000 };
    struct testbed tb;
    int n = 0, errnum;

    setup (&tb, &small);
    store.fail_store = ENOSPC;
    while ((errnum = tb_append (&tb, "primary", "a.log", "line")) == 0 && n < 1000)
        n++;
    ok (errnum == ENOSPC && n > 10 && n < 100,
        "if it cannot be stored, commits go on as long as there is room");
    ok (stats_of (&tb).open_bytes < small.full * 2, "and no longer");
    store.fail_store = 0;
    is_int (tb_append (&tb, "primary", "a.log", "line"), ENOSPC,
            "it is not tried again at once");
    forget_cache (&tb); /* time passes */
    is_int (tb_append (&tb, "primary", "a.log", "line"), 0, "but soon");
    save (&tb);
    ok (complete (&tb.saved.root), "nothing was lost");
    teardown (&tb);
}

static void too_large_for_content (void)
{
    struct kvs_hold limited = tb_hold;
    struct testbed tb;
    char value[301];
    int errnum = 0;

    limited.blob_limit = 200;
    setup (&tb, &limited);
    memset (value, 'x', 300);
    value[300] = '\0';
    is_int (tb_put (&tb, "primary", "a", value), EFBIG,
            "what content will not take is not published");
    for (int i = 0; errnum == 0 && i < 10; i++) {
        char key[20];

        snprintf (key, sizeof (key), "d.%d", i);
        errnum = tb_put (&tb, "primary", key, "12345678901234567890");
    }
    is_int (errnum, EFBIG, "nor is a directory that grew too large");
    teardown (&tb);
}

/* Nothing of it is loaded or added in another way, at which the cache keeps to its bound. */
static void what_is_stored_may_go (void)
{
    enum { COUNT = 4000, SIZE = 10000 }; /* 40 MB */
    struct kvs_hold no_log = tb_hold;
    struct testbed tb;
    char value[SIZE + 1];
    size_t bytes;

    no_log.log_max = 0;
    setup (&tb, &no_log);
    memset (value, 'x', SIZE);
    value[SIZE] = '\0';
    for (int i = 0; i < COUNT; i++) {
        char key[20];
        char c = value[20];

        snprintf (key, sizeof (key), "d%d.v", i % 50);
        snprintf (value, 21, "%020d", i);
        value[20] = c;
        if (tb_put (&tb, "primary", key, value) != 0)
            bail_out ("put failed");
        if (i % 50 == 49)
            save (&tb);
    }
    bytes = stats_of (&tb).cache_bytes;
    ok (stored () > COUNT && bytes < 33 * 1024 * 1024 && bytes > 16 * 1024 * 1024,
        "of what is stored the cache keeps 32 MiB (%zu bytes)", bytes);
    teardown (&tb);
}

int main (void)
{
    nothing_is_stored_before_it_must_be ();
    same_names_as_stored ();
    large_values_are_stored ();
    sync_commits ();
    copies ();
    known_names_are_kept ();
    followers_tell_what_they_told ();
    all_of_it ();
    space ();
    counted_as_what_it_takes ();
    no_space ();
    too_large_for_content ();
    what_is_stored_may_go ();
    return done_testing ();
}
