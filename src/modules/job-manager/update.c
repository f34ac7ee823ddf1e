/* job-manager.update (user)  { "id":I "updates":{ key:value } } -> empty
 *
 * One key can be updated so far: attributes.system.duration.  Of a running job
 * that moves the end of its allocation, so the scheduler is asked first.
 */

#include "config.h"
#include <jansson.h>

#include "manager.h"

#define DURATION_KEY "attributes.system.duration"

/* An update that waits for the scheduler. */
struct update {
    struct list node;
    struct manager *m;
    const flux_msg_t *msg;
    flux_future_t *f;
    uint64_t id;
    double expiration;
};

static void update_free (struct update *u)
{
    list_del (&u->node);
    flux_future_destroy (u->f);
    flux_msg_decref (u->msg);
    free (u);
}

/* ---- is it allowed? --------------------------------------------------------- */

static bool key_is_below (struct jview key, const char *root)
{
    size_t rootlen = strlen (root), len;
    const char *s;

    return jview_plain (key, &s, &len) && len >= rootlen && memcmp (s, root, rootlen) == 0
           && (len == rootlen || s[rootlen] == '.');
}

static bool keys_are_valid (struct jview updates)
{
    struct jview key, value;
    struct jiter it;

    jiter_init (&it, updates);
    while (jiter_next (&it, &key, &value)) {
        if (!key_is_below (key, "attributes") && !key_is_below (key, "resources")
            && !key_is_below (key, "tasks"))
            return false;
    }
    return true;
}

static bool requester_is_owner (const flux_msg_t *msg)
{
    uint32_t rolemask;

    return flux_msg_get_rolemask (msg, &rolemask) == 0 && (rolemask & FLUX_ROLE_OWNER);
}

/* 0, or an errno with a sentence. */
static int check_job (const flux_msg_t *msg, const struct job *job, const char **why)
{
    if (!job) {
        *why = "unknown job id";
        return ENOENT;
    }
    if (job->state == STATE_INACTIVE) {
        *why = "job is inactive";
        return EINVAL;
    }
    if (manager_authorize (msg, job->userid) < 0) {
        *why = "guests may only update their own jobs";
        return EPERM;
    }
    if ((job->flags & JOB_IMMUTABLE) && !requester_is_owner (msg)) {
        *why = "job is immutable due to previous instance owner update";
        return EPERM;
    }
    return 0;
}

static int check_duration (const flux_msg_t *msg,
                           const struct job *job,
                           struct jview value,
                           const char **why)
{
    double duration;

    *why = "duration must be a number";
    if (jview_number (value, &duration) < 0)
        return EINVAL;
    *why = "duration must not be negative";
    if (duration < 0.)
        return EINVAL;
    *why = "duration update of running job requires instance owner privileges";
    if ((job->state & STATE_RUNNING) && !requester_is_owner (msg))
        return EINVAL;
    return 0;
}

static int check_updates (const flux_msg_t *msg,
                          const struct job *job,
                          struct jview updates,
                          struct text *why)
{
    struct jview key, value;
    struct jiter it;

    jiter_init (&it, updates);
    while (jiter_next (&it, &key, &value)) {
        const char *s;
        int errnum;

        if (!jview_equal (key, DURATION_KEY)) {
            text_puts (why, "update of ");
            jview_string (key, why);
            text_puts (why, " not supported");
            return EINVAL;
        }
        if ((errnum = check_duration (msg, job, value, &s)) != 0) {
            text_puts (why, s);
            return errnum;
        }
    }
    return 0;
}

/* ---- doing it ------------------------------------------------------------------ */

static struct jview updates_of (const flux_msg_t *msg)
{
    struct jview v;

    return manager_decode (msg, &v) < 0 ? JVIEW_ABSENT : jview_get (v, "updates");
}

/* What the instance owner did to somebody's job, bypassing the limits that
 * hold for its user, stays as it is.
 */
static int make_immutable (struct manager *m, struct job *job)
{
    static const char flags[] = "{\"flags\":[\"immutable\"]}";

    return jm_post (m->jm, job, "set-flags", (struct jview){ flags, sizeof (flags) - 1 },
                    false);
}

static int post_expiration (struct manager *m, struct job *job, double expiration)
{
    _cleanup_ (text_fini) struct text t = TEXT_INIT;

    text_puts (&t, "{\"expiration\":");
    text_put_real (&t, expiration);
    text_putc (&t, '}');
    if (text_error (&t) < 0)
        return -ENOMEM;
    return jm_post (m->jm, job, "resource-update", (struct jview){ t.buf, t.len }, false);
}

/* expiration < 0: it does not change. */
static void
apply (struct manager *m, const flux_msg_t *msg, struct job *job, double expiration)
{
    struct jview updates = updates_of (msg);
    bool foreign = requester_is_owner (msg) && job->userid != m->owner
                   && jview_present (jview_get (updates, DURATION_KEY));
    int r = foreign ? make_immutable (m, job) : 0;

    if (r == 0)
        r = jm_post (m->jm, job, "jobspec-update", updates, false);
    if (r == 0 && expiration >= 0.)
        r = post_expiration (m, job, expiration);
    if (r < 0)
        manager_refuse (m, msg, -r, NULL);
    else
        manager_respond (m, msg);
}

/* ---- running jobs ----------------------------------------------------------------- */

/* Seconds since the epoch; 0: never.  0, or an errno with a sentence. */
static int new_expiration (const struct job *job,
                           double duration,
                           double *expiration,
                           const char **why)
{
    struct jview R = job->R ? (struct jview){ job->R->s, job->R->len } : JVIEW_ABSENT;
    double starttime;

    *expiration = 0.;
    if (duration == 0.)
        return 0;
    *why = "unable to get job starttime";
    if (jview_number (jview_path (R, "execution.starttime"), &starttime) < 0)
        return EINVAL;
    *expiration = starttime + duration;
    *why = "requested duration places job expiration in the past";
    return *expiration <= manager_sink.now (NULL) ? EINVAL : 0;
}

/* The job may have ended while the scheduler thought about it. */
static void sched_continuation (flux_future_t *f, void *arg)
{
    struct update *u = arg;
    struct manager *m = u->m;
    struct job *job = jm_lookup (m->jm, u->id);

    if (flux_rpc_get (f, NULL) < 0 && errno != ENOSYS)
        manager_refuse (m, u->msg, errno, "scheduler refused expiration update");
    else if (!job || job->state == STATE_INACTIVE)
        manager_refuse (m, u->msg, EINVAL, "job is inactive");
    else
        apply (m, u->msg, job, u->expiration);
    update_free (u);
}

static int ask_scheduler (struct manager *m,
                          const flux_msg_t *msg,
                          const struct job *job,
                          double expiration)
{
    struct update *u = calloc (1, sizeof (*u));

    if (!u)
        return -1;
    list_init (&u->node);
    u->m = m;
    u->msg = flux_msg_incref (msg);
    u->id = job->id;
    u->expiration = expiration;
    u->f = flux_rpc_pack (m->h, "sched.expiration", 0, 0, "{s:I s:f}", "id",
                          (json_int_t)job->id, "expiration", expiration);
    if (!u->f || flux_future_then (u->f, -1., sched_continuation, u) < 0) {
        update_free (u);
        return -1;
    }
    list_append (&m->updates, &u->node);
    return 0;
}

static void update_running (struct manager *m,
                            const flux_msg_t *msg,
                            const struct job *job,
                            double duration)
{
    double expiration;
    const char *why;
    int errnum;

    if ((errnum = new_expiration (job, duration, &expiration, &why)) != 0)
        manager_refuse (m, msg, errnum, why);
    else if (ask_scheduler (m, msg, job, expiration) < 0)
        manager_refuse (m, msg, errno, NULL);
}

void update_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    _cleanup_ (text_fini) struct text sentence = TEXT_INIT;
    struct jview v = JVIEW_ABSENT, updates;
    const char *why = NULL;
    struct job *job;
    double duration;
    int64_t id;
    int errnum;

    if (manager_decode (msg, &v) < 0 || jview_int (jview_get (v, "id"), &id) < 0
        || !jview_is (updates = jview_get (v, "updates"), JVIEW_OBJECT)) {
        manager_refuse (m, msg, EPROTO, NULL);
        return;
    }
    if (!keys_are_valid (updates)) {
        manager_refuse (m, msg, EINVAL, "one or more jobspec updates are invalid");
        return;
    }
    job = jm_lookup (m->jm, id);
    if ((errnum = check_job (msg, job, &why)) != 0)
        manager_refuse (m, msg, errnum, why);
    else if ((errnum = check_updates (msg, job, updates, &sentence)) != 0)
        manager_refuse (m, msg, errnum, sentence.buf);
    else if ((job->state & STATE_RUNNING)
             && jview_number (jview_get (updates, DURATION_KEY), &duration) == 0)
        update_running (m, msg, job, duration);
    else
        apply (m, msg, job, -1.);
}

void manager_update_fini (struct manager *m)
{
    struct update *u = NULL;

    list_foreach (&m->updates, u, node) {
        manager_refuse (m, u->msg, EAGAIN, "job manager is shutting down");
        update_free (u);
    }
}
