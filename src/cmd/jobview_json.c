/* jobview_json.c - a job as flux jobs --json shows it. */

#include "config.h"

#include "cmd.h"
#include "jobview.h"

/* Copy attributes; empty strings and times that have not come are left out. */
static void copy_attrs (json_t *o, const struct jobview *v, const char *const *names)
{
    for (; *names; names++) {
        json_t *value = json_object_get (v->o, *names);
        bool time = (*names)[0] == 't' && (*names)[1] == '_';

        if (!value || (json_is_string (value) && json_string_length (value) == 0)
            || ((time || strcmp (*names, "expiration") == 0)
                && json_number_value (value) == 0))
            continue;
        json_object_set (o, *names, value);
    }
}

static json_t *dependencies (const struct jobview *v)
{
    json_t *list = json_array (), *dep;
    size_t i;

    json_array_foreach (json_object_get (v->o, "dependencies"), i, dep) {
        struct text t = TEXT_INIT;

        jobview_put_dependency (v, json_string_value (dep), &t);
        json_array_append_new (list, json_string (t.buf ? t.buf : ""));
        text_fini (&t);
    }
    return list;
}

static json_t *exception (const struct jobview *v)
{
    if (!json_is_true (json_object_get (v->o, "exception_occurred")))
        return json_pack ("{s:b}", "occurred", 0);
    return json_pack ("{s:b s:i s:s s:s}", "occurred", 1, "severity",
                      (int)jobview_number (v, "exception_severity"), "type",
                      jobview_string (v, "exception_type"), "note",
                      jobview_string (v, "exception_note"));
}

/* The annotations, and apart from them the uri. */
static void add_annotations (json_t *o, const struct jobview *v, json_t *uri)
{
    json_t *annotations = json_deep_copy (json_object_get (v->o, "annotations"));
    json_t *user = json_object_get (annotations, "user");

    if (uri) {
        json_object_del (user, "uri");
        if (json_object_size (user) == 0)
            json_object_del (annotations, "user");
    }
    json_object_set_new (o, "annotations", annotations ? annotations : json_object ());
}

static void set_real (json_t *o, const char *key, double value)
{
    if (value != 0)
        json_object_set_new (o, key, json_real (value));
}

json_t *jobview_json (const struct jobview *v)
{
    static const char *const first[] = {
        "t_depend", "t_priority", "t_sched",  "t_run",   "t_cleanup", "t_inactive",
        "duration", "expiration", "name",     "cwd",     "queue",     "project",
        "bank",     "ntasks",     "ncores",   "nnodes",  "priority",  "ranks",
        "nodelist", "success",    NULL,
    };
    static const char *const second[] = { "waitstatus", "id", "t_submit", NULL };
    static const char *const third[] = { "userid", "urgency", NULL };
    json_t *o = json_object (), *uri = jobview_annotation (v, "user.uri");
    char id[64];
    int rc;

    copy_attrs (o, v, first);
    if (jobview_inactive (v)) {
        json_object_set_new (o, "result",
                             json_string (flux_job_resulttostr (jobview_result (v), "L")));
    }
    copy_attrs (o, v, second);
    set_real (o, "t_remaining", jobview_remaining (v));
    json_object_set_new (o, "state",
                         json_string (flux_job_statetostr (jobview_state (v), "L")));
    json_object_set_new (o, "username", json_string (jobview_user (v)));
    copy_attrs (o, v, third);
    set_real (o, "runtime", jobview_runtime (v));
    json_object_set_new (o, "status", json_string (jobview_status (v, "L")));
    if (jobview_returncode (v, &rc))
        json_object_set_new (o, "returncode", json_integer (rc));
    json_object_set_new (o, "dependencies", dependencies (v));
    if (flux_job_id_encode (jobview_id (v), "f58", id, sizeof (id)) == 0)
        json_object_set_new (o, "jobid", json_string (id));
    add_annotations (o, v, uri);
    json_object_set_new (o, "exception", exception (v));
    if (uri)
        json_object_set (o, "uri", uri);
    if (json_object_size (o) == 0)
        cmd_die ("out of memory");
    return o;
}
