#include "config.h"

#include "intern.h"
#include "tap.h"

int main (void)
{
    struct intern pool;
    struct itext *a, *b, *c, *slot = NULL;

    intern_init (&pool);
    a = intern_get (&pool, "abcX", 3);
    b = intern_get (&pool, "abcY", 3);
    c = intern_get (&pool, "", 0);
    ok (a && a == b, "equal texts are one object");
    ok (c && c != a, "the empty text is a text like another");
    is (a->s, "abc", "the copy ends where it was told");
    is_int (pool.bytes, 3, "its bytes are counted once");
    intern_put (&pool, a);
    is (b->s, "abc", "it lives as long as it has a reference");
    intern_set (&pool, &slot, b);
    intern_set (&pool, &slot, c);
    is_int (table_count (&pool.texts), 1, "with the last reference it goes");
    intern_set (&pool, &slot, NULL);
    intern_put (&pool, NULL);
    is_int (pool.bytes, 0, "nothing is left");
    intern_fini (&pool);
    return done_testing ();
}
