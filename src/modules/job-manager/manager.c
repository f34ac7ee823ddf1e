/* What the topics share. */

#include "config.h"
#include <stdio.h>

#include "manager.h"

void manager_fail (struct manager *m, const char *what)
{
    if (!m->failed) {
        flux_log_error (m->h, "%s", what);
        m->failed = true;
    }
    flux_reactor_stop_error (flux_get_reactor (m->h));
}

void manager_respond (struct manager *m, const flux_msg_t *msg)
{
    if (flux_respond (m->h, msg, NULL) < 0)
        flux_log_error (m->h, "response");
}

void manager_respond_text (struct manager *m, const flux_msg_t *msg, struct text *t)
{
    int rc;

    if (text_error (t) < 0)
        rc = flux_respond_error (m->h, msg, ENOMEM, NULL);
    else
        rc = flux_respond (m->h, msg, t->buf);
    if (rc < 0)
        flux_log_error (m->h, "response");
    text_clear (t);
}

void manager_refuse (struct manager *m,
                     const flux_msg_t *msg,
                     int errnum,
                     const char *text)
{
    if (flux_respond_error (m->h, msg, errnum, text) < 0)
        flux_log_error (m->h, "error response");
}

void manager_refuse_unknown (struct manager *m, const flux_msg_t *msg)
{
    const char *topic = "";
    char why[128];

    (void)flux_msg_get_topic (msg, &topic);
    snprintf (why, sizeof (why), "Unknown service method '%s'", topic);
    manager_refuse (m, msg, ENOSYS, why);
}

void manager_deferred_free (struct deferred *d)
{
    if (d) {
        flux_msg_decref (d->msg);
        free (d->payload);
        free (d);
    }
}

void manager_defer (struct manager *m, const flux_msg_t *msg, char *payload)
{
    struct deferred *d = calloc (1, sizeof (*d));

    if (d) {
        d->msg = flux_msg_incref (msg);
        d->payload = payload;
    }
    if (!d || jm_defer (m->jm, d) < 0) {
        if (!d)
            free (payload);
        manager_deferred_free (d);
        manager_refuse (m, msg, ENOMEM, NULL);
    }
}

int manager_defer_call (struct manager *m, void (*call) (struct manager *m))
{
    struct deferred *d = calloc (1, sizeof (*d));

    if (!d)
        return -1;
    d->call = call;
    if (jm_defer (m->jm, d) < 0) {
        manager_deferred_free (d);
        errno = ENOMEM;
        return -1;
    }
    return 0;
}

int manager_decode (const flux_msg_t *msg, struct jview *v)
{
    const char *s;

    if (flux_request_decode (msg, NULL, &s) < 0 || !s
        || jview_parse_object (s, strlen (s), v) < 0) {
        errno = EPROTO;
        return -1;
    }
    return 0;
}

int manager_authorize (const flux_msg_t *msg, uint32_t userid)
{
    return flux_msg_authorize (msg, userid);
}

bool manager_is_hidden_from (struct manager *m, const flux_msg_t *msg)
{
    uint32_t rolemask;

    return m->private_mode
           && (flux_msg_get_rolemask (msg, &rolemask) < 0
               || !(rolemask & FLUX_ROLE_PRIVILEGED));
}

int manager_send_request (struct manager *m, const char *topic, const char *payload)
{
    flux_msg_t *msg = flux_request_encode (topic, payload);
    int rc = -1;

    if (msg)
        rc = flux_send_new (m->h, &msg, 0);
    flux_msg_destroy (msg);
    return rc;
}

int manager_publish (struct manager *m,
                     const char *topic,
                     const char *payload,
                     bool is_private)
{
    flux_msg_t *msg = flux_event_encode (topic, payload);
    int rc = -1;

    if (msg && (!is_private || flux_msg_set_private (msg) == 0))
        rc = flux_send_new (m->h, &msg, 0);
    flux_msg_destroy (msg);
    if (rc < 0)
        flux_log_error (m->h, "publishing %s", topic);
    return rc;
}

void manager_publish_exception (struct manager *m,
                                uint64_t id,
                                const char *type,
                                int severity,
                                int64_t wait_status)
{
    struct text *t = &m->scratch;

    text_clear (t);
    text_printf (t, "{\"id\":%lld,\"type\":", (long long)id);
    text_put_json_string (t, type, strlen (type));
    text_printf (t, ",\"severity\":%d", severity);
    if (wait_status >= 0)
        text_printf (t, ",\"wait_status\":%lld", (long long)wait_status);
    text_putc (t, '}');
    if (text_error (t) < 0)
        flux_log (m->h, LOG_ERR, "no memory to publish an exception");
    else
        manager_publish (m, "job-exception", t->buf, true);
    text_clear (t);
}

bool manager_is_sender (const flux_msg_t *msg, const char *uuid)
{
    const char *sender = flux_msg_route_first (msg);

    return uuid && sender && strcmp (sender, uuid) == 0;
}
