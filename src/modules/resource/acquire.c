/* resource/acquire.c - the scheduler's view of resources. */
#include "config.h"
#include <jansson.h>

#include "common/util.h"
#include "resource.h"

/* { "resources":R "up":s }: R without excluded ranks; what is not in up is
 * down.
 */
static int respond_first (struct resource *r)
{
    struct idset *up = resource_up (r);
    struct idset *omitted = idset_copy (r->exclude);
    struct rset *R = rset_copy (r->R);
    struct text t = TEXT_INIT;
    char *s = up ? idset_encode (up, IDSET_FLAG_RANGE) : NULL;
    int rc = -1;

    if (s && R && omitted && rset_remove_ranks (R, omitted) == 0) {
        idset_destroy (r->omitted);
        r->omitted = omitted;
        omitted = NULL;
        text_puts (&t, "{\"resources\":");
        rset_encode (R, &t);
        text_printf (&t, ",\"up\":\"%s\"}", s);
        if (!text_error (&t))
            rc = flux_respond (r->h, r->acquire, t.buf);
    }
    else
        errno = ENOMEM;
    text_fini (&t);
    free (s);
    rset_free (R);
    idset_destroy (up);
    idset_destroy (omitted);
    return rc;
}

void resource_acquire_begin (struct resource *r)
{
    if (r->acquire && respond_first (r) < 0)
        flux_log_error (r->h, "acquire response");
}

void resource_acquire_update (struct resource *r, const struct idset *ranks, bool up)
{
    char *s;

    if (!r->acquire || !r->replayed || idset_empty (ranks))
        return;
    if (!(s = idset_encode (ranks, IDSET_FLAG_RANGE))
        || flux_respond_pack (r->h, r->acquire, "{s:s}", up ? "up" : "down", s) < 0)
        flux_log_error (r->h, "acquire response");
    free (s);
}

void resource_acquire_expiration (struct resource *r)
{
    if (r->acquire && r->replayed
        && flux_respond_pack (r->h, r->acquire, "{s:f}", "expiration",
                              rset_expiration (r->R))
               < 0)
        flux_log_error (r->h, "acquire response");
}

/* resource.acquire (streaming): see resource_acquire_begin, _update */
void resource_acquire_cb (flux_t *h,
                          flux_msg_handler_t *mh,
                          const flux_msg_t *msg,
                          void *arg)
{
    struct resource *r = arg;

    bool streaming = flux_msg_is_streaming (msg);

    if (!streaming || r->acquire) {
        if (flux_respond_error (h, msg, streaming ? EBUSY : EPROTO, NULL) < 0)
            flux_log_error (h, "acquire response");
        return;
    }
    r->acquire = flux_msg_incref (msg);
    if (r->replayed)
        resource_acquire_begin (r);
}

/* resource.disconnect: a scheduler that left has let go */
void resource_disconnect_cb (flux_t *h,
                             flux_msg_handler_t *mh,
                             const flux_msg_t *msg,
                             void *arg)
{
    struct resource *r = arg;

    if (r->acquire && flux_msg_route_match_first (r->acquire, msg)) {
        flux_msg_decref (r->acquire);
        r->acquire = NULL;
    }
}
