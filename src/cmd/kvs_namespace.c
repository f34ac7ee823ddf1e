/* kvs_namespace.c - flux kvs namespace create, remove, list. */

#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "cmd.h"
#include "kvs.h"

struct opts {
    uint32_t owner;
    const char *rootref;
};

static const struct opt create_opts[] = {
    { 'o', "owner", OPT_REQUIRED, "UID", "user who may use it" },
    { 'r', "rootref", OPT_REQUIRED, "BLOBREF", "start with this root" },
    OPT_END,
};

static const struct opt_table create_table = {
    .prog = "flux-kvs namespace create",
    .usage = "[OPTIONS] NAME...",
    .summary = "Create namespaces.",
    .opts = create_opts,
};

static void create_set (int key, const char *arg, void *data)
{
    struct opts *o = data;
    char *end;
    unsigned long uid;

    if (key == 'r') {
        o->rootref = arg;
        return;
    }
    errno = 0;
    uid = strtoul (arg, &end, 10);
    if (errno || end == arg || *end || arg[0] == '-' || uid > UINT32_MAX)
        cmd_die ("--owner requires an unsigned integer argument");
    o->owner = uid;
}

static int create (int argc, char **argv)
{
    struct opts o = { .owner = FLUX_USERID_UNKNOWN };
    int i = opt_parse (&create_table, argc, argv, create_set, &o);
    flux_future_t *f;
    flux_t *h;

    if (i == argc)
        opt_usage (&create_table);
    h = cmd_open ();
    for (; i < argc; i++) {
        f = o.rootref ? flux_kvs_namespace_create_with (h, argv[i], o.rootref, o.owner, 0)
                      : flux_kvs_namespace_create (h, argv[i], o.owner, 0);
        if (!f || flux_future_get (f, NULL) < 0)
            kvs_die (argv[i], f);
        flux_future_destroy (f);
    }
    flux_close (h);
    return 0;
}

static const struct opt_table remove_table = {
    .prog = "flux-kvs namespace remove",
    .usage = "NAME...",
    .summary = "Remove namespaces.",
};

static int remove_main (int argc, char **argv)
{
    int i = opt_parse (&remove_table, argc, argv, NULL, NULL);
    flux_future_t *f;
    flux_t *h;

    if (i == argc)
        opt_usage (&remove_table);
    h = cmd_open ();
    for (; i < argc; i++) {
        if (!(f = flux_kvs_namespace_remove (h, argv[i])) || flux_future_get (f, NULL) < 0)
            kvs_die (argv[i], f);
        flux_future_destroy (f);
    }
    flux_close (h);
    return 0;
}

static const struct opt_table list_table = {
    .prog = "flux-kvs namespace list",
    .usage = "",
    .summary = "List the namespaces.",
};

static int list (int argc, char **argv)
{
    flux_t *h;
    flux_future_t *f;
    json_t *array, *entry;
    size_t i;

    if (opt_parse (&list_table, argc, argv, NULL, NULL) < argc)
        opt_usage (&list_table);
    h = cmd_open ();
    if (!(f = flux_rpc (h, "kvs.namespace-list", NULL, FLUX_NODEID_ANY, 0))
        || flux_rpc_get_unpack (f, "{s:o}", "namespaces", &array) < 0)
        kvs_die ("kvs.namespace-list", f);
    printf ("NAMESPACE                                 OWNER      FLAGS\n");
    json_array_foreach (array, i, entry) {
        const char *name;
        int owner, flags;

        if (json_unpack (entry, "{s:s s:i s:i}", "namespace", &name, "owner", &owner, "flags",
                         &flags)
            < 0)
            cmd_die ("kvs.namespace-list: malformed response");
        printf ("%-36s %10u 0x%08X\n", name, (unsigned int)owner, (unsigned int)flags);
    }
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static const struct cmd subcommands[] = {
    { "create", create, "create namespaces" },
    { "remove", remove_main, "remove namespaces" },
    { "list", list, "list the namespaces" },
    { NULL, NULL, NULL },
};

int kvs_namespace (int argc, char **argv)
{
    return cmd_group ("flux kvs namespace", subcommands, argc, argv);
}
