/* foreign.c - a plugin of the job-manager as its author has it: what a system flux-core
 * installs is all that it knows (b65-jobtap-foreign.t compiles it against headers made of
 * the tables of the specification).
 *
 * It holds jobs of dependency scheme "foreign" until the method "foreign.go" names them,
 * gives each job a priority of its own, has a prolog and an epilog, and keeps a count of
 * what it was called for.
 */
#include <errno.h>
#include <flux/core.h>
#include <flux/jobtap.h>
#include <stdlib.h>
#include <string.h>

#define NAME "foreign"

struct counts {
    int jobs;
    int events;
    int ended;
};

static int
depend_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    flux_jobid_t id;
    const char *value;

    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:I s:{s:s}}", "id", &id,
                                "dependency", "value", &value)
        < 0)
        return flux_jobtap_reject_job (p, args, "foreign: %s",
                                       flux_plugin_arg_strerror (args));
    if (!strcmp (value, "never"))
        return flux_jobtap_reject_job (p, args, "foreign: not ever");
    return flux_jobtap_dependency_add (p, id, value);
}

static int
new_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    struct counts *c = arg;

    c->jobs++;
    if (flux_jobtap_job_aux_set (p, FLUX_JOBTAP_CURRENT_JOB, NAME "::mark",
                                 strdup ("mark"), free)
        < 0)
        return -1;
    return flux_jobtap_job_subscribe (p, FLUX_JOBTAP_CURRENT_JOB);
}

static int
priority_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    int urgency;

    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:i}", "urgency", &urgency)
            < 0
        || flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:I s:{s:s}}", "priority",
                                 (long long)urgency * 10, "annotations", NAME, "seen")
               < 0)
        return -1;
    return 0;
}

static int
event_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    struct counts *c = arg;
    const char *name;

    c->events++;
    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:{s:s}}", "entry", "name",
                                &name)
        < 0)
        return -1;
    return 0;
}

static int
run_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    if (flux_jobtap_prolog_start (p, NAME) < 0
        || flux_jobtap_event_post_pack (p, FLUX_JOBTAP_CURRENT_JOB, NAME, "{s:s}",
                                        "hello", "run")
               < 0)
        return -1;
    return flux_jobtap_prolog_finish (p, FLUX_JOBTAP_CURRENT_JOB, NAME, 0);
}

static int
inactive_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    struct counts *c = arg;
    const char *mark =
        flux_jobtap_job_aux_get (p, FLUX_JOBTAP_CURRENT_JOB, NAME "::mark");
    flux_job_result_t result;

    if (mark && flux_jobtap_get_job_result (p, FLUX_JOBTAP_CURRENT_JOB, &result) == 0
        && result == FLUX_JOB_RESULT_COMPLETED)
        c->ended++;
    return 0;
}

static int
query_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *arg)
{
    struct counts *c = arg;

    return flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:i s:b s:i}", "jobs",
                                 c->jobs, "events", c->events > 5, "ended", c->ended);
}

static void go_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_plugin_t *p = arg;
    flux_jobid_t id;
    const char *value;

    if (flux_request_unpack (msg, NULL, "{s:I s:s}", "id", &id, "s", &value) < 0
        || flux_jobtap_dependency_remove (p, id, value) < 0)
        flux_respond_error (h, msg, errno, NULL);
    else
        flux_respond (h, msg, NULL);
}

int flux_plugin_init (flux_plugin_t *p)
{
    static struct counts counts;
    static const struct flux_plugin_handler handlers[] = {
        { "job.dependency." NAME, depend_cb, NULL },
        { "job.new", new_cb, &counts },
        { "job.state.priority", priority_cb, NULL },
        { "job.priority.get", priority_cb, NULL },
        { "job.event.*", event_cb, &counts },
        { "job.state.run", run_cb, NULL },
        { "job.state.inactive", inactive_cb, &counts },
        { "plugin.query", query_cb, &counts },
        { 0 },
    };

    if (flux_plugin_register (p, NAME, handlers) < 0)
        return -1;
    return flux_jobtap_service_register (p, "go", go_cb, p);
}
