/* job-exec/proctable.c - the processes of a job, for debuggers.
 *
 * <userid>-shell-<f58plain>.proctable {} -> { "tasks":[[HOST,EXECUTABLE,PID],...] }
 *
 * in the order of their ranks; EAGAIN until all have been started.  The layout of the
 * answer is ours: flux job attach --debug of this project asks for it.
 */
#include "config.h"

#include "common/util.h"
#include "exec.h"

void proctable_set_pids (struct job *job, uint32_t node, const char *pids)
{
    for (uint32_t i = 0; i < job->ntasks; i++) {
        struct task *task = &job->tasks[i];
        char *end;
        long pid;

        if (task->node != node)
            continue;
        pid = strtol (pids, &end, 10);
        if (end == pids || pid <= 0)
            return;
        task->pid = pid;
        pids = end;
    }
}

void proctable_get_pids (const struct job *job, struct text *pids)
{
    for (uint32_t i = 0; i < job->ntasks; i++) {
        if (!job->tasks[i].away)
            text_printf (pids, "%d ", (int)job->tasks[i].pid);
    }
}

static json_t *describe (const struct job *job, const struct program *p, const struct task *task)
{
    const char *host = rset_host_at (job->R, task->node);
    const char *exe = json_string_value (json_array_get (p->command, 0));

    return json_pack ("[ssi]", host ? host : job->x->hostname, exe ? exe : "", (int)task->pid);
}

static json_t *describe_all (const struct job *job)
{
    const struct program *p = job->programs;
    json_t *tasks = json_array ();

    for (uint32_t i = 0; tasks && i < job->ntasks; i++) {
        while (i >= p->first + p->ntasks)
            p++;
        if (json_array_append_new (tasks, describe (job, p, &job->tasks[i])) < 0) {
            json_decref (tasks);
            return NULL;
        }
    }
    return tasks;
}

static json_t *proctable (const struct job *job, const flux_msg_t *msg)
{
    json_t *tasks;

    if (flux_msg_authorize (msg, job->userid) < 0)
        return NULL;
    if (job->state == JOB_STARTING || job->unstarted > 0) {
        errno = EAGAIN;
        return NULL;
    }
    if (!(tasks = describe_all (job)))
        errno = ENOMEM;
    return tasks;
}

void proctable_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct job *job = job_of_topic (arg, msg);
    json_t *tasks = NULL;
    int rc;

    if (!job || job->state >= JOB_FINISHING || job->ntasks == 0)
        rc = flux_respond_error (h, msg, ENOSYS, NULL);
    else if (!(tasks = proctable (job, msg)))
        rc = flux_respond_error (h, msg, errno, NULL);
    else
        rc = flux_respond_pack (h, msg, "{s:O}", "tasks", tasks);
    if (rc < 0)
        flux_log_error (h, "proctable response");
    json_decref (tasks);
}
