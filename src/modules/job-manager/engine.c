#include "config.h"
#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

#include "engine_private.h"

/* ---- life ------------------------------------------------------------------ */

static void send_journal (void *token, const char *payload, size_t len, void *arg)
{
    struct jm *jm = arg;
    jm->sink->journal (token, payload, len, jm->arg);
}

static void left_volume (uint32_t volume, void *arg)
{
    struct jm *jm = arg;
    jm->sink->unarchived (volume, jm->arg);
}

struct jm *jm_create (const struct jm_sink *sink, void *arg, uint32_t owner)
{
    struct jm *jm = calloc (1, sizeof (*jm));

    if (!jm || !(jm->packer = packer_new ())) {
        free (jm);
        return NULL;
    }
    jm->sink = sink;
    jm->arg = arg;
    jm->owner = owner;
    table_init (&jm->jobs);
    list_init (&jm->later);
    list_init (&jm->active);
    list_init (&jm->running);
    list_init (&jm->zombies);
    list_init (&jm->walks);
    list_init (&jm->waiters_any);
    list_init (&jm->waiters_job);
    treap_init (&jm->sent, jm_alloc_order);
    treap_init (&jm->canceling, jm_cancel_order);
    treap_init (&jm->inactive, jm_inactive_order);
    list_init (&jm->decided);
    treap_init (&jm->moments, jm_begin_order);
    table_init (&jm->namesakes);
    intern_init (&jm->pool);
    batch_init (&jm->batch);
    spans_init (&jm->spans, left_volume, jm);
    journal_init (&jm->journal, &jm->active, &jm->inactive, send_journal, jm);
    if (jm_queues_init (jm) < 0) {
        packer_free (jm->packer);
        free (jm);
        return NULL;
    }
    return jm;
}

void jm_destroy (struct jm *jm)
{
    struct job *job;

    if (!jm)
        return;
    jm_wait_fini (jm);
    journal_fini (&jm->journal);
    jm->spans.left = NULL; /* they stay in their volumes */
    while ((job = list_first (&jm->zombies, struct job, active))) {
        list_del (&job->active);
        if (job->purged)
            jm_drop_job (jm, job);
    }
    while ((job = table_pop (&jm->jobs)))
        jm_drop_job (jm, job);
    spans_fini (&jm->spans);
    batch_fini (&jm->batch);
    jm_queues_fini (jm);
    intern_fini (&jm->pool);
    table_fini (&jm->jobs);
    table_fini (&jm->namesakes);
    packer_free (jm->packer);
    text_fini (&jm->line);
    text_fini (&jm->context);
    free (jm);
}

int jm_error (const struct jm *jm)
{
    return jm->error;
}

void jm_fail (struct jm *jm, int error)
{
    if (error < 0 && jm->error == 0)
        jm->error = error;
}

void jm_log (struct jm *jm, int level, const char *fmt, ...)
{
    char buf[512];
    va_list ap;

    va_start (ap, fmt);
    vsnprintf (buf, sizeof (buf), fmt, ap);
    va_end (ap);
    jm->sink->log (level, buf, jm->arg);
}

/* A double near 2e9 resolves a quarter of a microsecond; consumers sort by
 * these times, so two events never have the same.  A clock that was set back
 * is followed.
 */
double jm_time (struct jm *jm)
{
    double now = jm->sink->now (jm->arg);

    if (now <= jm->last_time && jm->last_time - now < 0.01)
        now = jm->last_time + 1e-6;
    jm->last_time = now;
    return now;
}

/* ---- one event --------------------------------------------------------------- */

void jm_enter (struct jm *jm, struct job *job, enum job_state state)
{
    enum job_state old = job->state;

    job->state = state;
    if (job->alloc != ALLOC_NONE && state != STATE_SCHED)
        jm_alloc_withdraw (jm, job);
    if (state == STATE_PRIORITY)
        job->priority = PRIORITY_NONE;
    if ((state & STATE_RUNNING) && !(old & STATE_RUNNING)) {
        list_append (&jm->running, &job->running);
        jm->nrunning++;
    }
}

/* The event is in the log now: what it changes. */
static void take_effect (struct jm *jm,
                         struct job *job,
                         const struct entry *e,
                         struct job_change *change,
                         size_t linelen)
{
    enum job_state next = state_after (job->state, e);
    bool rekey = e->ev == EV_PRIORITY && treap_linked (&job->order);

    if (rekey)
        jm_leave_sets (jm, job);
    job_apply (job, e, &jm->pool, change);
    if (rekey)
        jm_alloc_rekeyed (jm, job);
    if (e->ev == EV_START)
        jm_depend_started (jm, job);
    if (e->ev == EV_JOBSPEC_UPDATE)
        jm_fail (jm, jm_queue_follow (jm, job));
    if (next == job->state)
        return;
    if (next == STATE_CLEANUP) {
        job->end_offset = job->loglen - linelen;
        job->end_len = linelen;
    }
    jm_enter (jm, job, next);
}

int jm_process (struct jm *jm, struct job *job, const struct entry *e, bool is_volatile)
{
    enum job_state before = job->state;
    struct job_change change;
    int r;

    if ((r = job_check (job, e, &jm->pool, &change)) < 0)
        return r;
    text_clear (&jm->line);
    entry_write (&jm->line, e);
    if ((r = text_error (&jm->line)) < 0
        || (!is_volatile && (r = job_log_append (job, jm->line.buf, jm->line.len)) < 0)) {
        job_change_drop (&change, &jm->pool);
        return r;
    }
    jm_fail (jm, journal_event (&jm->journal, job, e, jm->line.buf, jm->line.len));
    take_effect (jm, job, e, &change, jm->line.len);
    if (!is_volatile)
        batch_append (&jm->batch, job);
    JM_HOOK (jm, event, job, e, jm->line.buf, jm->line.len, before);
    if (e->ev == EV_RESOURCE_UPDATE && e->expiration >= 0.)
        jm->sink->expiration (job, e->expiration, jm->arg);
    return 0;
}

/* ---- what follows of itself ---------------------------------------------------- */

int64_t jm_effective_priority (const struct job *job, int64_t priority)
{
    return job->urgency == 0 ? 0 : job->urgency == URGENCY_MAX ? PRIORITY_MAX : priority;
}

/* False: somebody will tell it later. */
static bool priority_of (struct jm *jm, struct job *job, int64_t *priority)
{
    bool known = true;

    *priority = job->urgency;
    if (jm->hooks) {
        jm->in_hook++;
        known = jm->hooks->priority (job, priority, jm->hooks_arg);
        jm->in_hook--;
    }
    *priority = jm_effective_priority (job, *priority);
    return known;
}

static const char *after_priority (struct jm *jm, struct job *job)
{
    int64_t priority;

    if (!priority_of (jm, job, &priority))
        return NULL;
    text_printf (&jm->context, "{\"priority\":%lld}", (long long)priority);
    return event_name (EV_PRIORITY);
}

/* CLEANUP: first the resources go back, when nothing uses them any more, then
 * the job is done.
 */
static const char *after_cleanup (struct jm *jm, struct job *job)
{
    if (job->exec == EXEC_SENT || job->perilogs > 0)
        return NULL;
    if (!job->has_resources)
        return event_name (EV_CLEAN);
    if (jm->sched_greeted)
        return NULL;
    jm_alloc_free (jm, job);
    return event_name (EV_FREE);
}

/* Do what the job's state asks for.  Returns the name of the event that follows
 * of itself, with its context in jm->context; NULL: none.
 */
static const char *act (struct jm *jm, struct job *job)
{
    text_clear (&jm->context);
    switch (job->state) {
        case STATE_DEPEND:
            return job_dependencies_outstanding (job) == 0 ? event_name (EV_DEPEND)
                                                           : NULL;
        case STATE_PRIORITY:
            return after_priority (jm, job);
        case STATE_SCHED:
            jm_alloc_enqueue (jm, job);
            return NULL;
        case STATE_RUN:
            return jm_exec_start (jm, job) && (job->flags & JOB_DEBUG)
                       ? "debug.start-request"
                       : NULL;
        case STATE_CLEANUP:
            return after_cleanup (jm, job);
        default:
            return NULL;
    }
}

static int process_own (struct jm *jm, struct job *job, const char *name)
{
    struct jview context = JVIEW_ABSENT;
    struct entry e;
    int r;

    if ((r = text_error (&jm->context)) < 0)
        return r;
    if (jm->context.len > 0)
        context = (struct jview){ jm->context.buf, jm->context.len };
    if ((r = entry_init (&e, name, strlen (name), jm_time (jm), context)) < 0)
        return r;
    return jm_process (jm, job, &e, false);
}

static int process_queued (struct jm *jm, struct job *job, struct queued_event *q)
{
    struct jview context = JVIEW_ABSENT;
    struct entry e;
    int r;

    if (q->contextlen > 0)
        context = (struct jview){ q->text + q->namelen, q->contextlen };
    if ((r = entry_init (&e, q->text, q->namelen, jm_time (jm), context)) < 0)
        return r;
    return jm_process (jm, job, &e, q->is_volatile);
}

/* An event that cannot take place takes those queued behind it with it: they
 * were posted in the belief that it would.
 */
static int process_all_queued (struct jm *jm, struct job *job)
{
    struct queued_event *q;
    int r = 0;

    while ((q = list_first (&job->events, struct queued_event, node))) {
        list_del (&q->node);
        if (r == 0)
            r = process_queued (jm, job, q);
        free (q);
    }
    return r;
}

void jm_step_begin (struct jm *jm)
{
    jm->depth++;
}

void jm_step_end (struct jm *jm)
{
    if (--jm->depth == 0)
        jm_told (jm);
}

void jm_told (struct jm *jm)
{
    jm_fail (jm, journal_flush (&jm->journal));
}

int jm_run (struct jm *jm, struct job *job)
{
    const char *name;
    int r = 0, own = 0;

    if (job->busy || job->held)
        return 0;
    jm_step_begin (jm);
    job->busy = 1;
    do {
        int queued = process_all_queued (jm, job);

        if (r == 0)
            r = queued;
        if ((name = act (jm, job)) && (own = process_own (jm, job, name)) < 0)
            jm_fail (jm, own);
    } while (own == 0 && (name || !list_empty (&job->events)));
    job->busy = 0;
    if (job->state == STATE_INACTIVE)
        jm_retire (jm, job);
    jm_step_end (jm);
    return r;
}

void jm_retire (struct jm *jm, struct job *job)
{
    jm_fail (jm, journal_job_ends (&jm->journal, job));
    jm_walks_skip (jm, job);
    list_del (&job->active);
    jm->nactive--;
    if (list_linked (&job->running)) {
        list_del (&job->running);
        jm->nrunning--;
    }
    spans_end (&jm->spans, job);
    jm_depend_ended (jm, job);
    jm_queue_leave (jm, job);
    intern_set (&jm->pool, &job->annotations, NULL);
    job_log_trim (job);
    treap_insert (&jm->inactive, &job->order);
    list_del (&job->later);
    jm_told (jm);
    jm->sink->ended (job, jm->arg);
    JM_HOOK (jm, ended, job);
    jm_wait_ended (jm, job);
}

/* ---- posting ------------------------------------------------------------------- */

static int enqueue (struct job *job,
                    const char *name,
                    size_t namelen,
                    struct jview context,
                    bool is_volatile)
{
    struct queued_event *q = malloc (sizeof (*q) + namelen + context.len);

    if (!q)
        return -ENOMEM;
    list_init (&q->node);
    q->is_volatile = is_volatile;
    q->namelen = namelen;
    q->contextlen = context.len;
    memcpy (q->text, name, namelen);
    if (context.len > 0)
        memcpy (q->text + namelen, context.s, context.len);
    list_append (&job->events, &q->node);
    return 0;
}

int jm_post (struct jm *jm,
             struct job *job,
             const char *name,
             struct jview context,
             bool is_volatile)
{
    size_t namelen = strlen (name);
    struct entry e;
    int r, r2;

    if (job->state == STATE_INACTIVE)
        return -EROFS;
    if ((r = entry_init (&e, name, namelen, 0., context)) < 0)
        return r;
    if (event_is_volatile (e.ev))
        is_volatile = true;
    if (job->busy || job->held)
        return enqueue (job, name, namelen, context, is_volatile);
    if (jm->in_hook > 0 || !list_empty (&job->events)) {
        if ((r = enqueue (job, name, namelen, context, is_volatile)) < 0)
            return r;
        if (jm->in_hook == 0)
            return jm_run (jm, job);
        if (!list_linked (&job->later))
            list_append (&jm->later, &job->later);
        return 0;
    }
    e.timestamp = jm_time (jm);
    job->busy = 1;
    r = jm_process (jm, job, &e, is_volatile);
    job->busy = 0;
    r2 = jm_run (jm, job);
    return r < 0 ? r : r2;
}

int jm_post_event (struct jm *jm, struct job *job, enum event ev, struct text *context)
{
    struct jview v = JVIEW_ABSENT;

    if (context) {
        if (text_error (context) < 0)
            return -ENOMEM;
        v = (struct jview){ context->buf, context->len };
    }
    return jm_post (jm, job, event_name (ev), v, false);
}

static void write_string (struct text *t, const char *s)
{
    text_put_json_string (t, s, strlen (s));
}

void jm_write_exception (struct text *t, const struct jm_exception *x, bool from_exec)
{
    text_puts (t, "{\"type\":");
    write_string (t, x->type);
    text_printf (t, ",\"severity\":%d", x->severity);
    if (from_exec && x->userid >= 0)
        text_printf (t, ",\"userid\":%lld", (long long)x->userid);
    text_puts (t, ",\"note\":");
    write_string (t, x->note ? x->note : "");
    if (!from_exec && x->userid >= 0)
        text_printf (t, ",\"userid\":%lld", (long long)x->userid);
    if (x->wait_status >= 0)
        text_printf (t, ",\"wait_status\":%lld", (long long)x->wait_status);
    text_putc (t, '}');
}

int jm_raise (struct jm *jm, struct job *job, const struct jm_exception *x)
{
    _cleanup_ (text_fini)
    struct text context = TEXT_INIT;

    jm_write_exception (&context, x, false);
    return jm_post_event (jm, job, EV_EXCEPTION, &context);
}

int jm_urgency (struct jm *jm, struct job *job, uint32_t userid, int urgency)
{
    _cleanup_ (text_fini)
    struct text context = TEXT_INIT;

    text_printf (&context, "{\"userid\":%lu,\"urgency\":%d}", (unsigned long)userid,
                 urgency);
    return jm_post_event (jm, job, EV_URGENCY, &context);
}

/* ---- batch ------------------------------------------------------------------------ */

bool jm_commit_wanted (const struct jm *jm)
{
    return batch_wanted (&jm->batch);
}

/* An inactive job's log is looked at by nobody but the commit for the last time. */
static void commit_op (const struct batch_op *op, void *arg)
{
    struct jm *jm = arg;

    jm->sink->commit_op (op, jm->arg);
    if (op->kind == BATCH_APPEND && op->job->state == STATE_INACTIVE)
        jm_pack (jm, op->job);
}

bool jm_commit_urgent (const struct jm *jm)
{
    return batch_urgent (&jm->batch);
}

size_t jm_commit_begin (struct jm *jm)
{
    return batch_begin (&jm->batch, commit_op, jm);
}

/* Its R is on its way: whoever hears of the job from now on will find it. */
static void R_sent (uint64_t id, void *arg)
{
    struct jm *jm = arg;
    struct job *job = jm_lookup (jm, id);

    if (!job)
        return;
    job->R_unsent = 0;
    if (job->state == STATE_RUN)
        jm_fail (jm, jm_run (jm, job));
}

bool jm_commit_lazy (const struct jm *jm)
{
    return batch_lazy (&jm->batch);
}

void jm_commit_sent (struct jm *jm)
{
    batch_sent (&jm->batch, R_sent, jm);
}

/* Its submit event is stored: now the job may live. */
static void release_job (struct job *job, void *arg)
{
    struct jm *jm = arg;

    job->held = 0;
    if (jm_run (jm, job) < 0)
        jm_log (jm, LOG_ERR, "job %llu: a queued event was refused",
                (unsigned long long)job->id);
}

static void release_token (void *token, void *arg)
{
    struct jm *jm = arg;
    jm_told (jm);
    jm->sink->deferred (token, jm->arg);
}

void jm_commit_end (struct jm *jm)
{
    batch_end (&jm->batch, release_job, release_token, jm);
}

int jm_defer (struct jm *jm, void *token)
{
    return batch_token (&jm->batch, token);
}

void jm_drop_deferred (struct jm *jm, void (*drop) (void *token, void *arg), void *arg)
{
    batch_drop_tokens (&jm->batch, drop, arg);
}

int jm_put (struct jm *jm, const char *key, const char *data, size_t len)
{
    return batch_put (&jm->batch, key, data, len);
}

int jm_purge (struct jm *jm, struct job *job)
{
    int r;

    if (job->state != STATE_INACTIVE)
        return -EINVAL;
    if ((r = batch_unlink (&jm->batch, job->id)) < 0)
        return r;
    batch_forget (&jm->batch, job);
    JM_HOOK (jm, purged, job);
    if (!list_linked (&job->active)) {
        jm_drop_job (jm, job);
        return 0;
    }
    /* a zombie outlives its purge: somebody may still wait for it */
    table_del_u64 (&jm->jobs, job->id);
    treap_remove (&jm->inactive, &job->order);
    spans_leave (&jm->spans, job);
    job->purged = 1;
    return 0;
}

/* ---- journal ------------------------------------------------------------------------ */

int jm_journal_add (struct jm *jm,
                    void *token,
                    bool full,
                    bool group,
                    struct jview allow,
                    struct jview deny)
{
    return journal_add (&jm->journal, token, full, group, allow, deny);
}

bool jm_journal_remove (struct jm *jm, const void *token)
{
    return journal_remove (&jm->journal, token);
}

void jm_journal_pause (struct jm *jm, const void *token, bool pause)
{
    journal_pause (&jm->journal, token, pause);
}

void *jm_journal_overrun (const struct jm *jm)
{
    return journal_overrun (&jm->journal);
}

void *jm_journal_next (const struct jm *jm, const void *token)
{
    return journal_next_token (&jm->journal, token);
}

bool jm_journal_pump (struct jm *jm, size_t bytes)
{
    int r;

    jm_told (jm);
    r = journal_pump (&jm->journal, bytes);

    jm_fail (jm, r);
    return r > 0;
}

void jm_journal_finish (struct jm *jm)
{
    jm_told (jm);
    journal_finish (&jm->journal);
}
