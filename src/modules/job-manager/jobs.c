/* Which jobs there are: the sets they are in, and ways to go through them. */

#include "config.h"

#include "engine_private.h"

int jm_inactive_order (const struct treap_node *na, const struct treap_node *nb)
{
    const struct job *a = container_of (na, struct job, order);
    const struct job *b = container_of (nb, struct job, order);

    if (a->t_clean != b->t_clean)
        return a->t_clean < b->t_clean ? -1 : 1;
    return a->id < b->id ? -1 : a->id > b->id;
}

struct job *jm_lookup (const struct jm *jm, uint64_t id)
{
    return table_get_u64 (&jm->jobs, id);
}

int jm_add_job (struct jm *jm, struct job *job, struct jview queue)
{
    int r = table_put_u64 (&jm->jobs, job->id, job);

    if (r < 0)
        return r;
    if ((r = spans_enter (&jm->spans, job)) < 0
        || (r = jm_queue_join (jm, job, queue)) < 0) {
        spans_leave (&jm->spans, job);
        table_del_u64 (&jm->jobs, job->id);
        return r;
    }
    job->serial = ++jm->serial;
    list_append (&jm->active, &job->active);
    jm->nactive++;
    return 0;
}

static size_t packed_size (const struct job *job)
{
    return job->packed ? sizeof (*job->packed) + job->packed->size : 0;
}

int jm_add_inactive (struct jm *jm, struct job *job)
{
    int r = table_put_u64 (&jm->jobs, job->id, job);

    if (r < 0)
        return r;
    if ((r = spans_enter (&jm->spans, job)) < 0) {
        table_del_u64 (&jm->jobs, job->id);
        return r;
    }
    if (job->id > jm->max_jobid)
        jm->max_jobid = job->id;
    if (job->flags & JOB_WAITABLE)
        jm->nwaitable++;
    job->serial = ++jm->serial;
    treap_insert (&jm->inactive, &job->order);
    jm->packed_bytes += packed_size (job);
    JM_HOOK (jm, ended, job);
    jm_wait_ended (jm, job);
    return 0;
}

void jm_leave_sets (struct jm *jm, struct job *job)
{
    if (!treap_linked (&job->order))
        return;
    if (job->state == STATE_INACTIVE)
        treap_remove (&jm->inactive, &job->order);
    else if (job->alloc == ALLOC_WAITING)
        treap_remove (&job->queue->waiting, &job->order);
    else if (job->alloc == ALLOC_SENT)
        treap_remove (&jm->sent, &job->order);
    else
        treap_remove (&jm->canceling, &job->order);
}

void jm_pack (struct jm *jm, struct job *job)
{
    jm->packed_bytes -= packed_size (job);
    job_pack (job, jm->packer, &jm->pool);
    jm->packed_bytes += packed_size (job);
}

void jm_drop_job (struct jm *jm, struct job *job)
{
    if (table_get_u64 (&jm->jobs, job->id) == job)
        table_del_u64 (&jm->jobs, job->id);
    jm_leave_sets (jm, job);
    jm_depend_drop (jm, job);
    jm_queue_leave (jm, job);
    batch_forget (&jm->batch, job);
    spans_leave (&jm->spans, job);
    list_del (&job->active);
    list_del (&job->running);
    list_del (&job->later);
    jm->packed_bytes -= packed_size (job);
    job_free (job, &jm->pool);
}

/* ---- looking around ---------------------------------------------------------------- */

void jm_count (const struct jm *jm, struct jm_counts *counts)
{
    *counts = (struct jm_counts){
        .active = jm->nactive,
        .inactive = treap_count (&jm->inactive),
        .running = jm->nrunning,
        .waiting = jm_alloc_count_waiting (jm),
        .sent = treap_count (&jm->sent) + treap_count (&jm->canceling),
        .waitable = jm->nwaitable,
        .max_jobid = jm->max_jobid,
        .journal_events = jm->journal.events,
        .journal_consumers = journal_count (&jm->journal),
        .text_bytes = jm->pool.bytes,
        .record_bytes = table_count (&jm->jobs) * sizeof (struct job),
        .packed_bytes = jm->packed_bytes,
    };
}

static struct list *next_in_list (const struct list *head, const struct list *node)
{
    struct list *n = node ? node->next : head->next;
    return n == head ? NULL : n;
}

struct job *jm_next_active (const struct jm *jm, const struct job *job)
{
    struct list *n = next_in_list (&jm->active, job ? &job->active : NULL);
    return n ? container_of (n, struct job, active) : NULL;
}

struct job *jm_next_zombie (const struct jm *jm, const struct job *job)
{
    struct list *n = next_in_list (&jm->zombies, job ? &job->active : NULL);
    return n ? container_of (n, struct job, active) : NULL;
}

struct job *jm_next_running (const struct jm *jm, const struct job *job)
{
    struct list *n = next_in_list (&jm->running, job ? &job->running : NULL);
    return n ? container_of (n, struct job, running) : NULL;
}

static struct job *next_in_order (const struct treap *t, const struct job *job)
{
    struct treap_node *n = job ? treap_next (&job->order) : treap_first (t);
    return n ? container_of (n, struct job, order) : NULL;
}

struct job *jm_next_inactive (const struct jm *jm, const struct job *job)
{
    return next_in_order (&jm->inactive, job);
}

static struct job *first_active (const struct jm *jm)
{
    return list_first (&jm->active, struct job, active);
}

static struct job *active_after (const struct jm *jm, const struct job *job)
{
    return job->active.next == &jm->active
               ? NULL
               : list_entry (job->active.next, struct job, active);
}

void jm_walk_begin (struct jm *jm, struct jm_walk *w)
{
    list_init (&w->node);
    list_append (&jm->walks, &w->node);
    w->next = first_active (jm);
    w->last = jm->serial;
}

struct job *jm_walk_next (struct jm *jm, struct jm_walk *w)
{
    struct job *job = w->next;

    if (!job || job->serial > w->last)
        return NULL;
    w->next = active_after (jm, job);
    return job;
}

void jm_walk_end (struct jm_walk *w)
{
    list_del (&w->node);
}

void jm_walks_skip (struct jm *jm, const struct job *job)
{
    struct jm_walk *w = NULL;

    list_foreach (&jm->walks, w, node) {
        if (w->next == job)
            w->next = active_after (jm, job);
    }
}
