/* A plugin for scenarios: it remembers what it was called for, and asks the
 * job-manager for what a request tells it to.
 *
 * Jobs say in attributes.system.tap what is to happen to them:
 *   reject=TOPIC     fail there, with "tap says no" as the reason
 *   errno=TOPIC      fail there, without a reason
 *   bare=TOPIC       reject the job there, without a reason
 *   subscribe=1      get their events
 *   priority=N       the priority to give; a string: bad; -2: not yet
 *   later=1          no priority for a job that is asked for again
 *   annotate=1       leave annotations; otherwise these
 *   R=VALUE          the resources of the job, in job.state.sched
 *   hold=1           add a dependency in job.state.depend
 *   prolog=1, epilog=1
 *   update=1         change the jobspec, in job.validate; otherwise this key
 *
 * job-manager.tap.do  { "op":s "id"?:I "s"?:s "i"?:i } -> { "rc":i "errno":i ... }
 */

#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include <flux/jobtap.h>

#include "common/util.h"

static json_t *calls; /* topics, in order */
static int freed;
static bool query_fails;

static const char *want (json_t *tap, const char *key)
{
    return json_string_value (json_object_get (tap, key));
}

static json_t *tap_of (flux_plugin_arg_t *args)
{
    json_t *tap = NULL;

    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:{s:{s:{s?o}}}}", "jobspec",
                                "attributes", "system", "tap", &tap)
        < 0)
        return NULL;
    return tap;
}

static void remember (const char *topic, flux_plugin_arg_t *args)
{
    json_int_t priority = -1;
    int state = 0, before = 0;
    char line[128];

    flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s?i s?i s?I}", "state", &state,
                            "prev_state", &before, "priority", &priority);
    snprintf (line, sizeof (line), "%s %d %d %lld", topic, state, before,
              (long long)priority);
    json_array_append_new (calls, json_string (line));
}

static void free_item (void *arg)
{
    freed++;
}

static int in_new (flux_plugin_t *p, json_t *tap)
{
    static int item;

    if (json_object_get (tap, "subscribe")
        && flux_jobtap_job_subscribe (p, FLUX_JOBTAP_CURRENT_JOB) < 0)
        return -1;
    return flux_jobtap_job_aux_set (p, FLUX_JOBTAP_CURRENT_JOB, "item", &item, free_item);
}

static int in_priority (flux_plugin_t *p, flux_plugin_arg_t *args, json_t *tap)
{
    json_t *o = json_object_get (tap, "priority");

    if (!o)
        return 0;
    if (json_is_integer (o) && json_integer_value (o) == -2)
        return flux_jobtap_priority_unavail (p, args);
    return flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:O}", "priority", o);
}

static int in_sched (flux_plugin_arg_t *args, json_t *tap)
{
    json_t *annotations = json_object_get (tap, "annotate");
    json_t *R = json_object_get (tap, "R");
    int rc = 0;

    if (json_integer_value (annotations) == 1)
        rc = flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:{s:s}}", "annotations",
                                   "tap", "was here");
    else if (annotations)
        rc = flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:O}", "annotations",
                                   annotations);
    if (rc == 0 && R)
        rc = flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:O}", "R", R);
    return rc;
}

static int in_validate (flux_plugin_t *p, json_t *tap)
{
    const char *key = want (tap, "update");

    if (!json_object_get (tap, "update"))
        return 0;
    return flux_jobtap_jobspec_update_pack (
        p, "{s:s}", key ? key : "attributes.system.job.name", "renamed");
}

static int act (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, json_t *tap)
{
    if (!tap)
        return 0;
    if (want (tap, "reject") && strcmp (want (tap, "reject"), topic) == 0)
        return flux_jobtap_reject_job (p, args, "tap says %s", "no");
    if (want (tap, "errno") && strcmp (want (tap, "errno"), topic) == 0)
        return -1;
    if (want (tap, "bare") && strcmp (want (tap, "bare"), topic) == 0)
        return flux_jobtap_reject_job (p, args, NULL);
    if (strcmp (topic, "job.priority.get") == 0 && json_object_get (tap, "later"))
        return flux_jobtap_priority_unavail (p, args);
    if (strcmp (topic, "job.new") == 0)
        return in_new (p, tap);
    if (strcmp (topic, "job.state.priority") == 0
        || strcmp (topic, "job.priority.get") == 0)
        return in_priority (p, args, tap);
    if (strcmp (topic, "job.state.sched") == 0)
        return in_sched (args, tap);
    if (strcmp (topic, "job.state.depend") == 0 && json_object_get (tap, "hold"))
        return flux_jobtap_dependency_add (p, FLUX_JOBTAP_CURRENT_JOB, "tap-hold");
    if (strcmp (topic, "job.validate") == 0)
        return in_validate (p, tap);
    if (strcmp (topic, "job.state.run") == 0 && json_object_get (tap, "prolog"))
        return flux_jobtap_prolog_start (p, "tap-prolog");
    if (strcmp (topic, "job.state.cleanup") == 0 && json_object_get (tap, "epilog"))
        return flux_jobtap_epilog_start (p, "tap-epilog");
    return 0;
}

static int
any_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    remember (topic, args);
    return act (p, topic, args, tap_of (args));
}

/* Schemes of our own: tap-ok, tap-bad, and tap-mute, which is bad without a reason. */
static int
dependency_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    const char *scheme, *value = "";

    remember (topic, args);
    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:{s:s s?s}}", "dependency",
                                "scheme", &scheme, "value", &value)
        < 0)
        return -1;
    if (strcmp (scheme, "tap-mute") == 0)
        return -1;
    if (strcmp (scheme, "tap-bad") == 0)
        return flux_jobtap_reject_job (p, args, "bad value %s", value);
    return flux_jobtap_dependency_add (p, FLUX_JOBTAP_CURRENT_JOB, value);
}

static int
update_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    const char *value = "";

    remember (topic, args);
    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:s}", "value", &value) < 0)
        return -1;
    if (strcmp (value, "bad") == 0)
        return flux_jobtap_error (p, args, "tap refuses %s", value);
    return flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:i s:{s:s}}", "validated",
                                 1, "updates", "attributes.system.tapped", value);
}

static int
query_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    if (query_fails)
        return -1;
    return flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:O s:i}", "calls", calls,
                                 "freed", freed);
}

static int
conf_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    const char *refuse = NULL;

    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:{s?{s?s}}}", "conf", "tap",
                                "refuse", &refuse)
        < 0)
        return -1;
    return refuse ? flux_jobtap_error (p, args, "tap refuses: %s", refuse) : 0;
}

/* The operations of "do". */
static int call (flux_plugin_t *p, const char *op, flux_jobid_t id, const char *s, int i,
                 json_t *answer)
{
    flux_plugin_arg_t *args;
    flux_job_result_t result;
    char *text;
    int rc;

    if (strcmp (op, "dependency-add") == 0)
        return flux_jobtap_dependency_add (p, id, s);
    if (strcmp (op, "dependency-remove") == 0)
        return flux_jobtap_dependency_remove (p, id, s);
    if (strcmp (op, "raise") == 0)
        return flux_jobtap_raise_exception (p, id, s, i, "note %d", i);
    if (strcmp (op, "post") == 0)
        return flux_jobtap_event_post_pack (p, id, s, "{s:i}", "i", i);
    if (strcmp (op, "post-bare") == 0)
        return flux_jobtap_event_post_pack (p, id, s, NULL);
    if (strcmp (op, "flag") == 0)
        return flux_jobtap_job_set_flag (p, id, s);
    if (strcmp (op, "posted") == 0)
        return flux_jobtap_job_event_posted (p, id, s);
    if (strcmp (op, "reprioritize") == 0)
        return flux_jobtap_reprioritize_job (p, id, i);
    if (strcmp (op, "reprioritize-all") == 0)
        return flux_jobtap_reprioritize_all (p);
    if (strcmp (op, "update") == 0)
        return flux_jobtap_jobspec_update_id_pack (p, id, "{s:i}", s, i);
    if (strcmp (op, "prolog-finish") == 0)
        return flux_jobtap_prolog_finish (p, id, s, i);
    if (strcmp (op, "epilog-finish") == 0)
        return flux_jobtap_epilog_finish (p, id, s, i);
    if (strcmp (op, "subscribe") == 0)
        return flux_jobtap_job_subscribe (p, id);
    if (strcmp (op, "unsubscribe") == 0) {
        flux_jobtap_job_unsubscribe (p, id);
        return 0;
    }
    if (strcmp (op, "aux-get") == 0)
        return flux_jobtap_job_aux_get (p, id, s) ? 0 : -1;
    if (strcmp (op, "aux-delete") == 0)
        return flux_jobtap_job_aux_delete_value (p, id,
                                                 flux_jobtap_job_aux_get (p, id, s));
    if (strcmp (op, "result") == 0) {
        if ((rc = flux_jobtap_get_job_result (p, id, &result)) == 0)
            json_object_set_new (answer, "result", json_integer (result));
        return rc;
    }
    if (strcmp (op, "lookup") == 0) {
        if (!(args = flux_jobtap_job_lookup (p, id)))
            return -1;
        if ((rc = flux_plugin_arg_get (args, FLUX_PLUGIN_ARG_IN, &text)) == 0) {
            json_object_set_new (answer, "args", json_loads (text, 0, NULL));
            free (text);
        }
        flux_plugin_arg_destroy (args);
        return rc;
    }
    if (strcmp (op, "call") == 0)
        return flux_jobtap_call (p, id, s, NULL);
    if (strcmp (op, "prolog-start") == 0)
        return flux_jobtap_prolog_start (p, s);
    if (strcmp (op, "query-fails") == 0) {
        query_fails = i;
        return 0;
    }
    if (strcmp (op, "sort") == 0)
        return flux_jobtap_set_load_sort_order (p, s);
    errno = ENOSYS;
    return -1;
}

static void do_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_plugin_t *p = arg;
    const char *op, *s = NULL;
    json_int_t id = 0;
    json_t *answer;
    int i = 0, rc;

    if (flux_request_unpack (msg, NULL, "{s:s s?I s?s s?i}", "op", &op, "id", &id, "s", &s,
                             "i", &i)
        < 0) {
        flux_respond_error (h, msg, EPROTO, NULL);
        return;
    }
    answer = json_object ();
    errno = 0;
    rc = call (p, op, id, s, i, answer);
    json_object_set_new (answer, "rc", json_integer (rc));
    json_object_set_new (answer, "errno", json_string (rc < 0 ? strerror (errno) : ""));
    flux_respond_pack (h, msg, "o", answer);
}

static int
foo_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    remember (topic, args);
    return 0;
}

static void forget_calls (void *arg)
{
    json_decref (arg);
}

static const struct flux_plugin_handler handlers[] = {
    { "job.dependency.tap-*", dependency_cb, NULL },
    { "job.update.attributes.system.tap", update_cb, NULL },
    { "conf.update", conf_cb, NULL },
    { "plugin.query", query_cb, NULL },
    { "tap.foo", foo_cb, NULL },
    { "job.*", any_cb, NULL },
    { NULL, NULL, NULL },
};

int flux_plugin_init (flux_plugin_t *p)
{
    int fail = 0;

    if (!(calls = json_array ()) || flux_plugin_aux_set (p, NULL, calls, forget_calls) < 0)
        return -1;
    flux_plugin_conf_unpack (p, "{s?b}", "fail", &fail);
    if (fail) {
        errno = EPERM;
        return -1;
    }
    if (!flux_jobtap_get_flux (p)
        || flux_jobtap_service_register_ex (p, "guest", FLUX_ROLE_USER, do_cb, p) < 0
        || flux_jobtap_service_register (p, "do", do_cb, p) < 0)
        return -1;
    return flux_plugin_register (p, "tap", handlers);
}
