#include "config.h"
#include <errno.h>
#include <stdio.h>

#include "common/tap.h"
#include "testbed.h"

static struct tb_store store;

static void setup (struct testbed *tb)
{
    struct kvs_config cfg = { .hash = BLOBREF_SHA1, .merge = true, .owner = 100 };
    struct blobref empty;

    tb_store_init (&store, BLOBREF_SHA1);
    tb_init (tb, &store, &cfg);
    tb_empty_root (tb, &empty);
    if (kvs_engine_ns_create (tb->e, "primary", 100, 0, &empty, 0, KVS_NS_SILENT) < 0
        || kvs_engine_ns_create (tb->e, "g42", 42, 7, &empty, 0, KVS_NS_NOW) < 0)
        bail_out ("no namespace");
}

static void teardown (struct testbed *tb)
{
    tb_fini (tb);
    tb_store_fini (&store);
}

static int
put_object (struct testbed *tb, const char *ns, const char *key, const char *dirent)
{
    struct text ops = TEXT_INIT;
    struct tb_req *req;
    int errnum;

    text_printf (&ops, "[{\"key\":\"%s\",\"flags\":0,\"dirent\":%s}]", key, dirent);
    req = tb_commit (tb, ns, 0, 0, ops.buf);
    tb_pump (tb);
    errnum = req->r.errnum;
    tb_req_free (req);
    text_fini (&ops);
    return errnum;
}

static int
look (struct testbed *tb, const char *ns, int flags, uint32_t userid, const char *key)
{
    struct tb_req *req = tb_lookup (tb, ns, flags, userid, key);
    int errnum;

    tb_pump (tb);
    errnum = req->done ? req->r.errnum : EINPROGRESS;
    tb_req_free (req);
    return errnum;
}

static struct tb_req *look_at_as (struct testbed *tb,
                                  bool owner,
                                  const struct blobref *root,
                                  int flags,
                                  bool plus,
                                  const char *key)
{
    struct tb_req *req = tb_req_new (owner, 1234);
    int64_t seq = 17;
    struct kvs_lookup_args args = {
        .key = key,
        .keylen = strlen (key),
        .flags = flags,
        .rootdir = root,
        .rootseq = &seq,
        .plus = plus,
    };

    kvs_engine_lookup (tb->e, &req->r, &args);
    tb_pump (tb);
    return req;
}

static struct tb_req *look_at (struct testbed *tb,
                               const struct blobref *root,
                               int flags,
                               bool plus,
                               const char *key)
{
    return look_at_as (tb, true, root, flags, plus, key);
}

static void snapshots (void)
{
    struct testbed tb;
    struct blobref old, bad;
    struct tb_req *req;
    int64_t seq;

    setup (&tb);
    tb_put (&tb, "primary", "a", "1");
    kvs_engine_root (tb.e, "primary", &old, &seq);
    tb_put (&tb, "primary", "a", "2");
    req = look_at (&tb, &old, 0, false, "a");
    is (req->r.payload, "{\"val\":{\"data\":\"MQ==\",\"type\":\"val\",\"ver\":1}}",
        "a root that was given is looked up");
    tb_req_free (req);
    req = look_at_as (&tb, false, &old, 0, false, "a");
    ok (req->r.errnum == EPERM, "by a guest, not one of others");
    tb_req_free (req);
    kvs_engine_ns_create (tb.e, "g1234", 1234, 0, &old, 5, KVS_NS_SILENT);
    tb_put (&tb, "g1234", "a", "3");
    req = look_at_as (&tb, false, &old, 0, false, "a");
    ok (req->r.errnum == 0, "but one that was of its own");
    tb_req_free (req);
    kvs_engine_ns_remove (tb.e, "g1234");
    req = look_at_as (&tb, false, &old, 0, false, "a");
    ok (req->r.errnum == EPERM, "as long as its namespace is there");
    tb_req_free (req);
    req = look_at (&tb, &old, 0, true, "a");
    ok (strstr (req->r.payload, ",\"rootseq\":17,\"rootref\":\"sha1-4269769cc"),
        "lookup-plus says at which root");
    tb_req_free (req);
    req = look_at (&tb, &old, 0, true, "b.c");
    ok (req->r.errnum == 0
            && strncmp (req->r.payload, "{\"errno\":2,\"rootseq\":17,", 24) == 0,
        "and reports a missing key in a success");
    tb_req_free (req);
    tb_store_put (&store, "junk", 4, &bad);
    req = look_at (&tb, &bad, 0, false, "a");
    ok (req->r.errnum == EINVAL, "a root that is no tree object is EINVAL");
    tb_req_free (req);
    tb_store_put (&store, "{\"data\":\"\",\"type\":\"val\",\"ver\":1}", 32, &bad);
    req = look_at (&tb, &bad, KVS_READDIR, false, ".");
    ok (req->r.errnum == ENOTRECOVERABLE, "one that is another object: ENOTRECOVERABLE");
    tb_req_free (req);
    memset (bad.bytes, 1, 20);
    req = look_at (&tb, &bad, 0, true, "a");
    ok (req->r.errnum == ENOENT, "a missing root blob is an error even in lookup-plus");
    tb_req_free (req);
    teardown (&tb);
}

/* The answer to a lookup-plus that wants a log from number tail on. */
static struct tb_req *
look_tail_with (struct testbed *tb, const char *key, int64_t tail, bool blobs)
{
    struct tb_req *req = tb_req_new (true, 0);
    struct blobref root;
    int64_t seq;
    struct kvs_lookup_args args = {
        .key = key,
        .keylen = strlen (key),
        .flags = KVS_TREEOBJ,
        .rootdir = &root,
        .rootseq = &seq,
        .plus = true,
        .tail = &tail,
        .tail_blobs = blobs,
    };

    kvs_engine_root (tb->e, "primary", &root, &seq);
    kvs_engine_lookup (tb->e, &req->r, &args);
    tb_pump (tb);
    return req;
}

static struct tb_req *look_tail (struct testbed *tb, const char *key, int64_t tail)
{
    return look_tail_with (tb, key, tail, true);
}

static void tail_is (struct testbed *tb, int64_t tail, const char *want, const char *name)
{
    struct tb_req *req = look_tail (tb, "log", tail);
    const char *from = req->r.payload ? strstr (req->r.payload, "\"from\"") : NULL;

    ok (from && strncmp (from, want, strlen (want)) == 0, "%s", name);
    if (from && strncmp (from, want, strlen (want)) != 0)
        diag ("%s", req->r.payload);
    tb_req_free (req);
}

static void ends_of_logs (void)
{
    struct testbed tb;
    struct tb_req *req;

    setup (&tb);
    tb_append (&tb, "primary", "log", "a");
    tb_append (&tb, "primary", "log", "b");
    tb_append (&tb, "primary", "log", "c");
    tail_is (&tb, 0, "\"from\":0,\"blobs\":[\"YQ==\",\"Yg==\",\"Yw==\"]",
             "a log can be had with its data");
    tail_is (&tb, 2, "\"from\":2,\"blobs\":[\"Yw==\"]", "or only its end");
    tail_is (&tb, 3, "\"from\":2,\"rootseq\"", "if there is nothing new, the last of it");
    tail_is (&tb, 9, "\"from\":2,\"rootseq\"", "also if less than expected");
    req = look_tail (&tb, "log", 2);
    ok (req->r.payload && strncmp (req->r.payload, "{\"val\":{\"data\":[\"sha1-", 22) == 0
            && strncmp (req->r.payload + 22 + 40, "\"],\"type\":\"valref\"", 18) == 0,
        "then the answer holds one reference");
    tb_req_free (req);
    req = look_tail_with (&tb, "log", 1, false);
    ok (req->r.payload && strstr (req->r.payload, "\"from\":1,\"rootseq\""),
        "who has no use for the data does not get them");
    tb_req_free (req);
    tb_put (&tb, "primary", "v", "1");
    req = look_tail (&tb, "v", 5);
    ok (req->r.payload && !strstr (req->r.payload, "from"), "other objects are whole");
    tb_req_free (req);
    teardown (&tb);
}

/* A lookup-plus by who has the value called 'unless'. */
static struct tb_req *
look_unless (struct testbed *tb, const char *key, int flags, const char *unless)
{
    struct tb_req *req = tb_req_new (true, 0);
    struct blobref root;
    int64_t seq;
    struct kvs_lookup_args args = {
        .key = key,
        .keylen = strlen (key),
        .flags = flags,
        .rootdir = &root,
        .rootseq = &seq,
        .plus = true,
        .unless = unless,
    };

    kvs_engine_root (tb->e, "primary", &root, &seq);
    kvs_engine_lookup (tb->e, &req->r, &args);
    tb_pump (tb);
    return req;
}

/* The tag in the answer, in buf; "" if there is none. */
static void tag_of (const struct tb_req *req, char buf[64])
{
    const char *tag = req->r.payload ? strstr (req->r.payload, "\"tag\":\"") : NULL;

    buf[0] = '\0';
    if (tag)
        sscanf (tag, "\"tag\":\"%63[^\"]", buf);
}

static bool is_same (struct testbed *tb, const char *key, int flags, const char *unless)
{
    struct tb_req *req = look_unless (tb, key, flags, unless);
    bool same = req->r.payload && strstr (req->r.payload, "{\"same\":true,\"tag\":");
    bool val = req->r.payload && strstr (req->r.payload, "\"val\":");

    ok (req->r.errnum == 0 && same != val, "there is a value, or it is the same");
    tb_req_free (req);
    return same;
}

static void values_that_are_the_same (void)
{
    static const struct {
        const char *key;
        int flags;
        const char *name;
    } kind[] = {
        { "big", 0, "a value" },
        { "log", 0, "a value of several blobs" },
        { "d", KVS_READDIR, "a directory" },
        { "d", KVS_TREEOBJ, "an object" },
        { "link", 0, "a value behind a link" },
    };
    char big[8000], tag[64], again[64];
    struct testbed tb;
    struct tb_req *req;
    size_t loads;

    setup (&tb);
    memset (big, 'x', sizeof (big) - 1);
    big[sizeof (big) - 1] = '\0';
    tb_put (&tb, "primary", "big", big);
    tb_put (&tb, "primary", "d.a", "1");
    put_object (&tb, "primary", "link",
                "{\"ver\":1,\"type\":\"symlink\",\"data\":{\"target\":\"big\"}}");
    tb_append (&tb, "primary", "log", "a");
    tb_append (&tb, "primary", "log", "b");
    for (size_t i = 0; i < ARRAY_SIZE (kind); i++) {
        req = look_unless (&tb, kind[i].key, kind[i].flags, "");
        tag_of (req, tag);
        ok (tag[0] != '\0' && strstr (req->r.payload, "\"val\":"), "%s has a tag",
            kind[i].name);
        tb_req_free (req);
        tb_put (&tb, "primary", "unrelated", kind[i].name);
        ok (is_same (&tb, kind[i].key, kind[i].flags, tag),
            "and is the same after another commit");
    }
    kvs_engine_set_time (tb.e, 1000);
    kvs_engine_tick (tb.e);
    ok (is_same (&tb, "link", 0, tag), "so it is when nothing is at hand any more");
    loads = tb.loads;
    ok (is_same (&tb, "link", 0, tag) && tb.loads == loads, "the value is not loaded for that");
    ok (!is_same (&tb, "link", 0, "other") && tb.loads == loads + 1,
        "but when it is not the same");
    tb_put (&tb, "primary", "big", big + 1);
    ok (!is_same (&tb, "link", 0, tag), "behind the link is another value: not the same");
    req = look_unless (&tb, "log", 0, "");
    tag_of (req, tag);
    tb_req_free (req);
    tb_append (&tb, "primary", "log", "c");
    ok (!is_same (&tb, "log", 0, tag), "a log that grew is not the same");
    req = look_unless (&tb, "d", KVS_TREEOBJ, "");
    tag_of (req, again);
    tb_req_free (req);
    tb_put (&tb, "primary", "d.a", "2");
    ok (!is_same (&tb, "d", KVS_TREEOBJ, again), "nor a directory with a change in it");
    req = look_unless (&tb, "d.a", 0, "");
    tag_of (req, tag);
    ok (tag[0] == '\0', "a small value has no tag");
    tb_req_free (req);
    req = look_unless (&tb, "no", 0, tag);
    ok (req->r.payload && strncmp (req->r.payload, "{\"errno\":2,", 11) == 0,
        "what is missing is missing");
    tb_req_free (req);
    teardown (&tb);
}

static void crossing_namespaces (void)
{
    struct testbed tb;
    struct tb_req *req;

    setup (&tb);
    tb_put (&tb, "g42", "d.v", "guest");
    put_object (&tb, "g42", "d.plain",
                "{\"ver\":1,\"type\":\"symlink\",\"data\":{\"target\":\"d.v\"}}");
    put_object (&tb, "primary", "l",
                "{\"ver\":1,\"type\":\"symlink\",\"data\":{\"namespace\":\"g42\","
                "\"target\":\"d\"}}");
    put_object (&tb, "g42", "out",
                "{\"ver\":1,\"type\":\"symlink\","
                "\"data\":{\"namespace\":\"primary\",\"target\":\".\"}}");
    put_object (&tb, "primary", "gone",
                "{\"ver\":1,\"type\":\"symlink\",\"data\":{\"namespace\":\"no\","
                "\"target\":\"x\"}}");
    ok (look (&tb, "primary", 0, 0, "l.v") == 0,
        "a link into another namespace is followed");
    ok (look (&tb, "primary", 0, 0, "l.plain") == 0, "a plain link there resolves there");
    ok (look (&tb, "g42", 0, 42, "d.plain") == 0,
        "a guest looks around in its own namespace");
    ok (look (&tb, "g42", 0, 42, "out.l") == EPERM, "but does not get out by a link");
    ok (look (&tb, "g42", KVS_READLINK, 42, "out") == 0, "though it may read the link");
    ok (look (&tb, "g42", 0, 43, "d.v") == EPERM, "another guest may not look in");
    ok (look (&tb, "no", 0, 43, "d.v") == EOPNOTSUPP, "an unknown namespace is ENOTSUP");
    ok (look (&tb, "primary", 0, 0, "gone") == EOPNOTSUPP, "also by a link");
    kvs_engine_ns_remove (tb.e, "g42");
    ok (look (&tb, "g42", 0, 0, "d.v") == EOPNOTSUPP, "so is a removed one");
    req = tb_lookup (&tb, "primary", 0, 0, "l.v");
    tb_pump (&tb);
    ok (req->r.errnum == 0, "links into it resolve as long as its record is there");
    tb_req_free (req);
    kvs_engine_tick (tb.e);
    ok (look (&tb, "primary", 0, 0, "l.v") == EOPNOTSUPP, "... and no longer");
    teardown (&tb);
}

/* A value of n blobs whose lengths are not multiples of three. */
static void many_blobs (void)
{
    struct testbed tb;
    struct text want = TEXT_INIT, answer = TEXT_INIT;
    struct tb_req *r1, *r2;
    size_t loads;

    setup (&tb);
    for (int i = 0; i < 1000; i++) {
        char piece[30];

        snprintf (piece, sizeof (piece), "%d,%.*s", i, i % 5, "abcde");
        text_puts (&want, piece);
        tb_append (&tb, "primary", "k", piece);
    }
    text_puts (&answer, "{\"val\":{\"data\":\"");
    text_put_base64 (&answer, want.buf, want.len);
    text_puts (&answer, "\",\"type\":\"val\",\"ver\":1}}");
    kvs_engine_set_time (tb.e, 1000);
    kvs_engine_tick (tb.e);
    loads = tb.loads;
    r1 = tb_lookup (&tb, "primary", 0, 0, "k");
    r2 = tb_lookup (&tb, "primary", 0, 0, "k");
    tb_pump (&tb);
    is (r1->r.payload, answer.buf, "a value of a thousand blobs");
    is (r2->r.payload, answer.buf, "for two at once");
    ok (tb.loads - loads <= 1001, "each is loaded once");
    tb_req_free (r1);
    tb_req_free (r2);
    text_fini (&want);
    text_fini (&answer);
    teardown (&tb);
}

static void missing_blob_of_a_value (void)
{
    struct testbed tb;
    struct blobref ref;

    setup (&tb);
    tb_append (&tb, "primary", "k", "one");
    tb_append (&tb, "primary", "k", "two");
    kvs_engine_set_time (tb.e, 1000);
    kvs_engine_tick (tb.e);
    blobhash_sum (store.hash, "two", 3, &ref);
    tb_store_forget (&store, &ref);
    ok (look (&tb, "primary", 0, 0, "k") == ENOENT, "a missing blob is ENOENT");
    tb_store_put (&store, "two", 3, &ref);
    ok (look (&tb, "primary", 0, 0, "k") == 0, "and is asked for again the next time");
    teardown (&tb);
}

static void leaving (void)
{
    struct testbed tb;
    struct tb_req *r1, *r2;
    struct kvs_stats stats;

    setup (&tb);
    tb_put (&tb, "primary", "d.k", "1");
    kvs_engine_set_time (tb.e, 1000);
    kvs_engine_tick (tb.e);
    r1 = tb_lookup (&tb, "primary", 0, 0, "d.k");
    r2 = tb_lookup (&tb, "primary", 0, 0, "d.k");
    ok (!r1->done && !r2->done, "two lookups wait for a blob");
    tb_req_free (r1);
    tb_pump (&tb);
    ok (r2->done && r2->r.errnum == 0, "one leaves, the other is served");
    tb_req_free (r2);
    r1 = tb_req_new (true, 0);
    kvs_engine_wait_version (tb.e, &r1->r, "primary", 100);
    tb_req_free (r1);
    kvs_engine_stats (tb.e, &stats);
    is_int (stats.pending, 0, "nothing is pending");
    teardown (&tb);
}

static struct tb_req *
wait_for (struct testbed *tb, uint32_t userid, const char *ns, int64_t seq)
{
    struct tb_req *req = tb_req_new (userid == 0, userid);

    kvs_engine_wait_version (tb->e, &req->r, ns, seq);
    tb_pump (tb);
    return req;
}

static void versions (void)
{
    struct testbed tb;
    struct tb_req *now, *w3, *w2, *w2b, *guest;

    setup (&tb);
    now = wait_for (&tb, 0, "primary", -1);
    ok (now->done && now->r.errnum == 0, "a version that is reached is answered at once");
    w3 = wait_for (&tb, 0, "primary", 3);
    w2 = wait_for (&tb, 0, "primary", 2);
    w2b = wait_for (&tb, 0, "primary", 2);
    tb_put (&tb, "primary", "a", "1");
    ok (!w2->done && !w3->done, "others wait");
    tb_put (&tb, "primary", "a", "2");
    ok (w2->done && w2b->done && !w3->done && strstr (w2->r.payload, "\"rootseq\":2}"),
        "until their version is there");
    guest = wait_for (&tb, 42, "g42", 5);
    tb_req_free (wait_for (&tb, 43, "g42", 5));
    kvs_engine_ns_remove (tb.e, "g42");
    tb_pump (&tb);
    ok (guest->done && guest->r.errnum == EOPNOTSUPP, "or their namespace is removed");
    tb_req_free (now);
    tb_req_free (w3);
    tb_req_free (w2);
    tb_req_free (w2b);
    tb_req_free (guest);
    teardown (&tb);
}

static void namespaces (void)
{
    struct testbed tb;
    struct blobref empty;
    struct tb_req *req;
    struct tb_event *ev;

    setup (&tb);
    tb_empty_root (&tb, &empty);
    tb_pump (&tb);
    ev = tb_event_take (&tb);
    is (ev->topic, "kvs.namespace-g42-created", "creation is announced");
    is (ev->payload,
        "{\"namespace\":\"g42\",\"rootseq\":0,"
        "\"rootref\":\"sha1-c0a9faf907dda6216fd73bf81d0b3b21a1a8cb91\",\"owner\":42}",
        "with root and owner");
    tb_event_free (ev);
    req = tb_req_new (false, 42);
    kvs_engine_getroot (tb.e, &req->r, "g42");
    tb_pump (&tb);
    is (req->r.payload,
        "{\"owner\":42,\"rootseq\":0,\"rootref\":\"sha1-"
        "c0a9faf907dda6216fd73bf81d0b3b21a1a8cb91\","
        "\"flags\":7,\"namespace\":\"g42\"}",
        "getroot");
    tb_req_free (req);
    ok (kvs_engine_ns_create (tb.e, "g42", 1, 0, &empty, 0, KVS_NS_NOW) == -EEXIST,
        "names are unique");
    ok (kvs_engine_ns_remove (tb.e, "PriMary") == -EOPNOTSUPP, "the primary one stays");
    ok (kvs_engine_ns_remove (tb.e, "nosuch") == 0, "an unknown one need not be removed");
    ok (kvs_engine_ns_remove (tb.e, "g42") == 0
            && kvs_engine_ns_remove (tb.e, "g42") == 0,
        "removal");
    ok (kvs_engine_ns_create (tb.e, "g42", 1, 0, &empty, 0, KVS_NS_NOW) == -EAGAIN,
        "the name is not free at once");
    kvs_engine_tick (tb.e);
    ok (kvs_engine_ns_create (tb.e, "g42", 1, 0, &empty, 0, KVS_NS_NOW) == 0,
        "but after a tick");
    tb_pump (&tb);
    ev = tb_event_take (&tb);
    is (ev->topic, "kvs.namespace-g42-removed", "removal is announced, once");
    tb_event_free (ev);
    ev = tb_event_take (&tb);
    is (ev->topic, "kvs.namespace-g42-created", "before the new one is");
    tb_event_free (ev);
    teardown (&tb);
}

static void pausing (void)
{
    struct testbed tb;
    struct tb_req *p, *req;

    setup (&tb);
    p = tb_req_new (true, 0);
    kvs_engine_pause (tb.e, &p->r, "primary", true);
    tb_pump (&tb);
    ok (p->done && p->r.errnum == 0, "setroot-pause");
    req = tb_commit (&tb, "primary", 0, 0, "[]");
    tb_pump (&tb);
    ok (!req->done, "commits stay unanswered");
    tb_req_free (p);
    p = tb_req_new (true, 0);
    kvs_engine_pause (tb.e, &p->r, "primary", false);
    tb_pump (&tb);
    ok (req->done && req->r.errnum == 0, "until unpause");
    tb_req_free (p);
    tb_req_free (req);
    teardown (&tb);
}

int main (void)
{
    snapshots ();
    ends_of_logs ();
    values_that_are_the_same ();
    crossing_namespaces ();
    many_blobs ();
    missing_blob_of_a_value ();
    leaving ();
    versions ();
    namespaces ();
    pausing ();
    return done_testing ();
}
