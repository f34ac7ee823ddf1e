/* launch.c - what it costs to launch a parallel program, beside MPICH's Hydra.
 *
 * Each figure is taken in turns, one launch of ours, one of Hydra's, so that
 * both meet the same neighbours: NAME and NAME.p99 in milliseconds, NAME.cpu of
 * client, tasks and broker.  Where Hydra is installed NAME.hydra, .hydra.p99
 * and .hydra.cpu, too, and NAME.ratio: ours through Hydra's.  A launch of ours that
 * fails ends all; those of Hydra's, which now and then dies of SIGPIPE, are counted
 * (NAME.hydra.failed).
 *
 * BENCH_LAUNCHES: launches of each figure (100).
 */
#include "config.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

extern char **environ;

struct series {
    double *ms;
    double cpu; /* ms, of all processes */
    long failed;
};

static double children_cpu (void)
{
    struct rusage r;

    if (getrusage (RUSAGE_CHILDREN, &r) < 0)
        bench_die ("getrusage: %s", strerror (errno));
    return 1e3 * (r.ru_utime.tv_sec + r.ru_stime.tv_sec)
           + 1e-3 * (r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

/* Of those that the broker has waited for: our tasks. */
static double tasks_cpu (flux_t *h)
{
    const char *pid = flux_attr_get (h, "broker.pid");
    unsigned long user, system;
    char path[64];
    FILE *f;

    snprintf (path, sizeof (path), "/proc/%s/stat", pid ? pid : "self");
    if (!(f = fopen (path, "re"))
        || fscanf (
               f,
               "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %lu %lu",
               &user, &system)
               != 2)
        bench_die ("%s: cannot be read", path);
    fclose (f);
    return 1e3 * (user + system) / sysconf (_SC_CLK_TCK);
}

/* Output goes nowhere, as it does under hyperfine.  The wait status, or -errno. */
static int launch (char *const *argv)
{
    posix_spawn_file_actions_t fa;
    int e, status;
    pid_t pid;

    posix_spawn_file_actions_init (&fa);
    for (int fd = 0; fd < 2; fd++)
        posix_spawn_file_actions_addopen (&fa, fd, "/dev/null", O_RDWR, 0);
    e = posix_spawnp (&pid, argv[0], &fa, NULL, argv, environ);
    posix_spawn_file_actions_destroy (&fa);
    if (e != 0)
        return -e;
    while (waitpid (pid, &status, 0) < 0)
        ;
    return status;
}

static void once (struct series *s, long i, char *const *argv)
{
    double t = now (), cpu = children_cpu ();
    int status = launch (argv);

    if (status < 0)
        bench_die ("%s: cannot be run", argv[0]);
    s->failed += status != 0;
    s->ms[i] = 1e3 * (now () - t);
    s->cpu += children_cpu () - cpu;
}

static bool has_hydra (void)
{
    static char *const argv[] = { "mpiexec.hydra", "-n", "1", "true", NULL };

    return launch (argv) >= 0;
}

static double report_series (const char *name, struct series *s, long n)
{
    double p50 = quantile (s->ms, n, 0.5);

    report (p50, "ms", "%s", name);
    report (quantile (s->ms, n, 0.99), "ms", "%s.p99", name);
    report (s->cpu / n, "ms", "%s.cpu", name);
    if (s->failed > 0)
        report (s->failed, "", "%s.failed", name);
    free (s->ms);
    return p50;
}

static void
side_by_side (flux_t *h, const char *name, const char *ntasks, const char *program)
{
    char *ours[] = { "flux", "mpiexec", "-n", (char *)ntasks, (char *)program, NULL };
    char *theirs[] = { "mpiexec.hydra", "-n", (char *)ntasks, (char *)program, NULL };
    long n = setting ("BENCH_LAUNCHES", 100);
    struct series a = { 0 }, b = { 0 };
    bool hydra = has_hydra ();
    char hydra_name[64];
    double p50, hydra_p50, broker;

    if (n < 1 || !(a.ms = calloc (n, sizeof (a.ms[0])))
        || !(b.ms = calloc (n, sizeof (b.ms[0]))))
        bench_die ("BENCH_LAUNCHES: %ld", n);
    launch (ours); /* to warm up */
    broker = 1e3 * broker_cpu () + tasks_cpu (h);
    for (long i = 0; i < n; i++) {
        once (&a, i, ours);
        if (a.failed)
            bench_die ("%s: launch %ld failed", name, i);
        if (hydra)
            once (&b, i, theirs);
    }
    a.cpu += 1e3 * broker_cpu () + tasks_cpu (h)
             - broker; /* it goes on when a client is gone */
    p50 = report_series (name, &a, n);
    if (!hydra) {
        free (b.ms);
        return;
    }
    snprintf (hydra_name, sizeof (hydra_name), "%s.hydra", name);
    hydra_p50 = report_series (hydra_name, &b, n);
    report (p50 / hydra_p50, "x", "%s.ratio", name);
}

/* "mpiexec-nN" */
static void run_true (flux_t *h, const char *name)
{
    side_by_side (h, name, name + strlen ("mpiexec-n"), "true");
}

/* "mpi-hello-nN": scripts/bench has built it, if there is an mpicc. */
static void run_hello (flux_t *h, const char *name)
{
    const char *program = getenv ("BENCH_MPI_HELLO");

    if (program && access (program, X_OK) == 0)
        side_by_side (h, name, name + strlen ("mpi-hello-n"), program);
    else
        fprintf (stderr, "%s: there is no MPI program to run\n", name);
}

int main (int argc, char **argv)
{
    static const struct bench benches[] = {
        { "mpiexec-n1", run_true },
        { "mpiexec-n2", run_true },
        { "mpiexec-n4", run_true },
        { "mpi-hello-n1", run_hello },
        { "mpi-hello-n2", run_hello },
        { "mpi-hello-n4", run_hello },
        { NULL },
    };

    return bench_main (argc, argv, benches);
}
