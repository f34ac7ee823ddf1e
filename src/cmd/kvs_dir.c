/* kvs_dir.c - flux kvs dir: a directory with its values. */

#include "config.h"
#include <limits.h>
#include <stdio.h>

#include "cmd.h"
#include "kvs.h"

struct dir {
    flux_t *h;
    const char *ns;
    const char *at;
    bool recursive;
    bool names_only;
    long long width_option;
    int width;
};

static const struct opt opts[] = {
    { 'N', "namespace", OPT_REQUIRED, "NAME", "KVS namespace" },
    { 'R', "recursive", OPT_NONE, NULL, "descend into directories" },
    { 'd', "directory", OPT_NONE, NULL, "names only" },
    { 'w', "width", OPT_REQUIRED, "COLS", "cut lines there (0: never)" },
    { 'a', "at", OPT_REQUIRED, "ROOT", "in this snapshot: a tree object or a sequence number" },
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux-kvs dir",
    .usage = "[OPTIONS] [KEY]",
    .summary = "Print the keys of a directory and their values.",
    .opts = opts,
};

static void set (int key, const char *arg, void *data)
{
    struct dir *d = data;

    switch (key) {
        case 'N':
            d->ns = arg;
            break;
        case 'R':
            d->recursive = true;
            break;
        case 'd':
            d->names_only = true;
            break;
        case 'w':
            d->width_option = opt_number (&table, "width", arg, 0, INT_MAX);
            break;
        case 'a':
            d->at = arg;
            break;
    }
}

static flux_future_t *lookup (const struct dir *d, int flags, const char *key)
{
    flux_future_t *f = d->at ? flux_kvs_lookupat (d->h, flags, key, d->at)
                             : flux_kvs_lookup (d->h, d->ns, flags, key);

    if (!f)
        kvs_die (key, NULL);
    return f;
}

static void print_key (const struct dir *d, const char *key)
{
    flux_future_t *f;
    const void *data;
    size_t len;

    if (d->names_only) {
        printf ("%s\n", key);
        return;
    }
    f = lookup (d, 0, key);
    if (flux_kvs_lookup_get_raw (f, &data, &len) < 0)
        kvs_die (key, f);
    kvs_print_value (key, len ? data : "", len, d->width);
    flux_future_destroy (f);
}

static void print_link (const struct dir *d, const char *key)
{
    flux_future_t *f;
    const char *ns, *target;

    if (d->names_only) {
        printf ("%s\n", key);
        return;
    }
    f = lookup (d, FLUX_KVS_READLINK, key);
    if (flux_kvs_lookup_get_symlink (f, &ns, &target) < 0)
        kvs_die (key, f);
    printf ("%s -> %s%s%s\n", key, ns ? ns : "", ns ? "::" : "", target);
    flux_future_destroy (f);
}

static void print_dir (const struct dir *d, const char *key, bool top)
{
    flux_future_t *f = lookup (d, FLUX_KVS_READDIR, key);
    const flux_kvsdir_t *dir;
    flux_kvsitr_t *itr;
    const char *name;

    if (flux_kvs_lookup_get_dir (f, &dir) < 0)
        kvs_die (key, f);
    if (!top && flux_kvsdir_get_size (dir) == 0)
        printf ("%s.\n", key);
    if (!(itr = flux_kvsitr_create (dir)))
        cmd_die ("out of memory");
    while ((name = flux_kvsitr_next (itr))) {
        _cleanup_ (freep) char *full = flux_kvsdir_key_at (dir, name);

        if (!full)
            cmd_die ("out of memory");
        if (flux_kvsdir_issymlink (dir, name))
            print_link (d, full);
        else if (!flux_kvsdir_isdir (dir, name))
            print_key (d, full);
        else if (d->recursive)
            print_dir (d, full, false);
        else
            printf ("%s.\n", full);
    }
    flux_kvsitr_destroy (itr);
    flux_future_destroy (f);
}

int kvs_dir (int argc, char **argv)
{
    struct dir d = { .width_option = -1 };
    int i = opt_parse (&table, argc, argv, set, &d);
    char *at = NULL;

    if (argc - i > 1)
        cmd_die ("dir: specify zero or one directory");
    d.width = kvs_width (d.width_option);
    d.h = cmd_open ();
    if (d.at)
        d.at = at = kvs_at (d.h, d.ns, d.at);
    print_dir (&d, i < argc ? argv[i] : ".", true);
    free (at);
    flux_close (d.h);
    return 0;
}
