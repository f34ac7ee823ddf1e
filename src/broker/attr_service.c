#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "common/util.h"

#include "services.h"

struct attr_service {
    flux_t *h;
    struct attrs *attrs;
    struct logger *logger;
    flux_msg_handler_t **handlers;
};

/* attr.get
 *   { "name":s } -> { "value":s "flags":i }
 */
static void get_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct attr_service *as = arg;
    const char *name, *value;
    int flags;

    if (flux_request_unpack (msg, NULL, "{s:s}", "name", &name) < 0)
        (void)flux_respond_error (h, msg, EPROTO, NULL);
    else if (!(value = attrs_get (as->attrs, name)))
        (void)flux_respond_error (h, msg, ENOENT, NULL);
    else {
        /* 1: the value never changes, it may be cached */
        flags = (attrs_flags (as->attrs, name) & ATTR_IMMUTABLE) ? 1 : 0;
        if (flux_respond_pack (h, msg, "{s:s s:i}", "value", value, "flags", flags) < 0)
            (void)flux_respond_error (h, msg, errno, NULL);
    }
}

/* attr.list
 *   -> { "names":[s...] }
 */
static void list_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct attr_service *as = arg;
    json_t *names = json_array ();
    const char *name, *value;
    size_t pos = 0;

    while (names && (name = attrs_next (as->attrs, &pos, &value))) {
        if (json_array_append_new (names, json_string (name)) < 0) {
            json_decref (names);
            names = NULL;
        }
    }
    if (!names || flux_respond_pack (h, msg, "{s:O}", "names", names) < 0)
        (void)flux_respond_error (h, msg, ENOMEM, NULL);
    json_decref (names);
}

static int set (struct attr_service *as,
                const char *name,
                const char *value,
                bool force,
                flux_error_t *error)
{
    int r;

    if ((r = attrs_may_set (as->attrs, name, force, error)) < 0)
        return r;
    if (!force && strcmp (name, "log-stderr-level") == 0
        && (r = logger_set (as->logger, name, value, error)) < 0)
        return r;
    return attrs_update (as->attrs, name, value, force, error);
}

/* test-rd.*: testrd.setattr says whether it may be so
 *   { "name":s "value":s } -> {}
 */
static void forwarded (flux_future_t *f, void *arg)
{
    struct attr_service *as = arg;
    const flux_msg_t *msg = flux_future_aux_get (f, "request");
    const char *name, *value;
    flux_error_t error;
    int r;

    if (flux_rpc_get (f, NULL) < 0)
        (void)flux_respond_error (as->h, msg, errno, flux_future_error_string (f));
    else if (flux_request_unpack (msg, NULL, "{s:s s:s}", "name", &name, "value", &value)
             < 0)
        (void)flux_respond_error (as->h, msg, EPROTO, NULL);
    else if ((r = attrs_update (as->attrs, name, value, false, &error)) < 0)
        (void)flux_respond_error (as->h, msg, -r, error.text);
    else
        (void)flux_respond (as->h, msg, NULL);
    flux_future_destroy (f);
}

static void decref (void *msg)
{
    flux_msg_decref (msg);
}

static void forward (struct attr_service *as,
                     const flux_msg_t *msg,
                     const char *name,
                     const char *value)
{
    flux_error_t error;
    flux_future_t *f;
    int r;

    if ((r = attrs_may_set (as->attrs, name, false, &error)) < 0) {
        (void)flux_respond_error (as->h, msg, -r, error.text);
        return;
    }
    if (!(f = flux_rpc_pack (as->h, "testrd.setattr", FLUX_NODEID_ANY, 0, "{s:s s:s}",
                             "name", name, "value", value))
        || flux_future_aux_set (f, "request", (void *)flux_msg_incref (msg), decref)
               < 0
        || flux_future_then (f, -1., forwarded, as) < 0) {
        (void)flux_respond_error (as->h, msg, errno, NULL);
        flux_future_destroy (f);
    }
}

/* attr.set
 *   { "name":s "value":s "force"?:b } -> {}
 */
static void set_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct attr_service *as = arg;
    const char *name, *value;
    flux_error_t error;
    int force = 0, r;

    if (flux_request_unpack (
            msg, NULL, "{s:s s:s s?b}", "name", &name, "value", &value, "force", &force)
        < 0)
        (void)flux_respond_error (h, msg, EPROTO, NULL);
    else if (!force && strncmp (name, "test-rd.", 8) == 0)
        forward (as, msg, name, value);
    else if ((r = set (as, name, value, force, &error)) < 0)
        (void)flux_respond_error (h, msg, -r, error.text);
    else
        (void)flux_respond (h, msg, NULL);
}

/* attr.rm
 *   { "name":s } -> {}
 */
static void rm_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct attr_service *as = arg;
    const char *name;
    int r;

    if (flux_request_unpack (msg, NULL, "{s:s}", "name", &name) < 0)
        (void)flux_respond_error (h, msg, EPROTO, NULL);
    else if ((r = attrs_remove (as->attrs, name)) < 0)
        (void)flux_respond_error (h, msg, -r, NULL);
    else
        (void)flux_respond (h, msg, NULL);
}

static const struct flux_msg_handler_spec htab[] = {
    { FLUX_MSGTYPE_REQUEST, "attr.get", get_cb, FLUX_ROLE_ALL },
    { FLUX_MSGTYPE_REQUEST, "attr.list", list_cb, FLUX_ROLE_ALL },
    { FLUX_MSGTYPE_REQUEST, "attr.set", set_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "attr.rm", rm_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

struct attr_service *attr_serve (struct self *self,
                                 struct service_table *services,
                                 struct attrs *attrs,
                                 struct logger *logger)
{
    struct attr_service *as = calloc (1, sizeof (*as));

    if (!as)
        return NULL;
    as->h = self_handle (self);
    as->attrs = attrs;
    as->logger = logger;
    if (service_add (services, "attr", self_endpoint (self)) < 0
        || flux_msg_handler_addvec (self_handle (self), htab, as, &as->handlers) < 0) {
        free_keep_errno (as);
        return NULL;
    }
    return as;
}

void attr_unserve (struct attr_service *as)
{
    if (as) {
        flux_msg_handler_delvec (as->handlers);
        free (as);
    }
}
