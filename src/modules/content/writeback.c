#include "config.h"
#include <errno.h>
#include <stdio.h>

#include "content.h"

struct storing {
    struct outgoing out;
    struct blobref ref;
    unsigned int generation;
};

/* ---- flushes ---- */

static void flush_end (struct flush *fl, int errnum)
{
    list_del (&fl->link);
    fl->done (fl, errnum);
    flux_msg_decref (fl->msg);
    free (fl);
}

void flush_end_all (struct content *c, int errnum)
{
    struct flush *fl;

    while ((fl = list_first (&c->flushes, struct flush, link)))
        flush_end (fl, errnum ? errnum : fl->errnum);
}

bool all_written (const struct content *c)
{
    return c->cache.ndirty == c->cache.nfailed;
}

/* What failed before is tried again; its errors are the flush's. */
void flush_start (struct content *c,
                  const flux_msg_t *msg,
                  void (*done) (struct flush *fl, int errnum))
{
    struct flush *fl = calloc (1, sizeof (*fl));

    if (!fl) {
        respond_error (c, msg, ENOMEM, NULL);
        return;
    }
    fl->c = c;
    fl->msg = flux_msg_incref (msg);
    fl->done = done;
    list_append (&c->flushes, &fl->link);
    cache_retry (&c->cache);
    writeback_all (c);
}

static void flush_done (struct flush *fl, int errnum)
{
    if (errnum)
        respond_error (fl->c, fl->msg, errnum, NULL);
    else
        respond_empty (fl->c, fl->msg);
}

/* ---- what the source holds is flushed, too ---- */

struct source_flush {
    struct outgoing out;
    const flux_msg_t *msg;
};

static void source_flush_free (void *arg)
{
    struct source_flush *sf = arg;

    flux_msg_decref (sf->msg);
    free_keep_errno (sf);
}

static void source_flushed (flux_future_t *f, void *arg)
{
    struct source_flush *sf = arg;
    struct content *c = sf->out.c;

    outgoing_returned (&sf->out);
    if (flux_rpc_get (f, NULL) < 0 && errno != ENOSYS) /* else it has gone */
        respond_error (c, sf->msg, errno, future_strerror (f, errno));
    else if (!c->backing)
        respond_error (c, sf->msg, ENOSYS, NULL);
    else
        flush_start (c, sf->msg, flush_done);
    flux_future_destroy (f);
}

static int flush_source (struct content *c, const flux_msg_t *msg)
{
    struct source_flush *sf = calloc (1, sizeof (*sf));
    char topic[128];

    if (!sf)
        return -1;
    sf->msg = flux_msg_incref (msg);
    snprintf (topic, sizeof (topic), "%s.held-store", c->source);
    return outgoing_send (c, &sf->out, flux_rpc (c->h, topic, NULL, 0, 0),
                          source_flush_free, source_flushed);
}

/* content.flush: {} -> {} */
void flush_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct content *c = arg;

    if (c->rank == 0 && !c->backing)
        respond_error (c, msg, ENOSYS, NULL);
    else if (!c->source)
        flush_start (c, msg, flush_done);
    else if (flush_source (c, msg) < 0)
        respond_error (c, msg, errno, NULL);
}

/* ---- writing back ---- */

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

static void note_failure (struct content *c, int errnum)
{
    struct flush *fl;

    list_foreach (&c->flushes, fl, link) {
        if (fl->errnum == 0)
            fl->errnum = errnum;
    }
}

static void stored (struct content *c, struct entry *e, flux_future_t *f)
{
    int errnum = flux_future_get (f, NULL) < 0 ? errno : 0;

    cache_stored (&c->cache, e, errnum == 0);
    if (errnum)
        note_failure (c, errnum);
    if (c->rank > 0) {
        answer_stores (c, e, errnum, errnum ? future_strerror (f, errnum) : NULL);
        if (errnum) /* it was refused: it is nobody's blob */
            cache_drop (&c->cache, e);
    }
    else if (errnum && c->cache.nfailed == 1)
        flux_log (c->h, LOG_ERR, "content-backing.store: %s",
                  future_strerror (f, errnum));
    /* last: this very entry may go */
    cache_purge (&c->cache, CACHE_BYTES_MAX, -1.);
}

static void store_continuation (flux_future_t *f, void *arg)
{
    struct storing *s = arg;
    struct content *c = s->out.c;
    struct entry *e = cache_find (&c->cache, &s->ref);

    outgoing_returned (&s->out);
    if (s->generation == c->generation && e && e->state == ENTRY_STORING)
        stored (c, e, f);
    flux_future_destroy (f);
    release_held (c);
    writeback (c);
}

static int store_send (struct content *c, const struct entry *e)
{
    struct storing *s = calloc (1, sizeof (*s));

    if (!s)
        return -1;
    s->ref = e->ref;
    s->generation = c->generation;
    return outgoing_send (
        c, &s->out,
        flux_rpc_raw (c->h, c->rank == 0 ? "content-backing.store" : "content.store",
                      e->blob->data, e->blob->len,
                      c->rank == 0 ? 0 : FLUX_NODEID_UPSTREAM, 0),
        free, store_continuation);
}

static bool much_gathered (const struct content *c)
{
    size_t waiting = c->cache.ndirty - c->cache.nfailed - c->cache.nstoring;

    return waiting > 0
           && (c->cache.dirty_bytes > CACHE_WRITEBACK_BYTES
               || waiting > CACHE_WRITEBACK_COUNT);
}

void writeback (struct content *c)
{
    struct entry *e;

    if (c->rank == 0 && !c->backing)
        return;
    if (c->rank > 0 || much_gathered (c))
        c->writing = true;
    while (c->writing && c->cache.nstoring < c->batch_limit
           && (e = cache_next_dirty (&c->cache))) {
        if (store_send (c, e) < 0) {
            note_failure (c, errno);
            cache_stored (&c->cache, e, false);
            answer_stores (c, e, errno, NULL);
        }
    }
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
