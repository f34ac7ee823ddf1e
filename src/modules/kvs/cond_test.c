/* cond_test.c - conditions of transactions. */

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
#define IF(key, what) "{\"key\":\"" key "\",\"if\":" what "}"
#define SEQ(n) "{\"rootseq\":" n "}"
/* 60 bytes: too long to stay inline */
#define LONG                                                                             \
    VAL ("YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhY" \
         "WFh")
#define LONG2                                                                            \
    VAL ("YmFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhY" \
         "WFh")
/* ... and no base64 */
#define BAD                                                                              \
    VAL ("*mFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhY" \
         "WFh")

static struct tb_store store;
static struct testbed tb;

static void setup (void)
{
    struct kvs_config cfg = { .hash = BLOBREF_SHA1, .merge = true, .owner = 100 };
    struct blobref empty;

    tb_store_init (&store, BLOBREF_SHA1);
    tb_init (&tb, &store, &cfg);
    tb_empty_root (&tb, &empty);
    if (kvs_engine_ns_create (tb.e, "primary", 100, 0, &empty, 0, KVS_NS_SILENT) < 0
        || kvs_engine_ns_create (tb.e, "guest", 1234, 0, &empty, 0, KVS_NS_SILENT) < 0)
        bail_out ("no namespace");
}

static void teardown (void)
{
    tb_fini (&tb);
    tb_store_fini (&store);
}

static struct tb_req *commit (const char *ops)
{
    return tb_commit (&tb, "primary", 0, 0, ops);
}

static int result (struct tb_req *req)
{
    int errnum = req->done ? req->r.errnum : -1;

    tb_req_free (req);
    return errnum;
}

/* Its errno, when all is done. */
static int try (const char *ops)
{
    struct tb_req *req = commit (ops);

    tb_pump (&tb);
    return result (req);
}

static int64_t seq (void)
{
    struct blobref root;
    int64_t seq = -1;

    kvs_engine_root (tb.e, "primary", &root, &seq);
    return seq;
}

static bool has (const char *key)
{
    struct tb_req *req = tb_lookup (&tb, "primary", 0, 0, key);

    tb_pump (&tb);
    return result (req) == 0;
}

/* A condition that a key is the object it was in this root. */
static char *is_still (const char *key, const char *op)
{
    struct tb_req *req = tb_lookup (&tb, "primary", KVS_TREEOBJ, 0, key);
    struct text t = TEXT_INIT;

    tb_pump (&tb);
    if (!req->done || req->r.errnum)
        bail_out ("%s: no such key", key);
    text_printf (&t, "[{\"key\":\"%s\",\"if\":%.*s,%s]", key, (int)req->r.len - 7,
                 req->r.payload + 7, op);
    tb_req_free (req);
    return text_take (&t, NULL);
}

static void drop_events (void)
{
    struct tb_event *ev;

    while ((ev = tb_event_take (&tb)))
        tb_event_free (ev);
}

static void absent_and_exists (void)
{
    struct tb_event *ev;
    struct tb_req *req;

    setup ();
    is_int (try ("[" IF ("a.b", "null") "," PUT ("a.b", "MQ==") "]"), 0, "absent: it is");
    drop_events ();
    req = commit ("[" IF ("a..b.", "null") "," PUT ("x", "MQ==") "]");
    tb_pump (&tb);
    is_int (req->r.errnum, KVS_ECONDITION, "absent: it is not any more");
    is (req->r.errtext, "condition not met: a.b exists", "which the error says");
    tb_req_free (req);
    ok (!has ("x") && seq () == 1, "nothing of it was done");
    ev = tb_event_take (&tb);
    ok (strstr (ev->topic, "-error")
            && strstr (ev->payload, "\"errstr\":\"condition not met: a.b exists\""),
        "other ranks learn the same");
    tb_event_free (ev);
    is_int (try ("[" IF ("a.b", "true") "," PUT ("x", "MQ==") "]"), 0, "exists: it does");
    is_int (try ("[" IF ("a", "true") "," IF (".", "true") "]"), 0, "so do directories");
    is_int (try ("[" IF ("a.b.c", "true") "]"), KVS_ECONDITION,
            "nothing is below a value");
    is_int (try ("[" IF ("n.m", "true") "]"), KVS_ECONDITION, "nor below nothing");
    is_int (try ("[" IF (".", "null") "]"), KVS_ECONDITION, "the root is never absent");
    is_int (try ("[" IF ("n.m", "null") "," IF ("a.b", "null") "]"), KVS_ECONDITION,
            "all conditions must be met");
    drop_events ();
    is_int (try ("[" IF ("a", "true") "," PUT ("y", "MQ==") "]"), 0, "a setroot event");
    ev = tb_event_take (&tb);
    ok (strstr (ev->payload, "\"keys\":{\"y\":null}"),
        "does not name keys of conditions");
    tb_event_free (ev);
    teardown ();
}

static void one_of_many_wins (void)
{
    struct tb_req *r[5];

    setup ();
    for (int i = 0; i < 4; i++)
        r[i] = commit ("[" IF ("lock", "null") "," PUT ("lock", "MQ==") "]");
    r[4] = commit ("[" PUT ("other", "MQ==") "]");
    tb_pump (&tb);
    is_int (result (r[0]), 0, "the first of those that create a key succeeds");
    for (int i = 1; i < 4; i++)
        is_int (result (r[i]), KVS_ECONDITION, "a later one does not");
    is_int (result (r[4]), 0, "one behind them that asks for nothing does");
    is_int (seq (), 1, "all in one commit");
    r[0] = commit ("[" PUT ("p", "MQ==") "]");
    r[1] =
        commit ("[" IF ("p", "true") "," IF ("d.q", "null") "," PUT ("d.q", "MQ==") "]");
    r[2] = commit ("[{\"key\":\"d.q\",\"flags\":0,\"dirent\":null}]");
    r[3] = commit ("[" IF ("d.q", "true") "]");
    r[4] = commit ("[" IF ("d.q", "null") "," IF ("d", "true") "]");
    tb_pump (&tb);
    ok (result (r[0]) == 0 && result (r[1]) == 0 && result (r[2]) == 0
            && result (r[3]) == KVS_ECONDITION && result (r[4]) == 0,
        "each sees what those before it have done");
    r[0] = commit ("[{\"key\":\"z\",\"flags\":0,\"dirent\":" BAD "}]");
    r[1] = commit ("[" IF ("z", "null") "," PUT ("w", "MQ==") "]");
    tb_pump (&tb);
    ok (result (r[0]) == EPROTO && result (r[1]) == 0,
        "... but not what those have done that fail in the end");
    teardown ();
}

static void objects (void)
{
    char *a, *b;

    setup ();
    try ("[" PUT ("s", "MQ==") ",{\"key\":\"l\",\"flags\":0,\"dirent\":" LONG
                               "}," PUT ("d.x", "MQ==") "," LINK ("ln", "d") "]");
    is_int (try ("[" IF ("s", VAL ("MQ==")) "]"), 0, "a short value is itself");
    is_int (try ("[" IF ("s", VAL ("Mg==")) "]"), KVS_ECONDITION, "and no other");
    is_int (try ("[" IF ("l", LONG) "]"), 0, "a long one is as it would be stored");
    is_int (try ("[" IF ("l", LONG2) "]"), KVS_ECONDITION, "... not another");
    is_int (try ("[" IF ("ln.x", VAL ("MQ==")) "]"), 0, "links in the way are followed");
    is_int (
        try ("[" IF ("ln",
                     "{\"ver\":1,\"type\":\"symlink\",\"data\":{\"target\":\"d\"}}") "]"),
        0, "the last one is not");
    is_int (try ("[" IF ("none", VAL ("MQ==")) "]"), KVS_ECONDITION,
            "what is absent is no object");
    a = is_still ("d", PUT ("d.y", "MQ=="));
    is_int (try (a), 0, "a directory that nobody changed");
    is_int (try (a), KVS_ECONDITION, "somebody did");
    free (a);
    a = is_still (".", PUT ("r", "MQ=="));
    is_int (try (a), 0, "the root that nobody changed");
    is_int (try (a), KVS_ECONDITION, "somebody did");
    free (a);
    try ("[" APPEND ("log", "MQ==") "," APPEND ("log", "Mg==") "]");
    a = is_still ("log", APPEND ("log", "MQ=="));
    is_int (try (a), 0, "a log to which nothing was appended");
    is_int (try (a), KVS_ECONDITION, "something was");
    free (a);

    /* The same when the directory was touched in the commit under way. */
    a = is_still ("d", PUT ("d.z", "MQ=="));
    b = is_still (".", PUT ("q", "MQ=="));
    {
        struct tb_req *r1 = commit (a), *r2 = commit (a), *r3 = commit (b);
        struct tb_req *r4 = commit ("[{\"key\":\"l\",\"flags\":0,\"dirent\":" LONG2 "}]");
        struct tb_req *r5 = commit ("[" IF ("l", LONG2) "]");
        struct tb_req *r6 = commit ("[" IF ("l", LONG) "]");

        tb_pump (&tb);
        is_int (result (r1), 0, "one of two that know the directory changes it");
        is_int (result (r2), KVS_ECONDITION, "the other does not");
        is_int (result (r3), KVS_ECONDITION, "the root has changed with it");
        is_int (result (r4), 0, "a long value is put");
        is_int (result (r5), 0, "... and known before it is stored");
        is_int (result (r6), KVS_ECONDITION, "... the old one is gone");
    }
    free (a);
    free (b);
    teardown ();
}

static void sequences (void)
{
    struct tb_req *r[4], *req;

    setup ();
    r[0] = commit ("[" SEQ ("0") "," PUT ("a", "MQ==") "]");
    r[1] = commit ("[" SEQ ("0") "," PUT ("b", "MQ==") "]");
    r[2] = commit ("[" SEQ ("1") "," PUT ("c", "MQ==") "]");
    r[3] = commit ("[" SEQ ("2") "," PUT ("d", "MQ==") "]");
    tb_pump (&tb);
    ok (result (r[0]) == 0 && result (r[1]) == KVS_ECONDITION && result (r[2]) == 0
            && result (r[3]) == 0,
        "a sequence number is that of the root a transaction finds");
    req = commit ("[" SEQ ("7") "," PUT ("x", "MQ==") "]");
    tb_pump (&tb);
    is (req->r.errtext, "condition not met: root sequence is 3, not 7",
        "the error says which it is");
    tb_req_free (req);
    teardown ();
}

static void malformed (void)
{
    static const char *const bad[] = {
        "[" PUT ("a", "MQ==") "," IF ("b", "null") "]",
        "[" PUT ("a", "MQ==") "," SEQ ("0") "]",
        "[" IF ("b", "false") "]",
        "[" IF ("b", "1") "]",
        "[" IF ("b", "{\"ver\":1,\"type\":\"val\"}") "]",
        "[{\"if\":null}]",
        "[{\"key\":\"a\",\"if\":null,\"flags\":0}]",
        "[{\"key\":\"a\",\"if\":null,\"rootseq\":0}]",
        "[{\"key\":\"a\",\"if\":null,\"flags\":0,\"dirent\":null}]",
        "[{\"rootseq\":\"0\"}]",
        "[{\"rootseq\":0.5}]",
        "[{\"rootseq\":0,\"key\":\"a\"}]",
    };

    setup ();
    for (size_t i = 0; i < ARRAY_SIZE (bad); i++)
        is_int (try (bad[i]), EPROTO, "EPROTO: %s", bad[i]);
    is_int (seq (), 0, "none of them did anything");
    teardown ();
}

static void broken_ways (void)
{
    struct text t = TEXT_INIT;
    struct tb_req *req;
    char ref[BLOBREF_TEXT_SIZE];
    struct blobref dir;

    setup ();
    try ("[" LINK ("c1", "c2") "," LINK (
        "c2", "c1") ",{\"key\":\"f\",\"flags\":0,\"dirent\":"
                    "{\"ver\":1,\"type\":\"symlink\",\"data\":{\"namespace\":\"guest\","
                    "\"target\":\".\"}}}]");
    is_int (try ("[" IF ("c1.x", "null") "]"), ELOOP, "a cycle of links");
    is_int (try ("[" IF ("f.x", "null") "]"), EINVAL, "a link to another namespace");
    tb_store_put (&store, "gone", 4, &dir);
    tb_store_forget (&store, &dir);
    text_printf (&t,
                 "[{\"key\":\"g\",\"flags\":0,\"dirent\":{\"ver\":1,\"type\":\"dirref\","
                 "\"data\":[\"%s\"]}}]",
                 blobref_str (&dir, ref));
    is_int (try (t.buf), 0, "a directory that is missing");
    is_int (try ("[" IF ("g.x", "null") "]"), ENOENT, "is an error, not an answer");
    text_fini (&t);

    req =
        tb_commit (&tb, "guest", 0, 1234, "[" IF ("x", "null") "," PUT ("x", "MQ==") "]");
    tb_pump (&tb);
    is_int (result (req), 0, "guests may have conditions where they may write");
    req = tb_commit (&tb, "primary", 0, 1234, "[" IF ("x", "null") "]");
    tb_pump (&tb);
    is_int (result (req), EPERM, "but learn nothing from them elsewhere");
    teardown ();
}

static void long_keys_in_messages (void)
{
    struct text t = TEXT_INIT;
    struct tb_req *req;

    setup ();
    text_puts (&t, "[{\"key\":\"x");
    for (int i = 0; i < 1000; i++)
        text_puts (&t, "\u00e4");
    text_puts (&t, "\",\"if\":true}]");
    req = commit (t.buf);
    tb_pump (&tb);
    ok (req->r.errnum == KVS_ECONDITION && strlen (req->r.errtext) < 300
            && strstr (req->r.errtext, "\u00e4... does not exist"),
        "long keys are cut between characters");
    tb_req_free (req);
    text_fini (&t);
    teardown ();
}

int main (void)
{
    absent_and_exists ();
    one_of_many_wins ();
    objects ();
    sequences ();
    malformed ();
    broken_ways ();
    long_keys_in_messages ();
    return done_testing ();
}
