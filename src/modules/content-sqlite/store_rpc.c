#include "config.h"
#include <errno.h>
#include <time.h>

#include "common/blobbatch.h"
#include "sqlite.h"

struct store_request {
    struct list link;
    const flux_msg_t *msg;
    const void *data; /* in msg: a blob, or a batch of them */
    size_t len;
    bool batch;
    size_t count;        /* blobs */
    struct text digests; /* of those that are written */
};

static double now_ms (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1e3 + ts.tv_nsec * 1e-6;
}

void timing_add (struct timing *t, double ms)
{
    if (t->count++ == 0)
        t->min = t->max = ms;
    if (ms < t->min)
        t->min = ms;
    if (ms > t->max)
        t->max = ms;
    t->sum += ms;
    t->sumsq += ms * ms;
}

static int decode_digest (struct sqlite *s, const flux_msg_t *msg, struct blobref *ref)
{
    const void *digest;
    size_t len;

    if (flux_request_decode_raw (msg, NULL, &digest, &len) < 0
        || blobref_from_digest (blobhash_kind (s->hash), digest, len, ref) < 0)
        return -EPROTO;
    return 0;
}

/* content-backing.load: digest -> blob, both raw */
void load_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct sqlite *s = arg;
    double start = now_ms ();
    struct blobref ref;
    void *data;
    size_t len;
    int r;

    if ((r = decode_digest (s, msg, &ref)) < 0) {
        respond_error (s, msg, -r, NULL);
        return;
    }
    /* It may be among those that were accepted but are not written yet. */
    if ((r = db_load (s->db, &ref, &data, &len)) == -ENOENT && s->queued > 0) {
        store_all (s);
        r = db_load (s->db, &ref, &data, &len);
    }
    if (r < 0) {
        respond_error (s, msg, -r, r == -ENOENT ? NULL : db_error (s->db));
        return;
    }
    if (flux_respond_raw (h, msg, data, len) < 0)
        flux_log_error (h, "error responding to content-backing.load");
    free (data);
    timing_add (&s->load_time, now_ms () - start);
}

/* content-backing.validate: digest -> {} */
void validate_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct sqlite *s = arg;
    struct blobref ref;
    int r;

    store_all (s);
    if ((r = decode_digest (s, msg, &ref)) < 0 || (r = db_validate (s->db, &ref)) < 0)
        respond_error (s, msg, -r, NULL);
    else if (flux_respond (h, msg, NULL) < 0)
        flux_log_error (h, "error responding to content-backing.validate");
}

/* ---- stores ---- */

static void store_request_free (struct store_request *req)
{
    list_del (&req->link);
    flux_msg_decref (req->msg);
    text_fini (&req->digests);
    free_keep_errno (req);
}

/* The answer of .store is the digest (RFC 10), and who asks may be any content module.
 * In a batch ours could say what it has computed: that would spare some 6 % of what stores
 * cost, but then what is written here would be what somebody else says that it is.
 */
static int
write_blob (struct sqlite *s, struct store_request *req, const void *data, size_t len)
{
    struct blobref ref;

    blobhash_sum (s->hash, data, len, &ref);
    text_put (&req->digests, ref.bytes, blobref_digest_size (ref.kind));
    return db_store (s->db, &ref, data, len);
}

static int write_request (struct sqlite *s, struct store_request *req)
{
    const void *data;
    size_t len, pos = 0;
    int r = 0;

    if (!req->batch)
        r = write_blob (s, req, req->data, req->len);
    while (req->batch && r == 0
           && blobbatch_next (req->data, req->len, &pos, &data, &len) > 0)
        r = write_blob (s, req, data, len);
    return r < 0 ? r : text_error (&req->digests);
}

/* The transaction has ended, one way or the other.  All or nothing: what fails is still
 * dirty in content, which tries again.
 */
static void transaction_answer (struct sqlite *s, int errnum)
{
    double each = s->written > 0 ? s->writing_ms / s->written : 0;
    struct store_request *req;

    while ((req = list_first (&s->writing, struct store_request, link))) {
        for (size_t i = 0; i < req->count; i++)
            timing_add (&s->store_time, each);
        if (errnum)
            respond_error (s, req->msg, errnum, db_error (s->db));
        else if (flux_respond_raw (s->h, req->msg, req->digests.buf, req->digests.len)
                 < 0)
            flux_log_error (s->h, "error responding to content-backing.store");
        store_request_free (req);
    }
    s->written = s->written_bytes = 0;
    s->writing_ms = 0;
}

static void transaction_fail (struct sqlite *s, int r)
{
    db_rollback (s->db);
    transaction_answer (s, -r);
}

static void transaction_commit (struct sqlite *s)
{
    double start = now_ms ();
    int r;

    if (s->written == 0)
        return;
    if ((r = db_commit (s->db)) < 0) {
        transaction_fail (s, r);
        return;
    }
    s->writing_ms += now_ms () - start;
    transaction_answer (s, 0);
}

/* The first request goes from the queue into the transaction. */
static int write_next (struct sqlite *s)
{
    struct store_request *req = list_first (&s->queue, struct store_request, link);
    int r = s->written == 0 ? db_begin (s->db) : 0;

    list_del (&req->link);
    list_append (&s->writing, &req->link);
    s->queued -= req->count;
    s->queued_bytes -= req->len;
    s->written += req->count;
    s->written_bytes += req->len;
    return r < 0 ? r : write_request (s, req);
}

static bool transaction_full (const struct sqlite *s)
{
    return s->written >= BATCH_COUNT || s->written_bytes >= BATCH_BYTES;
}

/* As much as loads may have to wait for. */
static void store_some (struct sqlite *s)
{
    double start = now_ms ();
    size_t count = s->queued, bytes = s->queued_bytes;
    int r = 0;

    while (r == 0 && s->queued > 0 && !transaction_full (s)
           && count - s->queued < SLICE_COUNT && bytes - s->queued_bytes < SLICE_BYTES)
        r = write_next (s);
    s->writing_ms += now_ms () - start;
    if (r < 0)
        transaction_fail (s, r);
    else if (s->queued == 0 || transaction_full (s))
        transaction_commit (s);
}

void store_all (struct sqlite *s)
{
    while (s->queued > 0)
        store_some (s);
    transaction_commit (s);
    flux_watcher_stop (s->idle);
}

/* Nothing else to do for the moment, or more than a slice: write. */
void store_idle_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct sqlite *s = arg;
    bool more_input = flux_pollevents (s->h) & FLUX_POLLIN;

    if (s->queued > 0
        && (!more_input || s->queued >= SLICE_COUNT || s->queued_bytes >= SLICE_BYTES))
        store_some (s);
    if (s->queued == 0)
        flux_watcher_stop (w);
}

/* How many blobs are in it?  A negative errno if it is no batch. */
static int count_batch (const void *buf, size_t size)
{
    const void *data;
    size_t len, pos = 0;
    int count = 0;
    int r;

    while ((r = blobbatch_next (buf, size, &pos, &data, &len)) > 0)
        count++;
    return r < 0 ? r : count;
}

/* Returns 0 or errno. */
static int store_decode (struct store_request *req, const flux_msg_t *msg, bool batch)
{
    int count = 1;

    if (flux_request_decode_raw (msg, NULL, &req->data, &req->len) < 0)
        return errno;
    if (batch && (count = count_batch (req->data, req->len)) <= 0)
        return EPROTO;
    req->batch = batch;
    req->count = count;
    return 0;
}

static void store_begin (struct sqlite *s, const flux_msg_t *msg, bool batch)
{
    struct store_request *req = calloc (1, sizeof (*req));
    int errnum = req ? store_decode (req, msg, batch) : ENOMEM;

    if (errnum) {
        respond_error (s, msg, errnum, NULL);
        free (req);
        return;
    }
    req->msg = flux_msg_incref (msg);
    list_append (&s->queue, &req->link);
    s->queued += req->count;
    s->queued_bytes += req->len;
    flux_watcher_start (s->idle);
}

/* content-backing.store: blob -> digest, both raw */
void store_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    store_begin (arg, msg, false);
}

/* content-backing.store-batch: see common/blobbatch.h */
void store_batch_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    store_begin (arg, msg, true);
}
