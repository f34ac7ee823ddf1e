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
        || from < 0 || window < 0        || flux_msg_get_matchtag (msg, &req->matchtag) < 0) {
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

/* { "namespace":s "rootseq":i "rootref":s "owner":i "keys":{KEY:null...} } */
static int setroot_event (struct watch_service *ws, const flux_msg_t *msg)
{
    const char *ns, *rootref, *key;
    _cleanup_ (freep)
    const char **keys = NULL;
    size_t nkeys = 0;
    json_int_t rootseq;
    json_t *o, *value;
    int owner;

    if (flux_event_unpack (msg, NULL, "{s:s s:I s:s s:i s:o}", "namespace", &ns,
                           "rootseq", &rootseq, "rootref", &rootref, "owner", &owner,
                           "keys", &o)
            < 0
        || rootseq < 0 || !json_is_object (o)) {
        errno = EPROTO;
        return -1;
    }
    if (!(keys = malloc (sizeof (*keys) * (json_object_size (o) + 1))))
        return -1;
    json_object_foreach (o, key, value) keys[nkeys++] = key;
    watch_engine_setroot (ws->engine, ns, owner, rootseq, rootref, keys, nkeys);
    return 0;
}

/* { "namespace":s "rootseq":i "rootref":s "owner":i } */
static int created_event (struct watch_service *ws, const flux_msg_t *msg)
{
    const char *ns, *rootref;
    json_int_t rootseq;
    int owner;

    if (flux_event_unpack (msg, NULL, "{s:s s:I s:s s:i}", "namespace", &ns, "rootseq",
                           &rootseq, "rootref", &rootref, "owner", &owner)
            < 0
        || rootseq < 0) {
        errno = EPROTO;
        return -1;
    }
    watch_engine_created (ws->engine, ns, owner, rootseq, rootref);
    return 0;
}

/* { "namespace":s ... }: the others, if there are any, as of setroot: nobody was
 * told of the last root yet.
 */
static int removed_event (struct watch_service *ws, const flux_msg_t *msg)
{
    const char *ns;
    json_int_t rootseq = -1;

    if (flux_event_unpack (msg, NULL, "{s:s s?I}", "namespace", &ns, "rootseq", &rootseq)
            < 0
        || (rootseq >= 0 && setroot_event (ws, msg) < 0))
        return -1;
    watch_engine_removed (ws->engine, ns);
    return 0;
}

static void event_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct watch_service *ws = arg;
    const char *topic;
    int rc = 0;

    if (flux_msg_get_topic (msg, &topic) < 0)
        return;
    if (topic_matches (ws, topic, "-setroot"))
        rc = setroot_event (ws, msg);
    else if (topic_matches (ws, topic, "-created"))
        rc = created_event (ws, msg);
    else if (topic_matches (ws, topic, "-removed"))
        rc = removed_event (ws, msg);
    if (rc < 0)
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
