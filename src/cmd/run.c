/* run.c - flux run: submit a job and follow it, in one process. */

#include "config.h"
#include <stdio.h>

#include "attach.h"
#include "cmd.h"
#include "submission.h"

static const struct opt opts[] = {
    SUBMISSION_OPTS,
    { 'v', "verbose", OPT_NONE, NULL, "print the job id; twice: events; thrice: exec events" },
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux run",
    .usage = "[OPTIONS] COMMAND [ARGS...]",
    .summary = "Run COMMAND as a job: its output is ours, its exit code too.\n"
               "Ctrl-C cancels the job; once more kills it.",
    .example = "flux run -n 4 hostname",
    .opts = opts,
    .error_exit = 2,
};

struct run {
    struct submission s;
    int verbose;
};

static void set (int key, const char *arg, void *data)
{
    struct run *run = data;

    if (key == 'v')
        run->verbose++;
    else
        submission_option (&run->s, key, arg);
}

int cmd_run (int argc, char **argv)
{
    struct run run = { .verbose = 0 };
    struct attach_opts ao = { .cancel_at_once = true, .queue_check_interval = 10 };
    json_t *jobspec;
    char *text;
    char name[64];
    flux_t *h;
    flux_future_t *f;
    flux_jobid_t id;
    int i, exit_code;

    submission_init (&run.s, &table);
    i = opt_parse (&table, argc, argv, set, &run);
    if (i == argc)
        cmd_die ("ERROR: job command and arguments are missing");
    jobspec = submission_jobspec (&run.s, argc - i, argv + i);
    if (run.s.dry_run) {
        json_dumpf (jobspec, stdout, 0);
        printf ("\n");
        json_decref (jobspec);
        submission_fini (&run.s);
        return 0;
    }
    if (!(text = json_dumps (jobspec, JSON_COMPACT)))
        cmd_die ("ERROR: out of memory");
    h = cmd_open_for ("ERROR: ");
    if (!(f = flux_job_submit (h, text, run.s.urgency, run.s.flags))
        || flux_job_submit_get_id (f, &id) < 0)
        cmd_die ("ERROR: %s", f ? cmd_future_error (f) : flux_strerror (errno));
    flux_future_destroy (f);
    if (flux_job_id_encode (id, "f58", name, sizeof (name)) < 0)
        cmd_die ("ERROR: job id: %s", flux_strerror (errno));
    if (run.verbose > 0)
        fprintf (stderr, "jobid: %s\n", name);
    ao.label_io = run.s.label_io;
    ao.stdin_ranks = run.s.stdin_ranks;
    ao.unbuffered = run.s.unbuffered;
    ao.quiet = run.s.quiet;
    ao.show_events = run.verbose > 1;
    ao.show_exec = run.verbose > 2;
    ao.show_place = run.verbose > 0;
    exit_code = attach (h, id, name, &ao);
    free (text);
    json_decref (jobspec);
    submission_fini (&run.s);
    flux_close (h);
    return exit_code;
}
