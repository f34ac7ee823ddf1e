/* crash.c - crash [--kvs] ROUNDS [SEED]: kill a broker at random moments (crash.h).
 *
 * With --kvs the instance has the KVS and its store alone, and no jobs: such a
 * round takes a fraction of the time.
 *
 * Works in the current directory, and says on stdout what it did.  The other
 * ways to call it are how it calls itself:
 *   crash --live COUNT        check, then load, inside an instance
 *   crash --live-kvs COUNT    the same without jobs
 *   crash --check             check only
 */

#include "config.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "common/util.h"
#include "crash.h"

#define PATIENCE 240000 /* ms */

double crash_now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec * 1e-9;
}

void crash_failed (const char *fmt, ...)
{
    char text[4096];
    va_list ap;
    FILE *f;

    /* That the broker is gone is the idea; if it went by itself its exit code
     * will tell.
     */
    if (errno == ECONNRESET || errno == EPIPE || errno == ECONNREFUSED)
        exit (3);
    f = fopen ("failed", "a");

    va_start (ap, fmt);
    vsnprintf (text, sizeof (text), fmt, ap);
    va_end (ap);
    printf ("# crash: %s\n", text);
    if (f) {
        fprintf (f, "%s\n", text);
        fclose (f);
    }
    exit (1);
}

FILE *crash_open (const char *name, const char *mode)
{
    FILE *f = fopen (name, mode);

    if (!f)
        crash_failed ("%s: %s", name, strerror (errno));
    if (mode[0] == 'a')
        rewind (f);
    return f;
}

void lives_read (struct lives *l)
{
    FILE *f = crash_open ("lives", "a+");
    long first;

    *l = (struct lives){ 0 };
    while (fscanf (f, "%ld", &first) == 1) {
        l->first = realloc (l->first, (l->count + 1) * sizeof (l->first[0]));
        must (l->first != NULL);
        l->first[l->count++] = first;
    }
    fclose (f);
}

size_t life_of (const struct lives *l, long i)
{
    size_t life = l->count;

    while (life > 0 && l->first[life - 1] > i)
        life--;
    return life;
}

void crash_value (char *buf, size_t size, long i, size_t life)
{
    int n = snprintf (buf, size, "%ld of life %zu ", i, life);
    int fill = i * 37 % 300;

    must (n > 0 && (size_t)(n + fill) < size);
    memset (buf + n, 'a' + i % 26, fill);
    buf[n + fill] = '\0';
}

/* ---- inside an instance ----------------------------------------------------- */

/* Beside the load: jobs, whose ids go to a file as they are known. */
static void submit (void)
{
    int fd = open ("ids", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    pid_t pid = fork ();

    must (fd >= 0 && pid >= 0);
    if (pid == 0) {
        int null = open ("/dev/null", O_WRONLY);

        dup2 (fd, 1);
        dup2 (null, 2); /* that the broker is gone is no news */
        execlp ("flux", "flux", "submit", "--cc=1-40", "echo", CRASH_WORDS,
                (char *)NULL);
        _exit (127);
    }
    close (fd);
}

static int live (long count, bool jobs)
{
    flux_t *h = flux_open (NULL, 0);
    struct lives l;
    FILE *f;
    long p;
    int fd;

    if (!h)
        crash_failed ("flux_open: %s", strerror (errno));
    p = crash_check (h);
    f = crash_open ("lives", "a");
    fprintf (f, "%ld\n", p + 1);
    fclose (f);
    unlink ("killed");
    lives_read (&l);
    if (jobs)
        submit ();
    if ((fd = open ("ready", O_RDWR | O_CLOEXEC)) < 0 || write (fd, "", 1) != 1)
        crash_failed ("ready: %s", strerror (errno));
    crash_load (h, p + 1, life_of (&l, p + 1), count);
    close (fd);
    free (l.first);
    flux_close (h);
    return 0;
}

static int check (void)
{
    flux_t *h = flux_open (NULL, 0);

    if (!h)
        crash_failed ("flux_open: %s", strerror (errno));
    printf ("# %ld transactions, a tree of %zu blobs\n", crash_check (h) + 1,
            crash_walk (h));
    flux_close (h);
    return 0;
}

/* ---- outside ---------------------------------------------------------------- */

#define KVS_RC1 \
    "flux module load content && flux module load content-sqlite && flux module load kvs"
#define KVS_RC3 \
    "flux module remove kvs; flux module remove content-sqlite; flux module remove content"

static unsigned int seed;
static bool kvs_only;

static unsigned int rnd (unsigned int n)
{
    seed = seed * 1103515245 + 12345;
    return (seed >> 8) % n;
}

static pid_t start (const char *self, const char *mode, const char *count)
{
    pid_t pid = fork ();

    must (pid >= 0);
    if (pid == 0) {
        int fd = open ("log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);

        dup2 (fd, 2);
        if (kvs_only)
            execlp ("flux", "flux", "start", "--statedir=state",
                    "-Sbroker.rc1_path=" KVS_RC1, "-Sbroker.rc3_path=" KVS_RC3, self, mode,
                    count, (char *)NULL);
        execlp ("flux", "flux", "start", "--statedir=state", self, mode, count,
                (char *)NULL);
        fprintf (stderr, "crash: flux: %s\n", strerror (errno));
        _exit (127);
    }
    return pid;
}

static void pause_ms (int ms)
{
    poll (NULL, 0, ms);
}

/* The first kill after a load is the one that counts. */
static void kill_broker (pid_t pid)
{
    FILE *f = fopen ("killed", "wx");

    if (f) {
        fprintf (f, "%.6f\n", crash_now ());
        fclose (f);
    }
    kill (pid, SIGKILL);
}

/* Until fd has something to read, or is hung up; false if the process ended
 * before.
 */
static bool wait_readable (int fd, pid_t pid)
{
    struct pollfd pfd[2] = { { .fd = fd, .events = POLLIN }, { .events = POLLIN } };
    int n;

    if ((pfd[1].fd = pidfd_open (pid, 0)) < 0)
        crash_failed ("pidfd_open: %s", strerror (errno));
    n = poll (pfd, 2, PATIENCE);
    close (pfd[1].fd);
    if (n < 1)
        crash_wrong ("nothing happens any more");
    return pfd[0].revents != 0;
}

/* The broker, and all its children, which have become ours. */
static int wait_all (pid_t broker)
{
    int status, result = 0;
    pid_t pid;

    alarm (PATIENCE / 1000);
    while ((pid = wait (&status)) > 0) {
        if (pid == broker)
            result = status;
    }
    alarm (0);
    return result;
}

enum moment { IN_START, UNDER_LOAD, IN_SHUTDOWN };

/* Until the load goes on, or has ended. */
static void wait_moment (enum moment moment, pid_t pid)
{
    int fd = open ("ready", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    char c;

    if (fd < 0)
        crash_failed ("ready: %s", strerror (errno));
    if (wait_readable (fd, pid) && moment == IN_SHUTDOWN && read (fd, &c, 1) == 1)
        wait_readable (fd, pid); /* for the hang-up */
    close (fd);
}

/* One life.  Returns what happened, for people. */
static const char *life (const char *self, enum moment moment, int delay)
{
    static const char *const when[] = { "after its start", "under load", "into its end" };
    static char text[256];
    int status;
    pid_t pid;

    unlink ("ready");
    if (mkfifo ("ready", 0666) < 0)
        crash_failed ("mkfifo: %s", strerror (errno));
    pid = start (self, kvs_only ? "--live-kvs" : "--live",
                 moment == IN_SHUTDOWN ? "100" : "0");
    if (moment != IN_START)
        wait_moment (moment, pid);
    pause_ms (delay);
    kill_broker (pid);
    status = wait_all (pid);
    if (WIFEXITED (status) && (moment != IN_SHUTDOWN || WEXITSTATUS (status) != 0))
        crash_wrong ("the instance ended by itself, with exit code %d",
                     WEXITSTATUS (status));
    snprintf (text, sizeof (text), "%s %d ms %s",
              WIFEXITED (status) ? "ended before it was killed" : "killed", delay,
              when[moment]);
    return text;
}

static void last_check (const char *self)
{
    if (wait_all (start (self, "--check", NULL)) != 0)
        crash_wrong ("the last check failed");
}

/* Some lives of one instance, in a directory of their own. */
static void run (const char *self, int rounds)
{
    static const int all[] = { 150, 400, 100 }, kvs[] = { 60, 150, 30 }; /* ms */
    const int *longest = kvs_only ? kvs : all;

    for (int i = 0; i < rounds; i++) {
        unsigned int dice = rnd (10);
        /* Some loads come to their end: there is something to lose on any machine. */
        enum moment moment = i % 10 == 9 ? IN_SHUTDOWN
                             : dice < 2  ? IN_START
                             : dice < 8  ? UNDER_LOAD
                                         : IN_SHUTDOWN;

        printf ("# %s\n", life (self, moment, rnd (longest[moment])));
        fflush (stdout);
        if (access ("failed", F_OK) == 0)
            exit (1);
    }
    last_check (self);
}

#define LIVES_MAX 25

int main (int argc, char *argv[])
{
    char self[PATH_MAX], dir[32];
    int rounds;

    if (argc > 2 && strncmp (argv[1], "--live", 6) == 0)
        return live (atol (argv[2]), strcmp (argv[1], "--live-kvs") != 0);
    if (argc > 1 && strcmp (argv[1], "--check") == 0)
        return check ();
    if (argc > 1 && (kvs_only = strcmp (argv[1], "--kvs") == 0)) {
        argc--;
        argv++;
    }
    if (argc < 2 || (rounds = atoi (argv[1])) < 1 || !realpath ("/proc/self/exe", self)) {
        fprintf (stderr, "Usage: crash [--kvs] ROUNDS [SEED]\n");
        return 1;
    }
    seed = argc > 2 ? strtoul (argv[2], NULL, 0) : (unsigned int)time (NULL);
    prctl (PR_SET_CHILD_SUBREAPER, 1);
    printf ("# crash: %d rounds, seed %u\n", rounds, seed);
    for (int i = 0; i < rounds; i += LIVES_MAX) {
        snprintf (dir, sizeof (dir), "instance%d", i / LIVES_MAX);
        if (mkdir (dir, 0777) < 0 || chdir (dir) < 0 || mkdir ("state", 0777) < 0)
            crash_failed ("%s: %s", dir, strerror (errno));
        run (self, rounds - i < LIVES_MAX ? rounds - i : LIVES_MAX);
        if (chdir ("..") < 0)
            crash_failed ("..: %s", strerror (errno));
    }
    return 0;
}
