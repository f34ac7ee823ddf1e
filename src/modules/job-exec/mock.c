/* job-exec/mock.c - jobs that only pretend: attributes.system.exec.test
 * (exec.md 7.4).
 */
#include "config.h"
#include <stdio.h>

#include "common/errprintf.h"
#include "common/fsd.h"
#include "common/util.h"
#include "exec.h"

struct mock {
    double run_duration; /* seconds, 0: until killed */
    int wait_status;
    bool override;       /* start and finish on request only */
    bool fail_init;
    bool fail_run;
    bool running;
    flux_watcher_t *timer;
};

int mock_create (struct job *job, flux_error_t *error)
{
    const char *duration = NULL, *exception = NULL;
    int override = 0, reattach = 0;
    json_error_t jerror;
    struct mock *m;

    if (!(m = calloc (1, sizeof (*m))))
        return -ENOMEM;
    job->mock = m;
    m->run_duration = job->js->duration;
    if (json_unpack_ex (job->js->exec_test,
                        &jerror,
                        0,
                        "{s?s s?i s?s s?i s?i}",
                        "run_duration", &duration,
                        "wait_status", &m->wait_status,
                        "mock_exception", &exception,
                        "override", &override,
                        "reattach_finish", &reattach) < 0) {
        errprintf (error, "failed to initialize implementation: %s", jerror.text);
        return -EINVAL;
    }
    if (duration && fsd_parse (duration, &m->run_duration) < 0) {
        errprintf (error, "failed to initialize implementation: invalid run_duration");
        return -EINVAL;
    }
    m->override = override != 0;
    m->fail_init = exception && !strcmp (exception, "init");
    m->fail_run = exception && !strcmp (exception, "run");
    return 0;
}

void mock_destroy (struct mock *m)
{
    if (m) {
        flux_watcher_destroy (m->timer);
        free (m);
    }
}

bool mock_fails_init (const struct job *job)
{
    return job->mock && job->mock->fail_init;
}

static void mock_finish (struct job *job, int status)
{
    job->status = status;
    flux_watcher_stop (job->mock->timer);
    job_complete (job);
}

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct job *job = arg;

    mock_finish (job, job->mock->wait_status);
}

static void mock_start (struct job *job)
{
    struct mock *m = job->mock;

    m->running = true;
    job_started (job);
    if (m->fail_run) {
        job_fatal (job, "exec", "mock run exception generated");
        return;
    }
    if (m->override || m->run_duration <= 0)
        return;
    m->timer = flux_timer_watcher_create (job->x->reactor, m->run_duration, 0., timer_cb, job);
    if (!m->timer)
        flux_log_error (job->x->h, "%s: mock timer", job->f58);
    flux_watcher_start (m->timer);
}

void mock_run (struct job *job)
{
    if (job->mock->fail_init) {
        job_respond_exception (job, 0, "exec", "mock initialization exception generated");
        job->doomed = true;
        job_complete (job);
        return;
    }
    job->state = JOB_RUNNING;
    if (!job->mock->override)
        mock_start (job);
}

/* Any signal is the end, with the signal number as raw status.  One that never
 * started has no finish.
 */
void mock_signal (struct job *job, int signum)
{
    mock_finish (job, signum);
}

/* job-exec.override { "event":"start"|"finish" "jobid":I "status"?:i } -> {} */
void mock_override_cb (flux_t *h,
                       flux_msg_handler_t *mh,
                       const flux_msg_t *msg,
                       void *arg)
{
    struct exec *x = arg;
    const char *event, *text = NULL;
    struct job *job;
    json_int_t id;
    int status = 0, rc;
    bool start;

    if (flux_request_unpack (msg,
                             NULL,
                             "{s:s s:I s?i}",
                             "event", &event,
                             "jobid", &id,
                             "status", &status) < 0)
        goto error;
    errno = 0;
    if (!(job = job_find (x, id))) {
        text = "Job not found";
        errno = ENOENT;
        goto error;
    }
    if (flux_msg_authorize (msg, job->userid) < 0) {
        text = "Permission denied";
        errno = EPERM;
        goto error;
    }
    start = !strcmp (event, "start");
    if (!job->mock || !job->mock->override || job->state != JOB_RUNNING)
        text = "Job not in exec override mode";
    else if (!start && strcmp (event, "finish"))
        text = "Invalid event";
    else if (start && job->mock->running)
        text = "Job already running";
    else if (!start && !job->mock->running)
        text = "Job not running";
    if (text) {
        errno = EINVAL;
        goto error;
    }
    if (start)
        mock_start (job);
    else
        mock_finish (job, status);
    rc = flux_respond (h, msg, NULL);
    goto done;
error:
    rc = flux_respond_error (h, msg, errno, text);
done:
    if (rc < 0)
        flux_log_error (h, "override response");
}
