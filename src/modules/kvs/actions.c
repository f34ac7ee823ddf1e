/* actions.c - carry out what the engine asks for. */

#include "config.h"
#include <errno.h>
#include <jansson.h>

#include "service.h"

/* An RPC whose answer goes back to the engine. */
struct call {
    struct service *s;
    struct list link; /* in s->calls */
    flux_future_t *f;
    struct blobref ref;
    uint64_t id;
    int64_t seq;
    char *ns;
};

static void call_free (void *arg)
{
    struct call *call = arg;

    list_del (&call->link);
    free (call->ns);
    free_keep_errno (call);
}

/* Its continuation runs: the future may live on, but it is no longer out. */
static struct call *call_returned (void *arg)
{
    struct call *call = arg;

    list_del (&call->link);
    return call;
}

void calls_drop_all (struct service *s)
{
    struct call *call;

    while ((call = list_first (&s->calls, struct call, link)))
        flux_future_destroy (call->f);
}

static struct call *call_new (struct service *s, const struct blobref *ref, uint64_t id)
{
    struct call *call = calloc (1, sizeof (*call));

    if (call) {
        call->s = s;
        list_init (&call->link);
        if (ref)
            call->ref = *ref;
        call->id = id;
    }
    return call;
}

/* Takes over f (which may be NULL: errno says why) and call.  Returns 0 or a
 * positive errno: the continuation will not be called.
 */
static int call_then (flux_future_t *f, struct call *call, flux_continuation_f cb)
{
    int errnum;

    if (!f || flux_future_aux_set (f, NULL, call, call_free) < 0) {
        errnum = errno;
        call_free (call);
        flux_future_destroy (f);
        return errnum;
    }
    if (flux_future_then (f, -1., cb, call) < 0) {
        errnum = errno;
        flux_future_destroy (f);
        return errnum;
    }
    call->f = f;
    list_append (&call->s->calls, &call->link);
    return 0;
}

/* ---- content.load ---- */

static int get_blob (flux_future_t *f, struct blob **blob)
{
    const void *data;
    size_t len;

    if (flux_rpc_get_raw (f, &data, &len) < 0)
        return errno;
    if (!(*blob = blob_new (data, len, (void (*) (void *))flux_future_destroy, f)))
        return ENOMEM;
    flux_future_incref (f);
    return 0;
}

static void load_continuation (flux_future_t *f, void *arg)
{
    struct call *call = call_returned (arg);
    struct service *s = call->s;
    struct blob *blob = NULL;
    int errnum = get_blob (f, &blob);

    kvs_engine_loaded (s->e, &call->ref, errnum, blob);
    blob_put (blob);
    flux_future_destroy (f);
    service_run (s);
}

static void do_load (struct service *s, const struct kvs_load *load)
{
    struct blobref ref = load->ref;
    struct call *call = call_new (s, &ref, 0);
    int errnum = ENOMEM;

    if (call)
        errnum =
            call_then (flux_rpc_raw (s->h, "content.load", ref.bytes,
                                     blobref_digest_size (ref.kind), FLUX_NODEID_ANY, 0),
                       call, load_continuation);
    if (errnum)
        kvs_engine_loaded (s->e, &ref, errnum, NULL);
}

/* ---- content.store ---- */

static void store_continuation (flux_future_t *f, void *arg)
{
    struct call *call = call_returned (arg);
    struct service *s = call->s;
    const void *digest;
    struct blobref ref;
    size_t len;
    int errnum = 0;

    if (flux_rpc_get_raw (f, &digest, &len) < 0)
        errnum = errno;
    else if (blobref_from_digest (call->ref.kind, digest, len, &ref) < 0
             || !blobref_equal (&ref, &call->ref))
        errnum = EPROTO;
    kvs_engine_stored (s->e, call->id, errnum);
    flux_future_destroy (f);
    service_run (s);
}

static void do_store (struct service *s, const struct kvs_store *store)
{
    uint64_t id = store->id;
    struct call *call = call_new (s, &store->ref, id);
    int errnum = ENOMEM;

    if (call)
        errnum = call_then (flux_rpc_raw (s->h, "content.store", store->blob->data,
                                          store->blob->len, FLUX_NODEID_ANY, 0),
                            call, store_continuation);
    if (errnum)
        kvs_engine_stored (s->e, id, errnum);
}

/* ---- content.checkpoint-put ---- */

static void checkpoint_continuation (flux_future_t *f, void *arg)
{
    struct call *call = call_returned (arg);
    struct service *s = call->s;
    int errnum = 0;

    s->syncing--;
    if (flux_rpc_get (f, NULL) < 0)
        errnum = errno;
    else {
        s->saved_seq = call->seq;
        s->saved_root = call->ref;
    }
    kvs_engine_checkpointed (s->e, call->id, errnum);
    flux_future_destroy (f);
    service_run (s);
}

static void do_checkpoint (struct service *s, const struct kvs_checkpoint *cp)
{
    uint64_t id = cp->id;
    struct call *call = call_new (s, &cp->ref, id);
    int errnum = ENOMEM;

    if (call) {
        call->seq = cp->seq;
        errnum = call_then (checkpoint_put (s, &cp->ref, cp->seq, false), call,
                            checkpoint_continuation);
    }
    if (errnum)
        kvs_engine_checkpointed (s->e, id, errnum);
    else
        s->syncing++;
}

/* ---- kvs.getroot, of the rank above ---- */

static void fetch_continuation (flux_future_t *f, void *arg)
{
    struct call *call = call_returned (arg);
    struct service *s = call->s;
    const char *rootref;
    int owner = 0, flags = 0, errnum = 0;
    struct blobref root = { 0 };
    json_int_t seq = 0;

    if (flux_rpc_get_unpack (f, "{s:i s:I s:s s:i}", "owner", &owner, "rootseq", &seq,
                             "rootref", &rootref, "flags", &flags)
        < 0)
        errnum = errno;
    else if (blobref_parse (rootref, strlen (rootref), &root) < 0)
        errnum = EPROTO;
    kvs_engine_fetched (s->e, call->ns, errnum, owner, flags, &root, seq);
    flux_future_destroy (f);
    service_run (s);
}

static void do_fetch (struct service *s, const struct kvs_fetch *fetch)
{
    struct call *call = call_new (s, NULL, 0);
    char *ns = strdup (fetch->ns);
    int errnum = ENOMEM;

    if (call && ns && (call->ns = strdup (ns)))
        errnum = call_then (flux_rpc_pack (s->h, "kvs.getroot", FLUX_NODEID_UPSTREAM, 0,
                                           "{s:s s:i}", "namespace", ns, "flags", 0),
                            call, fetch_continuation);
    else if (call)
        call_free (call);
    if (errnum && ns)
        kvs_engine_fetched (s->e, ns, errnum, 0, 0, NULL, 0);
    free (ns);
}

/* ---- what goes out without an answer ---- */

static void do_event (struct service *s, const struct kvs_publish *p)
{
    flux_msg_t *msg;

    if (!(msg = flux_event_encode (p->topic, p->payload))
        || flux_msg_set_private (msg) < 0 || flux_send (s->h, msg, 0) < 0)
        flux_log_error (s->h, "error publishing %s", p->topic);
    flux_msg_destroy (msg);
}

static void do_relay (struct service *s, const struct kvs_publish *p)
{
    flux_future_t *f;

    if (!(f = flux_rpc (s->h, "kvs.relaycommit", p->payload, 0, FLUX_RPC_NORESPONSE)))
        flux_log_error (s->h, "error relaying a commit");
    flux_future_destroy (f);
}

static void do_action (struct service *s, struct kvs_action *a)
{
    struct kvs_publish *p;

    switch (a->type) {
        case KVS_ACTION_LOAD:
            do_load (s, container_of (a, struct kvs_load, action));
            return;
        case KVS_ACTION_STORE:
            do_store (s, container_of (a, struct kvs_store, action));
            return;
        case KVS_ACTION_CHECKPOINT:
            do_checkpoint (s, container_of (a, struct kvs_checkpoint, action));
            return;
        case KVS_ACTION_FETCH:
            do_fetch (s, container_of (a, struct kvs_fetch, action));
            return;
        case KVS_ACTION_RELAY:
        case KVS_ACTION_EVENT:
            p = container_of (a, struct kvs_publish, action);
            if (a->type == KVS_ACTION_EVENT)
                do_event (s, p);
            else
                do_relay (s, p);
            kvs_publish_free (p);
            return;
        case KVS_ACTION_RESPOND:
            request_respond (container_of (container_of (a, struct kvs_request, action),
                                           struct request, r));
            return;
    }
    never ("an action of no known type");
}

void service_run (struct service *s)
{
    struct kvs_action *a;
    bool more;
    int n;

    do {
        more = kvs_engine_run (s->e);
        for (n = 0; (a = kvs_engine_next (s->e)); n++)
            do_action (s, a);
    } while (n > 0 && !more);
    /* A long transaction lets others in, and goes on when they were heard. */
    if (more)
        flux_watcher_start (s->idle);
    else
        flux_watcher_stop (s->idle);
    durability_check (s);
}
