/* target_tree.c - tree objects and transactions, as kvs gets them. */

#include "config.h"
#include <stdio.h>

#include "common/treeobj.h"
#include "modules/kvs/testbed.h"
#include "fuzz.h"

/* ---- treeobj ---------------------------------------------------------------- */

/* Is this a tree object?  RFC 11, on a jansson tree. */
static bool is_treeobj (json_t *o);

static bool all_are_refs (json_t *data)
{
    json_t *v;
    size_t i;

    if (!json_is_array (data) || json_array_size (data) == 0)
        return false;
    json_array_foreach (data, i, v)
    {
        if (!json_is_string (v)
            || !blobref_text_valid (json_string_value (v), json_string_length (v)))
            return false;
    }
    return true;
}

static bool is_dir (json_t *data)
{
    const char *name;
    json_t *v;

    json_object_foreach (data, name, v)
    {
        if (!is_treeobj (v))
            return false;
    }
    return json_is_object (data);
}

static bool is_treeobj (json_t *o)
{
    json_t *data = json_object_get (o, "data");
    const char *type = json_string_value (json_object_get (o, "type"));

    if (!type || !data || json_integer_value (json_object_get (o, "ver")) != 1)
        return false;
    if (strcmp (type, "val") == 0)
        return json_is_string (data);
    if (strcmp (type, "valref") == 0)
        return all_are_refs (data);
    if (strcmp (type, "dirref") == 0)
        return all_are_refs (data) && json_array_size (data) == 1;
    if (strcmp (type, "dir") == 0)
        return is_dir (data);
    if (strcmp (type, "symlink") == 0) {
        json_t *ns = json_object_get (data, "namespace");

        return json_is_string (json_object_get (data, "target"))
               && (!ns || json_is_string (ns));
    }
    return false;
}

/* What is accepted is a tree object; which members may be there besides, and
 * twice, is stricter here than in the naive reading.
 */
static void against_naive (const char *data, size_t size, int r)
{
    json_t *o = fuzz_json (data, size);

    must ((r == -EPROTO) == (o == NULL));
    must (r < 0 || is_treeobj (o));
    json_decref (o);
}

static void read_refs (const struct treeobj *o)
{
    size_t count = treeobj_ref_count (o), pos = 0, n = 0;
    struct blobref a, b;

    while (treeobj_ref_next (o, &pos, &a)) {
        must (treeobj_ref_at (o, n, &b) == 0 && blobref_equal (&a, &b));
        n++;
    }
    must (n == count);
    must (treeobj_ref_at (o, count, &a) == -EINVAL);
}

static void extend_valref (struct treeobj *o)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    _cleanup_ (treeobj_putp) struct treeobj *more = NULL;
    _cleanup_ (treeobj_putp) struct treeobj *tail = NULL;
    size_t count = treeobj_ref_count (o);

    must (treeobj_valref_concat (o, o, &more) == 0);
    must (treeobj_ref_count (more) == 2 * count);
    read_refs (more);
    treeobj_valref_write_from (more, count, &t);
    must (treeobj_parse (t.buf, t.len, &tail) == 0);
    must (treeobj_equal (tail, o));
}

static void change_dir (struct treeobj *o)
{
    _cleanup_ (treeobj_putp) struct treeobj *dir = treeobj_get (o);
    _cleanup_ (treeobj_putp) struct treeobj *val = NULL;
    struct treeobj_iter it = { 0 };
    const char *name, *last = NULL;
    struct treeobj *obj;
    size_t len, n = 0;

    while (treeobj_dir_next (o, &it, &name, &len, &obj)) {
        must (strlen (name) == len && treeobj_dir_find (o, name, len) == obj);
        must (!last || strcmp (last, name) < 0);
        last = name;
        n++;
    }
    must (n == treeobj_dir_count (o));
    must (treeobj_val_new ("x", 1, &val) == 0);
    must (treeobj_dir_set (&dir, "m", 1, val) == 0);
    must (treeobj_equal (treeobj_dir_find (dir, "m", 1), val));
    must (treeobj_dir_count (o) == n); /* o itself is as it was */
    must (treeobj_dir_del (&dir, "m", 1) == 0);
    must (treeobj_dir_del (&dir, "m", 1) == -ENOENT);
    if (!treeobj_dir_find (o, "m", 1))
        must (treeobj_equal (dir, o));
}

static void read_val (const struct treeobj *o)
{
    void *data = NULL;
    size_t len;
    int r = treeobj_val_decode (o, &data, &len);

    must (r == 0 || r == -EPROTO);
    free (data);
}

static void treeobj_one (const char *data, size_t size)
{
    _cleanup_ (freep) char *copy = fuzz_bytes (data, size);
    _cleanup_ (treeobj_putp) struct treeobj *o = NULL;
    _cleanup_ (treeobj_putp) struct treeobj *again = NULL;
    _cleanup_ (freep) char *text = NULL;
    _cleanup_ (freep) char *canon = NULL;
    json_t *tree;
    int r = treeobj_parse (copy, size, &o);

    against_naive (copy, size, r);
    if (r < 0) {
        must (!o);
        return;
    }
    must ((text = treeobj_text (o)) != NULL);
    tree = fuzz_json (text, strlen (text));
    must (tree != NULL);
    canon = fuzz_dump (tree);
    json_decref (tree);
    must (strcmp (text, canon) == 0);
    must (treeobj_parse (text, strlen (text), &again) == 0 && treeobj_equal (o, again));
    switch (treeobj_type (o)) {
        case TREEOBJ_VAL:
            read_val (o);
            break;
        case TREEOBJ_VALREF:
            extend_valref (o); /* fallthrough */
        case TREEOBJ_DIRREF:
            read_refs (o);
            break;
        case TREEOBJ_DIR:
            change_dir (o);
            break;
    }
}

static const struct fuzz_source treeobj_sources[] = {
    { "kvs-treeobj.json", "object", FUZZ_JSON },
    { "kvs-treeobj.json", "canonical", FUZZ_STRING },
    { 0 },
};

#define SHA1 "sha1-c0a9faf907dda6216fd73bf81d0b3b21a1a8cb91"

static const char *const treeobj_words[] = {
    "{\"data\":{},\"type\":\"dir\",\"ver\":1}",
    "{\"data\":\"\",\"type\":\"val\",\"ver\":1}",
    "{\"data\":[\"" SHA1 "\"],\"type\":\"valref\",\"ver\":1}",
    "{\"data\":{\"target\":\"a.b\",\"namespace\":\"n\"},\"type\":\"symlink\",\"ver\":1}",
    "\"data\":",
    "\"type\":",
    "\"ver\":1",
    "\"dir\"",
    "\"dirref\"",
    "\"val\"",
    "\"valref\"",
    "\"symlink\"",
    "\"" SHA1 "\",",
    "\"m\":",
    NULL,
};

const struct fuzz_target fuzz_treeobj = {
    .name = "treeobj",
    .one = treeobj_one,
    .sources = treeobj_sources,
    .words = treeobj_words,
};

/* ---- kvsops: transactions --------------------------------------------------- */

/* Every dirref must lead to a directory that is there. */
static size_t walk_dir (struct tb_store *store, const struct treeobj *o, int depth);

static size_t walk_ref (struct tb_store *store, const struct blobref *ref, int depth)
{
    _cleanup_ (treeobj_putp) struct treeobj *o = NULL;
    const struct tb_blob *b = tb_store_get (store, ref);

    /* A client may name a directory that there is not. */
    if (!b || treeobj_parse (b->data, b->len, &o) < 0 || treeobj_type (o) != TREEOBJ_DIR)
        return 0;
    return walk_dir (store, o, depth + 1);
}

static size_t walk_dir (struct tb_store *store, const struct treeobj *o, int depth)
{
    struct treeobj_iter it = { 0 };
    const char *name;
    struct treeobj *obj;
    struct blobref ref;
    size_t len, n = 0;

    while (depth < 32 && treeobj_dir_next (o, &it, &name, &len, &obj)) {
        n++;
        if (treeobj_type (obj) == TREEOBJ_DIR)
            n += walk_dir (store, obj, depth + 1);
        else if (treeobj_type (obj) == TREEOBJ_DIRREF
                 && treeobj_ref_at (obj, 0, &ref) == 0)
            n += walk_ref (store, &ref, depth);
    }
    return n;
}

static struct kvs_ops *scan (const char *data, size_t size)
{
    struct kvs_ops *ops = NULL;
    struct jpull s;
    int r;

    jpull_init (&s, data, size);
    r = kvs_ops_scan (&s, true, &ops);
    must ((r == 0) == (ops != NULL));
    if (r == 0 && jpull_end (&s) < 0) {
        kvs_ops_free (ops);
        ops = NULL;
    }
    jpull_fini (&s);
    return ops;
}

/* The blobref of the primary root, by asking for it. */
static void check_root (struct testbed *tb, struct blobref *ret)
{
    struct tb_req *req = tb_req_new (true, 0);
    json_t *o;
    const char *s;

    kvs_engine_getroot (tb->e, &req->r, "primary");
    tb_pump (tb);
    must (req->done && req->r.errnum == 0);
    must ((o = json_loads (req->r.payload, 0, NULL)) != NULL);
    s = json_string_value (json_object_get (o, "rootref"));
    must (s && blobref_parse (s, strlen (s), ret) == 0);
    must (tb_store_get (tb->store, ret) != NULL);
    json_decref (o);
    tb_req_free (req);
}

/* Each key must be answered for, one way or the other. */
static void lookup_keys (struct testbed *tb, const struct kvs_ops *ops)
{
    static const int flags[] = { 0, KVS_READDIR, KVS_READLINK, KVS_TREEOBJ };

    for (size_t i = 0; i < ops->count && i < 16; i++) {
        for (size_t k = 0; k < ARRAY_SIZE (flags); k++) {
            struct tb_req *req = tb_lookup (tb, "primary", flags[k], 0, ops->v[i].key);
            json_t *o;

            tb_pump (tb);
            must (req->done && (req->r.errnum != 0) == (req->r.payload == NULL));
            if (req->r.payload) {
                must ((o = json_loads (req->r.payload, 0, NULL)) != NULL);
                json_decref (o);
            }
            tb_req_free (req);
        }
    }
}

/* One event tells of each commit: setroot, or error. */
static void check_event (struct testbed *tb, bool failed)
{
    struct tb_event *ev = tb_event_take (tb);
    json_t *o;

    if (!ev) { /* refused at the door */
        must (failed);
        return;
    }
    must (strcmp (ev->topic, failed ? "kvs.namespace-primary-error"
                                    : "kvs.namespace-primary-setroot")
          == 0);
    must ((o = json_loads (ev->payload, 0, NULL)) != NULL);
    json_decref (o);
    tb_event_free (ev);
    must (tb_event_take (tb) == NULL);
}

static void commit_both (struct testbed *tb, const char *data, size_t size)
{
    struct blobref before, after;
    struct kvs_ops *ops = scan (data, size);
    const char *why = NULL;

    if (!ops)
        return;
    check_root (tb, &before);
    must (kvs_ops_check_guest (ops, &why) == 0 || why);
    kvs_ops_free (ops);
    for (uint32_t userid = 0; userid < 2000; userid += 1000) {
        struct tb_req *req = tb_req_new (userid == 0, userid);

        kvs_engine_commit (tb->e, &req->r, "primary", 0, scan (data, size));
        tb_pump (tb);
        must (req->done);
        check_root (tb, &after);
        /* whole or not at all; and a guest changes nothing of the owner's */
        must (req->r.errnum == 0 || blobref_equal (&before, &after));
        must (userid == 0 || req->r.errnum != 0);
        check_event (tb, req->r.errnum != 0);
        tb_req_free (req);
        before = after;
    }
    walk_ref (tb->store, &after, 0);
    ops = scan (data, size);
    lookup_keys (tb, ops);
    kvs_ops_free (ops);
}

static void kvsops_one (const char *data, size_t size)
{
    struct kvs_config cfg = { .owner = 0, .hash = BLOBREF_SHA1, .merge = true };
    _cleanup_ (freep) char *copy = fuzz_bytes (data, size);
    struct tb_store store;
    struct testbed tb;
    struct blobref root;

    tb_store_init (&store, BLOBREF_SHA1);
    tb_init (&tb, &store, &cfg);
    tb_empty_root (&tb, &root);
    must (kvs_engine_ns_create (tb.e, "primary", 0, 0, &root, 0, KVS_NS_SILENT) == 0);
    tb_pump (&tb);
    tb_put (&tb, "primary", "a.b.c", "value");
    tb_put (&tb, "primary", "log",
            "a value that is too long to stay in its directory, for sure");
    for (struct tb_event *ev; (ev = tb_event_take (&tb));)
        tb_event_free (ev);
    commit_both (&tb, copy, size);
    tb_fini (&tb);
    tb_store_fini (&store);
}

static const struct fuzz_source kvsops_sources[] = {
    { "kvs-transactions.json", "ops", FUZZ_JSON },
    { 0 },
};

static const char *const kvsops_words[] = {
    "\"key\":\"a.b.c\"",
    "\"key\":\"log\"",
    "\"key\":\".\"",
    "\"key\":\"\"",
    "\"flags\":32",
    "\"flags\":48",
    "\"flags\":0",
    "\"dirent\":null",
    "\"dirent\":",
    "{\"data\":{},\"type\":\"dir\",\"ver\":1}",
    "{\"data\":\"YQ==\",\"type\":\"val\",\"ver\":1}",
    "{\"data\":[\"" SHA1 "\"],\"type\":\"valref\",\"ver\":1}",
    "{\"data\":[\"" SHA1 "\"],\"type\":\"dirref\",\"ver\":1}",
    "{\"data\":{\"target\":\"a.b\"},\"type\":\"symlink\",\"ver\":1}",
    "{\"data\":{\"target\":\".\",\"namespace\":\"primary\"},\"type\":\"symlink\",\"ver\":"
    "1}",
    "{\"key\":\"a\",\"flags\":0,\"dirent\":null},",
    "{\"key\":\"a.b.c\",\"if\":true},",
    "{\"key\":\"a.b.c\",\"if\":null},",
    "{\"rootseq\":2},",
    "\"if\":",
    NULL,
};

const struct fuzz_target fuzz_kvsops = {
    .name = "kvsops",
    .one = kvsops_one,
    .sources = kvsops_sources,
    .words = kvsops_words,
};
