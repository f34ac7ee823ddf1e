#include "config.h"
#include <errno.h>
#include <stdio.h>

#include "content.h"

struct load {
    struct outgoing out;
    struct blobref ref;
    bool source;             /* the last one to be asked */
    bool absent;             /* the backing store was to be asked, but not there */
    unsigned int generation; /* ... then */
};

static int load_start (struct content *c, const struct load *how);

static void
refuse_waiters (struct content *c, struct entry *e, int errnum, const char *text)
{
    struct waiter *w;

    while ((w = list_first (&e->waiters, struct waiter, link))) {
        respond_error (c, w->msg, errnum, text);
        waiter_free (w);
    }
}

void answer_loads (struct content *c, struct entry *e)
{
    struct waiter *w;

    while ((w = list_first (&e->waiters, struct waiter, link))) {
        respond_blob (c, w->msg, e->blob);
        waiter_free (w);
    }
}

/* A large response stays where it is; the blob points into it. */
static struct blob *response_blob (flux_future_t *f, const void *data, size_t len)
{
    struct blob *b;

    if (len <= BLOB_COPY_MAX)
        return blob_new_copy (data, len);
    b = blob_new (data, len, (void (*) (void *))flux_future_destroy, f);
    if (b)
        flux_future_incref (f);
    return b;
}

/* What the entry waits for has arrived.  Returns 0 or errno. */
static int load_finish (struct content *c, struct entry *e, flux_future_t *f)
{
    const void *data;
    struct blobref ref;
    struct blob *blob;
    size_t len;

    if (flux_rpc_get_raw (f, &data, &len) < 0)
        return errno;
    blobhash_sum (c->hash, data, len, &ref);
    if (!blobref_equal (&ref, &e->ref))
        return EIO;
    if (!(blob = response_blob (f, data, len)))
        return ENOMEM;
    cache_loaded (&c->cache, e, blob);
    blob_put (blob);
    return 0;
}

/* It is not there.  Is there somebody else to be asked?  A backing store that has come
 * meanwhile is.
 */
static bool load_elsewhere (struct content *c, const struct load *ld, int errnum)
{
    struct load next = *ld;

    if (errnum != ENOENT || c->rank > 0)
        return false;
    if ((next.source = !ld->source))
        return load_start (c, &next) == 0;
    if (!c->backing || ld->generation == c->generation)
        return false;
    next.absent = false;
    next.generation = c->generation;
    return load_start (c, &next) == 0;
}

/* The answer names the blob; what the rank above said does already. */
static void load_failed (struct content *c, struct entry *e, int errnum, const char *why)
{
    char ref[BLOBREF_TEXT_SIZE];
    char text[512];

    snprintf (text, sizeof (text), "%s: %s", blobref_str (&e->ref, ref), why);
    refuse_waiters (c, e, errnum, c->rank == 0 ? text : why);
    cache_drop (&c->cache, e);
}

/* Why: a sentence. */
static const char *load_error (const struct load *ld, flux_future_t *f, int errnum)
{
    if (errnum == ENOSYS && ld->absent)
        return "the backing store is not loaded";
    if (flux_future_get (f, NULL) == 0) /* an answer, but a wrong one */
        return errnum == EIO ? "the blob that was loaded has another digest"
                             : flux_strerror (errnum);
    return errnum == ENOENT ? flux_strerror (errnum) : future_strerror (f, errnum);
}

static void load_continuation (flux_future_t *f, void *arg)
{
    struct load *ld = arg;
    struct content *c = ld->out.c;
    struct entry *e = cache_find (&c->cache, &ld->ref);
    int errnum;

    outgoing_returned (&ld->out);
    if (e && e->state == ENTRY_LOADING) { /* not stored meanwhile */
        errnum = load_finish (c, e, f);
        if (c->rank == 0 && errnum == ENOSYS) { /* whom we asked has gone */
            errnum = ENOENT;
            if (!ld->source) {
                ld->absent = true;
                backing_absent (c);
            }
        }
        if (errnum == 0) {
            answer_loads (c, e);
            cache_limit (&c->cache);
        }
        else if (!load_elsewhere (c, ld, errnum)) {
            if (errnum == ENOENT && ld->absent) /* who would have it is not there */
                errnum = ENOSYS;
            load_failed (c, e, errnum, load_error (ld, f, errnum));
        }
    }
    flux_future_destroy (f);
}

static flux_future_t *load_rpc (struct content *c, const struct blobref *ref, bool source)
{
    char topic[128] = "content.load";
    uint32_t nodeid = c->rank == 0 ? 0 : FLUX_NODEID_UPSTREAM;

    if (source)
        snprintf (topic, sizeof (topic), "%s.held-load", source_name (c));
    else if (c->rank == 0)
        snprintf (topic, sizeof (topic), "content-backing.load");
    return flux_rpc_raw (c->h, topic, ref->bytes, blobref_digest_size (ref->kind), nodeid,
                         0);
}

/* Ask the next one for it: the backing store, the source or the rank above. */
static int load_start (struct content *c, const struct load *how)
{
    struct load *ld = malloc (sizeof (*ld));

    if (!ld)
        return -1;
    *ld = *how;
    ld->out = (struct outgoing){ .msg = NULL };
    return outgoing_send (c, &ld->out, load_rpc (c, &ld->ref, ld->source), free,
                          load_continuation);
}

static struct entry *load_entry (struct content *c, const struct blobref *ref)
{
    bool source = c->rank == 0 && !c->backing;
    struct load how = {
        .ref = *ref,
        .source = source,
        .absent = source && c->backing_name,
        .generation = c->generation,
    };
    struct entry *e;

    if (!(e = cache_add (&c->cache, ref))) {
        errno = ENOMEM;
        return NULL;
    }
    if (load_start (c, &how) < 0) {
        cache_drop (&c->cache, e);
        return NULL;
    }
    return e;
}

/* content.load: digest -> blob, both raw */
void load_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct content *c = arg;
    const void *digest;
    struct blobref ref;
    struct entry *e;
    size_t len;

    if (flux_request_decode_raw (msg, NULL, &digest, &len) < 0
        || blobref_from_digest (blobhash_kind (c->hash), digest, len, &ref) < 0) {
        respond_error (c, msg, EPROTO, NULL);
        return;
    }
    if (!(e = cache_find (&c->cache, &ref)) && !(e = load_entry (c, &ref))) {
        respond_error (c, msg, errno, NULL);
        return;
    }
    if (e->blob)
        respond_blob (c, msg, e->blob);
    else if (waiter_add (&e->waiters, msg) < 0)
        respond_error (c, msg, errno, NULL);
}

/* content.dropcache: {} -> {} */
void dropcache_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct content *c = arg;

    cache_drop_clean (&c->cache);
    respond_empty (c, msg);
}
