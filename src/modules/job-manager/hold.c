/* job-manager.hold (user) { "id":I } -> { "id":I "success":b "errstr":s } as wait
 *
 * For whoever runs a job as a shell runs a command (ours, not Flux's): the
 * answer comes when the job is inactive, however it ended, and should the
 * requester go away before the job runs the job is canceled.  (Once it runs
 * that is the exec service's business.)
 *
 * Bound: one job at a time for each client; one client for each job.
 */

#include "config.h"

#include "manager.h"

struct holder {
    uint64_t id;
    const flux_msg_t *msg; /* the request */
};

static const char *sender_of (const flux_msg_t *msg)
{
    const char *uuid = flux_msg_route_first (msg);

    return uuid ? uuid : "";
}

/* Out of both tables; the message is the caller's. */
static const flux_msg_t *take (struct manager *m, struct holder *holder)
{
    const flux_msg_t *msg = holder->msg;

    (void)table_del_u64 (&m->held, holder->id);
    (void)table_del_str (&m->holders, sender_of (msg));
    free (holder);
    return msg;
}

static int put (struct manager *m, uint64_t id, const flux_msg_t *msg)
{
    struct holder *holder = malloc (sizeof (*holder));
    int r;

    if (!holder)
        return -ENOMEM;
    *holder = (struct holder){ .id = id, .msg = flux_msg_incref (msg) };
    if ((r = table_put_u64 (&m->held, id, holder)) == 0) {
        if ((r = table_put_str (&m->holders, sender_of (msg), holder)) == 0)
            return 0;
        (void)table_del_u64 (&m->held, id);
    }
    flux_msg_decref (msg);
    free (holder);
    return r;
}

void hold_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    flux_jobid_t id;
    struct job *job;
    int r;

    if (manager_job_is_late (arg, msg, hold_cb))
        return;
    if (flux_request_unpack (msg, NULL, "{s:I}", "id", &id) < 0)
        manager_refuse (m, msg, EPROTO, NULL);
    else if (!(job = jm_lookup (m->jm, id)))
        manager_refuse (m, msg, ENOENT, "unknown job id");
    else if (manager_authorize (msg, job->userid) < 0)
        manager_refuse (m, msg, EPERM, "guests can only hold their own jobs");
    else if (job->state == STATE_INACTIVE)
        manager_waited ((void *)flux_msg_incref (msg), job, NULL, m);
    else if ((r = put (m, id, msg)) < 0)
        manager_refuse (m, msg, -r, NULL);
}

void manager_ended (const struct job *job, void *arg)
{
    struct manager *m = arg;
    struct holder *holder = table_get_u64 (&m->held, job->id);

    if (holder)
        manager_waited ((void *)take (m, holder), job, NULL, m);
}

static void cancel (struct manager *m, uint64_t id, uint32_t userid)
{
    struct job *job = jm_lookup (m->jm, id);
    struct jm_exception x = {
        .type = "cancel",
        .severity = 0,
        .note = "the program that ran this job is gone",
        .userid = userid,
        .wait_status = -1,
    };

    if (job && job->state < STATE_RUN && jm_raise (m->jm, job, &x) == 0)
        manager_publish_exception (m, id, x.type, x.severity, x.wait_status);
}

void manager_hold_disconnect (struct manager *m, const flux_msg_t *msg)
{
    struct holder *holder = table_get_str (&m->holders, sender_of (msg));
    uint32_t userid = m->owner;
    uint64_t id;

    if (!holder || !flux_disconnect_match (msg, holder->msg))
        return;
    id = holder->id;
    msg = take (m, holder);
    (void)flux_msg_get_userid (msg, &userid);
    flux_msg_decref (msg);
    cancel (m, id, userid);
}

void manager_hold_fini (struct manager *m)
{
    struct holder *holder;

    while ((holder = table_pop (&m->held))) {
        manager_refuse (m, holder->msg, ENOSYS, "job-manager is unloading");
        flux_msg_decref (holder->msg);
        free (holder);
    }
    table_fini (&m->held);
    table_fini (&m->holders);
}
