#include "config.h"
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "cmd.h"
#include "common/base64.h"
#include "common/utf8.h"
#include "exec.h"

enum { STDIN_CHUNK = 64 * 1024 };

/* Exit codes for what could not be run. */
enum { NOT_EXECUTABLE = 126, NOT_FOUND = 127, NO_HOST = 68 };

/* The third interrupt ends us if it comes so soon after the second. */
#define INTERRUPT_WINDOW 1.

struct proc {
    struct exec_run *run;
    unsigned int rank;
    flux_future_t *f;
    int pid;        /* 0: not started yet */
    bool finished;  /* exited: status is known */
    bool over;      /* ... and there is no more output */
    bool failed;    /* could not be run; code says how */
    int status;
    int code;
    int pending;    /* signal that came before it was started */
    json_int_t credit; /* bytes of input it has room for */
    bool mid_line[2];  /* of stdout, stderr */
};

struct exec_run {
    flux_t *h;
    flux_reactor_t *r;
    struct exec_opts opts;
    struct proc *procs;
    size_t n;
    size_t active;
    size_t started;
    flux_watcher_t *input;
    bool input_ended;
    flux_watcher_t *signals[2];
    int interrupts;
    double last_interrupt;
    double begin;
};

static void verbose (struct exec_run *run, const char *what, size_t n)
{
    if (run->opts.verbose)
        cmd_warn ("%.3fs: %zu of %zu %s", flux_reactor_time () - run->begin, n, run->n,
                  what);
}

/* Output */

static void put_labelled (struct proc *p, int which, const char *s, size_t len)
{
    FILE *f = which ? stderr : stdout;

    while (len > 0) {
        const char *nl = memchr (s, '\n', len);
        size_t n = nl ? (size_t)(nl + 1 - s) : len;

        if (!p->mid_line[which])
            fprintf (f, "%u: ", p->rank);
        fwrite (s, 1, n, f);
        p->mid_line[which] = !nl;
        s += n;
        len -= n;
    }
}

static void put (struct proc *p, const char *stream, const char *s, size_t len)
{
    int which = strcmp (stream, "stderr") == 0;

    if (p->run->opts.labelled)
        put_labelled (p, which, s, len);
    else
        fwrite (s, 1, len, which ? stderr : stdout);
    if (!which && fflush (stdout) == EOF)
        cmd_die ("stdout: %s", strerror (errno));
}

static void output (struct proc *p, json_t *io)
{
    const char *stream, *data = NULL, *encoding = NULL;
    size_t len = 0;
    ssize_t n;
    char *raw;

    if (json_unpack (io, "{s:s s?s% s?s}", "stream", &stream, "data", &data, &len,
                     "encoding", &encoding)
        < 0)
        cmd_die ("rank %u: malformed output", p->rank);
    if (!data)
        return;
    if (!encoding) {
        put (p, stream, data, len);
        return;
    }
    if (!(raw = malloc (base64_decoded_max (len) + 1))
        || (n = base64_decode (raw, data, len)) < 0)
        cmd_die ("rank %u: malformed output", p->rank);
    put (p, stream, raw, n);
    free (raw);
}

/* Input */

static void send_to (struct proc *p, json_t *io)
{
    flux_future_t *f;

    f = flux_rpc_pack (p->run->h, "rexec.write", p->rank, FLUX_RPC_NORESPONSE,
                       "{s:i s:O}", "matchtag", (int)flux_rpc_get_matchtag (p->f), "io",
                       io);
    if (!f)
        cmd_die ("rexec.write: %s", flux_strerror (errno));
    flux_future_destroy (f);
}

static bool reads (const struct proc *p)
{
    return !p->finished && !p->over;
}

/* All have been started, and have room: how much. */
static json_int_t room (const struct exec_run *run)
{
    json_int_t min = STDIN_CHUNK;

    for (size_t i = 0; i < run->n; i++) {
        if (reads (&run->procs[i]) && run->procs[i].credit < min)
            min = run->procs[i].credit;
    }
    return min;
}

static json_t *encode_input (const char *s, size_t len)
{
    json_t *io;
    char *text;

    if (len == 0)
        return json_pack ("{s:s s:s s:b}", "stream", "stdin", "rank", "all", "eof", 1);
    if (utf8_valid (s, len) && !memchr (s, '\0', len))
        return json_pack ("{s:s s:s s:s#}", "stream", "stdin", "rank", "all", "data", s,
                          (int)len);
    if (!(text = malloc (base64_encoded_size (len) + 1)))
        return NULL;
    text[base64_encode (text, s, len)] = '\0';
    io = json_pack ("{s:s s:s s:s s:s}", "stream", "stdin", "rank", "all", "encoding",
                    "base64", "data", text);
    free (text);
    return io;
}

/* len 0 is the end */
static void send_input (struct exec_run *run, const char *s, size_t len)
{
    json_t *io = encode_input (s, len);

    if (!io)
        cmd_die ("out of memory");
    for (size_t i = 0; i < run->n; i++) {
        struct proc *p = &run->procs[i];

        if (reads (p)) {
            p->credit -= len;
            send_to (p, io);
        }
    }
    json_decref (io);
    run->input_ended = len == 0;
}

static void check_input (struct exec_run *run)
{
    if (run->started < run->n || run->input_ended)
        flux_watcher_stop (run->input);
    else if (run->opts.noinput)
        send_input (run, NULL, 0);
    else if (room (run) > 0)
        flux_watcher_start (run->input);
    else
        flux_watcher_stop (run->input);
}

static void input_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct exec_run *run = arg;
    char buf[STDIN_CHUNK];
    ssize_t n = read (STDIN_FILENO, buf, room (run));

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0 && errno != EIO) /* EIO: we are not in the terminal's foreground */
        cmd_warn ("stdin: %s", strerror (errno));
    send_input (run, buf, n > 0 ? n : 0);
    check_input (run);
}

/* Signals */

static void kill_one (struct proc *p, int signum)
{
    flux_future_t *f;

    if (!p->pid) {
        p->pending = signum;
        return;
    }
    f = flux_rpc_pack (p->run->h, "rexec.kill", p->rank, FLUX_RPC_NORESPONSE,
                       "{s:i s:i}", "pid", p->pid, "signum", signum);
    if (!f)
        cmd_warn ("rexec.kill: %s", flux_strerror (errno));
    flux_future_destroy (f);
}

/* The ranks that 'match' picks, as "[0-3,7]"; NULL if there are none. */
static char *name_ranks (struct exec_run *run,
                         bool (*match) (const struct proc *p, const struct proc *like),
                         const struct proc *like)
{
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);
    char *s = NULL;

    for (size_t i = 0; ids && i < run->n; i++) {
        if (match (&run->procs[i], like))
            (void)idset_set (ids, run->procs[i].rank);
    }
    if (ids && idset_count (ids) > 0)
        s = idset_encode (ids, IDSET_FLAG_RANGE | IDSET_FLAG_BRACKETS);
    idset_destroy (ids);
    return s;
}

static bool is_running (const struct proc *p, const struct proc *like)
{
    return !p->over;
}

static void give_up (struct exec_run *run)
{
    char *s = name_ranks (run, is_running, NULL);

    cmd_die ("%s: command still running at exit", s ? s : "");
}

static void signal_cb (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct exec_run *run = arg;
    int signum = flux_signal_watcher_get_signum (w);
    double now = flux_reactor_time ();

    if (signum == SIGINT) {
        if (++run->interrupts >= 3 && now - run->last_interrupt < INTERRUPT_WINDOW)
            give_up (run);
        run->last_interrupt = now;
    }
    for (size_t i = 0; i < run->n; i++) {
        if (reads (&run->procs[i]))
            kill_one (&run->procs[i], signum);
    }
}

/* What the brokers say */

static void proc_over (struct proc *p)
{
    struct exec_run *run = p->run;

    p->over = true;
    if (!p->pid)
        run->started++; /* it will not start any more */
    if (--run->active == 0)
        flux_reactor_stop (run->r);
    else
        check_input (run);
}

static void proc_failed (struct proc *p, int errnum, const char *text)
{
    p->failed = true;
    p->code = errnum == ENOENT                           ? NOT_FOUND
              : errnum == EACCES || errnum == ENOEXEC    ? NOT_EXECUTABLE
              : errnum == EHOSTUNREACH || errnum == EPIPE ? NO_HOST
                                                          : 1;
    cmd_warn ("Error: rank %u: %s: %s", p->rank, p->run->opts.command, text);
}

static void started (struct proc *p, int pid)
{
    p->pid = pid;
    verbose (p->run, "started", ++p->run->started);
    if (p->pending)
        kill_one (p, p->pending);
}

static void take (struct proc *p, const char *type)
{
    json_t *o, *value;
    const char *name;
    int i;

    if (strcmp (type, "started") == 0
        && flux_rpc_get_unpack (p->f, "{s:i}", "pid", &i) == 0)
        started (p, i);
    else if (strcmp (type, "output") == 0
             && flux_rpc_get_unpack (p->f, "{s:o}", "io", &o) == 0)
        output (p, o);
    else if (strcmp (type, "finished") == 0
             && flux_rpc_get_unpack (p->f, "{s:i}", "status", &i) == 0) {
        p->finished = true;
        p->status = i;
    }
    else if (strcmp (type, "add-credit") == 0
             && flux_rpc_get_unpack (p->f, "{s:o}", "channels", &o) == 0) {
        json_object_foreach (o, name, value) {
            if (strcmp (name, "stdin") == 0)
                p->credit += json_integer_value (value);
        }
    }
    check_input (p->run);
}

static void response_cb (flux_future_t *f, void *arg)
{
    struct proc *p = arg;
    const char *type;

    if (flux_rpc_get_unpack (f, "{s:s}", "type", &type) < 0) {
        if (errno != ENODATA || !p->finished)
            proc_failed (
                p, errno == ENODATA ? EPROTO : errno, cmd_future_error (f));
        proc_over (p);
        return;
    }
    take (p, type);
    flux_future_reset (f);
}

/* The end */

static bool same_end (const struct proc *p, const struct proc *like)
{
    return p->finished && !p->failed && p->status == like->status;
}

/* One line for each way that was not success. */
static void report (struct exec_run *run)
{
    for (size_t i = 0; i < run->n; i++) {
        struct proc *p = &run->procs[i];
        bool told = p->failed || p->status == 0;
        char *s;

        for (size_t j = 0; j < i; j++)
            told = told || same_end (&run->procs[j], p);
        if (told)
            continue;
        s = name_ranks (run, same_end, p);
        if (WIFSIGNALED (p->status))
            fprintf (stderr, "%s: %s\n", s ? s : "", strsignal (WTERMSIG (p->status)));
        else
            fprintf (stderr, "%s: Exit %d\n", s ? s : "", WEXITSTATUS (p->status));
        free (s);
    }
}

static int exit_code (const struct proc *p)
{
    if (p->failed)
        return p->code;
    return WIFSIGNALED (p->status) ? 128 + WTERMSIG (p->status)
                                   : WEXITSTATUS (p->status);
}

int exec_run_wait (struct exec_run *run)
{
    int max = 0;

    if (run->active > 0 && flux_reactor_run (run->r, 0) < 0)
        cmd_die ("reactor: %s", flux_strerror (errno));
    fflush (stdout);
    if (!run->opts.quiet)
        report (run);
    for (size_t i = 0; i < run->n; i++) {
        int code = exit_code (&run->procs[i]);

        if (code > max)
            max = code;
    }
    return max;
}

static void catch_signals (struct exec_run *run)
{
    static const int signums[] = { SIGINT, SIGTERM };

    for (size_t i = 0; i < ARRAY_SIZE (signums); i++) {
        run->signals[i]
            = flux_signal_watcher_create (run->r, signums[i], signal_cb, run);
        if (!run->signals[i])
            cmd_die ("signal: %s", flux_strerror (errno));
        flux_watcher_start (run->signals[i]);
    }
}

static void start (struct exec_run *run, const char *payload, const struct idset *ranks)
{
    unsigned int rank;

    for (rank = idset_first (ranks); rank != IDSET_INVALID_ID;
         rank = idset_next (ranks, rank)) {
        struct proc *p = &run->procs[run->n++];

        p->run = run;
        p->rank = rank;
        run->active++;
        if (!(p->f = flux_rpc (run->h, "rexec.exec", payload, rank, FLUX_RPC_STREAMING))
            || flux_future_then (p->f, -1., response_cb, p) < 0)
            cmd_die ("rexec.exec: %s", flux_strerror (errno));
    }
    verbose (run, "asked for", run->n);
}

struct exec_run *exec_run_new (flux_t *h,
                               const struct exec_opts *opts,
                               const char *payload,
                               const struct idset *ranks)
{
    struct exec_run *run = calloc (1, sizeof (*run));

    if (!run || !(run->procs = calloc (idset_count (ranks), sizeof (run->procs[0]))))
        cmd_die ("out of memory");
    run->h = h;
    run->r = flux_get_reactor (h);
    run->opts = *opts;
    run->begin = flux_reactor_time ();
    run->input = flux_fd_watcher_create (
        run->r, STDIN_FILENO, FLUX_POLLIN, input_cb, run);
    if (!run->r || !run->input)
        cmd_die ("reactor: %s", flux_strerror (errno));
    catch_signals (run);
    start (run, payload, ranks);
    return run;
}

void exec_run_free (struct exec_run *run)
{
    for (size_t i = 0; i < run->n; i++)
        flux_future_destroy (run->procs[i].f);
    for (size_t i = 0; i < ARRAY_SIZE (run->signals); i++)
        flux_watcher_destroy (run->signals[i]);
    flux_watcher_destroy (run->input);
    free (run->procs);
    free (run);
}
