#include "config.h"
#include <pwd.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

#include "cmd.h"
#include "common/fsd.h"
#include "jobview.h"
#include "jsonpath.h"

double jobview_clock (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_REALTIME, &ts);
    return ts.tv_sec + 1e-9 * ts.tv_nsec;
}

const char *jobview_string (const struct jobview *v, const char *attr)
{
    const char *s = json_string_value (json_object_get (v->o, attr));

    return s ? s : "";
}

double jobview_number (const struct jobview *v, const char *attr)
{
    return json_number_value (json_object_get (v->o, attr));
}

flux_jobid_t jobview_id (const struct jobview *v)
{
    return json_integer_value (json_object_get (v->o, "id"));
}

int jobview_state (const struct jobview *v)
{
    return json_integer_value (json_object_get (v->o, "state"));
}

int jobview_result (const struct jobview *v)
{
    return json_integer_value (json_object_get (v->o, "result"));
}

bool jobview_inactive (const struct jobview *v)
{
    return jobview_state (v) == FLUX_JOB_STATE_INACTIVE;
}

const char *jobview_status (const struct jobview *v, const char *fmt)
{
    if (jobview_inactive (v))
        return flux_job_resulttostr (jobview_result (v), fmt);
    return flux_job_statetostr (jobview_state (v), fmt);
}

double jobview_runtime (const struct jobview *v)
{
    double t_run = jobview_number (v, "t_run");
    double t_cleanup = jobview_number (v, "t_cleanup");

    if (t_run == 0)
        return 0;
    return (t_cleanup > 0 ? t_cleanup : v->now) - t_run;
}

double jobview_remaining (const struct jobview *v)
{
    double left = jobview_number (v, "expiration") - v->now;

    return jobview_state (v) == FLUX_JOB_STATE_RUN && left > 0 ? left : 0;
}

bool jobview_returncode (const struct jobview *v, int *rc)
{
    json_t *status = json_object_get (v->o, "waitstatus");
    int s = json_integer_value (status);

    if (status)
        *rc = WIFSIGNALED (s) ? -WTERMSIG (s) : WEXITSTATUS (s);
    else if (jobview_result (v) == FLUX_JOB_RESULT_CANCELED)
        *rc = -128;
    else if (jobview_result (v) == FLUX_JOB_RESULT_FAILED)
        *rc = 1;
    else
        return false;
    return true;
}

/* Listings show runs of jobs of one user: ask the user database once. */
const char *jobview_user (const struct jobview *v)
{
    static char name[64];
    static long long cached = -1;
    long long uid = jobview_number (v, "userid");
    struct passwd *pw;

    if (uid != cached) {
        if ((pw = getpwuid (uid)))
            snprintf (name, sizeof (name), "%s", pw->pw_name);
        else
            snprintf (name, sizeof (name), "%lld", uid);
        cached = uid;
    }
    return name;
}

void jobview_put_dependency (const struct jobview *v, const char *dep, struct text *out)
{
    static const char prefix[] = "begin-time=";
    time_t t, now = v->now;
    struct tm tm, today;
    char buf[64], *end;

    if (strncmp (dep, prefix, strlen (prefix)) != 0) {
        text_puts (out, dep);
        return;
    }
    t = strtod (dep + strlen (prefix), &end);
    if (*end || !localtime_r (&t, &tm) || !localtime_r (&now, &today)) {
        text_puts (out, dep);
        return;
    }
    text_puts (out, "begin@");
    if (tm.tm_year != today.tm_year || tm.tm_yday != today.tm_yday) {
        strftime (buf, sizeof (buf), "%b%d-", &tm);
        text_puts (out, buf);
    }
    strftime (buf, sizeof (buf), tm.tm_sec ? "%T" : "%R", &tm);
    text_puts (out, buf);
}

void jobview_put_dependencies (const struct jobview *v, struct text *out)
{
    json_t *dep;
    size_t i;

    json_array_foreach (json_object_get (v->o, "dependencies"), i, dep) {
        if (i > 0)
            text_putc (out, ',');
        jobview_put_dependency (v, json_string_value (dep), out);
    }
}

json_t *jobview_annotation (const struct jobview *v, const char *path)
{
    return jsonpath_get (json_object_get (v->o, "annotations"), path);
}

/* Why it does not run: the scheduler's estimate, or a hold. */
static void put_sched_info (const struct jobview *v, struct text *out)
{
    json_t *estimate = jobview_annotation (v, "sched.t_estimate");
    double eta = json_number_value (estimate) - v->now;
    char buf[FSD_BUFSIZE];

    if (json_is_number (estimate)) {
        if (eta < 1 || fsd_pyformat (buf, sizeof (buf), eta, 'F') < 0)
            strcpy (buf, "now");
        text_printf (out, "eta:%s", buf);
    }
    else if (jobview_number (v, "urgency") == 0)
        text_puts (out, "held");
    else if (jobview_number (v, "priority") == 0)
        text_puts (out, "priority-hold");
}

void jobview_put_info (const struct jobview *v, struct text *out)
{
    switch (jobview_state (v)) {
        case FLUX_JOB_STATE_PRIORITY:
            text_puts (out, "priority-wait");
            break;
        case FLUX_JOB_STATE_DEPEND:
            text_puts (out, "depends:");
            jobview_put_dependencies (v, out);
            break;
        case FLUX_JOB_STATE_SCHED:
            put_sched_info (v, out);
            break;
        default:
            text_puts (out, jobview_string (v, "nodelist"));
            break;
    }
}

static void put_exit (int rc, struct text *out)
{
    if (rc > 128)
        text_puts (out, strsignal (rc - 128));
    else if (rc < 0)
        text_puts (out, strsignal (-rc));
    else if (rc == 126)
        text_puts (out, "Command invoked cannot execute");
    else if (rc == 127)
        text_puts (out, "command not found");
    else if (rc == 128)
        text_puts (out, "Invalid argument to exit");
    else
        text_printf (out, "Exit %d", rc);
}

static void put_failure (const struct jobview *v, struct text *out)
{
    const char *type = jobview_string (v, "exception_type");
    const char *note = jobview_string (v, "exception_note");
    int rc = 1;

    if (json_is_true (json_object_get (v->o, "exception_occurred"))
        && jobview_number (v, "exception_severity") == 0 && strcmp (type, "exec") != 0) {
        text_printf (out, "Exception: type=%s", type);
        if (*note)
            text_printf (out, " note=%s", note);
        return;
    }
    jobview_returncode (v, &rc);
    put_exit (rc, out);
}

void jobview_put_inactive_reason (const struct jobview *v, struct text *out)
{
    const char *note = jobview_string (v, "exception_note");

    if (!jobview_inactive (v))
        return;
    switch (jobview_result (v)) {
        case FLUX_JOB_RESULT_CANCELED:
            text_printf (out, *note ? "Canceled: %s" : "Canceled", note);
            break;
        case FLUX_JOB_RESULT_FAILED:
            put_failure (v, out);
            break;
        case FLUX_JOB_RESULT_TIMEOUT:
            text_puts (out, "Timeout");
            break;
        case FLUX_JOB_RESULT_COMPLETED:
            text_puts (out, "Exit 0");
            break;
    }
}
