/* stock_live.c - our kvs with a content service that only knows the protocol of
 * stock Flux: content.store, content.load, nothing else.
 *
 * The instance has no modules.  A child of this program is the content service.
 *
 * With the argument "full" it takes checkpoints, too, if it is not full, and the
 * instance is one that lasts: how often does kvs try?
 */

#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
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

#define TRIES_MAX 1000

/* What the child does, and did: shared with it. */
struct shared {
    volatile int full;
    volatile int ntries; /* checkpoints that it was asked for */
    volatile double tries[TRIES_MAX];
};

static struct shared *shared; /* NULL: it does not know checkpoints */
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

static double now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec * 1e-9;
}

static void
checkpoint_get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_respond_error (h, msg, shared ? ENOENT : ENOSYS, NULL);
}

static void
checkpoint_put_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    if (!shared) {
        flux_respond_error (h, msg, ENOSYS, NULL);
        return;
    }
    if (shared->ntries < TRIES_MAX)
        shared->tries[shared->ntries++] = now ();
    if (shared->full)
        flux_respond_error (h, msg, ENOSPC, NULL);
    else
        flux_respond (h, msg, "{\"rolling\":true}");
}

static void child (void)
{
    static const struct flux_msg_handler_spec handlers[] = {
        { FLUX_MSGTYPE_REQUEST, "content.store", store_cb, 0 },
        { FLUX_MSGTYPE_REQUEST, "content.load", load_cb, 0 },
        { FLUX_MSGTYPE_REQUEST, "content.checkpoint-get", checkpoint_get_cb, 0 },
        { FLUX_MSGTYPE_REQUEST, "content.checkpoint-put", checkpoint_put_cb, 0 },
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

static void stock (flux_t *h)
{
    flux_future_t *f;
    const char *value;

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
}

/* It saves soon after a commit; what fails is not tried again as soon. */
static void full (flux_t *h)
{
    double end;
    int n;

    shared->full = 1;
    rpc_fails (h, "module.load", 0, "{\"path\":\"kvs\",\"args\":[]}", 0, NULL,
               "kvs starts");
    for (end = now () + 60; shared->ntries < 3 && now () < end;)
        live_commit (h, NULL, "put a 1", NULL);
    n = shared->ntries;
    ok (n >= 3, "what cannot be saved is tried again");
    for (int i = 1; i < n; i++) {
        if (shared->tries[i] - shared->tries[i - 1] < 0.5)
            n = 0;
    }
    ok (n > 0, "about a second after it has failed, and not earlier");
    rpc_fails (h, "kvs.save", 0, "{}", ENOSPC, NULL, "who asks for it is told why not");
    shared->full = 0;
    rpc_fails (h, "kvs.save", 0, "{}", 0, NULL, "when there is room again, it works");
    n = shared->ntries;
    for (end = now () + 30; shared->ntries < n + 3 && now () < end;)
        live_commit (h, NULL, "put a 2", NULL);
    ok (shared->ntries >= n + 3, "then commits are saved again without being asked");
    rpc_fails (h, "module.remove", 0, "{\"name\":\"kvs\"}", 0, NULL, "kvs leaves");
}

int main (int argc, char *argv[])
{
    flux_t *h = live_open ();

    if (blobhash_new (BLOBREF_SHA1, &hash) < 0)
        bail_out ("no hash");
    if (argc > 1) {
        shared = mmap (NULL, sizeof (*shared), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (shared == MAP_FAILED)
            bail_out ("no memory");
    }
    if (fork () == 0)
        child ();
    wait_for_content (h);
    if (shared)
        full (h);
    else
        stock (h);
    blobhash_free (hash);
    flux_close (h);
    return done_testing ();
}
