/* checkpoint.c - checkpoints pass through on their way to the backing store.
 *
 *   content.checkpoint-get  {} -> {"value":[o,...]}
 *   content.checkpoint-put  {"value":o "rolling"?b} -> {"rolling"?b}
 *
 * A put is preceded by a flush, so that no checkpoint is recorded before the
 * blobs it needs.
 */

#include "config.h"
#include <errno.h>
#include <jansson.h>

#include "content.h"

static void forward_free (void *arg)
{
    struct outgoing *fw = arg;

    fw->c->forwards--;
    flux_msg_decref (fw->msg);
    free_keep_errno (fw);
}

static void forward_continuation (flux_future_t *f, void *arg)
{
    struct outgoing *fw = arg;
    struct content *c = fw->c;
    const char *s;

    outgoing_returned (fw);
    if (flux_rpc_get (f, &s) < 0)
        respond_error (c, fw->msg, errno, future_strerror (f, errno));
    else if (flux_respond (c->h, fw->msg, s) < 0)
        flux_log_error (c->h, "error responding to a checkpoint request");
    flux_future_destroy (f);
}

/* Pass a request on, with its payload, and its answer back. */
static void forward (struct content *c, const flux_msg_t *msg, const char *what)
{
    char topic[64];
    struct outgoing *fw;
    const char *s;

    if (flux_request_decode (msg, NULL, &s) < 0) {
        respond_error (c, msg, errno, NULL);
        return;
    }
    snprintf (topic, sizeof (topic), "%s.%s",
              c->rank == 0 ? "content-backing" : "content", what);
    if (!(fw = calloc (1, sizeof (*fw)))) {
        respond_error (c, msg, ENOMEM, NULL);
        return;
    }
    fw->msg = flux_msg_incref (msg);
    c->forwards++;
    if (outgoing_send (
            c, fw, flux_rpc (c->h, topic, s, c->rank == 0 ? 0 : FLUX_NODEID_UPSTREAM, 0),
            forward_free, forward_continuation)
        < 0)
        respond_error (c, msg, errno, NULL);
}

void checkpoint_get_cb (flux_t *h,
                        flux_msg_handler_t *mh,
                        const flux_msg_t *msg,
                        void *arg)
{
    struct content *c = arg;

    if (c->rank == 0 && !c->backing)
        respond_error (c, msg, ENOSYS, "checkpoint get unavailable, no backing store");
    else
        forward (c, msg, "checkpoint-get");
}

static void put_flushed (struct flush *fl, int errnum)
{
    if (errnum)
        respond_error (fl->c, fl->msg, errnum, NULL);
    else
        forward (fl->c, fl->msg, "checkpoint-put");
}

void checkpoint_put_cb (flux_t *h,
                        flux_msg_handler_t *mh,
                        const flux_msg_t *msg,
                        void *arg)
{
    struct content *c = arg;
    json_t *value;

    if (flux_request_unpack (msg, NULL, "{s:o}", "value", &value) < 0)
        respond_error (c, msg, EPROTO, NULL);
    else if (c->rank == 0 && !c->backing)
        respond_error (c, msg, ENOSYS, "checkpoint put unavailable, no backing store");
    else
        flush_start (c, msg, put_flushed);
}
