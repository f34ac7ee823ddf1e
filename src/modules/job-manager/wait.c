/* Waiting for jobs to end (job-manager.wait). */

#include "config.h"

#include "engine_private.h"

static bool is_waitable (const struct job *job)
{
    return job->flags & JOB_WAITABLE;
}

static void waiter_free (struct jm *jm, struct waiter *w)
{
    if (w->job)
        w->job->waiter = NULL;
    list_del (&w->node);
    jm->nwaiters--;
    free (w);
}

void jm_wait_fini (struct jm *jm)
{
    struct waiter *w = NULL;

    list_foreach (&jm->waiters_any, w, node)
        waiter_free (jm, w);
    list_foreach (&jm->waiters_job, w, node)
        waiter_free (jm, w);
}

/* The waiter hears of the job, or why there is none. */
static void
answer (struct jm *jm, struct waiter *w, const struct job *job, const char *why)
{
    void *token = w->token;

    waiter_free (jm, w);
    jm->sink->waited (token, job, why, jm->arg);
}

/* Its result has been handed out. */
static void reap (struct jm *jm, struct job *job)
{
    list_del (&job->active);
    if (job->purged)
        jm_drop_job (jm, job);
}

void jm_wait_ended (struct jm *jm, struct job *job)
{
    struct waiter *w = job->waiter;

    if (!is_waitable (job))
        return;
    jm->nwaitable--;
    if (!w)
        w = list_first (&jm->waiters_any, struct waiter, node);
    if (w)
        answer (jm, w, job, NULL);
    else
        list_append (&jm->zombies, &job->active);
}

/* More waiters than jobs to wait for: the newest one that takes any job must
 * give up.
 */
static void check_hope (struct jm *jm)
{
    while (jm->nwaiters > jm->nwaitable && !list_empty (&jm->waiters_any))
        answer (jm, list_last (&jm->waiters_any, struct waiter, node), NULL,
                "there are no more waitable jobs");
}

static int add_waiter (struct jm *jm, struct job *job, void *token)
{
    struct waiter *w = malloc (sizeof (*w));

    if (!w)
        return -ENOMEM;
    list_init (&w->node);
    w->token = token;
    w->job = job;
    if (job)
        job->waiter = w;
    list_append (job ? &jm->waiters_job : &jm->waiters_any, &w->node);
    jm->nwaiters++;
    check_hope (jm);
    return 0;
}

static int wait_for_any (struct jm *jm, void *token)
{
    struct job *zombie = list_first (&jm->zombies, struct job, active);

    if (!zombie)
        return add_waiter (jm, NULL, token);
    jm->sink->waited (token, zombie, NULL, jm->arg);
    reap (jm, zombie);
    return 0;
}

/* A purged zombie is in no table; there are few of them. */
static struct job *find_zombie (const struct jm *jm, uint64_t id)
{
    struct job *job = jm_lookup (jm, id);

    if (job)
        return job->state == STATE_INACTIVE && list_linked (&job->active) ? job : NULL;
    list_foreach (&jm->zombies, job, active) {
        if (job->purged && job->id == id)
            return job;
    }
    return NULL;
}

int jm_wait (struct jm *jm, uint64_t id, void *token, const char **why)
{
    struct job *job;

    if (id == UINT64_MAX)
        return wait_for_any (jm, token);
    if ((job = find_zombie (jm, id))) {
        jm->sink->waited (token, job, NULL, jm->arg);
        reap (jm, job);
        return 0;
    }
    job = jm_lookup (jm, id);
    if (!job || job->state == STATE_INACTIVE)
        *why = "invalid job id, or job may be inactive and not waitable";
    else if (!is_waitable (job))
        *why = "job was not submitted with FLUX_JOB_WAITABLE";
    else if (job->waiter)
        *why = "job id already has a waiter";
    else
        return add_waiter (jm, job, token);
    return -ECHILD;
}

static void drop_from (struct jm *jm,
                       struct list *waiters,
                       bool (*gone) (void *token, void *arg),
                       void *arg)
{
    struct waiter *w = NULL;

    list_foreach (waiters, w, node) {
        if (gone (w->token, arg))
            waiter_free (jm, w);
    }
}

void jm_wait_drop (struct jm *jm, bool (*gone) (void *token, void *arg), void *arg)
{
    drop_from (jm, &jm->waiters_any, gone, arg);
    drop_from (jm, &jm->waiters_job, gone, arg);
}
