/* What the job-manager does for its plugins: the functions of flux/jobtap.h.
 *
 * They are called in its own thread, from callbacks and from handlers that
 * plugins have on its reactor.
 */

#include "config.h"
#include <stdio.h>


#include "jobtap_private.h"

/* ---- who, and which job ----------------------------------------------------------- */

struct plugins *jobtap_stack (flux_plugin_t *p)
{
    struct plugin *pl = plugin_of (p);
    return pl ? pl->stack : NULL;
}

static struct job *current_of (const struct plugins *ps)
{
    return ps->call ? ps->call->job : NULL;
}

struct job *jobtap_job (struct plugins *ps, flux_jobid_t id)
{
    struct job *job;

    if (!ps)
        return NULL;
    job = id == FLUX_JOBTAP_CURRENT_JOB ? current_of (ps) : jm_lookup (ps->m->jm, id);
    if (!job && ps->call && ps->call->job && ps->call->job->id == id)
        job = ps->call->job; /* it is being refused */
    if (!job)
        errno = id == FLUX_JOBTAP_CURRENT_JOB ? EINVAL : ENOENT;
    return job;
}

struct job *jobtap_active (struct plugins *ps, flux_jobid_t id)
{
    struct job *job = jobtap_job (ps, id);

    if (job && job->state == STATE_INACTIVE) {
        errno = ENOENT;
        job = NULL;
    }
    return job;
}

int jobtap_result (int r)
{
    if (r < 0) {
        errno = -r;
        return -1;
    }
    return 0;
}

int jobtap_invalid (void)
{
    errno = EINVAL;
    return -1;
}

flux_t *flux_jobtap_get_flux (flux_plugin_t *p)
{
    struct plugins *ps = jobtap_stack (p);
    return ps ? ps->m->h : NULL;
}

int flux_jobtap_set_load_sort_order (flux_plugin_t *p, const char *mode)
{
    struct plugin *pl = plugin_of (p);

    if (!pl || !mode)
        return jobtap_invalid ();
    if (strcmp (mode, "none") == 0)
        pl->sort = 0;
    else if (strcmp (mode, "state") == 0)
        pl->sort = 1;
    else if (strcmp (mode, "-state") == 0)
        pl->sort = -1;
    else
        return jobtap_invalid ();
    return 0;
}

/* ---- services ------------------------------------------------------------------------ */

/* The name that the plugin gave itself, or its file's, up to the first dot. */
static void put_service (struct text *t, const struct plugin *pl)
{
    const char *name = flux_plugin_get_name (pl->p);

    if (!name || strchr (name, '/'))
        name = pl->name;
    name += *name == '.';
    text_put (t, name, strcspn (name, "."));
}

static void handler_free (void *arg)
{
    flux_msg_handler_destroy (arg);
}

int flux_jobtap_service_register_ex (flux_plugin_t *p,
                                     const char *method,
                                     uint32_t rolemask,
                                     flux_msg_handler_f cb,
                                     void *arg)
{
    _cleanup_ (text_fini)
    struct text topic = TEXT_INIT;
    struct flux_match match = FLUX_MATCH_REQUEST;
    struct plugin *pl = plugin_of (p);
    flux_msg_handler_t *mh;

    if (!pl || !method || !cb)
        return jobtap_invalid ();
    text_puts (&topic, "job-manager.");
    put_service (&topic, pl);
    text_printf (&topic, ".%s", method);
    if (text_error (&topic))
        return jobtap_result (-ENOMEM);
    match.topic_glob = topic.buf;
    if (!(mh = flux_msg_handler_create (pl->stack->m->h, match, cb, arg)))
        return -1;
    if (flux_plugin_aux_set (p, NULL, mh, handler_free) < 0) {
        flux_msg_handler_destroy (mh);
        return -1;
    }
    flux_msg_handler_allow_rolemask (mh, rolemask);
    flux_msg_handler_start (mh);
    return 0;
}

int flux_jobtap_service_register (flux_plugin_t *p,
                                  const char *method,
                                  flux_msg_handler_f cb,
                                  void *arg)
{
    return flux_jobtap_service_register_ex (p, method, 0, cb, arg);
}

/* ---- priorities ----------------------------------------------------------------------- */

int flux_jobtap_reprioritize_all (flux_plugin_t *p)
{
    struct plugins *ps = jobtap_stack (p);

    if (!ps)
        return -1;
    plugins_reprioritize (ps);
    return 0;
}

int flux_jobtap_reprioritize_job (flux_plugin_t *p,
                                  flux_jobid_t id,
                                  unsigned int priority)
{
    struct plugins *ps = jobtap_stack (p);
    struct job *job = jobtap_active (ps, id);

    if (!job)
        return -1;
    return jobtap_result (jm_reprioritize (ps->m->jm, job, priority));
}

int flux_jobtap_priority_unavail (flux_plugin_t *p, flux_plugin_arg_t *args)
{
    if (!plugin_of (p) || !args)
        return jobtap_invalid ();
    return flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:i}", "priority",
                                 PRIORITY_UNAVAILABLE);
}

/* ---- errors ------------------------------------------------------------------------------ */

static int set_errmsg (flux_plugin_arg_t *args, const char *fmt, va_list ap)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;

    text_vprintf (&t, fmt, ap);
    if (text_error (&t) == 0)
        flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:s}", "errmsg", t.buf);
    return -1;
}

int flux_jobtap_error (flux_plugin_t *p, flux_plugin_arg_t *args, const char *fmt, ...)
{
    va_list ap;

    if (!p || !args || !fmt)
        return jobtap_invalid ();
    va_start (ap, fmt);
    set_errmsg (args, fmt, ap);
    va_end (ap);
    return -1;
}

int flux_jobtap_reject_job (flux_plugin_t *p,
                            flux_plugin_arg_t *args,
                            const char *fmt,
                            ...)
{
    va_list ap;

    if (!p || !args)
        return jobtap_invalid ();
    if (!fmt)
        return flux_jobtap_error (p, args, "rejected by job-manager plugin '%s'",
                                  flux_plugin_get_name (p));
    va_start (ap, fmt);
    set_errmsg (args, fmt, ap);
    va_end (ap);
    return -1;
}

/* ---- events ------------------------------------------------------------------------------- */

static int
post_text (struct plugins *ps, struct job *job, const char *name, struct text *t)
{
    struct jview context = JVIEW_ABSENT;

    if (t) {
        if (text_error (t))
            return jobtap_result (-ENOMEM);
        context = (struct jview){ t->buf, t->len };
    }
    return jobtap_result (jm_post (ps->m->jm, job, name, context, false));
}

static int post_json (struct plugins *ps, struct job *job, const char *name, json_t *o)
{
    _cleanup_ (freep)
    char *s = NULL;
    struct jview v = JVIEW_ABSENT;

    if (!o)
        return jobtap_result (jm_post (ps->m->jm, job, name, v, false));
    if (!json_is_object (o) || !(s = json_dumps (o, JSON_COMPACT))
        || jview_parse_object (s, strlen (s), &v) < 0)
        return jobtap_invalid ();
    return jobtap_result (jm_post (ps->m->jm, job, name, v, false));
}

int flux_jobtap_event_post_pack (flux_plugin_t *p,
                                 flux_jobid_t id,
                                 const char *name,
                                 const char *fmt,
                                 ...)
{
    struct plugins *ps = jobtap_stack (p);
    struct job *job;
    json_t *o = NULL;
    va_list ap;
    int rc;

    if (!ps || !name)
        return jobtap_invalid ();
    if (!(job = jobtap_active (ps, id)))
        return -1;
    if (fmt) {
        va_start (ap, fmt);
        o = json_vpack_ex (NULL, 0, fmt, ap);
        va_end (ap);
        if (!o)
            return jobtap_invalid ();
    }
    rc = post_json (ps, job, name, o);
    json_decref (o);
    return rc;
}

int flux_jobtap_raise_exception (flux_plugin_t *p,
                                 flux_jobid_t id,
                                 const char *type,
                                 int severity,
                                 const char *fmt,
                                 ...)
{
    struct plugins *ps = jobtap_stack (p);
    struct jm_exception x = { .type = type, .severity = severity, .wait_status = -1 };
    char note[1024];
    struct job *job;
    va_list ap;

    if (!ps || !type || !fmt || severity < 0 || severity > 7)
        return jobtap_invalid ();
    if (!(job = jobtap_active (ps, id)))
        return -1;
    va_start (ap, fmt);
    vsnprintf (note, sizeof (note), fmt, ap);
    va_end (ap);
    x.note = note;
    x.userid = ps->m->owner;
    id = job->id;
    if (jobtap_result (jm_raise (ps->m->jm, job, &x)) < 0)
        return -1;
    manager_publish_exception (ps->m, id, type, severity, -1);
    return 0;
}

static int post_description (struct plugins *ps,
                             struct job *job,
                             const char *name,
                             const char *description)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;

    text_puts (&t, "{\"description\":");
    text_put_json_string (&t, description, strlen (description));
    text_putc (&t, '}');
    return post_text (ps, job, name, &t);
}

int flux_jobtap_job_set_flag (flux_plugin_t *p, flux_jobid_t id, const char *flag)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;
    struct plugins *ps = jobtap_stack (p);
    struct job *job;

    if (!ps || !flag
        || (strcmp (flag, "alloc-bypass") != 0 && strcmp (flag, "debug") != 0
            && strcmp (flag, "immutable") != 0))
        return jobtap_invalid ();
    if (!(job = jobtap_active (ps, id)))
        return -1;
    text_printf (&t, "{\"flags\":[\"%s\"]}", flag);
    return post_text (ps, job, "set-flags", &t);
}

/* ---- dependencies -------------------------------------------------------------------------- */

static struct job *find_dependent (struct plugins *ps, flux_jobid_t id, const char *text)
{
    struct job *job;

    if (!ps || !text) {
        errno = EINVAL;
        return NULL;
    }
    if (!(job = jobtap_active (ps, id)))
        return NULL;
    if (!(job->state & (STATE_NEW | STATE_DEPEND))) {
        errno = EINVAL;
        return NULL;
    }
    return job;
}

int flux_jobtap_dependency_add (flux_plugin_t *p,
                                flux_jobid_t id,
                                const char *description)
{
    struct plugins *ps = jobtap_stack (p);
    struct job *job = find_dependent (ps, id, description);

    if (!job)
        return -1;
    if (jm_dependency_is (job, description, true))
        return 0;
    return post_description (ps, job, "dependency-add", description);
}

int flux_jobtap_dependency_remove (flux_plugin_t *p,
                                   flux_jobid_t id,
                                   const char *description)
{
    struct plugins *ps = jobtap_stack (p);
    struct job *job = find_dependent (ps, id, description);

    if (!job)
        return -1;
    if (!jm_dependency_is (job, description, false)) {
        errno = ENOENT;
        return -1;
    }
    return post_description (ps, job, "dependency-remove", description);
}

/* ---- jobspec ------------------------------------------------------------------------------------------ */

static bool updates_are_valid (const struct job *job, json_t *o)
{
    const char *key;
    json_t *value;

    if (!json_is_object (o)
        || (job->state & (STATE_RUN | STATE_CLEANUP | STATE_INACTIVE)))
        return false;
    json_object_foreach (o, key, value)
    {
        if (!manager_update_key_is_valid (key, strlen (key)))
            return false;
    }
    return true;
}

static int add_updates (struct plugin_call *call, json_t *o)
{
    if (!call->updates && !(call->updates = json_object ()))
        return -1;
    return json_object_update (call->updates, o);
}

int flux_jobtap_jobspec_update_pack (flux_plugin_t *p, const char *fmt, ...)
{
    struct plugins *ps = jobtap_stack (p);
    json_t *o;
    va_list ap;
    int rc;

    if (!ps || !fmt || !current_of (ps))
        return jobtap_invalid ();
    va_start (ap, fmt);
    o = json_vpack_ex (NULL, 0, fmt, ap);
    va_end (ap);
    if (!o || !updates_are_valid (current_of (ps), o)) {
        json_decref (o);
        return jobtap_invalid ();
    }
    rc = add_updates (ps->call, o);
    json_decref (o);
    return rc;
}

int flux_jobtap_jobspec_update_id_pack (flux_plugin_t *p,
                                        flux_jobid_t id,
                                        const char *fmt,
                                        ...)
{
    struct plugins *ps = jobtap_stack (p);
    struct job *job;
    json_t *o;
    va_list ap;
    int rc;

    if (!ps || !fmt)
        return jobtap_invalid ();
    if (!(job = jobtap_job (ps, id)))
        return -1;
    if (job == current_of (ps))
        return jobtap_invalid ();
    va_start (ap, fmt);
    o = json_vpack_ex (NULL, 0, fmt, ap);
    va_end (ap);
    if (!o || !updates_are_valid (job, o)) {
        json_decref (o);
        return jobtap_invalid ();
    }
    rc = post_json (ps, job, "jobspec-update", o);
    json_decref (o);
    return rc;
}

/* ---- prologs and epilogs --------------------------------------------------------------------------------- */

int flux_jobtap_prolog_start (flux_plugin_t *p, const char *description)
{
    struct plugins *ps = jobtap_stack (p);
    struct job *job;

    if (!ps || !description || !(job = jobtap_active (ps, FLUX_JOBTAP_CURRENT_JOB))
        || job->exec != EXEC_NONE || job->state == STATE_CLEANUP)
        return jobtap_invalid ();
    return post_description (ps, job, "prolog-start", description);
}

int flux_jobtap_epilog_start (flux_plugin_t *p, const char *description)
{
    struct plugins *ps = jobtap_stack (p);
    struct job *job;

    if (!ps || !description || !(job = jobtap_active (ps, FLUX_JOBTAP_CURRENT_JOB))
        || job->state != STATE_CLEANUP)
        return jobtap_invalid ();
    return post_description (ps, job, "epilog-start", description);
}

static int finish (flux_plugin_t *p,
                   flux_jobid_t id,
                   const char *name,
                   const char *description,
                   int status)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;
    struct plugins *ps = jobtap_stack (p);
    struct job *job;

    if (!ps || !description)
        return jobtap_invalid ();
    if (!(job = jobtap_active (ps, id)))
        return -1;
    text_puts (&t, "{\"description\":");
    text_put_json_string (&t, description, strlen (description));
    text_printf (&t, ",\"status\":%d}", status);
    return post_text (ps, job, name, &t);
}

int flux_jobtap_prolog_finish (flux_plugin_t *p,
                               flux_jobid_t id,
                               const char *description,
                               int status)
{
    return finish (p, id, "prolog-finish", description, status);
}

int flux_jobtap_epilog_finish (flux_plugin_t *p,
                               flux_jobid_t id,
                               const char *description,
                               int status)
{
    return finish (p, id, "epilog-finish", description, status);
}

/* ---- other plugins ------------------------------------------------------------------------------------------ */

int flux_jobtap_call (flux_plugin_t *p,
                      flux_jobid_t id,
                      const char *topic,
                      flux_plugin_arg_t *args)
{
    struct plugins *ps = jobtap_stack (p);
    struct job *job;

    if (!ps || !topic || strncmp (topic, "job.", 4) == 0)
        return jobtap_invalid ();
    if (!(job = jobtap_job (ps, id)))
        return -1;
    return plugins_call (ps, NULL, job, topic, args);
}
