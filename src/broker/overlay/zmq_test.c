/* The transport between two ends in one process. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <flux/core.h>

#include "common/tap.h"
#include "common/util.h"

#include "transport.h"

static const struct transport_plugin *const tr = &overlay_transport;
static char dir[] = "/tmp/zmq-test-XXXXXX";

struct end {
    struct transport *t;
    struct link *l;
    int received;
    int next; /* the number that the next message should have */
    bool in_order;
    bool sizes; /* messages are those of send_sized () */
    bool lost;
    bool congested;
    int times_congested;
};

/* A message that is the larger the higher its number, and back again. */
static size_t size_of (int n)
{
    return n % 100 * 997;
}

static int send_sized (struct link *l, int n)
{
    char *buf = calloc (1, size_of (n) + sizeof (n));
    flux_msg_t *msg;
    int rc = -1;

    if (buf && (msg = flux_request_encode_raw ("sized", buf, size_of (n) + sizeof (n)))) {
        memcpy (buf, &n, sizeof (n));
        if (flux_msg_set_payload (msg, buf, size_of (n) + sizeof (n)) == 0)
            rc = tr->send (l, msg);
        flux_msg_decref (msg);
    }
    free (buf);
    return rc;
}

/* -1 if it is not as it was sent. */
static int number_of (const flux_msg_t *msg)
{
    const void *buf;
    size_t size;
    int n;

    if (flux_request_decode_raw (msg, NULL, &buf, &size) < 0 || size < sizeof (n))
        return -1;
    memcpy (&n, buf, sizeof (n));
    return size == size_of (n) + sizeof (n) ? n : -1;
}

static void got (struct link *l, flux_msg_t *msg, void *arg)
{
    struct end *e = arg;
    int type = -1, n = -1;

    (void)flux_control_decode (msg, &type, &n);
    if (e->sizes)
        n = number_of (msg);
    e->in_order = e->in_order && n == e->next;
    e->next++;
    e->received++;
    flux_msg_decref (msg);
}

static void lost (struct link *l, const char *why, void *arg)
{
    struct end *e = arg;

    diag ("lost: %s", why);
    e->lost = true;
}

static void congested (struct link *l, bool yes, void *arg)
{
    struct end *e = arg;

    e->congested = yes;
    e->times_congested += yes;
}

static const struct link_ops ops = { got, lost, congested };

static void end_init (struct end *e, flux_reactor_t *r)
{
    flux_error_t error;

    memset (e, 0, sizeof (*e));
    e->in_order = true;
    if (!(e->t = tr->create (r, &error)))
        bail_out ("%s", error.text);
}

static const char *uri (const char *name)
{
    static char buf[128];

    snprintf (buf, sizeof (buf), "ipc://%s/%s", dir, name);
    return buf;
}

static void pair (struct end *a, struct end *b, flux_reactor_t *r, const char *name)
{
    end_init (a, r);
    end_init (b, r);
    if (!(a->l = tr->listen (a->t, uri (name), &ops, a))
        || tr->admit (a->l, tr->key (b->t)) < 0
        || !(b->l = tr->connect (b->t, uri (name), tr->key (a->t), &ops, b)))
        bail_out ("%s: %s", name, strerror (errno));
}

static int send_number (struct end *e, int n)
{
    flux_msg_t *msg = flux_control_encode (1, n);
    int rc = tr->send (e->l, msg);

    flux_msg_decref (msg);
    return rc;
}

/* Run the loop until the condition holds; false after ten seconds of trying. */
static bool timed_out;

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    timed_out = true;
    flux_reactor_stop (r);
}

#define run_until(r, cond)                                                    \
    do {                                                                      \
        flux_watcher_t *_w = flux_timer_watcher_create (r, 60., 0., timer_cb, NULL); \
        timed_out = false;                                                    \
        flux_watcher_start (_w);                                              \
        while (!(cond) && !timed_out)                                         \
            flux_reactor_run (r, FLUX_REACTOR_ONCE);                          \
        flux_watcher_destroy (_w);                                            \
    } while (0)

static void both_ways (flux_reactor_t *r)
{
    struct end a, b;

    pair (&a, &b, r, "both");
    for (int i = 0; i < 100; i++) {
        if (send_number (&a, i) < 0 || send_number (&b, i) < 0)
            bail_out ("send");
    }
    run_until (r, a.received == 100 && b.received == 100);
    ok (a.received == 100 && b.received == 100, "messages pass both ways");
    ok (a.in_order && b.in_order, "in order");
    ok (!a.lost && !b.lost && !a.times_congested, "and that is all that happens");

    (void)send_number (&b, 100); /* last words */
    tr->destroy (b.t, 60.);
    run_until (r, a.lost);
    ok (a.lost, "an end that goes is noticed");
    ok (a.received == 101 && a.in_order, "after its last words");
    ok (send_number (&a, 0) < 0 && errno == EHOSTUNREACH, "nothing can be sent to it");
    tr->destroy (a.t, 0.);
}

static void more_than_fits (flux_reactor_t *r)
{
    enum { COUNT = 200000 };
    struct end a, b;

    pair (&a, &b, r, "more");
    for (int i = 0; i < COUNT; i++) {
        if (send_number (&a, i) < 0)
            bail_out ("send");
    }
    ok (a.congested, "a peer that does not read makes the link congested");
    run_until (r, b.received == COUNT);
    ok (b.received == COUNT && b.in_order, "all of it arrives in order");
    run_until (r, !a.congested);
    ok (!a.congested && a.times_congested == 1, "the congestion is over, it was one");
    tr->destroy (b.t, 0.);
    tr->destroy (a.t, 0.);
}

static void all_sizes (flux_reactor_t *r)
{
    enum { COUNT = 1000 };
    struct end a, b;

    pair (&a, &b, r, "sizes");
    b.sizes = true;
    for (int i = 0; i < COUNT; i++) {
        if (send_sized (a.l, i) < 0)
            bail_out ("send");
        if (i % 7 == 0)
            flux_reactor_run (r, FLUX_REACTOR_NOWAIT);
    }
    run_until (r, b.received == COUNT);
    ok (b.received == COUNT && b.in_order, "large and small ones arrive whole, in order");
    tr->destroy (b.t, 0.);
    tr->destroy (a.t, 0.);
}

static void strangers (flux_reactor_t *r)
{
    struct end a, b, c;

    pair (&a, &b, r, "stranger");
    end_init (&c, r);
    if (!(c.l = tr->connect (c.t, uri ("stranger"), tr->key (a.t), &ops, &c)))
        bail_out ("connect");
    (void)send_number (&c, 77);
    (void)send_number (&b, 0);
    run_until (r, a.received > 0 && c.lost);
    ok (a.received == 1 && a.in_order, "who has the key is heard");
    ok (c.lost, "who has another is turned away");
    ok (!a.lost, "which disturbs nobody");
    tr->destroy (c.t, 0.);
    tr->destroy (b.t, 0.);
    tr->destroy (a.t, 0.);
}

static void false_server (flux_reactor_t *r)
{
    struct end a, b, other;

    end_init (&a, r);
    end_init (&b, r);
    end_init (&other, r);
    if (!(a.l = tr->listen (a.t, uri ("false"), &ops, &a))
        || tr->admit (a.l, tr->key (b.t)) < 0
        || !(b.l = tr->connect (b.t, uri ("false"), tr->key (other.t), &ops, &b)))
        bail_out ("%s", strerror (errno));
    (void)send_number (&b, 0);
    run_until (r, b.lost);
    ok (b.lost && a.received == 0, "a listener that is not who it should be gets nothing");
    tr->destroy (other.t, 0.);
    tr->destroy (b.t, 0.);
    tr->destroy (a.t, 0.);
}

static void nobody (flux_reactor_t *r)
{
    struct end a, b;

    end_init (&a, r);
    end_init (&b, r);
    if (!(b.l = tr->connect (b.t, uri ("nobody"), tr->key (a.t), &ops, &b)))
        bail_out ("connect");
    run_until (r, b.lost);
    ok (b.lost, "where nobody listens the link is lost at once");
    ok (!tr->listen (a.t, "ipc:///nonexistent/x", &ops, &a), "a bad place is refused");
    ok (!tr->connect (b.t, uri ("x"), "not a key", &ops, &b) && errno == EINVAL,
        "so is a bad key");
    tr->destroy (b.t, 0.);
    tr->destroy (a.t, 0.);
}

/* ZeroMQ leaves the files of its sockets to the owner of the directory. */
static int remove_dir (void)
{
    static const char *const names[] = { "both", "more", "sizes", "stranger", "false" };

    for (size_t i = 0; i < ARRAY_SIZE (names); i++)
        (void)unlink (uri (names[i]) + strlen ("ipc://"));
    return rmdir (dir);
}

int main (void)
{
    flux_reactor_t *r = flux_reactor_create (0);

    if (!r || !mkdtemp (dir))
        bail_out ("%s", strerror (errno));
    both_ways (r);
    more_than_fits (r);
    all_sizes (r);
    strangers (r);
    false_server (r);
    nobody (r);
    flux_reactor_destroy (r);
    ok (remove_dir () == 0, "nothing but the sockets was in the directory");
    return done_testing ();
}
