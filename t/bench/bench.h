/* bench.h - what the bench clients share.
 *
 * A client runs inside an instance and measures it from outside, with the
 * public API alone.  Each figure is one line, NAME VALUE UNIT (one JSON object
 * with BENCH_JSON set), the median of BENCH_RUNS runs (default 3) after one
 * that warms up.  Beside a rate NAME stands NAME.cpu: the broker's CPU time per
 * operation, of all its threads, which other users of the machine disturb less
 * than they do the wall clock.
 *
 * Everything here ends the program when the instance fails it.
 */

#ifndef T_BENCH_H
#define T_BENCH_H

#include <flux/core.h>
#include <stdbool.h>

struct bench {
    const char *name; /* what may be asked for by name */
    void (*run) (flux_t *h, const char *name);
};

/* main () of a client: run those that the arguments name, all without any; "-l"
 * lists them.  Ends with {NULL}.
 */
int bench_main (int argc, char **argv, const struct bench *benches);

__attribute__ ((noreturn, format (printf, 1, 2))) void bench_die (const char *fmt, ...);

/* Time since bench_start, in seconds: wall, and CPU of the broker. */
struct cost {
    double wall;
    double cpu;
};
void cost_start (struct cost *c);
void cost_stop (struct cost *c);

/* CPU time of the broker since it was started. */
double broker_cpu (void);

/* The same by thread, in seconds, those of one name together; what is left over at the
 * end of the list belongs to all others.
 */
#define THREADS_MAX 32
struct thread_cost {
    char name[16];
    double cpu;
};
struct thread_costs {
    struct thread_cost v[THREADS_MAX];
    int count;
};
void threads_cpu (struct thread_costs *tc);

/* What one has taken since; 0 if it was not there. */
double thread_cpu_since (const struct thread_costs *before, const struct thread_cost *t);

__attribute__ ((format (printf, 3, 4))) void
report (double value, const char *unit, const char *fmt, ...);

/* Report NAME in operations per second and NAME.cpu in microseconds, n
 * operations having been done each time that run () was called.
 */
void report_rate (const char *name, long n, void (*run) (void *arg), void *arg);

/* The same for costs that were measured otherwise: as many as there are runs. */
long bench_runs (void);
__attribute__ ((format (printf, 4, 5))) void
report_costs (const struct cost *costs, long runs, long n, const char *fmt, ...);

/* The q-quantile of n values, which are sorted; n > 0. */
double quantile (double *v, long n, double q);
double median (double *v, long n);

/* n requests that send () makes, of which window are in flight at any time; all
 * have been answered on return.  latency[i], unless NULL: seconds from request
 * to answer, in the order of answers.
 */
void pipeline (flux_t *h,
               long n,
               int window,
               flux_future_t *(*send) (flux_t *h, long i, void *arg),
               void *arg,
               double *latency);

/* Wait for an answer, and end with it. */
void finish (flux_future_t *f, const char *what);

/* A number in the answer to NAME.stats-get, by a path with slashes. */
long long stats_number (flux_t *h, const char *name, const char *path);

/* Messages that a module has sent.  Asking costs three of its own. */
long long messages_sent (flux_t *h, const char *name);

/* Kilobytes of the broker, by a name of /proc/PID/status ("VmRSS"). */
long broker_memory (const char *what);

double now (void);

/* A number from the environment. */
long setting (const char *name, long otherwise);

#endif /* !T_BENCH_H */
