#include "config.h"
#include <stdio.h>
#include <stdarg.h>
#include <syslog.h>

#include "common/util.h"

#include "engine.h"
#include "engine_private.h"

/* ---- order ------------------------------------------------------------------- */

static const struct record *rec_of (const struct treap_node *n)
{
    return container_of (n, struct record, order);
}

static int by_id (const struct record *a, const struct record *b)
{
    return a->id < b->id ? -1 : a->id > b->id;
}

static int pending_order (const struct treap_node *na, const struct treap_node *nb)
{
    const struct record *a = rec_of (na), *b = rec_of (nb);

    if (a->priority != b->priority)
        return a->priority > b->priority ? -1 : 1;
    return by_id (a, b);
}

static int running_order (const struct treap_node *na, const struct treap_node *nb)
{
    const struct record *a = rec_of (na), *b = rec_of (nb);

    if (a->t_run != b->t_run)
        return a->t_run > b->t_run ? -1 : 1;
    return by_id (a, b);
}

static int inactive_order (const struct treap_node *na, const struct treap_node *nb)
{
    const struct record *a = rec_of (na), *b = rec_of (nb);

    if (a->t_inactive != b->t_inactive)
        return a->t_inactive > b->t_inactive ? -1 : 1;
    return -by_id (a, b);
}

/* The list a state belongs to; LIST_COUNT: none. */
static enum list_id list_of (int state)
{
    if (state & STATE_PENDING)
        return LIST_PENDING;
    if (state & STATE_RUNNING)
        return LIST_RUNNING;
    return state == STATE_INACTIVE ? LIST_INACTIVE : LIST_COUNT;
}

struct record *jl_first (const struct jl *jl, enum list_id list)
{
    struct treap_node *n = treap_first (&jl->lists[list]);
    return n ? container_of (n, struct record, order) : NULL;
}

struct record *jl_next (const struct record *rec)
{
    struct treap_node *n = treap_next (&rec->order);
    return n ? container_of (n, struct record, order) : NULL;
}

/* ---- life ---------------------------------------------------------------------- */

struct jl *jl_create (const struct jl_sink *sink, void *arg)
{
    struct jl *jl = calloc (1, sizeof (*jl));

    if (!jl)
        return NULL;
    jl->sink = sink;
    jl->arg = arg;
    table_init (&jl->jobs);
    table_init (&jl->waits);
    table_init (&jl->queues);
    list_init (&jl->queue_list);
    list_init (&jl->wait_lists);
    intern_init (&jl->pool);
    treap_init (&jl->lists[LIST_PENDING], pending_order);
    treap_init (&jl->lists[LIST_RUNNING], running_order);
    treap_init (&jl->lists[LIST_INACTIVE], inactive_order);
    return jl;
}

void jl_destroy (struct jl *jl)
{
    struct record *rec;

    if (!jl)
        return;
    jl_waits_fini (jl);
    while ((rec = table_pop (&jl->jobs))) {
        treap_node_init (&rec->order);
        record_free (rec, &jl->pool);
    }
    jl_queues_fini (jl);
    table_fini (&jl->jobs);
    table_fini (&jl->waits);
    intern_fini (&jl->pool);
    free (jl);
}

void jl_log (struct jl *jl, int level, const char *fmt, ...)
{
    char buf[512];
    va_list ap;

    va_start (ap, fmt);
    vsnprintf (buf, sizeof (buf), fmt, ap);
    va_end (ap);
    jl->sink->log (level, buf, jl->arg);
}

static size_t table_bytes (const struct table *t)
{
    return t->slots ? (t->mask + 1) * sizeof (t->slots[0]) : 0;
}

size_t jl_record_bytes (const struct jl *jl)
{
    return table_count (&jl->jobs) * sizeof (struct record) + table_bytes (&jl->jobs);
}

size_t jl_text_bytes (const struct jl *jl)
{
    return jl->pool.bytes + table_count (&jl->pool.texts) * sizeof (struct itext)
           + table_bytes (&jl->pool.texts);
}

struct record *jl_lookup (const struct jl *jl, uint64_t id)
{
    return table_get_u64 (&jl->jobs, id);
}

/* ---- states ---------------------------------------------------------------------- */

static void unlist (struct jl *jl, struct record *rec)
{
    if (treap_linked (&rec->order))
        treap_remove (&jl->lists[list_of (rec->state)], &rec->order);
}

void jl_forget (struct jl *jl, struct record *rec)
{
    table_del_u64 (&jl->jobs, rec->id);
    unlist (jl, rec);
    record_free (rec, &jl->pool);
}

/* Move to another state: lists, counters, history. */
static void move_to (struct jl *jl, struct record *rec, enum job_state state)
{
    jl_count_out (jl, rec);
    unlist (jl, rec);
    rec->state = state;
    rec->history |= state;
    treap_insert (&jl->lists[list_of (state)], &rec->order);
    jl_count_in (jl, rec);
}

void jl_enter (struct jl *jl, struct record *rec, enum job_state state, double t)
{
    switch (state) {
        case STATE_DEPEND:
            rec->t_depend = t;
            break;
        case STATE_PRIORITY:
            if (rec->t_priority == 0.)
                rec->t_priority = t;
            break;
        case STATE_SCHED:
            if (rec->t_sched == 0.)
                rec->t_sched = t;
            break;
        case STATE_RUN:
            rec->t_run = t;
            break;
        case STATE_CLEANUP:
            rec->t_cleanup = t;
            break;
        case STATE_INACTIVE:
            rec->t_inactive = t;
            intern_set (&jl->pool, &rec->jobspec, NULL);
            break;
        default:
            never ("no job comes back to NEW");
    }
    move_to (jl, rec, state);
    jl_wake (jl, rec);
}

void jl_revert (struct jl *jl, struct record *rec, double t)
{
    if (rec->state != STATE_SCHED)
        return;
    jl_enter (jl, rec, STATE_PRIORITY, t);
    rec->history &= ~(STATE_SCHED | STATE_PRIORITY);
    rec->history |= STATE_PRIORITY;
}

void jl_set_priority (struct jl *jl, struct record *rec, int64_t priority)
{
    bool relist = treap_linked (&rec->order) && (rec->state & STATE_PENDING);

    if (relist)
        treap_remove (&jl->lists[LIST_PENDING], &rec->order);
    rec->priority = priority;
    if (relist)
        treap_insert (&jl->lists[LIST_PENDING], &rec->order);
}

bool jl_purge (struct jl *jl, uint64_t id)
{
    struct record *rec = jl_lookup (jl, id);

    if (!rec || rec->state != STATE_INACTIVE)
        return false;
    jl_count_out (jl, rec);
    jl->counters.purged++;
    if (rec->queue)
        rec->queue->counters.purged++;
    jl_forget (jl, rec);
    return true;
}

void jl_purge_at_end (struct jl *jl, uint64_t id)
{
    struct record *rec = jl_lookup (jl, id);

    if (rec)
        rec->purged = 1;
}
