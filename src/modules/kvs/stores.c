/* stores.c - blobs to content.
 *
 * The stores that the engine asks for in one go are sent in one message, if
 * there are several, they are small, and content takes that
 * (common/blobbatch.h).  Else each is a content.store.
 */

#include "config.h"
#include <errno.h>

#include "common/blobbatch.h"
#include "service.h"

#define BATCH_BLOB_MAX (64 * 1024) /* larger ones go alone */
#define BATCH_MAX 256              /* blobs in a batch */

struct item {
    uint64_t id;
    struct blobref ref;
    struct blob *blob;
};

/* One or several stores, gathering or sent. */
struct store_batch {
    struct call call;
    size_t count;
    struct item items[BATCH_MAX];
};

/* A single one needs no room for more. */
struct store_call {
    struct call call;
    struct item item;
};

static void item_init (struct item *item, const struct kvs_store *store)
{
    item->id = store->id;
    item->ref = store->ref;
    item->blob = blob_get (store->blob);
}

/* ---- one by one ---- */

static void store_call_free (void *arg)
{
    struct store_call *sc = arg;

    blob_put (sc->item.blob);
    free_keep_errno (sc);
}

/* 0 if that is its name, else errno. */
static int check_digest (const struct blobref *want, const void *digest, size_t len)
{
    struct blobref ref;

    if (blobref_from_digest (want->kind, digest, len, &ref) < 0
        || !blobref_equal (&ref, want))
        return EPROTO;
    return 0;
}

static void store_continuation (flux_future_t *f, void *arg)
{
    struct store_call *sc = arg;
    struct service *s = sc->call.s;
    const void *digest;
    size_t len;
    int errnum;

    call_returned (&sc->call);
    if (flux_rpc_get_raw (f, &digest, &len) < 0) {
        errnum = errno;
        if (errnum == ENOSYS) /* there is no content at all: the next may take them */
            s->no_batches = false;
    }
    else
        errnum = check_digest (&sc->item.ref, digest, len);
    kvs_engine_stored (s->e, sc->item.id, errnum);
    flux_future_destroy (f);
    service_run (s);
}

/* Takes over the item. */
static void send_one (struct service *s, struct item item)
{
    struct store_call *sc = calloc (1, sizeof (*sc));
    int errnum = ENOMEM;

    if (sc) {
        sc->item = item;
        errnum = call_then (s, &sc->call, store_call_free,
                            flux_rpc_raw (s->h, "content.store", item.blob->data,
                                          item.blob->len, FLUX_NODEID_ANY, 0),
                            store_continuation);
    }
    else
        blob_put (item.blob);
    if (errnum)
        kvs_engine_stored (s->e, item.id, errnum);
}

/* ---- together ---- */

static void batch_free (void *arg)
{
    struct store_batch *b = arg;

    for (size_t i = 0; i < b->count; i++)
        blob_put (b->items[i].blob);
    free_keep_errno (b);
}

static void send_each (struct service *s, struct store_batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        send_one (s, b->items[i]);
        b->items[i].blob = NULL;
    }
}

static void batch_done (struct service *s, struct store_batch *b, flux_future_t *f)
{
    const char *digests = NULL;
    size_t size, len = 0;
    int errnum = 0;

    if (flux_rpc_get_raw (f, (const void **)&digests, &len) < 0)
        errnum = errno;
    for (size_t i = 0; i < b->count; i++) {
        size = blobref_digest_size (b->items[i].ref.kind);
        if (errnum == 0 && len != b->count * size)
            errnum = EPROTO;
        kvs_engine_stored (
            s->e, b->items[i].id,
            errnum ? errnum : check_digest (&b->items[i].ref, digests + i * size, size));
    }
}

static void batch_continuation (flux_future_t *f, void *arg)
{
    struct store_batch *b = arg;
    struct service *s = b->call.s;

    call_returned (&b->call);
    if (flux_future_get (f, NULL) < 0 && errno == ENOSYS) {
        s->no_batches = true;
        send_each (s, b);
    }
    else
        batch_done (s, b, f);
    flux_future_destroy (f);
    service_run (s);
}

static flux_future_t *batch_rpc (struct service *s, const struct store_batch *b)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;

    for (size_t i = 0; i < b->count; i++)
        blobbatch_add (&t, b->items[i].blob->data, b->items[i].blob->len);
    if (text_error (&t)) {
        errno = ENOMEM;
        return NULL;
    }
    return flux_rpc_raw (s->h, "content.store-batch", t.buf, t.len, FLUX_NODEID_ANY, 0);
}

void stores_send (struct service *s)
{
    struct store_batch *b = move_ptr (s->batch);
    uint64_t ids[BATCH_MAX];
    size_t count;
    int errnum;

    if (!b)
        return;
    if (b->count == 1) {
        send_each (s, b);
        batch_free (b);
        return;
    }
    if ((count = b->count) == 0) {
        batch_free (b);
        return;
    }
    for (size_t i = 0; i < count; i++)
        ids[i] = b->items[i].id;
    if ((errnum =
             call_then (s, &b->call, batch_free, batch_rpc (s, b), batch_continuation))) {
        for (size_t i = 0; i < count; i++)
            kvs_engine_stored (s->e, ids[i], errnum);
    }
}

/* ---- what was held ---- */

struct batch_call {
    struct call call;
    struct kvs_batch *b;
};

static void batch_call_free (void *arg)
{
    struct batch_call *bc = arg;

    kvs_batch_free (bc->b);
    free_keep_errno (bc);
}

/* 0 if content names them as we do, else errno. */
static int batch_result (const struct kvs_batch *b, flux_future_t *f)
{
    const void *digests;
    size_t len;

    if (flux_rpc_get_raw (f, &digests, &len) < 0)
        return errno;
    if (len != b->digests.len || memcmp (digests, b->digests.buf, len) != 0)
        return EPROTO;
    return 0;
}

static void held_batch_continuation (flux_future_t *f, void *arg)
{
    struct batch_call *bc = arg;
    struct service *s = bc->call.s;

    call_returned (&bc->call);
    kvs_engine_batch_stored (s->e, bc->b->id, batch_result (bc->b, f));
    flux_future_destroy (f);
    service_run (s);
}

static flux_future_t *held_batch_rpc (struct service *s, struct kvs_batch *b)
{
    flux_future_t *f = flux_rpc_raw (s->h, "content.store-held", b->blobs.buf,
                                     b->blobs.len, FLUX_NODEID_ANY, 0);

    text_fini (&b->blobs); /* they are in the message */
    return f;
}

void batch_send (struct service *s, struct kvs_batch *b)
{
    struct batch_call *bc = calloc (1, sizeof (*bc));
    uint64_t id = b->id;
    int errnum = ENOMEM;

    if (bc) {
        bc->b = b;
        errnum = call_then (s, &bc->call, batch_call_free, held_batch_rpc (s, b),
                            held_batch_continuation);
    }
    else
        kvs_batch_free (b);
    if (errnum)
        kvs_engine_batch_stored (s->e, id, errnum);
}

int batch_send_now (struct service *s, struct kvs_batch *b)
{
    flux_future_t *f = held_batch_rpc (s, b);
    int errnum = f ? batch_result (b, f) : errno;

    flux_future_destroy (f);
    return errnum;
}

void store_add (struct service *s, const struct kvs_store *store)
{
    struct item item;

    item_init (&item, store);
    if (!s->no_batches && store->blob->len <= BATCH_BLOB_MAX) {
        if (!s->batch && (s->batch = malloc (sizeof (*s->batch))))
            s->batch->count = 0;
        if (s->batch) {
            s->batch->items[s->batch->count++] = item;
            if (s->batch->count == BATCH_MAX)
                stores_send (s);
            return;
        }
    }
    send_one (s, item);
}
