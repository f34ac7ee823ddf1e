/* listen.c - the events of all namespaces, as long as something is watched.
 *
 * Each event wakes this module, a dozen of them for each short job; with nothing
 * to watch that is for nothing.  So it subscribes with the first watch, before
 * that reads anything, and gives up when events come for which nobody is there.
 * There is no wait for the answer: who publishes a root later than what the first
 * watch reads does it after the subscription.
 *
 * Not at once: watches that follow each other need not subscribe each time.
 */

#include "config.h"

#include "service.h"

#define USELESS_MAX 32 /* events in a row */

/* Without events no watch can be kept: that is the end. */
static void subscribed (flux_future_t *f, void *arg)
{
    struct watch_service *ws = arg;

    if (flux_future_get (f, NULL) < 0) {
        flux_log_error (ws->h, "error subscribing to " EVENT_PREFIX);
        flux_reactor_stop_error (flux_get_reactor (ws->h));
    }
    flux_future_destroy (f);
    ws->subscribing = NULL;
}

int watch_listen (struct watch_service *ws)
{
    flux_future_t *f;

    if (ws->listens)
        return 0;
    flux_future_destroy (move_ptr (ws->subscribing));
    if (!(f = flux_event_subscribe_ex (ws->h, EVENT_PREFIX, 0))
        || flux_future_then (f, -1., subscribed, ws) < 0) {
        flux_future_destroy (f);
        return -1;
    }
    ws->subscribing = f;
    ws->listens = true;
    ws->useless = 0;
    return 0;
}

void watch_heard (struct watch_service *ws)
{
    flux_future_t *f;

    if (!ws->listens)
        return; /* sent before it gave up */
    if (watch_engine_count (ws->engine) > 0) {
        ws->useless = 0;
        return;
    }
    if (++ws->useless < USELESS_MAX)
        return;
    f = flux_event_unsubscribe_ex (ws->h, EVENT_PREFIX, FLUX_RPC_NORESPONSE);
    if (!f) {
        flux_log_error (ws->h, "error unsubscribing from " EVENT_PREFIX);
        return;
    }
    flux_future_destroy (f);
    ws->listens = false;
}
