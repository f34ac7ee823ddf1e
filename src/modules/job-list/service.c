#include "config.h"
#include <stdio.h>

#include "service.h"

void service_refuse (struct service *s,
                     const flux_msg_t *msg,
                     int errnum,
                     const char *text)
{
    if (flux_respond_error (s->h, msg, errnum, text) < 0)
        flux_log_error (s->h, "error response");
}

void service_refuse_payload (struct service *s, const flux_msg_t *msg, const char *why)
{
    char text[256];

    snprintf (text, sizeof (text), "invalid payload: %s", why);
    service_refuse (s, msg, EPROTO, text);
}

void service_respond_text (struct service *s, const flux_msg_t *msg, struct text *t)
{
    int rc;

    if (text_error (t) < 0)
        rc = flux_respond_error (s->h, msg, ENOMEM, NULL);
    else
        rc = flux_respond (s->h, msg, t->buf);
    if (rc < 0)
        flux_log_error (s->h, "response");
    text_clear (t);
}

int service_decode (const flux_msg_t *msg, struct jview *v)
{
    const char *s;

    if (flux_request_decode (msg, NULL, &s) < 0 || !s
        || jview_parse_object (s, strlen (s), v) < 0) {
        errno = EPROTO;
        return -1;
    }
    return 0;
}

bool service_restricts (struct service *s, const flux_msg_t *msg, uint32_t *userid)
{
    struct flux_msg_cred cred;

    if (!s->private_mode)
        return false;
    if (flux_msg_get_cred (msg, &cred) < 0)
        cred = (struct flux_msg_cred){ FLUX_USERID_UNKNOWN, FLUX_ROLE_NONE };
    *userid = cred.userid;
    return !(cred.rolemask & FLUX_ROLE_PRIVILEGED);
}
