#include "config.h"
#include <stdio.h>

#include "modules/job-list/engine.h"

#include "index.h"

struct index {
    struct jl *jl;
    bool ready; /* it has had the sentinel */
};

static void waited (void *token, const struct record *rec, void *arg)
{
}

static void logged (int level, const char *message, void *arg)
{
}

static const struct jl_sink sink = { waited, logged };

struct index *index_new (void)
{
    struct index *x = calloc (1, sizeof (*x));

    x->jl = jl_create (&sink, x);
    return x;
}

void index_free (struct index *x)
{
    if (x) {
        jl_destroy (x->jl);
        free (x);
    }
}

int index_message (struct index *x, const char *payload, size_t len)
{
    const char *why;
    bool sentinel = false;
    int r = jl_message (x->jl, payload, len, &sentinel, &why);

    x->ready = x->ready || sentinel;
    return r;
}

void index_purge (struct index *x, uint64_t id)
{
    if (x && !jl_purge (x->jl, id) && !x->ready)
        jl_purge_at_end (x->jl, id);
}

bool index_knows (struct index *x, uint64_t id)
{
    return jl_lookup (x->jl, id) != NULL;
}

bool index_agrees (struct index *x, uint64_t id, int state, int urgency, int64_t priority)
{
    struct record *rec = jl_lookup (x->jl, id);

    if (!rec || (state != STATE_NEW && rec->state != state) || rec->urgency != urgency)
        return false;
    return state != STATE_SCHED || rec->priority == priority;
}

static bool in_order (const struct treap *t)
{
    struct treap_node *n, *next;
    size_t count = 0;

    for (n = treap_first (t); n; n = next) {
        count++;
        if ((next = treap_next (n)) && t->cmp (n, next) >= 0)
            return false;
    }
    return count == treap_count (t);
}

bool index_is_sound (struct index *x)
{
    struct counters c = { .depend = 0 };
    struct record *rec;
    size_t pos = 0;

    for (int list = 0; list < LIST_COUNT; list++) {
        if (!in_order (&x->jl->lists[list]))
            return false;
    }
    while ((rec = table_next (&x->jl->jobs, &pos))) {
        if (treap_linked (&rec->order) != (rec->state != STATE_NEW))
            return false;
        c.depend += rec->state == STATE_DEPEND;
        c.priority += rec->state == STATE_PRIORITY;
        c.sched += rec->state == STATE_SCHED;
        c.run += rec->state == STATE_RUN;
        c.cleanup += rec->state == STATE_CLEANUP;
        c.inactive += rec->state == STATE_INACTIVE;
        c.successful += rec->state == STATE_INACTIVE && rec->result == RESULT_COMPLETED;
    }
    return c.depend == x->jl->counters.depend && c.priority == x->jl->counters.priority
           && c.sched == x->jl->counters.sched && c.run == x->jl->counters.run
           && c.cleanup == x->jl->counters.cleanup
           && c.inactive == x->jl->counters.inactive
           && c.successful == x->jl->counters.successful;
}
