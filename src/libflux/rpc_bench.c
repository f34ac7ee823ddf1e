/* rpc_bench.c - RPC round trips between two threads, over interthread://.
 *
 * Usage: rpc_bench [COUNT]
 * Prints one line per figure: name, round trips per second, microseconds each.
 */

#include "config.h"
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <flux/core.h>

#include "common/util.h"

static void echo_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    if (flux_respond (h, msg, NULL) < 0)
        flux_reactor_stop_error (flux_get_reactor (h));
}

static void stop_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_reactor_stop (flux_get_reactor (h));
}

static void *server (void *arg)
{
    const struct flux_msg_handler_spec tab[] = {
        { FLUX_MSGTYPE_REQUEST, "bench.echo", echo_cb, 0 },
        { FLUX_MSGTYPE_REQUEST, "bench.stop", stop_cb, 0 },
        FLUX_MSGHANDLER_TABLE_END,
    };
    flux_msg_handler_t **handlers;
    flux_t *h = flux_open ("interthread://rpc_bench", 0);

    must (h && flux_msg_handler_addvec (h, tab, NULL, &handlers) == 0);
    must (flux_reactor_run (flux_get_reactor (h), 0) >= 0);
    flux_msg_handler_delvec (handlers);
    flux_close (h);
    return NULL;
}

static double now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec * 1e-9;
}

static void report (const char *name, int count, double t0)
{
    double t = now () - t0;

    printf ("%-24s %10.0f /s %8.2f us\n", name, count / t, t / count * 1e6);
}

static void blocking (flux_t *h, int count)
{
    double t0 = now ();

    for (int i = 0; i < count; i++) {
        flux_future_t *f = flux_rpc (h, "bench.echo", NULL, FLUX_NODEID_ANY, 0);

        must (flux_future_get (f, NULL) == 0);
        flux_future_destroy (f);
    }
    report ("blocking", count, t0);
}

struct window {
    flux_t *h;
    int left; /* to be sent */
};

static void start (struct window *w);

static void done_cb (flux_future_t *f, void *arg)
{
    must (flux_rpc_get (f, NULL) == 0);
    flux_future_destroy (f);
    start (arg);
}

static void start (struct window *w)
{
    flux_future_t *f;

    if (w->left-- > 0) {
        must ((f = flux_rpc (w->h, "bench.echo", NULL, FLUX_NODEID_ANY, 0)) != NULL);
        must (flux_future_then (f, -1., done_cb, w) == 0);
    }
}

static void pipelined (flux_t *h, int count, int size)
{
    struct window w = { .h = h, .left = count };
    char name[32];
    double t0 = now ();

    for (int i = 0; i < size; i++)
        start (&w);
    must (flux_reactor_run (flux_get_reactor (h), 0) == 0);
    snprintf (name, sizeof (name), "continued, window %d", size);
    report (name, count, t0);
}

int main (int argc, char **argv)
{
    int count = argc > 1 ? atoi (argv[1]) : 200000;
    pthread_t t;
    flux_t *h;

    if (count <= 0) {
        fprintf (stderr, "rpc_bench: COUNT must be a positive number\n");
        return 1;
    }
    must (pthread_create (&t, NULL, server, NULL) == 0);
    must ((h = flux_open ("interthread://rpc_bench", 0)) != NULL);
    blocking (h, count);
    pipelined (h, count, 1);
    pipelined (h, count, 16);
    pipelined (h, count, 1000);
    flux_future_destroy (
        flux_rpc (h, "bench.stop", NULL, FLUX_NODEID_ANY, FLUX_RPC_NORESPONSE));
    pthread_join (t, NULL);
    flux_close (h);
    return 0;
}
