#include "config.h"
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "attach_output.h"
#include "attach_stdin.h"
#include "cmd.h"
#include "common/eventlog.h"
#include "common/list.h"
#include "common/text.h"
#include "mpi_follow.h"
#include "mpi_job.h"

#define ACK_BYTES (256 << 10) /* of output, between two acknowledgements */

struct follow {
    flux_t *h;
    flux_reactor_t *r;
    const struct mpi_args *args;
    char token[40];
    flux_jobid_t id; /* 0: not known yet */
    flux_future_t *f_attach;
    flux_future_t *f_submit;
    flux_future_t *f_hold;
    struct list sent; /* struct sent */
    struct attach_output style;
    struct attach_stdin *in;
    size_t unacked;
    flux_watcher_t *signals[5];
    flux_watcher_t *timer;
    int interrupts; /* SIGINTs so far */
    bool cancel;    /* ... the job as soon as there is one */
    sigset_t early; /* signals for it that came before its id did */
    bool finished;  /* all processes are gone, all output is here */
    bool decided;   /* something other than exit codes says how we exit */
    int exit_code;
    int codes;     /* those of all processes or'ed */
    int leaver;    /* rank that left MPI without a word, so that others are killed; or -1 */
    bool said;     /* ... which was said */
    int nexited;   /* processes whose end was heard */
    int *statuses; /* wait status of each rank */
};

static void stop (struct follow *fl)
{
    attach_stdin_stop (fl->in);
    flux_reactor_stop (fl->r);
}

/* The first reason counts; what follows is its consequence. */
static bool decide (struct follow *fl, int exit_code)
{
    if (fl->decided)
        return false;
    fl->decided = true;
    fl->exit_code = exit_code;
    return true;
}

_printf_ (2, 3) static void fail (struct follow *fl, const char *fmt, ...)
{
    va_list ap;

    if (decide (fl, MPI_EXIT_FAILURE)) {
        fflush (stdout);
        fprintf (stderr, "%s: ", cmd_name);
        va_start (ap, fmt);
        vfprintf (stderr, fmt, ap);
        va_end (ap);
        fprintf (stderr, "\n");
    }
}

/* ---- what to do to the job ------------------------------------------------------ */

/* A request that the end of the job may overtake. */
struct sent {
    struct list node;
    struct follow *fl;
    flux_future_t *f;
    bool kill;
};

static void cancel_job (struct follow *fl, const char *why);

static void sent_free (struct sent *s)
{
    list_del (&s->node);
    flux_future_destroy (s->f);
    free (s);
}

/* A job that does not run yet has no process to take a signal: it is canceled. */
static void answered (flux_future_t *f, void *arg)
{
    struct sent *s = arg;

    if (s->kill && flux_future_get (f, NULL) < 0 && !s->fl->finished)
        cancel_job (s->fl, "interrupted");
    sent_free (s);
}

static void send_off (struct follow *fl, flux_future_t *f, bool kill)
{
    struct sent *s = calloc (1, sizeof (*s));

    if (!s || !f || flux_future_then (f, -1., answered, s) < 0) {
        flux_future_destroy (f);
        free (s);
        return;
    }
    s->fl = fl;
    s->f = f;
    s->kill = kill;
    list_append (&fl->sent, &s->node);
}

static void cancel_job (struct follow *fl, const char *why)
{
    fl->cancel = true;
    if (fl->id != 0)
        send_off (fl, flux_job_cancel (fl->h, fl->id, why), false);
}

/* It may run before its id is here. */
static void kill_job (struct follow *fl, int signum)
{
    if (fl->id == 0)
        sigaddset (&fl->early, signum);
    else
        send_off (fl, flux_job_kill (fl->h, fl->id, signum), true);
}

static void interrupted (struct follow *fl)
{
    if (++fl->interrupts == 1) {
        fflush (stdout);
        fprintf (stderr,
                 "%s: Sending Ctrl-C to processes as requested\n"
                 "%s: Press Ctrl-C again to force abort\n",
                 cmd_name, cmd_name);
        kill_job (fl, SIGINT);
    }
    else {
        cancel_job (fl, "interrupted by ctrl-C");
        kill_job (fl, SIGKILL);
    }
}

static void signal_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct follow *fl = arg;
    int signum = flux_signal_watcher_get_signum (w);

    if (signum == SIGINT)
        interrupted (fl);
    else
        kill_job (fl, signum);
}

static void timeout_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct follow *fl = arg;

    fail (fl, "APPLICATION TIMED OUT, TIMEOUT = %gs", fl->args->timeout);
    cancel_job (fl, "MPIEXEC_TIMEOUT");
    if (fl->id != 0)
        kill_job (fl, SIGKILL);
}

/* ---- what we hear of it ----------------------------------------------------------- */

static int64_t get_int (struct jview context, const char *name)
{
    int64_t n = 0;

    (void)jview_int (jview_get (context, name), &n);
    return n;
}

/* A string member, "" if it is missing; the caller frees. */
static char *get_string (struct jview context, const char *name)
{
    struct text t = TEXT_INIT;
    char *s;

    text_puts (&t, "");
    (void)jview_string (jview_get (context, name), &t);
    if (!(s = text_take (&t, NULL)))
        cmd_die ("out of memory");
    return s;
}

/* { "service":s "leader-rank":i ... } */
static void on_init (struct follow *fl, struct jview context)
{
    _cleanup_ (freep)
    char *service = get_string (context, "service");

    attach_stdin_start (fl->in, service, get_int (context, "leader-rank"));
}

/* Tools look for these words. */
static void say_killed (struct follow *fl, int rank, int pid, int status)
{
    static const char line[] = "========================================================="
                               "==========================";
    int signum = WTERMSIG (status);

    fflush (stdout);
    fprintf (stderr,
             "\n%s\n"
             "=   BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES\n"
             "=   RANK %d PID %d\n"
             "=   EXIT CODE: %d\n"
             "%s"
             "%s\n"
             "YOUR APPLICATION TERMINATED WITH THE EXIT STRING: %s (signal %d)\n",
             line, rank, pid, signum,
             fl->args->no_cleanup || fl->args->size == 1
                 ? ""
                 : "=   CLEANING UP REMAINING PROCESSES\n",
             line, strsignal (signum), signum);
}

/* Those who are killed because one left do not count. */
static void say_left (struct follow *fl)
{
    if (fl->said)
        return;
    fl->said = true;
    fflush (stdout);
    fprintf (stderr,
             "%s: rank %d exited with code %d and without MPI_Finalize: others were killed\n",
             cmd_name, fl->leaver, WEXITSTATUS (fl->statuses[fl->leaver]));
}

/* { "rank":i "pid":i "status":i "left"?:b } */
static void on_task_exit (struct follow *fl, struct jview context)
{
    int64_t rank = get_int (context, "rank");
    int status = get_int (context, "status");

    if (rank < 0 || rank >= fl->args->size)
        return;
    fl->statuses[rank] = status;
    fl->nexited++;
    if (WIFEXITED (status)) {
        fl->codes |= WEXITSTATUS (status);
        if (fl->leaver < 0 && !fl->decided && !fl->args->no_cleanup
            && jview_is (jview_get (context, "left"), JVIEW_TRUE))
            fl->leaver = rank;
    }
    else if (fl->leaver >= 0)
        say_left (fl);
    else if (WIFSIGNALED (status) && decide (fl, WTERMSIG (status)))
        say_killed (fl, rank, get_int (context, "pid"), status);
}

/* { "type":s "severity":i "note":s } */
static void on_exception (struct follow *fl, struct jview context)
{
    _cleanup_ (freep)
    char *note = get_string (context, "note");

    if (get_int (context, "severity") == 0 && fl->leaver < 0)
        fail (fl, "%s", note);
}

/* Who has not heard of all cannot say that all is well. */
static void on_finish (struct follow *fl)
{
    if (fl->nexited < fl->args->size && fl->leaver < 0)
        fail (fl, "the end of %d of %d processes was not heard", fl->args->size - fl->nexited,
              fl->args->size);
    fl->finished = true;
    stop (fl);
}

static void note (struct follow *fl, const struct eventlog_entry *e)
{
    if (eventlog_entry_is (e, "task-exit"))
        on_task_exit (fl, e->context);
    else if (eventlog_entry_is (e, "finish"))
        on_finish (fl);
    else if (eventlog_entry_is (e, "shell.init"))
        on_init (fl, e->context);
    else if (eventlog_entry_is (e, "abort"))
        decide (fl, get_int (e->context, "code") & 0xff);
    else if (eventlog_entry_is (e, "exception"))
        on_exception (fl, e->context);
}

/* What has been written is acknowledged. */
static void acknowledge (struct follow *fl, size_t len)
{
    fl->unacked += len;
    if (fl->unacked < ACK_BYTES)
        return;
    flux_future_destroy (flux_rpc_pack (fl->h, "job-exec.attach-ack", 0,
                                        FLUX_RPC_NORESPONSE, "{s:s s:I}", "token",
                                        fl->token, "bytes", (json_int_t)fl->unacked));
    fl->unacked = 0;
}

/* "<n>\n", n bytes of output entries, notes.  -1 if it is not so. */
static int take_news (struct follow *fl, const char *data, size_t len)
{
    const char *end = data + len, *line;
    struct eventlog_entry e;
    size_t n = 0, linelen;

    while (data < end && *data >= '0' && *data <= '9' && n < len)
        n = 10 * n + *data++ - '0';
    if (data == end || *data++ != '\n' || n > (size_t)(end - data))
        return -1;
    if (n > 0) {
        attach_output (&fl->style, data, n);
        cmd_flush (); /* nobody reads it: the job ends with us */
        acknowledge (fl, n);
    }
    data += n;
    while ((line = eventlog_next_line (&data, end, &linelen))) {
        if (eventlog_entry_decode (line, linelen, &e) < 0)
            return -1;
        note (fl, &e);
    }
    return 0;
}

static void attach_continuation (flux_future_t *f, void *arg)
{
    struct follow *fl = arg;
    const void *data;
    size_t len;

    if (flux_rpc_get_raw (f, &data, &len) == 0 && data) {
        if (take_news (fl, data, len) == 0) {
            flux_future_reset (f);
            return;
        }
        errno = EPROTO;
    }
    if (errno == ENODATA)
        fail (fl, "the job did not run");
    else if (errno == ENOSYS)
        fail (fl, "this Flux instance cannot do that: job-exec.attach: %s",
              cmd_future_error (f));
    else
        fail (fl, "job-exec.attach: %s", cmd_future_error (f));
    stop (fl);
}

/* The job is over: if we have not heard from it, it never ran. */
static void hold_continuation (flux_future_t *f, void *arg)
{
    struct follow *fl = arg;
    const char *why = "";

    if (flux_rpc_get_unpack (f, "{s:s}", "errstr", &why) < 0)
        fail (fl, "job-manager.hold: %s", cmd_future_error (f));
    else
        fail (fl, "%s", *why ? why : "the job did not run");
    stop (fl);
}

static void submitted (flux_future_t *f, void *arg)
{
    struct follow *fl = arg;
    char name[64];

    if (flux_job_submit_get_id (f, &fl->id) < 0) {
        fail (fl, "%s", cmd_future_error (f));
        stop (fl);
        return;
    }
    if (!(fl->f_hold = flux_rpc_pack (fl->h, "job-manager.hold", 0, 0, "{s:I}", "id",
                                      (json_int_t)fl->id))
        || flux_future_then (fl->f_hold, -1., hold_continuation, fl) < 0)
        mpi_die ("job-manager.hold: %s", flux_strerror (errno));
    if (fl->cancel)
        cancel_job (fl, "interrupted");
    for (int signum = 1; signum < NSIG; signum++) {
        if (sigismember (&fl->early, signum) == 1)
            kill_job (fl, signum);
    }
    if (fl->args->verbose && flux_job_id_encode (fl->id, "f58", name, sizeof (name)) == 0)
        fprintf (stderr, "%s: job %s\n", cmd_name, name);
}

/* ---- begin and end ---------------------------------------------------------------- */

/* A stdin that is closed, or is /dev/null, is none. */
static bool has_stdin (void)
{
    struct stat st;

    if (fstat (STDIN_FILENO, &st) < 0)
        return false;
    return !S_ISCHR (st.st_mode) || st.st_rdev != makedev (1, 3);
}

static void make_token (char *token, size_t size)
{
    uint64_t r[2];

    if (getrandom (r, sizeof (r), 0) != sizeof (r))
        mpi_die ("getrandom: %s", strerror (errno));
    snprintf (token, size, "%016llx%016llx", (unsigned long long)r[0],
              (unsigned long long)r[1]);
}

/* The first request is about the second: they leave in this order, and arrive
 * in it.
 */
static void submit (struct follow *fl, const char *jobspec)
{
    if (!(fl->f_attach = flux_rpc_pack (fl->h, "job-exec.attach", 0, FLUX_RPC_STREAMING,
                                        "{s:s}", "token", fl->token))
        || flux_future_then (fl->f_attach, -1., attach_continuation, fl) < 0)
        mpi_die ("job-exec.attach: %s", flux_strerror (errno));
    if (!(fl->f_submit = flux_job_submit (fl->h, jobspec, FLUX_JOB_URGENCY_DEFAULT, 0))
        || flux_future_then (fl->f_submit, -1., submitted, fl) < 0)
        mpi_die ("job-ingest.submit: %s", flux_strerror (errno));
}

/* Whatever else may come ends us, and with us the job. */
static void catch_signals (struct follow *fl)
{
    static const int signums[] = { SIGINT, SIGTERM, SIGQUIT, SIGUSR1, SIGALRM };

    for (size_t i = 0; i < ARRAY_SIZE (signums); i++) {
        fl->signals[i] = flux_signal_watcher_create (fl->r, signums[i], signal_cb, fl);
        if (!fl->signals[i])
            mpi_die ("signal: %s", flux_strerror (errno));
        flux_watcher_unref (fl->signals[i]);
        flux_watcher_start (fl->signals[i]);
    }
}

static void start_timer (struct follow *fl)
{
    if (fl->args->timeout <= 0)
        return;
    if (!(fl->timer =
              flux_timer_watcher_create (fl->r, fl->args->timeout, 0., timeout_cb, fl)))
        mpi_die ("timer: %s", flux_strerror (errno));
    flux_watcher_unref (fl->timer);
    flux_watcher_start (fl->timer);
}

static void print_exitcodes (const struct follow *fl)
{
    printf ("Exit codes:");
    for (int i = 0; i < fl->args->size; i++) {
        int s = fl->statuses[i];

        printf (" %d", WIFSIGNALED (s) ? 128 + WTERMSIG (s) : WEXITSTATUS (s));
    }
    printf ("\n");
}

static void follow_fini (struct follow *fl)
{
    struct sent *s;

    for (size_t i = 0; i < ARRAY_SIZE (fl->signals); i++)
        flux_watcher_destroy (fl->signals[i]);
    flux_watcher_destroy (fl->timer);
    attach_stdin_destroy (fl->in);
    flux_future_destroy (fl->f_attach);
    flux_future_destroy (fl->f_submit);
    flux_future_destroy (fl->f_hold);
    while ((s = list_first (&fl->sent, struct sent, node)))
        sent_free (s);
    free (fl->statuses);
}

int mpi_follow (flux_t *h, const struct mpi_args *a)
{
    struct follow fl = {
        .h = h,
        .r = flux_get_reactor (h),
        .args = a,
        .leaver = -1,
        .style = { .out = stdout, .err = stderr, .quiet = true, .label = a->label },
    };
    char *jobspec;

    list_init (&fl.sent);
    sigemptyset (&fl.early);
    fl.style.label_io = a->label != NULL;
    if (!fl.r || !(fl.statuses = calloc (a->size, sizeof (fl.statuses[0]))))
        mpi_die ("out of memory");
    make_token (fl.token, sizeof (fl.token));
    jobspec = mpi_jobspec (a, fl.token, has_stdin ());
    catch_signals (&fl); /* its processes may run, and wait for one, before submit () returns */
    submit (&fl, jobspec);
    free (jobspec);
    if (has_stdin ()) {
        fl.in = attach_stdin_create (h, NULL, false);
        attach_stdin_quiet (fl.in);
    }
    start_timer (&fl);
    if (flux_reactor_run (fl.r, 0) < 0)
        fail (&fl, "lost connection to Flux: %s", flux_strerror (errno));
    else if (!fl.decided)
        fl.exit_code = fl.codes;
    if (a->print_exitcodes && fl.finished)
        print_exitcodes (&fl);
    fflush (stdout);
    follow_fini (&fl);
    return fl.exit_code;
}
