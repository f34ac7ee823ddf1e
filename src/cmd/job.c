/* job.c - flux job: submit, attach, id, namespace, and the table of the rest. */

#include "config.h"
#include <flux/idset.h>
#include <limits.h>
#include <stdio.h>

#include "attach.h"
#include "cmd.h"
#include "job.h"

/* -- submit -- */

static const struct opt submit_opts[] = {
    { 'u', "urgency", OPT_REQUIRED, "N", "0-31 (16)" },
    { 'f', "flags", OPT_REQUIRED, "LIST", "debug, waitable, signed, novalidate" },
    OPT_END,
};

static const struct opt_table submit_table = {
    .prog = "flux-job submit",
    .usage = "[OPTIONS] [FILE]",
    .summary = "Submit the jobspec in FILE, or on standard input, and print the job's id.",
    .example = "flux run --dry-run hostname | flux job submit",
    .opts = submit_opts,
};

struct submit_opts {
    int urgency;
    int flags;
};

static void submit_set (int key, const char *arg, void *data)
{
    static const struct {
        const char *name;
        int flag;
    } flags[] = {
        { "debug", FLUX_JOB_DEBUG },
        { "waitable", FLUX_JOB_WAITABLE },
        { "signed", FLUX_JOB_PRE_SIGNED },
        { "novalidate", FLUX_JOB_NOVALIDATE },
    };
    struct submit_opts *o = data;
    _cleanup_ (freep) char *copy = strdup (arg);

    if (key == 'u') {
        o->urgency = opt_number (&submit_table, "urgency", arg, 0, FLUX_JOB_URGENCY_MAX);
        return;
    }
    for (char *w = strtok (copy, ","); w; w = strtok (NULL, ",")) {
        size_t i = 0;

        while (i < ARRAY_SIZE (flags) && strcmp (flags[i].name, w) != 0)
            i++;
        if (i == ARRAY_SIZE (flags))
            cmd_die ("unknown flag: %s", w);
        o->flags |= flags[i].flag;
    }
}

static int submit (int argc, char **argv)
{
    struct submit_opts o = { .urgency = FLUX_JOB_URGENCY_DEFAULT };
    int i = opt_parse (&submit_table, argc, argv, submit_set, &o);
    const char *name = i < argc ? argv[i] : "-";
    _cleanup_ (freep) char *jobspec = NULL;
    FILE *in = stdin;
    flux_t *h;
    flux_future_t *f;
    flux_jobid_t id;
    char buf[64];
    int rc = 1;

    if (argc - i > 1)
        opt_usage (&submit_table);
    if (strcmp (name, "-") != 0 && !(in = fopen (name, "r")))
        cmd_die ("%s: %s", name, strerror (errno));
    jobspec = cmd_read_all (in, name);
    if (in != stdin)
        fclose (in);
    if (jobspec[strspn (jobspec, " \t\n")] == '\0')
        cmd_die ("required jobspec is empty");
    if (o.flags & FLUX_JOB_PRE_SIGNED) /* a signed string is one word */
        jobspec[strcspn (jobspec, " \t\n")] = '\0';
    h = cmd_open ();
    if (!(f = flux_job_submit (h, jobspec, o.urgency, o.flags))
        || flux_job_submit_get_id (f, &id) < 0)
        cmd_warn ("%s", f ? cmd_future_error (f) : flux_strerror (errno));
    else if (flux_job_id_encode (id, "f58", buf, sizeof (buf)) < 0)
        cmd_warn ("job id: %s", flux_strerror (errno));
    else {
        printf ("%s\n", buf);
        rc = 0;
    }
    flux_future_destroy (f);
    flux_close (h);
    return rc;
}

/* -- attach -- */

enum { KEY_SHOW_STATUS = 256, KEY_TAIL, KEY_QUEUE_CHECK, KEY_DEBUG, KEY_EMULATE };

static const struct opt attach_opts[] = {
    { 'E', "show-events", OPT_NONE, NULL, "print the job's events on stderr" },
    { 'X', "show-exec", OPT_NONE, NULL, "print its exec events on stderr" },
    { KEY_SHOW_STATUS, "show-status", OPT_NONE, NULL, "show what the job waits for" },
    { 'w', "wait-event", OPT_REQUIRED, "NAME", "stop at this event (clean)" },
    { KEY_TAIL, "tail", OPT_OPTIONAL, "N", "of the output so far, the last N entries (10)" },
    { 'l', "label-io", OPT_NONE, NULL, "prefix output with the task's rank" },
    { 'v', "verbose", OPT_NONE, NULL, "show where log messages come from" },
    { 'q', "quiet", OPT_NONE, NULL, "no log messages, no redirections" },
    { 'r', "read-only", OPT_NONE, NULL, "pass on neither input nor signals" },
    { 'u', "unbuffered", OPT_NONE, NULL, "pass input on as it comes" },
    { 'i', "stdin-ranks", OPT_REQUIRED, "IDSET", "input goes to these tasks (all)" },
    { KEY_DEBUG, "debug", OPT_NONE, NULL, "show a parallel debugger the job's processes" },
    { KEY_EMULATE, "debug-emulate", OPT_NONE, NULL, NULL },
    { KEY_QUEUE_CHECK, "queue-check-interval", OPT_REQUIRED, "SEC", NULL },
    OPT_END,
};

static const struct opt_table attach_table = {
    .prog = "flux-job attach",
    .usage = "[OPTIONS] ID",
    .summary = "Show the output of a job and exit with its code.",
    .opts = attach_opts,
};

/* A bound that no listing reaches; the entries are kept in memory. */
enum { TAIL_MAX = 1000000 };

static long long tail_entries (const char *arg)
{
    char *end;
    long long n;

    if (!arg)
        return 10;
    n = strtoll (arg, &end, 10);
    if (end == arg || *end || n < 0)
        cmd_die ("invalid tail argument");
    return n < TAIL_MAX ? n : TAIL_MAX;
}

static void attach_set (int key, const char *arg, void *data)
{
    struct attach_opts *o = data;

    switch (key) {
        case 'E':
            o->show_events = true;
            break;
        case 'X':
            o->show_exec = true;
            break;
        case 'w':
            o->wait_event = arg;
            break;
        case 'l':
            o->label_io = true;
            break;
        case 'v':
            o->show_place = true;
            break;
        case 'q':
            o->quiet = true;
            break;
        case 'r':
            o->read_only = true;
            break;
        case 'u':
            o->unbuffered = true;
            break;
        case 'i':
            o->stdin_ranks = strcmp (arg, "all") == 0 ? NULL : arg;
            break;
        case KEY_SHOW_STATUS:
            o->show_status = true;
            break;
        case KEY_TAIL:
            o->tail = true;
            o->tail_entries = tail_entries (arg);
            break;
        case KEY_DEBUG:
        case KEY_EMULATE: /* there is no difference: a debugger is not seen from here */
            o->debug = true;
            break;
        case KEY_QUEUE_CHECK:
            o->queue_check_interval = opt_number (&attach_table, "queue-check-interval", arg,
                                                  0, INT_MAX);
            break;
    }
}

static void check_stdin_ranks (const struct attach_opts *o)
{
    struct idset *ids;

    if (!o->stdin_ranks)
        return;
    if (o->read_only)
        cmd_die ("Do not use --stdin-ranks with --read-only");
    if (!(ids = idset_decode (o->stdin_ranks)))
        cmd_die ("Invalid value '%s' for --stdin-ranks: %s", o->stdin_ranks,
                 flux_strerror (EINVAL));
    idset_destroy (ids);
}

static int attach_main (int argc, char **argv)
{
    struct attach_opts o = { .queue_check_interval = 10, .strict_input = true };
    int i = opt_parse (&attach_table, argc, argv, attach_set, &o);
    flux_jobid_t id;
    flux_t *h;
    int exit_code;

    if (argc - i != 1)
        opt_usage (&attach_table);
    check_stdin_ranks (&o);
    id = cmd_jobid (argv[i]);
    h = cmd_open ();
    exit_code = attach (h, id, argv[i], &o);
    flux_close (h);
    return exit_code;
}

/* -- id, namespace -- */

static const struct opt id_opts[] = {
    { 't', "to", OPT_REQUIRED, "TYPE", "dec hex kvs dothex f58 f58plain (dec)" },
    OPT_END,
};

static const struct opt_table id_table = {
    .prog = "flux-job id",
    .usage = "[OPTIONS] [ID...]",
    .summary = "Convert job ids, given as words or on standard input.",
    .opts = id_opts,
};

static void id_set (int key, const char *arg, void *data)
{
    *(const char **)data = arg;
}

typedef void (*id_f) (const char *word, const char *to);

/* Call f for each word, or for each line of standard input if there is none.
 * Returns the exit code: 1 if there was nothing at all.
 */
static int for_each_id (int argc, char **argv, id_f f, const char *to)
{
    char *line = NULL;
    size_t size = 0;
    int n = argc;

    for (int i = 0; i < argc; i++)
        f (argv[i], to);
    if (argc == 0) {
        while (getline (&line, &size, stdin) >= 0) {
            line[strcspn (line, "\r\n")] = '\0';
            f (line, to);
            n++;
        }
        free (line);
    }
    return n > 0 ? 0 : 1;
}

static void print_id (const char *word, const char *to)
{
    flux_jobid_t id;
    char buf[128];

    if (flux_job_id_parse (word, &id) < 0)
        cmd_die ("%s: malformed input", word);
    if (flux_job_id_encode (id, to, buf, sizeof (buf)) < 0)
        cmd_die ("Unknown to=%s", to);
    printf ("%s\n", buf);
}

static int id_main (int argc, char **argv)
{
    const char *to = "dec";
    int i = opt_parse (&id_table, argc, argv, id_set, &to);

    return for_each_id (argc - i, argv + i, print_id, to);
}

static void print_namespace (const char *word, const char *to)
{
    char buf[64];

    if (flux_job_kvs_namespace (buf, sizeof (buf), cmd_jobid (word)) < 0)
        cmd_die ("%s: %s", word, flux_strerror (errno));
    printf ("%s\n", buf);
}

static const struct opt_table namespace_table = {
    .prog = "flux-job namespace",
    .usage = "[ID...]",
    .summary = "Print the KVS namespace of running jobs.",
};

static int namespace_main (int argc, char **argv)
{
    int i = opt_parse (&namespace_table, argc, argv, NULL, NULL);

    return for_each_id (argc - i, argv + i, print_namespace, NULL);
}

static const struct cmd subcommands[] = {
    { "submit", submit, "submit a jobspec" },
    { "attach", attach_main, "show a job's output, exit with its code" },
    { "status", job_status, "wait for jobs, exit with the highest code" },
    { "last", job_last, "print the ids of your latest jobs" },
    { "eventlog", job_eventlog, "print a job's events" },
    { "wait-event", job_wait_event, "wait for an event of a job" },
    { "info", job_info, "print what is stored of a job" },
    { "raise", job_raise, "raise an exception on jobs" },
    { "raiseall", job_raiseall, "raise an exception on many jobs" },
    { "cancel", job_cancel, "cancel jobs" },
    { "kill", job_kill, "send a signal to jobs" },
    { "killall", job_killall, "send a signal to all running jobs" },
    { "urgency", job_urgency, "change a job's urgency" },
    { "memo", job_memo, "attach notes to a job" },
    { "timeleft", job_timeleft, "print how long a job may still run" },
    { "wait", job_wait, "wait for waitable jobs" },
    { "id", id_main, "convert job ids" },
    { "namespace", namespace_main, "print jobs' KVS namespaces" },
    { "stats", job_stats, "count jobs by state" },
    { "purge", job_purge, "forget inactive jobs" },
    { "list", job_list, NULL },
    { "list-inactive", job_list_inactive, NULL },
    { "list-ids", job_list_ids, NULL },
    { NULL, NULL, NULL },
};

int cmd_job (int argc, char **argv)
{
    return cmd_group ("flux job", subcommands, argc, argv);
}
