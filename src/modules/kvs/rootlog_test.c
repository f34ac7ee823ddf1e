#include "config.h"
#include <errno.h>

#include "common/tap.h"
#include "rootlog.h"
#include "testbed.h"

static struct blobref ref_of (int n)
{
    struct blobref ref = { .kind = BLOBREF_SHA1 };

    memcpy (ref.bytes, &n, sizeof (n));
    return ref;
}

static void add (struct rootlog *log, int n)
{
    struct blobref ref = ref_of (n);

    must (rootlog_reserve (log) == 0);
    rootlog_add (log, n, n + 0.5, &ref);
}

static size_t listed (const struct rootlog *log, int64_t since)
{
    struct text t = TEXT_INIT;
    size_t n = 0;

    rootlog_write (log, since, 0, &t);
    for (size_t i = 1; i < t.len; i++)
        n += t.buf[i] == '[';
    text_fini (&t);
    return n;
}

static void roots_in_order (void)
{
    struct blobref ref = ref_of (1);
    struct text t = TEXT_INIT;
    struct rootlog log;

    rootlog_init (&log, 1, 1.5, &ref);
    ok (listed (&log, 0) == 1, "a new log has the root it began with");
    for (int i = 2; i <= 20; i++)
        add (&log, i);
    ok (rootlog_count (&log) == 20 && listed (&log, 0) == 20, "then all that came after");
    rootlog_write (&log, 19, 0, &t);
    is (t.buf,
        "[[19,19.500000,\"sha1-1300000000000000000000000000000000000000\"],"
        "[20,20.500000,\"sha1-1400000000000000000000000000000000000000\"]]",
        "since names the first one that is listed");
    text_clear (&t);
    rootlog_write (&log, 3, 1, &t);
    is (t.buf, "[[3,3.500000,\"sha1-0300000000000000000000000000000000000000\"]]",
        "no more than are asked for");
    text_clear (&t);
    rootlog_write (&log, 19, 2, &t);
    ok (strstr (t.buf, "[20,"), "the current root counts");
    text_clear (&t);
    rootlog_write (&log, 19, 1, &t);
    ok (!strstr (t.buf, "[20,"), "... and may be one too many");
    text_fini (&t);
    ok (listed (&log, -5) == 5 && listed (&log, -1) == 1 && listed (&log, -1000) == 20
            && listed (&log, INT64_MIN) == 20,
        "negative: the last so many");
    ok (listed (&log, 21) == 0, "none has a sequence that is still to come");
    ok (rootlog_has (&log, &ref), "a root in it is found");
    rootlog_forget (&log, 15);
    ok (!rootlog_has (&log, &ref), "one that was forgotten is not");
    ok (listed (&log, 0) == 6, "what is forgotten is not listed");
    rootlog_forget (&log, 100);
    ok (listed (&log, 0) == 1, "the current root is not forgotten");
    rootlog_fini (&log);
}

static void bound (void)
{
    struct blobref ref = ref_of (0);
    struct rootlog log;

    rootlog_init (&log, 0, 0.5, &ref);
    for (int i = 1; i < ROOTLOG_MAX + 10; i++)
        add (&log, i);
    ok (rootlog_count (&log) == ROOTLOG_MAX && listed (&log, 0) == ROOTLOG_MAX
            && listed (&log, ROOTLOG_MAX) == 10,
        "past the bound the oldest go");
    rootlog_fini (&log);
}

static char *ask (struct testbed *tb, const char *ns, uint32_t userid, int *errnum)
{
    struct tb_req *req = tb_req_new (userid == 0, userid);
    char *s = NULL;

    kvs_engine_root_log (tb->e, &req->r, ns, 0, 0);
    tb_pump (tb);
    *errnum = req->done ? req->r.errnum : EINPROGRESS;
    if (!*errnum)
        s = strdup (req->r.payload);
    tb_req_free (req);
    return s;
}

static void of_a_namespace (void)
{
    struct kvs_config cfg = { .hash = BLOBREF_SHA1 };
    struct tb_store store;
    struct blobref empty;
    struct testbed tb;
    int errnum;
    char *s;

    tb_store_init (&store, BLOBREF_SHA1);
    tb_init (&tb, &store, &cfg);
    tb_empty_root (&tb, &empty);
    kvs_engine_set_time (tb.e, 100.);
    kvs_engine_ns_create (tb.e, "guest", 42, 0, &empty, 0, KVS_NS_SILENT);
    kvs_engine_set_time (tb.e, 101.25);
    tb_put (&tb, "guest", "a", "1");
    s = ask (&tb, "guest", 0, &errnum);
    is (s,
        "{\"roots\":[[0,100.000000,\"sha1-c0a9faf907dda6216fd73bf81d0b3b21a1a8cb91\"],"
        "[1,101.250000,\"sha1-4269769cc1ce7a53ad0391196cc5cb2bb15c0bdd\"]]}",
        "a namespace tells the roots it had, and when");
    free (s);
    s = ask (&tb, "guest", 42, &errnum);
    ok (s && errnum == 0, "its owner may ask");
    free (s);
    free (ask (&tb, "guest", 43, &errnum));
    ok (errnum == EPERM, "another guest may not");
    free (ask (&tb, "none", 0, &errnum));
    ok (errnum == EOPNOTSUPP, "there is no log of a namespace that does not exist");
    tb_fini (&tb);
    tb_store_fini (&store);
}

int main (void)
{
    roots_in_order ();
    bound ();
    of_a_namespace ();
    return done_testing ();
}
