/* checkpoint.c - the root of the primary namespace outlives the instance.
 *
 * Layout, as content stores it:
 *   { "version":1 "rootref":s "sequence":i "timestamp":f }
 */

#include "config.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "common/blobhash.h"
#include "service.h"

static const char empty_dir[] = "{\"data\":{},\"type\":\"dir\",\"ver\":1}";

flux_future_t *
checkpoint_put (struct service *s, const struct blobref *root, int64_t seq, bool rolling)
{
    char ref[BLOBREF_TEXT_SIZE];

    return flux_rpc_pack (s->h, "content.checkpoint-put", FLUX_NODEID_ANY, 0,
                          "{s:{s:i s:s s:I s:f} s:b}", "value", "version", 1, "rootref",
                          blobref_str (root, ref), "sequence", (json_int_t)seq,
                          "timestamp", flux_reactor_time (), "rolling", rolling);
}

/* ---- for a commit ---- */

struct sync_call {
    struct call call;
    uint64_t id;
    struct blobref root;
    int64_t seq;
};

static void sync_continuation (flux_future_t *f, void *arg)
{
    struct sync_call *sc = arg;
    struct service *s = sc->call.s;
    int errnum = flux_rpc_get (f, NULL) < 0 ? errno : 0;

    call_returned (&sc->call);
    s->syncing--;
    if (errnum == 0) {
        s->saved_seq = sc->seq;
        s->saved_root = sc->root;
        s->store_seen = true;
    }
    kvs_engine_checkpointed (s->e, sc->id, errnum);
    flux_future_destroy (f);
    service_run (s);
}

void checkpoint_sync (struct service *s, const struct kvs_checkpoint *cp)
{
    struct sync_call *sc = calloc (1, sizeof (*sc));
    uint64_t id = cp->id;
    int errnum = ENOMEM;

    if (sc) {
        sc->id = id;
        sc->root = cp->ref;
        sc->seq = cp->seq;
        errnum =
            call_then (s, &sc->call, free, checkpoint_put (s, &cp->ref, cp->seq, false),
                       sync_continuation);
    }
    if (errnum)
        kvs_engine_checkpointed (s->e, id, errnum);
    else
        s->syncing++;
}

/* ---- at the end ---- */

/* Nothing but what saving takes: commits end where they are, and other ranks hear of
 * theirs.
 */
static int save_now (struct service *s, struct blobref *root, int64_t *seq)
{
    struct kvs_action *a;
    int errnum;

    kvs_engine_abort (s->e, ENOSYS);
    errnum = -kvs_engine_save (s->e);

    while (!errnum && (a = kvs_engine_next (s->e))) {
        if (a->type == KVS_ACTION_BATCH) {
            struct kvs_batch *b = container_of (a, struct kvs_batch, action);
            uint64_t id = b->id;

            errnum = batch_send_now (s, b);
            kvs_batch_free (b);
            kvs_engine_batch_stored (s->e, id, errnum);
        }
        else if (a->type == KVS_ACTION_SAVED) {
            struct kvs_saved *saved = container_of (a, struct kvs_saved, action);

            *root = saved->root;
            *seq = saved->seq;
            errnum = saved->errnum;
            free (saved);
            return errnum;
        }
        else if (a->type == KVS_ACTION_EVENT) {
            struct kvs_publish *p = container_of (a, struct kvs_publish, action);

            event_send (s, p);
            kvs_publish_free (p);
        }
    }
    return errnum ? errnum : EIO;
}

int checkpoint_final (struct service *s)
{
    flux_future_t *f = NULL;
    struct blobref root;
    int rc = 0, errnum;
    int64_t seq;

    if ((errnum = save_now (s, &root, &seq)) == 0
        && (!(f = checkpoint_put (s, &root, seq, false)) || flux_rpc_get (f, NULL) < 0))
        errnum = errno;
    /* ENOENT: there is no namespace; ENOSYS: no backing store. */
    if (errnum && errnum != ENOENT && errnum != ENOSYS) {
        flux_log (s->h, LOG_ERR, "error saving checkpoint: %s",
                  f ? future_strerror (f, errnum) : flux_strerror (errnum));
        rc = -1;
    }
    flux_future_destroy (f);
    return rc;
}

/* ---- restart ---- */

/* Store the empty directory, and see whether content and we agree on names. */
static int store_empty (struct service *s, struct blobref *root)
{
    struct blobhash *hash;
    struct blobref ref;
    const void *digest;
    flux_future_t *f;
    size_t len;
    int r;

    if ((r = blobhash_new (s->hash, &hash)) < 0) {
        errno = -r;
        return -1;
    }
    blobhash_sum (hash, empty_dir, sizeof (empty_dir) - 1, root);
    blobhash_free (hash);
    if (!(f = flux_rpc_raw (s->h, "content.store", empty_dir, sizeof (empty_dir) - 1,
                            FLUX_NODEID_ANY, 0))
        || flux_rpc_get_raw (f, &digest, &len) < 0) {
        flux_log (s->h, LOG_ERR, "error storing the empty directory: %s",
                  f ? future_strerror (f, errno) : flux_strerror (errno));
        flux_future_destroy (f);
        return -1;
    }
    r = blobref_from_digest (s->hash, digest, len, &ref);
    flux_future_destroy (f);
    if (r < 0 || !blobref_equal (&ref, root)) {
        flux_log (s->h, LOG_ERR, "content uses another hash than content.hash says");
        errno = EPROTO;
        return -1;
    }
    return 0;
}

static void log_restored (struct service *s, double timestamp)
{
    char when[64] = "N/A";
    time_t t = timestamp;
    struct tm tm;

    if (timestamp > 0 && gmtime_r (&t, &tm))
        strftime (when, sizeof (when), "%Y-%m-%dT%TZ", &tm);
    flux_log (s->h, LOG_INFO, "restored KVS from checkpoint on %s", when);
}

static int
decode_checkpoint (struct service *s, json_t *value, struct blobref *root, int64_t *seq)
{
    json_t *cp = json_is_array (value) ? json_array_get (value, 0) : value;
    const char *rootref;
    double timestamp = 0.;
    json_int_t sequence = 0;
    int version;

    if (json_unpack (cp, "{s:i s:s s?I s?F}", "version", &version, "rootref", &rootref,
                     "sequence", &sequence, "timestamp", &timestamp)
        < 0) {
        errno = EPROTO;
        return -1;
    }
    if (version < 0 || version > 1
        || blobref_parse (rootref, strlen (rootref), root) < 0) {
        errno = EINVAL;
        return -1;
    }
    *seq = sequence;
    s->saved_seq = sequence;
    s->saved_root = *root;
    s->store_seen = true;
    log_restored (s, timestamp);
    return 0;
}

/* Only "there is none" is a reason to start empty: on any other error starting
 * empty would in the end overwrite what is there.
 */
static int get_checkpoint (struct service *s, struct blobref *root, int64_t *seq)
{
    flux_future_t *f;
    json_t *value;
    int rc = 0;

    if (!(f = flux_rpc (s->h, "content.checkpoint-get", NULL, FLUX_NODEID_ANY, 0)))
        return -1;
    if (flux_rpc_get_unpack (f, "{s:o}", "value", &value) < 0) {
        if (errno != ENOENT && errno != ENOSYS) {
            flux_log (s->h, LOG_ERR, "error reading checkpoint: %s",
                      future_strerror (f, errno));
            rc = -1;
        }
    }
    else if ((rc = decode_checkpoint (s, value, root, seq)) < 0)
        flux_log_error (s->h, "error decoding checkpoint");
    flux_future_destroy (f);
    return rc;
}

int restart (struct service *s)
{
    const char *given = s->initial_rootref;
    struct blobref root;
    int64_t seq = 0;
    int r;

    if (store_empty (s, &s->empty_dir) < 0)
        return -1;
    root = s->empty_dir;
    if (given) {
        if (blobref_parse (given, strlen (given), &root) < 0) {
            flux_log (s->h, LOG_ERR, "invalid initial-rootref '%s'", given);
            errno = EINVAL;
            return -1;
        }
    }
    else if (get_checkpoint (s, &root, &seq) < 0)
        return -1;
    if ((r = kvs_engine_ns_create (s->e, "primary", s->owner, 0, &root, seq, KVS_NS_SILENT))
        < 0) {
        errno = -r;
        return -1;
    }
    return 0;
}
