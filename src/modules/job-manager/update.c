/* job-manager.update (user)  { "id":I "updates":{ key:value } } -> empty
 *
 * All keys are checked, then the jobspec as it would be; then the scheduler is
 * asked if that is called for: whether it could be run at all, or whether a
 * running job may have its new expiration.
 */

#include "config.h"
#include <jansson.h>

#include "update.h"

#define DURATION_KEY "attributes.system.duration"

static void update_free (struct update *u)
{
    if (!u)
        return;
    list_del (&u->node);
    flux_future_destroy (u->f);
    flux_msg_decref (u->msg);
    json_decref (u->updates);
    json_decref (u->more);
    free (u->jobspec);
    text_fini (&u->why);
    free (u);
}

static void done (struct update *u, int errnum, const char *why)
{
    if (errnum)
        manager_refuse (u->m, u->msg, errnum, why);
    else
        manager_respond (u->m, u->msg);
    update_free (u);
}

/* ---- is it allowed? --------------------------------------------------------- */

static bool is_below (const char *key, size_t len, const char *root)
{
    size_t rootlen = strlen (root);

    return len >= rootlen && memcmp (key, root, rootlen) == 0
           && (len == rootlen || key[rootlen] == '.');
}

bool manager_update_key_is_valid (const char *key, size_t len)
{
    return is_below (key, len, "attributes") || is_below (key, len, "resources")
           || is_below (key, len, "tasks");
}

static bool keys_are_valid (json_t *updates)
{
    const char *key;
    json_t *value;

    json_object_foreach (updates, key, value)
    {
        if (!manager_update_key_is_valid (key, strlen (key)))
            return false;
    }
    return true;
}

/* 0, or an errno with a sentence. */
static int check_job (const struct update *u, const struct job *job, const char **why)
{
    if (!job) {
        *why = "unknown job id";
        return ENOENT;
    }
    if (job->state == STATE_INACTIVE) {
        *why = "job is inactive";
        return EINVAL;
    }
    if (manager_authorize (u->msg, job->userid) < 0) {
        *why = "guests may only update their own jobs";
        return EPERM;
    }
    if ((job->flags & JOB_IMMUTABLE) && !(u->rolemask & FLUX_ROLE_OWNER)) {
        *why = "job is immutable due to previous instance owner update";
        return EPERM;
    }
    return 0;
}

static int check_updates (struct update *u, struct job *job)
{
    size_t keys = json_object_size (u->updates);
    const char *key;
    json_t *value;

    json_object_foreach (u->updates, key, value)
    {
        if (update_check_key (u, job, key, value) < 0)
            return -1;
    }
    u->bypassed = keys > 0 && u->validated == keys;
    if (json_object_update (u->updates, u->more) < 0 || update_make_jobspec (u, job) < 0)
        return -1;
    return u->bypassed || keys == 0 ? 0 : update_validate (u, job);
}

/* ---- doing it ------------------------------------------------------------------ */

/* What the instance owner did to somebody's job, bypassing the limits that
 * hold for its user, stays as it is.
 */
static int make_immutable (struct manager *m, struct job *job)
{
    static const char flags[] = "{\"flags\":[\"immutable\"]}";

    return jm_post (m->jm, job, "set-flags", (struct jview){ flags, sizeof (flags) - 1 },
                    false);
}

static int post_updates (struct update *u, struct job *job)
{
    char *s = json_dumps (u->updates, JSON_COMPACT);
    int r = -ENOMEM;

    if (s)
        r = jm_post (u->m->jm, job, "jobspec-update", (struct jview){ s, strlen (s) },
                     false);
    free (s);
    return r;
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

static void apply (struct update *u, struct job *job)
{
    bool foreign = (u->rolemask & FLUX_ROLE_OWNER) && job->userid != u->m->owner
                   && u->bypassed;
    int r = foreign ? make_immutable (u->m, job) : 0;

    if (r == 0)
        r = post_updates (u, job);
    if (r == 0 && u->expiration >= 0.)
        r = post_expiration (u->m, job, u->expiration);
    done (u, -r, NULL);
}

/* ---- asking the scheduler --------------------------------------------------------- */

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

/* The job may have ended, or begun, while the scheduler thought about it. */
static void sched_continuation (flux_future_t *f, void *arg)
{
    struct update *u = arg;
    struct job *job = jm_lookup (u->m->jm, u->id);
    const char *why = u->expiration >= 0. ? "scheduler refused expiration update"
                                          : flux_future_error_string (f);

    if (flux_rpc_get (f, NULL) < 0 && !(u->expiration >= 0. && errno == ENOSYS))
        done (u, errno, why);
    else if (!job || job->state == STATE_INACTIVE)
        done (u, EINVAL, "job is inactive");
    else
        apply (u, job);
}

static void wait_for (struct update *u)
{
    if (!u->f || flux_future_then (u->f, -1., sched_continuation, u) < 0) {
        done (u, errno, NULL);
        return;
    }
    list_append (&u->m->updates, &u->node);
}

static void ask_feasibility (struct update *u)
{
    json_t *jobspec = json_loadb (u->jobspec, u->jobspec_len, JSON_ALLOW_NUL, NULL);

    if (jobspec)
        u->f = flux_rpc_pack (u->m->h, "feasibility.check", 0, 0, "{s:o}", "jobspec",
                              jobspec);
    wait_for (u);
}

static void ask_expiration (struct update *u, const struct job *job, double duration)
{
    const char *why;
    int errnum;

    if ((errnum = new_expiration (job, duration, &u->expiration, &why)) != 0) {
        done (u, errnum, why);
        return;
    }
    u->f = flux_rpc_pack (u->m->h, "sched.expiration", 0, 0, "{s:I s:f}", "id",
                          (json_int_t)job->id, "expiration", u->expiration);
    wait_for (u);
}

/* ---- the request -------------------------------------------------------------------- */

static struct update *update_new (struct manager *m, const flux_msg_t *msg)
{
    struct update *u = calloc (1, sizeof (*u));

    if (!u)
        return NULL;
    list_init (&u->node);
    u->m = m;
    u->msg = flux_msg_incref (msg);
    u->expiration = -1.;
    if (!(u->more = json_object ()) || flux_msg_get_userid (msg, &u->userid) < 0
        || flux_msg_get_rolemask (msg, &u->rolemask) < 0) {
        update_free (u);
        return NULL;
    }
    return u;
}

static int decode (struct update *u)
{
    json_int_t id;
    json_t *o;

    if (flux_request_unpack (u->msg, NULL, "{s:I s:o}", "id", &id, "updates", &o) < 0
        || !json_is_object (o) || !(u->updates = json_deep_copy (o)))
        return -1;
    u->id = id;
    return 0;
}

void update_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;
    const char *why = NULL;
    struct update *u;
    json_t *duration;
    struct job *job;
    int errnum;

    if (manager_job_is_late (arg, msg, update_cb))
        return;
    if (!(u = update_new (m, msg))) {
        manager_refuse (m, msg, ENOMEM, NULL);
        return;
    }
    if (decode (u) < 0) {
        done (u, EPROTO, NULL);
        return;
    }
    if (!keys_are_valid (u->updates)) {
        done (u, EINVAL, "one or more jobspec updates are invalid");
        return;
    }
    job = jm_lookup (m->jm, u->id);
    if ((errnum = check_job (u, job, &why)) != 0)
        done (u, errnum, why);
    else if (check_updates (u, job) < 0)
        done (u, EINVAL, u->why.buf);
    else if (u->feasibility)
        ask_feasibility (u);
    else if ((job->state & STATE_RUNNING)
             && (duration = json_object_get (u->updates, DURATION_KEY)))
        ask_expiration (u, job, json_number_value (duration));
    else
        apply (u, job);
}

void manager_update_fini (struct manager *m)
{
    struct update *u;

    while ((u = list_first (&m->updates, struct update, node)))
        done (u, EAGAIN, "job manager is shutting down");
}
