/* jobs.c - flux jobs: what jobs are there, for people. */

#include "config.h"
#include <limits.h>
#include <locale.h>
#include <pwd.h>
#include <stdio.h>
#include <time.h>
#include <wchar.h>

#include "cmd.h"
#include "common/fsd.h"
#include "joblist.h"

enum { KEY_STATS = 256, KEY_JSON, KEY_NAME, KEY_COLOR };

struct jobs {
    bool all_states;
    bool all_users;
    long long count;
    int states;
    int results;
    long long user;
    bool user_given;
    bool no_header;
    bool stats;
    bool stats_only;
    bool json;
    bool color;
    const char *name;
    json_t *list;
    double now;
};

static const struct opt opts[] = {
    { 'a', NULL, OPT_NONE, NULL, "jobs in all states" },
    { 'A', NULL, OPT_NONE, NULL, "jobs of all users" },
    { 'c', "count", OPT_REQUIRED, "N", "at most N jobs (1000); 0 is no limit" },
    { 'f', "filter", OPT_REQUIRED, "LIST", "states or results (pending,running)" },
    { 'n', "no-header", OPT_NONE, NULL, "no header line" },
    { 'u', "user", OPT_REQUIRED, "USER", "jobs of this user, or all" },
    { KEY_NAME, "name", OPT_REQUIRED, "NAME", "jobs of this name" },
    { KEY_JSON, "json", OPT_NONE, NULL, "print JSON" },
    { KEY_STATS, "stats", OPT_NONE, NULL, "print how many jobs there are, first" },
    { KEY_COLOR, "color", OPT_OPTIONAL, "WHEN", "always, never or auto" },
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux-jobs",
    .usage = "[OPTIONS] [ID...]",
    .summary = "List jobs: your pending and running ones if nothing else is said.",
    .example = "flux jobs -a -c 10",
    .opts = opts,
    .error_exit = 2,
};

static void set (int key, const char *arg, void *data)
{
    struct jobs *j = data;
    const char *bad;

    switch (key) {
        case 'a':
            j->all_states = true;
            break;
        case 'A':
            j->all_users = true;
            break;
        case 'c':
            j->count = opt_number (&table, "count", arg, 0, INT_MAX);
            break;
        case 'f':
            if ((bad = joblist_parse_filter (arg, &j->states, &j->results)))
                cmd_die ("ERROR: Invalid filter specified: %s", bad);
            break;
        case 'n':
            j->no_header = true;
            break;
        case 'u':
            j->user = joblist_parse_user (arg);
            break;
        case KEY_NAME:
            j->name = arg;
            break;
        case KEY_JSON:
            j->json = true;
            break;
        case KEY_STATS:
            j->stats = true;
            break;
        case KEY_COLOR:
            if (arg && strcmp (arg, "always") != 0 && strcmp (arg, "never") != 0
                && strcmp (arg, "auto") != 0)
                opt_error (&table, "--color: '%s' is not always, never or auto", arg);
            if (!arg || strcmp (arg, "auto") != 0)
                j->color = !arg || strcmp (arg, "always") == 0;
            break;
    }
}

static const char *str (json_t *job, const char *key)
{
    const char *s = json_string_value (json_object_get (job, key));

    return s ? s : "";
}

static double num (json_t *job, const char *key)
{
    return json_number_value (json_object_get (job, key));
}

static bool inactive (json_t *job)
{
    return num (job, "state") == FLUX_JOB_STATE_INACTIVE;
}

/* The time it has run, or may run if it has not begun. */
static double contextual_time (struct jobs *j, json_t *job)
{
    double t_run = num (job, "t_run"), t_cleanup = num (job, "t_cleanup");

    if ((int)num (job, "state") & FLUX_JOB_STATE_PENDING)
        return num (job, "duration");
    if (t_run == 0)
        return 0;
    return (t_cleanup > 0 ? t_cleanup : j->now) - t_run;
}

/* Where it runs, or why it does not. */
static void contextual_info (json_t *job, char *buf, size_t size)
{
    json_t *deps = json_object_get (job, "dependencies"), *dep;
    size_t i, n = 0;

    switch ((int)num (job, "state")) {
        case FLUX_JOB_STATE_PRIORITY:
            snprintf (buf, size, "priority-wait");
            break;
        case FLUX_JOB_STATE_DEPEND:
            n = snprintf (buf, size, "depends:");
            json_array_foreach (deps, i, dep) {
                if (n < size)
                    n += snprintf (buf + n, size - n, "%s%s", i ? "," : "",
                                   json_string_value (dep));
            }
            break;
        case FLUX_JOB_STATE_SCHED:
            if (num (job, "urgency") == 0)
                snprintf (buf, size, "held");
            else
                snprintf (buf, size, "%s", num (job, "priority") == 0 ? "priority-hold" : "");
            break;
        default:
            snprintf (buf, size, "%s", str (job, "nodelist"));
            break;
    }
}

/* Print s in 'width' columns, '+' marking that it was cut; a multi-byte
 * character counts as one column.
 */
static void column (const char *s, int width, bool right)
{
    int len = 0, bytes = 0, cut = 0;

    for (; s[bytes]; bytes++) {
        if ((s[bytes] & 0xc0) == 0x80)
            continue;
        if (++len == width)
            cut = bytes;
    }
    if (len > width)
        printf ("%.*s+ ", cut, s);
    else if (right)
        printf ("%*s%s ", width - len, "", s);
    else
        printf ("%s%*s ", s, width - len, "");
}

static void number_column (json_t *job, const char *key, int width)
{
    json_t *value = json_object_get (job, key);
    char buf[32] = "-";

    if (value)
        snprintf (buf, sizeof (buf), "%lld", (long long)json_integer_value (value));
    column (buf, width, true);
}

static const char *user_name (json_t *job)
{
    static char number[16];
    uid_t uid = num (job, "userid");
    struct passwd *pw = getpwuid (uid);

    snprintf (number, sizeof (number), "%u", (unsigned int)uid);
    return pw ? pw->pw_name : number;
}

static const char *status_abbrev (json_t *job)
{
    if (inactive (job))
        return flux_job_resulttostr (num (job, "result"), "S");
    return flux_job_statetostr (num (job, "state"), "S");
}

static const char *row_color (json_t *job)
{
    if (!inactive (job))
        return NULL;
    switch ((int)num (job, "result")) {
        case FLUX_JOB_RESULT_COMPLETED:
            return "\033[01;32m";
        case FLUX_JOB_RESULT_CANCELED:
            return "\033[37m";
        default:
            return "\033[01;31m";
    }
}

static void print_job (struct jobs *j, json_t *job)
{
    const char *color = j->color ? row_color (job) : NULL;
    char id[64], duration[32], info[256];
    double t = contextual_time (j, job);

    if (flux_job_id_encode (json_integer_value (json_object_get (job, "id")), "f58", id,
                            sizeof (id))
        < 0)
        snprintf (id, sizeof (id), "?");
    if (fsd_pyformat (duration, sizeof (duration), t, 'F') < 0
        || strcmp (duration, "0s") == 0)
        snprintf (duration, sizeof (duration), "-");
    contextual_info (job, info, sizeof (info));
    if (color)
        printf ("%s", color);
    column (id, 12, true);
    column (str (job, "queue"), 8, false);
    column (user_name (job), 8, false);
    column (str (job, "name"), 10, false);
    column (status_abbrev (job), 2, true);
    number_column (job, "ntasks", 6);
    number_column (job, "nnodes", 6);
    column (duration, 8, true);
    printf ("%s\n", info);
    if (color)
        printf ("\033[0;0m");
}

static void print_header (void)
{
    printf ("%12s %-8s %-8s %-10s %2s %6s %6s %8s %s\n", "JOBID", "QUEUE", "USER", "NAME",
            "ST", "NTASKS", "NNODES", "TIME", "INFO");
}

static void keep (json_t *job, void *arg)
{
    struct jobs *j = arg;

    json_array_append (j->list, job);
}

static void query_list (struct jobs *j, flux_t *h)
{
    json_t *constraint;
    int states = j->states, results = j->results;

    if (!states && !results)
        states = FLUX_JOB_STATE_ACTIVE | (j->all_states ? FLUX_JOB_STATE_INACTIVE : 0);
    constraint = joblist_constraint (j->all_users ? -1 : j->user, states, results);
    if (j->name) {
        json_array_append_new (json_object_get (constraint, "and"),
                               json_pack ("{s:[s]}", "name", j->name));
    }
    joblist_foreach (h, j->count ? j->count + 1 : 0, json_pack ("[s]", "all"), constraint,
                     keep, j);
    if (j->count && (long long)json_array_size (j->list) > j->count) {
        json_array_remove (j->list, j->count);
        if (!j->no_header) {
            fprintf (stderr,
                     "warning: output truncated at %lld jobs.\nUse --count to increase "
                     "returned results or use filters to alter results.\n",
                     j->count);
        }
    }
}

/* Returns false if none of the ids is known. */
static bool query_ids (struct jobs *j, flux_t *h, int n, char **ids)
{
    flux_future_t **f = calloc (n, sizeof (f[0]));
    flux_jobid_t id;
    json_t *job;

    if (!f)
        cmd_die ("out of memory");
    for (int i = 0; i < n; i++) {
        if (flux_job_id_parse (ids[i], &id) < 0)
            opt_error (&table, "argument JOBID: invalid JobID value: '%s'", ids[i]);
        f[i] = flux_rpc_pack (h, "job-list.list-id", FLUX_NODEID_ANY, 0, "{s:I s:[s]}", "id",
                              (json_int_t)id, "attrs", "all");
        if (!f[i])
            cmd_die ("job-list.list-id: %s", flux_strerror (errno));
    }
    for (int i = 0; i < n; i++) {
        if (flux_rpc_get_unpack (f[i], "{s:o}", "job", &job) == 0)
            json_array_append (j->list, job);
        else if (errno == ENOENT)
            fprintf (stderr, "JobID %s unknown\n", ids[i]);
        else
            cmd_die ("ERROR: %s", cmd_future_error (f[i]));
        flux_future_destroy (f[i]);
    }
    free (f);
    return json_array_size (j->list) > 0;
}

static void print_stats (flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "job-list.job-stats", "{}", FLUX_NODEID_ANY, 0);
    int depend, priority, sched, run, cleanup, successful, failed, canceled, timeout, purged;

    if (!f
        || flux_rpc_get_unpack (f, "{s:{s:i s:i s:i s:i s:i} s:i s:i s:i s:i s:i}",
                                "job_states", "depend", &depend, "priority", &priority,
                                "sched", &sched, "run", &run, "cleanup", &cleanup,
                                "successful", &successful, "failed", &failed, "canceled",
                                &canceled, "timeout", &timeout, "inactive_purged", &purged)
               < 0)
        cmd_die ("ERROR: error retrieving job stats: %s",
                 f ? cmd_future_error (f) : flux_strerror (errno));
    printf ("%d running, %d completed, %d failed, %d pending, %d inactive purged\n",
            run + cleanup, successful, failed + canceled + timeout, depend + priority + sched,
            purged);
    flux_future_destroy (f);
}

static double wall_clock (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_REALTIME, &ts);
    return ts.tv_sec + 1e-9 * ts.tv_nsec;
}

int cmd_jobs (int argc, char **argv)
{
    const char *no_color = getenv ("NO_COLOR");
    struct jobs j = {
        .count = 1000,
        .user = getuid (),
        .color = isatty (STDOUT_FILENO) && !(no_color && *no_color),
        .now = wall_clock (),
    };
    int i = opt_parse (&table, argc, argv, set, &j);
    bool found = true;
    json_t *job;
    size_t k;
    flux_t *h;

    if (j.json && j.stats)
        cmd_die ("ERROR: --json incompatible with --stats or --stats-only");
    if (!(j.list = json_array ()))
        cmd_die ("out of memory");
    h = cmd_open ();
    if (j.stats)
        print_stats (h);
    if (i < argc)
        found = query_ids (&j, h, argc - i, argv + i);
    else
        query_list (&j, h);
    if (j.json) {
        json_t *o = json_pack ("{s:O}", "jobs", j.list);

        json_dumpf (i + 1 == argc && found ? json_array_get (j.list, 0) : o, stdout, 0);
        printf ("\n");
        json_decref (o);
    }
    else {
        if (!j.no_header)
            print_header ();
        json_array_foreach (j.list, k, job)
            print_job (&j, job);
    }
    json_decref (j.list);
    flux_close (h);
    return found ? 0 : 1;
}
