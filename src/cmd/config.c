/* config.c - flux config: the configuration of the instance. */

#include "config.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "cmd.h"
#include "common/fsd.h"
#include "common/text.h"

/* Get */

struct get_args {
    const char *fallback;
    const char *type;
    const char *path;
    bool quiet;
};

static const struct opt get_opts[] = {
    { 'd', "default", OPT_REQUIRED, "VALUE", "print this if there is no such key" },
    { 't', "type", OPT_REQUIRED, "TYPE",
      "insist on string, integer, real, boolean, object, array, fsd, fsd-integer or "
      "fsd-real" },
    { 'c', "config-path", OPT_REQUIRED, "PATH", "look into files, not the instance" },
    { 'q', "quiet", OPT_NONE, NULL, "print nothing, only check" },
    OPT_END,
};

static const struct opt_table get_table = {
    .prog = "flux-config get",
    .usage = "[OPTIONS] [KEY]",
    .summary = "Print a value of the configuration, or all of it.  Dots descend.",
    .example = "flux config get --type=fsd --default=5s exec.kill-timeout",
    .opts = get_opts,
};

static void get_set (int key, const char *arg, void *data)
{
    static const char *const types[] = {
        "string", "integer", "real",        "boolean",  "object",
        "array",  "fsd",     "fsd-integer", "fsd-real", "any",
    };
    struct get_args *a = data;
    size_t i = 0;

    switch (key) {
        case 'd':
            a->fallback = arg;
            break;
        case 't':
            while (i < ARRAY_SIZE (types) && strcmp (arg, types[i]) != 0)
                i++;
            if (i == ARRAY_SIZE (types))
                opt_error (&get_table, "--type: Unknown type: %s", arg);
            a->type = arg;
            break;
        case 'c':
            a->path = arg;
            break;
        case 'q':
            a->quiet = true;
            break;
    }
}

static json_t *find (json_t *o, const char *key)
{
    _cleanup_ (freep) char *copy = cmd_strndup (key, strlen (key));

    for (char *w = strtok (copy, "."); o && w; w = strtok (NULL, "."))
        o = json_object_get (o, w);
    return o;
}

static bool has_type (json_t *o, const char *type)
{
    double seconds;

    if (strncmp (type, "fsd", 3) == 0)
        return json_is_string (o) && fsd_parse (json_string_value (o), &seconds) == 0;
    return (strcmp (type, "string") == 0 && json_is_string (o))
           || (strcmp (type, "integer") == 0 && json_is_integer (o))
           || (strcmp (type, "real") == 0 && json_is_real (o))
           || (strcmp (type, "boolean") == 0 && json_is_boolean (o))
           || (strcmp (type, "object") == 0 && json_is_object (o))
           || (strcmp (type, "array") == 0 && json_is_array (o))
           || strcmp (type, "any") == 0;
}

static void print_value (json_t *o, const char *type)
{
    double seconds = 0;
    char *s;

    if (type && strncmp (type, "fsd-", 4) == 0) {
        (void)fsd_parse (json_string_value (o), &seconds);
        if (strcmp (type, "fsd-integer") == 0)
            printf ("%.0f\n", floor (seconds));
        else
            printf ("%f\n", seconds);
        return;
    }
    if (json_is_string (o)) {
        printf ("%s\n", json_string_value (o));
        return;
    }
    if (!(s = json_dumps (o, JSON_COMPACT | JSON_ENCODE_ANY)))
        cmd_die ("out of memory");
    printf ("%s\n", s);
    free (s);
}

static void get (json_t *conf, const struct get_args *a, const char *key)
{
    json_t *o = key ? find (conf, key) : conf;

    if (!o) {
        if (!a->fallback)
            cmd_die ("%s is not set", key);
        if (!a->quiet)
            printf ("%s\n", a->fallback);
        return;
    }
    if (a->type && !has_type (o, a->type))
        cmd_die ("%s does not have the requested type: %s", key ? key : "configuration",
                 a->type);
    if (!a->quiet)
        print_value (o, a->type);
}

static int config_get (int argc, char **argv)
{
    struct get_args a = { 0 };
    int i = opt_parse (&get_table, argc, argv, get_set, &a);
    flux_error_t error;
    flux_future_t *f;
    flux_conf_t *conf;
    json_t *o;
    flux_t *h;

    if (argc - i > 1)
        opt_usage (&get_table);
    if (a.path) {
        if (!(conf = flux_conf_parse (a.path, &error))
            || flux_conf_unpack (conf, &error, "o", &o) < 0)
            cmd_die ("%s", error.text);
        get (o, &a, argv[i]);
        flux_conf_decref (conf);
        return 0;
    }
    h = cmd_open ();
    if (!(f = flux_rpc (h, "config.get", NULL, FLUX_NODEID_ANY, 0))
        || flux_rpc_get_unpack (f, "o", &o) < 0)
        cmd_die ("config.get: %s", f ? cmd_future_error (f) : flux_strerror (errno));
    get (o, &a, argv[i]);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

/* Load, reload */

static const struct opt_table load_table = {
    .prog = "flux-config load",
    .usage = "[PATH]",
    .summary = "Replace the configuration by that in a file or directory, or on standard "
               "input.",
    .example = "flux config load < new.toml",
};

static flux_conf_t *read_stdin (flux_error_t *error)
{
    flux_conf_t *conf = flux_conf_create ();
    char *s = cmd_read_all (stdin, "stdin");
    char *text;

    /* a line end makes it a document, whatever it holds */
    if (!conf || asprintf (&text, "%s\n", s) < 0)
        cmd_die ("out of memory");
    if (flux_conf_update (conf, text, error) < 0)
        conf = NULL;
    free (text);
    free (s);
    return conf;
}

static int config_load (int argc, char **argv)
{
    int i = opt_parse (&load_table, argc, argv, NULL, NULL);
    flux_error_t error;
    flux_future_t *f;
    flux_conf_t *conf;
    json_t *o;
    flux_t *h;

    if (argc - i > 1)
        opt_usage (&load_table);
    conf = i < argc ? flux_conf_parse (argv[i], &error) : read_stdin (&error);
    if (!conf || flux_conf_unpack (conf, &error, "o", &o) < 0)
        cmd_die ("%s", error.text);
    h = cmd_open ();
    if (!(f = flux_rpc_pack (h, "config.load", FLUX_NODEID_ANY, 0, "O", o))
        || flux_rpc_get (f, NULL) < 0)
        cmd_die ("%s", f ? cmd_future_error (f) : flux_strerror (errno));
    flux_future_destroy (f);
    flux_conf_decref (conf);
    flux_close (h);
    return 0;
}

static const struct opt_table reload_table = {
    .prog = "flux-config reload",
    .usage = "",
    .summary = "Read the instance's configuration files again.",
};

static int config_reload (int argc, char **argv)
{
    flux_future_t *f;
    flux_t *h;

    if (opt_parse (&reload_table, argc, argv, NULL, NULL) < argc)
        opt_usage (&reload_table);
    h = cmd_open ();
    if (!(f = flux_rpc (h, "config.reload", NULL, FLUX_NODEID_ANY, 0))
        || flux_rpc_get (f, NULL) < 0)
        cmd_die ("reload: %s", f ? cmd_future_error (f) : flux_strerror (errno));
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

/* Built-in values */

enum { OPT_INTREE = 256, OPT_INSTALLED };

static const struct opt builtin_opts[] = {
    { OPT_INTREE, "intree", OPT_NONE, NULL, "as in the build tree" },
    { OPT_INSTALLED, "installed", OPT_NONE, NULL, "as installed" },
    OPT_END,
};

static const struct opt_table builtin_table = {
    .prog = "flux-config builtin",
    .usage = "[OPTIONS] [NAME]",
    .summary = "Print a path that was set when flux was built, or all of them.",
    .example = "flux config builtin rc1_path",
    .opts = builtin_opts,
};

static void builtin_set (int key, const char *arg, void *data)
{
    *(enum flux_conf_builtin_hint *)data
        = key == OPT_INTREE ? FLUX_CONF_INTREE : FLUX_CONF_INSTALLED;
}

static const char *const builtin_names[] = {
    "confdir",         "libexecdir",       "datadir",         "lua_cpath_add",
    "lua_path_add",    "python_path",      "python_wrapper",  "man_path",
    "exec_path",       "connector_path",   "module_path",     "rc1_path",
    "rc3_path",        "cmdhelp_pattern",  "pmi_library_path", "shell_path",
    "shell_pluginpath", "shell_initrc",    "jobtap_pluginpath", "upmi_pluginpath",
    "no_docs_path",    "rundir",
};

static int config_builtin (int argc, char **argv)
{
    enum flux_conf_builtin_hint hint = FLUX_CONF_AUTO;
    int i = opt_parse (&builtin_table, argc, argv, builtin_set, &hint);
    const char *value;

    if (argc - i > 1)
        opt_usage (&builtin_table);
    if (i < argc) {
        if (!(value = flux_conf_builtin_get (argv[i], hint)))
            cmd_die ("%s is invalid", argv[i]);
        printf ("%s\n", value);
        return 0;
    }
    for (size_t n = 0; n < ARRAY_SIZE (builtin_names); n++)
        printf ("%s=%s\n", builtin_names[n],
                flux_conf_builtin_get (builtin_names[n], hint));
    return 0;
}

static const struct cmd subcommands[] = {
    { "get", config_get, "print a value" },
    { "load", config_load, "replace the configuration" },
    { "reload", config_reload, "read the instance's files again" },
    { "builtin", config_builtin, "print what was set when flux was built" },
    { NULL, NULL, NULL },
};

int cmd_config (int argc, char **argv)
{
    return cmd_group ("flux config", subcommands, argc, argv);
}
