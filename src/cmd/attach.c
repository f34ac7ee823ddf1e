#include "config.h"
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "attach.h"
#include "attach_debug.h"
#include "attach_output.h"
#include "attach_status.h"
#include "attach_stdin.h"
#include "attach_tail.h"
#include "cmd.h"
#include "outwatch.h"

struct attach {
    flux_t *h;
    flux_reactor_t *r;
    flux_jobid_t id;
    const char *name;
    const struct attach_opts *opts;
    int exit_code;
    double t0; /* time of the first main event */
    bool have_t0;
    bool fatal; /* a severity-0 exception was seen */
    bool main_done; /* of the main log nothing more is looked at */
    bool failed;    /* a log cannot be read: all are given up */
    double last_int; /* time of the last SIGINT, 0 if none */
    bool may_suspend; /* Ctrl-Z was pressed too late to detach */
    flux_future_t *main;
    flux_future_t *exec;
    struct outwatch *output;
    struct attach_output style;
    struct attach_tail *tail; /* until the output so far has come; else NULL */
    struct attach_status *status;
    int open_streams;
    struct attach_stdin *in;
    struct attach_debug *debug; /* NULL: without a debugger */
    flux_watcher_t *flush;
    flux_watcher_t *signals[7];
};

/* Messages of attach carry this name whatever command runs it. */
__attribute__ ((format (printf, 1, 2))) static void say (const char *fmt, ...)
{
    va_list ap;

    fflush (stdout);
    fprintf (stderr, "flux-job: ");
    va_start (ap, fmt);
    vfprintf (stderr, fmt, ap);
    va_end (ap);
    fprintf (stderr, "\n");
}

static void stream_ended (struct attach *a)
{
    if (--a->open_streams == 0) {
        attach_stdin_destroy (a->in);
        a->in = NULL;
        flux_reactor_stop (a->r);
    }
}

static void watch_ended (struct attach *a, flux_future_t **fp)
{
    flux_future_destroy (*fp);
    *fp = NULL;
    stream_ended (a);
}

static void cancel_all (struct attach *a)
{
    eventwatch_cancel (a->h, a->main);
    eventwatch_cancel (a->h, a->exec);
    outwatch_cancel (a->output);
}

/* The next entry of a watch, decoded; NULL at the end of the stream, with
 * errno (ENODATA: regular).
 */
static json_t *next_entry (flux_future_t *f)
{
    const char *text;
    json_t *o;

    if (flux_job_event_watch_get (f, &text) < 0)
        return NULL;
    if (!text || !(o = json_loads (text, JSON_ALLOW_NUL, NULL))) {
        errno = EPROTO;
        return NULL;
    }
    return o;
}

static void print_event (struct attach *a, const char *log, json_t *entry)
{
    const char *name = "";
    double timestamp = 0;
    json_t *context = NULL;
    char *s = NULL;

    json_unpack (entry, "{s:F s:s s?o}", "timestamp", &timestamp, "name", &name, "context",
                 &context);
    if (context)
        s = json_dumps (context, JSON_COMPACT);
    fflush (stdout);
    fprintf (stderr, "%.3fs: %s.%s%s%s\n", timestamp - a->t0, log, name, s ? " " : "",
             s ? s : "");
    free (s);
}

static void on_exception (struct attach *a, double timestamp, json_t *context)
{
    const char *type = "", *note = "";
    int severity = 0;

    json_unpack (context, "{s:s s:i s?s}", "type", &type, "severity", &severity, "note",
                 &note);
    fflush (stdout);
    fprintf (stderr, "%.3fs: job.exception %s type=%s severity=%d %s\n", timestamp - a->t0,
             a->name, type, severity, note);
    if (severity == 0) {
        a->fatal = true;
        attach_stdin_stop (a->in);
    }
}

static void on_finish (struct attach *a, json_t *context)
{
    flux_error_t error;
    int status = 0;

    json_unpack (context, "{s:i}", "status", &status);
    a->exit_code = flux_job_waitstatus_to_exitcode (status, &error);
    if (a->exit_code < 0)
        a->exit_code = 1;
    if (a->exit_code != 0)
        say ("%s", error.text);
}

/* A log cannot be read (on): what is shown of the job would not be whole, so the
 * code is not the job's.
 */
static void give_up (struct attach *a, const char *why)
{
    if (!a->failed)
        say ("%s", why);
    a->failed = a->main_done = true;
    cancel_all (a);
}

static void watch_failed (struct attach *a, const char *error)
{
    char why[256];

    snprintf (why, sizeof (why), "flux_job_event_watch_get: %s", error);
    give_up (a, why);
}

static void main_failed (struct attach *a)
{
    char why[256];

    if (errno == ENODATA)
        return;
    if (errno != ENOENT && errno != EPERM) {
        watch_failed (a, future_strerror (a->main, errno));
        return;
    }
    snprintf (why, sizeof (why), "Failed to attach to %s: %s", a->name,
              errno == ENOENT ? "No such job" : "that is not your job");
    give_up (a, why);
}

static void main_cb (flux_future_t *f, void *arg)
{
    struct attach *a = arg;
    const char *name = "";
    double timestamp = 0;
    json_t *entry, *context = NULL;

    if (!(entry = next_entry (f))) {
        main_failed (a);
        watch_ended (a, &a->main);
        return;
    }
    if (a->main_done) { /* it was on the way when the watch was cancelled */
        json_decref (entry);
        flux_future_reset (f);
        return;
    }
    json_unpack (entry, "{s:F s:s s?o}", "timestamp", &timestamp, "name", &name, "context",
                 &context);
    if (!a->have_t0) {
        a->t0 = a->style.t0 = timestamp;
        a->have_t0 = true;
    }
    attach_status_event (a->status, name, timestamp, context);
    if (strcmp (name, "exception") == 0)
        on_exception (a, timestamp, context);
    else if (a->opts->show_events)
        print_event (a, "job", entry);
    if (strcmp (name, "finish") == 0)
        on_finish (a, context);
    if (strcmp (name, "finish") == 0 || strcmp (name, "clean") == 0)
        attach_debug_end (a->debug);
    if (a->opts->wait_event && strcmp (name, a->opts->wait_event) == 0) {
        a->main_done = true; /* the other logs are shown to their end */
        eventwatch_cancel (a->h, a->main);
    }
    json_decref (entry);
    flux_future_reset (f);
}

static void exec_log (struct attach *a, double timestamp, json_t *context)
{
    const char *component = "", *stream = "", *data = "", *rank = "";
    size_t len = 0;

    json_unpack (context, "{s?s s?s s?s s?s%}", "component", &component, "stream", &stream,
                 "rank", &rank, "data", &data, &len);
    fflush (stdout);
    if (!a->opts->quiet)
        fprintf (stderr, "%.3fs: %s[%s]: %s: ", timestamp - a->t0, component, rank, stream);
    fwrite (data, 1, len, stderr);
}

/* The number of tasks in {"taskmap":{"map":[[node,nnodes,ppn,repeat],...]}}
 * (RFC 34), or 0.
 */
static long long count_tasks (json_t *context)
{
    json_t *map = NULL, *block;
    long long n = 0;
    size_t i;

    json_unpack (context, "{s:{s:o}}", "taskmap", "map", &map);
    json_array_foreach (map, i, block) {
        int first, nnodes, ppn, repeat;

        if (json_unpack (block, "[iiii]", &first, &nnodes, &ppn, &repeat) < 0)
            return 0;
        n += (long long)nnodes * ppn * repeat;
    }
    return n;
}

static void exec_cb (flux_future_t *f, void *arg)
{
    struct attach *a = arg;
    const char *name = "", *service = NULL;
    double timestamp = 0;
    int leader = 0;
    json_t *entry, *context = NULL;

    if (!(entry = next_entry (f))) {
        if (errno != ENODATA && errno != ENOENT && errno != EPERM)
            watch_failed (a, future_strerror (f, errno));
        watch_ended (a, &a->exec);
        return;
    }
    json_unpack (entry, "{s:F s:s s?o}", "timestamp", &timestamp, "name", &name, "context",
                 &context);
    if (strcmp (name, "log") == 0)
        exec_log (a, timestamp, context);
    else if (a->opts->show_exec)
        print_event (a, "exec", entry);
    if (strcmp (name, "shell.init") == 0
        && json_unpack (context, "{s:s s:i}", "service", &service, "leader-rank", &leader)
               == 0) {
        attach_debug_service (a->debug, service, leader);
        if (!a->opts->read_only && !a->fatal)
            attach_stdin_start (a->in, service, leader);
    }
    if (strcmp (name, "shell.start") == 0) {
        attach_debug_start (a->debug, context);
        attach_stdin_tasks (a->in, count_tasks (context));
    }
    json_decref (entry);
    flux_future_reset (f);
}

/* -- output -- */

static void print_output (const char *s, size_t len, void *arg)
{
    struct attach *a = arg;

    attach_output (&a->style, s, len);
}

static void output_data (const char *s, size_t len, void *arg)
{
    struct attach *a = arg;

    if (a->tail)
        attach_tail_add (a->tail, s, len);
    else
        print_output (s, len, a);
}

static void output_sentinel (void *arg)
{
    struct attach *a = arg;

    if (a->tail)
        attach_tail_each (a->tail, print_output, a);
    attach_tail_destroy (a->tail);
    a->tail = NULL;
}

static void output_end (int errnum, const char *text, void *arg)
{
    struct attach *a = arg;

    if (errnum == ENOENT && !a->fatal && !a->failed && !a->opts->quiet)
        say ("No job output found");
    else if (errnum != ENODATA && errnum != ENOENT && errnum != EPERM)
        watch_failed (a, text);
    outwatch_destroy (a->output);
    a->output = NULL;
    stream_ended (a);
}

static void watch_output (struct attach *a)
{
    static const struct outwatch_ops plain = { output_data, NULL, output_end };
    static const struct outwatch_ops tail = { output_data, output_sentinel, output_end };

    a->style = (struct attach_output){
        .out = stdout,
        .err = stderr,
        .label_io = a->opts->label_io,
        .quiet = a->opts->quiet,
        .show_place = a->opts->show_place,
        .have_header = a->opts->tail, /* what is before the tail is not looked at */
    };
    if (a->opts->tail)
        a->tail = attach_tail_create (a->opts->tail_entries);
    a->output = outwatch_create (a->h, a->id, a->opts->tail ? &tail : &plain, a);
    a->open_streams++;
}

/* Output is flushed when nothing more is at hand, not for each entry. */
static void flush_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    cmd_flush ();
}

static void send_kill (struct attach *a, int signum)
{
    flux_future_t *f = flux_job_kill (a->h, a->id, signum);

    if (!f || flux_future_get (f, NULL) < 0)
        say ("kill: %s", f ? future_strerror (f, errno) : flux_strerror (errno));
    flux_future_destroy (f);
}

static void send_cancel (struct attach *a)
{
    flux_future_t *f = flux_job_cancel (a->h, a->id, "interrupted by ctrl-C");

    if (!f || flux_future_get (f, NULL) < 0)
        say ("cancel: %s", f ? future_strerror (f, errno) : flux_strerror (errno));
    flux_future_destroy (f);
}

static void interrupted (struct attach *a)
{
    double now = flux_reactor_now (a->r);
    bool again = a->last_int > 0;
    bool soon = again && now - a->last_int < 2.0;

    a->last_int = now;
    if (a->opts->cancel_at_once) {
        if (!again)
            send_cancel (a);
        else
            send_kill (a, SIGKILL);
    }
    else if (soon)
        send_cancel (a);
    else
        say ("one more ctrl-C within 2s to cancel or ctrl-Z to detach");
}

/* Ctrl-Z soon after Ctrl-C detaches.  Later it may have been meant to, so it
 * suspends when it is pressed once more; without Ctrl-C it suspends, as always.
 */
static void suspended (struct attach *a)
{
    if (a->last_int > 0 && flux_reactor_now (a->r) - a->last_int < 2.0) {
        say ("detaching...");
        a->main_done = true;
        cancel_all (a);
    }
    else if (a->last_int > 0 && !a->may_suspend) {
        say ("one more ctrl-Z to suspend");
        a->may_suspend = true;
    }
    else {
        a->may_suspend = false;
        raise (SIGSTOP);
    }
}

static void signal_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct attach *a = arg;
    int signum = flux_signal_watcher_get_signum (w);

    if (signum == SIGINT)
        interrupted (a);
    else if (signum == SIGTSTP)
        suspended (a);
    else
        send_kill (a, signum);
}

static void catch_signals (struct attach *a)
{
    static const int signums[] = { SIGINT,  SIGTERM, SIGHUP, SIGALRM,
                                   SIGUSR1, SIGUSR2, SIGTSTP };

    for (size_t i = 0; i < ARRAY_SIZE (signums); i++) {
        a->signals[i] = flux_signal_watcher_create (a->r, signums[i], signal_cb, a);
        if (!a->signals[i])
            cmd_die ("signal: %s", flux_strerror (errno));
        flux_watcher_unref (a->signals[i]);
        flux_watcher_start (a->signals[i]);
    }
}

static flux_future_t *watch (struct attach *a,
                             const char *path,
                             int flags,
                             flux_continuation_f cb)
{
    flux_future_t *f = flux_job_event_watch (a->h, a->id, path, flags);

    if (!f || flux_future_then (f, -1., cb, a) < 0)
        cmd_die ("%s: %s", path, flux_strerror (errno));
    a->open_streams++;
    return f;
}

static void attach_fini (struct attach *a)
{
    attach_stdin_destroy (a->in);
    attach_debug_destroy (a->debug);
    attach_status_destroy (a->status);
    attach_tail_destroy (a->tail);
    flux_watcher_destroy (a->flush);
    for (size_t i = 0; i < ARRAY_SIZE (a->signals); i++)
        flux_watcher_destroy (a->signals[i]);
    fflush (stdout);
}

int attach (flux_t *h, flux_jobid_t id, const char *name, const struct attach_opts *opts)
{
    struct attach a = { .h = h, .id = id, .name = name, .opts = opts, .exit_code = 1 };

    a.r = flux_get_reactor (h);
    if (!opts->read_only)
        catch_signals (&a); /* before anything shows that the job is being followed */
    if (opts->debug)
        a.debug = attach_debug_create (h, id);
    a.main = watch (&a, "eventlog", 0, main_cb);
    a.exec = watch (&a, "guest.exec.eventlog", FLUX_JOB_EVENT_WATCH_WAITCREATE, exec_cb);
    watch_output (&a);
    if (opts->show_status || !opts->show_events)
        a.status = attach_status_create (h, id, name, opts->show_status,
                                         opts->queue_check_interval);
    if (!opts->read_only)
        a.in = attach_stdin_create (h, opts->stdin_ranks, opts->strict_input);
    if (!(a.flush = flux_prepare_watcher_create (a.r, flush_cb, NULL)))
        cmd_die ("prepare: %s", flux_strerror (errno));
    flux_watcher_unref (a.flush);
    flux_watcher_start (a.flush);
    if (flux_reactor_run (a.r, 0) < 0)
        cmd_die ("lost connection to Flux: %s", flux_strerror (errno));
    attach_fini (&a);
    if (a.failed)
        return 1;
    return a.exit_code == 0 && a.fatal ? 1 : a.exit_code;
}
