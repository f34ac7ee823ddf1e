/* submission.h - from the options of flux run and flux submit to a jobspec
 * (RFC 25, jobspec version 1).
 *
 * Ownership: a submission borrows its option arguments (they live in argv)
 * and owns the JSON it has gathered.
 */

#ifndef MILLRACE_CMD_SUBMISSION_H
#define MILLRACE_CMD_SUBMISSION_H

#include <jansson.h>
#include <stdbool.h>

#include "common/text.h"
#include "opt.h"

/* Keys >= 256 of the options below; commands' own long options start at
 * SUBMISSION_KEY_LAST.
 */
enum submission_key {
    SK_CORES = 256,
    SK_TASKS_PER_NODE,
    SK_TASKS_PER_CORE,
    SK_GPUS_PER_NODE,
    SK_REQUIRES,
    SK_JOB_NAME,
    SK_CWD,
    SK_URGENCY,
    SK_DEPENDENCY,
    SK_BEGIN_TIME,
    SK_ENV,
    SK_ENV_REMOVE,
    SK_ENV_FILE,
    SK_RLIMIT,
    SK_INPUT,
    SK_OUTPUT,
    SK_ERROR,
    SK_SIGNAL,
    SK_TASKMAP,
    SK_ADD_FILE,
    SK_FLAGS,
    SK_DRY_RUN,
    SK_QUIET,
    SUBMISSION_KEY_LAST,
};

#define SUBMISSION_OPTS SUBMISSION_COUNTS, SUBMISSION_REST

/* What is asked for by tasks, and all the rest. */
#define SUBMISSION_COUNTS                                                                 \
    { 'n', "ntasks", OPT_REQUIRED, "N", "number of tasks (1)" },                          \
    { 'N', "nodes", OPT_REQUIRED, "N", "number of nodes" },                               \
    { 'c', "cores-per-task", OPT_REQUIRED, "N", "cores for each task (1)" },              \
    { 'g', "gpus-per-task", OPT_REQUIRED, "N", "GPUs for each task" },                    \
    { SK_CORES, "cores", OPT_REQUIRED, "N", "instead: cores of all the job" },            \
    { SK_TASKS_PER_NODE, "tasks-per-node", OPT_REQUIRED, "N",                             \
      "instead: tasks on each node" },                                                    \
    { SK_TASKS_PER_CORE, "tasks-per-core", OPT_REQUIRED, "N",                             \
      "instead: tasks on each core" },                                                    \
    { SK_GPUS_PER_NODE, "gpus-per-node", OPT_REQUIRED, "N",                               \
      "instead: GPUs of each node" }

#define SUBMISSION_REST                                                                   \
    { 'x', "exclusive", OPT_NONE, NULL, "whole nodes; needs -N" },                        \
    { SK_REQUIRES, "requires", OPT_REQUIRED, "CONSTRAINT",                                \
      "which nodes: PROPERTY, host:..., rank:..." },                                      \
    { 't', "time-limit", OPT_REQUIRED, "T", "minutes, or a duration such as 30s or 2h" }, \
    { 'q', "queue", OPT_REQUIRED, "NAME", "submit to this queue" },                       \
    { 'B', "bank", OPT_REQUIRED, "NAME", "charge this bank" },                            \
    { SK_JOB_NAME, "job-name", OPT_REQUIRED, "NAME", "name of the job" },                 \
    { SK_CWD, "cwd", OPT_REQUIRED, "DIR", "working directory of the tasks" },             \
    { SK_URGENCY, "urgency", OPT_REQUIRED, "N", "0-31, hold, default or expedite" },      \
    { SK_DEPENDENCY, "dependency", OPT_REQUIRED, "URI", "add a dependency" },             \
    { SK_BEGIN_TIME, "begin-time", OPT_REQUIRED, "WHEN",                                  \
      "+DURATION or a time: not before" },                                                \
    { 'o', "setopt", OPT_REQUIRED, "KEY[=VAL]", "set a shell option" },                   \
    { 'S', "setattr", OPT_REQUIRED, "KEY[=VAL]", "set a jobspec attribute" },             \
    { SK_ENV, "env", OPT_REQUIRED, "RULE", "VAR=VAL, -PATTERN, or PATTERN to keep" },     \
    { SK_ENV_REMOVE, "env-remove", OPT_REQUIRED, "PATTERN", "do not export these" },      \
    { SK_ENV_FILE, "env-file", OPT_REQUIRED, "FILE", "read rules from FILE" },            \
    { SK_RLIMIT, "rlimit", OPT_REQUIRED, "RULE",                                          \
      "NAME=VAL, -PATTERN, or PATTERN to pass on" },                                      \
    { SK_INPUT, "input", OPT_REQUIRED, "FILE", "read standard input from FILE" },         \
    { SK_OUTPUT, "output", OPT_REQUIRED, "FILE", "write standard output to FILE" },       \
    { SK_ERROR, "error", OPT_REQUIRED, "FILE", "write standard error to FILE" },          \
    { 'l', "label-io", OPT_NONE, NULL, "prefix lines with the task's rank" },             \
    { 'u', "unbuffered", OPT_NONE, NULL, "do not wait for whole lines" },                 \
    { SK_SIGNAL, "signal", OPT_REQUIRED, "[SIG][@TIME]",                                  \
      "send SIG (USR1) TIME (60s) before the end" },                                      \
    { SK_TASKMAP, "taskmap", OPT_REQUIRED, "SCHEME[:VAL]", "how tasks are numbered" },    \
    { SK_ADD_FILE, "add-file", OPT_REQUIRED, "[NAME[:PERMS]=]ARG",                        \
      "bring a file along" },                                                             \
    { SK_FLAGS, "flags", OPT_REQUIRED, "LIST", "debug, waitable, novalidate" },           \
    { SK_DRY_RUN, "dry-run", OPT_NONE, NULL, "print the jobspec, do not submit" },        \
    { SK_QUIET, "quiet", OPT_NONE, NULL, "print no job id" }

struct submission {
    const struct opt_table *table;
    long long ntasks; /* 0: not given; so for all numbers */
    long long nnodes;
    long long cores_per_task;
    long long gpus_per_task;
    long long cores;
    long long tasks_per_node;
    long long tasks_per_core;
    long long gpus_per_node;
    bool exclusive;
    bool label_io;
    bool unbuffered;
    bool dry_run;
    bool quiet;
    int urgency;
    int flags; /* FLUX_JOB_* */
    char *request_error; /* what is wrong with these two; NULL: nothing */
    const char *time_limit;
    const char *queue;
    const char *bank;
    const char *job_name;
    const char *cwd;
    const char *input;
    const char *stdin_ranks; /* --input named tasks instead of a file */
    const char *output;
    const char *error;
    struct text requires;  /* the --requires arguments with blanks between */
    json_t *shell_options; /* object */
    json_t *attributes;    /* array of the -S arguments, in order */
    json_t *dependencies;  /* array */
    json_t *env;           /* object; starts as the caller's environment */
    json_t *rlimits;       /* object; starts as the caller's limits */
    json_t *files;         /* object */
};

/* Dies if out of memory. */
void submission_init (struct submission *s, const struct opt_table *table);
void submission_fini (struct submission *s);

/* Take one option.  Returns false if it is none of SUBMISSION_OPTS; dies with
 * a message if its value makes no sense.
 */
bool submission_option (struct submission *s, int key, const char *arg);

/* The jobspec (a new reference) of a job that runs this command.  Dies with
 * a message if the options contradict each other.
 */
json_t *submission_jobspec (struct submission *s, int argc, char **argv);

/* For the two files of this noun: o, or die; a dotted path in o. */
json_t *submission_checked (json_t *o);
void submission_set_path (json_t *o, const char *path, json_t *value);
void submission_set_key_value (json_t *o, const char *prefix, const char *arg);

/* The resource graph of a job, and how many tasks run in it. */
json_t *submission_resources (const struct submission *s, json_t **task_count);

#endif /* !MILLRACE_CMD_SUBMISSION_H */
