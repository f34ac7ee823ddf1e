/* attr.c - flux getattr, setattr, lsattr. */

#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "cmd.h"

static const struct opt_table getattr_table = {
    .prog = "flux-getattr",
    .usage = "NAME",
    .summary = "Print the value of a broker attribute.",
    .example = "flux getattr size",
};

int cmd_getattr (int argc, char **argv)
{
    int i = opt_parse (&getattr_table, argc, argv, NULL, NULL);
    const char *value;
    flux_t *h;

    if (argc - i != 1)
        opt_usage (&getattr_table);
    h = cmd_open ();
    if (!(value = flux_attr_get (h, argv[i])))
        cmd_die ("%s: %s", argv[i], flux_strerror (errno));
    printf ("%s\n", value);
    flux_close (h);
    return 0;
}

static const struct opt setattr_opts[] = {
    { 'f', "force", OPT_NONE, NULL, "also if the attribute is not updatable" },
    OPT_END,
};

static const struct opt_table setattr_table = {
    .prog = "flux-setattr",
    .usage = "[OPTIONS] NAME VALUE",
    .summary = "Set a broker attribute.",
    .example = "flux setattr log-stderr-level 7",
    .opts = setattr_opts,
};

static void set_true (int key, const char *arg, void *data)
{
    *(bool *)data = true;
}

int cmd_setattr (int argc, char **argv)
{
    bool force = false;
    int i = opt_parse (&setattr_table, argc, argv, set_true, &force);
    flux_error_t error;
    flux_t *h;

    if (argc - i != 2)
        opt_usage (&setattr_table);
    h = cmd_open ();
    if (flux_attr_set_ex (h, argv[i], argv[i + 1], force, &error) < 0)
        cmd_die ("%s: %s", argv[i], error.text);
    flux_close (h);
    return 0;
}

static const struct opt lsattr_opts[] = {
    { 'v', "values", OPT_NONE, NULL, "print the values too" },
    OPT_END,
};

static const struct opt_table lsattr_table = {
    .prog = "flux-lsattr",
    .usage = "[OPTIONS]",
    .summary = "List the broker attributes.",
    .opts = lsattr_opts,
};

static int by_name (const void *a, const void *b)
{
    return strcmp (*(const char **)a, *(const char **)b);
}

int cmd_lsattr (int argc, char **argv)
{
    bool values = false;
    flux_t *h;
    flux_future_t *f;
    json_t *array, *entry;
    const char **names;
    size_t i, n;

    if (opt_parse (&lsattr_table, argc, argv, set_true, &values) < argc)
        opt_usage (&lsattr_table);
    h = cmd_open ();
    if (!(f = flux_rpc (h, "attr.list", "{}", FLUX_NODEID_ANY, 0))
        || flux_rpc_get_unpack (f, "{s:o}", "names", &array) < 0)
        cmd_die ("attr.list: %s", cmd_future_error (f));
    n = json_array_size (array);
    if (!(names = calloc (n + 1, sizeof (names[0]))))
        cmd_die ("out of memory");
    json_array_foreach (array, i, entry)
        names[i] = json_string_value (entry);
    qsort (names, n, sizeof (names[0]), by_name);
    for (i = 0; i < n; i++) {
        const char *value;

        if (!values)
            printf ("%s\n", names[i]);
        else {
            value = flux_attr_get (h, names[i]);
            printf ("%-40s%s\n", names[i], value ? value : "-");
        }
    }
    free (names);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}
