/* start_many.c - flux start -s N: N brokers, and a PMI server among which they
 * find each other.
 *
 * Ranks above 0 have process groups of their own, so that what is typed at a
 * terminal reaches rank 0 only, as it does in an instance of one.
 */

#include "config.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <flux/hostlist.h>

#include "common/pmi.h"

#include "cmd.h"
#include "start.h"

struct broker {
    pid_t pid; /* 0: it has ended */
    int fd;    /* its PMI socket, -1: closed */
};

struct starter {
    const struct start_many *args;
    char **v;
    char *rundir;
    char *hostlist;
    bool made_rundir;
    struct broker *brokers;
    int running;
    struct pmi *pmi;
    int sigfd;
    int leader_code;
    int highest_code;
    double deadline; /* when to kill the rest; 0: not set */
};

static double now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + ts.tv_nsec * 1E-9;
}

static void kill_all (struct starter *st, int signum)
{
    for (int i = 0; i < st->args->size; i++) {
        if (st->brokers[i].pid > 0)
            (void)kill (st->brokers[i].pid, signum);
    }
}

/* PMI */

static void pmi_send (void *arg, uint32_t rank, const char *line, size_t len)
{
    struct starter *st = arg;

    /* one short answer at a time: what does not go at once never will */
    if (st->brokers[rank].fd >= 0
        && send (st->brokers[rank].fd, line, len, MSG_NOSIGNAL) != (ssize_t)len)
        cmd_warn ("%u: PMI answer not sent: %s", (unsigned int)rank, strerror (errno));
}

static void pmi_abort (void *arg, uint32_t rank, int code, const char *message)
{
    cmd_warn ("%u: PMI abort: %s", (unsigned int)rank, message);
    kill_all (arg, SIGTERM);
}

static void pmi_error (void *arg, uint32_t rank, const char *line)
{
    cmd_warn ("%u: PMI protocol error: %s", (unsigned int)rank, line);
    kill_all (arg, SIGTERM);
}

static const struct pmi_ops pmi_ops = { pmi_send, pmi_abort, pmi_error };

static void pmi_read (struct starter *st, int rank)
{
    struct broker *b = &st->brokers[rank];
    char buf[4096];
    ssize_t n = read (b->fd, buf, sizeof (buf));

    if (n > 0)
        pmi_input (st->pmi, rank, buf, n);
    else if (n == 0 || errno != EINTR) {
        close (b->fd);
        b->fd = -1;
    }
}

/* Places */

static void make_rundir (struct starter *st)
{
    const char *tmp = getenv ("TMPDIR");

    if (st->args->rundir) {
        if (!(st->rundir = realpath (st->args->rundir, NULL)))
            cmd_die ("%s: %s", st->args->rundir, strerror (errno));
        return;
    }
    if (asprintf (&st->rundir, "%s/flux-XXXXXX", tmp && *tmp ? tmp : "/tmp") < 0)
        cmd_die ("out of memory");
    if (!mkdtemp (st->rundir))
        cmd_die ("%s: %s", st->rundir, strerror (errno));
    st->made_rundir = true;
}

static int remove_entry (const char *path, const struct stat *st, int type, struct FTW *f)
{
    (void)remove (path);
    return 0;
}

static void remove_rundir (struct starter *st)
{
    if (st->made_rundir)
        (void)nftw (st->rundir, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

/* One name for each broker: those given, or that of this machine. */
static void make_hostlist (struct starter *st)
{
    struct hostlist *hl;
    char host[HOST_NAME_MAX + 1] = "";

    if (st->args->hosts) {
        if (!(hl = hostlist_decode (st->args->hosts)))
            cmd_die ("--test-hosts: '%s' is no hostlist", st->args->hosts);
        if (hostlist_count (hl) != st->args->size)
            cmd_die ("--test-hosts: %d names for %d brokers", hostlist_count (hl),
                     st->args->size);
    }
    else {
        if (gethostname (host, sizeof (host) - 1) < 0 || !(hl = hostlist_create ()))
            cmd_die ("%s", strerror (errno));
        for (int i = 0; i < st->args->size; i++) {
            if (hostlist_append (hl, host) < 0)
                cmd_die ("%s: %s", host, strerror (errno));
        }
    }
    if (!(st->hostlist = hostlist_encode (hl)))
        cmd_die ("out of memory");
    hostlist_destroy (hl);
}

/* Brokers */

/* The options, what we add to them, and for rank 0 the initial program. */
static char **broker_argv (struct starter *st, int rank)
{
    int n = 0, words = st->args->noptions;
    char **argv;

    while (st->v[words])
        words++;
    if (!(argv = calloc (words + 4, sizeof (argv[0]))))
        cmd_die ("out of memory");
    while (n <= st->args->nwrap) { /* the broker's path comes after --wrap's words */
        argv[n] = st->v[n];
        n++;
    }
    if (asprintf (&argv[n++], "-Srundir=%s", st->rundir) < 0
        || asprintf (&argv[n++], "-Shostlist=%s", st->hostlist) < 0)
        cmd_die ("out of memory");
    for (int i = st->args->nwrap + 1; i < (rank == 0 ? words : st->args->noptions); i++)
        argv[n++] = st->v[i];
    return argv;
}

static void set_number (const char *name, int n)
{
    char buf[16];

    snprintf (buf, sizeof (buf), "%d", n);
    if (setenv (name, buf, 1) < 0)
        cmd_die ("out of memory");
}

/* In the child. */
static void _noreturn_ become_broker (struct starter *st, int rank, int fd, char **argv)
{
    sigset_t none;

    /* whoever kills us, with whatever signal, ends the instance in order */
    (void)prctl (PR_SET_PDEATHSIG, SIGTERM);
    if (rank > 0)
        (void)setpgid (0, 0);
    sigemptyset (&none);
    (void)sigprocmask (SIG_SETMASK, &none, NULL);
    unsetenv ("FLUX_JOB_ID"); /* the instance is not that job's */
    set_number ("PMI_RANK", rank);
    set_number ("PMI_SIZE", st->args->size);
    set_number ("PMI_FD", fd);
    execvp (argv[0], argv);
    cmd_die ("%s: %s", argv[0], strerror (errno));
}

static void start_broker (struct starter *st, int rank)
{
    struct broker *b = &st->brokers[rank];
    char **argv = broker_argv (st, rank);
    int fd[2];

    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
        cmd_die ("socketpair: %s", strerror (errno));
    if ((b->pid = fork ()) < 0)
        cmd_die ("fork: %s", strerror (errno));
    if (b->pid == 0) {
        (void)fcntl (fd[1], F_SETFD, 0);
        become_broker (st, rank, fd[1], argv);
    }
    close (fd[1]);
    b->fd = fd[0];
    st->running++;
    free (argv[st->args->nwrap + 1]);
    free (argv[st->args->nwrap + 2]);
    free (argv);
}

static int exit_code (int status)
{
    return WIFSIGNALED (status) ? 128 + WTERMSIG (status) : WEXITSTATUS (status);
}

static void broker_ended (struct starter *st, int rank, int status)
{
    int code = exit_code (status);

    if (WIFSIGNALED (status))
        cmd_warn ("%d (pid %d) %s", rank, (int)st->brokers[rank].pid,
                  strsignal (WTERMSIG (status)));
    else if (code != 0)
        cmd_warn ("%d (pid %d) exited with rc=%d", rank, (int)st->brokers[rank].pid,
                  code);
    st->brokers[rank].pid = 0;
    st->running--;
    if (code > st->highest_code)
        st->highest_code = code;
    if (rank == 0) {
        st->leader_code = code;
        st->deadline = now () + st->args->exit_timeout;
    }
}

static void reap (struct starter *st)
{
    int status;
    pid_t pid;

    while ((pid = waitpid (-1, &status, WNOHANG)) > 0) {
        for (int i = 0; i < st->args->size; i++) {
            if (st->brokers[i].pid == pid)
                broker_ended (st, i, status);
        }
    }
}

/* A broker that ends before all have met leaves the others waiting for it. */
static void check_meeting (struct starter *st)
{
    bool ended = false;

    for (int i = 0; i < st->args->size; i++)
        ended = ended || st->brokers[i].pid == 0;
    if (!ended || pmi_barriers (st->pmi) > 0)
        return;
    for (int i = 0; i < st->args->size; i++) {
        if (st->brokers[i].fd >= 0)
            close (st->brokers[i].fd);
        st->brokers[i].fd = -1;
    }
}

static void signalled (struct starter *st)
{
    struct signalfd_siginfo si;

    while (read (st->sigfd, &si, sizeof (si)) == sizeof (si)) {
        if (si.ssi_signo == SIGCHLD)
            reap (st);
        else if (si.ssi_code != SI_KERNEL && st->brokers[0].pid > 0)
            /* the terminal's own signals went to rank 0 as well */
            (void)kill (st->brokers[0].pid, si.ssi_signo);
    }
}

static void catch_signals (struct starter *st)
{
    static const int signums[] = { SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT };
    sigset_t set;

    sigemptyset (&set);
    for (size_t i = 0; i < ARRAY_SIZE (signums); i++)
        sigaddset (&set, signums[i]);
    if (sigprocmask (SIG_BLOCK, &set, NULL) < 0
        || (st->sigfd = signalfd (-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) < 0)
        cmd_die ("signalfd: %s", strerror (errno));
}

static int time_left (struct starter *st)
{
    double left = st->deadline - now ();

    if (st->deadline == 0.)
        return -1;
    return left > 0. ? (int)(left * 1000) + 1 : 0;
}

static void serve (struct starter *st)
{
    struct pollfd *pfds = calloc (st->args->size + 1, sizeof (pfds[0]));

    if (!pfds)
        cmd_die ("out of memory");
    while (st->running > 0) {
        for (int i = 0; i < st->args->size; i++)
            pfds[i] = (struct pollfd){ .fd = st->brokers[i].fd, .events = POLLIN };
        pfds[st->args->size] = (struct pollfd){ .fd = st->sigfd, .events = POLLIN };
        if (poll (pfds, st->args->size + 1, time_left (st)) < 0 && errno != EINTR)
            cmd_die ("poll: %s", strerror (errno));
        for (int i = 0; i < st->args->size; i++) {
            if (st->brokers[i].fd >= 0 && pfds[i].revents)
                pmi_read (st, i);
        }
        if (pfds[st->args->size].revents)
            signalled (st);
        check_meeting (st);
        if (st->deadline > 0. && st->running > 0 && time_left (st) == 0) {
            cmd_warn ("%d brokers are left after %gs: they are killed", st->running,
                      st->args->exit_timeout);
            kill_all (st, SIGKILL);
            st->deadline = now () + st->args->exit_timeout;
        }
    }
    free (pfds);
}

int start_many (const struct start_many *args, char **v)
{
    struct starter st = { .args = args, .v = v };

    make_hostlist (&st);
    make_rundir (&st);
    if (!(st.brokers = calloc (args->size, sizeof (st.brokers[0])))
        || pmi_create (args->size, "-", &pmi_ops, &st, &st.pmi) < 0)
        cmd_die ("out of memory");
    for (int i = 0; i < args->size; i++)
        st.brokers[i].fd = -1;
    catch_signals (&st);
    for (int i = 0; i < args->size; i++)
        start_broker (&st, i);
    serve (&st);
    remove_rundir (&st);
    pmi_destroy (st.pmi);
    free (st.brokers);
    free (st.rundir);
    free (st.hostlist);
    close (st.sigfd);
    return args->leader_only ? st.leader_code : st.highest_code;
}
