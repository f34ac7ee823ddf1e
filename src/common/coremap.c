#include "config.h"
#include <stdbool.h>
#include <stdlib.h>

#include "coremap.h"

void coremap_add (struct coremap *m, int cpu, int package, int core)
{
    if (m->ncpus < CPU_SETSIZE && cpu >= 0 && cpu < CPU_SETSIZE)
        m->cpus[m->ncpus++] = (struct coremap_cpu){ cpu, package, core };
}

static int compare (const void *x, const void *y)
{
    const struct coremap_cpu *a = x, *b = y;

    if (a->package != b->package)
        return a->package < b->package ? -1 : 1;
    if (a->core != b->core)
        return a->core < b->core ? -1 : 1;
    return a->cpu < b->cpu ? -1 : a->cpu > b->cpu;
}

void coremap_sort (struct coremap *m)
{
    qsort (m->cpus, m->ncpus, sizeof (m->cpus[0]), compare);
}

static bool starts_core (const struct coremap *m, size_t i)
{
    return i == 0 || m->cpus[i].package != m->cpus[i - 1].package
           || m->cpus[i].core != m->cpus[i - 1].core;
}

size_t coremap_count (const struct coremap *m)
{
    size_t count = 0;

    for (size_t i = 0; i < m->ncpus; i++)
        count += starts_core (m, i);
    return count;
}

void coremap_get (const struct coremap *m, size_t core, cpu_set_t *set)
{
    size_t count = 0;

    for (size_t i = 0; i < m->ncpus && count <= core + 1; i++) {
        count += starts_core (m, i);
        if (count == core + 1)
            CPU_SET (m->cpus[i].cpu, set);
    }
}
