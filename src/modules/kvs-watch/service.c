#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "common/text.h"
#include "common/util.h"
#include "service.h"

_Static_assert((int)WATCH_F_READDIR == FLUX_KVS_READDIR
                   && (int)WATCH_F_READLINK == FLUX_KVS_READLINK
                   && (int)WATCH_F_WATCH == FLUX_KVS_WATCH
                   && (int)WATCH_F_WAITCREATE == FLUX_KVS_WAITCREATE
                   && (int)WATCH_F_TREEOBJ == FLUX_KVS_TREEOBJ
                   && (int)WATCH_F_FULL == FLUX_KVS_WATCH_FULL
                   && (int)WATCH_F_UNIQ == FLUX_KVS_WATCH_UNIQ
                   && (int)WATCH_F_APPEND == FLUX_KVS_WATCH_APPEND
                   && (int)WATCH_F_STREAM == FLUX_KVS_STREAM
                   && (int)WATCH_F_SENTINEL == FLUX_KVS_WATCH_INITIAL_SENTINEL
                   && WATCH_ROLE_OWNER == FLUX_ROLE_OWNER,
               "the flags of the engine are those of the interface");

/* One lookup or load that is out. */
struct watch_rpc {
    struct list link;
    struct watch_service *ws;
    flux_future_t *f;
    struct watch_lookup *lookup; /* one of these */
    struct watch_load *load;
};

static void rpc_free (struct watch_rpc *rpc)
{
    if (rpc) {
        list_del (&rpc->link);
        flux_future_destroy (rpc->f);
        free (rpc);
    }
}

/* Wait for the answer to f, which is taken in any case. */
static struct watch_rpc *
rpc_new (struct watch_service *ws, flux_future_t *f, flux_continuation_f cb)
{
    struct watch_rpc *rpc;

    if (!f || !(rpc = calloc (1, sizeof (*rpc)))) {
        flux_future_destroy (f);
        return NULL;
    }
    rpc->ws = ws;
    rpc->f = f;
    list_append (&ws->rpcs, &rpc->link);
    if (flux_future_then (f, -1, cb, rpc) < 0) {
        rpc_free (rpc);
        return NULL;
    }
    return rpc;
}

static int error_of (int errnum)
{
    return errnum > 0 ? errnum : EPROTO;
}

/* kvs.lookup-plus
 *   { "key":s "namespace":s "flags":i }
 *   { "key":s "flags":i "rootseq":i "rootdir":DIRREF } and "tail"?i "blobs"?b "unless"?s
 *   -> see answer.h
 */
static flux_msg_t *lookup_encode (const struct watch_lookup *l)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;
    flux_msg_t *msg;
    struct flux_msg_cred cred = { l->cred.userid, l->cred.rolemask };

    text_puts (&t, "{\"key\":");
    text_put_json_string (&t, l->key, strlen (l->key));
    text_puts (&t, ",\"flags\":");
    text_put_int (&t, l->flags);
    if (l->want_obj) { /* a kvs that does not know this ignores it */
        text_puts (&t, ",\"tail\":");
        text_put_uint (&t, l->tail);
        if (!l->want_data)
            text_puts (&t, ",\"blobs\":false");
    }
    if (l->unless) { /* likewise */
        text_puts (&t, ",\"unless\":");
        text_put_json_string (&t, l->unless, strlen (l->unless));
    }
    if (l->rootref) {
        text_puts (&t, ",\"rootseq\":");
        text_put_uint (&t, l->rootseq);
        text_puts (&t, ",\"rootdir\":{\"ver\":1,\"type\":\"dirref\",\"data\":[\"");
        text_puts (&t, l->rootref);
        text_puts (&t, "\"]}}");
    }
    else {
        text_puts (&t, ",\"namespace\":");
        text_put_json_string (&t, l->ns, strlen (l->ns));
        text_putc (&t, '}');
    }
    if (text_error (&t) < 0) {
        errno = ENOMEM;
        return NULL;
    }
    if (!(msg = flux_request_encode ("kvs.lookup-plus", t.buf)))
        return NULL;
    if (flux_msg_set_cred (msg, cred) < 0) {
        flux_msg_destroy (msg);
        return NULL;
    }
    return msg;
}

static void lookup_answered (flux_future_t *f, void *arg)
{
    struct watch_rpc *rpc = arg;
    struct watch_service *ws = rpc->ws;
    struct watch_lookup *l = rpc->lookup;
    struct watch_answer a = { 0 };
    const void *data;
    size_t len;
    int r;

    if (flux_rpc_get_raw (f, &data, &len) < 0)
        a.result.errnum = error_of (errno);
    else if (!data || len == 0 || ((const char *)data)[len - 1] != '\0')
        a.result.errnum = EPROTO;
    else if ((r = watch_answer_decode (&a, data, len - 1, l->want_obj)) < 0)
        a.result.errnum = -r;
    if (l->rootref)
        a.result.rootseq = l->rootseq;
    watch_engine_lookup_done (ws->engine, l, &a.result);
    watch_answer_fini (&a);
    rpc_free (rpc);
    watch_service_run (ws);
}

static void lookup_send (struct watch_service *ws, struct watch_lookup *l)
{
    struct watch_result failed = { .errnum = ENOMEM };
    struct watch_rpc *rpc = NULL;
    flux_msg_t *msg;

    if ((msg = lookup_encode (l))) {
        rpc = rpc_new (ws, flux_rpc_message (ws->h, msg, FLUX_NODEID_ANY, 0),
                       lookup_answered);
        flux_msg_destroy (msg);
    }
    if (rpc)
        rpc->lookup = l;
    else {
        failed.errnum = error_of (errno);
        watch_engine_lookup_done (ws->engine, l, &failed);
    }
}

static void load_answered (flux_future_t *f, void *arg)
{
    struct watch_rpc *rpc = arg;
    struct watch_service *ws = rpc->ws;
    const void *data = NULL;
    size_t len = 0;
    int errnum = 0;

    if (flux_rpc_get_raw (f, &data, &len) < 0)
        errnum = error_of (errno);
    watch_engine_load_done (ws->engine, rpc->load, errnum, data, len);
    rpc_free (rpc);
    watch_service_run (ws);
}

/* content.load: raw digest -> raw blob, with the module's own credential */
static void load_send (struct watch_service *ws, struct watch_load *l)
{
    flux_future_t *f;
    struct watch_rpc *rpc;

    f = flux_rpc_raw (ws->h, "content.load", l->ref.bytes,
                      blobref_digest_size (l->ref.kind), FLUX_NODEID_ANY, 0);
    if ((rpc = rpc_new (ws, f, load_answered)))
        rpc->load = l;
    else
        watch_engine_load_done (ws->engine, l, error_of (errno), NULL, 0);
}

/* Responses */

static int respond_chunk (flux_t *h, const struct watch_delivery *d)
{
    const char *json;

    if ((d->flags & WATCH_F_RAW))
        return flux_respond_raw (h, d->client, d->bytes->data, d->bytes->len);
    if (!(json = bytes_chunk_json (d->bytes))) {
        errno = ENOMEM;
        return -1;
    }
    return flux_respond (h, d->client, json);
}

/* An empty chunk in raw form has no payload either: so the flag. */
static int respond_sentinel (flux_t *h, const struct watch_delivery *d)
{
    flux_msg_t *msg;
    int rc = -1;

    if (!(d->flags & WATCH_F_RAW))
        return flux_respond (h, d->client, NULL);
    if ((msg = flux_response_derive (d->client, 0))
        && flux_msg_set_flag (msg, FLUX_MSGFLAG_USER1) == 0)
        rc = flux_send_new (h, &msg, 0);
    flux_msg_destroy (msg);
    return rc;
}

static int respond (flux_t *h, const struct watch_action *a)
{
    const struct watch_delivery *d = container_of (a, struct watch_delivery, action);

    if (a->type == WATCH_VALUE)
        return flux_respond (h, d->client, d->bytes->data);
    if (a->type == WATCH_CHUNK)
        return respond_chunk (h, d);
    return respond_sentinel (h, d);
}

static void respond_failed (struct watch_service *ws, const struct watch_action *a)
{
    const struct watch_delivery *d = container_of (a, struct watch_delivery, action);
    int errnum = error_of (errno);
    uint32_t matchtag;

    flux_log_error (ws->h, "error responding to a watch");
    if (flux_msg_get_matchtag (d->client, &matchtag) == 0)
        watch_engine_fail (ws->engine, flux_msg_route_first (d->client), matchtag, errnum);
}

/* That not all was delivered before the namespace was gone matters to who knows where
 * else to look: job-info.
 */
static void finish (flux_t *h, const struct watch_finish *f)
{
    const flux_msg_t *msg = f->client;
    int errnum = f->errnum == ESTALE && !(f->flags & WATCH_F_RAW) ? ENOTSUP : f->errnum;

    if (errnum && flux_respond_error (h, msg, errnum, f->errtext) < 0)
        flux_log_error (h, "error ending a watch");
    flux_msg_decref (msg);
}

void watch_service_run (struct watch_service *ws)
{
    struct watch_action *a;

    while ((a = watch_engine_next (ws->engine))) {
        switch (a->type) {
            case WATCH_LOOKUP:
                lookup_send (ws, container_of (a, struct watch_lookup, action));
                continue;
            case WATCH_LOAD:
                load_send (ws, container_of (a, struct watch_load, action));
                continue;
            case WATCH_VALUE:
            case WATCH_CHUNK:
            case WATCH_SENTINEL:
                if (respond (ws->h, a) < 0)
                    respond_failed (ws, a);
                break;
            case WATCH_FINISH:
                finish (ws->h, container_of (a, struct watch_finish, action));
                break;
        }
        watch_action_free (a);
    }
}

/* Asked only of texts that differ as bytes. */
static bool same_json (const char *a, const char *b)
{
    json_t *ja = json_loads (a, 0, NULL);
    json_t *jb = json_loads (b, 0, NULL);
    bool same = ja && jb && json_equal (ja, jb);

    json_decref (ja);
    json_decref (jb);
    return same;
}

struct watch_service *watch_service_new (flux_t *h)
{
    struct watch_service *ws;

    if (!(ws = calloc (1, sizeof (*ws))))
        return NULL;
    ws->h = h;
    list_init (&ws->rpcs);
    list_init (&ws->stats);
    ws->event = (struct watch_event)WATCH_EVENT_INIT;
    if (!(ws->engine = watch_engine_new (same_json))) {
        watch_service_free (ws);
        errno = ENOMEM;
        return NULL;
    }
    return ws;
}

void watch_service_free (struct watch_service *ws)
{
    struct watch_rpc *rpc;
    int saved_errno = errno;

    if (!ws)
        return;
    if (ws->engine) {
        watch_engine_shutdown (ws->engine, ENOSYS);
        watch_service_run (ws);
    }
    watch_stats_abort (ws);
    watch_listen_fini (ws);
    while ((rpc = list_first (&ws->rpcs, struct watch_rpc, link)))
        rpc_free (rpc);
    watch_engine_free (ws->engine);
    watch_event_fini (&ws->event);
    free (ws);
    errno = saved_errno;
}
