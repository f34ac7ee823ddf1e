#include "config.h"
#include <errno.h>
#include <strings.h>

#include "engine_impl.h"
#include "settle.h"

/* A client that waits for a version. */
struct version_wait {
    struct treap_node node; /* in ns->waits */
    int64_t seq;
    uint64_t order; /* of arrival: equal versions are served in turn */
    struct ns *ns;
    struct kvs_request *req;
};

/* A request that waits until its namespace is known here. */
struct ns_request {
    struct waiter waiter;
    struct kvs_engine *e;
    struct kvs_request *req;
    char *name;
    void (*go) (struct ns *ns, struct kvs_request *req, int64_t arg);
    int64_t arg;
};

static int wait_cmp (const struct treap_node *a, const struct treap_node *b)
{
    const struct version_wait *x = container_of (a, struct version_wait, node);
    const struct version_wait *y = container_of (b, struct version_wait, node);

    if (x->seq != y->seq)
        return x->seq < y->seq ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

struct ns *ns_new (struct kvs_engine *e, const char *name)
{
    struct ns *ns = calloc (1, sizeof (*ns));

    if (!ns || !(ns->name = strdup (name))
        || table_put_str (&e->namespaces, ns->name, ns) < 0) {
        if (ns)
            free (ns->name);
        free (ns);
        return NULL;
    }
    ns->e = e;
    ns->used = e->cache.now;
    ns->fetch.action.type = KVS_ACTION_FETCH;
    ns->fetch.ns = ns->name;
    list_init (&ns->fetch.action.link);
    list_init (&ns->removed_link);
    list_init (&ns->queue);
    list_init (&ns->ready_link);
    list_init (&ns->lazy_link);
    list_init (&ns->held);
    list_init (&ns->gens);
    list_init (&ns->closed_gens);
    list_init (&ns->fetch_waiters);
    list_init (&ns->events);
    treap_init (&ns->waits, wait_cmp);
    return ns;
}

static void wait_free (struct version_wait *v)
{
    treap_remove (&v->ns->waits, &v->node);
    free (v);
}

/* Who gets what it held and somebody was told of. */
static struct ns *heir_of (const struct ns *ns)
{
    struct ns *primary = ns_find (ns->e, "primary");

    return primary == ns ? NULL : primary;
}

/* Whoever still waits is not answered: that is for the caller. */
void ns_free (struct ns *ns)
{
    struct treap_node *n;

    commit_abort (ns, 0);
    settle_forget_ns (ns);
    hold_forget (&ns->e->hold, ns, heir_of (ns));
    follower_drop_events (ns);
    while ((n = treap_first (&ns->waits))) {
        struct version_wait *v = container_of (n, struct version_wait, node);

        v->req->cancel = NULL;
        wait_free (v);
    }
    while (!list_empty (&ns->held))
        list_del (ns->held.next);
    while (!list_empty (&ns->fetch_waiters))
        list_del (ns->fetch_waiters.next);
    list_del (&ns->fetch.action.link);
    kvs_publish_free (ns->farewell);
    rootlog_fini (&ns->log);
    list_del (&ns->ready_link);
    list_del (&ns->lazy_link);
    list_del (&ns->removed_link);
    cache_unpin (&ns->e->cache, ns->warm);
    free (ns->name);
    free (ns);
}

struct ns *ns_find (struct kvs_engine *e, const char *name)
{
    return table_get_str (&e->namespaces, name);
}

int ns_get (struct kvs_engine *e, const char *name, struct waiter *w, struct ns **ret)
{
    struct ns *ns = ns_find (e, name);
    int r;

    if (!ns) {
        if (e->cfg.rank == 0)
            return -EOPNOTSUPP;
        if ((r = follower_fetch (e, name, &ns)) < 0)
            return r;
    }
    if (ns->state == NS_REMOVED)
        return -EOPNOTSUPP;
    if (ns->state == NS_FETCHING) {
        list_append (&ns->fetch_waiters, &w->link);
        return -EAGAIN;
    }
    ns->used = e->cache.now;
    *ret = ns;
    return 0;
}

int ns_authorize (const struct ns *ns, const struct kvs_cred *cred)
{
    if (cred->owner || (cred->user && cred->userid == ns->owner))
        return 0;
    return -EPERM;
}

void ns_warm (struct ns *ns)
{
    if (!ns->warm)
        ns->warm = cache_pin (&ns->e->cache, &ns->root);
}

static void answer_waits (struct ns *ns)
{
    struct treap_node *n;

    while ((n = treap_first (&ns->waits))) {
        struct version_wait *v = container_of (n, struct version_wait, node);

        if (v->seq > ns->seq)
            break;
        request_end_root (ns->e, v->req, &ns->root, ns->seq);
        wait_free (v);
    }
}

void ns_set_root (struct ns *ns, const struct blobref *root, int64_t seq)
{
    struct cache_entry *old = ns->warm;

    ns->root = *root;
    ns->seq = seq;
    ns->used = ns->e->cache.now;
    if (ns->e->cfg.rank == 0)
        rootlog_add (&ns->log, seq, ns->used, root);
    ns->warm = NULL;
    ns_warm (ns);
    cache_unpin (&ns->e->cache, old);
    answer_waits (ns);
}

/* ---- removal ---- */

void ns_remove (struct ns *ns)
{
    struct kvs_engine *e = ns->e;
    struct treap_node *n;

    ns->state = NS_REMOVED;
    list_append (&e->removed, &ns->removed_link);
    commit_abort (ns, EOPNOTSUPP);
    list_splice (&e->actions, &ns->held);
    while ((n = treap_first (&ns->waits))) {
        struct version_wait *v = container_of (n, struct version_wait, node);

        request_end (e, v->req, EOPNOTSUPP, NULL);
        wait_free (v);
    }
}

void ns_forget (struct ns *ns)
{
    table_del_str (&ns->e->namespaces, ns->name);
    ns_free (ns);
}

/* A namespace that nobody used for long; it can be fetched again. */
static bool ns_forgettable (const struct ns *ns)
{
    return ns->state == NS_ACTIVE && ns->e->cache.now - ns->used > NS_FORGET_AGE
           && treap_count (&ns->waits) == 0 && ns->unanswered == 0 && !ns->paused
           && strcmp (ns->name, "primary") != 0;
}

void ns_tick (struct kvs_engine *e)
{
    struct list old = LIST_INIT (old);
    struct ns *ns;
    size_t pos = 0;

    list_foreach (&e->removed, ns, removed_link) {
        if (ns->unanswered == 0)
            ns_forget (ns);
    }
    if (e->cfg.rank == 0)
        return;
    /* The table must not change while it is walked. */
    while ((ns = table_next (&e->namespaces, &pos))) {
        if (ns_forgettable (ns))
            list_append (&old, &ns->removed_link);
    }
    while ((ns = list_first (&old, struct ns, removed_link)))
        ns_forget (ns);
}

/* ---- create and remove, rank 0 ---- */

int kvs_engine_ns_create (struct kvs_engine *e,
                          const char *name,
                          uint32_t owner,
                          int flags,
                          const struct blobref *root,
                          int64_t seq,
                          enum kvs_ns_announce announce)
{
    struct ns *ns;
    int r;

    if ((ns = ns_find (e, name)))
        return ns->state == NS_REMOVED ? -EAGAIN : -EEXIST;
    if (!(ns = ns_new (e, name)))
        return -ENOMEM;
    ns->state = NS_ACTIVE;
    ns->owner = owner;
    ns->flags = flags;
    ns->root = *root;
    ns->seq = seq;
    rootlog_init (&ns->log, seq, e->cache.now, root);
    ns_warm (ns);
    if ((r = hold_adopt (&e->hold, ns, root)) < 0) {
        ns_forget (ns);
        return r;
    }
    ns->unannounced = announce != KVS_NS_SILENT;
    if (announce == KVS_NS_NOW && (r = kvs_engine_ns_announce (e, name)) < 0) {
        ns_forget (ns);
        return r;
    }
    return 0;
}

int kvs_engine_ns_announce (struct kvs_engine *e, const char *name)
{
    struct ns *ns = ns_find (e, name);
    struct kvs_publish *event;

    if (!ns || !ns->unannounced)
        return 0;
    if (!(event = created_event (ns, &ns->root, ns->seq)))
        return -ENOMEM;
    list_append (&e->actions, &event->action.link);
    ns->unannounced = false;
    return 0;
}

int kvs_engine_ns_remove (struct kvs_engine *e, const char *name)
{
    struct kvs_publish *event;
    struct ns *ns;

    if (strcasecmp (name, "primary") == 0)
        return -EOPNOTSUPP;
    if (!(ns = ns_find (e, name)) || ns->state == NS_REMOVED)
        return 0;
    if (!(event = removed_event (ns)))
        return -ENOMEM;
    ns_remove (ns);
    list_append (&e->actions, &event->action.link);
    return 0;
}

/* ---- requests about a namespace ---- */

static void ns_request_free (struct ns_request *r)
{
    waiter_cancel (&r->waiter);
    free (r->name);
    free (r);
}

static void ns_request_cancel (struct kvs_request *req)
{
    struct ns_request *r = req->op;

    r->e->pending--;
    ns_request_free (r);
}

static void ns_request_try (struct ns_request *r)
{
    struct kvs_engine *e = r->e;
    struct kvs_request *req = r->req;
    struct ns *ns;
    int rc;

    if ((rc = ns_get (e, r->name, &r->waiter, &ns)) == -EAGAIN)
        return;
    if (rc < 0 || (rc = ns_authorize (ns, &req->cred)) < 0)
        request_end (e, req, -rc, NULL);
    else
        r->go (ns, req, r->arg);
    ns_request_free (r);
}

static void ns_request_wake (struct waiter *w, int errnum)
{
    struct ns_request *r = container_of (w, struct ns_request, waiter);

    if (errnum) {
        request_end (r->e, r->req, errnum, NULL);
        ns_request_free (r);
        return;
    }
    ns_request_try (r);
}

/* Call go () with the namespace as soon as it is known and if the client may
 * use it.
 */
static void ns_request (struct kvs_engine *e,
                        struct kvs_request *req,
                        const char *name,
                        void (*go) (struct ns *, struct kvs_request *, int64_t),
                        int64_t arg)
{
    struct ns_request *r = calloc (1, sizeof (*r));

    if (!r || !(r->name = strdup (name))) {
        free (r);
        request_refuse (e, req, ENOMEM, NULL);
        return;
    }
    waiter_init (&r->waiter, ns_request_wake);
    r->e = e;
    r->req = req;
    r->go = go;
    r->arg = arg;
    request_begin (e, req, r, ns_request_cancel);
    ns_request_try (r);
}

/* {"owner":i,"rootseq":i,"rootref":s,"flags":i,"namespace":s} */
static void go_getroot (struct ns *ns, struct kvs_request *req, int64_t arg)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;
    char ref[BLOBREF_TEXT_SIZE];

    engine_keep (ns->e, ns, &ns->root);
    text_printf (
        &t,
        "{\"owner\":%d,\"rootseq\":%jd,\"rootref\":\"%s\",\"flags\":%d,\"namespace\":",
        (int)ns->owner, (intmax_t)ns->seq, blobref_str (&ns->root, ref), ns->flags);
    text_put_json_string (&t, ns->name, strlen (ns->name));
    text_putc (&t, '}');
    request_end_text (ns->e, req, &t);
}

void kvs_engine_getroot (struct kvs_engine *e, struct kvs_request *req, const char *ns)
{
    ns_request (e, req, ns, go_getroot, 0);
}

/* {"roots":[[seq,time,"rootref"],...]} */
void kvs_engine_root_log (struct kvs_engine *e,
                          struct kvs_request *req,
                          const char *name,
                          int64_t since,
                          size_t limit)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;
    struct ns *ns;
    int r;

    if (e->cfg.rank > 0) {
        request_refuse (e, req, EINVAL, "the log of roots is kept by rank 0");
        return;
    }
    if ((r = ns_get (e, name, NULL, &ns)) < 0
        || (r = ns_authorize (ns, &req->cred)) < 0) {
        request_refuse (e, req, -r, NULL);
        return;
    }
    text_puts (&t, "{\"roots\":");
    rootlog_write (&ns->log, since, limit, &t);
    text_putc (&t, '}');
    req->payload = req->heap = text_take (&t, &req->len);
    request_refuse (e, req, req->payload ? 0 : ENOMEM, NULL);
}

bool kvs_engine_may_read (struct kvs_engine *e,
                          const struct kvs_cred *cred,
                          const struct blobref *root)
{
    struct ns *ns;
    size_t pos = 0;

    if (cred->owner)
        return true;
    while ((ns = table_next (&e->namespaces, &pos))) {
        if (ns->state == NS_ACTIVE && ns_authorize (ns, cred) == 0
            && (e->cfg.rank == 0 ? rootlog_has (&ns->log, root)
                                 : blobref_equal (&ns->root, root)))
            return true;
    }
    return false;
}

void kvs_engine_root_forget (struct kvs_engine *e)
{
    struct ns *ns;
    size_t pos = 0;

    hold_trim_to (&e->hold, 0);
    while ((ns = table_next (&e->namespaces, &pos)))
        rootlog_forget (&ns->log, ns->seq);
}

static void wait_cancel (struct kvs_request *req)
{
    struct version_wait *v = req->op;

    v->ns->e->pending--;
    wait_free (v);
}

static void go_wait (struct ns *ns, struct kvs_request *req, int64_t seq)
{
    struct kvs_engine *e = ns->e;
    struct version_wait *v;

    if (ns->seq >= seq) {
        request_end_root (e, req, &ns->root, ns->seq);
        return;
    }
    if (!(v = calloc (1, sizeof (*v)))) {
        request_end (e, req, ENOMEM, NULL);
        return;
    }
    v->seq = seq;
    v->order = e->next_id++;
    v->ns = ns;
    v->req = req;
    treap_node_init (&v->node);
    treap_insert (&ns->waits, &v->node);
    req->op = v;
    req->cancel = wait_cancel;
}

void kvs_engine_wait_version (struct kvs_engine *e,
                              struct kvs_request *req,
                              const char *ns,
                              int64_t seq)
{
    ns_request (e, req, ns, go_wait, seq);
}

static void go_pause (struct ns *ns, struct kvs_request *req, int64_t pause)
{
    struct kvs_engine *e = ns->e;

    ns->paused = pause;
    request_end (e, req, 0, NULL);
    if (!pause) {
        list_splice (&e->actions, &ns->held);
        follower_unpause (ns);
    }
}

void kvs_engine_pause (struct kvs_engine *e,
                       struct kvs_request *req,
                       const char *ns,
                       bool pause)
{
    ns_request (e, req, ns, go_pause, pause);
}
