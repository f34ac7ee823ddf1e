/* backing.c - a backing store registers, and leaves (rank 0).
 *
 *   content.register-backing    {"name":s} -> {}
 *   content.unregister-backing  {} -> {}
 *
 * A content module that is reloaded while others run finds them as they are: they are
 * asked without having registered again, and ENOSYS tells that they have gone, too.
 *
 * And a source: a service that holds blobs which are not stored, and is asked for
 * what is nowhere else (SERVICE.held-load: digest -> blob, both raw) and, before a
 * flush, to store what it holds (SERVICE.held-store: {} -> {}).
 *
 *   content.register-source    {"service":s} -> {"blob-size-limit":I}   ours alone
 *   content.unregister-source  {} -> {}
 *
 * A source that was there before we were is told of the limit (SERVICE.held-limit).
 */

#include "config.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "content.h"

static void attr_set_continuation (flux_future_t *f, void *arg)
{
    struct content *c = arg;

    if (flux_rpc_get (f, NULL) < 0)
        flux_log (c->h, LOG_ERR, "error setting content.backing-module: %s",
                  future_strerror (f, errno));
    flux_future_destroy (f);
}

/* The first one to register is the only one that may, ever. */
static int adopt (struct content *c, const char *name)
{
    flux_future_t *f;

    if (c->backing_name)
        return 0;
    if (!(c->backing_name = strdup (name)))
        return -1;
    if (!(f = flux_rpc_pack (c->h, "attr.set", FLUX_NODEID_ANY, 0, "{s:s s:s}", "name",
                             "content.backing-module", "value", name))
        || flux_future_then (f, -1., attr_set_continuation, c) < 0) {
        flux_future_destroy (f);
        return -1;
    }
    return 0;
}

void register_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct content *c = arg;
    const char *name;

    if (flux_request_unpack (msg, NULL, "{s:s}", "name", &name) < 0)
        respond_error (c, msg, errno, NULL);
    else if (c->rank > 0)
        respond_error (c, msg, EINVAL,
                       "content backing store can only be registered on rank 0");
    else if (c->backing && !c->assumed)
        respond_error (c, msg, EBUSY, "content backing store is already active");
    else if (c->backing_name && strcmp (c->backing_name, name) != 0)
        respond_error (c, msg, EINVAL,
                       "content backing store cannot be changed on the fly");
    else if (adopt (c, name) < 0)
        respond_error (c, msg, errno, NULL);
    else {
        c->backing = true;
        c->assumed = false;
        c->no_batches = false;
        c->generation++;
        respond_empty (c, msg);
        cache_requeue (&c->cache);
        cache_retry (&c->cache);
        writeback_all (c);
    }
}

static void backing_gone (struct content *c)
{
    c->backing = c->assumed = false;
    c->generation++;
    c->writing = false;
    cache_requeue (&c->cache);
    flush_end_all (c, ENOSYS);
}

void backing_absent (struct content *c)
{
    if (c->assumed)
        backing_gone (c);
}

void unregister_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct content *c = arg;

    if (!c->backing) {
        respond_error (c, msg, EINVAL, "content backing store is not active");
        return;
    }
    backing_gone (c);
    respond_empty (c, msg);
}

const char *source_name (const struct content *c)
{
    return c->source ? c->source : SOURCE;
}

/* No one there: nobody is told. */
int source_greet (struct content *c)
{
    char topic[128];
    flux_future_t *f;

    if (c->rank > 0)
        return 0;
    snprintf (topic, sizeof (topic), "%s.held-limit", source_name (c));
    if (!(f = flux_rpc_pack (c->h, topic, 0, FLUX_RPC_NORESPONSE, "{s:I}",
                             "blob-size-limit", (json_int_t)c->blob_limit)))
        return -1;
    flux_future_destroy (f);
    return 0;
}

void register_source_cb (flux_t *h,
                         flux_msg_handler_t *mh,
                         const flux_msg_t *msg,
                         void *arg)
{
    struct content *c = arg;
    const char *service;

    if (flux_request_unpack (msg, NULL, "{s:s}", "service", &service) < 0)
        respond_error (c, msg, errno, NULL);
    else if (c->rank > 0)
        respond_error (c, msg, EINVAL, "a source can only be registered on rank 0");
    else if (c->source)
        respond_error (c, msg, EBUSY, "there is a source already");
    else if (!(c->source = strdup (service)))
        respond_error (c, msg, ENOMEM, NULL);
    else if (flux_respond_pack (h, msg, "{s:I}", "blob-size-limit",
                                (json_int_t)c->blob_limit)
             < 0)
        flux_log_error (h, "error responding to content.register-source");
}

void unregister_source_cb (flux_t *h,
                           flux_msg_handler_t *mh,
                           const flux_msg_t *msg,
                           void *arg)
{
    struct content *c = arg;

    free (c->source);
    c->source = NULL;
    respond_empty (c, msg);
}
