#include "config.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "story.h"

/* What the test printed last, as a ring. */
static struct {
    pthread_t thread;
    pthread_mutex_t lock;
    int fd; /* -1: nothing is listened to */
    char buf[8192];
    size_t count;
} heard = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

/* ---- what it prints ---- */

static void pass_on (const char *p, size_t n)
{
    ssize_t done;

    while (n > 0 && ((done = write (STDOUT_FILENO, p, n)) >= 0 || errno == EINTR)) {
        p += done > 0 ? done : 0;
        n -= done > 0 ? done : 0;
    }
}

static void *listen_thread (void *arg)
{
    char buf[4096];
    ssize_t n;

    while ((n = read (heard.fd, buf, sizeof (buf))) > 0 || (n < 0 && errno == EINTR)) {
        if (n < 0)
            continue;
        pthread_mutex_lock (&heard.lock);
        for (ssize_t i = 0; i < n; i++)
            heard.buf[heard.count++ % sizeof (heard.buf)] = buf[i];
        pthread_mutex_unlock (&heard.lock);
        pass_on (buf, n);
    }
    return NULL;
}

int story_listen (void)
{
    int fds[2];

    if (isatty (STDOUT_FILENO) || pipe2 (fds, O_CLOEXEC) < 0)
        return STDOUT_FILENO;
    heard.fd = fds[0];
    if (pthread_create (&heard.thread, NULL, listen_thread, NULL) != 0) {
        close (fds[0]);
        close (fds[1]);
        heard.fd = -1;
        return STDOUT_FILENO;
    }
    return fds[1];
}

void story_end (void)
{
    if (heard.fd >= 0)
        pthread_join (heard.thread, NULL);
}

/* The last lines of a text. */
static void tell_tail (const char *text, size_t len, int lines)
{
    size_t begin = len;

    while (begin > 0 && !(text[begin - 1] == '\n' && begin < len && --lines == 0))
        begin--;
    while (begin < len) {
        const char *nl = memchr (text + begin, '\n', len - begin);
        size_t n = nl ? (size_t)(nl - (text + begin)) : len - begin;

        fprintf (stderr, "#   %.*s\n", (int)n, text + begin);
        begin += n + 1;
    }
}

static void tell_heard (void)
{
    char text[sizeof (heard.buf)];
    size_t n, first;

    if (heard.fd < 0)
        return;
    pthread_mutex_lock (&heard.lock);
    n = heard.count < sizeof (heard.buf) ? heard.count : sizeof (heard.buf);
    first = heard.count - n;
    for (size_t i = 0; i < n; i++)
        text[i] = heard.buf[(first + i) % sizeof (heard.buf)];
    pthread_mutex_unlock (&heard.lock);
    fprintf (stderr, "# its last words:\n");
    tell_tail (text, n, STORY_LINES);
}

/* ---- processes ---- */

/* A small file of a process, with NUL and newline as blanks; its length. */
static size_t slurp (pid_t pid, const char *name, char *buf, size_t size)
{
    char path[64];
    size_t n = 0;
    FILE *f;

    snprintf (path, sizeof (path), "/proc/%d/%s", (int)pid, name);
    if ((f = fopen (path, "r"))) {
        n = fread (buf, 1, size - 1, f);
        fclose (f);
    }
    buf[n] = '\0';
    for (size_t i = 0; i < n; i++) {
        if (buf[i] == '\0' || buf[i] == '\n')
            buf[i] = ' ';
    }
    return n;
}

void story_process (pid_t pid)
{
    char stat[1024], cmdline[200], wchan[64], state = '?';
    const char *end;
    int ppid = 0;

    slurp (pid, "stat", stat, sizeof (stat));
    if ((end = strrchr (stat, ')')))
        (void)sscanf (end + 1, " %c %d", &state, &ppid);
    if (slurp (pid, "cmdline", cmdline, sizeof (cmdline)) == 0)
        return;
    slurp (pid, "wchan", wchan, sizeof (wchan));
    fprintf (stderr, "#   %d (of %d) %c %s: %s\n", (int)pid, ppid, state, wchan, cmdline);
}

/* The threads of a broker are its modules: who of them is busy? */
static void tell_threads (pid_t pid)
{
    char path[64], name[64], comm[64], stat[1024];
    struct dirent *e;
    DIR *dir;

    snprintf (path, sizeof (path), "/proc/%d/task", (int)pid);
    if (!(dir = opendir (path)))
        return;
    fprintf (stderr, "# threads of %d:", (int)pid);
    while ((e = readdir (dir))) {
        const char *end;

        if (!isdigit ((unsigned char)e->d_name[0]))
            continue;
        snprintf (name, sizeof (name), "task/%.16s/comm", e->d_name);
        slurp (pid, name, comm, sizeof (comm));
        snprintf (name, sizeof (name), "task/%.16s/stat", e->d_name);
        slurp (pid, name, stat, sizeof (stat));
        end = strrchr (stat, ')');
        fprintf (stderr, " %s%c", comm, end && end[1] ? end[2] : '?');
    }
    fprintf (stderr, "\n");
    closedir (dir);
}

/* ---- instances ---- */

/* A variable in the environment of a process; "" without. */
static void get_env (pid_t pid, const char *name, char *value, size_t size)
{
    char path[64], *line = NULL;
    size_t room = 0, len = strlen (name);
    FILE *f;

    value[0] = '\0';
    snprintf (path, sizeof (path), "/proc/%d/environ", (int)pid);
    if (!(f = fopen (path, "r")))
        return;
    while (getdelim (&line, &room, '\0', f) > 0) {
        if (strncmp (line, name, len) == 0 && line[len] == '=')
            snprintf (value, size, "%s", line + len + 1);
    }
    free (line);
    fclose (f);
}

static pid_t start (const char *uri, char *const argv[], int fd)
{
    sigset_t none;
    pid_t pid = fork ();

    if (pid != 0)
        return pid;
    sigemptyset (&none);
    sigprocmask (SIG_SETMASK, &none, NULL);
    (void)dup2 (fd, STDOUT_FILENO);
    (void)dup2 (fd, STDERR_FILENO);
    if (uri)
        setenv ("FLUX_URI", uri, 1);
    unsetenv ("INSIDE_FLUX");
    execvp (argv[0], argv);
    _exit (127);
}

static double now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec * 1e-9;
}

/* Run a command, not for long, and show the end of what it says. */
static void ask (const char *uri, int lines, char *const argv[])
{
    static char buf[1 << 16];
    double deadline = now () + STORY_SECONDS;
    struct pollfd pfd = { .events = POLLIN };
    size_t len = 0;
    ssize_t n = -1;
    int fds[2];
    pid_t pid;

    if (pipe2 (fds, O_CLOEXEC) < 0)
        return;
    pid = start (uri, argv, fds[1]);
    close (fds[1]);
    pfd.fd = fds[0];
    while (pid > 0 && deadline > now ()
           && poll (&pfd, 1, (int)((deadline - now ()) * 1000) + 1) > 0
           && (n = read (fds[0], buf + len, sizeof (buf) - len)) > 0) {
        len += n;
        if (len > sizeof (buf) / 2) { /* the end matters */
            memmove (buf, buf + len - sizeof (buf) / 4, sizeof (buf) / 4);
            len = sizeof (buf) / 4;
        }
    }
    fprintf (stderr, "# %s %s%s:\n", argv[0], argv[1], n == 0 ? "" : " (no end of it)");
    tell_tail (buf, len, lines);
    close (fds[0]);
    if (pid > 0) {
        (void)kill (pid, SIGKILL);
        (void)waitpid (pid, NULL, 0);
    }
}

static void tell_instance (const char *uri)
{
    fprintf (stderr, "# instance %s\n", uri);
    ask (uri, STORY_LINES, (char *[]){ "flux", "dmesg", NULL });
    ask (uri, STORY_LINES, (char *[]){ "flux", "module", "list", NULL });
}

static void tell_stacks (pid_t pid)
{
    char number[16];

    snprintf (number, sizeof (number), "%d", (int)pid);
    ask (NULL, STORY_FRAMES,
         (char *[]){ "gdb", "-batch", "-nx", "-p", number, "-ex",
                     "thread apply all backtrace 8", NULL });
}

static bool is_broker (pid_t pid)
{
    char comm[64];

    slurp (pid, "comm", comm, sizeof (comm));
    return strncmp (comm, "flux-broker", 11) == 0;
}

/* Commands are found in the build, as the test finds them. */
static void set_path (void)
{
    const char *builddir = getenv ("BUILDDIR"), *old = getenv ("PATH");
    char path[8192];

    if (builddir) {
        snprintf (path, sizeof (path), "%s/src/cmd:%s", builddir, old ? old : "/usr/bin");
        setenv ("PATH", path, 1);
    }
}

static void tell_instances (const pid_t *pids, int count)
{
    char uris[STORY_INSTANCES][256];
    int n = 0;

    for (int i = 0; i < count && n < STORY_INSTANCES; i++) {
        bool known = false;

        get_env (pids[i], "FLUX_URI", uris[n], sizeof (uris[n]));
        for (int k = 0; k < n; k++)
            known |= strcmp (uris[k], uris[n]) == 0;
        n += uris[n][0] && !known;
    }
    for (int k = 0; k < n; k++)
        tell_instance (uris[k]);
}

void story_tell (const pid_t *pids, int count)
{
    int brokers = 0;

    fprintf (stderr, "# what was running:\n");
    for (int i = 0; i < count; i++)
        story_process (pids[i]);
    tell_heard ();
    set_path ();
    tell_instances (pids, count);
    for (int i = 0; i < count; i++) {
        if (is_broker (pids[i]) && brokers++ < STORY_INSTANCES) {
            tell_threads (pids[i]);
            tell_stacks (pids[i]);
        }
    }
    fflush (stderr);
}
