#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <jansson.h>

#include "common/util.h"
#include "info.h"

struct source {
    struct job_info *ji;
    flux_t *h;
    flux_future_t *f;
    const struct source_ops *ops;
    void *arg;
    size_t unacked;
    bool ended;  /* the last response is here */
    int errnum;  /* which said this */
    bool busy;   /* a callback is on the stack */
    bool closed; /* free when it returns */
    bool paused;
    struct list held;        /* struct held: what came meanwhile */
    struct list paused_link; /* ji->paused, if any did */
};

struct held {
    struct list link;
    const flux_msg_t *msg;
    size_t len;
};

static void held_free (struct source *s, struct held *held)
{
    s->ji->held -= held->len;
    list_del (&held->link);
    flux_msg_decref (held->msg);
    free (held);
}

static void source_free (struct source *s)
{
    struct held *held;

    if (s) {
        while ((held = list_first (&s->held, struct held, link)))
            held_free (s, held);
        list_del (&s->paused_link);
        flux_future_destroy (s->f);
        free (s);
    }
}

/* kvs-watch.cancel { "matchtag":i }, no response: the stream ends with ENODATA,
 * which gives the matchtag back.
 */
static void source_cancel (struct source *s)
{
    flux_future_t *f;

    f = flux_rpc_pack (s->h, "kvs-watch.cancel", FLUX_NODEID_ANY, FLUX_RPC_NORESPONSE,
                       "{s:i}", "matchtag", (int)flux_rpc_get_matchtag (s->f));
    if (!f)
        flux_log_error (s->h, "error sending kvs-watch.cancel");
    flux_future_destroy (f);
}

void source_close (struct source *s)
{
    if (!s || s->closed)
        return;
    if (!s->ended)
        source_cancel (s);
    s->closed = true;
    if (!s->busy)
        source_free (s);
}

/* What was brought has been worked off: kvs-watch may send more, unless it has said
 * that there is no more: then the matchtag may be somebody else's.
 */
static void source_ack (struct source *s, size_t len)
{
    flux_future_t *f;

    s->unacked += len;
    if (s->ended || s->unacked < SOURCE_WINDOW / 4)
        return;
    f = flux_rpc_pack (s->h, "kvs-watch.ack", FLUX_NODEID_ANY, FLUX_RPC_NORESPONSE,
                       "{s:i s:I}", "matchtag", (int)flux_rpc_get_matchtag (s->f), "bytes",
                       (json_int_t)s->unacked);
    if (f)
        s->unacked = 0;
    flux_future_destroy (f);
}

static void source_bring (struct source *s, const flux_msg_t *msg)
{
    const void *data = NULL;
    size_t len = 0;

    if (flux_msg_has_payload (msg) && flux_msg_get_payload (msg, &data, &len) < 0)
        len = 0;
    if (len == 0 && flux_msg_has_flag (msg, FLUX_MSGFLAG_USER1))
        s->ops->sentinel (s->arg);
    else
        s->ops->data (s->arg, data, len);
    if (!s->closed)
        source_ack (s, len);
}

/* Those who have waited longest lose what they hold first. */
static void held_trim (struct job_info *ji)
{
    struct source *s;

    while (ji->held > SOURCE_HELD_MAX
           && (s = list_first (&ji->paused, struct source, paused_link))) {
        list_del (&s->paused_link);
        s->ops->lost (s->arg);
    }
}

static void source_hold (struct source *s, const flux_msg_t *msg)
{
    struct held *held;
    const void *data;
    size_t len = 0;

    if (!(held = calloc (1, sizeof (*held)))) {
        s->ops->lost (s->arg);
        return;
    }
    if (flux_msg_has_payload (msg) && flux_msg_get_payload (msg, &data, &len) < 0)
        len = 0;
    held->msg = flux_msg_incref (msg);
    held->len = len;
    list_append (&s->held, &held->link);
    if (!list_linked (&s->paused_link))
        list_append (&s->ji->paused, &s->paused_link);
    s->ji->held += len;
    held_trim (s->ji);
}

void source_pause (struct source *s)
{
    if (s && s->ops->lost)
        s->paused = true;
}

void source_resume (struct source *s)
{
    struct held *held;

    s->paused = false;
    list_del (&s->paused_link);
    s->busy = true;
    while (!s->closed && (held = list_first (&s->held, struct held, link))) {
        source_bring (s, held->msg);
        held_free (s, held);
    }
    if (!s->closed && s->ended)
        s->ops->end (s->arg, s->errnum);
    s->busy = false;
    if (s->closed)
        source_free (s);
}

static void source_cb (flux_future_t *f, void *arg)
{
    struct source *s = arg;
    const void *msg;

    s->busy = true;
    if (flux_future_get (f, &msg) < 0) {
        s->ended = true;
        s->errnum = errno;
        if (!s->paused)
            s->ops->end (s->arg, s->errnum);
    }
    else if (s->paused)
        source_hold (s, msg);
    else
        source_bring (s, msg);
    s->busy = false;
    if (s->closed)
        source_free (s);
    else if (!s->ended)
        flux_future_reset (f);
}

struct source *source_open (struct job_info *ji,
                            const char *ns,
                            const char *key,
                            int flags,
                            size_t from,
                            const struct source_ops *ops,
                            void *arg)
{
    struct source *s;

    if (!(s = calloc (1, sizeof (*s))))
        return NULL;
    s->ji = ji;
    s->h = ji->h;
    list_init (&s->held);
    list_init (&s->paused_link);
    s->ops = ops;
    s->arg = arg;
    s->f = flux_rpc_pack (s->h, "kvs-watch.lookup", FLUX_NODEID_ANY, FLUX_RPC_STREAMING,
                          "{s:s s:s s:i s:I s:i}", "key", key, "namespace", ns, "flags",
                          flags | KVS_WATCH_RAW, "from", (json_int_t)from, "window",
                          SOURCE_WINDOW);
    if (!s->f || flux_future_then (s->f, -1, source_cb, s) < 0) {
        source_free (s);
        return NULL;
    }
    return s;
}
