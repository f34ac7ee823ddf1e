/* Requests that cannot be served yet, in the order they came.
 *
 * Bound: WAITING_MAX of them in all; further ones get EAGAIN.
 */

#include "config.h"

#include "service.h"

#define WAITING_MAX 65536

struct waiting_request {
    struct list node;
    const flux_msg_t *msg;
    flux_msg_handler_f cb;
};

void waiting_add (struct service *s,
                  struct list *list,
                  const flux_msg_t *msg,
                  flux_msg_handler_f cb)
{
    struct waiting_request *w;

    if (s->nwaiting >= WAITING_MAX) {
        service_refuse (s, msg, EAGAIN, "too many requests are waiting");
        return;
    }
    if (!(w = calloc (1, sizeof (*w)))) {
        service_refuse (s, msg, ENOMEM, NULL);
        return;
    }
    list_init (&w->node);
    w->msg = flux_msg_incref (msg);
    w->cb = cb;
    list_append (list, &w->node);
    s->nwaiting++;
}

static void waiting_free (struct service *s, struct waiting_request *w)
{
    list_del (&w->node);
    flux_msg_decref (w->msg);
    free (w);
    s->nwaiting--;
}

/* One that has to wait again is behind those that are here now. */
void waiting_serve (struct service *s, struct list *list)
{
    struct waiting_request *w, *last = list_last (list, struct waiting_request, node);
    bool done = !last;

    while (!done && (w = list_first (list, struct waiting_request, node))) {
        done = w == last;
        w->cb (s->h, NULL, w->msg, s);
        waiting_free (s, w);
    }
}

void waiting_disconnect (struct service *s, struct list *list, const flux_msg_t *msg)
{
    struct waiting_request *w = NULL;

    list_foreach (list, w, node) {
        if (flux_disconnect_match (msg, w->msg))
            waiting_free (s, w);
    }
}

void waiting_fini (struct service *s, struct list *list)
{
    struct waiting_request *w = NULL;

    list_foreach (list, w, node) {
        service_refuse (s, w->msg, ENOSYS, "job-list is unloading");
        waiting_free (s, w);
    }
}
