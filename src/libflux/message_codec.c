/* message_codec.c - a message as bytes (wire.md section 1).
 *
 *   [routes, last pushed first, then an empty frame] [topic] [payload] header
 *
 * frame:  length byte below 255, or 255 and 4 bytes big endian; then the data
 * header: 0x8e, version 1, type, flags, then big endian u32: userid,
 *         rolemask, aux1, aux2
 */

#include "config.h"
#include <arpa/inet.h>

#include "common/util.h"
#include "message_private.h"

enum {
    PROTO_MAGIC = 0x8e,
    PROTO_VERSION = 1,
    PROTO_SIZE = 20,
    LONG_FRAME = 255,
};

/* Encode */

static size_t frame_size (size_t len)
{
    return len + (len < LONG_FRAME ? 1 : 5);
}

static char *put_u32 (char *dst, uint32_t value)
{
    value = htonl (value);
    memcpy (dst, &value, 4);
    return dst + 4;
}

static char *put_frame (char *dst, const char *data, size_t len)
{
    if (len < LONG_FRAME)
        *dst++ = len;
    else {
        *dst++ = (char)LONG_FRAME;
        dst = put_u32 (dst, len);
    }
    if (len > 0)
        memcpy (dst, data, len);
    return dst + len;
}

/* The frames of the routes: each id's NUL is in len, so it pays for a length
 * byte; long ids need four more.
 */
static size_t routes_size (const struct msg_routes *routes)
{
    size_t size = routes->len + 1;

    if (routes->len > LONG_FRAME) {
        for (size_t off = 0; off < routes->len;) {
            size_t len = strlen (routes->buf + off);

            size += len < LONG_FRAME ? 0 : 4;
            off += len + 1;
        }
    }
    return size;
}

static char *put_routes (char *dst, const struct msg_routes *routes)
{
    size_t end = routes->len;

    while (end > 0) {
        const char *nul = end < 2 ? NULL : memrchr (routes->buf, '\0', end - 1);
        size_t start = nul ? nul + 1 - routes->buf : 0;

        dst = put_frame (dst, routes->buf + start, end - 1 - start);
        end = start;
    }
    return put_frame (dst, NULL, 0);
}

ssize_t flux_msg_encode_size (const flux_msg_t *msg)
{
    const struct msg_payload *p = NULL;
    size_t size = frame_size (PROTO_SIZE);

    if (!msg) {
        errno = EINVAL;
        return -1;
    }
    if (flux_msg_has_payload (msg) && !(p = msg_payload_get (msg)))
        return -1;
    /* A frame's length has 32 bits. */
    if (p && p->size > UINT32_MAX) {
        errno = EMSGSIZE;
        return -1;
    }
    if (msg->flags & FLUX_MSGFLAG_ROUTE)
        size += routes_size (&msg->routes);
    if (msg->topic)
        size += frame_size (strlen (msg->topic));
    if (p)
        size += frame_size (p->size);
    return size;
}

int flux_msg_encode (const flux_msg_t *msg, void *buf, size_t size)
{
    ssize_t need;
    char *dst = buf;

    if ((need = flux_msg_encode_size (msg)) < 0)
        return -1;
    if (!buf || size < (size_t)need) {
        errno = EINVAL;
        return -1;
    }
    if (msg->flags & FLUX_MSGFLAG_ROUTE)
        dst = put_routes (dst, &msg->routes);
    if (msg->topic)
        dst = put_frame (dst, msg->topic, strlen (msg->topic));
    if (msg->payload)
        dst = put_frame (dst, msg->payload->data, msg->payload->size);
    *dst++ = PROTO_SIZE;
    *dst++ = (char)PROTO_MAGIC;
    *dst++ = PROTO_VERSION;
    *dst++ = msg->type;
    *dst++ = msg->flags;
    dst = put_u32 (dst, msg->userid);
    dst = put_u32 (dst, msg->rolemask);
    dst = put_u32 (dst, msg->aux1);
    put_u32 (dst, msg->aux2);
    return 0;
}

/* Decode */

struct reader {
    const char *data;
    size_t len;
};

/* Cut the next frame off r.  Returns 0, or -EINVAL if it does not fit. */
static int get_frame (struct reader *r, struct reader *frame)
{
    size_t head = 1;
    uint32_t len;

    if (r->len < 1)
        return -EINVAL;
    len = (unsigned char)r->data[0];
    if (len == LONG_FRAME) {
        if (r->len < 5)
            return -EINVAL;
        memcpy (&len, r->data + 1, 4);
        len = ntohl (len);
        head = 5;
    }
    if (r->len - head < len)
        return -EINVAL;
    frame->data = r->data + head;
    frame->len = len;
    r->data += head + len;
    r->len -= head + len;
    return 0;
}

static uint32_t get_u32 (const char *src)
{
    uint32_t value;

    memcpy (&value, src, 4);
    return ntohl (value);
}

/* Find the header, which is the last frame; 'body' becomes what precedes it. */
static flux_msg_t *decode_header (struct reader r, struct reader *body)
{
    struct reader frame = { NULL, 0 };
    const char *start = r.data;
    const char *last = start;
    flux_msg_t *msg;
    int e;

    while (r.len > 0) {
        last = r.data;
        if ((e = get_frame (&r, &frame)) < 0) {
            errno = -e;
            return NULL;
        }
    }
    if (frame.len != PROTO_SIZE || (unsigned char)frame.data[0] != PROTO_MAGIC
        || frame.data[1] != PROTO_VERSION || msg_type_check (frame.data[2]) < 0) {
        errno = EPROTO;
        return NULL;
    }
    if (!(msg = flux_msg_create (frame.data[2])))
        return NULL;
    msg->flags = frame.data[3];
    msg->userid = get_u32 (frame.data + 4);
    msg->rolemask = get_u32 (frame.data + 8);
    msg->aux1 = get_u32 (frame.data + 12);
    msg->aux2 = get_u32 (frame.data + 16);
    body->data = start;
    body->len = last - start;
    return msg;
}

/* The routes come last pushed first: find the delimiter, then push from
 * there backwards.  Frames have no length behind them, so 'ahead' remembers
 * where each began; a stack deeper than that is no honest one.
 */
static int decode_routes (flux_msg_t *msg, struct reader *body)
{
    enum { DEPTH_MAX = 1024 };
    struct reader near[8], *ahead = near;
    size_t count = 0, cap = ARRAY_SIZE (near);
    struct reader frame;
    int rc = -1;

    for (;;) {
        if (get_frame (body, &frame) < 0 || count == DEPTH_MAX) {
            errno = EPROTO;
            goto out;
        }
        if (frame.len == 0)
            break;
        if (count == cap) {
            struct reader *more;

            if (!(more = malloc (DEPTH_MAX * sizeof (*more))))
                goto out;
            memcpy (more, near, sizeof (near));
            ahead = more;
            cap = DEPTH_MAX;
        }
        ahead[count++] = frame;
    }
    while (count > 0) {
        count--;
        if (msg_routes_push (&msg->routes, ahead[count].data, ahead[count].len) < 0) {
            if (errno == EINVAL)
                errno = EPROTO;
            goto out;
        }
    }
    rc = 0;
out:
    if (ahead != near)
        free_keep_errno (ahead);
    return rc;
}

static int decode_body (flux_msg_t *msg, struct reader body)
{
    struct reader frame;
    struct msg_payload *p;

    if ((msg->flags & FLUX_MSGFLAG_ROUTE) && decode_routes (msg, &body) < 0)
        return -1;
    if (msg->flags & FLUX_MSGFLAG_TOPIC) {
        if (get_frame (&body, &frame) < 0) {
            errno = EPROTO;
            return -1;
        }
        if (msg_topic_set (msg, frame.data, frame.len) < 0)
            return -1;
    }
    if (msg->flags & FLUX_MSGFLAG_PAYLOAD) {
        if (get_frame (&body, &frame) < 0) {
            errno = EPROTO;
            return -1;
        }
        if (!(p = msg_payload_create (frame.len)))
            return -1;
        memcpy (p->data, frame.data, frame.len);
        msg_payload_attach (msg, p);
    }
    return 0;
}

flux_msg_t *flux_msg_decode (const void *buf, size_t size)
{
    struct reader body;
    flux_msg_t *msg;

    if (!buf || size == 0) {
        errno = EPROTO;
        return NULL;
    }
    if (!(msg = decode_header ((struct reader){ buf, size }, &body)))
        return NULL;
    if (decode_body (msg, body) < 0) {
        flux_msg_destroy (msg);
        return NULL;
    }
    return msg;
}
