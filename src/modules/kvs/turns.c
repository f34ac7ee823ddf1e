/* turns.c - changes of the primary namespace in the order in which they came.
 *
 * job-exec tells the end of a job when it has sent a guest-end, and the job-manager
 * commits that end.  A guest-end that content must have something of first comes to the
 * primary namespace later: then what came behind it waits here for its turn, be it a
 * commit, the link of a guest-begin or another graft, so that who sent two of these, or
 * one because of the other, finds the first when the second is published.
 *
 * Mostly nothing waits, and nothing is put here.  A commit that waits is behind guest-ends
 * that were there before it, and no others.  Bound: what clients send without waiting for an
 * answer, as in the queue of a namespace.
 */

#include "config.h"

#include "service.h"

void turn_queue (struct service *s, struct turn *t)
{
    list_append (&s->turns, &t->link);
}

void turns_go (struct service *s)
{
    struct turn *t;

    while ((t = list_first (&s->turns, struct turn, link)) && t->ready) {
        list_del (&t->link);
        t->go (t);
    }
}

/* A guest whose namespace does not have its last content is put into its place without. */
void turns_hurry (struct service *s)
{
    struct turn *t;

    while ((t = list_first (&s->turns, struct turn, link))) {
        list_del (&t->link);
        t->go (t);
    }
    kvs_engine_hurry (s->e);
    service_run (s);
}
