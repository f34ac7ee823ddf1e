#include "config.h"
#include "coremap.h"
#include "tap.h"

int main (void)
{
    static struct coremap m;
    cpu_set_t set;

    coremap_init (&m);
    ok (coremap_count (&m) == 0, "no CPUs, no cores");
    /* two packages of two cores with two threads, numbered as x86 does */
    for (int cpu = 0; cpu < 8; cpu++)
        coremap_add (&m, cpu, cpu % 4 / 2, cpu % 2);
    coremap_sort (&m);
    ok (coremap_count (&m) == 4, "threads of one core are one core");
    CPU_ZERO (&set);
    coremap_get (&m, 2, &set);
    ok (CPU_COUNT (&set) == 2 && CPU_ISSET (2, &set) && CPU_ISSET (6, &set),
        "core 2 is the first of the second package");
    coremap_get (&m, 0, &set);
    ok (CPU_COUNT (&set) == 4 && CPU_ISSET (0, &set) && CPU_ISSET (4, &set), "sets add up");
    coremap_get (&m, 4, &set);
    ok (CPU_COUNT (&set) == 4, "a core that is not there adds none");
    return done_testing ();
}
