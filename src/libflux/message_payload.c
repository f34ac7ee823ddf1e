#include "config.h"

#include "common/util.h"
#include "message_private.h"

/* The shared buffer */

struct msg_payload *msg_payload_create (size_t size)
{
    struct msg_payload *p;

    if (size > SIZE_MAX - sizeof (*p) || !(p = malloc (sizeof (*p) + size))) {
        errno = ENOMEM;
        return NULL;
    }
    atomic_init (&p->refcount, 1);
    p->size = size;
    return p;
}

struct msg_payload *msg_payload_incref (struct msg_payload *p)
{
    atomic_fetch_add_explicit (&p->refcount, 1, memory_order_relaxed);
    return p;
}

void msg_payload_decref (struct msg_payload *p)
{
    if (p && atomic_fetch_sub_explicit (&p->refcount, 1, memory_order_acq_rel) == 1)
        free (p);
}

void msg_payload_attach (flux_msg_t *msg, struct msg_payload *p)
{
    json_decref (msg->json);
    msg->json = NULL;
    msg_payload_decref (msg->payload);
    msg->payload = p;
    if (p)
        msg->flags |= FLUX_MSGFLAG_PAYLOAD;
    else
        msg->flags &= ~FLUX_MSGFLAG_PAYLOAD;
}

/* Raw */

/* True if buf points into the bytes that are about to be replaced. */
static bool in_payload (const flux_msg_t *msg, const char *buf)
{
    const struct msg_payload *p = msg->payload;

    return p && buf >= p->data && buf < p->data + p->size;
}

int flux_msg_set_payload (flux_msg_t *msg, const void *buf, size_t size)
{
    struct msg_payload *p = NULL;

    if (!msg) {
        errno = EINVAL;
        return -1;
    }
    if (buf && size > 0) {
        if (in_payload (msg, buf)) {
            if (buf == msg->payload->data && size == msg->payload->size)
                return 0;
            errno = EINVAL;
            return -1;
        }
        if (!(p = msg_payload_create (size)))
            return -1;
        memcpy (p->data, buf, size);
    }
    msg_payload_attach (msg, p);
    return 0;
}

int flux_msg_get_payload (const flux_msg_t *msg, const void **buf, size_t *size)
{
    if (!msg) {
        errno = EINVAL;
        return -1;
    }
    if (!msg->payload) {
        errno = EPROTO;
        return -1;
    }
    if (buf)
        *buf = msg->payload->data;
    if (size)
        *size = msg->payload->size;
    return 0;
}

bool flux_msg_has_payload (const flux_msg_t *msg)
{
    return msg && msg->payload;
}

/* String */

int flux_msg_set_string (flux_msg_t *msg, const char *s)
{
    return flux_msg_set_payload (msg, s, s ? strlen (s) + 1 : 0);
}

int flux_msg_get_string (const flux_msg_t *msg, const char **s)
{
    const struct msg_payload *p;

    if (!msg) {
        errno = EINVAL;
        return -1;
    }
    p = msg->payload;
    if (p && (p->size == 0 || p->data[p->size - 1] != '\0')) {
        errno = EPROTO;
        return -1;
    }
    if (s)
        *s = p ? p->data : NULL;
    return 0;
}

/* JSON */

static _printf_ (2, 3) void set_last_error (const flux_msg_t *const_msg,
                                            const char *fmt,
                                            ...)
{
    flux_msg_t *msg = (flux_msg_t *)const_msg;
    int saved_errno = errno;
    va_list ap;

    free (msg->last_error);
    va_start (ap, fmt);
    if (vasprintf (&msg->last_error, fmt, ap) < 0)
        msg->last_error = NULL;
    va_end (ap);
    errno = saved_errno;
}

static void clear_last_error (const flux_msg_t *const_msg)
{
    flux_msg_t *msg = (flux_msg_t *)const_msg;

    free_keep_errno (msg->last_error);
    msg->last_error = NULL;
}

const char *flux_msg_last_error (const flux_msg_t *msg)
{
    if (!msg)
        return "msg object is NULL";
    return msg->last_error ? msg->last_error : "";
}

/* Where jansson writes the text: straight into what becomes the payload. */
struct dump {
    struct msg_payload *p;
    size_t len;
};

static int dump_cb (const char *buffer, size_t size, void *arg)
{
    struct dump *d = arg;

    if (d->p->size - d->len < size) {
        size_t cap = d->p->size;
        struct msg_payload *p;

        while (cap - d->len < size)
            cap *= 2;
        if (!(p = realloc (d->p, sizeof (*p) + cap)))
            return -1;
        p->size = cap;
        d->p = p;
    }
    memcpy (d->p->data + d->len, buffer, size);
    d->len += size;
    return 0;
}

/* The compact text of o and its NUL; NULL with errno EINVAL or ENOMEM. */
static struct msg_payload *payload_from_json (const json_t *o)
{
    struct dump d = { msg_payload_create (240), 0 };

    if (!d.p)
        return NULL;
    if (json_dump_callback (o, dump_cb, &d, JSON_COMPACT) < 0
        || dump_cb ("", 1, &d) < 0) {
        msg_payload_decref (d.p);
        errno = EINVAL;
        return NULL;
    }
    if (d.p->size - d.len > 1024) {
        struct msg_payload *p = realloc (d.p, sizeof (*p) + d.len);

        if (p)
            d.p = p;
    }
    d.p->size = d.len;
    return d.p;
}

int flux_msg_vpack (flux_msg_t *msg, const char *fmt, va_list ap)
{
    struct msg_payload *p;
    json_error_t err;
    json_t *o;

    if (!msg || !fmt || *fmt == '\0') {
        errno = EINVAL;
        return -1;
    }
    clear_last_error (msg);
    if (!(o = json_vpack_ex (&err, 0, fmt, ap))) {
        set_last_error (msg, "%s", err.text);
        errno = EINVAL;
        return -1;
    }
    if (!json_is_object (o)) {
        set_last_error (msg, "payload is not a JSON object");
        json_decref (o);
        errno = EINVAL;
        return -1;
    }
    p = payload_from_json (o);
    json_decref (o);
    if (!p)
        return -1;
    msg_payload_attach (msg, p);
    return 0;
}

int flux_msg_pack (flux_msg_t *msg, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start (ap, fmt);
    rc = flux_msg_vpack (msg, fmt, ap);
    va_end (ap);
    return rc;
}

/* Decode the payload, once per message. */
static int json_get (const flux_msg_t *const_msg)
{
    flux_msg_t *msg = (flux_msg_t *)const_msg;
    json_error_t err;
    const char *s;
    json_t *o;

    if (msg->json)
        return 0;
    if (flux_msg_get_string (msg, &s) < 0 || !s) {
        set_last_error (msg, "message does not have a string payload");
        errno = EPROTO;
        return -1;
    }
    if (!(o = json_loadb (s, strlen (s), JSON_ALLOW_NUL, &err))) {
        set_last_error (msg, "%s", err.text);
        errno = EPROTO;
        return -1;
    }
    if (!json_is_object (o)) {
        set_last_error (msg, "payload is not a JSON object");
        json_decref (o);
        errno = EPROTO;
        return -1;
    }
    msg->json = o;
    return 0;
}

int flux_msg_vunpack (const flux_msg_t *msg, const char *fmt, va_list ap)
{
    json_error_t err;

    if (!msg || !fmt || *fmt == '\0') {
        errno = EINVAL;
        return -1;
    }
    clear_last_error (msg);
    if (json_get (msg) < 0)
        return -1;
    if (json_vunpack_ex (msg->json, &err, 0, fmt, ap) < 0) {
        set_last_error (msg, "%s", err.text);
        errno = EPROTO;
        return -1;
    }
    return 0;
}

int flux_msg_unpack (const flux_msg_t *msg, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start (ap, fmt);
    rc = flux_msg_vunpack (msg, fmt, ap);
    va_end (ap);
    return rc;
}
