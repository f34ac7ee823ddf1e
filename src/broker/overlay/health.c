/* The health of the subtree.
 *
 * Each broker tells its parent when the health of its subtree changes, so that
 * nobody needs to ask around.
 */

#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "common/util.h"

#include "overlay_private.h"

const char *const overlay_health_names[] = {
    [HEALTH_FULL] = "full",         [HEALTH_PARTIAL] = "partial",
    [HEALTH_DEGRADED] = "degraded", [HEALTH_LOST] = "lost",
    [HEALTH_OFFLINE] = "offline",
};

static enum health compute (const struct overlay *ov)
{
    bool partial = false;

    for (uint32_t i = 0; i < ov->nchildren; i++) {
        enum health h = ov->children[i].health;

        if (h == HEALTH_LOST || h == HEALTH_DEGRADED)
            return HEALTH_DEGRADED;
        partial = partial || h != HEALTH_FULL;
    }
    return partial ? HEALTH_PARTIAL : HEALTH_FULL;
}

static json_t *describe_child (const struct peer *p, double now)
{
    json_t *o = json_pack ("{s:i s:s s:f}",
                           "rank", (int)p->rank,
                           "status", overlay_health_names[p->health],
                           "duration", now - p->since);

    if (o && p->why[0])
        (void)json_object_set_new (o, "error", json_string (p->why));
    return o;
}

static json_t *describe (const struct overlay *ov)
{
    double now = flux_reactor_time ();
    json_t *children = json_array ();

    for (uint32_t i = 0; children && i < ov->nchildren; i++)
        (void)json_array_append_new (children, describe_child (&ov->children[i], now));
    return json_pack ("{s:i s:s s:f s:o}",
                      "rank", (int)ov->rank,
                      "status", overlay_health_names[ov->health],
                      "duration", now - ov->since,
                      "children", children);
}

int overlay_respond_health (struct overlay *ov, const flux_msg_t *msg)
{
    json_t *o = describe (ov);
    int rc;

    if (!o) {
        errno = ENOMEM;
        return -1;
    }
    rc = flux_respond_pack (ov->h, msg, "O", o);
    json_decref (o);
    return rc;
}

void overlay_init_health (struct overlay *ov)
{
    ov->health = compute (ov);
}

static void tell_watchers (struct overlay *ov)
{
    const flux_msg_t *msg;

    for (msg = flux_msglist_first (ov->health_watchers); msg;
         msg = flux_msglist_next (ov->health_watchers))
        (void)overlay_respond_health (ov, msg);
}

void overlay_update_health (struct overlay *ov)
{
    enum health health = compute (ov);
    flux_msg_t *msg;

    if (health != ov->health) {
        ov->health = health;
        ov->since = flux_reactor_time ();
    }
    tell_watchers (ov);
    if (!ov->parent || ov->parent->state != PEER_ONLINE)
        return;
    if (!(msg = flux_control_encode (CONTROL_HEALTH, health))
        || ov->plugin->send (ov->parent->link, msg) < 0)
        flux_log (ov->h, LOG_DEBUG, "health not sent: %s", strerror (errno));
    flux_msg_decref (msg);
}

void overlay_set_health (struct peer *p, enum health health)
{
    if (p->health == health)
        return;
    p->health = health;
    p->since = flux_reactor_time ();
    overlay_tell_monitors (p);
    overlay_update_health (p->ov);
}
