/* submission_jobspec.c - a submission becomes a jobspec. */

#include "config.h"
#include <math.h>
#include <stdio.h>

#include "cmd.h"
#include "common/fsd.h"
#include "requires.h"
#include "submission.h"

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

static void stream_to_file (const struct submission *s,
                            const char *option,
                            const char *path)
{
    char key[64];

    if (!path || strcmp (path, "none") == 0 || strcmp (path, "kvs") == 0)
        return;
    snprintf (key, sizeof (key), "%s.type", option);
    submission_set_path (s->shell_options, key, json_string ("file"));
    snprintf (key, sizeof (key), "%s.path", option);
    submission_set_path (s->shell_options, key, submission_checked (json_string (path)));
    if (s->label_io && strncmp (option, "output", 6) == 0) {
        snprintf (key, sizeof (key), "%s.label", option);
        submission_set_path (s->shell_options, key, json_true ());
    }
}

/* Tasks per node or core, where the tasks are not counted by themselves. */
static void set_per_resource (struct submission *s)
{
    long long count = s->tasks_per_node ? s->tasks_per_node : s->tasks_per_core;

    if (count) {
        submission_set_path (s->shell_options, "per-resource",
                             json_pack ("{s:s s:I}", "type",
                                        s->tasks_per_node ? "node" : "core", "count",
                                        (json_int_t)count));
    }
}

static void set_shell_options (struct submission *s)
{
    set_per_resource (s);
    stream_to_file (s, "input.stdin", s->input);
    stream_to_file (s, "output.stdout", s->output);
    stream_to_file (s, "output.stderr", s->error);
    if (s->unbuffered) {
        submission_set_path (s->shell_options, "output.stdout.buffer.type",
                             json_string ("none"));
        submission_set_path (s->shell_options, "output.stderr.buffer.type",
                             json_string ("none"));
        submission_set_path (s->shell_options, "output.batch-timeout", json_real (0.05));
        submission_set_path (s->shell_options, "input.batch-timeout", json_real (0.0));
    }
}

static void set_string (json_t *system, const char *path, const char *value)
{
    if (value)
        submission_set_path (system, path, submission_checked (json_string (value)));
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
            submission_set_key_value (attributes, "", s + 1);
        else
            submission_set_key_value (attributes, full ? "" : "system.", s);
    }
}

/* The shell's options: limits first, so that -o can change them. */
static json_t *shell_options (struct submission *s)
{
    json_t *options = submission_checked (json_object ());

    set_shell_options (s);
    if (json_object_size (s->rlimits) > 0)
        json_object_set (options, "rlimit", s->rlimits);
    json_object_update_recursive (options, s->shell_options);
    return options;
}

static json_t *constraints (struct submission *s)
{
    flux_error_t error;
    json_t *o = requires_parse (s->requires.buf, &error);

    if (!o)
        cmd_die ("ERROR: --requires='%s': %s", s->requires.buf, error.text);
    return o;
}

static json_t *make_attributes (struct submission *s)
{
    _cleanup_ (freep) char *cwd = s->cwd ? strdup (s->cwd) : getcwd (NULL, 0);
    json_t *options = shell_options (s);
    json_t *system, *attributes;

    system = submission_checked (json_pack ("{s:o s:O s:s}", "duration",
                                            duration (s->time_limit), "environment",
                                            s->env, "cwd", cwd ? cwd : "/"));
    if (json_object_size (options) > 0)
        submission_set_path (system, "shell.options", json_incref (options));
    json_decref (options);
    set_string (system, "queue", s->queue);
    set_string (system, "bank", s->bank);
    set_string (system, "job.name", s->job_name);
    if (json_array_size (s->dependencies) > 0)
        json_object_set (system, "dependencies", s->dependencies);
    if (s->requires.len > 0)
        json_object_set_new (system, "constraints", constraints (s));
    if (json_object_size (s->files) > 0)
        json_object_set (system, "files", s->files);
    attributes = submission_checked (json_pack ("{s:o}", "system", system));
    apply_setattr (attributes, s->attributes);
    return attributes;
}

json_t *submission_jobspec (struct submission *s, int argc, char **argv)
{
    json_t *command = submission_checked (json_array ());
    json_t *task_count, *res;

    if (s->request_error && !s->dry_run)
        cmd_die ("ERROR: %s", s->request_error);
    for (int i = 0; i < argc; i++)
        json_array_append_new (command, submission_checked (json_string (argv[i])));
    res = submission_resources (s, &task_count);
    return submission_checked (json_pack ("{s:o s:[{s:o s:s s:o}] s:o s:i}", "resources",
                                          res, "tasks", "command", command, "slot",
                                          "task", "count", task_count, "attributes",
                                          make_attributes (s), "version", 1));
}
