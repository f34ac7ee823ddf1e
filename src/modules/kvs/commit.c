#include "config.h"
#include <errno.h>

#include "commit.h"
#include "settle.h"

/* ---- the queue ---- */

void ns_ready (struct ns *ns)
{
    list_del (&ns->lazy_link);
    if (!list_linked (&ns->ready_link))
        list_append (&ns->e->ready, &ns->ready_link);
}

/* What is first in the queue may wait for what comes next. */
static void ns_lazy (struct ns *ns)
{
    if (!list_linked (&ns->ready_link) && !list_linked (&ns->lazy_link))
        list_append (&ns->e->lazy, &ns->lazy_link);
}

bool kvs_engine_lazy (const struct kvs_engine *e)
{
    return !list_empty (&e->lazy);
}

void kvs_engine_hurry (struct kvs_engine *e)
{
    struct ns *ns;

    while ((ns = list_first (&e->lazy, struct ns, lazy_link)))
        ns_ready (ns);
}

void commit_queue (struct ns *ns, struct txn *t)
{
    t->ns = ns;
    list_append (&ns->queue, &t->link);
    ns->queued++;
    if (ns->commit)
        return;
    if (t->lazy)
        ns_lazy (ns);
    else
        ns_ready (ns);
}

static struct txn *dequeue (struct ns *ns)
{
    struct txn *t = list_first (&ns->queue, struct txn, link);

    if (t) {
        list_del (&t->link);
        ns->queued--;
    }
    return t;
}

static bool mergeable (const struct kvs_engine *e, const struct txn *t)
{
    return e->cfg.merge && !t->alone && !t->checkpoint
           && !(t->flags & (KVS_NO_MERGE | KVS_SYNC));
}

/* Take the first transaction, and those behind it that may go with it. */
static void commit_take (struct commit *c)
{
    struct ns *ns = c->ns;
    struct txn *t = dequeue (ns);
    size_t ops = txn_opcount (t);
    bool more = mergeable (ns->e, t);

    c->flags = t->flags;
    do {
        list_append (&c->txns, &t->link);
        c->count++;
        if (!more || !(t = list_first (&ns->queue, struct txn, link)))
            break;
        ops += txn_opcount (t);
        more = mergeable (ns->e, t) && t->flags == c->flags && ops <= MERGE_OPS_MAX;
        if (more)
            dequeue (ns);
    } while (more);
}

/* Because it was asked for, or because all are. */
static bool to_be_synced (const struct commit *c)
{
    return (c->flags & KVS_SYNC)
           || (c->ns->e->cfg.sync && strcmp (c->ns->name, "primary") == 0);
}

void kvs_engine_abort (struct kvs_engine *e, int errnum)
{
    struct ns *ns;
    size_t pos = 0;

    while ((ns = table_next (&e->namespaces, &pos)))
        commit_abort (ns, errnum);
}

static void commit_wake (struct waiter *w, int errnum);

static int commit_begin (struct ns *ns)
{
    struct commit *c = calloc (1, sizeof (*c));

    if (!c)
        return -ENOMEM;
    c->ns = ns;
    c->id = ns->e->next_id++;
    list_init (&c->txns);
    list_init (&c->checkpoint.action.link);
    c->checkpoint.action.type = KVS_ACTION_CHECKPOINT;
    waiter_init (&c->waiter, commit_wake);
    if (table_put_u64 (&ns->e->commits, c->id, c) < 0) {
        free (c);
        return -ENOMEM;
    }
    worktree_init (&c->tree, &ns->e->hold, ns->e->hash, &ns->e->scratch, ns->name);
    commit_take (c);
    c->txn = list_first (&c->txns, struct txn, link);
    ns->commit = c;
    return 0;
}

void commit_free (struct commit *c)
{
    struct kvs_engine *e = c->ns->e;
    struct txn *t;

    while ((t = list_first (&c->txns, struct txn, link)))
        txn_free (t);
    e->storing -= c->storing;
    table_del_u64 (&e->commits, c->id);
    waiter_cancel (&c->waiter);
    list_del (&c->checkpoint.action.link);
    worktree_fini (&c->tree);
    c->ns->commit = NULL;
    free (c);
}

/* ---- failure ---- */

/* Of merged transactions only the culprit may fail: they are tried again one
 * by one, in their place at the head of the queue.
 */
static void commit_split (struct commit *c)
{
    struct txn *t;

    while ((t = list_last (&c->txns, struct txn, link))) {
        list_del (&t->link);
        txn_unrefuse (t);
        t->alone = true;
        list_prepend (&c->ns->queue, &t->link);
        c->ns->queued++;
    }
}

/* With a sentence that says which blob is the reason, if one is. */
static void commit_fail_blob (struct commit *c, int errnum)
{
    struct ns *ns = c->ns;
    struct txn *t;

    if (c->count > 1 && errnum != ENOMEM)
        commit_split (c);
    while ((t = list_first (&c->txns, struct txn, link))) {
        txn_unrefuse (t);
        t->refusal = cache_bad_text (&ns->e->cache, errnum);
        txn_fail (t, errnum);
    }
    commit_free (c);
    if (!list_empty (&ns->queue))
        ns_ready (ns);
}

static void commit_fail (struct commit *c, int errnum)
{
    c->ns->e->cache.have_bad = false;
    commit_fail_blob (c, errnum);
}

/* Nothing is left to publish. */
static void commit_refuse (struct commit *c)
{
    struct ns *ns = c->ns;
    struct txn *t;

    while ((t = list_first (&c->txns, struct txn, link)))
        txn_fail (t, KVS_ECONDITION);
    commit_free (c);
    if (!list_empty (&ns->queue))
        ns_ready (ns);
}

/* errnum 0: without a word. */
void commit_abort (struct ns *ns, int errnum)
{
    struct txn *t;

    if (ns->commit) {
        while (errnum && (t = list_first (&ns->commit->txns, struct txn, link))) {
            txn_unrefuse (t);
            txn_fail (t, errnum);
        }
        commit_free (ns->commit);
    }
    while ((t = dequeue (ns))) {
        if (errnum)
            txn_fail (t, errnum);
        else
            txn_free (t);
    }
    list_del (&ns->ready_link);
    list_del (&ns->lazy_link);
}

static void commit_wake (struct waiter *w, int errnum)
{
    struct commit *c = container_of (w, struct commit, waiter);

    if (errnum)
        commit_fail_blob (c, errnum);
    else
        ns_ready (c->ns);
}

/* ---- the phases ---- */

/* 1: next phase; 0: budget spent; -EAGAIN: asleep; else the error. */
static int phase_open (struct commit *c)
{
    int r;

    if ((c->flags & KVS_SYNC) && strcmp (c->ns->name, "primary") != 0)
        return -EINVAL;
    if (c->txn->checkpoint) {
        c->root = c->ns->root;
        c->next = &c->tree.stores;
        c->phase = COMMIT_STORE;
        return 1;
    }
    if ((r = worktree_open (&c->tree, &c->ns->root, &c->waiter)) < 0)
        return r;
    ns_warm (c->ns);
    c->phase = COMMIT_APPLY;
    return 1;
}

/* The transaction whose turn it is.  1: it is done; else as the phases. */
static int apply_txn (struct commit *c, int *budget)
{
    int r = 0;

    for (; r == 0 && c->op < txn_opcount (c->txn); c->op++) {
        const struct kvs_operation *op = &c->txn->ops->v[c->op];

        if ((*budget)-- <= 0)
            return 0;
        r = op->cond ? commit_check (c, op) : worktree_apply (&c->tree, op, &c->waiter);
        if (r < 0)
            return r;
    }
    return 1;
}

static int phase_apply (struct commit *c, int *budget)
{
    int r;

    while (c->txn) {
        if ((r = apply_txn (c, budget)) <= 0)
            return r;
        c->op = 0;
        if (c->txn)
            c->txn = c->txn->link.next == &c->txns
                         ? NULL
                         : list_entry (c->txn->link.next, struct txn, link);
    }
    c->phase = COMMIT_ROOM;
    return 1;
}

/* Is there room to hold what it makes? */
static int phase_room (struct commit *c)
{
    struct kvs_engine *e = c->ns->e;
    int r;

    if (e->hold.cfg.on && (r = settle_for_room (e)) < 0) {
        if (r == -EAGAIN)
            list_append (&e->starved, &c->ns->ready_link);
        return r;
    }
    c->phase = COMMIT_FINISH;
    return 1;
}

static int phase_finish (struct commit *c, int *budget)
{
    int r;

    if ((r = worktree_finish (&c->tree, budget, &c->root)) < 0)
        return r;
    if (r > 0)
        return 0;
    c->next = c->tree.stores.next;
    c->ns->noop_stores += c->tree.known;
    c->phase = COMMIT_STORE;
    return 1;
}

static int64_t next_seq (const struct commit *c)
{
    const struct txn *t = list_first (&c->txns, struct txn, link);

    return c->ns->seq + (t->checkpoint ? 0 : 1);
}

static int phase_store (struct commit *c)
{
    struct kvs_engine *e = c->ns->e;
    int r;

    while (c->next != &c->tree.stores && c->storing < STORE_WINDOW) {
        struct wstore *s = list_entry (c->next, struct wstore, link);

        c->next = c->next->next;
        c->storing++;
        e->storing++;
        s->store.id = c->id;
        list_append (&e->actions, &s->store.action.link);
    }
    if (c->storing > 0)
        return -EAGAIN;
    if (!to_be_synced (c))
        return commit_publish (c);
    c->phase = COMMIT_SETTLE;
    return (r = settle_start (c->ns, SETTLE_SYNC, c)) < 0 ? r : -EAGAIN;
}

/* Returns what the last phase did: 0 budget spent, or -EAGAIN; the commit may
 * be gone.
 */
static int commit_run (struct commit *c, int *budget)
{
    int r;

    c->ns->e->cache.have_bad = false;
    do {
        switch (c->phase) {
            case COMMIT_OPEN:
                r = phase_open (c);
                break;
            case COMMIT_APPLY:
                r = phase_apply (c, budget);
                if (r > 0 && commit_all_refused (c)) {
                    commit_refuse (c);
                    return -EAGAIN;
                }
                break;
            case COMMIT_FINISH:
                r = phase_finish (c, budget);
                break;
            case COMMIT_ROOM:
                r = phase_room (c);
                break;
            case COMMIT_STORE:
                if ((r = phase_store (c)) == 0)
                    return -EAGAIN; /* published */
                break;
            default: /* the checkpoint's answer moves it on */
                return -EAGAIN;
        }
    } while (r > 0);
    if (r < 0 && r != -EAGAIN) {
        commit_fail_blob (c, -r);
        return -EAGAIN;
    }
    return r;
}

bool kvs_engine_run (struct kvs_engine *e)
{
    int budget = RUN_BUDGET;
    struct ns *ns;
    struct txn *t;

    while (budget > 0 && (ns = list_first (&e->ready, struct ns, ready_link))) {
        list_del (&ns->ready_link);
        budget--;
        if (!ns->commit) {
            if (list_empty (&ns->queue))
                continue;
            if (commit_begin (ns) < 0) {
                if ((t = dequeue (ns)))
                    txn_fail (t, ENOMEM);
                ns_ready (ns);
                continue;
            }
        }
        if (commit_run (ns->commit, &budget) == 0)
            ns_ready (ns); /* behind those that wait for their turn */
    }
    return !list_empty (&e->ready);
}

/* ---- answers ---- */

void kvs_engine_stored (struct kvs_engine *e, uint64_t id, int errnum)
{
    struct commit *c = table_get_u64 (&e->commits, id);

    if (!c || c->phase != COMMIT_STORE || c->storing == 0)
        return; /* of a commit that failed meanwhile */
    c->storing--;
    e->storing--;
    if (errnum)
        commit_fail (c, errnum);
    else if (c->storing == 0 || c->next != &c->tree.stores)
        ns_ready (c->ns);
}

void commit_settled (struct kvs_engine *e, uint64_t id, uint64_t upto, int errnum)
{
    struct commit *c = table_get_u64 (&e->commits, id);

    if (!c || c->phase != COMMIT_SETTLE)
        return;
    if (errnum) {
        commit_fail (c, errnum);
        return;
    }
    c->settled = upto;
    c->phase = COMMIT_SYNC;
    c->checkpoint.id = c->id;
    c->checkpoint.ref = c->root;
    c->checkpoint.seq = next_seq (c);
    list_append (&e->actions, &c->checkpoint.action.link);
}

/* They try again, or fail for the reason that the settling did. */
void commit_starved (struct kvs_engine *e, int errnum)
{
    struct list starved = LIST_INIT (starved);
    struct ns *ns;

    list_splice (&starved, &e->starved);
    while ((ns = list_first (&starved, struct ns, ready_link))) {
        list_del (&ns->ready_link);
        if (errnum)
            commit_fail (ns->commit, errnum);
        else
            ns_ready (ns);
    }
}

/* A checkpoint of our own accord is not a transaction: nothing is published
 * when it is done.
 */
static void checkpoint_done (struct commit *c)
{
    struct kvs_engine *e = c->ns->e;
    struct ns *ns = c->ns;

    e->checkpointed = c->checkpoint.seq;
    hold_close (&e->hold, ns, c->settled, c->checkpoint.seq);
    commit_free (c);
    if (!list_empty (&ns->queue))
        ns_ready (ns);
}

void kvs_engine_checkpointed (struct kvs_engine *e, uint64_t id, int errnum)
{
    struct commit *c = table_get_u64 (&e->commits, id);
    int r;

    if (!c || c->phase != COMMIT_SYNC)
        return;
    if (list_first (&c->txns, struct txn, link)->checkpoint && !errnum)
        checkpoint_done (c);
    else if (errnum)
        commit_fail (c, errnum);
    else if ((r = commit_publish (c)) < 0)
        commit_fail (c, -r);
}
