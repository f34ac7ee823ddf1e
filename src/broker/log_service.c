#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#include "services.h"

struct log_service {
    flux_t *h;
    struct logger *logger;
    struct flux_msglist *followers; /* log.dmesg requests with follow */
    flux_msg_handler_t **handlers;
};

/* log.append
 *   raw entry -> {}, or nothing to a request without matchtag
 */
static void append_direct (flux_t *h, const flux_msg_t *msg, void *arg)
{
    struct log_service *ls = arg;
    const void *data;
    size_t size;
    uint32_t matchtag;

    if (flux_msg_get_payload (msg, &data, &size) < 0)
        data = "", size = 0;
    logger_append (ls->logger, data, size);
    if (flux_msg_get_matchtag (msg, &matchtag) == 0 && matchtag != FLUX_MATCHTAG_NONE)
        (void)flux_respond (h, msg, NULL);
}

static const struct self_direct direct[] = {
    { "log.append", 0, false, append_direct },
    { NULL, 0, false, NULL },
};

/* An entry entered the ring. */
static void follow (const char *buf, size_t len, void *arg)
{
    struct log_service *ls = arg;
    _cleanup_ (freep) char *entry = NULL;
    const flux_msg_t *msg;

    if (flux_msglist_count (ls->followers) == 0 || !(entry = strndup (buf, len)))
        return;
    for (msg = flux_msglist_first (ls->followers); msg;
         msg = flux_msglist_next (ls->followers))
        (void)flux_respond (ls->h, msg, entry);
}

/* An entry for rank 0 to see.  What cannot be sent is in our ring anyhow. */
static void forward (const char *buf, size_t len, void *arg)
{
    struct log_service *ls = arg;

    flux_future_destroy (flux_rpc_raw (ls->h,
                                       "log.append",
                                       buf,
                                       len,
                                       FLUX_NODEID_UPSTREAM,
                                       FLUX_RPC_NORESPONSE));
}

/* log.dmesg (streaming)
 *   { "follow":b "nobacklog"?:b } -> entry..., ENODATA
 */
static void dmesg_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct log_service *ls = arg;
    int follow, nobacklog = 0;
    const char *entry;
    size_t pos = 0, len;

    if (flux_request_unpack (
            msg, NULL, "{s:b s?b}", "follow", &follow, "nobacklog", &nobacklog)
            < 0
        || !flux_msg_is_streaming (msg)) {
        (void)flux_respond_error (h, msg, EPROTO, NULL);
        return;
    }
    while (!nobacklog && (entry = logger_next (ls->logger, &pos, &len))) {
        if (flux_respond (h, msg, entry) < 0)
            break;
    }
    if (!follow)
        (void)flux_respond_error (h, msg, ENODATA, NULL);
    else if (flux_msglist_append (ls->followers, msg) < 0)
        (void)flux_respond_error (h, msg, errno, NULL);
}

/* log.clear
 *   -> {}
 */
static void clear_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct log_service *ls = arg;

    logger_clear (ls->logger);
    (void)flux_respond (h, msg, NULL);
}

/* log.cancel
 *   { "matchtag":i }, no response
 */
static void cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct log_service *ls = arg;

    (void)flux_msglist_cancel (h, ls->followers, msg);
}

/* log.disconnect, no response */
static void disconnect_cb (flux_t *h,
                           flux_msg_handler_t *mh,
                           const flux_msg_t *msg,
                           void *arg)
{
    struct log_service *ls = arg;

    (void)flux_msglist_disconnect (ls->followers, msg);
}

/* log.stats-get
 *   -> { "ring-used":i "count":i "local":i "remote":i }
 */
static void stats_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct log_service *ls = arg;
    struct logger_stats st;

    logger_get_stats (ls->logger, &st);
    if (flux_respond_pack (h,
                           msg,
                           "{s:I s:I s:I s:I}",
                           "ring-used", (int64_t)st.ring_used,
                           "count", (int64_t)st.count,
                           "local", (int64_t)st.local,
                           "remote", (int64_t)st.remote)
        < 0)
        (void)flux_respond_error (h, msg, errno, NULL);
}

/* log.setattr
 *   { "name":s "value":s } -> {}
 */
static void setattr_cb (flux_t *h,
                        flux_msg_handler_t *mh,
                        const flux_msg_t *msg,
                        void *arg)
{
    struct log_service *ls = arg;
    const char *name, *value;
    flux_error_t error;
    int r;

    if (flux_request_unpack (msg, NULL, "{s:s s:s}", "name", &name, "value", &value) < 0)
        (void)flux_respond_error (h, msg, EPROTO, NULL);
    else if (strcmp (name, "log-stderr-level") != 0)
        (void)flux_respond_error (h, msg, ENOENT, NULL);
    else if ((r = logger_set (ls->logger, name, value, &error)) < 0)
        (void)flux_respond_error (h, msg, -r, error.text);
    else
        (void)flux_respond (h, msg, NULL);
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "log.dmesg", dmesg_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "log.clear", clear_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "log.cancel", cancel_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "log.disconnect", disconnect_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "log.stats-get", stats_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "log.setattr", setattr_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

struct log_service *log_serve (struct self *self,
                               struct service_table *services,
                               struct logger *logger,
                               uint32_t rank)
{
    struct log_service *ls = calloc (1, sizeof (*ls));

    if (!ls)
        return NULL;
    ls->h = self_handle (self);
    ls->logger = logger;
    if (rank > 0)
        logger_set_forward (logger, forward, ls);
    if (!(ls->followers = flux_msglist_create ())
        || service_add (services, "log", self_endpoint (self)) < 0
        || self_add_direct (self, direct, ls) < 0
        || flux_msg_handler_addvec (ls->h, htab, ls, &ls->handlers) < 0
        || logger_add_follower (logger, follow, ls) < 0) {
        log_unserve (ls);
        return NULL;
    }
    return ls;
}

void log_unserve (struct log_service *ls)
{
    int saved_errno = errno;

    if (!ls)
        return;
    logger_remove_follower (ls->logger, follow, ls);
    logger_set_forward (ls->logger, NULL, NULL);
    flux_msg_handler_delvec (ls->handlers);
    flux_msglist_destroy (ls->followers);
    free (ls);
    errno = saved_errno;
}
