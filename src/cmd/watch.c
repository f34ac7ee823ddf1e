/* watch.c - flux watch: follow jobs that are already there. */

#include "config.h"
#include <limits.h>
#include <stdio.h>

#include "cmd.h"
#include "joblist.h"
#include "jobview.h"
#include "jobwatch.h"
#include "progress.h"
#include "when.h"

enum { KEY_SINCE = 256, KEY_PROGRESS, KEY_JPS };

struct watch {
    bool selected; /* by one of the options */
    long long count;
    int states;
    int results;
    double since;
    bool progress;
    bool jps;
    struct jobwatch_opts o;
};

static const struct opt opts[] = {
    { 'a', "active", OPT_NONE, NULL, "your pending and running jobs" },
    { 'A', "all", OPT_NONE, NULL, "your jobs in all states" },
    { 'c', "count", OPT_REQUIRED, "N", "at most N jobs" },
    { 'f', "filter", OPT_REQUIRED, "LIST", "jobs with these states or results" },
    { KEY_SINCE, "since", OPT_REQUIRED, "WHEN", "jobs that ended since, or run" },
    { 'l', "label-io", OPT_NONE, NULL, "prefix output with \"ID: RANK: \"" },
    { 'v', "verbose", OPT_NONE, NULL, "say how jobs end; twice: all events" },
    { KEY_PROGRESS, "progress", OPT_NONE, NULL, "show how far they have come" },
    { KEY_JPS, "jps", OPT_NONE, NULL, "the same, with jobs per second" },
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux-watch",
    .usage = "[OPTIONS] [ID...]",
    .summary = "Show the output of jobs until all have ended; exit with the highest code.",
    .example = "flux watch --active -l",
    .opts = opts,
    .error_exit = 2,
    .intermixed = true,
};

static void set_since (struct watch *w, const char *arg)
{
    double now = jobview_clock ();

    if (when_parse (arg, now, &w->since) < 0)
        opt_error (&table, "--since: invalid value '%s'", arg);
    if (w->since > now)
        opt_error (&table, "--since=%s appears to be in the future", arg);
}

static void set (int key, const char *arg, void *data)
{
    struct watch *w = data;
    const char *bad;

    w->selected = w->selected || key == 'a' || key == 'A' || key == 'f' || key == KEY_SINCE
                  || key == 'c';
    switch (key) {
        case 'a':
            w->states |= FLUX_JOB_STATE_PENDING | FLUX_JOB_STATE_RUNNING;
            break;
        case 'A':
            w->states |= FLUX_JOB_STATE_ACTIVE | FLUX_JOB_STATE_INACTIVE;
            break;
        case 'c':
            w->count = opt_number (&table, "count", arg, 0, INT_MAX);
            break;
        case 'f':
            if ((bad = joblist_parse_filter (arg, &w->states, &w->results)))
                cmd_die ("ERROR: Invalid filter specified: %s", bad);
            break;
        case KEY_SINCE:
            set_since (w, arg);
            break;
        case 'l':
            w->o.label_io = true;
            break;
        case 'v':
            w->o.verbose++;
            break;
        case KEY_PROGRESS:
            w->progress = true;
            break;
        case KEY_JPS:
            w->jps = true;
            break;
    }
}

/* The jobs that the options choose, a new array. */
static json_t *select_jobs (const struct watch *w, flux_t *h)
{
    bool filtered = w->states || w->results;
    int states = w->states;
    struct joblist_request req = { .max_entries = w->count, .since = w->since };
    flux_error_t error;
    json_t *list;

    if (!filtered) {
        states = FLUX_JOB_STATE_ACTIVE;
        if (w->since > 0)
            states |= FLUX_JOB_STATE_INACTIVE;
    }
    req.attrs = json_array ();
    req.constraint = joblist_constraint (getuid (), states, w->results);
    if (!(list = joblist_get (h, &req, &error)))
        cmd_die ("ERROR: %s", error.text);
    return list;
}

/* The jobs with these ids, a new array; those that are not known are named. */
static json_t *jobs_by_id (flux_t *h, int n, char **ids)
{
    json_t *list = json_array (), *job;

    for (int i = 0; i < n; i++) {
        flux_future_t *f = flux_job_list_id (h, cmd_jobid (ids[i]), "[\"state\"]");

        if (f && flux_rpc_get_unpack (f, "{s:o}", "job", &job) == 0)
            json_array_append (list, job);
        else if (f && errno == ENOENT)
            cmd_warn ("ERROR: JobID %s unknown", ids[i]);
        else
            cmd_die ("ERROR: %s", f ? cmd_future_error (f) : flux_strerror (errno));
        flux_future_destroy (f);
    }
    return list;
}

static void begin_progress (struct watch *w, size_t njobs)
{
    if (!w->progress && !w->jps)
        return;
    if (isatty (STDOUT_FILENO))
        w->o.progress = progress_create (stdout, njobs, w->jps, flux_reactor_time ());
    else
        fprintf (stderr, "flux: WARNING: stdout is not a tty. Ignoring --%s option\n",
                 w->progress ? "progress" : "jps");
}

static int watch_jobs (struct watch *w, flux_t *h, json_t *list)
{
    size_t i, n = json_array_size (list);
    struct jobwatch *jw;
    json_t *job;
    int exit_code;

    if (w->o.verbose > 0)
        cmd_warn ("INFO: Watching %zu jobs", n);
    begin_progress (w, n);
    jw = jobwatch_create (h, &w->o);
    json_array_foreach (list, i, job) {
        struct jobview view = { job, 0 };

        jobwatch_add (jw, jobview_id (&view), stdout, stderr);
    }
    exit_code = jobwatch_run (jw);
    jobwatch_destroy (jw);
    progress_destroy (w->o.progress);
    return exit_code;
}

int cmd_watch (int argc, char **argv)
{
    struct watch w = { .o = { .output = true } };
    int i = opt_parse (&table, argc, argv, set, &w);
    int exit_code = 0;
    json_t *list;
    flux_t *h;

    if (i == argc && !w.selected)
        cmd_die ("ERROR: At least one job selection option is required");
    if (i < argc && w.selected)
        cmd_warn ("WARNING: Filtering options ignored with jobid list");
    h = cmd_open ();
    list = i < argc ? jobs_by_id (h, argc - i, argv + i) : select_jobs (&w, h);
    if (json_array_size (list) > 0)
        exit_code = watch_jobs (&w, h, list);
    else if (i < argc)
        exit_code = 1;
    else
        cmd_warn ("INFO: No matching jobs");
    json_decref (list);
    flux_close (h);
    return exit_code;
}
