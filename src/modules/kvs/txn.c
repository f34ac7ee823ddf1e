/* txn.c - transactions: they come, from here or another rank, and get their answers.
 * What happens to them between is commit.c.
 */

#include "config.h"
#include <errno.h>

#include "engine_impl.h"

struct txn *txn_new (struct kvs_engine *e, struct kvs_request *req, int flags)
{
    struct txn *t = calloc (1, sizeof (*t));

    if (!t)
        return NULL;
    list_init (&t->link);
    list_init (&t->waiter.link);
    t->e = e;
    t->req = req;
    t->flags = flags & ~KVS_LAZY;
    t->lazy = flags & KVS_LAZY;
    return t;
}

void txn_free (struct txn *t)
{
    if (t) {
        waiter_cancel (&t->waiter);
        list_del (&t->link);
        if (t->req)
            t->req->cancel = NULL;
        if (t->counted)
            t->ns->unanswered--;
        kvs_ops_free (t->ops);
        free (t->refusal);
        free (t->name);
        free (t->nsname);
        free_keep_errno (t);
    }
}

int txn_make_name (struct txn *t)
{
    struct text name = TEXT_INIT;

    text_printf (&name, "transaction_req.%u.%ju", (unsigned int)t->e->cfg.rank,
                 (uintmax_t)t->e->next_name++);
    t->name = text_take (&name, NULL);
    return t->name ? 0 : -ENOMEM;
}

void txn_set_ns (struct txn *t, struct ns *ns)
{
    t->ns = ns;
    t->counted = true;
    ns->unanswered++;
}

/* The client left; the transaction goes on. */
static void txn_cancel (struct kvs_request *req)
{
    struct txn *t = req->op;

    t->e->pending--;
    t->req = NULL;
}

void txn_end_text (struct txn *t, int errnum, const char *text)
{
    struct kvs_request *req = move_ptr (t->req);

    if (req) {
        req->heap = text ? strdup (text) : NULL;
        request_end (t->e, req, errnum, req->heap);
    }
    txn_free (t);
}

void txn_end (struct txn *t, int errnum)
{
    txn_end_text (t, errnum, NULL);
}

void txn_fail (struct txn *t, int errnum)
{
    struct kvs_publish *event = error_event (t->ns->name, t->name, errnum, t->refusal);

    /* Without memory for an event, at least the client here gets its answer. */
    if (event)
        list_append (&t->e->actions, &event->action.link);
    txn_end_text (t, errnum, t->refusal);
}

size_t txn_opcount (const struct txn *t)
{
    return t->ops ? t->ops->count : 0;
}

/* ---- requests ---- */

static int checkpoint_queue (struct ns *ns)
{
    struct txn *t = txn_new (ns->e, NULL, KVS_SYNC);
    struct text name = TEXT_INIT;

    if (!t)
        return -ENOMEM;
    t->checkpoint = true;
    text_printf (&name, "checkpoint-period.%jd", (intmax_t)ns->seq);
    if (!(t->name = text_take (&name, NULL))) {
        txn_free (t);
        return -ENOMEM;
    }
    /* Not tried again, even if it fails, until something changes. */
    ns->e->checkpointed = ns->seq;
    commit_queue (ns, t);
    return 0;
}

int kvs_engine_checkpoint (struct kvs_engine *e)
{
    struct ns *ns = ns_find (e, "primary");

    if (!ns || ns->seq == e->checkpointed)
        return 0;
    return checkpoint_queue (ns);
}

int kvs_engine_relayed (struct kvs_engine *e,
                        const char *name,
                        const char *nsname,
                        int flags,
                        struct kvs_ops *ops)
{
    struct ns *ns = ns_find (e, nsname);
    struct kvs_publish *event;
    struct txn *t;

    tally_add (&e->opcount, ops ? ops->count : 0);
    if (!ns || ns->state != NS_ACTIVE) {
        kvs_ops_free (ops);
        if (!(event = error_event (nsname, name, EOPNOTSUPP, NULL)))
            return -ENOMEM;
        list_append (&e->actions, &event->action.link);
        return 0;
    }
    if (!(t = txn_new (e, NULL, flags)) || !(t->name = strdup (name))) {
        txn_free (t);
        kvs_ops_free (ops);
        return -ENOMEM;
    }
    t->ops = ops;
    commit_queue (ns, t);
    return 0;
}

/* Rank 0: into the queue at once. */
static void commit_local (struct txn *t, const char *nsname)
{
    struct kvs_engine *e = t->e;
    struct ns *ns = NULL;
    int r;

    if (!t->req->prelude)
        tally_add (&e->opcount, txn_opcount (t));
    if ((r = ns_get (e, nsname, NULL, &ns)) < 0
        || (r = ns_authorize (ns, &t->req->cred)) < 0 || (r = txn_make_name (t)) < 0) {
        txn_end (t, -r);
        return;
    }
    txn_set_ns (t, ns);
    commit_queue (ns, t);
}

void kvs_engine_commit (struct kvs_engine *e,
                        struct kvs_request *req,
                        const char *ns,
                        int flags,
                        struct kvs_ops *ops)
{
    const char *why = NULL;
    struct txn *t;
    int r = 0;

    if (!req->cred.owner && ops)
        r = kvs_ops_check_guest (ops, &why);
    if (r < 0 || !(t = txn_new (e, req, flags))) {
        request_refuse (e, req, r < 0 ? -r : ENOMEM, why);
        kvs_ops_free (ops);
        return;
    }
    t->ops = ops;
    request_begin (e, req, t, txn_cancel);
    if (e->cfg.rank == 0)
        commit_local (t, ns);
    else
        follower_commit (t, ns);
}
