/* job-exec/topology.c - HWLOC_XMLFILE, for tasks that would look for themselves.
 *
 *   option hwloc.xmlfile   0 or not; on if a client follows the job (flux mpiexec)
 *
 * The file is made by flux hwloc-xml, in the background, as soon as somebody asks
 * for it or the first MPI program that would have used it is about to end: beside
 * that program the two would wait for each other's look at the same registers, and
 * one alone is not faster for a file.  A job whose environment has anything to say
 * to hwloc is left alone.
 */
#include "config.h"
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>

#include "common/util.h"
#include "exec.h"

#define PATIENCE 1000 /* ms for who makes it to be gone */

static void forget_maker (struct exec *x)
{
    flux_watcher_destroy (move_ptr (x->topology.w));
    if (x->topology.pidfd >= 0)
        close (x->topology.pidfd);
    x->topology.pidfd = -1;
}

/* On success it is for all jobs to come. */
static void made_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct exec *x = arg;
    int status;

    if (spawn_collect (x->topology.pidfd, &status) == -EAGAIN)
        return;
    x->topology.ready = status == 0;
    forget_maker (x);
}

static void start_maker (struct exec *x, int null)
{
    char *argv[] = { "flux", "hwloc-xml", x->topology.path, NULL };
    char *envp[] = { NULL };
    struct spawn_command cmd = {
        .argv = argv,
        .envp = envp,
        .path = getenv ("PATH"),
        .cwd = -1,
        .fds = { null, null, null },
        .extra = -1,
        .mortal = true,
        .newsession = true,
        .umask = -1,
    };

    if (spawn (x->spawner, &cmd, &x->topology.pid, &x->topology.pidfd) < 0)
        x->topology.pidfd = -1;
    else if (!(x->topology.w = flux_fd_watcher_create (x->reactor, x->topology.pidfd,
                                                       FLUX_POLLIN, made_cb, x))) {
        exec_adopt (x, x->topology.pidfd);
        x->topology.pidfd = -1;
    }
    flux_watcher_start (x->topology.w);
}

/* Once, whatever comes of it. */
static void make (struct exec *x)
{
    int null;

    if (x->topology.tried || (null = open ("/dev/null", O_RDWR | O_CLOEXEC)) < 0)
        return;
    x->topology.tried = true;
    start_maker (x, null);
    close (null);
}

int topology_init (struct exec *x)
{
    x->topology.pidfd = -1;
    if (x->attrs.rundir
        && asprintf (&x->topology.path, "%s/hwloc-%u.xml", x->attrs.rundir, x->rank)
               < 0) {
        x->topology.path = NULL;
        return -1;
    }
    return 0;
}

/* Nobody adds to our directory when we have gone, so that it can be removed. */
static void stop_maker (struct exec *x)
{
    char *tmp;
    int status;

    if (x->topology.pidfd < 0)
        return;
    (void)spawn_signal (x->topology.pidfd, SIGKILL);
    (void)poll (&(struct pollfd){ .fd = x->topology.pidfd, .events = POLLIN }, 1, PATIENCE);
    (void)spawn_collect (x->topology.pidfd, &status);
    forget_maker (x);
    if (asprintf (&tmp, "%s.%d", x->topology.path, (int)x->topology.pid) >= 0) {
        (void)unlink (tmp);
        free (tmp);
    }
}

void topology_fini (struct exec *x)
{
    stop_maker (x);
    if (x->topology.path)
        (void)unlink (x->topology.path);
    free (x->topology.path);
}

/* Asked for by the job itself, or by the client that follows it. */
static enum { NOT, MAYBE, SURELY } wanted (const struct job *job, json_t *environment)
{
    json_t *o = jobspec_option (job->js, "hwloc.xmlfile");
    const char *name;
    json_t *value;

    if (o ? json_is_false (o) || (json_is_integer (o) && json_integer_value (o) == 0)
          : !job->followed || !job->pmi)
        return NOT;
    json_object_foreach (environment, name, value)
    {
        if (!strncmp (name, "HWLOC_", 6))
            return NOT;
    }
    return o ? SURELY : MAYBE;
}

const char *topology_path (struct job *job, json_t *environment)
{
    struct exec *x = job->x;
    int how;

    if (!x->topology.path || (how = wanted (job, environment)) == NOT)
        return NULL;
    if (x->topology.ready)
        return x->topology.path;
    if (how == SURELY)
        make (x);
    else
        job->topology_missed = true;
    return NULL;
}

void topology_missed (struct job *job)
{
    if (job->topology_missed)
        make (job->x);
}
