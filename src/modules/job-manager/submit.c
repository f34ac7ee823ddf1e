/* How jobs come in: by submission, and from the KVS at a restart. */

#include "config.h"
#include <stdio.h>

#include "engine_private.h"

/* ---- submission ---------------------------------------------------------------- */

/* What the job-manager looks at in a jobspec. */
struct system_attributes {
    struct jview queue;
    struct jview dependencies;
    struct jview name;
};

static struct system_attributes attributes_of (struct jview jobspec)
{
    static const char *const keys[] = { "queue", "dependencies", "job" };
    struct jview f[3];

    jview_pick (jview_path (jobspec, "attributes.system"), 3, keys, f);
    return (struct system_attributes){ f[0], f[1], jview_get (f[2], "name") };
}

static int make_job (struct jm *jm,
                     const struct jm_submission *s,
                     struct jview queue,
                     struct job **ret)
{
    struct job *job;
    int r = -ENOMEM;

    if (!(job = job_new (s->id)))
        return -ENOMEM;
    if (!(job->jobspec = intern_get (&jm->pool, s->jobspec.s, s->jobspec.len))
        || (r = jm_add_job (jm, job, queue)) < 0) {
        job_free (job, &jm->pool);
        return r;
    }
    *ret = job;
    return 0;
}

/* An event before the job is held: its time is given. */
static int post_first (struct jm *jm,
                       struct job *job,
                       enum event ev,
                       double timestamp,
                       struct jview context)
{
    const char *name = event_name (ev);
    struct entry e;
    int r;

    if ((r = entry_init (&e, name, strlen (name), timestamp, context)) < 0)
        return r;
    return jm_process (jm, job, &e, event_is_volatile (ev));
}

static int post_submit (struct jm *jm, struct job *job, const struct jm_submission *s)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;

    text_printf (&t, "{\"userid\":%lu,\"urgency\":%d,\"flags\":%d,\"version\":1}",
                 (unsigned long)s->userid, s->urgency, s->flags);
    if (text_error (&t))
        return -ENOMEM;
    return post_first (jm, job, EV_SUBMIT, s->t_submit, (struct jview){ t.buf, t.len });
}

static void forget (struct jm *jm, struct job *job)
{
    jm_told (jm);
    journal_job_vanishes (&jm->journal, job);
    jm_walks_skip (jm, job);
    jm->nactive--;
    jm_drop_job (jm, job);
}

static int submit (struct jm *jm, const struct jm_submission *s, struct text *why)
{
    struct system_attributes attrs = attributes_of (s->jobspec);
    struct job *job;
    int r;

    if (jm_lookup (jm, s->id)) {
        text_puts (why, "job id is in use");
        return -EINVAL;
    }
    if ((r = jm_queue_check (jm, attrs.queue, why)) < 0
        || (r = make_job (jm, s, attrs.queue, &job)) < 0)
        return r;
    if ((r = post_submit (jm, job, s)) < 0) {
        text_puts (why, "submit event was refused");
        forget (jm, job);
        return r == -ENOMEM ? r : -EINVAL;
    }
    if ((r = jm_depend_join (jm, job, attrs.name)) < 0
        || (r = jm_hook_submitted (jm, job, why)) < 0
        || (r = jm_depend_establish (jm, job, attrs.dependencies, why)) < 0) {
        post_first (jm, job, EV_INVALIDATE, jm_time (jm), JVIEW_ABSENT);
        JM_HOOK (jm, refused, job);
        forget (jm, job);
        return r;
    }
    if (job->flags & JOB_WAITABLE)
        jm->nwaitable++;
    if (job->id > jm->max_jobid)
        jm->max_jobid = job->id;
    jm_hook_accepted (jm, job);
    job->held = 1;
    if ((r = jm_post_event (jm, job, EV_VALIDATE, NULL)) < 0)
        jm_fail (jm, r);
    return 0;
}

int jm_submit (struct jm *jm, const struct jm_submission *s, struct text *why)
{
    int r;

    jm_step_begin (jm);
    r = submit (jm, s, why);
    jm_step_end (jm);
    return r;
}

/* ---- restart --------------------------------------------------------------------- */

static void
replay_state (struct job *job, const struct entry *e, size_t offset, size_t len)
{
    enum job_state next = state_after (job->state, e);

    if (next == job->state)
        return;
    if (next == STATE_CLEANUP) {
        job->end_offset = offset;
        job->end_len = len;
    }
    job->state = next;
}

/* One line of the stored eventlog: apply it, and nothing else. */
static int replay_line (struct jm *jm,
                        struct job *job,
                        const char *line,
                        size_t len,
                        const char **next,
                        struct text *why)
{
    struct job_change change;
    struct entry e;
    int r;

    if ((r = entry_parse (&e, line, len, next)) == -EINVAL) {
        text_puts (why, "eventlog line is malformed");
        return r;
    }
    if (r == 0 && job->loglen == 0 && e.ev != EV_SUBMIT) {
        text_puts (why, "first event is ");
        text_put (why, e.name, e.namelen);
        text_puts (why, " not submit");
        return -EINVAL;
    }
    if (r == 0 && e.ev == EV_SUBMIT && e.version > 1) {
        text_printf (why, "eventlog v%d is unsupported", (int)e.version);
        return -EINVAL;
    }
    if (r == 0)
        r = job_check (job, &e, &jm->pool, &change);
    if (r < 0) {
        text_puts (why, "could not apply ");
        text_put (why, e.name, e.namelen);
        return r;
    }
    job_apply (job, &e, &jm->pool, &change);
    replay_state (job, &e, job->loglen, *next - line);
    return job_log_append (job, line, *next - line);
}

static int
replay (struct jm *jm, struct job *job, const char *log, size_t len, struct text *why)
{
    const char *p = log, *end = log + len;
    int r;

    while (p < end) {
        const char *next;

        if ((r = replay_line (jm, job, p, end - p, &next, why)) < 0)
            return r;
        p = next;
    }
    job->flushed = job->loglen;
    if (job->loglen == 0) {
        text_puts (why, "job state (NEW) is invalid after replay");
        return -EINVAL;
    }
    return 0;
}

/* R without its scheduling key, jobspec as it is. */
static int
take_texts (struct jm *jm, struct job *job, struct jview jobspec, struct jview R)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;

    if (!(job->jobspec = intern_get (&jm->pool, jobspec.s, jobspec.len)))
        return -ENOMEM;
    if (!jview_is (R, JVIEW_OBJECT))
        return 0;
    jview_put_without (&t, R, "scheduling");
    if (text_error (&t) || !(job->R = intern_get (&jm->pool, t.buf, t.len)))
        return -ENOMEM;
    return 0;
}

/* Put a replayed job where its state belongs. */
static int settle_inactive (struct jm *jm, struct job *job)
{
    int r;

    intern_set (&jm->pool, &job->annotations, NULL);
    job_log_trim (job);
    if ((r = jm_add_inactive (jm, job)) == 0)
        jm_pack (jm, job);
    return r;
}

static int settle (struct jm *jm, struct job *job)
{
    struct jview jobspec = { job->jobspec->s, job->jobspec->len };
    struct system_attributes attrs;
    int r;

    if (jm_lookup (jm, job->id))
        return -EEXIST;
    if (job->state == STATE_INACTIVE)
        return settle_inactive (jm, job);
    attrs = attributes_of (jobspec);
    if ((r = jm_add_job (jm, job, attrs.queue)) < 0)
        return r;
    if ((r = jm_depend_join (jm, job, attrs.name)) < 0)
        jm_fail (jm, r);
    if (job->id > jm->max_jobid)
        jm->max_jobid = job->id;
    if (job->flags & JOB_WAITABLE)
        jm->nwaitable++;
    if (job->state & STATE_RUNNING) {
        list_append (&jm->running, &job->running);
        jm->nrunning++;
    }
    job->asleep = 1;
    return 0;
}

int jm_restore (struct jm *jm,
                uint64_t id,
                const char *eventlog,
                size_t len,
                struct jview jobspec,
                struct jview R,
                struct text *why)
{
    struct job *job;
    int r;

    if (!(job = job_new (id)))
        return -ENOMEM;
    if ((r = take_texts (jm, job, jobspec, R)) < 0
        || (r = replay (jm, job, eventlog, len, why)) < 0 || (r = settle (jm, job)) < 0) {
        job_free (job, &jm->pool);
        return r;
    }
    return 0;
}

/* A job of which only the submission was stored when the instance ended was
 * acknowledged, and validated: what is refused is not stored.  One that waited
 * for the scheduler gets its priority computed anew; any other goes on where
 * its state says.
 */
static void wake (struct jm *jm, struct job *job)
{
    struct jview jobspec = { job->jobspec->s, job->jobspec->len };
    enum job_state was = job->state;
    int r = 0;

    job->asleep = 0;
    if (was == STATE_NEW)
        r = jm_post_event (jm, job, EV_VALIDATE, NULL);
    if (r == 0 && job->state == STATE_DEPEND)
        jm_depend_restore (jm, job, attributes_of (jobspec).dependencies);
    jm_hook_restored (jm, job);
    if (was == STATE_SCHED)
        r = jm_post_event (jm, job, EV_FLUX_RESTART, NULL);
    else if ((job->state & STATE_RUNNING) && (job->flags & JOB_DEBUG)) {
        char buf[64];

        snprintf (buf, sizeof (buf), "{\"id\":%lld}", (long long)job->id);
        r = jm_post (jm, job, "debug.exec-reattach-start",
                     (struct jview){ buf, strlen (buf) }, false);
    }
    else
        r = jm_run (jm, job);
    jm_fail (jm, r);
}

/* What a job depends on may be in the history. */
static bool waits_for_history (const struct job *job)
{
    return (job->state & (STATE_NEW | STATE_DEPEND)) != 0;
}

void jm_restore_finish (struct jm *jm, uint64_t max_jobid, bool history)
{
    struct job *job = NULL;

    if (max_jobid > jm->max_jobid)
        jm->max_jobid = max_jobid;
    list_foreach (&jm->active, job, active) {
        if (!(history && waits_for_history (job)))
            wake (jm, job);
    }
}

void jm_history_finish (struct jm *jm)
{
    struct job *job = NULL;

    list_foreach (&jm->active, job, active) {
        if (job->asleep)
            wake (jm, job);
    }
}
