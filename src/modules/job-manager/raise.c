/* job-manager.raise (user)
 *   { "id":I "severity":i "type":s "note"?:s "wait_status"?:i } -> empty
 * job-manager.raiseall (user)
 *   { "dry_run":b "userid":i "states":i "severity":i "type":s "note"?:s }
 *   -> { "count":i "errors":i }
 */

#include "config.h"
#include <ctype.h>
#include <jansson.h>

#include "manager.h"

static bool type_is_valid (const char *type)
{
    if (*type == '\0')
        return false;
    for (; *type; type++) {
        if (isspace ((unsigned char)*type) || *type == '=')
            return false;
    }
    return true;
}

/* What is wrong with an exception, or NULL. */
static const char *check_exception (const struct jm_exception *x)
{
    if (x->severity < 0 || x->severity > 7)
        return "invalid exception severity";
    if (!type_is_valid (x->type))
        return "invalid exception type";
    return NULL;
}

static int raise_one (struct manager *m, struct job *job, const struct jm_exception *x)
{
    uint64_t id = job->id;
    int r = jm_raise (m->jm, job, x);

    if (r == 0)
        manager_publish_exception (m, id, x->type, x->severity, x->wait_status);
    return r;
}

void raise_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    struct jm_exception x = { .wait_status = -1 };
    int wait_status = -1;
    flux_jobid_t id;
    uint32_t userid;
    struct job *job;
    const char *why;
    int r;

    if (manager_job_is_late (arg, msg, raise_cb))
        return;
    if (flux_request_unpack (msg, NULL, "{s:I s:i s:s s?s s?i}", "id", &id, "severity",
                             &x.severity, "type", &x.type, "note", &x.note, "wait_status",
                             &wait_status)
            < 0
        || flux_msg_get_userid (msg, &userid) < 0) {
        manager_refuse (m, msg, EPROTO, NULL);
        return;
    }
    x.userid = userid;
    x.wait_status = wait_status;
    if ((why = check_exception (&x)))
        manager_refuse (m, msg, EPROTO, why);
    else if (!(job = jm_lookup (m->jm, id)))
        manager_refuse (m, msg, ENOENT, "unknown job id");
    else if (job->state == STATE_INACTIVE)
        manager_refuse (m, msg, ENOENT, "job is inactive");
    else if (manager_authorize (msg, job->userid) < 0)
        manager_refuse (m, msg, EPERM,
                        "guests can only raise exceptions on their own jobs");
    else if ((r = raise_one (m, job, &x)) < 0)
        manager_refuse (m, msg, -r, NULL);
    else
        manager_respond (m, msg);
}

static int
raise_in_sweep (struct manager *m, struct job *job, const struct manager_sweep *what)
{
    return raise_one (m, job, &what->x);
}

void raiseall_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    struct manager_sweep all = { .act = raise_in_sweep, .x.wait_status = -1 };
    json_int_t target;
    uint32_t userid;
    const char *why;

    if (flux_request_unpack (msg, NULL, "{s:b s:I s:i s:i s:s s?s}", "dry_run",
                             &all.dry_run, "userid", &target, "states", &all.states,
                             "severity", &all.x.severity, "type", &all.x.type, "note",
                             &all.x.note)
            < 0
        || manager_sweep_of (&all, target) < 0 || flux_msg_get_userid (msg, &userid) < 0) {
        manager_refuse (m, msg, EPROTO, NULL);
        return;
    }
    all.x.userid = userid;
    if ((why = check_exception (&all.x)))
        manager_refuse (m, msg, EPROTO, why);
    else if (manager_authorize (msg, all.userid) < 0)
        manager_refuse (m, msg, EPERM,
                        "guests can only raise exceptions on their own jobs");
    else
        manager_sweep (m, msg, &all);
}
