/* message_json.c - payloads that are JSON objects.
 *
 * Between two threads of this process an object need not become text and an
 * object again: flux_msg_pack () keeps the object it made, and the text is
 * only written when somebody asks for it, which is usually the encoder.
 *
 * That is right only while nobody else can change the object.  So it is kept
 * only if every value in it is referenced once, which 'O' in the format would
 * not leave so; and before a part of it is lent out by 'o' or 'O', the text
 * is written.
 */

#include "config.h"

#include "common/utf8.h"
#include "common/util.h"
#include "message_private.h"

/* Deeper objects than this are turned to text at once. */
#define DEPTH_MAX 64

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
        if (!(p = msg_payload_resize (d->p, cap)))
            return -1;
        d->p = p;
    }
    memcpy (d->p->data + d->len, buffer, size);
    d->len += size;
    return 0;
}

struct msg_payload *msg_payload_from_json (const json_t *o)
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
    if (d.p->size - d.len > (d.p->bulk ? d.p->size / 4 : 1024)) {
        struct msg_payload *p = msg_payload_resize (d.p, d.len);

        if (p)
            d.p = p;
    }
    d.p->size = d.len;
    return d.p;
}

static bool is_ours (const json_t *o, size_t *size, int depth);

static bool is_our_object (json_t *o, size_t *size, int depth)
{
    const char *key;
    json_t *value;

    json_object_foreach (o, key, value)
    {
        size_t len = strlen (key);

        *size += len + 4;
        if (!utf8_valid (key, len) || !is_ours (value, size, depth))
            return false;
    }
    return true;
}

static bool is_our_array (json_t *o, size_t *size, int depth)
{
    json_t *value;
    size_t i;

    json_array_foreach (o, i, value)
    {
        *size += 1;
        if (!is_ours (value, size, depth))
            return false;
    }
    return true;
}

/* True if nobody else has a reference into o, and it can be written as text
 * later without fail.  Adds about the length of that text to *size.
 */
static bool is_ours (const json_t *const_o, size_t *size, int depth)
{
    json_t *o = (json_t *)const_o;

    if (json_is_true (o) || json_is_false (o) || json_is_null (o)) {
        *size += 5;
        return true;
    }
    if (o->refcount != 1 || depth == DEPTH_MAX)
        return false;
    switch (json_typeof (o)) {
        case JSON_OBJECT:
            return is_our_object (o, size, depth + 1);
        case JSON_ARRAY:
            return is_our_array (o, size, depth + 1);
        case JSON_STRING:
            *size += json_string_length (o) + 2;
            return utf8_valid (json_string_value (o), json_string_length (o));
        default:
            *size += 8;
            return true;
    }
}

/* Make o the payload; takes over the reference. */
static int attach_json (flux_msg_t *msg, json_t *o)
{
    struct msg_payload *p;
    size_t size = 0;

    if (is_ours (o, &size, 0)) {
        msg_payload_attach (msg, NULL);
        msg->json = o;
        msg->json_size = size;
        msg->flags |= FLUX_MSGFLAG_PAYLOAD;
        return 0;
    }
    p = msg_payload_from_json (o);
    json_decref (o);
    if (!p)
        return -1;
    msg_payload_attach (msg, p);
    return 0;
}

int flux_msg_vpack (flux_msg_t *msg, const char *fmt, va_list ap)
{
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
    return attach_json (msg, o);
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
    /* Who borrows a part may change it: fix the text first. */
    if (!msg->payload && strpbrk (fmt, "oO") && !msg_payload_get (msg))
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
