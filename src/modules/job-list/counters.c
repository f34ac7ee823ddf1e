/* How many jobs there are of each kind, in all and by queue. */

#include "config.h"

#include "common/util.h"

#include "engine_private.h"

static uint64_t *state_counter (struct counters *c, int state)
{
    switch (state) {
        case STATE_DEPEND:
            return &c->depend;
        case STATE_PRIORITY:
            return &c->priority;
        case STATE_SCHED:
            return &c->sched;
        case STATE_RUN:
            return &c->run;
        case STATE_CLEANUP:
            return &c->cleanup;
        case STATE_INACTIVE:
            return &c->inactive;
    }
    return NULL;
}

static uint64_t *outcome_counter (struct counters *c, const struct record *rec)
{
    if (rec->success)
        return &c->successful;
    if (rec->exception_type && strcmp (rec->exception_type->s, "cancel") == 0)
        return &c->canceled;
    if (rec->exception_type && strcmp (rec->exception_type->s, "timeout") == 0)
        return &c->timeout;
    return &c->failed;
}

static void count (struct counters *c, const struct record *rec, int by)
{
    uint64_t *n = state_counter (c, rec->state);

    if (!n)
        return;
    *n += by;
    if (rec->state == STATE_INACTIVE)
        *outcome_counter (c, rec) += by;
}

static void count_everywhere (struct jl *jl, const struct record *rec, int by)
{
    if (rec->state == STATE_NEW)
        return;
    count (&jl->counters, rec, by);
    if (rec->queue)
        count (&rec->queue->counters, rec, by);
    jl->changes++;
}

void jl_count_out (struct jl *jl, const struct record *rec)
{
    count_everywhere (jl, rec, -1);
}

void jl_count_in (struct jl *jl, const struct record *rec)
{
    count_everywhere (jl, rec, 1);
}

/* ---- queues -------------------------------------------------------------------- */

static struct queue_stats *get_queue (struct jl *jl, const char *name, size_t len)
{
    struct queue_stats *q = table_get (&jl->queues, name, len);

    if (q)
        return q;
    if (!(q = calloc (1, sizeof (*q))))
        return NULL;
    list_init (&q->node);
    if (!(q->name = intern_get (&jl->pool, name, len))
        || table_put (&jl->queues, q->name->s, len, q) < 0) {
        intern_put (&jl->pool, q->name);
        free (q);
        return NULL;
    }
    list_append (&jl->queue_list, &q->node);
    return q;
}

void jl_queues_fini (struct jl *jl)
{
    struct queue_stats *q = NULL;

    list_foreach (&jl->queue_list, q, node) {
        table_del (&jl->queues, q->name->s, q->name->len);
        intern_put (&jl->pool, q->name);
        intern_put (&jl->pool, q->parent);
        free (q);
    }
    table_fini (&jl->queues);
}

int jl_queue_assign (struct jl *jl, struct record *rec)
{
    struct queue_stats *q = NULL;

    if (rec->queue_name
        && !(q = get_queue (jl, rec->queue_name->s, rec->queue_name->len)))
        return -ENOMEM;
    if (q != rec->queue) {
        jl_count_out (jl, rec);
        rec->queue = q;
        jl_count_in (jl, rec);
    }
    return 0;
}

int jl_queue_configure (struct jl *jl, const char *name, const char *parent)
{
    struct queue_stats *q = get_queue (jl, name, strlen (name));
    struct itext *t = NULL;

    if (!q || (parent && !(t = intern_get (&jl->pool, parent, strlen (parent)))))
        return -ENOMEM;
    intern_set (&jl->pool, &q->parent, t);
    return 0;
}

void jl_queues_reset (struct jl *jl)
{
    struct queue_stats *q = NULL;

    list_foreach (&jl->queue_list, q, node)
        intern_set (&jl->pool, &q->parent, NULL);
}

/* ---- as text --------------------------------------------------------------------- */

static void put_counter (struct text *t, const char *key, uint64_t n)
{
    text_puts (t, key);
    text_put_uint (t, n);
}

static void put_counters (struct text *t, const struct counters *c)
{
    put_counter (t, "\"job_states\":{\"depend\":", c->depend);
    put_counter (t, ",\"priority\":", c->priority);
    put_counter (t, ",\"sched\":", c->sched);
    put_counter (t, ",\"run\":", c->run);
    put_counter (t, ",\"cleanup\":", c->cleanup);
    put_counter (t, ",\"inactive\":", c->inactive);
    put_counter (t, ",\"total\":",
                 c->depend + c->priority + c->sched + c->run + c->cleanup + c->inactive);
    put_counter (t, "},\"successful\":", c->successful);
    put_counter (t, ",\"failed\":", c->failed);
    put_counter (t, ",\"canceled\":", c->canceled);
    put_counter (t, ",\"timeout\":", c->timeout);
    put_counter (t, ",\"inactive_purged\":", c->purged);
}

void jl_put_stats (const struct jl *jl, struct text *t)
{
    struct queue_stats *q = NULL;
    bool first = true;

    text_putc (t, '{');
    put_counters (t, &jl->counters);
    text_puts (t, ",\"queues\":[");
    list_foreach (&jl->queue_list, q, node) {
        text_puts (t, first ? "{\"name\":" : ",{\"name\":");
        first = false;
        text_put_json_string (t, q->name->s, q->name->len);
        text_putc (t, ',');
        put_counters (t, &q->counters);
        text_putc (t, '}');
    }
    text_puts (t, "]}");
}
