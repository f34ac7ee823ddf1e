/* job-exec/kill.c - signals, exceptions, time limits (exec.md 7.3, 8.10, 8.11). */
#include "config.h"
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "common/fsd.h"
#include "common/util.h"
#include "exec.h"

#define EXIT_TIMEOUT 30.0
#define KILL_DELAY_MAX 300.0
#define KILLS_OF_TASKS 4 /* at the pace of kill-timeout; what follows is as upstream kills shells */

/* shell-<decimal id>.kill { "signum":i }: one subscription for all jobs */
void kill_event_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct exec *x = arg;
    struct job *job;
    const char *topic;
    char *end;
    int signum;
    uint64_t id;

    if (flux_event_unpack (msg, &topic, "{s:i}", "signum", &signum) < 0)
        return;
    errno = 0;
    id = strtoull (topic + strlen ("shell-"), &end, 10);
    if (errno || strcmp (end, ".kill") || signum < 1 || signum >= NSIG)
        return;
    if ((job = job_find (x, id)) && job->state == JOB_RUNNING)
        job_signal (job, signum);
}

/* Brokers that have tasks of which the end was not heard. */
static struct idset *active_ranks (const struct job *job)
{
    struct idset *ranks = idset_create (0, IDSET_FLAG_AUTOGROW);

    for (uint32_t i = 0; ranks && i < job->ntasks; i++) {
        if (!job->tasks[i].complete)
            (void)idset_set (ranks, rset_rank_at (job->R, job->tasks[i].node));
    }
    return ranks;
}

/* SIGKILL, again and again; in the end the job is given up: the ranks that are left
 * are drained, because processes that cannot be killed keep resources.
 */
static void give_up (struct job *job)
{
    char reason[128];
    struct idset *ranks = active_ranks (job);
    char *targets = ranks ? idset_encode (ranks, IDSET_FLAG_RANGE) : NULL;
    flux_future_t *f;

    flux_watcher_stop (job->w_kill);
    snprintf (reason,
              sizeof (reason),
              "unkillable user processes for job %s",
              job->f58);
    flux_log (job->x->h, LOG_ERR, "%s", reason);
    f = flux_rpc_pack (job->x->h,
                       "resource.drain",
                       0,
                       FLUX_RPC_NORESPONSE,
                       "{s:s s:s s:s}",
                       "targets", targets ? targets : "",
                       "reason", reason,
                       "mode", "update");
    flux_future_destroy (f);
    free (targets);
    idset_destroy (ranks);
    if (job->exit_code == 0)
        job->exit_code = 1;
    job->nactive = 0;
    for (uint32_t i = 0; i < job->ntasks; i++)
        task_fini (&job->tasks[i]);
    parts_free (job);
    job_complete (job);
}

static void kill_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct job *job = arg;
    struct exec_config *config = &job->x->config;
    double left = job->kill_end - exec_now ();

    job->kill_count++;
    if (config->max_kill_timeout > 0
            ? left <= 0
            : job->kill_count > KILLS_OF_TASKS + config->max_kill_count) {
        give_up (job);
        return;
    }
    job_signal (job, config->kill_signal);
    if (job->kill_count > KILLS_OF_TASKS && (job->kill_delay *= 2) > KILL_DELAY_MAX)
        job->kill_delay = KILL_DELAY_MAX;
    if (config->max_kill_timeout > 0 && job->kill_delay > left)
        job->kill_delay = left;
    flux_timer_watcher_reset (w, job->kill_delay, 0.);
    flux_watcher_start (w);
}

double exec_max_kill_timeout (const struct exec_config *config)
{
    double delay = config->kill_timeout, sum = (KILLS_OF_TASKS + 1) * delay;

    if (config->max_kill_timeout > 0)
        return config->max_kill_timeout;
    for (int i = 0; i < config->max_kill_count; i++) {
        if ((delay *= 2) > KILL_DELAY_MAX)
            delay = KILL_DELAY_MAX;
        sum += delay;
    }
    return sum;
}

void job_cancel (struct job *job, int signum)
{
    job->doomed = true;
    if (job->state != JOB_RUNNING)
        return; /* not started: job_launch () will see; or it is over already */
    job_signal (job, signum);
    if (job->w_kill || job->state != JOB_RUNNING) /* a mock job ends at once */
        return;
    job->kill_delay = job->x->config.kill_timeout;
    job->kill_end = exec_now () + job->x->config.max_kill_timeout;
    job->w_kill = flux_timer_watcher_create (job->x->reactor,
                                             job->kill_delay,
                                             0.,
                                             kill_cb,
                                             job);
    if (!job->w_kill)
        flux_log_error (job->x->h, "%s: kill timer", job->f58);
    flux_watcher_start (job->w_kill);
}

void job_fatal (struct job *job, const char *type, const char *fmt, ...)
{
    char note[512];
    va_list ap;

    va_start (ap, fmt);
    vsnprintf (note, sizeof (note), fmt, ap);
    va_end (ap);
    if (job->member) {
        member_say (job, note, strlen (note), "fatal");
        return;
    }
    job_log (job, 0, "%s", note);
    job_respond_exception (job, 0, type, note);
    job_cancel (job, job->x->config.term_signal);
}

/* job-exception { "id":I "type":s "severity":i "wait_status"?:i } */
void exception_event_cb (flux_t *h,
                         flux_msg_handler_t *mh,
                         const flux_msg_t *msg,
                         void *arg)
{
    struct exec *x = arg;
    struct job *job;
    json_int_t id;
    int severity, wait_status = -1;

    if (flux_event_unpack (msg,
                           NULL,
                           "{s:I s:i s?i}",
                           "id", &id,
                           "severity", &severity,
                           "wait_status", &wait_status) < 0) {
        flux_log_error (h, "malformed job-exception event");
        return;
    }
    if (severity != 0 || !(job = job_find (x, id)))
        return;
    if (wait_status >= 0)
        job->exception_status = wait_status;
    job_cancel (job, x->config.term_signal);
}

static void expired_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct job *job = arg;

    job_log (job, 0, "resource allocation expired");
    job_respond_exception (job, 0, "timeout", "resource allocation expired");
    job_cancel (job, SIGALRM);
}

/* Option signal: 1, or { "signum"?:i "timeleft"?:n }.  Returns false if there is
 * none.
 */
static bool get_warning (const struct job *job, int *signum, double *timeleft)
{
    json_t *o = jobspec_option (job->js, "signal"), *n;

    *signum = SIGUSR1;
    *timeleft = 60;
    if (!o || json_is_false (o) || (json_is_integer (o) && json_integer_value (o) == 0))
        return false;
    if (json_is_integer (n = json_object_get (o, "signum")))
        *signum = json_integer_value (n);
    if (json_is_number (n = json_object_get (o, "timeleft")))
        *timeleft = json_number_value (n);
    return *signum > 0 && *signum < NSIG;
}

static void say_signal (char *name, size_t size, int signum)
{
    const char *s = sigabbrev_np (signum);

    if (s)
        snprintf (name, size, "SIG%s", s);
    else
        snprintf (name, size, "signal %d", signum);
}

static void warning_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct job *job = arg;
    double timeleft;
    char name[32];
    int signum;

    if (!get_warning (job, &signum, &timeleft))
        return;
    say_signal (name, sizeof (name), signum);
    job_log (job, 5, "signal: job will expire in %.1fs, sending %s to job",
             rset_expiration (job->R) - flux_reactor_time (), name);
    job_signal (job, signum);
}

/* left: seconds until the job expires; negative if it does not. */
static void arm_warning (struct job *job, double left)
{
    double timeleft;
    char name[32];
    int signum;

    flux_watcher_destroy (job->w_warning);
    job->w_warning = NULL;
    if (job->mock || !job->js || !get_warning (job, &signum, &timeleft))
        return;
    if (left < 0) {
        say_signal (name, sizeof (name), signum);
        job_log (job, 5, "signal: job has no expiration, %s will not be sent", name);
        return;
    }
    job->w_warning = flux_timer_watcher_create (job->x->reactor,
                                                left > timeleft ? left - timeleft : 0,
                                                0.,
                                                warning_cb,
                                                job);
    if (!job->w_warning)
        flux_log_error (job->x->h, "%s: signal timer", job->f58);
    flux_watcher_start (job->w_warning);
}

/* The allocation may have waited for us: if that took much of the job's time
 * it gets that time in addition, also to a limit that it is given later.
 */
void job_arm_expiration (struct job *job)
{
    double expiration = rset_expiration (job->R);
    double start = rset_starttime (job->R);
    double left;

    flux_watcher_destroy (job->w_expiration);
    job->w_expiration = NULL;
    if (expiration <= 0) {
        arm_warning (job, -1);
        return;
    }
    left = expiration - flux_reactor_time ();
    if (job->start_delay > (expiration - start) * job->x->config.max_start_delay / 100)
        left += job->start_delay;
    arm_warning (job, left > 0 ? left : 0);
    job->w_expiration = flux_timer_watcher_create (job->x->reactor,
                                                   left > 0 ? left : 0,
                                                   0.,
                                                   expired_cb,
                                                   job);
    if (!job->w_expiration)
        flux_log_error (job->x->h, "%s: expiration timer", job->f58);
    flux_watcher_start (job->w_expiration);
}

/* job-exec.expiration { "id":I "expiration":f } -> {} */
void expiration_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct exec *x = arg;
    struct job *job;
    json_int_t id;
    double expiration;
    int rc;

    if (flux_request_unpack (msg, NULL, "{s:I s:F}", "id", &id, "expiration", &expiration)
        < 0)
        rc = flux_respond_error (h, msg, errno, NULL);
    else if (!(job = job_find (x, id)))
        rc = flux_respond_error (h, msg, ENOENT, NULL);
    else {
        rset_set_times (job->R, 0, expiration);
        if (job->state == JOB_RUNNING)
            job_arm_expiration (job);
        rc = flux_respond (h, msg, NULL);
    }
    if (rc < 0)
        flux_log_error (h, "expiration response");
}

/* First exit of a task while others run. */

static void describe (const struct task *task, char *buf, size_t size)
{
    if (WIFSIGNALED (task->status))
        snprintf (buf, size, "%s", strsignal (WTERMSIG (task->status)));
    else
        snprintf (buf, size, "Exit %d", WEXITSTATUS (task->status));
}

static const char *job_name (const struct job *job)
{
    const char *s = json_string_value (json_array_get (job->js->command, 0));
    const char *slash = strrchr (s, '/');

    return slash ? slash + 1 : s;
}

/* Seconds, negative for none. */
static double get_exit_timeout (const struct job *job, const char **text)
{
    json_t *o = jobspec_option (job->js, "exit-timeout");
    double seconds = EXIT_TIMEOUT;

    *text = "30s";
    if (json_is_number (o))
        return json_number_value (o);
    if (json_is_string (o)) {
        *text = json_string_value (o);
        if (!strcmp (*text, "none"))
            return -1;
        if (fsd_parse (*text, &seconds) < 0)
            seconds = EXIT_TIMEOUT;
    }
    return seconds;
}

static void exit_timeout_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct job *job = arg;
    const struct task *first = NULL;
    const char *text;
    char how[64] = "Exited";

    (void)get_exit_timeout (job, &text);
    for (uint32_t i = 0; i < job->ntasks && !first; i++) {
        if (job->tasks[i].exited)
            first = &job->tasks[i];
    }
    if (first)
        describe (first, how, sizeof (how));
    job_fatal (job,
               "exec",
               "%s: task rank %u on host %s exited (%s) and exit-timeout=%s has expired",
               job_name (job),
               first ? first->rank : 0,
               job->x->hostname,
               how,
               text);
}

void job_task_lost (struct job *job, const struct task *task)
{
    char how[64];

    if (job->doomed || job->nactive < 2)
        return;
    describe (task, how, sizeof (how));
    job->exception_status = task->status;
    job_fatal (job,
               "exec",
               WIFSIGNALED (task->status)
                   ? "%s: task rank %u on host %s was killed (%s)"
                   : "%s: task rank %u on host %s left (%s) without MPI_Finalize",
               job_name (job),
               task->rank,
               job->x->hostname,
               how);
    job_signal (job, SIGKILL);
}

void job_first_exit (struct job *job, const struct task *task)
{
    const char *text;
    double timeout;
    char how[64];

    if (job->ntasks < 2 || job->doomed)
        return;
    if (task->status != 0 && jobspec_option (job->js, "exit-on-error")) {
        describe (task, how, sizeof (how));
        job->exception_status = task->status;
        job_fatal (job,
                   "exec",
                   "%s: task rank %u on host %s failed (%s) and exit-on-error is set",
                   job_name (job),
                   task->rank,
                   job->x->hostname,
                   how);
        return;
    }
    if ((timeout = get_exit_timeout (job, &text)) < 0)
        return;
    job->w_exit_timeout = flux_timer_watcher_create (job->x->reactor,
                                                     timeout,
                                                     0.,
                                                     exit_timeout_cb,
                                                     job);
    if (!job->w_exit_timeout)
        flux_log_error (job->x->h, "%s: exit timer", job->f58);
    flux_watcher_start (job->w_exit_timeout);
}
