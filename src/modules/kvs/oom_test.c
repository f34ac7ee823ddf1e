/* oom_test.c - the k-th allocation of the engine fails, for every k: each
 * request is answered, a transaction is applied whole or not at all, and the
 * same request succeeds afterwards.  Nothing leaks (run it under
 * AddressSanitizer).
 */

#include "config.h"
#include <errno.h>
#include <stdio.h>

#include "common/tap.h"
#include "testbed.h"

static int countdown; /* the allocation at which it becomes 0 fails */
static bool triggered;

static bool must_fail (void)
{
    if (!tb_busy && countdown > 0 && --countdown == 0) {
        triggered = true;
        errno = ENOMEM;
        return true;
    }
    return false;
}

void *__real_malloc (size_t size);
void *__real_calloc (size_t n, size_t size);
void *__real_realloc (void *p, size_t size);
char *__real_strdup (const char *s);

void *__wrap_malloc (size_t size);
void *__wrap_calloc (size_t n, size_t size);
void *__wrap_realloc (void *p, size_t size);
char *__wrap_strdup (const char *s);

void *__wrap_malloc (size_t size)
{
    return must_fail () ? NULL : __real_malloc (size);
}

void *__wrap_calloc (size_t n, size_t size)
{
    return must_fail () ? NULL : __real_calloc (n, size);
}

void *__wrap_realloc (void *p, size_t size)
{
    return must_fail () ? NULL : __real_realloc (p, size);
}

char *__wrap_strdup (const char *s)
{
    return must_fail () ? NULL : __real_strdup (s);
}

#define LONG                                                                             \
    "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eH" \
    "h4"                                                                                 \
    "eHh4"
#define VAL(data) "{\"ver\":1,\"type\":\"val\",\"data\":\"" data "\"}"

static const char before[] = "[{\"key\":\"d.e.old\",\"flags\":0,\"dirent\":" VAL (
    "MQ==") "},"
            "{\"key\":\"log\",\"flags\":32,\"dirent\":" VAL (
                "YWJj") "},"
                        "{\"key\":\"log\",\"flags\":32,\"dirent\":" VAL (
                            "ZGVm") "},"
                                    "{\"key\":\"ln\",\"flags\":0,\"dirent\":{\"ver\":1,"
                                    "\"type\":\"symlink\","
                                    "\"data\":{\"target\":\"d.e\"}}}]";

static const char change[] = "[{\"key\":\"ln.new\",\"flags\":0,\"dirent\":" VAL (
    "Mg==") "},"
            "{\"key\":\"log\",\"flags\":32,\"dirent\":" VAL (
                "Z2hp") "},"
                        "{\"key\":\"d.long\",\"flags\":0,\"dirent\":" VAL (
                            LONG) "},"
                                  "{\"key\":\"d.e.old\",\"flags\":0,\"dirent\":null},"
                                  "{\"key\":\"tree\",\"flags\":0,\"dirent\":{\"ver\":1,"
                                  "\"type\":\"dir\",\"data\":{\"x\":"
                                  "{\"ver\":1,\"type\":\"dir\",\"data\":{\"y\":" VAL (
                                      LONG) "}}}}}]";

static struct tb_store store;
static struct blobref root_before, root_after;

static bool holding;

static void setup (struct testbed *tb)
{
    struct kvs_config cfg = { .hash = BLOBREF_SHA1, .merge = true };
    struct tb_req *req;
    struct blobref empty;
    int64_t seq;

    if (holding)
        cfg.hold = tb_hold;
    tb_init (tb, &store, &cfg);
    tb->provider = tb->e;
    tb_empty_root (tb, &empty);
    if (kvs_engine_ns_create (tb->e, "primary", 0, 0, &empty, 0, KVS_NS_SILENT) < 0)
        bail_out ("no namespace");
    req = tb_commit (tb, "primary", 0, 0, before);
    tb_pump (tb);
    tb_req_free (req);
    kvs_engine_root (tb->e, "primary", &root_before, &seq);
    kvs_engine_set_time (tb->e, 1000); /* so that blobs must be loaded again */
    kvs_engine_tick (tb->e);
}

/* Answers may be ENOMEM, or what the engine makes of a load that failed for
 * want of memory; but there must be one.
 */
static bool finished (struct tb_req *req, int *errnum)
{
    bool done = req->done;

    *errnum = req->r.errnum;
    tb_req_free (req);
    return done && (*errnum == 0 || *errnum == ENOMEM);
}

static bool try_commit (struct testbed *tb, int k)
{
    struct kvs_ops *ops = tb_ops (change);
    struct tb_req *req = tb_req_new (true, 0);
    struct blobref root;
    int64_t seq;
    int errnum;

    countdown = k;
    kvs_engine_commit (tb->e, &req->r, "primary", 0, ops);
    tb_pump (tb);
    countdown = 0;
    kvs_engine_root (tb->e, "primary", &root, &seq);
    if (!finished (req, &errnum))
        return false;
    if (errnum)
        return seq == 1 && blobref_equal (&root, &root_before);
    return seq == 2 && blobref_equal (&root, &root_after);
}

static bool try_lookup (struct testbed *tb, int k, const char *key)
{
    struct tb_req *req = tb_req_new (true, 0);
    struct kvs_lookup_args args = { .key = key, .keylen = strlen (key), .ns = "primary" };
    int errnum;

    countdown = k;
    kvs_engine_lookup (tb->e, &req->r, &args);
    tb_pump (tb);
    countdown = 0;
    return finished (req, &errnum);
}

static bool try_wait (struct testbed *tb, int k)
{
    struct tb_req *req = tb_req_new (true, 0);
    struct tb_req *put;
    int errnum;

    countdown = k;
    kvs_engine_wait_version (tb->e, &req->r, "primary", 2);
    tb_pump (tb);
    countdown = 0;
    put = tb_commit (tb, "primary", 0, 0, "[]");
    countdown = triggered ? 0 : k;
    tb_pump (tb);
    countdown = 0;
    tb_pump (tb);
    tb_req_free (put);
    if (!req->done) { /* the commit was what failed */
        tb_put (tb, "primary", "x", "1");
        tb_pump (tb);
    }
    return finished (req, &errnum);
}

static bool try_namespace (struct testbed *tb, int k)
{
    struct blobref empty;
    int r;

    tb_empty_root (tb, &empty);
    countdown = k;
    r = kvs_engine_ns_create (tb->e, "ns", 1, 0, &empty, 0, KVS_NS_NOW);
    tb_pump (tb);
    countdown = 0;
    if (r < 0
        && (r != -ENOMEM
            || kvs_engine_ns_create (tb->e, "ns", 1, 0, &empty, 0, KVS_NS_NOW) < 0))
        return false;
    countdown = triggered ? 0 : k;
    r = kvs_engine_ns_remove (tb->e, "ns");
    countdown = 0;
    if (r < 0 && (r != -ENOMEM || kvs_engine_ns_remove (tb->e, "ns") < 0))
        return false;
    tb_pump (tb);
    return true;
}

/* A log: the name of each version of its directory depends on the one before. */
static bool try_log (struct testbed *tb, int k)
{
    struct kvs_stats stats;
    struct tb_req *req;
    struct blobref root;
    char *op = tb_op ("L.log", KVS_OP_APPEND, "x");
    struct text ops = TEXT_INIT;
    int64_t before, after;
    int errnum;

    for (int i = 0; i < 100; i++)
        tb_append (tb, "primary", "L.log", "line");
    text_printf (&ops, "[%s]", op);
    kvs_engine_root (tb->e, "primary", &root, &before);
    req = tb_req_new (true, 0);
    {
        struct kvs_ops *o = tb_ops (ops.buf);

        countdown = k;
        kvs_engine_commit (tb->e, &req->r, "primary", 0, o);
        tb_pump (tb);
        countdown = 0;
    }
    text_fini (&ops);
    free (op);
    kvs_engine_root (tb->e, "primary", &root, &after);
    kvs_engine_stats (tb->e, &stats);
    return finished (req, &errnum) && after == before + (errnum == 0)
           && (!holding || stats.held > 10);
}

static int64_t sequence (struct testbed *tb)
{
    struct blobref root;
    int64_t seq;

    kvs_engine_root (tb->e, "primary", &root, &seq);
    return seq;
}

/* A commit of ops that is applied whole or not at all. */
static bool try_ops (struct testbed *tb, int k, int flags, const char *text)
{
    struct kvs_ops *ops = tb_ops (text);
    struct tb_req *req = tb_req_new (true, 0);
    int64_t before = sequence (tb);
    int errnum;

    countdown = k;
    kvs_engine_commit (tb->e, &req->r, "primary", flags, ops);
    tb_pump (tb);
    countdown = 0;
    return finished (req, &errnum) && sequence (tb) == before + (errnum == 0);
}

static bool try_sync (struct testbed *tb, int k)
{
    return try_ops (tb, k, KVS_SYNC, change);
}

static bool try_save (struct testbed *tb, int k)
{
    int r;

    countdown = k;
    r = kvs_engine_save (tb->e);
    tb_pump (tb);
    countdown = 0;
    if (r < 0)
        return r == -ENOMEM && tb->saves == 0;
    return tb->saves == 1 && (tb->saved.errnum == 0 || tb->saved.errnum == ENOMEM);
}

/* As jobs do: the root of a namespace becomes a directory of the primary one. */
static bool try_copy (struct testbed *tb, int k)
{
    char buf[BLOBREF_TEXT_SIZE], op[300];
    struct blobref empty, root;
    int64_t seq;

    tb_empty_root (tb, &empty);
    kvs_engine_ns_create (tb->e, "job", 0, 0, &empty, 0, KVS_NS_NOW);
    tb_put (tb, "job", "a.b.c", "1");
    tb_append (tb, "job", "a.log", "1");
    tb_append (tb, "job", "a.log", "2");
    kvs_engine_root (tb->e, "job", &root, &seq);
    snprintf (op, sizeof (op),
              "[{\"key\":\"guest\",\"flags\":0,\"dirent\":"
              "{\"ver\":1,\"type\":\"dirref\",\"data\":[\"%s\"]}}]",
              blobref_str (&root, buf));
    return try_ops (tb, k, 0, op);
}

static bool attempt (struct testbed *tb, int what, int k)
{
    switch (what) {
        case 0:
            return try_commit (tb, k);
        case 1:
            return try_lookup (tb, k, "ln.old");
        case 2:
            return try_lookup (tb, k, "log");
        case 3:
            return try_wait (tb, k);
        case 4:
            return try_log (tb, k);
        case 5:
            return try_sync (tb, k);
        case 6:
            return try_save (tb, k);
        case 7:
            return try_copy (tb, k);
        default:
            return try_namespace (tb, k);
    }
}

static void every_allocation (int what, const char *name)
{
    bool good = true;
    int k = 0;

    do {
        struct kvs_stats stats;
        struct testbed tb;

        setup (&tb);
        triggered = false;
        if (!attempt (&tb, what, ++k)) {
            good = false;
            diag ("allocation %d", k);
        }
        if (tb_put (&tb, "primary", "afterwards", "1") != 0)
            good = false;
        kvs_engine_stats (tb.e, &stats);
        if (stats.pending || stats.loading || stats.storing) {
            good = false;
            diag ("allocation %d: %zu %zu %zu", k, stats.pending, stats.loading,
                  stats.storing);
        }
        tb_fini (&tb);
    } while (triggered && k < 10000);
    ok (good && k > 1, "%s: any of %d allocations may fail", name, k - 1);
}

int main (void)
{
    struct testbed tb;
    struct tb_req *req;
    int64_t seq;

    tb_store_init (&store, BLOBREF_SHA1);
    setup (&tb);
    req = tb_commit (&tb, "primary", 0, 0, change);
    tb_pump (&tb);
    ok (req->done && req->r.errnum == 0, "with enough memory all is well");
    tb_req_free (req);
    kvs_engine_root (tb.e, "primary", &root_after, &seq);
    tb_fini (&tb);
    for (int i = 0; i < 2; i++) {
        holding = i == 1;
        diag (holding ? "what is made is held" : "what is made is stored");
        every_allocation (0, "commit");
        every_allocation (1, "lookup through a link");
        every_allocation (2, "lookup of many blobs");
        every_allocation (3, "wait-version");
        every_allocation (4, "append to a log");
        every_allocation (5, "sync commit");
        every_allocation (6, "save");
        every_allocation (7, "copy by reference");
        every_allocation (8, "namespace-create, -remove");
    }
    tb_store_fini (&store);
    return done_testing ();
}
