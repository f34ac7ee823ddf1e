/* job-exec/tmpdir.c - the directory of a job.
 *
 * Most jobs leave it as they found it: empty.  Such a directory is kept and gets
 * the name of a later job, since to make and remove one costs more than all else
 * that is done in the file system for a short job, and may wait for a disk.
 *
 * Bound: TMPDIR_SPARES directories are kept.
 */
#include "config.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/util.h"
#include "exec.h"

#define TMPDIR_SPARES 64

static int spare_path (const struct exec *x, unsigned int n, char *buf, size_t size)
{
    const char *rundir = x->attrs.rundir;

    return rundir
                   && snprintf (buf, size, "%s/.jobtmp-%u-%u", rundir, x->rank, n)
                          < (int)size
               ? 0
               : -1;
}

static bool is_empty (int fd)
{
    char buf[512];
    ssize_t n = getdents64 (fd, buf, sizeof (buf));

    for (ssize_t i = 0; i < n;) {
        const struct dirent64 *d = (const struct dirent64 *)(buf + i);

        if (strcmp (d->d_name, ".") && strcmp (d->d_name, ".."))
            return false;
        i += d->d_reclen;
    }
    return n > 0;
}

/* Nothing of the job is left in or on it. */
static bool is_unused (const char *path)
{
    int fd = open (path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    bool unused;

    if (fd < 0)
        return false;
    unused = fstat (fd, &st) == 0 && (st.st_mode & 07777) == 0700
             && st.st_uid == geteuid () && is_empty (fd);
    close (fd);
    return unused;
}

static int make (struct exec *x, const char *path)
{
    char spare[PATH_MAX];

    while (x->nspares > 0) {
        if (spare_path (x, --x->nspares, spare, sizeof (spare)) == 0
            && rename (spare, path) == 0)
            return 0;
    }
    return mkdir (path, 0700);
}

void tmpdir_make (struct job *job, uint32_t shell_rank)
{
    const char *rundir = job->x->attrs.rundir;
    struct text t = TEXT_INIT;

    text_printf (&t, "%s/jobtmp-%u-%s", rundir ? rundir : "/tmp", shell_rank, job->f58);
    if (!text_error (&t) && make (job->x, t.buf) == 0)
        job->tmpdir = text_take (&t, NULL);
    else
        job_log (job, 4, "Unable to create %s: %s", t.buf, strerror (errno));
    text_fini (&t);
}

/* What the job left there may take long to remove: not in this thread. */
static void remove_all (struct exec *x, char *path)
{
    static char *const envp[] = { NULL };
    struct spawn_command cmd = {
        .argv = (char *[]){ "rm", "-rf", path, NULL },
        .envp = envp,
        .cwd = -1,
        .fds = { -1, -1, -1 },
        .extra = -1,
        .umask = -1,
    };
    pid_t pid;
    int pidfd;

    if (spawn (x->spawner, &cmd, &pid, &pidfd) == 0)
        exec_adopt (x, pidfd);
}

void tmpdir_remove (struct job *job)
{
    struct exec *x = job->x;
    char spare[PATH_MAX];

    if (!job->tmpdir)
        return;
    if (x->nspares < TMPDIR_SPARES && is_unused (job->tmpdir)
        && spare_path (x, x->nspares, spare, sizeof (spare)) == 0
        && rename (job->tmpdir, spare) == 0)
        x->nspares++;
    else if (rmdir (job->tmpdir) < 0 && errno == ENOTEMPTY)
        remove_all (x, job->tmpdir);
    free (move_ptr (job->tmpdir));
}

void tmpdir_fini (struct exec *x)
{
    char spare[PATH_MAX];

    while (x->nspares > 0) {
        if (spare_path (x, --x->nspares, spare, sizeof (spare)) == 0)
            (void)rmdir (spare);
    }
}
