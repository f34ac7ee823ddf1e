#include "config.h"
#include <stdio.h>

#include "common/tap.h"
#include "common/util.h"
#include "tagpool.h"

int main (void)
{
    struct tagpool *t = tagpool_create ();
    uint32_t grown;
    bool good = true;

    ok (tagpool_size (t) == 1023 && tagpool_avail (t) == 1023, "1023 tags at first");
    for (uint32_t i = 1; i <= 1023; i++)
        good = good && tagpool_alloc (t, &grown) == i && grown == 0;
    ok (good && tagpool_avail (t) == 0, "the lowest free one each time");
    ok (tagpool_alloc (t, &grown) == 1024 && grown == 1023 && tagpool_size (t) == 2047,
        "then the pool doubles");
    tagpool_free (t, 500);
    tagpool_free (t, 500);
    tagpool_free (t, 7);
    tagpool_free (t, 0);
    tagpool_free (t, 1500);
    tagpool_free (t, 4000000000u);
    ok (tagpool_avail (t) == 1023 + 2, "tags are given back, once");
    ok (tagpool_alloc (t, &grown) == 7 && tagpool_alloc (t, &grown) == 500
            && tagpool_alloc (t, &grown) == 1025 && grown == 0,
        "and are used again, lowest first");
    for (uint32_t i = 1; i <= 1025; i++) {
        if (i != 3 && i != 64 && i != 1024)
            tagpool_free (t, i);
    }
    ok (tagpool_next (t, 0) == 3 && tagpool_next (t, 3) == 64
            && tagpool_next (t, 64) == 1024 && tagpool_next (t, 1024) == 0
            && tagpool_next (t, 4000000000u) == 0,
        "those that are out can be listed");
    tagpool_destroy (t);
    tagpool_destroy (NULL);
    return done_testing ();
}
