/* connector_loop.c - loop://: what is sent is received again.  For tests.
 *
 * A receive never blocks.
 * Bound: FLUX_OPT "flux::message_count_limit" if set (0: none, the default);
 * a send beyond it fails with EWOULDBLOCK.
 */

#include "config.h"
#include <sys/eventfd.h>

#include "common/errprintf.h"
#include "common/util.h"
#include "handle_private.h"

#define OPT_COUNT_LIMIT "flux::message_count_limit"

struct loop {
    struct msgq queue;
    struct flux_msg_cred cred;
    uint32_t count_limit;
    int wakefd; /* -1 until somebody wants to poll */
};

static void wake (void *impl)
{
    struct loop *loop = impl;

    if (loop->wakefd >= 0)
        (void)eventfd_write (loop->wakefd, 1);
}

static void drain (struct loop *loop)
{
    eventfd_t value;

    if (loop->wakefd >= 0)
        (void)eventfd_read (loop->wakefd, &value);
}

static bool is_full (const struct loop *loop)
{
    return loop->count_limit > 0 && msgq_count (&loop->queue) >= loop->count_limit;
}

static int op_setopt (void *impl, const char *option, const void *val, size_t len)
{
    struct loop *loop = impl;
    uint32_t *dst;

    if (strcmp (option, FLUX_OPT_TESTING_USERID) == 0)
        dst = &loop->cred.userid;
    else if (strcmp (option, FLUX_OPT_TESTING_ROLEMASK) == 0)
        dst = &loop->cred.rolemask;
    else if (strcmp (option, OPT_COUNT_LIMIT) == 0)
        dst = &loop->count_limit;
    else
        dst = NULL;
    if (!dst || !val || len != sizeof (*dst)) {
        errno = EINVAL;
        return -1;
    }
    memcpy (dst, val, len);
    return 0;
}

static int op_getopt (void *impl, const char *option, void *val, size_t len)
{
    const struct loop *loop = impl;
    const uint32_t *src;

    if (strcmp (option, FLUX_OPT_TESTING_USERID) == 0)
        src = &loop->cred.userid;
    else if (strcmp (option, FLUX_OPT_TESTING_ROLEMASK) == 0)
        src = &loop->cred.rolemask;
    else if (strcmp (option, OPT_COUNT_LIMIT) == 0)
        src = &loop->count_limit;
    else
        src = NULL;
    if (!src || !val || len != sizeof (*src)) {
        errno = EINVAL;
        return -1;
    }
    memcpy (val, src, len);
    return 0;
}

static int op_pollfd (void *impl)
{
    struct loop *loop = impl;

    if (loop->wakefd < 0) {
        loop->wakefd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (msgq_count (&loop->queue) > 0)
            wake (loop);
    }
    return loop->wakefd;
}

static int op_pollevents (void *impl)
{
    struct loop *loop = impl;
    int events = is_full (loop) ? 0 : FLUX_POLLOUT;

    if (msgq_count (&loop->queue) > 0)
        events |= FLUX_POLLIN;
    else
        drain (loop);
    return events;
}

static int op_send_new (void *impl, flux_msg_t **msg, int flags)
{
    struct loop *loop = impl;
    struct flux_msg_cred cred;
    int r;

    if (is_full (loop)) {
        errno = EWOULDBLOCK;
        return -1;
    }
    if (flux_msg_get_cred (*msg, &cred) < 0)
        return -1;
    if (cred.userid == FLUX_USERID_UNKNOWN)
        cred.userid = loop->cred.userid;
    if (cred.rolemask == FLUX_ROLE_NONE)
        cred.rolemask = loop->cred.rolemask;
    if (flux_msg_set_cred (*msg, cred) < 0)
        return -1;
    if ((r = msgq_append (&loop->queue, *msg)) < 0) {
        errno = -r;
        return -1;
    }
    flux_msg_destroy (*msg);
    *msg = NULL;
    if (msgq_count (&loop->queue) == 1)
        wake (loop);
    return 0;
}

static int op_send (void *impl, const flux_msg_t *msg, int flags)
{
    flux_msg_t *cpy;

    if (!(cpy = flux_msg_copy (msg, true)))
        return -1;
    if (op_send_new (impl, &cpy, flags) < 0) {
        flux_msg_destroy (cpy);
        return -1;
    }
    return 0;
}

static flux_msg_t *op_recv (void *impl, int flags)
{
    struct loop *loop = impl;
    flux_msg_t *msg;

    if (!(msg = (flux_msg_t *)msgq_pop (&loop->queue))) {
        drain (loop);
        errno = EWOULDBLOCK;
    }
    return msg;
}

static void op_destroy (void *impl)
{
    struct loop *loop = impl;

    msgq_fini (&loop->queue);
    if (loop->wakefd >= 0)
        close (loop->wakefd);
    free (loop);
}

static const struct flux_handle_ops ops = {
    .setopt = op_setopt,
    .getopt = op_getopt,
    .pollfd = op_pollfd,
    .pollevents = op_pollevents,
    .send = op_send,
    .recv = op_recv,
    .impl_destroy = op_destroy,
    .send_new = op_send_new,
};

flux_t *connector_loop_init (const char *path, int flags, flux_error_t *error)
{
    struct loop *loop;
    flux_t *h;

    if (!(loop = calloc (1, sizeof (*loop))))
        return NULL;
    loop->wakefd = -1;
    loop->cred.userid = getuid ();
    loop->cred.rolemask = FLUX_ROLE_OWNER;
    if (!(h = flux_handle_create (loop, &ops, flags))) {
        op_destroy (loop);
        return NULL;
    }
    handle_set_raise (h, wake);
    if (flux_attr_set_cacheonly (h, "rank", "0") < 0
        || flux_attr_set_cacheonly (h, "size", "1") < 0) {
        flux_close (h);
        return NULL;
    }
    return h;
}
