/* heartbeat - publish heartbeat.pulse, at load and then once per period.
 *
 * Whoever has something to do now and then follows these pulses, so that an
 * idle instance wakes up for all of it at once (flux_sync_create ()).
 *
 * Rank 0 publishes.  The other ranks listen (listen.h): one that has not heard a
 * pulse for long says so, and in the end leaves a parent that is as good as dead.
 *
 * Argument: period=FSD (default 2s).  Configuration: [heartbeat] period, and
 * timeout and warn_thresh, which are about other ranks than 0.
 */

#include "config.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <flux/core.h>

#include "common/errprintf.h"
#include "common/fsd.h"
#include "common/util.h"
#include "listen.h"

#define PERIOD_DEFAULT 2.0 /* seconds */
#define TIMEOUT_DEFAULT 300.0
#define WARN_THRESH_DEFAULT 3 /* periods */

struct heartbeat {
    flux_t *h;
    double period;
    double timeout; /* 0 or INFINITY: never */
    int warn_thresh;
};

static void beat (struct heartbeat *hb)
{
    flux_msg_t *msg = flux_event_encode ("heartbeat.pulse", NULL);

    if (!msg || flux_send_new (hb->h, &msg, 0) < 0)
        flux_log_error (hb->h, "error publishing heartbeat.pulse");
    flux_msg_destroy (msg);
}

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    beat (arg);
}

static int set_period (struct heartbeat *hb, const char *s, flux_error_t *error)
{
    double period;

    if (fsd_parse (s, &period) < 0 || !isfinite (period) || period <= 0.) {
        errno = EINVAL;
        return errprintf (error, "error parsing period: '%s' is no duration", s);
    }
    hb->period = period;
    return 0;
}

static int parse_conf (struct heartbeat *hb, const flux_conf_t *conf, flux_error_t *error)
{
    const char *period = NULL, *timeout = NULL;
    flux_error_t reason;

    if (flux_conf_unpack (conf,
                          &reason,
                          "{s?{s?s s?s s?i !}}",
                          "heartbeat",
                          "period", &period,
                          "timeout", &timeout,
                          "warn_thresh", &hb->warn_thresh)
        < 0)
        return errprintf (error, "error parsing [heartbeat] config: %s", reason.text);
    if (timeout && fsd_parse (timeout, &hb->timeout) < 0) {
        errno = EINVAL;
        return errprintf (error, "error parsing timeout: '%s' is no duration", timeout);
    }
    if (hb->warn_thresh <= 0) {
        errno = EINVAL;
        return errprintf (error, "error parsing warn_thresh: %d is no number of periods",
                          hb->warn_thresh);
    }
    return period ? set_period (hb, period, error) : 0;
}

static int parse_args (struct heartbeat *hb, int argc, char **argv, flux_error_t *error)
{
    for (int i = 0; i < argc; i++) {
        if (strncmp (argv[i], "period=", 7) == 0) {
            if (set_period (hb, argv[i] + 7, error) < 0)
                return -1;
        }
        else {
            errno = EINVAL;
            return errprintf (error, "unknown argument '%s', try period=FSD", argv[i]);
        }
    }
    return 0;
}

int mod_main (flux_t *h, int argc, char **argv)
{
    struct heartbeat hb = {
        .h = h,
        .period = PERIOD_DEFAULT,
        .timeout = TIMEOUT_DEFAULT,
        .warn_thresh = WARN_THRESH_DEFAULT,
    };
    flux_reactor_t *r = flux_get_reactor (h);
    flux_watcher_t *timer;
    flux_error_t error;
    uint32_t rank;
    int rc = -1;

    if (flux_get_rank (h, &rank) < 0)
        return -1;
    if (parse_conf (&hb, flux_get_conf (h), &error) < 0
        || parse_args (&hb, argc, argv, &error) < 0) {
        flux_log (h, LOG_ERR, "%s", error.text);
        errno = EINVAL;
        return -1;
    }
    if (rank > 0)
        return heartbeat_listen (h, hb.period * hb.warn_thresh, hb.timeout);
    if ((timer = flux_timer_watcher_create (r, hb.period, hb.period, timer_cb, &hb))) {
        beat (&hb);
        flux_watcher_start (timer);
        rc = flux_reactor_run (r, 0);
    }
    flux_watcher_destroy (timer);
    return rc < 0 ? -1 : 0;
}
