/* submit.c - flux submit: hand jobs over and print their ids. */

#include "config.h"
#include <stdio.h>

#include "cmd.h"
#include "submitter.h"

static const struct opt opts[] = {
    SUBMISSION_OPTS,
    SUBMITTER_OPTS,
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux submit",
    .usage = "[OPTIONS] COMMAND [ARGS...]",
    .summary = "Submit COMMAND as a job and print the job's id.",
    .example = "flux submit --cc=1-100 --wait ./step {cc}",
    .opts = opts,
    .error_exit = 2,
};

static void set (int key, const char *arg, void *data)
{
    submitter_option (data, key, arg);
}

int cmd_submit (int argc, char **argv)
{
    struct subst none = { .cc = NULL };
    struct submitter s;
    int i, exit_code;

    submitter_init (&s, &table, true);
    i = opt_parse (&table, argc, argv, set, &s);
    if (i == argc)
        cmd_die ("ERROR: job command and arguments are missing");
    submitter_begin (&s, argc - i, argv + i, 1);
    submitter_add (&s, &none);
    exit_code = submitter_finish (&s);
    submitter_fini (&s);
    return exit_code;
}
