/* job_watch.c - a job's eventlog as it grows (watch.md 3.2, 4.2). */

#include "config.h"
#include <flux/core.h>

#include "common/jview.h"
#include "common/text.h"
#include "common/util.h"

#define WATCH_FLAGS                                                           \
    (FLUX_JOB_EVENT_WATCH_WAITCREATE | FLUX_JOB_EVENT_WATCH_INITIAL_SENTINEL)

/* job-info.eventlog-watch {"id":I "path":s "flags":i} -> {"event":s} ... */
flux_future_t *flux_job_event_watch (flux_t *h,
                                     flux_jobid_t id,
                                     const char *path,
                                     int flags)
{
    if (!h || !path || (flags & ~WATCH_FLAGS)) {
        errno = EINVAL;
        return NULL;
    }
    return flux_rpc_pack (h,
                          "job-info.eventlog-watch",
                          FLUX_NODEID_ANY,
                          FLUX_RPC_STREAMING,
                          "{s:I s:s s:i}",
                          "id",
                          (int64_t)id,
                          "path",
                          path,
                          "flags",
                          flags);
}

/* The event in a response, decoded without a JSON tree: logs are long. */
struct event {
    const flux_msg_t *msg; /* that it is from */
    struct text text;
};

static void event_destroy (void *arg)
{
    struct event *e = arg;

    flux_msg_decref (e->msg);
    text_fini (&e->text);
    free_keep_errno (e);
}

static struct event *event_get (flux_future_t *f)
{
    static const char auxkey[] = "flux::job_event";
    struct event *e = flux_future_aux_get (f, auxkey);

    if (e)
        return e;
    if (!(e = calloc (1, sizeof (*e))))
        return NULL;
    if (flux_future_aux_set (f, auxkey, e, event_destroy) < 0) {
        event_destroy (e);
        return NULL;
    }
    return e;
}

/* {"event":s} */
static int event_decode (struct event *e, const flux_msg_t *msg, const char *s)
{
    static const char *const keys[] = { "event" };
    struct jview v;
    int r;

    flux_msg_decref (e->msg);
    e->msg = NULL;
    text_clear (&e->text);
    if (jview_parse_pick (s, strlen (s), false, 1, keys, &v) < 0
        || (r = jview_string (v, &e->text)) == -ENOENT
        || r == -EINVAL) {
        errno = EPROTO;
        return -1;
    }
    if (r < 0) {
        errno = ENOMEM;
        return -1;
    }
    e->msg = flux_msg_incref (msg);
    return 0;
}

int flux_job_event_watch_get (flux_future_t *f, const char **event)
{
    struct event *e;
    const void *msg;
    const char *s;

    if (!f) {
        errno = EINVAL;
        return -1;
    }
    if (flux_rpc_get (f, &s) < 0 || flux_future_get (f, &msg) < 0)
        return -1;
    if (s) {
        if (!(e = event_get (f)) || (msg != e->msg && event_decode (e, msg, s) < 0))
            return -1;
        s = e->text.buf;
    }
    if (event)
        *event = s; /* NULL: the sentinel */
    return 0;
}

int flux_job_event_watch_cancel (flux_future_t *f)
{
    flux_future_t *cancel;

    if (!f) {
        errno = EINVAL;
        return -1;
    }
    if (!(cancel = flux_rpc_pack (flux_future_get_flux (f),
                                  "job-info.eventlog-watch-cancel",
                                  FLUX_NODEID_ANY,
                                  FLUX_RPC_NORESPONSE,
                                  "{s:i}",
                                  "matchtag",
                                  (int)flux_rpc_get_matchtag (f))))
        return -1;
    flux_future_destroy (cancel);
    return 0;
}
