/* job-exec/files.c - stdout, stderr and stdin of tasks in files.
 *
 *   options output.stdout, output.stderr
 *     { "type":"kvs"|"file" "path":template "label":b }
 *   option input.stdin { "type":"service"|"file" "path":template }
 *
 * A path that is the same for several tasks or streams is opened once; they
 * share the descriptor.  Without labels a task writes to its file directly.  If
 * nothing in it differs from node to node rank 0 opens it, and what tasks of
 * other nodes write goes there first.
 */
#include "config.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/util.h"
#include "exec.h"

struct file {
    struct list link; /* in job.files */
    int fd;
    char path[]; /* rendered */
};

static const char *const type_option[] = { "output.stdout.type", "output.stderr.type" };
static const char *const path_option[] = { "output.stdout.path", "output.stderr.path" };
static const char *const label_option[] = { "output.stdout.label", "output.stderr.label" };

/* If only stdout is redirected stderr goes to the same file. */
static enum output_stream effective (const struct job *job, enum output_stream s)
{
    if (s == OUTPUT_STDERR && !jobspec_option (job->js, type_option[OUTPUT_STDERR]))
        return OUTPUT_STDOUT;
    return s;
}

static bool is_file (const struct job *job, enum output_stream s)
{
    s = effective (job, s);
    return !strcmp (jobspec_option_string (job->js, type_option[s], "kvs"), "file");
}

bool files_shared (const struct job *job, enum output_stream s)
{
    const char *path = jobspec_option_string (job->js, path_option[effective (job, s)], "");

    return is_file (job, s) && !strstr (path, "{{task") && !strstr (path, "{{node")
           && !strstr (path, "{{tmpdir");
}

bool files_redirected (const struct job *job, enum output_stream s)
{
    return is_file (job, s) && !(job->member && files_shared (job, s));
}

bool files_labelled (const struct job *job, enum output_stream s)
{
    json_t *o = jobspec_option (job->js, label_option[effective (job, s)]);

    return json_is_true (o) || json_integer_value (o) != 0;
}

bool files_stdin (const struct job *job)
{
    return !strcmp (jobspec_option_string (job->js, "input.stdin.type", "service"), "file");
}

static int open_path (struct job *job, const char *path, int cwd, int *fd)
{
    const char *mode = jobspec_option_string (job->js, "output.mode", "truncate");
    int flags = O_CREAT | O_WRONLY | O_CLOEXEC;
    size_t len = strlen (path);
    struct file *file;

    list_foreach (&job->files, file, link) {
        if (!strcmp (file->path, path)) {
            *fd = file->fd;
            return 0;
        }
    }
    if (!(file = calloc (1, sizeof (*file) + len + 1)))
        return -ENOMEM;
    memcpy (file->path, path, len);
    flags |= strcmp (mode, "append") ? O_TRUNC : O_APPEND;
    if ((file->fd = openat (cwd, path, flags, 0644)) < 0) {
        int e = errno;

        free (file);
        job_log (job, 3, "open: %s: %s", path, strerror (e));
        return -e;
    }
    list_append (&job->files, &file->link);
    *fd = file->fd;
    return 0;
}

int files_open (struct job *job, struct task *task, enum output_stream s, int cwd, int *fd)
{
    const char *tmpl = jobspec_option_string (job->js,
                                              path_option[effective (job, s)],
                                              NULL);
    struct text path = TEXT_INIT;
    int r;

    if (!tmpl)
        return -EINVAL;
    job_render (job, task, tmpl, &path);
    if (text_error (&path) || path.len == 0)
        r = text_error (&path) ? -ENOMEM : -EINVAL;
    else
        r = open_path (job, path.buf, cwd, fd);
    text_fini (&path);
    return r;
}

int files_open_stdin (struct job *job, struct task *task, int cwd, int *fd)
{
    const char *tmpl = jobspec_option_string (job->js, "input.stdin.path", NULL);
    struct text path = TEXT_INIT;
    int r = 0;

    if (!tmpl)
        return -EINVAL;
    job_render (job, task, tmpl, &path);
    if (text_error (&path))
        r = -ENOMEM;
    else if ((*fd = openat (cwd, path.len ? path.buf : "", O_RDONLY | O_CLOEXEC)) < 0) {
        r = -errno;
        job_log (job, 0, "error opening input file '%s': %s", path.buf, strerror (-r));
    }
    text_fini (&path);
    return r;
}

static void log_redirect (struct job *job, enum output_stream s)
{
    const char *path = jobspec_option_string (job->js,
                                              path_option[effective (job, s)],
                                              "");
    char ranks[32];

    snprintf (ranks,
              sizeof (ranks),
              job->layout.ntasks > 1 ? "[0-%u]" : "%u",
              job->layout.ntasks - 1);
    output_redirect (job->output, exec_now (), s, ranks, path);
    job_touch (job);
}

/* Open everything once before any task starts, so that a bad path kills the
 * job and not some of its tasks.
 */
int files_init (struct job *job, int cwd)
{
    int fd, r;

    for (int s = 0; s < OUTPUT_STREAMS; s++) {
        if (!files_redirected (job, s))
            continue;
        for (uint32_t i = 0; i < job->ntasks; i++) {
            if (job->tasks[i].away && !files_shared (job, s))
                continue;
            if ((r = files_open (job, &job->tasks[i], s, cwd, &fd)) < 0) {
                job_fatal (job, "exec", "shell_init: output: %s", strerror (-r));
                return r;
            }
        }
        if (!job->member)
            log_redirect (job, s);
    }
    for (uint32_t i = 0; files_stdin (job) && i < job->ntasks; i++) {
        if (job->member && job->tasks[i].away)
            continue;
        if ((r = files_open_stdin (job, &job->tasks[i], cwd, &fd)) < 0) {
            job_fatal (job,
                       "exec",
                       "error opening input file '%s': %s",
                       jobspec_option_string (job->js, "input.stdin.path", ""),
                       strerror (-r));
            return r;
        }
        close (fd);
    }
    return 0;
}

void files_fini (struct job *job)
{
    struct file *file;

    list_foreach (&job->files, file, link) {
        list_del (&file->link);
        close (file->fd);
        free (file);
    }
}
