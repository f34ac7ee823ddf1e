/* jobs.c - jobs submitted, run, changed, listed; and a restart with many.
 *
 * What becomes of the jobs is seen in job-manager's journal, which costs the
 * instance one message per event however many jobs there are.
 */

#include "config.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

#define SPEC                                                                          \
    "{\"resources\":[{\"type\":\"slot\",\"count\":1,\"with\":[{\"type\":\"core\","    \
    "\"count\":1}],\"label\":\"task\"}],\"tasks\":[{\"command\":[\"true\"],"          \
    "\"slot\":\"task\",\"count\":{\"per_slot\":1}}],\"attributes\":{\"system\":"      \
    "{\"duration\":0,\"cwd\":\"/\",\"environment\":{\"PATH\":\"/usr/bin:/bin\"}%s}}," \
    "\"version\":1}"
#define SIMULATED ",\"exec\":{\"test\":{\"run_duration\":\"0.0001s\"}}"

struct jobs {
    flux_t *h;
    char spec[1024];
    int urgency;
    long n;
    flux_jobid_t *ids; /* in order of answers; NULL: not kept */
    long sent;
    long submitted;
};

static void jobs_init (struct jobs *j, flux_t *h, const char *system, int urgency, long n)
{
    memset (j, 0, sizeof (*j));
    j->h = h;
    j->urgency = urgency;
    j->n = n;
    snprintf (j->spec, sizeof (j->spec), SPEC, system);
}

static void submitted (flux_future_t *f, void *arg)
{
    struct jobs *j = arg;
    flux_jobid_t id;

    if (flux_job_submit_get_id (f, &id) < 0)
        bench_die ("submit: %s", flux_future_error_string (f));
    if (j->ids)
        j->ids[j->submitted] = id;
    j->submitted++;
    flux_future_destroy (f);
}

static void step (flux_t *h)
{
    if (flux_reactor_run (flux_get_reactor (h), FLUX_REACTOR_ONCE) < 0)
        bench_die ("reactor: %s", strerror (errno));
}

static void submit_one (struct jobs *j)
{
    flux_future_t *f = flux_job_submit (j->h, j->spec, j->urgency, 0);

    if (!f || flux_future_then (f, -1., submitted, j) < 0)
        bench_die ("submit: %s", strerror (errno));
    j->sent++;
}

/* Submit all, at most 256 of them without an answer. */
static void submit_all (struct jobs *j)
{
    j->sent = j->submitted = 0;
    while (j->sent < j->n) {
        submit_one (j);
        while (j->sent - j->submitted > 256)
            step (j->h);
    }
    while (j->submitted < j->n)
        step (j->h);
}

/* ---- the journal ---- */

struct journal {
    flux_t *h;
    flux_future_t *f;
    long cleaned;
    long started;
    double last_start; /* when its event came */
};

static void journal_cb (flux_future_t *f, void *arg)
{
    struct journal *jo = arg;
    json_t *events, *event;
    const char *name;
    size_t i;

    if (flux_rpc_get_unpack (f, "{s:o}", "events", &events) < 0)
        bench_die ("journal: %s", flux_future_error_string (f));
    json_array_foreach (events, i, event)
    {
        if (json_unpack (event, "{s:s}", "name", &name) < 0)
            bench_die ("journal: an event has no name");
        if (strcmp (name, "clean") == 0)
            jo->cleaned++;
        else if (strcmp (name, "start") == 0) {
            jo->started++;
            jo->last_start = now ();
        }
    }
    flux_future_reset (f);
}

static void journal_open (struct journal *jo, flux_t *h)
{
    memset (jo, 0, sizeof (*jo));
    jo->h = h;
    jo->f = flux_rpc_pack (h, "job-manager.events-journal", FLUX_NODEID_ANY,
                           FLUX_RPC_STREAMING, "{s:{s:i s:i}}", "allow", "start", 1,
                           "clean", 1);
    if (!jo->f || flux_future_then (jo->f, -1., journal_cb, jo) < 0)
        bench_die ("journal: %s", strerror (errno));
}

static void journal_close (struct journal *jo)
{
    flux_future_t *f = flux_rpc_pack (jo->h, "job-manager.events-journal-cancel",
                                      FLUX_NODEID_ANY, FLUX_RPC_NORESPONSE, "{s:i}",
                                      "matchtag", (int)flux_rpc_get_matchtag (jo->f));

    flux_future_destroy (f);
    flux_future_destroy (jo->f);
}

/* ---- what a job costs, as the modules count it ---- */

static const char *const modules[] = { "job-ingest", "job-manager",  "sched-simple",
                                       "job-exec",   "kvs",          "kvs-watch",
                                       "job-list",   "content",      "job-info",
                                       "resource",   "content-sqlite" };
#define MODULES (sizeof (modules) / sizeof (modules[0]))

struct counts {
    long long commits; /* requests, all namespaces */
    long long roots;   /* of the primary namespace */
    long long messages[MODULES];
};

static void count (flux_t *h, struct counts *c)
{
    c->commits = stats_number (h, "kvs", "transaction-opcount/commit/count");
    c->roots = stats_number (h, "kvs", "namespace/primary/store revision");
    for (size_t i = 0; i < MODULES; i++)
        c->messages[i] = messages_sent (h, modules[i]);
}

/* Each message counts once, where it is sent; the client's own submission is one
 * more.  BENCH_VERBOSE: for each module, too.
 */
static void report_counts (const char *name, const struct counts *before,
                           const struct counts *after, double jobs)
{
    long long sum = 0;

    for (size_t i = 0; i < MODULES; i++) {
        long long n = after->messages[i] - before->messages[i];

        sum += n;
        if (getenv ("BENCH_VERBOSE"))
            report (n / jobs, "", "%s.messages.%s", name, modules[i]);
    }
    report (sum / jobs + 1, "", "%s.messages", name);
    report ((after->commits - before->commits) / jobs, "", "%s.commits", name);
    report ((after->roots - before->roots) / jobs, "", "%s.roots", name);
}

/* ---- jobs that run ---- */

/* What is done and not yet stored, is: no work is left behind.  Without a state directory
 * that would be put off until much has gathered, which a short run does not live to see.
 */
static void store_rest (flux_t *h)
{
    finish (flux_rpc (h, "content.flush", NULL, FLUX_NODEID_ANY, 0), "content.flush");
}

static void
throughput_of (flux_t *h, const char *name, const char *system, long n, long runs)
{
    double wall[99], cpu[99], submit[99];
    struct cost whole[99];
    struct counts before, after;
    char line[64];

    store_rest (h);
    count (h, &before);
    for (long r = 0; r < runs; r++) {
        struct journal jo;
        struct jobs j;
        struct cost c;

        jobs_init (&j, h, system, FLUX_JOB_URGENCY_DEFAULT, n);
        journal_open (&jo, h);
        cost_start (&c);
        whole[r] = c;
        submit_all (&j);
        submit[r] = now () - c.wall;
        while (jo.cleaned < n)
            step (h);
        cost_stop (&c);
        store_rest (h);
        cost_stop (&whole[r]);
        journal_close (&jo);
        wall[r] = c.wall;
        cpu[r] = c.cpu;
    }
    snprintf (line, sizeof (line), "%s-%ld", name, n);
    report (n / median (wall, runs), "/s", "%s", line);
    report (median (cpu, runs) / n * 1e6, "us", "%s.cpu", line);
    report (n / median (submit, runs), "/s", "%s.submit", line);
    report_costs (whole, runs, n, "%s.stored", line);
    count (h, &after);
    report_counts (line, &before, &after, (double)n * runs);
}

/* BENCH_JOBS: how many jobs at a time, one number after another. */
static void throughput (flux_t *h, const char *name, const char *system)
{
    const char *s = getenv ("BENCH_JOBS");
    char *end;
    long n;

    for (s = s && *s ? s : "1000 10000"; (n = strtol (s, &end, 10)) > 0; s = end)
        throughput_of (h, name, system, n, n > 1000 ? 1 : bench_runs ());
}

static void simulated (flux_t *h, const char *name)
{
    throughput (h, name, SIMULATED);
}

static void real (flux_t *h, const char *name)
{
    throughput (h, name, "");
}

/* What each thread of the broker has taken per job. */
static void report_threads (const char *name, const struct thread_costs *before,
                            const struct thread_costs *after, double jobs)
{
    for (int i = 0; i < after->count; i++) {
        double us = thread_cpu_since (before, &after->v[i]) / jobs * 1e6;

        if (us >= 0.05)
            report (us, "us", "%s.%s", name, after->v[i].name);
    }
}

/* How much more does a job cost, the more have run before?  BENCH_SLOPE jobs, of which
 * at most BENCH_WINDOW are under way, in ten parts, by threads; what a part leaves to be
 * stored is counted with it.
 */
static void slope (flux_t *h, const char *name)
{
    long n = setting ("BENCH_SLOPE", 50000), window = setting ("BENCH_WINDOW", 1000);
    struct thread_costs before, after;
    struct journal jo;
    struct jobs j;

    jobs_init (&j, h, SIMULATED, FLUX_JOB_URGENCY_DEFAULT, n);
    journal_open (&jo, h);
    for (long part = 1; part <= 10; part++) {
        char line[64];
        double cpu = broker_cpu ();

        threads_cpu (&before);
        while (jo.cleaned < part * n / 10) {
            if (j.sent < part * n / 10 && j.sent - j.submitted < 256
                && j.sent - jo.cleaned < window)
                submit_one (&j);
            else
                step (h);
        }
        store_rest (h);
        threads_cpu (&after);
        snprintf (line, sizeof (line), "%s-%ld", name, part * n / 10);
        report ((broker_cpu () - cpu) / n * 10 * 1e6, "us", "%s.cpu", line);
        report_threads (line, &before, &after, n / 10.);
        report (broker_memory ("VmRSS"), "KiB", "%s.rss", line);
    }
    journal_close (&jo);
}

/* One job at a time: from sending it to hearing that it started. */
static void start_latency (flux_t *h, const char *name)
{
    enum { N = 300 };
    double *v = calloc (N, sizeof (v[0]));
    struct journal jo;
    struct jobs j;

    jobs_init (&j, h, "", FLUX_JOB_URGENCY_DEFAULT, 1);
    journal_open (&jo, h);
    for (long i = 0; i < N + 10; i++) {
        double t = now ();

        submit_all (&j);
        while (jo.cleaned < i + 1)
            step (h);
        if (i >= 10)
            v[i - 10] = jo.last_start - t;
    }
    report (quantile (v, N, 0.5) * 1e3, "ms", "%s.p50", name);
    report (quantile (v, N, 0.99) * 1e3, "ms", "%s.p99", name);
    journal_close (&jo);
    free (v);
}

/* ---- jobs that wait ---- */

static flux_future_t *cancel (flux_t *h, long i, void *arg)
{
    struct jobs *j = arg;

    return flux_job_cancel (h, j->ids[i], NULL);
}

/* To another urgency and, so that the next does the same, back. */
static flux_future_t *requeue (flux_t *h, long i, void *arg)
{
    struct jobs *j = arg;
    long k = (i / 2 * 7919) % j->n;

    return flux_job_set_urgency (h, j->ids[k], i % 2 ? 1 : 2);
}

struct requests {
    struct jobs *j;
    long n;
    flux_future_t *(*send) (flux_t *h, long i, void *arg);
};

static void request_pass (void *arg)
{
    struct requests *r = arg;

    pipeline (r->j->h, r->n, 1, r->send, r->j, NULL);
}

/* A job on the whole node, which runs until it is canceled. */
static flux_jobid_t occupy (flux_t *h, struct journal *jo)
{
    static const char spec[] =
        "{\"resources\":[{\"type\":\"node\",\"count\":1,\"exclusive\":true,\"with\":"
        "[{\"type\":\"slot\",\"count\":1,\"with\":[{\"type\":\"core\",\"count\":1}],"
        "\"label\":\"task\"}]}],\"tasks\":[{\"command\":[\"true\"],\"slot\":\"task\","
        "\"count\":{\"per_slot\":1}}],\"attributes\":{\"system\":{\"duration\":0,"
        "\"exec\":{\"test\":{\"run_duration\":\"1d\"}}}},\"version\":1}";
    flux_future_t *f = flux_job_submit (h, spec, FLUX_JOB_URGENCY_MAX, 0);
    flux_jobid_t id;

    if (!f || flux_job_submit_get_id (f, &id) < 0)
        bench_die ("submit: %s", flux_future_error_string (f));
    flux_future_destroy (f);
    while (jo->started == 0)
        step (h);
    return id;
}

static void with_pending (flux_t *h, const char *name, long n)
{
    struct requests r = { .n = 1000, .send = requeue };
    flux_jobid_t occupant;
    struct journal jo;
    struct jobs j;
    struct cost c;
    char line[64];

    jobs_init (&j, h, SIMULATED, 1, n);
    if (!(j.ids = calloc (n, sizeof (j.ids[0]))))
        bench_die ("out of memory");
    r.j = &j;
    journal_open (&jo, h);
    occupant = occupy (h, &jo);
    cost_start (&c);
    submit_all (&j);
    cost_stop (&c);
    report (n / c.wall, "/s", "%s-%ld-submit", name, n);
    report (c.cpu / n * 1e6, "us", "%s-%ld-submit.cpu", name, n);
    snprintf (line, sizeof (line), "%s-%ld-urgency", name, n);
    report_rate (line, r.n, request_pass, &r);
    cost_start (&c);
    pipeline (h, n, 256, cancel, &j, NULL);
    finish (flux_job_cancel (h, occupant, NULL), "cancel");
    while (jo.cleaned < n + 1)
        step (h);
    cost_stop (&c);
    report (n / c.wall, "/s", "%s-%ld-cancel", name, n);
    report (c.cpu / n * 1e6, "us", "%s-%ld-cancel.cpu", name, n);
    journal_close (&jo);
    free (j.ids);
}

static void pending (flux_t *h, const char *name)
{
    with_pending (h, name, 1000);
    with_pending (h, name, setting ("BENCH_PENDING", 10000));
}

/* ---- listings ---- */

static double first_answer; /* when the latest listing's came */

static void listing_cb (flux_future_t *f, void *arg)
{
    long *n = arg;
    json_t *list;

    if (*n == 0)
        first_answer = now ();

    if (flux_rpc_get_unpack (f, "{s:o}", "jobs", &list) < 0) {
        if (errno != ENODATA)
            bench_die ("job-list: %s", flux_future_error_string (f));
        *n = -*n - 1;
        return;
    }
    *n += json_array_size (list);
    flux_future_reset (f);
}

/* All jobs, as flux jobs -a -c 0 asks for them. */
static long list_all (flux_t *h, int max)
{
    long n = 0;
    flux_future_t *f = flux_rpc_pack (
        h, "job-list.list", FLUX_NODEID_ANY, FLUX_RPC_STREAMING,
        "{s:i s:[s,s,s,s,s,s] s:{}}", "max_entries", max, "attrs", "userid", "state",
        "name", "t_submit", "t_run", "result", "constraint");

    if (!f || flux_future_then (f, -1., listing_cb, &n) < 0)
        bench_die ("job-list: %s", strerror (errno));
    while (n >= 0)
        step (h);
    flux_future_destroy (f);
    return -n - 1;
}

static void list_pass (void *arg)
{
    list_all (arg, 0);
}

/* Until the first jobs of all come, and what the index takes for each. */
static void list_more (flux_t *h, const char *name, long n)
{
    double t = now ();

    list_all (h, 0);
    report ((first_answer - t) * 1e3, "ms", "%s-first", name);
    report ((double)(stats_number (h, "job-list", "memory/records")
                     + stats_number (h, "job-list", "memory/texts"))
                / n,
            "bytes", "%s-memory", name);
}

/* With what an instance that ran jobs has; run jobs-simulated before. */
static void list (flux_t *h, const char *name)
{
    long n = list_all (h, 0);

    report (n, "jobs", "%s-known", name);
    if (n > 0) {
        report_rate (name, n, list_pass, h);
        list_more (h, name, n);
    }
}

/* ---- an instance that comes back ---- */

static void reload_pass (void *arg)
{
    flux_t *h = arg;

    finish (flux_rpc_pack (h, "module.remove", FLUX_NODEID_ANY, 0, "{s:s}", "name",
                           "job-list"),
            "module.remove");
    finish (flux_rpc_pack (h, "module.load", FLUX_NODEID_ANY, 0, "{s:s s:[]}", "path",
                           "job-list", "args"),
            "module.load");
    list_all (h, 10);
}

/* What the two keep of a job by their own account, and the index once more. */
static void restarted_more (flux_t *h, const char *name, long n)
{
    report ((double)(stats_number (h, "job-manager", "memory/records")
                     + stats_number (h, "job-manager", "memory/packed")
                     + stats_number (h, "job-manager", "memory/texts"))
                / n,
            "bytes", "%s.job-manager", name);
    report ((double)(stats_number (h, "job-list", "memory/records")
                     + stats_number (h, "job-list", "memory/texts"))
                / n,
            "bytes", "%s.job-list", name);
    report_rate ("jobs-restarted.list-reload", n, reload_pass, h);
}

/* Run first in an instance that starts again on a state directory with many
 * jobs.  BENCH_SINCE: when that was begun, in seconds of the epoch.
 */
static void restarted (flux_t *h, const char *name)
{
    const char *since = getenv ("BENCH_SINCE");
    struct timespec ts;
    struct cost c;
    long n;

    finish (flux_rpc (h, "job-manager.getinfo", NULL, FLUX_NODEID_ANY, 0), "job-manager");
    clock_gettime (CLOCK_REALTIME, &ts);
    if (since)
        report ((ts.tv_sec + ts.tv_nsec * 1e-9 - strtod (since, NULL)) * 1e3, "ms",
                "%s.service", name);
    cost_start (&c);
    list_all (h, 10);
    cost_stop (&c);
    report (c.wall * 1e3, "ms", "%s.first-list", name);
    n = list_all (h, 0);
    clock_gettime (CLOCK_REALTIME, &ts);
    report (n, "jobs", "%s.jobs", name);
    if (since)
        report ((ts.tv_sec + ts.tv_nsec * 1e-9 - strtod (since, NULL)) * 1e3, "ms",
                "%s.complete", name);
    report (broker_cpu () * 1e3, "ms", "%s.complete.cpu", name);
    report (broker_memory ("VmRSS") / 1024., "MiB", "%s.rss", name);
    report (broker_memory ("VmRSS") * 1024. / n, "bytes", "%s.rss-per-job", name);
    restarted_more (h, name, n);
}

/* Leave BENCH_BACKLOG inactive jobs, and BENCH_ACTIVE that are held. */
static void backlog (flux_t *h, const char *name)
{
    long n = setting ("BENCH_BACKLOG", 100000);
    struct journal jo;
    struct jobs j;

    jobs_init (&j, h, SIMULATED, FLUX_JOB_URGENCY_DEFAULT, n);
    journal_open (&jo, h);
    submit_all (&j);
    while (jo.cleaned < n)
        step (h);
    journal_close (&jo);
    jobs_init (&j, h, SIMULATED, FLUX_JOB_URGENCY_HOLD, setting ("BENCH_ACTIVE", 1000));
    submit_all (&j);
}

static void reload (flux_t *h, const char *name)
{
    long n = list_all (h, 0);

    if (n > 0)
        report_rate (name, n, reload_pass, h);
}

int main (int argc, char **argv)
{
    static const struct bench benches[] = {
        { "jobs-simulated", simulated },
        { "jobs-slope", slope },
        { "jobs-real", real },
        { "jobs-start", start_latency },
        { "jobs-list", list },
        { "jobs-list-reload", reload },
        { "jobs-pending", pending },
        { "jobs-restarted", restarted },
        { "jobs-backlog", backlog },
        { NULL, NULL },
    };

    return bench_main (argc, argv, benches);
}
