#include "config.h"
#include <jansson.h>

#include "attach_output.h"
#include "cmd.h"
#include "common/eventlog.h"
#include "common/list.h"
#include "jobwatch.h"
#include "outwatch.h"
#include "progress.h"

/* How often the progress line is drawn, seconds. */
static const double progress_period = 0.25;

struct jobwatch {
    flux_t *h;
    flux_reactor_t *r;
    const struct jobwatch_opts *opts;
    struct list jobs;
    int exit_code;
    flux_watcher_t *flush;
    flux_watcher_t *tick; /* NULL without progress */
};

struct job {
    struct list node;
    struct jobwatch *w;
    flux_jobid_t id;
    char name[32];
    double t0; /* of the first event; 0 before it */
    bool shell_init;
    bool fatal;    /* a severity-0 exception was seen */
    char *why;     /* its message, until it is clear that the tasks said it */
    bool finished; /* it has an exit code */
    bool stopped;  /* the event waited for has come */
    int exit_code;
    enum progress_state state;
    flux_future_t *main;
    flux_future_t *exec;
    struct outwatch *output;
    struct attach_output style;
};

static void job_ended (struct job *job);

static void set_state (struct job *job, enum progress_state state)
{
    progress_move (job->w->opts->progress, job->state, state);
    job->state = state;
}

static void about_to_print (struct job *job)
{
    progress_hide (job->w->opts->progress);
    fflush (job->style.out);
}

/* -- events -- */

/* A span of JSON text with its keys in order, as text. */
static char *sorted (struct jview v)
{
    json_t *o = json_loadb (v.s, v.len, JSON_ALLOW_NUL, NULL);
    char *s = json_dumps (o, JSON_COMPACT | JSON_SORT_KEYS);

    json_decref (o);
    return s;
}

static void print_event (struct job *job, const char *log, const struct eventlog_entry *e)
{
    _cleanup_ (freep) char *context = jview_present (e->context) ? sorted (e->context) : NULL;

    if (job->w->opts->verbose < 2)
        return;
    about_to_print (job);
    fprintf (job->style.err, "%s: %.3fs: %s%.*s%s%s\n", job->name, e->timestamp - job->t0,
             log, (int)e->name.len - 2, e->name.s + 1, context ? " " : "",
             context ? context : "");
}

static int64_t context_int (const struct eventlog_entry *e,
                            const char *key,
                            int64_t missing)
{
    int64_t n = missing;

    (void)jview_int (jview_get (e->context, key), &n);
    return n;
}

static void put_context (struct text *t, const struct eventlog_entry *e, const char *key)
{
    (void)jview_string (jview_get (e->context, key), t);
}

/* What ended a job is said for it, unless its tasks came so far as to say
 * something themselves; that shows when the exec log has been seen.
 */
static void tell_why (struct job *job)
{
    if (job->why && !job->shell_init) {
        about_to_print (job);
        fputs (job->why, job->style.err);
    }
    free (job->why);
    job->why = NULL;
}

static void on_exception (struct job *job, const struct eventlog_entry *e)
{
    struct text type = TEXT_INIT, note = TEXT_INIT;

    if (context_int (e, "severity", 7) != 0)
        return;
    put_context (&type, e, "type");
    put_context (&note, e, "note");
    free (job->why);
    if (asprintf (&job->why, "job.exception: type=%s severity=0%s%s\n",
                  type.buf ? type.buf : "", note.len > 0 ? " " : "",
                  note.buf ? note.buf : "")
        < 0)
        cmd_die ("ERROR: out of memory");
    job->fatal = true;
    if (!job->exec)
        tell_why (job);
    text_fini (&type);
    text_fini (&note);
}

static void on_finish (struct job *job, const struct eventlog_entry *e)
{
    int status = context_int (e, "status", 0);

    job->finished = true;
    job->exit_code = flux_job_waitstatus_to_exitcode (status, NULL);
    if (job->exit_code < 0)
        job->exit_code = 1;
    if (job->w->opts->verbose > 0) {
        about_to_print (job);
        fprintf (job->style.err, "%s: %4.3fs: %s: status=%d\n", job->name,
                 e->timestamp - job->t0, status == 0 ? "complete" : "failed", status);
    }
}

/* The event waited for ends all the job's watches. */
static void check_wait_event (struct job *job,
                              const char *log,
                              const struct eventlog_entry *e)
{
    const char *want = job->w->opts->wait_event;
    size_t n = strlen (log);

    if (!want || strncmp (want, log, n) != 0 || !eventlog_entry_is (e, want + n))
        return;
    job->stopped = true;
    eventwatch_cancel (job->w->h, job->main);
    eventwatch_cancel (job->w->h, job->exec);
    outwatch_cancel (job->output);
}

/* -- the logs -- */

/* The next entry of a watch.  Returns -1 at its end, with errno. */
static int next_entry (flux_future_t *f, struct eventlog_entry *e)
{
    const char *s;

    if (flux_job_event_watch_get (f, &s) < 0)
        return -1;
    if (!s || eventlog_entry_decode (s, strlen (s), e) < 0) {
        errno = EPROTO;
        return -1;
    }
    return 0;
}

static void report_end (struct job *job, int errnum, const char *text)
{
    if (errnum == ENODATA || (job->fatal && errnum == ENOENT))
        return;
    about_to_print (job);
    cmd_warn ("%s: %s", job->name, errnum == ENOENT ? "No such job" : text);
    job->finished = true;
    if (job->exit_code == 0)
        job->exit_code = 1;
}

static void output_data (const char *s, size_t len, void *arg)
{
    struct job *job = arg;

    progress_hide (job->w->opts->progress);
    attach_output (&job->style, s, len);
}

static void output_end (int errnum, const char *text, void *arg)
{
    struct job *job = arg;

    if (errnum != ENOENT)
        report_end (job, errnum, text);
    outwatch_destroy (job->output);
    job->output = NULL;
    job_ended (job);
}

static void watch_output (struct job *job)
{
    static const struct outwatch_ops ops = { output_data, NULL, output_end };

    job->shell_init = true;
    if (job->w->opts->output && !job->stopped)
        job->output = outwatch_create (job->w->h, job->id, &ops, job);
}

static void exec_cb (flux_future_t *f, void *arg)
{
    struct job *job = arg;
    struct eventlog_entry e;

    if (next_entry (f, &e) < 0) {
        if (errno != ENOENT)
            report_end (job, errno, cmd_future_error (f));
        flux_future_destroy (job->exec);
        job->exec = NULL;
        tell_why (job);
        job_ended (job);
        return;
    }
    print_event (job, "exec.", &e);
    check_wait_event (job, "exec.", &e);
    if (eventlog_entry_is (&e, "shell.init"))
        watch_output (job);
    flux_future_reset (f);
}

static flux_future_t *watch (struct job *job,
                             const char *path,
                             int flags,
                             flux_continuation_f cb)
{
    flux_future_t *f = flux_job_event_watch (job->w->h, job->id, path, flags);

    if (!f || flux_future_then (f, -1., cb, job) < 0)
        cmd_die ("ERROR: %s: %s", path, flux_strerror (errno));
    return f;
}

static void watch_exec (struct job *job)
{
    const struct jobwatch_opts *opts = job->w->opts;

    if (job->stopped)
        return;
    if (opts->output || opts->verbose > 1
        || (opts->wait_event && strncmp (opts->wait_event, "exec.", 5) == 0))
        job->exec =
            watch (job, "guest.exec.eventlog", FLUX_JOB_EVENT_WATCH_WAITCREATE, exec_cb);
}

static void main_cb (flux_future_t *f, void *arg)
{
    struct job *job = arg;
    struct eventlog_entry e;

    if (next_entry (f, &e) < 0) {
        report_end (job, errno, cmd_future_error (f));
        flux_future_destroy (job->main);
        job->main = NULL;
        job_ended (job);
        return;
    }
    if (job->t0 == 0)
        job->t0 = e.timestamp;
    print_event (job, "", &e);
    if (eventlog_entry_is (&e, "exception"))
        on_exception (job, &e);
    else if (eventlog_entry_is (&e, "finish"))
        on_finish (job, &e);
    check_wait_event (job, "", &e);
    if (eventlog_entry_is (&e, "start")) {
        set_state (job, PROGRESS_RUNNING);
        watch_exec (job);
    }
    flux_future_reset (f);
}

/* -- jobs -- */

static void job_destroy (struct job *job)
{
    list_del (&job->node);
    flux_future_destroy (job->main);
    flux_future_destroy (job->exec);
    outwatch_destroy (job->output);
    free (job->why);
    free (job);
}

/* One of its logs has ended; when all have, the job counts. */
static void job_ended (struct job *job)
{
    struct jobwatch *w = job->w;

    if (job->main || job->exec || job->output)
        return;
    if (!job->finished && job->fatal)
        job->exit_code = 1;
    set_state (job, job->exit_code == 0 ? PROGRESS_COMPLETED : PROGRESS_FAILED);
    if (job->exit_code > w->exit_code)
        w->exit_code = job->exit_code;
    fflush (job->style.out);
    fflush (job->style.err);
    job_destroy (job);
    if (list_empty (&w->jobs))
        flux_reactor_stop (w->r);
}

void jobwatch_add (struct jobwatch *w, flux_jobid_t id, FILE *out, FILE *err)
{
    struct job *job = calloc (1, sizeof (*job));

    if (!job)
        cmd_die ("ERROR: out of memory");
    job->w = w;
    job->id = id;
    if (flux_job_id_encode (id, "f58", job->name, sizeof (job->name)) < 0)
        cmd_die ("ERROR: job id: %s", flux_strerror (errno));
    job->style = (struct attach_output){
        .have_header = true,
        .out = out,
        .err = err,
        .prefix = w->opts->label_io ? job->name : NULL,
        .label_io = w->opts->label_io,
        .timeless = true,
        .repeats = true,
    };
    list_append (&w->jobs, &job->node);
    job->main = watch (job, "eventlog", 0, main_cb);
}

/* Output is flushed when nothing more is at hand, not for each entry. */
static void flush_cb (flux_reactor_t *r, flux_watcher_t *watcher, int revents, void *arg)
{
    fflush (stdout);
}

static void tick_cb (flux_reactor_t *r, flux_watcher_t *watcher, int revents, void *arg)
{
    struct jobwatch *w = arg;

    fflush (stdout);
    progress_draw (w->opts->progress, flux_reactor_time ());
}

struct jobwatch *jobwatch_create (flux_t *h, const struct jobwatch_opts *opts)
{
    struct jobwatch *w = calloc (1, sizeof (*w));

    if (!w)
        cmd_die ("ERROR: out of memory");
    w->h = h;
    w->r = flux_get_reactor (h);
    w->opts = opts;
    list_init (&w->jobs);
    if (!(w->flush = flux_prepare_watcher_create (w->r, flush_cb, NULL)))
        cmd_die ("ERROR: %s", flux_strerror (errno));
    flux_watcher_unref (w->flush);
    flux_watcher_start (w->flush);
    if (opts->progress) {
        if (!(w->tick = flux_timer_watcher_create (w->r, 0., progress_period, tick_cb, w)))
            cmd_die ("ERROR: %s", flux_strerror (errno));
        flux_watcher_unref (w->tick);
        flux_watcher_start (w->tick);
    }
    return w;
}

void jobwatch_destroy (struct jobwatch *w)
{
    if (w) {
        while (!list_empty (&w->jobs))
            job_destroy (list_first (&w->jobs, struct job, node));
        flux_watcher_destroy (w->flush);
        flux_watcher_destroy (w->tick);
        free (w);
    }
}

int jobwatch_run (struct jobwatch *w)
{
    if (!list_empty (&w->jobs) && flux_reactor_run (w->r, 0) < 0)
        cmd_die ("ERROR: lost connection to Flux: %s", flux_strerror (errno));
    if (!list_empty (&w->jobs))
        cmd_die ("ERROR: lost connection to Flux");
    if (w->opts->progress)
        progress_draw (w->opts->progress, flux_reactor_time ());
    return w->exit_code;
}
