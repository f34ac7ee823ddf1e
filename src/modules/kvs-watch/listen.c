/* listen.c - the events of namespaces, as long as something in them is watched.
 *
 * Each event wakes this module, several of them for each short job, and with
 * nothing to watch that is for nothing.  So it subscribes with the first watch,
 * before that reads anything, and gives up when events come for which nobody is
 * there.  There is no wait for the answer: who publishes a root later than what
 * the first watch reads does it after the subscription.
 *
 * The primary namespace, of which somebody always watches something, is heard
 * apart: what happens in those of jobs is heard only if one of these is watched.
 *
 * Not at once: watches that follow each other need not subscribe each time.
 */

#include "config.h"
#include <string.h>

#include "service.h"

#define USELESS_MAX 32 /* events in a row */
#define PRIMARY "primary"

static const char *const prefixes[WATCH_EARS] = {
    [WATCH_EAR_PRIMARY] = EVENT_PREFIX PRIMARY "-",
    [WATCH_EAR_ALL] = EVENT_PREFIX,
};

/* Without events no watch can be kept: that is the end. */
static void subscribed (flux_future_t *f, void *arg)
{
    struct watch_ear *ear = arg;

    if (flux_future_get (f, NULL) < 0) {
        flux_log_error (ear->h, "error subscribing to " EVENT_PREFIX);
        flux_reactor_stop_error (flux_get_reactor (ear->h));
    }
    flux_future_destroy (f);
    ear->subscribing = NULL;
}

int watch_listen (struct watch_service *ws, const char *ns)
{
    int which = strcmp (ns, PRIMARY) == 0 ? WATCH_EAR_PRIMARY : WATCH_EAR_ALL;
    struct watch_ear *ear = &ws->ears[which];
    flux_future_t *f;

    if (ear->open)
        return 0;
    flux_future_destroy (ear->subscribing);
    ear->subscribing = NULL;
    ear->h = ws->h;
    if (!(f = flux_event_subscribe_ex (ws->h, prefixes[which], 0))
        || flux_future_then (f, -1., subscribed, ear) < 0) {
        flux_future_destroy (f);
        return -1;
    }
    ear->subscribing = f;
    ear->open = true;
    ear->useless = 0;
    return 0;
}

static void give_up (struct watch_ear *ear, const char *prefix)
{
    flux_future_t *f = flux_event_unsubscribe_ex (ear->h, prefix, FLUX_RPC_NORESPONSE);

    if (!f) {
        flux_log_error (ear->h, "error unsubscribing from %s", prefix);
        return;
    }
    flux_future_destroy (f);
    ear->open = false;
}

void watch_heard (struct watch_service *ws)
{
    size_t primary = watch_engine_count_in (ws->engine, PRIMARY);
    size_t watchers[WATCH_EARS] = {
        [WATCH_EAR_PRIMARY] = primary,
        [WATCH_EAR_ALL] = watch_engine_count (ws->engine) - primary,
    };

    for (int i = 0; i < WATCH_EARS; i++) {
        struct watch_ear *ear = &ws->ears[i];

        if (!ear->open)
            continue;
        if (watchers[i] > 0)
            ear->useless = 0;
        else if (++ear->useless >= USELESS_MAX)
            give_up (ear, prefixes[i]);
    }
}

void watch_listen_fini (struct watch_service *ws)
{
    for (int i = 0; i < WATCH_EARS; i++)
        flux_future_destroy (ws->ears[i].subscribing);
}
