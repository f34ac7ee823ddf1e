#include "config.h"
#include <flux/idset.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>

#include "addfile.h"
#include "cmd.h"
#include "common/fsd.h"
#include "envrule.h"
#include "jobview.h"
#include "jsonpath.h"
#include "rlimits.h"
#include "submission.h"
#include "when.h"

json_t *submission_checked (json_t *o)
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
    s->shell_options = submission_checked (json_object ());
    s->attributes = submission_checked (json_array ());
    s->dependencies = submission_checked (json_array ());
    s->files = submission_checked (json_object ());
    s->env = env_object ();
    s->rlimits = submission_checked (rlimits_object ());
}

void submission_fini (struct submission *s)
{
    json_decref (s->shell_options);
    json_decref (s->attributes);
    json_decref (s->dependencies);
    json_decref (s->env);
    json_decref (s->rlimits);
    json_decref (s->files);
    text_fini (&s->requires);
    free (s->request_error);
}

/* Set a dotted path, making the objects on the way. */
void submission_set_path (json_t *o, const char *path, json_t *value)
{
    if (jsonpath_set (o, path, strlen (path), value) < 0)
        cmd_die ("ERROR: invalid key '%s'", path);
}

/* "KEY[=VAL]"; "^KEY=FILE" takes JSON from a file. */
void submission_set_key_value (json_t *o, const char *prefix, const char *arg)
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
    submission_set_path (o, path, value);
}

/* A key that is there twice has an array of values. */
static void add_value (json_t *o, const char *key, json_t *value)
{
    json_t *old = json_object_get (o, key);

    if (json_is_array (old))
        json_array_append_new (old, value);
    else if (old)
        json_object_set_new (o, key, json_pack ("[O o]", old, value));
    else
        json_object_set_new (o, key, value);
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
    o = submission_checked (
        json_pack ("{s:s s:s}", "scheme", copy, "value", colon ? colon : ""));
    for (char *w = query ? strtok (query, "&") : NULL; w; w = strtok (NULL, "&")) {
        char *eq = strchr (w, '=');

        if (eq)
            *eq++ = '\0';
        add_value (o, w, eq ? jsonpath_value (eq) : json_string (""));
    }
    return o;
}

static void add_dependency (struct submission *s, json_t *o)
{
    json_array_append_new (s->dependencies, submission_checked (o));
}

static void begin_time (struct submission *s, const char *arg)
{
    char value[32];
    double t;

    if (when_parse (arg, jobview_clock (), &t) < 0)
        cmd_die ("ERROR: --begin-time: invalid value '%s'", arg);
    snprintf (value, sizeof (value), "%.3f", t);
    add_dependency (s, json_pack ("{s:s s:s}", "scheme", "begin-time", "value", value));
}

/* "[SIG][@TIME]" */
static void set_signal (struct submission *s, const char *arg)
{
    const char *at = strchr (arg, '@');
    _cleanup_ (freep) char *name =
        cmd_strndup (arg, at ? (size_t)(at - arg) : strlen (arg));
    int signum = *name ? cmd_signum (name) : SIGUSR1;
    double timeleft = 60;

    if (signum == 0)
        cmd_die ("ERROR: --signal: invalid signal '%s'", name);
    if (at && (fsd_parse (at + 1, &timeleft) < 0 || !isfinite (timeleft)))
        cmd_die ("ERROR: --signal: invalid time '%s'", at + 1);
    submission_set_path (s->shell_options, "signal",
                         json_pack ("{s:i s:o}", "signum", signum, "timeleft",
                                    timeleft == floor (timeleft) ? json_integer (timeleft)
                                                                 : json_real (timeleft)));
}

/* "SCHEME[:VALUE]" */
static void set_taskmap (struct submission *s, const char *arg)
{
    size_t n = strcspn (arg, ":");

    submission_set_path (s->shell_options, "taskmap",
                         json_pack ("{s:s% s:s}", "scheme", arg, n, "value",
                                    arg[n] == ':' ? arg + n + 1 : ""));
}

static void set_input (struct submission *s, const char *arg)
{
    struct idset *ids = idset_decode (arg);

    if (ids)
        s->stdin_ranks = arg;
    else
        s->input = arg;
    idset_destroy (ids);
}

/* Rules for the environment; what has tags to be filled in later goes where
 * that is done.
 */
static void apply_env (struct submission *s, const char *prefix, const char *arg)
{
    _cleanup_ (freep) char *rule = NULL;
    const char *tag = strstr (arg, "{{"), *eq = strchr (arg, '=');
    json_t *expand;

    if (!*prefix && tag && eq && eq < tag && arg[0] != '-' && arg[0] != '^') {
        expand = json_object_get (s->shell_options, "env-expand");
        if (!expand) {
            expand = json_object ();
            json_object_set_new (s->shell_options, "env-expand", expand);
        }
        json_object_setn_new (expand, arg, eq - arg, json_string (eq + 1));
        return;
    }
    if (asprintf (&rule, "%s%s", prefix, arg) < 0)
        cmd_die ("out of memory");
    env_rule (s->env, rule);
}

/* What goes with the job but is not in its jobspec is looked at when that is
 * submitted: what is wrong with it is noted until then.
 */
static void note_error (struct submission *s, const char *fmt, ...) _printf_ (2, 3);

static void note_error (struct submission *s, const char *fmt, ...)
{
    va_list ap;

    if (s->request_error)
        return;
    va_start (ap, fmt);
    if (vasprintf (&s->request_error, fmt, ap) < 0)
        cmd_die ("ERROR: out of memory");
    va_end (ap);
}

static int parse_urgency (struct submission *s, const char *arg)
{
    long long n;

    if (strcmp (arg, "hold") == 0)
        return FLUX_JOB_URGENCY_HOLD;
    if (strcmp (arg, "default") == 0)
        return FLUX_JOB_URGENCY_DEFAULT;
    if (strcmp (arg, "expedite") == 0)
        return FLUX_JOB_URGENCY_EXPEDITE;
    if (!opt_is_number (arg, INT_MIN, INT_MAX, &n))
        note_error (s, "--urgency: invalid value '%s'", arg);
    return n;
}

static int parse_flags (struct submission *s, const char *arg)
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
            note_error (s, "--flags: Unknown flag %s", w);
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
    if (strcmp (name, "ntasks") == 0 && (n < 0 || n > INT_MAX))
        cmd_die ("ERROR: task count must be a integer >= 1");
    if (n < (strcmp (name, "ntasks") != 0) || n > INT_MAX)
        cmd_die ("ERROR: --%s: must be a number >= 1", name);
    return n;
}

/* Options that are counts.  Returns false if it is none. */
static bool count_options (struct submission *s, int key, const char *arg)
{
    const struct {
        int key;
        const char *name;
        long long *count;
    } counts[] = {
        { 'n', "ntasks", &s->ntasks },
        { 'N', "nodes", &s->nnodes },
        { 'c', "cores-per-task", &s->cores_per_task },
        { 'g', "gpus-per-task", &s->gpus_per_task },
        { SK_CORES, "cores", &s->cores },
        { SK_TASKS_PER_NODE, "tasks-per-node", &s->tasks_per_node },
        { SK_TASKS_PER_CORE, "tasks-per-core", &s->tasks_per_core },
        { SK_GPUS_PER_NODE, "gpus-per-node", &s->gpus_per_node },
    };

    for (size_t i = 0; i < ARRAY_SIZE (counts); i++) {
        if (counts[i].key == key) {
            *counts[i].count = count_option (counts[i].name, arg);
            return true;
        }
    }
    return false;
}

/* Options that are kept as they are.  Returns false if it is none. */
static bool text_options (struct submission *s, int key, const char *arg)
{
    const struct {
        int key;
        const char **text;
    } texts[] = {
        { 't', &s->time_limit },   { 'q', &s->queue },       { 'B', &s->bank },
        { SK_JOB_NAME, &s->job_name }, { SK_CWD, &s->cwd },  { SK_OUTPUT, &s->output },
        { SK_ERROR, &s->error },
    };

    for (size_t i = 0; i < ARRAY_SIZE (texts); i++) {
        if (texts[i].key == key) {
            *texts[i].text = arg;
            return true;
        }
    }
    return false;
}

/* Options that are set or not.  Returns false if it is none. */
static bool flag_options (struct submission *s, int key)
{
    const struct {
        int key;
        bool *flag;
    } flags[] = {
        { 'x', &s->exclusive },        { 'l', &s->label_io }, { 'u', &s->unbuffered },
        { SK_DRY_RUN, &s->dry_run }, { SK_QUIET, &s->quiet },
    };

    for (size_t i = 0; i < ARRAY_SIZE (flags); i++) {
        if (flags[i].key == key) {
            *flags[i].flag = true;
            return true;
        }
    }
    return false;
}

bool submission_option (struct submission *s, int key, const char *arg)
{
    if (count_options (s, key, arg) || text_options (s, key, arg) || flag_options (s, key))
        return true;
    switch (key) {
        case SK_REQUIRES:
            text_printf (&s->requires, "%s%s", s->requires.len ? " " : "", arg);
            break;
        case 'o':
            submission_set_key_value (s->shell_options, "", arg);
            break;
        case 'S':
            json_array_append_new (s->attributes, submission_checked (json_string (arg)));
            break;
        case SK_URGENCY:
            s->urgency = parse_urgency (s, arg);
            break;
        case SK_DEPENDENCY:
            add_dependency (s, parse_dependency (arg));
            break;
        case SK_BEGIN_TIME:
            begin_time (s, arg);
            break;
        case SK_ENV:
            apply_env (s, "", arg);
            break;
        case SK_ENV_REMOVE:
            apply_env (s, "-", arg);
            break;
        case SK_ENV_FILE:
            apply_env (s, "^", arg);
            break;
        case SK_RLIMIT:
            rlimits_rule (s->rlimits, arg);
            break;
        case SK_INPUT:
            set_input (s, arg);
            break;
        case SK_SIGNAL:
            set_signal (s, arg);
            break;
        case SK_TASKMAP:
            set_taskmap (s, arg);
            break;
        case SK_ADD_FILE:
            addfile (s->files, arg);
            break;
        case SK_FLAGS:
            s->flags |= parse_flags (s, arg);
            break;
        default:
            return false;
    }
    return true;
}
