/* content.c - blobs to the content store and back. */

#include "config.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

struct ctx {
    flux_t *h;
    size_t size;
    long n;
    unsigned char *data;
    uint64_t random;
    char (*hash)[32]; /* of each blob stored */
    size_t hash_len;
};

/* Half random, half alike: neither free nor hopeless to compress. */
static void scramble (struct ctx *c)
{
    for (size_t i = 0; i + 16 <= c->size; i += 16) {
        c->random ^= c->random << 13;
        c->random ^= c->random >> 7;
        c->random ^= c->random << 17;
        memcpy (c->data + i, &c->random, 8);
    }
}

static void store_pass (void *arg)
{
    struct ctx *c = arg;
    flux_future_t *f[16];
    const void *hash;
    size_t len;

    for (long i = 0; i < c->n; i += 16) {
        for (int k = 0; k < 16; k++) {
            scramble (c);
            if (!(f[k] = flux_rpc_raw (c->h, "content.store", c->data, c->size,
                                       FLUX_NODEID_ANY, 0)))
                bench_die ("content.store: %s", strerror (errno));
        }
        for (int k = 0; k < 16; k++) {
            if (flux_rpc_get_raw (f[k], &hash, &len) < 0 || len > sizeof (c->hash[0]))
                bench_die ("content.store: %s", flux_future_error_string (f[k]));
            memcpy (c->hash[i + k], hash, len);
            c->hash_len = len;
            flux_future_destroy (f[k]);
        }
    }
}

static flux_future_t *load (flux_t *h, long i, void *arg)
{
    struct ctx *c = arg;

    return flux_rpc_raw (h, "content.load", c->hash[i], c->hash_len, FLUX_NODEID_ANY, 0);
}

static void load_pass (void *arg)
{
    struct ctx *c = arg;

    pipeline (c->h, c->n, 16, load, c, NULL);
}

static void cold_pass (void *arg)
{
    struct ctx *c = arg;

    finish (flux_rpc (c->h, "content.flush", NULL, FLUX_NODEID_ANY, 0), "content.flush");
    finish (flux_rpc (c->h, "content.dropcache", NULL, FLUX_NODEID_ANY, 0), "dropcache");
    load_pass (c);
}

static void measure (struct ctx *c, const char *name, void (*pass) (void *arg))
{
    long runs = setting ("BENCH_RUNS", 3);
    double mb = c->n * c->size / 1e6, wall[99], cpu[99];

    pass (c);
    for (long i = 0; i < runs && i < 99; i++) {
        struct cost t;

        cost_start (&t);
        pass (c);
        cost_stop (&t);
        wall[i] = t.wall;
        cpu[i] = t.cpu;
    }
    report (mb / median (wall, runs), "MB/s", "%s-%zuk", name, c->size / 1024);
    report (median (cpu, runs) * 1e3 / mb, "ms/MB", "%s-%zuk.cpu", name, c->size / 1024);
}

static void run (flux_t *h, const char *name)
{
    static const size_t sizes[] = { 4096, 65536, 1048576 };

    for (int i = 0; i < 3; i++) {
        struct ctx c = {
            .h = h,
            .size = sizes[i],
            .n = sizes[i] == 4096 ? 4096 : (32 << 20) / sizes[i],
            .random = 88172645463325252 + i,
        };

        if (!(c.data = calloc (1, c.size))
            || !(c.hash = calloc (c.n, sizeof (c.hash[0]))))
            bench_die ("out of memory");
        measure (&c, "content-store", store_pass);
        measure (&c, "content-load", load_pass);
        measure (&c, "content-load-cold", cold_pass);
        free (c.data);
        free (c.hash);
    }
}

int main (int argc, char **argv)
{
    static const struct bench benches[] = { { "content", run }, { NULL, NULL } };

    return bench_main (argc, argv, benches);
}
