#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/util.h"

#include "module_process.h"

enum {
    CHILD_FD = 3,      /* the channel, in the process */
    RELAY_BATCH = 128, /* messages passed on before the other direction's turn */
};

/* How long a process has to end once it has closed its channel. */
#define END_TIMEOUT 5. /* seconds */

struct module_process {
    char *loader;
    pid_t pid;
    int pidfd; /* for whoever waits or kills: safe when the process is gone */
    int fd;    /* our end of the channel; -1 when the relay has it */
    bool reaped;
    int status;

    /* of the relay */
    flux_t *broker;
    flux_t *process;
    flux_reactor_t *reactor;
    flux_watcher_t *down;  /* from the broker */
    flux_watcher_t *up;    /* from the process */
    flux_watcher_t *end;   /* of the process */
    flux_watcher_t *timer; /* for that, when it has closed the channel */
};

/* Start */

/* Both ends speak the protocol of the local socket (wire.md section 2), and both
 * as a client: each finds the byte that says welcome.
 */
static int make_channel (int fds[2])
{
    static const char welcome;

    if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return -1;
    if (write (fds[0], &welcome, 1) == 1 && write (fds[1], &welcome, 1) == 1)
        return 0;
    close (fds[0]);
    close (fds[1]);
    return -1;
}

/* In a process group of its own, so that signals for the broker do not reach it. */
static int set_attributes (posix_spawnattr_t *attr)
{
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP;
    sigset_t none, all;
    int e;

    sigemptyset (&none);
    sigfillset (&all);
    if ((e = posix_spawnattr_setflags (attr, flags))
        || (e = posix_spawnattr_setsigmask (attr, &none))
        || (e = posix_spawnattr_setsigdefault (attr, &all)))
        return e;
    return posix_spawnattr_setpgroup (attr, 0);
}

static int spawn (struct module_process *p, char *const argv[], char *const envp[], int fd)
{
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    int e;

    if ((e = posix_spawn_file_actions_init (&fa)))
        return e;
    if ((e = posix_spawnattr_init (&attr))) {
        posix_spawn_file_actions_destroy (&fa);
        return e;
    }
    if (!(e = posix_spawn_file_actions_adddup2 (&fa, fd, CHILD_FD))
        && !(e = posix_spawn_file_actions_addclosefrom_np (&fa, CHILD_FD + 1))
        && !(e = posix_spawn_file_actions_addopen (
                 &fa, STDIN_FILENO, "/dev/null", O_RDONLY, 0))
        && !(e = set_attributes (&attr)))
        e = posix_spawn (&p->pid, argv[0], &fa, &attr, argv, envp);
    posix_spawnattr_destroy (&attr);
    posix_spawn_file_actions_destroy (&fa);
    return e;
}

static int start (struct module_process *p,
                  const char *flux,
                  const char *path,
                  const struct child_env *env)
{
    char *const argv[] = { (char *)flux, p->loader, (char *)path, NULL };
    char uri[64];
    char **envp = calloc (env->count + 2, sizeof (envp[0]));
    int fds[2];
    int e;

    if (!envp)
        return -1;
    snprintf (uri, sizeof (uri), "FLUX_MODULE_URI=fd://%d", CHILD_FD);
    memcpy (envp, env->v, env->count * sizeof (envp[0]));
    envp[env->count] = uri;
    if (make_channel (fds) < 0) {
        free_keep_errno (envp);
        return -1;
    }
    e = spawn (p, argv, envp, fds[1]);
    free (envp);
    close (fds[1]);
    p->fd = fds[0];
    errno = e;
    if (e || (p->pidfd = syscall (SYS_pidfd_open, p->pid, 0)) < 0)
        return -1;
    return 0;
}

struct module_process *module_process_start (const char *flux,
                                             const char *loader,
                                             const char *path,
                                             const struct child_env *env)
{
    struct module_process *p = calloc (1, sizeof (*p));

    if (!p)
        return NULL;
    p->pid = p->pidfd = p->fd = -1;
    if (!(p->loader = strdup (loader)) || start (p, flux, path, env) < 0) {
        module_process_free (p);
        return NULL;
    }
    return p;
}

/* End */

void module_process_kill (struct module_process *p)
{
    (void)syscall (SYS_pidfd_send_signal, p->pidfd, SIGKILL, NULL, 0);
}

static void reap (struct module_process *p)
{
    while (waitpid (p->pid, &p->status, 0) < 0 && errno == EINTR)
        ;
    p->reaped = true;
}

void module_process_describe (const struct module_process *p, char *buf, size_t size)
{
    if (WIFSIGNALED (p->status))
        snprintf (buf, size, "loader (%s) killed by %s", p->loader,
                  strsignal (WTERMSIG (p->status)));
    else
        snprintf (buf, size, "loader (%s) exited with rc=%d", p->loader,
                  WEXITSTATUS (p->status));
}

void module_process_free (struct module_process *p)
{
    int saved_errno = errno;

    if (!p)
        return;
    if (p->pid > 0 && !p->reaped) {
        (void)kill (p->pid, SIGKILL); /* not waited for yet: the number is its own */
        reap (p);
    }
    if (p->pidfd >= 0)
        close (p->pidfd);
    if (p->fd >= 0)
        close (p->fd);
    free (p->loader);
    free (p);
    errno = saved_errno;
}

/* Relay */

/* Returns 0, or -1 if there is nothing more to come.  A message that the other
 * side does not take any more is lost with it: the router knows whom to tell.
 */
static int pass_on (flux_t *from, flux_t *to, int max)
{
    flux_msg_t *msg;

    for (int i = 0; i < max; i++) {
        if (!(msg = flux_recv (from, FLUX_MATCH_ANY, FLUX_O_NONBLOCK)))
            return errno == EWOULDBLOCK ? 0 : -1;
        if (flux_send_new (to, &msg, 0) < 0)
            flux_msg_decref (msg);
    }
    return 0;
}

static void down_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct module_process *p = arg;

    if (pass_on (p->broker, p->process, RELAY_BATCH) < 0)
        flux_watcher_stop (w);
}

/* When it has closed the channel it is about to end. */
static void up_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct module_process *p = arg;

    if (pass_on (p->process, p->broker, RELAY_BATCH) < 0) {
        flux_watcher_stop (w);
        flux_watcher_start (p->timer);
    }
}

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    module_process_kill (arg);
}

/* What it has sent before is all there. */
static void end_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct module_process *p = arg;

    (void)pass_on (p->process, p->broker, INT_MAX);
    flux_reactor_stop (r);
}

static int relay_start (struct module_process *p)
{
    char uri[64];

    snprintf (uri, sizeof (uri), "fd://%d", p->fd);
    if (!(p->reactor = flux_reactor_create (0))
        || !(p->process = flux_open (uri, FLUX_O_NOREQUEUE)))
        return -1;
    p->fd = -1;
    if (!(p->down = flux_handle_watcher_create (
              p->reactor, p->broker, FLUX_POLLIN, down_cb, p))
        || !(p->up = flux_handle_watcher_create (
                 p->reactor, p->process, FLUX_POLLIN | FLUX_POLLERR, up_cb, p))
        || !(p->end = flux_fd_watcher_create (
                 p->reactor, p->pidfd, FLUX_POLLIN, end_cb, p))
        || !(p->timer = flux_timer_watcher_create (
                 p->reactor, END_TIMEOUT, 0., timer_cb, p)))
        return -1;
    flux_watcher_start (p->down);
    flux_watcher_start (p->up);
    flux_watcher_start (p->end);
    return 0;
}

void module_process_relay (struct module_process *p, flux_t *h)
{
    p->broker = h;
    if (relay_start (p) < 0 || flux_reactor_run (p->reactor, 0) < 0)
        module_process_kill (p);
    reap (p);
    flux_watcher_destroy (p->down);
    flux_watcher_destroy (p->up);
    flux_watcher_destroy (p->end);
    flux_watcher_destroy (p->timer);
    flux_close (p->process);
    flux_reactor_destroy (p->reactor);
}
