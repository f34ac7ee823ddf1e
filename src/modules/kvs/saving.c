/* saving.c - before a root of the primary namespace is checkpointed, what is only
 * held of it is stored; content flushes all that was stored before it records
 * the checkpoint.
 */

#include "config.h"
#include <errno.h>

#include "service.h"

/* A checkpoint that is being prepared, shared by the stores it waits for. */
struct saving {
    uint32_t refcount;
    struct service *s;
    uint64_t id;
    struct blobref root;
    int64_t seq;
    bool rolling;
    size_t out; /* stores */
    int errnum; /* of the first that failed */
    saved_f done;
};

struct held_store {
    struct call call;
    struct saving *sv;
    struct blobref ref;
};

struct checkpoint_call {
    struct call call;
    struct saving *sv;
};

static void saving_put (struct saving *sv)
{
    if (--sv->refcount == 0)
        free_keep_errno (sv);
}

static void held_store_free (void *arg)
{
    struct held_store *hs = arg;

    saving_put (hs->sv);
    free_keep_errno (hs);
}

static void checkpoint_call_free (void *arg)
{
    struct checkpoint_call *cc = arg;

    saving_put (cc->sv);
    free_keep_errno (cc);
}

/* ---- the checkpoint ---- */

static void checkpoint_continuation (flux_future_t *f, void *arg)
{
    struct checkpoint_call *cc = arg;
    struct saving *sv = cc->sv;
    struct service *s = sv->s;
    int errnum = flux_rpc_get (f, NULL) < 0 ? errno : 0;

    call_returned (&cc->call);
    sv->done (s, sv->id, &sv->root, sv->seq, errnum, f);
    flux_future_destroy (f);
    service_run (s);
}

static int send_checkpoint (struct saving *sv)
{
    struct checkpoint_call *cc = calloc (1, sizeof (*cc));

    if (!cc)
        return ENOMEM;
    cc->sv = sv;
    sv->refcount++;
    return call_then (sv->s, &cc->call, checkpoint_call_free,
                      checkpoint_put (sv->s, &sv->root, sv->seq, sv->rolling),
                      checkpoint_continuation);
}

/* An older root must not be saved after a newer one: a sync commit may have
 * overtaken this.
 */
static bool too_late (const struct saving *sv)
{
    return sv->rolling && (sv->s->syncing > 0 || sv->s->saved_seq > sv->seq);
}

/* All stores have been answered.  Returns 0, or errno: it is over. */
static int stores_done (struct saving *sv)
{
    if (sv->errnum == 0 && too_late (sv))
        sv->errnum = ECANCELED;
    if (sv->errnum == 0)
        sv->errnum = send_checkpoint (sv);
    return sv->errnum;
}

/* ---- the stores ---- */

static void store_continuation (flux_future_t *f, void *arg)
{
    struct held_store *hs = arg;
    struct saving *sv = hs->sv;
    struct service *s = sv->s;

    call_returned (&hs->call);
    if (flux_future_get (f, NULL) == 0)
        kvs_engine_held_stored (s->e, &hs->ref);
    else if (sv->errnum == 0)
        sv->errnum = errno;
    if (--sv->out == 0 && stores_done (sv) != 0)
        sv->done (s, sv->id, &sv->root, sv->seq, sv->errnum, NULL);
    flux_future_destroy (f);
    service_run (s);
}

static flux_future_t *store_rpc (struct service *s, const struct text *t)
{
    if (text_error (t)) {
        errno = ENOMEM;
        return NULL;
    }
    return flux_rpc_raw (s->h, "content.store", t->buf, t->len, FLUX_NODEID_ANY, 0);
}

static int send_store (struct saving *sv, const struct blobref *ref, const struct text *t)
{
    struct held_store *hs = calloc (1, sizeof (*hs));
    int errnum;

    if (!hs)
        return ENOMEM;
    hs->sv = sv;
    hs->ref = *ref;
    sv->refcount++;
    if ((errnum = call_then (sv->s, &hs->call, held_store_free, store_rpc (sv->s, t),
                             store_continuation))
        == 0)
        sv->out++;
    return errnum;
}

static void send_stores (struct saving *sv)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    struct list *pos = NULL;
    struct blobref ref;

    while (sv->errnum == 0
           && kvs_engine_held_next (sv->s->e, "primary", &pos, &ref, &t)) {
        sv->errnum = send_store (sv, &ref, &t);
        text_clear (&t);
    }
}

int save_start (struct service *s,
                uint64_t id,
                const struct blobref *root,
                int64_t seq,
                bool rolling,
                saved_f done)
{
    struct saving *sv = calloc (1, sizeof (*sv));
    int errnum = 0;

    if (!sv)
        return ENOMEM;
    *sv = (struct saving){ 1, s, id, *root, seq, rolling, 0, 0, done };
    send_stores (sv);
    /* With stores out, the last answer decides, also about what failed here. */
    if (sv->out == 0)
        errnum = stores_done (sv);
    saving_put (sv);
    return errnum;
}

/* ---- at the end ---- */

static int store_now (struct service *s)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;
    struct list *pos = NULL;
    struct blobref ref;
    int rc = 0;

    while (rc == 0 && kvs_engine_held_next (s->e, "primary", &pos, &ref, &t)) {
        flux_future_t *f = store_rpc (s, &t);

        rc = f ? flux_future_get (f, NULL) : -1;
        flux_future_destroy (f);
        text_clear (&t);
    }
    return rc;
}

int save_final (struct service *s, const struct blobref *root, int64_t seq)
{
    flux_future_t *f = NULL;
    int rc = 0;

    if (store_now (s) < 0 || !(f = checkpoint_put (s, root, seq, false))
        || flux_rpc_get (f, NULL) < 0) {
        if (errno != ENOSYS) { /* there is a backing store, and it failed */
            flux_log (s->h, LOG_ERR, "error saving checkpoint: %s",
                      f ? future_strerror (f, errno) : flux_strerror (errno));
            rc = -1;
        }
    }
    flux_future_destroy (f);
    return rc;
}
