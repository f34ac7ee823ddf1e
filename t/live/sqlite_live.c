/* sqlite_live.c - content-sqlite writes much at once, and is asked meanwhile.
 *
 * Messages with BATCH blobs each are slices of one transaction.  Requests that come
 * between them are sent without waiting, so that they find it open.
 */

#include "config.h"
#include <errno.h>
#include <stdio.h>

#include "common/blobbatch.h"
#include "common/blobhash.h"
#include "live.h"

enum { BATCH = 512, MESSAGES = 12 };

static flux_t *h;
static struct blobhash *hash;

static size_t blob (char *buf, size_t size, const char *name, int n)
{
    return snprintf (buf, size, "%s %d: a blob that compresses compresses compresses",
                     name, n);
}

static flux_future_t *send_batch (const char *name, int message)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;
    char buf[128];

    for (int i = 0; i < BATCH; i++)
        blobbatch_add (&t, buf, blob (buf, sizeof (buf), name, message * BATCH + i));
    return flux_rpc_raw (h, "content-backing.store-batch", t.buf, t.len, 0, 0);
}

static bool batch_stored (flux_future_t *f, const char *name, int message)
{
    const char *digests;
    struct blobref ref;
    bool same = true;
    char buf[128];
    size_t size, len;

    if (flux_rpc_get_raw (f, (const void **)&digests, &len) < 0) {
        diag ("store-batch: %s", strerror (errno));
        return false;
    }
    for (int i = 0; i < BATCH && same; i++) {
        blobhash_sum (hash, buf, blob (buf, sizeof (buf), name, message * BATCH + i),
                      &ref);
        size = blobref_digest_size (ref.kind);
        same = len == BATCH * size && memcmp (digests + i * size, ref.bytes, size) == 0;
    }
    flux_future_destroy (f);
    return same;
}

static flux_future_t *send_load (const char *name, int n)
{
    struct blobref ref;
    char buf[128];

    blobhash_sum (hash, buf, blob (buf, sizeof (buf), name, n), &ref);
    return flux_rpc_raw (h, "content-backing.load", ref.bytes,
                         blobref_digest_size (ref.kind), 0, 0);
}

/* 0 or errno. */
static int loaded (flux_future_t *f, const char *name, int n)
{
    const void *data;
    char buf[128];
    size_t len;
    int rc = 0;

    if (flux_rpc_get_raw (f, &data, &len) < 0)
        rc = errno;
    else if (len != blob (buf, sizeof (buf), name, n) || memcmp (data, buf, len) != 0)
        rc = EBADMSG;
    flux_future_destroy (f);
    return rc;
}

/* Batches, and behind each of them a load of something in the first or in itself. */
static void loads_between (void)
{
    flux_future_t *stores[MESSAGES], *loads[MESSAGES], *missing;
    int nstored = 0, nloaded = 0;

    for (int i = 0; i < MESSAGES; i++) {
        stores[i] = send_batch ("between", i);
        loads[i] = send_load ("between", i % 2 ? 7 : i * BATCH + 1);
    }
    missing = send_load ("missing", 0);
    for (int i = 0; i < MESSAGES; i++) {
        nstored += batch_stored (stores[i], "between", i);
        nloaded += loaded (loads[i], "between", i % 2 ? 7 : i * BATCH + 1) == 0;
    }
    is_int (nstored, MESSAGES, "all batches are stored, each blob under its name");
    is_int (nloaded, MESSAGES, "what was sent before can be loaded between them");
    is_int (loaded (missing, "missing", 0), ENOENT, "what was not is missing");
}

/* What is asked for by others ends the transaction first. */
static void others_between (const char *topic, const char *payload)
{
    flux_future_t *stores[MESSAGES], *f;
    int nstored = 0;

    for (int i = 0; i < MESSAGES; i++)
        stores[i] = send_batch (topic, i);
    f = flux_rpc (h, topic, payload, 0, 0);
    ok (flux_rpc_get (f, NULL) == 0, "%s behind them succeeds", topic);
    flux_future_destroy (f);
    for (int i = 0; i < MESSAGES; i++)
        nstored += batch_stored (stores[i], topic, i);
    is_int (nstored, MESSAGES, "... and all of them are stored");
}

static void nonsense_between (void)
{
    flux_future_t *a = send_batch ("nonsense", 0), *b, *f;

    f = flux_rpc_raw (h, "content-backing.store-batch", "\0\0\1", 3, 0, 0);
    b = send_batch ("nonsense", 1);
    ok (flux_rpc_get_raw (f, NULL, NULL) < 0 && errno == EPROTO,
        "what is no batch is refused");
    ok (batch_stored (a, "nonsense", 0) && batch_stored (b, "nonsense", 1),
        "and costs those beside it nothing");
    flux_future_destroy (f);
}

/* It goes with much unwritten, and comes back: answered is stored. */
static void reload_between (void)
{
    flux_future_t *stores[MESSAGES], *f;
    bool stored[MESSAGES];
    int lost = 0;

    for (int i = 0; i < MESSAGES; i++)
        stores[i] = send_batch ("reload", i);
    f = flux_rpc (h, "module.remove", "{\"name\":\"content-sqlite\"}", 0, 0);
    for (int i = 0; i < MESSAGES; i++)
        stored[i] = batch_stored (stores[i], "reload", i);
    ok (flux_rpc_get (f, NULL) == 0, "content-sqlite goes while it writes");
    flux_future_destroy (f);
    rpc_fails (h, "module.load", 0, "{\"path\":\"content-sqlite\",\"args\":[]}", 0, NULL,
               "and comes back");
    for (int i = 0; i < MESSAGES; i++)
        lost += stored[i]
                && loaded (send_load ("reload", i * BATCH + BATCH - 1), "reload",
                           i * BATCH + BATCH - 1)
                       != 0;
    ok (stored[0] && lost == 0, "with all that it said it had");
}

int main (void)
{
    h = live_open ();
    if (blobhash_new (BLOBREF_SHA1, &hash) < 0)
        bail_out ("no hash");
    loads_between ();
    others_between ("content-backing.checkpoint-put", "{\"value\":{\"version\":1}}");
    others_between ("content-backing.checkpoint-get", NULL);
    others_between ("content-sqlite.stats-get", NULL);
    nonsense_between ();
    reload_between ();
    blobhash_free (hash);
    flux_close (h);
    return done_testing ();
}
