#include "config.h"
#include <errno.h>
#include <time.h>

#include "sqlite.h"

struct store_request {
    struct list link;
    const flux_msg_t *msg;
    const void *data; /* in msg */
    size_t len;
    struct blobref ref;
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
    free_keep_errno (req);
}

/* Move the next batch off the queue. */
static size_t take_batch (struct sqlite *s, struct list *batch)
{
    struct store_request *req;
    size_t count = 0, bytes = 0;

    while (count < BATCH_COUNT && bytes < BATCH_BYTES
           && (req = list_first (&s->queue, struct store_request, link))) {
        list_del (&req->link);
        list_append (batch, &req->link);
        count++;
        bytes += req->len;
        s->queued--;
        s->queued_bytes -= req->len;
    }
    return count;
}

/* All or nothing: what fails is still dirty in content, which tries again. */
static int write_batch (struct sqlite *s, struct list *batch)
{
    struct store_request *req;
    int r;

    if ((r = db_begin (s->db)) < 0)
        return r;
    list_foreach (batch, req, link) {
        if ((r = db_store (s->db, &req->ref, req->data, req->len)) < 0)
            break;
    }
    if (r == 0)
        r = db_commit (s->db);
    if (r < 0)
        db_rollback (s->db);
    return r;
}

static void store_batch (struct sqlite *s)
{
    struct list batch = LIST_INIT (batch);
    double start = now_ms ();
    size_t count = take_batch (s, &batch);
    int r = write_batch (s, &batch);
    double each = (now_ms () - start) / count;
    struct store_request *req;

    while ((req = list_first (&batch, struct store_request, link))) {
        timing_add (&s->store_time, each);
        if (r < 0)
            respond_error (s, req->msg, -r, db_error (s->db));
        else if (flux_respond_raw (s->h, req->msg, req->ref.bytes,
                                   blobref_digest_size (req->ref.kind))
                 < 0)
            flux_log_error (s->h, "error responding to content-backing.store");
        store_request_free (req);
    }
}

void store_all (struct sqlite *s)
{
    while (s->queued > 0)
        store_batch (s);
    flux_watcher_stop (s->idle);
}

/* Nothing else to do for the moment, or more than a batch: write. */
void store_idle_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct sqlite *s = arg;
    bool more_input = flux_pollevents (s->h) & FLUX_POLLIN;

    if (s->queued > 0
        && (!more_input || s->queued >= BATCH_COUNT || s->queued_bytes >= BATCH_BYTES))
        store_batch (s);
    if (s->queued == 0)
        flux_watcher_stop (w);
}

/* content-backing.store: blob -> digest, both raw */
void store_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct sqlite *s = arg;
    struct store_request *req = calloc (1, sizeof (*req));

    if (!req || flux_request_decode_raw (msg, NULL, &req->data, &req->len) < 0) {
        respond_error (s, msg, req ? errno : ENOMEM, NULL);
        free (req);
        return;
    }
    req->msg = flux_msg_incref (msg);
    blobhash_sum (s->hash, req->data, req->len, &req->ref);
    list_append (&s->queue, &req->link);
    s->queued++;
    s->queued_bytes += req->len;
    flux_watcher_start (s->idle);
}
