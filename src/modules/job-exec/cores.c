/* job-exec/cores.c - cores by the ids that R has for them.
 *
 * In a root instance R counts the cores that the broker may use: 0, 1, ...  An
 * instance in a job has the ids that its job has, and its broker is bound to these
 * cores: then the first id is the first of them, and so on.  If it is not (option
 * cpu-affinity=off) the ids count all cores.
 */
#include "config.h"
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/util.h"
#include "exec.h"

static int read_topology (int cpu, const char *name, int def)
{
    char path[128];
    int value = def;
    FILE *f;

    snprintf (path, sizeof (path), "/sys/devices/system/cpu/cpu%d/topology/%s", cpu,
              name);
    if ((f = fopen (path, "re"))) {
        if (fscanf (f, "%d", &value) != 1)
            value = def;
        fclose (f);
    }
    return value;
}

/* The cores that R counts, as the resource service sees them. */
static void find_cores (struct exec *x)
{
    cpu_set_t set;

    coremap_init (&x->cores);
    if (sched_getaffinity (0, sizeof (set), &set) < 0)
        return;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET (cpu, &set))
            coremap_add (&x->cores, cpu, read_topology (cpu, "physical_package_id", 0),
                         read_topology (cpu, "core_id", cpu));
    }
    coremap_sort (&x->cores);
}

/* The ids of a rank in R, as text. */
static char *ids_of (const struct rset *R, uint32_t rank)
{
    for (size_t i = 0; i < rset_nnodes (R); i++) {
        const struct idset *ids = rset_ids_at (R, i, RSET_CORE);

        if (rset_rank_at (R, i) == rank && ids)
            return idset_encode (ids, IDSET_FLAG_RANGE);
    }
    return NULL;
}

/* The resource service has stored R before this module is loaded. */
static int get_inventory (struct exec *x)
{
    flux_future_t *f = flux_kvs_lookup (x->h, NULL, 0, "resource.R");
    flux_error_t error = { "" };
    const char *s;
    char *ids = NULL;
    int rc = 0;

    if (!f || flux_kvs_lookup_get (f, &s) < 0 || !s
        || rset_parse_text (s, strlen (s), &x->inventory, &error) < 0)
        flux_log (x->h, LOG_ERR, "resource.R: %s",
                  error.text[0] ? error.text : strerror (errno));
    else if ((ids = ids_of (x->inventory, x->rank)))
        rc = cores_set_ids (x, ids);
    flux_future_destroy (f);
    free (ids);
    return rc;
}

int cores_init (struct exec *x)
{
    const char *level = x->attrs.instance_level;

    find_cores (x);
    return x->rank == 0 && level && atoi (level) > 0 ? get_inventory (x) : 0;
}

void cores_fini (struct exec *x)
{
    rset_free (x->inventory);
    idset_destroy (x->core_ids);
}

int cores_set_ids (struct exec *x, const char *s)
{
    struct idset *ids = idset_decode (s);

    if (!ids)
        return -1;
    idset_destroy (x->core_ids);
    x->core_ids = ids;
    return 0;
}

char *cores_of_rank (const struct exec *x, uint32_t rank)
{
    return x->inventory ? ids_of (x->inventory, rank) : NULL;
}

void cores_get (const struct exec *x, unsigned int core, cpu_set_t *set)
{
    unsigned int n = 0;

    if (!x->core_ids || idset_count (x->core_ids) != coremap_count (&x->cores)) {
        coremap_get (&x->cores, core, set);
        return;
    }
    for (unsigned int id = idset_first (x->core_ids);
         id != IDSET_INVALID_ID && id != core; id = idset_next (x->core_ids, id))
        n++;
    coremap_get (&x->cores, n, set);
}
