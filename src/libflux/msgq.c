#include "config.h"

#include "common/util.h"
#include "msgq.h"

static const flux_msg_t **slot (const struct msgq *q, size_t i)
{
    return &q->ring[(q->head + i) & (q->cap - 1)];
}

static int reserve (struct msgq *q)
{
    size_t cap = q->cap ? 2 * q->cap : 16;
    const flux_msg_t **ring;

    if (q->count < q->cap)
        return 0;
    if (!(ring = malloc (cap * sizeof (*ring))))
        return -ENOMEM;
    for (size_t i = 0; i < q->count; i++)
        ring[i] = *slot (q, i);
    free (q->ring);
    q->ring = ring;
    q->cap = cap;
    q->head = 0;
    return 0;
}

void msgq_fini (struct msgq *q)
{
    const flux_msg_t *msg;

    while ((msg = msgq_pop (q)))
        flux_msg_decref (msg);
    free_keep_errno (q->ring);
    *q = (struct msgq)MSGQ_INIT;
}

int msgq_append (struct msgq *q, const flux_msg_t *msg)
{
    if (reserve (q) < 0)
        return -ENOMEM;
    *slot (q, q->count) = flux_msg_incref (msg);
    q->count++;
    return 0;
}

int msgq_prepend (struct msgq *q, const flux_msg_t *msg)
{
    if (reserve (q) < 0)
        return -ENOMEM;
    q->head = (q->head - 1) & (q->cap - 1);
    *slot (q, 0) = flux_msg_incref (msg);
    q->count++;
    return 0;
}

const flux_msg_t *msgq_pop (struct msgq *q)
{
    const flux_msg_t *msg;

    if (q->count == 0)
        return NULL;
    msg = *slot (q, 0);
    q->head = (q->head + 1) & (q->cap - 1);
    q->count--;
    return msg;
}

const flux_msg_t *msgq_pop_match (struct msgq *q, const struct flux_match *match)
{
    for (size_t i = 0; i < q->count; i++) {
        const flux_msg_t *msg = *slot (q, i);

        if (!flux_msg_cmp (msg, *match))
            continue;
        /* Those before it move up by one. */
        for (; i > 0; i--)
            *slot (q, i) = *slot (q, i - 1);
        *slot (q, 0) = msg;
        return msgq_pop (q);
    }
    return NULL;
}
