#include "config.h"
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

#define MAX_RUNS 99

static pid_t broker;
static clockid_t broker_clock;

void bench_die (const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    vfprintf (stderr, fmt, ap);
    va_end (ap);
    fprintf (stderr, "\n");
    exit (1);
}

long setting (const char *name, long otherwise)
{
    const char *s = getenv (name);

    return s && *s ? strtol (s, NULL, 10) : otherwise;
}

static bool setting_is_on (const char *name)
{
    const char *s = getenv (name);

    return s && *s;
}

/* ---- time ---- */

static double seconds (clockid_t clock)
{
    struct timespec ts;

    if (clock_gettime (clock, &ts) < 0)
        bench_die ("clock: %s", strerror (errno));
    return ts.tv_sec + ts.tv_nsec * 1e-9;
}

double now (void)
{
    return seconds (CLOCK_MONOTONIC);
}

double broker_cpu (void)
{
    return seconds (broker_clock);
}

void cost_start (struct cost *c)
{
    c->cpu = broker_cpu ();
    c->wall = now ();
}

void cost_stop (struct cost *c)
{
    c->wall = now () - c->wall;
    c->cpu = broker_cpu () - c->cpu;
}

/* ---- threads of the broker ---- */

static struct thread_cost *thread_find (struct thread_costs *tc, const char *name)
{
    for (int i = 0; i < tc->count; i++) {
        if (strcmp (tc->v[i].name, name) == 0)
            return &tc->v[i];
    }
    if (tc->count < THREADS_MAX)
        memcpy (tc->v[tc->count++].name, name, strnlen (name, sizeof (tc->v[0].name) - 1));
    return &tc->v[tc->count - 1];
}

/* The first line of a file of a thread, which may have ended. */
static bool thread_line (const char *task, const char *file, char *line, int size)
{
    char path[64];
    FILE *fp;
    bool good;

    snprintf (path, sizeof (path), "/proc/%d/task/%.16s/%s", (int)broker, task, file);
    if (!(fp = fopen (path, "r")))
        return false;
    if ((good = fgets (line, size, fp) != NULL))
        line[strcspn (line, "\n")] = '\0';
    fclose (fp);
    return good;
}

void threads_cpu (struct thread_costs *tc)
{
    char path[64], name[16], stat[128];
    struct dirent *d;
    DIR *dir;

    snprintf (path, sizeof (path), "/proc/%d/task", (int)broker);
    if (!(dir = opendir (path)))
        bench_die ("%s: %s", path, strerror (errno));
    tc->count = 0;
    memset (tc->v, 0, sizeof (tc->v));
    while ((d = readdir (dir))) {
        if (d->d_name[0] != '.' && thread_line (d->d_name, "comm", name, sizeof (name))
            && thread_line (d->d_name, "schedstat", stat, sizeof (stat)))
            thread_find (tc, name)->cpu += strtoull (stat, NULL, 10) * 1e-9;
    }
    closedir (dir);
}

double thread_cpu_since (const struct thread_costs *before, const struct thread_cost *t)
{
    for (int i = 0; i < before->count; i++) {
        if (strcmp (before->v[i].name, t->name) == 0)
            return t->cpu - before->v[i].cpu;
    }
    return t->cpu;
}

/* ---- figures ---- */

void report (double value, const char *unit, const char *fmt, ...)
{
    const char *tag = getenv ("BENCH_TAG");
    char name[64];
    va_list ap;

    va_start (ap, fmt);
    vsnprintf (name, sizeof (name), fmt, ap);
    va_end (ap);
    if (tag)
        strncat (name, tag, sizeof (name) - strlen (name) - 1);
    if (setting_is_on ("BENCH_JSON"))
        printf ("{\"name\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"}\n", name, value, unit);
    else
        printf ("%-40s %12.*f %s\n", name, value < 100. ? 2 : 0, value, unit);
    fflush (stdout);
}

static int compare (const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double quantile (double *v, long n, double q)
{
    long i = q * n;

    qsort (v, n, sizeof (v[0]), compare);
    return v[i < n ? i : n - 1];
}

double median (double *v, long n)
{
    return quantile (v, n, 0.5);
}

long bench_runs (void)
{
    long runs = setting ("BENCH_RUNS", 3);

    if (runs < 1 || runs > MAX_RUNS)
        bench_die ("BENCH_RUNS is to be 1 to %d", MAX_RUNS);
    return runs;
}

void report_costs (const struct cost *costs, long runs, long n, const char *fmt, ...)
{
    double wall[MAX_RUNS], cpu[MAX_RUNS];
    char name[128];
    va_list ap;

    va_start (ap, fmt);
    vsnprintf (name, sizeof (name), fmt, ap);
    va_end (ap);
    for (long i = 0; i < runs; i++) {
        wall[i] = costs[i].wall;
        cpu[i] = costs[i].cpu;
    }
    report (n / median (wall, runs), "/s", "%s", name);
    report (median (cpu, runs) / n * 1e6, "us", "%s.cpu", name);
}

void report_rate (const char *name, long n, void (*run) (void *arg), void *arg)
{
    struct cost costs[MAX_RUNS];
    long runs = bench_runs ();

    run (arg);
    for (long i = 0; i < runs; i++) {
        cost_start (&costs[i]);
        run (arg);
        cost_stop (&costs[i]);
    }
    report_costs (costs, runs, n, "%s", name);
}

long broker_memory (const char *what)
{
    char path[64], line[256];
    long kb = -1;
    FILE *fp;

    snprintf (path, sizeof (path), "/proc/%d/status", (int)broker);
    if (!(fp = fopen (path, "r")))
        bench_die ("%s: %s", path, strerror (errno));
    while (fgets (line, sizeof (line), fp)) {
        if (strncmp (line, what, strlen (what)) == 0)
            sscanf (line + strlen (what), ": %ld", &kb);
    }
    fclose (fp);
    return kb;
}

/* ---- requests ---- */

void finish (flux_future_t *f, const char *what)
{
    if (!f || flux_future_get (f, NULL) < 0)
        bench_die ("%s: %s", what, f ? flux_future_error_string (f) : strerror (errno));
    flux_future_destroy (f);
}

struct pipeline {
    flux_t *h;
    long n;
    long sent;
    long answered;
    flux_future_t *(*send) (flux_t *h, long i, void *arg);
    void *arg;
    double *latency;
};

struct slot {
    struct pipeline *p;
    double since;
};

static void send_next (struct slot *slot);

static void answered (flux_future_t *f, void *arg)
{
    struct slot *slot = arg;
    struct pipeline *p = slot->p;

    if (flux_future_get (f, NULL) < 0)
        bench_die ("request %ld: %s", p->answered, flux_future_error_string (f));
    if (p->latency)
        p->latency[p->answered] = now () - slot->since;
    flux_future_destroy (f);
    if (++p->answered == p->n)
        flux_reactor_stop (flux_get_reactor (p->h));
    else if (p->sent < p->n)
        send_next (slot);
}

static void send_next (struct slot *slot)
{
    struct pipeline *p = slot->p;
    flux_future_t *f;

    slot->since = now ();
    if (!(f = p->send (p->h, p->sent++, p->arg))
        || flux_future_then (f, -1., answered, slot) < 0)
        bench_die ("request: %s", strerror (errno));
}

void pipeline (flux_t *h,
               long n,
               int window,
               flux_future_t *(*send) (flux_t *h, long i, void *arg),
               void *arg,
               double *latency)
{
    struct pipeline p = { .h = h, .n = n, .send = send, .arg = arg, .latency = latency };
    struct slot *slots = calloc (window, sizeof (slots[0]));

    if (!slots)
        bench_die ("out of memory");
    for (int i = 0; i < window && p.sent < n; i++) {
        slots[i].p = &p;
        send_next (&slots[i]);
    }
    if (flux_reactor_run (flux_get_reactor (h), 0) < 0 || p.answered < n)
        bench_die ("reactor: %s", strerror (errno));
    free (slots);
}

static long long number (flux_t *h, const char *topic, const char *path)
{
    char copy[128], *save = NULL;
    flux_future_t *f;
    json_t *o;
    long long value;

    snprintf (copy, sizeof (copy), "%s", path);
    if (!(f = flux_rpc (h, topic, NULL, FLUX_NODEID_ANY, 0))
        || flux_rpc_get_unpack (f, "o", &o) < 0)
        bench_die ("%s: %s", topic, strerror (errno));
    for (char *p = strtok_r (copy, "/", &save); p; p = strtok_r (NULL, "/", &save))
        o = json_object_get (o, p);
    if (!json_is_integer (o))
        bench_die ("%s: there is no number %s", topic, path);
    value = json_integer_value (o);
    flux_future_destroy (f);
    return value;
}

long long stats_number (flux_t *h, const char *name, const char *path)
{
    char topic[64];

    snprintf (topic, sizeof (topic), "%s.stats-get", name);
    return number (h, topic, path);
}

long long messages_sent (flux_t *h, const char *name)
{
    char topic[64];

    snprintf (topic, sizeof (topic), "%s.messages", name);
    return number (h, topic, "tx/request") + number (h, topic, "tx/response")
           + number (h, topic, "tx/event");
}

/* ---- main ---- */

static flux_t *open_instance (void)
{
    flux_t *h = flux_open (NULL, 0);
    const char *pid;

    if (!h || !(pid = flux_attr_get (h, "broker.pid")))
        bench_die ("no instance: %s", strerror (errno));
    broker = strtol (pid, NULL, 10);
    if ((errno = clock_getcpuclockid (broker, &broker_clock)))
        bench_die ("clock of process %s: %s", pid, strerror (errno));
    return h;
}

static bool is_wanted (const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp (argv[i], name) == 0)
            return true;
    }
    return argc == 1;
}

int bench_main (int argc, char **argv, const struct bench *benches)
{
    bool list = argc == 2 && strcmp (argv[1], "-l") == 0;
    flux_t *h = list ? NULL : open_instance ();

    for (const struct bench *b = benches; b->name; b++) {
        if (list)
            printf ("%s\n", b->name);
        else if (is_wanted (b->name, argc, argv))
            b->run (h, b->name);
    }
    flux_close (h);
    return 0;
}
