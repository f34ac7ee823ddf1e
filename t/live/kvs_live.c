/* kvs_live.c - the kvs and content services as their clients see them.
 *
 * All golden transactions, sent as they are given; and what the protocol says
 * about malformed and forbidden requests.  With the argument "follower": what
 * holds on ranks > 0 as well.
 */

#include "config.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "common/base64.h"
#include "common/blobhash.h"
#include "live.h"

#define OWNER_ONLY "Request requires owner credentials"

static flux_t *h;
static flux_t *guest;
static const char *hashname;
static struct blobhash *hash;
static char empty[BLOBREF_TEXT_SIZE];

/* ---- golden transactions ---- */

static json_t *by_hash (json_t *o)
{
    json_t *v = json_object_get (o, hashname);

    return v && json_object_size (o) == 2 ? v : o;
}

static void store (const void *data, size_t len)
{
    flux_future_t *f = flux_rpc_raw (h, "content.store", data, len, FLUX_NODEID_ANY, 0);

    if (!f || flux_future_get (f, NULL) < 0)
        bail_out ("content.store: %s", strerror (errno));
    flux_future_destroy (f);
}

/* Replace @NAME@ in all strings below o. */
static void put_names (json_t *o, json_t *names)
{
    const char *key;
    size_t i;
    json_t *v;

    if (json_is_array (o)) {
        json_array_foreach (o, i, v)
        {
            const char *s = json_string_value (v);
            char name[64] = "";

            if (s && sscanf (s, "@%60[^@]@", name) == 1 && json_object_get (names, name))
                json_array_set (o, i, json_object_get (names, name));
            else
                put_names (v, names);
        }
    }
    json_object_foreach (o, key, v) put_names (v, names);
}

static json_t *put_blobs (json_t *blobs)
{
    json_t *names = json_object ();
    const char *name;
    json_t *v;

    json_object_foreach (blobs, name, v)
    {
        const char *b64 = json_string_value (json_object_get (v, "base64"));
        char *data = malloc (strlen (b64) + 1);
        ssize_t n = base64_decode (data, b64, strlen (b64));
        char buf[BLOBREF_TEXT_SIZE];
        struct blobref ref;

        blobhash_sum (hash, data, n, &ref);
        if (!json_is_false (json_object_get (v, "stored")))
            store (data, n);
        json_object_set_new (names, name, json_string (blobref_str (&ref, buf)));
        free (data);
    }
    return names;
}

static flux_future_t *send_step (const char *ns, json_t *step, json_t *names)
{
    json_t *ops = json_deep_copy (json_object_get (step, "ops"));
    flux_future_t *f;

    put_names (ops, names);
    if (!(f = flux_rpc_pack (h, "kvs.commit", FLUX_NODEID_ANY, 0, "{s:s s:O s:o}",
                             "namespace", ns, "flags", json_object_get (step, "flags"),
                             "ops", ops)))
        bail_out ("kvs.commit: %s", strerror (errno));
    return f;
}

static bool answer_is (flux_future_t *f, json_t *expect)
{
    int errnum = json_integer_value (json_object_get (expect, "errno"));
    const char *rootref;
    int rootseq;

    if (flux_rpc_get_unpack (f, "{s:s s:i}", "rootref", &rootref, "rootseq", &rootseq)
        < 0)
        return errno == errnum;
    if (errnum)
        return false;
    if (json_object_get (expect, "ok"))
        return true;
    return strcmp (rootref,
                   json_string_value (by_hash (json_object_get (expect, "rootref"))))
               == 0
           && rootseq == json_integer_value (json_object_get (expect, "rootseq"));
}

static bool run_steps (const char *ns, json_t *c, json_t *names)
{
    json_t *steps = json_object_get (c, "steps");
    bool async = json_is_true (json_object_get (c, "async"));
    flux_future_t *f[64];
    bool good = true;
    json_t *step;
    size_t i;

    if (json_array_size (steps) > ARRAY_SIZE (f))
        bail_out ("too many steps");
    json_array_foreach (steps, i, step)
    {
        f[i] = send_step (ns, step, names);
        if (!async)
            good &= answer_is (f[i], json_object_get (step, "expect"));
    }
    json_array_foreach (steps, i, step)
    {
        if (async)
            good &= answer_is (f[i], json_object_get (step, "expect"));
        flux_future_destroy (f[i]);
    }
    return good;
}

static bool lookup_is (const char *ns, json_t *l)
{
    json_t *expect = json_object_get (l, "expect");
    flux_future_t *f = flux_rpc_pack (
        h, "kvs.lookup", FLUX_NODEID_ANY, 0, "{s:s s:O s:O}", "namespace", ns, "key",
        json_object_get (l, "key"), "flags", json_object_get (l, "flags"));
    json_t *val;
    bool same;

    if (flux_rpc_get_unpack (f, "{s:o}", "val", &val) < 0)
        same = errno == json_integer_value (json_object_get (expect, "errno"));
    else
        same = json_equal (val, by_hash (json_object_get (expect, "val")));
    flux_future_destroy (f);
    return same;
}

static bool final_is (const char *ns, json_t *final)
{
    flux_future_t *f = flux_kvs_getroot (h, ns, 0);
    const char *blobref;
    bool same;

    same = flux_kvs_getroot_get_blobref (f, &blobref) == 0
           && strcmp (blobref,
                      json_string_value (by_hash (json_object_get (final, "rootref"))))
                  == 0;
    flux_future_destroy (f);
    return same;
}

static void golden_case (json_t *c, int n)
{
    const char *ns = json_string_value (json_object_get (c, "namespace"));
    json_t *names = put_blobs (json_object_get (c, "blobs"));
    bool lookups = true;
    char buf[20];
    json_t *l;
    size_t i;

    if (!ns) {
        snprintf (buf, sizeof (buf), "golden%d", n);
        ns = buf;
    }
    live_create (h, ns, getuid ());
    ok (run_steps (ns, c, names), "%s: answers",
        json_string_value (json_object_get (c, "name")));
    json_array_foreach (json_object_get (c, "lookups"), i, l) lookups &=
        lookup_is (ns, l);
    ok (lookups, "... lookups");
    ok (final_is (ns, json_object_get (c, "final")), "... final root");
    live_remove (h, ns);
    json_decref (names);
}

static void golden (void)
{
    const char *srcdir = getenv ("SRCDIR");
    char path[4096];
    json_t *o, *c;
    size_t i;

    snprintf (path, sizeof (path), "%s/t/vectors/kvs-transactions.json",
              srcdir ? srcdir : ".");
    if (!(o = json_load_file (path, 0, NULL)))
        bail_out ("%s cannot be read", path);
    json_array_foreach (json_object_get (o, "cases"), i, c) golden_case (c, i);
    json_decref (o);
}

/* ---- protocol ---- */

static void malformed (void)
{
    static const char *const topics[] = {
        "kvs.commit",          "kvs.lookup",           "kvs.lookup-plus",
        "kvs.getroot",         "kvs.wait-version",     "kvs.setroot-pause",
        "kvs.setroot-unpause", "kvs.namespace-create", "kvs.namespace-remove",
    };

    for (size_t i = 0; i < ARRAY_SIZE (topics); i++) {
        char name[100];

        snprintf (name, sizeof (name), "%s of nothing is EPROTO", topics[i]);
        rpc_fails (h, topics[i], 0, NULL, EPROTO, NULL, name);
        snprintf (name, sizeof (name), "%s of an empty object is EPROTO", topics[i]);
        rpc_fails (h, topics[i], 0, "{}", EPROTO, NULL, name);
        snprintf (name, sizeof (name), "%s of what is not JSON is EPROTO", topics[i]);
        rpc_fails (h, topics[i], 0, "{\"namespace\":", EPROTO, NULL, name);
    }
    rpc_fails (h, "kvs.lookup", 0, "{\"key\":\"a\",\"flags\":0}", EPROTO, NULL,
               "lookup needs a namespace or a root");
    rpc_fails (h, "kvs.lookup", 0,
               "{\"key\":\"a\",\"flags\":0,\"rootdir\":{\"ver\":1,\"type\":\"val\","
               "\"data\":\"\"}}",
               EINVAL, NULL, "rootdir must be a dirref");
    rpc_fails (
        h, "kvs.lookup-plus", 0,
        "{\"key\":\"a\",\"flags\":0,\"rootdir\":{\"ver\":1,\"type\":\"dirref\",\"data\":"
        "[\"sha1-0123456789012345678901234567890123456789\"]}}",
        EPROTO, NULL, "lookup-plus of a rootdir needs its sequence");
    rpc_fails (h, "kvs.commit", 0, "{\"namespace\":\"nosuch\",\"flags\":0,\"ops\":[]}",
               EOPNOTSUPP, NULL, "an unknown namespace is ENOTSUP");
    rpc_fails (h, "kvs.namespace-create", 0,
               "{\"namespace\":\"x\",\"rootref\":\"sha1-00\",\"owner\":0,\"flags\":0}",
               EINVAL, NULL, "a malformed rootref is EINVAL");
    rpc_fails (
        h, "kvs.namespace-create", 0,
        "{\"namespace\":\"primary\",\"rootref\":"
        "\"sha1-0123456789012345678901234567890123456789\",\"owner\":0,\"flags\":0}",
        EEXIST, NULL, "primary exists");
    rpc_fails (h, "kvs.namespace-remove", 0, "{\"namespace\":\"Primary\"}", EOPNOTSUPP,
               NULL, "primary stays");
    rpc_fails (h, "kvs.namespace-remove", 0, "{\"namespace\":\"nosuch\"}", 0, NULL,
               "an unknown namespace need not be removed");
}

static void dangling_root (void)
{
    char payload[300];

    snprintf (
        payload, sizeof (payload),
        "{\"namespace\":\"dangling\",\"rootref\":\"%s-%s%s\",\"owner\":-1,\"flags\":3}",
        hashname, "0123456789012345678901234567890123456789",
        strcmp (hashname, "sha256") == 0 ? "012345678901234567890123" : "");
    rpc_fails (h, "kvs.namespace-create", 0, payload, 0, NULL,
               "a dangling root is accepted");
    rpc_fails (h, "kvs.lookup", 0,
               "{\"key\":\"a\",\"flags\":0,\"namespace\":\"dangling\"}", ENOENT, NULL,
               "what is read from it is ENOENT");
    rpc_fails (h, "kvs.commit", 0, "{\"namespace\":\"dangling\",\"flags\":0,\"ops\":[]}",
               ENOENT, NULL, "and written to it, too");
    live_remove (h, "dangling");
    snprintf (payload, sizeof (payload),
              "{\"namespace\":\"dangling\",\"rootref\":\"%s\",\"owner\":0,\"flags\":0}",
              empty);
    rpc_fails (
        h, "kvs.namespace-create", 0, payload, EEXIST,
        "namespace with identical name in process of being removed. Try again later",
        "a removed name is not free at once");
}

static void guests (void)
{
    static const char *const owner_only[] = {
        "kvs.namespace-create",
        "kvs.namespace-remove",
        "kvs.namespace-list",
        "kvs.relaycommit",
        "kvs.config-reload",
        "kvs.stats-clear",
        "content.load",
        "content.store",
        "content.flush",
        "content.dropcache",
        "content.checkpoint-get",
        "content.checkpoint-put",
        "content.register-backing",
        "content.unregister-backing",
        "content-backing.load",
        "content-backing.store",
    };

    for (size_t i = 0; i < ARRAY_SIZE (owner_only); i++) {
        char name[100];

        snprintf (name, sizeof (name), "%s is not for guests", owner_only[i]);
        rpc_fails (guest, owner_only[i], 0, "{}", EPERM, OWNER_ONLY, name);
    }
    rpc_fails (guest, "kvs.stats-get", 0, NULL, 0, NULL, "kvs.stats-get is");
    rpc_fails (guest, "kvs.getroot", 0, "{\"namespace\":\"primary\"}", EPERM, NULL,
               "guests have no business in the primary namespace");
    rpc_fails (guest, "kvs.lookup", 0,
               "{\"namespace\":\"primary\",\"key\":\"a\",\"flags\":0}", EPERM, NULL,
               "... not even to look");
    rpc_fails (guest, "kvs.commit", 0,
               "{\"namespace\":\"primary\",\"flags\":0,\"ops\":[]}", EPERM, NULL,
               "... or to write");
    rpc_fails (
        guest, "kvs.commit", 0,
        "{\"namespace\":\"nosuch\",\"flags\":0,\"ops\":[{\"key\":\"a\",\"flags\":0,"
        "\"dirent\":{\"ver\":1,\"type\":\"symlink\",\"data\":{\"target\":\"b\"}}}]}",
        EPERM, "guests may not commit symlink objects",
        "what a guest may write is checked first");
    rpc_fails (guest, "kvs.commit", 0,
               "{\"namespace\":\"nosuch\",\"flags\":0,\"ops\":[]}", EOPNOTSUPP, NULL,
               "that a namespace exists, second");
    live_create (h, "guests", 1234);
    rpc_fails (
        guest, "kvs.commit", 0,
        "{\"namespace\":\"guests\",\"flags\":0,\"ops\":[{\"key\":\"a\",\"flags\":0,"
        "\"dirent\":{\"ver\":1,\"type\":\"val\",\"data\":\"MQ==\"}}]}",
        0, NULL, "in a namespace of its own a guest writes");
    rpc_fails (guest, "kvs.lookup", 0,
               "{\"namespace\":\"guests\",\"key\":\"a\",\"flags\":0}", 0, NULL,
               "and reads");
    live_remove (h, "guests");
}

static void content (void)
{
    static const char missing[32];
    size_t size = blobref_digest_size (blobhash_kind (hash));
    flux_future_t *f;
    const void *data;
    struct blobref ref;
    size_t len;

    blobhash_sum (hash, "", 0, &ref);
    f = flux_rpc_raw (h, "content.store", NULL, 0, FLUX_NODEID_ANY, 0);
    ok (flux_rpc_get_raw (f, &data, &len) == 0 && len == size
            && memcmp (data, ref.bytes, size) == 0,
        "the empty blob has a name");
    flux_future_destroy (f);
    rpc_fails (h, "content.flush", 0, NULL, 0, NULL, "flush");
    rpc_fails (h, "content.dropcache", 0, NULL, 0, NULL, "dropcache");
    is_int (stats_get (h, "content", "dirty"), 0, "nothing is dirty after that");
    is_int (stats_get (h, "content", "count"), 0, "and nothing cached");
    f = flux_rpc_raw (h, "content.load", ref.bytes, size, FLUX_NODEID_ANY, 0);
    ok (flux_rpc_get_raw (f, &data, &len) == 0 && len == 0,
        "the empty blob can be loaded");
    flux_future_destroy (f);
    f = flux_rpc_raw (h, "content.load", missing, size, FLUX_NODEID_ANY, 0);
    ok (flux_rpc_get_raw (f, &data, &len) < 0 && errno == ENOENT, "a missing one cannot");
    flux_future_destroy (f);
    f = flux_rpc_raw (h, "content.load", missing, 5, FLUX_NODEID_ANY, 0);
    ok (flux_rpc_get_raw (f, &data, &len) < 0 && errno == EPROTO,
        "a digest has its size");
    flux_future_destroy (f);
    rpc_fails (h, "content.load", 0, NULL, EPROTO, NULL, "... and is needed");
    rpc_fails (h, "content.checkpoint-put", 0, "{}", EPROTO, NULL,
               "a checkpoint has a value");
    rpc_fails (h, "content.checkpoint-put", 0, "{\"value\":1}", EINVAL,
               "failed to encode checkpoint value", "... that is an object or array");
    rpc_fails (h, "content.register-backing", 0, "{\"name\":\"x\"}", EBUSY,
               "content backing store is already active", "one backing store is enough");
}

/* What has been flushed and dropped everywhere is read again from the disk. */
static void cold_read (void)
{
    char big[5000];
    flux_future_t *f;
    const char *value;

    memset (big, 'x', sizeof (big) - 1);
    big[sizeof (big) - 1] = '\0';
    f = flux_kvs_lookup (h, NULL, 0, "cold.big");
    if (flux_kvs_lookup_get (f, &value) == 0)
        bail_out ("there is a value already");
    flux_future_destroy (f);
    live_commit (h, NULL, "put cold.small 1", "append cold.log a", "append cold.log b",
                 NULL);
    rpc_fails (h, "content.flush", 0, NULL, 0, NULL, "flush");
    rpc_fails (h, "content.dropcache", 0, NULL, 0, NULL, "dropcache");
    f = flux_kvs_lookup (h, NULL, 0, "cold.log");
    ok (flux_kvs_lookup_get (f, &value) == 0 && strcmp (value, "ab") == 0, "still there");
    flux_future_destroy (f);
}

static void sync_and_pause (void)
{
    flux_future_t *f, *c;
    int before, after;

    flux_kvs_get_version (h, NULL, &before);
    f = live_commit_begin (h, NULL, FLUX_KVS_SYNC, "put synced 1");
    ok (flux_kvs_commit_get_sequence (f, &after) == 0 && after == before + 1,
        "a sync commit");
    flux_future_destroy (f);
    rpc_fails (h, "content.checkpoint-get", 0, NULL, 0, NULL, "leaves a checkpoint");
    rpc_fails (h, "kvs.setroot-pause", 0, "{\"namespace\":\"primary\"}", 0, NULL,
               "pause");
    c = live_commit_begin (h, NULL, 0, "put paused 1");
    ok (flux_kvs_wait_version (h, NULL, after + 1) == 0 && !flux_future_is_ready (c),
        "a commit is applied but not answered");
    rpc_fails (h, "kvs.setroot-unpause", 0, "{\"namespace\":\"primary\"}", 0, NULL,
               "unpause");
    ok (flux_future_get (c, NULL) == 0, "now it is");
    flux_future_destroy (c);
}

static void leaving (void)
{
    flux_t *other = live_open ();
    flux_future_t *f =
        flux_rpc_pack (other, "kvs.wait-version", FLUX_NODEID_ANY, 0, "{s:s s:i}",
                       "namespace", "primary", "rootseq", 1000000);
    flux_future_t *p = flux_rpc (other, "kvs.ping", "{}", FLUX_NODEID_ANY, 0);

    flux_future_get (p, NULL); /* so the wait has arrived, too */
    is_int (stats_get (h, "kvs", "pending_requests"), 1, "a client waits");
    flux_future_destroy (p);
    flux_future_destroy (f);
    flux_close (other);
    while (stats_get (h, "kvs", "pending_requests") != 0)
        ;
    ok (true, "it leaves, and is forgotten");
}

/* ---- on a rank that follows ---- */

static bool reads (const char *ns, const char *key, const char *want)
{
    flux_future_t *f = flux_kvs_lookup (h, ns, 0, key);
    const char *s;
    bool same = f && flux_kvs_lookup_get (f, &s) == 0 && s && strcmp (s, want) == 0;

    flux_future_destroy (f);
    return same;
}

/* Each commit is read back at once where it was made, in a namespace that others
 * fill from rank 0 at the same time.
 */
static void read_your_writes (void)
{
    bool good = true;
    char op[64], want[32];

    live_create (h, "mine", getuid ());
    for (int i = 0; i < 300; i++) {
        flux_future_t *f[4];

        for (int k = 0; k < 4; k++) {
            snprintf (op, sizeof (op), "put d%d.k %d", k, i);
            f[k] = live_commit_begin (h, "mine", i % 3 == 0 ? FLUX_KVS_NO_MERGE : 0, op);
        }
        for (int k = 0; k < 4; k++) {
            snprintf (op, sizeof (op), "d%d.k", k);
            snprintf (want, sizeof (want), "%d", i);
            good &= flux_future_get (f[k], NULL) == 0 && reads ("mine", op, want);
            flux_future_destroy (f[k]);
        }
    }
    ok (good, "what was committed here is read here");
    live_remove (h, "mine");
}

/* Roots of a removed namespace are not those of the next one of that name. */
static void names_come_again (void)
{
    bool good = true;

    for (int i = 0; i < 3; i++) {
        char want[8];
        flux_future_t *f;
        int seq;

        snprintf (want, sizeof (want), "%d", i);
        while (!(f = flux_kvs_namespace_create (h, "again", getuid (), 0))
               || flux_future_get (f, NULL) < 0) {
            if (errno != EEXIST)
                bail_out ("namespace create: %s", strerror (errno));
            flux_future_destroy (f);
        }
        flux_future_destroy (f);
        good &= !reads ("again", "a", "0") && !reads ("again", "a", "1");
        f = flux_kvs_lookup (h, "again", 0, "a");
        good &= flux_future_get (f, NULL) < 0 && errno == ENOENT;
        flux_future_destroy (f);
        f = live_commit_begin (h, "again", 0, i == 0 ? "put a 0" : i == 1 ? "put a 1" : "put a 2");
        good &= flux_kvs_commit_get_sequence (f, &seq) == 0 && seq == 1
                && reads ("again", "a", want);
        flux_future_destroy (f);
        live_remove (h, "again");
        /* Gone here, too, when its event has come. */
        while (flux_kvs_get_version (h, "again", &seq) == 0)
            ;
        good &= errno == EOPNOTSUPP;
    }
    ok (good, "a name that comes again is another namespace");
}

static void past_roots (void)
{
    flux_future_t *f;
    const char *ref;
    char rootdir[200], payload[400];

    live_create (h, "past", 1234);
    live_commit (h, "past", "put a 1", NULL);
    f = flux_kvs_getroot (h, "past", 0);
    if (flux_kvs_getroot_get_blobref (f, &ref) < 0)
        bail_out ("getroot: %s", strerror (errno));
    snprintf (rootdir, sizeof (rootdir),
              "{\"ver\":1,\"type\":\"dirref\",\"data\":[\"%s\"]}", ref);
    snprintf (payload, sizeof (payload), "{\"key\":\"a\",\"flags\":0,\"rootdir\":%s}", rootdir);
    live_commit (h, "past", "put a 2", NULL);
    rpc_fails (guest, "kvs.lookup", 0, payload, 0, NULL,
               "a guest reads a past root of its own namespace, which rank 0 knows");
    live_remove (h, "past");
    rpc_fails (guest, "kvs.lookup", 0, payload, EPERM, NULL, "until it is removed");
    flux_future_destroy (f);
}

static void waiting (void)
{
    flux_future_t *f, *c;
    int seq;

    live_create (h, "wait", getuid ());
    live_commit (h, "wait", "put a 1", NULL);
    f = flux_rpc_pack (h, "kvs.wait-version", FLUX_NODEID_ANY, 0, "{s:s s:i}", "namespace",
                       "wait", "rootseq", 3);
    rpc_fails (h, "kvs.setroot-pause", 0, "{\"namespace\":\"wait\"}", 0, NULL, "pause");
    c = live_commit_begin (h, "wait", 0, "put a 2");
    ok (flux_kvs_get_version (h, "wait", &seq) == 0 && seq == 1 && reads ("wait", "a", "1"),
        "while it is paused, this rank sees nothing new");
    rpc_fails (h, "kvs.setroot-unpause", 0, "{\"namespace\":\"wait\"}", 0, NULL, "unpause");
    ok (flux_future_get (c, NULL) == 0 && reads ("wait", "a", "2"), "then it does");
    ok (!flux_future_is_ready (f), "who waits for a later root still waits");
    live_remove (h, "wait");
    ok (flux_future_get (f, NULL) < 0 && errno == EOPNOTSUPP,
        "until the namespace is removed");
    flux_future_destroy (c);
    flux_future_destroy (f);
}

static int follower (void)
{
    golden ();
    read_your_writes ();
    names_come_again ();
    past_roots ();
    waiting ();
    leaving ();
    blobhash_free (hash);
    flux_close (guest);
    flux_close (h);
    return done_testing ();
}

int main (int argc, char **argv)
{
    struct blobref ref;

    h = live_open ();
    guest = live_open_guest (1234);
    if (!(hashname = flux_attr_get (h, "content.hash"))
        || blobhash_new (blobref_kind_parse (hashname), &hash) < 0)
        bail_out ("content.hash: %s", strerror (errno));
    blobhash_sum (hash, "{\"data\":{},\"type\":\"dir\",\"ver\":1}", 32, &ref);
    blobref_str (&ref, empty);
    diag ("content.hash is %s", hashname);
    if (argc > 1 && strcmp (argv[1], "follower") == 0)
        return follower ();
    golden ();
    malformed ();
    dangling_root ();
    guests ();
    content ();
    cold_read ();
    sync_and_pause ();
    leaving ();
    blobhash_free (hash);
    flux_close (guest);
    flux_close (h);
    return done_testing ();
}
