/* job.c - requests about jobs, each one RPC. */

#include "config.h"
#include <jansson.h>
#include <math.h>

#include <flux/core.h>

#include "common/text.h"
#include "common/utf8.h"
#include "common/util.h"
#include "job_sign.h"

#define LISTED_STATES 126 /* all but NEW */

static flux_future_t *inval (void)
{
    errno = EINVAL;
    return NULL;
}

/* The string J is text that needs no escapes, unless the caller made it. */
static int put_signed (struct text *t, const char *jobspec, int flags)
{
    size_t len = strlen (jobspec);

    if (flags & FLUX_JOB_PRE_SIGNED) {
        if (!utf8_valid (jobspec, len)) {
            errno = EINVAL;
            return -1;
        }
        text_put_json_string (t, jobspec, len);
        return 0;
    }
    text_putc (t, '"');
    job_sign_none (t, jobspec, len, getuid ());
    text_putc (t, '"');
    return 0;
}

/* job-ingest.submit {"J":s "urgency":i "flags":i} -> {"id":I} */
flux_future_t *flux_job_submit (flux_t *h, const char *jobspec, int urgency, int flags)
{
    struct text t = TEXT_INIT;
    flux_future_t *f = NULL;

    if (!h || !jobspec)
        return inval ();
    text_puts (&t, "{\"J\":");
    if (put_signed (&t, jobspec, flags) < 0)
        goto done;
    text_printf (&t,
                 ",\"urgency\":%d,\"flags\":%d}",
                 urgency,
                 flags & ~FLUX_JOB_PRE_SIGNED);
    if (text_error (&t) < 0)
        errno = ENOMEM;
    else
        f = flux_rpc (h, "job-ingest.submit", t.buf, FLUX_NODEID_ANY, 0);
done:
    text_fini (&t);
    return f;
}

static int get_id (flux_future_t *f, flux_jobid_t *id)
{
    json_int_t value;

    if (!f) {
        errno = EINVAL;
        return -1;
    }
    if (flux_rpc_get_unpack (f, "{s:I}", "id", &value) < 0)
        return -1;
    if (id)
        *id = value;
    return 0;
}

int flux_job_submit_get_id (flux_future_t *f, flux_jobid_t *id)
{
    return get_id (f, id);
}

/* job-manager.wait {"id":I} -> {"id":I "success":b "errstr":s} */
flux_future_t *flux_job_wait (flux_t *h, flux_jobid_t id)
{
    if (!h)
        return inval ();
    return flux_rpc_pack (h,
                          "job-manager.wait",
                          FLUX_NODEID_ANY,
                          0,
                          "{s:I}",
                          "id",
                          (json_int_t)id);
}

int flux_job_wait_get_status (flux_future_t *f, bool *success, const char **errstr)
{
    const char *text;
    int b;

    if (!f) {
        errno = EINVAL;
        return -1;
    }
    if (flux_rpc_get_unpack (f, "{s:b s:s}", "success", &b, "errstr", &text) < 0)
        return -1;
    if (success)
        *success = b;
    if (errstr)
        *errstr = text;
    return 0;
}

int flux_job_wait_get_id (flux_future_t *f, flux_jobid_t *id)
{
    return get_id (f, id);
}

/* The attributes asked for, from JSON text; NULL with errno EINVAL. */
static json_t *parse_attrs (const char *s)
{
    json_t *o = s ? json_loads (s, 0, NULL) : NULL;

    if (!json_is_array (o)) {
        json_decref (o);
        errno = EINVAL;
        return NULL;
    }
    return o;
}

flux_future_t *flux_job_list (flux_t *h,
                              int max_entries,
                              const char *attrs_json_str,
                              uint32_t userid,
                              int states)
{
    json_t *attrs;

    if (!h || max_entries < 0 || (states & ~LISTED_STATES)
        || !(attrs = parse_attrs (attrs_json_str)))
        return inval ();
    return flux_rpc_pack (h,
                          "job-list.list",
                          FLUX_NODEID_ANY,
                          0,
                          "{s:i s:o s:{s:[{s:[i]} {s:[i]}]}}",
                          "max_entries",
                          max_entries,
                          "attrs",
                          attrs,
                          "constraint",
                          "and",
                          "userid",
                          (int)userid,
                          "states",
                          states ? states : LISTED_STATES);
}

flux_future_t *flux_job_list_inactive (flux_t *h,
                                       int max_entries,
                                       double since,
                                       const char *attrs_json_str)
{
    json_t *attrs;

    if (!h || max_entries < 0 || !(since >= 0) || isinf (since)
        || !(attrs = parse_attrs (attrs_json_str)))
        return inval ();
    return flux_rpc_pack (h,
                          "job-list.list",
                          FLUX_NODEID_ANY,
                          0,
                          "{s:i s:f s:o s:{s:[i]}}",
                          "max_entries",
                          max_entries,
                          "since",
                          since,
                          "attrs",
                          attrs,
                          "constraint",
                          "states",
                          FLUX_JOB_STATE_INACTIVE);
}

flux_future_t *flux_job_list_id (flux_t *h,
                                 flux_jobid_t id,
                                 const char *attrs_json_str)
{
    json_t *attrs;

    if (!h || !(attrs = parse_attrs (attrs_json_str)))
        return inval ();
    return flux_rpc_pack (h,
                          "job-list.list-id",
                          FLUX_NODEID_ANY,
                          0,
                          "{s:I s:o}",
                          "id",
                          (json_int_t)id,
                          "attrs",
                          attrs);
}

/* job-manager.raise {"id":I "type":s "severity":i "note"?:s} */
flux_future_t *flux_job_raise (flux_t *h,
                               flux_jobid_t id,
                               const char *type,
                               int severity,
                               const char *note)
{
    if (!h || !type)
        return inval ();
    return flux_rpc_pack (h,
                          "job-manager.raise",
                          FLUX_NODEID_ANY,
                          0,
                          "{s:I s:s s:i s:s*}",
                          "id",
                          (json_int_t)id,
                          "type",
                          type,
                          "severity",
                          severity,
                          "note",
                          note);
}

flux_future_t *flux_job_cancel (flux_t *h, flux_jobid_t id, const char *reason)
{
    return flux_job_raise (h, id, "cancel", 0, reason);
}

flux_future_t *flux_job_kill (flux_t *h, flux_jobid_t id, int signum)
{
    if (!h || signum <= 0)
        return inval ();
    return flux_rpc_pack (h,
                          "job-manager.kill",
                          FLUX_NODEID_ANY,
                          0,
                          "{s:I s:i}",
                          "id",
                          (json_int_t)id,
                          "signum",
                          signum);
}

flux_future_t *flux_job_set_urgency (flux_t *h, flux_jobid_t id, int urgency)
{
    if (!h)
        return inval ();
    return flux_rpc_pack (h,
                          "job-manager.urgency",
                          FLUX_NODEID_ANY,
                          0,
                          "{s:I s:i}",
                          "id",
                          (json_int_t)id,
                          "urgency",
                          urgency);
}
