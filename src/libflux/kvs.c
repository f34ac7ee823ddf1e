#include "config.h"
#include <errno.h>
#include <flux/core.h>

#include "common/blobref.h"
#include "common/util.h"
#include "kvs_private.h"

/* Where the empty directory is stored, by hash: a new namespace starts there.
 * (This library does not link a hash function.)
 */
static const char *empty_directory (const char *hashname)
{
    switch (blobref_kind_parse (hashname)) {
        case BLOBREF_SHA1:
            return "sha1-c0a9faf907dda6216fd73bf81d0b3b21a1a8cb91";
        case BLOBREF_SHA256:
            return "sha256-61b85efa2a76db9377692c700b4e1edf"
                   "c480bf224e0e9764b76f8082159d0ca0";
    }
    errno = EINVAL;
    return NULL;
}

/* To rank 0. */
static flux_future_t *send_text (flux_t *h, const char *topic, struct text *t)
{
    if (text_error (t) < 0) {
        errno = ENOMEM;
        return NULL;
    }
    return flux_rpc (h, topic, t->buf, 0, 0);
}

flux_future_t *flux_kvs_namespace_create_with (flux_t *h,
                                               const char *ns,
                                               const char *rootref,
                                               uint32_t owner,
                                               int flags)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;

    if (!h || !ns || !rootref || flags != 0) {
        errno = EINVAL;
        return NULL;
    }
    text_puts (&t, "{\"namespace\":");
    if (kvs_put_string (&t, ns) < 0)
        return NULL;
    text_puts (&t, ",\"rootref\":");
    if (kvs_put_string (&t, rootref) < 0)
        return NULL;
    text_puts (&t, ",\"owner\":");
    text_put_int (&t, (int)owner);
    text_puts (&t, ",\"flags\":0}");
    return send_text (h, "kvs.namespace-create", &t);
}

flux_future_t *flux_kvs_namespace_create (flux_t *h,
                                          const char *ns,
                                          uint32_t owner,
                                          int flags)
{
    const char *hashname;
    const char *rootref;

    if (!h || !ns || flags != 0) {
        errno = EINVAL;
        return NULL;
    }
    if (!(hashname = flux_attr_get (h, "content.hash"))
        || !(rootref = empty_directory (hashname)))
        return NULL;
    return flux_kvs_namespace_create_with (h, ns, rootref, owner, flags);
}

flux_future_t *flux_kvs_namespace_remove (flux_t *h, const char *ns)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;

    if (!h || !ns) {
        errno = EINVAL;
        return NULL;
    }
    text_puts (&t, "{\"namespace\":");
    if (kvs_put_string (&t, ns) < 0)
        return NULL;
    text_putc (&t, '}');
    return send_text (h, "kvs.namespace-remove", &t);
}

int flux_kvs_get_version (flux_t *h, const char *ns, int *versionp)
{
    flux_future_t *f;
    int version;
    int rc;

    if (!(f = flux_kvs_getroot (h, ns, 0)))
        return -1;
    rc = flux_kvs_getroot_get_sequence (f, &version);
    flux_future_destroy (f);
    if (rc == 0 && versionp)
        *versionp = version;
    return rc;
}

int flux_kvs_wait_version (flux_t *h, const char *ns, int version)
{
    flux_future_t *f;
    int rc;

    if (!h) {
        errno = EINVAL;
        return -1;
    }
    if (!(f = flux_rpc_pack (h,
                             "kvs.wait-version",
                             FLUX_NODEID_ANY,
                             0,
                             "{s:i s:s}",
                             "rootseq",
                             version,
                             "namespace",
                             kvs_namespace (ns))))
        return -1;
    rc = flux_future_get (f, NULL);
    flux_future_destroy (f);
    return rc;
}
