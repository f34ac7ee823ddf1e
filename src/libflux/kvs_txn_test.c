#include "config.h"
#include <flux/core.h>

#include "common/tap.h"
#include "kvs_private.h"

/* What the transaction sends. */
static void is_ops (const flux_kvs_txn_t *txn, const char *want, const char *what)
{
    struct text t = TEXT_INIT;

    is (kvs_txn_write (txn, &t) == 0 ? t.buf : NULL, want, "%s", what);
    text_fini (&t);
}

static void operations_become_text (void)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();

    is_ops (txn, "[]", "an empty transaction");
    ok (flux_kvs_txn_is_empty (txn), "is empty");
    ok (flux_kvs_txn_put (txn, 0, "a", "foo") == 0, "put");
    ok (flux_kvs_txn_put (txn, 0, "b..c.", NULL) == 0, "put nothing");
    ok (flux_kvs_txn_put_raw (txn, FLUX_KVS_APPEND, "d", "\0\xff", 2) == 0, "append");
    ok (flux_kvs_txn_pack (txn, 0, "e", "{s:[i]}", "x", 1) == 0, "pack an object");
    ok (flux_kvs_txn_pack (txn, 0, "f", "i", 42) == 0, "pack a number");
    is_ops (txn,
            "[{\"key\":\"a\",\"flags\":0,\"dirent\":{\"data\":\"Zm9v\",\"type\":\"val\","
            "\"ver\":1}},"
            "{\"key\":\"b..c.\",\"flags\":0,\"dirent\":{\"data\":\"\",\"type\":\"val\","
            "\"ver\":1}},"
            "{\"key\":\"d\",\"flags\":32,\"dirent\":{\"data\":\"AP8=\",\"type\":\"val\","
            "\"ver\":1}},"
            "{\"key\":\"e\",\"flags\":0,\"dirent\":{\"data\":\"eyJ4IjpbMV19\","
            "\"type\":\"val\",\"ver\":1}},"
            "{\"key\":\"f\",\"flags\":0,\"dirent\":{\"data\":\"NDI=\",\"type\":\"val\","
            "\"ver\":1}}]",
            "values are base64, keys as given");
    ok (!flux_kvs_txn_is_empty (txn), "it is not empty");
    ok (flux_kvs_txn_clear (txn) == 0 && flux_kvs_txn_is_empty (txn), "cleared it is");

    ok (flux_kvs_txn_mkdir (txn, 0, "d") == 0, "mkdir");
    ok (flux_kvs_txn_unlink (txn, 0, "u") == 0, "unlink");
    ok (flux_kvs_txn_symlink (txn, 0, "s", NULL, "a.\"b") == 0, "symlink");
    ok (flux_kvs_txn_symlink (txn, 0, "n", "ns", ".") == 0, "symlink elsewhere");
    ok (flux_kvs_txn_put_treeobj (txn, 0, "t", "{\"ver\":1,\"type\":\"dir\",\"data\":{}}")
            == 0,
        "put a tree object");
    is_ops (txn,
            "[{\"key\":\"d\",\"flags\":0,\"dirent\":{\"data\":{},\"type\":\"dir\","
            "\"ver\":1}},"
            "{\"key\":\"u\",\"flags\":0,\"dirent\":null},"
            "{\"key\":\"s\",\"flags\":0,\"dirent\":{\"data\":{\"target\":\"a.\\\"b\"},"
            "\"type\":\"symlink\",\"ver\":1}},"
            "{\"key\":\"n\",\"flags\":0,\"dirent\":{\"data\":{\"namespace\":\"ns\","
            "\"target\":\".\"},\"type\":\"symlink\",\"ver\":1}},"
            "{\"key\":\"t\",\"flags\":0,\"dirent\":{\"ver\":1,\"type\":\"dir\","
            "\"data\":{}}}]",
            "the other kinds");
    flux_kvs_txn_destroy (txn);
}

#define REFUSED(call, errnum, what)                                           \
    do {                                                                      \
        errno = 0;                                                            \
        ok ((call) < 0 && errno == (errnum), what);                           \
    } while (0)

static void bad_operations_are_refused (void)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    int append = FLUX_KVS_APPEND;

    REFUSED (flux_kvs_txn_put (NULL, 0, "a", "x"), EINVAL, "no transaction");
    REFUSED (flux_kvs_txn_put (txn, 0, NULL, "x"), EINVAL, "no key");
    REFUSED (flux_kvs_txn_put (txn, 0, "", "x"), EINVAL, "an empty key");
    REFUSED (flux_kvs_txn_put (txn, 0, "\xff", "x"), EINVAL, "a key that is no text");
    REFUSED (flux_kvs_txn_put (txn, FLUX_KVS_WATCH, "a", "x"), EINVAL, "a wrong flag");
    REFUSED (flux_kvs_txn_put_raw (txn, 0, "a", NULL, 1), EINVAL, "no data");
    REFUSED (flux_kvs_txn_pack (txn, 0, "a", "{"), EINVAL, "a bad format");
    REFUSED (flux_kvs_txn_pack (txn, 0, "a", NULL), EINVAL, "no format");
    REFUSED (flux_kvs_txn_mkdir (txn, append, "a"), EINVAL, "append to mkdir");
    REFUSED (flux_kvs_txn_unlink (txn, append, "a"), EINVAL, "append to unlink");
    REFUSED (flux_kvs_txn_symlink (txn, append, "a", NULL, "b"), EINVAL, "... symlink");
    REFUSED (flux_kvs_txn_symlink (txn, 0, "a", NULL, NULL), EINVAL, "no target");
    REFUSED (flux_kvs_txn_put_treeobj (txn, 0, "a", "foo"), EPROTO, "not JSON");
    REFUSED (flux_kvs_txn_put_treeobj (txn, 0, "a", "{}"), EPROTO, "no tree object");
    REFUSED (flux_kvs_txn_put_treeobj (txn, 0, "a", NULL), EINVAL, "NULL");
    REFUSED (flux_kvs_txn_put_treeobj (txn, append, "a", "{}"), EINVAL, "append to one");
    REFUSED (flux_kvs_txn_clear (NULL), EINVAL, "clear NULL");
    ok (flux_kvs_txn_is_empty (txn), "nothing was added");
    ok (flux_kvs_txn_is_empty (NULL), "NULL is empty");
    flux_kvs_txn_destroy (NULL);
    flux_kvs_txn_destroy (txn);
}

static void append (flux_kvs_txn_t *txn, const char *key, const char *value)
{
    must (flux_kvs_txn_put (txn, FLUX_KVS_APPEND, key, value) == 0);
}

static void appends_are_joined (void)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();

    ok (kvs_txn_compact (txn) == 0, "nothing to join");
    must (flux_kvs_txn_put (txn, 0, "a", "old") == 0);
    append (txn, "a", "1");
    append (txn, "b", "x");
    append (txn, "a", "2");
    must (flux_kvs_txn_mkdir (txn, 0, "d") == 0);
    append (txn, "b", "y");
    append (txn, "a", "3");
    append (txn, "c", NULL);
    ok (kvs_txn_compact (txn) == 0, "appends to three keys are joined");
    is_ops (txn,
            "[{\"key\":\"a\",\"flags\":0,\"dirent\":{\"data\":\"b2xk\",\"type\":\"val\","
            "\"ver\":1}},"
            "{\"key\":\"a\",\"flags\":32,\"dirent\":{\"data\":\"MTIz\",\"type\":\"val\","
            "\"ver\":1}},"
            "{\"key\":\"b\",\"flags\":32,\"dirent\":{\"data\":\"eHk=\",\"type\":\"val\","
            "\"ver\":1}},"
            "{\"key\":\"d\",\"flags\":0,\"dirent\":{\"data\":{},\"type\":\"dir\","
            "\"ver\":1}},"
            "{\"key\":\"c\",\"flags\":32,\"dirent\":{\"data\":\"\",\"type\":\"val\","
            "\"ver\":1}}]",
            "in order, at the place of the first");
    append (txn, "a", "4");
    ok (kvs_txn_compact (txn) == 0, "and again");
    must (flux_kvs_txn_unlink (txn, 0, "b") == 0);
    errno = 0;
    ok (kvs_txn_compact (txn) < 0 && errno == EINVAL,
        "something else behind an append is refused");
    flux_kvs_txn_destroy (txn);
}

int main (void)
{
    operations_become_text ();
    bad_operations_are_refused ();
    appends_are_joined ();
    return done_testing ();
}
