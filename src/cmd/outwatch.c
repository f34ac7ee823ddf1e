#include "config.h"

#include "cmd.h"
#include "outwatch.h"

enum { WATCH_RAW = 1 << 16 };

struct outwatch {
    flux_t *h;
    flux_jobid_t id;
    const struct outwatch_ops *ops;
    void *arg;
    flux_future_t *f;
    bool raw;  /* responses are raw entries */
    bool seen; /* there was one */
};

static void response_cb (flux_future_t *f, void *arg);

static void ask (struct outwatch *w, bool raw)
{
    int flags = FLUX_JOB_EVENT_WATCH_WAITCREATE;

    if (w->ops->sentinel)
        flags |= FLUX_JOB_EVENT_WATCH_INITIAL_SENTINEL;
    if (raw) {
        w->f = flux_rpc_pack (w->h, "job-info.eventlog-watch", FLUX_NODEID_ANY,
                              FLUX_RPC_STREAMING, "{s:I s:s s:i}", "id", (int64_t)w->id,
                              "path", "guest.output", "flags", flags | WATCH_RAW);
    }
    else
        w->f = flux_job_event_watch (w->h, w->id, "guest.output", flags);
    if (!w->f || flux_future_then (w->f, -1., response_cb, w) < 0)
        cmd_die ("guest.output: %s", flux_strerror (errno));
    w->raw = raw;
}

/* The text of the current response: one entry, or many; NULL at the sentinel. */
static int response_text (struct outwatch *w, const char **s, size_t *len)
{
    const void *data;

    if (w->raw) {
        if (flux_rpc_get_raw (w->f, &data, len) < 0)
            return -1;
        *s = data;
        return 0;
    }
    if (flux_job_event_watch_get (w->f, s) < 0)
        return -1;
    *len = *s ? strlen (*s) : 0;
    return 0;
}

static void response_cb (flux_future_t *f, void *arg)
{
    struct outwatch *w = arg;
    const char *s;
    size_t len;

    if (response_text (w, &s, &len) == 0) {
        w->seen = true;
        if (s)
            w->ops->data (s, len, w->arg);
        else if (w->ops->sentinel)
            w->ops->sentinel (w->arg);
        flux_future_reset (f);
        return;
    }
    if (errno == EPROTO && w->raw && !w->seen) {
        flux_future_destroy (f);
        ask (w, false);
        return;
    }
    w->ops->end (errno, cmd_future_error (f), w->arg);
}

struct outwatch *outwatch_create (flux_t *h,
                                  flux_jobid_t id,
                                  const struct outwatch_ops *ops,
                                  void *arg)
{
    struct outwatch *w = calloc (1, sizeof (*w));

    if (!w)
        cmd_die ("out of memory");
    w->h = h;
    w->id = id;
    w->ops = ops;
    w->arg = arg;
    ask (w, true);
    return w;
}

void outwatch_destroy (struct outwatch *w)
{
    if (w) {
        flux_future_destroy (w->f);
        free (w);
    }
}

void outwatch_cancel (struct outwatch *w)
{
    if (w)
        eventwatch_cancel (w->h, w->f);
}

void eventwatch_cancel (flux_t *h, flux_future_t *f)
{
    flux_future_t *f2;

    if (f) {
        f2 = flux_rpc_pack (h, "job-info.eventlog-watch-cancel", FLUX_NODEID_ANY,
                            FLUX_RPC_NORESPONSE, "{s:i}", "matchtag",
                            (int)flux_rpc_get_matchtag (f));
        flux_future_destroy (f2);
    }
}
