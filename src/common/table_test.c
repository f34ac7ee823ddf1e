#include "config.h"
#include <stdio.h>
#include "table.h"
#include "tap.h"

/* A table of u64 must agree with a plain array after many random steps. */
static void agrees_with_a_model (unsigned int seed)
{
    enum { KEYS = 512, STEPS = 200000 };
    static char values[KEYS];
    bool in[KEYS] = { false };
    struct table t = TABLE_INIT;
    size_t count = 0;
    bool good = true;

    srand (seed);
    for (int step = 0; step < STEPS && good; step++) {
        unsigned int k = rand () % KEYS;
        uint64_t key = (uint64_t)k << 24; /* like job ids: low bits all zero */

        switch (rand () % 3) {
            case 0:
                good = table_put_u64 (&t, key, &values[k]) == (in[k] ? -EEXIST : 0);
                count += !in[k];
                in[k] = true;
                break;
            case 1:
                good = table_del_u64 (&t, key) == (in[k] ? &values[k] : NULL);
                count -= in[k];
                in[k] = false;
                break;
            case 2:
                good = table_get_u64 (&t, key) == (in[k] ? &values[k] : NULL);
                break;
        }
        good = good && table_count (&t) == count;
    }
    ok (good, "random steps agree with a model (seed %u)", seed);
    while (table_pop (&t))
        count--;
    ok (count == 0 && table_count (&t) == 0, "table_pop drains it");
    table_fini (&t);
}

static void byte_keys (void)
{
    struct table t = TABLE_INIT;
    static char keys[1000][32];
    size_t pos = 0, n = 0;
    bool all = true;

    for (int i = 0; i < 1000; i++) {
        snprintf (keys[i], sizeof (keys[i]), "key.%d", i);
        if (table_put_str (&t, keys[i], keys[i]) < 0)
            all = false;
    }
    ok (all, "1000 strings go in");
    ok (table_put_str (&t, "key.7", keys[8]) == -EEXIST, "a second one is refused");
    for (int i = 0; i < 1000; i++) {
        if (table_get_str (&t, keys[i]) != keys[i])
            all = false;
    }
    ok (all, "... and are all found");
    ok (!table_get (&t, "key.7x", 5 + 1), "a longer key is another key");
    ok (table_get (&t, "key.7x", 5) == keys[7], "a counted key needs no NUL");
    while (table_next (&t, &pos))
        n++;
    ok (n == 1000, "iteration sees each once");
    ok (table_del_str (&t, "key.7") == keys[7] && !table_get_str (&t, "key.7"),
        "a removed key is gone");
    ok (table_put_str (&t, "", keys[0]) == 0 && table_get_str (&t, "") == keys[0],
        "the empty key is a key");
    ok (table_put_str (&t, "x", NULL) == -EINVAL, "NULL is no value");
    table_fini (&t);
}

int main (void)
{
    struct table t = TABLE_INIT;
    size_t pos = 0;

    ok (!table_get_u64 (&t, 1) && !table_del_u64 (&t, 1) && !table_pop (&t)
            && !table_next (&t, &pos),
        "an empty table has nothing");
    for (unsigned int seed = 1; seed <= 5; seed++)
        agrees_with_a_model (seed);
    byte_keys ();
    return done_testing ();
}
