/* Which keys of a jobspec can be updated, and what an update of them brings
 * along: attributes.system.duration and attributes.system.queue; others if a
 * plugin allows them (job.update.KEY).
 */

#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "plugins.h"
#include "update.h"

#define DURATION_KEY "attributes.system.duration"
#define QUEUE_KEY "attributes.system.queue"
#define CONSTRAINTS_KEY "attributes.system.constraints"

static bool requester_is_owner (const struct update *u)
{
    return (u->rolemask & FLUX_ROLE_OWNER) != 0;
}

/* -1 with that sentence. */
static int refuse (struct update *u, const char *fmt, ...) _printf_ (2, 3);

static int refuse (struct update *u, const char *fmt, ...)
{
    va_list ap;

    text_clear (&u->why);
    va_start (ap, fmt);
    text_vprintf (&u->why, fmt, ap);
    va_end (ap);
    return -1;
}

/* ---- duration ---------------------------------------------------------------------- */

/* What the instance owner says goes beyond the limits of others. */
static int check_duration (struct update *u, const struct job *job, json_t *value)
{
    if (!json_is_number (value))
        return refuse (u, "duration must be a number");
    if (json_number_value (value) < 0.)
        return refuse (u, "duration must not be negative");
    if ((job->state & STATE_RUNNING) && !requester_is_owner (u))
        return refuse (u, "duration update of running job requires instance owner "
                          "privileges");
    u->validated += requester_is_owner (u) && manager_owner_may_exceed (u->m);
    return 0;
}

/* ---- queue --------------------------------------------------------------------------- */

/* What jobs of that queue require, as their constraints; a reference. */
static json_t *constraints_of (struct manager *m, const char *queue)
{
    const flux_conf_t *conf = flux_get_conf (m->h);
    json_t *requires = NULL;
    const char *parent = NULL;

    if (!conf || !queue
        || flux_conf_unpack (conf, NULL, "{s:{s:{s?o s?s}}}", "queues", queue, "requires",
                             &requires, "parent", &parent)
               < 0)
        return json_object ();
    if (parent)
        return constraints_of (m, parent);
    return requires ? json_pack ("{s:O}", "properties", requires) : json_object ();
}

/* Constraints that are not those of the queue would be lost. */
static bool has_others (struct manager *m, struct jview system, const char *queue)
{
    struct jview v = jview_get (system, "constraints");
    json_t *now = NULL, *expected;
    bool others;

    if (!jview_present (v) || !(now = json_loadb (v.s, v.len, 0, NULL))
        || json_object_size (now) == 0) {
        json_decref (now);
        return false;
    }
    expected = constraints_of (m, queue);
    others = !json_equal (now, expected);
    json_decref (expected);
    json_decref (now);
    return others;
}

static int check_queue (struct update *u, const struct job *job, json_t *value)
{
    struct jview jobspec = { job->jobspec->s, job->jobspec->len };
    struct jview system = jview_path (jobspec, "attributes.system");
    const char *name = json_string_value (value);
    _cleanup_ (freep) char *current = NULL;
    struct queue *q;

    jview_strdup (jview_get (system, "queue"), &current);
    if (job->state & STATE_RUNNING)
        return refuse (u, "update of queue for running job not supported");
    if (name && current && strcmp (name, current) == 0)
        return refuse (u, "job queue is already set to %s", name);
    if (!name || !*name || !(q = jm_queue (u->m->jm, name)))
        return refuse (u, "'%s' is not a valid queue", name ? name : "");
    if (!q->enable)
        return refuse (u, "queue %s is currently disabled", name);
    if (has_others (u->m, system, current))
        return refuse (u,
                       "job appears to have non-queue constraints, unable to update queue "
                       "to %s",
                       current ? current : "none");
    if (json_object_set_new (u->more, CONSTRAINTS_KEY, constraints_of (u->m, name)) < 0)
        return refuse (u, "out of memory");
    u->feasibility = true;
    return 0;
}

/* ---- plugins ---------------------------------------------------------------------------- */

static int take_answer (struct update *u, flux_plugin_arg_t *args, bool *validated)
{
    int is_validated = 0, feasibility = 0;
    json_t *updates = NULL;

    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_OUT, "{s?i s?i s?o}", "validated",
                                &is_validated, "feasibility", &feasibility, "updates",
                                &updates)
        < 0)
        return refuse (u, "update rejected by job-manager plugin");
    if (updates && json_object_update (u->more, updates) < 0)
        return refuse (u, "update rejected by job-manager plugin");
    *validated = is_validated;
    u->feasibility = u->feasibility || feasibility;
    return 0;
}

static int ask_plugins (struct update *u, struct job *job, const char *key, json_t *value,
                        bool known)
{
    struct plugins *ps = u->m->plugins;
    flux_plugin_arg_t *args;
    const char *why = NULL;
    bool validated = false;
    char topic[256];
    json_t *extra;
    int rc = -1;

    snprintf (topic, sizeof (topic), "job.update.%s", key);
    if (!plugins_handle (ps, topic))
        return known ? 0 : refuse (u, "update of %s not supported", key);
    extra = json_pack ("{s:s s:O s:O s:{s:I s:I}}", "key", key, "value", value, "updates",
                       u->updates, "cred", "userid", (json_int_t)u->userid, "rolemask",
                       (json_int_t)u->rolemask);
    if (!extra || !(args = plugin_args (ps, job, extra))) {
        json_decref (extra);
        return refuse (u, "out of memory");
    }
    json_decref (extra);
    if (plugins_call (ps, NULL, job, topic, args) >= 0)
        rc = take_answer (u, args, &validated);
    else {
        flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_OUT, "{s?s}", "errmsg", &why);
        refuse (u, "%s", why ? why : "update rejected by job-manager plugin");
    }
    flux_plugin_arg_destroy (args);
    if (!known)
        u->validated += validated;
    return rc;
}

int update_check_key (struct update *u, struct job *job, const char *key, json_t *value)
{
    bool duration = strcmp (key, DURATION_KEY) == 0 && manager_builtin_duration (u->m);
    bool queue = strcmp (key, QUEUE_KEY) == 0 && manager_builtin_queue (u->m);

    if (duration && check_duration (u, job, value) < 0)
        return -1;
    if (queue && check_queue (u, job, value) < 0)
        return -1;
    return ask_plugins (u, job, key, value, duration || queue);
}

/* ---- the updated jobspec ------------------------------------------------------------------- */

int update_make_jobspec (struct update *u, const struct job *job)
{
    _cleanup_ (text_fini) struct text now = TEXT_INIT;
    const char *key;
    json_t *value;

    text_put (&now, job->jobspec->s, job->jobspec->len);
    json_object_foreach (u->updates, key, value)
    {
        _cleanup_ (text_fini) struct text next = TEXT_INIT;
        _cleanup_ (freep) char *s = json_dumps (value, JSON_COMPACT | JSON_ENCODE_ANY);
        struct text swap;

        if (!s || text_error (&now)
            || jview_put_set (&next, (struct jview){ now.buf, now.len }, key,
                              (struct jview){ s, strlen (s) })
                   < 0)
            return refuse (u, "one or more jobspec updates are invalid");
        swap = now;
        now = next;
        next = swap;
    }
    free (u->jobspec);
    if (!(u->jobspec = text_take (&now, &u->jobspec_len)))
        return refuse (u, "out of memory");
    return 0;
}

/* Everything but the update itself is as if the job were submitted like that. */
int update_validate (struct update *u, struct job *job)
{
    _cleanup_ (freep) char *errmsg = NULL;
    json_t *extra, *jobspec;
    int rc;

    if (manager_check_limits (u->m, u->jobspec, u->jobspec_len, &u->why) < 0)
        return -1;
    if (!plugins_handle (u->m->plugins, "job.validate"))
        return 0;
    if (!(jobspec = json_loadb (u->jobspec, u->jobspec_len, JSON_ALLOW_NUL, NULL))
        || !(extra = json_pack ("{s:o}", "jobspec", jobspec)))
        return refuse (u, "out of memory");
    rc = plugins_tell (u->m->plugins, NULL, job, "job.validate", extra, &errmsg);
    json_decref (extra);
    if (rc < 0)
        return refuse (u, "%s", errmsg ? errmsg : "rejected by job-manager plugin");
    return 0;
}
