/* flush.c - whoever waits until nothing is dirty: content.flush, and checkpoints. */

#include "config.h"
#include <errno.h>
#include <stdio.h>

#include "content.h"

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

void flush_note_failure (struct content *c, int errnum)
{
    struct flush *fl;

    list_foreach (&c->flushes, fl, link) {
        if (fl->errnum == 0)
            fl->errnum = errnum;
    }
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

static void source_flush_free (void *arg)
{
    struct outgoing *sf = arg;

    flux_msg_decref (sf->msg);
    free_keep_errno (sf);
}

static void source_flushed (flux_future_t *f, void *arg)
{
    struct outgoing *sf = arg;
    struct content *c = sf->c;

    outgoing_returned (sf);
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
    struct outgoing *sf = calloc (1, sizeof (*sf));
    char topic[128];

    if (!sf)
        return -1;
    sf->msg = flux_msg_incref (msg);
    snprintf (topic, sizeof (topic), "%s.held-store", source_name (c));
    return outgoing_send (c, sf, flux_rpc (c->h, topic, NULL, 0, 0), source_flush_free,
                          source_flushed);
}

/* content.flush: {} -> {} */
void flush_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct content *c = arg;

    if (c->rank == 0 && !c->backing)
        respond_error (c, msg, ENOSYS, NULL);
    else if (c->rank > 0)
        flush_start (c, msg, flush_done);
    else if (flush_source (c, msg) < 0)
        respond_error (c, msg, errno, NULL);
}
