#include "config.h"
#include <errno.h>

#include "common/blobbatch.h"
#include "commit.h"
#include "settle.h"

/* Somebody waits until all is stored. */
struct flush {
    struct list link; /* in e->flushes */
    struct kvs_engine *e;
    struct kvs_request *req;
    uint64_t upto; /* settlings before that one */
    int errnum;
};

static void flush_free (struct flush *fl)
{
    list_del (&fl->link);
    fl->req->cancel = NULL;
    free (fl);
}

static void settle_free (struct settle *s)
{
    list_del (&s->link);
    hold_set_drop (&s->e->cache, &s->set);
    free (s->saved);
    free (s);
}

void settle_free_all (struct kvs_engine *e)
{
    struct settle *s;
    struct flush *fl;

    while ((s = list_first (&e->settles, struct settle, link)))
        settle_free (s);
    while ((fl = list_first (&e->flushes, struct flush, link)))
        flush_free (fl);
}

void settle_forget_ns (struct ns *ns)
{
    struct settle *s;

    list_foreach (&ns->e->settles, s, link) {
        if (s->ns == ns)
            s->ns = NULL;
    }
}

/* ---- who waits until all is stored ---- */

static void flush_cancel (struct kvs_request *req)
{
    struct flush *fl = req->op;

    fl->e->pending--;
    flush_free (fl);
}

static bool still_settling (const struct kvs_engine *e, uint64_t upto)
{
    const struct settle *s = list_first (&e->settles, struct settle, link);

    return s && s->id < upto; /* the first is the oldest */
}

/* A settling has ended. */
static void flushes_check (struct kvs_engine *e, uint64_t id, int errnum)
{
    struct flush *fl;

    list_foreach (&e->flushes, fl, link) {
        if (id < fl->upto && !fl->errnum)
            fl->errnum = errnum;
        if (!still_settling (e, fl->upto)) {
            request_end (e, fl->req, fl->errnum, NULL);
            flush_free (fl);
        }
    }
}

/* ---- the end ---- */

static void all_stored (struct settle *s)
{
    for (size_t i = 0; i < s->set.count; i++) {
        struct cache_entry *e = s->set.v[i];

        cache_stored (&s->e->cache, e);
        if (e->dir)
            treeobj_dir_set_saved (e->dir);
    }
}

/* It settled what is published: older roots have what is left to themselves.
 * After a sync that is so as soon as its root is published.
 */
static void settle_end (struct settle *s)
{
    struct kvs_engine *e = s->e;
    int errnum = s->errnum;
    uint64_t id;

    list_del (&s->link);
    e->hold.errnum = errnum;
    e->hold.failed = e->cache.now;
    if (errnum == 0) {
        all_stored (s);
        if (s->ns && s->why != SETTLE_SYNC)
            hold_close (&e->hold, s->ns, s->upto, s->seq);
    }
    if (s->why == SETTLE_SAVE) {
        s->saved->errnum = errnum;
        list_append (&e->actions, &s->saved->action.link);
        s->saved = NULL;
    }
    else if (s->why == SETTLE_SYNC)
        commit_settled (e, s->commit, s->upto, errnum);
    id = s->id;
    settle_free (s);
    flushes_check (e, id, errnum);
    commit_starved (e, errnum);
}

/* ---- messages ---- */

static void add_blob (struct kvs_batch *b, const struct cache_entry *e)
{
    size_t start = b->blobs.len;

    blobbatch_add (&b->blobs, NULL, 0);
    cache_write_held (e, &b->blobs);
    if (!text_error (&b->blobs))
        blobbatch_set_size (&b->blobs, start);
    text_put (&b->digests, e->load.ref.bytes, blobref_digest_size (e->load.ref.kind));
}

static int send_batch (struct settle *s)
{
    struct kvs_batch *b = calloc (1, sizeof (*b));
    size_t n = 0;

    if (!b)
        return -ENOMEM;
    b->action.type = KVS_ACTION_BATCH;
    list_init (&b->action.link);
    b->id = s->id;
    while (s->next < s->set.count && n++ < SETTLE_BATCH_COUNT
           && b->blobs.len < SETTLE_BATCH_BYTES)
        add_blob (b, s->set.v[s->next++]);
    if (text_error (&b->blobs) || text_error (&b->digests)) {
        kvs_batch_free (b);
        return -ENOMEM;
    }
    s->out++;
    s->e->storing++;
    list_append (&s->e->actions, &b->action.link);
    return 0;
}

static void go_on (struct settle *s)
{
    int r;

    while (!s->errnum && s->next < s->set.count && s->out < SETTLE_WINDOW) {
        if ((r = send_batch (s)) < 0)
            s->errnum = -r;
    }
    if (s->out == 0)
        settle_end (s);
}

void kvs_engine_batch_stored (struct kvs_engine *e, uint64_t id, int errnum)
{
    struct settle *s;

    list_foreach (&e->settles, s, link) {
        if (s->id != id)
            continue;
        s->out--;
        e->storing--;
        if (!s->errnum)
            s->errnum = errnum;
        go_on (s);
        return;
    }
}

/* ---- the beginning ---- */

static int collect (struct settle *s)
{
    struct hold *hold = &s->e->hold;
    int r;

    if ((r = hold_reach (hold, &s->set, &s->root)) < 0)
        return r;
    return hold_reach_kept (hold, &s->set, s->ns);
}

static int make_saved (struct settle *s)
{
    if (!(s->saved = calloc (1, sizeof (*s->saved))))
        return -ENOMEM;
    s->saved->action.type = KVS_ACTION_SAVED;
    list_init (&s->saved->action.link);
    s->saved->root = s->root;
    s->saved->seq = s->seq;
    return 0;
}

int settle_start (struct ns *ns, enum settle_why why, const struct commit *c)
{
    struct kvs_engine *e = ns->e;
    struct settle *s = calloc (1, sizeof (*s));
    int r;

    if (!s)
        return -ENOMEM;
    list_init (&s->link);
    s->e = e;
    s->ns = ns;
    s->why = why;
    s->id = e->next_id++;
    s->root = c ? c->root : ns->root;
    s->seq = ns->seq;
    s->commit = c ? c->id : 0;
    if ((r = collect (s)) < 0 || (why == SETTLE_SAVE && (r = make_saved (s)) < 0)) {
        settle_free (s);
        return r;
    }
    s->upto = hold_freeze (&e->hold, ns);
    list_append (&e->settles, &s->link);
    go_on (s);
    return 0;
}

int kvs_engine_save (struct kvs_engine *e)
{
    struct ns *ns = ns_find (e, "primary");

    return ns ? settle_start (ns, SETTLE_SAVE, NULL) : -ENOENT;
}

/* Of every namespace that holds anything. */
static int settle_all (struct kvs_engine *e)
{
    struct ns *ns;
    size_t pos = 0;
    int r;

    while ((ns = table_next (&e->namespaces, &pos))) {
        if (!list_empty (&ns->gens) && (r = settle_start (ns, SETTLE_SPACE, NULL)) < 0)
            return r;
    }
    return 0;
}

void kvs_engine_store_held (struct kvs_engine *e, struct kvs_request *req)
{
    struct flush *fl = calloc (1, sizeof (*fl));
    int r;

    if (!fl) {
        request_refuse (e, req, ENOMEM, NULL);
        return;
    }
    list_init (&fl->link);
    fl->e = e;
    fl->req = req;
    request_begin (e, req, fl, flush_cancel);
    if ((r = settle_all (e)) < 0)
        fl->errnum = -r;
    fl->upto = e->next_id;
    list_append (&e->flushes, &fl->link);
    flushes_check (e, fl->upto, 0);
}

/* ---- room ---- */

/* The namespace that has held something for longest is settled first.  After a
 * failure it is not tried again at once: that takes time, and will hardly help.
 */
int settle_for_room (struct kvs_engine *e)
{
    struct hold *hold = &e->hold;
    struct hold_gen *g;
    int r;

    hold_trim (hold);
    while (hold->open_bytes > hold->cfg.open_max && list_empty (&e->settles)
           && (g = list_first (&hold->open, struct hold_gen, age))) {
        if (hold->errnum && e->cache.now - hold->failed < SETTLE_RETRY)
            return hold->open_bytes > hold->cfg.full ? -hold->errnum : 0;
        if ((r = settle_start (g->ns, SETTLE_SPACE, NULL)) < 0)
            return r;
    }
    return hold->open_bytes > hold->cfg.full ? -EAGAIN : 0;
}
