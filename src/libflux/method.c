/* method.c - the methods that every module has (wire.md 8.5). */

#include "config.h"
#include <jansson.h>
#include <stdio.h>
#include <sys/resource.h>

#include <flux/core.h>

#include "common/util.h"
#include "module_private.h"

static void respond_error (flux_t *h, const flux_msg_t *msg, const char *text)
{
    if (flux_respond_error (h, msg, errno, text) < 0)
        flux_log_error (h, "error responding to request");
}

/* The way the request came, and where it ended: "a!b!c". */
static char *ping_route (flux_t *h, const flux_msg_t *msg)
{
    const char *uuid = flux_aux_get (h, "flux::uuid");
    char *route = flux_msg_route_string (msg);
    char *s = NULL;

    if (!uuid)
        uuid = "unknown";
    if (route && asprintf (&s, "%s%s%.8s", route, *route ? "!" : "", uuid) < 0)
        s = NULL;
    free (route);
    return s;
}

/* NAME.ping {...} -> {... "route":s "userid":i "rolemask":i "rank":i} */
static void ping_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct flux_msg_cred cred;
    json_t *payload;
    json_t *reply = NULL;
    json_t *extra = NULL;
    char *route = NULL;
    uint32_t rank;

    if (flux_request_unpack (msg, NULL, "o", &payload) < 0
        || flux_msg_get_cred (msg, &cred) < 0 || flux_get_rank (h, &rank) < 0)
        goto error;
    if (!(route = ping_route (h, msg)) || !(reply = json_copy (payload))
        || !(extra = json_pack ("{s:s s:I s:I s:I}",
                                "route",
                                route,
                                "userid",
                                (json_int_t)cred.userid,
                                "rolemask",
                                (json_int_t)cred.rolemask,
                                "rank",
                                (json_int_t)rank))
        || json_object_update (reply, extra) < 0) {
        errno = ENOMEM;
        goto error;
    }
    if (flux_respond_pack (h, msg, "O", reply) < 0)
        flux_log_error (h, "error responding to ping");
    goto done;
error:
    respond_error (h, msg, NULL);
done:
    json_decref (reply);
    json_decref (extra);
    free (route);
}

/* NAME.stats-get, NAME.messages -> {"tx":{"request":i ...} "rx":{...}}
 * Modules with a stats-get of their own still have the second.
 */
static void messages_cb (flux_t *h,
                         flux_msg_handler_t *mh,
                         const flux_msg_t *msg,
                         void *arg)
{
    flux_msgcounters_t c;

    flux_get_msgcounters (h, &c);
    if (flux_respond_pack (h,
                           msg,
                           "{s:{s:i s:i s:i s:i} s:{s:i s:i s:i s:i}}",
                           "tx",
                           "request",
                           c.request_tx,
                           "response",
                           c.response_tx,
                           "event",
                           c.event_tx,
                           "control",
                           c.control_tx,
                           "rx",
                           "request",
                           c.request_rx,
                           "response",
                           c.response_rx,
                           "event",
                           c.event_rx,
                           "control",
                           c.control_rx)
        < 0)
        flux_log_error (h, "error responding with message counts");
}

static void stats_clear_request_cb (flux_t *h,
                                    flux_msg_handler_t *mh,
                                    const flux_msg_t *msg,
                                    void *arg)
{
    flux_clr_msgcounters (h);
    if (flux_respond (h, msg, NULL) < 0)
        flux_log_error (h, "error responding to stats-clear");
}

static void stats_clear_event_cb (flux_t *h,
                                  flux_msg_handler_t *mh,
                                  const flux_msg_t *msg,
                                  void *arg)
{
    flux_clr_msgcounters (h);
}

static double seconds (struct timeval tv)
{
    return tv.tv_sec + 1E-6 * tv.tv_usec;
}

static int respond_rusage (flux_t *h, const flux_msg_t *msg, const struct rusage *u)
{
    json_t *o = json_object ();
    const struct {
        const char *name;
        long value;
    } counts[] = {
        { "maxrss", u->ru_maxrss },     { "ixrss", u->ru_ixrss },
        { "idrss", u->ru_idrss },       { "isrss", u->ru_isrss },
        { "minflt", u->ru_minflt },     { "majflt", u->ru_majflt },
        { "nswap", u->ru_nswap },       { "inblock", u->ru_inblock },
        { "oublock", u->ru_oublock },   { "msgsnd", u->ru_msgsnd },
        { "msgrcv", u->ru_msgrcv },     { "nsignals", u->ru_nsignals },
        { "nvcsw", u->ru_nvcsw },       { "nivcsw", u->ru_nivcsw },
    };
    int rc = json_object_set_new (o, "utime", json_real (seconds (u->ru_utime)));

    rc |= json_object_set_new (o, "stime", json_real (seconds (u->ru_stime)));
    for (size_t i = 0; i < ARRAY_SIZE (counts); i++)
        rc |= json_object_set_new (o, counts[i].name, json_integer (counts[i].value));
    if (rc != 0) {
        errno = ENOMEM;
        json_decref (o);
        return -1;
    }
    return flux_respond_pack (h, msg, "o", o);
}

/* NAME.rusage [{"who"?:s}] -> the 16 fields of struct rusage */
static void rusage_cb (flux_t *h,
                       flux_msg_handler_t *mh,
                       const flux_msg_t *msg,
                       void *arg)
{
    const char *who = "self";
    char text[128];
    struct rusage usage;
    int which;

    if (flux_msg_has_payload (msg)
        && flux_request_unpack (msg, NULL, "{s?s}", "who", &who) < 0) {
        respond_error (h, msg, NULL);
        return;
    }
    if (strcmp (who, "self") == 0)
        which = RUSAGE_SELF;
    else if (strcmp (who, "children") == 0)
        which = RUSAGE_CHILDREN;
    else if (strcmp (who, "thread") == 0)
        which = RUSAGE_THREAD;
    else {
        snprintf (text, sizeof (text), "%s is unsupported", who);
        errno = EINVAL;
        respond_error (h, msg, text);
        return;
    }
    if (getrusage (which, &usage) < 0 || respond_rusage (h, msg, &usage) < 0)
        respond_error (h, msg, NULL);
}

/* NAME.debug {"op":s "flags":i} -> {"flags":i} */
static void debug_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    int *mask = module_debug_mask (h);
    const char *op;
    int flags;

    if (!mask
        || flux_request_unpack (msg, NULL, "{s:s s:i}", "op", &op, "flags", &flags) < 0)
        goto error;
    if (strcmp (op, "setbit") == 0)
        *mask |= flags;
    else if (strcmp (op, "clrbit") == 0)
        *mask &= ~flags;
    else if (strcmp (op, "set") == 0)
        *mask = flags;
    else if (strcmp (op, "clr") == 0)
        *mask = 0;
    else {
        errno = EPROTO;
        goto error;
    }
    if (flux_respond_pack (h, msg, "{s:i}", "flags", *mask) < 0)
        flux_log_error (h, "error responding to debug");
    return;
error:
    respond_error (h, msg, NULL);
}

/* NAME.config-reload, NAME.config-update: payload = the whole configuration */
static void config_cb (flux_t *h,
                       flux_msg_handler_t *mh,
                       const flux_msg_t *msg,
                       void *arg)
{
    const char *topic = "config";
    flux_conf_t *conf;
    char text[128];

    if (flux_module_config_request_decode (msg, &conf) < 0
        || flux_set_conf_new (h, conf) < 0) {
        int saved_errno = errno;

        (void)flux_request_decode (msg, &topic, NULL);
        snprintf (text, sizeof (text), "Failed to parse %s request", topic);
        errno = saved_errno;
        respond_error (h, msg, text);
        return;
    }
    if (flux_respond (h, msg, NULL) < 0)
        flux_log_error (h, "error responding to config update");
}

static const struct flux_msg_handler_spec methods[] = {
    { FLUX_MSGTYPE_REQUEST, "ping", ping_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "stats-get", messages_cb, FLUX_ROLE_ALL },
    { FLUX_MSGTYPE_REQUEST, "messages", messages_cb, FLUX_ROLE_ALL },
    { FLUX_MSGTYPE_REQUEST, "stats-clear", stats_clear_request_cb, 0 },
    { FLUX_MSGTYPE_EVENT, "stats-clear", stats_clear_event_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "rusage", rusage_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "debug", debug_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "config-reload", config_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "config-update", config_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

int flux_register_default_methods (flux_t *h,
                                   const char *service_name,
                                   flux_msg_handler_t **msg_handlers[])
{
    if (!h || !service_name || !msg_handlers) {
        errno = EINVAL;
        return -1;
    }
    return flux_msg_handler_addvec_ex (h, service_name, methods, NULL, msg_handlers);
}
