#include "config.h"
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/tap.h"
#include "common/util.h"
#include "bulk.h"

static struct bulk_stats stats (void)
{
    struct bulk_stats st;

    bulk_stats (&st);
    return st;
}

static void what_is_free_is_used_again (void)
{
    char *p = bulk_alloc (100000);
    char *q;

    ok (p && (uintptr_t)p % 16 == 0, "a buffer is aligned");
    memset (p, 'x', 100000);
    bulk_free (p);
    ok (stats ().kept == stats ().mapped && stats ().kept >= 100000,
        "a free buffer is kept");
    q = bulk_alloc (99000);
    ok (q == p && stats ().kept == 0, "and serves the next of its class");
    p = bulk_alloc (99000);
    ok (p && p != q, "one in use does not");
    bulk_free (p);
    bulk_free (q);
    bulk_free (NULL);
}

static void little_is_wasted (void)
{
    size_t before, worst = 0;
    void *p;

    for (size_t size = BULK_MIN; size < 2 * BULK_KEEP_SIZE; size += 12345) {
        before = stats ().mapped - stats ().kept;
        must (p = bulk_alloc (size));
        before = stats ().mapped - stats ().kept - before - size;
        if (before > worst && before > size / 4 + 8192)
            worst = before;
        memset (p, 1, size);
        bulk_free (p);
    }
    ok (worst == 0, "a buffer is at most a quarter larger than was asked for");
}

static void little_is_kept (void)
{
    enum { N = 400 };
    void *p[N];
    size_t used;

    for (int i = 0; i < N; i++) {
        must (p[i] = bulk_alloc (90000 + i * 1000));
    }
    used = stats ().mapped;
    ok (used > N * 90000, "%zu MiB are in use", used >> 20);
    for (int i = 0; i < N; i++)
        bulk_free (p[i]);
    ok (stats ().kept <= BULK_KEEP_MAX && stats ().mapped == stats ().kept,
        "of what is free no more than %d MiB are kept", BULK_KEEP_MAX >> 20);
    p[0] = bulk_alloc (3 * BULK_KEEP_SIZE);
    used = stats ().kept;
    bulk_free (p[0]);
    ok (p[0] && stats ().kept == used, "a very large buffer is not kept");
    ok (!bulk_alloc (SIZE_MAX) && !bulk_alloc (SIZE_MAX / 3),
        "what cannot be had is refused");
}

/* Each thread fills buffers and leaves them for any other to check and free. */
enum { SLOTS = 64, ROUNDS = 600 };

static struct {
    pthread_mutex_t lock;
    char *buf[SLOTS];
    size_t size[SLOTS];
    int wrong;
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void exchange (int slot, char **buf, size_t *size)
{
    char *b = *buf;
    size_t s = *size;

    pthread_mutex_lock (&shared.lock);
    *buf = shared.buf[slot];
    *size = shared.size[slot];
    shared.buf[slot] = b;
    shared.size[slot] = s;
    pthread_mutex_unlock (&shared.lock);
}

static void *passer (void *arg)
{
    unsigned int seed = (uintptr_t)arg;

    for (int i = 0; i < ROUNDS; i++) {
        size_t size = BULK_MIN + rand_r (&seed) % 300000;
        char *b = bulk_alloc (size);

        must (b);
        b[0] = b[size / 2] = b[size - 1] = size % 251;
        exchange (rand_r (&seed) % SLOTS, &b, &size);
        if (b && (b[0] != (char)(size % 251) || b[size / 2] != b[0] || b[size - 1] != b[0])) {
            pthread_mutex_lock (&shared.lock);
            shared.wrong++;
            pthread_mutex_unlock (&shared.lock);
        }
        bulk_free (b);
    }
    return NULL;
}

static void threads_share (void)
{
    pthread_t t[4];

    for (uintptr_t i = 0; i < ARRAY_SIZE (t); i++)
        pthread_create (&t[i], NULL, passer, (void *)(i + 1));
    for (size_t i = 0; i < ARRAY_SIZE (t); i++)
        pthread_join (t[i], NULL);
    for (int i = 0; i < SLOTS; i++)
        bulk_free (shared.buf[i]);
    ok (shared.wrong == 0, "what one thread wrote another finds");
    ok (stats ().mapped == stats ().kept && stats ().kept <= BULK_KEEP_MAX,
        "and frees, and no more than the bound is left");
}

int main (void)
{
#if defined(__SANITIZE_ADDRESS__)
    threads_share ();
#else
    what_is_free_is_used_again ();
    little_is_wasted ();
    little_is_kept ();
    threads_share ();
#endif
    return done_testing ();
}
