#include "config.h"
#include <errno.h>

#include "engine_impl.h"

/* An event that came while its namespace was paused. */
struct held_event {
    struct list link;
    int errnum; /* 0: a new root */
    char *text; /* of an error, or NULL */
    struct blobref root;
    int64_t seq;
    struct text names; /* each with its NUL */
};

/* ---- fetching a namespace that is not known here ---- */

int follower_fetch (struct kvs_engine *e, const char *name, struct ns **ret)
{
    struct ns *ns = ns_new (e, name);

    if (!ns)
        return -ENOMEM;
    ns->state = NS_FETCHING;
    list_append (&e->actions, &ns->fetch.action.link);
    *ret = ns;
    return 0;
}

static void fetch_wake (struct list *waiters, int errnum)
{
    struct waiter *w;

    while ((w = list_first (waiters, struct waiter, link))) {
        list_del (&w->link);
        w->wake (w, errnum);
    }
}

void kvs_engine_fetched (struct kvs_engine *e,
                         const char *name,
                         int errnum,
                         uint32_t owner,
                         int flags,
                         const struct blobref *root,
                         int64_t seq)
{
    struct ns *ns = ns_find (e, name);
    struct list waiters = LIST_INIT (waiters);

    if (!ns || ns->state != NS_FETCHING)
        return;
    if (ns->removed_meanwhile) { /* is what we were told from before that? */
        ns->removed_meanwhile = ns->raced = false;
        list_append (&e->actions, &ns->fetch.action.link);
        return;
    }
    list_splice (&waiters, &ns->fetch_waiters);
    if (errnum) {
        table_del_str (&e->namespaces, ns->name);
        ns_free (ns);
        fetch_wake (&waiters, errnum);
        return;
    }
    ns->state = NS_ACTIVE;
    ns->owner = owner;
    ns->flags = flags;
    /* Events and responses come by different ways: the newer one counts. */
    if (ns->raced && ns->raced_seq > seq)
        ns_set_root (ns, &ns->raced_root, ns->raced_seq);
    else
        ns_set_root (ns, root, seq);
    fetch_wake (&waiters, 0);
}

/* ---- commits ---- */

/* {"ops":[...],"name":s,"namespace":s,"flags":i} */
static struct kvs_publish *relay_request (const struct txn *t, const char *ns)
{
    _cleanup_ (text_fini) struct text p = TEXT_INIT, name = TEXT_INIT;

    text_puts (&p, "{\"ops\":");
    if (t->ops && t->ops->json)
        text_put (&p, t->ops->json, t->ops->jsonlen);
    else
        text_puts (&p, "[]");
    text_puts (&p, ",\"name\":");
    text_put_json_string (&p, t->name, strlen (t->name));
    text_puts (&p, ",\"namespace\":");
    text_put_json_string (&p, ns, strlen (ns));
    text_printf (&p, ",\"flags\":%d}", t->flags);
    text_puts (&name, t->name);
    return publish_new (KVS_ACTION_RELAY, &name, &p);
}

static int relay (struct txn *t, struct ns *ns)
{
    struct kvs_engine *e = t->e;
    struct kvs_publish *p;
    int r;

    if ((r = txn_make_name (t)) < 0)
        return r;
    if ((r = table_put_str (&e->relays, t->name, t)) < 0)
        return r;
    if (!(p = relay_request (t, ns->name))) {
        table_del_str (&e->relays, t->name);
        return -ENOMEM;
    }
    list_append (&e->actions, &p->action.link);
    txn_set_ns (t, ns);
    return 0;
}

static void commit_try (struct txn *t)
{
    struct ns *ns;
    int r;

    if (!t->req) { /* the client left while the namespace was fetched */
        txn_free (t);
        return;
    }
    if ((r = ns_get (t->e, t->nsname, &t->waiter, &ns)) == -EAGAIN)
        return;
    if (r < 0 || (r = ns_authorize (ns, &t->req->cred)) < 0 || (r = relay (t, ns)) < 0)
        txn_end (t, -r);
}

static void commit_wake (struct waiter *w, int errnum)
{
    struct txn *t = container_of (w, struct txn, waiter);

    if (errnum)
        txn_end (t, errnum);
    else
        commit_try (t);
}

void follower_commit (struct txn *t, const char *ns)
{
    waiter_init (&t->waiter, commit_wake);
    if (!(t->nsname = strdup (ns))) {
        txn_end (t, ENOMEM);
        return;
    }
    commit_try (t);
}

/* A transaction of this rank was applied at that root, or failed. */
static void relay_end (struct kvs_engine *e,
                       const char *name,
                       int errnum,
                       const char *text,
                       const struct blobref *root,
                       int64_t seq)
{
    struct txn *t = table_del_str (&e->relays, name);
    struct kvs_request *req;

    if (!t)
        return;
    if (!errnum && (req = move_ptr (t->req)))
        request_end_root (e, req, root, seq);
    txn_end_text (t, errnum, text);
}

void kvs_engine_relay_refused (struct kvs_engine *e, const char *name, int errnum)
{
    relay_end (e, name, errnum, NULL, NULL, 0);
}

/* ---- events ---- */

static void process (struct ns *ns,
                     int errnum,
                     const char *text,
                     const struct blobref *root,
                     int64_t seq,
                     const struct kvs_names *names)
{
    if (!errnum && (seq > ns->seq || seq == 0))
        ns_set_root (ns, root, seq);
    for (size_t i = 0; i < names->count; i++)
        relay_end (ns->e, names->v[i], errnum, text, root, seq);
}

static void held_event_free (struct held_event *ev)
{
    list_del (&ev->link);
    text_fini (&ev->names);
    free (ev->text);
    free (ev);
}

static int hold (struct ns *ns,
                 int errnum,
                 const char *text,
                 const struct blobref *root,
                 int64_t seq,
                 const struct kvs_names *names)
{
    struct held_event *ev = calloc (1, sizeof (*ev));

    if (!ev)
        return -ENOMEM;
    list_init (&ev->link);
    ev->errnum = errnum;
    ev->text = text ? strdup (text) : NULL;
    if (root)
        ev->root = *root;
    ev->seq = seq;
    for (size_t i = 0; i < names->count; i++)
        text_put (&ev->names, names->v[i], strlen (names->v[i]) + 1);
    if (text_error (&ev->names)) {
        held_event_free (ev);
        return -ENOMEM;
    }
    list_append (&ns->events, &ev->link);
    return 0;
}

static void process_held (struct ns *ns, const struct held_event *ev)
{
    const char *p = ev->names.buf;

    process (ns, ev->errnum, ev->text, &ev->root, ev->seq, &(struct kvs_names){ NULL, 0 });
    while (p && p < ev->names.buf + ev->names.len) {
        process (ns, ev->errnum, ev->text, &ev->root, ev->seq, &(struct kvs_names){ &p, 1 });
        p += strlen (p) + 1;
    }
}

void follower_unpause (struct ns *ns)
{
    struct held_event *ev;

    while ((ev = list_first (&ns->events, struct held_event, link))) {
        process_held (ns, ev);
        held_event_free (ev);
    }
}

void follower_drop_events (struct ns *ns)
{
    struct held_event *ev;

    while ((ev = list_first (&ns->events, struct held_event, link)))
        held_event_free (ev);
}

static void remember_race (struct ns *ns, const struct blobref *root, int64_t seq)
{
    if (!ns->raced || seq > ns->raced_seq || seq == 0) {
        ns->raced = true;
        ns->raced_root = *root;
        ns->raced_seq = seq;
    }
}

void kvs_engine_setroot_event (struct kvs_engine *e,
                               const char *name,
                               const struct blobref *root,
                               int64_t seq,
                               const struct kvs_names *names)
{
    struct ns *ns = ns_find (e, name);

    if (!ns || ns->state == NS_REMOVED)
        return;
    if (ns->state == NS_FETCHING)
        remember_race (ns, root, seq);
    else if (!ns->paused || hold (ns, 0, NULL, root, seq, names) < 0)
        process (ns, 0, NULL, root, seq, names);
}

void kvs_engine_error_event (struct kvs_engine *e,
                             const char *name,
                             int errnum,
                             const char *text,
                             const struct kvs_names *names)
{
    struct ns *ns = ns_find (e, name);

    if (ns && ns->paused && hold (ns, errnum, text, NULL, 0, names) == 0)
        return;
    /* The transactions may be of a namespace that is no longer known here. */
    for (size_t i = 0; i < names->count; i++)
        relay_end (e, names->v[i], errnum, text, NULL, 0);
}

void kvs_engine_removed_event (struct kvs_engine *e, const char *name)
{
    struct ns *ns = ns_find (e, name);

    if (ns && ns->state == NS_FETCHING)
        ns->removed_meanwhile = true;
    if (!ns || ns->state != NS_ACTIVE)
        return;
    ns->paused = false;
    follower_unpause (ns);
    ns_remove (ns);
    /* The next to ask for it is told by rank 0 whether it exists again. */
    if (ns->unanswered == 0)
        ns_forget (ns);
}
