/* job-exec/topology.c - HWLOC_XMLFILE, for tasks that would look for themselves.
 *
 *   option hwloc.xmlfile   0 or not; on if a client follows the job (flux mpiexec)
 *
 * The file is made by flux hwloc-xml, in the background, once it is known that
 * there are many such jobs: one alone is not faster for it.  A job whose
 * environment has anything to say to hwloc is left alone.
 */
#include "config.h"
#include <fcntl.h>
#include <stdio.h>

#include "common/util.h"
#include "exec.h"

#define JOBS_BEFORE 2

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

static void make (struct exec *x)
{
    char *argv[] = { "flux", "hwloc-xml", x->topology.path, NULL };
    char *envp[] = { NULL };
    int null = open ("/dev/null", O_RDWR | O_CLOEXEC);
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
    pid_t pid;

    if (null < 0)
        return;
    if (spawn (x->spawner, &cmd, &pid, &x->topology.pidfd) < 0)
        x->topology.pidfd = -1;
    else if (!(x->topology.w = flux_fd_watcher_create (x->reactor, x->topology.pidfd,
                                                       FLUX_POLLIN, made_cb, x))) {
        exec_adopt (x, x->topology.pidfd);
        x->topology.pidfd = -1;
    }
    flux_watcher_start (x->topology.w);
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

void topology_fini (struct exec *x)
{
    forget_maker (x);
    if (x->topology.path)
        (void)unlink (x->topology.path);
    free (x->topology.path);
}

static bool is_wanted (const struct job *job, json_t *environment)
{
    json_t *o = jobspec_option (job->js, "hwloc.xmlfile");
    const char *name;
    json_t *value;

    if (o ? json_is_false (o) || (json_is_integer (o) && json_integer_value (o) == 0)
          : !job->followed || !job->pmi)
        return false;
    json_object_foreach (environment, name, value)
    {
        if (!strncmp (name, "HWLOC_", 6))
            return false;
    }
    return true;
}

const char *topology_path (struct job *job, json_t *environment)
{
    struct exec *x = job->x;

    if (!x->topology.path || !is_wanted (job, environment))
        return NULL;
    if (x->topology.ready)
        return x->topology.path;
    if (x->topology.wanted++ == JOBS_BEFORE)
        make (x);
    return NULL;
}
