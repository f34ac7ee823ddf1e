/* main.c - the module kvs-watch: what it is asked and told. */

#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <flux/core.h>
#include <jansson.h>

#include "common/util.h"
#include "service.h"

static struct watch_cred msg_cred (const flux_msg_t *msg)
{
    struct flux_msg_cred cred;

    if (flux_msg_get_cred (msg, &cred) < 0)
        return (struct watch_cred){ FLUX_USERID_UNKNOWN, FLUX_ROLE_NONE };
    return (struct watch_cred){ cred.userid, cred.rolemask };
}

/* Decode and check a request; the result borrows from msg. */
static int
request_decode (const flux_msg_t *msg, struct watch_request *req, const char **errtext)
{
    json_int_t from = 0, window = 0;
    int r;

    *errtext = NULL;
    if (flux_request_unpack (msg, NULL, "{s:s s:s s:i s?I s?I}", "key", &req->key,
                             "namespace", &req->ns, "flags", &req->flags, "from", &from,
                             "window", &window)
            < 0
        || from < 0 || window < 0 || flux_msg_get_matchtag (msg, &req->matchtag) < 0) {
        errno = EPROTO;
        return -1;
    }
    r = watch_flags_check (req->flags, flux_msg_is_streaming (msg), errtext);
    if (r < 0) {
        errno = -r;
        return -1;
    }
    req->from = from;
    req->window = window;
    req->sender = flux_msg_route_first (msg);
    req->cred = msg_cred (msg);
    return 0;
}

/* kvs-watch.lookup (streaming with WATCH and STREAM)
 *   { "key":s "namespace":s "flags":i } and "from"?i "window"?i
 *   -> { "val":TREEOBJ } or, as the initial sentinel, nothing ..., then an error
 */
static void
lookup_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct watch_service *ws = arg;
    struct watch_request req = { 0 };
    const char *errtext = NULL;
    int r;

    if (flux_msg_is_noresponse (msg)) /* nobody to tell anything */
        return;
    if (request_decode (msg, &req, &errtext) < 0)
        goto error;
    if (watch_listen (ws, req.ns) < 0)
        goto error;
    req.client = (void *)flux_msg_incref (msg);
    if ((r = watch_engine_add (ws->engine, &req)) < 0) {
        flux_msg_decref (msg);
        if (r == -EDQUOT)
            errtext = "too many watches by one user";
        errno = -r;
        goto error;
    }
    watch_service_run (ws);
    return;
error:
    if (flux_respond_error (h, msg, errno, errtext) < 0)
        flux_log_error (h, "error responding to lookup");
}

/* kvs-watch.cancel { "matchtag":i }, no response */
static void
cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct watch_service *ws = arg;
    int matchtag;

    if (flux_request_unpack (msg, NULL, "{s:i}", "matchtag", &matchtag) < 0) {
        flux_log_error (h, "error decoding cancel request");
        return;
    }
    watch_engine_cancel (ws->engine, flux_msg_route_first (msg), matchtag,
                         msg_cred (msg));
    watch_service_run (ws);
}

/* kvs-watch.disconnect, no payload, no response */
static void
disconnect_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct watch_service *ws = arg;

    watch_engine_disconnect (ws->engine, flux_msg_route_first (msg), msg_cred (msg));
    watch_service_run (ws);
}

/* kvs-watch.ack { "matchtag":i "bytes":I }, no response: of who has a window */
static void ack_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct watch_service *ws = arg;
    json_int_t bytes;
    int matchtag;

    if (flux_request_unpack (msg, NULL, "{s:i s:I}", "matchtag", &matchtag, "bytes",
                             &bytes)
            < 0
        || bytes < 0)
        return;
    watch_engine_ack (ws->engine, flux_msg_route_first (msg), matchtag, bytes);
    watch_service_run (ws);
}

/* kvs-watch.throttle { "on":b }, no response: sent by our broker for a client
 * that does not read what it is sent.
 */
static void
throttle_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct watch_service *ws = arg;
    int on;

    if (flux_request_unpack (msg, NULL, "{s:b}", "on", &on) < 0)
        return;
    watch_engine_throttle (ws->engine, flux_msg_route_first (msg), on);
    watch_service_run (ws);
}

/* Events: kvs.namespace-NS-WHAT.  The name is in the topic, so that what
 * happens in a namespace that nobody watches is dismissed without decoding.
 */
static bool topic_matches (struct watch_service *ws, const char *topic, const char *what)
{
    size_t len = strlen (topic), tail = strlen (what);
    size_t head = strlen (EVENT_PREFIX);

    return len >= head + tail && strcmp (topic + len - tail, what) == 0
           && watch_engine_watches (ws->engine, topic + head, len - head - tail);
}

static int event_decode (struct watch_service *ws, const flux_msg_t *msg)
{
    const char *text;
    int r;

    if (flux_event_decode (msg, NULL, &text) < 0)
        return -1;
    if ((r = watch_event_decode (&ws->event, text ? text : "", text ? strlen (text) : 0)) < 0) {
        errno = -r;
        return -1;
    }
    return 0;
}

static int event_refuse (void)
{
    errno = EPROTO;
    return -1;
}

static int setroot_event (struct watch_service *ws)
{
    const struct watch_event *ev = &ws->event;

    if (!ev->has_root || !ev->has_keys)
        return event_refuse ();
    watch_engine_setroot (ws->engine, ev->ns, ev->owner, ev->rootseq, ev->rootref, ev->keys,
                          ev->nkeys);
    return 0;
}

static int created_event (struct watch_service *ws)
{
    const struct watch_event *ev = &ws->event;

    if (!ev->has_root)
        return event_refuse ();
    watch_engine_created (ws->engine, ev->ns, ev->owner, ev->rootseq, ev->rootref);
    return 0;
}

/* With a root it is one that nobody was told of yet. */
static int removed_event (struct watch_service *ws)
{
    if (ws->event.has_root && setroot_event (ws) < 0)
        return -1;
    watch_engine_removed (ws->engine, ws->event.ns);
    return 0;
}

static int (*event_handler (struct watch_service *ws, const char *topic)) (struct watch_service *)
{
    if (topic_matches (ws, topic, "-setroot"))
        return setroot_event;
    if (topic_matches (ws, topic, "-created"))
        return created_event;
    if (topic_matches (ws, topic, "-removed"))
        return removed_event;
    return NULL;
}

static void event_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct watch_service *ws = arg;
    int (*handle) (struct watch_service *);
    const char *topic;

    if (flux_msg_get_topic (msg, &topic) < 0)
        return;
    if ((handle = event_handler (ws, topic))
        && (event_decode (ws, msg) < 0 || handle (ws) < 0))
        flux_log_error (h, "error decoding event %s", topic);
    watch_heard (ws);
    watch_service_run (ws);
}

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_EVENT, EVENT_PREFIX "*", event_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "kvs-watch.lookup", lookup_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "kvs-watch.cancel", cancel_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "kvs-watch.disconnect", disconnect_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "kvs-watch.ack", ack_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "kvs-watch.throttle", throttle_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "kvs-watch.stats-get", watch_stats_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

int mod_main (flux_t *h, int argc, char *argv[])
{
    flux_msg_handler_t **vec = NULL;
    struct watch_service *ws = NULL;
    int rc = -1;

    if (argc > 0) {
        flux_log (h, LOG_ERR, "Unknown option `%s'", argv[0]);
        errno = EINVAL;
        return -1;
    }
    if (!(ws = watch_service_new (h))
        || flux_msg_handler_addvec (h, handlers, ws, &vec) < 0) {
        flux_log_error (h, "initialization failed");
        goto done;
    }
    if ((rc = flux_reactor_run (flux_get_reactor (h), 0)) < 0)
        flux_log_error (h, "flux_reactor_run");
done:
    flux_msg_handler_delvec (vec);
    watch_service_free (ws);
    return rc < 0 ? -1 : 0;
}
