/* Queues: who may submit, and what is offered to the scheduler. */

#include "config.h"

#include "engine_private.h"

const struct queue *jm_queue (const struct jm *jm)
{
    return &jm->queue;
}

/* *slot becomes the text, or NULL. */
static int set_reason (struct jm *jm, struct itext **slot, const char *reason)
{
    struct itext *new = NULL;

    if (reason && !(new = intern_get (&jm->pool, reason, strlen (reason))))
        return -ENOMEM;
    intern_set (&jm->pool, slot, new);
    return 0;
}

int jm_queue_enable (struct jm *jm, bool enable, const char *reason)
{
    int r;

    if (!enable && !reason)
        return -EINVAL;
    if ((r = set_reason (jm, &jm->queue.disable_reason, enable ? NULL : reason)) < 0)
        return r;
    jm->queue.enable = enable;
    return 0;
}

int jm_queue_start (struct jm *jm, bool start, const char *reason, bool nocheckpoint)
{
    struct job *job = NULL;
    int r;

    if ((r = set_reason (jm, &jm->queue.stop_reason, start ? NULL : reason)) < 0)
        return r;
    jm->queue.start = start;
    if (!nocheckpoint)
        jm->queue.sticky_start = start;
    if (!start) {
        jm_alloc_stop (jm, &jm->queue);
        return 0;
    }
    list_foreach (&jm->active, job, active)
        jm_alloc_enqueue (jm, job);
    return 0;
}
