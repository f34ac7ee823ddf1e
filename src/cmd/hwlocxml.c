/* hwlocxml.c - flux hwloc-xml: write down what hwloc sees of this machine.
 *
 * To look at all devices costs an MPI program as much as the rest of MPI_Init:
 * on a virtual machine each read of a PCI device's registers leaves it.  job-exec
 * has that done once, and processes find the file in HWLOC_XMLFILE.
 *
 * hwloc is used if it is there (its users have it): what is declared here of it
 * has been so since 2.0.
 *
 *   flux hwloc-xml FILE
 */

#include "config.h"
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd.h"
#include "common/text.h"

#define HWLOC_SONAME "libhwloc.so.15"
#define HWLOC_KEEP_ALL 0

struct hwloc {
    int (*init) (void **topology);
    int (*filter) (void *topology, int filter);
    int (*load) (void *topology);
    int (*export) (void *topology, const char *path, unsigned long flags);
    void (*destroy) (void *topology);
};

static const struct opt_table table = {
    .prog = "flux-hwloc-xml",
    .usage = "FILE",
    .summary = "Write the topology of this machine, as hwloc sees it, to a file.",
    .example = "flux hwloc-xml topology.xml",
};

static void *find (void *lib, const char *name)
{
    void *sym = dlsym (lib, name);

    if (!sym)
        cmd_die ("%s", dlerror ());
    return sym;
}

static void find_all (struct hwloc *w)
{
    void *lib = dlopen (HWLOC_SONAME, RTLD_NOW);

    if (!lib)
        cmd_die ("%s", dlerror ());
    *(void **)&w->init = find (lib, "hwloc_topology_init");
    *(void **)&w->filter = find (lib, "hwloc_topology_set_all_types_filter");
    *(void **)&w->load = find (lib, "hwloc_topology_load");
    *(void **)&w->export = find (lib, "hwloc_topology_export_xml");
    *(void **)&w->destroy = find (lib, "hwloc_topology_destroy");
}

/* Who reads the file sees all of it or none. */
int cmd_hwlocxml (int argc, char **argv)
{
    int i = opt_parse (&table, argc, argv, NULL, NULL);
    struct text tmp = TEXT_INIT;
    void *topology = NULL;
    struct hwloc w;

    if (argc - i != 1)
        opt_usage (&table);
    text_printf (&tmp, "%s.%d", argv[i], (int)getpid ());
    if (text_error (&tmp))
        cmd_die ("out of memory");
    find_all (&w);
    if (w.init (&topology) < 0 || w.filter (topology, HWLOC_KEEP_ALL) < 0
        || w.load (topology) < 0 || w.export(topology, tmp.buf, 0) < 0)
        cmd_die ("%s: %s", argv[i], strerror (errno));
    w.destroy (topology);
    if (rename (tmp.buf, argv[i]) < 0) {
        cmd_warn ("%s: %s", argv[i], strerror (errno));
        (void)unlink (tmp.buf);
        return 1;
    }
    text_fini (&tmp);
    return 0;
}
