/* job-manager.urgency (user)          { "id":I "urgency":i } -> { "old_urgency":i }
 * job-manager.memo (user)             { "id":I "volatile"?:b "memo":o } -> empty
 * job-manager.post-event.post (owner) { "id":I "name":s "context"?:o } -> empty
 */

#include "config.h"
#include <ctype.h>

#include "manager.h"

#define URGENCY_DEFAULT 16

/* May this requester give the job that urgency?  NULL: yes. */
static const char *
check_urgency (const flux_msg_t *msg, const struct job *job, int urgency, int *errnum)
{
    int limit = job->urgency > URGENCY_DEFAULT ? job->urgency : URGENCY_DEFAULT;
    uint32_t rolemask = 0;

    *errnum = EPERM;
    if (manager_authorize (msg, job->userid) < 0)
        return "guests can only reprioritize their own jobs";
    if ((flux_msg_get_rolemask (msg, &rolemask) < 0 || !(rolemask & FLUX_ROLE_OWNER))
        && urgency > limit)
        return "guests can only adjust urgency <= default";
    *errnum = EINVAL;
    if (job->has_resources || (job->state & STATE_RUNNING))
        return "urgency cannot be changed once resources are allocated";
    return NULL;
}

void urgency_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    int urgency, old, errnum, r;
    flux_jobid_t id;
    uint32_t userid;
    struct job *job;
    const char *why;

    if (manager_job_is_late (arg, msg, urgency_cb))
        return;
    if (flux_request_unpack (msg, NULL, "{s:I s:i}", "id", &id, "urgency", &urgency) < 0
        || flux_msg_get_userid (msg, &userid) < 0) {
        manager_refuse (m, msg, EPROTO, NULL);
        return;
    }
    if (urgency < 0 || urgency > URGENCY_MAX)
        manager_refuse (m, msg, EINVAL, "urgency value is out of range");
    else if (!(job = jm_lookup (m->jm, id)))
        manager_refuse (m, msg, EINVAL, "unknown job");
    else if (job->state == STATE_INACTIVE)
        manager_refuse (m, msg, EINVAL, "job is inactive");
    else if ((why = check_urgency (msg, job, urgency, &errnum)))
        manager_refuse (m, msg, errnum, why);
    else {
        old = job->urgency;
        if ((r = jm_urgency (m->jm, job, userid, urgency)) < 0)
            manager_refuse (m, msg, -r, NULL);
        else if (flux_respond_pack (h, msg, "{s:i}", "old_urgency", old) < 0)
            flux_log_error (h, "urgency response");
    }
}

void memo_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    static const char *const keys[] = { "id", "volatile", "memo" };
    struct jview v, f[3];
    bool is_volatile = false;
    struct job *job;
    int64_t id;
    int r;

    if (manager_job_is_late (arg, msg, memo_cb))
        return;
    if (manager_decode (msg, &v) == 0)
        jview_pick (v, 3, keys, f);
    else
        jview_pick (JVIEW_ABSENT, 3, keys, f);
    if (jview_int (f[0], &id) < 0 || !jview_present (f[2])
        || (jview_present (f[1]) && jview_bool (f[1], &is_volatile) < 0))
        manager_refuse (m, msg, EPROTO, NULL);
    else if (!(job = jm_lookup (m->jm, id)))
        manager_refuse (m, msg, ENOENT, "unknown job id");
    else if (job->state == STATE_INACTIVE)
        manager_refuse (m, msg, ENOENT, "job is inactive");
    else if (manager_authorize (msg, job->userid) < 0)
        manager_refuse (m, msg, EPERM, "guests can only add a memo to their own jobs");
    else if (!jview_is (f[2], JVIEW_OBJECT))
        manager_refuse (m, msg, EINVAL, "memo must be an object");
    else if ((r = jm_post (m->jm, job, "memo", f[2], is_volatile)) == -EOVERFLOW)
        manager_refuse (m, msg, -r, "annotations of a job are limited to 16 KiB");
    else if (r < 0)
        manager_refuse (m, msg, -r, NULL);
    else
        manager_respond (m, msg);
}

/* A name goes between quotes as it is, so it must need no escapes. */
static bool name_is_valid (const char *s)
{
    if (*s == '\0')
        return false;
    for (; *s; s++) {
        if (!isgraph ((unsigned char)*s) || *s == '"' || *s == '\\')
            return false;
    }
    return true;
}

void post_event_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    static const char *const keys[] = { "id", "name", "context" };
    _cleanup_ (freep)
    char *name = NULL;
    struct jview v, f[3];
    struct job *job;
    int64_t id;
    int r;

    if (!manager_has_plugin (m, ".post-event")) {
        manager_refuse_unknown (m, msg);
        return;
    }
    if (manager_job_is_late (arg, msg, post_event_cb))
        return;
    if (manager_decode (msg, &v) == 0)
        jview_pick (v, 3, keys, f);
    else
        jview_pick (JVIEW_ABSENT, 3, keys, f);
    if (jview_int (f[0], &id) < 0 || jview_strdup (f[1], &name) < 0
        || !name_is_valid (name)) {
        manager_refuse (m, msg, EPROTO, NULL);
        return;
    }
    if (!(job = jm_lookup (m->jm, id)) || job->state == STATE_INACTIVE)
        manager_refuse (m, msg, ENOENT, NULL);
    else if ((r = jm_post (m->jm, job, name, f[2], false)) < 0)
        manager_refuse (m, msg, -r, NULL);
    else
        manager_respond (m, msg);
}
