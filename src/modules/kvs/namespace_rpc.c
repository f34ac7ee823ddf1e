#include "config.h"
#include <errno.h>

#include "common/jview.h"
#include "service.h"

/* A string member, in a text of its own.  0, -EPROTO or -ENOMEM. */
static int get_string (struct jview v, struct text *t)
{
    int r = jview_string (v, t);

    text_put (t, "", 0); /* there is a buffer even if it is empty */
    if (r == 0)
        r = text_error (t);
    return r == 0 || r == -ENOMEM ? r : -EPROTO;
}

static int get_int (struct jview v, int *ret)
{
    int64_t i;

    if (jview_int (v, &i) < 0)
        return -EPROTO;
    *ret = i;
    return 0;
}

static int pick (const flux_msg_t *msg, size_t n, const char *const keys[], struct jview v[])
{
    const char *text;
    size_t len;

    if (request_text (msg, &text, &len) < 0
        || jview_parse_pick (text, len, false, n, keys, v) < 0)
        return -EPROTO;
    return 0;
}

struct create {
    struct text ns;
    struct text rootref;
    int owner;
    int flags;
};

static void create_fini (struct create *c)
{
    text_fini (&c->ns);
    text_fini (&c->rootref);
}

static int decode_create (const flux_msg_t *msg, struct create *c)
{
    static const char *const keys[] = { "namespace", "rootref", "owner", "flags" };
    struct jview v[ARRAY_SIZE (keys)];
    int r;

    if ((r = pick (msg, ARRAY_SIZE (keys), keys, v)) < 0
        || (r = get_string (v[0], &c->ns)) < 0 || (r = get_string (v[1], &c->rootref)) < 0
        || (r = get_int (v[2], &c->owner)) < 0)
        return r;
    return get_int (v[3], &c->flags);
}

/* kvs.namespace-create, rank 0
 *   { "namespace":s "rootref":s "owner":i "flags":i } -> { }
 */
void ns_create_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    _cleanup_ (create_fini) struct create c = { 0 };
    struct service *s = arg;
    const char *why = NULL;
    struct blobref root;
    int r;

    if ((r = decode_create (msg, &c)) == 0
        && (s->rank > 0 || blobref_parse (c.rootref.buf, c.rootref.len, &root) < 0))
        r = -EINVAL;
    if (r == 0) {
        uint32_t owner =
            (uint32_t)c.owner == FLUX_USERID_UNKNOWN ? s->owner : (uint32_t)c.owner;

        r = kvs_engine_ns_create (s->e, c.ns.buf, owner, c.flags, &root, 0, KVS_NS_NOW);
    }
    if (r == -EAGAIN) {
        r = -EEXIST;
        why =
            "namespace with identical name in process of being removed. Try again later";
    }
    service_run (s);
    if (r < 0)
        respond_error (s, msg, -r, why);
    else
        respond_empty (s, msg);
}

void namespace_was_removed (struct service *s)
{
    if (!flux_watcher_is_active (s->tick_timer)) {
        flux_timer_watcher_reset (s->tick_timer, TICK_MIN, 0.);
        flux_watcher_start (s->tick_timer);
    }
}

/* kvs.namespace-remove, rank 0
 *   { "namespace":s } -> { }
 */
void ns_remove_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    static const char *const keys[] = { "namespace" };
    _cleanup_ (text_fini) struct text ns = TEXT_INIT;
    struct service *s = arg;
    struct jview v;
    int r;

    if ((r = pick (msg, 1, keys, &v)) == 0 && (r = get_string (v, &ns)) == 0)
        r = s->rank > 0 ? -EINVAL : kvs_engine_ns_remove (s->e, ns.buf);
    service_run (s);
    if (r < 0) {
        respond_error (s, msg, -r, NULL);
        return;
    }
    respond_empty (s, msg);
    namespace_was_removed (s);
}

/* kvs.namespace-list
 *   { } -> { "namespaces":[ { "namespace":s "owner":i "flags":i }, ... ] }
 */
void ns_list_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    struct service *s = arg;
    struct kvs_ns_stats ns;
    size_t pos = 0;
    bool first = true;

    text_puts (&t, "{\"namespaces\":[");
    while (kvs_engine_ns_next (s->e, &pos, &ns)) {
        if (ns.removed)
            continue;
        text_puts (&t, first ? "{\"namespace\":" : ",{\"namespace\":");
        first = false;
        text_put_json_string (&t, ns.name, strlen (ns.name));
        text_printf (&t, ",\"owner\":%d,\"flags\":%d}", (int)ns.owner, ns.flags);
    }
    text_puts (&t, "]}");
    if (text_error (&t))
        respond_error (s, msg, ENOMEM, NULL);
    else if (flux_respond (h, msg, t.buf) < 0)
        flux_log_error (h, "error responding to kvs.namespace-list");
}
