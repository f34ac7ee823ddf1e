/* job-manager.kill (user)     { "id":I "signum":i } -> empty
 * job-manager.killall (user)  { "dry_run":b "userid":i "signum":i }
 *                             -> { "count":i "errors":i }
 * Signals travel as event shell-<decimal id>.kill { "signum":i }.
 */

#include "config.h"
#include <jansson.h>
#include <signal.h>
#include <stdio.h>

#include "manager.h"

static int send_signal (struct manager *m, uint64_t id, int signum)
{
    char topic[64];
    char payload[64];

    snprintf (topic, sizeof (topic), "shell-%llu.kill", (unsigned long long)id);
    snprintf (payload, sizeof (payload), "{\"signum\":%d}", signum);
    return manager_publish (m, topic, payload, false);
}

static bool signum_is_valid (int signum)
{
    return signum > 0 && signum < NSIG;
}

void kill_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    flux_jobid_t id;
    struct job *job;
    int signum;

    if (manager_job_is_late (arg, msg, kill_cb))
        return;
    if (flux_request_unpack (msg, NULL, "{s:I s:i}", "id", &id, "signum", &signum) < 0)
        manager_refuse (m, msg, EPROTO, NULL);
    else if (!signum_is_valid (signum))
        manager_refuse (m, msg, EINVAL, "Invalid signal number");
    else if (!(job = jm_lookup (m->jm, id)))
        manager_refuse (m, msg, EINVAL, "unknown job id");
    else if (job->state == STATE_INACTIVE)
        manager_refuse (m, msg, EINVAL, "job is inactive");
    else if (manager_authorize (msg, job->userid) < 0)
        manager_refuse (m, msg, EPERM, "guests may only send signals to their own jobs");
    else if (!(job->state & STATE_RUNNING))
        manager_refuse (m, msg, EINVAL, "job is not running");
    else if (send_signal (m, id, signum) < 0)
        manager_refuse (m, msg, errno, NULL);
    else
        manager_respond (m, msg);
}

static int
kill_in_sweep (struct manager *m, struct job *job, const struct manager_sweep *what)
{
    return send_signal (m, job->id, what->signum);
}

void killall_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    struct manager_sweep all = { .act = kill_in_sweep, .states = STATE_RUNNING };
    json_int_t target;

    if (flux_request_unpack (msg, NULL, "{s:b s:I s:i}", "dry_run", &all.dry_run,
                             "userid", &target, "signum", &all.signum)
            < 0
        || manager_sweep_of (&all, target) < 0) {
        manager_refuse (m, msg, EPROTO, "error decoding request");
        return;
    }
    if (manager_authorize (msg, all.userid) < 0)
        manager_refuse (m, msg, EPERM, "guests can only kill their own jobs");
    else if (!signum_is_valid (all.signum))
        manager_refuse (m, msg, EINVAL, "Invalid signal number");
    else
        manager_sweep (m, msg, &all);
}
