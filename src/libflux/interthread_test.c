#include "config.h"
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <time.h>
#include <flux/core.h>

#include "common/tap.h"
#include "common/util.h"

#ifdef WITH_SANITIZERS
enum { PINGS = 2000, FLOOD = 100000 };
#else
enum { PINGS = 20000, FLOOD = 500000 };
#endif

static double now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec * 1e-9;
}

static flux_msg_t *request (const char *topic)
{
    flux_msg_t *msg = flux_msg_create (FLUX_MSGTYPE_REQUEST);

    if (!msg || flux_msg_set_topic (msg, topic) < 0)
        bail_out ("out of memory");
    return msg;
}

static void open_pair (const char *uri, flux_t *h[2], int flags)
{
    for (int i = 0; i < 2; i++) {
        if (!(h[i] = flux_open (uri, flags)))
            bail_out ("%s: %s", uri, strerror (errno));
    }
}

static void names (void)
{
    flux_error_t error;
    flux_t *h[2];

    open_pair ("interthread://names", h, 0);
    errno = 0;
    ok (!flux_open ("interthread://names", 0) && errno == EADDRINUSE,
        "a third opener is refused");
    flux_close (h[0]);
    flux_close (h[1]);
    open_pair ("interthread://names", h, 0);
    ok (true, "a name can be used again after it was closed");
    flux_close (h[0]);
    flux_close (h[1]);
    ok (!flux_open_ex ("interthread://", 0, &error) && errno == EINVAL,
        "an empty name is refused");
    ok (!flux_open_ex ("interthread", 0, &error) && errno == EINVAL, "... so is none: %s",
        error.text);
}

static void same_pointer (void)
{
    flux_t *h[2];
    flux_msg_t *msg = request ("a"), *orig = msg, *got;
    struct flux_msg_cred cred;

    open_pair ("interthread://pointer", h, FLUX_O_NONBLOCK);
    ok (!flux_recv (h[1], FLUX_MATCH_ANY, 0) && errno == EWOULDBLOCK, "nothing yet");
    flux_msg_aux_set (msg, "x", "y", NULL);
    ok (flux_send_new (h[0], &msg, 0) == 0 && !msg, "send_new takes the message");
    got = flux_recv (h[1], FLUX_MATCH_ANY, 0);
    ok (got == orig, "the very same message arrives");
    ok (!flux_msg_aux_get (got, "x"), "... without its aux items");
    ok (flux_msg_get_cred (got, &cred) == 0 && cred.userid == getuid ()
            && cred.rolemask == (FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL),
        "it is stamped with the owner's credential");
    flux_msg_set_rolemask (got, FLUX_ROLE_NONE);
    flux_msg_set_userid (got, 42);
    ok (flux_send (h[1], got, 0) == 0, "it is sent back");
    msg = flux_recv (h[0], FLUX_MATCH_ANY, 0);
    ok (msg && msg != got, "flux_send sends a copy");
    ok (flux_msg_get_cred (msg, &cred) == 0 && cred.userid == 42
            && cred.rolemask == FLUX_ROLE_NONE,
        "a credential with one field set is not touched");
    flux_msg_incref (msg);
    ok (flux_send_new (h[0], &msg, 0) < 0 && errno == EINVAL && msg,
        "a message that others hold cannot be given away");
    flux_msg_decref (msg);
    flux_msg_destroy (msg);
    flux_msg_destroy (got);
    flux_close (h[0]);
    flux_close (h[1]);
}

static void before_the_peer (void)
{
    flux_t *a = flux_open ("interthread://early", FLUX_O_NONBLOCK), *b;
    flux_msg_t *msg = request ("early"), *got;
    size_t count;

    ok (flux_send (a, msg, 0) == 0 && flux_send (a, msg, 0) == 0,
        "sending does not need a peer yet");
    ok (flux_opt_get (a, FLUX_OPT_SEND_QUEUE_COUNT, &count, sizeof (count)) == 0
            && count == 2,
        "two messages wait");
    b = flux_open ("interthread://early", FLUX_O_NONBLOCK);
    ok (flux_opt_get (b, FLUX_OPT_RECV_QUEUE_COUNT, &count, sizeof (count)) == 0
            && count == 2,
        "... to be received");
    got = flux_recv (b, FLUX_MATCH_ANY, 0);
    ok (got != NULL, "the peer receives when it comes");
    flux_msg_destroy (got);
    errno = 0;
    ok (flux_opt_get (b, FLUX_OPT_RECV_QUEUE_COUNT, &count, 1) < 0 && errno == EINVAL,
        "an option of the wrong size is refused");
    errno = 0;
    ok (flux_opt_set (b, FLUX_OPT_TESTING_USERID, &count, 4) < 0 && errno == EINVAL,
        "an unknown option is refused");
    flux_close (b);
    errno = 0;
    ok (flux_send (a, msg, 0) < 0 && errno == ECONNRESET, "a closed peer takes nothing");
    flux_close (a);
    flux_msg_destroy (msg);
}

static void end_of_channel (void)
{
    flux_t *h[2];
    flux_msg_t *msg = request ("last"), *got;

    open_pair ("interthread://end", h, 0);
    ok (flux_pollevents (h[1]) == FLUX_POLLOUT, "an idle end can be written to");
    flux_send (h[0], msg, 0);
    flux_close (h[0]);
    ok ((flux_pollevents (h[1]) & FLUX_POLLIN), "the last word can be read");
    got = flux_recv (h[1], FLUX_MATCH_ANY, 0);
    ok (got != NULL, "... and is");
    flux_msg_destroy (got);
    ok ((flux_pollevents (h[1]) & FLUX_POLLERR), "then the end shows as an error");
    ok (!flux_recv (h[1], FLUX_MATCH_ANY, 0) && errno == ECONNRESET,
        "a receive that would block for ever says ECONNRESET");
    flux_close (h[1]);
    flux_msg_destroy (msg);
}

static void router_name (void)
{
    flux_t *h[2];
    flux_msg_t *msg = request ("a.b"), *got, *rsp;

    open_pair ("interthread://router", h, FLUX_O_NONBLOCK);
    ok (flux_opt_set (h[0], FLUX_OPT_ROUTER_NAME, "me", 3) == 0, "one end is a router");
    flux_send (h[0], msg, 0);
    got = flux_recv (h[1], FLUX_MATCH_ANY, 0);
    is (flux_msg_route_first (got), "me", "its requests carry its name");
    flux_msg_set_type (got, FLUX_MSGTYPE_RESPONSE);
    flux_send (h[1], got, 0);
    rsp = flux_recv (h[0], FLUX_MATCH_ANY, 0);
    is (flux_msg_route_last (rsp), "me", "the plain end sends as it is");
    flux_send (h[0], rsp, 0);
    flux_msg_destroy (got);
    got = flux_recv (h[1], FLUX_MATCH_ANY, 0);
    ok (flux_msg_route_count (got) == 0, "responses through a router lose a route");
    flux_msg_destroy (got);
    flux_msg_destroy (rsp);
    flux_msg_destroy (msg);
    flux_close (h[0]);
    flux_close (h[1]);
}

static bool fd_readable (int fd)
{
    struct pollfd pfd = { .fd = fd, .events = POLLIN };

    return poll (&pfd, 1, 0) == 1;
}

static void polling (void)
{
    flux_t *h[2];
    flux_msg_t *msg = request ("poll"), *got;
    int fd;

    open_pair ("interthread://poll", h, FLUX_O_NONBLOCK);
    fd = flux_pollfd (h[1]);
    ok (fd >= 0 && flux_pollfd (h[1]) == fd, "there is one pollfd");
    ok (flux_pollevents (h[1]) == FLUX_POLLOUT && !fd_readable (fd),
        "an idle pollfd is not readable");
    flux_send (h[0], msg, 0);
    flux_send (h[0], msg, 0);
    ok (fd_readable (fd), "a message makes it readable");
    ok ((flux_pollevents (h[1]) & FLUX_POLLIN), "POLLIN");
    got = flux_recv (h[1], FLUX_MATCH_ANY, 0);
    ok ((flux_pollevents (h[1]) & FLUX_POLLIN), "POLLIN while one is left");
    ok (flux_requeue (h[1], got, FLUX_RQ_TAIL) == 0, "one is put back");
    flux_msg_destroy (got);
    for (int i = 0; i < 2; i++) {
        got = flux_recv (h[1], FLUX_MATCH_ANY, 0);
        flux_msg_destroy (got);
    }
    ok (!(flux_pollevents (h[1]) & FLUX_POLLIN), "all are taken");
    ok (!fd_readable (fd), "the pollfd is quiet again");
    flux_requeue (h[1], msg, FLUX_RQ_HEAD);
    ok (fd_readable (fd) && (flux_pollevents (h[1]) & FLUX_POLLIN),
        "a requeued message is an edge and a level");
    got = flux_recv (h[1], FLUX_MATCH_ANY, 0);
    ok (got == msg, "and comes back as the same object");
    flux_msg_destroy (got);
    ok (!(flux_pollevents (h[1]) & FLUX_POLLIN) && !fd_readable (fd), "quiet again");
    /* a reader that never asks for events, only receives until EWOULDBLOCK */
    for (int i = 0; i < 3; i++) {
        flux_send (h[0], msg, 0);
        if (!fd_readable (fd))
            break;
        while ((got = flux_recv (h[1], FLUX_MATCH_ANY, 0)))
            flux_msg_destroy (got);
        if (fd_readable (fd))
            break;
    }
    ok (!fd_readable (fd), "receiving until EWOULDBLOCK quiets it as well");
    flux_msg_destroy (msg);
    flux_close (h[0]);
    flux_close (h[1]);
}

static void full (void)
{
    flux_t *h[2];
    flux_msg_t *msg = request ("full"), *got;
    size_t sent = 0;
    int fd;

    open_pair ("interthread://full", h, FLUX_O_NONBLOCK);
    fd = flux_pollfd (h[0]);
    while (flux_send (h[0], msg, 0) == 0)
        sent++;
    ok (errno == EWOULDBLOCK && sent == 65536, "a queue is full at %zu messages", sent);
    ok (flux_pollevents (h[0]) == 0 && !fd_readable (fd), "no POLLOUT then");
    for (size_t i = 0; i < 10; i++)
        flux_msg_destroy (flux_recv (h[1], FLUX_MATCH_ANY, 0));
    ok (!fd_readable (fd), "nobody is woken for a little room");
    while ((got = flux_recv (h[1], FLUX_MATCH_ANY, 0)))
        flux_msg_destroy (got);
    ok (fd_readable (fd) && flux_pollevents (h[0]) == FLUX_POLLOUT,
        "half empty: POLLOUT is an edge and a level");
    ok (!fd_readable (fd) && flux_send (h[0], msg, 0) == 0, "and sending works");
    flux_close (h[0]);
    flux_close (h[1]);
    flux_msg_destroy (msg);
}

/* Threads */

static void *echo_blocking (void *arg)
{
    flux_t *h = flux_open (arg, 0);
    flux_msg_t *msg;

    while (h && (msg = flux_recv (h, FLUX_MATCH_ANY, 0))) {
        if (flux_send_new (h, &msg, 0) < 0) {
            flux_msg_destroy (msg);
            break;
        }
    }
    flux_close (h);
    return NULL;
}

/* As a reactor does it: poll the descriptor, then the events. */
static flux_msg_t *recv_polled (flux_t *h)
{
    struct pollfd pfd = { .fd = flux_pollfd (h), .events = POLLIN };

    while (!(flux_pollevents (h) & (FLUX_POLLIN | FLUX_POLLERR))) {
        if (poll (&pfd, 1, 60000) == 0)
            bail_out ("a wake-up was lost");
    }
    return flux_recv (h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK);
}

static void *echo_polled (void *arg)
{
    flux_t *h = flux_open (arg, 0);
    flux_msg_t *msg;

    while (h && (msg = recv_polled (h))) {
        if (flux_send_new (h, &msg, 0) < 0) {
            flux_msg_destroy (msg);
            break;
        }
    }
    flux_close (h);
    return NULL;
}

static void
ping_pong (const char *how, const char *uri, void *(*echo) (void *), bool polled)
{
    flux_t *h = flux_open (uri, 0);
    flux_msg_t *msg = request ("ping");
    pthread_t t;
    double start;
    int n = 0;

    if (!h || pthread_create (&t, NULL, echo, (void *)uri) != 0)
        bail_out ("cannot start");
    start = now ();
    for (n = 0; n < PINGS; n++) {
        if (flux_msg_set_matchtag (msg, n) < 0 || flux_send_new (h, &msg, 0) < 0)
            break;
        msg = polled ? recv_polled (h) : flux_recv (h, FLUX_MATCH_ANY, 0);
        if (!msg || !flux_msg_cmp_matchtag (msg, n))
            break;
    }
    ok (n == PINGS, "%s: %d round trips", how, n);
    diag ("%s: %.2f us per round trip", how, (now () - start) / PINGS * 1e6);
    flux_msg_destroy (msg);
    flux_close (h);
    pthread_join (t, NULL);
}

static void *flood (void *arg)
{
    flux_t *h = flux_open (arg, 0);

    for (uint32_t i = 0; h && i < FLOOD; i++) {
        flux_msg_t *msg = request ("flood");

        flux_msg_set_matchtag (msg, i);
        if (flux_send_new (h, &msg, 0) < 0)
            bail_out ("flood: %s", strerror (errno));
    }
    flux_close (h);
    return NULL;
}

/* More than the queue holds: the sender has to wait for the reader. */
static void throughput (const char *how, const char *uri, bool polled)
{
    flux_t *h = flux_open (uri, 0);
    flux_msg_t *msg;
    pthread_t t;
    uint32_t n = 0;
    bool ordered = true;
    double start = now ();

    if (!h || pthread_create (&t, NULL, flood, (void *)uri) != 0)
        bail_out ("cannot start");
    while ((msg = polled ? recv_polled (h) : flux_recv (h, FLUX_MATCH_ANY, 0))) {
        uint32_t tag;

        if (flux_msg_get_matchtag (msg, &tag) < 0 || tag != n)
            ordered = false;
        n++;
        flux_msg_destroy (msg);
    }
    ok (n == FLOOD && errno == ECONNRESET, "%s: %u messages, then the end", how, n);
    ok (ordered, "... all in order");
    diag ("%s: %.0f messages per second", how, n / (now () - start));
    pthread_join (t, NULL);
    flux_close (h);
}

/* Objects, not text, go there and come back. */
static void *add_one (void *arg)
{
    flux_t *h = flux_open (arg, 0);
    flux_msg_t *msg;
    const char *s;
    int n;

    while (h && (msg = flux_recv (h, FLUX_MATCH_ANY, 0))) {
        if (flux_msg_unpack (msg, "{s:i s:s}", "n", &n, "s", &s) < 0
            || flux_msg_pack (msg, "{s:i s:s}", "n", n + 1, "s", s) < 0
            || flux_send_new (h, &msg, 0) < 0) {
            flux_msg_destroy (msg);
            break;
        }
    }
    flux_close (h);
    return NULL;
}

static void objects (void)
{
    char *uri = "interthread://objects";
    flux_t *h = flux_open (uri, 0);
    flux_msg_t *msg = request ("object"), *cpy = NULL;
    pthread_t t;
    int i, n = 0;

    if (!h || pthread_create (&t, NULL, add_one, uri) != 0)
        bail_out ("cannot start");
    for (i = 0; i < PINGS; i += 2) {
        const char *s = NULL;

        if (flux_msg_pack (msg, "{s:i s:s}", "n", i, "s", "text") < 0)
            break;
        /* every other time the payload is shared by both threads */
        if (i % 4 == 0) {
            flux_msg_destroy (cpy);
            cpy = flux_msg_copy (msg, true);
        }
        if (flux_send_new (h, &msg, 0) < 0 || !(msg = flux_recv (h, FLUX_MATCH_ANY, 0)))
            break;
        if (flux_msg_unpack (msg, "{s:i s:s}", "n", &n, "s", &s) < 0 || n != i + 1
            || strcmp (s, "text") != 0)
            break;
        if (i % 4 == 0 && (flux_msg_unpack (cpy, "{s:i}", "n", &n) < 0 || n != i))
            break;
    }
    ok (i >= PINGS, "objects go there and come back");
    flux_msg_destroy (cpy);
    flux_msg_destroy (msg);
    flux_close (h);
    pthread_join (t, NULL);
}

/* A module thread may be cancelled while it waits for room. */
static void *fill (void *arg)
{
    flux_msg_t *msg = request ("fill");

    pthread_cleanup_push ((void (*) (void *))flux_msg_destroy, msg);
    while (flux_send (arg, msg, 0) == 0)
        ;
    pthread_cleanup_pop (1);
    return NULL;
}

static void cancelled (void)
{
    flux_t *h[2];
    pthread_t t;
    size_t count = 0;
    void *result;

    open_pair ("interthread://cancel", h, 0);
    if (pthread_create (&t, NULL, fill, h[0]) != 0)
        bail_out ("cannot start");
    while (flux_opt_get (h[1], FLUX_OPT_RECV_QUEUE_COUNT, &count, sizeof (count)) == 0
           && count < 65536)
        sched_yield ();
    ok (pthread_cancel (t) == 0 && pthread_join (t, &result) == 0
            && result == PTHREAD_CANCELED,
        "a sender that waits for room can be cancelled");
    flux_close (h[0]);
    while (count > 0) {
        flux_msg_destroy (flux_recv (h[1], FLUX_MATCH_ANY, 0));
        count--;
    }
    ok (!flux_recv (h[1], FLUX_MATCH_ANY, 0) && errno == ECONNRESET,
        "the reader gets what was sent, and the end");
    flux_close (h[1]);
}

/* Both directions at once, each end polling and never blocking. */
static void *chatter (void *arg)
{
    flux_t *h = flux_open (arg, FLUX_O_NONBLOCK);
    struct pollfd pfd = { .fd = flux_pollfd (h), .events = POLLIN };
    flux_msg_t *msg = request ("chat"), *got;
    uint32_t sent = 0, received = 0;
    intptr_t good = 1;

    while (sent < FLOOD || received < FLOOD) {
        int events = flux_pollevents (h);

        if ((events & FLUX_POLLIN) && (got = flux_recv (h, FLUX_MATCH_ANY, 0))) {
            good = good && flux_msg_cmp_matchtag (got, received);
            received++;
            flux_msg_destroy (got);
        }
        else if ((events & FLUX_POLLOUT) && sent < FLOOD) {
            flux_msg_set_matchtag (msg, sent);
            if (flux_send (h, msg, 0) == 0)
                sent++;
        }
        else if (events & FLUX_POLLERR)
            break;
        else if (poll (&pfd, 1, 60000) == 0)
            bail_out ("a wake-up was lost at %u sent, %u received", sent, received);
    }
    good = good && received == FLOOD;
    flux_msg_destroy (msg);
    flux_close (h);
    return (void *)good;
}

static void both_directions (void)
{
    pthread_t t[2];
    void *good[2] = { NULL, NULL };

    for (int i = 0; i < 2; i++) {
        if (pthread_create (&t[i], NULL, chatter, "interthread://chat") != 0)
            bail_out ("cannot start");
    }
    for (int i = 0; i < 2; i++)
        pthread_join (t[i], &good[i]);
    ok (good[0] && good[1], "two floods pass each other");
}

/* Channels come and go while others do. */
static void *opener (void *arg)
{
    for (int i = 0; i < 500; i++) {
        char uri[64];
        flux_t *h[2];
        flux_msg_t *msg = request ("x");

        snprintf (uri, sizeof (uri), "interthread://%s.%d", (char *)arg, i);
        open_pair (uri, h, 0);
        if (flux_send_new (h[0], &msg, 0) < 0)
            bail_out ("send: %s", strerror (errno));
        flux_close (h[0]);
        flux_msg_destroy (flux_recv (h[1], FLUX_MATCH_ANY, 0));
        flux_close (h[1]);
    }
    return NULL;
}

static void many_channels (void)
{
    pthread_t t[4];
    static char *name[] = { "a", "b", "c", "d" };

    for (int i = 0; i < 4; i++) {
        if (pthread_create (&t[i], NULL, opener, name[i]) != 0)
            bail_out ("cannot start");
    }
    for (int i = 0; i < 4; i++)
        pthread_join (t[i], NULL);
    ok (true, "four threads open and close channels");
}

int main (void)
{
    names ();
    same_pointer ();
    before_the_peer ();
    end_of_channel ();
    router_name ();
    polling ();
    full ();
    ping_pong ("blocking", "interthread://ping", echo_blocking, false);
    ping_pong ("polled", "interthread://ping", echo_polled, true);
    throughput ("blocking", "interthread://flood", false);
    throughput ("polled", "interthread://flood", true);
    objects ();
    cancelled ();
    both_directions ();
    many_channels ();
    return done_testing ();
}
