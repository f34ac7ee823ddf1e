/* The dispatcher and the reactor: whose turn it is, and what ends it. */

#include "config.h"
#include <flux/core/connector.h>
#include <unistd.h>

#include "dispatch_private.h"
#include "dispatch_test.h"

static void tick_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    strcat (trace, "t");
    flux_watcher_stop (w);
}

static void flood_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    int *count = arg;

    ++*count;
    if (!strchr (trace, 't') && *count < 1000000)
        send_event (h, "flood");
}

static void stop_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    strcat (trace, arg);
    flux_reactor_stop (flux_get_reactor (h));
}

static void fairness (flux_t *h)
{
    flux_reactor_t *r = flux_get_reactor (h);
    flux_watcher_t *t = flux_timer_watcher_create (r, 0., 0., tick_cb, NULL);
    int count = 0;
    flux_msg_handler_t *mh;

    mh = flux_msg_handler_create (h, FLUX_MATCH_EVENT, flood_cb, &count);
    flux_msg_handler_start (mh);
    flux_watcher_start (t);
    clear ();
    send_event (h, "flood");
    run (h);
    is (trace, "t", "a flood of messages does not starve a timer");
    ok (count <= 20 * DISPATCH_BATCH, "a pass takes a bounded batch (%d in 20)", count);
    flux_msg_handler_destroy (mh);
    flux_watcher_destroy (t);

    mh = flux_msg_handler_create (h, FLUX_MATCH_EVENT, stop_cb, "s");
    flux_msg_handler_start (mh);
    clear ();
    send_event (h, "a");
    send_event (h, "b");
    flux_reactor_run (r, 0);
    is (trace, "s", "a handler that stops the reactor is the last of its batch");
    flux_reactor_run (r, 0);
    is (trace, "ss", "the next run goes on with the next message");
    flux_msg_handler_destroy (mh);
}

static flux_future_t *ready;

static void future_cb (flux_future_t *f, void *arg)
{
    strcat (trace, "f");
    flux_future_reset (f);
}

static void
fulfill_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    strcat (trace, "m");
    flux_future_fulfill (ready, NULL, NULL);
}

static void continuations_first (flux_t *h)
{
    flux_msg_handler_t *mh;

    mh = flux_msg_handler_create (h, FLUX_MATCH_EVENT, fulfill_cb, NULL);
    flux_msg_handler_start (mh);
    ready = flux_future_create (NULL, NULL);
    flux_future_set_flux (ready, h);
    flux_future_then (ready, -1., future_cb, NULL);
    clear ();
    for (int i = 0; i < 3; i++)
        send_event (h, "x");
    run (h);
    is (trace, "mfmfmf", "what a message made ready continues before the next message");
    flux_future_destroy (ready);
    flux_msg_handler_destroy (mh);
}

static int seen;

static void handle_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    strcat (trace, "h");
    seen = revents;
}

/* The watcher below the dispatcher. */
static void handle_watchers (flux_t *h)
{
    flux_reactor_t *r = flux_get_reactor (h);
    flux_watcher_t *w = flux_handle_watcher_create (r, h, FLUX_POLLIN, handle_cb, NULL);
    flux_watcher_t *t = flux_timer_watcher_create (r, 0., 0., NULL, NULL);

    errno = 0;
    ok (!flux_handle_watcher_create (r, NULL, FLUX_POLLIN, handle_cb, NULL)
            && errno == EINVAL,
        "a handle watcher needs a handle");
    ok (flux_handle_watcher_get_flux (w) == h, "which can be asked for");
    errno = 0;
    ok (!flux_handle_watcher_get_flux (t) && errno == EINVAL, "on another kind: EINVAL");
    flux_watcher_start (w);
    clear ();
    is_int (flux_reactor_run (r, FLUX_REACTOR_NOWAIT), 1, "it counts as one watcher");
    is (trace, "", "and is silent while there is nothing");
    send_event (h, "x");
    send_event (h, "x");
    for (int i = 0; i < 3; i++)
        flux_reactor_run (r, FLUX_REACTOR_ONCE);
    is (trace, "hhh", "once per pass, as long as there is something");
    is_int (seen, FLUX_POLLIN, "readable");
    for (int i = 0; i < 2; i++)
        flux_msg_destroy (flux_recv (h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK));
    clear ();
    flux_reactor_run (r, FLUX_REACTOR_NOWAIT);
    is (trace, "", "and not when all is read");
    flux_watcher_destroy (w);
    w = flux_handle_watcher_create (r, h, FLUX_POLLOUT, handle_cb, NULL);
    flux_watcher_start (w);
    flux_reactor_run (r, FLUX_REACTOR_ONCE);
    is_int (seen, FLUX_POLLOUT, "writable, if that is asked for");
    flux_watcher_destroy (w);
    flux_watcher_destroy (t);
}

static void closing (void)
{
    flux_t *h = loop_open ();
    flux_msg_handler_t *a = handle (h, FLUX_MSGTYPE_REQUEST, "x", "a");
    flux_msg_handler_t *b = handle (h, FLUX_MSGTYPE_EVENT, "x", "b");

    flux_close (h);
    flux_msg_handler_stop (a);
    flux_msg_handler_start (a);
    flux_msg_handler_destroy (a);
    flux_msg_handler_destroy (b);
    ok (true, "handlers may outlive the handle");
}

/* A connector whose receive fails. */

static int broken_pollfd (void *impl)
{
    return *(int *)impl;
}

static int broken_pollevents (void *impl)
{
    return FLUX_POLLERR;
}

static flux_msg_t *broken_recv (void *impl, int flags)
{
    errno = EPIPE;
    return NULL;
}

static void broken (void)
{
    int fds[2];
    struct flux_handle_ops ops = {
        .pollfd = broken_pollfd,
        .pollevents = broken_pollevents,
        .recv = broken_recv,
    };
    flux_t *h;
    flux_msg_handler_t *mh;
    flux_watcher_t *w;
    flux_future_t *f;

    must (pipe (fds) == 0);
    h = flux_handle_create (&fds[0], &ops, 0);
    mh = handle (h, FLUX_MSGTYPE_EVENT, NULL, "x");
    errno = 0;
    ok (flux_reactor_run (flux_get_reactor (h), 0) < 0 && errno == EPIPE,
        "a connection that fails ends the reactor with its errno");
    flux_msg_handler_destroy (mh);
    w = flux_handle_watcher_create (flux_get_reactor (h), h, FLUX_POLLOUT, handle_cb,
                                    NULL);
    flux_watcher_start (w);
    flux_reactor_run (flux_get_reactor (h), FLUX_REACTOR_ONCE);
    is_int (seen, FLUX_POLLERR, "POLLERR is reported though not asked for");
    flux_watcher_destroy (w);
    errno = 0;
    f = flux_rpc (h, "x", NULL, FLUX_NODEID_ANY, 0);
    ok (!f && errno == ENOSYS, "an RPC that cannot be sent is NULL");
    flux_close (h);
    close (fds[0]);
    close (fds[1]);
}

int main (void)
{
    flux_t *h = loop_open ();

    fairness (h);
    continuations_first (h);
    handle_watchers (h);
    flux_close (h);
    closing ();
    broken ();
    return done_testing ();
}
