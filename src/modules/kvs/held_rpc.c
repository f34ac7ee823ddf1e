/* held_rpc.c - what is held here instead of being stored (hold.h).
 *
 * Content asks for what somebody else wants of it.  A content service that does
 * not know what a source is gets everything stored.
 */

#include "config.h"
#include <errno.h>
#include <jansson.h>

#include "service.h"

#define MIB (1024 * 1024)
#define BLOB_MAX (16 * 1024) /* see struct kvs_hold */
#define OPEN_MAX (32 * MIB)
#define FULL (128 * MIB)

static void hold (struct service *s, size_t blob_limit)
{
    struct kvs_hold cfg = {
        .on = true,
        .blob_max = BLOB_MAX,
        .blob_limit = blob_limit,
        .open_max = OPEN_MAX,
        .full = FULL,
        .log_max = s->root_log_limit,
    };

    s->holding = cfg.on;
    s->blob_limit = blob_limit;
    kvs_engine_set_hold (s->e, &cfg);
}

int held_offer (struct service *s)
{
    const char *name = flux_aux_get (s->h, "flux::name");
    json_int_t limit = 0;
    flux_future_t *f;
    int rc = 0;

    if (s->rank > 0)
        return 0;
    if (!(f = flux_rpc_pack (s->h, "content.register-source", FLUX_NODEID_ANY, 0, "{s:s}",
                             "service", name ? name : "kvs")))
        return -1;
    if (flux_rpc_get_unpack (f, "{s?I}", "blob-size-limit", &limit) == 0)
        hold (s, limit);
    else if (errno != ENOSYS) {
        flux_log (s->h, LOG_ERR, "content.register-source: %s",
                  future_strerror (f, errno));
        rc = -1;
    }
    flux_future_destroy (f);
    return rc;
}

void held_configure (struct service *s, size_t root_log_limit)
{
    s->root_log_limit = root_log_limit;
    if (s->holding)
        hold (s, s->blob_limit);
}

void held_withdraw (struct service *s)
{
    flux_future_t *f;

    if (!s->holding)
        return;
    f = flux_rpc (s->h, "content.unregister-source", NULL, FLUX_NODEID_ANY,
                  FLUX_RPC_NORESPONSE);
    flux_future_destroy (f);
    s->holding = false;
}

/* kvs.held-limit: {"blob-size-limit":I}, from content when it is reloaded; without
 * response.  What is held already it takes whatever the size.
 */
void held_limit_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    json_int_t limit;

    if (flux_request_unpack (msg, NULL, "{s:I}", "blob-size-limit", &limit) < 0
        || limit < 0)
        flux_log (h, LOG_ERR, "kvs.held-limit: malformed request");
    else if (s->holding)
        hold (s, limit);
}

/* kvs.held-keep: digest, raw, from ranks > 0, without response */
void held_keep_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    const void *digest;
    struct blobref ref;
    size_t len;

    if (flux_request_decode_raw (msg, NULL, &digest, &len) < 0
        || blobref_from_digest (s->hash, digest, len, &ref) < 0)
        flux_log_error (h, "kvs.held-keep: malformed request");
    else
        kvs_engine_held_keep (s->e, &ref);
}

/* kvs.held-store: {} -> {} when content has all that current roots need */
void held_store_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct service *s = arg;
    struct request *req;

    if ((req = request_new (s, msg)))
        kvs_engine_store_held (s->e, &req->r);
    service_run (s);
}

/* kvs.held-load: digest -> blob, both raw */
void held_load_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    _cleanup_ (text_fini)
    struct text t = TEXT_INIT;
    struct service *s = arg;
    const void *digest;
    struct blobref ref;
    size_t len;
    int r;

    if (flux_request_decode_raw (msg, NULL, &digest, &len) < 0
        || blobref_from_digest (s->hash, digest, len, &ref) < 0)
        r = -EPROTO;
    else
        r = kvs_engine_held_load (s->e, &ref, &t);
    if (r < 0)
        respond_error (s, msg, -r, NULL);
    else if (flux_respond_raw (h, msg, t.buf, t.len) < 0)
        flux_log_error (h, "error responding to kvs.held-load");
}
