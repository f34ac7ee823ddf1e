#include "config.h"

#include <errno.h>

#include "common/tap.h"

#include "topology.h"

static struct topology make (const char *spec, uint32_t size)
{
    struct topology t;

    if (topology_parse (spec, size, &t) < 0)
        bail_out ("%s", spec);
    return t;
}

static void binary_tree (void)
{
    struct topology t = make ("kary:2", 8);
    uint32_t first = 0, child = 0;

    ok (topology_parent (&t, 1) == 0 && topology_parent (&t, 2) == 0
            && topology_parent (&t, 7) == 3,
        "kary:2: the parent of 1 and 2 is 0, of 7 is 3");
    ok (topology_children (&t, 1, &first) == 2 && first == 3, "1 has the children 3, 4");
    ok (topology_children (&t, 3, &first) == 1 && first == 7, "3 has 7 only");
    ok (topology_children (&t, 4, &first) == 0, "4 is a leaf");
    ok (topology_next (&t, 0, 7, &child) && child == 1, "from 0 to 7 it goes by 1");
    ok (topology_next (&t, 1, 7, &child) && child == 3, "from there by 3");
    ok (!topology_next (&t, 2, 7, &child), "7 is not below 2");
    ok (!topology_next (&t, 3, 3, &child) && !topology_next (&t, 3, 0, &child),
        "neither itself nor a rank above is below");
    ok (!topology_next (&t, 0, 8, &child) && !topology_next (&t, 3, UINT32_MAX, &child),
        "nor is a rank there is not");
    ok (topology_descendants (&t, 0) == 7 && topology_descendants (&t, 1) == 3
            && topology_descendants (&t, 7) == 0,
        "descendants are counted");
    ok (topology_level (&t, 0) == 0 && topology_level (&t, 2) == 1
            && topology_level (&t, 7) == 3,
        "levels are counted");
}

static void flat_tree (void)
{
    static const char *const specs[] = { "flat", "kary:0", "kary:32" };
    uint32_t first = 0;

    for (int i = 0; i < 3; i++) {
        struct topology t = make (specs[i], 20);

        ok (topology_children (&t, 0, &first) == 19 && first == 1
                && topology_level (&t, 19) == 1,
            "%s: 20 ranks on one level",
            specs[i]);
    }
    {
        struct topology t = make ("flat", 1);

        ok (topology_children (&t, 0, &first) == 0 && topology_descendants (&t, 0) == 0,
            "one rank has no children");
    }
}

static void everybody_has_one_parent (void)
{
    for (uint32_t k = 1; k < 6; k++) {
        struct topology t = { .size = 64, .k = k };
        uint32_t edges = 0, first = 0;
        bool good = true;

        for (uint32_t r = 0; r < t.size; r++) {
            uint32_t n = topology_children (&t, r, &first);

            edges += n;
            for (uint32_t i = 0; i < n; i++)
                good = good && topology_parent (&t, first + i) == r;
        }
        ok (good && edges == 63, "k = %u: 64 ranks, 63 edges, each known at both ends", k);
    }
}

static void nonsense (void)
{
    static const char *const specs[] = { "", "kary", "kary:", "kary:x", "kary:-1",
                                         "kary:2x", "binomial", "kary:99999999999" };
    struct topology t;

    for (size_t i = 0; i < sizeof (specs) / sizeof (specs[0]); i++)
        ok (topology_parse (specs[i], 4, &t) == -EINVAL, "'%s' is refused", specs[i]);
}

int main (void)
{
    binary_tree ();
    flat_tree ();
    everybody_has_one_parent ();
    nonsense ();
    return done_testing ();
}
