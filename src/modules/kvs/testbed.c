#include "config.h"
#include <errno.h>

#include "common/blobbatch.h"
#include "common/tap.h"
#include "testbed.h"

int tb_busy;

const struct kvs_hold tb_hold = {
    .on = true,
    .blob_max = 16384,
    .open_max = 1 << 26,
    .full = 1 << 27,
    .log_max = 1 << 26,
};

void tb_store_init (struct tb_store *s, int hash)
{
    *s = (struct tb_store){ 0 };
    if (blobhash_new (hash, &s->hash) < 0)
        bail_out ("no hash");
}

void tb_store_fini (struct tb_store *s)
{
    struct tb_blob *b;

    while ((b = table_pop (&s->blobs)))
        free (b);
    table_fini (&s->blobs);
    blobhash_free (s->hash);
}

void tb_store_put (struct tb_store *s, const void *data, size_t len, struct blobref *ref)
{
    struct tb_blob *b = calloc (1, sizeof (*b) + len + 1);

    if (!b)
        bail_out ("out of memory");
    blobhash_sum (s->hash, data, len, &b->ref);
    b->len = len;
    if (len > 0)
        memcpy (b->data, data, len);
    *ref = b->ref;
    if (table_put (&s->blobs, &b->ref, sizeof (b->ref), b) < 0)
        free (b); /* have it */
}

size_t tb_store_batch (struct tb_store *s, const struct kvs_batch *b)
{
    size_t len, n = 0, pos = 0, digests = 0;
    struct blobref ref;
    const void *data;

    tb_busy++;
    while (blobbatch_next (b->blobs.buf, b->blobs.len, &pos, &data, &len) > 0) {
        size_t size = blobref_digest_size (blobhash_kind (s->hash));

        tb_store_put (s, data, len, &ref);
        if (digests + size > b->digests.len
            || memcmp (b->digests.buf + digests, ref.bytes, size) != 0)
            bail_out ("a blob in a batch has another name than its digest");
        digests += size;
        n++;
    }
    tb_busy--;
    if (pos != b->blobs.len || digests != b->digests.len)
        bail_out ("a malformed batch");
    return n;
}

const struct tb_blob *tb_store_get (struct tb_store *s, const struct blobref *ref)
{
    return table_get (&s->blobs, ref, sizeof (*ref));
}

void tb_store_forget (struct tb_store *s, const struct blobref *ref)
{
    free (table_del (&s->blobs, ref, sizeof (*ref)));
}

void tb_init (struct testbed *tb, struct tb_store *store, const struct kvs_config *cfg)
{
    *tb = (struct testbed){ .store = store };
    list_init (&tb->events);
    if (kvs_engine_new (cfg, &tb->e) < 0)
        bail_out ("no engine");
}

void tb_fini (struct testbed *tb)
{
    struct tb_event *ev;

    kvs_engine_free (tb->e);
    while ((ev = tb_event_take (tb)))
        tb_event_free (ev);
}

void tb_empty_root (struct testbed *tb, struct blobref *ref)
{
    static const char empty[] = "{\"data\":{},\"type\":\"dir\",\"ver\":1}";

    tb_store_put (tb->store, empty, sizeof (empty) - 1, ref);
}

static struct blob *load_held (struct testbed *tb, const struct blobref *ref)
{
    struct text t = TEXT_INIT;
    size_t len;
    char *data;

    if (!tb->provider || kvs_engine_held_load (tb->provider, ref, &t) < 0)
        return NULL;
    data = text_take (&t, &len);
    return blob_new_malloced (data, len);
}

static void do_load (struct testbed *tb, struct kvs_load *load)
{
    struct blobref ref = load->ref;
    const struct tb_blob *b = tb_store_get (tb->store, &ref);
    struct blob *blob;

    tb->loads++;
    tb_busy++;
    if (b)
        blob = blob_new (b->data, b->len, NULL, NULL);
    else
        blob = load_held (tb, &ref);
    tb_busy--;
    kvs_engine_loaded (tb->e, &ref, blob ? 0 : ENOENT, blob);
    blob_put (blob);
}

static void do_store (struct testbed *tb, struct kvs_store *s)
{
    struct blobref ref;

    tb->stores++;
    if (!tb->store->fail_store) {
        tb_busy++;
        tb_store_put (tb->store, s->blob->data, s->blob->len, &ref);
        tb_busy--;
        if (!blobref_equal (&ref, &s->ref))
            bail_out ("a blob has another name than its digest");
    }
    kvs_engine_stored (tb->e, s->id, tb->store->fail_store);
}

static void do_batch (struct testbed *tb, struct kvs_batch *b)
{
    uint64_t id = b->id;

    if (!tb->store->fail_store)
        tb_store_batch (tb->store, b);
    kvs_batch_free (b);
    kvs_engine_batch_stored (tb->e, id, tb->store->fail_store);
}

static void do_saved (struct testbed *tb, struct kvs_saved *s)
{
    tb->saved = *s;
    tb->saves++;
    free (s);
}

static void do_event (struct testbed *tb, struct kvs_publish *p)
{
    struct tb_event *ev;

    tb_busy++;
    if (!(ev = calloc (1, sizeof (*ev))))
        bail_out ("out of memory");
    tb_busy--;
    list_init (&ev->link);
    ev->topic = move_ptr (p->topic);
    ev->payload = move_ptr (p->payload);
    list_append (&tb->events, &ev->link);
    kvs_publish_free (p);
}

void tb_do (struct testbed *tb, struct kvs_action *a)
{
    switch (a->type) {
        case KVS_ACTION_LOAD:
            do_load (tb, container_of (a, struct kvs_load, action));
            break;
        case KVS_ACTION_STORE:
            do_store (tb, container_of (a, struct kvs_store, action));
            break;
        case KVS_ACTION_BATCH:
            do_batch (tb, container_of (a, struct kvs_batch, action));
            break;
        case KVS_ACTION_SAVED:
            do_saved (tb, container_of (a, struct kvs_saved, action));
            break;
        case KVS_ACTION_CHECKPOINT:
            tb->checkpoints++;
            kvs_engine_checkpointed (tb->e,
                                     container_of (a, struct kvs_checkpoint, action)->id,
                                     tb->store->fail_checkpoint);
            break;
        case KVS_ACTION_EVENT:
            do_event (tb, container_of (a, struct kvs_publish, action));
            break;
        case KVS_ACTION_RESPOND:
            container_of (container_of (a, struct kvs_request, action), struct tb_req, r)
                ->done = true;
            break;
        default:
            bail_out ("an action that this test does not expect");
    }
}

void tb_pump (struct testbed *tb)
{
    struct kvs_action *a;
    bool more;

    do {
        more = kvs_engine_run (tb->e);
        while ((a = kvs_engine_next (tb->e))) {
            tb_do (tb, a);
            more = true;
        }
    } while (more);
}

struct tb_event *tb_event_take (struct testbed *tb)
{
    struct tb_event *ev = list_first (&tb->events, struct tb_event, link);

    if (ev)
        list_del (&ev->link);
    return ev;
}

void tb_event_free (struct tb_event *ev)
{
    if (ev) {
        list_del (&ev->link);
        free (ev->topic);
        free (ev->payload);
        free (ev);
    }
}

struct tb_req *tb_req_new (bool owner, uint32_t userid)
{
    struct tb_req *req = calloc (1, sizeof (*req));
    struct kvs_cred cred = { .userid = userid, .owner = owner, .user = !owner };

    if (!req)
        bail_out ("out of memory");
    kvs_request_init (&req->r, &cred);
    return req;
}

void tb_req_free (struct tb_req *req)
{
    if (req) {
        kvs_request_fini (&req->r);
        free (req);
    }
}

struct kvs_ops *tb_ops (const char *json)
{
    struct kvs_ops *ops;
    struct jpull s;

    jpull_init (&s, json, strlen (json));
    if (kvs_ops_scan (&s, true, &ops) < 0 || jpull_end (&s) < 0)
        bail_out ("malformed operations: %s", json);
    jpull_fini (&s);
    return ops;
}

char *tb_op (const char *key, int flags, const char *value)
{
    struct text t = TEXT_INIT;

    text_puts (&t, "{\"key\":");
    text_put_json_string (&t, key, strlen (key));
    text_printf (&t, ",\"flags\":%d,\"dirent\":{\"ver\":1,\"type\":\"val\",\"data\":\"",
                 flags);
    text_put_base64 (&t, value, strlen (value));
    text_puts (&t, "\"}}");
    return text_take (&t, NULL);
}

struct tb_req *tb_commit (struct testbed *tb,
                          const char *ns,
                          int flags,
                          uint32_t userid,
                          const char *ops)
{
    struct tb_req *req = tb_req_new (userid == 0, userid);

    kvs_engine_commit (tb->e, &req->r, ns, flags, tb_ops (ops));
    return req;
}

static int
put (struct testbed *tb, const char *ns, const char *key, int flags, const char *value)
{
    char *op = tb_op (key, flags, value);
    struct text ops = TEXT_INIT;
    struct tb_req *req;
    int errnum;

    text_printf (&ops, "[%s]", op);
    req = tb_commit (tb, ns, 0, 0, ops.buf);
    tb_pump (tb);
    errnum = req->done ? req->r.errnum : EINPROGRESS;
    tb_req_free (req);
    text_fini (&ops);
    free (op);
    return errnum;
}

int tb_put (struct testbed *tb, const char *ns, const char *key, const char *value)
{
    return put (tb, ns, key, 0, value);
}

int tb_append (struct testbed *tb, const char *ns, const char *key, const char *value)
{
    return put (tb, ns, key, KVS_OP_APPEND, value);
}

struct tb_req *tb_lookup (struct testbed *tb,
                          const char *ns,
                          int flags,
                          uint32_t userid,
                          const char *key)
{
    struct tb_req *req = tb_req_new (userid == 0, userid);
    struct kvs_lookup_args args = {
        .key = key,
        .keylen = strlen (key),
        .flags = flags,
        .ns = ns,
    };

    kvs_engine_lookup (tb->e, &req->r, &args);
    return req;
}
