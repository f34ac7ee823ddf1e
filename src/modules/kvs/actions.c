/* actions.c - carry out what the engine asks for. */

#include "config.h"
#include <errno.h>
#include <jansson.h>

#include "service.h"

/* What goes back to the engine with the answer. */
struct query {
    struct call call;
    struct blobref ref;
    uint64_t id;
    char *ns; /* or the name of a transaction */
};

static void query_free (void *arg)
{
    struct query *q = arg;

    free (q->ns);
    free_keep_errno (q);
}

static struct query *query_new (const struct blobref *ref, uint64_t id)
{
    struct query *q = calloc (1, sizeof (*q));

    if (q) {
        if (ref)
            q->ref = *ref;
        q->id = id;
    }
    return q;
}

void call_returned (struct call *call)
{
    list_del (&call->link);
}

void calls_drop_all (struct service *s)
{
    struct call *call;

    while ((call = list_first (&s->calls, struct call, link))) {
        call_returned (call);
        flux_future_destroy (call->f);
    }
}

int call_then (struct service *s,
               struct call *call,
               flux_free_f call_free,
               flux_future_t *f,
               flux_continuation_f cb)
{
    int errnum;

    call->s = s;
    call->f = f;
    list_init (&call->link);
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
    list_append (&s->calls, &call->link);
    return 0;
}

/* ---- content.load ---- */

static int get_blob (flux_future_t *f, struct blob **blob)
{
    const void *data;
    size_t len;

    if (flux_rpc_get_raw (f, &data, &len) < 0)
        return errno;
    if (len <= BLOB_COPY_MAX)
        return (*blob = blob_new_copy (data, len)) ? 0 : ENOMEM;
    if (!(*blob = blob_new (data, len, (void (*) (void *))flux_future_destroy, f)))
        return ENOMEM;
    flux_future_incref (f);
    return 0;
}

static void load_continuation (flux_future_t *f, void *arg)
{
    struct query *q = arg;
    struct service *s = q->call.s;
    struct blob *blob = NULL;
    int errnum = get_blob (f, &blob);

    call_returned (&q->call);
    kvs_engine_loaded (s->e, &q->ref, errnum, blob);
    blob_put (blob);
    flux_future_destroy (f);
    service_run (s);
}

static void do_load (struct service *s, const struct kvs_load *load)
{
    struct blobref ref = load->ref;
    struct query *q = query_new (&ref, 0);
    int errnum = ENOMEM;

    if (q)
        errnum =
            call_then (s, &q->call, query_free,
                       flux_rpc_raw (s->h, "content.load", ref.bytes,
                                     blobref_digest_size (ref.kind), FLUX_NODEID_ANY, 0),
                       load_continuation);
    if (errnum)
        kvs_engine_loaded (s->e, &ref, errnum, NULL);
}

/* ---- kvs.getroot, of the rank above ---- */

static void fetch_continuation (flux_future_t *f, void *arg)
{
    struct query *q = arg;
    struct service *s = q->call.s;
    const char *rootref;
    int owner = 0, flags = 0, errnum = 0;
    struct blobref root = { 0 };
    json_int_t seq = 0;

    call_returned (&q->call);
    if (flux_rpc_get_unpack (f, "{s:i s:I s:s s:i}", "owner", &owner, "rootseq", &seq,
                             "rootref", &rootref, "flags", &flags)
        < 0)
        errnum = errno;
    else if (blobref_parse (rootref, strlen (rootref), &root) < 0)
        errnum = EPROTO;
    kvs_engine_fetched (s->e, q->ns, errnum, owner, flags, &root, seq);
    flux_future_destroy (f);
    service_run (s);
}

static void do_fetch (struct service *s, const struct kvs_fetch *fetch)
{
    struct query *q = query_new (NULL, 0);
    char *ns = strdup (fetch->ns);
    int errnum = ENOMEM;

    if (q && ns && (q->ns = strdup (ns)))
        errnum = call_then (s, &q->call, query_free,
                            flux_rpc_pack (s->h, "kvs.getroot", FLUX_NODEID_UPSTREAM, 0,
                                           "{s:s s:i}", "namespace", ns, "flags", 0),
                            fetch_continuation);
    else
        free (q);
    if (errnum && ns)
        kvs_engine_fetched (s->e, ns, errnum, 0, 0, NULL, 0);
    free (ns);
}

/* ---- kvs.relaycommit, to rank 0 ---- */

/* How the commit ends is told by an event, but whom nobody took, nobody tells of. */
static void relay_continuation (flux_future_t *f, void *arg)
{
    struct query *q = arg;
    struct service *s = q->call.s;

    call_returned (&q->call);
    if (flux_rpc_get (f, NULL) < 0)
        kvs_engine_relay_refused (s->e, q->ns, errno);
    flux_future_destroy (f);
    service_run (s);
}

/* Takes over p. */
static void do_relay (struct service *s, struct kvs_publish *p)
{
    struct query *q = query_new (NULL, 0);
    int errnum = ENOMEM;

    if (q && (q->ns = strdup (p->topic)))
        errnum = call_then (s, &q->call, query_free,
                            flux_rpc (s->h, "kvs.relaycommit", p->payload, 0, 0),
                            relay_continuation);
    else
        free (q);
    if (errnum)
        kvs_engine_relay_refused (s->e, p->topic, errnum);
    kvs_publish_free (p);
}

/* ---- what goes out without an answer ---- */

void event_send (struct service *s, const struct kvs_publish *p)
{
    flux_msg_t *msg;

    if (!(msg = flux_event_encode (p->topic, p->payload))
        || flux_msg_set_private (msg) < 0 || flux_send (s->h, msg, 0) < 0)
        flux_log_error (s->h, "error publishing %s", p->topic);
    flux_msg_destroy (msg);
}


static void do_keep (struct service *s, const struct kvs_keep *k)
{
    flux_future_t *f;

    if (!(f = flux_rpc_raw (s->h, "kvs.held-keep", k->ref.bytes,
                            blobref_digest_size (k->ref.kind), 0, FLUX_RPC_NORESPONSE)))
        flux_log_error (s->h, "error sending kvs.held-keep");
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
            store_add (s, container_of (a, struct kvs_store, action));
            return;
        case KVS_ACTION_CHECKPOINT:
            checkpoint_sync (s, container_of (a, struct kvs_checkpoint, action));
            return;
        case KVS_ACTION_BATCH:
            batch_send (s, container_of (a, struct kvs_batch, action));
            return;
        case KVS_ACTION_SAVED:
            durability_saved (s, container_of (a, struct kvs_saved, action));
            return;
        case KVS_ACTION_FETCH:
            do_fetch (s, container_of (a, struct kvs_fetch, action));
            return;
        case KVS_ACTION_KEEP:
            do_keep (s, container_of (a, struct kvs_keep, action));
            free (container_of (a, struct kvs_keep, action));
            return;
        case KVS_ACTION_RELAY:
            do_relay (s, container_of (a, struct kvs_publish, action));
            return;
        case KVS_ACTION_EVENT:
            p = container_of (a, struct kvs_publish, action);
            event_send (s, p);
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

    s->gathered = 0;
    do {
        more = kvs_engine_run (s->e);
        for (n = 0; (a = kvs_engine_next (s->e)); n++)
            do_action (s, a);
        stores_send (s);
    } while (n > 0 && !more);
    /* A long transaction lets others in, and goes on when they were heard. */
    if (more)
        flux_watcher_start (s->idle);
    else
        flux_watcher_stop (s->idle);
    if (kvs_engine_lazy (s->e) && !flux_watcher_is_active (s->lazy_timer)) {
        flux_timer_watcher_reset (s->lazy_timer, LAZY_MAX, 0.);
        flux_watcher_start (s->lazy_timer);
    }
    durability_check (s);
}

void service_look (struct service *s)
{
    if (kvs_engine_lazy (s->e)) {
        kvs_engine_hurry (s->e);
        service_run (s);
    }
}

void service_lazy_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    service_look (arg);
}

/* A message is there, and not too many have been let pass. */
static bool gathers (struct service *s)
{
    int events;

    if (s->gathered >= GATHER_MAX || (events = flux_pollevents (s->h)) < 0
        || !(events & FLUX_POLLIN))
        return false;
    s->gathered++;
    return true;
}

void service_run_gathered (struct service *s)
{
    if (s->rank == 0 && gathers (s))
        flux_watcher_start (s->idle); /* so that the loop comes back here */
    else
        service_run (s);
}

void service_idle_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct service *s = arg;

    if (s->gathered == 0 || !gathers (s))
        service_run (s);
}
