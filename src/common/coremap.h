/* coremap.h - logical cores and the CPUs they consist of.
 *
 * A core is what R counts: one or more hardware threads that share a physical
 * core.  Cores are numbered 0 .. n-1 by package, then core id, as the
 * operating system gives them.  No I/O here: who fills a map reads sysfs.
 *
 * Bound: CPU_SETSIZE CPUs; others are ignored.
 */

#ifndef MILLRACE_COREMAP_H
#define MILLRACE_COREMAP_H

#include <sched.h>
#include <stddef.h>

struct coremap_cpu {
    int cpu;
    int package;
    int core;
};

struct coremap {
    struct coremap_cpu cpus[CPU_SETSIZE];
    size_t ncpus;
};

static inline void coremap_init (struct coremap *m)
{
    m->ncpus = 0;
}

void coremap_add (struct coremap *m, int cpu, int package, int core);

/* Call once, after the last add. */
void coremap_sort (struct coremap *m);

size_t coremap_count (const struct coremap *m);

/* Add the CPUs of one core to set.  A core that is not there adds none. */
void coremap_get (const struct coremap *m, size_t core, cpu_set_t *set);

#endif /* !MILLRACE_COREMAP_H */
