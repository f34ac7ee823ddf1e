#include "config.h"

#include "common/util.h"
#include "bulk.h"
#include "message_private.h"

/* The shared buffer */

struct msg_payload *msg_payload_create (size_t size)
{
    struct msg_payload *p;
    bool bulk = size >= BULK_MIN;

    if (size > SIZE_MAX - sizeof (*p)
        || !(p = bulk ? bulk_alloc (sizeof (*p) + size) : malloc (sizeof (*p) + size))) {
        errno = ENOMEM;
        return NULL;
    }
    atomic_init (&p->refcount, 1);
    p->bulk = bulk;
    p->size = size;
    return p;
}

static void payload_free (struct msg_payload *p)
{
    if (p->bulk)
        bulk_free (p);
    else
        free (p);
}

struct msg_payload *msg_payload_resize (struct msg_payload *p, size_t size)
{
    struct msg_payload *o;

    if (!p->bulk && size < BULK_MIN) {
        if ((o = realloc (p, sizeof (*p) + size)))
            o->size = size;
        return o;
    }
    if ((o = msg_payload_create (size))) {
        memcpy (o->data, p->data, size < p->size ? size : p->size);
        payload_free (p);
    }
    return o;
}

struct msg_payload *msg_payload_incref (struct msg_payload *p)
{
    atomic_fetch_add_explicit (&p->refcount, 1, memory_order_relaxed);
    return p;
}

void msg_payload_decref (struct msg_payload *p)
{
    if (p && atomic_fetch_sub_explicit (&p->refcount, 1, memory_order_acq_rel) == 1)
        payload_free (p);
}

void msg_payload_attach (flux_msg_t *msg, struct msg_payload *p)
{
    json_decref (msg->json);
    msg->json = NULL;
    msg->json_size = 0;
    msg_payload_decref (msg->payload);
    msg->payload = p;
    if (p)
        msg->flags |= FLUX_MSGFLAG_PAYLOAD;
    else
        msg->flags &= ~FLUX_MSGFLAG_PAYLOAD;
}

const struct msg_payload *msg_payload_get (const flux_msg_t *const_msg)
{
    flux_msg_t *msg = (flux_msg_t *)const_msg;

    /* The text was put off until somebody wants it: now. */
    if (!msg->payload && msg->json)
        msg->payload = msg_payload_from_json (msg->json);
    return msg->payload;
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
    const struct msg_payload *p;

    if (!flux_msg_has_payload (msg)) {
        errno = msg ? EPROTO : EINVAL;
        return -1;
    }
    if (!(p = msg_payload_get (msg)))
        return -1;
    if (buf)
        *buf = p->data;
    if (size)
        *size = p->size;
    return 0;
}

bool flux_msg_has_payload (const flux_msg_t *msg)
{
    return msg && (msg->flags & FLUX_MSGFLAG_PAYLOAD);
}

/* String */

int flux_msg_set_string (flux_msg_t *msg, const char *s)
{
    return flux_msg_set_payload (msg, s, s ? strlen (s) + 1 : 0);
}

int flux_msg_get_string (const flux_msg_t *msg, const char **s)
{
    const struct msg_payload *p = NULL;

    if (!msg) {
        errno = EINVAL;
        return -1;
    }
    if (flux_msg_has_payload (msg) && !(p = msg_payload_get (msg)))
        return -1;
    if (p && (p->size == 0 || p->data[p->size - 1] != '\0')) {
        errno = EPROTO;
        return -1;
    }
    if (s)
        *s = p ? p->data : NULL;
    return 0;
}
