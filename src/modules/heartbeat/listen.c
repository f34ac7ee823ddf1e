#include "config.h"

#include <math.h>

#include "common/util.h"
#include "listen.h"

/* HEARD -> (warn) -> QUIET -> (timeout) -> LEFT; any pulse leads back to HEARD, but
 * from LEFT nothing does. */
enum listener_state { HEARD, QUIET, LEFT };

struct listener {
    flux_t *h;
    flux_watcher_t *timer;
    enum listener_state state;
    double heard;   /* when the last pulse came */
    double due;     /* when the timer ends */
    double warn;    /* seconds without one until a warning, */
    double timeout; /* until the parent is left; INFINITY: never */
};

/* Wake up when there will have been no pulse for so many seconds. */
static void wake_up_at (struct listener *l, double seconds)
{
    double after = l->heard + seconds - flux_reactor_now (flux_get_reactor (l->h));

    flux_watcher_stop (l->timer);
    l->due = l->heard + seconds;
    if (isfinite (after)) {
        flux_timer_watcher_reset (l->timer, after > 0. ? after : 0., 0.);
        flux_watcher_start (l->timer);
    }
}

static void expect (struct listener *l)
{
    l->state = HEARD;
    l->heard = flux_reactor_now (flux_get_reactor (l->h));
    wake_up_at (l, l->warn < l->timeout ? l->warn : l->timeout);
}

static void pulse_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct listener *l = arg;

    if (l->state == LEFT)
        return;
    if (l->state == QUIET)
        flux_log (h, LOG_WARNING, "heartbeat is back after %.1fs",
                  flux_reactor_now (flux_get_reactor (h)) - l->heard);
    expect (l);
}

static void leave (struct listener *l)
{
    char reason[64];
    flux_future_t *f;

    snprintf (reason, sizeof (reason), "no heartbeat for %.1fs", l->timeout);
    flux_log (l->h, LOG_ERR, "%s: leaving the parent", reason);
    if (!(f = flux_rpc_pack (l->h, "overlay.disconnect-parent", FLUX_NODEID_ANY,
                             FLUX_RPC_NORESPONSE, "{s:s}", "reason", reason)))
        flux_log_error (l->h, "overlay.disconnect-parent");
    flux_future_destroy (f);
    l->state = LEFT;
}

static void quiet_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct listener *l = arg;
    double quiet = flux_reactor_now (r) - l->heard;

    /* If the timer is that late, it was this broker that did not run: what was
     * published meanwhile is still to be read.  A millisecond is what a timer may be
     * early by the clock that is cached.
     */
    if (flux_reactor_now (r) > l->due + l->warn)
        expect (l);
    else if (quiet + 1e-3 >= l->timeout)
        leave (l);
    else {
        flux_log (l->h, LOG_WARNING, "no heartbeat for %.1fs", quiet);
        l->state = QUIET;
        wake_up_at (l, l->timeout);
    }
}

int heartbeat_listen (flux_t *h, double warn, double timeout)
{
    flux_reactor_t *r = flux_get_reactor (h);
    struct listener l = { .h = h, .warn = warn, .timeout = timeout > 0. ? timeout : INFINITY };
    struct flux_match match = FLUX_MATCH_EVENT;
    flux_msg_handler_t *mh = NULL;
    int rc = -1;

    match.topic_glob = "heartbeat.pulse";
    if ((l.timer = flux_timer_watcher_create (r, warn, 0., quiet_cb, &l))
        && (mh = flux_msg_handler_create (h, match, pulse_cb, &l))
        && flux_event_subscribe (h, "heartbeat.pulse") == 0) {
        flux_msg_handler_start (mh);
        flux_reactor_now_update (r);
        expect (&l);
        rc = flux_reactor_run (r, 0);
    }
    flux_msg_handler_destroy (mh);
    flux_watcher_destroy (l.timer);
    return rc < 0 ? -1 : 0;
}
