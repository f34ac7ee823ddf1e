/* job-exec - runs jobs: starts their tasks, keeps their logs, ends them.
 *
 * Module arguments, also in [exec]: kill-timeout=FSD, term-signal=NAME,
 * kill-signal=NAME, max-kill-count=N, max-kill-timeout=FSD, max-start-delay-percent=N.
 */
#include "config.h"
#include <jansson.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "common/fsd.h"
#include "common/util.h"
#include "exec.h"

static void prepare_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct exec *x = arg;
    struct job *job;

    while ((job = list_first (&x->dirty, struct job, dirty)))
        job_flush (job);
    while ((job = list_first (&x->ended, struct job, dirty)))
        job_free (job);
}

/* That the tasks of a job were started is of interest while it runs; when jobs
 * are short and many it goes with what comes next.
 */
#define EVENTS_RATE 100. /* commits per second */
#define EVENTS_BURST 16.
#define EVENTS_LATE 0.01 /* seconds */

static void late_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct exec *x = arg;
    struct job *job;

    while ((job = list_first (&x->late, struct job, dirty))) {
        job->overdue = true;
        job_touch (job);
    }
}

static bool take_credit (struct exec *x)
{
    double now = flux_reactor_now (x->reactor);

    x->credit += (now - x->credit_time) * EVENTS_RATE;
    if (x->credit > EVENTS_BURST)
        x->credit = EVENTS_BURST;
    x->credit_time = now;
    if (x->credit < 1.)
        return false;
    x->credit -= 1.;
    return true;
}

static void commit_later (struct exec *x, struct job *job)
{
    if (!flux_watcher_is_active (x->w_late)) {
        flux_timer_watcher_reset (x->w_late, EVENTS_LATE, 0.);
        flux_watcher_start (x->w_late);
    }
    job->late = true;
    list_append (&x->late, &job->dirty);
}

bool exec_may_commit_events (struct exec *x, struct job *job)
{
    if (job->overdue || take_credit (x)) {
        job->overdue = false;
        return true;
    }
    commit_later (x, job);
    return false;
}

/* Who prints now and then is shown at once; who prints all the time makes a
 * commit of each few lines otherwise, as fast as these can be made.
 */
#define OUTPUT_PAUSE 0.005 /* seconds */

bool exec_may_commit_output (struct exec *x, struct job *job)
{
    double now = flux_reactor_now (x->reactor);

    if (job->overdue || now - job->output_time >= OUTPUT_PAUSE) {
        job->overdue = false;
        job->output_time = now;
        return true;
    }
    commit_later (x, job);
    return false;
}

/* A process without a job. */
struct orphan {
    struct list link; /* in exec.orphans */
    int pidfd;
    flux_watcher_t *w;
};

static void orphan_free (struct orphan *o)
{
    list_del (&o->link);
    close (o->pidfd);
    flux_watcher_destroy (o->w);
    free (o);
}

static void orphan_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct orphan *o = arg;
    int status;

    if (spawn_collect (o->pidfd, &status) == -EAGAIN)
        return;
    orphan_free (o);
}

void exec_adopt (struct exec *x, int pidfd)
{
    struct orphan *o;

    if (!(o = calloc (1, sizeof (*o)))
        || !(o->w = flux_fd_watcher_create (x->reactor, pidfd, FLUX_POLLIN, orphan_cb, o))) {
        free (o);
        close (pidfd);
        return;
    }
    o->pidfd = pidfd;
    list_append (&x->orphans, &o->link);
    flux_watcher_start (o->w);
}

/* job-exec.critical-ranks { "id":I "ranks":s } -> {}: shell ranks, at first all */
static void critical_ranks_cb (flux_t *h,
                               flux_msg_handler_t *mh,
                               const flux_msg_t *msg,
                               void *arg)
{
    struct exec *x = arg;
    struct job *job;
    struct idset *ids = NULL;
    const char *ranks;
    json_int_t id;
    int rc;

    if (flux_request_unpack (msg, NULL, "{s:I s:s}", "id", &id, "ranks", &ranks) < 0)
        rc = flux_respond_error (h, msg, errno, NULL);
    else if (!(job = job_find (x, id)))
        rc = flux_respond_error (h, msg, ENOENT, NULL);
    else if (flux_msg_authorize (msg, job->userid) < 0)
        rc = flux_respond_error (h, msg, errno, NULL);
    else if (!(ids = idset_decode (ranks)))
        rc = flux_respond_error (h, msg, EPROTO, "ranks is no idset");
    else {
        idset_destroy (job->critical);
        job->critical = move_ptr (ids);
        rc = flux_respond (h, msg, NULL);
    }
    if (rc < 0)
        flux_log_error (h, "critical-ranks response");
}

static void stats_cb (flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct exec *x = arg;
    struct job *job;
    json_t *jobs = json_object ();
    size_t pos = 0;

    while (jobs && (job = table_next (&x->jobs, &pos))) {
        json_t *o = json_pack ("{s:i s:i s:b s:I}",
                               "ntasks", (int)job->ntasks,
                               "active", (int)job->nactive,
                               "paused", job->paused,
                               "unacked-bytes", (json_int_t)job->log.unacked);
        (void)json_object_set_new (jobs, job->f58plain, o);
    }
    if (!jobs
        || flux_respond_pack (h,
                              msg,
                              "{s:f s:i s:i s:i s:f s:I s:O}",
                              "kill-timeout", x->config.kill_timeout,
                              "term-signal", x->config.term_signal,
                              "kill-signal", x->config.kill_signal,
                              "max-kill-count", x->config.max_kill_count,
                              "effective-max-kill-timeout", exec_max_kill_timeout (&x->config),
                              "launched", (json_int_t)x->launched,
                              "jobs", jobs) < 0)
        (void)flux_respond_error (h, msg, ENOMEM, NULL);
    json_decref (jobs);
}

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "job-exec.start", job_start_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-exec.expiration", expiration_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "job-exec.override", mock_override_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-exec.critical-ranks", critical_ranks_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-exec.stats-get", stats_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-exec.attach", follow_attach_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-exec.attach-ack", follow_ack_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "job-exec.disconnect", follow_disconnect_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "*-shell-*.stdin", input_stdin_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_REQUEST, "*-shell-*.proctable", proctable_cb, FLUX_ROLE_USER },
    { FLUX_MSGTYPE_EVENT, "job-exception", exception_event_cb, 0 },
    { FLUX_MSGTYPE_EVENT, "shell-*", kill_event_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static int parse_signal (const char *s, int *signum)
{
    static const struct {
        const char *name;
        int signum;
    } names[] = {
        { "SIGHUP", SIGHUP },   { "SIGINT", SIGINT },   { "SIGQUIT", SIGQUIT },
        { "SIGKILL", SIGKILL }, { "SIGUSR1", SIGUSR1 }, { "SIGUSR2", SIGUSR2 },
        { "SIGTERM", SIGTERM }, { "SIGALRM", SIGALRM }, { "SIGABRT", SIGABRT },
    };
    char *end;
    long n;

    for (size_t i = 0; i < ARRAY_SIZE (names); i++) {
        if (!strcmp (s, names[i].name) || !strcmp (s, names[i].name + 3)) {
            *signum = names[i].signum;
            return 0;
        }
    }
    n = strtol (s, &end, 10);
    if (end == s || *end || n < 1 || n >= NSIG)
        return -1;
    *signum = n;
    return 0;
}

static int parse_number (const char *s, double max, double *value)
{
    char *end;
    double n = strtod (s, &end);

    if (end == s || *end || !(n >= 0 && n <= max))
        return -1;
    *value = n;
    return 0;
}

static int set_option (struct exec_config *c, const char *name, const char *value)
{
    double n;

    if (!strcmp (name, "kill-timeout"))
        return fsd_parse (value, &c->kill_timeout) < 0 || c->kill_timeout <= 0 ? -1 : 0;
    if (!strcmp (name, "max-kill-timeout")) {
        return fsd_parse (value, &c->max_kill_timeout) < 0 || c->max_kill_timeout <= 0 ? -1
                                                                                      : 0;
    }
    if (!strcmp (name, "term-signal"))
        return parse_signal (value, &c->term_signal);
    if (!strcmp (name, "kill-signal"))
        return parse_signal (value, &c->kill_signal);
    if (!strcmp (name, "max-kill-count")) {
        if (parse_number (value, 1000000, &n) < 0 || n < 1)
            return -1;
        c->max_kill_count = n;
        return 0;
    }
    if (!strcmp (name, "max-start-delay-percent"))
        return parse_number (value, 100, &c->max_start_delay);
    return -1;
}

static int parse_args (struct exec *x, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        char name[64];
        const char *eq = strchr (argv[i], '=');

        if (eq && (size_t)(eq - argv[i]) < sizeof (name)) {
            memcpy (name, argv[i], eq - argv[i]);
            name[eq - argv[i]] = '\0';
            if (set_option (&x->config, name, eq + 1) == 0)
                continue;
        }
        flux_log (x->h, LOG_ERR, "invalid module argument: %s", argv[i]);
        errno = EINVAL;
        return -1;
    }
    return 0;
}

/* Keys that mean something to upstream's ways to run a job only. */
static bool is_for_others (const char *name)
{
    static const char *const names[] = { "method",          "service",     "imp",
                                         "job-shell",       "sdexec-properties",
                                         "barrier-timeout", "shell-exit-timeout" };

    for (size_t i = 0; i < ARRAY_SIZE (names); i++) {
        if (!strcmp (name, names[i]))
            return true;
    }
    return false;
}

static int parse_config (struct exec *x)
{
    json_t *table = NULL, *value;
    const char *name;
    char buf[64];
    int guests = 0;

    if (flux_conf_unpack (flux_get_conf (x->h), NULL, "{s?o}", "exec", &table) < 0)
        return 0;
    json_object_foreach (table, name, value) {
        const char *s = json_string_value (value);

        if (json_is_number (value)) {
            snprintf (buf, sizeof (buf), "%.17g", json_number_value (value));
            s = buf;
        }
        if (!strcmp (name, "testexec")) {
            (void)json_unpack (value, "{s?b}", "allow-guests", &guests);
            continue;
        }
        if (is_for_others (name))
            continue;
        if (!s || set_option (&x->config, name, s) < 0) {
            flux_log (x->h, LOG_ERR, "invalid %s: %s", name, s ? s : "?");
            errno = EINVAL;
            return -1;
        }
    }
    x->config.testexec_guests = guests;
    return 0;
}

/* Reading an attribute may ask the broker and wait: not later than now. */
static int get_attr (struct exec *x, const char *name, char **value)
{
    const char *s = flux_attr_get (x->h, name);

    *value = NULL;
    if (s && !(*value = strdup (s)))
        return -1;
    return 0;
}

static int get_attrs (struct exec *x)
{
    if (get_attr (x, "local-uri", &x->attrs.local_uri) < 0
        || get_attr (x, "rundir", &x->attrs.rundir) < 0
        || get_attr (x, "jobid-path", &x->attrs.jobid_path) < 0
        || get_attr (x, "instance-level", &x->attrs.instance_level) < 0
        || get_attr (x, "tbon.interface-hint", &x->attrs.interface_hint) < 0)
        return -1;
    return 0;
}

static int say_hello (struct exec *x)
{
    flux_future_t *f;
    int rc = -1;

    if ((f = flux_rpc_pack (x->h,
                            "job-manager.exec-hello",
                            FLUX_NODEID_ANY,
                            0,
                            "{s:s}",
                            "service", "job-exec"))
        && flux_rpc_get (f, NULL) == 0)
        rc = 0;
    else
        flux_log_error (x->h, "job-manager.exec-hello");
    flux_future_destroy (f);
    return rc;
}

/* What is needed to start a task, on every rank. */
static int prepare (struct exec *x)
{
    const char *owner = flux_attr_get (x->h, "security.owner");
    char host[256] = "localhost";
    sigset_t pipe_only;
    int r;

    /* A task that closes its stdin is no reason to die. */
    sigemptyset (&pipe_only);
    sigaddset (&pipe_only, SIGPIPE);
    pthread_sigmask (SIG_BLOCK, &pipe_only, NULL);

    (void)gethostname (host, sizeof (host) - 1);
    x->owner = owner ? strtoul (owner, NULL, 10) : getuid ();
    x->reactor = flux_get_reactor (x->h);
    if (!(x->hostname = strdup (host)) || !(x->buf = malloc (READ_SIZE))
        || flux_get_rank (x->h, &x->rank) < 0 || flux_get_size (x->h, &x->size) < 0
        || get_attrs (x) < 0 || cores_init (x) < 0)
        return -1;
    if ((r = spawner_create (&x->spawner)) < 0) {
        errno = -r;
        return -1;
    }
    guard_start (x);
    return topology_init (x);
}

static int start (struct exec *x)
{
    if (prepare (x) < 0
        || !(x->prepare = flux_prepare_watcher_create (x->reactor, prepare_cb, x)))
        return -1;
    flux_watcher_start (x->prepare);
    if (launch_init_watchers (x) < 0)
        return -1;
    if (x->rank > 0)
        return member_addvec (x);
    if (!(x->w_late = flux_timer_watcher_create (x->reactor, 0., 0., late_cb, x)))
        return -1;
    if (flux_event_subscribe (x->h, "job-exception") < 0
        || flux_event_subscribe (x->h, "shell-") < 0
        || flux_msg_handler_addvec (x->h, handlers, x, &x->handlers) < 0)
        return -1;
    return ranks_watch (x) < 0 ? -1 : say_hello (x);
}

static void stop (struct exec *x)
{
    struct orphan *o;
    bool sweep = x->forsaken;
    struct job *job;

    flux_msg_handler_delvec (x->handlers);
    ranks_unwatch (x);
    follow_fini (x);
    grafts_wait (x);
    while ((job = table_pop (&x->jobs))) {
        if (job->state == JOB_RUNNING && !job->mock) {
            job_signal (job, SIGKILL);
            sweep = true;
        }
        job_free (job);
    }
    while ((job = list_first (&x->ended, struct job, dirty)))
        job_free (job);
    table_fini (&x->jobs);
    /* Those that still run are left to the broker. */
    while ((o = list_first (&x->orphans, struct orphan, link)))
        orphan_free (o);
    guard_stop (x, sweep);
    tmpdir_fini (x);
    topology_fini (x);
    cores_fini (x);
    flux_watcher_destroy (x->prepare);
    launch_fini_watchers (x);
    flux_watcher_destroy (x->w_late);
    spawner_destroy (x->spawner);
    free (x->hostname);
    free (x->locale.name);
    free (x->attrs.local_uri);
    free (x->attrs.rundir);
    free (x->attrs.jobid_path);
    free (x->attrs.instance_level);
    free (x->attrs.interface_hint);
    free (x->buf);
}

int mod_main (flux_t *h, int argc, char **argv)
{
    struct exec *x;
    int rc = -1;

    if (!(x = calloc (1, sizeof (*x))))
        return -1;
    x->h = h;
    x->guard_fd = x->topology.pidfd = -1;
    list_init (&x->dirty);
    list_init (&x->late);
    list_init (&x->ended);
    list_init (&x->grafts);
    list_init (&x->launching);
    list_init (&x->orphans);
    x->config = (struct exec_config){
        .kill_timeout = 5.0,
        .term_signal = SIGTERM,
        .kill_signal = SIGKILL,
        .max_kill_count = 8,
        .max_start_delay = 25,
    };
    if (parse_config (x) == 0 && parse_args (x, argc, argv) == 0 && start (x) == 0)
        rc = flux_reactor_run (x->reactor, 0) < 0 ? -1 : 0;
    stop (x);
    free (x);
    return rc;
}
