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

static void release_cb (flux_t *h,
                        flux_msg_handler_t *mh,
                        const flux_msg_t *msg,
                        void *arg)
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
    f = flux_rpc_pack (h, "test.count", FLUX_NODEID_ANY, FLUX_RPC_STREAMING, "{s:i}", "n", 3);
    for (i = 0; i < 3; i++) {
        int got = -1;
        ok (flux_rpc_get_unpack (f, "{s:i}", "i", &got) == 0 && got == i, "streamed %d", i);
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

int main (void)
{
    pthread_t t;
    flux_t *h;
    flux_future_t *f;

    pthread_create (&t, NULL, server, NULL);
    if (!(h = flux_open ("interthread://rpc_test", 0)))
        bail_out ("flux_open failed");
    blocking (h);
    f = flux_rpc (h, "test.stop", NULL, FLUX_NODEID_ANY, 0);
    ok (flux_rpc_get (f, NULL) == 0, "stop");
    flux_future_destroy (f);
    is_int (flux_matchtag_avail (h), 1023, "all matchtags are back");
    pthread_join (t, NULL);
    flux_close (h);
    return done_testing ();
}
