#include "config.h"
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "common/tap.h"
#include "common/text.h"
#include "common/util.h"
#include "spawn.h"

static struct spawner *spawner;

static char *const env[] = { "PATH=/bin:/usr/bin", "X=1", NULL };

/* Run to the end; the wait status, or a negative errno.  What it wrote on
 * stdout is in out.
 */
static int run (struct spawn_command *cmd, struct text *out)
{
    struct pollfd pfd = { .events = POLLIN };
    int p[2], null = open ("/dev/null", O_RDWR | O_CLOEXEC);
    int r, status;
    char buf[4096];
    ssize_t n;
    pid_t pid;

    if (null < 0 || pipe2 (p, O_CLOEXEC) < 0)
        bail_out ("no pipe");
    cmd->envp = env;
    cmd->fds[0] = cmd->fds[2] = null;
    cmd->fds[1] = p[1];
    text_clear (out);
    r = spawn (spawner, cmd, &pid, &pfd.fd);
    close (p[1]);
    close (null);
    if (r == 0) {
        while ((n = read (p[0], buf, sizeof (buf))) > 0)
            text_put (out, buf, n);
        while (poll (&pfd, 1, -1) < 0)
            ;
        r = spawn_collect (pfd.fd, &status);
        close (pfd.fd);
    }
    close (p[0]);
    return r < 0 ? r : status;
}

#define COMMAND(...)                                                          \
    {                                                                         \
        .argv = (char *[]){ __VA_ARGS__, NULL }, .path = "/nodir:/bin:/usr/bin", \
        .cwd = -1, .extra = -1, .umask = -1                                             \
    }

static void statuses (void)
{
    struct text out = TEXT_INIT;
    struct spawn_command ok_cmd = COMMAND ("true");
    struct spawn_command three = COMMAND ("sh", "-c", "exit 3");
    struct spawn_command killed = COMMAND ("sh", "-c", "kill -9 $$");
    struct spawn_command nosuch = COMMAND ("no-such-program");
    struct spawn_command empty = COMMAND ("");
    struct spawn_command dir = COMMAND ("/tmp");
    struct spawn_command missing = COMMAND ("/nodir/x");

    is_int (run (&ok_cmd, &out), 0, "true");
    is_int (run (&three, &out), 3 << 8, "exit 3");
    is_int (run (&killed, &out), SIGKILL, "killed");
    is_int (run (&nosuch, &out), -ENOENT, "no such program in PATH");
    is_int (run (&empty, &out), -ENOENT, "an empty name");
    is_int (run (&dir, &out), -EACCES, "a directory");
    is_int (run (&missing, &out), -ENOENT, "no such path");
    text_fini (&out);
}

static void what_a_child_gets (void)
{
    struct text out = TEXT_INIT;
    struct spawn_limit limits[] = { { RLIMIT_CORE, { 0, 0 } },
                                    { RLIMIT_NOFILE, { 77, 99 } } };
    struct spawn_command fds = COMMAND ("sh", "-c", "ls /proc/self/fd | tr '\\n' ' '");
    struct spawn_command envcmd = COMMAND ("env");
    struct spawn_command cwd = COMMAND ("pwd");
    struct spawn_command limit = COMMAND ("sh", "-c", "ulimit -n; ulimit -c");
    struct spawn_command mask = COMMAND ("grep", "-E", "SigBlk|SigIgn", "/proc/self/status");
    struct spawn_command group = COMMAND ("sh",
                                          "-c",
                                          "set -- $(cat /proc/$$/stat); "
                                          "test $5 = $$ && echo leader");
    int leak = open ("/dev/null", O_RDONLY);
    int sv[2];
    struct sigaction ignore = { .sa_handler = SIG_IGN }, old;
    sigset_t all, oldmask;

    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0)
        bail_out ("no socket");
    run (&fds, &out);
    is (out.buf, "0 1 2 3 ", "stdin, stdout, stderr, and ls's own: nothing leaks");
    fds.extra = sv[0];
    run (&fds, &out);
    is (out.buf, "0 1 2 3 4 ", "one more when asked for");
    close (leak);
    close (sv[0]);
    close (sv[1]);
    run (&envcmd, &out);
    is (out.buf, "PATH=/bin:/usr/bin\nX=1\n", "its environment and no other");
    cwd.cwd = open ("/usr", O_PATH | O_DIRECTORY | O_CLOEXEC);
    run (&cwd, &out);
    is (out.buf, "/usr\n", "its directory");
    close (cwd.cwd);
    limit.limits = limits;
    limit.nlimits = 2;
    run (&limit, &out);
    is (out.buf, "77\n0\n", "its limits");
    group.newsession = true;
    run (&group, &out);
    is (out.buf, "leader\n", "its process group");

    sigaction (SIGPIPE, &ignore, &old);
    syscall (SYS_rt_sigaction, 32, (unsigned long[4]){ (unsigned long)SIG_IGN }, NULL, 8);
    sigfillset (&all);
    sigprocmask (SIG_SETMASK, &all, &oldmask);
    run (&mask, &out);
    sigprocmask (SIG_SETMASK, &oldmask, NULL);
    sigaction (SIGPIPE, &old, NULL);
    is (out.buf,
        "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n",
        "no signal blocked or ignored, whatever the parent does");
    text_fini (&out);
}

static void scripts_without_interpreter (void)
{
    char path[] = "/tmp/spawn-test-XXXXXX";
    struct text out = TEXT_INIT;
    struct spawn_command cmd = COMMAND (path, "a b");
    int fd = mkstemp (path);

    if (fd < 0 || write (fd, "echo \"$1\"\n", 10) != 10 || fchmod (fd, 0700) < 0)
        bail_out ("no script");
    close (fd);
    is_int (run (&cmd, &out), 0, "a script without #! is run by sh");
    is (out.buf, "a b\n", "with its arguments");
    fd = open (path, O_WRONLY | O_TRUNC);
    if (fd < 0 || write (fd, "\177ELF\0", 5) != 5)
        bail_out ("no program");
    close (fd);
    is_int (run (&cmd, &out), -ENOEXEC, "what is a program, but of another kind, is not");
    chmod (path, 0600);
    is_int (run (&cmd, &out), -EACCES, "not if it may not be executed");
    unlink (path);
    text_fini (&out);
}

static void signals_reach_it (void)
{
    struct spawn_command cmd = COMMAND ("sleep", "100");
    struct pollfd pfd = { .events = POLLIN };
    int null = open ("/dev/null", O_RDWR | O_CLOEXEC);
    int status = 0;
    pid_t pid;

    cmd.envp = env;
    cmd.fds[0] = cmd.fds[1] = cmd.fds[2] = null;
    ok (spawn (spawner, &cmd, &pid, &pfd.fd) == 0, "a long one starts");
    is_int (spawn_collect (pfd.fd, &status), -EAGAIN, "it still runs");
    ok (spawn_signal (pfd.fd, SIGTERM) == 0, "it is sent a signal");
    while (poll (&pfd, 1, -1) < 0)
        ;
    ok (spawn_status (pfd.fd, &status) == 0 && status == SIGTERM, "and dies of it");
    ok (kill (pid, 0) == 0, "its process id is kept");
    ok (spawn_collect (pfd.fd, &status) == 0 && status == SIGTERM, "until it is collected");
    is_int (spawn_signal (pfd.fd, SIGTERM), -ESRCH, "only once");
    close (pfd.fd);
    close (null);
}

static void *spawn_and_leave (void *arg)
{
    struct pollfd *pfd = arg;
    struct spawn_command cmd = COMMAND ("sleep", "100");
    int null = open ("/dev/null", O_RDWR | O_CLOEXEC);
    struct spawner *s;
    pid_t pid;

    cmd.envp = env;
    cmd.fds[0] = cmd.fds[1] = cmd.fds[2] = null;
    cmd.mortal = true;
    if (spawner_create (&s) < 0 || spawn (s, &cmd, &pid, &pfd->fd) < 0)
        bail_out ("no process");
    spawner_destroy (s);
    close (null);
    return NULL;
}

static void mortal_ones_end_with_their_thread (void)
{
    struct pollfd pfd = { .events = POLLIN };
    pthread_t thread;
    int status = 0;

    if (pthread_create (&thread, NULL, spawn_and_leave, &pfd) != 0
        || pthread_join (thread, NULL) != 0)
        bail_out ("no thread");
    while (poll (&pfd, 1, -1) < 0)
        ;
    ok (spawn_collect (pfd.fd, &status) == 0 && status == SIGKILL,
        "a mortal one is killed when the thread that started it ends");
    close (pfd.fd);
}

static double now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec * 1E-9;
}

/* The point of it all.  No pass mark: figures for the report. */
static void cost_in_a_big_process (void)
{
    enum { RUNS = 100, SIZE = 1 << 28 };
    struct spawn_command cmd = COMMAND ("/bin/true");
    int null = open ("/dev/null", O_RDWR | O_CLOEXEC);
    char *big = mmap (NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    double t = 0, t0;
    bool good = true;

    if (big == MAP_FAILED)
        bail_out ("no memory");
    memset (big, 1, SIZE);
    cmd.envp = env;
    cmd.fds[0] = cmd.fds[1] = cmd.fds[2] = null;
    for (int i = 0; i < RUNS; i++) {
        struct pollfd pfd = { .events = POLLIN };
        int status;
        pid_t pid;

        t0 = now ();
        good = good && spawn (spawner, &cmd, &pid, &pfd.fd) == 0;
        t += now () - t0;
        while (poll (&pfd, 1, -1) < 0)
            ;
        good = good && spawn_collect (pfd.fd, &status) == 0 && status == 0;
        close (pfd.fd);
    }
    ok (good, "%d processes start and end", RUNS);
    diag ("spawn () in a process of 256 MiB: %.0f us", t / RUNS * 1E6);
    munmap (big, SIZE);
    close (null);
}

int main (void)
{
    if (spawner_create (&spawner) < 0)
        bail_out ("no spawner");
    statuses ();
    what_a_child_gets ();
    scripts_without_interpreter ();
    signals_reach_it ();
    mortal_ones_end_with_their_thread ();
    cost_in_a_big_process ();
    spawner_destroy (spawner);
    return done_testing ();
}
