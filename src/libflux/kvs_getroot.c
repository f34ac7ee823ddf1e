#include "config.h"
#include <flux/core.h>

#include "common/util.h"
#include "kvs_private.h"

/* Marks a getroot future; keeps the text that get_treeobj returned. */
struct getroot {
    char *treeobj;
};

static const char auxkey[] = "flux::getroot";

static void getroot_destroy (void *arg)
{
    struct getroot *ctx = arg;

    free_keep_errno (ctx->treeobj);
    free_keep_errno (ctx);
}

/* kvs.getroot {"namespace":s "flags":i}
 *   -> {"rootref":s "rootseq":i "owner":i "flags":i "namespace":s}
 */
flux_future_t *flux_kvs_getroot (flux_t *h, const char *ns, int flags)
{
    struct getroot *ctx;
    flux_future_t *f;

    if (!h || flags != 0) {
        errno = EINVAL;
        return NULL;
    }
    if (!(ctx = calloc (1, sizeof (*ctx))))
        return NULL;
    f = flux_rpc_pack (h,
                       "kvs.getroot",
                       FLUX_NODEID_ANY,
                       0,
                       "{s:s s:i}",
                       "namespace",
                       kvs_namespace (ns),
                       "flags",
                       flags);
    if (!f || flux_future_aux_set (f, auxkey, ctx, getroot_destroy) < 0) {
        getroot_destroy (ctx);
        flux_future_destroy (f);
        return NULL;
    }
    return f;
}

static struct getroot *getroot_get (flux_future_t *f, const void *result)
{
    struct getroot *ctx = NULL;

    if (!f || !result || !(ctx = flux_future_aux_get (f, auxkey)))
        errno = EINVAL;
    return ctx;
}

int flux_kvs_getroot_get_blobref (flux_future_t *f, const char **blobref)
{
    if (!getroot_get (f, blobref))
        return -1;
    return flux_rpc_get_unpack (f, "{s:s}", "rootref", blobref);
}

int flux_kvs_getroot_get_treeobj (flux_future_t *f, const char **treeobj)
{
    struct getroot *ctx = getroot_get (f, treeobj);
    const char *blobref;

    if (!ctx || flux_kvs_getroot_get_blobref (f, &blobref) < 0)
        return -1;
    if (!ctx->treeobj && !(ctx->treeobj = kvs_dirref (blobref)))
        return -1;
    *treeobj = ctx->treeobj;
    return 0;
}

int flux_kvs_getroot_get_sequence (flux_future_t *f, int *seq)
{
    if (!getroot_get (f, seq))
        return -1;
    return flux_rpc_get_unpack (f, "{s:i}", "rootseq", seq);
}

int flux_kvs_getroot_get_owner (flux_future_t *f, uint32_t *owner)
{
    int64_t value; /* some services render it signed */

    if (!getroot_get (f, owner) || flux_rpc_get_unpack (f, "{s:I}", "owner", &value) < 0)
        return -1;
    *owner = (uint32_t)value;
    return 0;
}
