#include "config.h"
#include <stdint.h>
#include <string.h>

#include "slab.h"
#include "tap.h"

#define COUNT 20000

static struct {
    unsigned char *p;
    size_t size;
} objects[COUNT];

static void fill (int i, size_t size)
{
    objects[i].size = size;
    objects[i].p = slab_alloc (size);
    if (!objects[i].p)
        bail_out ("no memory");
    memset (objects[i].p, i & 0xff, size);
}

static bool is_intact (int i)
{
    for (size_t k = 0; k < objects[i].size; k++) {
        if (objects[i].p[k] != (i & 0xff))
            return false;
    }
    return true;
}

static void empty (int i)
{
    slab_free (objects[i].p, objects[i].size);
    objects[i].p = NULL;
}

/* Sizes around all bounds, freed and replaced in another order than they came in. */
static void test_contents (void)
{
    unsigned int seed = 1;
    int bad = 0, unaligned = 0;

    for (int i = 0; i < COUNT; i++)
        fill (i, i % (SLAB_SIZE_MAX + 3));
    for (int n = 0; n < 20 * COUNT; n++) {
        int i = (seed = seed * 1103515245 + 12345) / 65536 % COUNT;

        bad += !is_intact (i);
        empty (i);
        fill (i, seed / 7 % (SLAB_SIZE_MAX + 3));
        unaligned += (uintptr_t)objects[i].p % 16 != 0;
    }
    for (int i = 0; i < COUNT; i++) {
        bad += !is_intact (i);
        empty (i);
    }
    ok (bad == 0, "what is in an object stays as it is while others come and go");
    ok (unaligned == 0, "every object is aligned to 16 bytes");
}

static void test_reuse (void)
{
    char *a = slab_alloc (100);
    char *b = slab_alloc (100);
    char *again;

    slab_free (a, 100);
    slab_free (b, 100);
    again = slab_alloc (97);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    ok (again == b, "what was freed last is given out first, to any size of its class");
#endif
    slab_free (again, 97);
    slab_free (NULL, 100);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* their malloc ends us */
    ok (slab_alloc (SIZE_MAX / 2) == NULL, "too much is refused");
#endif
}

/* What is left at the end can still be freed. */
static void test_left (void)
{
    void *p;

    slab_begin ();
    p = slab_alloc (64);
    slab_end ();
    slab_free (p, 64);
    slab_end ();
    slab_begin ();
    slab_end ();
    ok (p != NULL,
        "an object that was left when its thread had ended is freed all the same");
}

int main (int argc, char *argv[])
{
    test_contents (); /* of malloc () */
    slab_begin ();
    test_contents ();
    test_reuse ();
    slab_end ();
    test_left ();
    return done_testing ();
}
