/* vectors_test.c - the golden transactions of a stock KVS against our engine. */

#include "config.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "common/base64.h"
#include "common/tap.h"
#include "testbed.h"

static const char *hashname;

static json_t *load_vectors (void)
{
    const char *srcdir = getenv ("SRCDIR");
    char path[4096];
    json_error_t e;
    json_t *o;

    snprintf (path, sizeof (path), "%s/t/vectors/kvs-transactions.json",
              srcdir ? srcdir : "..");
    if (!(o = json_load_file (path, 0, &e)))
        bail_out ("%s: %s", path, e.text);
    return o;
}

/* Values that differ by hash have a member for each. */
static json_t *by_hash (json_t *o)
{
    json_t *v = json_object_get (o, hashname);

    return v && json_object_size (o) == 2 ? v : o;
}

/* Store the blobs of a case; their names replace @NAME@ in the operations. */
static json_t *put_blobs (struct tb_store *store, json_t *blobs)
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

        if (n < 0)
            bail_out ("a blob is not base64");
        blobhash_sum (store->hash, data, n, &ref);
        if (!json_is_false (json_object_get (v, "stored")))
            tb_store_put (store, data, n, &ref);
        json_object_set_new (names, name, json_string (blobref_str (&ref, buf)));
        free (data);
    }
    return names;
}

static void put_names (char **text, json_t *names)
{
    const char *name;
    json_t *v;

    json_object_foreach (names, name, v)
    {
        char at[64];
        char *p;

        snprintf (at, sizeof (at), "@%s@", name);
        while ((p = strstr (*text, at))) {
            size_t size = strlen (*text) + json_string_length (v) + 1;
            char *new = malloc (size);

            snprintf (new, size, "%.*s%s%s", (int)(p - *text), *text,
                      json_string_value (v), p + strlen (at));
            free (*text);
            *text = new;
        }
    }
}

static struct tb_req *
send_step (struct testbed *tb, const char *ns, json_t *step, json_t *names)
{
    char *ops = json_dumps (json_object_get (step, "ops"), JSON_ENCODE_ANY);
    struct tb_req *req = tb_req_new (true, 0);

    put_names (&ops, names);
    kvs_engine_commit (tb->e, &req->r, ns,
                       json_integer_value (json_object_get (step, "flags")),
                       tb_ops (ops));
    free (ops);
    return req;
}

static bool answer_is (struct tb_req *req, json_t *expect)
{
    json_t *errnum = json_object_get (expect, "errno");
    json_t *got, *want;
    bool same;

    if (!req->done)
        return false;
    if (errnum)
        return req->r.errnum == json_integer_value (errnum);
    if (req->r.errnum)
        return false;
    if (json_object_get (expect, "ok"))
        return true;
    got = json_loads (req->r.payload, 0, NULL);
    want =
        json_pack ("{s:O s:O}", "rootref", by_hash (json_object_get (expect, "rootref")),
                   "rootseq", json_object_get (expect, "rootseq"));
    same = got && json_equal (got, want);
    json_decref (got);
    json_decref (want);
    return same;
}

/* The setroot event of a successful step names the keys. */
static bool keys_are (struct testbed *tb, json_t *expect)
{
    struct tb_event *ev = tb_event_take (tb);
    json_t *want = json_object_get (expect, "keys");
    json_t *o, *keys, *v;
    bool same;
    size_t i;

    if (!want || !ev) {
        tb_event_free (ev);
        return !want;
    }
    o = json_loads (ev->payload, 0, NULL);
    keys = json_object_get (o, "keys");
    same = json_is_object (keys) && json_object_size (keys) == json_array_size (want);
    json_array_foreach (want, i, v) same =
        same && json_is_null (json_object_get (keys, json_string_value (v)));
    json_decref (o);
    tb_event_free (ev);
    return same;
}

static void run_steps (struct testbed *tb, const char *ns, json_t *c, json_t *names)
{
    const char *name = json_string_value (json_object_get (c, "name"));
    json_t *steps = json_object_get (c, "steps");
    bool async = json_is_true (json_object_get (c, "async"));
    struct tb_req **req = calloc (json_array_size (steps), sizeof (*req));
    json_t *step;
    size_t i;

    json_array_foreach (steps, i, step)
    {
        json_t *expect = json_object_get (step, "expect");

        req[i] = send_step (tb, ns, step, names);
        if (async)
            continue;
        tb_pump (tb);
        if (!ok (answer_is (req[i], expect), "%s: step %zu", name, i))
            diag ("got %d %s", req[i]->r.errnum,
                  req[i]->r.payload ? req[i]->r.payload : "");
        ok (keys_are (tb, expect), "%s: step %zu names its keys", name, i);
    }
    tb_pump (tb);
    json_array_foreach (steps, i, step)
    {
        if (async)
            ok (answer_is (req[i], json_object_get (step, "expect")), "%s: step %zu",
                name, i);
        tb_req_free (req[i]);
    }
    free (req);
}

static void run_lookup (struct testbed *tb, const char *ns, const char *name, json_t *l)
{
    const char *key = json_string_value (json_object_get (l, "key"));
    json_t *expect = json_object_get (l, "expect");
    json_t *errnum = json_object_get (expect, "errno");
    struct tb_req *req = tb_req_new (true, 0);
    struct kvs_lookup_args args = {
        .key = key,
        .keylen = strlen (key),
        .flags = json_integer_value (json_object_get (l, "flags")),
        .ns = ns,
    };
    json_t *o = NULL;
    bool same;

    kvs_engine_lookup (tb->e, &req->r, &args);
    tb_pump (tb);
    if (errnum)
        same = req->r.errnum == json_integer_value (errnum);
    else {
        o = req->r.payload ? json_loads (req->r.payload, 0, NULL) : NULL;
        same = o
               && json_equal (json_object_get (o, "val"),
                              by_hash (json_object_get (expect, "val")));
    }
    if (!ok (req->done && same, "%s: lookup of '%s' with flags %d", name, key,
             args.flags))
        diag ("got %d %s", req->r.errnum, req->r.payload ? req->r.payload : "");
    json_decref (o);
    tb_req_free (req);
}

static void
check_final (struct testbed *tb, const char *ns, const char *name, json_t *final)
{
    json_t *seq = json_object_get (final, "rootseq");
    json_t *text = json_object_get (final, "root");
    const struct tb_blob *b;
    char buf[BLOBREF_TEXT_SIZE];
    struct blobref root;
    int64_t rootseq;

    if (kvs_engine_root (tb->e, ns, &root, &rootseq) < 0)
        bail_out ("the namespace is gone");
    is (blobref_str (&root, buf),
        json_string_value (by_hash (json_object_get (final, "rootref"))),
        "%s: final root", name);
    ok (!seq || json_integer_value (seq) == rootseq, "%s: final sequence", name);
    b = tb_store_get (tb->store, &root);
    ok (b != NULL, "%s: the final root is stored", name);
    if (text && b)
        is (b->data, json_string_value (by_hash (text)), "%s: its text", name);
}

static void run_case (json_t *c, int hash)
{
    const char *ns = json_string_value (json_object_get (c, "namespace"));
    const char *name = json_string_value (json_object_get (c, "name"));
    struct kvs_config cfg = { .hash = hash, .merge = true };
    struct tb_store store;
    struct testbed tb;
    struct blobref empty;
    json_t *names, *l;
    size_t i;

    ns = ns ? ns : "test";
    tb_store_init (&store, hash);
    tb_init (&tb, &store, &cfg);
    tb_empty_root (&tb, &empty);
    if (kvs_engine_ns_create (tb.e, ns, 0, 0, &empty, 0, KVS_NS_SILENT) < 0)
        bail_out ("no namespace");
    names = put_blobs (&store, json_object_get (c, "blobs"));
    run_steps (&tb, ns, c, names);
    json_array_foreach (json_object_get (c, "lookups"), i, l)
        run_lookup (&tb, ns, name, l);
    check_final (&tb, ns, name, json_object_get (c, "final"));
    json_decref (names);
    tb_fini (&tb);
    tb_store_fini (&store);
}

int main (void)
{
    json_t *o = load_vectors ();
    json_t *cases = json_object_get (o, "cases");
    json_t *c;
    size_t i;

    ok (json_array_size (cases) == 88, "there are 88 cases");
    for (int hash = BLOBREF_SHA1; hash <= BLOBREF_SHA256; hash++) {
        hashname = blobref_kind_name (hash);
        diag ("hash %s", hashname);
        json_array_foreach (cases, i, c) run_case (c, hash);
    }
    json_decref (o);
    return done_testing ();
}
