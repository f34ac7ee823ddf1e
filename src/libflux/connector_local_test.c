/* local:// and fd://, against a server written here with bare sockets. */

#include "config.h"
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <flux/core.h>

#include "common/tap.h"
#include "common/util.h"
#include "usock.h"

static char sockdir[] = "/tmp/connector-local-XXXXXX";
static char sockpath[64];
static char uri[80];

static flux_msg_t *make (const char *topic, size_t payload)
{
    flux_msg_t *msg = flux_msg_create (FLUX_MSGTYPE_REQUEST);
    _cleanup_ (freep)
    char *buf = calloc (1, payload + 1);

    if (!msg || !buf || flux_msg_set_topic (msg, topic) < 0
        || (payload > 0 && flux_msg_set_payload (msg, buf, payload) < 0))
        bail_out ("out of memory");
    return msg;
}

static int listen_fd (void)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy (addr.sun_path, sockpath);
    if (fd < 0 || bind (fd, (struct sockaddr *)&addr, sizeof (addr)) < 0
        || listen (fd, 5) < 0)
        bail_out ("%s: %s", sockpath, strerror (errno));
    return fd;
}

/* What a server does: a thread that accepts 'count' connections one after the
 * other, says 'hello' to each, and echoes what comes.
 */
struct server {
    int fd;
    int count;
    unsigned char hello;
    pthread_t thread;
    struct flux_msg_cred cred; /* of the last message */
    int echoed;
};

static void wait_fd (int fd, short events)
{
    struct pollfd pfd = { .fd = fd, .events = events };

    (void)poll (&pfd, 1, -1);
}

static void echo (struct server *srv, int fd)
{
    struct usock *us = usock_create (fd);
    flux_msg_t *msg;

    if (!us)
        bail_out ("usock_create");
    while ((msg = usock_recv (us)) || errno == EWOULDBLOCK) {
        if (!msg) {
            wait_fd (fd, POLLIN);
            continue;
        }
        (void)flux_msg_get_cred (msg, &srv->cred);
        if (flux_msg_cmp (msg, flux_match_init (0, 0, "bye"))) {
            flux_msg_destroy (msg);
            break;
        }
        if (usock_send (us, msg) < 0)
            bail_out ("echo: %s", strerror (errno));
        srv->echoed++;
        while (usock_flush (us) == 1)
            wait_fd (fd, POLLOUT);
        flux_msg_destroy (msg);
    }
    usock_destroy (us);
}

static void *server_thread (void *arg)
{
    struct server *srv = arg;

    for (int i = 0; i < srv->count; i++) {
        int fd = accept4 (srv->fd, NULL, NULL, SOCK_CLOEXEC);

        if (fd < 0)
            bail_out ("accept: %s", strerror (errno));
        if (send (fd, &srv->hello, 1, 0) != 1)
            bail_out ("send: %s", strerror (errno));
        if (srv->hello == 0)
            echo (srv, fd);
        else
            close (fd);
    }
    return NULL;
}

static void server_start (struct server *srv)
{
    srv->fd = listen_fd ();
    if (pthread_create (&srv->thread, NULL, server_thread, srv) != 0)
        bail_out ("pthread_create");
}

static void server_stop (struct server *srv)
{
    pthread_join (srv->thread, NULL);
    close (srv->fd);
    unlink (sockpath);
}

static void blocking (void)
{
    struct server srv = { .count = 1 };
    flux_msg_t *msg = make ("echo", 100), *got;
    flux_t *h;
    int n = 0;

    server_start (&srv);
    h = flux_open (uri, 0);
    ok (h != NULL, "a client connects");
    for (int i = 0; i < 100; i++) {
        if (flux_send (h, msg, 0) == 0 && (got = flux_recv (h, FLUX_MATCH_ANY, 0))) {
            n++;
            flux_msg_destroy (got);
        }
    }
    ok (n == 100, "100 round trips");
    ok (srv.cred.userid == FLUX_USERID_UNKNOWN && srv.cred.rolemask == FLUX_ROLE_NONE,
        "a client claims nothing about itself");
    /* neither end may wait for the other for ever */
    flux_msg_destroy (msg);
    msg = make ("bulk", 1000000);
    n = 0;
    for (int i = 0; i < 20; i++)
        n += flux_send (h, msg, 0) == 0;
    ok (n == 20, "20 MB are sent before one answer is read");
    for (n = 0; n < 20; n++) {
        if (!(got = flux_recv (h, FLUX_MATCH_ANY, 0)))
            break;
        flux_msg_destroy (got);
    }
    ok (n == 20, "and all answers are there");
    errno = 0;
    ok (!flux_recv (h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK) && errno == EWOULDBLOCK,
        "a receive may be asked not to block");
    flux_close (h);
    server_stop (&srv);
    flux_msg_destroy (msg);
}

static void handshakes (void)
{
    struct server srv = { .count = 1, .hello = EPERM };
    flux_error_t error;

    server_start (&srv);
    errno = 0;
    ok (!flux_open_ex (uri, 0, &error) && errno == EPERM, "a server may refuse");
    is (error.text, strerror (EPERM), "... and says why");
    server_stop (&srv);

    srv.fd = listen_fd ();
    close (srv.fd);
    setenv ("FLUX_LOCAL_CONNECTOR_RETRY_COUNT", "1", 1);
    errno = 0;
    ok (!flux_open_ex (uri, 0, &error) && errno == ECONNREFUSED, "a dead socket: %s",
        error.text);
    unsetenv ("FLUX_LOCAL_CONNECTOR_RETRY_COUNT");
    unlink (sockpath);
}

static void *late_server (void *arg)
{
    struct server *srv = arg;

    /* Not synchronisation: the point is a server that comes late. */
    usleep (30000);
    srv->fd = listen_fd ();
    return server_thread (srv);
}

static void retry (void)
{
    struct server srv = { .count = 1 };
    flux_t *h;

    if (pthread_create (&srv.thread, NULL, late_server, &srv) != 0)
        bail_out ("pthread_create");
    setenv ("FLUX_LOCAL_CONNECTOR_RETRY_COUNT", "12", 1); /* it may be very late */
    h = flux_open (uri, 0);
    unsetenv ("FLUX_LOCAL_CONNECTOR_RETRY_COUNT");
    ok (h != NULL, "a client waits for a broker that is about to start");
    flux_close (h);
    server_stop (&srv);
}

static void testing_cred (void)
{
    struct server srv = { .count = 1 };
    flux_msg_t *msg = make ("echo", 0);
    flux_t *h;

    server_start (&srv);
    setenv ("FLUX_HANDLE_ROLEMASK", "0x2", 1);
    h = flux_open (uri, 0);
    unsetenv ("FLUX_HANDLE_ROLEMASK");
    flux_send (h, msg, 0);
    flux_msg_destroy (flux_recv (h, FLUX_MATCH_ANY, 0));
    ok (srv.cred.rolemask == FLUX_ROLE_USER && srv.cred.userid == FLUX_USERID_UNKNOWN,
        "FLUX_HANDLE_ROLEMASK speaks for itself");
    {
        uint32_t userid = 42;

        ok (flux_opt_set (h, FLUX_OPT_TESTING_USERID, &userid, sizeof (userid)) == 0,
            "the userid can be set");
    }
    flux_send (h, msg, 0);
    flux_msg_destroy (flux_recv (h, FLUX_MATCH_ANY, 0));
    ok (srv.cred.rolemask == FLUX_ROLE_USER && srv.cred.userid == 42, "... too");
    flux_close (h);
    server_stop (&srv);
    flux_msg_destroy (msg);
}

static int reconnect_cb (flux_t *h, void *arg)
{
    int *count = arg;

    return (*count)++ < 3 ? flux_reconnect (h) : -1;
}

static void reconnecting (void)
{
    struct server srv = { .count = 2 };
    flux_msg_t *msg = make ("echo", 10), *bye = make ("bye", 0), *got;
    int count = 0, fd;
    struct pollfd pfd;
    flux_t *h;

    server_start (&srv);
    h = flux_open (uri, 0);
    fd = flux_pollfd (h);
    flux_send (h, bye, 0);
    pfd = (struct pollfd){ .fd = fd, .events = POLLIN };
    while (!(flux_pollevents (h) & FLUX_POLLERR))
        (void)poll (&pfd, 1, -1);
    ok (flux_pollevents (h) == FLUX_POLLERR, "the end of the connection is a level");
    errno = 0;
    ok (!flux_recv (h, FLUX_MATCH_ANY, 0) && errno == ECONNRESET, "and ECONNRESET");
    flux_comms_error_set (h, reconnect_cb, &count);
    ok (flux_pollevents (h) == FLUX_POLLOUT && count == 1, "a callback may reconnect");
    ok (flux_send (h, msg, 0) == 0, "then messages flow");
    while (!(flux_pollevents (h) & FLUX_POLLIN)) {
        if (poll (&pfd, 1, 60000) == 0)
            bail_out ("the new connection has no edges");
    }
    got = flux_recv (h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK);
    ok (got != NULL && flux_pollfd (h) == fd, "through the same pollfd");
    flux_msg_destroy (got);
    flux_close (h);
    server_stop (&srv);
    flux_msg_destroy (msg);
    flux_msg_destroy (bye);
}

static bool fd_readable (int fd)
{
    struct pollfd pfd = { .fd = fd, .events = POLLIN };

    return poll (&pfd, 1, 0) == 1;
}

/* One end is a handle on fd://, the other a usock in the same thread. */
static flux_t *open_fd (struct usock **us, int flags)
{
    char fduri[32];
    int fd[2];
    flux_t *h;

    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0
        || write (fd[1], "", 1) != 1 || !(*us = usock_create (fd[1])))
        bail_out ("socketpair: %s", strerror (errno));
    snprintf (fduri, sizeof (fduri), "fd://%d", fd[0]);
    if (!(h = flux_open (fduri, flags)))
        bail_out ("%s: %s", fduri, strerror (errno));
    return h;
}

static void edges (void)
{
    struct usock *us;
    flux_t *h = open_fd (&us, FLUX_O_NONBLOCK);
    flux_msg_t *msg = make ("edge", 10), *got = NULL;
    uint32_t u = 1;
    int fd, spurious = 0;

    fd = flux_pollfd (h);
    ok (flux_pollevents (h) == FLUX_POLLOUT && !fd_readable (fd), "idle: POLLOUT, quiet");
    usock_send (us, msg);
    usock_send (us, msg);
    ok (fd_readable (fd), "messages make an edge");
    for (int i = 0; i < 2; i++) {
        ok ((flux_pollevents (h) & FLUX_POLLIN)
                && (got = flux_recv (h, FLUX_MATCH_ANY, 0)),
            "message %d", i);
        flux_msg_destroy (got);
    }
    ok (!(flux_pollevents (h) & FLUX_POLLIN) && !fd_readable (fd), "quiet again");
    for (int i = 0; i < 10; i++) {
        flux_send (h, msg, 0);
        flux_msg_destroy (usock_recv (us));
        spurious += fd_readable (fd);
    }
    ok (spurious == 0, "a peer that reads what we send does not wake us");
    flux_requeue (h, msg, FLUX_RQ_HEAD);
    ok (fd_readable (fd) && (flux_pollevents (h) & FLUX_POLLIN), "requeue does");
    flux_msg_destroy (flux_recv (h, FLUX_MATCH_ANY, 0));
    ok (!(flux_pollevents (h) & FLUX_POLLIN) && !fd_readable (fd), "quiet again");
    errno = 0;
    ok (flux_opt_set (h, FLUX_OPT_TESTING_USERID, &u, sizeof (u)) < 0 && errno == EINVAL,
        "fd:// has no options");
    errno = 0;
    ok (flux_reconnect (h) < 0 && errno == ENOSYS, "... and cannot reconnect");
    /* data and end of file in one edge, in reads that come up short */
    usock_send (us, msg);
    usock_destroy (us);
    ok (fd_readable (fd) && (flux_pollevents (h) & FLUX_POLLIN), "last words");
    flux_msg_destroy (flux_recv (h, FLUX_MATCH_ANY, 0));
    ok (flux_pollevents (h) == FLUX_POLLERR && flux_pollevents (h) == FLUX_POLLERR,
        "the end that came with them is not missed");
    flux_close (h);
    flux_msg_destroy (msg);
}

/* Without blocking, output that does not fit leaves as the peer reads. */
static void nonblocking_output (void)
{
    struct usock *us;
    flux_t *h = open_fd (&us, FLUX_O_NONBLOCK);
    flux_msg_t *msg = make ("out", 1000000), *got;
    int sent = 0, received = 0, fd;

    fd = flux_pollfd (h);
    (void)flux_pollevents (h);
    while (flux_send (h, msg, 0) == 0)
        sent++;
    ok (errno == EWOULDBLOCK && sent > 5 && sent < 100, "%d MB are taken, then no more",
        sent);
    ok (flux_pollevents (h) == 0 && !fd_readable (fd), "no POLLOUT");
    while (received < sent) {
        if ((got = usock_recv (us))) {
            received++;
            flux_msg_destroy (got);
        }
        else if (!fd_readable (fd))
            break;
        else
            (void)flux_pollevents (h);
    }
    ok (received == sent, "as the peer reads, edges come and output goes");
    ok (flux_pollevents (h) == FLUX_POLLOUT && !fd_readable (fd), "POLLOUT again");
    usock_destroy (us);
    flux_close (h);
    flux_msg_destroy (msg);
}

/* Polling begun with frames already read ahead. */
static void late_pollfd (void)
{
    struct usock *us;
    flux_t *h = open_fd (&us, 0);
    flux_msg_t *msg = make ("x", 10);

    for (int i = 0; i < 3; i++)
        usock_send (us, msg);
    flux_msg_destroy (flux_recv (h, FLUX_MATCH_ANY, 0));
    ok (fd_readable (flux_pollfd (h)), "what was read ahead makes the first edge");
    usock_destroy (us);
    flux_close (h);
    flux_msg_destroy (msg);
}

int main (void)
{
    if (!mkdtemp (sockdir))
        bail_out ("mkdtemp: %s", strerror (errno));
    snprintf (sockpath, sizeof (sockpath), "%s/local", sockdir);
    snprintf (uri, sizeof (uri), "local://%s", sockpath);
    blocking ();
    handshakes ();
    retry ();
    testing_cred ();
    reconnecting ();
    edges ();
    nonblocking_output ();
    late_pollfd ();
    rmdir (sockdir);
    return done_testing ();
}
