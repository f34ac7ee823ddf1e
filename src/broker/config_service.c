#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <jansson.h>

#include "common/util.h"

#include "services.h"

struct config_service {
    struct flux_msglist *watchers; /* streaming config.get requests */
    flux_msg_handler_t **handlers;
};

/* config.get
 *   -> the configuration; a streaming request stays open for changes
 */
static void get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct config_service *cs = arg;
    json_t *o;

    if (flux_conf_unpack (flux_get_conf (h), NULL, "o", &o) < 0
        || flux_respond_pack (h, msg, "O", o) < 0
        || (flux_msg_is_streaming (msg) && flux_msglist_append (cs->watchers, msg) < 0))
        (void)flux_respond_error (h, msg, errno, NULL);
}

static void disconnect_cb (flux_t *h,
                           flux_msg_handler_t *mh,
                           const flux_msg_t *msg,
                           void *arg)
{
    struct config_service *cs = arg;

    (void)flux_msglist_disconnect (cs->watchers, msg);
}

static void cancel_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct config_service *cs = arg;

    (void)flux_msglist_cancel (h, cs->watchers, msg);
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "config.get", get_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "config.disconnect", disconnect_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "config.cancel", cancel_cb, FLUX_ROLE_USER },
    FLUX_MSGHANDLER_TABLE_END,
};

struct config_service *config_serve (struct self *self, struct service_table *services)
{
    struct config_service *cs = calloc (1, sizeof (*cs));

    if (!cs)
        return NULL;
    if (!(cs->watchers = flux_msglist_create ())
        || service_add (services, "config", self_endpoint (self)) < 0
        || flux_msg_handler_addvec (self_handle (self), htab, cs, &cs->handlers) < 0) {
        config_unserve (cs);
        return NULL;
    }
    return cs;
}

void config_unserve (struct config_service *cs)
{
    int saved_errno = errno;

    if (cs) {
        flux_msg_handler_delvec (cs->handlers);
        flux_msglist_destroy (cs->watchers);
        free (cs);
    }
    errno = saved_errno;
}
