/* What takes long is said, and not waited for without end: brokers that do not
 * come, or do not go, or are not heard of.
 *
 *   broker.quorum-warn      rank 0 says whom it waits for, again and again
 *   broker.shutdown-warn    a broker says which of its children it waits for
 *   broker.shutdown-timeout it gives them up; exit code 1
 *   tbon.torpid_min         how often brokers let their parents hear of them
 *   tbon.torpid_max         a child that is not heard of for so long is torpid:
 *                           connected, but stopped, or too busy
 */

#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/errprintf.h"
#include "common/fsd.h"
#include "common/util.h"

#include "overlay_private.h"

#define TORPID "broker.torpid"

/* Ranks in words, for the log. */
static void log_delay (struct overlay *ov, const char *what, const struct idset *ids)
{
    _cleanup_ (freep) char *s = ids ? idset_encode (ids, IDSET_FLAG_RANGE) : NULL;
    char fsd[FSD_BUFSIZE] = "";

    (void)fsd_format_prec (fsd, sizeof (fsd), flux_reactor_time () - ov->delay.since, 3);
    flux_log (ov->h, LOG_ERR, "%s delayed: waiting for ranks %s for %s", what, s ? s : "",
              fsd);
}

static void warn_quorum (struct overlay *ov)
{
    const struct idset *online = groups_members (ov->groups, OVERLAY_ONLINE);
    struct idset *missing = idset_create (0, IDSET_FLAG_AUTOGROW);

    if (missing && idset_range_set (missing, 0, ov->topology.size - 1) == 0) {
        if (online)
            (void)idset_subtract (missing, online);
        log_delay (ov, "quorum", missing);
    }
    idset_destroy (missing);
}

static void warn_shutdown (struct overlay *ov)
{
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);

    for (uint32_t i = 0; ids && i < ov->nchildren; i++) {
        if (ov->children[i].state == PEER_ONLINE)
            (void)idset_set (ids, ov->children[i].rank);
    }
    log_delay (ov, "shutdown", ids);
    idset_destroy (ids);
}

static void warn_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct overlay *ov = arg;

    if (ov->state == STATE_QUORUM)
        warn_quorum (ov);
    else if (ov->state == STATE_SHUTDOWN)
        warn_shutdown (ov);
}

static void give_up_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct overlay *ov = arg;

    ov->ops->shutdown (true, ov->arg); /* for the exit code: we are at it already */
    for (uint32_t i = 0; i < ov->nchildren; i++)
        overlay_give_up (&ov->children[i], "did not shut down in time");
}

static void wait_for (flux_watcher_t *w, double after, double repeat)
{
    if (after >= 0) {
        flux_timer_watcher_reset (w, after, repeat);
        flux_watcher_start (w);
    }
}

void overlay_delay_entered (struct overlay *ov, enum broker_state state)
{
    struct overlay_delay *d = &ov->delay;

    flux_watcher_stop (d->warn);
    flux_watcher_stop (d->give_up);
    d->since = flux_reactor_time ();
    if (state == STATE_QUORUM && !ov->parent)
        wait_for (d->warn, d->quorum_warn, d->quorum_warn);
    else if (state == STATE_SHUTDOWN && ov->nchildren > 0) {
        wait_for (d->warn, d->shutdown_warn, d->shutdown_warn);
        wait_for (d->give_up, d->shutdown_timeout, 0.);
    }
}

/* Torpid children */

static void set_torpid (struct peer *p, bool torpid)
{
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);

    p->torpid = torpid;
    flux_log (p->ov->h, LOG_ERR, "%s is %s", p->name,
              torpid ? "torpid" : "no longer torpid");
    if (ids && idset_set (ids, p->rank) == 0)
        groups_set (p->ov->groups, TORPID, ids, torpid);
    idset_destroy (ids);
    overlay_tell_monitors (p);
}

void overlay_heard (struct peer *p)
{
    p->heard = true;
    if (p->torpid)
        set_torpid (p, false);
}

static void pulse_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct overlay *ov = arg;
    struct overlay_delay *d = &ov->delay;

    if (ov->parent && ov->parent->state == PEER_ONLINE)
        overlay_send_control (ov->parent, CONTROL_KEEPALIVE, 0);
    for (uint32_t i = 0; d->torpid_max >= 0 && i < ov->nchildren; i++) {
        struct peer *p = &ov->children[i];

        p->quiet = p->heard ? 0 : p->quiet + d->torpid_min;
        p->heard = false;
        if (p->state == PEER_ONLINE && !p->torpid && p->quiet >= d->torpid_max)
            set_torpid (p, true);
    }
}

/* Life */

int overlay_delay_init (struct overlay *ov, flux_error_t *error)
{
    const struct attrs *a = ov->args.attrs;
    struct overlay_delay *d = &ov->delay;

    if (attrs_duration (a, "broker.quorum-warn", &d->quorum_warn, error) < 0
        || attrs_duration (a, "broker.shutdown-warn", &d->shutdown_warn, error) < 0
        || attrs_duration (a, "broker.shutdown-timeout", &d->shutdown_timeout, error) < 0
        || attrs_duration (a, "tbon.connect_timeout", &d->connect_timeout, error) < 0
        || attrs_duration (a, "tbon.torpid_min", &d->torpid_min, error) < 0
        || attrs_duration (a, "tbon.torpid_max", &d->torpid_max, error) < 0)
        return -1;
    if (!(d->warn = flux_timer_watcher_create (ov->reactor, 1., 0., warn_cb, ov))
        || !(d->give_up = flux_timer_watcher_create (
                 ov->reactor, 1., 0., give_up_cb, ov))
        || !(d->pulse = flux_timer_watcher_create (ov->reactor, 1., 1., pulse_cb, ov)))
        return errprintf (error, "%s", strerror (errno));
    if (d->torpid_min > 0 && (ov->parent || ov->nchildren > 0))
        wait_for (d->pulse, d->torpid_min, d->torpid_min);
    return 0;
}

void overlay_delay_fini (struct overlay *ov)
{
    flux_watcher_destroy (ov->delay.warn);
    flux_watcher_destroy (ov->delay.give_up);
    flux_watcher_destroy (ov->delay.pulse);
}
