/* connector_local.c - local://PATH and fd://N: a client of a broker on this
 * machine (wire.md section 2).
 *
 * Without FLUX_O_NONBLOCK a send returns when all is written and a receive
 * when a message is there.  While a send waits, input is taken in, up to
 * READ_AHEAD bytes: two peers that both only write would wait for each other
 * for ever.  With NONBLOCK, bytes that the socket does not take stay queued
 * (bound: usock.h, then EWOULDBLOCK) and leave during later calls.
 *
 * The pollfd is an epoll set with the socket in it, edge triggered; POLLOUT
 * edges are asked for only while output is queued.
 */

#include "config.h"
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/errprintf.h"
#include "common/util.h"
#include "handle_private.h"
#include "usock.h"

enum {
    RETRY_COUNT = 5,
    RETRY_FIRST_MS = 16,
    RETRY_MAX_MS = 2000,
};

struct local {
    struct usock *us;
    char *path; /* NULL: an inherited descriptor, which cannot reconnect */
    struct flux_msg_cred testing;
    bool have_testing;
    int epfd; /* -1 until somebody wants to poll */
    int wakefd;
    bool armed_out; /* epfd reports when the socket is writable */
    bool hangup;    /* the end of input is near and makes no edge of its own */
};

/* Connecting */

static int parse_retry_count (int *count, flux_error_t *error)
{
    const char *s = getenv ("FLUX_LOCAL_CONNECTOR_RETRY_COUNT");
    char *end;
    long n;

    *count = RETRY_COUNT;
    if (!s)
        return 0;
    errno = 0;
    n = strtol (s, &end, 10);
    if (errno != 0 || end == s || *end != '\0' || n < 0 || n > INT_MAX) {
        errprintf (error, "FLUX_LOCAL_CONNECTOR_RETRY_COUNT=%s is not a count", s);
        errno = EINVAL;
        return -1;
    }
    *count = n;
    return 0;
}

static int connect_once (const struct sockaddr_un *addr)
{
    int fd, rc;

    if ((fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
        return -1;
    do {
        rc = connect (fd, (const struct sockaddr *)addr, sizeof (*addr));
    } while (rc < 0 && errno == EINTR);
    if (rc < 0 && errno != EISCONN) {
        int saved_errno = errno;

        close (fd);
        errno = saved_errno;
        return -1;
    }
    return fd;
}

static void wait_ms (int ms)
{
    struct timespec ts = { ms / 1000, ms % 1000 * 1000000L };

    while (nanosleep (&ts, &ts) < 0 && errno == EINTR)
        ;
}

/* The broker may be about to start: try again for a while. */
static int connect_path (const char *path, flux_error_t *error)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int count, fd, ms = RETRY_FIRST_MS;

    if (strlen (path) >= sizeof (addr.sun_path)) {
        errprintf (error, "broker socket path %s is too long", path);
        errno = EINVAL;
        return -1;
    }
    strcpy (addr.sun_path, path);
    while ((fd = connect_once (&addr)) < 0) {
        int saved_errno = errno;

        /* Asked for only now: a connect that works costs nothing extra. */
        if (ms == RETRY_FIRST_MS && parse_retry_count (&count, error) < 0)
            return -1;
        if (count-- == 0) {
            if (saved_errno == ENOENT)
                errprintf (error, "broker socket %s was not found", path);
            else
                errprintf (error, "%s: %s", path, strerror (saved_errno));
            errno = saved_errno;
            return -1;
        }
        wait_ms (ms);
        ms = ms < RETRY_MAX_MS / 2 ? 2 * ms : RETRY_MAX_MS;
    }
    return fd;
}

/* Read the byte by which the server accepts (0) or refuses (an errno). */
static int handshake (int fd, flux_error_t *error)
{
    unsigned char byte;
    ssize_t n;

    for (;;) {
        struct pollfd pfd = { .fd = fd, .events = POLLIN };

        if ((n = recv (fd, &byte, 1, 0)) >= 0)
            break;
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            (void)poll (&pfd, 1, -1);
        else if (errno != EINTR)
            break;
    }
    if (n == 0)
        errno = ECONNRESET;
    else if (n == 1)
        errno = byte;
    if (n == 1 && byte == 0)
        return 0;
    errprintf (error, "%s", strerror (errno));
    return -1;
}

/* A usock on fd after a successful handshake; consumes fd in any case. */
static struct usock *usock_start (int fd, flux_error_t *error)
{
    struct usock *us;

    if (handshake (fd, error) < 0 || !(us = usock_create (fd))) {
        int saved_errno = errno;

        close (fd);
        errno = saved_errno;
        return NULL;
    }
    return us;
}

/* Polling */

static int watch_socket (struct local *l, int op, bool out)
{
    struct epoll_event ev = {
        .events = EPOLLIN | EPOLLRDHUP | EPOLLET | (out ? EPOLLOUT : 0),
        .data.fd = usock_fd (l->us),
    };

    if (epoll_ctl (l->epfd, op, usock_fd (l->us), &ev) < 0)
        return -1;
    l->armed_out = out;
    return 0;
}

/* Ask for writability exactly while something waits to be written. */
static void update_watch (struct local *l)
{
    bool out = usock_queued (l->us) > 0;

    if (l->epfd >= 0 && out != l->armed_out)
        (void)watch_socket (l, EPOLL_CTL_MOD, out);
}

/* Take the edges off epfd; true if the socket may have input. */
static bool drain_edges (struct local *l)
{
    struct epoll_event ev[2];
    bool input = l->hangup;
    int n;

    if (l->epfd < 0)
        return true;
    n = epoll_wait (l->epfd, ev, ARRAY_SIZE (ev), 0);
    for (int i = 0; i < n; i++) {
        if (ev[i].data.fd != usock_fd (l->us))
            continue;
        if (ev[i].events & EPOLLIN)
            input = true;
        if (ev[i].events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
            input = l->hangup = true;
    }
    return input || !usock_drained (l->us);
}

static int flush (struct local *l)
{
    int rc = usock_queued (l->us) > 0 ? usock_flush (l->us) : 0;

    update_watch (l);
    return rc;
}

static void raise_pollfd (void *impl)
{
    struct local *l = impl;

    if (l->wakefd >= 0)
        (void)eventfd_write (l->wakefd, 1);
}

static int op_pollfd (void *impl)
{
    struct local *l = impl;
    struct epoll_event ev = { .events = EPOLLIN | EPOLLET };
    int saved_errno;

    if (l->epfd >= 0)
        return l->epfd;
    if ((l->epfd = epoll_create1 (EPOLL_CLOEXEC)) < 0
        || (l->wakefd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0)
        goto error;
    ev.data.fd = l->wakefd;
    if (epoll_ctl (l->epfd, EPOLL_CTL_ADD, l->wakefd, &ev) < 0
        || watch_socket (l, EPOLL_CTL_ADD, usock_queued (l->us) > 0) < 0)
        goto error;
    /* What was read ahead makes no edge any more. */
    if (usock_ready (l->us))
        raise_pollfd (l);
    return l->epfd;
error:
    saved_errno = errno;
    if (l->wakefd >= 0)
        close (l->wakefd);
    if (l->epfd >= 0)
        close (l->epfd);
    l->epfd = l->wakefd = -1;
    errno = saved_errno;
    return -1;
}

static int op_pollevents (void *impl)
{
    struct local *l = impl;
    int events = 0;

    if (flush (l) == 0)
        events |= FLUX_POLLOUT;
    if (usock_ready (l->us))
        return events | FLUX_POLLIN;
    if (drain_edges (l) || usock_failed (l->us)) {
        if (usock_fill (l->us) > 0)
            return events | FLUX_POLLIN;
        if (usock_failed (l->us))
            return FLUX_POLLERR;
        /* There is more than one read took, or there was no memory for it:
         * do not wait for an edge.
         */
        if (!usock_drained (l->us))
            raise_pollfd (l);
    }
    return events;
}

/* Sending */

enum { READ_AHEAD = 64 << 20 };

/* Wait until all is written. */
static int write_all (struct local *l)
{
    int rc;

    while ((rc = usock_flush (l->us)) > 0) {
        struct pollfd pfd = { .fd = usock_fd (l->us), .events = POLLOUT };

        if (usock_buffered (l->us) < READ_AHEAD && !usock_failed (l->us))
            pfd.events |= POLLIN;
        if (poll (&pfd, 1, -1) < 0 && errno != EINTR)
            return -1;
        if (pfd.revents & POLLIN)
            (void)usock_read_ahead (l->us);
    }
    return rc;
}

static int send_msg (struct local *l, const flux_msg_t *msg, int flags)
{
    if (usock_send (l->us, msg) < 0) {
        if (errno != EWOULDBLOCK || (flags & FLUX_O_NONBLOCK))
            return -1;
        if (write_all (l) < 0 || usock_send (l->us, msg) < 0)
            return -1;
    }
    if (usock_queued (l->us) > 0) {
        if (!(flags & FLUX_O_NONBLOCK))
            return write_all (l);
        update_watch (l);
    }
    return 0;
}

static int op_send (void *impl, const flux_msg_t *msg, int flags)
{
    struct local *l = impl;
    flux_msg_t *cpy;
    int rc;

    if (!l->have_testing)
        return send_msg (l, msg, flags);
    if (!(cpy = flux_msg_copy (msg, true)))
        return -1;
    rc = flux_msg_set_cred (cpy, l->testing);
    if (rc == 0)
        rc = send_msg (l, cpy, flags);
    flux_msg_destroy (cpy);
    return rc;
}

/* Receiving */

static flux_msg_t *op_recv (void *impl, int flags)
{
    struct local *l = impl;
    flux_msg_t *msg;

    if (usock_ready (l->us))
        return usock_recv (l->us);
    (void)flush (l);
    (void)drain_edges (l);
    while (!(msg = usock_recv (l->us))) {
        struct pollfd pfd = { .fd = usock_fd (l->us), .events = POLLIN };

        if (errno != EWOULDBLOCK || (flags & FLUX_O_NONBLOCK))
            break;
        if (usock_queued (l->us) > 0)
            pfd.events |= POLLOUT;
        if (poll (&pfd, 1, -1) < 0 && errno != EINTR)
            break;
        if (pfd.revents & POLLOUT)
            (void)flush (l);
    }
    return msg;
}

/* The rest */

static int op_setopt (void *impl, const char *option, const void *val, size_t len)
{
    struct local *l = impl;
    uint32_t *dst;

    if (strcmp (option, FLUX_OPT_TESTING_USERID) == 0)
        dst = &l->testing.userid;
    else if (strcmp (option, FLUX_OPT_TESTING_ROLEMASK) == 0)
        dst = &l->testing.rolemask;
    else
        dst = NULL;
    if (!dst || !val || len != sizeof (*dst)) {
        errno = EINVAL;
        return -1;
    }
    memcpy (dst, val, len);
    l->have_testing = true;
    return 0;
}

static int op_reconnect (void *impl)
{
    struct local *l = impl;
    struct usock *us;
    int fd;

    if (!l->path) {
        errno = ENOSYS;
        return -1;
    }
    if ((fd = connect_path (l->path, NULL)) < 0 || !(us = usock_start (fd, NULL)))
        return -1;
    /* Closing takes the old socket out of the epoll set. */
    usock_destroy (l->us);
    l->us = us;
    l->hangup = false;
    return l->epfd >= 0 ? watch_socket (l, EPOLL_CTL_ADD, false) : 0;
}

static void op_destroy (void *impl)
{
    struct local *l = impl;

    usock_destroy (l->us);
    if (l->epfd >= 0)
        close (l->epfd);
    if (l->wakefd >= 0)
        close (l->wakefd);
    free (l->path);
    free (l);
}

static const struct flux_handle_ops local_ops = {
    .setopt = op_setopt,
    .pollfd = op_pollfd,
    .pollevents = op_pollevents,
    .send = op_send,
    .recv = op_recv,
    .reconnect = op_reconnect,
    .impl_destroy = op_destroy,
};

/* An inherited descriptor has no options and no way to reconnect. */
static const struct flux_handle_ops fd_ops = {
    .pollfd = op_pollfd,
    .pollevents = op_pollevents,
    .send = op_send,
    .recv = op_recv,
    .impl_destroy = op_destroy,
};

/* Takes over path and fd, in any case. */
static flux_t *start (char *path,
                      int fd,
                      const struct flux_handle_ops *ops,
                      int flags,
                      flux_error_t *error)
{
    struct local *l;
    flux_t *h;

    if (!(l = calloc (1, sizeof (*l)))) {
        close (fd);
        free_keep_errno (path);
        return NULL;
    }
    l->path = path;
    l->epfd = l->wakefd = -1;
    l->testing.userid = FLUX_USERID_UNKNOWN;
    l->testing.rolemask = FLUX_ROLE_NONE;
    if (!(l->us = usock_start (fd, error)) || !(h = flux_handle_create (l, ops, flags))) {
        int saved_errno = errno;

        op_destroy (l);
        errno = saved_errno;
        return NULL;
    }
    handle_set_raise (h, raise_pollfd);
    return h;
}

flux_t *connector_local_init (const char *path, int flags, flux_error_t *error)
{
    size_t len = path ? strlen (path) : 0;
    char *copy;
    int fd;

    while (len > 0 && (path[len - 1] == ' ' || path[len - 1] == '\t'))
        len--;
    if (len == 0) {
        errprintf (error, "local: URI needs the path of a broker socket");
        errno = EINVAL;
        return NULL;
    }
    if (!(copy = strndup (path, len)))
        return NULL;
    if ((fd = connect_path (copy, error)) < 0) {
        free_keep_errno (copy);
        return NULL;
    }
    return start (copy, fd, &local_ops, flags, error);
}

flux_t *connector_fd_init (const char *path, int flags, flux_error_t *error)
{
    char *end = NULL;
    long fd = -1;

    errno = 0;
    if (path)
        fd = strtol (path, &end, 10);
    if (!path || errno != 0 || end == path || *end != '\0' || fd < 0 || fd > INT_MAX) {
        errprintf (error, "error parsing file descriptor");
        errno = EINVAL;
        return NULL;
    }
    return start (NULL, fd, &fd_ops, flags, error);
}
