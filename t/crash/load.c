/* load.c - transactions, IN_FLIGHT at a time, and a record of their answers. */

#include "config.h"
#include <stdio.h>
#include <unistd.h>

#include "common/util.h"
#include "crash.h"

struct load {
    flux_t *h;
    FILE *acked;
    long next;
    long end; /* 0: none */
    size_t life;
    int in_flight;
};

struct commit {
    struct load *load;
    long i;
    bool sync;
};

static void start (struct load *l);

static void put (flux_kvs_txn_t *txn, const char *key, const char *value)
{
    must (flux_kvs_txn_put (txn, 0, key, value) == 0);
}

static flux_kvs_txn_t *transaction (long i, size_t life)
{
    flux_kvs_txn_t *txn = flux_kvs_txn_create ();
    char key[64], value[512];

    must (txn != NULL);
    crash_value (value, sizeof (value), i, life);
    snprintf (key, sizeof (key), "crash.ring.%ld", i % RING);
    put (txn, key, value);
    snprintf (key, sizeof (key), "crash.keep.%ld.%ld", i / 64, i);
    put (txn, key, value);
    snprintf (value, sizeof (value), "%ld\n", i);
    must (flux_kvs_txn_put (txn, FLUX_KVS_APPEND, "crash.log", value) == 0);
    value[strlen (value) - 1] = '\0';
    put (txn, "crash.last", value);
    return txn;
}

static void committed (flux_future_t *f, void *arg)
{
    struct commit *c = arg;
    struct load *l = c->load;

    if (flux_future_get (f, NULL) < 0) {
        crash_failed ("commit %ld: %s", c->i, strerror (errno));
    }
    fprintf (l->acked, "%ld %d %.6f\n", c->i, c->sync, crash_now ());
    fflush (l->acked);
    flux_future_destroy (f);
    l->in_flight--;
    start (l);
    if (l->in_flight == 0)
        flux_reactor_stop (flux_get_reactor (l->h));
}

static void start (struct load *l)
{
    while (l->in_flight < IN_FLIGHT && (l->end == 0 || l->next < l->end)) {
        struct commit *c = calloc (1, sizeof (*c));
        flux_kvs_txn_t *txn = transaction (l->next, l->life);
        flux_future_t *f;

        must (c != NULL);
        *c = (struct commit){ l, l->next, l->next % SYNC_EVERY == 0 };
        f = flux_kvs_commit (l->h, NULL, c->sync ? FLUX_KVS_SYNC : 0, txn);
        flux_kvs_txn_destroy (txn);
        if (!f)
            crash_failed ("commit %ld: %s", l->next, strerror (errno));
        must (flux_future_aux_set (f, NULL, c, free) == 0);
        must (flux_future_then (f, -1., committed, c) == 0);
        l->next++;
        l->in_flight++;
    }
}

void crash_load (flux_t *h, long first, size_t life, long count)
{
    struct load l = { .h = h, .next = first, .life = life };

    if (count > 0)
        l.end = first + count;
    l.acked = crash_open ("acked", "w");
    start (&l);
    flux_reactor_run (flux_get_reactor (h), 0);
    fclose (l.acked);
}
