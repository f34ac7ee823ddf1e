/* job-manager - owns the state of every job from its submission to its purge.
 * Rank 0 only.  Module arguments: none.
 */

#include "config.h"

#include "archive.h"

/* What one pass of the reactor may send: backlog bytes, alloc requests. */
#define PASS_BACKLOG (256 << 10)
#define PASS_ALLOCS 64
#define PASS_DEPENDENCIES 256
#define PASS_LATER 1024
#define PASS_SWEEP 16384 /* see ACT_COST in sweep.c */

/* The system's clock may be set while a begin-time is waited for, so look at
 * it at least that often.
 */
#define BEGIN_CHECK 60.

static void
disconnect_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct manager *m = arg;

    manager_sched_disconnect (m, msg);
    manager_exec_disconnect (m, msg);
    manager_waiting_disconnect (m, msg);
    manager_hold_disconnect (m, msg);
    manager_journal_disconnect (m, msg);
    manager_history_disconnect (m, msg);
}

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "job-manager.submit", submit_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-manager.list", list_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-manager.getattr", getattr_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-manager.getinfo", getinfo_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-manager.stats-get", stats_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-manager.history.get", history_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-manager.raise", raise_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-manager.raiseall", raiseall_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-manager.kill", kill_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-manager.killall", killall_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-manager.urgency", urgency_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-manager.update", update_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-manager.memo", memo_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-manager.post-event.post", post_event_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-manager.wait", wait_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-manager.hold", hold_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-manager.drain", drain_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-manager.idle", idle_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-manager.purge", purge_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-manager.purge-id", purge_id_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-manager.events-journal", journal_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-manager.events-journal-cancel", journal_cancel_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-manager.throttle", throttle_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-manager.queue-list", queue_list_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-manager.queue-status", queue_status_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-manager.queue-enable", queue_enable_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-manager.queue-start", queue_start_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-manager.sched-hello", sched_hello_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-manager.sched-ready", sched_ready_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-manager.alloc-query", alloc_query_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-manager.resource-status", resource_status_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-manager.exec-hello", exec_hello_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-manager.housekeeping-kill", housekeeping_kill_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-manager.set-batch-timeout", set_batch_timeout_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-manager.jobtap", jobtap_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-manager.jobtap-query", jobtap_query_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-manager.config-reload", config_reload_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-manager.disconnect", disconnect_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_RESPONSE, "sched.alloc", alloc_response_cb, 0 },
    { FLUX_MSGTYPE_RESPONSE, "sched.free", free_response_cb, 0 },
    { FLUX_MSGTYPE_EVENT, "heartbeat.pulse", heartbeat_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static void begin_timer_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct manager *m = arg;
    m->begin_armed_for = -1.; /* prepare_cb () comes next */
}

/* Be awake for the next begin-time, if there is any. */
static void arm_begin_timer (struct manager *m)
{
    double next = jm_next_begin (m->jm), after;

    if (next == m->begin_armed_for)
        return;
    flux_watcher_stop (m->begin);
    m->begin_armed_for = next;
    if (next < 0.)
        return;
    after = next - manager_sink.now (m);
    flux_timer_watcher_reset (m->begin,
                              after < 0. ? 0. : after > BEGIN_CHECK ? BEGIN_CHECK : after,
                              0.);
    flux_watcher_start (m->begin);
}

/* Before the reactor sleeps: do what has become possible.  While there is more
 * of it than fits one pass, the idle watcher keeps the reactor awake.
 */
static void prepare_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct manager *m = arg;
    bool more;

    if (m->failed)
        return;
    more = manager_sweep_pump (m, PASS_SWEEP);
    more = jm_depend_pump (m->jm, PASS_DEPENDENCIES) || more;
    arm_begin_timer (m);
    manager_housekeeping_pump (m);
    more = jm_later_pump (m->jm, PASS_LATER) || more;
    manager_send_priorities (m);
    more = jm_sched_pump (m->jm, PASS_ALLOCS) || more;
    more = jm_journal_pump (m->jm, PASS_BACKLOG) || more;
    manager_journal_check (m);
    manager_check_drain (m);
    archive_pump (m);
    manager_commit (m);
    if (jm_error (m->jm) < 0) {
        errno = -jm_error (m->jm);
        manager_fail (m, "job-manager cannot go on");
    }
    if (more)
        flux_watcher_start (m->idle);
    else
        flux_watcher_stop (m->idle);
}

static void idle_watcher_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
}

static int start (struct manager *m)
{
    flux_reactor_t *r = flux_get_reactor (m->h);
    flux_error_t error;
    const char *s;

    m->owner = getuid ();
    if ((s = flux_attr_get (m->h, "security.owner")))
        m->owner = strtoul (s, NULL, 10);
    if (!(m->jm = jm_create (&manager_sink, m, m->owner)))
        return -1;
    if (manager_plugins_init (m) < 0)
        return -1;
    if (manager_configure (m, flux_get_conf (m->h), &error) < 0
        || manager_plugins_load (m, &error) < 0
        || manager_check_perilog (m, flux_get_conf (m->h), &error) < 0) {
        flux_log (m->h, LOG_ERR, "%s", error.text);
        errno = EINVAL;
        return -1;
    }
    if (archive_init (m) < 0 || manager_commit_init (m) < 0 || !(m->drainers = flux_msglist_create ())
        || !(m->idlers = flux_msglist_create ())
        || !(m->prepare = flux_prepare_watcher_create (r, prepare_cb, m))
        || !(m->begin = flux_timer_watcher_create (r, 0., 0., begin_timer_cb, m))
        || !(m->idle = flux_idle_watcher_create (r, idle_watcher_cb, m)))
        return -1;
    if (manager_lifetime_init (m) < 0 || manager_restart (m) < 0 || flux_event_subscribe (m->h, "heartbeat.pulse") < 0
        || flux_msg_handler_addvec (m->h, handlers, m, &m->handlers) < 0)
        return -1;
    flux_watcher_start (m->prepare);
    return 0;
}

/* Nothing told is lost: the checkpoint and every event go to the KVS before the
 * last answers do.
 */
static int finish (struct manager *m)
{
    struct text *t = &m->scratch;

    if (m->failed)
        return -1;
    text_clear (t);
    free (m->history_text);
    m->history_text = manager_history_text (m);
    manager_put_checkpoint (m, t);
    if (text_error (t) < 0 || jm_put (m->jm, MANAGER_CHECKPOINT_KEY, t->buf, t->len) < 0
        || manager_commit_all (m) < 0) {
        flux_log_error (m->h, "the last commit failed");
        return -1;
    }
    return 0;
}

/* An answer that waited for a commit which failed. */
static void drop_deferred (void *token, void *arg)
{
    struct deferred *d = token;

    if (!d->call)
        manager_refuse (arg, d->msg, EIO, "job-manager failed");
    manager_deferred_free (d);
}

static void manager_fini (struct manager *m)
{
    flux_msg_handler_delvec (m->handlers);
    manager_exec_fini (m);
    flux_watcher_destroy (m->prepare);
    flux_watcher_destroy (m->idle);
    flux_watcher_destroy (m->begin);
    manager_commit_fini (m);
    kvsops_fini (&m->ops);
    manager_lifetime_fini (m);
    manager_history_fini (m);
    archive_fini (m);
    manager_restart_fini (m);
    manager_housekeeping_fini (m);
    manager_plugins_fini (m);
    manager_policy_fini (m);
    flux_msglist_destroy (m->drainers);
    flux_msglist_destroy (m->idlers);
    free (m->sched_greeted);
    free (m->sched_sender);
    if (m->jm)
        jm_drop_deferred (m->jm, drop_deferred, m);
    jm_destroy (m->jm);
    text_fini (&m->scratch);
    text_fini (&m->priorities);
}

int mod_main (flux_t *h, int argc, char **argv)
{
    struct manager m = { .h = h, .ops = KVSOPS_INIT, .begin_armed_for = -1. };
    uint32_t rank;
    int rc = -1;

    if (flux_get_rank (h, &rank) < 0)
        return -1;
    if (rank != 0) {
        flux_log (h, LOG_ERR, "job-manager must be loaded on rank 0");
        errno = EINVAL;
        return -1;
    }
    if (argc > 0) {
        flux_log (h, LOG_ERR, "Invalid option: %s", argv[0]);
        errno = EINVAL;
        return -1;
    }
    list_init (&m.commits);
    list_init (&m.updates);
    list_init (&m.asides);
    list_init (&m.housekeeping);
    list_init (&m.housekept);
    list_init (&m.sweeps);
    if (start (&m) == 0) {
        rc = flux_reactor_run (flux_get_reactor (h), 0) < 0 ? -1 : 0;
        manager_history_fini (&m);
        manager_journal_fini (&m);
        manager_waiting_fini (&m);
        manager_sweep_fini (&m);
        manager_hold_fini (&m);
        manager_update_fini (&m);
        if (finish (&m) < 0)
            rc = -1;
    }
    manager_fini (&m);
    return rc;
}
