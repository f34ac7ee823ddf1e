/* kvs.c - namespaces, commits and lookups. */

#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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

static void report_latency (const struct ctx *c, const char *line)
{
    report (quantile (c->latency, c->n, 0.5) * 1e3, "ms", "%s.p50", line);
    report (quantile (c->latency, c->n, 0.99) * 1e3, "ms", "%s.p99", line);
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
        report_latency (&c, line);
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

    pipeline (c->h, c->n, c->window, look, c, c->latency);
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

/* ---- lookups of what is in no cache of the kvs ---- */

#define MISSES 2000

/* A directory that nobody has seen, in content on rank 0. */
static flux_future_t *store_dir (flux_t *h, long i, void *arg)
{
    struct ctx *c = arg;
    char dir[128];
    int n = snprintf (dir, sizeof (dir),
                      "{\"data\":{\"k\":{\"data\":\"%08ld%08ld\",\"type\":\"val\","
                      "\"ver\":1}},\"type\":\"dir\",\"ver\":1}",
                      c->generation, i);

    return flux_rpc_raw (h, "content.store", dir, n, 0, 0);
}

static void name_dir (flux_t *h, flux_future_t *f, char *root, size_t size)
{
    const unsigned char *digest;
    size_t len, n;

    if (flux_rpc_get_raw (f, (const void **)&digest, &len) < 0)
        bench_die ("content.store: %s", flux_future_error_string (f));
    n = snprintf (root, size, "{\"data\":[\"%s-", flux_attr_get (h, "content.hash"));
    for (size_t i = 0; i < len; i++)
        n += snprintf (root + n, size - n, "%02x", digest[i]);
    snprintf (root + n, size - n, "\"],\"type\":\"dirref\",\"ver\":1}");
}

static char cold_roots[MISSES][160];

static void store_dirs (struct ctx *c)
{
    c->generation++;
    for (long i = 0; i < MISSES; i++) {
        flux_future_t *f = store_dir (c->h, i, c);

        name_dir (c->h, f, cold_roots[i], sizeof (cold_roots[i]));
        flux_future_destroy (f);
    }
}

static flux_future_t *look_at (flux_t *h, long i, void *arg)
{
    return flux_kvs_lookupat (h, 0, "k", cold_roots[i]);
}

/* Each lookup finds its root in the cache of no kvs, and on ranks > 0 in that of no
 * content either but rank 0's.
 */
static void missing_lookups (flux_t *h, const char *name)
{
    struct ctx c = { .h = h, .n = MISSES, .generation = time (NULL) % 10000000 };
    long runs = bench_runs ();
    struct cost *costs = calloc (runs + 1, sizeof (*costs));
    char line[64];

    c.latency = calloc (c.n, sizeof (double));
    if (!costs || !c.latency)
        bench_die ("out of memory");
    for (c.window = 1; c.window <= 64; c.window *= 64) {
        for (long i = 0; i <= runs; i++) {
            store_dirs (&c);
            cost_start (&costs[i]);
            pipeline (h, c.n, c.window, look_at, &c, c.latency);
            cost_stop (&costs[i]);
        }
        snprintf (line, sizeof (line), "%s-miss-%d", name, c.window);
        report_costs (costs + 1, runs, c.n, "%s", line);
        report_latency (&c, line);
    }
    free (costs);
    free (c.latency);
}

static void lookups (flux_t *h, const char *name)
{
    struct ctx c = { .h = h, .n = 5000, .window = 1, .key = "bench.look.k%ld" };
    char line[64];

    if (!(c.latency = calloc (c.n, sizeof (double))))
        bench_die ("out of memory");
    fill_dir (h, "bench.look", 1000);
    for (int i = 0; i < 2; i++) {
        snprintf (line, sizeof (line), "%s-hit-%d", name, c.window);
        report_rate (line, c.n, look_pass, &c);
        report_latency (&c, line);
        c.window = 64;
    }
    c.key = "bench.look.no%ld";
    snprintf (line, sizeof (line), "%s-absent-%d", name, c.window);
    report_rate (line, c.n, miss_pass, &c);
    remove_key (h, "bench.look");
    free (c.latency);
    missing_lookups (h, name);
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
