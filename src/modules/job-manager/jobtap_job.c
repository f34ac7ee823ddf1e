/* flux/jobtap.h: what a plugin keeps of a job, and what it can know of one. */

#include "config.h"

#include "jobtap_private.h"

/* ---- what a plugin keeps of a job ------------------------------------------------------------- */

int flux_jobtap_job_aux_set (flux_plugin_t *p,
                             flux_jobid_t id,
                             const char *name,
                             void *val,
                             flux_free_f free_fn)
{
    struct plugins *ps = jobtap_stack (p);
    struct plugin_job *pj;
    struct job *job;

    if (!(job = jobtap_active (ps, id)) || !(pj = plugin_job_make (ps, job->id)))
        return -1;
    return plugin_job_set (pj, plugin_of (p), name, val, free_fn);
}

void *flux_jobtap_job_aux_get (flux_plugin_t *p, flux_jobid_t id, const char *name)
{
    struct plugins *ps = jobtap_stack (p);
    struct plugin_job *pj;
    struct job *job;

    if (!ps || !name) {
        errno = EINVAL;
        return NULL;
    }
    if (!(job = jobtap_job (ps, id)))
        return NULL;
    if (!(pj = plugin_job (ps, job->id))) {
        errno = ENOENT;
        return NULL;
    }
    return plugin_job_get (pj, plugin_of (p), name);
}

int flux_jobtap_job_aux_delete_value (flux_plugin_t *p, flux_jobid_t id, void *val)
{
    struct plugins *ps = jobtap_stack (p);
    struct job *job = jobtap_job (ps, id);
    struct plugin_job *pj;

    if (!job)
        return -1;
    if ((pj = plugin_job (ps, job->id)))
        plugin_job_delete (pj, plugin_of (p), val);
    return 0;
}

int flux_jobtap_job_aux_delete (flux_plugin_t *p, flux_jobid_t id, void *val)
{
    return flux_jobtap_job_aux_delete_value (p, id, val);
}

int flux_jobtap_job_subscribe (flux_plugin_t *p, flux_jobid_t id)
{
    struct plugins *ps = jobtap_stack (p);
    struct plugin_job *pj;
    struct job *job;

    if (!(job = jobtap_active (ps, id)) || !(pj = plugin_job_make (ps, job->id)))
        return -1;
    return plugin_job_subscribe (pj, plugin_of (p));
}

void flux_jobtap_job_unsubscribe (flux_plugin_t *p, flux_jobid_t id)
{
    struct plugins *ps = jobtap_stack (p);
    struct job *job = jobtap_job (ps, id);
    struct plugin_job *pj = job ? plugin_job (ps, job->id) : NULL;

    if (pj)
        plugin_job_unsubscribe (pj, plugin_of (p));
}

/* ---- what is known of a job ----------------------------------------------------------------------- */

flux_plugin_arg_t *flux_jobtap_job_lookup (flux_plugin_t *p, flux_jobid_t id)
{
    struct plugins *ps = jobtap_stack (p);
    struct job *job = jobtap_job (ps, id);
    flux_plugin_arg_t *args;

    if (!job)
        return NULL;
    if (!(args = plugin_args (ps, job, NULL)))
        errno = ENOMEM;
    return args;
}

int flux_jobtap_get_job_result (flux_plugin_t *p,
                                flux_jobid_t id,
                                flux_job_result_t *resultp)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;
    struct plugins *ps = jobtap_stack (p);
    struct entry e;
    struct job *job;

    if (!ps || !resultp)
        return jobtap_invalid ();
    if (!(job = jobtap_job (ps, id)))
        return -1;
    if (!(job->state & (STATE_CLEANUP | STATE_INACTIVE))
        || job_end_event (job, &t, &e) < 0)
        return jobtap_invalid ();
    if (e.ev == EV_FINISH && e.status == 0)
        *resultp = FLUX_JOB_RESULT_COMPLETED;
    else if (e.ev == EV_EXCEPTION && jview_equal (e.type, "cancel"))
        *resultp = FLUX_JOB_RESULT_CANCELED;
    else if (e.ev == EV_EXCEPTION && jview_equal (e.type, "timeout"))
        *resultp = FLUX_JOB_RESULT_TIMEOUT;
    else
        *resultp = FLUX_JOB_RESULT_FAILED;
    return 0;
}

int flux_jobtap_job_event_posted (flux_plugin_t *p, flux_jobid_t id, const char *name)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;
    struct plugins *ps = jobtap_stack (p);
    struct jview log, R;
    struct job *job;
    const char *s;

    if (!ps || !name)
        return jobtap_invalid ();
    if (!(job = jobtap_job (ps, id)) || jobtap_result (job_texts (job, &t, &log, &R)) < 0)
        return -1;
    for (s = log.s; s && s < log.s + log.len;) {
        struct entry e;

        if (entry_parse (&e, s, log.s + log.len - s, &s) < 0)
            return 0;
        if (e.namelen == strlen (name) && memcmp (e.name, name, e.namelen) == 0)
            return 1;
    }
    return 0;
}
