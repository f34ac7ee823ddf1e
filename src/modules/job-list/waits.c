/* Those who wait for a job to come, or to come into a state (list-id). */

#include "config.h"

#include "common/util.h"

#include "engine_private.h"

struct wait_list {
    struct list node; /* in jl->wait_lists */
    uint64_t id;
    struct list waits;
};

struct wait {
    struct list node;
    int states; /* 0: anything past NEW */
    void *token;
};

bool jl_satisfies (const struct record *rec, int states)
{
    if (rec->state == STATE_NEW)
        return false;
    return rec->state == STATE_INACTIVE || states == 0 || (rec->history & states);
}

/* Take an empty list of waiters out. */
static void tidy (struct jl *jl, struct wait_list *l)
{
    if (list_empty (&l->waits)) {
        table_del_u64 (&jl->waits, l->id);
        list_del (&l->node);
        free (l);
    }
}

static void wait_free (struct wait *w)
{
    list_del (&w->node);
    free (w);
}

static struct wait_list *get_list (struct jl *jl, uint64_t id)
{
    struct wait_list *l = table_get_u64 (&jl->waits, id);

    if (l || !(l = calloc (1, sizeof (*l))))
        return l;
    list_init (&l->node);
    list_init (&l->waits);
    l->id = id;
    if (table_put_u64 (&jl->waits, id, l) < 0) {
        free (l);
        return NULL;
    }
    list_append (&jl->wait_lists, &l->node);
    return l;
}

int jl_wait (struct jl *jl, uint64_t id, int states, void *token)
{
    struct wait_list *l = get_list (jl, id);
    struct wait *w = calloc (1, sizeof (*w));

    if (!w || !l) {
        free (w);
        if (l)
            tidy (jl, l);
        return -ENOMEM;
    }
    list_init (&w->node);
    w->states = states;
    w->token = token;
    list_append (&l->waits, &w->node);
    return 0;
}

void jl_wake (struct jl *jl, const struct record *rec)
{
    struct wait_list *l;
    struct wait *w = NULL;

    if (table_count (&jl->waits) == 0 || !(l = table_get_u64 (&jl->waits, rec->id)))
        return;
    list_foreach (&l->waits, w, node) {
        if (jl_satisfies (rec, w->states)) {
            void *token = w->token;

            wait_free (w);
            jl->sink->waited (token, rec, jl->arg);
        }
    }
    tidy (jl, l);
}

void jl_wake_gone (struct jl *jl, uint64_t id)
{
    struct wait_list *l = table_get_u64 (&jl->waits, id);
    struct wait *w = NULL;

    if (!l)
        return;
    list_foreach (&l->waits, w, node) {
        void *token = w->token;

        wait_free (w);
        jl->sink->waited (token, NULL, jl->arg);
    }
    tidy (jl, l);
}

static void
drop_from (struct wait_list *l, bool (*gone) (void *token, void *arg), void *arg)
{
    struct wait *w = NULL;

    list_foreach (&l->waits, w, node) {
        if (gone (w->token, arg))
            wait_free (w);
    }
}

void jl_wait_drop (struct jl *jl,
                   const uint64_t *id,
                   bool (*gone) (void *token, void *arg),
                   void *arg)
{
    struct wait_list *l = NULL;

    if (id) {
        if ((l = table_get_u64 (&jl->waits, *id))) {
            drop_from (l, gone, arg);
            tidy (jl, l);
        }
        return;
    }
    list_foreach (&jl->wait_lists, l, node) {
        drop_from (l, gone, arg);
        tidy (jl, l);
    }
}

size_t jl_wait_count (const struct jl *jl)
{
    return table_count (&jl->waits);
}

void jl_waits_fini (struct jl *jl)
{
    struct wait_list *l;
    struct wait *w = NULL;

    while ((l = table_pop (&jl->waits))) {
        list_foreach (&l->waits, w, node)
            wait_free (w);
        free (l);
    }
}
