/* rpc.c - a request and the future of its responses.
 *
 * The matchtag has a sink (dispatch_private.h) on the handle that sent the
 * request, from then on; it is started when the future is first waited for
 * or continued.  So a response that comes earlier is kept, and not mistaken
 * for that of an RPC that was given up.
 *
 * A wait without limit receives from the handle until the response is there;
 * what it meets on the way is requeued in order.  Other waits have a clone of
 * the handle, with a dispatcher and so a sink of its own.
 *
 * A matchtag goes back to the pool when the last response has come: here, or
 * in the dispatcher after the future was destroyed.
 */

#include "config.h"
#include <stdio.h>
#include <flux/core.h>

#include "common/util.h"
#include "codec_private.h"
#include "dispatch_private.h"
#include "future_private.h"

#define RPC_AUX "flux::rpc"

/* Enough for the user's handle, the clone of a wait, and those of composites
 * that have taken the future over.
 */
#define RPC_SINKS 4

struct rpc_sink {
    struct response_sink sink;
    struct rpc *rpc;
};

struct rpc {
    flux_future_t *f; /* whose aux this is */
    flux_t *h;
    uint32_t nodeid;
    uint32_t matchtag;
    bool streaming;
    bool done;   /* the last response has come */
    char *label; /* for MATCHDEBUG: the topic; else NULL */
    struct rpc_sink sinks[RPC_SINKS];
};

static void rpc_stop (struct rpc *rpc)
{
    for (int i = 0; i < RPC_SINKS; i++)
        response_sink_remove (&rpc->sinks[i].sink);
}

static void rpc_destroy (void *arg)
{
    struct rpc *rpc = arg;
    int saved_errno = errno;

    rpc_stop (rpc);
    if (rpc->matchtag != FLUX_MATCHTAG_NONE) {
        if (rpc->done)
            flux_matchtag_free (rpc->h, rpc->matchtag);
        else if (flux_flags_get (rpc->h) & FLUX_O_MATCHDEBUG)
            fprintf (stderr, "MATCHDEBUG: %s leaks matchtag=%u\n",
                     rpc->label ? rpc->label : "rpc", rpc->matchtag);
    }
    flux_close (rpc->h);
    free (rpc->label);
    free (rpc);
    errno = saved_errno;
}

static void rpc_receive (struct response_sink *sink, const flux_msg_t *msg)
{
    struct rpc *rpc = container_of (sink, struct rpc_sink, sink)->rpc;
    const char *errstr = NULL;
    int errnum;

    if (flux_msg_get_errnum (msg, &errnum) < 0)
        return;
    if (errnum != 0 || !rpc->streaming) {
        rpc->done = true;
        rpc_stop (rpc);
    }
    if (errnum != 0) {
        (void)flux_response_decode_error (msg, &errstr);
        flux_future_fulfill_error (rpc->f, errnum, errstr);
    }
    else
        flux_future_fulfill (rpc->f, (void *)flux_msg_incref (msg),
                             (flux_free_f)flux_msg_decref);
}

/* The sink on the dispatcher d, or a free one. */
static struct response_sink *rpc_sink (struct rpc *rpc, const struct dispatch *d)
{
    struct rpc_sink *s;

    for (s = rpc->sinks; s < rpc->sinks + RPC_SINKS; s++)
        if (s->sink.d == d)
            return &s->sink;
    for (s = rpc->sinks; s < rpc->sinks + RPC_SINKS; s++)
        if (!s->sink.d)
            return &s->sink;
    /* All are taken by handles that followed each other: all but the first,
     * which is the one that sent the request, can do without.
     */
    s = &rpc->sinks[RPC_SINKS - 1];
    response_sink_remove (&s->sink);
    return &s->sink;
}

static int rpc_listen (struct rpc *rpc, flux_t *h, bool start)
{
    struct response_sink *sink;
    struct dispatch *d;

    if (!(d = dispatch_get (h)))
        return -1;
    sink = rpc_sink (rpc, d);
    if (!sink->d && response_sink_add (d, rpc->matchtag, sink) < 0)
        return -1;
    return start ? response_sink_start (sink) : 0;
}

static void rpc_init (flux_future_t *f, void *arg)
{
    struct rpc *rpc = arg;
    flux_t *h = flux_future_get_flux (f);

    if (rpc->done)
        return;
    if (!h || rpc_listen (rpc, h, true) < 0)
        flux_future_fulfill_error (f, errno, NULL);
}

/* Wait without reactor, clone and dispatcher (see struct flux_future). */
static int rpc_wait (flux_future_t *f, void *arg)
{
    struct rpc *rpc = arg;
    struct flux_match match = {
        .typemask = FLUX_MSGTYPE_RESPONSE,
        .matchtag = rpc->matchtag,
    };

    if (flux_flags_get (rpc->h) & (FLUX_O_NONBLOCK | FLUX_O_NOREQUEUE)) {
        errno = EWOULDBLOCK;
        return -1;
    }
    while (!rpc->done && !flux_future_is_ready (f)) {
        flux_msg_t *msg = flux_recv (rpc->h, match, 0);

        if (msg) {
            response_sink_deliver (&rpc->sinks[0].sink, msg);
            flux_msg_destroy (msg);
        }
        else if (errno != EINTR)
            return -1;
    }
    if (!flux_future_is_ready (f)) {
        errno = EDEADLOCK; /* all responses were taken and reset */
        return -1;
    }
    return 0;
}

static struct rpc *rpc_create (flux_t *h, uint32_t nodeid, int flags)
{
    struct rpc *rpc;

    if (!(rpc = calloc (1, sizeof (*rpc))))
        return NULL;
    rpc->h = flux_incref (h);
    rpc->nodeid = nodeid;
    for (int i = 0; i < RPC_SINKS; i++) {
        rpc->sinks[i].rpc = rpc;
        rpc->sinks[i].sink.receive = rpc_receive;
    }
    rpc->streaming = flags & FLUX_RPC_STREAMING;
    if (!(rpc->f = flux_future_create (rpc_init, rpc))
        || flux_future_aux_set (rpc->f, RPC_AUX, rpc, rpc_destroy) < 0) {
        flux_future_destroy (rpc->f);
        rpc_destroy (rpc);
        return NULL;
    }
    flux_future_set_flux (rpc->f, h);
    if (!(flags & FLUX_RPC_NORESPONSE)) {
        rpc->f->wait_fn = rpc_wait;
        rpc->f->wait_arg = rpc;
    }
    return rpc;
}

/* What the caller asked for, in the message.  UPSTREAM is a flag beside the
 * rank that sends, whose broker is to be skipped.
 */
static int request_address (flux_t *h,
                            flux_msg_t *msg,
                            uint32_t nodeid,
                            int flags,
                            uint32_t matchtag)
{
    if (nodeid == FLUX_NODEID_UPSTREAM) {
        if (flux_get_rank (h, &nodeid) < 0
            || flux_msg_set_flag (msg, FLUX_MSGFLAG_UPSTREAM) < 0)
            return -1;
    }
    if (flux_msg_set_nodeid (msg, nodeid) < 0
        || flux_msg_set_matchtag (msg, matchtag) < 0)
        return -1;
    if ((flags & FLUX_RPC_NORESPONSE) && flux_msg_set_noresponse (msg) < 0)
        return -1;
    if ((flags & FLUX_RPC_STREAMING) && flux_msg_set_streaming (msg) < 0)
        return -1;
    return 0;
}

/* Send the request; msg is given up, whatever happens. */
static flux_future_t *rpc_send (flux_t *h, flux_msg_t *msg, uint32_t nodeid, int flags)
{
    struct rpc *rpc;

    const char *topic;

    if (!(rpc = rpc_create (h, nodeid, flags)))
        goto error;
    if ((flux_flags_get (h) & FLUX_O_MATCHDEBUG) && flux_msg_get_topic (msg, &topic) == 0)
        rpc->label = strdup (topic);
    if (!(flags & FLUX_RPC_NORESPONSE)) {
        if ((rpc->matchtag = flux_matchtag_alloc (h)) == FLUX_MATCHTAG_NONE)
            goto error_rpc;
        rpc->done = true; /* until it is sent: an error frees the matchtag */
        if (rpc_listen (rpc, h, false) < 0)
            goto error_rpc;
    }
    if (request_address (h, msg, nodeid, flags, rpc->matchtag) < 0)
        goto error_rpc;
    if (codec_send (h, move_ptr (msg)) < 0)
        goto error_rpc;
    rpc->done = false;
    if (flags & FLUX_RPC_NORESPONSE)
        flux_future_fulfill (rpc->f, NULL, NULL);
    return rpc->f;
error_rpc:
    flux_future_destroy (rpc->f);
error:
    flux_msg_destroy (msg);
    return NULL;
}

static int check_args (flux_t *h, int flags)
{
    if (!h || (flags & ~(FLUX_RPC_NORESPONSE | FLUX_RPC_STREAMING))) {
        errno = EINVAL;
        return -1;
    }
    return 0;
}

flux_future_t *
flux_rpc (flux_t *h, const char *topic, const char *s, uint32_t nodeid, int flags)
{
    flux_msg_t *msg;

    if (check_args (h, flags) < 0 || !(msg = flux_request_encode (topic, s)))
        return NULL;
    return rpc_send (h, msg, nodeid, flags);
}

flux_future_t *flux_rpc_raw (flux_t *h,
                             const char *topic,
                             const void *data,
                             size_t len,
                             uint32_t nodeid,
                             int flags)
{
    flux_msg_t *msg;

    if (check_args (h, flags) < 0 || !(msg = flux_request_encode_raw (topic, data, len)))
        return NULL;
    return rpc_send (h, msg, nodeid, flags);
}

flux_future_t *flux_rpc_vpack (flux_t *h,
                               const char *topic,
                               uint32_t nodeid,
                               int flags,
                               const char *fmt,
                               va_list ap)
{
    flux_msg_t *msg;

    if (check_args (h, flags) < 0 || !(msg = flux_request_encode (topic, NULL)))
        return NULL;
    if (flux_msg_vpack (msg, fmt, ap) < 0) {
        flux_msg_destroy (msg);
        return NULL;
    }
    return rpc_send (h, msg, nodeid, flags);
}

flux_future_t *flux_rpc_pack (flux_t *h,
                              const char *topic,
                              uint32_t nodeid,
                              int flags,
                              const char *fmt,
                              ...)
{
    flux_future_t *f;
    va_list ap;

    va_start (ap, fmt);
    f = flux_rpc_vpack (h, topic, nodeid, flags, fmt, ap);
    va_end (ap);
    return f;
}

flux_future_t *
flux_rpc_message (flux_t *h, const flux_msg_t *msg, uint32_t nodeid, int flags)
{
    flux_msg_t *cpy;
    int type;

    if (check_args (h, flags) < 0)
        return NULL;
    if (!msg || flux_msg_get_type (msg, &type) < 0 || type != FLUX_MSGTYPE_REQUEST) {
        errno = EINVAL;
        return NULL;
    }
    if (!(cpy = flux_msg_copy (msg, true)))
        return NULL;
    flux_msg_route_enable (cpy);
    return rpc_send (h, cpy, nodeid, flags);
}

/* The response, or NULL: EINVAL if there is none (NORESPONSE). */
static const flux_msg_t *get_response (flux_future_t *f)
{
    const void *msg;

    if (flux_future_get (f, &msg) < 0)
        return NULL;
    if (!msg)
        errno = EINVAL;
    return msg;
}

int flux_rpc_get (flux_future_t *f, const char **s)
{
    const flux_msg_t *msg;

    if (!(msg = get_response (f)))
        return -1;
    return flux_response_decode (msg, NULL, s);
}

int flux_rpc_get_raw (flux_future_t *f, const void **data, size_t *len)
{
    const flux_msg_t *msg;

    if (!(msg = get_response (f)))
        return -1;
    return flux_response_decode_raw (msg, NULL, data, len);
}

int flux_rpc_get_unpack (flux_future_t *f, const char *fmt, ...)
{
    const flux_msg_t *msg;
    va_list ap;
    int rc;

    if (!(msg = get_response (f)))
        return -1;
    va_start (ap, fmt);
    rc = flux_msg_vunpack (msg, fmt, ap);
    va_end (ap);
    return rc;
}

uint32_t flux_rpc_get_matchtag (flux_future_t *f)
{
    struct rpc *rpc = flux_future_aux_get (f, RPC_AUX);

    return rpc ? rpc->matchtag : FLUX_MATCHTAG_NONE;
}

uint32_t flux_rpc_get_nodeid (flux_future_t *f)
{
    struct rpc *rpc = flux_future_aux_get (f, RPC_AUX);

    return rpc ? rpc->nodeid : FLUX_NODEID_ANY;
}
