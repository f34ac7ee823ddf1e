/* stock_live.c - our kvs with a content service that only knows the protocol of
 * stock Flux: content.store, content.load, nothing else.
 *
 * The instance has no modules.  A child of this program is the content service.
 */

#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/blob.h"
#include "common/blobhash.h"
#include "common/table.h"
#include "live.h"

struct stored {
    struct blobref ref;
    size_t len;
    char data[];
};

static struct blobhash *hash;
static struct table blobs;

static void store_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct blobref ref;
    struct stored *s;
    const void *data;
    size_t len;

    flux_request_decode_raw (msg, NULL, &data, &len);
    blobhash_sum (hash, data, len, &ref);
    if (!table_get (&blobs, &ref, sizeof (ref))
        && (s = calloc (1, sizeof (*s) + len + 1))) {
        s->ref = ref;
        s->len = len;
        memcpy (s->data, data, len);
        table_put (&blobs, &s->ref, sizeof (s->ref), s);
    }
    flux_respond_raw (h, msg, ref.bytes, blobref_digest_size (ref.kind));
}

static void load_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const struct stored *s = NULL;
    struct blobref ref;
    const void *digest;
    size_t len;

    if (flux_request_decode_raw (msg, NULL, &digest, &len) == 0
        && blobref_from_digest (BLOBREF_SHA1, digest, len, &ref) == 0)
        s = table_get (&blobs, &ref, sizeof (ref));
    if (s)
        flux_respond_raw (h, msg, s->data, s->len);
    else
        flux_respond_error (h, msg, ENOENT, NULL);
}

static void child (void)
{
    static const struct flux_msg_handler_spec handlers[] = {
        { FLUX_MSGTYPE_REQUEST, "content.store", store_cb, 0 },
        { FLUX_MSGTYPE_REQUEST, "content.load", load_cb, 0 },
        FLUX_MSGHANDLER_TABLE_END,
    };
    flux_t *h = flux_open (NULL, 0);
    flux_msg_handler_t **mh;
    flux_future_t *f;

    if (!h || flux_msg_handler_addvec (h, handlers, NULL, &mh) < 0
        || !(f = flux_service_register (h, "content")) || flux_future_get (f, NULL) < 0)
        _exit (1);
    flux_reactor_run (flux_get_reactor (h), 0);
    _exit (0);
}

static void wait_for_content (flux_t *h)
{
    int rc;

    do {
        flux_future_t *f = flux_rpc_raw (h, "content.store", "x", 1, FLUX_NODEID_ANY, 0);

        rc = flux_future_get (f, NULL);
        flux_future_destroy (f);
    } while (rc < 0 && errno == ENOSYS);
}

int main (void)
{
    flux_t *h = live_open ();
    flux_future_t *f;
    const char *value;

    if (blobhash_new (BLOBREF_SHA1, &hash) < 0)
        bail_out ("no hash");
    if (fork () == 0)
        child ();
    wait_for_content (h);
    rpc_fails (h, "module.load", 0, "{\"path\":\"kvs\",\"args\":[]}", 0, NULL,
               "kvs starts");
    live_commit (h, NULL, "put a.b.c.d 1", "append log one", "append log two", NULL);
    live_commit (h, NULL, "put a.b.x.y 2", NULL);
    f = flux_kvs_lookup (h, NULL, 0, "a.b.c.d");
    ok (flux_kvs_lookup_get (f, &value) == 0 && strcmp (value, "1") == 0,
        "values come back");
    flux_future_destroy (f);
    f = flux_kvs_lookup (h, NULL, 0, "log");
    ok (flux_kvs_lookup_get (f, &value) == 0 && strcmp (value, "onetwo") == 0,
        "logs, too");
    flux_future_destroy (f);
    rpc_fails (h, "kvs.commit", 0, "{\"namespace\":\"primary\",\"flags\":4,\"ops\":[]}",
               ENOSYS, NULL, "a sync commit needs a backing store");
    rpc_fails (h, "module.remove", 0, "{\"name\":\"kvs\"}", 0, NULL,
               "kvs leaves without one");
    blobhash_free (hash);
    flux_close (h);
    return done_testing ();
}
