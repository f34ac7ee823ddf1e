#include "config.h"
#include <glob.h>
#include <sched.h>
#include <stdio.h>

#include <flux/hostlist.h>
#include "common/coremap.h"
#include "common/errprintf.h"
#include "common/util.h"
#include "inventory.h"

#define fail(error, ...) (errprintf ((error), __VA_ARGS__), -EINVAL)

/* A number in a file of sysfs, or def. */
static int read_int (const char *fmt, int cpu, int def)
{
    char path[128];
    int value;
    FILE *f;

    snprintf (path, sizeof (path), fmt, cpu);
    if (!(f = fopen (path, "re")))
        return def;
    if (fscanf (f, "%d", &value) != 1)
        value = def;
    fclose (f);
    return value;
}

/* Without topology every CPU is a core of its own. */
static size_t count_cores (void)
{
    static const char dir[] = "/sys/devices/system/cpu/cpu%d/topology";
    struct coremap *map;
    char path[128];
    cpu_set_t set;
    size_t count;

    if (sched_getaffinity (0, sizeof (set), &set) < 0 || !(map = malloc (sizeof (*map))))
        return 1;
    coremap_init (map);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        int package, core;

        if (!CPU_ISSET (cpu, &set))
            continue;
        snprintf (path, sizeof (path), "%s/physical_package_id", dir);
        package = read_int (path, cpu, 0);
        snprintf (path, sizeof (path), "%s/core_id", dir);
        core = read_int (path, cpu, cpu);
        coremap_add (map, cpu, package, core);
    }
    coremap_sort (map);
    count = coremap_count (map);
    free (map);
    return count;
}

static size_t count_gpus (void)
{
    glob_t g;
    size_t count = 0;

    if (glob ("/dev/nvidia[0-9]*", 0, NULL, &g) == 0) {
        count = g.gl_pathc;
        globfree (&g);
    }
    return count;
}

static struct idset *first_ids (size_t count)
{
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);

    if (ids && count > 0 && idset_range_set (ids, 0, count - 1) < 0) {
        idset_destroy (ids);
        return NULL;
    }
    return ids;
}

/* size nodes that are all alike. */
static int add_uniform (struct rset *r,
                        uint32_t size,
                        struct hostlist *hl,
                        size_t ncores,
                        size_t ngpus)
{
    struct idset *cores = first_ids (ncores);
    struct idset *gpus = first_ids (ngpus);
    const char *host = hl ? hostlist_first (hl) : NULL;
    int rc = cores && gpus ? 0 : -ENOMEM;

    for (uint32_t rank = 0; rank < size && rc == 0; rank++) {
        rc = rset_add (r, rank, host, RSET_CORE, cores);
        if (rc == 0)
            rc = rset_add (r, rank, host, RSET_GPU, gpus);
        host = hl ? hostlist_next (hl) : NULL;
    }
    idset_destroy (cores);
    idset_destroy (gpus);
    return rc;
}

int inventory_probe (uint32_t size,
                     const char *hosts,
                     struct rset **ret,
                     flux_error_t *error)
{
    struct hostlist *hl = hosts ? hostlist_decode (hosts) : NULL;
    struct rset *r = rset_new ();
    int rc;

    if (hl && (uint32_t)hostlist_count (hl) != size)
        rc = fail (error, "hostlist does not have %u hosts", size);
    else if (!r)
        rc = -ENOMEM;
    else
        rc = add_uniform (r, size, hl, count_cores (), count_gpus ());
    hostlist_destroy (hl);
    if (rc < 0) {
        rset_free (r);
        return rc;
    }
    *ret = r;
    return 0;
}

static int add_ids (struct rset *r,
                    const struct idset *ranks,
                    struct hostlist *all,
                    const char *type,
                    const char *s,
                    flux_error_t *error)
{
    struct idset *ids;
    unsigned int rank;
    int rc = 0;

    if (!(ids = idset_decode (s)))
        return fail (error, "invalid %s idset '%s'", type, s);
    for (rank = idset_first (ranks); rank != IDSET_INVALID_ID && rc == 0;
         rank = idset_next (ranks, rank))
        rc = rset_add (r, rank, hostlist_nth (all, rank), type, ids);
    idset_destroy (ids);
    return rc == -EEXIST ? fail (error, "a %s id is configured twice", type) : rc;
}

/* The ranks of hosts; new ones are appended to all. */
static int rank_hosts (const char *hosts,
                       struct hostlist *all,
                       struct idset *ranks,
                       flux_error_t *error)
{
    struct hostlist *hl;
    const char *host;
    int rc = 0;

    if (!(hl = hostlist_decode (hosts)))
        return fail (error, "invalid hosts '%s'", hosts);
    for (host = hostlist_first (hl); host && rc == 0; host = hostlist_next (hl)) {
        int rank = hostlist_find (all, host);

        if (rank < 0) {
            rank = hostlist_count (all);
            if (hostlist_append (all, host) < 0)
                rc = -ENOMEM;
        }
        if (rc == 0 && idset_set (ranks, rank) < 0)
            rc = -ENOMEM;
    }
    hostlist_destroy (hl);
    return rc;
}

static int add_properties (struct rset *r,
                           const struct idset *ranks,
                           json_t *properties,
                           flux_error_t *error)
{
    json_t *o;
    size_t i;
    int rc = 0;

    if (properties && !json_is_array (properties))
        return fail (error, "properties must be an array");
    json_array_foreach (properties, i, o) {
        const char *name = json_string_value (o);

        if (!name)
            return fail (error, "properties must be strings");
        if ((rc = rset_add_property (r, name, ranks, error)) < 0)
            return rc == -ENOENT ? -EINVAL : rc;
    }
    return 0;
}

static int add_entry (struct rset *r,
                      struct hostlist *all,
                      json_t *entry,
                      flux_error_t *error)
{
    const char *hosts, *cores = NULL, *gpus = NULL;
    json_t *properties = NULL;
    json_error_t jerror;
    struct idset *ranks;
    int rc;

    if (json_unpack_ex (entry,
                        &jerror,
                        0,
                        "{s:s s?s s?s s?o !}",
                        "hosts", &hosts,
                        "cores", &cores,
                        "gpus", &gpus,
                        "properties", &properties) < 0)
        return fail (error, "%s", jerror.text);
    if (!(ranks = idset_create (0, IDSET_FLAG_AUTOGROW)))
        return -ENOMEM;
    rc = rank_hosts (hosts, all, ranks, error);
    if (rc == 0 && cores)
        rc = add_ids (r, ranks, all, RSET_CORE, cores, error);
    if (rc == 0 && gpus)
        rc = add_ids (r, ranks, all, RSET_GPU, gpus, error);
    if (rc == 0)
        rc = add_properties (r, ranks, properties, error);
    idset_destroy (ranks);
    return rc;
}

int inventory_config (json_t *config, struct rset **ret, flux_error_t *error)
{
    struct hostlist *all = hostlist_create ();
    struct rset *r = rset_new ();
    json_t *entry;
    size_t i;
    int rc = 0;

    if (!all || !r)
        rc = -ENOMEM;
    else if (!json_is_array (config))
        rc = fail (error, "resource.config must be an array");
    else {
        json_array_foreach (config, i, entry) {
            if ((rc = add_entry (r, all, entry, error)) < 0)
                break;
        }
    }
    if (rc == 0 && rset_nnodes (r) == 0)
        rc = fail (error, "resource.config has no resources");
    hostlist_destroy (all);
    if (rc < 0) {
        rset_free (r);
        return rc;
    }
    *ret = r;
    return 0;
}

int inventory_fake (json_t *config, struct rset **ret, flux_error_t *error)
{
    int nnodes, cores = 64, gpus = 0;
    const char *prefix = "fake";
    struct hostlist *hl;
    json_error_t jerror;
    char hosts[256];
    struct rset *r;
    int rc;

    if (json_unpack_ex (config,
                        &jerror,
                        0,
                        "{s:i s?i s?i s?s !}",
                        "nnodes", &nnodes,
                        "cores-per-node", &cores,
                        "gpus-per-node", &gpus,
                        "host-prefix", &prefix) < 0)
        return fail (error, "%s", jerror.text);
    if (nnodes < 1 || nnodes > 1 << 20 || cores < 1 || cores > 65536 || gpus < 0
        || gpus > 65536)
        return fail (error, "count is out of range");
    snprintf (hosts, sizeof (hosts), nnodes > 1 ? "%s[0-%d]" : "%s%d", prefix, nnodes - 1);
    hl = hostlist_decode (hosts);
    r = rset_new ();
    if (!hl)
        rc = fail (error, "invalid host-prefix '%s'", prefix);
    else
        rc = r ? add_uniform (r, nnodes, hl, cores, gpus) : -ENOMEM;
    hostlist_destroy (hl);
    if (rc < 0) {
        rset_free (r);
        return rc;
    }
    *ret = r;
    return 0;
}
