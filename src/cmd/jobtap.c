/* jobtap.c - flux jobtap: plugins of the job-manager. */

#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "cmd.h"

static flux_future_t *ask (flux_t *h, json_t *request)
{
    flux_future_t *f = NULL;

    if (request)
        f = flux_rpc_pack (h, "job-manager.jobtap", FLUX_NODEID_ANY, 0, "o", request);
    if (!f)
        cmd_die ("%s", flux_strerror (errno));
    return f;
}

/* -- load -- */

static const struct opt load_opts[] = {
    { 'r', "remove", OPT_REQUIRED, "NAME", "remove these first: a name, a glob, or all" },
    OPT_END,
};

static const struct opt_table load_table = {
    .prog = "flux-jobtap load",
    .usage = "[OPTIONS] PLUGIN [KEY=VALUE...]",
    .summary = "Load a plugin, with configuration.",
    .example = "flux jobtap load submit-hold.so",
    .opts = load_opts,
};

static void load_set (int key, const char *arg, void *data)
{
    const char **remove = data;
    *remove = arg;
}

/* A value is JSON, or else a string. */
static json_t *parse_conf (int argc, char **argv)
{
    json_t *conf = json_object ();

    for (int i = 0; i < argc; i++) {
        char *eq = strchr (argv[i], '=');
        json_t *o;

        if (!eq)
            opt_error (&load_table, "'%s' is not KEY=VALUE", argv[i]);
        *eq = '\0';
        if (!(o = json_loads (eq + 1, JSON_DECODE_ANY, NULL)))
            o = json_string (eq + 1);
        if (!o || json_object_set_new (conf, argv[i], o) < 0)
            cmd_die ("%s: invalid value", argv[i]);
    }
    return conf;
}

static int load (int argc, char **argv)
{
    const char *remove = NULL;
    int i = opt_parse (&load_table, argc, argv, load_set, &remove);
    flux_future_t *f;
    json_t *o, *conf;
    char cwd[4096], path[8192];
    flux_t *h;

    if (i == argc)
        opt_usage (&load_table);
    snprintf (path, sizeof (path), "%s", argv[i]);
    if (path[0] != '/' && strchr (path, '/') && getcwd (cwd, sizeof (cwd)))
        snprintf (path, sizeof (path), "%s/%s", cwd, argv[i]);
    conf = parse_conf (argc - i - 1, argv + i + 1);
    o = json_pack ("{s:s}", "load", path);
    if (json_object_size (conf) > 0)
        json_object_set (o, "conf", conf);
    if (remove)
        json_object_set_new (o, "remove", json_string (remove));
    h = cmd_open ();
    f = ask (h, o);
    if (flux_rpc_get (f, NULL) < 0)
        cmd_die ("%s", cmd_future_error (f));
    flux_future_destroy (f);
    json_decref (conf);
    flux_close (h);
    return 0;
}

/* -- remove -- */

static const struct opt_table remove_table = {
    .prog = "flux-jobtap remove",
    .usage = "PLUGIN",
    .summary = "Remove plugins: by name, by a glob, or all.",
};

static int remove_ (int argc, char **argv)
{
    int i = opt_parse (&remove_table, argc, argv, NULL, NULL);
    flux_future_t *f;
    flux_t *h;

    if (argc - i != 1)
        opt_usage (&remove_table);
    h = cmd_open ();
    f = ask (h, json_pack ("{s:s}", "remove", argv[i]));
    if (flux_rpc_get (f, NULL) < 0) {
        if (errno == ENOENT)
            cmd_die ("%s not found", argv[i]);
        cmd_die ("%s", cmd_future_error (f));
    }
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

/* -- list -- */

static const struct opt list_opts[] = {
    { 'a', "all", OPT_NONE, NULL, "those built in, too" },
    OPT_END,
};

static const struct opt_table list_table = {
    .prog = "flux-jobtap list",
    .usage = "[OPTIONS]",
    .summary = "List the plugins in the order of loading.",
    .opts = list_opts,
};

static void list_set (int key, const char *arg, void *data)
{
    bool *all = data;
    *all = true;
}

static int list (int argc, char **argv)
{
    bool all = false;
    int i = opt_parse (&list_table, argc, argv, list_set, &all);
    flux_future_t *f;
    json_t *plugins, *o;
    flux_t *h;
    size_t n;

    if (i != argc)
        opt_usage (&list_table);
    h = cmd_open ();
    f = ask (h, json_pack ("{s:b}", "query_only", 1));
    if (flux_rpc_get_unpack (f, "{s:o}", "plugins", &plugins) < 0)
        cmd_die ("%s", cmd_future_error (f));
    json_array_foreach (plugins, n, o)
    {
        const char *name = json_string_value (o);

        if (name && (all || name[0] != '.'))
            printf ("%s\n", name);
    }
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

/* -- query -- */

static const struct opt_table query_table = {
    .prog = "flux-jobtap query",
    .usage = "PLUGIN",
    .summary = "Print what a plugin tells of itself.",
};

static int query (int argc, char **argv)
{
    int i = opt_parse (&query_table, argc, argv, NULL, NULL);
    flux_future_t *f;
    const char *s;
    flux_t *h;

    if (argc - i != 1)
        opt_usage (&query_table);
    h = cmd_open ();
    f = flux_rpc_pack (h, "job-manager.jobtap-query", FLUX_NODEID_ANY, 0, "{s:s}", "name",
                       argv[i]);
    if (!f || flux_rpc_get (f, &s) < 0)
        cmd_die ("%s", f ? cmd_future_error (f) : flux_strerror (errno));
    printf ("%s\n", s);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static const struct cmd subcommands[] = {
    { "load", load, "load a plugin" },
    { "remove", remove_, "remove plugins" },
    { "list", list, "list plugins" },
    { "query", query, "print what a plugin tells of itself" },
    { NULL, NULL, NULL },
};

int cmd_jobtap (int argc, char **argv)
{
    return cmd_group ("flux jobtap", subcommands, argc, argv);
}
