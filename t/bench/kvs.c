/* kvs.c - namespaces, commits and lookups. */

#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

struct ctx {
    flux_t *h;
    long n;
    int window;
    const char *key; /* or a format, of the generation for namespaces, and of i */
    long generation; /* so that no two runs write the same */
    double *latency;
};

static flux_future_t *
commit_one (flux_t *h, int flags, const char *key, const char *value)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    flux_future_t *f = NULL;

    if (txn && flux_kvs_txn_put (txn, flags, key, value) == 0)
        f = flux_kvs_commit (h, NULL, 0, txn);
    flux_kvs_txn_destroy (txn);
    return f;
}

/* bench.dir.k0 ... with n entries, by commits of 1000 */
static void fill_dir (flux_t *h, const char *dir, long n)
{
    char key[64];

    for (long i = 0; i < n;) {
        flux_kvs_txn_t *txn = flux_kvs_txn_create ();

        for (long end = i + 1000; i < end && i < n; i++) {
            snprintf (key, sizeof (key), "%s.k%ld", dir, i);
            if (flux_kvs_txn_put (txn, 0, key, "1") < 0)
                bench_die ("put: %s", strerror (errno));
        }
        finish (flux_kvs_commit (h, NULL, 0, txn), "commit");
        flux_kvs_txn_destroy (txn);
    }
}

static void remove_key (flux_t *h, const char *key)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();

    if (flux_kvs_txn_unlink (txn, 0, key) < 0)
        bench_die ("unlink: %s", strerror (errno));
    finish (flux_kvs_commit (h, NULL, 0, txn), "unlink");
    flux_kvs_txn_destroy (txn);
}

/* ---- namespaces ---- */

static flux_future_t *create (flux_t *h, long i, void *arg)
{
    struct ctx *c = arg;
    char ns[64];

    snprintf (ns, sizeof (ns), c->key, c->generation, i);
    return flux_kvs_namespace_create (h, ns, getuid (), 0);
}

static flux_future_t *discard (flux_t *h, long i, void *arg)
{
    struct ctx *c = arg;
    char ns[64];

    snprintf (ns, sizeof (ns), c->key, c->generation, i);
    return flux_kvs_namespace_remove (h, ns);
}

/* n are created, then removed, while some others are there.  New names each time:
 * one that was removed is free only after the next tick.
 */
static void namespaces_with (struct ctx *c, const char *name, long live)
{
    struct cost *creates, *removes;
    long runs = bench_runs ();

    if (!(creates = calloc (2 * (runs + 1), sizeof (*creates))))
        bench_die ("out of memory");
    removes = creates + runs + 1;
    for (long i = 0; i <= runs; i++) {
        c->generation++;
        cost_start (&creates[i]);
        pipeline (c->h, c->n, c->window, create, c, NULL);
        cost_stop (&creates[i]);
        cost_start (&removes[i]);
        pipeline (c->h, c->n, c->window, discard, c, NULL);
        cost_stop (&removes[i]);
    }
    /* The first of each warmed up. */
    report_costs (creates + 1, runs, c->n, "%s-%ld.create", name, live);
    report_costs (removes + 1, runs, c->n, "%s-%ld.remove", name, live);
    free (creates);
}

static void namespaces (flux_t *h, const char *name)
{
    static const long live[] = { 100, 1000, 20000 };

    for (int i = 0; i < 3; i++) {
        struct ctx others = { .h = h, .key = "bench-live%ld-%ld", .generation = i };
        struct ctx c = { .h = h, .n = 10000, .window = 64, .key = "bench%ld-%ld" };

        c.generation = i * 1000;
        pipeline (h, live[i], 256, create, &others, NULL);
        namespaces_with (&c, name, live[i]);
        pipeline (h, live[i], 256, discard, &others, NULL);
    }
}

/* ---- commits ---- */

static flux_future_t *put_nth (flux_t *h, long i, void *arg)
{
    struct ctx *c = arg;
    char key[64], value[32];

    snprintf (key, sizeof (key), c->key, i % 1000);
    snprintf (value, sizeof (value), "%ld", c->generation * c->n + i);
    return commit_one (h, 0, key, value);
}

static void commit_pass (void *arg)
{
    struct ctx *c = arg;

    c->generation++;
    pipeline (c->h, c->n, c->window, put_nth, c, c->latency);
}

static void commits (flux_t *h, const char *name)
{
    static const struct {
        int window;
        long n;
    } cases[] = { { 1, 1000 }, { 32, 5000 }, { 256, 10000 } };
    char line[64];

    for (int i = 0; i < 3; i++) {
        struct ctx c = {
            .h = h,
            .n = cases[i].n,
            .window = cases[i].window,
            .key = "bench.commit.k%ld",
            .latency = calloc (cases[i].n, sizeof (double)),
        };

        snprintf (line, sizeof (line), "%s-%d", name, c.window);
        report_rate (line, c.n, commit_pass, &c);
        report (quantile (c.latency, c.n, 0.5) * 1e3, "ms", "%s.p50", line);
        report (quantile (c.latency, c.n, 0.99) * 1e3, "ms", "%s.p99", line);
        free (c.latency);
    }
    remove_key (h, "bench.commit");
}

/* One put each into directories of different size. */
static void put_into_dir (flux_t *h, const char *name)
{
    static const long sizes[] = { 100, 1000, 10000 };
    char line[64], key[64];

    for (int i = 0; i < 3; i++) {
        struct ctx c = { .h = h, .n = 200, .window = 1, .key = key };

        fill_dir (h, "bench.dir", sizes[i]);
        snprintf (key, sizeof (key), "bench.dir.x%%ld");
        snprintf (line, sizeof (line), "%s-%ld", name, sizes[i]);
        report_rate (line, c.n, commit_pass, &c);
        remove_key (h, "bench.dir");
    }
}

/* ---- appends ---- */

static flux_future_t *append_nth (flux_t *h, long i, void *arg)
{
    struct ctx *c = arg;
    char value[32];

    snprintf (value, sizeof (value), "%ld\n", c->generation * c->n + i);
    return commit_one (h, FLUX_KVS_APPEND, c->key, value);
}

static void append_pass (void *arg)
{
    struct ctx *c = arg;

    c->generation++;
    pipeline (c->h, c->n, c->window, append_nth, c, NULL);
}

/* Appends one at a time to a log that has blobs already. */
static void append_to_log (flux_t *h, const char *name)
{
    static const long sizes[] = { 10, 1000, 5000 };
    char line[64];

    for (int i = 0; i < 3; i++) {
        struct ctx c = { .h = h, .n = 200, .window = 1, .key = "bench.log" };

        for (long n = 0; n < sizes[i]; n++)
            finish (commit_one (h, FLUX_KVS_APPEND, c.key, "one line\n"), "append");
        snprintf (line, sizeof (line), "%s-%ld", name, sizes[i]);
        report_rate (line, c.n, append_pass, &c);
        remove_key (h, c.key);
    }
}

/* ---- lookups ---- */

static flux_future_t *look (flux_t *h, long i, void *arg)
{
    struct ctx *c = arg;
    char key[64];

    snprintf (key, sizeof (key), c->key, i % 1000);
    return flux_kvs_lookup (h, NULL, 0, key);
}

/* Nothing is there: the answer is an error, which is what is wanted. */
static void looked (flux_future_t *f, void *arg)
{
    long *left = arg;

    if (flux_kvs_lookup_get (f, NULL) == 0 || errno != ENOENT)
        bench_die ("a key is there");
    flux_future_destroy (f);
    (*left)--;
}

static void look_pass (void *arg)
{
    struct ctx *c = arg;

    pipeline (c->h, c->n, c->window, look, c, NULL);
}

static void miss_pass (void *arg)
{
    struct ctx *c = arg;
    long left = 0;

    for (long i = 0; i < c->n; i++) {
        flux_future_t *f = look (c->h, i, c);

        if (!f || flux_future_then (f, -1., looked, &left) < 0)
            bench_die ("lookup: %s", strerror (errno));
        for (left++; left >= c->window;)
            flux_reactor_run (flux_get_reactor (c->h), FLUX_REACTOR_ONCE);
    }
    while (left > 0)
        flux_reactor_run (flux_get_reactor (c->h), FLUX_REACTOR_ONCE);
}

static void lookups (flux_t *h, const char *name)
{
    struct ctx c = { .h = h, .n = 5000, .window = 1, .key = "bench.look.k%ld" };
    char line[64];

    fill_dir (h, "bench.look", 1000);
    for (int i = 0; i < 2; i++) {
        snprintf (line, sizeof (line), "%s-hit-%d", name, c.window);
        report_rate (line, c.n, look_pass, &c);
        c.window = 64;
    }
    c.key = "bench.look.no%ld";
    snprintf (line, sizeof (line), "%s-absent-%d", name, c.window);
    report_rate (line, c.n, miss_pass, &c);
    remove_key (h, "bench.look");
}

int main (int argc, char **argv)
{
    static const struct bench benches[] = {
        { "kvs-namespaces", namespaces }, { "kvs-commits", commits },
        { "kvs-put-dir", put_into_dir },  { "kvs-append-log", append_to_log },
        { "kvs-lookups", lookups },       { NULL, NULL },
    };

    return bench_main (argc, argv, benches);
}
