#include "config.h"
#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/util.h"
#include "soak.h"

double soak_now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec * 1e-9;
}

bool soak_goes_on (const struct soak *s)
{
    return soak_now () < s->deadline;
}

unsigned int soak_rnd (struct soak *s, unsigned int n)
{
    return rand_r (&s->seed) % n;
}

void soak_die (const char *fmt, ...)
{
    va_list ap;

    fprintf (stderr, "soak[%d]: ", (int)getpid ());
    va_start (ap, fmt);
    vfprintf (stderr, fmt, ap);
    va_end (ap);
    fprintf (stderr, "\n");
    exit (1);
}

flux_t *soak_open (void)
{
    flux_t *h = flux_open (NULL, 0);

    if (!h)
        soak_die ("flux_open: %s", strerror (errno));
    return h;
}

static const struct {
    const char *name;
    void (*run) (struct soak *s);
} roles[] = {
    { "echo", soak_echo },       { "echo", soak_echo },       { "futures", soak_futures },
    { "publish", soak_publish }, { "listen", soak_listen },   { "listen", soak_listen },
    { "victims", soak_victims }, { "victims", soak_victims }, { "loader", soak_loader },
};

static pid_t start (const struct soak *s, size_t i)
{
    struct soak own = *s;
    pid_t pid;

    fflush (NULL);
    if ((pid = fork ()) < 0)
        soak_die ("fork: %s", strerror (errno));
    if (pid == 0) {
        own.seed += i * 1000003;
        roles[i].run (&own);
        exit (0);
    }
    return pid;
}

/* Memory of the broker in MiB. */
static long resident (flux_t *h)
{
    const char *pid = flux_attr_get (h, "broker.pid");
    char path[64], line[128];
    long kb = 0;
    FILE *f;

    snprintf (path, sizeof (path), "/proc/%s/status", pid ? pid : "self");
    if (!(f = fopen (path, "r")))
        soak_die ("%s: %s", path, strerror (errno));
    while (fgets (line, sizeof (line), f))
        (void)sscanf (line, "VmRSS: %ld", &kb);
    fclose (f);
    return kb / 1024;
}

/* A number in the answer to SERVICE.stats-get; of an array its length. */
static long stat_number (flux_t *h, const char *service, const char *a, const char *b)
{
    char topic[64];
    flux_future_t *f;
    json_t *o;
    long n;

    snprintf (topic, sizeof (topic), "%s.stats-get", service);
    f = flux_rpc (h, topic, NULL, FLUX_NODEID_ANY, 0);
    if (!f || flux_rpc_get_unpack (f, "o", &o) < 0)
        soak_die ("%s: %s", topic, strerror (errno));
    o = json_object_get (o, a);
    if (b)
        o = json_object_get (o, b);
    if (!o)
        soak_die ("%s: no %s", topic, a);
    n = json_is_array (o) ? (long)json_array_size (o) : json_integer_value (o);
    flux_future_destroy (f);
    return n;
}

/* What was given up is cleaned up a little later, and modules that lost what they watched
 * ask for it again: ask until it is so.
 */
static void expect (flux_t *h, const char *service, const char *a, const char *b, long n)
{
    double end = soak_now () + 30;
    long have;

    while ((have = stat_number (h, service, a, b)) != n) {
        if (soak_now () > end)
            soak_die ("%s %s: %ld are left, there were %ld", service, b ? b : a, have, n);
    }
}

/* Wait for all; the instance's memory is looked at when the load has settled
 * and at the end.
 */
static int await (flux_t *h, const struct soak *s, double begin, pid_t pids[])
{
    double middle = begin + (s->deadline - begin) / 3;
    long before = 0, after;
    int failed = 0;

    while (soak_now () < middle)
        usleep (100000); /* the load is what happens meanwhile */
    before = resident (h);
    for (size_t i = 0; i < ARRAY_SIZE (roles); i++) {
        int status = -1;

        if (waitpid (pids[i], &status, 0) < 0 || status != 0) {
            fprintf (stderr, "soak: %s failed\n", roles[i].name);
            failed++;
        }
    }
    after = resident (h);
    printf ("resident: %ld MiB after a third of the time, %ld at the end\n", before, after);
#ifndef WITH_SANITIZERS
    if (after > before + before / 2 + 16) {
        fprintf (stderr, "soak: the broker grows\n");
        failed++;
    }
#endif
    return failed;
}

int main (int argc, char *argv[])
{
    double begin = soak_now ();
    struct soak s = { .deadline = begin + (argc > 1 ? atof (argv[1]) : 30) };
    pid_t pids[ARRAY_SIZE (roles)];
    long watchers;
    int failed;
    flux_t *h;

    s.seed = argc > 2 ? strtoul (argv[2], NULL, 0) : (unsigned int)time (NULL);
    if (!(s.module = getenv ("SOAK_MODULE")))
        soak_die ("SOAK_MODULE is not set");
    printf ("seed %u\n", s.seed);
    h = soak_open ();
    watchers = stat_number (h, "kvs-watch", "watchers", NULL);
    for (size_t i = 0; i < ARRAY_SIZE (roles); i++)
        pids[i] = start (&s, i);
    failed = await (h, &s, begin, pids);
    expect (h, "connector-local", "server", "clients", 1); /* this one */
    expect (h, "kvs-watch", "watchers", NULL, watchers);
    expect (h, "job-info", "watchers", NULL, 0);
    flux_close (h);
    if (failed == 0)
        printf ("nothing is left\n");
    return failed ? 1 : 0;
}
