#include "config.h"
#include <flux/core.h>

#include "common/util.h"
#include "kvs_private.h"

/* Marks a commit future; keeps the text that get_treeobj returned. */
struct commit {
    char *treeobj;
};

static const char auxkey[] = "flux::kvs_commit";

static void commit_destroy (void *arg)
{
    struct commit *ctx = arg;

    free_keep_errno (ctx->treeobj);
    free_keep_errno (ctx);
}

/* {"namespace":s "flags":i "ops":[{"key":s "flags":i "dirent":o|null}...]} */
static int write_request (struct text *t,
                          const char *ns,
                          int flags,
                          const flux_kvs_txn_t *txn)
{
    text_puts (t, "{\"namespace\":");
    if (kvs_put_string (t, ns) < 0)
        return -1;
    text_puts (t, ",\"flags\":");
    text_put_int (t, flags);
    text_puts (t, ",\"ops\":");
    if (kvs_txn_write (txn, t) < 0)
        return -1;
    text_putc (t, '}');
    if (text_error (t) < 0) {
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

/* kvs.commit -> {"rootref":s "rootseq":i} */
flux_future_t *flux_kvs_commit (flux_t *h, const char *ns, int flags, flux_kvs_txn_t *txn)
{
    struct text t = TEXT_INIT;
    flux_future_t *f = NULL;
    struct commit *ctx;

    if (!h || !txn) {
        errno = EINVAL;
        return NULL;
    }
    if ((flags & FLUX_KVS_TXN_COMPACT) && kvs_txn_compact (txn) < 0)
        return NULL;
    flags &= ~FLUX_KVS_TXN_COMPACT;
    if (!(ctx = calloc (1, sizeof (*ctx))))
        return NULL;
    if (write_request (&t, kvs_namespace (ns), flags, txn) < 0
        || !(f = flux_rpc (h, "kvs.commit", t.buf, FLUX_NODEID_ANY, 0))
        || flux_future_aux_set (f, auxkey, ctx, commit_destroy) < 0) {
        commit_destroy (ctx);
        flux_future_destroy (f);
        f = NULL;
    }
    text_fini (&t);
    return f;
}

static struct commit *commit_get (flux_future_t *f, const void *result)
{
    struct commit *ctx = NULL;

    if (!f || !result || !(ctx = flux_future_aux_get (f, auxkey)))
        errno = EINVAL;
    return ctx;
}

int flux_kvs_commit_get_rootref (flux_future_t *f, const char **rootref)
{
    /* of a copy, only the finished commit's mark can be seen */
    if (!f || !rootref || flux_future_get (f, NULL) < 0) {
        if (!f || !rootref)
            errno = EINVAL;
        return -1;
    }
    if (!commit_get (f, rootref))
        return -1;
    return flux_rpc_get_unpack (f, "{s:s}", "rootref", rootref);
}

int flux_kvs_commit_get_treeobj (flux_future_t *f, const char **treeobj)
{
    struct commit *ctx;
    const char *rootref;

    if (!treeobj) {
        errno = EINVAL;
        return -1;
    }
    if (flux_kvs_commit_get_rootref (f, &rootref) < 0 || !(ctx = commit_get (f, treeobj)))
        return -1;
    if (!ctx->treeobj && !(ctx->treeobj = kvs_dirref (rootref)))
        return -1;
    *treeobj = ctx->treeobj;
    return 0;
}

int flux_kvs_commit_get_sequence (flux_future_t *f, int *rootseq)
{
    const char *rootref;

    if (!rootseq) {
        errno = EINVAL;
        return -1;
    }
    if (flux_kvs_commit_get_rootref (f, &rootref) < 0)
        return -1;
    return flux_rpc_get_unpack (f, "{s:i}", "rootseq", rootseq);
}
