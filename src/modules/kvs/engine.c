#include "config.h"
#include <errno.h>
#include <stdio.h>

#include "engine_impl.h"
#include "settle.h"

int kvs_engine_new (const struct kvs_config *cfg, struct kvs_engine **ret)
{
    struct kvs_engine *e;
    int r;

    if (!(e = calloc (1, sizeof (*e))))
        return -ENOMEM;
    e->cfg = *cfg;
    if ((r = blobhash_new (cfg->hash, &e->hash)) < 0) {
        free (e);
        return r;
    }
    list_init (&e->actions);
    cache_init (&e->cache, &e->actions);
    hold_init (&e->hold, &e->cache);
    kvs_engine_set_hold (e, &cfg->hold);
    list_init (&e->settles);
    list_init (&e->flushes);
    list_init (&e->starved);
    table_init (&e->namespaces);
    list_init (&e->removed);
    list_init (&e->ready);
    list_init (&e->lazy);
    table_init (&e->commits);
    table_init (&e->relays);
    list_init (&e->lookups);
    e->next_name = cfg->first_name;
    e->next_id = 1;
    e->checkpointed = -1;
    *ret = e;
    return 0;
}

static void drop_action (struct kvs_action *a)
{
    list_del (&a->link);
    if (a->type == KVS_ACTION_EVENT || a->type == KVS_ACTION_RELAY)
        kvs_publish_free (container_of (a, struct kvs_publish, action));
    else if (a->type == KVS_ACTION_BATCH)
        kvs_batch_free (container_of (a, struct kvs_batch, action));
    else if (a->type == KVS_ACTION_KEEP)
        free (container_of (a, struct kvs_keep, action));
    else if (a->type == KVS_ACTION_SAVED)
        free (container_of (a, struct kvs_saved, action));
}

void kvs_engine_free (struct kvs_engine *e)
{
    struct kvs_action *a;
    struct txn *t;
    struct ns *ns;

    if (!e)
        return;
    lookup_free_all (e);
    while ((t = table_pop (&e->relays)))
        txn_free (t);
    while ((ns = table_pop (&e->namespaces)))
        ns_free (ns);
    settle_free_all (e);
    while ((a = list_first (&e->actions, struct kvs_action, link)))
        drop_action (a);
    cache_fini (&e->cache);
    text_fini (&e->scratch);
    table_fini (&e->relays);
    table_fini (&e->commits);
    table_fini (&e->namespaces);
    blobhash_free (e->hash);
    free (e);
}

void kvs_engine_set_time (struct kvs_engine *e, double now)
{
    e->cache.now = now;
}

void kvs_engine_set_sync (struct kvs_engine *e, bool sync)
{
    e->cfg.sync = sync;
}

void kvs_engine_set_hold (struct kvs_engine *e, const struct kvs_hold *hold)
{
    e->hold.cfg = *hold;
    if (e->cfg.rank > 0)
        e->hold.cfg.on = false;
}

void kvs_engine_tick (struct kvs_engine *e)
{
    cache_expire (&e->cache);
    ns_tick (e);
}

/* ---- actions ---- */

struct kvs_action *kvs_engine_next (struct kvs_engine *e)
{
    struct kvs_action *a = list_first (&e->actions, struct kvs_action, link);

    if (a)
        list_del (&a->link);
    return a;
}

struct kvs_publish *
publish_new (enum kvs_action_type type, struct text *topic, struct text *payload)
{
    struct kvs_publish *p = calloc (1, sizeof (*p));

    if (!p || (topic && !(p->topic = text_take (topic, NULL)))
        || !(p->payload = text_take (payload, &p->len))) {
        kvs_publish_free (p);
        return NULL;
    }
    p->action.type = type;
    list_init (&p->action.link);
    return p;
}

void kvs_publish_free (struct kvs_publish *p)
{
    if (p) {
        free (p->topic);
        free (p->payload);
        free_keep_errno (p);
    }
}

void kvs_batch_free (struct kvs_batch *b)
{
    if (b) {
        text_fini (&b->blobs);
        text_fini (&b->digests);
        free_keep_errno (b);
    }
}

/* ---- requests ---- */

void kvs_request_init (struct kvs_request *req, const struct kvs_cred *cred)
{
    *req = (struct kvs_request){ .cred = *cred };
    req->action.type = KVS_ACTION_RESPOND;
    list_init (&req->action.link);
}

void kvs_request_fini (struct kvs_request *req)
{
    if (req->cancel)
        req->cancel (req);
    list_del (&req->action.link);
    free_keep_errno (req->heap);
    req->heap = NULL;
    req->payload = NULL;
}

void request_begin (struct kvs_engine *e,
                    struct kvs_request *req,
                    void *op,
                    void (*cancel) (struct kvs_request *))
{
    req->op = op;
    req->cancel = cancel;
    e->pending++;
}

void request_refuse (struct kvs_engine *e,
                     struct kvs_request *req,
                     int errnum,
                     const char *errtext)
{
    req->errnum = errnum;
    req->errtext = errtext;
    req->op = NULL;
    req->cancel = NULL;
    list_append (&e->actions, &req->action.link);
}

void request_end (struct kvs_engine *e,
                  struct kvs_request *req,
                  int errnum,
                  const char *errtext)
{
    e->pending--;
    request_refuse (e, req, errnum, errtext);
}

void request_end_text (struct kvs_engine *e, struct kvs_request *req, struct text *text)
{
    req->payload = req->heap = text_take (text, &req->len);
    request_end (e, req, req->payload ? 0 : ENOMEM, NULL);
}

void request_end_root (struct kvs_engine *e,
                       struct kvs_request *req,
                       const struct blobref *root,
                       int64_t seq)
{
    char ref[BLOBREF_TEXT_SIZE];
    int n =
        snprintf (req->root, sizeof (req->root), "{\"rootref\":\"%s\",\"rootseq\":%jd}",
                  blobref_str (root, ref), (intmax_t)seq);

    must (n > 0 && (size_t)n < sizeof (req->root));
    req->payload = req->root;
    req->len = n;
    request_end (e, req, 0, NULL);
}

/* ---- answers from content ---- */

void kvs_engine_loaded (struct kvs_engine *e,
                        const struct blobref *ref,
                        int errnum,
                        struct blob *blob)
{
    cache_loaded (&e->cache, ref, errnum, blob);
}

/* ---- what is held ---- */

int kvs_engine_held_load (struct kvs_engine *e,
                          const struct blobref *ref,
                          struct text *out)
{
    const struct cache_entry *entry = cache_held (&e->cache, ref);

    if (!entry)
        return -ENOENT;
    cache_write_held (entry, out);
    return text_error (out);
}

void kvs_engine_held_keep (struct kvs_engine *e, const struct blobref *ref)
{
    hold_keep (&e->hold, ns_find (e, "primary"), ref);
}

void engine_keep (struct kvs_engine *e, struct ns *ns, const struct blobref *ref)
{
    struct kvs_keep *k;

    if (e->cfg.rank == 0) {
        hold_keep (&e->hold, ns ? ns : ns_find (e, "primary"), ref);
        return;
    }
    if (blobref_equal (&e->kept, ref) || !(k = calloc (1, sizeof (*k))))
        return;
    k->action.type = KVS_ACTION_KEEP;
    k->ref = e->kept = *ref;
    list_append (&e->actions, &k->action.link);
}

/* ---- statistics ---- */

void tally_add (struct kvs_tally *t, double value)
{
    if (t->count++ == 0)
        t->min = t->max = value;
    if (value < t->min)
        t->min = value;
    if (value > t->max)
        t->max = value;
    t->sum += value;
    t->sumsq += value * value;
}

bool kvs_engine_ns_next (struct kvs_engine *e, size_t *pos, struct kvs_ns_stats *stats)
{
    struct ns *ns;

    do {
        if (!(ns = table_next (&e->namespaces, pos)))
            return false;
    } while (ns->state == NS_FETCHING);
    *stats = (struct kvs_ns_stats){
        .name = ns->name,
        .owner = ns->owner,
        .flags = ns->flags,
        .removed = ns->state == NS_REMOVED,
        .seq = ns->seq,
        .version_waiters = treap_count (&ns->waits),
        .transactions = ns->unanswered,
        .ready = ns->queued,
        .noop_stores = ns->noop_stores,
    };
    return true;
}

int kvs_engine_root (struct kvs_engine *e,
                     const char *name,
                     struct blobref *root,
                     int64_t *seq)
{
    struct ns *ns = ns_find (e, name);

    if (!ns || ns->state != NS_ACTIVE)
        return -ENOENT;
    *root = ns->root;
    *seq = ns->seq;
    return 0;
}

/* The size of a blob; but of a directory that was not written yet, and of which there
 * may be many versions, what that takes.
 */
static size_t entry_bytes (const struct cache_entry *e)
{
    size_t cost;

    return e->held && (cost = cache_cost (e)) < e->size ? cost : e->size;
}

void kvs_engine_stats (struct kvs_engine *e, struct kvs_stats *stats)
{
    const struct cache_entry *entry;
    size_t pos = 0;

    *stats = (struct kvs_stats){
        .loading = e->cache.loading,
        .storing = e->storing,
        .faults = e->cache.faults,
        .opcount = e->opcount,
        .pending = e->pending,
        .held = e->cache.held,
        .open_bytes = e->hold.open_bytes,
        .log_bytes = e->hold.closed_bytes,
    };
    while ((entry = table_next (&e->cache.entries, &pos))) {
        if (!entry->loading)
            tally_add (&stats->blob_bytes, entry_bytes (entry));
    }
    stats->cache_bytes = stats->blob_bytes.sum;
}

void kvs_engine_stats_clear (struct kvs_engine *e)
{
    struct ns *ns;
    size_t pos = 0;

    e->cache.faults = 0;
    e->opcount = (struct kvs_tally){ 0 };
    while ((ns = table_next (&e->namespaces, &pos)))
        ns->noop_stores = 0;
}
