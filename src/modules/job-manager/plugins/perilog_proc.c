/* One prolog or epilog: its processes, its time, its end. */

#include "config.h"
#include <signal.h>
#include <stdio.h>

#include <flux/idset.h>

#include "common/rset.h"
#include "common/text.h"
#include "common/util.h"

#include "../runner.h"
#include "perilog.h"

enum phase { RUNNING, KILLING, ENDED };

struct proc {
    struct list node;
    struct ctx *ctx;
    flux_jobid_t id;
    enum perilog which;
    enum phase phase;
    bool per_rank;
    bool cancel_on_exception;
    bool exit_on_first_error;
    bool canceled;  /* a fatal exception came */
    bool timed_out; /* it took too long */
    bool given_up;  /* it did not end when it was told to */
    double kill_timeout;
    int status; /* the largest of those that failed by themselves */
    struct rset *R;
    struct idset *active; /* ranks */
    struct idset *failed;
    struct runner *runner;
    flux_watcher_t *timer;
    flux_future_t *drain;
};

/* ---- texts ------------------------------------------------------------------------- */

static const char *name_of (flux_jobid_t id, char *buf, size_t size)
{
    return flux_job_id_encode (id, "f58", buf, size) < 0 ? "?" : buf;
}

static const char *host_of (const struct proc *proc, uint32_t rank)
{
    ssize_t i = rset_find (proc->R, rank);
    const char *host = i < 0 ? NULL : rset_host_at (proc->R, i);

    if (!host && !proc->per_rank)
        host = flux_attr_get (proc->ctx->h, "hostname");
    return host ? host : "?";
}

/* HOSTS (rank RANKS) */
static void put_where (struct text *t, const struct proc *proc, const struct idset *ranks)
{
    char *s = idset_encode (ranks, IDSET_FLAG_RANGE);
    struct rset *some = NULL;

    if (!proc->per_rank)
        text_puts (t, host_of (proc, 0));
    else if (rset_subset (proc->R, ranks, &some) == 0)
        rset_nodelist (some, t);
    text_printf (t, " (rank %s)", s ? s : "?");
    rset_free (some);
    free (s);
}

/* What became of it, if not what it should. */
static bool put_failure (struct text *t, const struct proc *proc)
{
    const char *name = perilog_name (proc->which);

    if (proc->given_up && proc->canceled)
        text_printf (t, "%s canceled then timed out on ", name);
    else if (proc->timed_out)
        text_printf (t, "%s timed out on ", name);
    else if (proc->status == 0)
        return false;
    else if (WIFSIGNALED (proc->status))
        text_printf (t, "%s killed by signal %d on ", name, WTERMSIG (proc->status));
    else
        text_printf (t, "%s exited with code=%d on ", name, WEXITSTATUS (proc->status));
    put_where (t, proc, proc->failed);
    return true;
}

static void put_reason (struct text *t, const struct proc *proc)
{
    char id[64];

    text_printf (t, "%s %s for job %s", perilog_name (proc->which),
                 proc->given_up && proc->canceled ? "canceled then timed out"
                 : proc->timed_out                ? "timed out"
                                                  : "failed",
                 name_of (proc->id, id, sizeof (id)));
}

/* ---- the end of one ---------------------------------------------------------------------- */

static void proc_free (struct proc *proc)
{
    if (!proc)
        return;
    list_del (&proc->node);
    runner_free (proc->runner);
    flux_watcher_destroy (proc->timer);
    flux_future_destroy (proc->drain);
    rset_free (proc->R);
    idset_destroy (proc->active);
    idset_destroy (proc->failed);
    free (proc);
}

int proc_post_finish (struct ctx *ctx, enum perilog which, flux_jobid_t id, int status)
{
    const char *description = perilog_description (which);

    return which == PROLOG ? flux_jobtap_prolog_finish (ctx->p, id, description, status)
                           : flux_jobtap_epilog_finish (ctx->p, id, description, status);
}

static int final_status (const struct proc *proc)
{
    if (proc->status == 0 && (proc->canceled || proc->timed_out))
        return SIGTERM;
    return proc->status;
}

/* The exception of a prolog comes first, so that the job does not start. */
static void tell (struct proc *proc)
{
    _cleanup_ (text_fini)
    struct text why = TEXT_INIT;
    flux_plugin_t *p = proc->ctx->p;

    if (put_failure (&why, proc) && text_error (&why) == 0)
        flux_jobtap_raise_exception (p, proc->id, perilog_name (proc->which),
                                     proc->which == PROLOG ? 0 : 2, "%s", why.buf);
    flux_jobtap_job_aux_delete_value (p, proc->id, proc);
    if (proc_post_finish (proc->ctx, proc->which, proc->id, final_status (proc)) < 0)
        flux_log_error (proc->ctx->h, "%s: %ju: posting its end",
                        perilog_name (proc->which), (uintmax_t)proc->id);
}

static void drained (flux_future_t *f, void *arg)
{
    struct proc *proc = arg;

    if (flux_future_get (f, NULL) < 0)
        flux_log (proc->ctx->h, LOG_ERR, "%s: resource.drain: %s",
                  perilog_name (proc->which), future_strerror (f, errno));
    tell (proc);
    proc_free (proc);
}

/* Nobody gets these ranks before somebody has looked at them: resource.drain is
 * answered before the resources go back to the scheduler.
 */
static int drain (struct proc *proc)
{
    _cleanup_ (text_fini)
    struct text reason = TEXT_INIT;
    char *ranks = idset_encode (proc->failed, IDSET_FLAG_RANGE);

    put_reason (&reason, proc);
    if (ranks && text_error (&reason) == 0)
        proc->drain =
            flux_rpc_pack (proc->ctx->h, "resource.drain", 0, 0, "{s:s s:s s:s}",
                           "targets", ranks, "reason", reason.buf, "mode", "update");
    free (ranks);
    return proc->drain ? flux_future_then (proc->drain, -1., drained, proc) : -1;
}

static void settle (struct proc *proc)
{
    if (proc->per_rank && !idset_empty (proc->failed)) {
        if (drain (proc) == 0)
            return;
        flux_log_error (proc->ctx->h, "%s: resource.drain", perilog_name (proc->which));
    }
    tell (proc);
    proc_free (proc);
}

/* ---- while it runs ---------------------------------------------------------------------------- */

static void set_timer (struct proc *proc, double seconds)
{
    flux_watcher_stop (proc->timer);
    if (seconds < 0.)
        return;
    flux_timer_watcher_reset (proc->timer, seconds, 0.);
    flux_watcher_start (proc->timer);
}

static void enter_killing (struct proc *proc)
{
    proc->phase = KILLING;
    runner_kill_all (proc->runner, SIGTERM);
    set_timer (proc, proc->kill_timeout);
}

/* They do not end: the job does not wait for them any longer. */
static void give_up (struct proc *proc)
{
    proc->given_up = true;
    proc->phase = ENDED;
    runner_kill_all (proc->runner, SIGKILL);
    idset_add (proc->failed, proc->active);
    settle (proc);
}

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct proc *proc = arg;

    switch (proc->phase) {
        case RUNNING:
            proc->timed_out = true;
            idset_add (proc->failed, proc->active);
            enter_killing (proc);
            break;
        case KILLING:
            give_up (proc);
            break;
        case ENDED:
            settle (proc);
            break;
    }
}

static void
log_line (const struct proc *proc, uint32_t rank, bool is_stderr, const char *line)
{
    char id[64];

    if (!perilog_conf_ignores (&proc->ctx->conf, line))
        flux_log (proc->ctx->h, is_stderr ? LOG_ERR : LOG_INFO,
                  "%s: %s: %s (rank %u): %s: %s", name_of (proc->id, id, sizeof (id)),
                  perilog_name (proc->which), host_of (proc, rank), rank,
                  is_stderr ? "stderr" : "stdout", line);
}

static void
output_cb (const struct runner_rank *r, bool is_stderr, const char *line, void *arg)
{
    log_line (arg, r->rank, is_stderr, line);
}

/* What ended after it was told to has not failed. */
static void note_failure (struct proc *proc, const struct runner_rank *r)
{
    if (r->status == 0 || proc->phase != RUNNING)
        return;
    if (r->why)
        log_line (proc, r->rank, true, r->why);
    idset_set (proc->failed, r->rank);
    if (r->status > proc->status)
        proc->status = r->status;
}

/* The runner is still in use when this is called for its last rank, so the timer
 * goes on from there.
 */
static void done_cb (const struct runner_rank *r, void *arg)
{
    struct proc *proc = arg;

    if (proc->phase == ENDED)
        return;
    note_failure (proc, r);
    idset_clear (proc->active, r->rank);
    if (idset_empty (proc->active)) {
        proc->phase = ENDED;
        set_timer (proc, 0.);
    }
    else if (proc->phase == RUNNING && r->status != 0 && proc->exit_on_first_error)
        enter_killing (proc);
}

static const struct runner_ops runner_ops = { .output = output_cb, .done = done_cb };

/* ---- beginning -------------------------------------------------------------------------------- */

static json_t *make_env (const struct proc *proc, json_int_t userid)
{
    struct idset *ranks = rset_ranks (proc->R);
    char *s = ranks ? idset_encode (ranks, IDSET_FLAG_RANGE) : NULL;
    char id[64], user[32];
    json_t *env;

    snprintf (user, sizeof (user), "%lld", (long long)userid);
    env = json_pack ("{s:s s:s s:s}", "FLUX_JOB_ID", name_of (proc->id, id, sizeof (id)),
                     "FLUX_JOB_USERID", user, "FLUX_JOB_RANKS", s ? s : "");
    free (s);
    idset_destroy (ranks);
    return env;
}

static void start_ranks (struct proc *proc, json_t *argv, json_t *env)
{
    unsigned int rank;

    for (rank = idset_first (proc->active); rank != IDSET_INVALID_ID;
         rank = idset_next (proc->active, rank)) {
        if (runner_start (proc->runner, rank, argv, env) == 0)
            continue;
        log_line (proc, rank, true, "cannot be started");
        idset_set (proc->failed, rank);
        proc->status = 127 << 8;
    }
    idset_subtract (proc->active, proc->failed);
    if (idset_empty (proc->active)) {
        proc->phase = ENDED;
        set_timer (proc, 0.);
    }
}

static struct proc *
proc_new (struct ctx *ctx, enum perilog which, flux_jobid_t id, json_t *R)
{
    const struct perilog_command *c = &ctx->conf.command[which];
    struct proc *proc = calloc (1, sizeof (*proc));

    if (!proc)
        return NULL;
    list_init (&proc->node);
    proc->ctx = ctx;
    proc->id = id;
    proc->which = which;
    proc->per_rank = c->per_rank;
    proc->cancel_on_exception = c->cancel_on_exception;
    proc->exit_on_first_error = c->exit_on_first_error;
    proc->kill_timeout = c->kill_timeout;
    if (rset_parse (R, &proc->R, NULL) < 0
        || !(proc->active = proc->per_rank ? rset_ranks (proc->R)
                                           : idset_create (0, IDSET_FLAG_AUTOGROW))
        || (!proc->per_rank && idset_set (proc->active, 0) < 0)
        || !(proc->failed = idset_create (0, IDSET_FLAG_AUTOGROW))
        || !(proc->runner = runner_new (ctx->h, &runner_ops, proc))
        || !(proc->timer = flux_timer_watcher_create (flux_get_reactor (ctx->h), 0., 0.,
                                                      timer_cb, proc))) {
        proc_free (proc);
        return NULL;
    }
    return proc;
}

int proc_start (struct ctx *ctx,
                enum perilog which,
                flux_jobid_t id,
                json_int_t userid,
                json_t *R)
{
    const struct perilog_command *c = &ctx->conf.command[which];
    struct proc *proc;
    json_t *env = NULL;

    if (!(proc = proc_new (ctx, which, id, R))
        || flux_jobtap_job_aux_set (ctx->p, id, PERILOG_PROC, proc, NULL) < 0
        || !(env = make_env (proc, userid))) {
        proc_free (proc);
        return -1;
    }
    list_append (&ctx->procs, &proc->node);
    set_timer (proc, c->timeout > 0. ? c->timeout : -1.);
    start_ranks (proc, c->argv, env);
    json_decref (env);
    return 0;
}

/* ---- from outside ----------------------------------------------------------------------------- */

void proc_cancel (struct proc *proc)
{
    if (proc->phase == RUNNING && proc->cancel_on_exception) {
        proc->canceled = true;
        enter_killing (proc);
    }
}

static void tell_proc (const struct proc *proc, json_t *procs)
{
    static const char *const phases[] = { "running", "killing", "ended" };
    char *ranks = idset_encode (proc->active, IDSET_FLAG_RANGE);
    char id[64];
    json_t *o = json_pack ("{s:s s:s s:s}", "name", perilog_name (proc->which), "state",
                           phases[proc->phase], "active_ranks", ranks ? ranks : "");

    free (ranks);
    if (o)
        json_object_set_new (procs, name_of (proc->id, id, sizeof (id)), o);
}

void procs_tell (const struct ctx *ctx, json_t *procs)
{
    struct proc *proc = NULL;

    list_foreach (&ctx->procs, proc, node)
        tell_proc (proc, procs);
}

void procs_fini (struct ctx *ctx)
{
    struct proc *proc;

    while ((proc = list_first (&ctx->procs, struct proc, node))) {
        runner_kill_all (proc->runner, SIGTERM);
        proc_free (proc);
    }
}
