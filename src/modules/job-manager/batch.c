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
    *b = (struct batch){ .begun = 0 };
    list_init (&b->gathering);
    list_init (&b->sent);
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
    drop_all (&b->sent);
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
    o->key = o->text;
    if (data) {
        memcpy (o->text + keysize, data, len);
        o->data = o->text + keysize;
        o->len = len;
    }
    return 0;
}

int batch_R (struct batch *b, uint64_t id, const char *data, size_t len)
{
    struct other_item *o = add (b, BATCH_R, len);

    if (!o)
        return -ENOMEM;
    memcpy (o->text, data, len);
    o->id = id;
    o->data = o->text;
    o->len = len;
    b->nR++;
    return 0;
}

int batch_token (struct batch *b, void *token)
{
    struct other_item *o = add (b, BATCH_TOKEN, 0);

    if (!o)
        return -ENOMEM;
    o->token = token;
    b->ntokens++;
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
    if (job->held) {
        b->awaited = job->item.number = b->begun;
        list_append (&b->inflight, &job->item.node);
    }
}

static void begin_other (struct batch *b, struct other_item *o, struct batch_op *op)
{
    op->id = o->id;
    op->key = o->key;
    op->data = o->data;
    op->len = o->len;
    list_del (&o->item.node);
    if (o->item.kind == BATCH_R) {
        list_append (&b->sent, &o->item.node);
        b->nR--;
    }
}

static void begin_token (struct batch *b, struct batch_item *item)
{
    list_del (&item->node);
    b->awaited = item->number = b->begun;
    list_append (&b->inflight, &item->node);
    b->ntokens--;
}

size_t batch_begin (struct batch *b,
                    void (*op_cb) (const struct batch_op *op, void *arg),
                    void *arg)
{
    struct batch_item *item;
    size_t ops = 0, bytes = 0;
    bool R = b->nR > 0;

    must (b->begun - b->ended < BATCH_INFLIGHT_MAX && list_empty (&b->sent));
    b->begun++;
    while ((item = list_first (&b->gathering, struct batch_item, node))
           && ops < BATCH_MAX_OPS && bytes < BATCH_MAX_BYTES) {
        struct batch_op op = { .kind = item->kind };
        struct other_item *o = NULL;

        if (item->kind == BATCH_TOKEN) {
            begin_token (b, item);
            continue;
        }
        if (item->kind == BATCH_APPEND)
            begin_append (b, container_of (item, struct job, item), &op);
        else
            begin_other (b, o = container_of (item, struct other_item, item), &op);
        op_cb (&op, arg);
        ops++;
        bytes += op.len;
        if (item->kind != BATCH_R)
            free (o);
    }
    /* Who follows the log of a job waits for its events; and few should be late. */
    if (!R || b->begun - b->ended > BATCH_INFLIGHT_MAX / 2)
        b->awaited = b->begun;
    return ops;
}

void batch_sent (struct batch *b, void (*R) (uint64_t id, void *arg), void *arg)
{
    struct list sent;
    struct other_item *o;

    list_init (&sent);
    list_splice (&sent, &b->sent);
    while ((o = list_first (&sent, struct other_item, item.node))) {
        list_del (&o->item.node);
        R (o->id, arg);
        free (o);
    }
}

void batch_end (struct batch *b,
                void (*released) (struct job *job, void *arg),
                void (*token) (void *token, void *arg),
                void *arg)
{
    struct list tokens;
    struct batch_item *item;

    must (b->begun != b->ended);
    b->ended++;
    list_init (&tokens);
    while ((item = list_first (&b->inflight, struct batch_item, node))
           && item->number == b->ended) {
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
