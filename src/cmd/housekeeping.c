/* housekeeping.c - flux housekeeping: what is run between jobs. */

#include "config.h"
#include <flux/idset.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "cmd.h"
#include "common/fsd.h"

/* -- list -- */

static const struct opt list_opts[] = {
    { 'n', "no-header", OPT_NONE, NULL, "no line of titles" },
    { 'i', "include", OPT_REQUIRED, "RANKS", "only those on these ranks" },
    OPT_END,
};

static const struct opt_table list_table = {
    .prog = "flux-housekeeping list",
    .usage = "[OPTIONS]",
    .summary = "List the jobs whose resources are in housekeeping.",
    .opts = list_opts,
    .error_exit = 2,
};

struct list {
    bool no_header;
    struct idset *include;
};

static void list_set (int key, const char *arg, void *data)
{
    struct list *l = data;

    if (key == 'n')
        l->no_header = true;
    else if (!(l->include = idset_decode (arg)))
        opt_error (&list_table, "'%s' is not a set of ranks", arg);
}

static void print_one (const struct list *l, const char *id, json_t *o)
{
    const char *pending = "", *allocated = "";
    struct idset *p, *a;
    char runtime[FSD_BUFSIZE] = "?";
    double t_start = 0.;
    struct timespec now;

    json_unpack (o, "{s:F s:s s:s}", "t_start", &t_start, "pending", &pending, "allocated",
                 &allocated);
    clock_gettime (CLOCK_REALTIME, &now);
    fsd_pyformat (runtime, sizeof (runtime), now.tv_sec + 1e-9 * now.tv_nsec - t_start,
                  'F');
    p = idset_decode (pending);
    a = idset_decode (allocated);
    if (!l->include || idset_has_intersection (l->include, a))
        printf ("%12s %6zu %7zu %8s %s\n", id, idset_count (a), idset_count (p), runtime,
                allocated);
    idset_destroy (p);
    idset_destroy (a);
}

static int list (int argc, char **argv)
{
    struct list l = { .no_header = false };
    int i = opt_parse (&list_table, argc, argv, list_set, &l);
    json_t *running, *o;
    const char *id;
    flux_future_t *f;
    flux_t *h;

    if (i != argc)
        opt_usage (&list_table);
    h = cmd_open ();
    f = flux_rpc (h, "job-manager.stats-get", NULL, FLUX_NODEID_ANY, 0);
    if (!f
        || flux_rpc_get_unpack (f, "{s:{s:o}}", "housekeeping", "running", &running) < 0)
        cmd_die ("ERROR: %s", f ? cmd_future_error (f) : flux_strerror (errno));
    if (!l.no_header)
        printf ("%12s %6s %7s %8s %s\n", "JOBID", "NNODES", "#ACTIVE", "RUNTIME", "RANKS");
    json_object_foreach (running, id, o)
        print_one (&l, id, o);
    flux_future_destroy (f);
    idset_destroy (l.include);
    flux_close (h);
    return 0;
}

/* -- kill -- */

static const struct opt kill_opts[] = {
    { 's', "signal", OPT_REQUIRED, "SIGNUM", "which signal (SIGTERM)" },
    { 't', "targets", OPT_REQUIRED, "RANKS", "on these ranks" },
    { 'j', "jobid", OPT_REQUIRED, "ID", "that of this job" },
    { 'a', "all", OPT_NONE, NULL, "all there is" },
    OPT_END,
};

static const struct opt_table kill_table = {
    .prog = "flux-housekeeping kill",
    .usage = "[OPTIONS]",
    .summary = "Send a signal to what housekeeping runs.",
    .opts = kill_opts,
    .error_exit = 2,
};

struct kill_options {
    int signum;
    const char *targets;
    const char *jobid;
    bool all;
};

static void kill_set (int key, const char *arg, void *data)
{
    struct kill_options *k = data;

    switch (key) {
        case 's':
            if ((k->signum = cmd_signum (arg)) == 0)
                opt_error (&kill_table, "'%s' is not a signal", arg);
            break;
        case 't':
            k->targets = arg;
            break;
        case 'j':
            k->jobid = arg;
            break;
        default:
            k->all = true;
    }
}

static int kill_ (int argc, char **argv)
{
    struct kill_options k = { .signum = SIGTERM };
    int i = opt_parse (&kill_table, argc, argv, kill_set, &k);
    json_t *o;
    flux_future_t *f;
    flux_t *h;

    if (i != argc)
        opt_usage (&kill_table);
    if (!k.targets && !k.jobid && !k.all)
        cmd_die ("ERROR: specify at least one of --targets, --jobid, or --all");
    o = json_pack ("{s:i}", "signum", k.signum);
    if (k.targets)
        json_object_set_new (o, "ranks", json_string (k.targets));
    if (k.jobid)
        json_object_set_new (o, "jobid", json_integer ((json_int_t)cmd_jobid (k.jobid)));
    h = cmd_open ();
    f = flux_rpc_pack (h, "job-manager.housekeeping-kill", FLUX_NODEID_ANY, 0, "o", o);
    if (!f || flux_rpc_get (f, NULL) < 0)
        cmd_die ("ERROR: %s", f ? cmd_future_error (f) : flux_strerror (errno));
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static const struct cmd subcommands[] = {
    { "list", list, "list what is run" },
    { "kill", kill_, "send a signal to it" },
    { NULL, NULL, NULL },
};

int cmd_housekeeping (int argc, char **argv)
{
    return cmd_group ("flux housekeeping", subcommands, argc, argv);
}
