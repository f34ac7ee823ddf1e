/* watch.c - following keys: what an append costs, and what others pay for it. */

#include "config.h"
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static flux_future_t *
append (flux_t *h, const char *ns, const char *key, const char *data)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_future_t *f = NULL;

    if (txn && flux_kvs_txn_put (txn, FLUX_KVS_APPEND, key, data) == 0)
        f = flux_kvs_commit (h, ns, 0, txn);
    flux_kvs_txn_destroy (txn);
    return f;
}

static void put (flux_t *h, const char *ns, const char *key, long value)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();

    if (!txn || flux_kvs_txn_pack (txn, 0, key, "I", (json_int_t)value) < 0)
        bench_die ("put: %s", strerror (errno));
    finish (flux_kvs_commit (h, ns, 0, txn), "commit");
    flux_kvs_txn_destroy (txn);
}

static void unlink_key (flux_t *h, const char *key)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();

    if (!txn || flux_kvs_txn_unlink (txn, 0, key) < 0)
        bench_die ("unlink: %s", strerror (errno));
    finish (flux_kvs_commit (h, NULL, 0, txn), "commit");
    flux_kvs_txn_destroy (txn);
}

/* ---- followers ---- */

struct follower {
    flux_t *h;
    long responses; /* of all its watchers together */
    size_t bytes;
    long awaited;    /* the loop runs until there were so many responses */
    double *sent;    /* when append i was sent */
    double *latency; /* of response i; NULL: not kept */
    bool gone;       /* what is followed is being removed */
};

static void followed (flux_future_t *f, void *arg)
{
    struct follower *w = arg;
    const void *data;
    size_t len;

    if (flux_kvs_lookup_get_raw (f, &data, &len) < 0) {
        if (errno == ENODATA || (w->gone && errno == ENOTSUP)) {
            flux_future_destroy (f);
            w->responses++;
            goto out;
        }
        bench_die ("watch: %s", flux_future_error_string (f));
    }
    w->bytes += len;
    if (w->latency) {
        /* each watcher counts on its own; aux says how far it is */
        long *seen = flux_future_aux_get (f, "seen");

        w->latency[w->responses] = now () - w->sent[*seen];
        (*seen)++;
    }
    w->responses++;
    flux_future_reset (f);
out:
    if (w->responses >= w->awaited)
        flux_reactor_stop (flux_get_reactor (w->h));
}

static void await (struct follower *w, long n)
{
    w->awaited = n;
    if (w->responses < n && flux_reactor_run (flux_get_reactor (w->h), 0) < 0)
        bench_die ("reactor: %s", strerror (errno));
}

static flux_future_t *
follow (struct follower *w, const char *ns, int flags, const char *key)
{
    flux_future_t *f = flux_kvs_lookup (w->h, ns, FLUX_KVS_WATCH | flags, key);
    long *seen = calloc (1, sizeof (*seen));

    if (!f || !seen || flux_future_aux_set (f, "seen", seen, free) < 0
        || flux_future_then (f, -1., followed, w) < 0)
        bench_die ("watch: %s", strerror (errno));
    return f;
}

/* Start n watchers of the log, each of which brings its first value. */
static flux_future_t **follow_all (struct follower *w, long n, const char *key)
{
    flux_future_t **f = calloc (n, sizeof (f[0]));

    if (!f)
        bench_die ("out of memory");
    for (long i = 0; i < n; i++)
        f[i] = follow (w, NULL, FLUX_KVS_WATCH_APPEND, key);
    await (w, n);
    w->responses = 0;
    w->bytes = 0;
    return f;
}

static void leave_all (struct follower *w, flux_future_t **f, long n)
{
    w->responses = 0;
    for (long i = 0; i < n; i++) {
        if (flux_kvs_lookup_cancel (f[i]) < 0)
            bench_die ("cancel: %s", strerror (errno));
    }
    await (w, n);
    free (f);
}

/* ---- many watchers of one log ---- */

static void one_log (flux_t *h, const char *name)
{
    static const long watchers[] = { 1, 100, 10000 };
    const char *key = "bench.watched";

    for (int k = 0; k < 3; k++) {
        long n = watchers[k];
        long appends = n == 10000 ? setting ("BENCH_APPENDS", 1000) : 1000;
        struct follower w = { .h = h };
        flux_future_t **f;
        struct cost c;

        finish (append (h, NULL, key, "first\n"), "append");
        f = follow_all (&w, n, key);
        w.sent = calloc (appends + 1, sizeof (double));
        w.latency = calloc (appends * n, sizeof (double));
        for (long i = 0; i < n; i++)
            *(long *)flux_future_aux_get (f[i], "seen") = 0;
        cost_start (&c);
        for (long i = 0; i < appends; i++) {
            flux_future_t *done;

            w.sent[i] = now ();
            done = append (h, NULL, key, "one more line of this log\n");
            await (&w, (i + 1) * n);
            finish (done, "append");
        }
        cost_stop (&c);
        report (c.wall / appends * 1e6, "us/append", "%s-%ld", name, n);
        report (c.cpu / appends * 1e6, "us/append", "%s-%ld.cpu", name, n);
        report (quantile (w.latency, appends * n, 0.5) * 1e3, "ms", "%s-%ld.p50", name,
                n);
        report (quantile (w.latency, appends * n, 0.99) * 1e3, "ms", "%s-%ld.p99", name,
                n);
        free (w.latency);
        w.latency = NULL;
        leave_all (&w, f, n);
        free (w.sent);
        unlink_key (h, key);
    }
}

/* ---- watchers of other things ---- */

struct commits {
    flux_t *h;
    long n;
    long generation;
};

static flux_future_t *put_one (flux_t *h, long i, void *arg)
{
    struct commits *c = arg;
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_future_t *f;

    if (!txn
        || flux_kvs_txn_pack (txn, 0, "bench.alone", "I",
                              (json_int_t)(c->generation * c->n + i))
               < 0
        || !(f = flux_kvs_commit (h, NULL, FLUX_KVS_NO_MERGE, txn)))
        bench_die ("commit: %s", strerror (errno));
    flux_kvs_txn_destroy (txn);
    return f;
}

/* Many in flight, each with a root and an event of its own: so that what counts is
 * the work, and not who sleeps and is woken.
 */
static void put_pass (void *arg)
{
    struct commits *c = arg;

    c->generation++;
    pipeline (c->h, c->n, 64, put_one, c, NULL);
}

/* Watchers of other keys, or of other namespaces. */
struct others {
    struct follower w;
    bool namespaces;
    flux_future_t **f;
};

enum { FEW = 10, MANY = 10000 };

static void others_start (struct others *o, long from, long to)
{
    char name[64];

    o->w.responses = 0;
    for (long i = from; i < to; i++) {
        snprintf (name, sizeof (name), o->namespaces ? "bench-%ld" : "bench.others.%ld", i);
        if (o->namespaces) {
            finish (flux_kvs_namespace_create (o->w.h, name, getuid (), 0), "namespace");
            put (o->w.h, name, "key", i);
            o->f[i] = follow (&o->w, name, 0, "key");
        }
        else {
            put (o->w.h, NULL, name, i);
            o->f[i] = follow (&o->w, NULL, 0, name);
        }
    }
    await (&o->w, to - from);
}

static void others_stop (struct others *o, long from, long to)
{
    char name[64];

    o->w.responses = 0;
    o->w.gone = true;
    for (long i = from; i < to; i++) {
        snprintf (name, sizeof (name), "bench-%ld", i);
        if (o->namespaces)
            finish (flux_kvs_namespace_remove (o->w.h, name), "namespace remove");
        else if (flux_kvs_lookup_cancel (o->f[i]) < 0)
            bench_die ("cancel: %s", strerror (errno));
    }
    await (&o->w, to - from);
    o->w.gone = false;
}

/* What one commit costs, in seconds: the least of several runs, since what others do
 * on the machine only adds to it.
 */
static struct cost commit_cost (struct commits *c)
{
    double wall[64], cpu[64];
    long runs = 3 * bench_runs () < 64 ? 3 * bench_runs () : 64;

    put_pass (c);
    for (long i = 0; i < runs; i++) {
        struct cost cost;

        cost_start (&cost);
        put_pass (c);
        cost_stop (&cost);
        wall[i] = cost.wall / c->n;
        cpu[i] = cost.cpu / c->n;
    }
    return (struct cost){ .wall = quantile (wall, runs, 0.),
                          .cpu = quantile (cpu, runs, 0.) };
}

static void report_commit (const struct cost *c, const char *name, int watchers)
{
    report (1. / c->wall, "/s", "%s-%d", name, watchers);
    report (c->cpu * 1e6, "us", "%s-%d.cpu", name, watchers);
}

/* A few, many, and a few again, all in one instance: what changes meanwhile, such as
 * how busy the machine is, is in the mean of the few, too.
 */
static void beside_others (flux_t *h, const char *name, bool namespaces)
{
    struct commits c = { .h = h, .n = 2000 };
    struct others o = { .w = { .h = h }, .namespaces = namespaces };
    struct cost before, many, after;

    if (!(o.f = calloc (MANY, sizeof (o.f[0]))))
        bench_die ("out of memory");
    others_start (&o, 0, FEW);
    before = commit_cost (&c);
    others_start (&o, FEW, MANY);
    many = commit_cost (&c);
    others_stop (&o, FEW, MANY);
    after = commit_cost (&c);
    others_stop (&o, 0, FEW);
    report_commit (&before, name, FEW);
    report_commit (&many, name, MANY);
    report (2 * many.wall / (before.wall + after.wall), "x", "%s.ratio", name);
    report (2 * many.cpu / (before.cpu + after.cpu), "x", "%s.ratio.cpu", name);
    if (!namespaces)
        unlink_key (h, "bench.others");
    free (o.f);
}

static void other_keys (flux_t *h, const char *name)
{
    beside_others (h, name, false);
}

static void other_namespaces (flux_t *h, const char *name)
{
    beside_others (h, name, true);
}

/* ---- nothing is fetched twice ---- */

/* 10 000 appends, followed while they are made, of blobs that are sent along
 * with a lookup and of blobs that are loaded from content.
 */
struct appends {
    char *data;
    size_t size;
};

static flux_future_t *append_one (flux_t *h, long i, void *arg)
{
    struct appends *a = arg;
    char number[16];

    memcpy (a->data, number, snprintf (number, sizeof (number), "%010ld", i));
    return append (h, NULL, "bench.once", a->data);
}

/* The client may fall far behind, and be paused. */
static void append_all (flux_t *h, struct follower *w, struct appends *a, long n)
{
    w->awaited = LONG_MAX; /* the loop runs until all are committed */
    pipeline (h, n, 16, append_one, a, NULL);
    await (w, n);
}

static void once (flux_t *h, const char *name)
{
    static const size_t sizes[] = { 80, 9000 };
    long n = 10000;

    for (int k = 0; k < 2; k++) {
        struct appends a = { .data = malloc (sizes[k] + 1), .size = sizes[k] };
        struct follower w = { .h = h };
        flux_future_t **f;
        long long loads, bytes;
        struct cost c;

        memset (a.data, 'x', a.size);
        a.data[a.size] = '\0';
        finish (append (h, NULL, "bench.once", "first\n"), "append");
        f = follow_all (&w, 1, "bench.once");
        loads = stats_number (h, "kvs-watch", "loads");
        bytes = stats_number (h, "kvs-watch", "bytes");
        cost_start (&c);
        append_all (h, &w, &a, n);
        cost_stop (&c);
        bytes = stats_number (h, "kvs-watch", "bytes") - bytes;
        loads = stats_number (h, "kvs-watch", "loads") - loads;
        if (w.bytes != n * a.size)
            bench_die ("%s: %zu bytes arrived of %zu", name, w.bytes, n * a.size);
        if (loads > n || (a.size > 8192 && loads < n)) /* small ones come with a lookup */
            bench_die ("%s: %lld loads for %ld blobs", name, loads, n);
        if (bytes != (long long)(n * a.size))
            bench_die ("%s: %lld bytes loaded, %zu appended", name, bytes, n * a.size);
        report (n / c.wall, "/s", "%s-%zu", name, a.size);
        report (c.cpu / n * 1e6, "us", "%s-%zu.cpu", name, a.size);
        report (loads / (double)n, "loads/append", "%s-%zu.loads", name, a.size);
        report (bytes / (double)(n * a.size), "loaded/appended", "%s-%zu.bytes", name,
                a.size);
        leave_all (&w, f, 1);
        unlink_key (h, "bench.once");
        free (a.data);
    }
}

int main (int argc, char **argv)
{
    static const struct bench benches[] = {
        { "watch-log", one_log },
        { "watch-once", once },
        { "watch-other-keys", other_keys },
        { "watch-other-namespaces", other_namespaces },
        { NULL, NULL },
    };

    return bench_main (argc, argv, benches);
}
