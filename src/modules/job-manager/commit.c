/* The batch goes to the KVS.
 *
 *   kvs.commit { "namespace":"primary" "flags":0
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
        kvsops_put (&m->ops, op->key, op->data, op->len);
        return;
    }
    n = fluid_encode (key, FLUID_BUFSIZE, op->id, FLUID_KVS);
    must (n > 0);
    if (op->kind == BATCH_UNLINK)
        kvsops_unlink (&m->ops, key);
    else {
        memcpy (key + n, ".eventlog", 10);
        kvsops_append (&m->ops, key, op->data, op->len);
    }
}

static void commit_continuation (flux_future_t *f, void *arg)
{
    struct manager *m = arg;

    if (flux_rpc_get (f, NULL) < 0) {
        manager_fail (m, "KVS commit");
        return;
    }
    flux_future_destroy (move_ptr (m->commit));
    jm_commit_end (m->jm);
}

/* Send what was begun. */
static int send_commit (struct manager *m)
{
    _cleanup_ (freep) char *payload = kvsops_finish (&m->ops, KVS_PRIMARY_NAMESPACE, 0);

    if (!payload
        || !(m->commit = flux_rpc (m->h, "kvs.commit", payload, FLUX_NODEID_ANY, 0)))
        return -1;
    return 0;
}

void manager_commit (struct manager *m)
{
    if (m->failed || !jm_commit_wanted (m->jm))
        return;
    if (jm_commit_begin (m->jm) == 0) {
        jm_commit_end (m->jm);
        return;
    }
    if (send_commit (m) < 0
        || flux_future_then (m->commit, -1., commit_continuation, m) < 0)
        manager_fail (m, "sending a KVS commit");
}

int manager_commit_all (struct manager *m)
{
    for (;;) {
        if (m->commit) {
            if (flux_rpc_get (m->commit, NULL) < 0)
                return -1;
            flux_future_destroy (move_ptr (m->commit));
            jm_commit_end (m->jm);
        }
        if (!jm_commit_wanted (m->jm))
            return 0;
        if (jm_commit_begin (m->jm) == 0)
            jm_commit_end (m->jm);
        else if (send_commit (m) < 0)
            return -1;
    }
}
