#include "config.h"
#include <errno.h>
#include <stdlib.h>

#include "private.h"

/* What is read for a request: chunks need the stored object itself. */
static int request_readflags (const struct watch_request *req)
{
    if (req->flags & (WATCH_F_APPEND | WATCH_F_STREAM))
        return WATCH_F_TREEOBJ;
    if (req->flags & WATCH_F_TREEOBJ)
        return WATCH_F_TREEOBJ; /* READDIR and READLINK are ignored with it */
    return req->flags & (WATCH_F_READDIR | WATCH_F_READLINK);
}

static bool request_is_log (const struct watch_request *req)
{
    return (req->flags & (WATCH_F_APPEND | WATCH_F_STREAM)) != 0;
}

static bool same_class (struct watch_cred a, struct watch_cred b)
{
    bool owner = (a.rolemask & WATCH_ROLE_OWNER) != 0;

    if (owner != ((b.rolemask & WATCH_ROLE_OWNER) != 0))
        return false;
    return owner || (a.userid == b.userid && a.rolemask == b.rolemask);
}

bool topic_serves (const struct topic *t, const struct watch_request *req)
{
    return t->log == request_is_log (req) && t->readflags == request_readflags (req)
           && same_class (t->cred, req->cred);
}

struct topic *topic_new (struct wkey *key, const struct watch_request *req)
{
    struct topic *t;

    if (!(t = calloc (1, sizeof (*t))))
        return NULL;
    t->key = key;
    t->log = request_is_log (req);
    t->readflags = request_readflags (req);
    t->cred = req->cred;
    list_init (&t->key_link);
    list_init (&t->ns_link);
    list_init (&t->full_link);
    list_init (&t->idle_link);
    list_init (&t->waiting_link);
    list_init (&t->queue);
    list_init (&t->joining);
    list_init (&t->waitns);
    list_init (&t->waitkey);
    list_init (&t->active);
    list_init (&t->groups);
    return t;
}

void read_free (struct read *r)
{
    must (list_empty (&r->joiners));
    list_del (&r->link);
    list_del (&r->lookup.action.link);
    root_put (r->root);
    root_put (r->horizon);
    bytes_put (r->value);
    bytes_put (r->base);
    free (r);
}

void topic_free (struct topic *t)
{
    struct read *r;

    must (t->nwatchers == 0 && list_empty (&t->groups));
    while ((r = list_first (&t->queue, struct read, link))) {
        bool out = r->state == READ_SENT && !list_linked (&r->lookup.action.link);

        if (!out)
            read_free (r);
        else { /* its answer will come and find nobody */
            list_del (&r->link);
            list_append (&topic_engine (t)->orphans, &r->link);
            r->topic = NULL;
        }
    }
    list_del (&t->key_link);
    list_del (&t->ns_link);
    list_del (&t->full_link);
    list_del (&t->waiting_link);
    bytes_put (t->newest);
    free (t);
}

/* The queue of reads */

static struct read *topic_push (struct topic *t, enum read_kind kind)
{
    struct read *r;

    if (!(r = calloc (1, sizeof (*r))))
        return NULL;
    r->lookup.action.type = WATCH_LOOKUP;
    list_init (&r->lookup.action.link);
    list_init (&r->joiners);
    r->topic = t;
    r->kind = kind;
    r->state = kind == READ_END ? READ_DONE : READ_QUEUED;
    list_append (&t->queue, &r->link);
    t->queued++;
    if (kind == READ_JOIN)
        t->join = r;
    return r;
}

static void topic_pop (struct topic *t, struct read *r)
{
    if (t->join == r)
        t->join = NULL;
    t->queued--;
    read_free (r);
}

/* The newest read if it has not been sent yet: it can take on more. */
static struct read *topic_pending (struct topic *t)
{
    struct read *r = list_last (&t->queue, struct read, link);

    return r && r->state == READ_QUEUED ? r : NULL;
}

/* Put the watchers that gathered on a JOIN read, unless one is out: then
 * those who came meanwhile wait for the next, for that one may have been
 * answered before what they know of was committed.
 */
static void topic_gather (struct topic *t)
{
    struct read *r = topic_pending (t);

    if (list_empty (&t->joining) || (t->join && (t->join != r || r->at_root)))
        return;
    if (r && !t->join && t->log) {
        r->kind = READ_JOIN;
        t->join = r;
    }
    if (!t->join && !topic_push (t, READ_JOIN)) {
        watchers_finish (&t->joining, ENOMEM, NULL);
        return;
    }
    r = t->join;
    list_splice (&r->joiners, &t->joining);
}

/* Who compares values needs none that is called as the newest one: neither do the
 * others, since that is at hand.
 */
static void read_set_base (struct topic *t, struct read *r)
{
    bytes_put (r->base);
    r->base = t->ncompare > 0 && t->newest ? bytes_get (t->newest) : NULL;
    if (r->base)
        r->lookup.unless = r->base->tag;
    else
        r->lookup.unless = t->ncompare > 0 ? "" : NULL;
}

static void read_send (struct topic *t, struct read *r)
{
    struct wns *ns = t->key->ns;
    struct root *root = NULL;

    if (r->kind == READ_ROOT)
        root = r->root;
    else if (r->at_root)
        root = r->horizon;
    r->lookup.want_obj = t->log;
    r->lookup.tail = log_tail (t, &r->joiners);
    r->lookup.want_data = t->log && log_wants_data (t, &r->joiners);
    read_set_base (t, r);
    r->lookup.ns = ns->name;
    r->lookup.key = t->key->name;
    r->lookup.flags = t->readflags;
    r->lookup.cred = t->cred;
    r->lookup.rootseq = root ? root->seq : 0;
    r->lookup.rootref = root ? root->ref : NULL;
    if (!root) {
        root_put (r->horizon);
        r->horizon = root_get (ns->event_root);
        r->generation = ns->generation;
    }
    r->state = READ_SENT;
    t->inflight++;
    list_append (&ns->engine->actions, &r->lookup.action.link);
}

static bool topic_has_audience (const struct topic *t)
{
    return !list_empty (&t->active) || !list_empty (&t->waitkey)
           || !list_empty (&t->groups) || t->join;
}

static void topic_dispatch (struct topic *t)
{
    size_t window = t->log ? 1 : WATCH_PIPELINE;
    struct read *r;

    list_foreach (&t->queue, r, link) {
        if (t->inflight >= window)
            break;
        if (r->state != READ_QUEUED)
            continue;
        if (r->kind == READ_ROOT && !topic_has_audience (t))
            r->state = READ_DONE; /* those it was for have left */
        else
            read_send (t, r);
    }
}

/* The read of those who want to begin was refused. */
static void join_refused (struct topic *t, struct read *r, int errnum)
{
    struct wns *ns = t->key->ns;
    struct watcher *w;

    list_foreach (&r->joiners, w, link) {
        if (errnum != ENOTSUP || !watcher_has (w, WATCH_F_WAITCREATE)) {
            watcher_finish (w, errnum, NULL);
            continue;
        }
        list_del (&w->link);
        if (ns->generation != r->generation) /* it was created meanwhile */
            list_append (&t->joining, &w->link);
        else {
            list_append (&t->waitns, &w->link);
            if (!list_linked (&t->waiting_link))
                list_append (&ns->waiting, &t->waiting_link);
        }
    }
}

static void end_apply (struct topic *t, int errnum, const char *errtext)
{
    watchers_finish (&t->active, errnum, errtext);
    watchers_finish (&t->waitkey, errnum, errtext);
    log_end (t, errnum, errtext);
}

/* Let the oldest read, whose outcome is known, take effect. */
static void read_apply (struct topic *t, struct read *r)
{
    if (r->kind == READ_END)
        end_apply (t, r->errnum, r->errtext);
    else if (r->kind == READ_ROOT)
        values_apply (t, r);
    else if (r->errnum)
        join_refused (t, r, r->errnum);
    else
        values_start (t, &r->joiners, r);
    topic_pop (t, r);
}

/* Do what can be done: gather, send, apply in order. */
void topic_run (struct topic *t)
{
    struct read *r;

    for (;;) {
        topic_gather (t);
        topic_dispatch (t);
        r = list_first (&t->queue, struct read, link);
        if (!r || r->state != READ_DONE)
            break;
        read_apply (t, r);
    }
}

/* Ask again, at the root that named the key: for those who watch already. */
static void read_again (struct topic *t, struct read *r)
{
    if (t->join == r)
        t->join = NULL;
    r->withdrawn = false;
    r->at_root = false; /* who joins it now begins at the current root */
    r->kind = READ_ROOT;
    r->state = READ_QUEUED;
}

/* A JOIN read that was to tell of a named root too was answered at a later
 * root.  Those who watch take growth from it, and those who wait for the key
 * the key; anything else may be the work of a commit that did not name the
 * key, so what the named root says must be seen.
 */
static bool
log_answer_later (struct topic *t, struct read *r, const struct watch_result *result)
{
    log_apply (t, result, false);
    if (result->obj)
        log_created (t, result);
    return !log_behind (t, r->root->seq);
}

/* The answer to the one read that a log has out.  Its object is used where it
 * lies, so it takes effect here and not in read_apply ().
 */
static void
log_answer (struct topic *t, struct read *r, const struct watch_result *result)
{
    bool join = r->kind == READ_JOIN;
    bool again = false;

    must (list_first (&t->queue, struct read, link) == r);
    if (join && result->errnum) {
        join_refused (t, r, result->errnum);
        again = r->named;
    }
    else {
        if (join && r->named && result->rootseq > r->root->seq)
            again = !log_answer_later (t, r, result);
        else {
            log_apply (t, result, r->named);
            if (r->named && (result->errnum || result->obj))
                log_created (t, result);
        }
        if (join)
            log_start (t, &r->joiners, result);
    }
    if (again)
        read_again (t, r);
    else
        topic_pop (t, r);
}

static void
values_answer (struct topic *t, struct read *r, const struct watch_result *result)
{
    r->state = READ_DONE;
    r->errnum = result->errnum;
    r->rootseq = result->rootseq;
    if (result->errnum)
        return;
    if (result->same && !r->base)
        r->errnum = EPROTO;
    else if (result->same)
        r->value = bytes_get (r->base);
    else if (result->text
             && !(r->value = bytes_new_value (result->text, result->len, result->tag)))
        r->errnum = ENOMEM;
    if (r->value && r->value->tag) {
        bytes_put (t->newest);
        t->newest = bytes_get (r->value);
    }
}

/* The kvs was behind a root that we know of: that one is to be read.  (Of
 * an error it does not say which root it is about.)
 */
static bool answer_is_old (const struct read *r, const struct watch_result *result)
{
    return r->kind == READ_JOIN && !r->at_root && r->horizon && !result->errnum
           && result->rootseq < r->horizon->seq;
}

/* The namespace has been removed, and its past roots are gone before this one was
 * read: what it said cannot be known any more.
 */
static bool root_is_gone (const struct read *r, const struct watch_result *result)
{
    const struct list *queue = &r->topic->queue;

    if (r->kind != READ_ROOT || result->errnum != ENOENT)
        return false;
    for (const struct list *l = r->link.next; l != queue; l = l->next) {
        if (list_entry (l, struct read, link)->kind == READ_END)
            return true;
    }
    return false;
}

void topic_answer (struct read *r, const struct watch_result *result)
{
    static const struct watch_result gone = { .errnum = ESTALE };
    struct topic *t = r->topic;

    t->inflight--;
    if (root_is_gone (r, result))
        result = &gone;
    if (r->withdrawn && r->named)
        read_again (t, r);
    else if (r->withdrawn)
        topic_pop (t, r);
    else if (answer_is_old (r, result)) {
        r->at_root = true;
        r->state = READ_QUEUED;
    }
    else if (t->log)
        log_answer (t, r, result);
    else
        values_answer (t, r, result);
    topic_run (t);
}

/* What sets a topic in motion */

void topic_join (struct topic *t, struct watcher *w)
{
    list_append (&t->joining, &w->link);
    topic_run (t);
}

void topic_retry (struct topic *t)
{
    list_del (&t->waiting_link);
    list_splice (&t->joining, &t->waitns);
    topic_run (t);
}

/* Those who have not begun yet ask anew, after the end of what they asked
 * about: whether the answer to come, if any, is of before or after cannot be
 * told.
 */
static void join_withdraw (struct topic *t)
{
    struct read *r = t->join;

    if (!r)
        return;
    list_splice (&t->joining, &r->joiners);
    t->join = NULL;
    if (r->state == READ_SENT)
        r->withdrawn = true;
    else if (r->state == READ_QUEUED && r->named)
        r->kind = READ_ROOT;
    else if (r->state == READ_QUEUED)
        topic_pop (t, r);
}

/* A root cannot be kept for later: who would miss it ends now. */
static void topic_give_up (struct topic *t, int errnum, const char *errtext)
{
    join_withdraw (t);
    end_apply (t, errnum, errtext);
    topic_run (t);
}

/* What the watchers follow is no more: they end, when the reads before have
 * taken effect.
 */
void topic_end (struct topic *t, int errnum, const char *errtext)
{
    struct read *r;

    join_withdraw (t);
    if (!(r = topic_push (t, READ_END))) {
        topic_give_up (t, ENOMEM, NULL);
        return;
    }
    r->errnum = errnum;
    r->errtext = errtext;
    topic_run (t);
}

/* Those who have not begun yet will begin at this root or a later one, unless
 * their read is out already: then it may have been answered at an earlier one.
 */
static bool topic_listens (const struct topic *t)
{
    return !list_empty (&t->active) || !list_empty (&t->waitkey)
           || !list_empty (&t->groups) || (t->join && t->join->state != READ_QUEUED);
}

void topic_notify (struct topic *t, struct root *root, bool named)
{
    struct read *r = list_last (&t->queue, struct read, link);

    if (!topic_listens (t) || (r && r->root == root))
        return;
    if (!t->log && t->queued >= WATCH_BACKLOG) {
        topic_give_up (t, EOVERFLOW, "watcher is too many changes behind");
        return;
    }
    if (!t->log || !(r = topic_pending (t))) {
        if (!(r = topic_push (t, READ_ROOT))) {
            topic_give_up (t, ENOMEM, NULL);
            return;
        }
    }
    root_put (r->root);
    r->root = root_get (root);
    r->named = named;
    topic_run (t);
}
