#include "config.h"
#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <sys/resource.h>

#include "cmd.h"
#include "common/fsd.h"
#include "envrule.h"
#include "jsonpath.h"
#include "submission.h"

static json_t *checked (json_t *o)
{
    if (!o)
        cmd_die ("out of memory, or a value is not UTF-8");
    return o;
}

void submission_init (struct submission *s, const struct opt_table *table)
{
    memset (s, 0, sizeof (*s));
    s->table = table;
    s->urgency = FLUX_JOB_URGENCY_DEFAULT;
    s->shell_options = checked (json_object ());
    s->attributes = checked (json_array ());
    s->dependencies = checked (json_array ());
    s->env = env_object ();
}

void submission_fini (struct submission *s)
{
    json_decref (s->shell_options);
    json_decref (s->attributes);
    json_decref (s->dependencies);
    json_decref (s->env);
}

/* Set a dotted path, making the objects on the way. */
static void set_path (json_t *o, const char *path, json_t *value)
{
    if (jsonpath_set (o, path, strlen (path), value) < 0)
        cmd_die ("ERROR: invalid key '%s'", path);
}

/* "KEY[=VAL]"; "^KEY=FILE" takes JSON from a file. */
static void set_key_value (json_t *o, const char *prefix, const char *arg)
{
    const char *eq = strchr (arg, '=');
    bool from_file = arg[0] == '^';
    const char *name = arg + from_file;
    char path[1024];
    json_error_t error;
    json_t *value;
    int n;

    n = snprintf (path, sizeof (path), "%s%.*s", prefix,
                  (int)(eq ? eq - name : (ssize_t)strlen (name)), name);
    if (n >= (int)sizeof (path) || (eq ? eq == name : !*name))
        cmd_die ("ERROR: invalid key in '%s'", arg);
    if (from_file) {
        if (!eq || !(value = json_load_file (eq + 1, JSON_DECODE_ANY, &error)))
            cmd_die ("ERROR: %s: %s", arg, eq ? error.text : "a file name is missing");
    }
    else
        value = eq ? jsonpath_value (eq + 1) : json_integer (1);
    set_path (o, path, value);
}

/* "scheme:value?k=v&..." to an object; no colon means an empty value. */
static json_t *parse_dependency (const char *uri)
{
    _cleanup_ (freep) char *copy = strdup (uri);
    char *colon = strchr (copy, ':');
    char *query = strchr (copy, '?');
    json_t *o;

    if (query)
        *query++ = '\0';
    if (colon && (!query || colon < query))
        *colon++ = '\0';
    else
        colon = NULL;
    o = checked (json_pack ("{s:s s:s}", "scheme", copy, "value", colon ? colon : ""));
    for (char *w = query ? strtok (query, "&") : NULL; w; w = strtok (NULL, "&")) {
        char *eq = strchr (w, '=');

        if (eq)
            *eq++ = '\0';
        json_object_set_new (o, w, eq ? jsonpath_value (eq) : json_string (""));
    }
    return o;
}

static int parse_urgency (const struct submission *s, const char *arg)
{
    if (strcmp (arg, "hold") == 0)
        return FLUX_JOB_URGENCY_HOLD;
    if (strcmp (arg, "default") == 0)
        return FLUX_JOB_URGENCY_DEFAULT;
    if (strcmp (arg, "expedite") == 0)
        return FLUX_JOB_URGENCY_EXPEDITE;
    return opt_number (s->table, "urgency", arg, INT_MIN, INT_MAX);
}

static int parse_flags (const char *arg)
{
    _cleanup_ (freep) char *copy = strdup (arg);
    int flags = 0;

    for (char *w = strtok (copy, ","); w; w = strtok (NULL, ",")) {
        if (strcmp (w, "debug") == 0)
            flags |= FLUX_JOB_DEBUG;
        else if (strcmp (w, "waitable") == 0)
            flags |= FLUX_JOB_WAITABLE;
        else if (strcmp (w, "novalidate") == 0)
            flags |= FLUX_JOB_NOVALIDATE;
        else
            cmd_die ("ERROR: --flags: Unknown flag %s", w);
    }
    return flags;
}

static long long count_option (const char *name, const char *arg)
{
    char *end;
    long long n;

    errno = 0;
    n = strtoll (arg, &end, 10);
    if (errno || end == arg || *end)
        cmd_die ("ERROR: --%s: invalid int value '%s'", name, arg);
    if (n < 1 || n > INT_MAX)
        cmd_die ("ERROR: --%s: must be a number >= 1", name);
    return n;
}

bool submission_option (struct submission *s, int key, const char *arg)
{
    switch (key) {
        case 'n':
            s->ntasks = count_option ("ntasks", arg);
            break;
        case 'N':
            s->nnodes = count_option ("nodes", arg);
            break;
        case 'c':
            s->cores_per_task = count_option ("cores-per-task", arg);
            break;
        case 'g':
            s->gpus_per_task = count_option ("gpus-per-task", arg);
            break;
        case 'x':
            s->exclusive = true;
            break;
        case 't':
            s->time_limit = arg;
            break;
        case 'q':
            s->queue = arg;
            break;
        case 'B':
            s->bank = arg;
            break;
        case 'o':
            set_key_value (s->shell_options, "", arg);
            break;
        case 'S':
            json_array_append_new (s->attributes, checked (json_string (arg)));
            break;
        case 'l':
            s->label_io = true;
            break;
        case 'u':
            s->unbuffered = true;
            break;
        case SK_JOB_NAME:
            s->job_name = arg;
            break;
        case SK_CWD:
            s->cwd = arg;
            break;
        case SK_URGENCY:
            s->urgency = parse_urgency (s, arg);
            break;
        case SK_DEPENDENCY:
            json_array_append_new (s->dependencies, parse_dependency (arg));
            break;
        case SK_ENV:
            env_rule (s->env, arg);
            break;
        case SK_ENV_REMOVE: {
            char rule[1024];

            snprintf (rule, sizeof (rule), "-%s", arg);
            env_rule (s->env, rule);
            break;
        }
        case SK_INPUT:
            s->input = arg;
            break;
        case SK_OUTPUT:
            s->output = arg;
            break;
        case SK_ERROR:
            s->error = arg;
            break;
        case SK_FLAGS:
            s->flags |= parse_flags (arg);
            break;
        case SK_DRY_RUN:
            s->dry_run = true;
            break;
        case SK_QUIET:
            s->quiet = true;
            break;
        default:
            return false;
    }
    return true;
}

/* Plain numbers are minutes; anything else is a duration (RFC 23). */
static json_t *duration (const char *s)
{
    double seconds;
    char *end;

    if (!s)
        return json_integer (0);
    seconds = strtod (s, &end) * 60;
    if (end != s && *end == '\0' && isfinite (seconds) && seconds >= 0)
        return json_real (seconds);
    if (fsd_parse (s, &seconds) < 0)
        cmd_die ("ERROR: invalid Flux standard duration '%s'", s);
    return json_real (isfinite (seconds) ? seconds : 0.);
}

static json_t *vertex (const char *type, long long count)
{
    return checked (json_pack ("{s:s s:I}", "type", type, "count", (json_int_t)count));
}

static json_t *slot_vertex (const struct submission *s, long long count)
{
    json_t *slot = vertex ("slot", count);
    json_t *with = checked (json_array ());

    json_array_append_new (with, vertex ("core", s->cores_per_task ? s->cores_per_task : 1));
    if (s->gpus_per_task)
        json_array_append_new (with, vertex ("gpu", s->gpus_per_task));
    json_object_set_new (slot, "with", with);
    json_object_set_new (slot, "label", json_string ("task"));
    return slot;
}

/* The resource graph, and how many tasks run in it (RFC 25). */
static json_t *resources (const struct submission *s, json_t **task_count)
{
    long long ntasks = s->ntasks ? s->ntasks : s->nnodes ? s->nnodes : 1;
    long long per_node;
    json_t *node;

    *task_count = checked (json_pack ("{s:i}", "per_slot", 1));
    if (!s->nnodes) {
        if (s->exclusive)
            cmd_die ("ERROR: exclusive can only be set with a node count");
        return checked (json_pack ("[o]", slot_vertex (s, ntasks)));
    }
    if (s->nnodes > ntasks)
        cmd_die ("ERROR: node count must not be greater than task count");
    per_node = (ntasks + s->nnodes - 1) / s->nnodes;
    if (per_node * s->nnodes != ntasks) {
        json_decref (*task_count);
        *task_count = checked (json_pack ("{s:I}", "total", (json_int_t)ntasks));
    }
    node = vertex ("node", s->nnodes);
    json_object_set_new (node, "with", checked (json_pack ("[o]", slot_vertex (s, per_node))));
    if (s->exclusive || !s->ntasks)
        json_object_set_new (node, "exclusive", json_true ());
    return checked (json_pack ("[o]", node));
}

static void stream_to_file (const struct submission *s, const char *option, const char *path)
{
    char key[64];

    if (!path || strcmp (path, "none") == 0 || strcmp (path, "kvs") == 0)
        return;
    snprintf (key, sizeof (key), "%s.type", option);
    set_path (s->shell_options, key, json_string ("file"));
    snprintf (key, sizeof (key), "%s.path", option);
    set_path (s->shell_options, key, checked (json_string (path)));
    if (s->label_io && strncmp (option, "output", 6) == 0) {
        snprintf (key, sizeof (key), "%s.label", option);
        set_path (s->shell_options, key, json_true ());
    }
}

/* The tasks get the caller's soft limits, not the broker's. */
static void add_rlimits (json_t *shell_options)
{
    static const struct {
        const char *name;
        int resource;
    } limits[] = {
        { "cpu", RLIMIT_CPU },   { "fsize", RLIMIT_FSIZE },   { "data", RLIMIT_DATA },
        { "stack", RLIMIT_STACK }, { "core", RLIMIT_CORE },   { "nofile", RLIMIT_NOFILE },
        { "as", RLIMIT_AS },     { "rss", RLIMIT_RSS },       { "nproc", RLIMIT_NPROC },
    };
    struct rlimit r;
    char key[32];

    for (size_t i = 0; i < ARRAY_SIZE (limits); i++) {
        snprintf (key, sizeof (key), "rlimit.%s", limits[i].name);
        if (getrlimit (limits[i].resource, &r) == 0)
            set_path (shell_options, key,
                      json_integer (r.rlim_cur == RLIM_INFINITY ? -1
                                                                : (json_int_t)r.rlim_cur));
    }
}

static void set_shell_options (struct submission *s)
{
    add_rlimits (s->shell_options);
    stream_to_file (s, "input.stdin", s->input);
    stream_to_file (s, "output.stdout", s->output);
    stream_to_file (s, "output.stderr", s->error);
    if (s->unbuffered) {
        set_path (s->shell_options, "output.stdout.buffer.type", json_string ("none"));
        set_path (s->shell_options, "output.stderr.buffer.type", json_string ("none"));
        set_path (s->shell_options, "output.batch-timeout", json_real (0.05));
        set_path (s->shell_options, "input.batch-timeout", json_real (0.0));
    }
}

static void set_string (json_t *system, const char *path, const char *value)
{
    if (value)
        set_path (system, path, checked (json_string (value)));
}

/* -S KEY: below system, unless it names system, user or starts with a dot. */
static void apply_setattr (json_t *attributes, json_t *list)
{
    json_t *entry;
    size_t i;

    json_array_foreach (list, i, entry) {
        const char *s = json_string_value (entry);
        bool full = strncmp (s, "system.", 7) == 0 || strncmp (s, "user.", 5) == 0;

        if (s[0] == '.')
            set_key_value (attributes, "", s + 1);
        else
            set_key_value (attributes, full ? "" : "system.", s);
    }
}

static json_t *make_attributes (struct submission *s)
{
    _cleanup_ (freep) char *cwd = s->cwd ? strdup (s->cwd) : getcwd (NULL, 0);
    json_t *system, *attributes;

    set_shell_options (s);
    system = checked (json_pack ("{s:o s:O s:s}", "duration", duration (s->time_limit),
                                 "environment", s->env, "cwd", cwd ? cwd : "/"));
    set_path (system, "shell.options", json_incref (s->shell_options));
    set_string (system, "queue", s->queue);
    set_string (system, "bank", s->bank);
    set_string (system, "job.name", s->job_name);
    if (json_array_size (s->dependencies) > 0)
        set_path (system, "dependencies", json_incref (s->dependencies));
    attributes = checked (json_pack ("{s:o}", "system", system));
    apply_setattr (attributes, s->attributes);
    return attributes;
}

json_t *submission_jobspec (struct submission *s, int argc, char **argv)
{
    json_t *command = checked (json_array ());
    json_t *task_count, *res;

    for (int i = 0; i < argc; i++)
        json_array_append_new (command, checked (json_string (argv[i])));
    res = resources (s, &task_count);
    return checked (json_pack ("{s:o s:[{s:o s:s s:o}] s:o s:i}", "resources", res, "tasks",
                               "command", command, "slot", "task", "count", task_count,
                               "attributes", make_attributes (s), "version", 1));
}
