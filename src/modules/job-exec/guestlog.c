#include "config.h"
#include <stdio.h>

#include "common/kvsops.h"
#include "common/util.h"
#include "guestlog.h"

static const char *const keys[GUESTLOG_KEYS] = {
    [GUESTLOG_EXEC] = "exec.eventlog",
    [GUESTLOG_OUTPUT] = "output",
    [GUESTLOG_INPUT] = "input",
};

void guestlog_init (struct guestlog *g)
{
    *g = (struct guestlog){ 0 };
}

void guestlog_fini (struct guestlog *g)
{
    for (int i = 0; i < GUESTLOG_KEYS; i++)
        text_fini (&g->pending[i]);
}

void guestlog_close (struct guestlog *g)
{
    g->closed = true;
}

static struct guestlog_store *oldest (struct guestlog *g)
{
    return &g->stores[g->first];
}

static void drop_oldest (struct guestlog *g)
{
    g->first = (g->first + 1) % GUESTLOG_STORES;
    g->nstores--;
}

char *guestlog_next_store (struct guestlog *g, size_t *len, unsigned int *slot)
{
    struct text *t = &g->pending[GUESTLOG_OUTPUT];
    struct guestlog_store *s;
    char *data;

    if (t->len < GUESTLOG_BIG || g->nstores == GUESTLOG_STORES)
        return NULL;
    if (!(data = text_take (t, len)))
        return NULL;
    *slot = (g->first + g->nstores++) % GUESTLOG_STORES;
    s = &g->stores[*slot];
    *s = (struct guestlog_store){ .len = *len };
    g->unacked += *len;
    return data;
}

void guestlog_stored (struct guestlog *g, unsigned int slot, const char *blobref)
{
    struct guestlog_store *s = &g->stores[slot];

    must (!s->done && strlen (blobref) < sizeof (s->ref));
    strcpy (s->ref, blobref);
    s->done = true;
}

void guestlog_store_failed (struct guestlog *g, unsigned int slot)
{
    struct guestlog_store *s = &g->stores[slot];

    must (!s->done);
    s->ref[0] = '\0';
    s->done = true;
}

/* Append a log's pending text, if there is any. */
static void put_pending (struct guestlog *g, struct kvsops *ops, enum guestlog_key key)
{
    struct text *t = &g->pending[key];

    if (t->len > 0)
        kvsops_append (ops, keys[key], t->buf, t->len);
    text_clear (t);
}

char *guestlog_next_commit (struct guestlog *g, const char *ns, size_t *ret)
{
    struct kvsops ops = KVSOPS_INIT;
    size_t len = 0;
    char *payload;

    if (g->ncommits >= (g->closed ? 2 : 1))
        return NULL;
    /* Once closed, what is left leaves together. */
    if (g->closed) {
        for (unsigned int i = 0; i < g->nstores; i++) {
            if (!g->stores[(g->first + i) % GUESTLOG_STORES].done)
                return NULL;
        }
    }
    while (g->nstores > 0 && oldest (g)->done) {
        struct guestlog_store *s = oldest (g);

        if (s->ref[0])
            kvsops_append_ref (&ops, keys[GUESTLOG_OUTPUT], s->ref);
        len += s->len;
        drop_oldest (g);
    }
    /* Much of it gathered while all stores were in use: it goes as one, next. */
    if (g->nstores == 0
        && (g->pending[GUESTLOG_OUTPUT].len < GUESTLOG_BIG || g->closed
            || kvsops_empty (&ops))) {
        size_t n = g->pending[GUESTLOG_OUTPUT].len;

        put_pending (g, &ops, GUESTLOG_OUTPUT);
        len += n;
        g->unacked += n;
    }
    put_pending (g, &ops, GUESTLOG_INPUT);
    put_pending (g, &ops, GUESTLOG_EXEC);
    if (kvsops_empty (&ops)) {
        g->unacked -= len;
        kvsops_fini (&ops);
        return NULL;
    }
    if (!(payload = kvsops_finish (&ops, ns, 0))) {
        g->unacked -= len;
        return NULL;
    }
    g->ncommits++;
    *ret = len;
    return payload;
}

void guestlog_committed (struct guestlog *g, size_t len)
{
    must (g->ncommits > 0 && g->unacked >= len);
    g->ncommits--;
    g->unacked -= len;
}

static size_t waiting (const struct guestlog *g)
{
    return g->unacked + g->pending[GUESTLOG_OUTPUT].len;
}

bool guestlog_full (const struct guestlog *g)
{
    return waiting (g) >= GUESTLOG_FULL;
}

bool guestlog_has_room (const struct guestlog *g)
{
    return waiting (g) < GUESTLOG_FULL / 2;
}

bool guestlog_small_output (const struct guestlog *g)
{
    size_t len = g->pending[GUESTLOG_OUTPUT].len;

    return len > 0 && len < GUESTLOG_BATCH && g->pending[GUESTLOG_EXEC].len == 0
           && g->pending[GUESTLOG_INPUT].len == 0;
}

bool guestlog_quiet (const struct guestlog *g)
{
    return g->nstores == 0 && g->ncommits == 0;
}

bool guestlog_only_events (const struct guestlog *g)
{
    return g->pending[GUESTLOG_EXEC].len > 0 && g->pending[GUESTLOG_OUTPUT].len == 0
           && g->pending[GUESTLOG_INPUT].len == 0 && g->nstores == 0
           && g->ncommits == 0;
}

bool guestlog_idle (const struct guestlog *g)
{
    for (int i = 0; i < GUESTLOG_KEYS; i++) {
        if (g->pending[i].len > 0)
            return false;
    }
    return g->nstores == 0 && g->ncommits == 0;
}
