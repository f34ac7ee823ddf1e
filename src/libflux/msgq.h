/* msgq.h - a double-ended queue of messages within one thread.
 *
 * Ownership: holds one reference to each message.
 * Bound: none of its own; the owner states it.
 */

#ifndef MILLRACE_LIBFLUX_MSGQ_H
#define MILLRACE_LIBFLUX_MSGQ_H

#include <flux/core/message.h>

struct msgq {
    const flux_msg_t **ring;
    size_t cap; /* 0 or a power of two */
    size_t head;
    size_t count;
};

#define MSGQ_INIT     \
    {                 \
        NULL, 0, 0, 0 \
    }

void msgq_fini (struct msgq *q);

static inline size_t msgq_count (const struct msgq *q)
{
    return q->count;
}

/* Take a reference and put it at either end.  Return 0 or -ENOMEM. */
int msgq_append (struct msgq *q, const flux_msg_t *msg);
int msgq_prepend (struct msgq *q, const flux_msg_t *msg);

/* Remove and return the first message (the caller owns the reference), NULL
 * if there is none; the first that matches, the others keep their order.
 */
const flux_msg_t *msgq_pop (struct msgq *q);
const flux_msg_t *msgq_pop_match (struct msgq *q, const struct flux_match *match);

#endif /* !MILLRACE_LIBFLUX_MSGQ_H */
