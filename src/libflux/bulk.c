#include "config.h"
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "common/list.h"
#include "common/util.h"
#include "bulk.h"

#if defined(__SANITIZE_ADDRESS__)

void *bulk_alloc (size_t size)
{
    return malloc (size);
}

void bulk_free (void *p)
{
    free_keep_errno (p);
}

void bulk_stats (struct bulk_stats *st)
{
    *st = (struct bulk_stats){ 0 };
}

#else

enum {
    HEAD_SIZE = 64,
    DOUBLINGS = 9, /* from BULK_MIN beyond BULK_KEEP_SIZE */
    CLASSES = DOUBLINGS * BULK_STEPS,
};

_Static_assert ((size_t)BULK_MIN << (DOUBLINGS - 1) == BULK_KEEP_SIZE,
                "there is a class for each size that is kept");

/* In front of the bytes; the links are of those that are free. */
struct head {
    struct list link; /* among those of its class, newest first */
    struct list age;  /* among all, oldest first */
    size_t mapped;
    int class; /* -1: never kept */
};

_Static_assert (sizeof (struct head) <= HEAD_SIZE, "the header has room");

static struct pool {
    pthread_mutex_t lock;
    struct list free[CLASSES];
    struct list age; /* zero: nothing here is initialised */
    size_t mapped;
    size_t kept;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void pool_init (void)
{
    if (!pool.age.next) {
        list_init (&pool.age);
        for (int i = 0; i < CLASSES; i++)
            list_init (&pool.free[i]);
    }
}

/* The class of buffers for size bytes, and how large they are. */
static int class_of (size_t size, size_t *mapped)
{
    size_t base = BULK_MIN;
    size_t step;
    int class = 0;

    if (size > BULK_KEEP_SIZE) {
        *mapped = (size + 4095) / 4096 * 4096;
        return -1;
    }
    while (size > 2 * base) {
        base *= 2;
        class += BULK_STEPS;
    }
    for (step = base / BULK_STEPS; base < size; base += step)
        class++;
    *mapped = base;
    return class;
}

static struct head *take_kept (int class)
{
    struct head *h = NULL;

    if (class >= 0 && (h = list_first (&pool.free[class], struct head, link))) {
        list_del (&h->link);
        list_del (&h->age);
        pool.kept -= h->mapped;
    }
    return h;
}

static struct head *map_new (size_t mapped, int class)
{
    struct head *h;

    h = mmap (NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (h == MAP_FAILED)
        return NULL;
    h->mapped = mapped;
    h->class = class;
    return h;
}

void *bulk_alloc (size_t size)
{
    struct head *h;
    size_t mapped;
    int class;

    if (size > SIZE_MAX / 2) {
        errno = ENOMEM;
        return NULL;
    }
    class = class_of (size + HEAD_SIZE, &mapped);
    pthread_mutex_lock (&pool.lock);
    pool_init ();
    if (!(h = take_kept (class)))
        pool.mapped += mapped;
    pthread_mutex_unlock (&pool.lock);
    if (!h && !(h = map_new (mapped, class))) {
        pthread_mutex_lock (&pool.lock);
        pool.mapped -= mapped;
        pthread_mutex_unlock (&pool.lock);
        errno = ENOMEM;
        return NULL;
    }
    return (char *)h + HEAD_SIZE;
}

/* Put h away; what is too old to be kept beside it goes on 'gone'. */
static void keep (struct head *h, struct list *gone)
{
    list_prepend (&pool.free[h->class], &h->link);
    list_append (&pool.age, &h->age);
    pool.kept += h->mapped;
    while (pool.kept > BULK_KEEP_MAX) {
        h = list_first (&pool.age, struct head, age);
        list_del (&h->link);
        list_del (&h->age);
        list_append (gone, &h->age);
        pool.kept -= h->mapped;
        pool.mapped -= h->mapped;
    }
}

void bulk_free (void *p)
{
    struct list gone = LIST_INIT (gone);
    int saved_errno = errno;
    struct head *h;

    if (!p)
        return;
    h = (struct head *)((char *)p - HEAD_SIZE);
    list_init (&h->link);
    list_init (&h->age);
    pthread_mutex_lock (&pool.lock);
    if (h->class >= 0)
        keep (h, &gone);
    else {
        pool.mapped -= h->mapped;
        list_append (&gone, &h->age);
    }
    pthread_mutex_unlock (&pool.lock);
    while ((h = list_first (&gone, struct head, age))) {
        list_del (&h->age);
        munmap (h, h->mapped);
    }
    errno = saved_errno;
}

void bulk_stats (struct bulk_stats *st)
{
    pthread_mutex_lock (&pool.lock);
    *st = (struct bulk_stats){ pool.mapped, pool.kept };
    pthread_mutex_unlock (&pool.lock);
}

#endif
