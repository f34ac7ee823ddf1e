/* content_live.c - the content service with a backing store that fails.
 *
 * The instance has content and nothing else.  A child of this program is the
 * backing store: it keeps nothing, and answers stores with the errno that
 * "content-backing.fail" set last.  With "stock" it knows nothing of rolling
 * checkpoints, like that of a stock flux-core, and only with "batches" it takes many
 * blobs in one request.
 */

#include "config.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "common/blobbatch.h"
#include "common/blobhash.h"
#include "live.h"

static flux_t *h;
static struct blobhash *hash;

/* ---- the backing store ---- */

static int failing;
static int stock;
static int stores;
static int batches = -1;   /* how many it took; -1: it takes none */
static int attempts;       /* at batches */
static int checkpoint_seq; /* of the last checkpoint */
static int reversals;      /* checkpoints that were older than the one before */

static void
store_cb (flux_t *bh, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct blobref ref;
    const void *data;
    size_t len;

    stores++;
    if (failing) {
        flux_respond_error (bh, msg, failing, NULL);
        return;
    }
    flux_request_decode_raw (msg, NULL, &data, &len);
    blobhash_sum (hash, data, len, &ref);
    flux_respond_raw (bh, msg, ref.bytes, blobref_digest_size (ref.kind));
}

static void
store_batch_cb (flux_t *bh, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    char digests[1000];
    struct blobref ref;
    const void *buf, *data;
    size_t size, len, pos = 0, end = 0;

    attempts++;
    if (batches < 0 || failing) {
        flux_respond_error (bh, msg, batches < 0 ? ENOSYS : failing, NULL);
        return;
    }
    batches++;
    flux_request_decode_raw (msg, NULL, &buf, &size);
    while (blobbatch_next (buf, size, &pos, &data, &len) > 0) {
        blobhash_sum (hash, data, len, &ref);
        memcpy (digests + end, ref.bytes, blobref_digest_size (ref.kind));
        end += blobref_digest_size (ref.kind);
    }
    flux_respond_raw (bh, msg, digests, end);
}

static void load_cb (flux_t *bh, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    /* not what was asked for, whatever that was */
    flux_respond_raw (bh, msg, "junk", 4);
}

static void fail_cb (flux_t *bh, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_request_unpack (msg, NULL, "{s:i s?b s?i}", "errnum", &failing, "stock", &stock,
                         "batches", &batches);
    flux_respond_pack (bh, msg, "{s:i s:i s:i s:i s:i}", "stores", stores, "batches",
                       batches, "attempts", attempts, "checkpoint", checkpoint_seq,
                       "reversals", reversals);
}

/* Fails as told, else has a checkpoint from the future. */
static void
checkpoint_get_cb (flux_t *bh, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    if (failing)
        flux_respond_error (bh, msg, failing, NULL);
    else
        flux_respond (bh, msg, "{\"value\":[{\"version\":9,\"rootref\":\"x\"}]}");
}

static const flux_msg_t *slow; /* a checkpoint that takes its time */
static flux_watcher_t *slow_timer;

static void slow_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    flux_respond (arg, slow, NULL);
    flux_msg_decref (slow);
    slow = NULL;
}

/* Rolling checkpoints are fast, others slow. */
static void
checkpoint_cb (flux_t *bh, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    int seq = 0, rolling = 0;

    flux_request_unpack (msg, NULL, "{s:{s?i} s?b}", "value", "sequence", &seq, "rolling",
                         &rolling);
    if (seq < checkpoint_seq)
        reversals++;
    checkpoint_seq = seq;
    if (stock || rolling || slow) {
        flux_respond (bh, msg, rolling && !stock ? "{\"rolling\":true}" : NULL);
        return;
    }
    slow = flux_msg_incref (msg);
    flux_timer_watcher_reset (slow_timer, 0.3, 0.);
    flux_watcher_start (slow_timer);
}

static void child (void)
{
    static const struct flux_msg_handler_spec handlers[] = {
        { FLUX_MSGTYPE_REQUEST, "content-backing.store", store_cb, 0 },
        { FLUX_MSGTYPE_REQUEST, "content-backing.store-batch", store_batch_cb, 0 },
        { FLUX_MSGTYPE_REQUEST, "content-backing.load", load_cb, 0 },
        { FLUX_MSGTYPE_REQUEST, "content-backing.fail", fail_cb, 0 },
        { FLUX_MSGTYPE_REQUEST, "content-backing.checkpoint-get", checkpoint_get_cb, 0 },
        { FLUX_MSGTYPE_REQUEST, "content-backing.checkpoint-put", checkpoint_cb, 0 },
        FLUX_MSGHANDLER_TABLE_END,
    };
    flux_t *bh = flux_open (NULL, 0);
    flux_msg_handler_t **mh;
    flux_future_t *f;

    if (!bh || flux_msg_handler_addvec (bh, handlers, NULL, &mh) < 0
        || !(f = flux_service_register (bh, "content-backing"))
        || flux_future_get (f, NULL) < 0
        || !(f = flux_rpc_pack (bh, "content.register-backing", FLUX_NODEID_ANY, 0,
                                "{s:s}", "name", "fake"))
        || flux_future_get (f, NULL) < 0)
        _exit (1);
    slow_timer = flux_timer_watcher_create (flux_get_reactor (bh), 0.3, 0., slow_cb, bh);
    flux_reactor_run (flux_get_reactor (bh), 0);
    _exit (0);
}

/* Set the errno; returns the number of stores so far. */
static int set_failing (int errnum)
{
    flux_future_t *f = NULL;
    int n = -1;

    do { /* until the child has registered */
        flux_future_destroy (f);
        f = flux_rpc_pack (h, "content-backing.fail", FLUX_NODEID_ANY, 0, "{s:i}",
                           "errnum", errnum);
    } while (flux_rpc_get_unpack (f, "{s:i}", "stores", &n) < 0 && errno == ENOSYS);
    flux_future_destroy (f);
    return n;
}

/* ---- tests ---- */

static int store (const char *data)
{
    flux_future_t *f =
        flux_rpc_raw (h, "content.store", data, strlen (data), FLUX_NODEID_ANY, 0);
    int rc = flux_future_get (f, NULL) < 0 ? errno : 0;

    flux_future_destroy (f);
    return rc;
}

static int load (const char *data)
{
    const void *got;
    struct blobref ref;
    flux_future_t *f;
    size_t len;
    int rc = 0;

    blobhash_sum (hash, data, strlen (data), &ref);
    f = flux_rpc_raw (h, "content.load", ref.bytes, blobref_digest_size (ref.kind),
                      FLUX_NODEID_ANY, 0);
    if (flux_rpc_get_raw (f, &got, &len) < 0)
        rc = errno;
    else if (len != strlen (data) || memcmp (got, data, len) != 0)
        rc = EBADMSG;
    flux_future_destroy (f);
    return rc;
}

static void without_backing (void)
{
    ok (store ("a") == 0 && load ("a") == 0,
        "without a backing store blobs stay in memory");
    ok (load ("b") == ENOENT, "a missing one is ENOENT");
    rpc_fails (h, "content.flush", 0, NULL, ENOSYS, NULL, "flush is ENOSYS");
    rpc_fails (h, "content.checkpoint-get", 0, NULL, ENOSYS,
               "checkpoint get unavailable, no backing store", "so is checkpoint-get");
    rpc_fails (h, "content.checkpoint-put", 0, "{\"value\":{}}", ENOSYS,
               "checkpoint put unavailable, no backing store", "so is checkpoint-put");
    rpc_fails (h, "content.unregister-backing", 0, NULL, EINVAL,
               "content backing store is not active", "there is nothing to unregister");
    rpc_fails (h, "content.dropcache", 0, NULL, 0, NULL, "dropcache");
    ok (load ("a") == 0, "keeps what is nowhere else");
}

static int get_number (const char *name)
{
    flux_future_t *f = flux_rpc_pack (h, "content-backing.fail", FLUX_NODEID_ANY, 0,
                                      "{s:i}", "errnum", 0);
    int n = -1;

    flux_rpc_get_unpack (f, "{s:i}", name, &n);
    flux_future_destroy (f);
    return n;
}

/* The instance is one that lasts, so commits are saved soon.  A sync commit
 * is checkpointed before its root is the current one.
 */
static void saving_in_order (void)
{
    flux_future_t *f;

    live_commit (h, NULL, "put a 1", NULL);
    f = live_commit_begin (h, NULL, FLUX_KVS_SYNC, "put b 1");
    ok (flux_future_get (f, NULL) == 0,
        "a sync commit while an earlier one is not yet saved");
    flux_future_destroy (f);
    live_commit (h, NULL, "put c 1", NULL);
    while (get_number ("checkpoint") < 3)
        ;
    is_int (get_number ("reversals"), 0, "no older root is saved after a newer one");
}

static bool durability_is (const char *value)
{
    flux_future_t *f = flux_rpc (h, "kvs.stats-get", NULL, FLUX_NODEID_ANY, 0);
    const char *s = "";
    bool is;

    flux_rpc_get_unpack (f, "{s:s}", "durability", &s);
    is = strcmp (s, value) == 0;
    flux_future_destroy (f);
    return is;
}

/* A stock content keeps every checkpoint it is given, and forgets the oldest:
 * those that are taken now and then would soon be gone.
 */
static void saving_to_a_stock_one (void)
{
    flux_future_t *f;

    ok (durability_is ("relaxed"), "commits are saved soon, without being asked");
    f = flux_rpc_pack (h, "content-backing.fail", FLUX_NODEID_ANY, 0, "{s:i s:b}",
                       "errnum", 0, "stock", 1);
    flux_future_get (f, NULL);
    flux_future_destroy (f);
    live_commit (h, NULL, "put d 1", NULL);
    while (get_number ("checkpoint") < 4)
        ;
    while (!durability_is ("none"))
        ;
    is_int (get_number ("checkpoint"), 4,
            "but a store that keeps every checkpoint is given one only");
    rpc_fails (h, "config.load", 0, "{\"kvs\":{\"durability\":\"relaxed\"}}", 0, NULL,
               "unless the configuration asks for it");
    live_commit (h, NULL, "put e 1", NULL);
    while (get_number ("checkpoint") < 5)
        ;
    live_commit (h, NULL, "put f 1", NULL);
    while (get_number ("checkpoint") < 6)
        ;
    ok (durability_is ("relaxed"), "then commits are saved soon");
    rpc_fails (h, "config.load", 0, "{}", 0, NULL, "and without it");
    ok (durability_is ("none"), "they are not");
}

static void asked_to_save (void)
{
    int n = get_number ("checkpoint");

    live_commit (h, NULL, "put g 1", NULL);
    rpc_fails (h, "kvs.save", 0, NULL, 0, NULL, "if nothing is promised kvs.save");
    is_int (get_number ("checkpoint"), n, "has nothing to do");
    rpc_fails (h, "config.load", 0, "{\"kvs\":{\"durability\":\"relaxed\"}}", 0, NULL,
               "else");
    live_commit (h, NULL, "put g 2", NULL);
    rpc_fails (h, "kvs.save", 0, NULL, 0, NULL, "kvs.save is answered");
    ok (get_number ("checkpoint") > n, "when a checkpoint was taken");
    rpc_fails (h, "kvs.save", 0, NULL, 0, NULL, "and at once if there is nothing new");
    set_failing (ENOSPC);
    live_commit (h, NULL, "put g 3", NULL);
    rpc_fails (h, "kvs.save", 0, NULL, ENOSPC, NULL, "it says why it cannot");
    set_failing (0);
    rpc_fails (h, "kvs.save", 0, NULL, 0, NULL, "and can again when there is room");
}

static void set_batches (int n)
{
    flux_future_t *f = flux_rpc_pack (h, "content-backing.fail", FLUX_NODEID_ANY, 0,
                                      "{s:i s:i}", "errnum", 0, "batches", n);

    if (flux_future_get (f, NULL) < 0)
        bail_out ("content-backing.fail");
    flux_future_destroy (f);
}

/* Three blobs that nobody has seen, and a flush. */
static void store_three (const char *name, int round)
{
    flux_future_t *f;
    char data[64];

    for (int i = 0; i < 3; i++) {
        snprintf (data, sizeof (data), "%s %d %d", name, round, i);
        store (data);
    }
    f = flux_rpc (h, "content.flush", NULL, FLUX_NODEID_ANY, 0);
    if (flux_future_get (f, NULL) < 0)
        bail_out ("content.flush");
    flux_future_destroy (f);
}

/* Content writes what it has after a while, which may be between two of the three:
 * then they do not go together, and other ones have to show it.
 */
static bool one_request (const char *name)
{
    for (int round = 0; round < 100; round++) {
        int stores = get_number ("stores"), batches = get_number ("batches");

        store_three (name, round);
        if (get_number ("batches") == batches + 1 && get_number ("stores") == stores)
            return true;
    }
    return false;
}

static void many_at_once (void)
{
    int tried = get_number ("attempts");
    int n, batches;

    for (int round = 0; round < 100 && get_number ("attempts") == tried; round++)
        store_three ("one", round);
    n = get_number ("stores");
    store_three ("two", 0);
    is_int (get_number ("stores") - n, 3,
            "a backing store that takes one at a time gets three requests");
    is_int (get_number ("attempts") - tried, 1,
            "and was asked once whether it takes more");
    rpc_fails (h, "content.unregister-backing", 0, NULL, 0, NULL, "it leaves");
    set_batches (0);
    rpc_fails (h, "content.register-backing", 0, "{\"name\":\"fake\"}", 0, NULL,
               "and comes back, able to take more");
    ok (one_request ("three"), "then there is one request");
    n = get_number ("stores");
    batches = get_number ("batches");
    store ("alone");
    rpc_fails (h, "content.flush", 0, NULL, 0, NULL, "a single blob");
    ok (get_number ("stores") - n == 1 && get_number ("batches") == batches,
        "goes by itself");
    set_failing (EIO);
    store ("four");
    store ("five");
    rpc_fails (h, "content.flush", 0, NULL, EIO, NULL, "if it fails the flush says so");
    is_int (stats_get (h, "content", "dirty"), 2, "and both are kept");
    set_failing (0);
    rpc_fails (h, "content.flush", 0, NULL, 0, NULL, "until they are stored");
    ok (stats_get (h, "content", "dirty") == 0 && get_number ("batches") == batches + 1,
        "together");
}

/* Who asked for a checkpoint must not be left to wonder. */
static void going_while_asked (void)
{
    flux_future_t *put, *gone;

    put = flux_rpc (h, "content.checkpoint-put", "{\"value\":{}}", FLUX_NODEID_ANY, 0);
    gone = flux_rpc (h, "module.remove", "{\"name\":\"content\"}", FLUX_NODEID_ANY, 0);
    ok (flux_future_wait_for (put, 60.) == 0 && flux_future_get (put, NULL) == 0,
        "a checkpoint that is on its way when content is removed is answered");
    ok (flux_future_get (gone, NULL) == 0, "and content goes");
    flux_future_destroy (put);
    flux_future_destroy (gone);
    rpc_fails (h, "module.load", 0, "{\"path\":\"content\",\"args\":[]}", 0, NULL,
               "and comes");
}

static void failing_backing (void)
{
    if (fork () == 0)
        child ();
    set_failing (0);
    rpc_fails (h, "content.flush", 0, NULL, 0, NULL, "a backing store comes: flush");
    is_int (stats_get (h, "content", "dirty"), 0, "writes all there is");
    is_int (set_failing (ENOSPC), 1, "once");
    ok (store ("c") == 0 && load ("c") == 0, "it fails: stores succeed nevertheless");
    rpc_fails (h, "content.flush", 0, NULL, ENOSPC, NULL, "a flush says why not");
    rpc_fails (h, "content.flush", 0, NULL, ENOSPC, NULL, "again and again");
    rpc_fails (h, "content.checkpoint-put", 0, "{\"value\":{}}", ENOSPC, NULL,
               "and no checkpoint is taken");
    is_int (stats_get (h, "content", "dirty"), 1, "the blob is not forgotten");
    set_failing (0);
    rpc_fails (h, "content.flush", 0, NULL, 0, NULL, "there is room again: flush");
    is_int (stats_get (h, "content", "dirty"), 0, "writes it");
    rpc_fails (h, "content.checkpoint-put", 0, "{\"value\":{}}", 0, NULL,
               "checkpoints work");
    many_at_once ();
    rpc_fails (h, "content.dropcache", 0, NULL, 0, NULL, "dropcache");
    ok (load ("c") == EIO, "a blob that comes back wrong is not handed on");
    rpc_fails (h, "module.load", 0, "{\"path\":\"kvs\",\"args\":[]}", EINVAL, NULL,
               "kvs does not start from a checkpoint that it does not understand");
    set_failing (EIO);
    rpc_fails (h, "module.load", 0, "{\"path\":\"kvs\",\"args\":[]}", EIO, NULL,
               "nor empty because the checkpoint cannot be read");
    set_failing (ENOENT);
    rpc_fails (h, "module.load", 0, "{\"path\":\"kvs\",\"args\":[]}", 0, NULL,
               "but if there is none");
    set_failing (0);
    saving_in_order ();
    saving_to_a_stock_one ();
    asked_to_save ();
    rpc_fails (h, "module.remove", 0, "{\"name\":\"kvs\"}", 0, NULL, "kvs leaves");
    going_while_asked ();
    rpc_fails (h, "content.unregister-backing", 0, NULL, 0, NULL,
               "the backing store leaves");
    rpc_fails (h, "content.flush", 0, NULL, ENOSYS, NULL, "flush is ENOSYS again");
    rpc_fails (h, "content.register-backing", 0, "{\"name\":\"other\"}", EINVAL,
               "content backing store cannot be changed on the fly",
               "another one is not welcome");
}

int main (void)
{
    h = live_open ();
    if (blobhash_new (BLOBREF_SHA1, &hash) < 0)
        bail_out ("no hash");
    without_backing ();
    failing_backing ();
    blobhash_free (hash);
    flux_close (h);
    return done_testing ();
}
