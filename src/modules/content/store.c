#include "config.h"
#include <errno.h>

#include "common/blobbatch.h"
#include "content.h"

/* An answer that waits until less is dirty. */
struct held {
    struct list link;
    const flux_msg_t *msg;
    size_t len;
    char digests[];
};

void respond_digest (struct content *c, const flux_msg_t *msg, const struct blobref *ref)
{
    if (flux_respond_raw (c->h, msg, ref->bytes, blobref_digest_size (ref->kind)) < 0)
        flux_log_error (c->h, "error responding to content.store");
}

/* ---- back-pressure ---- */

/* Too much is dirty?  While the backing store fails there is more room: if that
 * passes soon nobody will have noticed.
 */
static bool full (const struct content *c)
{
    return c->rank == 0 && c->backing
           && c->cache.dirty_bytes
                  > (c->cache.nfailed > 0 ? CACHE_FAILING_MAX : CACHE_DIRTY_MAX);
}

static void held_free (struct held *held)
{
    list_del (&held->link);
    flux_msg_decref (held->msg);
    free (held);
}

void release_held (struct content *c)
{
    struct held *held;

    while (!full (c) && (held = list_first (&c->held, struct held, link))) {
        if (flux_respond_raw (c->h, held->msg, held->digests, held->len) < 0)
            flux_log_error (c->h, "error responding to content.store");
        held_free (held);
    }
}

void refuse_held (struct content *c, int errnum)
{
    struct held *held;

    while ((held = list_first (&c->held, struct held, link))) {
        respond_error (c, held->msg, errnum, NULL);
        held_free (held);
    }
}

/* Rank 0: answer now, or when there is room. */
static void respond_digests (struct content *c,
                             const flux_msg_t *msg,
                             const void *digests,
                             size_t len)
{
    struct held *held;

    if (!full (c)) {
        if (flux_respond_raw (c->h, msg, digests, len) < 0)
            flux_log_error (c->h, "error responding to content.store");
        return;
    }
    if (!(held = malloc (sizeof (*held) + len))) {
        respond_error (c, msg, ENOMEM, NULL);
        return;
    }
    list_init (&held->link);
    held->msg = flux_msg_incref (msg);
    held->len = len;
    memcpy (held->digests, digests, len);
    list_append (&c->held, &held->link);
}

/* ---- stores ---- */

/* Many bytes stay where they came in. */
static struct blob *request_blob (const flux_msg_t *msg, const void *data, size_t len)
{
    struct blob *b;

    if (len <= BLOB_COPY_MAX)
        return blob_new_copy (data, len);
    b = blob_new (data, len, (void (*) (void *))flux_msg_decref, (void *)msg);
    if (b)
        flux_msg_incref (msg);
    return b;
}

/* Takes over blob, which may be NULL. */
static struct entry *store_blob (struct content *c, struct blob *blob)
{
    struct blobref ref;
    struct entry *e;

    if (!blob)
        return NULL;
    blobhash_sum (c->hash, blob->data, blob->len, &ref);
    if (!(e = cache_find (&c->cache, &ref)))
        e = cache_add (&c->cache, &ref);
    if (e) {
        bool loading = e->state == ENTRY_LOADING;

        cache_store (&c->cache, e, blob);
        if (loading)
            answer_loads (c, e);
    }
    blob_put (blob);
    return e;
}

/* Something is dirty: see that it is written in time. */
static void written_soon (struct content *c, bool was_clean)
{
    if (was_clean && c->rank == 0 && c->backing && c->lasting) {
        flux_timer_watcher_reset (c->timer, WRITEBACK_DELAY, 0.);
        flux_watcher_start (c->timer);
    }
    writeback (c);
}

/* content.store: blob -> digest, both raw */
void store_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct content *c = arg;
    bool was_clean = all_written (c);
    const void *data;
    struct entry *e;
    size_t len;

    if (flux_request_decode_raw (msg, NULL, &data, &len) < 0) {
        respond_error (c, msg, errno, NULL);
        return;
    }
    if (len > c->blob_limit) {
        respond_error (c, msg, EFBIG, NULL);
        return;
    }
    if (!(e = store_blob (c, request_blob (msg, data, len)))) {
        respond_error (c, msg, ENOMEM, NULL);
        return;
    }
    if (c->rank == 0)
        respond_digests (c, msg, e->ref.bytes, blobref_digest_size (e->ref.kind));
    else if (waiter_add (&e->waiters, msg) < 0) /* answered when rank 0 has it */
        respond_error (c, msg, errno, NULL);
    written_soon (c, was_clean);
}

/* Is every blob small enough? */
static int check_batch (const void *buf, size_t size, size_t limit)
{
    const void *data;
    size_t len, pos = 0;
    int r;

    while ((r = blobbatch_next (buf, size, &pos, &data, &len)) > 0) {
        if (len > limit)
            return -EFBIG;
    }
    return r;
}

static int store_batch (struct content *c,
                        const flux_msg_t *msg,
                        const void *buf,
                        size_t size,
                        struct text *digests)
{
    const void *data;
    size_t len, pos = 0;
    struct entry *e;

    while (blobbatch_next (buf, size, &pos, &data, &len) > 0) {
        if (!(e = store_blob (c, request_blob (msg, data, len))))
            return -ENOMEM;
        text_put (digests, e->ref.bytes, blobref_digest_size (e->ref.kind));
    }
    return text_error (digests);
}

static void store_blobs (struct content *c, const flux_msg_t *msg, bool limited)
{
    _cleanup_ (text_fini) struct text digests = TEXT_INIT;
    bool was_clean = all_written (c);
    const void *buf;
    size_t size;
    int r;

    if (flux_request_decode_raw (msg, NULL, &buf, &size) < 0)
        r = -errno;
    else if (c->rank > 0)
        r = -ENOSYS;
    else if ((r = check_batch (buf, size, limited ? c->blob_limit : SIZE_MAX)) == 0)
        r = store_batch (c, msg, buf, size, &digests);
    if (r < 0)
        respond_error (c, msg, -r, NULL);
    else
        respond_digests (c, msg, digests.buf, digests.len);
    written_soon (c, was_clean);
}

/* content.store-batch: see common/blobbatch.h; rank 0 */
void store_batch_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    store_blobs (arg, msg, true);
}

/* content.store-held: the same from a source, which has promised them already: a limit
 * that we were reloaded with does not apply.
 */
void store_held_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    store_blobs (arg, msg, false);
}
