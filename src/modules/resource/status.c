/* resource/status.c - what people ask about resources. */
#include "config.h"
#include <jansson.h>

#include "common/util.h"
#include "resource.h"

static void put_ids (struct text *t, const char *key, const struct idset *ids)
{
    char *s = idset_encode (ids, IDSET_FLAG_RANGE);

    text_printf (t, ",\"%s\":\"%s\"", key, s ? s : "");
    if (!s)
        t->error = -ENOMEM;
    free (s);
}

/* resource.status
 *   -> { "R":R "drain":{ranks:{"timestamp":f "reason":s}} "online":s "offline":s
 *        "exclude":s "torpid":s }
 */
void resource_status_cb (flux_t *h,
                         flux_msg_handler_t *mh,
                         const flux_msg_t *msg,
                         void *arg)
{
    struct resource *r = arg;
    struct idset *all = rset_ranks (r->R);
    struct idset *offline = all ? idset_difference (all, r->online) : NULL;
    struct text t = TEXT_INIT;
    int rc;

    text_puts (&t, "{\"R\":");
    rset_encode (r->R, &t);
    text_puts (&t, ",\"drain\":");
    drain_encode (r->drain, &t);
    if (offline) {
        put_ids (&t, "online", r->online);
        put_ids (&t, "offline", offline);
        put_ids (&t, "exclude", r->exclude);
        put_ids (&t, "torpid", r->torpid);
        text_putc (&t, '}');
    }
    else
        t.error = -ENOMEM;
    if (text_error (&t))
        rc = flux_respond_error (h, msg, ENOMEM, NULL);
    else
        rc = flux_respond (h, msg, t.buf);
    if (rc < 0)
        flux_log_error (h, "status response");
    text_fini (&t);
    idset_destroy (all);
    idset_destroy (offline);
}

/* Without a scheduler nothing is allocated; what may not be used is down. */
static int respond_alone (struct resource *r, const flux_msg_t *msg)
{
    struct idset *up = resource_up (r);
    struct idset *ranks = rset_ranks (r->R);
    struct rset *down = NULL, *none = rset_new ();
    struct text t = TEXT_INIT;
    int rc = -1;

    if (up && ranks && none && idset_subtract (ranks, up) == 0
        && rset_subset (r->R, ranks, &down) == 0) {
        text_puts (&t, "{\"all\":");
        rset_encode (r->R, &t);
        text_puts (&t, ",\"down\":");
        rset_encode (down, &t);
        text_puts (&t, ",\"allocated\":");
        rset_encode (none, &t);
        text_putc (&t, '}');
        if (!text_error (&t))
            rc = flux_respond (r->h, msg, t.buf);
    }
    text_fini (&t);
    rset_free (down);
    rset_free (none);
    idset_destroy (ranks);
    idset_destroy (up);
    return rc;
}

static void sched_said (struct resource *r, flux_future_t *f, const flux_msg_t *msg)
{
    const char *s;
    int rc;

    if (flux_rpc_get (f, &s) == 0)
        rc = flux_respond (r->h, msg, s);
    else if (errno == ENOSYS)
        rc = respond_alone (r, msg);
    else
        rc = flux_respond_error (r->h, msg, errno, future_strerror (f, errno));
    if (rc < 0)
        flux_log_error (r->h, "sched-status response");
}

/* resource.sched-status -> { "all":R "down":R "allocated":R } */
void resource_sched_status_cb (flux_t *h,
                               flux_msg_handler_t *mh,
                               const flux_msg_t *msg,
                               void *arg)
{
    if (resource_ask (arg, msg,
                      flux_rpc (h, "sched.resource-status", NULL, FLUX_NODEID_ANY, 0),
                      sched_said)
            < 0
        && flux_respond_error (h, msg, errno, NULL) < 0)
        flux_log_error (h, "sched-status response");
}
