/* How plugins are called, and what they ask of the engine. */

#include "config.h"
#include <syslog.h>

#include "engine_private.h"

void jm_set_hooks (struct jm *jm, const struct jm_hooks *hooks, void *arg)
{
    jm->hooks = hooks;
    jm->hooks_arg = arg;
}

/* ---- calling them ------------------------------------------------------------ */

/* Around a hook for a job that no event is being processed of: what is posted
 * for it is queued, and processed right after.
 */
static void enter (struct jm *jm, struct job *job)
{
    jm->in_hook++;
    job->busy = 1;
}

static int leave (struct jm *jm, struct job *job)
{
    jm->in_hook--;
    job->busy = 0;
    return jm_run (jm, job);
}

int jm_hook_submitted (struct jm *jm, struct job *job, struct text *why)
{
    int r, r2;

    if (!jm->hooks)
        return 0;
    enter (jm, job);
    r = jm->hooks->submitted (job, why, jm->hooks_arg);
    r2 = leave (jm, job);
    if (r == 0 && r2 < 0) {
        text_puts (why, "an event of a job-manager plugin was refused");
        r = r2 == -ENOMEM ? r2 : -EINVAL;
    }
    return r;
}

int jm_hook_dependency (struct jm *jm,
                        struct job *job,
                        struct jview dependency,
                        bool known,
                        struct text *why)
{
    bool busy = job->busy;
    int r;

    if (!jm->hooks)
        return -ENOENT;
    jm->in_hook++;
    job->busy = 1;
    r = jm->hooks->dependency (job, dependency, known, why, jm->hooks_arg);
    jm->in_hook--;
    job->busy = busy;
    if (!busy && jm_run (jm, job) < 0 && r == 0) {
        text_puts (why, "an event of a job-manager plugin was refused");
        r = -EINVAL;
    }
    return r;
}

void jm_hook_accepted (struct jm *jm, struct job *job)
{
    if (jm->hooks) {
        enter (jm, job);
        jm->hooks->accepted (job, jm->hooks_arg);
        leave (jm, job);
    }
}

void jm_hook_restored (struct jm *jm, struct job *job)
{
    if (jm->hooks) {
        bool busy = job->busy;

        jm->in_hook++;
        job->busy = 1;
        jm->hooks->restored (job, jm->hooks_arg);
        jm->in_hook--;
        job->busy = busy;
    }
}

bool jm_later_pump (struct jm *jm, unsigned int budget)
{
    struct job *job;

    while (budget > 0 && (job = list_first (&jm->later, struct job, later))) {
        list_del (&job->later);
        if (jm_run (jm, job) < 0)
            jm_log (jm, LOG_ERR, "job %llu: an event of a plugin was refused",
                    (unsigned long long)job->id);
        budget--;
    }
    return !list_empty (&jm->later);
}

/* ---- what they ask for ---------------------------------------------------------- */

int jm_reprioritize (struct jm *jm, struct job *job, int64_t priority)
{
    _cleanup_ (text_fini) struct text context = TEXT_INIT;

    if (!(job->state & (STATE_PRIORITY | STATE_SCHED)) || priority < 0
        || priority > PRIORITY_MAX)
        return -EINVAL;
    priority = jm_effective_priority (job, priority);
    if (job->state == STATE_SCHED && priority == job->priority)
        return 0;
    text_printf (&context, "{\"priority\":%lld}", (long long)priority);
    return jm_post_event (jm, job, EV_PRIORITY, &context);
}

void jm_priority_again (struct jm *jm, struct job *job)
{
    if (job->state == STATE_PRIORITY && !list_linked (&job->later))
        list_append (&jm->later, &job->later);
}

int jm_job_annotate (struct jm *jm, struct job *job, struct jview patch, bool quietly)
{
    _cleanup_ (text_fini) struct text merged = TEXT_INIT;
    struct jview old = JVIEW_ABSENT;
    struct itext *new = NULL;

    if (!quietly)
        return jm_annotate (jm, job, patch);
    if (job->annotations)
        old = (struct jview){ job->annotations->s, job->annotations->len };
    jview_put_merge (&merged, old, patch);
    if (text_error (&merged))
        return -ENOMEM;
    if (merged.len > JOB_ANNOTATIONS_MAX)
        return -EOVERFLOW;
    if (strcmp (merged.buf, "{}") != 0
        && !(new = intern_get (&jm->pool, merged.buf, merged.len)))
        return -ENOMEM;
    intern_set (&jm->pool, &job->annotations, new);
    return 0;
}

int jm_set_R (struct jm *jm, struct job *job, struct jview R)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;

    if (job->R)
        return -EEXIST;
    if (!jview_is (R, JVIEW_OBJECT))
        return -EINVAL;
    jview_put_without (&t, R, "scheduling");
    if (text_error (&t) || !(job->R = intern_get (&jm->pool, t.buf, t.len)))
        return -ENOMEM;
    return 0;
}

void jm_hook_enter (struct jm *jm)
{
    jm->in_hook++;
}

void jm_hook_leave (struct jm *jm)
{
    jm->in_hook--;
}

/* Queued events count: what was added a moment ago may be removed already. */
bool jm_dependency_is (const struct job *job, const char *description, bool ever)
{
    struct queued_event *q = NULL;
    struct dependency *d = NULL;
    bool is = false;

    list_foreach (&job->dependencies, d, node) {
        if (d->description->len == strlen (description)
            && strcmp (d->description->s, description) == 0)
            is = ever || d->outstanding;
    }
    list_foreach (&job->events, q, node) {
        struct jview context = { q->text + q->namelen, q->contextlen };
        enum event ev = event_number (q->text, q->namelen);

        if ((ev == EV_DEPENDENCY_ADD || ev == EV_DEPENDENCY_REMOVE)
            && jview_equal (jview_get (context, "description"), description))
            is = ever || ev == EV_DEPENDENCY_ADD;
    }
    return is;
}
