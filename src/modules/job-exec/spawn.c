#include "config.h"
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "common/text.h"
#include "common/util.h"
#include "spawn.h"

#define STACK_SIZE (64 << 10)
#define DEFAULT_PATH "/bin:/usr/bin"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

struct spawner {
    char *stack;
};

/* What the child works on, in memory shared with the parent. */
struct child {
    const struct spawn_command *cmd;
    char *const *candidates; /* paths to try, NULL-terminated */
    char **script_argv;      /* for text files without #!: sh, path, args */
    int fds[4];
    sigset_t no_signals;
    pid_t parent;
    int error; /* out: negative errno */
};

int spawner_create (struct spawner **ret)
{
    struct spawner *s;

    if (!(s = calloc (1, sizeof (*s))))
        return -ENOMEM;
    s->stack = mmap (NULL,
                     STACK_SIZE,
                     PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK,
                     -1,
                     0);
    if (s->stack == MAP_FAILED) {
        free (s);
        return -ENOMEM;
    }
    *ret = s;
    return 0;
}

void spawner_destroy (struct spawner *s)
{
    if (s) {
        munmap (s->stack, STACK_SIZE);
        free (s);
    }
}

/* The child.  No sanitizer may look: it shares the parent's bookkeeping but
 * runs on another stack.
 */
#define child_code __attribute__ ((no_sanitize ("address", "undefined", "thread")))

child_code static int prepare (struct child *c)
{
    const struct spawn_command *cmd = c->cmd;
    static const unsigned long dfl[4]; /* the kernel's sigaction: SIG_DFL, no flags */

    /* Not through sigaction (): glibc keeps 32 and 33 to itself, but what we
     * were started by may have left even those ignored.
     */
    for (int sig = 1; sig < NSIG; sig++) {
        if (sig != SIGKILL && sig != SIGSTOP)
            syscall (SYS_rt_sigaction, sig, dfl, NULL, NSIG / 8);
    }
    if (cmd->mortal && (prctl (PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid () != c->parent))
        return -ESRCH;
    if (cmd->newsession && setsid () < 0)
        return -errno;
    if (cmd->cwd >= 0 && fchdir (cmd->cwd) < 0)
        return -errno;
    if (cmd->umask >= 0)
        (void)umask (cmd->umask);
    for (int i = 0; i < 4; i++) {
        if (c->fds[i] >= 0 && dup2 (c->fds[i], i) < 0)
            return -errno;
    }
    if (cmd->tty && ioctl (0, TIOCSCTTY, 0) < 0)
        return -errno;
    if (syscall (SYS_close_range,
                 cmd->extra >= 0 ? SPAWN_EXTRA_FD + 1 : 3,
                 ~0U,
                 CLOSE_RANGE_CLOEXEC)
        < 0)
        return -errno;
    for (size_t i = 0; i < cmd->nlimits; i++) {
        if (setrlimit (cmd->limits[i].resource, &cmd->limits[i].limit) < 0)
            return -errno;
    }
    if (cmd->stop && ptrace (PTRACE_TRACEME, 0, NULL, NULL) < 0)
        return -errno;
    /* Without the cpus it asked for a task still runs. */
    if (cmd->cpus)
        (void)sched_setaffinity (0, sizeof (*cmd->cpus), cmd->cpus);
    return 0;
}

/* A file without #! that the kernel does not know: text is for sh, as execvp ()
 * has it, but another machine's program is not.
 */
child_code static bool is_text (const char *path)
{
    char head[80];
    int fd = open (path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read (fd, head, sizeof (head)) : 0;

    if (fd >= 0)
        close (fd);
    for (ssize_t i = 0; i < n && head[i] != '\n'; i++) {
        if (head[i] == '\0')
            return false;
    }
    return n < 4 || head[0] != '\177' || head[1] != 'E' || head[2] != 'L' || head[3] != 'F';
}

child_code static int child_main (void *arg)
{
    struct child *c = arg;
    int error = prepare (c);

    if (error == 0) {
        error = -ENOENT;
        sigprocmask (SIG_SETMASK, &c->no_signals, NULL);
        for (size_t i = 0; c->candidates[i]; i++) {
            execve (c->candidates[i], c->cmd->argv, c->cmd->envp);
            if (errno == ENOEXEC && !is_text (c->candidates[i]))
                errno = ENOEXEC; /* which reading it may have changed */
            else if (errno == ENOEXEC) {
                c->script_argv[1] = c->candidates[i];
                execve ("/bin/sh", c->script_argv, c->cmd->envp);
            }
            /* As execvp (): a forbidden file counts unless a later one runs. */
            if (errno == EACCES)
                error = -EACCES;
            else if (errno != ENOENT && errno != ENOTDIR) {
                error = -errno;
                break;
            }
        }
    }
    c->error = error;
    _exit (127);
}

/* Everything that may be the program: the word itself if it has a slash, else
 * it in every directory of path.
 */
static int find_candidates (const char *file, const char *path, char ***ret)
{
    struct text t = TEXT_INIT;
    size_t count = 2;
    char **list;
    char *p;

    if (!path)
        path = DEFAULT_PATH;
    for (const char *s = path; *s; s++)
        count += *s == ':';
    if (!*file || strchr (file, '/')) {
        if (*file)
            text_puts (&t, file);
        text_putc (&t, '\0');
    }
    else {
        for (const char *dir = path;; dir++) {
            size_t len = strcspn (dir, ":");

            text_put (&t, len > 0 ? dir : ".", len > 0 ? len : 1);
            text_putc (&t, '/');
            text_puts (&t, file);
            text_putc (&t, '\0');
            dir += len;
            if (!*dir)
                break;
        }
    }
    /* one block: pointers, then the strings */
    if (text_error (&t) || !(list = malloc (count * sizeof (list[0]) + t.len))) {
        text_fini (&t);
        return -ENOMEM;
    }
    p = memcpy ((char *)(list + count), t.buf, t.len);
    count = 0;
    for (char *end = p + t.len; p < end; p += strlen (p) + 1) {
        if (*p)
            list[count++] = p;
    }
    list[count] = NULL;
    text_fini (&t);
    *ret = list;
    return 0;
}

static int make_script_argv (char *const *argv, char ***ret)
{
    size_t argc = 0;
    char **list;

    while (argv[argc])
        argc++;
    if (!(list = calloc (argc + 3, sizeof (list[0]))))
        return -ENOMEM;
    list[0] = "sh";
    for (size_t i = 1; i < argc; i++)
        list[i + 1] = argv[i];
    *ret = list;
    return 0;
}

/* Descriptors must not lie where others are about to be put. */
static int raise_fds (const int *from, int *to, bool *raised)
{
    for (int i = 0; i < 4; i++) {
        raised[i] = false;
        to[i] = from[i];
        if (from[i] < 0 || from[i] > SPAWN_EXTRA_FD)
            continue;
        if ((to[i] = fcntl (from[i], F_DUPFD_CLOEXEC, SPAWN_EXTRA_FD + 1)) < 0)
            return -errno;
        raised[i] = true;
    }
    return 0;
}

#ifdef __SANITIZE_THREAD__
/* ThreadSanitizer takes a child of clone () for a process of its own, and
 * forgets what it knows of this one's threads.  It does not see this name.
 */
extern int __clone (int (*fn) (void *), void *stack, int flags, void *arg, ...);
#define clone __clone
#endif

/* The kernel stops it for us, who trace it, at the end of execve (); we leave it
 * to whoever sends SIGCONT.
 */
static void leave_stopped (pid_t pid, int pidfd)
{
    siginfo_t si;

    while (waitid (P_PIDFD, pidfd, &si, WSTOPPED | WEXITED | WNOWAIT | __WALL) < 0
           && errno == EINTR)
        ;
    (void)ptrace (PTRACE_DETACH, pid, NULL, (void *)(long)SIGSTOP);
}

static int run (struct spawner *s, struct child *c, pid_t *pid, int *pidfd)
{
    sigset_t all, old;
    int fd = -1;
    pid_t p;
    int e;

    sigfillset (&all);
    pthread_sigmask (SIG_SETMASK, &all, &old);
    p = clone (child_main,
               s->stack + STACK_SIZE,
               CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD,
               c,
               &fd);
    e = errno;
    pthread_sigmask (SIG_SETMASK, &old, NULL);
    if (p < 0)
        return -e;
    if (c->error < 0) {
        siginfo_t si;

        while (waitid (P_PIDFD, fd, &si, WEXITED | __WALL) < 0 && errno == EINTR)
            ;
        close (fd);
        return c->error;
    }
    if (c->cmd->stop)
        leave_stopped (p, fd);
    *pid = p;
    *pidfd = fd;
    return 0;
}

int spawn (struct spawner *s, const struct spawn_command *cmd, pid_t *pid, int *pidfd)
{
    int from[4] = { cmd->fds[0], cmd->fds[1], cmd->fds[2], cmd->extra };
    struct child c = { .cmd = cmd, .parent = getpid (), .fds = { -1, -1, -1, -1 } };
    bool raised[4] = { false };
    char **candidates = NULL;
    int r;

    sigemptyset (&c.no_signals);
    if ((r = find_candidates (cmd->argv[0], cmd->path, &candidates)) == 0
        && (r = make_script_argv (cmd->argv, &c.script_argv)) == 0
        && (r = raise_fds (from, c.fds, raised)) == 0) {
        c.candidates = candidates;
        r = run (s, &c, pid, pidfd);
    }
    for (int i = 0; i < 4; i++) {
        if (raised[i])
            close (c.fds[i]);
    }
    free (c.script_argv);
    free (candidates);
    return r;
}

static int get_status (int pidfd, int options, int *status)
{
    siginfo_t si = { 0 };

    if (waitid (P_PIDFD, pidfd, &si, WEXITED | WNOHANG | __WALL | options) < 0)
        return -errno;
    if (si.si_pid == 0)
        return -EAGAIN;
    if (si.si_code == CLD_EXITED)
        *status = (si.si_status & 0xff) << 8;
    else
        *status = (si.si_status & 0x7f) | (si.si_code == CLD_DUMPED ? 0x80 : 0);
    return 0;
}

int spawn_collect (int pidfd, int *status)
{
    return get_status (pidfd, 0, status);
}

int spawn_status (int pidfd, int *status)
{
    return get_status (pidfd, WNOWAIT, status);
}

int spawn_signal (int pidfd, int signum)
{
    return syscall (SYS_pidfd_send_signal, pidfd, signum, NULL, 0) < 0 ? -errno : 0;
}
