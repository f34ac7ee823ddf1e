#include "config.h"

#include "common/util.h"

#include "job.h"

struct job *job_new (uint64_t id)
{
    struct job *job = calloc (1, sizeof (*job));

    if (!job)
        return NULL;
    job->id = id;
    job->state = STATE_NEW;
    job->priority = PRIORITY_NONE;
    list_init (&job->dependencies);
    list_init (&job->events);
    list_init (&job->later);
    list_init (&job->active);
    list_init (&job->running);
    treap_node_init (&job->order);
    batch_item_init (&job->item, BATCH_APPEND);
    return job;
}

static void dependency_free (struct dependency *d, struct intern *pool)
{
    if (d) {
        intern_put (pool, d->description);
        free_keep_errno (d);
    }
}

void job_free (struct job *job, struct intern *pool)
{
    struct dependency *d = NULL;
    struct queued_event *q = NULL;

    if (!job)
        return;
    must (!job->ties && !treap_linked (&job->order) && !list_linked (&job->active)
          && !list_linked (&job->running) && !list_linked (&job->item.node));
    list_foreach (&job->dependencies, d, node)
        dependency_free (d, pool);
    list_foreach (&job->events, q, node)
        free_keep_errno (q);
    intern_put (pool, job->jobspec);
    intern_put (pool, job->R);
    intern_put (pool, job->annotations);
    free_keep_errno (job->log);
    free_keep_errno (job->packed);
    free_keep_errno (job);
}

const struct dependency *job_dependency (const struct job *job,
                                         const struct itext *description)
{
    struct dependency *d = NULL;

    list_foreach (&job->dependencies, d, node) {
        if (d->description == description)
            return d;
    }
    return NULL;
}

unsigned int job_dependencies_outstanding (const struct job *job)
{
    struct dependency *d = NULL;
    unsigned int n = 0;

    list_foreach (&job->dependencies, d, node)
        n += d->outstanding;
    return n;
}

/* The pooled copy of what a writer left in t. */
static int intern_text (struct intern *pool, struct text *t, struct itext **ret)
{
    struct itext *new;

    if (text_error (t) || !(new = intern_get (pool, t->buf, t->len)))
        return -ENOMEM;
    *ret = new;
    return 0;
}

static struct jview itext_view (const struct itext *t)
{
    return t ? (struct jview){ t->s, t->len } : JVIEW_ABSENT;
}

static int check_dependency (const struct job *job,
                             const struct entry *e,
                             struct intern *pool,
                             struct job_change *change)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    const struct dependency *known;
    struct dependency *d;
    struct itext *description;
    int r;

    if (!(job->state & (STATE_NEW | STATE_DEPEND)))
        return -EINVAL;
    if ((r = jview_string (e->value, &t)) < 0
        || (r = intern_text (pool, &t, &description)) < 0)
        return r;
    known = job_dependency (job, description);
    if (e->ev == EV_DEPENDENCY_REMOVE)
        r = known && known->outstanding ? 0 : -ENOENT;
    else if (!known) {
        if ((d = calloc (1, sizeof (*d)))) {
            list_init (&d->node);
            d->outstanding = true;
            d->description = intern_ref (description);
            change->dependency = d;
        }
        else
            r = -ENOMEM;
    }
    intern_put (pool, description);
    return r;
}

/* A memo merges under the key "user"; an annotations event brings the whole
 * dictionary.
 */
static int check_annotations (const struct job *job,
                              const struct entry *e,
                              struct intern *pool,
                              struct job_change *change)
{
    _cleanup_ (text_fini) struct text patch = TEXT_INIT;
    _cleanup_ (text_fini) struct text merged = TEXT_INIT;
    struct jview v;

    if (e->ev == EV_ANNOTATIONS) {
        if (jview_is (e->value, JVIEW_NULL))
            return 0;
        jview_put_compact (&merged, e->value);
    }
    else {
        text_puts (&patch, "{\"user\":");
        jview_put_compact (&patch, e->context);
        text_putc (&patch, '}');
        if (text_error (&patch))
            return -ENOMEM;
        if (patch.len > JOB_ANNOTATIONS_MAX)
            return -EOVERFLOW;
        v = (struct jview){ patch.buf, patch.len };
        jview_put_merge (&merged, itext_view (job->annotations), v);
    }
    if (!text_error (&merged) && merged.len > JOB_ANNOTATIONS_MAX)
        return -EOVERFLOW;
    if (!text_error (&merged) && strcmp (merged.buf, "{}") == 0)
        return 0;
    return intern_text (pool, &merged, &change->text);
}

static int check_jobspec_update (const struct job *job,
                                 const struct entry *e,
                                 struct intern *pool,
                                 struct job_change *change)
{
    _cleanup_ (text_fini) struct text now = TEXT_INIT;
    struct jview key, value;
    struct jiter it;

    if (!job->jobspec)
        return -EINVAL;
    text_put (&now, job->jobspec->s, job->jobspec->len);
    jiter_init (&it, e->context);
    while (jiter_next (&it, &key, &value)) {
        _cleanup_ (text_fini) struct text next = TEXT_INIT;
        _cleanup_ (freep) char *path = NULL;
        struct text swap;
        int r;

        if ((r = jview_strdup (key, &path)) < 0 || (r = text_error (&now)) < 0
            || (r = jview_put_set (&next, (struct jview){ now.buf, now.len }, path,
                                   value))
                   < 0)
            return r;
        swap = now;
        now = next;
        next = swap;
    }
    return intern_text (pool, &now, &change->text);
}

static int check_resource_update (const struct job *job,
                                  const struct entry *e,
                                  struct intern *pool,
                                  struct job_change *change)
{
    _cleanup_ (text_fini) struct text number = TEXT_INIT;
    _cleanup_ (text_fini) struct text new = TEXT_INIT;
    int r;

    if (!job->R)
        return -EINVAL;
    if (e->expiration < 0.) /* an empty update */
        return 0;
    text_put_real (&number, e->expiration);
    if ((r = text_error (&number)) < 0
        || (r = jview_put_set (&new, itext_view (job->R), "execution.expiration",
                               (struct jview){ number.buf, number.len }))
               < 0)
        return r;
    return intern_text (pool, &new, &change->text);
}

int job_check (const struct job *job,
               const struct entry *e,
               struct intern *pool,
               struct job_change *change)
{
    *change = (struct job_change){ NULL, NULL };
    if (job->state == STATE_INACTIVE)
        return -EROFS;
    switch (e->ev) {
        case EV_SUBMIT:
            return job->state == STATE_NEW && job->loglen == 0 ? 0 : -EINVAL;
        case EV_DEPENDENCY_ADD:
        case EV_DEPENDENCY_REMOVE:
            return check_dependency (job, e, pool, change);
        case EV_MEMO:
        case EV_ANNOTATIONS:
            return check_annotations (job, e, pool, change);
        case EV_JOBSPEC_UPDATE:
            return check_jobspec_update (job, e, pool, change);
        case EV_RESOURCE_UPDATE:
            return check_resource_update (job, e, pool, change);
        case EV_EXCEPTION:
            return job->state == STATE_NEW && e->severity == 0 ? -EINVAL : 0;
        case EV_CLEAN:
            return job->state == STATE_CLEANUP ? 0 : -EINVAL;
        case EV_PROLOG_START:
        case EV_EPILOG_START:
            return job->perilogs == UINT8_MAX ? -EOVERFLOW : 0;
        default:
            return 0;
    }
}

void job_change_drop (struct job_change *change, struct intern *pool)
{
    intern_put (pool, change->text);
    dependency_free (change->dependency, pool);
    *change = (struct job_change){ NULL, NULL };
}

static void apply_submit (struct job *job, const struct entry *e)
{
    job->t_submit = e->timestamp;
    job->userid = e->userid;
    job->urgency = e->urgency;
    job->flags |= e->flags;
}

static void
apply_dependency (struct job *job, const struct entry *e, struct job_change *change)
{
    struct dependency *d = NULL;

    if (change->dependency) {
        list_append (&job->dependencies, &change->dependency->node);
        change->dependency = NULL;
        job->had_dependencies = 1;
    }
    else if (e->ev == EV_DEPENDENCY_REMOVE) {
        list_foreach (&job->dependencies, d, node) {
            if (d->outstanding && jview_equal (e->value, d->description->s))
                d->outstanding = false;
        }
    }
}

/* A prolog counts while no start request is out, an epilog from RUN on: one
 * that is started by a failed prolog must hold the resources too.
 */
static void apply_perilog (struct job *job, const struct entry *e)
{
    switch (e->ev) {
        case EV_PROLOG_START:
            job->perilogs += job->exec == EXEC_NONE && !job->started;
            break;
        case EV_EPILOG_START:
            job->perilogs += (job->state & STATE_RUNNING) != 0;
            break;
        default:
            if (job->perilogs > 0)
                job->perilogs--;
    }
}

static void apply_exception (struct job *job, const struct entry *e)
{
    /* the scheduler has no place for what this job held */
    if (e->severity == 0 && jview_equal (e->type, "scheduler-restart"))
        job->has_resources = 0;
}

void job_apply (struct job *job,
                const struct entry *e,
                struct intern *pool,
                struct job_change *change)
{
    switch (e->ev) {
        case EV_SUBMIT:
            apply_submit (job, e);
            break;
        case EV_DEPENDENCY_ADD:
        case EV_DEPENDENCY_REMOVE:
            apply_dependency (job, e, change);
            break;
        case EV_SET_FLAGS:
            job->flags |= e->flags;
            break;
        case EV_PRIORITY:
            if (job->state & (STATE_PRIORITY | STATE_SCHED))
                job->priority = e->priority;
            break;
        case EV_URGENCY:
            job->urgency = e->urgency;
            break;
        case EV_MEMO:
        case EV_ANNOTATIONS:
            intern_set (pool, &job->annotations, move_ptr (change->text));
            break;
        case EV_JOBSPEC_UPDATE:
            intern_set (pool, &job->jobspec, move_ptr (change->text));
            break;
        case EV_RESOURCE_UPDATE:
            if (change->text)
                intern_set (pool, &job->R, move_ptr (change->text));
            break;
        case EV_ALLOC:
            job->has_resources = 1;
            job->allocated = 1;
            break;
        case EV_FREE:
            job->has_resources = 0;
            break;
        case EV_PROLOG_START:
        case EV_PROLOG_FINISH:
        case EV_EPILOG_START:
        case EV_EPILOG_FINISH:
            apply_perilog (job, e);
            break;
        case EV_START:
            job->started = 1;
            break;
        case EV_FINISH:
            job->finished = 1;
            break;
        case EV_CLEAN:
            job->t_clean = e->timestamp;
            break;
        case EV_EXCEPTION:
            apply_exception (job, e);
            break;
        default:
            break;
    }
    job_change_drop (change, pool);
}

int job_log_append (struct job *job, const char *line, size_t len)
{
    size_t need = (size_t)job->loglen + len;

    if (need > JOB_LOG_MAX)
        return -EOVERFLOW;
    if (need > job->logcap) {
        size_t cap = job->logcap ? job->logcap : 512;
        char *log;

        while (cap < need)
            cap *= 2;
        if (!(log = realloc (job->log, cap)))
            return -ENOMEM;
        job->log = log;
        job->logcap = cap;
    }
    memcpy (job->log + job->loglen, line, len);
    job->loglen = need;
    return 0;
}

void job_log_trim (struct job *job)
{
    char *log = realloc (job->log, job->loglen ? job->loglen : 1);

    if (log) {
        job->log = log;
        job->logcap = job->loglen;
    }
}

void job_pack (struct job *job, struct packer *packer, struct intern *pool)
{
    struct packed *block;

    if (job->packed || job->flushed < job->loglen
        || packer_pack (packer, job->log, job->loglen, job->R ? job->R->s : "",
                        job->R ? job->R->len : 0, &block)
               < 0)
        return;
    job->packed = block;
    free (move_ptr (job->log));
    job->logcap = 0;
    intern_set (pool, &job->R, NULL);
}

int job_texts (const struct job *job, struct text *t, struct jview *log, struct jview *R)
{
    if (job->packed) {
        text_clear (t);
        return unpack (job->packed, t, log, R);
    }
    *log = (struct jview){ job->log, job->loglen };
    *R = itext_view (job->R);
    return 0;
}

int job_end_event (const struct job *job, struct text *t, struct entry *e)
{
    struct jview log, R;
    const char *next;
    int r;

    if (job->end_len == 0)
        return -ENOENT;
    if ((r = job_texts (job, t, &log, &R)) < 0)
        return r;
    return entry_parse (e, log.s + job->end_offset, job->end_len, &next);
}
