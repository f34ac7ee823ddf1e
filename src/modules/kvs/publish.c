#include "config.h"
#include <errno.h>

#include "commit.h"

static void write_topic (struct text *t, const char *ns, const char *what)
{
    text_puts (t, "kvs.namespace-");
    text_puts (t, ns);
    text_putc (t, '-');
    text_puts (t, what);
}

static void put_string (struct text *t, const char *s)
{
    text_put_json_string (t, s, strlen (s));
}

static struct kvs_publish *
event_new (const char *ns, const char *what, struct text *payload)
{
    _cleanup_ (text_fini)
    struct text topic = TEXT_INIT;

    write_topic (&topic, ns, what);
    return publish_new (KVS_ACTION_EVENT, &topic, payload);
}

static void write_names (struct text *t, struct list *txns)
{
    struct txn *txn;
    bool first = true;

    text_puts (t, ",\"names\":[");
    list_foreach (txns, txn, link) {
        if (txn->refused)
            continue;
        if (!first)
            text_putc (t, ',');
        first = false;
        put_string (t, txn->name);
    }
    text_putc (t, ']');
}

static size_t count_ops (struct list *txns)
{
    struct txn *txn;
    size_t n = 0;

    list_foreach (txns, txn, link)
        n += txn->ops && !txn->refused ? txn->ops->count : 0;
    return n;
}

/* About how long what is said of them will be: a text that grows is copied. */
static size_t guess_size (struct list *txns)
{
    struct txn *txn;
    size_t n = 256;

    list_foreach (txns, txn, link) {
        n += strlen (txn->name) + 3;
        for (size_t i = 0; txn->ops && i < txn->ops->count; i++)
            n += txn->ops->v[i].keylen + 8;
    }
    return n;
}

/* Each key once.  'seen' is only used where there can be two. */
static int write_key (struct text *t, struct table *seen, const struct kvs_operation *op)
{
    int r = seen ? table_put (seen, op->key, op->keylen, (void *)op->key) : 0;

    if (r < 0)
        return r == -EEXIST ? 0 : r;
    if (t->buf[t->len - 1] != '{')
        text_putc (t, ',');
    text_put_json_string (t, op->key, op->keylen);
    text_puts (t, ":null");
    return text_error (t);
}

static int write_keys (struct text *t, struct list *txns)
{
    _cleanup_ (table_fini)
    struct table seen = TABLE_INIT;
    bool many = count_ops (txns) > 1;
    struct txn *txn;
    int r;

    text_puts (t, ",\"keys\":{");
    if ((r = text_error (t)) < 0)
        return r;
    list_foreach (txns, txn, link) {
        for (size_t i = 0; txn->ops && !txn->refused && i < txn->ops->count; i++) {
            if (!txn->ops->v[i].cond
                && (r = write_key (t, many ? &seen : NULL, &txn->ops->v[i])) < 0)
                return r;
        }
    }
    text_putc (t, '}');
    return text_error (t);
}

/* {"namespace":s,"rootseq":i,"rootref":s,"names":[s,...],"keys":{k:null,...},"owner":i} */
struct kvs_publish *
setroot_event (struct ns *ns, struct list *txns, const struct blobref *root, int64_t seq)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;
    char ref[BLOBREF_TEXT_SIZE];

    text_reserve (&t, guess_size (txns));
    text_puts (&t, "{\"namespace\":");
    put_string (&t, ns->name);
    text_puts (&t, ",\"rootseq\":");
    text_put_int (&t, seq);
    text_puts (&t, ",\"rootref\":\"");
    text_puts (&t, blobref_str (root, ref));
    text_putc (&t, '"');
    write_names (&t, txns);
    if (write_keys (&t, txns) < 0)
        return NULL;
    text_puts (&t, ",\"owner\":");
    text_put_int (&t, (int)ns->owner);
    text_putc (&t, '}');
    return event_new (ns->name, "setroot", &t);
}

/* {"namespace":s,"names":[s],"errnum":i,"errstr":s?} */
struct kvs_publish *
error_event (const char *ns, const char *name, int errnum, const char *text)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;

    text_puts (&t, "{\"namespace\":");
    put_string (&t, ns);
    text_puts (&t, ",\"names\":[");
    put_string (&t, name);
    text_printf (&t, "],\"errnum\":%d", errnum);
    if (text) {
        text_puts (&t, ",\"errstr\":");
        put_string (&t, text);
    }
    text_putc (&t, '}');
    return event_new (ns, "error", &t);
}

/* {"namespace":s,"rootseq":i,"rootref":s,"owner":i} */
struct kvs_publish *
created_event (struct ns *ns, const struct blobref *root, int64_t seq)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;
    char ref[BLOBREF_TEXT_SIZE];

    text_puts (&t, "{\"namespace\":");
    put_string (&t, ns->name);
    text_puts (&t, ",\"rootseq\":");
    text_put_int (&t, seq);
    text_puts (&t, ",\"rootref\":\"");
    text_puts (&t, blobref_str (root, ref));
    text_puts (&t, "\",\"owner\":");
    text_put_int (&t, (int)ns->owner);
    text_putc (&t, '}');
    return event_new (ns->name, "created", &t);
}

/* {"namespace":s}, or what the setroot event of the last root would have said */
struct kvs_publish *removed_event (struct ns *ns)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;

    if (ns->farewell) {
        text_puts (&t, ns->farewell->payload);
        return event_new (ns->name, "removed", &t);
    }
    text_puts (&t, "{\"namespace\":");
    put_string (&t, ns->name);
    text_putc (&t, '}');
    return event_new (ns->name, "removed", &t);
}

/* What was stored need not be loaded again. */
static void keep_stored (struct commit *c)
{
    struct cache *cache = &c->ns->e->cache;
    struct wstore *s;

    list_foreach (&c->tree.stores, s, link) {
        if (s->dir) {
            treeobj_dir_set_ref (s->dir, &s->store.ref);
            cache_add_dir (cache, &s->store.ref, s->dir, s->store.blob->len);
        }
        else
            cache_add_raw (cache, &s->store.ref, s->store.blob);
    }
}

/* The answer that all members share; on this rank after the event went out,
 * which every other subscriber here then gets first.
 */
static void answer_members (struct commit *c)
{
    struct ns *ns = c->ns;
    struct txn *t;

    while ((t = list_first (&c->txns, struct txn, link))) {
        struct kvs_request *req;

        if (t->refused) {
            txn_fail (t, KVS_ECONDITION);
            continue;
        }
        if ((req = move_ptr (t->req))) {
            request_end_root (ns->e, req, &ns->root, ns->seq);
            if (ns->paused && !req->prelude) { /* nobody hears of that half */
                list_del (&req->action.link);
                list_append (&ns->held, &req->action.link);
            }
        }
        txn_free (t);
    }
}

/* Nothing but the last words in a namespace that is removed next. */
static bool is_farewell (const struct commit *c)
{
    const struct txn *t = list_first (&c->txns, struct txn, link);

    return c->count == 1 && t->req && t->req->prelude;
}

/* What tells others of the new root. */
static struct kvs_publish *make_event (struct commit *c)
{
    struct ns *ns = c->ns;

    if (ns->unannounced)
        return created_event (ns, &c->root, ns->seq + 1);
    return setroot_event (ns, &c->txns, &c->root, ns->seq + 1);
}

/* A farewell goes with the removal, unless something comes between. */
static void send_event (struct commit *c, struct kvs_publish *event)
{
    struct ns *ns = c->ns;
    struct kvs_publish *farewell = move_ptr (ns->farewell);

    if (farewell)
        list_append (&ns->e->actions, &farewell->action.link);
    if (is_farewell (c) && !ns->unannounced)
        ns->farewell = event;
    else
        list_append (&ns->e->actions, &event->action.link);
    ns->unannounced = false;
}

int commit_publish (struct commit *c)
{
    struct ns *ns = c->ns;
    struct hold *hold = &ns->e->hold;
    struct kvs_publish *event;
    int r;

    if ((r = rootlog_reserve (&ns->log)) < 0
        || (hold->cfg.on && (r = hold_reserve (hold, ns, &c->tree.set)) < 0))
        return r;
    if (!(event = make_event (c)))
        return -ENOMEM;
    keep_stored (c);
    if (hold->cfg.on)
        hold_publish (hold, ns, &c->tree.set);
    send_event (c, event);
    ns_set_root (ns, &c->root, ns->seq + 1);
    if (c->settled)
        hold_close (hold, ns, c->settled, ns->seq);
    answer_members (c);
    commit_free (c);
    if (!list_empty (&ns->queue))
        ns_ready (ns);
    return 0;
}
