/* job-exec/events.c - entries of exec.eventlog (watch.md 6.2). */
#include "config.h"
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>

#include "common/eventlog.h"
#include "common/util.h"
#include "exec.h"

double exec_now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_REALTIME, &ts);
    return ts.tv_sec + ts.tv_nsec * 1E-9;
}

void job_event (struct job *job, const char *name, const char *members)
{
    struct text *t = guestlog_text (&job->log, GUESTLOG_EXEC);

    eventlog_begin (t, exec_now (), name);
    if (members) {
        text_puts (t, ",\"context\":{");
        text_puts (t, members);
        text_putc (t, '}');
    }
    eventlog_end (t);
    job_touch (job);
}

void job_event_shell_init (struct job *job)
{
    char buf[160];

    snprintf (buf,
              sizeof (buf),
              "\"service\":\"%s\",\"leader-rank\":%u,\"size\":%u",
              job->service,
              job->x->rank,
              job->layout.nnodes);
    job_event (job, "shell.init", buf);
    follow_note (job, "shell.init", buf);
}

void job_event_shell_start (struct job *job)
{
    struct text t = TEXT_INIT;

    text_puts (&t, "\"taskmap\":{\"version\":1,\"map\":");
    layout_taskmap (&job->layout, &t);
    text_putc (&t, '}');
    if (!text_error (&t))
        job_event (job, "shell.start", t.buf);
    text_fini (&t);
}

void job_event_task_exit (struct job *job, const struct task *task)
{
    int sig = WIFSIGNALED (task->status) ? WTERMSIG (task->status) : 0;
    char buf[200];

    snprintf (buf,
              sizeof (buf),
              "\"localid\":%u,\"rank\":%u,\"state\":\"Exited\",\"pid\":%d,"
              "\"wait_status\":%d,\"signaled\":%d,\"exitcode\":%d",
              task->localid,
              task->rank,
              (int)task->pid,
              task->status,
              sig,
              sig ? 128 + sig : WEXITSTATUS (task->status));
    job_event (job, "shell.task-exit", buf);
}

/* What job-exec says when all shells are gone; here it is the shell, too. */
void job_event_exit (struct job *job)
{
    char buf[80];

    snprintf (buf,
              sizeof (buf),
              "\"rank\":%u,\"wait_status\":%d",
              job->x->rank,
              job->exit_code << 8);
    job_event (job, "shell-exit", buf);
    snprintf (buf, sizeof (buf), "\"status\":%d", job->status);
    job_event (job, "complete", buf);
}

void job_log (struct job *job, int level, const char *fmt, ...)
{
    char buf[512];
    va_list ap;

    if (!job->output || level > LOG_NOTICE + job->verbose)
        return;
    va_start (ap, fmt);
    vsnprintf (buf, sizeof (buf), fmt, ap);
    va_end (ap);
    if (job->member) {
        member_say (job, buf, strlen (buf), "log %d", level);
        return;
    }
    output_log (job->output, exec_now (), level, NULL, buf);
    job_touch (job);
}
