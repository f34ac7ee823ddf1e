/* The exec service (RFC 32).
 *
 * job-manager.exec-hello (owner)  { "service":s } -> empty
 * S.start responses  { "id":I "type":s "data":o }
 */

#include "config.h"
#include <stdio.h>

#include "manager.h"

static void unregister (struct manager *m)
{
    flux_msg_handler_destroy (move_ptr (m->exec_handler));
    free (move_ptr (m->exec_sender));
    free (move_ptr (m->exec_service));
}

static void interface_down (struct manager *m, const char *why)
{
    if (!m->exec_service)
        return;
    flux_log (m->h, LOG_DEBUG, "start: stop due to %s", why);
    jm_exec_gone (m->jm);
    unregister (m);
}

/* ---- answers ------------------------------------------------------------------------ */

static int exception (struct manager *m, uint64_t id, struct jview data)
{
    static const char *const keys[] = { "severity", "type", "note" };
    _cleanup_ (freep) char *type = NULL;
    _cleanup_ (freep) char *note = NULL;
    struct jm_exception x = { .userid = m->owner, .wait_status = -1 };
    struct jview f[3];
    int64_t severity;
    int r;

    jview_pick (data, 3, keys, f);
    if (jview_int (f[0], &severity) < 0 || severity < 0 || severity > 7)
        return -EPROTO;
    if ((r = jview_strdup (f[1], &type)) < 0
        || (jview_present (f[2]) && (r = jview_strdup (f[2], &note)) < 0))
        return r == -ENOMEM ? r : -EPROTO;
    x.severity = severity;
    x.type = type;
    x.note = note;
    return jm_exec_exception (m->jm, id, &x);
}

static int dispatch (struct manager *m, uint64_t id, struct jview type, struct jview data)
{
    int64_t status;

    if (jview_equal (type, "start"))
        return jm_exec_started (m->jm, id);
    if (jview_equal (type, "reattached"))
        return jm_exec_reattached (m->jm, id);
    if (jview_equal (type, "release"))
        return jm_exec_release (m->jm, id, data);
    if (jview_equal (type, "exception"))
        return exception (m, id, data);
    if (jview_equal (type, "finish")) {
        if (jview_int (jview_get (data, "status"), &status) < 0 || status != (int)status)
            return -EPROTO;
        return jm_exec_finish (m->jm, id, status);
    }
    return -EPROTO;
}

static void
start_response_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    static const char *const keys[] = { "id", "type", "data" };
    struct jview v, f[3];
    char why[128];
    const char *s;
    int64_t id = 0;
    int r;

    if (flux_response_decode (msg, NULL, &s) < 0) {
        snprintf (why, sizeof (why), "start response error: %s", flux_strerror (errno));
        interface_down (m, why);
        return;
    }
    if (!s || jview_parse_object (s, strlen (s), &v) < 0)
        r = -EPROTO;
    else {
        jview_pick (v, 3, keys, f);
        r = jview_int (f[0], &id) < 0 ? -EPROTO : dispatch (m, id, f[1], f[2]);
    }
    if (r < 0)
        flux_log (h, LOG_ERR, "start response for job %llu ignored: %s",
                  (unsigned long long)id, flux_strerror (-r));
}

/* ---- hello ------------------------------------------------------------------------------- */

static int add_service (struct manager *m, const char *service, const char *sender)
{
    struct flux_match match = FLUX_MATCH_RESPONSE;
    char topic[128];

    snprintf (topic, sizeof (topic), "%s.start", service);
    match.topic_glob = topic;
    if (!(m->exec_service = strdup (service))
        || !(m->exec_sender = strdup (sender ? sender : ""))
        || !(m->exec_handler =
                 flux_msg_handler_create (m->h, match, start_response_cb, m))) {
        unregister (m);
        return -1;
    }
    flux_msg_handler_start (m->exec_handler);
    return 0;
}

void exec_hello_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    const char *service;

    if (flux_request_unpack (msg, NULL, "{s:s}", "service", &service) < 0
        || strlen (service) > 100) {
        manager_refuse (m, msg, EPROTO, NULL);
        return;
    }
    if (m->exec_service && jm_exec_outstanding (m->jm) > 0) {
        manager_refuse (m, msg, EINVAL, NULL);
        return;
    }
    unregister (m);
    if (add_service (m, service, flux_msg_route_first (msg)) < 0) {
        manager_refuse (m, msg, errno, NULL);
        return;
    }
    manager_respond (m, msg);
    jm_exec_ready (m->jm);
}

void manager_exec_disconnect (struct manager *m, const flux_msg_t *msg)
{
    if (manager_is_sender (msg, m->exec_sender))
        interface_down (m, "disconnect");
}

void manager_exec_fini (struct manager *m)
{
    unregister (m);
}
