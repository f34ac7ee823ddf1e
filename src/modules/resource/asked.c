/* A request waits for the answer to one of ours. */

#include "config.h"
#include <errno.h>
#include <stdlib.h>

#include "resource.h"

struct asked {
    struct list link; /* in r->asked */
    struct resource *r;
    flux_future_t *f;
    const flux_msg_t *msg;
    resource_answer_f answer;
};

static void asked_free (void *arg)
{
    struct asked *a = arg;

    list_del (&a->link);
    flux_msg_decref (a->msg);
    free_keep_errno (a);
}

static void continuation (flux_future_t *f, void *arg)
{
    struct asked *a = arg;

    a->answer (a->r, f, a->msg);
    flux_future_destroy (f);
}

int resource_ask (struct resource *r,
                  const flux_msg_t *msg,
                  flux_future_t *f,
                  resource_answer_f answer)
{
    struct asked *a = NULL;

    if (!f || !(a = calloc (1, sizeof (*a)))) {
        flux_future_destroy (f);
        return -1;
    }
    *a = (struct asked){ .r = r, .f = f, .answer = answer };
    a->msg = flux_msg_incref (msg);
    list_append (&r->asked, &a->link);
    if (flux_future_aux_set (f, NULL, a, asked_free) < 0) {
        asked_free (a);
        flux_future_destroy (f);
        return -1;
    }
    if (flux_future_then (f, -1., continuation, a) < 0) {
        flux_future_destroy (f);
        return -1;
    }
    return 0;
}

void resource_forget_asked (struct resource *r)
{
    struct asked *a;

    while ((a = list_first (&r->asked, struct asked, link)))
        flux_future_destroy (a->f);
}
