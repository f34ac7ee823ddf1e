/* job_list.c - flux job list, list-ids, stats: job-list's answers as JSON. */

#include "config.h"
#include <limits.h>
#include <stdio.h>

#include "cmd.h"
#include "job.h"
#include "joblist.h"

struct list_opts {
    long long count;
    int states;
    long long user;
};

static const struct opt list_opts[] = {
    { 'c', "count", OPT_REQUIRED, "N", "at most N jobs" },
    { 's', "states", OPT_REQUIRED, "LIST", "only jobs in these states" },
    { 'u', "user", OPT_REQUIRED, "USER", "only this user's jobs; or all" },
    { 'a', "all", OPT_NONE, NULL, "jobs in all states" },
    { 'A', "all-users", OPT_NONE, NULL, "all jobs of all users" },
    OPT_END,
};

static const struct opt_table list_table = {
    .prog = "flux-job list",
    .usage = "[OPTIONS]",
    .summary = "Print jobs as JSON, one a line.",
    .opts = list_opts,
};

enum { ALL_STATES = FLUX_JOB_STATE_ACTIVE | FLUX_JOB_STATE_INACTIVE };

static void list_set (int key, const char *arg, void *data)
{
    struct list_opts *o = data;
    const char *bad;

    switch (key) {
        case 'c':
            o->count = opt_number (&list_table, "count", arg, 0, INT_MAX);
            break;
        case 's':
            o->states = 0;
            if ((bad = joblist_parse_filter (arg, &o->states, NULL)))
                cmd_die ("error parsing --states: %s is unknown", bad);
            break;
        case 'u':
            if (!joblist_parse_user (arg, &o->user))
                cmd_die ("unknown user %s", arg);
            break;
        case 'a':
            o->states = ALL_STATES;
            break;
        case 'A':
            o->states = ALL_STATES;
            o->user = -1;
            break;
    }
}

static void print_json (json_t *job, void *arg)
{
    json_dumpf (job, stdout, JSON_COMPACT);
    printf ("\n");
}

static void refuse_terminal (void)
{
    if (isatty (STDOUT_FILENO))
        cmd_die ("This is not the command you are looking for. Try flux-jobs(1).");
}

static void print_list (struct joblist_request *req)
{
    flux_t *h = cmd_open ();
    flux_error_t error;

    req->attrs = json_pack ("[s]", "all");
    if (joblist_foreach (h, req, print_json, NULL, &error) < 0)
        cmd_die ("flux job-list.list: %s", error.text);
    flux_close (h);
}

int job_list (int argc, char **argv)
{
    struct list_opts o = { .states = FLUX_JOB_STATE_ACTIVE, .user = getuid () };
    struct joblist_request req = { .max_entries = 0 };

    if (opt_parse (&list_table, argc, argv, list_set, &o) < argc)
        opt_usage (&list_table);
    refuse_terminal ();
    req.max_entries = o.count;
    req.constraint = joblist_constraint (o.user, o.states, 0);
    print_list (&req);
    return 0;
}

/* -- list-inactive -- */

struct inactive_opts {
    long long count;
    double since;
};

static const struct opt inactive_opts[] = {
    { 'c', "count", OPT_REQUIRED, "N", "at most N jobs" },
    { 's', "since", OPT_REQUIRED, "T", "only jobs that ended after T, seconds since the epoch" },
    OPT_END,
};

static const struct opt_table inactive_table = {
    .prog = "flux-job list-inactive",
    .usage = "[OPTIONS]",
    .summary = "Print the inactive jobs of all users as JSON, one a line.",
    .opts = inactive_opts,
};

static void inactive_set (int key, const char *arg, void *data)
{
    struct inactive_opts *o = data;
    char *end;

    if (key == 'c')
        o->count = opt_number (&inactive_table, "count", arg, 0, INT_MAX);
    else {
        o->since = strtod (arg, &end);
        if (end == arg || *end)
            opt_error (&inactive_table, "--since: '%s' is not a number", arg);
    }
}

int job_list_inactive (int argc, char **argv)
{
    struct inactive_opts o = { .count = 0 };
    struct joblist_request req = { .max_entries = 0 };

    if (opt_parse (&inactive_table, argc, argv, inactive_set, &o) < argc)
        opt_usage (&inactive_table);
    refuse_terminal ();
    req.max_entries = o.count;
    req.since = o.since;
    req.constraint = joblist_constraint (-1, FLUX_JOB_STATE_INACTIVE, 0);
    print_list (&req);
    return 0;
}

/* -- list-ids -- */

static const struct opt ids_opts[] = {
    { 'W', "wait-state", OPT_REQUIRED, "STATE", "wait until the job has been in STATE" },
    OPT_END,
};

static const struct opt_table ids_table = {
    .prog = "flux-job list-ids",
    .usage = "[OPTIONS] ID...",
    .summary = "Print these jobs as JSON, one a line.",
    .opts = ids_opts,
};

static void ids_set (int key, const char *arg, void *data)
{
    flux_job_state_t state;

    if (flux_job_strtostate (arg, &state) < 0)
        cmd_die ("invalid job state specified");
    *(int *)data = state;
}

struct ids {
    flux_t *h;
    int left; /* answers to come */
};

static void id_cb (flux_future_t *f, void *arg)
{
    struct ids *ids = arg;
    json_t *job;

    if (flux_rpc_get_unpack (f, "{s:o}", "job", &job) < 0)
        /* sic: as others print it */
        cmd_die ("flux job-list.list-d: %s", cmd_future_error (f));
    print_json (job, NULL);
    fflush (stdout);
    flux_future_destroy (f);
    if (--ids->left == 0)
        flux_reactor_stop (flux_get_reactor (ids->h));
}

int job_list_ids (int argc, char **argv)
{
    int state = FLUX_JOB_STATE_DEPEND;
    int i = opt_parse (&ids_table, argc, argv, ids_set, &state);
    struct ids ids = { .left = argc - i };
    flux_future_t *f;

    if (i == argc)
        opt_usage (&ids_table);
    refuse_terminal ();
    ids.h = cmd_open ();
    for (; i < argc; i++) {
        f = flux_rpc_pack (ids.h, "job-list.list-id", FLUX_NODEID_ANY, 0,
                           "{s:I s:[s] s:i}", "id", (json_int_t)cmd_jobid (argv[i]),
                           "attrs", "all", "state", state);
        if (!f || flux_future_then (f, -1., id_cb, &ids) < 0)
            cmd_die ("job-list.list-id: %s", flux_strerror (errno));
    }
    if (flux_reactor_run (flux_get_reactor (ids.h), 0) < 0 || ids.left > 0)
        cmd_die ("lost connection to Flux");
    flux_close (ids.h);
    return 0;
}

static const struct opt_table stats_table = {
    .prog = "flux-job stats",
    .usage = "",
    .summary = "Print how many jobs are in which state.",
};

int job_stats (int argc, char **argv)
{
    flux_t *h;
    flux_future_t *f;
    const char *s;

    if (opt_parse (&stats_table, argc, argv, NULL, NULL) < argc)
        opt_usage (&stats_table);
    h = cmd_open ();
    if (!(f = flux_rpc (h, "job-list.job-stats", "{}", FLUX_NODEID_ANY, 0))
        || flux_rpc_get (f, &s) < 0)
        cmd_die ("%s", f ? cmd_future_error (f) : flux_strerror (errno));
    printf ("%s\n", s ? s : "");
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}
