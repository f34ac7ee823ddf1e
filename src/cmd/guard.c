/* guard.c - flux guard: ends the tasks of a broker that was killed.
 *
 * job-exec starts one and holds the other end of its stdin.  A byte from there
 * means that all is well and nobody is needed any more; the end of file alone
 * that the broker died and could not tell its tasks to end.  Those it started
 * itself the kernel kills with it (PR_SET_PDEATHSIG); what these have started
 * is found by the environment that they were given, in whatever process group
 * or session they are by now.
 *
 *   flux guard URI     of the broker's local socket: its tasks have that
 */

#include "config.h"
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd.h"
#include "common/text.h"

static const struct opt_table table = {
    .prog = "flux-guard",
    .usage = "URI",
    .summary = "End the tasks of a broker when standard input ends.",
    .example = "flux guard local:///tmp/flux-XXXXXX/local-0",
};

static int read_all (int fd, struct text *t)
{
    ssize_t n;

    text_clear (t);
    do {
        char *p = text_reserve (t, 16384);

        if (!p || ((n = read (fd, p, 16384)) < 0 && errno != EINTR))
            return -1;
        if (n > 0)
            text_commit (t, n);
    } while (n != 0);
    text_putc (t, '\0');
    return text_error (t) ? -1 : 0;
}

/* NAME=value pairs, each with its NUL: is this a process of a job of ours? */
static bool is_task (const struct text *env, const char *uri)
{
    static const char uri_is[] = "FLUX_URI=", job_is[] = "FLUX_KVS_NAMESPACE=job-";
    bool uri_ok = false, job_ok = false;

    for (size_t i = 0; i < env->len; i += strlen (env->buf + i) + 1) {
        const char *s = env->buf + i;

        if (!strncmp (s, uri_is, sizeof (uri_is) - 1))
            uri_ok = !strcmp (s + sizeof (uri_is) - 1, uri);
        else if (!strncmp (s, job_is, sizeof (job_is) - 1))
            job_ok = true;
    }
    return uri_ok && job_ok;
}

/* One look at all processes.  Returns how many had to be killed. */
static int kill_all (const char *uri, struct text *env)
{
    struct dirent *e;
    int killed = 0;
    DIR *dir;

    if (!(dir = opendir ("/proc")))
        return 0;
    while ((e = readdir (dir))) {
        char path[64];
        int pid = isdigit ((unsigned char)e->d_name[0]) ? atoi (e->d_name) : 0;
        int fd;

        snprintf (path, sizeof (path), "/proc/%d/environ", pid);
        if (pid <= 1 || pid == getpid () || (fd = open (path, O_RDONLY | O_CLOEXEC)) < 0)
            continue;
        if (read_all (fd, env) == 0 && is_task (env, uri) && kill (pid, SIGKILL) == 0)
            killed++;
        close (fd);
    }
    closedir (dir);
    return killed;
}

/* True if the broker is gone without a word. */
static bool is_orphaned (void)
{
    char c;
    ssize_t n;

    while ((n = read (STDIN_FILENO, &c, 1)) < 0 && errno == EINTR)
        ;
    return n == 0;
}

int cmd_guard (int argc, char **argv)
{
    enum { LOOKS = 1000, QUIET = 3, PAUSE = 5 /* ms */ };
    static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 };
    int i = opt_parse (&table, argc, argv, NULL, NULL);
    struct text env = TEXT_INIT;

    if (argc - i != 1)
        opt_usage (&table);
    for (size_t k = 0; k < ARRAY_SIZE (ignored); k++)
        signal (ignored[k], SIG_IGN);
    for (int k = 0, quiet = is_orphaned () ? 0 : QUIET; quiet < QUIET && k < LOOKS; k++) {
        /* some may have been started since the look began */
        quiet = kill_all (argv[i], &env) > 0 ? 0 : quiet + 1;
        if (quiet < QUIET)
            (void)poll (NULL, 0, PAUSE);
    }
    text_fini (&env);
    return 0;
}
