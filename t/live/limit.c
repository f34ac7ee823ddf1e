/* limit.c - run a test with a time limit, and leave nothing of it behind.
 *
 *   limit COMMAND [ARGS...]
 *
 * exits as COMMAND does.  If that takes more than T_SECONDS (600; with sanitizers
 * three times that), a line "not ok" with its name is printed, what was running is
 * told on stderr (story.h), everything that it has started is killed, and the exit
 * code is 124.
 * So is, with time to end by itself, what is left when COMMAND has ended.
 *
 * Whatever the processes below do about groups and sessions, they stay below:
 * orphans are given to us (PR_SET_CHILD_SUBREAPER).
 */

#include "config.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "story.h"

#ifdef WITH_SANITIZERS
enum { SLOWNESS = 3 };
#else
enum { SLOWNESS = 1 };
#endif

enum {
    SECONDS = 600,
    GRACE = 10, /* for what is left, in seconds */
    MAX = 4096, /* processes looked at */
};

static double now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec * 1e-9;
}

/* Parent of a process, 0 if it has gone (or is a zombie: that is gone, too). */
static pid_t parent_of (pid_t pid)
{
    char path[64], line[1024], state = 'Z';
    const char *end = NULL;
    int ppid = 0;
    FILE *f;

    snprintf (path, sizeof (path), "/proc/%d/stat", (int)pid);
    if (!(f = fopen (path, "r")))
        return 0;
    if (fgets (line, sizeof (line), f) && (end = strrchr (line, ')')))
        (void)sscanf (end + 1, " %c %d", &state, &ppid);
    fclose (f);
    return state == 'Z' ? 0 : ppid;
}

static bool is_below (pid_t pid, pid_t top)
{
    for (int depth = 0; pid > 1 && depth < MAX; depth++) {
        if ((pid = parent_of (pid)) == top)
            return true;
    }
    return false;
}

/* All processes below us. */
static int below (pid_t pids[MAX])
{
    DIR *dir = opendir ("/proc");
    struct dirent *e;
    int n = 0;

    while (dir && n < MAX && (e = readdir (dir))) {
        pid_t pid = isdigit ((unsigned char)e->d_name[0]) ? atoi (e->d_name) : 0;

        if (pid > 0 && is_below (pid, getpid ()))
            pids[n++] = pid;
    }
    if (dir)
        closedir (dir);
    return n;
}

static void describe_all (const char *what)
{
    static pid_t pids[MAX];
    int n = below (pids);

    if (n > 0)
        fprintf (stderr, "# %s:\n", what);
    for (int i = 0; i < n; i++)
        story_process (pids[i]);
}

static void tell_all (void)
{
    static pid_t pids[MAX];

    story_tell (pids, below (pids));
}

/* A test finds the signals as a terminal would leave them: in the background of a
 * shell script, or below nohup, some are ignored, and that is inherited.
 */
static void default_signals (void)
{
    static const int signums[] = { SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM, SIGCHLD };
    sigset_t none;

    for (size_t i = 0; i < sizeof (signums) / sizeof (signums[0]); i++)
        (void)signal (signums[i], SIG_DFL);
    sigemptyset (&none);
    (void)sigprocmask (SIG_SETMASK, &none, NULL);
}

/* They may start others until the last one is dead. */
static void kill_all (void)
{
    static pid_t pids[MAX];

    do {
        int n = below (pids);

        for (int i = 0; i < n; i++)
            (void)kill (pids[i], SIGKILL);
    } while (waitpid (-1, NULL, 0) > 0 || errno == EINTR);
}

/* Wait for pid, or with 0 for all, until the deadline.  Returns its status; 0 if
 * nobody is left; -1 if it is too late, or a signal that is to end us came.
 */
static int await (pid_t pid, double deadline, int *signum)
{
    sigset_t set;
    int status;

    sigemptyset (&set);
    sigaddset (&set, SIGCHLD);
    sigaddset (&set, SIGTERM);
    sigaddset (&set, SIGHUP);
    for (;;) {
        double left = deadline - now ();
        struct timespec ts = { (time_t)left, (long)((left - (time_t)left) * 1e9) };
        pid_t ended;

        while ((ended = waitpid (-1, &status, WNOHANG)) > 0) {
            if (ended == pid)
                return status;
        }
        if (ended < 0 && errno == ECHILD)
            return 0;
        if (left <= 0)
            return -1;
        if ((*signum = sigtimedwait (&set, NULL, &ts)) > 0 && *signum != SIGCHLD)
            return -1;
    }
}

static pid_t start (char *argv[])
{
    int out = story_listen ();
    pid_t pid = fork ();

    if (pid == 0) {
        if (out != STDOUT_FILENO)
            (void)dup2 (out, STDOUT_FILENO);
        default_signals ();
        execvp (argv[0], argv);
        perror (argv[0]);
        _exit (127);
    }
    if (out != STDOUT_FILENO)
        close (out);
    return pid;
}

/* It is over, or has to be: see that nothing is left. */
static void clean_up (void)
{
    int signum = 0;

    if (await (0, now () + GRACE, &signum) < 0) {
        describe_all ("left behind, and killed");
        kill_all ();
    }
}

int main (int argc, char *argv[])
{
    const char *s = getenv ("T_SECONDS");
    int seconds = (s ? atoi (s) : SECONDS) * SLOWNESS;
    int status, signum = 0;
    sigset_t set;
    pid_t pid;

    if (argc < 2)
        return 2;
    setenv ("T_LIMITED", "t", 1); /* for lib.sh: once is enough */
    sigemptyset (&set);
    sigaddset (&set, SIGCHLD);
    sigaddset (&set, SIGTERM);
    sigaddset (&set, SIGHUP);
    if (sigprocmask (SIG_BLOCK, &set, NULL) < 0
        || prctl (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 || (pid = start (argv + 1)) < 0) {
        perror ("limit");
        return 2;
    }
    if ((status = await (pid, now () + seconds, &signum)) >= 0) {
        clean_up ();
        story_end ();
        return WIFEXITED (status) ? WEXITSTATUS (status) : 128 + WTERMSIG (status);
    }
    if (signum != SIGTERM && signum != SIGHUP) {
        fprintf (stderr, "# %s: not done after %d s\n", argv[1], seconds);
        tell_all ();
    }
    kill_all ();
    story_end ();
    if (signum != SIGTERM && signum != SIGHUP)
        printf ("not ok - %s: not done after %d s\n", argv[1], seconds);
    return 124;
}
