/* jobmass.c - flux job raiseall, killall, and what they share with flux cancel. */

#include "config.h"
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>

#include "cmd.h"
#include "common/errprintf.h"
#include "job.h"
#include "joblist.h"
#include "jobmass.h"

static int finish (flux_future_t *f, struct jobmass *m, int *count, int *errors)
{
    int r =
        f ? flux_rpc_get_unpack (f, "{s:i s:i}", "count", count, "errors", errors) : -1;

    if (r < 0)
        errprintf (&m->error, "%s", f ? cmd_future_error (f) : flux_strerror (errno));
    flux_future_destroy (f);
    return r;
}

int jobmass_raise (flux_t *h, struct jobmass *m, int *count, int *errors)
{
    json_t *o = json_pack ("{s:b s:I s:i s:i s:s s:s*}", "dry_run", m->dry_run, "userid",
                           (json_int_t)m->userid, "states", m->states, "severity",
                           m->severity, "type", m->type, "note", m->note);

    if (!o)
        return errprintf (&m->error, "type or note is not UTF-8");
    return finish (flux_rpc_pack (h, "job-manager.raiseall", FLUX_NODEID_ANY, 0, "o", o),
                   m, count, errors);
}

int jobmass_kill (flux_t *h, struct jobmass *m, int *count, int *errors)
{
    return finish (flux_rpc_pack (h, "job-manager.killall", FLUX_NODEID_ANY, 0,
                                  "{s:b s:I s:i}", "dry_run", m->dry_run, "userid",
                                  (json_int_t)m->userid, "signum", m->signum),
                   m, count, errors);
}

/* -- flux job raiseall -- */

struct mass_opts {
    struct jobmass m;
    bool force;
    const struct opt_table *table;
};

static void set (int key, const char *arg, void *data)
{
    struct mass_opts *o = data;
    const char *bad;

    switch (key) {
        case 's':
            if (o->m.signum == 0)
                o->m.severity = opt_number (o->table, "severity", arg, INT_MIN, INT_MAX);
            else if (!(o->m.signum = cmd_signum (arg)))
                cmd_die ("killall: Invalid signal %s", arg);
            break;
        case 'u':
            if (!joblist_parse_user (arg, &o->m.userid))
                cmd_die ("unknown user %s", arg);
            break;
        case 'S':
            o->m.states = 0;
            if ((bad = joblist_parse_filter (arg, &o->m.states, NULL)))
                cmd_die ("error parsing --states: %s is unknown", bad);
            if (o->m.states & FLUX_JOB_STATE_INACTIVE)
                cmd_die ("Exceptions cannot be raised on inactive jobs");
            break;
        case 'f':
            o->force = true;
            break;
    }
}

static const struct opt raiseall_opts[] = {
    { 's', "severity", OPT_REQUIRED, "N", "0 (fatal) to 7 (7)" },
    { 'u', "user", OPT_REQUIRED, "USER", "this user's jobs (yours); or all" },
    { 'S', "states", OPT_REQUIRED, "LIST", "only jobs in these states" },
    { 'f', "force", OPT_NONE, NULL, "do it; else only count" },
    OPT_END,
};

static const struct opt_table raiseall_table = {
    .prog = "flux-job raiseall",
    .usage = "[OPTIONS] TYPE [NOTE...]",
    .summary = "Raise an exception on many jobs.",
    .opts = raiseall_opts,
};

int job_raiseall (int argc, char **argv)
{
    struct mass_opts o = {
        .m = { .userid = getuid (), .states = FLUX_JOB_STATE_ACTIVE, .severity = 7 },
        .table = &raiseall_table,
    };
    int i = opt_parse (&raiseall_table, argc, argv, set, &o);
    _cleanup_ (freep) char *note = NULL;
    int count, errors;
    flux_t *h;

    if (i == argc)
        opt_usage (&raiseall_table);
    o.m.type = argv[i++];
    o.m.note = note = i < argc ? cmd_join (argc - i, argv + i) : NULL;
    o.m.dry_run = !o.force;
    h = cmd_open ();
    if (jobmass_raise (h, &o.m, &count, &errors) < 0)
        cmd_die ("%s", o.m.error.text);
    if (count > 0 && !o.force)
        cmd_warn ("Command matched %d jobs (-f to confirm)", count);
    else if (count > 0)
        cmd_warn ("Raised exception on %d jobs (%d errors)", count, errors);
    else
        cmd_warn ("Command matched 0 jobs");
    flux_close (h);
    return 0;
}

/* -- flux job killall -- */

static const struct opt killall_opts[] = {
    { 's', "signal", OPT_REQUIRED, "SIGNAL", "a number, NAME or SIGNAME (SIGTERM)" },
    { 'u', "user", OPT_REQUIRED, "USER", "this user's jobs (yours); or all" },
    { 'f', "force", OPT_NONE, NULL, "do it; else only count" },
    OPT_END,
};

static const struct opt_table killall_table = {
    .prog = "flux-job killall",
    .usage = "[OPTIONS]",
    .summary = "Send a signal to all running jobs.",
    .opts = killall_opts,
};

int job_killall (int argc, char **argv)
{
    struct mass_opts o = {
        .m = { .userid = getuid (), .signum = SIGTERM },
        .table = &killall_table,
    };
    int count, errors;
    flux_t *h;

    if (opt_parse (&killall_table, argc, argv, set, &o) < argc)
        opt_usage (&killall_table);
    o.m.dry_run = !o.force;
    h = cmd_open ();
    if (jobmass_kill (h, &o.m, &count, &errors) < 0)
        cmd_die ("%s", o.m.error.text);
    if (count > 0 && !o.force)
        cmd_warn ("Command matched %d jobs (-f to confirm)", count);
    else if (count > 0)
        cmd_warn ("%s %d jobs (%d errors)", strsignal (o.m.signum), count, errors);
    else
        cmd_warn ("Command matched 0 jobs");
    flux_close (h);
    return 0;
}
