/* turns.c - who must wait for a guest-end.
 *
 * job-exec tells the end of a job when it has sent a guest-end; then the job-manager commits
 * that end, and people look at what the job wrote.  Mostly the guest-end has been carried
 * out by then.  But if content must be asked first, for a directory that the job has not
 * touched for a while, what comes behind it waits here for its turn: commits to the
 * primary namespace, the link of a guest-begin, other grafts, and who looks at what is now.  So
 * whoever sent two of these, or one because of the other, finds the first when
 * the second is done.
 *
 * What waits is behind guest-ends that came before it, and no others.  Bound: what clients
 * send without waiting for an answer, as in the queue of a namespace.
 */

#include "config.h"
#include <errno.h>

#include "service.h"

/* A message that is looked at again. */
struct later {
    struct turn turn;
    struct service *s;
    const flux_msg_t *msg;
    flux_msg_handler_f cb;
};

void turn_queue (struct service *s, struct turn *t)
{
    list_append (&s->turns, &t->link);
}

static void later_go (struct turn *t)
{
    struct later *l = container_of (t, struct later, turn);

    l->cb (l->s->h, NULL, l->msg, l->s);
    flux_msg_decref (l->msg);
    free (l);
}

bool turn_wait (struct service *s, const flux_msg_t *msg, flux_msg_handler_f cb)
{
    struct later *l;

    if (s->in_turn || list_empty (&s->turns))
        return false;
    if (!(l = calloc (1, sizeof (*l)))) {
        respond_error (s, msg, ENOMEM, NULL);
        return true;
    }
    *l = (struct later){ .turn = { .ready = true, .go = later_go }, .s = s, .cb = cb };
    l->msg = flux_msg_incref (msg);
    turn_queue (s, &l->turn);
    return true;
}

static void turns_take (struct service *s, bool all)
{
    struct turn *t;

    if (s->in_turn) /* whoever is at it goes on */
        return;
    s->in_turn = true;
    while ((t = list_first (&s->turns, struct turn, link)) && (t->ready || all)) {
        list_del (&t->link);
        t->go (t);
    }
    s->in_turn = false;
}

void turns_go (struct service *s)
{
    turns_take (s, false);
}

/* A guest whose namespace does not have its last content is put into its place without. */
void turns_hurry (struct service *s)
{
    turns_take (s, true);
    kvs_engine_hurry (s->e);
    service_run (s);
}
