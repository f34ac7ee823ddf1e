/* kvs_copy.c - copy and move: a lookup, then a commit, each continuing the
 * one before.
 *
 * No state of ours is kept between the steps but what to do next; the tree
 * object is what it was when the lookup was answered.
 */

#include "config.h"
#include <flux/core.h>

#include "common/util.h"
#include "kvs_private.h"

/* What is to be done with what was looked up. */
struct copy {
    char *srcns;
    char *srckey;
    char *dstns;
    char *dstkey;
    int flags;
};

static void copy_destroy (void *arg)
{
    struct copy *c = arg;

    if (c) {
        int saved_errno = errno;
        free (c->srcns);
        free (c->srckey);
        free (c->dstns);
        free (c->dstkey);
        free (c);
        errno = saved_errno;
    }
}

static struct copy *copy_new (const char *srcns,
                              const char *srckey,
                              const char *dstns,
                              const char *dstkey,
                              int flags)
{
    struct copy *c = calloc (1, sizeof (*c));

    if (!c)
        return NULL;
    c->flags = flags;
    if (!(c->srcns = strdup (kvs_namespace (srcns))) || !(c->srckey = strdup (srckey))
        || !(c->dstns = strdup (kvs_namespace (dstns)))
        || !(c->dstkey = strdup (dstkey))) {
        copy_destroy (c);
        return NULL;
    }
    return c;
}

/* The commit takes over as the result of the chain, or its failure does. */
static void continue_with (flux_future_t *prev, flux_future_t *f)
{
    if (!f)
        flux_future_continue_error (prev, errno, NULL);
    else if (flux_future_continue (prev, f) < 0) {
        flux_future_continue_error (prev, errno, NULL);
        flux_future_destroy (f);
    }
}

static void lookup_done (flux_future_t *prev, void *arg)
{
    struct copy *c = arg;
    flux_t *h = flux_future_get_flux (prev);
    flux_future_t *commit = NULL;
    flux_kvs_txn_t *txn;
    const char *treeobj;

    if ((txn = flux_kvs_txn_create ())
        && flux_kvs_lookup_get_treeobj (prev, &treeobj) == 0
        && flux_kvs_txn_put_treeobj (txn, 0, c->dstkey, treeobj) == 0)
        commit = flux_kvs_commit (h, c->dstns, c->flags, txn);
    flux_kvs_txn_destroy (txn);
    continue_with (prev, commit);
    flux_future_destroy (prev);
}

static void copy_done (flux_future_t *prev, void *arg)
{
    struct copy *c = arg;
    flux_t *h = flux_future_get_flux (prev);
    flux_future_t *commit = NULL;
    flux_kvs_txn_t *txn;

    if ((txn = flux_kvs_txn_create ())
        && flux_kvs_txn_unlink (txn, 0, c->srckey) == 0)
        commit = flux_kvs_commit (h, c->srcns, c->flags, txn);
    flux_kvs_txn_destroy (txn);
    continue_with (prev, commit);
    flux_future_destroy (prev);
}

/* Let cb follow f, with c: both are taken over, also on failure. */
static flux_future_t *follow (flux_future_t *f, flux_continuation_f cb, struct copy *c)
{
    flux_future_t *next;

    if (!f || !c || flux_future_aux_set (f, NULL, c, copy_destroy) < 0) {
        copy_destroy (c);
        flux_future_destroy (f);
        return NULL;
    }
    if (!(next = flux_future_and_then (f, cb, c)))
        flux_future_destroy (f);
    return next;
}

/* What copy and move have in common: NULL with errno if there is no going on. */
static struct copy *copy_start (flux_t *h,
                                const char *srcns,
                                const char *srckey,
                                const char *dstns,
                                const char *dstkey,
                                int flags)
{
    if (!h || !srckey || !dstkey) {
        errno = EINVAL;
        return NULL;
    }
    return copy_new (srcns, srckey, dstns, dstkey, flags);
}

flux_future_t *flux_kvs_copy (flux_t *h,
                              const char *srcns,
                              const char *srckey,
                              const char *dstns,
                              const char *dstkey,
                              int commit_flags)
{
    struct copy *c = copy_start (h, srcns, srckey, dstns, dstkey, commit_flags);

    if (!c)
        return NULL;
    return follow (flux_kvs_lookup (h, c->srcns, FLUX_KVS_TREEOBJ, srckey),
                   lookup_done,
                   c);
}

flux_future_t *flux_kvs_move (flux_t *h,
                              const char *srcns,
                              const char *srckey,
                              const char *dstns,
                              const char *dstkey,
                              int commit_flags)
{
    struct copy *c = copy_start (h, srcns, srckey, dstns, dstkey, commit_flags);

    if (!c)
        return NULL;
    return follow (flux_kvs_copy (h, srcns, srckey, dstns, dstkey, commit_flags),
                   copy_done,
                   c);
}
