/* resource.c - flux resource: what its subcommands have in common. */

#include "config.h"
#include <flux/hostlist.h>

#include "cmd.h"
#include "resource.h"

bool resource_option (struct resource_opts *o, int key, const char *arg)
{
    switch (key) {
        case 's':
            o->states = arg;
            return true;
        case 'i':
            o->targets = arg;
            return true;
        case 'o':
            o->format = arg;
            return true;
        case 'n':
            o->no_header = true;
            return true;
        default:
            return false;
    }
}

json_t *resource_ask (flux_t *h, const char *topic)
{
    flux_future_t *f = flux_rpc (h, topic, "{}", 0, 0);
    json_t *o;

    if (!f || flux_rpc_get_unpack (f, "o", &o) < 0)
        cmd_die ("ERROR: %s: %s", topic, f ? cmd_future_error (f) : flux_strerror (errno));
    json_incref (o);
    flux_future_destroy (f);
    return o;
}

struct rset *resource_set (json_t *o, const char *key)
{
    json_t *R = json_object_get (o, key);
    struct rset *r;
    flux_error_t error;

    if (!R || rset_parse (R, &r, &error) < 0)
        cmd_die ("ERROR: %s: %s", key, R ? error.text : "it is missing in the answer");
    return r;
}

struct idset *resource_idset (const char *s)
{
    struct idset *ids = s ? idset_decode (s) : idset_create (0, IDSET_FLAG_AUTOGROW);

    if (!ids)
        cmd_die ("ERROR: invalid idset '%s'", s ? s : "");
    return ids;
}

struct idset *resource_targets (const struct rset *all, const char *targets)
{
    struct idset *ids = idset_decode (targets);
    struct hostlist *hosts = ids ? NULL : hostlist_decode (targets);

    if (!ids && !hosts)
        cmd_die ("ERROR: invalid targets: %s", targets);
    if (hosts) {
        ids = resource_idset (NULL);
        for (size_t i = 0; i < rset_nnodes (all); i++) {
            const char *host = rset_host_at (all, i);

            if (host && hostlist_find (hosts, host) >= 0)
                idset_set (ids, rset_rank_at (all, i));
        }
        hostlist_destroy (hosts);
    }
    return ids;
}

struct rset *resource_minus (const struct rset *a, const struct rset *b)
{
    struct rset *r;

    if (rset_difference (a, b, &r) < 0)
        cmd_die ("ERROR: out of memory");
    return r;
}

struct rset *resource_part (const struct rset *r, const struct idset *ranks)
{
    struct rset *part;

    if (rset_subset (r, ranks, &part) < 0)
        cmd_die ("ERROR: out of memory");
    return part;
}

static const struct cmd subcommands[] = {
    { "list", resource_list, "list what is free, allocated and down" },
    { "info", resource_info, "count nodes, cores and GPUs" },
    { "status", resource_status, "list which nodes may be used" },
    { "drain", resource_drain, "keep nodes from being used, or list those that are kept" },
    { "undrain", resource_undrain, "let nodes be used again" },
    { NULL, NULL, NULL },
};

int cmd_resource (int argc, char **argv)
{
    return cmd_group ("flux resource", subcommands, argc, argv);
}
