/* content/main.c - the content service (spec kvs.md §3).
 *
 * Module arguments: purge-target-size=BYTES, purge-old-entry=SECONDS,
 * flush-batch-limit=N, blob-size-limit=BYTES.
 */

#include "config.h"
#include <errno.h>
#include <jansson.h>

#include "content.h"

/* ---- answers ---- */

void respond_error (struct content *c,
                    const flux_msg_t *msg,
                    int errnum,
                    const char *text)
{
    if (flux_respond_error (c->h, msg, errnum, text) < 0)
        flux_log_error (c->h, "error responding");
}

void respond_empty (struct content *c, const flux_msg_t *msg)
{
    if (flux_respond (c->h, msg, NULL) < 0)
        flux_log_error (c->h, "error responding");
}

void respond_blob (struct content *c, const flux_msg_t *msg, const struct blob *blob)
{
    if (flux_respond_raw (c->h, msg, blob->data, blob->len) < 0)
        flux_log_error (c->h, "error responding to content.load");
}

int waiter_add (struct list *list, const flux_msg_t *msg)
{
    struct waiter *w = calloc (1, sizeof (*w));

    if (!w)
        return -1;
    w->msg = flux_msg_incref (msg);
    list_append (list, &w->link);
    return 0;
}

void waiter_free (struct waiter *w)
{
    list_del (&w->link);
    flux_msg_decref (w->msg);
    free_keep_errno (w);
}

/* ---- RPCs ---- */

int outgoing_send (struct content *c,
                   struct outgoing *out,
                   flux_future_t *f,
                   flux_free_f out_free,
                   flux_continuation_f cb)
{
    out->c = c;
    out->f = f;
    list_init (&out->link);
    if (!f || flux_future_aux_set (f, NULL, out, out_free) < 0) {
        int saved_errno = errno;

        flux_future_destroy (f);
        out_free (out);
        errno = saved_errno;
        return -1;
    }
    if (flux_future_then (f, -1., cb, out) < 0) {
        flux_future_destroy (f);
        return -1;
    }
    list_append (&c->outgoing, &out->link);
    return 0;
}

void outgoing_returned (struct outgoing *out)
{
    list_del (&out->link);
}

/* ---- statistics ---- */

static void
stats_get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct content *c = arg;
    json_t *mmap = json_null ();

    if (c->rank == 0)
        mmap = json_pack ("{s:{} s:i}", "tags", "blobs", 0);
    if (!mmap
        || flux_respond_pack (h, msg, "{s:i s:i s:i s:I s:i s:O}", "count",
                              (int)table_count (&c->cache.entries), "valid",
                              (int)(c->cache.nclean + c->cache.ndirty), "dirty",
                              (int)c->cache.ndirty, "size", (json_int_t)c->cache.bytes,
                              "flush-batch-count", (int)c->cache.nstoring, "mmap", mmap)
               < 0)
        respond_error (c, msg, errno ? errno : ENOMEM, NULL);
    json_decref (mmap);
}

/* ---- the clock ---- */

static int heartbeat_start (struct content *c);

static void heartbeat_continuation (flux_future_t *f, void *arg)
{
    struct content *c = arg;

    c->cache.now = flux_reactor_now (flux_get_reactor (c->h));
    cache_purge (&c->cache, c->purge_target, c->purge_age);
    if (c->cache.nfailed > 0 && c->backing) { /* has it recovered? */
        cache_retry (&c->cache);
        writeback_all (c);
    }
    flux_future_reset (f);
    if (heartbeat_start (c) < 0)
        flux_log_error (c->h, "error waiting for the heartbeat: nothing will be purged");
}

/* A timeout is as good as a beat. */
static int heartbeat_start (struct content *c)
{
    return flux_future_then (c->heartbeat, TICK_MAX, heartbeat_continuation, c);
}

/* ---- life ---- */

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "load", load_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "store", store_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "store-batch", store_batch_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "store-held", store_held_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "flush", flush_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "dropcache", dropcache_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "checkpoint-get", checkpoint_get_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "checkpoint-put", checkpoint_put_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "register-backing", register_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "unregister-backing", unregister_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "register-source", register_source_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "unregister-source", unregister_source_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "stats-get", stats_get_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static int parse_size (const char *s, size_t *value)
{
    unsigned long long n;
    char *end;

    errno = 0;
    n = strtoull (s, &end, 10);
    if (errno || end == s || *end != '\0' || s[0] < '0' || s[0] > '9') {
        errno = EINVAL;
        return -1;
    }
    *value = n;
    return 0;
}

static int parse_args (struct content *c, int argc, char *argv[])
{
    size_t age = c->purge_age;
    const struct {
        const char *name;
        size_t *value;
    } args[] = {
        { "purge-target-size=", &c->purge_target },
        { "purge-old-entry=", &age },
        { "flush-batch-limit=", &c->batch_limit },
        { "blob-size-limit=", &c->blob_limit },
    };

    for (int i = 0; i < argc; i++) {
        size_t n;

        for (n = 0; n < ARRAY_SIZE (args); n++) {
            size_t len = strlen (args[n].name);

            if (strncmp (argv[i], args[n].name, len) == 0) {
                if (parse_size (argv[i] + len, args[n].value) < 0) {
                    flux_log (c->h, LOG_ERR, "'%s' is not a number", argv[i]);
                    return -1;
                }
                break;
            }
        }
        if (n == ARRAY_SIZE (args)) {
            flux_log (c->h, LOG_ERR, "Unknown option `%s'", argv[i]);
            errno = EINVAL;
            return -1;
        }
    }
    if (c->batch_limit == 0)
        c->batch_limit = 1;
    c->purge_age = age;
    return 0;
}

static int get_hash (struct content *c)
{
    const char *name = flux_attr_get (c->h, "content.hash");
    int kind, r;

    if (!name) {
        name = "sha1";
        if (flux_attr_set (c->h, "content.hash", name) < 0) {
            flux_log_error (c->h, "error setting content.hash");
            return -1;
        }
    }
    if ((kind = blobref_kind_parse (name)) < 0
        || (r = blobhash_new (kind, &c->hash)) < 0) {
        flux_log (c->h, LOG_ERR, "content.hash: unknown hash '%s'", name);
        errno = EINVAL;
        return -1;
    }
    return 0;
}

static int get_attrs (struct content *c)
{
    const char *s;

    if (flux_get_rank (c->h, &c->rank) < 0 || get_hash (c) < 0)
        return -1;
    if ((s = flux_attr_get (c->h, "content.backing-module"))) {
        if (!(c->backing_name = strdup (s)))
            return -1;
        c->backing = c->assumed = c->rank == 0;
    }
    s = flux_attr_get (c->h, "statedir-cleanup");
    c->lasting = !s || strcmp (s, "1") != 0;
    return 0;
}

static void content_destroy (struct content *c)
{
    struct outgoing *out;
    struct waiter *w;
    struct entry *e;
    size_t pos = 0;

    flux_msg_handler_delvec (c->handlers);
    c->generation++; /* stores that are out will not be answered */
    while ((out = list_first (&c->outgoing, struct outgoing, link))) {
        list_del (&out->link);
        if (out->msg)
            respond_error (c, out->msg, ENOSYS, NULL);
        flux_future_destroy (out->f);
    }
    flux_future_destroy (c->heartbeat);
    flux_watcher_destroy (c->timer);
    flush_end_all (c, ENOSYS);
    refuse_held (c, ENOSYS);
    while ((e = table_next (&c->cache.entries, &pos))) {
        while ((w = list_first (&e->waiters, struct waiter, link))) {
            respond_error (c, w->msg, ENOSYS, NULL);
            waiter_free (w);
        }
    }
    cache_fini (&c->cache);
    blobhash_free (c->hash);
    free (c->backing_name);
    free (c->source);
    free_keep_errno (c);
}

static struct content *content_create (flux_t *h, int argc, char *argv[])
{
    struct content *c = calloc (1, sizeof (*c));
    const char *name = flux_aux_get (h, "flux::name");
    flux_reactor_t *r = flux_get_reactor (h);

    if (!c)
        return NULL;
    c->h = h;
    c->purge_target = 16 * 1024 * 1024;
    c->purge_age = 10.;
    c->batch_limit = 256;
    c->blob_limit = 1024 * 1024 * 1024;
    list_init (&c->flushes);
    list_init (&c->held);
    list_init (&c->outgoing);
    cache_init (&c->cache);
    c->cache.now = flux_reactor_now (r);
    if (parse_args (c, argc, argv) < 0 || get_attrs (c) < 0
        || !(c->timer = flux_timer_watcher_create (r, WRITEBACK_DELAY, 0.,
                                                   writeback_timer_cb, c))
        || flux_msg_handler_addvec_ex (h, name ? name : "content", handlers, c,
                                       &c->handlers)
               < 0
        || !(c->heartbeat = flux_sync_create (h, TICK_MIN)) || heartbeat_start (c) < 0
        || source_greet (c) < 0) {
        content_destroy (c);
        return NULL;
    }
    return c;
}

/* What was stored here is safe before we go: kvs and others count on it.  And who
 * asked for a checkpoint learns how that ended, not that nobody knows.
 */
static void leave (struct content *c)
{
    flux_msg_handler_delvec (c->handlers);
    c->handlers = NULL;
    cache_retry (&c->cache);
    writeback_all (c);
    while ((!all_written (c) || c->forwards > 0)
           && (c->rank > 0 || c->backing) /* it may turn out to be gone */
           && flux_reactor_run (flux_get_reactor (c->h), FLUX_REACTOR_ONCE) >= 0)
        ;
    if (c->cache.nfailed > 0)
        flux_log (c->h, LOG_ERR, "%zu blobs are lost: they could not be stored",
                  c->cache.nfailed);
}

int mod_main (flux_t *h, int argc, char *argv[])
{
    struct content *c;
    int rc;

    if (!(c = content_create (h, argc, argv)))
        return -1;
    if ((rc = flux_reactor_run (flux_get_reactor (h), 0)) < 0)
        flux_log_error (h, "reactor");
    leave (c);
    content_destroy (c);
    return rc;
}
