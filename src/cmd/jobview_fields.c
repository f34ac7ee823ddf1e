/* jobview_fields.c - the fields of flux jobs -o. */

#include "config.h"
#include <ctype.h>
#include <langinfo.h>
#include <stdio.h>

#include "cmd.h"
#include "jobview.h"

#define GETTER(f)                                                                         \
    static void f (const void *item,                                                      \
                   const char *name,                                                      \
                   struct text *t,                                                        \
                   struct format_value *v)

/* -- attributes as they are; the field's name is the attribute's -- */

GETTER (get_string)
{
    format_set_string (v, jobview_string (item, name));
}

GETTER (get_real)
{
    format_set_real (v, jobview_number (item, name));
}

static void set_json (struct format_value *v, json_t *o, struct text *t)
{
    char *s;

    if (json_is_integer (o))
        format_set_int (v, json_integer_value (o));
    else if (json_is_real (o))
        format_set_real (v, json_real_value (o));
    else if (json_is_boolean (o))
        format_set_bool (v, json_is_true (o));
    else if (json_is_string (o))
        format_set_string (v, json_string_value (o));
    else if (!o || json_is_null (o))
        format_set_string (v, "");
    else {
        if (!(s = json_dumps (o, 0)))
            cmd_die ("out of memory");
        text_puts (t, s);
        free (s);
        format_set_string (v, t->buf);
    }
}

/* Numbers and truth values that are not known are empty text. */
GETTER (get_any)
{
    set_json (v, json_object_get (((const struct jobview *)item)->o, name), t);
}

static void set_text (struct format_value *v, struct text *t)
{
    format_set_string (v, t->buf);
}

/* -- the id: in decimal if it is laid out as a number -- */

static void put_id (struct text *t, const struct jobview *job, const char *type)
{
    char buf[64];

    if (flux_job_id_encode (jobview_id (job), type, buf, sizeof (buf)) == 0)
        text_puts (t, buf);
}

GETTER (get_id)
{
    put_id (t, item, "f58");
    format_set_int (v, jobview_id (item));
    v->s = t->buf;
}

GETTER (get_id_as)
{
    put_id (t, item, strchr (name, '.') + 1);
    set_text (v, t);
}

/* -- state, result, status -- */

enum { EMOJI_STATES, EMOJI_RESULTS };

static const struct {
    int bit;
    const char *emoji[2]; /* of a state, of a result */
    const char *plain;    /* a result where emojis cannot be shown */
} faces[] = {
    { 1, { "\U0001f381", "\U0001f600" }, ":-)" },
    { 2, { "\U0001f6d1", "\U0001f4a9" }, ":'-(" },
    { 4, { "\U0001f6a6", "\U0001f4a5" }, "%-|" },
    { 8, { "\U0001f4c5", "\u231b" }, "(-_-)" },
    { 16, { "\U0001f3c3", NULL }, NULL },
    { 32, { "\U0001f5d1", NULL }, NULL },
    { 64, { "\U0001f480", NULL }, NULL },
};

static const char *face (int which, int bit)
{
    bool utf8 = strcmp (nl_langinfo (CODESET), "UTF-8") == 0;

    for (size_t i = 0; i < ARRAY_SIZE (faces); i++) {
        if (faces[i].bit != bit)
            continue;
        if (utf8)
            return faces[i].emoji[which];
        return which == EMOJI_STATES ? flux_job_statetostr (bit, "S") : faces[i].plain;
    }
    return utf8 ? "\u3000" : "";
}

GETTER (get_state)
{
    format_set_string (v, flux_job_statetostr (jobview_state (item), "L"));
}

GETTER (get_state_single)
{
    format_set_string (v, flux_job_statetostr (jobview_state (item), "S"));
}

GETTER (get_state_emoji)
{
    format_set_string (v, face (EMOJI_STATES, jobview_state (item)));
}

GETTER (get_result)
{
    format_set_string (v, jobview_inactive (item)
                              ? flux_job_resulttostr (jobview_result (item), "L")
                              : "");
}

GETTER (get_result_abbrev)
{
    format_set_string (v, jobview_inactive (item)
                              ? flux_job_resulttostr (jobview_result (item), "S")
                              : "");
}

GETTER (get_result_emoji)
{
    format_set_string (v, face (EMOJI_RESULTS, jobview_result (item)));
}

GETTER (get_status)
{
    format_set_string (v, jobview_status (item, "L"));
}

GETTER (get_status_abbrev)
{
    format_set_string (v, jobview_status (item, "S"));
}

GETTER (get_status_emoji)
{
    bool ended = jobview_inactive (item);

    format_set_string (v, face (ended ? EMOJI_RESULTS : EMOJI_STATES,
                                ended ? jobview_result (item) : jobview_state (item)));
}

/* -- what is computed -- */

GETTER (get_username)
{
    format_set_string (v, jobview_user (item));
}

GETTER (get_remaining)
{
    format_set_real (v, jobview_remaining (item));
}

GETTER (get_runtime)
{
    format_set_real (v, jobview_runtime (item));
}

GETTER (get_returncode)
{
    int rc;

    if (jobview_returncode (item, &rc))
        format_set_int (v, rc);
    else
        format_set_string (v, "");
}

GETTER (get_exception)
{
    char attr[64];

    snprintf (attr, sizeof (attr), "exception_%s", strchr (name, '.') + 1);
    get_any (item, attr, t, v);
}

GETTER (get_dependencies)
{
    jobview_put_dependencies (item, t);
    set_text (v, t);
}

GETTER (get_info)
{
    jobview_put_info (item, t);
    set_text (v, t);
}

GETTER (get_time)
{
    if (jobview_state (item) & FLUX_JOB_STATE_PENDING)
        format_set_real (v, jobview_number (item, "duration"));
    else
        format_set_real (v, jobview_runtime (item));
}

GETTER (get_inactive_reason)
{
    jobview_put_inactive_reason (item, t);
    set_text (v, t);
}

/* "annotations.sched.x", "sched.x" and "user.x" name the same places. */
GETTER (get_annotation)
{
    static const char prefix[] = "annotations.";

    if (strncmp (name, prefix, strlen (prefix)) == 0)
        name += strlen (prefix);
    set_json (v, jobview_annotation (item, name), t);
}

GETTER (get_annotations)
{
    set_json (v, json_object_get (((const struct jobview *)item)->o, "annotations"), t);
}

static const char *user_uri (const struct jobview *job)
{
    return json_string_value (jobview_annotation (job, "user.uri"));
}

void jobview_put_local_uri (struct text *t, const char *uri)
{
    static const char ssh[] = "ssh://";
    const char *path = uri;

    if (strncmp (uri, ssh, strlen (ssh)) == 0 && (path = strchr (uri + strlen (ssh), '/')))
        text_printf (t, "local://%s", path);
    else
        text_puts (t, uri);
}

GETTER (get_uri)
{
    const char *uri = user_uri (item);

    if (!uri)
        text_puts (t, strcmp (name, "uri") == 0 ? "None" : "");
    else if (strcmp (name, "uri") != 0 || getenv ("FLUX_URI_RESOLVE_LOCAL"))
        jobview_put_local_uri (t, uri);
    else
        text_puts (t, uri);
    set_text (v, t);
}

/* The path without "annotations."; what people look for most has a name. */
static void annotation_heading (const char *name, char *buf, size_t size)
{
    static const struct {
        const char *end;
        const char *heading;
    } known[] = {
        { "sched.t_estimate", "T_ESTIMATE" },
        { "reason_pending", "REASON" },
        { "resource_summary", "RESOURCES" },
    };
    static const char prefix[] = "annotations.";
    size_t len = strlen (name);

    for (size_t i = 0; i < ARRAY_SIZE (known); i++) {
        size_t n = strlen (known[i].end);

        if (n <= len && strcmp (name + len - n, known[i].end) == 0) {
            snprintf (buf, size, "%s", known[i].heading);
            return;
        }
    }
    if (strncmp (name, prefix, strlen (prefix)) == 0)
        name += strlen (prefix);
    snprintf (buf, size, "%s", name);
    for (char *p = buf; *p; p++)
        *p = toupper ((unsigned char)*p);
}

#define STATUS_NEEDS "state,result"
#define RUNTIME_NEEDS "t_run,t_cleanup"
#define INSTANCE_NEEDS "state,annotations"
#define EXCEPTION_NEEDS                                                                   \
    "exception_occurred,exception_severity,exception_type,exception_note"

static const struct format_field fields[] = {
    { "id", "JOBID", get_id, "" },
    JOBVIEW_ID_FIELDS (get_id_as),
    { "userid", "UID", get_any, "userid" },
    { "username", "USER", get_username, "userid" },
    { "urgency", "URG", get_any, "urgency" },
    { "priority", "PRI", get_any, "priority" },
    { "state", "STATE", get_state, "state" },
    { "state_single", "S", get_state_single, "state" },
    { "state_emoji", "STATE", get_state_emoji, "state" },
    { "result", "RESULT", get_result, STATUS_NEEDS },
    { "result_abbrev", "RS", get_result_abbrev, STATUS_NEEDS },
    { "result_emoji", "RESULT", get_result_emoji, STATUS_NEEDS },
    { "status", "STATUS", get_status, STATUS_NEEDS },
    { "status_abbrev", "ST", get_status_abbrev, STATUS_NEEDS },
    { "status_emoji", "STATUS", get_status_emoji, STATUS_NEEDS },
    { "name", NULL, get_string, "name" },
    { "cwd", NULL, get_string, "cwd" },
    { "queue", NULL, get_string, "queue" },
    { "project", NULL, get_string, "project" },
    { "bank", NULL, get_string, "bank" },
    { "ntasks", NULL, get_any, "ntasks" },
    { "ncores", NULL, get_any, "ncores" },
    { "nnodes", NULL, get_any, "nnodes" },
    { "duration", NULL, get_real, "duration" },
    { "expiration", NULL, get_real, "expiration" },
    { "ranks", NULL, get_string, "ranks" },
    { "nodelist", NULL, get_string, "nodelist" },
    { "success", NULL, get_any, "success" },
    { "waitstatus", "WSTATUS", get_any, "waitstatus" },
    { "returncode", "RC", get_returncode, "waitstatus,result" },
    { "exception.occurred", "EXCEPTION-OCCURRED", get_exception, "exception_occurred" },
    { "exception.severity", "EXCEPTION-SEVERITY", get_exception, "exception_severity" },
    { "exception.type", "EXCEPTION-TYPE", get_exception, "exception_type" },
    { "exception.note", "EXCEPTION-NOTE", get_exception, "exception_note" },
    { "t_submit", NULL, get_real, "t_submit" },
    { "t_depend", NULL, get_real, "t_depend" },
    { "t_priority", NULL, get_real, "t_priority" },
    { "t_sched", NULL, get_real, "t_sched" },
    { "t_run", NULL, get_real, "t_run" },
    { "t_cleanup", NULL, get_real, "t_cleanup" },
    { "t_inactive", NULL, get_real, "t_inactive" },
    { "t_remaining", NULL, get_remaining, "state,expiration" },
    { "runtime", NULL, get_runtime, RUNTIME_NEEDS },
    { "dependencies", NULL, get_dependencies, "dependencies" },
    { "contextual_info", "INFO", get_info,
      "state,dependencies,annotations,urgency,priority,nodelist" },
    { "contextual_time", "TIME", get_time, "state,duration," RUNTIME_NEEDS },
    { "inactive_reason", "INACTIVE-REASON", get_inactive_reason,
      STATUS_NEEDS ",waitstatus," EXCEPTION_NEEDS },
    { "annotations", NULL, get_annotations, "annotations" },
    { "annotations.*", NULL, get_annotation, "annotations" },
    { "sched", NULL, get_annotation, "annotations" },
    { "sched.*", NULL, get_annotation, "annotations" },
    { "user", NULL, get_annotation, "annotations" },
    { "user.*", NULL, get_annotation, "annotations" },
    { "uri", "URI", get_uri, "annotations" },
    { "uri.local", "URI", get_uri, "annotations" },
    { "instance.stats", "STATS", jobview_get_instance_stats, INSTANCE_NEEDS },
    { "instance.stats.total", "NJOBS", jobview_get_instance_total, INSTANCE_NEEDS },
    { "instance.utilization", "CORE%", jobview_get_instance_utilization, INSTANCE_NEEDS },
    { "instance.gpu_utilization", "GPU%", jobview_get_instance_utilization,
      INSTANCE_NEEDS },
    { "instance.progress", "PROG", jobview_get_instance_progress, INSTANCE_NEEDS },
    { "instance.resources.*", NULL, jobview_get_instance_resources, INSTANCE_NEEDS },
    { NULL, NULL, NULL, NULL },
};

const struct format_source jobview_fields = { fields, annotation_heading };
