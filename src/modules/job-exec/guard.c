/* job-exec/guard.c - tasks do not outlive a broker that is killed.
 *
 * The guard is a process of its own (flux guard) that waits for the end of a
 * pipe which only this module holds open.  It costs nothing while nothing
 * happens; where there is no flux command, as in the unit tests, there is none.
 */
#include "config.h"
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/util.h"
#include "exec.h"

#define PATIENCE 1000 /* ms for it to end */

static int start (struct exec *x, const char *uri)
{
    char *argv[] = { "flux", "guard", (char *)uri, NULL };
    char *envp[] = { NULL };
    int p[2], null, r;
    pid_t pid;

    if (pipe2 (p, O_CLOEXEC) < 0)
        return -errno;
    if ((null = open ("/dev/null", O_RDWR | O_CLOEXEC)) < 0)
        r = -errno;
    else {
        struct spawn_command cmd = {
            .argv = argv,
            .envp = envp,
            .path = getenv ("PATH"),
            .cwd = -1,
            .fds = { p[0], null, null },
            .extra = -1,
            .newsession = true,
            .umask = -1,
        };

        r = spawn (x->spawner, &cmd, &pid, &x->guard_pidfd);
        close (null);
    }
    close (p[0]);
    if (r < 0)
        close (p[1]);
    else
        x->guard_fd = p[1];
    return r;
}

/* Our tasks are known by the socket in their environment. */
void guard_start (struct exec *x)
{
    int r;

    x->guard_fd = x->guard_pidfd = -1;
    if (x->attrs.local_uri && (r = start (x, x->attrs.local_uri)) < 0)
        flux_log (x->h, LOG_DEBUG, "no guard: %s", strerror (-r));
}

void guard_stop (struct exec *x, bool sweep)
{
    int status;

    if (x->guard_fd < 0)
        return;
    if (!sweep && write (x->guard_fd, "", 1) != 1)
        flux_log_error (x->h, "guard");
    close (x->guard_fd);
    (void)poll (&(struct pollfd){ .fd = x->guard_pidfd, .events = POLLIN }, 1, PATIENCE);
    (void)spawn_collect (x->guard_pidfd, &status);
    close (x->guard_pidfd);
}
