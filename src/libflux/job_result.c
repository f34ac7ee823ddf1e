/* job_result.c - how a job ended, told by its whole eventlog.
 *
 * The watch of the log is reset once per event; the future handed out is the
 * one that is chained behind it and gets one result, at the end of the log.
 */

#include "config.h"
#include <jansson.h>

#include <flux/core.h>

#include "common/eventlog.h"
#include "common/text.h"
#include "common/util.h"

struct result {
    flux_jobid_t id;
    double t_submit; /* times are 0 before they are known */
    double t_run;
    double t_cleanup;
    int waitstatus; /* known when t_cleanup is */
    bool exception;
    int64_t severity; /* of the exception that is kept */
    char *type;
    char *note;
    json_t *json; /* for get_unpack */
};

static const char auxkey[] = "flux::job_result";

static void result_destroy (void *arg)
{
    struct result *r = arg;

    if (r) {
        int saved_errno = errno;
        json_decref (r->json);
        free (r->type);
        free (r->note);
        free (r);
        errno = saved_errno;
    }
}

/* A member of a context as an integer. */
static int get_int (const struct eventlog_entry *e, const char *name, int64_t *value)
{
    return jview_int (jview_get (e->context, name), value) < 0 ? -EPROTO : 0;
}

/* A member of a context as a string, "" if there is none; the caller frees. */
static char *get_string (const struct eventlog_entry *e, const char *name)
{
    struct text t = TEXT_INIT;

    (void)jview_string (jview_get (e->context, name), &t);
    return text_take (&t, NULL);
}

/* A later exception replaces the one kept, unless that one is graver; one of
 * severity 0 is always replaced (job-manager.md 1).
 */
static int note_exception (struct result *r, const struct eventlog_entry *e)
{
    int64_t severity;
    char *type, *note;

    if (get_int (e, "severity", &severity) < 0)
        return -EPROTO;
    if (r->exception && r->severity > 0 && r->severity < severity)
        return 0;
    type = get_string (e, "type");
    note = get_string (e, "note");
    if (!type || !note) {
        free (type);
        free (note);
        return -ENOMEM;
    }
    free (r->type);
    free (r->note);
    r->exception = true;
    r->severity = severity;
    r->type = type;
    r->note = note;
    return 0;
}

static int note_event (struct result *r, const char *line)
{
    struct eventlog_entry e;
    int64_t status;

    if (eventlog_entry_decode (line, strlen (line), &e) < 0)
        return -EPROTO;
    if (eventlog_entry_is (&e, "submit"))
        r->t_submit = e.timestamp;
    else if (eventlog_entry_is (&e, "alloc"))
        r->t_run = e.timestamp;
    else if (eventlog_entry_is (&e, "finish")) {
        if (get_int (&e, "status", &status) < 0)
            return -EPROTO;
        r->t_cleanup = e.timestamp;
        r->waitstatus = status;
    }
    else if (eventlog_entry_is (&e, "exception"))
        return note_exception (r, &e);
    return 0;
}

static flux_job_result_t judge (const struct result *r)
{
    if (r->t_run > 0 && r->t_cleanup > 0 && r->waitstatus == 0)
        return FLUX_JOB_RESULT_COMPLETED;
    if (r->exception && strcmp (r->type, "cancel") == 0)
        return FLUX_JOB_RESULT_CANCELED;
    if (r->exception && strcmp (r->type, "timeout") == 0)
        return FLUX_JOB_RESULT_TIMEOUT;
    return FLUX_JOB_RESULT_FAILED;
}

static void put_time (struct text *t, const char *name, double value)
{
    if (value > 0) {
        text_printf (t, ",\"%s\":", name);
        text_put_real (t, value);
    }
}

static char *result_encode (const struct result *r)
{
    struct text t = TEXT_INIT;
    char *s;

    text_printf (&t,
                 "{\"id\":%lld,\"exception_occurred\":%s",
                 (long long)r->id,
                 r->exception ? "true" : "false");
    put_time (&t, "t_submit", r->t_submit);
    put_time (&t, "t_run", r->t_run);
    put_time (&t, "t_cleanup", r->t_cleanup);
    if (r->t_cleanup > 0)
        text_printf (&t, ",\"waitstatus\":%d", r->waitstatus);
    if (r->exception) {
        text_puts (&t, ",\"exception_type\":");
        text_put_json_string (&t, r->type, strlen (r->type));
        text_puts (&t, ",\"exception_note\":");
        text_put_json_string (&t, r->note, strlen (r->note));
        text_puts (&t, ",\"exception_severity\":");
        text_put_int (&t, r->severity);
    }
    text_printf (&t, ",\"result\":%d}", judge (r));
    if (!(s = text_take (&t, NULL)))
        text_fini (&t);
    return s;
}

/* One event: the watch goes on, nothing is told yet. */
static void event_cb (flux_future_t *f, void *arg)
{
    struct result *r = arg;
    const char *event;
    int rc = 0;

    if (flux_job_event_watch_get (f, &event) < 0)
        rc = -errno;
    else if (event)
        rc = note_event (r, event);
    if (rc < 0) {
        flux_future_continue_error (f, -rc, NULL);
        flux_job_event_watch_cancel (f);
        flux_future_destroy (f);
        return;
    }
    flux_future_reset (f);
    flux_future_continue (f, NULL);
}

/* The end of the log, or a failure. */
static void end_cb (flux_future_t *f, void *arg)
{
    struct result *r = arg;
    char *s;

    if (flux_future_get (f, NULL) == 0 || errno != ENODATA)
        flux_future_continue_error (f,
                                    errno,
                                    flux_future_has_error (f)
                                        ? flux_future_error_string (f)
                                        : NULL);
    else if (!(s = result_encode (r)))
        flux_future_continue_error (f, ENOMEM, NULL);
    else
        flux_future_fulfill_next (f, s, free);
    flux_future_destroy (f);
}

flux_future_t *flux_job_result (flux_t *h, flux_jobid_t id, int flags)
{
    flux_future_t *watch = NULL;
    flux_future_t *f = NULL;
    struct result *r;

    if (!h || flags != 0) {
        errno = EINVAL;
        return NULL;
    }
    if (!(r = calloc (1, sizeof (*r))))
        return NULL;
    r->id = id;
    if (!(watch = flux_job_event_watch (h, id, "eventlog", 0))
        || !(f = flux_future_and_then (watch, event_cb, r))) {
        flux_future_destroy (watch);
        result_destroy (r);
        return NULL;
    }
    /* from here on f owns the watch */
    if (flux_future_aux_set (f, auxkey, r, result_destroy) < 0) {
        flux_future_destroy (f);
        result_destroy (r);
        return NULL;
    }
    if (!flux_future_or_then (watch, end_cb, r)) {
        flux_future_destroy (f);
        return NULL;
    }
    return f;
}

int flux_job_result_get (flux_future_t *f, const char **json_str)
{
    const void *s;

    if (!f || !flux_future_aux_get (f, auxkey)) {
        errno = EINVAL;
        return -1;
    }
    if (flux_future_get (f, &s) < 0)
        return -1;
    if (json_str)
        *json_str = s;
    return 0;
}

int flux_job_result_get_unpack (flux_future_t *f, const char *fmt, ...)
{
    struct result *r;
    const char *s;
    va_list ap;
    int rc;

    if (!fmt || !*fmt) {
        errno = EINVAL;
        return -1;
    }
    if (flux_job_result_get (f, &s) < 0)
        return -1;
    r = flux_future_aux_get (f, auxkey);
    if (!r->json && !(r->json = json_loads (s, JSON_ALLOW_NUL, NULL))) {
        errno = EINVAL;
        return -1;
    }
    va_start (ap, fmt);
    rc = json_vunpack_ex (r->json, NULL, 0, fmt, ap);
    va_end (ap);
    if (rc < 0) {
        errno = EINVAL;
        return -1;
    }
    return 0;
}
