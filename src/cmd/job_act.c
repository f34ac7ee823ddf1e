/* job_act.c - flux job raise, cancel, kill, urgency, wait, status. */

#include "config.h"
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "cmd.h"
#include "job.h"

/* One request to each of many jobs, all sent before any answer is read.
 * what names the command in messages.  Returns the exit code.
 */
struct act {
    const char *what;
    flux_future_t *(*send) (flux_t *h, flux_jobid_t id, void *arg);
    void *arg;
};

static int act_on (flux_t *h, const struct act *act, int n, char **ids)
{
    flux_future_t **f;
    int exit_code = 0;

    if (!(f = calloc (n + 1, sizeof (f[0]))))
        cmd_die ("out of memory");
    for (int i = 0; i < n; i++) {
        if (!(f[i] = act->send (h, cmd_jobid (ids[i]), act->arg)))
            cmd_die ("%s %s: %s", act->what, ids[i], flux_strerror (errno));
    }
    for (int i = 0; i < n; i++) {
        if (flux_future_get (f[i], NULL) < 0) {
            cmd_warn ("%s %s: %s", act->what, ids[i], cmd_future_error (f[i]));
            exit_code = 1;
        }
        flux_future_destroy (f[i]);
    }
    free (f);
    return exit_code;
}

/* The leading words that are job ids. */
static int count_ids (int argc, char **argv)
{
    flux_jobid_t id;
    int n = 0;

    while (n < argc && flux_job_id_parse (argv[n], &id) == 0)
        n++;
    return n;
}

/* -- raise, cancel -- */

struct raise_opts {
    int severity;
    const char *type;
    const char *message;
};

static const struct opt raise_opts[] = {
    { 's', "severity", OPT_REQUIRED, "N", "0 (fatal) to 7 (0)" },
    { 't', "type", OPT_REQUIRED, "TYPE", "exception type (cancel)" },
    { 'm', "message", OPT_REQUIRED, "NOTE", "what happened" },
    OPT_END,
};

static const struct opt_table raise_table = {
    .prog = "flux-job raise",
    .usage = "[OPTIONS] ID... [--] [NOTE...]",
    .summary = "Raise an exception on jobs.",
    .opts = raise_opts,
};

static void raise_set (int key, const char *arg, void *data)
{
    struct raise_opts *o = data;

    if (key == 's')
        o->severity = opt_number (&raise_table, "severity", arg, INT_MIN, INT_MAX);
    else if (key == 't')
        o->type = arg;
    else
        o->message = arg;
}

static flux_future_t *raise_one (flux_t *h, flux_jobid_t id, void *arg)
{
    struct raise_opts *o = arg;

    return flux_job_raise (h, id, o->type, o->severity, o->message);
}

static int raise_jobs (const char *what, struct raise_opts *o, int argc, char **argv)
{
    struct act act = { what, raise_one, o };
    int n = count_ids (argc, argv);
    bool dashes = n < argc && strcmp (argv[n], "--") == 0;
    _cleanup_ (freep) char *note = NULL;
    flux_t *h;
    int exit_code;

    if (n + dashes < argc) {
        if (o->message)
            cmd_die ("Do not set note on command line and with --message");
        o->message = note = cmd_join (argc - n - dashes, argv + n + dashes);
    }
    if (n == 0)
        return 0;
    h = cmd_open ();
    exit_code = act_on (h, &act, n, argv);
    flux_close (h);
    return exit_code;
}

int job_raise (int argc, char **argv)
{
    struct raise_opts o = { .type = "cancel" };
    int i = opt_parse (&raise_table, argc, argv, raise_set, &o);

    if (i == argc)
        opt_usage (&raise_table);
    return raise_jobs ("raise", &o, argc - i, argv + i);
}

static const struct opt cancel_opts[] = {
    { 'm', "message", OPT_REQUIRED, "NOTE", "why" },
    OPT_END,
};

static const struct opt_table cancel_table = {
    .prog = "flux-job cancel",
    .usage = "[OPTIONS] ID... [--] [NOTE...]",
    .summary = "Cancel jobs.",
    .opts = cancel_opts,
};

int job_cancel (int argc, char **argv)
{
    struct raise_opts o = { .type = "cancel" };
    int i = opt_parse (&cancel_table, argc, argv, raise_set, &o);

    if (i == argc)
        opt_usage (&cancel_table);
    return raise_jobs ("cancel", &o, argc - i, argv + i);
}

/* -- kill -- */

static const struct opt kill_opts[] = {
    { 's', "signal", OPT_REQUIRED, "SIGNAL", "a number, NAME or SIGNAME (SIGTERM)" },
    OPT_END,
};

static const struct opt_table kill_table = {
    .prog = "flux-job kill",
    .usage = "[OPTIONS] ID...",
    .summary = "Send a signal to the tasks of jobs.",
    .opts = kill_opts,
};

static void kill_set (int key, const char *arg, void *data)
{
    if (!(*(int *)data = cmd_signum (arg)))
        cmd_die ("kill: Invalid signal %s", arg);
}

static flux_future_t *kill_one (flux_t *h, flux_jobid_t id, void *arg)
{
    return flux_job_kill (h, id, *(int *)arg);
}

int job_kill (int argc, char **argv)
{
    int signum = SIGTERM;
    int i = opt_parse (&kill_table, argc, argv, kill_set, &signum);
    struct act act = { "kill", kill_one, &signum };
    flux_t *h;
    int exit_code;

    if (i == argc)
        opt_usage (&kill_table);
    h = cmd_open ();
    exit_code = act_on (h, &act, argc - i, argv + i);
    flux_close (h);
    return exit_code;
}

/* -- urgency -- */

static const struct opt urgency_opts[] = {
    { 'v', "verbose", OPT_NONE, NULL, "print the old urgency" },
    OPT_END,
};

static const struct opt_table urgency_table = {
    .prog = "flux-job urgency",
    .usage = "[OPTIONS] ID N|hold|expedite|default",
    .summary = "Change the urgency of a pending job.",
    .opts = urgency_opts,
};

static void set_true (int key, const char *arg, void *data)
{
    *(bool *)data = true;
}

static int parse_urgency (const char *s)
{
    char *end;
    long n;

    if (strcmp (s, "hold") == 0)
        return FLUX_JOB_URGENCY_HOLD;
    if (strcmp (s, "expedite") == 0)
        return FLUX_JOB_URGENCY_EXPEDITE;
    if (strcmp (s, "default") == 0)
        return FLUX_JOB_URGENCY_DEFAULT;
    n = strtol (s, &end, 10);
    if (end == s || *end || n < INT_MIN || n > INT_MAX)
        cmd_die ("error parsing urgency: \"%s\"", s);
    return n;
}

int job_urgency (int argc, char **argv)
{
    bool verbose = false;
    int i = opt_parse (&urgency_table, argc, argv, set_true, &verbose);
    flux_t *h;
    flux_future_t *f;
    int old;

    if (argc - i != 2)
        opt_usage (&urgency_table);
    h = cmd_open ();
    f = flux_job_set_urgency (h, cmd_jobid (argv[i]), parse_urgency (argv[i + 1]));
    if (!f || flux_rpc_get_unpack (f, "{s:i}", "old_urgency", &old) < 0)
        cmd_die ("%s: %s", argv[i], f ? cmd_future_error (f) : flux_strerror (errno));
    if (verbose && old == FLUX_JOB_URGENCY_HOLD)
        fprintf (stderr, "old urgency: job held\n");
    else if (verbose && old == FLUX_JOB_URGENCY_EXPEDITE)
        fprintf (stderr, "old urgency: job expedited\n");
    else if (verbose)
        fprintf (stderr, "old urgency: %d\n", old);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

/* -- wait -- */

struct wait_opts {
    bool all;
    bool verbose;
};

static const struct opt wait_opts[] = {
    { 'a', "all", OPT_NONE, NULL, "wait for all waitable jobs" },
    { 'v', "verbose", OPT_NONE, NULL, "with -a: report success too" },
    OPT_END,
};

static const struct opt_table wait_table = {
    .prog = "flux-job wait",
    .usage = "[OPTIONS] [ID]",
    .summary = "Wait for a job submitted with the flag waitable.",
    .opts = wait_opts,
};

static void wait_set (int key, const char *arg, void *data)
{
    struct wait_opts *o = data;

    if (key == 'a')
        o->all = true;
    else
        o->verbose = true;
}

/* Returns the exit code: 0, 1 (the job failed), 2 (nothing to wait for). */
static int wait_one (flux_t *h, flux_jobid_t id, const struct wait_opts *o)
{
    flux_future_t *f = flux_job_wait (h, id);
    const char *errstr;
    char name[64];
    flux_jobid_t got;
    bool success;
    int exit_code = 0;

    if (!f || flux_job_wait_get_status (f, &success, &errstr) < 0) {
        if (!f || errno != ECHILD)
            cmd_die ("%s", f ? cmd_future_error (f) : flux_strerror (errno));
        if (!o->all)
            cmd_warn ("%s", cmd_future_error (f));
        flux_future_destroy (f);
        return 2;
    }
    if (flux_job_wait_get_id (f, &got) < 0
        || flux_job_id_encode (got, "f58", name, sizeof (name)) < 0)
        cmd_die ("wait: %s", flux_strerror (errno));
    if (id == FLUX_JOBID_ANY && !o->all)
        printf ("%s\n", name);
    if (!success) {
        if (o->all)
            fprintf (stderr, "%s: %s\n", name, errstr);
        else
            cmd_warn ("%s", errstr);
        exit_code = 1;
    }
    else if (o->all && o->verbose)
        fprintf (stderr, "%s: job completed successfully\n", name);
    flux_future_destroy (f);
    return exit_code;
}

int job_wait (int argc, char **argv)
{
    struct wait_opts o = { .all = false };
    int i = opt_parse (&wait_table, argc, argv, wait_set, &o);
    flux_t *h;
    int r, exit_code = 0;

    if (argc - i > 1 || (o.all && i < argc))
        opt_usage (&wait_table);
    h = cmd_open ();
    if (o.all) {
        while ((r = wait_one (h, FLUX_JOBID_ANY, &o)) != 2) {
            if (r > exit_code)
                exit_code = r;
        }
    }
    else
        exit_code = wait_one (h, i < argc ? cmd_jobid (argv[i]) : FLUX_JOBID_ANY, &o);
    flux_close (h);
    return exit_code;
}

/* -- status -- */

struct status_opts {
    int verbose;
    int exception_exit_code;
    bool json;
};

static const struct opt status_opts[] = {
    { 'v', "verbose", OPT_NONE, NULL, "say what happened; twice: to every job" },
    { 'e', "exception-exit-code", OPT_REQUIRED, "N", "least code after a fatal exception (1)" },
    { 'j', "json", OPT_NONE, NULL, "print the results as JSON" },
    OPT_END,
};

static const struct opt_table status_table = {
    .prog = "flux-job status",
    .usage = "[OPTIONS] ID...",
    .summary = "Wait for jobs and exit with the highest of their codes.",
    .opts = status_opts,
};

static void status_set (int key, const char *arg, void *data)
{
    struct status_opts *o = data;

    if (key == 'v')
        o->verbose++;
    else if (key == 'j')
        o->json = true;
    else
        o->exception_exit_code = opt_number (&status_table, "exception-exit-code", arg, 0, 255);
}

static int result_code (flux_future_t *f, const char *name, const struct status_opts *o)
{
    int status = 0, severity = 7, code;
    const char *type = "", *json;
    int exception; /* "b" fills an int */

    if (flux_job_result_get_unpack (f, "{s?i s:b s?s s?i}", "waitstatus", &status,
                                    "exception_occurred", &exception, "exception_type", &type,
                                    "exception_severity", &severity)
        < 0)
        cmd_die ("%s: %s", name, errno == ENOENT ? "No such job" : cmd_future_error (f));
    if (o->json && flux_job_result_get (f, &json) == 0)
        printf ("%s\n", json);
    if ((code = flux_job_waitstatus_to_exitcode (status, NULL)) < 0)
        code = 1;
    if (WIFSIGNALED (status) && o->verbose)
        fprintf (stderr, "%s: job shell died by signal %d\n", name, WTERMSIG (status));
    else if (o->verbose > (code == 0))
        fprintf (stderr, "%s: exited with exit code %d\n", name, code);
    if (exception && severity == 0) {
        if (o->exception_exit_code > code)
            code = o->exception_exit_code;
        if (o->verbose)
            fprintf (stderr, "%s: exception type=%s\n", name, type);
    }
    return code;
}

int job_status (int argc, char **argv)
{
    struct status_opts o = { .exception_exit_code = 1 };
    int i = opt_parse (&status_table, argc, argv, status_set, &o);
    int n = argc - i, exit_code = 0;
    flux_future_t **f;
    flux_t *h;

    if (n == 0)
        opt_usage (&status_table);
    if (!(f = calloc (n, sizeof (f[0]))))
        cmd_die ("out of memory");
    h = cmd_open ();
    if (o.verbose && n > 1)
        fprintf (stderr, "fetching status for %d jobs\n", n);
    for (int k = 0; k < n; k++) {
        if (!(f[k] = flux_job_result (h, cmd_jobid (argv[i + k]), 0)))
            cmd_die ("%s: %s", argv[i + k], flux_strerror (errno));
    }
    for (int k = 0; k < n; k++) {
        int code = result_code (f[k], argv[i + k], &o);

        if (code > exit_code)
            exit_code = code;
        flux_future_destroy (f[k]);
    }
    if (o.verbose && n > 1)
        fprintf (stderr, "all done.\n");
    free (f);
    flux_close (h);
    return exit_code;
}
