#include "config.h"
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "attach.h"
#include "attach_output.h"
#include "attach_stdin.h"
#include "cmd.h"

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
    double last_int; /* time of the last SIGINT, 0 if none */
    flux_future_t *main;
    flux_future_t *exec;
    flux_future_t *output;
    bool output_raw;  /* responses of 'output' are raw entries */
    bool output_seen; /* there was one */
    int open_streams;
    struct attach_stdin *in;
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

static void stream_ended (struct attach *a, flux_future_t **fp)
{
    flux_future_destroy (*fp);
    *fp = NULL;
    if (--a->open_streams == 0) {
        attach_stdin_destroy (a->in);
        a->in = NULL;
        flux_reactor_stop (a->r);
    }
}

static void cancel (flux_t *h, flux_future_t *f)
{
    flux_future_t *f2;

    if (f) {
        f2 = flux_rpc_pack (h, "job-info.eventlog-watch-cancel", FLUX_NODEID_ANY,
                            FLUX_RPC_NORESPONSE, "{s:i}", "matchtag",
                            (int)flux_rpc_get_matchtag (f));
        flux_future_destroy (f2);
    }
}

static void cancel_all (struct attach *a)
{
    cancel (a->h, a->main);
    cancel (a->h, a->exec);
    cancel (a->h, a->output);
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

static void main_failed (struct attach *a)
{
    if (errno == ENODATA)
        return;
    if (errno == ENOENT || errno == EPERM) {
        say ("Failed to attach to %s: %s", a->name,
             errno == ENOENT ? "No such job" : "that is not your job");
    }
    else
        say ("flux_job_event_watch_get: %s", future_strerror (a->main, errno));
    a->exit_code = 1;
    cancel_all (a);
}

static void main_cb (flux_future_t *f, void *arg)
{
    struct attach *a = arg;
    const char *name = "";
    double timestamp = 0;
    json_t *entry, *context = NULL;

    if (!(entry = next_entry (f))) {
        main_failed (a);
        stream_ended (a, &a->main);
        return;
    }
    json_unpack (entry, "{s:F s:s s?o}", "timestamp", &timestamp, "name", &name, "context",
                 &context);
    if (!a->have_t0) {
        a->t0 = timestamp;
        a->have_t0 = true;
    }
    if (strcmp (name, "exception") == 0)
        on_exception (a, timestamp, context);
    else if (a->opts->show_events)
        print_event (a, "job", entry);
    if (strcmp (name, "finish") == 0)
        on_finish (a, context);
    if (a->opts->wait_event && strcmp (name, a->opts->wait_event) == 0)
        cancel_all (a);
    json_decref (entry);
    flux_future_reset (f);
}

static void exec_log (struct attach *a, double timestamp, json_t *context)
{
    const char *component = "", *stream = "", *data = "", *rank = "";

    if (a->opts->quiet)
        return;
    json_unpack (context, "{s?s s?s s?s s?s}", "component", &component, "stream", &stream,
                 "rank", &rank, "data", &data);
    fflush (stdout);
    fprintf (stderr, "%.3fs: %s[%s]: %s: %s", timestamp - a->t0, component, rank, stream,
             data);
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
            say ("flux_job_event_watch_get: %s", future_strerror (f, errno));
        stream_ended (a, &a->exec);
        return;
    }
    json_unpack (entry, "{s:F s:s s?o}", "timestamp", &timestamp, "name", &name, "context",
                 &context);
    if (strcmp (name, "log") == 0)
        exec_log (a, timestamp, context);
    else if (a->opts->show_exec)
        print_event (a, "exec", entry);
    if (strcmp (name, "shell.init") == 0 && !a->opts->read_only && !a->fatal
        && json_unpack (context, "{s:s s:i}", "service", &service, "leader-rank", &leader)
               == 0)
        attach_stdin_start (a->in, service, leader);
    json_decref (entry);
    flux_future_reset (f);
}

/* Output is asked for as raw entries, an addition of our job-info (see
 * doc/architecture.md); one that does not know the flag says EPROTO.
 */
enum { WATCH_RAW = 1 << 16 };

static void output_cb (flux_future_t *f, void *arg);

static flux_future_t *watch_output (struct attach *a, int raw)
{
    flux_future_t *f;

    if (raw) {
        f = flux_rpc_pack (a->h, "job-info.eventlog-watch", FLUX_NODEID_ANY,
                           FLUX_RPC_STREAMING, "{s:I s:s s:i}", "id", (json_int_t)a->id,
                           "path", "guest.output", "flags",
                           FLUX_JOB_EVENT_WATCH_WAITCREATE | raw);
    }
    else {
        f = flux_job_event_watch (a->h, a->id, "guest.output",
                                  FLUX_JOB_EVENT_WATCH_WAITCREATE);
    }
    if (!f || flux_future_then (f, -1., output_cb, a) < 0)
        cmd_die ("guest.output: %s", flux_strerror (errno));
    a->output_raw = raw != 0;
    return f;
}

/* The text of the current response: one entry, or many. */
static int output_text (struct attach *a, flux_future_t *f, const char **s, size_t *len)
{
    const void *data;

    if (a->output_raw) {
        if (flux_rpc_get_raw (f, &data, len) < 0)
            return -1;
        *s = data;
        return 0;
    }
    if (flux_job_event_watch_get (f, s) < 0)
        return -1;
    *len = *s ? strlen (*s) : 0;
    return 0;
}

static void output_cb (flux_future_t *f, void *arg)
{
    struct attach *a = arg;
    const char *s;
    size_t len;

    if (output_text (a, f, &s, &len) == 0) {
        attach_output (a->opts, a->t0, s, len);
        a->output_seen = true;
        flux_future_reset (f);
        return;
    }
    if (errno == EPROTO && a->output_raw && !a->output_seen) {
        flux_future_destroy (f);
        a->output = watch_output (a, 0);
        return;
    }
    if (errno == ENOENT && !a->fatal && !a->opts->quiet)
        say ("No job output found");
    else if (errno != ENODATA && errno != ENOENT && errno != EPERM)
        say ("flux_job_event_watch_get: %s", future_strerror (f, errno));
    stream_ended (a, &a->output);
}

/* Output is flushed when nothing more is at hand, not for each entry. */
static void flush_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    fflush (stdout);
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

/* Ctrl-Z soon after Ctrl-C detaches; else it suspends, as it always does. */
static void suspended (struct attach *a)
{
    if (a->last_int > 0 && flux_reactor_now (a->r) - a->last_int < 2.0) {
        say ("detaching...");
        cancel_all (a);
    }
    else
        raise (SIGSTOP);
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

int attach (flux_t *h, flux_jobid_t id, const char *name, const struct attach_opts *opts)
{
    struct attach a = { .h = h, .id = id, .name = name, .opts = opts, .exit_code = 1 };

    a.r = flux_get_reactor (h);
    a.main = watch (&a, "eventlog", 0, main_cb);
    a.exec = watch (&a, "guest.exec.eventlog", FLUX_JOB_EVENT_WATCH_WAITCREATE, exec_cb);
    a.output = watch_output (&a, WATCH_RAW);
    a.open_streams++;
    if (!opts->read_only) {
        a.in = attach_stdin_create (h, opts->stdin_ranks);
        catch_signals (&a);
    }
    if (!(a.flush = flux_prepare_watcher_create (a.r, flush_cb, NULL)))
        cmd_die ("prepare: %s", flux_strerror (errno));
    flux_watcher_unref (a.flush);
    flux_watcher_start (a.flush);
    if (flux_reactor_run (a.r, 0) < 0)
        cmd_die ("lost connection to Flux: %s", flux_strerror (errno));
    if (attach_stdin_failed (a.in))
        a.exit_code = 1;
    attach_stdin_destroy (a.in);
    flux_watcher_destroy (a.flush);
    for (size_t i = 0; i < ARRAY_SIZE (a.signals); i++)
        flux_watcher_destroy (a.signals[i]);
    fflush (stdout);
    return a.exit_code == 0 && a.fatal ? 1 : a.exit_code;
}
