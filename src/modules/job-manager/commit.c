/* The batch goes to the KVS.
 *
 *   kvs.commit { "namespace":"primary" "flags":i (0, or KVSOPS_LAZY)
 *                "ops":[ {"key":s "flags":i "dirent":treeobj|null} ] }
 *   -> { "rootref":s "rootseq":i }
 *
 * A commit that fails is fatal: what has been told to others would not be
 * stored.
 */

#include "config.h"

#include "common/fluid.h"

#include "manager.h"

void manager_commit_op (const struct batch_op *op, void *arg)
{
    struct manager *m = arg;
    char key[FLUID_BUFSIZE + 16];
    int n;

    if (op->kind == BATCH_PUT) {
        if (op->data)
            kvsops_put (&m->ops, op->key, op->data, op->len);
        else
            kvsops_unlink (&m->ops, op->key);
        return;
    }
    n = fluid_encode (key, FLUID_BUFSIZE, op->id, FLUID_KVS);
    must (n > 0);
    if (op->kind == BATCH_UNLINK)
        kvsops_unlink (&m->ops, key);
    else if (op->kind == BATCH_R) {
        memcpy (key + n, ".R", 3);
        kvsops_put (&m->ops, key, op->data, op->len);
    }
    else {
        memcpy (key + n, ".eventlog", 10);
        kvsops_append (&m->ops, key, op->data, op->len);
    }
}

/* One in flight. */
struct commit {
    struct list node; /* in manager.commits, oldest first */
    struct manager *m;
    flux_future_t *f;
    bool done;
};

static void commit_free (struct commit *c)
{
    if (c) {
        list_del (&c->node);
        c->m->ncommits--;
        flux_future_destroy (c->f);
        free (c);
    }
}

/* They are stored in the order in which they were sent; so are the answers, but
 * nothing here depends on it.
 */
static void commit_continuation (flux_future_t *f, void *arg)
{
    struct commit *c = arg;
    struct manager *m = c->m;

    if (flux_rpc_get (f, NULL) < 0) {
        manager_fail (m, "KVS commit");
        return;
    }
    c->done = true;
    while ((c = list_first (&m->commits, struct commit, node)) && c->done) {
        commit_free (c);
        jm_commit_end (m->jm);
    }
}

/* Send what was begun. */
static struct commit *send_commit (struct manager *m)
{
    _cleanup_ (freep)
    char *payload = kvsops_finish (&m->ops, KVS_PRIMARY_NAMESPACE,
                                   jm_commit_lazy (m->jm) ? KVSOPS_LAZY : 0);
    struct commit *c = calloc (1, sizeof (*c));

    if (!c)
        return NULL;
    list_init (&c->node);
    c->m = m;
    m->ncommits++;
    if (!payload
        || !(c->f = flux_rpc (m->h, "kvs.commit", payload, FLUX_NODEID_ANY, 0))) {
        commit_free (c);
        return NULL;
    }
    list_append (&m->commits, &c->node);
    return c;
}

/* Nobody waits for the events alone.  A manager that is busy for long commits
 * them with what is urgent, or so many times a second; the second rate is for
 * when jobs wait for resources, since then what is urgent comes all the time.
 */
#define COMMIT_RATE 1000.
#define COMMIT_BURST 32.
#define COMMIT_RATE_CROWDED 200.

static void pace_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct manager *m = arg;

    m->batch_due = true;
    /* manager_commit () follows, as always before the reactor sleeps */
}

int manager_commit_init (struct manager *m)
{
    list_init (&m->commits);
    m->credit = COMMIT_BURST;
    m->credit_time = flux_reactor_now (flux_get_reactor (m->h));
    m->pace = flux_timer_watcher_create (flux_get_reactor (m->h), 0., 0., pace_cb, m);
    return m->pace ? 0 : -1;
}

void manager_commit_fini (struct manager *m)
{
    struct commit *c;

    while ((c = list_first (&m->commits, struct commit, node)))
        commit_free (c);
    flux_watcher_destroy (m->pace);
}

static void wake_in (struct manager *m, double seconds)
{
    if (!flux_watcher_is_active (m->pace)) {
        flux_timer_watcher_reset (m->pace, seconds, 0.);
        flux_watcher_start (m->pace);
    }
}

/* Somebody wants to see batches: each waits for its time. */
static bool is_due (struct manager *m)
{
    bool due = m->batch_due;

    if (m->batch_timeout <= 0.)
        return true;
    m->batch_due = false;
    if (!due)
        wake_in (m, m->batch_timeout);
    return due;
}

/* job-manager.set-batch-timeout (owner)  { "timeout":F } -> empty
 * No commit is made earlier than so many seconds after there was something for it;
 * 0, as at the start: at once.
 */
void set_batch_timeout_cb (flux_t *h,
                           flux_msg_handler_t *mh,
                           const flux_msg_t *msg,
                           void *arg)
{
    struct manager *m = arg;
    double timeout;

    if (flux_request_unpack (msg, NULL, "{s:F}", "timeout", &timeout) < 0) {
        manager_refuse (m, msg, EPROTO, NULL);
        return;
    }
    m->batch_timeout = timeout;
    manager_respond (m, msg);
}

static bool may_commit (struct manager *m)
{
    bool crowded = jm_sched_is_crowded (m->jm);
    double rate = crowded ? COMMIT_RATE_CROWDED : COMMIT_RATE;
    double burst = crowded ? 1. : COMMIT_BURST;
    double now;

    if (jm_commit_urgent (m->jm))
        return true;
    now = flux_reactor_now (flux_get_reactor (m->h));
    m->credit += (now - m->credit_time) * rate;
    if (m->credit > burst)
        m->credit = burst;
    m->credit_time = now;
    if (m->credit >= 1.) {
        m->credit -= 1.;
        return true;
    }
    wake_in (m, (1. - m->credit) / rate);
    return false;
}

void manager_commit (struct manager *m)
{
    while (!m->failed && jm_commit_wanted (m->jm) && is_due (m) && may_commit (m)) {
        struct commit *c;

        if (jm_commit_begin (m->jm) == 0 && m->ncommits == 0) {
            jm_commit_end (m->jm);
            continue;
        }
        if (!(c = send_commit (m))
            || flux_future_then (c->f, -1., commit_continuation, c) < 0) {
            manager_fail (m, "sending a KVS commit");
            return;
        }
        jm_commit_sent (m->jm);
    }
}

int manager_commit_all (struct manager *m)
{
    struct commit *c;

    for (;;) {
        while ((c = list_first (&m->commits, struct commit, node))) {
            if (flux_rpc_get (c->f, NULL) < 0)
                return -1;
            commit_free (c);
            jm_commit_end (m->jm);
        }
        if (!jm_commit_wanted (m->jm))
            return 0;
        if (jm_commit_begin (m->jm) == 0)
            jm_commit_end (m->jm);
        else if (!send_commit (m))
            return -1;
    }
}
