/* job-exec/pty.c - tasks that believe they are on a terminal.
 *
 *   option pty   1, or { "ranks"?:"all"|idset "interactive"?:i ... }
 *
 * What they write is captured as stdout; what they are sent is typed.  There is
 * no stderr.  A pty that a client shares (interactive) is not there: rank 0 gets
 * one that is captured.
 */
#include "config.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "common/util.h"
#include "exec.h"

static bool is_among (const char *ranks, uint32_t rank)
{
    struct idset *ids;
    bool found;

    if (!strcmp (ranks, "all"))
        return true;
    ids = idset_decode (ranks);
    found = ids && idset_test (ids, rank);
    idset_destroy (ids);
    return found;
}

bool pty_wanted (const struct job *job, const struct task *task)
{
    json_t *o = jobspec_option (job->js, "pty");
    json_t *ranks = json_object_get (o, "ranks");
    char buf[16];

    if (!o || json_is_false (o) || (json_is_integer (o) && json_integer_value (o) == 0)
        || files_redirected (job, OUTPUT_STDOUT) || files_stdin (job))
        return false;
    if (json_is_string (ranks))
        return is_among (json_string_value (ranks), task->rank);
    if (json_is_integer (ranks)) {
        snprintf (buf, sizeof (buf), "%lld", (long long)json_integer_value (ranks));
        return is_among (buf, task->rank);
    }
    return task->rank == 0 || !json_object_get (o, "interactive");
}

static int open_pair (int *master, int *slave)
{
    static const struct winsize size = { .ws_row = 24, .ws_col = 80 };
    char path[64];

    if ((*master = posix_openpt (O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK)) < 0)
        return -errno;
    if (grantpt (*master) < 0 || unlockpt (*master) < 0
        || ptsname_r (*master, path, sizeof (path)) != 0
        || ioctl (*master, TIOCSWINSZ, &size) < 0
        || (*slave = open (path, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0)
        return -errno;
    return 0;
}

int pty_make (struct task *task, int fds[3])
{
    int r;

    if ((r = open_pair (&task->stream[OUTPUT_STDOUT].fd, &fds[0])) < 0)
        return r;
    for (int i = 1; i < 3; i++) {
        if ((fds[i] = fcntl (fds[0], F_DUPFD_CLOEXEC, 3)) < 0)
            return -errno;
    }
    if (job_reads_stdin (task->job, task->rank)) {
        task->stdin_fd = fcntl (task->stream[OUTPUT_STDOUT].fd, F_DUPFD_CLOEXEC, 3);
        if (task->stdin_fd < 0)
            return -errno;
    }
    task->pty = true;
    task_eof (task, OUTPUT_STDERR);
    return 0;
}
