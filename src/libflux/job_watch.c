/* job_watch.c - a job's eventlog as it grows (watch.md 3.2, 4.2). */

#include "config.h"
#include <flux/core.h>

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

int flux_job_event_watch_get (flux_future_t *f, const char **event)
{
    const char *s;

    if (!f) {
        errno = EINVAL;
        return -1;
    }
    if (flux_rpc_get (f, &s) < 0)
        return -1;
    if (s && flux_rpc_get_unpack (f, "{s:s}", "event", &s) < 0)
        return -1;
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
