/* job_past.c - flux job last, purge, memo, timeleft. */

#include "config.h"
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>

#include "cmd.h"
#include "common/fsd.h"
#include "job.h"
#include "jsonpath.h"

/* -- last -- */

static const struct opt_table last_table = {
    .prog = "flux-job last",
    .usage = "[N|SLICE]",
    .summary =
        "Print the ids of your latest jobs, latest first: N of them (1), or a slice\n"
        "such as [1:4] or [::-1].",
};

/* "N" is "[:N]"; anything else in brackets goes to the service as it is. */
static void make_slice (const char *arg, char *slice, size_t size)
{
    size_t digits = strspn (arg, "0123456789");

    if (arg[0] == '[' && !strchr (arg, ':'))
        cmd_die ("could not parse python-style slice expression");
    if (arg[0] == '[')
        snprintf (slice, size, "%s", arg);
    else if (digits == 0 || arg[digits])
        opt_usage (&last_table);
    else
        snprintf (slice, size, "[:%s]", arg);
}

int job_last (int argc, char **argv)
{
    int i = opt_parse (&last_table, argc, argv, NULL, NULL);
    char slice[128], name[64];
    flux_future_t *f;
    json_t *jobs, *id;
    size_t k;
    flux_t *h;

    if (argc - i > 1)
        opt_usage (&last_table);
    make_slice (i < argc ? argv[i] : "1", slice, sizeof (slice));
    h = cmd_open ();
    f = flux_rpc_pack (h, "job-manager.history.get", FLUX_NODEID_ANY, 0, "{s:s}", "slice",
                       slice);
    if (!f || flux_rpc_get_unpack (f, "{s:o}", "jobs", &jobs) < 0)
        cmd_die ("%s", f ? cmd_future_error (f) : flux_strerror (errno));
    if (json_array_size (jobs) == 0)
        cmd_die ("job history is empty");
    json_array_foreach (jobs, k, id) {
        if (flux_job_id_encode (json_integer_value (id), "f58", name, sizeof (name)) == 0)
            printf ("%s\n", name);
    }
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

/* -- purge -- */

enum { KEY_AGE_LIMIT = 256, KEY_NUM_LIMIT, KEY_BATCH };

struct purge {
    double age_limit;
    long long num_limit;
    long long batch;
    bool force;
};

static const struct opt purge_opts[] = {
    { KEY_AGE_LIMIT, "age-limit", OPT_REQUIRED, "DURATION", "jobs that ended longer ago" },
    { KEY_NUM_LIMIT, "num-limit", OPT_REQUIRED, "N", "all but the latest N" },
    { KEY_BATCH, "batch", OPT_REQUIRED, "N", "so many at a time (50)" },
    { 'f', "force", OPT_NONE, NULL, "do it; else only count" },
    OPT_END,
};

static const struct opt_table purge_table = {
    .prog = "flux-job purge",
    .usage = "[OPTIONS] [ID...]",
    .summary = "Forget inactive jobs.",
    .opts = purge_opts,
    .intermixed = true,
};

static void purge_set (int key, const char *arg, void *data)
{
    struct purge *p = data;

    switch (key) {
        case KEY_AGE_LIMIT:
            if (fsd_parse (arg, &p->age_limit) < 0 || !isfinite (p->age_limit))
                cmd_die ("purge: --age-limit: '%s' is not a duration", arg);
            break;
        case KEY_NUM_LIMIT:
            p->num_limit = opt_number (&purge_table, "num-limit", arg, 0, INT_MAX);
            break;
        case KEY_BATCH:
            p->batch = opt_number (&purge_table, "batch", arg, INT_MIN, INT_MAX);
            break;
        case 'f':
            p->force = true;
            break;
    }
}

static int inactive_jobs (flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "job-manager.stats-get", "{}", FLUX_NODEID_ANY, 0);
    int n;

    if (!f || flux_rpc_get_unpack (f, "{s:i}", "inactive_jobs", &n) < 0)
        cmd_die ("purge: %s", f ? cmd_future_error (f) : flux_strerror (errno));
    flux_future_destroy (f);
    return n;
}

static int get_count (flux_future_t *f)
{
    int n;

    if (!f || flux_rpc_get_unpack (f, "{s:i}", "count", &n) < 0)
        cmd_die ("purge: %s", f ? cmd_future_error (f) : flux_strerror (errno));
    flux_future_destroy (f);
    return n;
}

static int purge_batch (flux_t *h, const struct purge *p)
{
    return get_count (flux_rpc_pack (h, "job-manager.purge", FLUX_NODEID_ANY, 0,
                                     "{s:f s:i s:i s:b}", "age_limit", p->age_limit,
                                     "num_limit", (int)p->num_limit, "batch",
                                     (int)p->batch, "force", p->force));
}

static int purge_ids (flux_t *h, const struct purge *p, int n, char **ids)
{
    int total = 0;

    for (int i = 0; i < n; i++) {
        total += get_count (
            flux_rpc_pack (h, "job-manager.purge-id", FLUX_NODEID_ANY, 0, "{s:I s:i}",
                           "id", (json_int_t)cmd_jobid (ids[i]), "force", (int)p->force));
    }
    return total;
}

/* Purge until a batch was not full. */
static int purge_all (flux_t *h, const struct purge *p)
{
    int total = 0, n;

    do {
        n = purge_batch (h, p);
        total += n;
    } while (p->force && n == p->batch);
    return total;
}

int job_purge (int argc, char **argv)
{
    struct purge p = { .age_limit = -1., .num_limit = -1, .batch = 50 };
    int i = opt_parse (&purge_table, argc, argv, purge_set, &p);
    flux_t *h;
    int count;

    if (i < argc && (p.age_limit >= 0 || p.num_limit >= 0))
        opt_error (&purge_table, "ids and limits cannot be given together");
    h = cmd_open ();
    count = i < argc ? purge_ids (h, &p, argc - i, argv + i) : purge_all (h, &p);
    if (p.force)
        printf ("purged %d inactive jobs, %d remaining\n", count, inactive_jobs (h));
    else
        printf ("use --force to purge %d of %d inactive jobs\n", count, inactive_jobs (h));
    flux_close (h);
    return 0;
}

/* -- memo -- */

enum { KEY_VOLATILE = 256 };

static const struct opt memo_opts[] = {
    { KEY_VOLATILE, "volatile", OPT_NONE, NULL, "do not keep it in the job's history" },
    OPT_END,
};

static const struct opt_table memo_table = {
    .prog = "flux-job memo",
    .usage = "[--volatile] ID KEY=VALUE...",
    .summary =
        "Attach notes to a job: annotations below \"user\".  VALUE - is standard input.",
    .opts = memo_opts,
};

static void memo_set (int key, const char *arg, void *data)
{
    *(bool *)data = true;
}

static void add_memo (json_t *memo, const char *arg)
{
    const char *eq = strchr (arg, '=');
    _cleanup_ (freep) char *from_stdin = NULL;
    const char *s;

    if (!eq || eq == arg)
        cmd_die ("memo: no value for key=%s", arg);
    s = eq + 1;
    if (strcmp (s, "-") == 0)
        s = from_stdin = cmd_read_all (stdin, "stdin");
    if (jsonpath_set (memo, arg, eq - arg, jsonpath_value (s)) < 0)
        cmd_die ("memo: invalid key or value: %s", arg);
}

int job_memo (int argc, char **argv)
{
    bool is_volatile = false;
    int i = opt_parse (&memo_table, argc, argv, memo_set, &is_volatile);
    json_t *memo = json_object ();
    flux_future_t *f;
    flux_jobid_t id;
    flux_t *h;

    if (argc - i < 2)
        opt_usage (&memo_table);
    id = cmd_jobid (argv[i]);
    for (i++; i < argc; i++)
        add_memo (memo, argv[i]);
    h = cmd_open ();
    f = flux_rpc_pack (h, "job-manager.memo", FLUX_NODEID_ANY, 0, "{s:I s:b s:o}", "id",
                       (json_int_t)id, "volatile", is_volatile, "memo", memo);
    if (!f || flux_rpc_get (f, NULL) < 0)
        cmd_die ("memo: %s", f ? cmd_future_error (f) : flux_strerror (errno));
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

/* -- timeleft -- */

static const struct opt timeleft_opts[] = {
    { 'H', "human", OPT_NONE, NULL, "as a duration, 1.5h" },
    OPT_END,
};

static const struct opt_table timeleft_table = {
    .prog = "flux-job timeleft",
    .usage = "[-H] [ID]",
    .summary =
        "Print how many seconds a job may still run: the one we are in, or else the\n"
        "instance.",
    .opts = timeleft_opts,
    .intermixed = true,
};

int job_timeleft (int argc, char **argv)
{
    bool human = false;
    int i = opt_parse (&timeleft_table, argc, argv, memo_set, &human);
    char buf[FSD_BUFSIZE];
    flux_error_t error;
    double left;
    flux_t *h;

    if (argc - i > 1)
        opt_usage (&timeleft_table);
    if (i < argc) {
        cmd_jobid (argv[i]);
        setenv ("FLUX_JOB_ID", argv[i], 1);
    }
    h = cmd_open ();
    if (flux_job_timeleft (h, &error, &left) < 0)
        cmd_die ("%s", error.text);
    if (human && fsd_format (buf, sizeof (buf), left) >= 0)
        printf ("%s\n", buf);
    else
        printf ("%llu\n", left < UINT_MAX ? (unsigned long long)left : UINT_MAX);
    flux_close (h);
    return 0;
}
