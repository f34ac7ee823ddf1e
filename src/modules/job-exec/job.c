/* job-exec/job.c - the life of a job. */
#include "config.h"
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "common/errprintf.h"
#include "common/util.h"
#include "exec.h"

#define HOSTFILE_MAX (1 << 20)

struct job *job_find (struct exec *x, uint64_t id)
{
    return table_get_u64 (&x->jobs, id);
}

void job_touch (struct job *job)
{
    if (job->late) {
        job->late = false;
        list_del (&job->dirty);
    }
    if (job->state < JOB_ENDED && !list_linked (&job->dirty))
        list_append (&job->x->dirty, &job->dirty);
}

void job_free (struct job *job)
{
    if (!job)
        return;
    (void)table_del_u64 (&job->x->jobs, job->id);
    list_del (&job->dirty);
    list_del (&job->launching);
    job_calls_cancel (job);
    for (uint32_t i = 0; job->tasks && i < job->ntasks; i++)
        task_fini (&job->tasks[i]);
    free (job->tasks);
    programs_destroy (job);
    parts_free (job);
    idset_destroy (job->stdin_ranks);
    flux_msglist_destroy (job->unread);
    text_fini (&job->fresh);
    text_fini (&job->notes);
    files_fini (job);
    tmpdir_remove (job);
    flux_watcher_destroy (job->w_expiration);
    flux_watcher_destroy (job->w_warning);
    flux_watcher_destroy (job->w_exit_timeout);
    flux_watcher_destroy (job->w_kill);
    mock_destroy (job->mock);
    pmi_destroy (job->pmi);
    text_fini (&job->pmi_pairs);
    idset_destroy (job->critical);
    idset_destroy (job->lost);
    output_destroy (job->output);
    guestlog_fini (&job->log);
    layout_fini (&job->layout);
    jobspec_free (job->js);
    rset_free (job->R);
    json_decref (job->J);
    flux_msg_decref (job->msg);
    free (job);
}

void job_retire (struct job *job)
{
    job->state = JOB_ENDED;
    (void)table_del_u64 (&job->x->jobs, job->id);
    job_calls_cancel (job);
    list_del (&job->dirty);
    list_del (&job->launching);
    job->late = false;
    list_append (&job->x->ended, &job->dirty);
}

void job_end (struct job *job)
{
    follow_end (job);
    job->state = JOB_ENDED;
    job_respond_release (job);
    job_retire (job);
}

void job_flush (struct job *job)
{
    list_del (&job->dirty);
    job->late = false;
    follow_flush (job);
    guest_flush (job);
}

void job_started (struct job *job)
{
    double allocated = rset_starttime (job->R);

    if (allocated > 0)
        job->start_delay = flux_reactor_time () - allocated;
    job->started = true;
    job_respond_start (job);
    job_arm_expiration (job);
}

static int final_status (const struct job *job)
{
    int status = job->exit_code << 8;

    if (job->mock)
        status = job->status;
    if (job->doomed && job->exception_status >= 0) {
        int ws = job->exception_status;

        return (WIFSIGNALED (ws) ? 128 + WTERMSIG (ws) : WEXITSTATUS (ws)) << 8;
    }
    if (job->doomed && status == 0)
        return 1 << 8;
    return status;
}

/* The service ends with the tasks: what comes after is answered ENOSYS. */
static void remove_service (struct job *job)
{
    flux_future_t *f;

    if (!job->has_service)
        return;
    f = flux_rpc_pack (job->x->h,
                       "service.remove",
                       FLUX_NODEID_ANY,
                       FLUX_RPC_NORESPONSE,
                       "{s:s}",
                       "service", job->service);
    if (!f)
        flux_log_error (job->x->h, "%s: service.remove", job->f58);
    flux_future_destroy (f);
    job->has_service = false;
}

/* "finish" goes out before the last log entries are in the KVS, release after
 * the namespace has been grafted.
 */
void job_complete (struct job *job)
{
    char buf[32];

    if (job->state >= JOB_FINISHING)
        return;
    job->state = JOB_FINISHING;
    flux_watcher_stop (job->w_expiration);
    flux_watcher_stop (job->w_warning);
    flux_watcher_stop (job->w_exit_timeout);
    flux_watcher_stop (job->w_kill);
    if (job->member) {
        member_end (job);
        return;
    }
    remove_service (job);
    input_read (job); /* whatever was not */
    if (job->output)
        output_finish (job->output, exec_now ());
    if (job->started) {
        job->status = final_status (job);
        if (!job->mock)
            job_event_exit (job);
        else {
            snprintf (buf, sizeof (buf), "\"status\":%d", job->status);
            job_event (job, "complete", buf);
        }
        job_respond_finish (job);
        job->finished = true;
        snprintf (buf, sizeof (buf), "\"status\":%d", job->status);
        follow_note (job, "finish", buf);
    }
    follow_end (job); /* it has waited long enough */
    job_event (job, "done", NULL);
    guestlog_close (&job->log);
    job_flush (job);
}

static int name_job (struct job *job)
{
    snprintf (job->ns, sizeof (job->ns), "job-%llu", (unsigned long long)job->id);
    if (flux_job_id_encode (job->id, "f58", job->f58, sizeof (job->f58)) < 0
        || flux_job_id_encode (job->id, "f58plain", job->f58plain, sizeof (job->f58plain))
               < 0)
        return -1;
    snprintf (job->service,
              sizeof (job->service),
              "%u-shell-%s",
              job->userid,
              job->f58plain);
    return 0;
}

static int size_limits (struct job *job, struct output_config *config, flux_error_t *error)
{
    static const char *const limits[] = { "output.limit", "output.limit" };
    static const char *const types[] = { "output.stdout.buffer.type",
                                         "output.stderr.buffer.type" };
    static const char *const defaults[] = { "line", "none" };

    for (int s = 0; s < OUTPUT_STREAMS; s++) {
        uint64_t limit;
        int r;

        r = size_option (job,
                         limits[s],
                         "1G",
                         1 << 30,
                         &config->stream[s].limit_text,
                         &limit);
        if (r < 0) {
            errprintf (error,
                       "shell_init: Invalid KVS output.limit=%s",
                       config->stream[s].limit_text);
            return r;
        }
        config->stream[s].limit = limit;
        config->stream[s].unbuffered =
            !strcmp (jobspec_option_string (job->js, types[s], defaults[s]), "none");
    }
    return 0;
}

/* mpiexec.stdin and mpiexec.cleanup */
static int client_options (struct job *job, flux_error_t *error)
{
    const char *ranks = jobspec_option_string (job->js, "mpiexec.stdin", NULL);

    job->auto_cleanup = json_is_true (jobspec_option (job->js, "mpiexec.cleanup"));
    if (ranks && !(job->stdin_ranks = idset_decode (ranks))) {
        errprintf (error, "mpiexec.stdin is no idset");
        return -EINVAL;
    }
    return 0;
}

/* A path is of the job's directory; the file is small, and of a user who waits. */
static int renumber_by_file (struct job *job, const char *path, flux_error_t *error)
{
    struct text full = TEXT_INIT, hosts = TEXT_INIT;
    char buf[4096];
    FILE *f;
    size_t n;
    int r;

    if (*path != '/')
        text_printf (&full, "%s/", job->js->cwd ? job->js->cwd : "/tmp");
    text_puts (&full, path);
    if (text_error (&full) || !(f = fopen (full.buf, "re"))) {
        errprintf (error, "taskmap.hostfile: %s: %s", path, strerror (errno));
        text_fini (&full);
        return -EINVAL;
    }
    while ((n = fread (buf, 1, sizeof (buf), f)) > 0 && hosts.len < HOSTFILE_MAX)
        text_put (&hosts, buf, n);
    fclose (f);
    text_putc (&hosts, '\0');
    r = text_error (&hosts) ? -ENOMEM
                            : layout_remap_hosts (&job->layout, job->R, hosts.buf, error);
    text_fini (&full);
    text_fini (&hosts);
    return r;
}

/* Option taskmap: { "scheme":s "value"?:s }.  A member is told what came of it. */
static int renumber_tasks (struct job *job)
{
    const char *scheme = jobspec_option_string (job->js, "taskmap.scheme", NULL);
    const char *value = jobspec_option_string (job->js, "taskmap.value", "");

    flux_error_t why;
    int r;

    if (!scheme)
        return 0;
    if (job->map)
        r = layout_remap (&job->layout, "manual", job->map, &why);
    else if (!strcmp (scheme, "hostfile"))
        r = renumber_by_file (job, value, &why);
    else
        r = layout_remap (&job->layout, scheme, value, &why);
    if (r != -EINVAL)
        return r;
    snprintf (job->misfit, sizeof (job->misfit), "%s", why.text);
    return 0;
}

static int create_tasks (struct job *job)
{
    uint32_t *localids;

    job->tasks = calloc (job->ntasks + 1, sizeof (job->tasks[0]));
    localids = calloc (job->layout.nnodes, sizeof (localids[0]));
    if (!job->tasks || !localids) {
        free (localids);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < job->ntasks; i++) {
        struct task *t = &job->tasks[i];
        uint32_t node = job->layout.nodeid[i];

        *t = (struct task){ .job = job, .rank = i, .node = node };
        t->away = rset_rank_at (job->R, node) != job->x->rank;
        t->localid = localids[node]++;
        t->pidfd = t->stdin_fd = t->pmi_fd = -1;
        for (int s = 0; s < OUTPUT_STREAMS; s++)
            t->stream[s].fd = t->stream[s].file = -1;
    }
    free (localids);
    return 0;
}

int job_prepare (struct job *job, flux_error_t *error)
{
    struct output_config config = { 0 };
    size_t nnodes = rset_nnodes (job->R);
    int r;

    /* nodes are in the order of their ranks */
    if (nnodes > 0 && rset_rank_at (job->R, nnodes - 1) >= job->x->size) {
        errprintf (error,
                   "tasks on broker rank %u cannot be started: there is no such broker",
                   rset_rank_at (job->R, nnodes - 1));
        return -EINVAL;
    }
    if ((r = layout_create (job->js, job->R, &job->layout, error)) < 0
        || (r = renumber_tasks (job)) < 0)
        return r;
    job->ntasks = job->layout.ntasks;
    job->verbose = json_integer_value (jobspec_option (job->js, "verbose"));
    if ((r = create_tasks (job)) < 0 || (!job->member && (r = parts_create (job)) < 0))
        return r;
    config.ntasks = job->layout.ntasks;
    config.label = jobspec_option_string (job->js, "mpiexec.label", NULL);
    if ((r = programs_create (job, error)) < 0 || (r = client_options (job, error)) < 0
        || (r = size_limits (job, &config, error)) < 0)
        return r;
    if (!job->member && !(job->unread = flux_msglist_create ()))
        return -ENOMEM;
    if (job->member)
        return output_create (&config, &job->fresh, &job->output);
    if (!job->follower)
        return output_create (&config,
                              guestlog_text (&job->log, GUESTLOG_OUTPUT),
                              &job->output);
    job->keep_limit = config.stream[0].limit;
    config.stream[0].limit = config.stream[1].limit = 0;
    return output_create (&config, &job->fresh, &job->output);
}

static bool may_mock (const struct job *job, flux_error_t *error)
{
    if (job->userid == job->x->owner || job->x->config.testexec_guests)
        return true;
    errprintf (error, "guests may not use test exec implementation");
    return false;
}

/* R or the way to run are wrong: -errno with a sentence.  A jobspec that no
 * shell could run is not an error here: it ends like one whose shell refused
 * it, with status 256.
 */
static int decode (struct job *job, json_t *jobspec, json_t *R, flux_error_t *error)
{
    flux_error_t why = { "" };
    int r;

    if ((r = rset_parse (R, &job->R, error)) < 0)
        return r;
    if ((r = jobspec_decode (jobspec, &job->js, &why)) == 0) {
        if (job->js->exec_test)
            return may_mock (job, error) ? mock_create (job, error) : -EPERM;
        if (!follow_begin (job)) {
            errprintf (error, "the program that ran this job is gone");
            return -ECANCELED;
        }
        r = job_prepare (job, &why);
    }
    if (r == -ENOMEM)
        return r;
    if (r < 0)
        snprintf (job->refusal, sizeof (job->refusal), "%s", why.text);
    return 0;
}

static void refuse (struct job *job, const char *note)
{
    job->doomed = true;
    job_respond_exception (job, 0, "exec", note);
    job_end (job);
}

struct job *job_create (struct exec *x, const flux_msg_t *msg, uint64_t id, uint32_t userid)
{
    struct job *job;

    if (!(job = calloc (1, sizeof (*job))))
        return NULL;
    list_init (&job->dirty);
    list_init (&job->launching);
    list_init (&job->calls);
    list_init (&job->files);
    job->x = x;
    job->id = id;
    job->userid = userid;
    job->msg = flux_msg_incref (msg);
    job->exception_status = -1;
    guestlog_init (&job->log);
    if (name_job (job) < 0 || table_put_u64 (&x->jobs, id, job) < 0) {
        job_free (job);
        errno = ENOMEM;
        return NULL;
    }
    return job;
}

/* job-exec.start { "id":I "userid":i "jobspec":o "reattach":b "R":o }
 *   -> responses, see protocol.c; the last is release
 */
void job_start_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct exec *x = arg;
    struct job *job;
    flux_error_t error = { "" };
    json_t *jobspec, *R;
    json_int_t id, userid;
    int reattach = 0;
    int r;

    if (flux_request_unpack (msg,
                             NULL,
                             "{s:I s:I s:o s?b s:o}",
                             "id", &id,
                             "userid", &userid,
                             "jobspec", &jobspec,
                             "reattach", &reattach,
                             "R", &R) < 0
        || (job_find (x, id) && (errno = EEXIST))
        || !(job = job_create (x, msg, id, userid))) {
        if (flux_respond_error (h, msg, errno, NULL) < 0)
            flux_log_error (h, "start response");
        return;
    }
    if (reattach) {
        job->has_namespace = true;
        job->doomed = true;
        job_respond_exception (job,
                               0,
                               "exec",
                               "reattach to running job is not implemented: "
                               "Function not implemented");
        guest_graft (job);
        return;
    }
    if ((r = decode (job, jobspec, R, &error)) < 0) {
        refuse (job, error.text[0] ? error.text : strerror (-r));
        return;
    }
    guest_begin (job);
}
