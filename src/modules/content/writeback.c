/* writeback.c - dirty blobs go to the backing store, or to the rank above.
 *
 * Small ones go many in a message (common/blobbatch.h), as content-backing.store-batch:
 * a message for each would cost more than what is in it.  A backing store that does not
 * know that answers ENOSYS, and gets them one by one from then on.
 *
 * Bounds: c->batch_limit requests are out at a time, with about REQUEST_BYTES.
 */

#include "config.h"
#include <errno.h>

#include "common/blobbatch.h"
#include "content.h"

#define REQUEST_BYTES (8 * 1024 * 1024)
#define BATCH_BLOB_MAX (64 * 1024) /* larger ones go alone */
#define BATCH_BYTES (512 * 1024)
#define BATCH_COUNT 512

/* A request that is out.  Its entries are STORING, and no other request's. */
struct storing {
    struct outgoing out;
    unsigned int generation;
    size_t bytes;
    size_t count;
    struct blobref refs[];
};

bool all_written (const struct content *c)
{
    return c->cache.ndirty == c->cache.nfailed;
}

/* ---- answers ---- */

/* Ranks > 0: those who stored it learn how it ended. */
static void
answer_stores (struct content *c, struct entry *e, int errnum, const char *text)
{
    struct waiter *w;

    while ((w = list_first (&e->waiters, struct waiter, link))) {
        if (errnum)
            respond_error (c, w->msg, errnum, text);
        else
            respond_digest (c, w->msg, &e->ref);
        waiter_free (w);
    }
}

static void stored (struct content *c, struct entry *e, int errnum, const char *text)
{
    cache_stored (&c->cache, e, errnum == 0);
    if (errnum)
        flush_note_failure (c, errnum);
    if (c->rank > 0) {
        answer_stores (c, e, errnum, text);
        if (errnum) /* it was refused: it is nobody's blob */
            cache_drop (&c->cache, e);
    }
    else if (errnum && c->cache.nfailed == 1)
        flux_log (c->h, LOG_ERR, "content-backing.store: %s",
                  text ? text : flux_strerror (errnum));
}

/* The backing store has come or gone since then?  Then the entries wait already, or
 * are out again.
 */
static bool outdated (const struct storing *s)
{
    return s->generation != s->out.c->generation;
}

/* How all of them ended. */
static void storing_end (struct storing *s, int errnum, const char *text)
{
    struct content *c = s->out.c;
    struct entry *e;

    for (size_t i = 0; i < s->count && !outdated (s); i++) {
        if ((e = cache_find (&c->cache, &s->refs[i])) && e->state == ENTRY_STORING)
            stored (c, e, errnum, text);
    }
    s->count = 0;
}

/* They must go one by one. */
static void storing_undo (struct storing *s)
{
    struct content *c = s->out.c;
    struct entry *e;

    for (size_t i = 0; i < s->count && !outdated (s); i++) {
        if ((e = cache_find (&c->cache, &s->refs[i])) && e->state == ENTRY_STORING)
            cache_unsent (&c->cache, e);
    }
    if (!outdated (s))
        c->no_batches = true;
    s->count = 0;
}

/* It is no longer out. */
static void storing_returned (struct storing *s)
{
    struct content *c = s->out.c;

    outgoing_returned (&s->out);
    c->requests--;
    c->request_bytes -= s->bytes;
}

static void storing_free (void *arg)
{
    struct storing *s = arg;

    if (s->count > 0) { /* it could not even be sent */
        storing_returned (s);
        storing_end (s, ENOMEM, NULL);
    }
    free_keep_errno (s);
}

static void store_continuation (flux_future_t *f, void *arg)
{
    struct storing *s = arg;
    struct content *c = s->out.c;
    int errnum = flux_future_get (f, NULL) < 0 ? errno : 0;

    storing_returned (s); /* the future may live on */
    if (s->count == 1 && errnum == ENOSYS && !outdated (s))
        backing_absent (c);
    if (s->count > 1 && errnum == ENOSYS)
        storing_undo (s);
    else
        storing_end (s, errnum, errnum ? future_strerror (f, errnum) : NULL);
    flux_future_destroy (f);
    cache_limit (&c->cache);
    release_held (c);
    writeback (c);
}

/* ---- requests ---- */

/* How many are to be sent? */
static size_t waiting (const struct content *c)
{
    return c->cache.ndirty - c->cache.nfailed - c->cache.nstoring;
}

static bool goes_in_batch (const struct content *c, const struct entry *e)
{
    return c->rank == 0 && !c->no_batches && e->blob->len <= BATCH_BLOB_MAX;
}

/* Take the next one, and add it to the message. */
static void take (struct storing *s, struct entry *e, struct text *t)
{
    if (t)
        blobbatch_add (t, e->blob->data, e->blob->len);
    s->refs[s->count++] = e->ref;
    s->bytes += e->blob->len;
    s->out.c->request_bytes += e->blob->len;
    cache_sending (&s->out.c->cache, e);
}

static flux_future_t *batch_rpc (struct storing *s, struct entry *e)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    struct content *c = s->out.c;

    do
        take (s, e, &t);
    while (s->count < BATCH_COUNT && t.len < BATCH_BYTES
           && (e = cache_first_dirty (&c->cache)) && goes_in_batch (c, e));
    if (text_error (&t)) {
        errno = ENOMEM;
        return NULL;
    }
    return flux_rpc_raw (c->h, "content-backing.store-batch", t.buf, t.len, 0, 0);
}

static flux_future_t *single_rpc (struct storing *s, struct entry *e)
{
    struct content *c = s->out.c;

    take (s, e, NULL);
    if (c->rank == 0)
        return flux_rpc_raw (c->h, "content-backing.store", e->blob->data, e->blob->len,
                             0, 0);
    return flux_rpc_raw (c->h, "content.store", e->blob->data, e->blob->len,
                         FLUX_NODEID_UPSTREAM, 0);
}

/* Store the first that is dirty, and with it, if they are small, those behind it. */
static void store_next (struct content *c, struct entry *e)
{
    bool batch = waiting (c) > 1 && goes_in_batch (c, e);
    size_t max = batch ? BATCH_COUNT : 1;
    struct storing *s = malloc (sizeof (*s) + max * sizeof (s->refs[0]));

    if (!s) {
        cache_sending (&c->cache, e);
        stored (c, e, ENOMEM, NULL);
        return;
    }
    *s = (struct storing){ .out.c = c, .generation = c->generation };
    c->requests++;
    /* if it fails, storing_free () has dealt with it */
    outgoing_send (c, &s->out, batch ? batch_rpc (s, e) : single_rpc (s, e), storing_free,
                   store_continuation);
}

static bool may_send (const struct content *c)
{
    return c->writing && c->requests < c->batch_limit && c->request_bytes < REQUEST_BYTES;
}

static bool much_gathered (const struct content *c)
{
    return waiting (c) > 0
           && (c->cache.dirty_bytes > CACHE_WRITEBACK_BYTES
               || waiting (c) > CACHE_WRITEBACK_COUNT);
}

void writeback (struct content *c)
{
    struct entry *e;

    if (c->rank == 0 && !c->backing)
        return;
    if (c->rank > 0 || much_gathered (c))
        c->writing = true;
    while (may_send (c) && (e = cache_first_dirty (&c->cache)))
        store_next (c, e);
    if (all_written (c)) {
        c->writing = false;
        flush_end_all (c, 0);
    }
}

void writeback_all (struct content *c)
{
    c->writing = true;
    writeback (c);
}

void writeback_timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    writeback_all (arg);
}
