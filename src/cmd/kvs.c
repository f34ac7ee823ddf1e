/* kvs.c - flux kvs: readlink, version, wait, getroot, and the table. */

#include "config.h"
#include <limits.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "cmd.h"
#include "common/text.h"
#include "kvs.h"

void kvs_die (const char *key, flux_future_t *f)
{
    cmd_die ("%s: %s", key, f ? cmd_future_error (f) : flux_strerror (errno));
}

int kvs_width (long long option)
{
    struct winsize ws;
    const char *columns;

    if (option >= 0)
        return option;
    if (ioctl (STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0)
        return ws.ws_col;
    if ((columns = getenv ("COLUMNS")) && atoi (columns) > 0)
        return atoi (columns);
    return 80;
}

void kvs_print_value (const char *key, const char *value, size_t len, int width)
{
    struct text t = TEXT_INIT;
    const char *nl = memchr (value, '\n', len);
    bool cut = false;

    text_printf (&t, "%s = ", key);
    if (nl) {
        cut = (size_t)(nl - value) + 1 < len;
        len = nl - value;
    }
    text_put (&t, value, len);
    if (text_error (&t))
        cmd_die ("out of memory");
    if (width > 3 && t.len > (size_t)width - 3) {
        t.len = width - 3;
        cut = true;
    }
    printf ("%.*s%s\n", (int)t.len, t.buf, cut ? "..." : "");
    text_fini (&t);
}

const char *kvs_ns_name (const char *option)
{
    const char *env = getenv ("FLUX_KVS_NAMESPACE");

    return option ? option : env ? env : "primary";
}

struct opts {
    const char *ns;
    const char *at;
    bool ns_only;
    bool key_only;
    bool owner;
    bool sequence;
    bool blobref;
};

static void set (int key, const char *arg, void *data)
{
    struct opts *o = data;

    switch (key) {
        case 'N':
            o->ns = arg;
            break;
        case 'a':
            o->at = arg;
            break;
        case 'o':
            o->ns_only = o->owner = true;
            break;
        case 'k':
            o->key_only = true;
            break;
        case 's':
            o->sequence = true;
            break;
        case 'b':
            o->blobref = true;
            break;
    }
}

#define NS_OPT { 'N', "namespace", OPT_REQUIRED, "NAME", "KVS namespace" }

/* -- readlink -- */

static const struct opt readlink_opts[] = {
    NS_OPT,
    { 'a', "at", OPT_REQUIRED, "ROOT", "in this snapshot: a tree object or a sequence number" },
    { 'o', "namespace-only", OPT_NONE, NULL, "print the link's namespace" },
    { 'k', "key-only", OPT_NONE, NULL, "print the link's target key" },
    OPT_END,
};

static const struct opt_table readlink_table = {
    .prog = "flux-kvs readlink",
    .usage = "[OPTIONS] KEY...",
    .summary = "Print where symbolic links point.",
    .opts = readlink_opts,
};

static int readlink_main (int argc, char **argv)
{
    struct opts o = { 0 };
    int i = opt_parse (&readlink_table, argc, argv, set, &o);
    const char *ns, *target;
    char *at = NULL;
    flux_future_t *f;
    flux_t *h;

    if (i == argc)
        opt_usage (&readlink_table);
    h = cmd_open ();
    if (o.at)
        o.at = at = kvs_at (h, o.ns, o.at);
    for (; i < argc; i++) {
        f = o.at ? flux_kvs_lookupat (h, FLUX_KVS_READLINK, argv[i], o.at)
                 : flux_kvs_lookup (h, o.ns, FLUX_KVS_READLINK, argv[i]);
        if (!f || flux_kvs_lookup_get_symlink (f, &ns, &target) < 0)
            kvs_die (argv[i], f);
        if (o.ns_only)
            printf ("%s\n", ns ? ns : target);
        else if (ns && !o.key_only)
            printf ("%s::%s\n", ns, target);
        else
            printf ("%s\n", target);
        flux_future_destroy (f);
    }
    free (at);
    flux_close (h);
    return 0;
}

/* -- version, wait, getroot -- */

static const struct opt ns_opts[] = { NS_OPT, OPT_END };

static const struct opt_table version_table = {
    .prog = "flux-kvs version",
    .usage = "[OPTIONS]",
    .summary = "Print the root sequence number.",
    .opts = ns_opts,
};

static int version_main (int argc, char **argv)
{
    struct opts o = { 0 };
    int version;
    flux_t *h;

    opt_parse (&version_table, argc, argv, set, &o);
    h = cmd_open ();
    if (flux_kvs_get_version (h, o.ns, &version) < 0)
        cmd_die ("flux_kvs_get_version: %s", flux_strerror (errno));
    printf ("%d\n", version);
    flux_close (h);
    return 0;
}

static const struct opt_table wait_table = {
    .prog = "flux-kvs wait",
    .usage = "[OPTIONS] VERSION",
    .summary = "Wait until the root sequence number is at least VERSION.",
    .opts = ns_opts,
};

static int wait_main (int argc, char **argv)
{
    struct opts o = { 0 };
    int i = opt_parse (&wait_table, argc, argv, set, &o);
    flux_t *h;

    if (argc - i != 1)
        opt_usage (&wait_table);
    h = cmd_open ();
    if (flux_kvs_wait_version (h, o.ns, strtol (argv[i], NULL, 10)) < 0)
        cmd_die ("flux_kvs_wait_version: %s", flux_strerror (errno));
    flux_close (h);
    return 0;
}

static const struct opt getroot_opts[] = {
    NS_OPT,
    { 'o', "owner", OPT_NONE, NULL, "print the owner" },
    { 's', "sequence", OPT_NONE, NULL, "print the sequence number" },
    { 'b', "blobref", OPT_NONE, NULL, "print the blobref" },
    OPT_END,
};

static const struct opt_table getroot_table = {
    .prog = "flux-kvs getroot",
    .usage = "[OPTIONS]",
    .summary = "Print the root of a namespace as a tree object, good for --at.",
    .opts = getroot_opts,
};

static int getroot_main (int argc, char **argv)
{
    struct opts o = { 0 };
    const char *s = NULL;
    uint32_t owner;
    int sequence, r;
    flux_future_t *f;
    flux_t *h;

    if (opt_parse (&getroot_table, argc, argv, set, &o) < argc)
        opt_usage (&getroot_table);
    h = cmd_open ();
    if (!(f = flux_kvs_getroot (h, o.ns, 0)) || flux_future_get (f, NULL) < 0)
        kvs_die ("getroot", f);
    if (o.owner) {
        if ((r = flux_kvs_getroot_get_owner (f, &owner)) == 0)
            printf ("%u\n", owner);
    }
    else if (o.sequence) {
        if ((r = flux_kvs_getroot_get_sequence (f, &sequence)) == 0)
            printf ("%d\n", sequence);
    }
    else {
        r = o.blobref ? flux_kvs_getroot_get_blobref (f, &s)
                      : flux_kvs_getroot_get_treeobj (f, &s);
        if (r == 0)
            printf ("%s\n", s);
    }
    if (r < 0)
        kvs_die ("getroot", f);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static const struct cmd subcommands[] = {
    { "get", kvs_get, "print values" },
    { "put", kvs_put, "set values" },
    { "history", kvs_history, "print what a key has been" },
    { "dir", kvs_dir, "print a directory with its values" },
    { "ls", kvs_ls, "list a directory" },
    { "unlink", kvs_unlink, "remove keys" },
    { "link", kvs_link, "make a symbolic link" },
    { "readlink", readlink_main, "print where links point" },
    { "mkdir", kvs_mkdir, "make directories" },
    { "copy", kvs_copy, "copy a key or directory" },
    { "move", kvs_move, "move a key or directory" },
    { "eventlog", kvs_eventlog, "append to and read event logs" },
    { "namespace", kvs_namespace, "create, remove and list namespaces" },
    { "getroot", getroot_main, "print the root" },
    { "version", version_main, "print the root sequence number" },
    { "wait", wait_main, "wait for a root sequence number" },
    { "sync", kvs_sync, "wait until all is on disk" },
    { NULL, NULL, NULL },
};

int cmd_kvs (int argc, char **argv)
{
    return cmd_group ("flux kvs", subcommands, argc, argv);
}
