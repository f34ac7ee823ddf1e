/* cancel.c - flux cancel: end jobs, by id or many at once. */

#include "config.h"
#include <stdio.h>

#include "cmd.h"
#include "joblist.h"
#include "jobmass.h"

enum { KEY_ALL = 256 };

struct cancel {
    bool all;
    bool dry_run;
    bool quiet;
    bool mass; /* one of --all, --user, --states */
    long long user;
    int states;
    const char *message;
};

static const struct opt opts[] = {
    { KEY_ALL, "all", OPT_NONE, NULL, "all your pending and running jobs" },
    { 'u', "user", OPT_REQUIRED, "USER", "the jobs of this user, or of all" },
    { 'S', "states", OPT_REQUIRED, "LIST", "jobs in these states (pending,running)" },
    { 'm', "message", OPT_REQUIRED, "NOTE", "why" },
    { 'n', "dry-run", OPT_NONE, NULL, "only say how many jobs there are" },
    { 'q', "quiet", OPT_NONE, NULL, "say nothing if there are none" },
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux-cancel",
    .usage = "[OPTIONS] [ID...]",
    .summary = "Cancel jobs.",
    .example = "flux cancel --all -S pending",
    .opts = opts,
    .error_exit = 2,
    .intermixed = true,
};

static void set (int key, const char *arg, void *data)
{
    struct cancel *c = data;
    const char *bad;

    c->mass = c->mass || key == KEY_ALL || key == 'u' || key == 'S';
    switch (key) {
        case 'u':
            if (!joblist_parse_user (arg, &c->user))
                cmd_die ("ERROR: Invalid user %s specified", arg);
            break;
        case 'S':
            bad = joblist_parse_filter (arg, &c->states, NULL);
            if (bad || (c->states & FLUX_JOB_STATE_INACTIVE))
                cmd_die ("ERROR: Invalid state %s specified", bad ? bad : arg);
            break;
        case 'm':
            c->message = arg;
            break;
        case 'n':
            c->dry_run = true;
            break;
        case 'q':
            c->quiet = true;
            break;
    }
}

static int cancel_many (flux_t *h, const struct cancel *c)
{
    struct jobmass m = {
        .dry_run = c->dry_run,
        .userid = c->user,
        .states = c->states ? c->states : FLUX_JOB_STATE_ACTIVE,
        .type = "cancel",
        .note = c->message,
    };
    int count, errors;

    if (jobmass_raise (h, &m, &count, &errors) < 0)
        cmd_die ("ERROR: %s", m.error.text);
    if (count == 0) {
        if (!c->quiet)
            cmd_warn ("Matched 0 jobs");
    }
    else if (c->dry_run)
        cmd_warn ("Would cancel %d job%s", count, count == 1 ? "" : "s");
    else
        cmd_warn ("Canceled %d job%s (%d error%s)", count, count == 1 ? "" : "s", errors,
                  errors == 1 ? "" : "s");
    return 0;
}

static int cancel_ids (flux_t *h, const struct cancel *c, int n, char **ids)
{
    flux_future_t **f = calloc (n, sizeof (f[0]));
    int exit_code = 0;

    if (!f)
        cmd_die ("ERROR: out of memory");
    for (int i = 0; i < n; i++) {
        if (!(f[i] = flux_job_cancel (h, cmd_jobid (ids[i]), c->message)))
            cmd_die ("ERROR: %s: %s", ids[i], flux_strerror (errno));
    }
    for (int i = 0; i < n; i++) {
        if (flux_future_get (f[i], NULL) < 0) {
            cmd_warn ("ERROR: %s: %s", ids[i], cmd_future_error (f[i]));
            exit_code = 1;
        }
        flux_future_destroy (f[i]);
    }
    free (f);
    return exit_code;
}

int cmd_cancel (int argc, char **argv)
{
    struct cancel c = { .user = getuid () };
    int i = opt_parse (&table, argc, argv, set, &c);
    int exit_code = 0;
    flux_t *h;

    if (i == argc && !c.mass)
        cmd_die ("ERROR: No target jobs were provided");
    if (i < argc && c.mass)
        cmd_die (
            "ERROR: Do not specify a list of jobids with --all,--user,--states options");
    for (int k = i; k < argc; k++)
        cmd_jobid (argv[k]);
    if (i < argc && c.dry_run) {
        cmd_warn ("Would cancel %d job%s", argc - i, argc - i == 1 ? "" : "s");
        return 0;
    }
    h = cmd_open ();
    exit_code = c.mass ? cancel_many (h, &c) : cancel_ids (h, &c, argc - i, argv + i);
    flux_close (h);
    return exit_code;
}
