/* module.c - flux module list, load, remove, reload, stats, debug. */

#include "config.h"
#include <jansson.h>
#include <limits.h>
#include <stdio.h>

#include "cmd.h"
#include "trace.h"

struct module_opts {
    bool force;
    bool cancel;
    bool exec;
    bool longer;
    const char *name;
    const char *parse;
    const char *type;
    double scale;
    bool rusage;
    bool clear;
    bool clear_all;
    int set_op; /* debug: which option was given */
    long long mask;
};

static struct module_opts mo = { .scale = 1.0 };

static void get_or_die (flux_future_t *f, const char *what, const char *name)
{
    if (!f || flux_rpc_get (f, NULL) < 0)
        cmd_die ("%s %s: %s", what, name, f ? cmd_future_error (f) : flux_strerror (errno));
    flux_future_destroy (f);
}

static void set (int key, const char *arg, void *data)
{
    switch (key) {
        case 'f':
            mo.force = true;
            break;
        case 'l':
            mo.longer = true;
            break;
        case 256:
            mo.cancel = true;
            break;
        case 257:
            mo.name = arg;
            break;
        case 'e':
            mo.exec = true;
            break;
    }
}

/* -- list -- */

static const struct opt list_opts[] = {
    { 'l', "long", OPT_NONE, NULL, "show the path too" },
    OPT_END,
};

static const struct opt_table list_table = {
    .prog = "flux-module list",
    .usage = "[OPTIONS]",
    .summary = "List the loaded modules.",
    .opts = list_opts,
};

static int by_string (const void *a, const void *b)
{
    return strcmp (*(const char **)a, *(const char **)b);
}

/* Other services than the module's own name, sorted, joined by commas. */
static void print_services (json_t *services, const char *own)
{
    const char *names[64];
    size_t i, n = 0;
    json_t *entry;

    json_array_foreach (services, i, entry) {
        const char *s = json_string_value (entry);

        if (s && strcmp (s, own) != 0 && n < ARRAY_SIZE (names))
            names[n++] = s;
    }
    qsort (names, n, sizeof (names[0]), by_string);
    for (i = 0; i < n; i++)
        printf ("%s%s", i ? "," : "", names[i]);
}

static void print_module (json_t *entry)
{
    const char *name, *path;
    int idle, status, sendq = 0, recvq = 0;
    json_t *services;

    if (json_unpack (entry, "{s:s s:s s:i s:i s:o s?i s?i}", "name", &name, "path", &path,
                     "idle", &idle, "status", &status, "services", &services, "sendqueue",
                     &sendq, "recvqueue", &recvq)
        < 0)
        cmd_die ("module.list: malformed response");
    printf ("%-22s %8d  %c %5d %5d ", name, idle,
            status >= 0 && status < 4 ? "IRFX"[status] : '?', sendq, recvq);
    print_services (services, name);
    if (mo.longer)
        printf (" %s", path);
    printf ("\n");
}

static int by_name (const void *a, const void *b)
{
    const char *an = "", *bn = "";

    json_unpack (*(json_t **)a, "{s:s}", "name", &an);
    json_unpack (*(json_t **)b, "{s:s}", "name", &bn);
    return strcmp (an, bn);
}

static int module_list (int argc, char **argv)
{
    flux_t *h;
    flux_future_t *f;
    json_t *mods, *entry, **sorted;
    size_t i, n;

    if (opt_parse (&list_table, argc, argv, set, NULL) < argc)
        opt_usage (&list_table);
    h = cmd_open ();
    if (!(f = flux_rpc (h, "module.list", NULL, FLUX_NODEID_ANY, 0))
        || flux_rpc_get_unpack (f, "{s:o}", "mods", &mods) < 0)
        cmd_die ("list: %s", cmd_future_error (f));
    n = json_array_size (mods);
    if (!(sorted = calloc (n + 1, sizeof (sorted[0]))))
        cmd_die ("out of memory");
    json_array_foreach (mods, i, entry)
        sorted[i] = entry;
    qsort (sorted, n, sizeof (sorted[0]), by_name);
    printf ("%-22s %8s  %s %5s %5s %s%s\n", "Module", "Idle", "S", "Sendq", "Recvq", "Service",
            mo.longer ? " Path" : "");
    for (i = 0; i < n; i++)
        print_module (sorted[i]);
    free (sorted);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

/* -- load, remove, reload -- */

static const struct opt load_opts[] = {
    { 257, "name", OPT_REQUIRED, "NAME", "load under this name" },
    { 'e', "exec", OPT_NONE, NULL, "run it in a process of its own" },
    OPT_END,
};

static const struct opt_table load_table = {
    .prog = "flux-module load",
    .usage = "[OPTIONS] MODULE [ARGS...]",
    .summary = "MODULE is a name in FLUX_MODULE_PATH, or a path.",
    .example = "flux module load kvs transaction-merge=0",
    .opts = load_opts,
};

/* The broker's directory is not ours: make what looks like a path absolute.
 * Valid until the next call.
 */
static const char *absolute (const char *word)
{
    static char path[PATH_MAX];
    size_t len = strlen (word);

    if (strchr (word, '/') || (len > 3 && strcmp (word + len - 3, ".so") == 0)) {
        if (realpath (word, path))
            return path;
    }
    return word;
}

static void load (flux_t *h, const char *path, char **args, int nargs)
{
    json_t *array = json_array (), *payload;
    flux_future_t *f;
    char *s;

    for (int i = 0; i < nargs; i++)
        json_array_append_new (array, json_string (absolute (args[i])));
    payload = json_pack ("{s:s s:o s:b}", "path", absolute (path), "args", array, "exec", mo.exec);
    if (payload && mo.name)
        json_object_set_new (payload, "name", json_string (mo.name));
    if (!payload || !(s = json_dumps (payload, JSON_COMPACT)))
        cmd_die ("load %s: arguments must be UTF-8", path);
    f = flux_rpc (h, "module.load", s, FLUX_NODEID_ANY, 0);
    get_or_die (f, "load", path);
    free (s);
    json_decref (payload);
}

static int module_load (int argc, char **argv)
{
    int i = opt_parse (&load_table, argc, argv, set, NULL);
    flux_t *h;

    if (i == argc)
        opt_usage (&load_table);
    h = cmd_open ();
    load (h, argv[i], argv + i + 1, argc - i - 1);
    flux_close (h);
    return 0;
}

static const struct opt remove_opts[] = {
    { 'f', "force", OPT_NONE, NULL, "a module that is not loaded is no error" },
    { 256, "cancel", OPT_NONE, NULL, "cancel the module's thread, kill its process" },
    OPT_END,
};

static const struct opt_table remove_table = {
    .prog = "flux-module remove",
    .usage = "[OPTIONS] MODULE",
    .summary = "Unload a module.",
    .opts = remove_opts,
};

/* The name that a path loads as: its base up to the first dot. */
static const char *module_name (const char *path)
{
    static char name[256];
    const char *base = strrchr (path, '/');

    if (!base)
        return path;
    snprintf (name, sizeof (name), "%s", base + 1);
    name[strcspn (name, ".")] = '\0';
    return name;
}

static void unload (flux_t *h, const char *name)
{
    flux_future_t *f;

    f = flux_rpc_pack (h, "module.remove", FLUX_NODEID_ANY, 0, "{s:s s:b}", "name", name,
                       "cancel", mo.cancel);
    if (f && mo.force && flux_rpc_get (f, NULL) < 0 && errno == ENOENT)
        flux_future_destroy (f);
    else
        get_or_die (f, "remove", name);
}

static int module_remove (int argc, char **argv)
{
    int i = opt_parse (&remove_table, argc, argv, set, NULL);
    flux_t *h;

    if (argc - i != 1)
        opt_usage (&remove_table);
    h = cmd_open ();
    unload (h, module_name (argv[i]));
    flux_close (h);
    return 0;
}

static const struct opt reload_opts[] = {
    { 'f', "force", OPT_NONE, NULL, "a module that is not loaded is no error" },
    { 256, "cancel", OPT_NONE, NULL, "cancel the module's thread, kill its process" },
    { 'e', "exec", OPT_NONE, NULL, "then run it in a process of its own" },
    OPT_END,
};

static const struct opt_table reload_table = {
    .prog = "flux-module reload",
    .usage = "[OPTIONS] MODULE [ARGS...]",
    .summary = "Unload a module and load it again.",
    .opts = reload_opts,
};

static int module_reload (int argc, char **argv)
{
    int i = opt_parse (&reload_table, argc, argv, set, NULL);
    flux_t *h;

    if (i == argc)
        opt_usage (&reload_table);
    h = cmd_open ();
    unload (h, module_name (argv[i]));
    load (h, argv[i], argv + i + 1, argc - i - 1);
    flux_close (h);
    return 0;
}

/* -- stats -- */

static const struct opt stats_opts[] = {
    { 'p', "parse", OPT_REQUIRED, "NAME", "print only this member; dots descend" },
    { 't', "type", OPT_REQUIRED, "TYPE", "print it as int or double" },
    { 's', "scale", OPT_REQUIRED, "N", "multiply it by N" },
    { 'R', "rusage", OPT_NONE, NULL, "print resource usage instead" },
    { 'c', "clear", OPT_NONE, NULL, "clear the counters" },
    { 'C', "clear-all", OPT_NONE, NULL, "clear the counters on all ranks" },
    OPT_END,
};

static const struct opt_table stats_table = {
    .prog = "flux-module stats",
    .usage = "[OPTIONS] MODULE",
    .summary = "Print a module's statistics.",
    .example = "flux module stats kvs",
    .opts = stats_opts,
};

static void stats_set (int key, const char *arg, void *data)
{
    char *end;

    switch (key) {
        case 'p':
            mo.parse = arg;
            break;
        case 't':
            if (strcmp (arg, "int") != 0 && strcmp (arg, "double") != 0)
                opt_error (&stats_table, "--type: '%s' is neither int nor double", arg);
            mo.type = arg;
            break;
        case 's':
            mo.scale = strtod (arg, &end);
            if (end == arg || *end)
                opt_error (&stats_table, "--scale: '%s' is not a number", arg);
            break;
        case 'R':
            mo.rusage = true;
            break;
        case 'c':
            mo.clear = true;
            break;
        case 'C':
            mo.clear_all = true;
            break;
    }
}

static json_t *descend (json_t *o, const char *path)
{
    _cleanup_ (freep) char *copy = strdup (path);

    for (char *w = strtok (copy, "."); o && w; w = strtok (NULL, "."))
        o = json_object_get (o, w);
    return o;
}

static void print_stats (json_t *o)
{
    char *s;

    if (mo.parse && !(o = descend (o, mo.parse)))
        cmd_die ("stats: no member '%s'", mo.parse);
    if (json_is_number (o) && (mo.type || mo.scale != 1.0)) {
        double d = json_number_value (o) * mo.scale;

        if (mo.type && strcmp (mo.type, "int") == 0)
            printf ("%lld\n", (long long)d);
        else
            printf ("%lf\n", d);
        return;
    }
    if (!(s = json_dumps (o, JSON_INDENT (1) | JSON_ENCODE_ANY)))
        cmd_die ("out of memory");
    printf ("%s\n", s);
    free (s);
}

static int module_stats (int argc, char **argv)
{
    int i = opt_parse (&stats_table, argc, argv, stats_set, NULL);
    const char *method = mo.clear ? "stats-clear" : mo.rusage ? "rusage" : "stats-get";
    char topic[256];
    flux_t *h;
    flux_future_t *f;
    json_t *o;

    if (argc - i != 1)
        opt_usage (&stats_table);
    snprintf (topic, sizeof (topic), "%s.%s", argv[i], method);
    h = cmd_open ();
    if (mo.clear_all) {
        snprintf (topic, sizeof (topic), "%s.stats-clear", argv[i]);
        f = flux_event_publish (h, topic, 0, NULL);
    }
    else
        f = flux_rpc (h, topic, mo.rusage ? "{}" : NULL, FLUX_NODEID_ANY, 0);
    if (mo.clear || mo.clear_all)
        get_or_die (f, "stats", argv[i]);
    else {
        if (!f || flux_rpc_get_unpack (f, "o", &o) < 0)
            cmd_die ("stats %s: %s", argv[i],
                     f ? cmd_future_error (f) : flux_strerror (errno));
        print_stats (o);
        flux_future_destroy (f);
    }
    flux_close (h);
    return 0;
}

/* -- debug -- */

static const struct opt debug_opts[] = {
    { 'S', "set", OPT_REQUIRED, "MASK", "set the mask" },
    { 'C', "clear", OPT_NONE, NULL, "clear the mask" },
    { 's', "setbit", OPT_REQUIRED, "BIT", "set bits" },
    { 'c', "clearbit", OPT_REQUIRED, "BIT", "clear bits" },
    OPT_END,
};

static const struct opt_table debug_table = {
    .prog = "flux-module debug",
    .usage = "[OPTIONS] MODULE",
    .summary = "Print or change a module's debug mask.",
    .opts = debug_opts,
};

static void debug_set (int key, const char *arg, void *data)
{
    char *end;

    mo.set_op = key;
    if (arg) {
        mo.mask = strtoll (arg, &end, 0);
        if (end == arg || *end || mo.mask < 0 || mo.mask > UINT_MAX)
            opt_error (&debug_table, "'%s' is not a mask", arg);
    }
}

static int module_debug (int argc, char **argv)
{
    int i = opt_parse (&debug_table, argc, argv, debug_set, NULL);
    const char *op;
    char topic[256];
    flux_t *h;
    flux_future_t *f;
    int flags;

    if (argc - i != 1)
        opt_usage (&debug_table);
    op = mo.set_op == 'S'   ? "set"
         : mo.set_op == 'C' ? "clr"
         : mo.set_op == 'c' ? "clrbit"
                            : "setbit";
    snprintf (topic, sizeof (topic), "%s.debug", argv[i]);
    h = cmd_open ();
    if (!(f = flux_rpc_pack (h, topic, FLUX_NODEID_ANY, 0, "{s:s s:i}", "op", op, "flags",
                             (int)mo.mask))
        || flux_rpc_get_unpack (f, "{s:i}", "flags", &flags) < 0)
        cmd_die ("debug %s: %s", argv[i], f ? cmd_future_error (f) : flux_strerror (errno));
    printf ("0x%x\n", flags);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static int module_trace (int argc, char **argv)
{
    return cmd_trace ("flux-module trace", "module.trace", false, argc, argv);
}

static const struct cmd subcommands[] = {
    { "list", module_list, "list the loaded modules" },
    { "load", module_load, "load a module" },
    { "remove", module_remove, "unload a module" },
    { "unload", module_remove, NULL },
    { "reload", module_reload, "unload and load a module" },
    { "stats", module_stats, "print a module's statistics" },
    { "debug", module_debug, "print or change a module's debug mask" },
    { "trace", module_trace, "show the messages from and to modules" },
    { NULL, NULL, NULL },
};

int cmd_module (int argc, char **argv)
{
    return cmd_group ("flux module", subcommands, argc, argv);
}
