/* The alloc queue and the scheduler's side of RFC 27. */

#include "config.h"
#include <syslog.h>

#include "engine_private.h"

/* Priority descending, then job id ascending. */
int jm_alloc_order (const struct treap_node *na, const struct treap_node *nb)
{
    const struct job *a = container_of (na, struct job, order);
    const struct job *b = container_of (nb, struct job, order);

    if (a->priority != b->priority)
        return a->priority > b->priority ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

/* Requests whose cancellation is out: their priority may change meanwhile. */
int jm_cancel_order (const struct treap_node *na, const struct treap_node *nb)
{
    const struct job *a = container_of (na, struct job, order);
    const struct job *b = container_of (nb, struct job, order);

    return a->id < b->id ? -1 : a->id > b->id;
}

static struct job *job_of (struct treap_node *n)
{
    return n ? container_of (n, struct job, order) : NULL;
}

static void move_to (struct treap *set, struct job *job, enum alloc_state state)
{
    job->alloc = state;
    treap_insert (set, &job->order);
}

/* What waits in a queue is offered while it is open; in one that is no longer
 * configured too: such jobs were there before, and no more come.
 */
static bool is_offered (const struct queue *q)
{
    return !q->configured || jm_queue_is_started (q);
}

bool jm_is_waiting (const struct job *job)
{
    return job->alloc == ALLOC_WAITING && is_offered (job->queue);
}

/* The better of best and what is first in q, or first behind job. */
static struct job *
better (struct job *best, const struct queue *q, const struct job *job)
{
    struct treap_node *n;
    struct job *first;

    if (!is_offered (q))
        return best;
    if (!job)
        n = treap_first (&q->waiting);
    else if ((n = treap_seek (&q->waiting, &job->order)) == &job->order)
        n = treap_next (n);
    first = job_of (n);
    if (!first || (best && jm_alloc_order (&best->order, &first->order) < 0))
        return best;
    return first;
}

struct job *jm_next_waiting (const struct jm *jm, const struct job *job)
{
    struct job *best = NULL;
    struct queue *q = NULL;

    list_foreach (&jm->queues, q, node)
        best = better (best, q, job);
    list_foreach (&jm->leftovers, q, node)
        best = better (best, q, job);
    return best;
}

size_t jm_alloc_count_waiting (const struct jm *jm)
{
    struct queue *q = NULL;
    size_t n = 0;

    list_foreach (&jm->queues, q, node)
        n += is_offered (q) ? treap_count (&q->waiting) : 0;
    list_foreach (&jm->leftovers, q, node)
        n += treap_count (&q->waiting);
    return n;
}

static struct treap *set_of (struct jm *jm, const struct job *job)
{
    switch (job->alloc) {
        case ALLOC_WAITING:
            return &job->queue->waiting;
        case ALLOC_SENT:
            return &jm->sent;
        case ALLOC_CANCELING:
            return &jm->canceling;
    }
    never ("a job that is in no set of the scheduler's");
}

static void leave (struct jm *jm, struct job *job)
{
    if (job->alloc != ALLOC_NONE) {
        treap_remove (set_of (jm, job), &job->order);
        job->alloc = ALLOC_NONE;
    }
}

static bool may_queue (const struct job *job)
{
    return job->state == STATE_SCHED && !(job->flags & JOB_ALLOC_BYPASS)
           && job->priority > 0 && job->queue->configured;
}

void jm_alloc_enqueue (struct jm *jm, struct job *job)
{
    if (job->alloc == ALLOC_NONE && may_queue (job))
        move_to (&job->queue->waiting, job, ALLOC_WAITING);
}

/* Ask the scheduler to forget the request; its answer decides what follows. */
static void cancel (struct jm *jm, struct job *job)
{
    treap_remove (&jm->sent, &job->order);
    move_to (&jm->canceling, job, ALLOC_CANCELING);
    jm->sink->cancel (job, jm->arg);
}

/* A job that comes back to SCHED (its priority is computed anew) must wait for
 * the scheduler's answer; one that runs or is over need not.
 */
void jm_alloc_withdraw (struct jm *jm, struct job *job)
{
    if (job->alloc == ALLOC_WAITING)
        leave (jm, job);
    else if (job->alloc == ALLOC_SENT)
        cancel (jm, job);
    if (job->state != STATE_PRIORITY)
        leave (jm, job);
}

static bool is_of (const struct job *job, const struct queue *queue)
{
    return job->queue == queue || job->queue->parent == queue;
}

/* What waits is not offered any more; ask back what is at the scheduler. */
void jm_alloc_stop (struct jm *jm, const struct queue *queue)
{
    struct treap_node *n, *next;

    for (n = treap_first (&jm->sent); n; n = next) {
        next = treap_next (n);
        if (is_of (job_of (n), queue))
            cancel (jm, job_of (n));
    }
}

void jm_alloc_forget_waiting (struct jm *jm, struct queue *q)
{
    struct treap_node *n;

    while ((n = treap_first (&q->waiting)))
        leave (jm, job_of (n));
}

void jm_alloc_rekeyed (struct jm *jm, struct job *job)
{
    enum alloc_state was = job->alloc;

    job->alloc = ALLOC_NONE;
    if (was == ALLOC_WAITING) {
        if (may_queue (job))
            move_to (&job->queue->waiting, job, ALLOC_WAITING);
        return;
    }
    move_to (was == ALLOC_SENT ? &jm->sent : &jm->canceling, job, was);
    if (was == ALLOC_SENT) {
        if (job->priority == 0)
            cancel (jm, job);
        else
            jm->sink->prioritize (job, jm->arg);
    }
}

void jm_alloc_free (struct jm *jm, struct job *job)
{
    if (!job->R || (job->flags & JOB_ALLOC_BYPASS)
        || (jm->hooks && jm->hooks->keep (job, jm->hooks_arg)))
        return;
    if (jm->sched_online)
        jm->sink->give_back (job->id, job->R->s, job->R->len, jm->arg);
}

/* ---- sending ----------------------------------------------------------------- */

static void send_alloc (struct jm *jm, struct job *job)
{
    treap_remove (&job->queue->waiting, &job->order);
    move_to (&jm->sent, job, ALLOC_SENT);
    jm->sink->alloc (job, jm->arg);
    if (job->flags & JOB_DEBUG)
        jm_fail (jm, jm_post (jm, job, "debug.alloc-request", JVIEW_ABSENT, false));
}

/* All places are taken: where the first in the queue outranks the last at the
 * scheduler, the latter must make room, and so on with the next of each.
 * Those already canceling have made room for as many heads of the queue.
 */
static void preempt (struct jm *jm)
{
    struct job *head = jm_next_waiting (jm, NULL);
    struct treap_node *tail = treap_last (&jm->sent);
    size_t skip = treap_count (&jm->canceling);

    if (!head || !tail || jm_alloc_order (&head->order, tail) > 0)
        return;
    while (head && skip-- > 0)
        head = jm_next_waiting (jm, head);
    while (head && (tail = treap_last (&jm->sent))
           && jm_alloc_order (&head->order, tail) < 0) {
        head = jm_next_waiting (jm, head);
        cancel (jm, job_of (tail));
    }
}

bool jm_sched_pump (struct jm *jm, unsigned int budget)
{
    struct job *job;

    while (jm->sched_online && (job = jm_next_waiting (jm, NULL))) {
        size_t out = treap_count (&jm->sent) + treap_count (&jm->canceling);

        if (jm->sched_limit > 0 && out >= jm->sched_limit) {
            preempt (jm);
            return false;
        }
        if (budget-- == 0)
            return true;
        send_alloc (jm, job);
    }
    return false;
}

/* ---- the scheduler comes and goes --------------------------------------------- */

bool jm_sched_online (const struct jm *jm)
{
    return jm->sched_online;
}

bool jm_sched_is_crowded (const struct jm *jm)
{
    return jm->sched_online
           && (treap_count (&jm->sent) > 0 || jm_next_waiting (jm, NULL));
}

/* What a scheduler that is gone was asked for waits again. */
static void recall (struct jm *jm, struct treap *set)
{
    struct job *job;

    while ((job = job_of (treap_first (set)))) {
        leave (jm, job);
        jm_alloc_enqueue (jm, job);
    }
}

void jm_sched_gone (struct jm *jm)
{
    jm->sched_online = false;
    recall (jm, &jm->sent);
    recall (jm, &jm->canceling);
}

/* What waited with giving back need not any more. */
static void give_back_all (struct jm *jm)
{
    struct job *job = NULL;

    list_foreach (&jm->running, job, running) {
        if (job->state == STATE_CLEANUP && job->has_resources)
            jm_run (jm, job);
    }
}

void jm_sched_greeted (struct jm *jm, bool greeted)
{
    jm->sched_greeted = greeted;
    if (!greeted)
        give_back_all (jm);
}

void jm_sched_ready (struct jm *jm, unsigned int limit)
{
    if (jm->sched_online)
        jm_sched_gone (jm);
    jm->sched_greeted = false;
    jm->sched_online = true;
    jm->sched_limit = limit;
    give_back_all (jm);
}

/* ---- annotations ----------------------------------------------------------------- */

static struct jview annotations_of (const struct job *job)
{
    return job->annotations ? (struct jview){ job->annotations->s, job->annotations->len }
                            : JVIEW_ABSENT;
}

int jm_annotate (struct jm *jm, struct job *job, struct jview patch)
{
    _cleanup_ (text_fini) struct text merged = TEXT_INIT;
    _cleanup_ (text_fini) struct text context = TEXT_INIT;
    struct jview old = annotations_of (job);
    bool empty;

    jview_put_merge (&merged, old, patch);
    if (text_error (&merged))
        return -ENOMEM;
    if (merged.len > JOB_ANNOTATIONS_MAX)
        return -EOVERFLOW;
    empty = strcmp (merged.buf, "{}") == 0;
    if (empty ? !old.s
              : (old.len == merged.len && memcmp (old.s, merged.buf, old.len) == 0))
        return 0;
    text_puts (&context, "{\"annotations\":");
    text_puts (&context, empty ? "null" : merged.buf);
    text_putc (&context, '}');
    return jm_post_event (jm, job, EV_ANNOTATIONS, &context);
}

/* Annotations that are too long are no reason to lose the scheduler. */
static int annotate (struct jm *jm, struct job *job, struct jview patch)
{
    int r = jm_annotate (jm, job, patch);

    if (r == -EOVERFLOW) {
        jm_log (jm, LOG_ERR, "job %llu: annotations are too long",
                (unsigned long long)job->id);
        r = 0;
    }
    return r;
}

static int clear_sched_annotations (struct jm *jm, struct job *job)
{
    static const char patch[] = "{\"sched\":null}";
    return jm_annotate (jm, job, (struct jview){ patch, sizeof (patch) - 1 });
}

/* ---- answers -------------------------------------------------------------------- */

static bool is_asked_for (const struct job *job)
{
    return job && (job->alloc == ALLOC_SENT || job->alloc == ALLOC_CANCELING);
}

/* R for the job, without what only the scheduler needs. */
static struct itext *redact (struct jm *jm, struct jview R)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;

    jview_put_without (&t, R, "scheduling");
    return text_error (&t) ? NULL : intern_get (&jm->pool, t.buf, t.len);
}

static int post_alloc (struct jm *jm, struct job *job)
{
    _cleanup_ (text_fini) struct text context = TEXT_INIT;

    if (!job->annotations)
        return jm_post_event (jm, job, EV_ALLOC, NULL);
    text_puts (&context, "{\"annotations\":");
    text_put (&context, job->annotations->s, job->annotations->len);
    text_putc (&context, '}');
    return jm_post_event (jm, job, EV_ALLOC, &context);
}

int jm_alloc_store (struct jm *jm, uint64_t id, struct jview R)
{
    struct job *job = jm_lookup (jm, id);
    int r;

    if (!jview_is (R, JVIEW_OBJECT))
        return -EPROTO;
    if (!is_asked_for (job) || job->state != STATE_SCHED)
        return 0;
    if ((r = batch_R (&jm->batch, id, R.s, R.len)) < 0)
        return r;
    job->R_unsent = 1;
    return 0;
}

int jm_alloc_success (struct jm *jm,
                      uint64_t id,
                      struct jview R,
                      struct jview annotations)
{
    struct job *job = jm_lookup (jm, id);
    struct itext *text;
    int r;

    if (!jview_is (R, JVIEW_OBJECT))
        return -EPROTO;
    if (job && job->has_resources)
        return -EEXIST;
    if (!(text = redact (jm, R)))
        return -ENOMEM;
    if (!is_asked_for (job) || job->state != STATE_SCHED) {
        jm->sink->give_back (id, text->s, text->len, jm->arg);
        intern_put (&jm->pool, text);
        return 0;
    }
    intern_set (&jm->pool, &job->R, text);
    jm_step_begin (jm);
    r = jview_is (annotations, JVIEW_OBJECT) ? annotate (jm, job, annotations) : 0;
    if (r == 0) {
        leave (jm, job);
        r = post_alloc (jm, job);
    }
    jm_step_end (jm);
    return r;
}

int jm_alloc_annotate (struct jm *jm, uint64_t id, struct jview annotations)
{
    struct job *job = jm_lookup (jm, id);

    if (!jview_is (annotations, JVIEW_OBJECT))
        return -EPROTO;
    if (!job || !(job->state & STATE_ACTIVE))
        return 0;
    return annotate (jm, job, annotations);
}

int jm_alloc_cancelled (struct jm *jm, uint64_t id)
{
    struct job *job = jm_lookup (jm, id);
    int r;

    if (!is_asked_for (job))
        return 0;
    if ((r = clear_sched_annotations (jm, job)) < 0)
        return r;
    leave (jm, job);
    jm_alloc_enqueue (jm, job);
    return 0;
}

int jm_alloc_deny (struct jm *jm, uint64_t id, const char *note, bool *denied)
{
    struct job *job = jm_lookup (jm, id);
    struct jm_exception x = {
        .type = "alloc",
        .severity = 0,
        .note = note,
        .userid = jm->owner,
        .wait_status = -1,
    };
    int r;

    *denied = false;
    if (!is_asked_for (job))
        return 0;
    if ((r = clear_sched_annotations (jm, job)) < 0)
        return r;
    leave (jm, job);
    if ((r = jm_raise (jm, job, &x)) < 0)
        return r;
    *denied = true;
    return 0;
}
