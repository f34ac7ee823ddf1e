/* raiseall and killall, in portions.
 *
 * A request is checked by its topic and then taken along here.  On each pass
 * of the reactor the oldest one comes past some more of the jobs that there
 * were when it came; when it is past all of them it is answered.
 *
 * Bound: SWEEPS_MAX requests; more get EAGAIN.
 */

#include "config.h"
#include <jansson.h>

#include "manager.h"

#define SWEEPS_MAX 1024

/* What acting on one job costs, in jobs looked at. */
#define ACT_COST 64

struct sweep {
    struct list node;
    const flux_msg_t *msg; /* its strings are in x */
    struct manager_sweep what;
    struct jm_walk walk;
    int count;
    int errors;
};

static void sweep_free (struct manager *m, struct sweep *s)
{
    jm_walk_end (&s->walk);
    list_del (&s->node);
    m->nsweeps--;
    flux_msg_decref (s->msg);
    free (s);
}

int manager_sweep_of (struct manager_sweep *what, int64_t userid)
{
    if (userid < INT32_MIN || userid > UINT32_MAX)
        return -1;
    what->userid = (uint32_t)userid;
    return 0;
}

void manager_sweep (struct manager *m,
                    const flux_msg_t *msg,
                    const struct manager_sweep *what)
{
    struct sweep *s;

    if (m->nsweeps == SWEEPS_MAX) {
        manager_refuse (m, msg, EAGAIN, "too many requests for all jobs");
        return;
    }
    if (!(s = calloc (1, sizeof (*s)))) {
        manager_refuse (m, msg, ENOMEM, NULL);
        return;
    }
    list_init (&s->node);
    s->msg = flux_msg_incref (msg);
    s->what = *what;
    jm_walk_begin (m->jm, &s->walk);
    list_append (&m->sweeps, &s->node);
    m->nsweeps++;
}

static void act (struct manager *m, struct sweep *s, struct job *job)
{
    s->count++;
    if (!s->what.dry_run && s->what.act (m, job, &s->what) < 0)
        s->errors++;
}

static bool applies (const struct sweep *s, const struct job *job)
{
    return (s->what.userid == FLUX_USERID_UNKNOWN || s->what.userid == job->userid)
           && (job->state & s->what.states);
}

bool manager_sweep_pump (struct manager *m, int budget)
{
    struct sweep *s;
    struct job *job;

    while ((s = list_first (&m->sweeps, struct sweep, node))) {
        while (budget > 0 && (job = jm_walk_next (m->jm, &s->walk))) {
            budget -= applies (s, job) ? ACT_COST : 1;
            if (applies (s, job))
                act (m, s, job);
        }
        if (budget <= 0)
            return true;
        if (flux_respond_pack (m->h, s->msg, "{s:i s:i}", "count", s->count, "errors",
                               s->errors)
            < 0)
            flux_log_error (m->h, "response to a request for all jobs");
        sweep_free (m, s);
    }
    return false;
}

void manager_sweep_fini (struct manager *m)
{
    struct sweep *s;

    while ((s = list_first (&m->sweeps, struct sweep, node))) {
        manager_refuse (m, s->msg, ENOSYS, "job-manager is unloading");
        sweep_free (m, s);
    }
}
