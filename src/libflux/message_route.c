#include "config.h"
#include <stdio.h>

#include "common/util.h"
#include "message_private.h"

/* The part of an id that people get to see. */
#define SHORT_ID 8

void msg_routes_init (struct msg_routes *routes)
{
    routes->count = routes->len = 0;
    routes->cap = sizeof (routes->builtin);
    routes->buf = routes->builtin;
}

void msg_routes_fini (struct msg_routes *routes)
{
    if (routes->buf != routes->builtin)
        free (routes->buf);
    msg_routes_init (routes);
}

static int routes_reserve (struct msg_routes *routes, size_t n)
{
    size_t cap = routes->cap;
    char *buf;

    if (n > UINT32_MAX / 4 - routes->len) {
        errno = EMSGSIZE;
        return -1;
    }
    while (cap - routes->len < n)
        cap *= 2;
    if (cap == routes->cap)
        return 0;
    if (!(buf = malloc (cap)))
        return -1;
    memcpy (buf, routes->buf, routes->len);
    if (routes->buf != routes->builtin)
        free (routes->buf);
    routes->buf = buf;
    routes->cap = cap;
    return 0;
}

int msg_routes_copy (struct msg_routes *dst, const struct msg_routes *src)
{
    if (routes_reserve (dst, src->len) < 0)
        return -1;
    memcpy (dst->buf, src->buf, src->len);
    dst->len = src->len;
    dst->count = src->count;
    return 0;
}

/* The id that ends at 'end' (exclusive, its NUL included). */
static const char *id_before (const struct msg_routes *routes, size_t end)
{
    const char *nul = end < 2 ? NULL : memrchr (routes->buf, '\0', end - 1);

    return nul ? nul + 1 : routes->buf;
}

int msg_routes_push (struct msg_routes *routes, const char *id, size_t len)
{
    /* An empty id would be taken for the delimiter. */
    if ((len = strnlen (id, len)) == 0) {
        errno = EINVAL;
        return -1;
    }
    if (len >= UINT32_MAX / 4) {
        errno = EMSGSIZE;
        return -1;
    }
    if (routes_reserve (routes, len + 1) < 0)
        return -1;
    memcpy (routes->buf + routes->len, id, len);
    routes->buf[routes->len + len] = '\0';
    routes->len += len + 1;
    routes->count++;
    return 0;
}

void flux_msg_route_enable (flux_msg_t *msg)
{
    if (msg)
        msg->flags |= FLUX_MSGFLAG_ROUTE;
}

void flux_msg_route_disable (flux_msg_t *msg)
{
    if (msg) {
        msg_routes_fini (&msg->routes);
        msg->flags &= ~FLUX_MSGFLAG_ROUTE;
    }
}

void flux_msg_route_clear (flux_msg_t *msg)
{
    if (msg)
        msg_routes_fini (&msg->routes);
}

static int check_enabled (const flux_msg_t *msg)
{
    if (!msg) {
        errno = EINVAL;
        return -1;
    }
    if (!(msg->flags & FLUX_MSGFLAG_ROUTE)) {
        errno = EPROTO;
        return -1;
    }
    return 0;
}

int flux_msg_route_push (flux_msg_t *msg, const char *id)
{
    if (!msg || !id) {
        errno = EINVAL;
        return -1;
    }
    if (check_enabled (msg) < 0)
        return -1;
    return msg_routes_push (&msg->routes, id, strlen (id));
}

int flux_msg_route_delete_last (flux_msg_t *msg)
{
    struct msg_routes *routes;

    if (check_enabled (msg) < 0)
        return -1;
    routes = &msg->routes;
    if (routes->count > 0) {
        routes->len = id_before (routes, routes->len) - routes->buf;
        routes->count--;
    }
    return 0;
}

const char *flux_msg_route_first (const flux_msg_t *msg)
{
    return msg && msg->routes.count > 0 ? msg->routes.buf : NULL;
}

const char *flux_msg_route_last (const flux_msg_t *msg)
{
    if (!msg || msg->routes.count == 0)
        return NULL;
    return id_before (&msg->routes, msg->routes.len);
}

int flux_msg_route_count (const flux_msg_t *msg)
{
    if (check_enabled (msg) < 0)
        return -1;
    return msg->routes.count;
}

char *flux_msg_route_string (const flux_msg_t *msg)
{
    const struct msg_routes *routes;
    char *s, *cp;

    if (check_enabled (msg) < 0)
        return NULL;
    routes = &msg->routes;
    if (!(s = cp = malloc (routes->count * (SHORT_ID + 1) + 1)))
        return NULL;
    for (size_t off = 0; off < routes->len;) {
        const char *id = routes->buf + off;
        size_t len = strlen (id);
        size_t n = len < SHORT_ID ? len : SHORT_ID;

        if (off > 0)
            *cp++ = '!';
        memcpy (cp, id, n);
        cp += n;
        off += len + 1;
    }
    *cp = '\0';
    return s;
}

bool flux_msg_route_match_first (const flux_msg_t *msg1, const flux_msg_t *msg2)
{
    const char *id1 = flux_msg_route_first (msg1);
    const char *id2 = flux_msg_route_first (msg2);

    if (!id1 || !id2)
        return !id1 && !id2;
    return strcmp (id1, id2) == 0;
}
