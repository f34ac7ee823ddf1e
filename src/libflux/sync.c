/* sync.c - a future that the instance's heartbeat fulfils. */

#include "config.h"
#include <math.h>

#include <flux/core.h>

#include "common/util.h"

static const char pulse[] = "heartbeat.pulse";

struct sync {
    flux_t *h;
    double minimum; /* seconds between two results */
    double last;    /* when the last one was; 0 before the first */
    uint32_t seq;   /* of the last pulse seen; 0 before the first */
};

static void sync_destroy (void *arg)
{
    struct sync *s = arg;
    int saved_errno = errno;

    flux_future_destroy (flux_event_unsubscribe_ex (s->h, pulse, FLUX_RPC_NORESPONSE));
    flux_decref (s->h);
    free (s);
    errno = saved_errno;
}

/* A pulse can come twice: once to a blocking wait, then requeued. */
static void pulse_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_future_t *f = arg;
    struct sync *s = flux_future_aux_get (f, "flux::sync");
    double now = flux_reactor_now (flux_get_reactor (h));
    uint32_t seq;

    if (flux_msg_get_seq (msg, &seq) < 0 || (s->seq != 0 && seq <= s->seq))
        return;
    s->seq = seq;
    if (s->last > 0 && now - s->last < s->minimum)
        return;
    s->last = now;
    flux_future_fulfill (f, NULL, NULL);
}

static void sync_init (flux_future_t *f, void *arg)
{
    flux_t *h = flux_future_get_flux (f);
    struct flux_match match = FLUX_MATCH_EVENT;
    flux_msg_handler_t *mh = NULL;

    match.topic_glob = (char *)pulse;
    if (!(mh = flux_msg_handler_create (h, match, pulse_cb, f))
        || flux_future_aux_set (f, NULL, mh, (flux_free_f)flux_msg_handler_destroy) < 0) {
        flux_msg_handler_destroy (mh);
        flux_future_fulfill_error (f, errno, NULL);
        return;
    }
    flux_msg_handler_start (mh);
}

flux_future_t *flux_sync_create (flux_t *h, double minimum)
{
    flux_future_t *f;
    flux_future_t *sub;
    struct sync *s;

    if (!h || !(minimum >= 0) || isinf (minimum)) {
        errno = EINVAL;
        return NULL;
    }
    if (!(f = flux_future_create (sync_init, NULL)))
        return NULL;
    flux_future_set_flux (f, h);
    if (!(sub = flux_event_subscribe_ex (h, pulse, FLUX_RPC_NORESPONSE))
        || !(s = calloc (1, sizeof (*s)))) {
        flux_future_destroy (sub);
        flux_future_destroy (f);
        return NULL;
    }
    flux_future_destroy (sub);
    s->h = flux_incref (h);
    s->minimum = minimum;
    if (flux_future_aux_set (f, "flux::sync", s, sync_destroy) < 0) {
        sync_destroy (s);
        flux_future_destroy (f);
        return NULL;
    }
    return f;
}
