#include "config.h"
#include <stdio.h>

#include "cmd.h"
#include "format_names.h"

static const struct format_name *find_builtin (const struct format_names *names,
                                               const char *name)
{
    for (const struct format_name *n = names->builtin; n->name; n++) {
        if (strcmp (n->name, name) == 0)
            return n;
    }
    return NULL;
}

/* -- the user's files -- */

static void check_format (const struct format_names *names,
                          const char *path,
                          const char *name,
                          json_t *o)
{
    const char *key;
    json_t *value;

    if (find_builtin (names, name))
        cmd_die ("ERROR: %s: override of builtin format '%s' not permitted", path, name);
    if (!json_is_object (o))
        cmd_die ("ERROR: %s: 'formats.%s' must be a mapping", path, name);
    if (!json_object_get (o, "format"))
        cmd_die ("ERROR: %s: formats.%s: required key 'format' missing", path, name);
    json_object_foreach (o, key, value) {
        if (strcmp (key, "format") == 0 && !json_is_string (value))
            cmd_die ("ERROR: %s: formats.%s: 'format' key must be a string", path, name);
    }
}

/* Add to 'all' what this file defines and no earlier one did. */
static void merge (const struct format_names *names,
                   const char *path,
                   json_t *o,
                   json_t *all)
{
    json_t *formats = json_object_get (o, "formats"), *value;
    const char *key;

    json_object_foreach (o, key, value) {
        if (strcmp (key, "formats") != 0)
            cmd_die ("ERROR: %s: invalid key %s", path, key);
    }
    if (formats && !json_is_object (formats))
        cmd_die ("ERROR: %s: the 'formats' key must be a mapping", path);
    json_object_foreach (formats, key, value) {
        check_format (names, path, key, value);
        if (!json_object_get (all, key))
            json_object_set (all, key, value);
    }
}

/* TOML or JSON. */
static json_t *read_conf (const char *path)
{
    flux_error_t error;
    flux_conf_t *conf = flux_conf_parse (path, &error);
    json_t *o;

    if (!conf || flux_conf_unpack (conf, &error, "o", &o) < 0)
        cmd_die ("ERROR: %s", error.text);
    json_incref (o);
    flux_conf_decref (conf);
    return o;
}

static json_t *read_yaml (const char *path)
{
    cmd_die ("ERROR: %s: YAML is not understood: use TOML or JSON", path);
}

/* Read the files of one directory. */
static void load_dir (const struct format_names *names,
                      const char *dir,
                      size_t dirlen,
                      json_t *all)
{
    static const struct {
        const char *suffix;
        json_t *(*read) (const char *path);
    } kinds[] = { { "toml", read_conf }, { "json", read_conf }, { "yaml", read_yaml } };
    char *path;
    json_t *o;

    for (size_t i = 0; i < ARRAY_SIZE (kinds); i++) {
        if (asprintf (&path, "%.*s/flux/%s.%s", (int)dirlen, dir, names->config,
                      kinds[i].suffix)
            < 0)
            cmd_die ("out of memory");
        if (access (path, R_OK) == 0) {
            o = kinds[i].read (path);
            merge (names, path, o, all);
            json_decref (o);
        }
        free (path);
    }
}

static json_t *load_user_formats (const struct format_names *names)
{
    const char *config_home = getenv ("XDG_CONFIG_HOME");
    const char *home = getenv ("HOME");
    const char *dirs = getenv ("XDG_CONFIG_DIRS");
    json_t *all = json_object ();
    char *fallback = NULL;

    if (!names->config)
        return all;
    if (!(config_home && *config_home) && home) {
        if (asprintf (&fallback, "%s/.config", home) < 0)
            cmd_die ("out of memory");
        config_home = fallback;
    }
    if (config_home)
        load_dir (names, config_home, strlen (config_home), all);
    if (!(dirs && *dirs))
        dirs = "/etc/xdg";
    while (*dirs) {
        size_t len = strcspn (dirs, ":");

        if (len > 0)
            load_dir (names, dirs, len, all);
        dirs += len + (dirs[len] == ':');
    }
    free (fallback);
    return all;
}

/* -- by name -- */

static char *copy (const char *s)
{
    char *c = strdup (s);

    if (!c)
        cmd_die ("out of memory");
    return c;
}

static char *user_format (const struct format_names *names, const char *name)
{
    json_t *all = load_user_formats (names);
    const char *s = NULL;
    char *format;

    json_unpack (json_object_get (all, name), "{s:s}", "format", &s);
    if (!s)
        cmd_die ("ERROR: --format: No such format %s (Did you mean '{%s}'?)", name, name);
    format = copy (s);
    json_decref (all);
    return format;
}

char *format_names_get (const struct format_names *names, const char *arg)
{
    const char *replaced = names->environ ? getenv (names->environ) : NULL;
    const struct format_name *n;

    if (replaced && *replaced && (!arg || strcmp (arg, "default") == 0))
        arg = replaced;
    if (!arg)
        arg = "default";
    if (strchr (arg, '{'))
        return copy (arg);
    if ((n = find_builtin (names, arg)))
        return copy (n->format);
    return user_format (names, arg);
}

static void print_help (const struct format_names *names)
{
    json_t *all = load_user_formats (names), *value;
    const char *key, *description;

    printf ("\nConfigured %s output formats:\n\n", cmd_name);
    for (const struct format_name *n = names->builtin; n->name; n++)
        printf ("  %-12s %s\n", n->name, n->description);
    json_object_foreach (all, key, value) {
        description = json_string_value (json_object_get (value, "description"));
        printf ("  %-12s %s\n", key, description ? description : "");
    }
    json_decref (all);
}

static void print_toml_string (const char *key, const char *value)
{
    json_t *o = json_string (value);

    printf ("%s = ", key);
    json_dumpf (o, stdout, JSON_ENCODE_ANY);
    printf ("\n");
    json_decref (o);
}

static void print_config (const struct format_names *names, const char *name)
{
    const struct format_name *n = find_builtin (names, name);
    char *format = n ? copy (n->format) : user_format (names, name);

    printf ("[formats.%s]\n", name);
    if (n)
        print_toml_string ("description", n->description);
    print_toml_string ("format", format);
    free (format);
}

void format_names_answer (const struct format_names *names, const char *arg)
{
    static const char get[] = "get-config=";

    if (strcmp (arg, "help") == 0)
        print_help (names);
    else if (strncmp (arg, get, strlen (get)) == 0)
        print_config (names, arg + strlen (get));
    else
        return;
    exit (0);
}
