/* perilog.so - what happens to jobs, and jobs that were there before. */

#include "config.h"
#include <signal.h>

#include "common/util.h"

#include "perilog.h"

#define EPILOG_BEGUN "perilog::epilog" /* an item of the job */

/* From this state of the broker on no epilog is begun. */
#define BROKER_SHUTDOWN 7

/* ---- what happens to jobs ------------------------------------------------------------------------ */

struct job_args {
    flux_jobid_t id;
    json_int_t userid;
    int state;
    json_t *R;       /* NULL: none yet */
    json_t *context; /* of the event; NULL: none */
    int exec;        /* an exec service has the job, and will tell of its end */
};

static int unpack (flux_plugin_arg_t *args, struct job_args *a)
{
    memset (a, 0, sizeof (*a));
    return flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:I s:I s:i s?o s?{s?o} s?b}",
                                   "id", &a->id, "userid", &a->userid, "state", &a->state,
                                   "R", &a->R, "entry", "context", &a->context, "exec",
                                   &a->exec);
}

static int begin (struct ctx *ctx, enum perilog which, const struct job_args *a)
{
    const char *description = perilog_description (which);
    int rc;

    rc = which == PROLOG ? flux_jobtap_prolog_start (ctx->p, description)
                         : flux_jobtap_epilog_start (ctx->p, description);
    if (rc < 0)
        return -1;
    if (proc_start (ctx, which, a->id, a->userid, a->R) == 0)
        return 0;
    flux_jobtap_raise_exception (ctx->p, a->id, perilog_name (which),
                                 which == PROLOG ? 0 : 2, "%s could not be started: %s",
                                 perilog_name (which), flux_strerror (errno));
    return proc_post_finish (ctx, which, a->id, 1 << 8);
}

static int
run_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct ctx *ctx = data;
    struct job_args a;

    if (!ctx->conf.command[PROLOG].argv || unpack (args, &a) < 0 || !a.R)
        return 0;
    return begin (ctx, PROLOG, &a);
}

/* Once for each job, and not while its prolog is still there. */
static int begin_epilog (struct ctx *ctx, const struct job_args *a)
{
    if (!ctx->conf.command[EPILOG].argv || ctx->shutdown || !a->R
        || a->state != FLUX_JOB_STATE_CLEANUP
        || flux_jobtap_job_aux_get (ctx->p, a->id, PERILOG_PROC)
        || flux_jobtap_job_aux_get (ctx->p, a->id, EPILOG_BEGUN))
        return 0;
    if (flux_jobtap_job_aux_set (ctx->p, a->id, EPILOG_BEGUN, ctx, NULL) < 0)
        return -1;
    return begin (ctx, EPILOG, a);
}

static int
over_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct job_args a;

    return unpack (args, &a) < 0 ? 0 : begin_epilog (data, &a);
}

static int
release_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct job_args a;

    if (unpack (args, &a) < 0 || !json_is_true (json_object_get (a.context, "final")))
        return 0;
    return begin_epilog (data, &a);
}

/* Of ours: others may still hold the job, but not for long. */
static int prolog_finish_cb (flux_plugin_t *p,
                             const char *topic,
                             flux_plugin_arg_t *args,
                             void *data)
{
    const char *description = NULL;
    struct job_args a;

    if (unpack (args, &a) < 0
        || json_unpack (a.context, "{s:s}", "description", &description) < 0
        || strcmp (description, perilog_description (PROLOG)) != 0)
        return 0;
    return begin_epilog (data, &a);
}

static bool posted (struct ctx *ctx, const struct job_args *a, const char *name)
{
    return flux_jobtap_job_event_posted (ctx->p, a->id, name) == 1;
}

/* It ends a prolog that runs.  A job that no exec service has gets neither finish nor
 * release: if anything was done for it, that is undone now.
 */
static int
exception_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct ctx *ctx = data;
    struct proc *proc =
        flux_jobtap_job_aux_get (p, FLUX_JOBTAP_CURRENT_JOB, PERILOG_PROC);
    struct job_args a;
    int severity = -1;

    if (unpack (args, &a) < 0 || json_unpack (a.context, "{s:i}", "severity", &severity) < 0
        || severity != 0)
        return 0;
    if (proc)
        proc_cancel (proc);
    else if (!a.exec && (posted (ctx, &a, "prolog-start") || posted (ctx, &a, "start")))
        return begin_epilog (ctx, &a);
    return 0;
}

/* ---- jobs that were there before ------------------------------------------------------------------- */

struct lookup {
    struct list node;
    struct ctx *ctx;
    flux_future_t *f;
    flux_jobid_t id;
    json_int_t userid;
};

static void lookup_free (struct lookup *l)
{
    list_del (&l->node);
    flux_future_destroy (l->f);
    free (l);
}

/* Was the last event of that name with our description a start? */
static bool is_under_way (json_t *log, enum perilog which)
{
    const char *name, *description;
    bool is = false;
    json_t *entry;
    size_t i;

    json_array_foreach (log, i, entry)
    {
        if (json_unpack (entry, "{s:s s:{s:s}}", "name", &name, "context", "description",
                         &description)
                == 0
            && strncmp (name, perilog_name (which), 6) == 0
            && strcmp (description, perilog_description (which)) == 0)
            is = strcmp (name + 6, "-start") == 0;
    }
    return is;
}

static bool has_ended (json_t *log)
{
    const char *name;
    json_t *entry;
    int severity;
    size_t i;

    json_array_foreach (log, i, entry)
    {
        if (json_unpack (entry, "{s:s s:{s:i}}", "name", &name, "context", "severity",
                         &severity)
                == 0
            && strcmp (name, "exception") == 0 && severity == 0)
            return true;
    }
    return false;
}

/* Once more, unless the job will not start; what has no command now is over. */
static void again (struct lookup *l, enum perilog which, json_t *R, bool ended)
{
    struct ctx *ctx = l->ctx;

    if (which == PROLOG && ended)
        proc_post_finish (ctx, which, l->id, SIGTERM);
    else if (!ctx->conf.command[which].argv)
        proc_post_finish (ctx, which, l->id, 0);
    else if (proc_start (ctx, which, l->id, l->userid, R) < 0)
        flux_log_error (ctx->h, "%s: %ju: cannot be run again", perilog_name (which),
                        (uintmax_t)l->id);
}

static void lookup_continuation (flux_future_t *f, void *arg)
{
    struct lookup *l = arg;
    json_t *log, *R;

    if (flux_rpc_get_unpack (f, "{s:o s:o}", "eventlog", &log, "R", &R) < 0)
        flux_log (l->ctx->h, LOG_ERR, "perilog: %ju: %s", (uintmax_t)l->id,
                  future_strerror (f, errno));
    else if (is_under_way (log, PROLOG))
        again (l, PROLOG, R, has_ended (log));
    else if (is_under_way (log, EPILOG))
        again (l, EPILOG, R, true);
    lookup_free (l);
}

/* The job-manager itself knows: what is under way is in the log that it has. */
static int look_up (struct ctx *ctx, const struct job_args *a)
{
    struct lookup *l = calloc (1, sizeof (*l));

    if (!l)
        return -1;
    list_init (&l->node);
    l->ctx = ctx;
    l->id = a->id;
    l->userid = a->userid;
    if (!(l->f = flux_rpc_pack (ctx->h, "job-manager.getattr", 0, 0, "{s:I s:[s s]}",
                                "id", a->id, "attrs", "eventlog", "R"))
        || flux_future_then (l->f, -1., lookup_continuation, l) < 0) {
        lookup_free (l);
        return -1;
    }
    list_append (&ctx->lookups, &l->node);
    return 0;
}

static int
new_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct ctx *ctx = data;
    struct job_args a;

    if (flux_jobtap_job_subscribe (p, FLUX_JOBTAP_CURRENT_JOB) < 0
        || unpack (args, &a) < 0)
        return -1;
    if (!(a.state & (FLUX_JOB_STATE_RUN | FLUX_JOB_STATE_CLEANUP)) || !a.R)
        return 0;
    if (posted (ctx, &a, "epilog-start")
        && flux_jobtap_job_aux_set (p, a.id, EPILOG_BEGUN, ctx, NULL) < 0)
        return -1;
    if (posted (ctx, &a, "prolog-start") || posted (ctx, &a, "epilog-start"))
        return look_up (ctx, &a);
    if (a.state == FLUX_JOB_STATE_RUN && !posted (ctx, &a, "start")
        && ctx->conf.command[PROLOG].argv)
        begin (ctx, PROLOG, &a); /* unless it is being started */
    return 0;
}

/* ---- the plugin -------------------------------------------------------------------------------------- */

static int
conf_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct ctx *ctx = data;
    flux_error_t error;
    json_t *conf;

    if (flux_plugin_arg_unpack (args, FLUX_PLUGIN_ARG_IN, "{s:o}", "conf", &conf) < 0)
        return flux_jobtap_error (p, args, "perilog: no configuration");
    if (perilog_conf_parse (&ctx->conf, conf, &error) < 0)
        return flux_jobtap_error (p, args, "%s", error.text);
    return 0;
}

static int
query_cb (flux_plugin_t *p, const char *topic, flux_plugin_arg_t *args, void *data)
{
    struct ctx *ctx = data;
    json_t *procs = json_object (), *conf = json_object ();

    procs_tell (ctx, procs);
    for (int i = 0; i < PERILOG_COUNT; i++) {
        const struct perilog_command *c = &ctx->conf.command[i];

        if (c->argv)
            json_object_set_new (
                conf, perilog_name (i),
                json_pack ("{s:O s:b s:f s:f s:b s:b}", "command", c->argv, "per-rank",
                           c->per_rank, "timeout", c->timeout, "kill-timeout",
                           c->kill_timeout, "cancel-on-exception", c->cancel_on_exception,
                           "exit-on-first-error", c->exit_on_first_error));
    }
    return flux_plugin_arg_pack (args, FLUX_PLUGIN_ARG_OUT, "{s:o s:o}", "conf", conf,
                                 "procs", procs);
}

static void monitor_continuation (flux_future_t *f, void *arg)
{
    struct ctx *ctx = arg;
    int state;

    if (flux_rpc_get_unpack (f, "{s:i}", "state", &state) < 0)
        return; /* nobody tells */
    ctx->shutdown = state >= BROKER_SHUTDOWN;
    flux_future_reset (f);
}

/* The plugin goes, and what runs with it. */
static void ctx_free (void *arg)
{
    struct ctx *ctx = arg;
    struct lookup *l;

    procs_fini (ctx);
    while ((l = list_first (&ctx->lookups, struct lookup, node)))
        lookup_free (l);
    flux_future_destroy (ctx->monitor);
    perilog_conf_fini (&ctx->conf);
    free (ctx);
}

static int add_handlers (flux_plugin_t *p, struct ctx *ctx)
{
    static const struct {
        const char *topic;
        flux_plugin_f cb;
    } table[] = {
        { "conf.update", conf_cb },
        { "job.new", new_cb },
        { "job.state.run", run_cb },
        { "job.event.finish", over_cb },
        { "job.event.release", release_cb },
        { "job.event.prolog-finish", prolog_finish_cb },
        { "job.event.exception", exception_cb },
        { "plugin.query", query_cb },
    };

    for (size_t i = 0; i < ARRAY_SIZE (table); i++) {
        if (flux_plugin_add_handler (p, table[i].topic, table[i].cb, ctx) < 0)
            return -1;
    }
    return 0;
}

int flux_plugin_init (flux_plugin_t *p)
{
    struct ctx *ctx = calloc (1, sizeof (*ctx));

    if (!ctx)
        return -1;
    list_init (&ctx->procs);
    list_init (&ctx->lookups);
    ctx->p = p;
    ctx->h = flux_jobtap_get_flux (p);
    if (flux_plugin_aux_set (p, NULL, ctx, ctx_free) < 0) {
        ctx_free (ctx);
        return -1;
    }
    if (flux_plugin_set_name (p, "perilog") < 0 || add_handlers (p, ctx) < 0)
        return -1;
    if (!(ctx->monitor =
              flux_rpc_pack (ctx->h, "state-machine.monitor", FLUX_NODEID_ANY,
                             FLUX_RPC_STREAMING, "{s:i}", "final", BROKER_SHUTDOWN))
        || flux_future_then (ctx->monitor, -1., monitor_continuation, ctx) < 0)
        return -1;
    return 0;
}
