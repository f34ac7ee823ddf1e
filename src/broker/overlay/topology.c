#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/util.h"

#include "topology.h"

int topology_parse (const char *spec, uint32_t size, struct topology *t)
{
    unsigned long k = 0;
    char *end;

    if (strncmp (spec, "kary:", 5) == 0) {
        if (spec[5] < '0' || spec[5] > '9')
            return -EINVAL;
        k = strtoul (spec + 5, &end, 10);
        if (*end || k > INT32_MAX)
            return -EINVAL;
    }
    else if (strcmp (spec, "flat") != 0)
        return -EINVAL;
    t->size = size;
    t->k = k ? k : size;
    return 0;
}

uint32_t topology_parent (const struct topology *t, uint32_t rank)
{
    must (rank > 0);
    return (rank - 1) / t->k;
}

uint32_t topology_children (const struct topology *t, uint32_t rank, uint32_t *first)
{
    uint64_t begin = (uint64_t)t->k * rank + 1;
    uint64_t end = begin + t->k;

    if (begin >= t->size)
        return 0;
    *first = begin;
    return (end > t->size ? t->size : end) - begin;
}

bool topology_next (const struct topology *t,
                    uint32_t rank,
                    uint32_t target,
                    uint32_t *child)
{
    if (target >= t->size)
        return false;
    while (target > rank) {
        uint32_t parent = topology_parent (t, target);

        if (parent == rank) {
            *child = target;
            return true;
        }
        target = parent;
    }
    return false;
}

uint32_t topology_descendants (const struct topology *t, uint32_t rank)
{
    uint32_t child, count = 0;

    for (uint32_t r = rank + 1; r < t->size; r++)
        count += topology_next (t, rank, r, &child);
    return count;
}

uint32_t topology_level (const struct topology *t, uint32_t rank)
{
    uint32_t level = 0;

    for (; rank > 0; rank = topology_parent (t, rank))
        level++;
    return level;
}
