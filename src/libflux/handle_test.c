#include "config.h"
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <flux/core.h>
#include <flux/core/connector.h>

#include "common/tap.h"
#include "common/util.h"

#define fails(expr, e, ...)                       \
    do {                                          \
        errno = 0;                                \
        ok ((expr) && errno == (e), __VA_ARGS__); \
    } while (0)

static flux_msg_t *request (const char *topic)
{
    flux_msg_t *msg = flux_msg_create (FLUX_MSGTYPE_REQUEST);

    if (!msg || flux_msg_set_topic (msg, topic) < 0)
        bail_out ("out of memory");
    return msg;
}

static bool fd_readable (int fd)
{
    struct pollfd pfd = { .fd = fd, .events = POLLIN };

    return poll (&pfd, 1, 0) == 1;
}

/* Receive anything; true if it has that topic. */
static bool next_is (flux_t *h, const char *topic)
{
    flux_msg_t *msg = flux_recv (h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK);
    const char *s;
    bool good = msg && flux_msg_get_topic (msg, &s) == 0 && strcmp (s, topic) == 0;

    flux_msg_destroy (msg);
    return good;
}

static void send_all (flux_t *h, const char *topics)
{
    char topic[2] = "";

    for (; *topics; topics++) {
        topic[0] = *topics;
        flux_msg_t *msg = request (topic);

        if (flux_send (h, msg, 0) < 0)
            bail_out ("flux_send: %s", strerror (errno));
        flux_msg_destroy (msg);
    }
}

static void opening (void)
{
    static const struct {
        const char *uri;
        int errnum;
        const char *text;
    } bad[] = {
        { "foo://bar", ENOENT, "Unable to find connector name 'foo'" },
        { "foo", ENOENT, "Unable to find connector name 'foo'" },
        { " loop://", ENOENT, "Unable to find connector name ' loop'" },
        { "", ENOENT, "Unable to find connector name ''" },
        { "../x/y://z", EINVAL, "../x/y://z: invalid URI path element 'x'" },
        { "local:///nosuch/socket", ENOENT,
          "broker socket /nosuch/socket was not found" },
        { "local://", EINVAL, NULL },
        { "local://  ", EINVAL, NULL },
        { "local", EINVAL, NULL },
        { "fd://x", EINVAL, "error parsing file descriptor" },
        { "fd://", EINVAL, "error parsing file descriptor" },
        { "fd://1x", EINVAL, "error parsing file descriptor" },
        { "./foo", EINVAL, "./foo: invalid URI path element 'foo'" },
        { "/x", EINVAL, "/x: invalid URI" },
    };
    flux_error_t error;
    flux_t *h;

    setenv ("FLUX_LOCAL_CONNECTOR_RETRY_COUNT", "0", 1);
    for (size_t i = 0; i < ARRAY_SIZE (bad); i++) {
        error.text[0] = '\0';
        fails (!flux_open_ex (bad[i].uri, 0, &error), bad[i].errnum, "'%s': %s",
               bad[i].uri, strerror (bad[i].errnum));
        if (bad[i].text)
            is (error.text, bad[i].text, "... and says so");
        else
            ok (error.text[0], "... and says: %s", error.text);
    }
    fails (!flux_open_ex ("loop://", 0x1000, &error), EINVAL, "an unknown flag");
    is (error.text, "invalid flags specified", "... is named");
    fails (!flux_open ("loop://", FLUX_O_CLONE), EINVAL, "CLONE is not for users");
    setenv ("FLUX_LOCAL_CONNECTOR_RETRY_COUNT", "many", 1);
    fails (!flux_open ("local:///nosuch/socket", 0), EINVAL, "a retry count is a number");
    unsetenv ("FLUX_LOCAL_CONNECTOR_RETRY_COUNT");
    setenv ("FLUX_URI", "loop://", 1);
    h = flux_open (NULL, FLUX_O_MATCHDEBUG);
    ok (h && flux_flags_get (h) == FLUX_O_MATCHDEBUG, "FLUX_URI is the default");
    flux_close (h);
    unsetenv ("FLUX_URI");
    flux_close (NULL);
    flux_decref (NULL);
    ok (!flux_incref (NULL), "no handle, no reference");
}

static void small_things (void)
{
    flux_t *h = flux_open ("loop://", 0);
    uint32_t u = 0;

    flux_flags_set (h, FLUX_O_TRACE | FLUX_O_RPCTRACK | FLUX_O_NOREQUEUE);
    ok (flux_flags_get (h) == FLUX_O_TRACE, "flags of the opening cannot be set later");
    flux_flags_unset (h, FLUX_O_TRACE);
    ok (flux_flags_get (h) == 0, "others can be cleared");
    fails (flux_flags_get (NULL) < 0, EINVAL, "flags of nothing");
    ok (flux_aux_set (h, "a", "b", NULL) == 0 && flux_aux_get (h, "a") != NULL, "aux");
    fails (flux_aux_set (NULL, "a", "b", NULL) < 0, EINVAL, "aux of nothing");
    fails (!flux_aux_get (NULL, "a"), EINVAL, "aux of nothing");
    ok (flux_opt_get (h, FLUX_OPT_TESTING_USERID, &u, sizeof (u)) == 0 && u == getuid (),
        "a loop's user is this one");
    ok (flux_opt_get (h, FLUX_OPT_TESTING_ROLEMASK, &u, sizeof (u)) == 0
            && u == FLUX_ROLE_OWNER,
        "... its owner");
    u = 42;
    ok (flux_opt_set (h, FLUX_OPT_TESTING_USERID, &u, sizeof (u)) == 0, "or another");
    fails (flux_opt_set (h, FLUX_OPT_TESTING_USERID, &u, 2) < 0, EINVAL, "wrong length");
    fails (flux_opt_set (h, FLUX_OPT_TESTING_USERID, NULL, 4) < 0, EINVAL, "no value");
    fails (flux_opt_set (h, "flux::nosuch", &u, 4) < 0, EINVAL, "unknown option");
    fails (flux_opt_get (h, "flux::nosuch", &u, 4) < 0, EINVAL, "unknown option");
    fails (flux_opt_set (h, NULL, &u, 4) < 0, EINVAL, "no option");
    fails (flux_opt_get (NULL, "x", &u, 4) < 0, EINVAL, "no handle");
    fails (flux_reconnect (NULL) < 0, EINVAL, "reconnect nothing");
    fails (flux_reconnect (h) < 0, ENOSYS, "a loop cannot reconnect");
    fails (flux_pollevents (NULL) < 0, EINVAL, "events of nothing");
    fails (flux_pollfd (NULL) < 0, EINVAL, "descriptor of nothing");
    fails (!flux_clone (NULL), EINVAL, "clone nothing");
    flux_close (h);
}

static void sending (void)
{
    flux_t *h = flux_open ("loop://", 0);
    flux_msg_t *msg = request ("a"), *got;
    struct flux_msg_cred cred;
    flux_msgcounters_t mcs;

    fails (flux_send (NULL, msg, 0) < 0, EINVAL, "send: no handle");
    fails (flux_send (h, NULL, 0) < 0, EINVAL, "send: no message");
    fails (flux_send (h, msg, FLUX_O_TRACE) < 0, EINVAL, "send: NONBLOCK only");
    fails (!flux_recv (h, FLUX_MATCH_ANY, FLUX_O_TRACE), EINVAL, "recv: NONBLOCK only");
    fails (!flux_recv (NULL, FLUX_MATCH_ANY, 0), EINVAL, "recv: no handle");
    fails (!flux_recv (h, FLUX_MATCH_ANY, 0), EWOULDBLOCK, "a loop never blocks");
    ok (flux_send (h, msg, 0) == 0, "a message is sent");
    got = flux_recv (h, FLUX_MATCH_ANY, 0);
    ok (got && got != msg, "... and received");
    ok (flux_msg_get_cred (got, &cred) == 0 && cred.userid == getuid ()
            && cred.rolemask == FLUX_ROLE_OWNER,
        "... with a credential");
    flux_msg_destroy (got);
    fails (flux_send_new (h, NULL, 0) < 0, EINVAL, "send_new: nowhere");
    flux_msg_incref (msg);
    fails (flux_send_new (h, &msg, 0) < 0, EINVAL, "send_new: not the only holder");
    flux_msg_decref (msg);
    got = NULL;
    fails (flux_send_new (h, &got, 0) < 0, EINVAL, "send_new: no message");
    ok (flux_send_new (h, &msg, 0) == 0 && !msg, "send_new");
    flux_get_msgcounters (h, &mcs);
    ok (mcs.request_tx == 2 && mcs.request_rx == 1 && mcs.event_tx == 0, "are counted");
    flux_clr_msgcounters (h);
    flux_get_msgcounters (h, &mcs);
    ok (mcs.request_tx == 0 && mcs.request_rx == 0, "counters can be cleared");
    ok (next_is (h, "a"), "the second message");
    {
        uint32_t limit = 2;

        ok (flux_opt_set (h, "flux::message_count_limit", &limit, sizeof (limit)) == 0,
            "a loop can be limited");
        send_all (h, "ab");
        ok (flux_pollevents (h) == FLUX_POLLIN, "a full one takes nothing");
        msg = request ("c");
        fails (flux_send (h, msg, 0) < 0, EWOULDBLOCK, "... really");
        flux_msg_destroy (msg);
    }
    flux_close (h);
}

static void matching (void)
{
    flux_t *h = flux_open ("loop://", 0);
    struct flux_match match = FLUX_MATCH_ANY;
    flux_msg_t *msg, *c;

    send_all (h, "abcde");
    match.topic_glob = "c";
    c = flux_recv (h, match, 0);
    ok (c != NULL, "a match is found behind others");
    match.topic_glob = "x";
    fails (!flux_recv (h, match, 0), EWOULDBLOCK, "no match, no message");
    match.topic_glob = "d";
    msg = flux_recv (h, match, 0);
    ok (msg != NULL, "one is found among the requeued");
    ok (flux_requeue (h, c, FLUX_RQ_HEAD) == 0
            && flux_requeue (h, msg, FLUX_RQ_TAIL) == 0,
        "messages are put back");
    flux_msg_destroy (c);
    flux_msg_destroy (msg);
    ok (next_is (h, "c") && next_is (h, "a") && next_is (h, "b") && next_is (h, "e")
            && next_is (h, "d"),
        "head, those passed over in order, tail");
    msg = request ("x");
    fails (flux_requeue (h, msg, 0) < 0, EINVAL, "requeue: where?");
    fails (flux_requeue (h, msg, FLUX_RQ_HEAD | FLUX_RQ_TAIL) < 0, EINVAL, "where?");
    fails (flux_requeue (NULL, msg, FLUX_RQ_HEAD) < 0, EINVAL, "requeue: no handle");
    fails (flux_requeue (h, NULL, FLUX_RQ_HEAD) < 0, EINVAL, "requeue: no message");
    flux_close (h);
    h = flux_open ("loop://", FLUX_O_NOREQUEUE);
    fails (flux_requeue (h, msg, FLUX_RQ_HEAD) < 0, EINVAL, "NOREQUEUE means it");
    flux_msg_destroy (msg);
    flux_close (h);
}

static void polling (void)
{
    flux_t *h = flux_open ("loop://", 0);
    flux_msg_t *msg = request ("a"), *got;
    int fd;

    send_all (h, "a");
    fd = flux_pollfd (h);
    ok (fd >= 0 && fd_readable (fd), "what came before counts");
    ok (flux_pollevents (h) == (FLUX_POLLIN | FLUX_POLLOUT), "POLLIN, POLLOUT");
    ok (next_is (h, "a") && flux_pollevents (h) == FLUX_POLLOUT && !fd_readable (fd),
        "then quiet");
    flux_requeue (h, msg, FLUX_RQ_TAIL);
    ok (fd_readable (fd) && (flux_pollevents (h) & FLUX_POLLIN), "requeue wakes");
    got = flux_recv (h, FLUX_MATCH_ANY, 0);
    ok (got == msg, "the same object comes back");
    flux_msg_destroy (got);
    ok (!(flux_pollevents (h) & FLUX_POLLIN) && !fd_readable (fd), "quiet again");
    flux_msg_destroy (msg);
    flux_close (h);
}

static void clones (void)
{
    flux_t *h = flux_open ("loop://", 0);
    flux_t *c = flux_clone (h), *c2 = flux_clone (c);

    ok (flux_flags_get (c) == FLUX_O_CLONE, "a clone says so");
    ok (flux_aux_set (h, "a", "b", NULL) == 0 && !flux_aux_get (c, "a"), "own aux");
    ok (flux_matchtag_alloc (h) == 1 && flux_matchtag_alloc (c) == 2
            && flux_matchtag_alloc (c2) == 3 && flux_matchtag_avail (h) == 1020,
        "one pool of matchtags");
    flux_matchtag_free (h, 2);
    ok (flux_matchtag_alloc (c2) == 2, "freed here, used there");
    send_all (c, "ab");
    ok (next_is (h, "a") && next_is (c2, "b"), "one queue");
    ok (flux_pollfd (h) == flux_pollfd (c), "one descriptor");
    flux_close (h);
    send_all (c, "c");
    ok (next_is (c2, "c"), "the connection lives while a clone does");
    flux_close (c);
    flux_close (c2);
    ok (flux_matchtag_alloc (NULL) == 0 && errno == EINVAL
            && flux_matchtag_avail (NULL) == 0,
        "no handle, no tags");
    flux_matchtag_free (NULL, 1);
}

static void reactor_and_conf (void)
{
    flux_t *h = flux_open ("loop://", 0), *c = flux_clone (h);
    flux_reactor_t *r = flux_reactor_create (0);
    flux_conf_t *conf = flux_conf_pack ("{s:i}", "a", 1);
    uint32_t n = 42;
    int i;

    ok (flux_get_rank (h, &n) == 0 && n == 0 && flux_get_size (h, &n) == 0 && n == 1,
        "a loop is rank 0 of 1");
    fails (!flux_get_reactor (NULL), EINVAL, "reactor of nothing");
    fails (flux_set_reactor (NULL, r) < 0, EINVAL, "reactor for nothing");
    ok (flux_set_reactor (h, r) == 0 && flux_get_reactor (h) == r, "a reactor is set");
    fails (flux_set_reactor (h, r) < 0, EEXIST, "... once");
    ok (flux_get_reactor (c) && flux_get_reactor (c) != r
            && flux_get_reactor (c) == flux_get_reactor (c),
        "a clone makes its own");
    fails (flux_set_reactor (c, r) < 0, EEXIST, "... and keeps it");
    fails (!flux_get_conf (NULL), EINVAL, "configuration of nothing");
    fails (flux_set_conf_new (NULL, conf) < 0, EINVAL, "configuration for nothing");
    ok (flux_get_conf (h)
            && flux_conf_unpack (flux_get_conf (h), NULL, "{s:i}", "a", &i) < 0,
        "an empty configuration is made");
    ok (flux_set_conf_new (h, conf) == 0 && flux_get_conf (h) == conf, "one is set");
    ok (flux_get_conf (c) == conf, "a clone sees it");
    ok (flux_set_conf_new (h, NULL) == 0 && flux_get_conf (h)
            && flux_conf_unpack (flux_get_conf (h), NULL, "{s:i}", "a", &i) < 0,
        "NULL forgets it");
    flux_close (c);
    flux_close (h);
    flux_reactor_destroy (r);
}

/* A connector of somebody else's. */

struct foreign {
    int evfd;
    int queued;
    int fail; /* errno of the next operations */
    int destroyed;
    int reconnects;
};

static int foreign_pollfd (void *impl)
{
    struct foreign *f = impl;

    return f->evfd;
}

static int foreign_pollevents (void *impl)
{
    struct foreign *f = impl;

    if (f->fail)
        return FLUX_POLLERR;
    return FLUX_POLLOUT | (f->queued ? FLUX_POLLIN : 0);
}

static int foreign_send (void *impl, const flux_msg_t *msg, int flags)
{
    struct foreign *f = impl;

    if (f->fail) {
        errno = f->fail;
        return -1;
    }
    f->queued++;
    eventfd_write (f->evfd, 1);
    return 0;
}

static flux_msg_t *foreign_recv (void *impl, int flags)
{
    struct foreign *f = impl;

    if (f->fail || f->queued == 0) {
        errno = f->fail ? f->fail : EWOULDBLOCK;
        return NULL;
    }
    f->queued--;
    return request ("f");
}

static int foreign_reconnect (void *impl)
{
    struct foreign *f = impl;

    f->fail = 0;
    f->reconnects++;
    return 0;
}

static void foreign_destroy (void *impl)
{
    struct foreign *f = impl;

    f->destroyed++;
    close (f->evfd);
}

static const struct flux_handle_ops foreign_ops = {
    .pollfd = foreign_pollfd,
    .pollevents = foreign_pollevents,
    .send = foreign_send,
    .recv = foreign_recv,
    .reconnect = foreign_reconnect,
    .impl_destroy = foreign_destroy,
};

static void send_late (void *arg)
{
    flux_msg_t *msg = request ("late");

    fails (flux_send (arg, msg, 0) < 0, ENOSYS,
           "a handle that is going away sends nothing");
    flux_msg_destroy (msg);
}

static int reconnect_cb (flux_t *h, void *arg)
{
    int *count = arg;

    (*count)++;
    return flux_reconnect (h);
}

static int give_up_cb (flux_t *h, void *arg)
{
    int *count = arg;

    (*count)++;
    errno = EXDEV;
    return -1;
}

static void foreign_connector (void)
{
    struct foreign f = { .evfd = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC) };
    flux_t *h = flux_handle_create (&f, &foreign_ops, 0);
    flux_msg_t *msg = request ("f");
    int fd, count = 0;

    fd = flux_pollfd (h);
    (void)flux_pollevents (h);
    ok (fd >= 0 && fd != f.evfd && !fd_readable (fd), "its descriptor is wrapped");
    flux_send (h, msg, 0);
    ok (fd_readable (fd) && (flux_pollevents (h) & FLUX_POLLIN) && !fd_readable (fd),
        "one edge, though the level stays");
    flux_requeue (h, msg, FLUX_RQ_TAIL);
    ok (fd_readable (fd), "requeue makes an edge");
    ok (next_is (h, "f") && next_is (h, "f") && !next_is (h, "f") && !fd_readable (fd),
        "receiving until EWOULDBLOCK takes it away");
    fails (flux_opt_set (h, "x", &fd, 4) < 0, EINVAL, "it has no options");
    {
        flux_msg_t *gift = request ("gift");

        ok (flux_send_new (h, &gift, 0) == 0 && !gift, "send_new falls back on send");
        ok (next_is (h, "f"), "...");
    }

    f.fail = ECONNRESET;
    fails (flux_send (h, msg, 0) < 0, ECONNRESET, "an error is an error");
    flux_comms_error_set (h, give_up_cb, &count);
    fails (flux_send (h, msg, 0) < 0, ECONNRESET, "the callback cannot change which");
    ok (count == 1, "it is called once");
    fails (!flux_recv (h, FLUX_MATCH_ANY, 0), ECONNRESET, "also by recv");
    ok (count == 2, "it is called");
    ok ((flux_pollevents (h) & FLUX_POLLERR) && count == 3, "and by pollevents");
    flux_comms_error_set (h, reconnect_cb, &count);
    count = 0;
    ok (flux_send (h, msg, 0) == 0 && count == 1 && f.reconnects == 1,
        "after a reconnect the send goes through");
    f.fail = ECONNRESET;
    ok (next_is (h, "f") && count == 2, "... and the receive");
    f.fail = ECONNRESET;
    ok (flux_pollevents (h) == FLUX_POLLOUT && count == 3, "... and the poll");
    f.fail = EWOULDBLOCK;
    fails (flux_send (h, msg, 0) < 0, EWOULDBLOCK, "a full queue is no lost connection");
    ok (count == 3, "... and not reported as one");
    f.fail = 0;
    flux_aux_set (h, "late", h, send_late);
    flux_msg_destroy (msg);
    flux_close (h);
    ok (f.destroyed == 1, "the connector is destroyed, once");
}

static void foreign_norequeue (void)
{
    struct foreign f = { .evfd = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC), .queued = 1 };
    flux_t *h = flux_handle_create (&f, &foreign_ops, FLUX_O_NOREQUEUE);
    struct flux_match match = FLUX_MATCH_ANY;

    ok (flux_pollfd (h) == f.evfd, "without requeue a descriptor needs no wrapping");
    match.topic_glob = "nosuch";
    fails (!flux_recv (h, match, FLUX_O_NONBLOCK), EWOULDBLOCK, "no match");
    ok ((flux_pollevents (h) & FLUX_POLLIN) && next_is (h, "f"),
        "what was passed over is not lost even so");
    flux_close (h);
}

static void nothing_at_all (void)
{
    static const struct flux_handle_ops none;
    flux_t *h = flux_handle_create (NULL, &none, 0);
    flux_msg_t *msg = request ("x");

    fails (flux_send (h, msg, 0) < 0, ENOSYS, "no send");
    fails (flux_send_new (h, &msg, 0) < 0, ENOSYS, "no send_new");
    fails (!flux_recv (h, FLUX_MATCH_ANY, 0), ENOSYS, "no recv");
    fails (flux_pollfd (h) < 0, ENOSYS, "no pollfd");
    ok (flux_pollevents (h) == 0, "no events");
    fails (!flux_handle_create (NULL, NULL, 0), EINVAL, "no ops, no handle");
    flux_msg_destroy (msg);
    flux_handle_destroy (h);
}

static void tracked_rpcs (void)
{
    struct foreign f = { .evfd = eventfd (0, EFD_NONBLOCK | EFD_CLOEXEC) };
    flux_t *h = flux_handle_create (&f, &foreign_ops, FLUX_O_RPCTRACK);
    flux_msg_t *msg = request ("rpc"), *got;
    const char *s;
    uint32_t tag;
    int errnum;

    flux_msg_set_matchtag (msg, 5);
    flux_send (h, msg, 0);
    flux_msg_set_matchtag (msg, 0);
    flux_send (h, msg, 0);
    flux_msg_set_matchtag (msg, 6);
    flux_msg_set_noresponse (msg);
    flux_send (h, msg, 0);
    f.queued = 0;
    ok (flux_reconnect (h) == 0, "the connection is made anew");
    got = flux_recv (h, FLUX_MATCH_RESPONSE, FLUX_O_NONBLOCK);
    ok (got && flux_msg_get_matchtag (got, &tag) == 0 && tag == 5
            && flux_msg_get_errnum (got, &errnum) == 0 && errnum == ECONNRESET
            && flux_msg_get_string (got, &s) == 0
            && strcmp (s, "RPC aborted due to broker reconnect") == 0,
        "an RPC that was out is answered with ECONNRESET");
    flux_msg_destroy (got);
    fails (!flux_recv (h, FLUX_MATCH_RESPONSE, FLUX_O_NONBLOCK), EWOULDBLOCK,
           "one that expects no response is not");
    ok (flux_reconnect (h) == 0 && !flux_recv (h, FLUX_MATCH_RESPONSE, FLUX_O_NONBLOCK),
        "and only once");
    flux_msg_destroy (msg);
    flux_close (h);
}

int main (void)
{
    opening ();
    small_things ();
    sending ();
    matching ();
    polling ();
    clones ();
    reactor_and_conf ();
    foreign_connector ();
    foreign_norequeue ();
    nothing_at_all ();
    tracked_rpcs ();
    return done_testing ();
}
