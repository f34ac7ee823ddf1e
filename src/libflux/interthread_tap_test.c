/* A tap on one end of a channel: what the other end's thread tells it. */

#include "config.h"
#include <stdio.h>
#include <flux/core.h>

#include "common/tap.h"
#include "common/util.h"

#include "dispatch_private.h"
#include "interthread.h"

/* What the tap saw, a letter for each: s(end), h(old), l(et go), p(repare). */
struct seen {
    char text[64];
    flux_t *h[2]; /* the end with the tap, and the other */
    int wakes;
    bool answer; /* send something when it lets go */
};

static void note (struct seen *s, char c)
{
    size_t len = strlen (s->text);

    if (len + 1 < sizeof (s->text))
        s->text[len] = c;
}

static bool saw (struct seen *s, const char *text)
{
    bool same = strcmp (s->text, text) == 0;

    if (!same)
        diag ("saw '%s', wanted '%s'", s->text, text);
    memset (s->text, 0, sizeof (s->text));
    return same;
}

static int tap_send (void *arg, flux_msg_t **msg, int flags)
{
    note (arg, 's');
    flux_msg_decref (*msg);
    *msg = NULL;
    return 0;
}

static void tap_wake (void *arg, struct waker *w)
{
    struct seen *s = arg;

    s->wakes++;
    waker_fire (w);
}

static void send_event (flux_t *h)
{
    flux_msg_t *msg = flux_event_encode ("x", NULL);

    if (!msg || flux_send_new (h, &msg, 0) < 0)
        bail_out ("send");
}

static void tap_hold (void *arg, bool yes)
{
    struct seen *s = arg;

    note (s, yes ? 'h' : 'l');
    if (!yes && s->answer) {
        s->answer = false;
        send_event (s->h[0]);
    }
}

static void open_both (struct seen *s, struct interthread_tap *tap)
{
    *s = (struct seen){ 0 };
    *tap = (struct interthread_tap){ tap_send, tap_wake, tap_hold, s };
    if (!(s->h[0] = flux_open ("interthread://tap", FLUX_O_NONBLOCK))
        || flux_opt_set (s->h[0], INTERTHREAD_TAP, tap, sizeof (*tap)) < 0
        || !(s->h[1] = flux_open ("interthread://tap", 0)))
        bail_out ("interthread://tap: %s", strerror (errno));
}

static void close_both (struct seen *s)
{
    flux_close (s->h[1]);
    flux_close (s->h[0]);
}

static void event_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    send_event (h);
    flux_reactor_stop (flux_get_reactor (h));
}

static void prepare_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct seen *s = arg;

    note (s, 'p');
    send_event (s->h[1]);
}

static void reactor (void)
{
    struct flux_match match = FLUX_MATCH_EVENT;
    struct interthread_tap tap;
    flux_msg_handler_t *mh;
    flux_watcher_t *w;
    flux_reactor_t *r;
    struct seen s;

    open_both (&s, &tap);
    r = flux_get_reactor (s.h[1]);
    w = flux_prepare_watcher_create (r, prepare_cb, &s);
    mh = flux_msg_handler_create (s.h[1], match, event_cb, &s);
    if (!r || !w || !mh)
        bail_out ("reactor: %s", strerror (errno));
    flux_msg_handler_start (mh);
    flux_watcher_start (w);

    flux_reactor_run (r, FLUX_REACTOR_NOWAIT);
    ok (saw (&s, "pslhl"),
        "it lets go after the last prepare callback, holds after the wait, and lets go "
        "when the run ends");
    send_event (s.h[0]);
    ok (s.wakes == 1, "the sleeper is woken through the tap");
    flux_reactor_run (r, FLUX_REACTOR_ONCE);
    ok (saw (&s, "pslhsl"), "what it sends while it works is sent while it holds");
    send_event (s.h[0]);
    flux_watcher_stop (w);
    flux_reactor_run (r, 0);
    ok (saw (&s, "lhsl"), "also when a run is stopped in the middle");

    flux_watcher_destroy (w);
    flux_msg_handler_destroy (mh);
    close_both (&s);
}

static void blocking (void)
{
    struct interthread_tap tap;
    struct seen s;
    flux_msg_t *msg;

    open_both (&s, &tap);
    s.answer = true;
    msg = flux_recv (s.h[1], FLUX_MATCH_ANY, 0);
    ok (msg && saw (&s, "l"), "a receiver that waits lets go first");
    flux_msg_decref (msg);
    close_both (&s);
}

/* Works for twice as long as wake-ups are put off. */
static void slow_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    double end = flux_reactor_time () + 2e-9 * DISPATCH_HOLD;

    send_event (h);
    while (flux_reactor_time () < end)
        ;
    if (++*(int *)arg == 3)
        flux_reactor_stop (flux_get_reactor (h));
}

static void long_pass (void)
{
    struct flux_match match = FLUX_MATCH_EVENT;
    struct interthread_tap tap;
    flux_msg_handler_t *mh;
    int count = 0;
    struct seen s;

    open_both (&s, &tap);
    if (!(mh = flux_msg_handler_create (s.h[1], match, slow_cb, &count)))
        bail_out ("handler: %s", strerror (errno));
    flux_msg_handler_start (mh);
    for (int i = 0; i < 3; i++)
        send_event (s.h[0]);
    flux_reactor_run (flux_get_reactor (s.h[1]), 0);
    diag ("%s", s.text); /* one pass, unless another thread had the processor */
    ok (count == 3 && strchr (s.text, 's') && !strstr (s.text, "ss"),
        "after work that took long it lets go for a moment");
    flux_msg_handler_destroy (mh);
    close_both (&s);
}

int main (void)
{
    reactor ();
    blocking ();
    long_pass ();
    return done_testing ();
}
