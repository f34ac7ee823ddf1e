#include "config.h"
#include <pthread.h>
#include <stdio.h>
#include <flux/core.h>

#include "common/tap.h"

/* A server in a thread of its own, reached by interthread://. */

static void echo_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *s;

    if (flux_request_decode (msg, NULL, &s) < 0)
        flux_respond_error (h, msg, errno, NULL);
    else
        flux_respond (h, msg, s);
}

static void fail_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_respond_error (h, msg, EDOM, "out of the domain");
}

static void count_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    int n;

    if (flux_request_unpack (msg, NULL, "{s:i}", "n", &n) < 0) {
        flux_respond_error (h, msg, errno, flux_msg_last_error (msg));
        return;
    }
    for (int i = 0; i < n; i++)
        flux_respond_pack (h, msg, "{s:i}", "i", i);
    flux_respond_error (h, msg, ENODATA, NULL);
}

static const flux_msg_t *held;

static void hold_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_msg_decref (held);
    held = flux_msg_incref (msg);
}

static void
release_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_msg_t *ev;

    if (held)
        flux_respond (h, held, "held");
    flux_msg_decref (held);
    held = NULL;
    ev = flux_event_encode ("test.released", NULL);
    flux_msg_set_rolemask (ev, FLUX_ROLE_OWNER);
    flux_send (h, ev, 0);
    flux_msg_destroy (ev);
    flux_respond (h, msg, NULL);
}

static void stop_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_respond (h, msg, NULL);
    flux_reactor_stop (flux_get_reactor (h));
}

static const struct flux_msg_handler_spec tab[] = {
    { FLUX_MSGTYPE_REQUEST, "test.echo", echo_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "test.fail", fail_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "test.count", count_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "test.hold", hold_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "test.release", release_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "test.stop", stop_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static void *server (void *arg)
{
    flux_t *h;
    flux_msg_handler_t **handlers;

    if (!(h = flux_open ("interthread://rpc_test", 0)))
        bail_out ("server: flux_open failed");
    must (flux_msg_handler_addvec (h, tab, NULL, &handlers) == 0);
    must (flux_reactor_run (flux_get_reactor (h), 0) >= 0);
    flux_msg_handler_delvec (handlers);
    flux_msg_decref (held);
    flux_close (h);
    return NULL;
}

static void blocking (flux_t *h)
{
    flux_future_t *f;
    const char *s;
    int i;

    f = flux_rpc (h, "test.echo", "hello", FLUX_NODEID_ANY, 0);
    ok (flux_rpc_get (f, &s) == 0, "a blocking RPC succeeds");
    is (s, "hello", "with the server's answer");
    flux_future_destroy (f);
    f = flux_rpc (h, "test.fail", NULL, FLUX_NODEID_ANY, 0);
    errno = 0;
    ok (flux_rpc_get (f, &s) < 0 && errno == EDOM, "an error response is its errno");
    is (flux_future_error_string (f), "out of the domain", "and its text");
    flux_future_destroy (f);
    f = flux_rpc_pack (h, "test.count", FLUX_NODEID_ANY, FLUX_RPC_STREAMING, "{s:i}", "n",
                       3);
    for (i = 0; i < 3; i++) {
        int got = -1;
        ok (flux_rpc_get_unpack (f, "{s:i}", "i", &got) == 0 && got == i, "streamed %d",
            i);
        flux_future_reset (f);
    }
    errno = 0;
    ok (flux_rpc_get (f, NULL) < 0 && errno == ENODATA, "and its end");
    flux_future_destroy (f);
    f = flux_rpc (h, "test.nosuch", NULL, FLUX_NODEID_ANY, 0);
    errno = 0;
    ok (flux_rpc_get (f, NULL) < 0 && errno == ENOSYS, "no handler is ENOSYS");
    is (flux_future_error_string (f), "Unknown service method 'test.nosuch'", "named");
    flux_future_destroy (f);
}

static void arguments (flux_t *h)
{
    flux_future_t *f;
    flux_msg_t *msg;

    errno = 0;
    ok (!flux_rpc (NULL, "a", NULL, 0, 0) && errno == EINVAL, "no handle is EINVAL");
    errno = 0;
    ok (!flux_rpc (h, NULL, NULL, 0, 0) && errno == EINVAL, "no topic is EINVAL");
    errno = 0;
    ok (!flux_rpc (h, "a", NULL, 0, 4) && errno == EINVAL, "unknown flags are EINVAL");
    errno = 0;
    ok (!flux_rpc_pack (h, "a", 0, 0, "[i]", 1) && errno == EINVAL,
        "a payload that is no object is EINVAL");
    errno = 0;
    ok (!flux_rpc_message (h, NULL, 0, 0) && errno == EINVAL, "no message is EINVAL");
    msg = flux_event_encode ("a", NULL);
    errno = 0;
    ok (!flux_rpc_message (h, msg, 0, 0) && errno == EINVAL, "an event is EINVAL");
    flux_msg_destroy (msg);
    is_int (flux_matchtag_avail (h), 1023, "none of this takes a matchtag");

    f = flux_rpc (h, "test.echo", "x", FLUX_NODEID_ANY, FLUX_RPC_NORESPONSE);
    ok (flux_future_get (f, NULL) == 0, "NORESPONSE is fulfilled at once");
    errno = 0;
    ok (flux_rpc_get (f, NULL) < 0 && errno == EINVAL, "but there is no response to get");
    is_int (flux_rpc_get_matchtag (f), 0, "it has no matchtag");
    flux_future_destroy (f);

    f = flux_future_create (NULL, NULL);
    is_int (flux_rpc_get_matchtag (f), 0, "nor has what is no RPC");
    flux_future_destroy (f);

    f = flux_rpc (h, "test.echo", "not json", FLUX_NODEID_ANY, 0);
    is_int (flux_rpc_get_nodeid (f), FLUX_NODEID_ANY, "the nodeid is as given");
    is_int (flux_rpc_get_matchtag (f), 1, "the matchtag is the lowest free one");
    errno = 0;
    ok (flux_rpc_get_unpack (f, "{s:i}", "i", &(int){ 0 }) < 0 && errno == EPROTO,
        "a payload of another shape is EPROTO");
    ok (!flux_future_has_error (f), "of which the future knows nothing");
    flux_future_destroy (f);
}

static void messages (flux_t *h)
{
    flux_msg_t *msg = flux_request_encode ("test.echo", "foo");
    flux_future_t *f = flux_rpc_message (h, msg, FLUX_NODEID_ANY, 0);
    uint32_t matchtag = 9;
    const char *s;
    const void *data;
    size_t len;

    ok (f && flux_rpc_get (f, &s) == 0 && !strcmp (s, "foo"), "rpc_message");
    ok (flux_msg_get_matchtag (msg, &matchtag) == 0 && matchtag == 0,
        "leaves the message as it was");
    flux_msg_destroy (msg);
    ok (flux_future_get (f, (const void **)&msg) == 0
            && flux_response_decode (msg, NULL, &s) == 0,
        "future_get yields the response message");
    flux_future_destroy (f);
    f = flux_rpc_raw (h, "test.echo", "bar", 4, FLUX_NODEID_ANY, 0);
    ok (flux_rpc_get_raw (f, &data, &len) == 0 && len == 4, "rpc_raw");
    flux_future_destroy (f);
    f = flux_rpc (h, "test.echo", NULL, FLUX_NODEID_ANY, 0);
    ok (flux_rpc_get (f, &s) == 0 && !s, "no payload is NULL");
    flux_future_destroy (f);
}

/* The two ways to wait: by receiving, and by a private reactor. */
static void ways_to_wait (flux_t *h)
{
    flux_future_t *f;
    const char *s;
    int i;

    flux_flags_set (h, FLUX_O_NONBLOCK);
    f = flux_rpc (h, "test.echo", "x", FLUX_NODEID_ANY, 0);
    ok (flux_rpc_get (f, &s) == 0 && !strcmp (s, "x"), "get waits on a NONBLOCK handle");
    flux_future_destroy (f);
    flux_flags_unset (h, FLUX_O_NONBLOCK);
    f = flux_rpc_pack (h, "test.count", FLUX_NODEID_ANY, FLUX_RPC_STREAMING, "{s:i}", "n",
                       6);
    for (i = 0; i < 6; i++) {
        int got = -1;

        ok (flux_future_wait_for (f, i % 2 ? 60. : -1.) == 0
                && flux_rpc_get_unpack (f, "{s:i}", "i", &got) == 0 && got == i,
            "a stream by both in turn: %d", i);
        flux_future_reset (f);
    }
    ok (flux_future_wait_for (f, 60.) == 0 && flux_rpc_get (f, NULL) < 0, "to its end");
    flux_future_reset (f);
    errno = 0;
    ok (flux_future_get (f, NULL) < 0 && errno == EDEADLOCK,
        "beyond which a wait is EDEADLOCK");
    flux_future_destroy (f);
}

/* Continuations */

static char trace[256];

static void note_cb (flux_future_t *f, void *arg)
{
    size_t n = strlen (trace);
    const char *s;

    if (flux_rpc_get (f, &s) < 0) {
        snprintf (trace + n, sizeof (trace) - n, "!%d ", errno);
        flux_future_destroy (f);
        return;
    }
    snprintf (trace + n, sizeof (trace) - n, "%s ", s ? s : "NULL");
    flux_future_reset (f);
    if (arg)
        flux_future_destroy (f);
}

static void event_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    strncat (trace, "event ", sizeof (trace) - strlen (trace) - 1);
    if (arg)
        flux_reactor_stop (flux_get_reactor (h));
}

static void asynchronous (flux_t *h)
{
    flux_reactor_t *r = flux_get_reactor (h);
    flux_future_t *f;

    trace[0] = '\0';
    f = flux_rpc (h, "test.echo", "one", FLUX_NODEID_ANY, 0);
    flux_future_then (f, -1., note_cb, "x");
    is_int (flux_reactor_run (r, 0), 0, "the reactor runs until the RPC is over");
    is (trace, "one ", "and continues it");
    trace[0] = '\0';
    f = flux_rpc_pack (h, "test.count", FLUX_NODEID_ANY, FLUX_RPC_STREAMING, "{s:i}", "n",
                       3);
    flux_future_then (f, -1., note_cb, NULL);
    flux_reactor_run (r, 0);
    is (trace, "{\"i\":0} {\"i\":1} {\"i\":2} !61 ", "a stream, in order, to its end");
    trace[0] = '\0';
    f = flux_rpc (h, "test.hold", NULL, FLUX_NODEID_ANY, 0);
    flux_future_then (f, 0.01, note_cb, NULL);
    flux_reactor_run (r, 0);
    is (trace, "!110 ", "then may time out");
}

/* Wait until the server has handled all that was sent before. */
static void barrier (flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "test.echo", NULL, FLUX_NODEID_ANY, 0);

    must (flux_future_get (f, NULL) == 0);
    flux_future_destroy (f);
}

static flux_msg_handler_t *catch_events (flux_t *h, void *arg)
{
    struct flux_match match = flux_match_init (FLUX_MSGTYPE_EVENT, 0, "test.released");
    flux_msg_handler_t *mh = flux_msg_handler_create (h, match, event_cb, arg);

    must (mh != NULL);
    flux_msg_handler_start (mh);
    return mh;
}

/* Ask the server to answer test.hold, send an event, and answer this. */
static void release (flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "test.release", NULL, FLUX_NODEID_ANY, 0);

    must (flux_future_get (f, NULL) == 0);
    flux_future_destroy (f);
}

/* Let the dispatcher have all that is waiting. */
static void drain (flux_t *h)
{
    flux_msg_handler_t *mh = catch_events (h, NULL);

    barrier (h);
    while (flux_pollevents (h) & FLUX_POLLIN)
        must (flux_reactor_run (flux_get_reactor (h), FLUX_REACTOR_NOWAIT) >= 0);
    flux_msg_handler_destroy (mh);
}

static void early_response (flux_t *h)
{
    flux_reactor_t *r = flux_get_reactor (h);
    flux_msg_handler_t *mh = catch_events (h, "stop");
    flux_future_t *f = flux_rpc (h, "test.hold", NULL, FLUX_NODEID_ANY, 0);
    const char *s;

    trace[0] = '\0';
    release (h);
    flux_reactor_run (r, 0);
    is (trace, "event ", "a response came before anybody listened");
    ok (flux_future_is_ready (f), "it was kept");
    ok (flux_rpc_get (f, &s) == 0 && !strcmp (s, "held"), "and can be had");
    flux_future_destroy (f);
    flux_msg_handler_destroy (mh);
}

/* What arrives for others during a wait is not lost, however it ends. */
static void expired_wait (flux_t *h)
{
    flux_reactor_t *r = flux_get_reactor (h);
    flux_msg_handler_t *mh = catch_events (h, "stop");
    flux_future_t *held_rpc = flux_rpc (h, "test.hold", NULL, FLUX_NODEID_ANY, 0);
    flux_future_t *never;
    const char *s;

    barrier (h);
    release (h); /* its wait sees the event and the response to test.hold */
    never = flux_rpc (h, "test.hold", NULL, FLUX_NODEID_ANY, 0);
    errno = 0;
    ok (flux_future_wait_for (never, 0.01) < 0 && errno == ETIMEDOUT, "a wait expires");
    ok (flux_future_get_flux (never) == h && flux_future_get_reactor (never) == r,
        "the future is back in its user's context");
    trace[0] = '\0';
    flux_future_then (held_rpc, -1., note_cb, "destroy");
    flux_reactor_run (r, 0);
    is (trace, "held event ", "what came during waits is there, in order");
    flux_future_destroy (never);
    release (h);
    flux_reactor_run (r, 0);
    is (trace, "held event event ", "also after the waiting future was destroyed");
    is_int (flux_matchtag_avail (h), 1023, "its late response gave the matchtag back");

    held_rpc = flux_rpc (h, "test.hold", NULL, FLUX_NODEID_ANY, 0);
    ok (flux_future_wait_for (held_rpc, 0.001) < 0, "another wait expires");
    release (h);
    flux_reactor_run (r, 0);
    ok (flux_rpc_get (held_rpc, &s) == 0 && !strcmp (s, "held"),
        "the response that the reactor saw later is its result");
    flux_future_destroy (held_rpc);
    flux_msg_handler_destroy (mh);
}

static void abandoned (flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "test.hold", NULL, FLUX_NODEID_ANY, 0);
    flux_msg_handler_t *mh;

    flux_future_destroy (f);
    is_int (flux_matchtag_avail (h), 1022, "an RPC that was given up keeps its matchtag");
    release (h);
    is_int (flux_matchtag_avail (h), 1022, "while its response waits");
    mh = catch_events (h, "stop");
    flux_reactor_run (flux_get_reactor (h), 0);
    is_int (flux_matchtag_avail (h), 1023, "until the dispatcher has dropped that");
    flux_msg_handler_destroy (mh);
}

static void continue_cb (flux_future_t *prev, void *arg)
{
    flux_t *h = arg;
    const char *s;
    flux_future_t *f;

    must (flux_rpc_get (prev, &s) == 0);
    f = flux_rpc_pack (h, "test.echo", FLUX_NODEID_ANY, 0, "{s:s}", "first", s);
    must (f && flux_future_continue (prev, f) == 0);
    flux_future_destroy (prev);
}

static void destroy_cb (flux_future_t *f, void *arg)
{
    flux_future_destroy (f);
}

static flux_future_t *chain (flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "test.echo", "one", FLUX_NODEID_ANY, 0);

    return flux_future_and_then (f, continue_cb, h);
}

static flux_future_t *many (flux_t *h, int n)
{
    flux_future_t *cf = flux_future_wait_all_create ();

    flux_future_set_flux (cf, h);
    for (int i = 0; i < n; i++)
        flux_future_push (cf, NULL, flux_rpc (h, "test.echo", "x", FLUX_NODEID_ANY, 0));
    return cf;
}

static void combined (flux_t *h)
{
    flux_reactor_t *r = flux_get_reactor (h);
    flux_future_t *f, *held_rpc;
    const char *s;

    f = chain (h);
    ok (flux_rpc_get (f, &s) == 0 && !strcmp (s, "{\"first\":\"one\"}"),
        "a chain of RPCs");
    flux_future_destroy (f);
    trace[0] = '\0';
    flux_future_then (chain (h), -1., note_cb, "destroy");
    flux_reactor_run (r, 0);
    is (trace, "{\"first\":\"one\"} ", "also by the reactor");

    f = many (h, 100);
    ok (flux_future_get (f, NULL) == 0, "a wait for a hundred RPCs");
    ok (flux_rpc_get (flux_future_get_child (f, "99"), &s) == 0 && !strcmp (s, "x"),
        "whose responses are with the children");
    flux_future_destroy (f);
    trace[0] = '\0';
    f = many (h, 10);
    held_rpc = flux_rpc (h, "test.hold", NULL, FLUX_NODEID_ANY, 0);
    flux_future_push (f, "held", held_rpc);
    flux_future_then (f, -1., destroy_cb, NULL);
    errno = 0;
    ok (flux_future_wait_for (f, 0.01) < 0 && errno == ETIMEDOUT,
        "a wait for all expires");
    release (h);
    ok (flux_future_wait_for (f, 60.) == 0, "and a second one succeeds");
    flux_reactor_run (r, 0);
    f = many (h, 10);
    flux_future_push (f, "held", flux_rpc (h, "test.hold", NULL, FLUX_NODEID_ANY, 0));
    ok (flux_future_wait_for (f, 0.01) < 0, "another expires");
    release (h);
    flux_future_then (f, -1., destroy_cb, NULL);
    is_int (flux_reactor_run (r, 0), 0, "and then the reactor completes it");
    is_int (flux_matchtag_avail (h), 1023, "all matchtags are back");
}

/* Events are for everybody: a handler on the clone of a wait takes none away. */
static void end_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    event_cb (h, mh, msg, NULL);
    flux_future_fulfill (arg, NULL, NULL);
}

static void init_cb (flux_future_t *f, void *arg)
{
    flux_t *h = flux_future_get_flux (f);
    struct flux_match match = flux_match_init (FLUX_MSGTYPE_EVENT, 0, "test.released");
    flux_msg_handler_t *mh = flux_msg_handler_create (h, match, end_cb, f);

    flux_msg_handler_start (mh);
    flux_future_aux_set (f, NULL, mh, (flux_free_f)flux_msg_handler_destroy);
    ok (h != arg && flux_future_get_reactor (f) == flux_get_reactor (h),
        "init in a wait sees a clone, bound to the private reactor");
}

static void events_in_waits (flux_t *h)
{
    flux_future_t *f = flux_future_create (init_cb, h);
    flux_future_t *f2 = flux_rpc (h, "test.release", NULL, FLUX_NODEID_ANY, 0);
    flux_msg_handler_t *mh;

    flux_future_set_flux (f, h);
    trace[0] = '\0';
    ok (flux_future_wait_for (f, 60.) == 0, "a wait that an event ends");
    is (trace, "event ", "handles it");
    flux_future_destroy (f);
    mh = catch_events (h, "stop");
    flux_reactor_run (flux_get_reactor (h), 0);
    is (trace, "event event ", "which the handle gets as well");
    ok (flux_future_get (f2, NULL) == 0, "and a response came through");
    flux_future_destroy (f2);
    flux_msg_handler_destroy (mh);
}

static void closed_handle (void)
{
    flux_t *h = flux_open ("loop://", 0);
    flux_future_t *f = flux_rpc (h, "x", NULL, FLUX_NODEID_ANY, 0);
    flux_future_t *g = flux_rpc (h, "x", NULL, FLUX_NODEID_ANY, 0);

    flux_future_then (f, -1., note_cb, NULL);
    ok (flux_future_wait_for (g, 0.001) < 0, "an open RPC in each context");
    flux_close (h);
    flux_future_destroy (f);
    flux_future_destroy (g);
    ok (true, "futures may outlive flux_close");
}

int main (void)
{
    pthread_t t;
    flux_t *h;
    flux_future_t *f;

    pthread_create (&t, NULL, server, NULL);
    if (!(h = flux_open ("interthread://rpc_test", 0)))
        bail_out ("flux_open failed");
    blocking (h);
    arguments (h);
    messages (h);
    ways_to_wait (h);
    asynchronous (h);
    release (h); /* what asynchronous () left */
    drain (h);
    early_response (h);
    expired_wait (h);
    abandoned (h);
    combined (h);
    drain (h);
    events_in_waits (h);
    f = flux_rpc (h, "test.stop", NULL, FLUX_NODEID_ANY, 0);
    ok (flux_rpc_get (f, NULL) == 0, "stop");
    flux_future_destroy (f);
    pthread_join (t, NULL);
    flux_close (h);
    closed_handle ();
    return done_testing ();
}
