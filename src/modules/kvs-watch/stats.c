/* stats.c - kvs-watch.stats-get
 *   -> { "watchers":i "namespace-count":i
 *        "lookups":i "loads":i "bytes":i "responses":i
 *        "forgotten":i "kept":i
 *        "namespaces":{ NS:{ "owner":i "rootseq":i "rootref":s "watchers":i } } }
 *
 * Watching does not need the owner of a namespace, nor a root that is older
 * than the first lookup; what no event has told yet is asked of kvs here, when
 * somebody wants to see it, and not for each namespace that is watched.
 */

#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <jansson.h>

#include "common/util.h"
#include "service.h"

struct stats {
    struct list link;
    struct watch_service *ws;
    const flux_msg_t *msg;
    json_t *o;
    json_t *namespaces;
    flux_future_t *all; /* one kvs.getroot per namespace */
};

static void stats_free (struct stats *st)
{
    if (st) {
        list_del (&st->link);
        flux_future_destroy (st->all);
        flux_msg_decref (st->msg);
        json_decref (st->o);
        free (st);
    }
}

static int stats_entry (struct stats *st, const struct watch_stat *ns)
{
    json_t *entry;

    entry = json_pack (
        "{s:i s:I s:s s:I}", "owner", ns->owner_known ? (int)ns->owner : -1, "rootseq",
        ns->known ? (json_int_t)ns->rootseq : -1, "rootref",
        ns->known ? ns->rootref : "(null)", "watchers", (json_int_t)ns->watchers);
    return json_object_set_new (st->namespaces, ns->ns, entry);
}

static int stats_ask (struct stats *st, const char *ns)
{
    flux_t *h = st->ws->h;
    flux_future_t *f;

    if (!st->all) {
        if (!(st->all = flux_future_wait_all_create ()))
            return -1;
        flux_future_set_flux (st->all, h);
    }
    f = flux_rpc_pack (h, "kvs.getroot", FLUX_NODEID_ANY, 0, "{s:s s:i}", "namespace", ns,
                       "flags", 0);
    if (!f || flux_future_push (st->all, ns, f) < 0) {
        flux_future_destroy (f);
        return -1;
    }
    return 0;
}

static void stats_respond (struct stats *st)
{
    flux_t *h = st->ws->h;

    if (flux_respond_pack (h, st->msg, "O", st->o) < 0)
        flux_log_error (h, "error responding to stats-get");
    stats_free (st);
}

static void stats_told (flux_future_t *all, void *arg)
{
    struct stats *st = arg;
    const char *name, *rootref;
    json_int_t rootseq;
    int owner;

    for (name = flux_future_first_child (all); name;
         name = flux_future_next_child (all)) {
        flux_future_t *f = flux_future_get_child (all, name);
        json_t *entry = json_object_get (st->namespaces, name);

        if (flux_rpc_get_unpack (f, "{s:i s:I s:s}", "owner", &owner, "rootseq", &rootseq,
                                 "rootref", &rootref)
            < 0)
            continue; /* it is waited for, or just gone */
        (void)json_object_set_new (entry, "owner", json_integer (owner));
        (void)json_object_set_new (entry, "rootseq", json_integer (rootseq));
        (void)json_object_set_new (entry, "rootref", json_string (rootref));
    }
    stats_respond (st);
}

static struct stats *stats_new (struct watch_service *ws, const flux_msg_t *msg)
{
    const struct watch_counters *c;
    struct stats *st;

    if (!(st = calloc (1, sizeof (*st))))
        return NULL;
    st->ws = ws;
    st->msg = flux_msg_incref (msg);
    list_append (&ws->stats, &st->link);
    c = watch_engine_counters (ws->engine);
    st->o = json_pack ("{s:I s:I s:I s:I s:I s:I s:I s:I s:{}}", "watchers",
                       (json_int_t)watch_engine_count (ws->engine), "namespace-count",
                       (json_int_t)watch_engine_namespaces (ws->engine), "lookups",
                       (json_int_t)c->lookups, "loads", (json_int_t)c->loads, "bytes",
                       (json_int_t)c->bytes, "responses",
                       (json_int_t)c->responses, "forgotten", (json_int_t)c->forgotten,
                       "kept", (json_int_t)c->kept, "namespaces");
    if (!st->o) {
        stats_free (st);
        errno = ENOMEM;
        return NULL;
    }
    st->namespaces = json_object_get (st->o, "namespaces");
    return st;
}

void watch_stats_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct watch_service *ws = arg;
    struct stats *st;
    struct watch_stat ns;
    size_t pos = 0;

    if (!(st = stats_new (ws, msg)))
        goto error;
    while (watch_engine_stat (ws->engine, &pos, &ns)) {
        if (stats_entry (st, &ns) < 0) {
            errno = ENOMEM;
            goto error;
        }
        if ((!ns.known || !ns.owner_known) && stats_ask (st, ns.ns) < 0)
            goto error;
    }
    if (!st->all)
        stats_respond (st);
    else if (flux_future_then (st->all, -1, stats_told, st) < 0)
        goto error;
    return;
error:
    if (flux_respond_error (h, msg, errno, NULL) < 0)
        flux_log_error (h, "error responding to stats-get");
    stats_free (st);
}

void watch_stats_abort (struct watch_service *ws)
{
    struct stats *st;

    while ((st = list_first (&ws->stats, struct stats, link))) {
        (void)flux_respond_error (ws->h, st->msg, ENOSYS, NULL);
        stats_free (st);
    }
}
