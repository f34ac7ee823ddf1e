/* handle_poll.c - when is there something to do on a handle?
 *
 * flux_pollfd () becomes readable on an edge; flux_pollevents () tells the
 * level, and takes the edge away when it finds nothing.  Two sources make an
 * edge: the connection, and messages put back by flux_requeue ().  Our own
 * connectors let their descriptor be raised for the latter; around a foreign
 * one goes an epoll set, edge triggered, with an eventfd of our own in it.
 * All of it is made when somebody asks for the descriptor: a client that only
 * sends and receives pays nothing.
 */

#include "config.h"
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "common/util.h"
#include "handle_private.h"

void handle_set_raise (flux_t *h, handle_raise_f raise)
{
    h->conn->raise = raise;
}

void handle_set_linger (flux_t *h, handle_linger_f linger)
{
    h->conn->linger = linger;
}

void handle_linger (flux_t *h)
{
    struct conn *conn = h->conn;

    if (conn->linger && msgq_count (&conn->requeue) == 0)
        conn->linger (conn->impl);
}

void handle_set_hold (flux_t *h, handle_hold_f hold)
{
    h->conn->hold = hold;
}

void handle_hold (flux_t *h, bool yes)
{
    struct conn *conn = h->conn;

    if (conn->hold)
        conn->hold (conn->impl, yes);
}

void handle_wake (struct conn *conn)
{
    if (conn->pollfd < 0)
        return;
    if (conn->raise)
        conn->raise (conn->impl);
    else if (conn->wakefd >= 0) /* not wrapped with FLUX_O_NOREQUEUE */
        (void)eventfd_write (conn->wakefd, 1);
}

static int watch_edge (int epfd, int fd)
{
    struct epoll_event ev = { .events = EPOLLIN | EPOLLET };

    return epoll_ctl (epfd, EPOLL_CTL_ADD, fd, &ev);
}

/* Put a foreign descriptor and our own event under one roof. */
static int wrap_pollfd (struct conn *conn, int fd)
{
    int epfd, wakefd = -1;

    if ((epfd = epoll_create1 (EPOLL_CLOEXEC)) < 0
        || (wakefd = eventfd (0, EFD_CLOEXEC | EFD_NONBLOCK)) < 0
        || watch_edge (epfd, fd) < 0 || watch_edge (epfd, wakefd) < 0) {
        int saved_errno = errno;

        if (wakefd >= 0)
            close (wakefd);
        if (epfd >= 0)
            close (epfd);
        errno = saved_errno;
        return -1;
    }
    conn->epfd = epfd;
    conn->wakefd = wakefd;
    return epfd;
}

int flux_pollfd (flux_t *h)
{
    struct conn *conn;
    int fd;

    if (!h) {
        errno = EINVAL;
        return -1;
    }
    conn = h->conn;
    if (conn->pollfd >= 0)
        return conn->pollfd;
    if (!conn->ops->pollfd) {
        errno = ENOSYS;
        return -1;
    }
    if ((fd = conn->ops->pollfd (conn->impl)) < 0)
        return -1;
    if (!conn->raise && !(h->flags & FLUX_O_NOREQUEUE)
        && (fd = wrap_pollfd (conn, fd)) < 0)
        return -1;
    conn->pollfd = fd;
    if (msgq_count (&conn->requeue) > 0)
        handle_wake (conn);
    return fd;
}

bool handle_drain (struct conn *conn)
{
    struct epoll_event ev[2];

    return conn->epfd >= 0 && epoll_wait (conn->epfd, ev, ARRAY_SIZE (ev), 0) > 0;
}

int flux_pollevents (flux_t *h)
{
    struct conn *conn;
    int events;

    if (!h) {
        errno = EINVAL;
        return -1;
    }
    conn = h->conn;
    (void)handle_drain (conn);
    events = conn->ops->pollevents ? conn->ops->pollevents (conn->impl) : 0;
    if ((events < 0 || (events & FLUX_POLLERR)) && conn->ops->pollevents
        && handle_comms_error (conn) == 0)
        events = conn->ops->pollevents (conn->impl);
    if (events < 0)
        return -1;
    if (msgq_count (&conn->requeue) > 0)
        events |= FLUX_POLLIN;
    return events;
}
