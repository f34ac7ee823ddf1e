/* kvs_ls.c - flux kvs ls: names in columns, as ls(1) would. */

#include "config.h"
#include <limits.h>
#include <stdio.h>

#include "cmd.h"
#include "kvs.h"

/* Names to print together. */
struct names {
    char **v;
    size_t n;
};

struct ls {
    flux_t *h;
    const char *ns;
    bool recursive;
    bool directory;
    bool classify;
    bool one;
    long long width_option;
    int width;
    bool titles;    /* name each directory before its content */
    bool printed;   /* something was printed: the next title needs a gap */
    int exit_code;
};

static const struct opt opts[] = {
    { 'N', "namespace", OPT_REQUIRED, "NAME", "KVS namespace" },
    { 'R', "recursive", OPT_NONE, NULL, "descend into directories" },
    { 'd', "directory", OPT_NONE, NULL, "list directories themselves" },
    { 'w', "width", OPT_REQUIRED, "COLS", "width of the page (0: unlimited)" },
    { '1', "1", OPT_NONE, NULL, "one name a line" },
    { 'F', "classify", OPT_NONE, NULL, "mark directories with . and links with @" },
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux-kvs ls",
    .usage = "[OPTIONS] [KEY...]",
    .summary = "List keys.",
    .opts = opts,
};

static void set (int key, const char *arg, void *data)
{
    struct ls *l = data;

    switch (key) {
        case 'N':
            l->ns = arg;
            break;
        case 'R':
            l->recursive = true;
            break;
        case 'd':
            l->directory = true;
            break;
        case 'w':
            l->width_option = opt_number (&table, "width", arg, 0, INT_MAX);
            break;
        case '1':
            l->one = true;
            break;
        case 'F':
            l->classify = true;
            break;
    }
}

static void names_add (struct names *n, const char *name, const char *mark)
{
    char **v = realloc (n->v, (n->n + 1) * sizeof (n->v[0]));

    if (!v || asprintf (&v[n->n], "%s%s", name, mark) < 0)
        cmd_die ("out of memory");
    n->v = v;
    n->n++;
}

static void names_fini (struct names *n)
{
    for (size_t i = 0; i < n->n; i++)
        free (n->v[i]);
    free (n->v);
}

static int by_string (const void *a, const void *b)
{
    return strcmp (*(char **)a, *(char **)b);
}

static void names_print (struct ls *l, struct names *n)
{
    size_t longest = 0, columns = 1;

    if (n->n == 0)
        return;
    qsort (n->v, n->n, sizeof (n->v[0]), by_string);
    for (size_t i = 0; i < n->n; i++) {
        if (strlen (n->v[i]) > longest)
            longest = strlen (n->v[i]);
    }
    if (!l->one) {
        columns = l->width > 0 ? l->width / (longest + 4) : n->n;
        if (columns == 0)
            columns = 1;
    }
    for (size_t i = 0; i < n->n; i++) {
        bool last = (i + 1) % columns == 0 || i + 1 == n->n;

        printf ("%-*s%s", last ? 0 : (int)longest + 4, n->v[i], last ? "\n" : "");
    }
    l->printed = true;
}

static flux_future_t *lookup (struct ls *l, int flags, const char *key)
{
    flux_future_t *f = flux_kvs_lookup (l->h, l->ns, flags, key);

    if (!f)
        kvs_die (key, NULL);
    return f;
}

static void list_dir (struct ls *l, const char *key)
{
    flux_future_t *f = lookup (l, FLUX_KVS_READDIR, key);
    struct names names = { NULL, 0 }, subdirs = { NULL, 0 };
    const flux_kvsdir_t *dir;
    flux_kvsitr_t *itr;
    const char *name;

    if (flux_kvs_lookup_get_dir (f, &dir) < 0)
        kvs_die (key, f);
    if (l->titles) {
        printf ("%s%s:\n", l->printed ? "\n" : "", key);
        l->printed = true;
    }
    if (!(itr = flux_kvsitr_create (dir)))
        cmd_die ("out of memory");
    while ((name = flux_kvsitr_next (itr))) {
        bool isdir = flux_kvsdir_isdir (dir, name);
        _cleanup_ (freep) char *full = flux_kvsdir_key_at (dir, name);

        if (isdir)
            names_add (&subdirs, full, "");
        names_add (&names, name,
                   !l->classify                        ? ""
                   : isdir                             ? "."
                   : flux_kvsdir_issymlink (dir, name) ? "@"
                                                       : "");
    }
    flux_kvsitr_destroy (itr);
    names_print (l, &names);
    names_fini (&names);
    flux_future_destroy (f);
    for (size_t i = 0; l->recursive && i < subdirs.n; i++)
        list_dir (l, subdirs.v[i]);
    names_fini (&subdirs);
}

enum kind { MISSING, VALUE, DIRECTORY, LINK };

/* What the key is, without following a link at its end. */
static enum kind kind_of (struct ls *l, const char *key)
{
    flux_future_t *f = lookup (l, FLUX_KVS_TREEOBJ, key);
    const char *s;
    enum kind kind = VALUE;

    if (flux_kvs_lookup_get_treeobj (f, &s) < 0) {
        if (errno != ENOENT)
            kvs_die (key, f);
        kind = MISSING;
    }
    else if (strstr (s, "\"type\":\"dir"))
        kind = DIRECTORY;
    else if (strstr (s, "\"type\":\"symlink\""))
        kind = LINK;
    flux_future_destroy (f);
    return kind;
}

/* Does the link lead to a directory? */
static bool leads_to_dir (struct ls *l, const char *key)
{
    flux_future_t *f = lookup (l, FLUX_KVS_READDIR, key);
    bool yes = flux_future_get (f, NULL) == 0;

    if (!yes && errno != ENOENT && errno != ENOTDIR)
        kvs_die (key, f);
    flux_future_destroy (f);
    return yes;
}

/* Sort one argument into those listed by name and those listed by content.
 * A trailing dot asks for a directory.
 */
static void classify (struct ls *l, const char *arg, struct names *singles, struct names *dirs)
{
    _cleanup_ (freep) char *key = strdup (arg);
    size_t len = strlen (key);
    bool want_dir = false;
    enum kind kind;

    while (len > 1 && key[len - 1] == '.') {
        key[--len] = '\0';
        want_dir = true;
    }
    kind = kind_of (l, key);
    if (kind == LINK && !l->directory && !l->classify && leads_to_dir (l, key))
        kind = DIRECTORY;
    if (kind == MISSING || (want_dir && kind != DIRECTORY)) {
        fflush (stdout);
        fprintf (stderr, "%s: %s\n", key, strerror (kind == MISSING ? ENOENT : ENOTDIR));
        l->exit_code = 1;
    }
    else if (kind == DIRECTORY && !l->directory)
        names_add (dirs, key, "");
    else {
        names_add (singles, key,
                   !l->classify        ? ""
                   : kind == DIRECTORY ? "."
                   : kind == LINK      ? "@"
                                       : "");
    }
}

int kvs_ls (int argc, char **argv)
{
    struct ls l = { .width_option = -1 };
    struct names singles = { NULL, 0 }, dirs = { NULL, 0 };
    int i = opt_parse (&table, argc, argv, set, &l);

    l.width = kvs_width (l.width_option);
    l.h = cmd_open ();
    if (i == argc)
        classify (&l, ".", &singles, &dirs);
    for (; i < argc; i++)
        classify (&l, argv[i], &singles, &dirs);
    names_print (&l, &singles);
    l.titles = l.recursive || dirs.n > 1 || singles.n > 0;
    if (dirs.n > 0)
        qsort (dirs.v, dirs.n, sizeof (dirs.v[0]), by_string);
    for (size_t k = 0; k < dirs.n; k++)
        list_dir (&l, dirs.v[k]);
    names_fini (&singles);
    names_fini (&dirs);
    flux_close (l.h);
    return l.exit_code;
}
