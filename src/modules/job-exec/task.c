/* job-exec/task.c - a running task: its output, its input, its end. */
#include "config.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "common/util.h"
#include "exec.h"

static void close_stream (struct task_stream *s)
{
    flux_watcher_destroy (s->w);
    s->w = NULL;
    if (s->fd >= 0)
        close (s->fd);
    s->fd = -1;
}

bool task_takes_stdin (const struct task *task)
{
    if (task->away)
        return !task->complete && !task->stdin_eof && !task->stdin_shut;
    return task->stdin_fd >= 0;
}

bool task_has_unread (const struct task *task)
{
    return task->stdin_buf.len > 0
           || (task->away && !task->complete && task->stdin_count != task->stdin_read);
}

/* Who sent it wants to know. */
static void say_read (struct task *task)
{
    if (!task->job->member)
        input_read (task->job);
    else if (task->stdin_count > 0 && task->job->state == JOB_RUNNING)
        member_say (task->job, NULL, 0, "read %u %u %d", task->rank, task->stdin_count,
                    task_takes_stdin (task));
}

void task_close_stdin (struct task *task)
{
    flux_watcher_destroy (task->w_stdin);
    task->w_stdin = NULL;
    if (task->stdin_fd >= 0)
        close (task->stdin_fd);
    task->stdin_fd = -1;
    text_fini (&task->stdin_buf);
    task->stdin_pos = 0;
    say_read (task);
}

static void close_pmi (struct task *task)
{
    flux_watcher_destroy (task->w_pmi);
    task->w_pmi = NULL;
    if (task->pmi_fd >= 0)
        close (task->pmi_fd);
    task->pmi_fd = -1;
}

void task_fini (struct task *task)
{
    int status;

    for (int s = 0; s < OUTPUT_STREAMS; s++)
        close_stream (&task->stream[s]);
    task_close_stdin (task);
    close_pmi (task);
    flux_watcher_destroy (task->w_pid);
    if (task->pidfd >= 0) {
        /* Not ours to wait for: the module ends, or gave up on it. */
        if (spawn_collect (task->pidfd, &status) == -EAGAIN)
            exec_adopt (task->job->x, task->pidfd);
        else
            close (task->pidfd);
    }
    task->w_pid = NULL;
    task->pidfd = -1;
}

static int task_code (const struct task *task)
{
    return WIFSIGNALED (task->status) ? 128 + WTERMSIG (task->status)
                                      : WEXITSTATUS (task->status);
}

static bool is_open (const struct task_stream *s)
{
    return s->fd >= 0 || s->away;
}

/* Exited, and nothing more can come from it: it may be collected, which frees
 * its process id.  The last task completes the job.
 */
void task_check_complete (struct task *task)
{
    struct job *job = task->job;
    int status;

    if (!task->exited || task->complete || is_open (&task->stream[0])
        || is_open (&task->stream[1]))
        return;
    task->complete = true;
    if (task->pidfd >= 0) {
        (void)spawn_collect (task->pidfd, &status);
        close (task->pidfd);
        task->pidfd = -1;
    }
    task_close_stdin (task);
    close_pmi (task);
    if (--job->nactive == 0)
        job_complete (job);
}

static void pause_job (struct job *job)
{
    job->paused = true;
    for (uint32_t i = 0; i < job->ntasks; i++) {
        for (int s = 0; s < OUTPUT_STREAMS; s++)
            flux_watcher_stop (job->tasks[i].stream[s].w);
    }
}

void job_resume (struct job *job)
{
    if (!job->paused || !guestlog_has_room (&job->log) || !follow_has_room (job)
        || !member_has_room (job))
        return;
    job->paused = false;
    parts_ack (job);
    for (uint32_t i = 0; i < job->ntasks; i++) {
        for (int s = 0; s < OUTPUT_STREAMS; s++)
            flux_watcher_start (job->tasks[i].stream[s].w);
    }
}

/* A redirected stream that comes by here; the file is a regular one as a rule,
 * and writing to it does not block for long.
 */
static void write_file (struct task *task, int s, const char *data, size_t len, bool eof)
{
    struct text t = TEXT_INIT;
    size_t pos = 0;

    if (files_labelled (task->job, s)) {
        output_label (task->job->output, task->rank, s, data, len, eof, &t);
        data = t.buf;
        len = t.len;
    }
    while (pos < len) {
        ssize_t n = write (task->stream[s].file, data + pos, len - pos);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            job_log (task->job, 3, "write to output file: %s", strerror (errno));
            break;
        }
        pos += n;
    }
    text_fini (&t);
}

void task_data (struct task *task, int s, const char *data, size_t len)
{
    struct job *job = task->job;

    if (task->stream[s].file >= 0) {
        write_file (task, s, data, len, false);
        return;
    }
    if (job->member)
        member_say (job, data, len, "data %u %d", task->rank, s);
    else {
        output_data (job->output, exec_now (), task->rank, s, data, len);
        job_touch (job);
    }
    if (guestlog_full (&job->log) || follow_full (job) || member_full (job))
        pause_job (job);
}

/* EOF alone is no reason for a commit: something follows it, the task's exit at
 * the latest.
 */
void task_eof (struct task *task, int s)
{
    task->stream[s].away = false;
    if (task->stream[s].file >= 0)
        write_file (task, s, "", 0, true);
    else if (task->job->member)
        member_say (task->job, NULL, 0, "eof %u %d", task->rank, s);
    else
        output_eof (task->job->output, exec_now (), task->rank, s);
}

/* Read once.  Returns true if there may be more at once. */
static bool read_output (struct task *task, int s)
{
    struct job *job = task->job;
    struct task_stream *stream = &task->stream[s];
    char *buf = job->x->buf;
    ssize_t n = read (stream->fd, buf, READ_SIZE);

    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return errno == EINTR;
    if (n > 0) {
        task_data (task, s, buf, n);
        return !job->paused;
    }
    close_stream (stream);
    task_eof (task, s);
    return false;
}

static void output_ready (struct task *task, int s)
{
    (void)read_output (task, s);
    task_check_complete (task);
}

/* A task that has exited usually has closed its output: read the rest of it
 * now, so that its last words, its exit and the end of the job are in one
 * commit.  Someone else may hold the other end and go on writing: not forever.
 */
static void drain (struct task *task)
{
    enum { READS_MAX = 32 };

    for (int s = 0; s < OUTPUT_STREAMS; s++) {
        for (int i = 0; i < READS_MAX; i++) {
            if (task->stream[s].fd < 0 || task->job->paused || !read_output (task, s))
                break;
        }
    }
}

/* What the job makes of the exit of a task. */
static void exited (struct job *job, struct task *task)
{
    char note[96];
    int code = task_code (task);

    if (code > job->exit_code)
        job->exit_code = code;
    snprintf (note,
              sizeof (note),
              "\"rank\":%u,\"pid\":%d,\"status\":%d%s",
              task->rank,
              (int)task->pid,
              task->status,
              task->left ? ",\"left\":true" : "");
    follow_note (job, "task-exit", note);
    if (!job->task_exit_logged) {
        job->task_exit_logged = true;
        job_event_task_exit (job, task);
        job_first_exit (job, task);
    }
    if (job->auto_cleanup && (WIFSIGNALED (task->status) || task->left))
        job_task_lost (job, task);
}

void task_exited (struct task *task, int status)
{
    task->status = status;
    task->exited = true;
    if (task->job->member)
        member_say (task->job, NULL, 0, "exit %u %d %d %d", task->rank, (int)task->pid,
                    status, task->left);
    else
        exited (task->job, task);
}

static void pid_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct task *task = arg;
    int status;

    if (spawn_status (task->pidfd, &status) < 0)
        return;
    flux_watcher_stop (w);
    pmi_service_drain (task);
    task_exited (task, status);
    drain (task);
    task_check_complete (task);
}

static void stdout_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    output_ready (arg, OUTPUT_STDOUT);
}

static void stderr_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    output_ready (arg, OUTPUT_STDERR);
}

/* Write what the pipe takes.  A task that no longer reads is no error. */
static void flush_stdin (struct task *task)
{
    while (task->stdin_pos < task->stdin_buf.len) {
        ssize_t n = write (task->stdin_fd,
                           task->stdin_buf.buf + task->stdin_pos,
                           task->stdin_buf.len - task->stdin_pos);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            flux_watcher_start (task->w_stdin);
            return;
        }
        if (n < 0) {
            task_close_stdin (task);
            return;
        }
        task->stdin_pos += n;
    }
    flux_watcher_stop (task->w_stdin);
    text_clear (&task->stdin_buf);
    task->stdin_pos = 0;
    say_read (task);
    if (!task->stdin_eof)
        return;
    if (task->pty) /* a terminal ends like this, twice if a line is begun */
        (void)!write (task->stdin_fd, "\004\004", 2);
    task_close_stdin (task);
}

static void stdin_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    flush_stdin (arg);
}

/* A task that has closed its input, or is gone, is no error: what it was to
 * read is dropped.  Before a task is started its input gathers.
 */
int task_write_stdin (struct task *task, const char *data, size_t len, bool eof)
{
    bool early = task->job->state == JOB_STARTING;

    if (task->stdin_eof)
        return -EPIPE;
    if (task->away && !early && !task->stdin_shut)
        parts_stdin (task, data, len, eof);
    task->stdin_eof = eof;
    if (task->stdin_fd < 0 && !early)
        return 0;
    text_put (&task->stdin_buf, data, len);
    if (text_error (&task->stdin_buf)) {
        task_close_stdin (task);
        return -ENOMEM;
    }
    if (!early)
        flush_stdin (task);
    return 0;
}

static flux_watcher_t *watch (struct task *task, int fd, int events, flux_watcher_f cb)
{
    return flux_fd_watcher_create (task->job->x->reactor, fd, events, cb, task);
}

int task_begin (struct task *task)
{
    static const flux_watcher_f cb[] = { stdout_cb, stderr_cb };

    if (!(task->w_pid = watch (task, task->pidfd, FLUX_POLLIN, pid_cb)))
        return -ENOMEM;
    flux_watcher_start (task->w_pid);
    for (int s = 0; s < OUTPUT_STREAMS; s++) {
        struct task_stream *stream = &task->stream[s];

        if (stream->fd < 0)
            continue;
        if (!(stream->w = watch (task, stream->fd, FLUX_POLLIN, cb[s])))
            return -ENOMEM;
        flux_watcher_start (stream->w);
    }
    if (task->stdin_fd >= 0
        && !(task->w_stdin = watch (task, task->stdin_fd, FLUX_POLLOUT, stdin_cb)))
        return -ENOMEM;
    if (task->stdin_fd >= 0)
        flush_stdin (task);
    return 0;
}

/* To the process groups of all tasks that are not complete: the process ids
 * are not collected before that, so they cannot be anyone else's.
 */
void job_signal (struct job *job, int signum)
{
    if (job->mock) {
        mock_signal (job, signum);
        return;
    }
    parts_signal (job, signum);
    for (uint32_t i = 0; i < job->ntasks; i++) {
        struct task *task = &job->tasks[i];

        if (task->pid == 0 || task->complete || task->away)
            continue;
        if (kill (-task->pid, signum) < 0 && !task->exited)
            (void)spawn_signal (task->pidfd, signum); /* it leads no group */
    }
}
