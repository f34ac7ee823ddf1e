/* Calling plugins: their arguments, and what comes out. */

#include "config.h"
#include <stdio.h>
#include <time.h>

#include "plugins.h"

/* ---- arguments ----------------------------------------------------------------- */

static void forget_cached (struct plugins *ps)
{
    json_decref (move_ptr (ps->jobspec));
    json_decref (move_ptr (ps->R));
    ps->cached = 0;
}

static json_t *decode (const char *s, size_t len)
{
    return json_loadb (s, len, JSON_ALLOW_NUL, NULL);
}

/* Jobspec and R of a job, kept for the next call about the same one. */
static int cache (struct plugins *ps, const struct job *job)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    struct jview log, R;

    if (ps->cached == job->id && ps->jobspec
        && (ps->R || !(job->R || job->packed)))
        return 0;
    forget_cached (ps);
    if (!(ps->jobspec = decode (job->jobspec->s, job->jobspec->len))
        || job_texts (job, &t, &log, &R) < 0
        || (jview_present (R) && !(ps->R = decode (R.s, R.len)))) {
        forget_cached (ps);
        return -1;
    }
    ps->cached = job->id;
    return 0;
}

static json_t *end_event (const struct job *job)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    _cleanup_ (text_fini) struct text line = TEXT_INIT;
    struct entry e;

    if (job_end_event (job, &t, &e) < 0)
        return NULL;
    entry_write (&line, &e);
    return text_error (&line) ? NULL : decode (line.buf, line.len);
}

flux_plugin_arg_t *plugin_args (struct plugins *ps, const struct job *job, json_t *extra)
{
    flux_plugin_arg_t *args = flux_plugin_arg_create ();
    json_t *end = NULL;
    int rc = -1;

    if (args && !job)
        rc = flux_plugin_arg_set (args, FLUX_PLUGIN_ARG_IN, NULL);
    else if (args && cache (ps, job) == 0) {
        rc = flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN,
                                   "{s:O s:I s:I s:i s:i s:I s:f}", "jobspec",
                                   ps->jobspec, "id", (json_int_t)job->id, "userid",
                                   (json_int_t)job->userid, "urgency", (int)job->urgency,
                                   "state", (int)job->state, "priority",
                                   (json_int_t)job->priority, "t_submit", job->t_submit);
        if (rc == 0 && ps->R)
            rc = flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN, "{s:O}", "R", ps->R);
        if (rc == 0 && job->exec == EXEC_SENT) /* ours: it will tell how the job ends */
            rc = flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN, "{s:b}", "exec", 1);
        if (rc == 0 && job->end_len > 0 && (end = end_event (job)))
            rc = flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN, "{s:o}", "end_event",
                                       end);
    }
    if (rc == 0 && extra)
        rc = flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_IN, "O", extra);
    if (rc == 0)
        rc = flux_plugin_arg_set (args, FLUX_PLUGIN_ARG_OUT, NULL);
    if (rc < 0) {
        flux_plugin_arg_destroy (args);
        return NULL;
    }
    return args;
}

/* ---- calling ---------------------------------------------------------------------- */

bool plugins_handle (const struct plugins *ps, const char *topic)
{
    struct plugin *pl = NULL;

    if (ps->loaded == 0)
        return false;
    list_foreach (&ps->list, pl, node) {
        if (pl->p && flux_plugin_match_handler (pl->p, topic))
            return true;
    }
    return false;
}

static double seconds_now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + 1e-9 * ts.tv_nsec;
}

/* What the callback asked to be changed in its job's jobspec. */
static int post_updates (struct plugins *ps, struct job *job, json_t *updates)
{
    char *s = json_dumps (updates, JSON_COMPACT);
    int r = -ENOMEM;

    if (s)
        r = jm_post (ps->m->jm, job, "jobspec-update", (struct jview){ s, strlen (s) },
                     false);
    free (s);
    return r;
}

static int
call_one (struct plugins *ps, struct plugin *pl, struct job *job, const char *topic,
          flux_plugin_arg_t *args)
{
    struct plugin_call call = { .outer = ps->call, .job = job };
    double t = seconds_now ();
    int rc;

    ps->call = &call;
    rc = flux_plugin_call (pl->p, topic, args);
    ps->call = call.outer;
    if ((t = seconds_now () - t) > PLUGIN_SLOW)
        flux_log (ps->m->h, LOG_ERR, "jobtap: %s: %s took %.1fs", pl->name, topic, t);
    if (rc < 0)
        flux_log (ps->m->h, LOG_DEBUG, "jobtap: %s: %s: rc=%d", pl->name, topic, rc);
    else if (call.updates && job && post_updates (ps, job, call.updates) < 0) {
        flux_log (ps->m->h, LOG_ERR, "jobtap: %s: %s: jobspec update failed", pl->name,
                  topic);
        rc = -1;
    }
    json_decref (call.updates);
    return rc;
}

int plugins_call (struct plugins *ps,
                  struct plugin *only,
                  struct job *job,
                  const char *topic,
                  flux_plugin_arg_t *args)
{
    struct plugin *pl = NULL;
    int count = 0;

    list_foreach (&ps->list, pl, node) {
        int rc;

        if (!pl->p || (only && pl != only))
            continue;
        if ((rc = call_one (ps, pl, job, topic, args)) < 0)
            return -1;
        count += rc;
    }
    return count;
}

/* ---- what comes out ------------------------------------------------------------------ */

static void complain (struct plugins *ps, struct job *job, const char *topic,
                      const char *what, bool stuck)
{
    char note[512];
    struct jm_exception x = {
        .type = topic,
        .severity = 4,
        .note = note,
        .userid = ps->m->owner,
        .wait_status = -1,
    };

    snprintf (note, sizeof (note), "arg_unpack: %s%s", what,
              stuck ? " (job may be stuck in PRIORITY state)" : "");
    if (jm_raise (ps->m->jm, job, &x) == 0)
        manager_publish_exception (ps->m, job->id, topic, 4, -1);
}

static int annotate (struct plugins *ps, struct job *job, json_t *o, bool quietly)
{
    char *s = json_dumps (o, JSON_COMPACT);
    int r = -ENOMEM;

    if (s)
        r = jm_job_annotate (ps->m->jm, job, (struct jview){ s, strlen (s) }, quietly);
    free (s);
    return r;
}

static void take_R (struct plugins *ps, struct job *job, json_t *o)
{
    char *s = json_dumps (o, JSON_COMPACT);

    if (!s || jm_set_R (ps->m->jm, job, (struct jview){ s, strlen (s) }) < 0)
        flux_log (ps->m->h, LOG_ERR, "jobtap: R of a plugin was not taken");
    free (s);
    forget_cached (ps);
}

/* In PRIORITY it is taken when the job is acted upon next; in SCHED it is an
 * event, if it changes.
 */
static void take_priority (struct plugins *ps, struct job *job, int64_t priority)
{
    struct plugin_job *pj;

    if (job->state == STATE_SCHED && priority < 0)
        flux_log (ps->m->h, LOG_ERR, "jobtap: BUG: plugin didn't return priority");
    else if (job->state == STATE_SCHED)
        jm_reprioritize (ps->m->jm, job,
                         priority > PRIORITY_MAX ? PRIORITY_MAX : priority);
    else if (job->state == STATE_PRIORITY && (pj = plugin_job_make (ps, job->id))) {
        pj->offer = priority >= 0 ? OFFER_VALUE : OFFER_LATER;
        pj->priority = priority > PRIORITY_MAX ? PRIORITY_MAX : priority;
    }
}

static void take_effect (struct plugins *ps, struct job *job, const char *topic,
                         flux_plugin_arg_t *args)
{
    json_t *priority = NULL, *annotations = NULL, *R = NULL;

    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_OUT, "{s?o s?o s?o}", "priority",
                                &priority, "annotations", &annotations, "R", &R)
        < 0)
        return;
    if (priority && !json_is_integer (priority))
        complain (ps, job, topic, "Expected integer for priority",
                  job->state == STATE_PRIORITY);
    else if (priority)
        take_priority (ps, job, json_integer_value (priority));
    if (annotations && annotate (ps, job, annotations, strcmp (topic, "job.new") == 0) < 0)
        complain (ps, job, topic, "annotations were not taken", false);
    if (R && strcmp (topic, "job.state.sched") == 0 && !job->R)
        take_R (ps, job, R);
}

static bool asks_for_priority (const char *topic)
{
    return strcmp (topic, "job.state.priority") == 0
           || strcmp (topic, "job.priority.get") == 0;
}

static void save_errmsg (flux_plugin_arg_t *args, char **errmsg)
{
    const char *s = NULL;

    *errmsg = NULL;
    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_OUT, "{s?s}", "errmsg", &s) == 0
        && s)
        *errmsg = strdup (s);
}

int plugins_tell (struct plugins *ps,
                  struct plugin *only,
                  struct job *job,
                  const char *topic,
                  json_t *extra,
                  char **errmsg)
{
    flux_plugin_arg_t *args;
    int rc;

    if (errmsg)
        *errmsg = NULL;
    if (only ? !flux_plugin_match_handler (only->p, topic)
             : !plugins_handle (ps, topic) && !asks_for_priority (topic))
        return 0;
    if (!(args = plugin_args (ps, job, extra))) {
        flux_log (ps->m->h, LOG_ERR, "jobtap: %s: no arguments", topic);
        return -1;
    }
    if (asks_for_priority (topic) && ps->builtin[BUILTIN_PRIORITY_DEFAULT])
        flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:i}", "priority",
                              (int)job->urgency);
    rc = plugins_call (ps, only, job, topic, args);
    if (rc < 0 && errmsg)
        save_errmsg (args, errmsg);
    if (rc >= 0 && job)
        take_effect (ps, job, topic, args);
    flux_plugin_arg_destroy (args);
    return rc;
}

/* ---- hooks -------------------------------------------------------------------------- */

/* 0, or -EINVAL with the plugin's sentence or this one. */
static int ask (struct plugins *ps, struct job *job, const char *topic, json_t *extra,
                const char *otherwise, struct text *why)
{
    _cleanup_ (freep) char *errmsg = NULL;
    int rc = plugins_tell (ps, NULL, job, topic, extra, &errmsg);

    if (rc >= 0)
        return rc;
    text_puts (why, errmsg ? errmsg : otherwise);
    return -EINVAL;
}

static int hook_submitted (struct job *job, struct text *why, void *arg)
{
    static const char rejected[] = "rejected by job-manager plugin";
    struct manager *m = arg;
    struct plugins *ps = m->plugins;
    int r;

    if (ps->loaded > 0 && (r = ask (ps, job, "job.create", NULL, rejected, why)) < 0)
        return r;
    if ((r = manager_check_limits (m, job->jobspec->s, job->jobspec->len, why)) < 0)
        return r;
    if (ps->loaded > 0 && (r = ask (ps, job, "job.validate", NULL, rejected, why)) < 0)
        return r;
    return 0;
}

static int show_dependency (struct plugins *ps, struct plugin *only, struct job *job,
                            json_t *dependency, struct text *why)
{
    _cleanup_ (freep) char *errmsg = NULL;
    const char *scheme = NULL;
    char topic[256];
    json_t *extra;
    int rc = 0;

    if (json_unpack (dependency, "{s:s}", "scheme", &scheme) < 0
        || snprintf (topic, sizeof (topic), "job.dependency.%s", scheme)
               >= (int)sizeof (topic))
        return 0;
    if (!(extra = json_pack ("{s:O}", "dependency", dependency)))
        return -ENOMEM;
    if ((rc = plugins_tell (ps, only, job, topic, extra, &errmsg)) < 0 && why)
        text_puts (why, errmsg ? errmsg : "rejected by job-manager dependency plugin");
    json_decref (extra);
    return rc < 0 ? -EINVAL : rc;
}

static int
hook_dependency (struct job *job, struct jview dep, bool known, struct text *why, void *arg)
{
    struct manager *m = arg;
    json_t *o;
    int r;

    if (m->plugins->loaded == 0)
        return -ENOENT;
    if (!(o = decode (dep.s, dep.len)))
        return -ENOMEM;
    r = show_dependency (m->plugins, NULL, job, o, why);
    json_decref (o);
    return r < 0 ? r : r == 0 ? -ENOENT : 0;
}

static void hook_refused (struct job *job, void *arg)
{
    struct manager *m = arg;

    if (m->plugins->loaded > 0)
        plugins_tell (m->plugins, NULL, job, "job.destroy", NULL, NULL);
    plugin_job_drop (m->plugins, job->id);
}

static void hook_accepted (struct job *job, void *arg)
{
    struct manager *m = arg;

    if (m->plugins->loaded > 0)
        plugins_tell (m->plugins, NULL, job, "job.new", NULL, NULL);
}

static void hook_restored (struct job *job, void *arg)
{
    struct manager *m = arg;

    if (m->plugins->loaded == 0)
        return;
    plugins_tell (m->plugins, NULL, job, "job.create", NULL, NULL);
    plugins_tell (m->plugins, NULL, job, "job.new", NULL, NULL);
}

static const char *state_topic (enum job_state state)
{
    switch (state) {
        case STATE_DEPEND:
            return "job.state.depend";
        case STATE_PRIORITY:
            return "job.state.priority";
        case STATE_SCHED:
            return "job.state.sched";
        case STATE_RUN:
            return "job.state.run";
        case STATE_CLEANUP:
            return "job.state.cleanup";
        case STATE_INACTIVE:
            return "job.state.inactive";
        default:
            return "job.state.new";
    }
}

static void tell_subscribers (struct plugins *ps, struct job *job, const struct entry *e,
                              json_t *entry)
{
    struct plugin_job *pj = plugin_job (ps, job->id);
    char topic[PLUGIN_TOPIC_MAX];
    struct plugin *pl = NULL;
    json_t *extra;

    if (!pj || list_empty (&pj->subscribers))
        return;
    if (snprintf (topic, sizeof (topic), "job.event.%.*s", (int)e->namelen, e->name)
        >= (int)sizeof (topic)) {
        flux_log (ps->m->h, LOG_ERR, "jobtap: %.*s: topic is too long", (int)e->namelen,
                  e->name);
        return;
    }
    if (!(extra = json_pack ("{s:O}", "entry", entry)))
        return;
    list_foreach (&ps->list, pl, node) {
        if (pl->p && plugin_job_subscribes (pj, pl))
            plugins_tell (ps, pl, job, topic, extra, NULL);
    }
    json_decref (extra);
}

static void tell_state (struct plugins *ps, struct job *job, enum job_state before,
                        json_t *entry)
{
    json_t *extra = json_pack ("{s:O s:i}", "entry", entry, "prev_state", (int)before);
    struct plugin_job *pj;

    if (job->state == STATE_PRIORITY && (pj = plugin_job_make (ps, job->id)))
        pj->offer = OFFER_LATER;
    if (extra)
        plugins_tell (ps, NULL, job, state_topic (job->state), extra, NULL);
    json_decref (extra);
}

static void tell_update (struct plugins *ps, struct job *job, json_t *entry)
{
    json_t *updates = json_object_get (entry, "context");
    json_t *extra = updates ? json_pack ("{s:O}", "updates", updates) : NULL;

    if (extra)
        plugins_tell (ps, NULL, job, "job.update", extra, NULL);
    json_decref (extra);
}

static void hook_event (struct job *job, const struct entry *e, const char *line,
                        size_t len, enum job_state before, void *arg)
{
    struct manager *m = arg;
    struct plugins *ps = m->plugins;
    enum job_state now = job->state;
    json_t *entry;
    struct entry copy = *e;

    if (ps->cached == job->id
        && (e->ev == EV_JOBSPEC_UPDATE || e->ev == EV_RESOURCE_UPDATE
            || e->ev == EV_ALLOC))
        forget_cached (ps);
    if (ps->loaded == 0 || e->ev == EV_SUBMIT || e->ev == EV_INVALIDATE
        || !(entry = decode (line, len)))
        return;
    copy.name = json_string_value (json_object_get (entry, "name"));
    tell_subscribers (ps, job, &copy, entry);
    if (copy.ev == EV_JOBSPEC_UPDATE)
        tell_update (ps, job, entry);
    if (now != before)
        tell_state (ps, job, before, entry);
    json_decref (entry);
}

static bool hook_priority (struct job *job, int64_t *priority, void *arg)
{
    struct manager *m = arg;
    struct plugins *ps = m->plugins;
    struct plugin_job *pj;

    if (ps->loaded == 0)
        return ps->builtin[BUILTIN_PRIORITY_DEFAULT];
    if (!(pj = plugin_job_make (ps, job->id)))
        return false;
    if (pj->offer == OFFER_NONE) { /* after a restart, or asked again */
        pj->offer = OFFER_LATER;
        plugins_tell (ps, NULL, job, "job.priority.get", NULL, NULL);
        if (!(pj = plugin_job (ps, job->id)))
            return false;
    }
    if (pj->offer != OFFER_VALUE)
        return false;
    pj->offer = OFFER_NONE;
    *priority = pj->priority;
    return true;
}

static bool hook_keep (const struct job *job, void *arg)
{
    return manager_housekeeping_take (arg, job);
}

static void hook_ended (struct job *job, void *arg)
{
    struct manager *m = arg;

    if (m->plugins->loaded > 0) {
        plugins_tell (m->plugins, NULL, job, "job.inactive-add", NULL, NULL);
        plugins_tell (m->plugins, NULL, job, "job.destroy", NULL, NULL);
    }
    plugin_job_drop (m->plugins, job->id);
}

static void hook_purged (const struct job *job, void *arg)
{
    struct manager *m = arg;

    if (m->plugins->loaded > 0)
        plugins_tell (m->plugins, NULL, (struct job *)job, "job.inactive-remove", NULL,
                      NULL);
}

const struct jm_hooks plugin_hooks = {
    .submitted = hook_submitted,
    .dependency = hook_dependency,
    .refused = hook_refused,
    .accepted = hook_accepted,
    .restored = hook_restored,
    .event = hook_event,
    .priority = hook_priority,
    .keep = hook_keep,
    .ended = hook_ended,
    .purged = hook_purged,
};

/* ---- all jobs ------------------------------------------------------------------------ */

static void show_dependencies (struct plugins *ps, struct plugin *pl, struct job *job)
{
    json_t *deps = NULL, *dep;
    size_t i;

    if (cache (ps, job) < 0
        || json_unpack (ps->jobspec, "{s:{s:{s:o}}}", "attributes", "system",
                        "dependencies", &deps)
               < 0)
        return;
    json_incref (deps);
    json_array_foreach (deps, i, dep)
        show_dependency (ps, pl, job, dep, NULL);
    json_decref (deps);
}

void plugins_show (struct plugins *ps, struct plugin *pl, struct job *job)
{
    plugins_tell (ps, pl, job, "job.create", NULL, NULL);
    plugins_tell (ps, pl, job, "job.new", NULL, NULL);
    if (job->state == STATE_DEPEND) {
        show_dependencies (ps, pl, job);
        plugins_tell (ps, pl, job, "job.state.depend", NULL, NULL);
    }
}

void plugins_reprioritize (struct plugins *ps)
{
    struct plugin_job *pj;
    struct jm_walk walk;
    struct job *job;

    jm_walk_begin (ps->m->jm, &walk);
    while ((job = jm_walk_next (ps->m->jm, &walk))) {
        if (job->state == STATE_SCHED)
            plugins_tell (ps, NULL, job, "job.priority.get", NULL, NULL);
        else if (job->state == STATE_PRIORITY) {
            if ((pj = plugin_job (ps, job->id)))
                pj->offer = OFFER_NONE;
            jm_priority_again (ps->m->jm, job);
        }
    }
    jm_walk_end (&walk);
}
