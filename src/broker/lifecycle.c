#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/errprintf.h"
#include "common/fsd.h"
#include "common/util.h"

#include "lifecycle_private.h"

/* How long modules that rc3 left behind have to go, first asked, then
 * cancelled.  After that the broker exits around them.
 */
#define LEFTOVER_TIMEOUT 1.0

static const int signums[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM,
                               SIGUSR1, SIGUSR2 };

_Static_assert (ARRAY_SIZE (signums) == LIFECYCLE_SIGNALS, "one watcher for each");

void lifecycle_post (struct lifecycle *lc, const char *event)
{
    (void)state_machine_post (lc->sm, event, flux_reactor_time ());
}

void lifecycle_note_exit (struct lifecycle *lc, int rc)
{
    if (lc->exit_code == 0)
        lc->exit_code = rc;
}

int lifecycle_exit_code (const struct lifecycle *lc)
{
    const char *s = attrs_get (lc->args.attrs, "broker.exit-norestart");

    if (lc->norestart && s)
        return atoi (s);
    return lc->exit_code;
}

/* Phases */

static void run_phase (struct lifecycle *lc, struct phase *ph, const char *none)
{
    if (!ph || phase_start (ph) < 0)
        lifecycle_post (lc, none);
}

static const char *rc1_event (struct lifecycle *lc, int rc)
{
    if (rc == 0)
        return "rc1-success";
    if (attrs_is_set (lc->args.attrs, "broker.recovery-mode"))
        return "rc1-ignorefail";
    lc->norestart = true;
    return "rc1-fail";
}

static void phase_done (struct phase *ph, int rc, void *arg)
{
    struct lifecycle *lc = arg;
    const char *event;

    lifecycle_note_exit (lc, rc);
    if (ph == lc->rc1)
        event = rc1_event (lc, rc);
    else if (ph == lc->rc2)
        event = rc ? "rc2-fail" : "rc2-success";
    else if (ph == lc->cleanup)
        event = rc ? "cleanup-fail" : "cleanup-success";
    else
        event = rc ? "rc3-fail" : "rc3-success";
    lifecycle_post (lc, event);
}

static void phase_log (int level, const char *text, void *arg)
{
    struct lifecycle *lc = arg;

    flux_log (lc->h, level, "%s", text);
}

static struct phase *phase_of_state (struct lifecycle *lc, enum broker_state state)
{
    switch (state) {
        case STATE_INIT:
            return lc->rc1;
        case STATE_RUN:
            return lc->rc2;
        case STATE_CLEANUP:
            return lc->cleanup;
        case STATE_FINALIZE:
            return lc->rc3;
        default:
            return NULL;
    }
}

void lifecycle_shutdown (struct lifecycle *lc, int signum)
{
    enum broker_state state = state_machine_state (lc->sm);
    struct phase *ph = phase_of_state (lc, state);

    if (ph && phase_is_running (ph))
        phase_abort (ph, signum);
    else if (state == STATE_RUN)
        lifecycle_post (lc, "shutdown");
    else if (state == STATE_JOIN || state == STATE_QUORUM) {
        lifecycle_note_exit (lc, 1);
        lifecycle_post (lc, state == STATE_JOIN ? "parent-fail" : "quorum-fail");
    }
}

/* Signals */

/* SIGUSR1, SIGUSR2: pass it on to all jobs. */
static void kill_all_jobs (struct lifecycle *lc, int signum)
{
    flux_future_t *f;

    f = flux_rpc_pack (lc->h,
                       "job-manager.killall",
                       FLUX_NODEID_ANY,
                       FLUX_RPC_NORESPONSE,
                       "{s:b s:I s:i}",
                       "dry_run", 0,
                       "userid", (int64_t)FLUX_USERID_UNKNOWN,
                       "signum", signum);
    if (!f)
        flux_log_error (lc->h, "job-manager.killall");
    flux_future_destroy (f);
}

static void signal_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct lifecycle *lc = arg;
    int signum = flux_signal_watcher_get_signum (w);

    flux_log (lc->h, LOG_INFO, "signal %d", signum);
    if (signum == SIGUSR1 || signum == SIGUSR2) {
        kill_all_jobs (lc, signum);
        return;
    }
    lc->interrupted = true;
    lifecycle_shutdown (lc, SIGHUP);
}

void lifecycle_panic (struct lifecycle *lc, const char *reason)
{
    const char *s = attrs_get (lc->args.attrs, "broker.module-nopanic");

    if (s && strcmp (s, "0") != 0)
        return;
    lc->norestart = true;
    lifecycle_note_exit (lc, 1);
    lifecycle_shutdown (lc, SIGHUP);
}

void lifecycle_stop (struct lifecycle *lc, bool failed)
{
    if (failed)
        lifecycle_note_exit (lc, 1);
    lifecycle_shutdown (lc, SIGHUP);
}

void lifecycle_set_peers (struct lifecycle *lc, lifecycle_entered_f cb, void *arg)
{
    lc->entered = cb;
    lc->entered_arg = arg;
}

void lifecycle_set_unload (struct lifecycle *lc, bool (*cb) (void *arg), void *arg)
{
    lc->before_unload = cb;
    lc->unload_arg = arg;
}

/* Timers */

static void timer_start (struct lifecycle *lc, double seconds)
{
    flux_timer_watcher_reset (lc->timer, seconds, 0.);
    flux_watcher_start (lc->timer);
}

static void leave_modules_behind (struct lifecycle *lc)
{
    if (state_machine_state (lc->sm) == STATE_UNLOAD_BUILTINS)
        lifecycle_post (lc, "builtins-done");
}

static void timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct lifecycle *lc = arg;

    if (state_machine_state (lc->sm) == STATE_CLEANUP) {
        flux_log (lc->h, LOG_ERR, "cleanup timed out");
        phase_abort (lc->cleanup, SIGHUP);
    }
    else if (!lc->cancelling) {
        lc->cancelling = true;
        module_host_remove_all (lc->args.modules, true);
        timer_start (lc, LEFTOVER_TIMEOUT);
    }
    else
        leave_modules_behind (lc);
}

/* States */

static void log_leftover (const char *name, void *arg)
{
    struct lifecycle *lc = arg;

    flux_log (lc->h, LOG_ERR, "broker module '%s' was not properly shut down", name);
}

/* There must be no modules left; if there are, they get some time to go. */
void lifecycle_unload (struct lifecycle *lc)
{
    if (module_host_count (lc->args.modules) == 0) {
        lifecycle_post (lc, "builtins-done");
        return;
    }
    lifecycle_note_exit (lc, 1);
    module_host_foreach (lc->args.modules, log_leftover, lc);
    module_host_remove_all (lc->args.modules, false);
    timer_start (lc, LEFTOVER_TIMEOUT);
}

void lifecycle_modules_gone (struct lifecycle *lc)
{
    leave_modules_behind (lc);
}

static void clean_up (struct lifecycle *lc)
{
    if (lc->interrupted && lc->cleanup_timeout >= 0 && phase_count (lc->cleanup) > 0)
        timer_start (lc, lc->cleanup_timeout);
    run_phase (lc, lc->cleanup, "cleanup-none");
}

static void run (struct lifecycle *lc)
{
    /* a signal or panic that came while there was nothing to abort */
    if (lc->interrupted)
        lifecycle_post (lc, "shutdown");
    else if (!lc->rc2_none)
        run_phase (lc, lc->rc2, "rc2-success");
}

static void act (struct lifecycle *lc, enum broker_state state)
{
    if (state == STATE_SHUTDOWN)
        flux_watcher_stop (lc->timer);
    if (lc->entered && lc->entered (state, lc->entered_arg))
        return;
    switch (state) {
        case STATE_LOAD_BUILTINS:
            break;
        case STATE_JOIN:
            lifecycle_post (lc, "parent-none");
            break;
        case STATE_CONFIG_SYNC:
            lifecycle_post (lc, "sync-none");
            break;
        case STATE_INIT:
            run_phase (lc, lc->rc1, "rc1-none");
            break;
        case STATE_QUORUM:
            flux_log (lc->h,
                      LOG_INFO,
                      "online: %s (ranks 0)",
                      attrs_get (lc->args.attrs, "hostlist"));
            lifecycle_post (lc, "quorum-full");
            break;
        case STATE_RUN:
            run (lc);
            break;
        case STATE_CLEANUP:
            clean_up (lc);
            break;
        case STATE_SHUTDOWN:
            lifecycle_post (lc, "children-none");
            break;
        case STATE_FINALIZE:
            run_phase (lc, lc->rc3, "rc3-none");
            break;
        case STATE_GOODBYE:
            lifecycle_post (lc, "goodbye");
            break;
        case STATE_UNLOAD_BUILTINS:
            if (!lc->before_unload || !lc->before_unload (lc->unload_arg))
                lifecycle_unload (lc);
            break;
        case STATE_EXIT:
            flux_watcher_stop (lc->timer);
            flux_reactor_stop (lc->reactor);
            break;
    }
}

static void enter (enum broker_state state,
                   enum broker_state old,
                   const char *event,
                   double duration,
                   void *arg)
{
    struct lifecycle *lc = arg;
    char fsd[FSD_BUFSIZE];

    if (fsd_format_prec (fsd, sizeof (fsd), duration > 0 ? duration : 0, 4) < 0)
        fsd[0] = '\0';
    flux_log (lc->h,
              LOG_INFO,
              "%s: %s->%s %s",
              event,
              broker_state_name (old),
              broker_state_name (state),
              fsd);
    lifecycle_tell (lc, state);
    act (lc, state);
}

int lifecycle_run (struct lifecycle *lc)
{
    lifecycle_post (lc, "builtins-success");
    /* with nothing to run, or nothing that can be run, this was it */
    if (state_machine_state (lc->sm) == STATE_EXIT)
        return 0;
    return flux_reactor_run (lc->reactor, 0);
}

/* Set-up */

static int add_rc (struct lifecycle *lc,
                   struct phase *ph,
                   const char *attr,
                   flux_error_t *error)
{
    const char *line = attrs_get (lc->args.attrs, attr);
    int r;

    if (!line || !*line)
        return 0; /* no such phase */
    if ((r = phase_append (ph, line)) < 0) {
        errno = -r;
        return errprintf (error, "%s: %s", attr, strerror (errno));
    }
    return 0;
}

int lifecycle_configure (struct lifecycle *lc, flux_error_t *error)
{
    const struct attrs *attrs = lc->args.attrs;
    bool leader = getpgrp () == getpid ();

    phase_inherit (lc->rc2, leader && !attrs_is_set (attrs, "broker.rc2_pgrp"));
    lc->rc2_none = lc->args.rank > 0 || attrs_is_set (attrs, "broker.rc2_none");
    if (add_rc (lc, lc->rc1, "broker.rc1_path", error) < 0
        || add_rc (lc, lc->rc3, "broker.rc3_path", error) < 0)
        return -1;
    return attrs_duration (attrs, "broker.cleanup-timeout", &lc->cleanup_timeout, error);
}

struct phase *lifecycle_rc2 (struct lifecycle *lc)
{
    return lc->rc2_none ? NULL : lc->rc2;
}

static int watch_signals (struct lifecycle *lc)
{
    for (int i = 0; i < LIFECYCLE_SIGNALS; i++) {
        if (!(lc->signals[i] = flux_signal_watcher_create (
                  lc->reactor, signums[i], signal_cb, lc)))
            return -1;
        flux_watcher_start (lc->signals[i]);
    }
    return 0;
}

struct lifecycle *lifecycle_new (const struct lifecycle_args *args)
{
    struct lifecycle *lc = calloc (1, sizeof (*lc));

    if (!lc)
        return NULL;
    lc->args = *args;
    lc->h = self_handle (args->self);
    lc->reactor = flux_get_reactor (lc->h);
    lc->phase_host = (struct phase_host){
        .reactor = lc->reactor,
        .env = args->env,
        .shell = args->shell,
        .log = phase_log,
        .done = phase_done,
        .arg = lc,
    };
    if (!(lc->sm = state_machine_new (flux_reactor_time (), enter, lc))
        || !(lc->rc1 = phase_new ("rc1", &lc->phase_host))
        || !(lc->rc2 = phase_new ("rc2", &lc->phase_host))
        || !(lc->cleanup = phase_new ("cleanup", &lc->phase_host))
        || !(lc->rc3 = phase_new ("rc3", &lc->phase_host))
        || !(lc->timer = flux_timer_watcher_create (
                 lc->reactor, LEFTOVER_TIMEOUT, 0., timer_cb, lc))
        || watch_signals (lc) < 0 || lifecycle_serve (lc) < 0) {
        lifecycle_free (lc);
        return NULL;
    }
    return lc;
}

void lifecycle_free (struct lifecycle *lc)
{
    int saved_errno = errno;

    if (!lc)
        return;
    lifecycle_unserve (lc);
    for (int i = 0; i < LIFECYCLE_SIGNALS; i++)
        flux_watcher_destroy (lc->signals[i]);
    flux_watcher_destroy (lc->timer);
    phase_free (lc->rc1);
    phase_free (lc->rc2);
    phase_free (lc->cleanup);
    phase_free (lc->rc3);
    state_machine_free (lc->sm);
    free (lc);
    errno = saved_errno;
}
