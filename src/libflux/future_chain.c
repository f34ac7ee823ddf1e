/* future_chain.c - do this, and then that.
 *
 * A chain joins two futures: when prev is fulfilled the user's handler
 * decides what fulfills next: another future (a link of the chain), an error,
 * a value, or the result of prev itself.
 *
 * Ownership: next owns the chain (aux), the chain owns prev and the links.
 * The handler gets a reference on prev of its own, to destroy; if it resets
 * prev instead, to await another result, that reference is taken back.
 * Prev knows its chain while both live.
 */

#include "config.h"
#include <flux/core.h>

#include "common/util.h"
#include "future_private.h"

#define CHAIN_AUX "flux::chain"

struct handler {
    flux_continuation_f cb;
    void *arg;
};

struct chain {
    flux_future_t *prev;
    flux_future_t *next;
    struct handler and_then;
    struct handler or_then;
    struct list links;
    bool continued; /* the handler said what fulfills next */
};

struct link {
    struct list node;
    struct chain *chain;
    flux_future_t *f;
};

static void link_destroy (struct link *link)
{
    list_del (&link->node);
    future_clear_continuation (link->f);
    future_unref (link->f);
    free (link);
}

static void chain_destroy (void *arg)
{
    struct chain *chain = arg;
    struct link *link;
    int saved_errno = errno;

    while ((link = list_first (&chain->links, struct link, node)))
        link_destroy (link);
    if (chain->prev) {
        chain->prev->chain = NULL;
        future_clear_continuation (chain->prev);
        future_unref (chain->prev);
    }
    free (chain);
    errno = saved_errno;
}

/* Pass f's result on.  A value may be one of several: await the next. */
static void pass_on (flux_future_t *next, flux_future_t *f)
{
    future_pass (next, f);
    if (future_errnum (f) == 0)
        flux_future_reset (f);
}

static void link_cb (flux_future_t *f, void *arg)
{
    struct link *link = arg;

    pass_on (link->chain->next, f);
}

/* Await f in the context that next is in, for the first time or again. */
static void
await (struct chain *chain, flux_future_t *f, flux_continuation_f cb, void *arg)
{
    if (!chain->next->h && f->h)
        flux_future_set_flux (chain->next, f->h);
    future_bind (f, chain->next);
    if (f->cb == cb)
        future_start (f);
    else if (flux_future_then (f, -1., cb, arg) < 0)
        flux_future_fulfill_error (chain->next, errno, NULL);
}

static void call_handler (struct chain *chain, const struct handler *handler)
{
    flux_future_t *prev = chain->prev;
    unsigned int resets = prev->resets;

    future_ref (prev); /* the handler's */
    chain->continued = false;
    prev->lent = true;
    prev->lent_net = 0;
    handler->cb (prev, handler->arg);
    prev->lent = false;
    if (!chain->continued && flux_future_is_ready (prev) && prev->resets == resets)
        future_pass (chain->next, prev);
    if (prev->resets != resets && prev->lent_net >= 0)
        future_unref (prev);
}

static void prev_cb (flux_future_t *prev, void *arg)
{
    struct chain *chain = arg;
    flux_future_t *next = chain->next;
    const struct handler *handler;

    handler = flux_future_has_error (prev) ? &chain->or_then : &chain->and_then;
    future_ref (next); /* with it the chain, whatever the handler destroys */
    future_ref (prev);
    if (handler->cb)
        call_handler (chain, handler);
    else
        pass_on (next, prev);
    future_unref (prev);
    future_unref (next);
}

/* Take all that next waits for to the context that next is in. */
static void chain_init (flux_future_t *next, void *arg)
{
    struct chain *chain = arg;
    struct link *link;

    await (chain, chain->prev, prev_cb, chain);
    list_foreach (&chain->links, link, node)
        await (chain, link->f, link_cb, link);
}

static struct chain *chain_create (flux_future_t *prev)
{
    struct chain *chain;

    if (!(chain = calloc (1, sizeof (*chain))))
        return NULL;
    list_init (&chain->links);
    if (!(chain->next = flux_future_create (chain_init, chain))
        || flux_future_aux_set (chain->next, CHAIN_AUX, chain, chain_destroy) < 0) {
        flux_future_destroy (chain->next);
        free_keep_errno (chain);
        return NULL;
    }
    chain->next->rebind = true;
    chain->prev = prev;
    prev->chain = chain;
    flux_future_set_reactor (chain->next, prev->r);
    flux_future_set_flux (chain->next, prev->h);
    return chain;
}

static struct chain *chain_get (flux_future_t *prev, flux_continuation_f cb)
{
    if (!prev || !cb) {
        errno = EINVAL;
        return NULL;
    }
    return prev->chain ? prev->chain : chain_create (prev);
}

flux_future_t *flux_future_and_then (flux_future_t *f, flux_continuation_f cb, void *arg)
{
    struct chain *chain = chain_get (f, cb);

    if (!chain)
        return NULL;
    chain->and_then = (struct handler){ cb, arg };
    return chain->next;
}

flux_future_t *flux_future_or_then (flux_future_t *f, flux_continuation_f cb, void *arg)
{
    struct chain *chain = chain_get (f, cb);

    if (!chain)
        return NULL;
    chain->or_then = (struct handler){ cb, arg };
    return chain->next;
}

static struct chain *chain_of (flux_future_t *prev)
{
    if (!prev || !prev->chain) {
        errno = EINVAL;
        return NULL;
    }
    return prev->chain;
}

int flux_future_continue (flux_future_t *prev, flux_future_t *f)
{
    struct chain *chain = chain_of (prev);
    struct link *link;

    if (!chain)
        return -1;
    if (f == prev) {
        if (!flux_future_is_ready (prev)) {
            errno = EAGAIN;
            return -1;
        }
        chain->continued = true;
        future_pass (chain->next, prev);
        return 0;
    }
    if (f) {
        if (!(link = calloc (1, sizeof (*link))))
            return -1;
        link->chain = chain;
        link->f = f;
        list_append (&chain->links, &link->node);
        await (chain, f, link_cb, link);
    }
    chain->continued = true;
    return 0;
}

void flux_future_continue_error (flux_future_t *prev, int errnum, const char *errstr)
{
    struct chain *chain = chain_of (prev);

    if (chain) {
        chain->continued = true;
        flux_future_fulfill_error (chain->next, errnum, errstr);
    }
}

int flux_future_fulfill_next (flux_future_t *prev, void *result, flux_free_f free_fn)
{
    struct chain *chain = chain_of (prev);

    if (!chain)
        return -1;
    chain->continued = true;
    flux_future_fulfill (chain->next, result, free_fn);
    return 0;
}
