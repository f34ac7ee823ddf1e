#include "config.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

/* Roots */

struct root *root_new (uint64_t seq, const char *ref)
{
    struct root *r = malloc (sizeof (*r) + strlen (ref) + 1);

    if (r) {
        r->refs = 1;
        r->seq = seq;
        strcpy (r->ref, ref);
    }
    return r;
}

struct root *root_get (struct root *r)
{
    if (r)
        r->refs++;
    return r;
}

void root_put (struct root *r)
{
    if (r && --r->refs == 0)
        free (r);
}

static void root_replace (struct root **rp, struct root *r)
{
    root_put (*rp);
    *rp = r;
}

struct watch_engine *topic_engine (const struct topic *t)
{
    return t->key->ns->engine;
}

/* Actions */

struct watch_action *watch_engine_next (struct watch_engine *e)
{
    struct watch_action *a = list_first (&e->actions, struct watch_action, link);

    if (!a)
        return NULL;
    list_del (&a->link);
    if (a->type == WATCH_LOOKUP)
        e->counters.lookups++;
    else if (a->type == WATCH_LOAD)
        e->counters.loads++;
    else if (a->type != WATCH_FINISH)
        e->counters.responses++;
    return a;
}

/* Namespaces and keys */

static void ns_free (struct wns *ns)
{
    if (ns) {
        table_fini (&ns->keys);
        root_put (ns->event_root);
        root_put (ns->read_root);
        free (ns->name);
        free (ns);
    }
}

static struct wns *ns_new (struct watch_engine *e, const char *name)
{
    struct wns *ns;

    if (!(ns = calloc (1, sizeof (*ns))))
        return NULL;
    ns->engine = e;
    table_init (&ns->keys);
    list_init (&ns->full);
    list_init (&ns->topics);
    list_init (&ns->waiting);
    if (!(ns->name = strdup (name))) {
        ns_free (ns);
        return NULL;
    }
    return ns;
}

static struct wns *ns_get (struct watch_engine *e, const char *name)
{
    struct wns *ns = table_get_str (&e->namespaces, name);

    if (ns)
        return ns;
    if (!(ns = ns_new (e, name)))
        return NULL;
    if (table_put_str (&e->namespaces, ns->name, ns) < 0) {
        ns_free (ns);
        return NULL;
    }
    return ns;
}

static void ns_drop_if_unused (struct wns *ns)
{
    if (ns && table_count (&ns->keys) == 0) {
        table_del_str (&ns->engine->namespaces, ns->name);
        ns_free (ns);
    }
}

static struct wkey *key_get (struct wns *ns, const char *name)
{
    size_t len = strlen (name);
    struct wkey *key = table_get (&ns->keys, name, len);

    if (key)
        return key;
    if (!(key = malloc (sizeof (*key) + len + 1)))
        return NULL;
    key->ns = ns;
    key->len = len;
    list_init (&key->topics);
    memcpy (key->name, name, len + 1);
    if (table_put (&ns->keys, key->name, len, key) < 0) {
        free (key);
        return NULL;
    }
    return key;
}

static void key_drop_if_unused (struct wkey *key)
{
    if (key && list_empty (&key->topics)) {
        struct wns *ns = key->ns;

        table_del (&ns->keys, key->name, key->len);
        free (key);
        ns_drop_if_unused (ns);
    }
}

static struct topic *topic_get (struct wkey *key, const struct watch_request *req)
{
    struct topic *t;

    list_foreach (&key->topics, t, key_link) {
        if (topic_serves (t, req))
            return t;
    }
    if ((t = topic_new (key, req))) {
        list_append (&key->topics, &t->key_link);
        list_append (&key->ns->topics, &t->ns_link);
    }
    return t;
}

/* Free the topics that lost their last watcher.  This ends each call into the
 * engine, so that within a call topics, keys and namespaces stay.
 */
void engine_sweep (struct watch_engine *e)
{
    struct topic *t;

    while ((t = list_first (&e->idle, struct topic, idle_link))) {
        struct wkey *key = t->key;

        list_del (&t->idle_link);
        if (t->nwatchers > 0)
            continue;
        topic_free (t);
        key_drop_if_unused (key);
    }
}

/* The topic for a request, made on the way; NULL: out of memory. */
static struct topic *
engine_topic (struct watch_engine *e, const struct watch_request *req, const char *name)
{
    struct wns *ns;
    struct wkey *key = NULL;
    struct topic *t = NULL;

    if (!(ns = ns_get (e, req->ns)))
        return NULL;
    if (!(key = key_get (ns, name))) {
        ns_drop_if_unused (ns);
        return NULL;
    }
    if (!(t = topic_get (key, req)))
        key_drop_if_unused (key);
    return t;
}

int watch_engine_add (struct watch_engine *e, const struct watch_request *req)
{
    _cleanup_ (freep)
    char *name = NULL;
    struct watcher *w = NULL;
    struct client *c;
    struct topic *t;
    int r = -ENOMEM;

    if (!(c = client_get (e, req->sender)))
        return -ENOMEM;
    if (table_get_u64 (&c->tags, req->matchtag))
        return -EINVAL;
    if (req->key[0] == '\0') {
        client_drop_if_unused (e, c);
        return -ENOENT;
    }
    if (!(name = watch_key_normalize (req->key)) || (r = watcher_new (e, req, &w)) < 0
        || (r = table_put_u64 (&c->tags, req->matchtag, w)) < 0)
        goto error;
    if (!(t = engine_topic (e, req, name))) {
        table_del_u64 (&c->tags, req->matchtag);
        r = -ENOMEM;
        goto error;
    }
    watcher_link (w, c, t);
    topic_join (t, w);
    engine_sweep (e);
    return 0;
error:
    watcher_free (e, w);
    client_drop_if_unused (e, c);
    return r;
}

/* Events */

bool watch_engine_watches (const struct watch_engine *e, const char *ns, size_t len)
{
    return table_get (&e->namespaces, ns, len) != NULL;
}

/* The namespace is gone, or another one took its name. */
static void ns_gone (struct wns *ns, int errnum)
{
    struct topic *t;

    root_replace (&ns->event_root, NULL);
    root_replace (&ns->read_root, NULL);
    ns->owner_known = false;
    list_foreach (&ns->topics, t, ns_link)
        topic_end (t, errnum, NULL);
}

/* An event shows that ns exists, with this root.  Returns the root, borrowed;
 * NULL: nothing new.
 *
 * The broker delivers events in order and once, so a sequence that goes back
 * means that history started anew (kvs was reloaded without a checkpoint).
 */
static struct root *
ns_advance (struct wns *ns, uint32_t owner, uint64_t seq, const char *ref)
{
    struct root *root = ns->event_root;
    struct topic *t;

    if (root && seq == root->seq && strcmp (ref, root->ref) == 0)
        return NULL;
    if (root && seq <= root->seq)
        ns_gone (ns, ENOTSUP);
    if (!(root = root_new (seq, ref))) {
        ns_gone (ns, ENOMEM);
        return NULL;
    }
    root_replace (&ns->event_root, root);
    ns->owner = owner;
    ns->owner_known = true;
    ns->generation++;
    while ((t = list_first (&ns->waiting, struct topic, waiting_link)))
        topic_retry (t);
    return root;
}

void watch_engine_setroot (struct watch_engine *e,
                           const char *ns_name,
                           uint32_t owner,
                           uint64_t rootseq,
                           const char *rootref,
                           const char *const keys[],
                           size_t nkeys)
{
    struct wns *ns = table_get_str (&e->namespaces, ns_name);
    struct root *root;
    struct topic *t;

    if (!ns)
        return;
    if (!(root = ns_advance (ns, owner, rootseq, rootref))) {
        engine_sweep (e); /* if there was no memory for it all have ended */
        return;
    }
    for (size_t i = 0; i < nkeys; i++) {
        struct wkey *key = table_get_str (&ns->keys, keys[i]);

        if (!key)
            continue;
        list_foreach (&key->topics, t, key_link)
            topic_notify (t, root, true);
    }
    list_foreach (&ns->full, t, full_link)
        topic_notify (t, root, false);
    engine_sweep (e);
}

void watch_engine_created (struct watch_engine *e,
                           const char *ns_name,
                           uint32_t owner,
                           uint64_t rootseq,
                           const char *rootref)
{
    struct wns *ns = table_get_str (&e->namespaces, ns_name);

    if (ns) {
        ns_advance (ns, owner, rootseq, rootref);
        engine_sweep (e);
    }
}

void watch_engine_removed (struct watch_engine *e, const char *ns_name)
{
    struct wns *ns = table_get_str (&e->namespaces, ns_name);

    if (ns) {
        ns_gone (ns, ENOTSUP);
        engine_sweep (e);
    }
}

/* Outcomes */

static void count_blobs (struct watch_engine *e, const struct watch_result *result)
{
    for (size_t i = 0; i < result->nblobs; i++)
        e->counters.bytes += result->blobs[i] ? result->blobs[i]->len : 0;
}

static void ns_learn (struct wns *ns, const struct watch_result *result)
{
    struct root *root;

    if (result->errnum || !result->rootref
        || (ns->read_root && ns->read_root->seq >= result->rootseq))
        return;
    if ((root = root_new (result->rootseq, result->rootref)))
        root_replace (&ns->read_root, root);
}

void watch_engine_lookup_done (struct watch_engine *e,
                               struct watch_lookup *l,
                               const struct watch_result *result)
{
    struct read *r = container_of (l, struct read, lookup);

    count_blobs (e, result);
    if (!r->topic)
        read_free (r);
    else {
        ns_learn (r->topic->key->ns, result);
        topic_answer (r, result);
    }
    engine_sweep (e);
}

void watch_engine_load_done (struct watch_engine *e,
                             struct watch_load *l,
                             int errnum,
                             const void *data,
                             size_t len)
{
    struct bytes *b = NULL;
    struct slot *s;

    e->counters.bytes += errnum ? 0 : len;
    table_del (&e->loads, &l->ref, sizeof (l->ref));
    if (!list_empty (&l->slots) && errnum == 0 && !(b = bytes_new (data, len)))
        errnum = ENOMEM;
    while ((s = list_first (&l->slots, struct slot, wait))) {
        list_del (&s->wait);
        group_filled (s, errnum, b);
    }
    bytes_put (b);
    free (l);
    engine_sweep (e);
}

/* Statistics */

const struct watch_counters *watch_engine_counters (const struct watch_engine *e)
{
    return &e->counters;
}

size_t watch_engine_count (const struct watch_engine *e)
{
    return e->nwatchers;
}

size_t watch_engine_count_in (const struct watch_engine *e, const char *name)
{
    const struct wns *ns = table_get_str (&e->namespaces, name);

    return ns ? ns->nwatchers : 0;
}

size_t watch_engine_namespaces (const struct watch_engine *e)
{
    return table_count (&e->namespaces);
}

bool watch_engine_stat (const struct watch_engine *e, size_t *pos, struct watch_stat *st)
{
    const struct wns *ns = table_next (&e->namespaces, pos);
    const struct root *root;

    if (!ns)
        return false;
    root = ns->event_root ? ns->event_root : ns->read_root;
    *st = (struct watch_stat){
        .ns = ns->name,
        .watchers = ns->nwatchers,
        .known = root != NULL,
        .owner_known = ns->owner_known,
        .owner = ns->owner,
        .rootseq = root ? root->seq : 0,
        .rootref = root ? root->ref : NULL,
    };
    return true;
}

/* Life */

struct watch_engine *watch_engine_new (watch_equal_f equal)
{
    struct watch_engine *e = calloc (1, sizeof (*e));

    if (e) {
        e->equal = equal;
        table_init (&e->namespaces);
        table_init (&e->clients);
        table_init (&e->loads);
        table_init (&e->users);
        list_init (&e->actions);
        list_init (&e->orphans);
        list_init (&e->idle);
        list_init (&e->keeping);
        e->kept_max = WATCH_KEPT_BYTES;
    }
    return e;
}

void watch_engine_free (struct watch_engine *e)
{
    struct watch_action *a;
    struct watch_load *l;
    struct read *r;

    if (!e)
        return;
    watch_engine_shutdown (e, 0);
    while ((a = watch_engine_next (e))) {
        if (a->type != WATCH_LOOKUP && a->type != WATCH_LOAD)
            watch_action_free (a);
    }
    while ((r = list_first (&e->orphans, struct read, link)))
        read_free (r);
    while ((l = table_pop (&e->loads)))
        free (l);
    table_fini (&e->namespaces);
    table_fini (&e->clients);
    table_fini (&e->loads);
    table_fini (&e->users);
    free (e);
}
