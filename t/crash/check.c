/* check.c - is what is there the state after some number of transactions? */

#include "config.h"
#include <stdio.h>

#include "common/util.h"
#include "crash.h"

/* The value, to be freed; NULL: there is none. */
static char *value_of (flux_t *h, const char *key)
{
    flux_future_t *f = flux_kvs_lookup (h, NULL, 0, key);
    const char *value;
    char *copy = NULL;

    if (f && flux_kvs_lookup_get (f, &value) == 0)
        copy = strdup (value ? value : "");
    else if (!f || errno != ENOENT)
        crash_failed ("lookup of %s: %s", key, strerror (errno));
    flux_future_destroy (f);
    return copy;
}

static long last_number (flux_t *h)
{
    char *s = value_of (h, "crash.last");
    long p = s ? atol (s) : -1;

    free (s);
    return p;
}

static void value_is (flux_t *h, const char *key, const char *want, long p)
{
    _cleanup_ (freep) char *got = value_of (h, key);

    if (!got != !want || (got && strcmp (got, want) != 0))
        crash_wrong ("crash.last is %ld but %s is '%s' instead of '%s'", p, key,
                     got ? got : "absent", want ? want : "absent");
}

static void check_ring (flux_t *h, const struct lives *l, long p)
{
    for (long slot = 0; slot < RING; slot++) {
        long i = p - (p - slot % RING + RING) % RING;
        char key[64], want[512];

        snprintf (key, sizeof (key), "crash.ring.%ld", slot);
        if (i >= 0)
            crash_value (want, sizeof (want), i, life_of (l, i));
        value_is (h, key, i >= 0 ? want : NULL, p);
    }
}

static int count_dir (flux_t *h, const char *key)
{
    flux_future_t *f = flux_kvs_lookup (h, NULL, FLUX_KVS_READDIR, key);
    const flux_kvsdir_t *dir;
    int n = 0;

    if (f && flux_kvs_lookup_get_dir (f, &dir) == 0)
        n = flux_kvsdir_get_size (dir);
    else if (!f || errno != ENOENT)
        crash_failed ("directory %s: %s", key, strerror (errno));
    flux_future_destroy (f);
    return n;
}

/* Each of 0..p is there, and no other; the newest with their values. */
static void check_keep (flux_t *h, const struct lives *l, long p)
{
    char key[64], want[512];

    if (count_dir (h, "crash.keep") != (p + 64) / 64)
        crash_wrong ("crash.last is %ld but crash.keep has %d directories", p,
                     count_dir (h, "crash.keep"));
    for (long d = 0; d <= p / 64 && p >= 0; d++) {
        snprintf (key, sizeof (key), "crash.keep.%ld", d);
        if (count_dir (h, key) != (d < p / 64 ? 64 : p % 64 + 1))
            crash_wrong ("crash.last is %ld but %s has %d values", p, key,
                         count_dir (h, key));
    }
    for (long i = p; i >= 0 && i > p - 2 * IN_FLIGHT; i--) {
        snprintf (key, sizeof (key), "crash.keep.%ld.%ld", i / 64, i);
        crash_value (want, sizeof (want), i, life_of (l, i));
        value_is (h, key, want, p);
    }
}

static void check_log (flux_t *h, long p)
{
    _cleanup_ (freep) char *log = value_of (h, "crash.log");
    char *s = log, *end;

    for (long i = 0; i <= p; i++) {
        if (!s || strtol (s, &end, 10) != i || *end != '\n')
            crash_wrong ("crash.last is %ld but line %ld of crash.log is '%.20s'", p, i,
                         s ? s : "");
        s = end + 1;
    }
    if (s && *s)
        crash_wrong ("crash.last is %ld but crash.log goes on: '%.20s'", p, s);
}

/* What was acknowledged must be there, unless it was relaxed and recent. */
static void check_acked (long p)
{
    FILE *f = crash_open ("acked", "a+"), *k = fopen ("killed", "r");
    double when, killed = crash_now ();
    long i;
    int sync;

    if (k && fscanf (k, "%lf", &killed) != 1)
        crash_wrong ("killed: no number");
    while (fscanf (f, "%ld %d %lf", &i, &sync, &when) == 3) {
        if (i > p && (sync || when < killed - WINDOW))
            crash_wrong ("transaction %ld (%s), acknowledged %.3f s before the kill, "
                         "is lost: crash.last is %ld",
                         i, sync ? "synchronous" : "relaxed", killed - when, p);
    }
    fclose (f);
    if (k)
        fclose (k);
}

long crash_check (flux_t *h)
{
    struct lives l;
    long p = last_number (h);

    lives_read (&l);
    if (l.count > 0 && p < l.first[l.count - 1] - 1)
        crash_wrong ("crash.last is %ld but was %ld before", p, l.first[l.count - 1] - 1);
    check_acked (p);
    check_ring (h, &l, p);
    check_keep (h, &l, p);
    check_log (h, p);
    crash_walk (h);
    crash_check_jobs (h);
    free (l.first);
    return p;
}
