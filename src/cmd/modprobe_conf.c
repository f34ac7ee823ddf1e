#include "config.h"

#include <flux/idset.h>
#include <stdlib.h>

#include "cmd.h"
#include "modprobe_conf.h"

/* Is the rank one of "all", ">N", "<N", or an idset?  -1: it is none of these. */
static int has_rank (const char *ranks, uint32_t rank)
{
    struct idset *ids;
    char *end;
    long n;
    int r;

    if (strcmp (ranks, "all") == 0)
        return 1;
    if (*ranks == '>' || *ranks == '<') {
        n = strtol (ranks + 1, &end, 10);
        if (end == ranks + 1 || *end != '\0' || n < 0)
            return -1;
        return *ranks == '>' ? rank > n : rank < n;
    }
    if (!(ids = idset_decode (ranks)))
        return -1;
    r = idset_test (ids, rank) ? 1 : 0;
    idset_destroy (ids);
    return r;
}

static void alternatives (json_t *table, const struct modprobe_conf_ops *ops)
{
    const char *service;
    json_t *name;

    json_object_foreach (table, service, name) {
        if (!json_is_string (name))
            cmd_die ("modules.alternatives.%s: the name of a module is wanted", service);
        if (ops->set_alternative (service, json_string_value (name)) < 0)
            cmd_warn ("modules.alternatives.%s: ignored, it is not for rc1 to choose",
                      service);
    }
}

static bool is_words (json_t *array)
{
    json_t *word;
    size_t i;

    json_array_foreach (array, i, word) {
        if (!json_is_string (word))
            return false;
    }
    return json_is_array (array);
}

static void one_module (const char *name,
                        json_t *entry,
                        uint32_t rank,
                        const struct modprobe_conf_ops *ops)
{
    json_t *args = NULL;
    const char *ranks = NULL;
    json_error_t error;
    int here = 1, unknown = 0;

    if (json_unpack_ex (entry, &error, 0, "{s?o s?s !}", "args", &args, "ranks", &ranks) < 0)
        cmd_die ("modules.%s: %s", name, error.text);
    if (args && !is_words (args))
        cmd_die ("modules.%s.args: an array of strings is wanted", name);
    if (ranks && (here = has_rank (ranks, rank)) < 0)
        cmd_die ("modules.%s.ranks: '%s' is neither all, >N, <N nor a set of ranks", name,
                 ranks);
    if (args)
        unknown |= ops->set_args (name, args);
    if (ranks)
        unknown |= ops->set_here (name, here);
    if (unknown)
        cmd_warn ("modules.%s: ignored, rc1 has no such module", name);
}

json_t *modprobe_configure (flux_t *h, uint32_t rank, const struct modprobe_conf_ops *ops)
{
    flux_future_t *f = flux_rpc (h, "config.get", NULL, FLUX_NODEID_ANY, 0);
    json_t *modules = NULL, *entry;
    const char *name;

    if (!f || flux_rpc_get_unpack (f, "{s?o}", "modules", &modules) < 0)
        cmd_die ("config.get: %s", f ? cmd_future_error (f) : flux_strerror (errno));
    if (modules && !json_is_object (modules))
        cmd_die ("modules: a table is wanted");
    json_incref (modules);
    json_object_foreach (modules, name, entry) {
        if (strcmp (name, "alternatives") == 0)
            alternatives (entry, ops);
        else
            one_module (name, entry, rank, ops);
    }
    flux_future_destroy (f);
    return modules;
}
