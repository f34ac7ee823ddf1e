/* kvs_test.c - the KVS client against a broker that answers as it is told. */

#include "config.h"
#include "common/base64.h"
#include "common/text.h"
#include "fake_broker.h"

#define VAL(base64) "{\"val\":{\"ver\":1,\"type\":\"val\",\"data\":\"" base64 "\"}}"
#define ROOTREF "sha1-c0a9faf907dda6216fd73bf81d0b3b21a1a8cb91"
#define LINK(data) "{\"val\":{\"ver\":1,\"type\":\"symlink\",\"data\":" data "}}"

static flux_future_t *lookup (flux_t *h, const char *answer)
{
    flux_future_t *f;

    fake_answer ("kvs.lookup", 0, answer, NULL);
    if (!(f = flux_kvs_lookup (h, NULL, 0, "a.b")))
        bail_out ("flux_kvs_lookup: %s", strerror (errno));
    return f;
}

static void values_are_looked_up (flux_t *h)
{
    flux_future_t *f = lookup (h, VAL ("Zm9v"));
    const char *s = "", *again, *treeobj;
    const void *data;
    size_t len;

    ok (flux_kvs_lookup_get (f, &s) == 0, "a value is looked up");
    is (s, "foo", "... as text");
    is (fake_request ("kvs.lookup"),
        "{\"key\":\"a.b\",\"namespace\":\"primary\",\"flags\":0}",
        "the request");
    ok (flux_kvs_lookup_get_raw (f, &data, &len) == 0 && len == 3 && data == s,
        "as bytes it is the same, decoded once");
    ok (flux_kvs_lookup_get_treeobj (f, &treeobj) == 0, "as a tree object");
    is (treeobj, "{\"data\":\"Zm9v\",\"type\":\"val\",\"ver\":1}", "... canonical");
    ok (flux_kvs_lookup_get (f, &again) == 0 && again == s, "all stay valid");
    is (flux_kvs_lookup_get_key (f), "a.b", "it knows its key");
    ok (flux_kvs_lookup_cancel (f) < 0 && errno == EINVAL, "it cannot be cancelled");
    flux_future_destroy (f);

    f = lookup (h, VAL (""));
    ok (flux_kvs_lookup_get (f, &s) == 0 && s == NULL, "an empty value is NULL");
    ok (flux_kvs_lookup_get_raw (f, &data, &len) == 0 && !data && len == 0, "... raw");
    flux_future_destroy (f);

    f = lookup (h, VAL ("YQBi"));
    ok (flux_kvs_lookup_get_raw (f, &data, &len) == 0 && len == 3
            && memcmp (data, "a\0b", 4) == 0,
        "bytes may be 0, and one is behind them");
    flux_future_destroy (f);

    f = lookup (h, VAL ("\\/\\/\\/\\/"));
    ok (flux_kvs_lookup_get_raw (f, &data, &len) == 0 && len == 3
            && memcmp (data, "\xff\xff\xff", 3) == 0,
        "the base64 may be escaped");
    flux_future_destroy (f);
}

static void values_are_unpacked (flux_t *h)
{
    flux_future_t *f = lookup (h, VAL ("eyJpIjo0Mn0=")); /* {"i":42} */
    int i = 0;

    ok (flux_kvs_lookup_get_unpack (f, "{s:i}", "i", &i) == 0 && i == 42, "JSON");
    errno = 0;
    ok (flux_kvs_lookup_get_unpack (f, "{s:i}", "j", &i) == -1 && errno == EINVAL,
        "of another shape: -1, not 1");
    flux_future_destroy (f);
    f = lookup (h, VAL ("NDI="));
    ok (flux_kvs_lookup_get_unpack (f, "i", &i) == 0 && i == 42, "a bare number");
    flux_future_destroy (f);
    f = lookup (h, VAL ("Zm9v"));
    ok (flux_kvs_lookup_get_unpack (f, "i", &i) < 0 && errno == EINVAL, "no JSON");
    flux_future_destroy (f);
    f = lookup (h, VAL (""));
    ok (flux_kvs_lookup_get_unpack (f, "i", &i) < 0 && errno == EINVAL, "nothing");
    flux_future_destroy (f);
}

static void other_objects_are_looked_up (flux_t *h)
{
    flux_future_t *f;
    const flux_kvsdir_t *dir;
    const char *ns = "x", *target, *s;

    f = lookup (h, LINK ("{\"target\":\"x.y\"}"));
    ok (flux_kvs_lookup_get_symlink (f, &ns, &target) == 0 && ns == NULL, "a link");
    is (target, "x.y", "... leads somewhere");
    ok (flux_kvs_lookup_get (f, &s) < 0 && errno == EINVAL, "it has no value");
    ok (flux_kvs_lookup_get_dir (f, &dir) < 0 && errno == EINVAL, "and is no directory");
    flux_future_destroy (f);
    f = lookup (h, LINK ("{\"namespace\":\"n\",\"target\":\".\"}"));
    ok (flux_kvs_lookup_get_symlink (f, &ns, &target) == 0, "a link elsewhere");
    is (ns, "n", "... to a namespace");
    flux_future_destroy (f);

    f = lookup (h, "{\"val\":{\"ver\":1,\"type\":\"dir\",\"data\":{}}}");
    ok (flux_kvs_lookup_get_dir (f, &dir) == 0 && flux_kvsdir_get_size (dir) == 0,
        "a directory");
    is (flux_kvsdir_key (dir), "a.b", "... knows its key");
    ok (flux_kvsdir_handle (dir) == h, "... and its handle");
    ok (flux_kvs_lookup_get_symlink (f, &ns, &target) < 0 && errno == EINVAL, "no link");
    flux_future_destroy (f);

    f = lookup (h,
                "{\"val\":{\"data\":[\"" ROOTREF "\"],\"type\":\"dirref\","
                "\"ver\":1}}");
    ok (flux_kvs_lookup_get_dir (f, &dir) < 0 && errno == EINVAL, "a dirref is no dir");
    ok (flux_kvs_lookup_get_treeobj (f, &s) == 0, "but a tree object");
    flux_future_destroy (f);
}

static void bad_responses_are_refused (flux_t *h)
{
    static const char *const bad[] = {
        "",
        "{}",
        "{\"val\":42}",
        "{\"val\":{}}",
        "{\"val\":{\"ver\":1,\"type\":\"val\"}}",
        "{\"val\":{\"ver\":2,\"type\":\"val\",\"data\":\"\"}}",
        "{\"val\":{\"ver\":1,\"type\":\"val\",\"data\":\"\",\"x\":1}}",
        "{\"val\":{\"ver\":1,\"type\":\"val\",\"data\":1}}",
        "{\"val\":{\"ver\":1,\"type\":\"hdir\",\"data\":{}}}",
        VAL ("!!!!"),
    };

    for (size_t i = 0; i < ARRAY_SIZE (bad); i++) {
        flux_future_t *f = lookup (h, bad[i]);
        const char *s;

        errno = 0;
        ok (flux_kvs_lookup_get (f, &s) < 0 && errno == EPROTO, "bad response %zu", i);
        flux_future_destroy (f);
    }
}

static void bad_lookups_are_refused (flux_t *h)
{
    static const int bad[] = {
        FLUX_KVS_WATCH_FULL,
        FLUX_KVS_WATCH_APPEND,
        FLUX_KVS_WATCH_INITIAL_SENTINEL,
        FLUX_KVS_READLINK | FLUX_KVS_READDIR,
        FLUX_KVS_READLINK | FLUX_KVS_TREEOBJ,
        FLUX_KVS_APPEND,
        1 << 20,
    };
    flux_future_t *f;
    const char *s;

    for (size_t i = 0; i < ARRAY_SIZE (bad); i++)
        ok (!flux_kvs_lookup (h, NULL, bad[i], "a") && errno == EINVAL, "%#x", bad[i]);
    ok (!flux_kvs_lookup (h, NULL, 0, "") && errno == EINVAL, "an empty key");
    ok (!flux_kvs_lookup (h, NULL, 0, NULL) && errno == EINVAL, "no key");
    ok (!flux_kvs_lookup (NULL, NULL, 0, "a") && errno == EINVAL, "no handle");
    ok (!flux_kvs_lookupat (h, 0, "a", NULL) && errno == EINVAL, "at nothing");
    ok (!flux_kvs_lookupat (h, 0, "a", "foo") && errno == EINVAL, "at no JSON");
    ok (!flux_kvs_lookupat (h, FLUX_KVS_WATCH, "a", "{}") && errno == EINVAL,
        "a watch of a snapshot");
    f = flux_rpc (h, "kvs.lookup", NULL, FLUX_NODEID_ANY, 0);
    ok (flux_kvs_lookup_get (f, &s) < 0 && errno == EINVAL, "a future of another kind");
    ok (!flux_kvs_lookup_get_key (f) && errno == EINVAL, "has no key");
    ok (flux_kvs_lookup_cancel (NULL) < 0 && errno == EINVAL, "NULL is none");
    flux_future_destroy (f);
}

static void a_snapshot_is_looked_into (flux_t *h)
{
    static const char at[] = "{\"data\":[\"" ROOTREF "\"],\"type\":\"dirref\",\"ver\":1}";
    const flux_kvsdir_t *dir;
    flux_future_t *f;

    fake_answer ("kvs.lookup",
                 0,
                 "{\"val\":{\"ver\":1,\"type\":\"dir\",\"data\":{}}}",
                 NULL);
    f = flux_kvs_lookupat (h, FLUX_KVS_READDIR, "a", at);
    ok (flux_kvs_lookup_get_dir (f, &dir) == 0, "a directory of a snapshot");
    is (fake_request ("kvs.lookup"),
        "{\"key\":\"a\",\"flags\":1,\"rootdir\":{\"data\":[\"" ROOTREF
        "\"],\"type\":\"dirref\",\"ver\":1}}",
        "the request");
    is (flux_kvsdir_rootref (dir), at, "the directory knows it");
    flux_future_destroy (f);
}

static void a_watch_is_a_stream (flux_t *h)
{
    int flags = FLUX_KVS_WATCH | FLUX_KVS_WATCH_APPEND | FLUX_KVS_WATCH_INITIAL_SENTINEL;
    flux_future_t *f;
    const char *s = "x";
    const void *data;
    size_t len;

    fake_answer ("kvs-watch.lookup",
                 ENODATA,
                 VAL ("MQ=="),
                 "",
                 VAL ("Mg=="),
                 VAL ("Mg=="),
                 NULL);
    f = flux_kvs_lookup (h, "ns", flags, "log");
    ok (flux_kvs_lookup_get (f, &s) == 0, "the first");
    is (s, "1", "... response");
    is (fake_request ("kvs-watch.lookup"),
        "{\"key\":\"log\",\"namespace\":\"ns\",\"flags\":1284}",
        "the request");
    flux_future_reset (f);
    ok (flux_kvs_lookup_get (f, &s) == 0 && s == NULL, "the sentinel is NULL");
    ok (flux_kvs_lookup_get_raw (f, &data, &len) == 0 && !data && len == 0, "... raw");
    flux_future_reset (f);
    ok (flux_kvs_lookup_get (f, &s) == 0, "the second");
    is (s, "2", "... response");
    flux_future_reset (f);
    is (s, "2", "stays valid");
    ok (flux_kvs_lookup_get_raw (f, &data, NULL) == 0 && data == s,
        "... while the next is the same");
    fake_answer ("kvs-watch.cancel", 0, NULL);
    ok (flux_kvs_lookup_cancel (f) == 0, "a watch is cancelled");
    fake_sync (h);
    ok (strstr (fake_request ("kvs-watch.cancel"), "{\"matchtag\":"), "... by its tag");
    flux_future_reset (f);
    ok (flux_kvs_lookup_get (f, &s) < 0 && errno == ENODATA, "the end");
    flux_future_destroy (f);

    fake_answer ("kvs-watch.lookup", 0, VAL ("MQ=="), NULL);
    f = flux_kvs_lookup (h, NULL, FLUX_KVS_WAITCREATE, "k");
    ok (flux_kvs_lookup_get (f, &s) == 0, "kvs-watch waits for creation, too");
    flux_future_destroy (f);
}

static void big_values_are_whole (flux_t *h)
{
    size_t size = 10 * 1000 * 1000 + 1;
    char *value = malloc (size);
    struct text t = TEXT_INIT;
    flux_future_t *f;
    const void *data;
    size_t len;

    must (value != NULL);
    for (size_t i = 0; i < size; i++)
        value[i] = i * 31 >> 3;
    text_puts (&t, "{\"val\":{\"data\":\"");
    text_put_base64 (&t, value, size);
    text_puts (&t, "\",\"type\":\"val\",\"ver\":1}}");
    f = lookup (h, t.buf);
    ok (flux_kvs_lookup_get_raw (f, &data, &len) == 0 && len == size
            && memcmp (data, value, size) == 0,
        "ten megabytes");
    flux_future_destroy (f);
    text_fini (&t);
    free (value);
}

static void the_root_is_told (flux_t *h)
{
    flux_future_t *f;
    const char *s;
    uint32_t owner;
    int n;

    fake_answer ("kvs.getroot",
                 0,
                 "{\"rootref\":\"" ROOTREF "\",\"rootseq\":7,\"owner\":-2,\"flags\":0,"
                 "\"namespace\":\"x\"}",
                 NULL);
    f = flux_kvs_getroot (h, "x", 0);
    ok (flux_kvs_getroot_get_blobref (f, &s) == 0, "the root's reference");
    is (s, ROOTREF, "... is this");
    is (fake_request ("kvs.getroot"), "{\"namespace\":\"x\",\"flags\":0}", "the request");
    ok (flux_kvs_getroot_get_treeobj (f, &s) == 0, "as a tree object");
    is (s, "{\"data\":[\"" ROOTREF "\"],\"type\":\"dirref\",\"ver\":1}", "... this");
    ok (flux_kvs_getroot_get_sequence (f, &n) == 0 && n == 7, "its sequence");
    ok (flux_kvs_getroot_get_owner (f, &owner) == 0 && owner == 4294967294u, "its owner");
    ok (flux_kvs_commit_get_sequence (f, &n) < 0 && errno == EINVAL, "it is no commit");
    flux_future_destroy (f);
    ok (flux_kvs_get_version (h, NULL, &n) == 0 && n == 7, "the version");
    ok (!flux_kvs_getroot (h, NULL, 1) && errno == EINVAL, "no flags");
    fake_answer ("kvs.wait-version", 0, "", NULL);
    ok (flux_kvs_wait_version (h, NULL, 9) == 0, "a version is waited for");
    is (fake_request ("kvs.wait-version"),
        "{\"rootseq\":9,\"namespace\":\"primary\"}",
        "... so");
    setenv ("FLUX_KVS_NAMESPACE", "env", 1);
    flux_kvs_get_version (h, NULL, &n);
    is (fake_request ("kvs.getroot"),
        "{\"namespace\":\"env\",\"flags\":0}",
        "the environment names a namespace");
    unsetenv ("FLUX_KVS_NAMESPACE");
}

static void namespaces_come_and_go (flux_t *h)
{
    flux_future_t *f;

    fake_answer ("attr.get", 0, "{\"value\":\"sha1\",\"flags\":1}", NULL);
    fake_answer ("kvs.namespace-create", 0, "", NULL);
    fake_answer ("kvs.namespace-remove", 0, "", NULL);
    f = flux_kvs_namespace_create (h, "n", 1000, 0);
    ok (f && flux_future_get (f, NULL) == 0, "one is created");
    is (fake_request ("kvs.namespace-create"),
        "{\"namespace\":\"n\",\"rootref\":\"" ROOTREF "\",\"owner\":1000,\"flags\":0}",
        "... empty");
    flux_future_destroy (f);
    f = flux_kvs_namespace_remove (h, "n");
    ok (f && flux_future_get (f, NULL) == 0, "and removed");
    is (fake_request ("kvs.namespace-remove"), "{\"namespace\":\"n\"}", "... by name");
    flux_future_destroy (f);
    ok (!flux_kvs_namespace_create (h, NULL, 0, 0) && errno == EINVAL, "no name");
    ok (!flux_kvs_namespace_create (h, "n", 0, 1) && errno == EINVAL, "wrong flags");
    ok (!flux_kvs_namespace_create_with (h, "n", NULL, 0, 0) && errno == EINVAL,
        "no root");
    ok (!flux_kvs_namespace_remove (h, NULL) && errno == EINVAL, "no name");
}

static void transactions_are_committed (flux_t *h)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_future_t *f;
    const char *s;
    int n;

    fake_answer ("kvs.commit", 0, "{\"rootref\":\"" ROOTREF "\",\"rootseq\":3}", NULL);
    f = flux_kvs_commit (h, NULL, 0, txn);
    ok (flux_kvs_commit_get_sequence (f, &n) == 0 && n == 3, "an empty one");
    is (fake_request ("kvs.commit"),
        "{\"namespace\":\"primary\",\"flags\":0,\"ops\":[]}",
        "the request");
    flux_future_destroy (f);
    flux_kvs_txn_put (txn, FLUX_KVS_APPEND, "a", "x");
    flux_kvs_txn_put (txn, FLUX_KVS_APPEND, "a", "y");
    f = flux_kvs_commit (h, "n", FLUX_KVS_TXN_COMPACT | FLUX_KVS_SYNC, txn);
    ok (flux_kvs_commit_get_rootref (f, &s) == 0, "a compact one");
    is (s, ROOTREF, "the new root");
    ok (flux_kvs_commit_get_treeobj (f, &s) == 0, "as a tree object");
    is (s, "{\"data\":[\"" ROOTREF "\"],\"type\":\"dirref\",\"ver\":1}", "... this");
    is (fake_request ("kvs.commit"),
        "{\"namespace\":\"n\",\"flags\":4,\"ops\":[{\"key\":\"a\",\"flags\":32,"
        "\"dirent\":{\"data\":\"eHk=\",\"type\":\"val\",\"ver\":1}}]}",
        "COMPACT is not sent");
    flux_future_destroy (f);
    flux_kvs_txn_unlink (txn, 0, "a");
    ok (!flux_kvs_commit (h, NULL, FLUX_KVS_TXN_COMPACT, txn) && errno == EINVAL,
        "what cannot be compacted is refused");
    ok (!flux_kvs_commit (h, NULL, 0, NULL) && errno == EINVAL, "NULL is none");
    ok (!flux_kvs_commit (NULL, NULL, 0, txn) && errno == EINVAL, "no handle");
    fake_error ("kvs.commit", EPERM, "no");
    f = flux_kvs_commit (h, NULL, 0, txn);
    ok (flux_kvs_commit_get_rootref (f, &s) < 0 && errno == EPERM, "a failure is told");
    ok (flux_kvs_commit_get_rootref (f, NULL) < 0 && errno == EINVAL, "NULL is refused");
    flux_future_destroy (f);
    flux_kvs_txn_destroy (txn);
}

static void done_cb (flux_future_t *f, void *arg)
{
    flux_reactor_stop (arg);
}

static void keys_are_copied_and_moved (flux_t *h)
{
    flux_future_t *f;
    const char *s;
    int n = 0;

    fake_answer ("kvs.lookup", 0, VAL ("Zm9v"), NULL);
    fake_answer ("kvs.commit", 0, "{\"rootref\":\"" ROOTREF "\",\"rootseq\":5}", NULL);
    f = flux_kvs_copy (h, "s", "a", "d", "b", FLUX_KVS_NO_MERGE);
    ok (f && flux_kvs_commit_get_sequence (f, &n) == 0 && n == 5, "a copy is a commit");
    is (fake_request ("kvs.lookup"),
        "{\"key\":\"a\",\"namespace\":\"s\",\"flags\":16}",
        "... of what was looked up");
    is (fake_request ("kvs.commit"),
        "{\"namespace\":\"d\",\"flags\":1,\"ops\":[{\"key\":\"b\",\"flags\":0,\"dirent\":"
        "{\"data\":\"Zm9v\",\"type\":\"val\",\"ver\":1}}]}",
        "... put elsewhere");
    flux_future_destroy (f);

    n = fake_count ("kvs.commit");
    f = flux_kvs_move (h, NULL, "a", NULL, "b", 0);
    must (f && flux_future_then (f, -1., done_cb, flux_get_reactor (h)) == 0);
    must (flux_reactor_run (flux_get_reactor (h), 0) >= 0);
    ok (flux_kvs_commit_get_treeobj (f, &s) == 0, "a move, in a reactor");
    ok (fake_count ("kvs.commit") == n + 2, "is two commits");
    is (fake_request ("kvs.commit"),
        "{\"namespace\":\"primary\",\"flags\":0,\"ops\":[{\"key\":\"a\",\"flags\":0,"
        "\"dirent\":null}]}",
        "the second removes the source");
    flux_future_destroy (f);

    fake_answer ("kvs.lookup", ENOENT, NULL);
    f = flux_kvs_move (h, NULL, "a", NULL, "b", 0);
    ok (flux_future_get (f, NULL) < 0 && errno == ENOENT, "what is not there stays so");
    ok (fake_count ("kvs.commit") == n + 2, "... nothing is committed");
    flux_future_destroy (f);
    fake_answer ("kvs.lookup", 0, VAL ("Zm9v"), NULL);
    fake_answer ("kvs.commit", EROFS, NULL);
    f = flux_kvs_copy (h, NULL, "a", NULL, "b", 0);
    ok (flux_kvs_commit_get_rootref (f, &s) < 0 && errno == EROFS, "a failed commit");
    flux_future_destroy (f);
    f = flux_kvs_copy (h, NULL, "a", NULL, "b", 0);
    flux_future_destroy (f);
    ok (!flux_kvs_copy (h, NULL, NULL, NULL, "b", 0) && errno == EINVAL, "no source");
    ok (!flux_kvs_move (h, NULL, "a", NULL, NULL, 0) && errno == EINVAL, "no target");
}

int main (void)
{
    flux_t *h = fake_start ();

    values_are_looked_up (h);
    values_are_unpacked (h);
    other_objects_are_looked_up (h);
    bad_responses_are_refused (h);
    bad_lookups_are_refused (h);
    a_snapshot_is_looked_into (h);
    a_watch_is_a_stream (h);
    big_values_are_whole (h);
    the_root_is_told (h);
    namespaces_come_and_go (h);
    transactions_are_committed (h);
    keys_are_copied_and_moved (h);
    fake_stop (h);
    return done_testing ();
}
