#include "config.h"
#include <errno.h>
#include <jansson.h>

#include "service.h"

/* kvs.namespace-create, rank 0
 *   { "namespace":s "rootref":s "owner":i "flags":i } -> { }
 */
void ns_create_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    const char *ns, *rootref, *why = NULL;
    struct blobref root;
    int owner, flags, r;

    if (flux_request_unpack (msg, NULL, "{s:s s:s s:i s:i}", "namespace", &ns, "rootref",
                             &rootref, "owner", &owner, "flags", &flags)
        < 0)
        r = -EPROTO;
    else if (s->rank > 0 || blobref_parse (rootref, strlen (rootref), &root) < 0)
        r = -EINVAL;
    else
        r = kvs_engine_ns_create (
            s->e, ns, (uint32_t)owner == FLUX_USERID_UNKNOWN ? s->owner : (uint32_t)owner,
            flags, &root, 0, true);
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
    struct service *s = arg;
    const char *ns;
    int r;

    if (flux_request_unpack (msg, NULL, "{s:s}", "namespace", &ns) < 0)
        r = -EPROTO;
    else if (s->rank > 0)
        r = -EINVAL;
    else
        r = kvs_engine_ns_remove (s->e, ns);
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
