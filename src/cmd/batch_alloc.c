/* batch_alloc.c - flux alloc: an instance in a job, and a program in it, now.
 *
 * A command runs as the initial program of the instance, and is followed as
 * flux run follows its job.  Without one there is a shell: as all of this is
 * one machine, it is an ordinary child of ours, on our terminal, that talks to
 * the instance.  Then, and with --bg, the instance only says where it is (a
 * memo of the job) and waits.
 */

#include "config.h"
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "attach.h"
#include "batch.h"
#include "cmd.h"

static const struct opt opts[] = {
    BATCH_OPTS,
    { BATCH_BG, "bg", OPT_NONE, NULL, "print the id when the instance is up, and leave it" },
    { 'v', "verbose", OPT_NONE, NULL, "print the job id on standard error" },
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux alloc",
    .usage = "[OPTIONS] [COMMAND [ARGS...]]",
    .summary = "Run COMMAND, or a shell, in a Flux instance of its own.",
    .example = "flux alloc -n4",
    .opts = opts,
    .error_exit = 2,
};

/* The initial program of an instance that waits for us. */
static char waiter[] =
    "uri=$FLUX_URI && id=$(flux getattr jobid) && FLUX_URI=$(flux getattr parent-uri) "
    "flux job memo \"$id\" uri=\"$uri\" && exec sleep infinity";

struct alloc {
    struct batch b;
    bool bg;
    int verbose;
};

static void set (int key, const char *arg, void *data)
{
    struct alloc *a = data;

    if (key == BATCH_BG)
        a->bg = true;
    else if (key == 'v')
        a->verbose++;
    else
        (void)batch_option (&a->b, key, arg);
}

/* The "uri" of an event "memo", a new string; NULL: something else. */
static char *memo_uri (const char *line)
{
    json_t *o = json_loads (line, 0, NULL);
    const char *name = "", *uri = NULL;
    char *copy = NULL;

    if (json_unpack (o, "{s:s s?{s?s}}", "name", &name, "context", "uri", &uri) == 0
        && strcmp (name, "memo") == 0 && uri)
        copy = cmd_strndup (uri, strlen (uri));
    json_decref (o);
    return copy;
}

/* Wait for the instance to say where it is; dies if it ends instead. */
static char *wait_uri (flux_t *h, flux_jobid_t id)
{
    flux_future_t *f = flux_job_event_watch (h, id, "eventlog", 0);
    const char *line;
    char *uri = NULL;

    if (!f)
        cmd_die ("ERROR: %s", flux_strerror (errno));
    while (!uri && flux_job_event_watch_get (f, &line) == 0) {
        if (!(uri = memo_uri (line)))
            flux_future_reset (f);
    }
    flux_future_destroy (f);
    if (!uri)
        cmd_die ("ERROR: the instance did not start");
    return uri;
}

/* The shell has the terminal, and its signals, to itself. */
static int run_shell (const char *uri)
{
    const char *shell = getenv ("SHELL");
    int status;
    pid_t pid;

    signal (SIGINT, SIG_IGN);
    signal (SIGQUIT, SIG_IGN);
    if ((pid = fork ()) == 0) {
        signal (SIGINT, SIG_DFL);
        signal (SIGQUIT, SIG_DFL);
        setenv ("FLUX_URI", uri, 1);
        execlp (shell ? shell : "/bin/bash", shell ? shell : "/bin/bash", (char *)NULL);
        cmd_warn ("ERROR: %s: %s", shell ? shell : "/bin/bash", strerror (errno));
        _exit (127);
    }
    if (pid < 0)
        cmd_die ("ERROR: fork: %s", strerror (errno));
    while (waitpid (pid, &status, 0) < 0)
        ;
    return WIFSIGNALED (status) ? 128 + WTERMSIG (status) : WEXITSTATUS (status);
}

/* The instance is no longer needed; nobody counts its end as a failure of ours. */
static void end_instance (flux_t *h, flux_jobid_t id)
{
    flux_future_t *f = flux_job_cancel (h, id, "flux alloc ended");

    if (!f || flux_future_get (f, NULL) < 0)
        cmd_warn ("cancel: %s", f ? cmd_future_error (f) : flux_strerror (errno));
    flux_future_destroy (f);
    if ((f = flux_job_event_watch (h, id, "eventlog", 0))) {
        while (flux_job_event_watch_get (f, NULL) == 0)
            flux_future_reset (f);
        flux_future_destroy (f);
    }
}

static int follow (flux_t *h, struct alloc *a, flux_jobid_t id, const char *name, bool waits)
{
    struct attach_opts ao = { .cancel_at_once = true, .queue_check_interval = 10 };
    char *uri;
    int exit_code = 0;

    if (!waits) {
        ao.label_io = a->b.s.label_io;
        ao.quiet = a->b.s.quiet;
        ao.unbuffered = a->b.s.unbuffered;
        return attach (h, id, name, &ao);
    }
    uri = wait_uri (h, id);
    if (a->bg)
        printf ("%s\n", name);
    else {
        exit_code = run_shell (uri);
        end_instance (h, id);
    }
    free (uri);
    return exit_code;
}

int cmd_alloc (int argc, char **argv)
{
    struct alloc a = { .verbose = 0 };
    char *waits[] = { "sh", "-c", waiter };
    flux_t *h = NULL;
    char name[64];
    flux_jobid_t id;
    int i, exit_code = 0;
    bool wait;

    batch_init (&a.b, &table);
    i = opt_parse (&table, argc, argv, set, &a);
    wait = i == argc;
    if (wait && !a.bg && !a.b.s.dry_run && !isatty (STDIN_FILENO))
        cmd_die ("ERROR: stdin is not a tty - can't run interactive shell");
    id = batch_submit (&h, &a.b,
                       wait ? batch_jobspec (&a.b, ARRAY_SIZE (waits), waits)
                            : batch_jobspec (&a.b, argc - i, argv + i));
    if (id != 0) {
        if (flux_job_id_encode (id, "f58", name, sizeof (name)) < 0)
            cmd_die ("ERROR: job id: %s", flux_strerror (errno));
        if (a.verbose > 0)
            fprintf (stderr, "jobid: %s\n", name);
        if (a.bg && !wait)
            printf ("%s\n", name);
        else
            exit_code = follow (h, &a, id, name, wait);
    }
    batch_fini (&a.b);
    flux_close (h);
    return exit_code;
}
