#include "config.h"

#include "common/util.h"

#include "batch.h"
#include "job.h"

struct other_item {
    struct batch_item item;
    uint64_t id;
    void *token;
    const char *key; /* in text */
    const char *data;
    size_t len;
    char text[];
};

void batch_init (struct batch *b)
{
    *b = (struct batch){ .busy = false };
    list_init (&b->gathering);
    list_init (&b->inflight);
}

static void drop_all (struct list *items)
{
    struct batch_item *item;

    while ((item = list_first (items, struct batch_item, node))) {
        list_del (&item->node);
        if (item->kind != BATCH_APPEND)
            free (container_of (item, struct other_item, item));
    }
}

void batch_fini (struct batch *b)
{
    drop_all (&b->gathering);
    drop_all (&b->inflight);
}

void batch_item_init (struct batch_item *item, enum batch_kind kind)
{
    list_init (&item->node);
    item->kind = kind;
}

void batch_append (struct batch *b, struct job *job)
{
    if (!list_linked (&job->item.node))
        list_append (&b->gathering, &job->item.node);
}

void batch_forget (struct batch *b, struct job *job)
{
    list_del (&job->item.node);
}

static struct other_item *add (struct batch *b, enum batch_kind kind, size_t room)
{
    struct other_item *o = malloc (sizeof (*o) + room);

    if (!o)
        return NULL;
    *o = (struct other_item){ .id = 0 };
    batch_item_init (&o->item, kind);
    list_append (&b->gathering, &o->item.node);
    return o;
}

int batch_unlink (struct batch *b, uint64_t id)
{
    struct other_item *o = add (b, BATCH_UNLINK, 0);

    if (!o)
        return -ENOMEM;
    o->id = id;
    return 0;
}

int batch_put (struct batch *b, const char *key, const char *data, size_t len)
{
    size_t keysize = strlen (key) + 1;
    struct other_item *o = add (b, BATCH_PUT, keysize + len);

    if (!o)
        return -ENOMEM;
    memcpy (o->text, key, keysize);
    memcpy (o->text + keysize, data, len);
    o->key = o->text;
    o->data = o->text + keysize;
    o->len = len;
    return 0;
}

int batch_token (struct batch *b, void *token)
{
    struct other_item *o = add (b, BATCH_TOKEN, 0);

    if (!o)
        return -ENOMEM;
    o->token = token;
    return 0;
}

static void begin_append (struct batch *b, struct job *job, struct batch_op *op)
{
    op->id = job->id;
    op->job = job;
    op->data = job->log + job->flushed;
    op->len = job->loglen - job->flushed;
    job->flushed = job->loglen;
    list_del (&job->item.node);
    if (job->held)
        list_append (&b->inflight, &job->item.node);
}

static void begin_other (struct other_item *o, struct batch_op *op)
{
    op->id = o->id;
    op->key = o->key;
    op->data = o->data;
    op->len = o->len;
    list_del (&o->item.node);
}

size_t batch_begin (struct batch *b,
                    void (*op_cb) (const struct batch_op *op, void *arg),
                    void *arg)
{
    struct batch_item *item;
    size_t ops = 0, bytes = 0;

    must (!b->busy);
    b->busy = true;
    while ((item = list_first (&b->gathering, struct batch_item, node))
           && ops < BATCH_MAX_OPS && bytes < BATCH_MAX_BYTES) {
        struct batch_op op = { .kind = item->kind };
        struct other_item *o = NULL;

        if (item->kind == BATCH_TOKEN) {
            list_del (&item->node);
            list_append (&b->inflight, &item->node);
            continue;
        }
        if (item->kind == BATCH_APPEND)
            begin_append (b, container_of (item, struct job, item), &op);
        else
            begin_other (o = container_of (item, struct other_item, item), &op);
        op_cb (&op, arg);
        ops++;
        bytes += op.len;
        free (o);
    }
    return ops;
}

void batch_end (struct batch *b,
                void (*released) (struct job *job, void *arg),
                void (*token) (void *token, void *arg),
                void *arg)
{
    struct list done;
    struct list tokens;
    struct batch_item *item;

    must (b->busy);
    b->busy = false;
    list_init (&done);
    list_init (&tokens);
    list_splice (&done, &b->inflight);
    while ((item = list_first (&done, struct batch_item, node))) {
        list_del (&item->node);
        if (item->kind == BATCH_APPEND)
            released (container_of (item, struct job, item), arg);
        else
            list_append (&tokens, &item->node);
    }
    while ((item = list_first (&tokens, struct batch_item, node))) {
        struct other_item *o = container_of (item, struct other_item, item);

        list_del (&item->node);
        token (o->token, arg);
        free (o);
    }
}

static void
drop_tokens (struct list *items, void (*drop) (void *token, void *arg), void *arg)
{
    struct batch_item *item = NULL;

    list_foreach (items, item, node) {
        struct other_item *o;

        if (item->kind != BATCH_TOKEN)
            continue;
        o = container_of (item, struct other_item, item);
        list_del (&item->node);
        drop (o->token, arg);
        free (o);
    }
}

void batch_drop_tokens (struct batch *b, void (*drop) (void *token, void *arg), void *arg)
{
    drop_tokens (&b->inflight, drop, arg);
    drop_tokens (&b->gathering, drop, arg);
}
