/* shutdown.c - flux shutdown: end an instance from within, or from outside. */

#include "config.h"
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <sys/wait.h>

#include "cmd.h"

enum { OPT_BACKGROUND = 256, OPT_DUMP, OPT_GC, OPT_SKIP_GC };

struct shutdown_args {
    bool background;
    bool gc;
    int loglevel;
    const char *dump;
};

static const struct opt opts[] = {
    { 'q', "quiet", OPT_NONE, NULL, "show only what is critical" },
    { 'v', "verbose", OPT_OPTIONAL, "LEVEL", "show log messages up to this level (6)" },
    { OPT_BACKGROUND, "background", OPT_NONE, NULL, "do not wait for the end" },
    { OPT_DUMP, "dump", OPT_REQUIRED, "PATH", "write the KVS to an archive at the end" },
    { OPT_GC, "gc", OPT_NONE, NULL, "remove from the store what nothing refers to" },
    { OPT_SKIP_GC, "skip-gc", OPT_NONE, NULL, "... do not" },
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux-shutdown",
    .usage = "[OPTIONS] [URI]",
    .summary = "Shut down the instance, and wait until it is down.",
    .example = "flux shutdown --dump=backup.tgz",
    .opts = opts,
};

static void set (int key, const char *arg, void *data)
{
    struct shutdown_args *a = data;

    switch (key) {
        case 'q':
            a->loglevel = LOG_CRIT;
            break;
        case 'v':
            a->loglevel = arg ? (int)opt_number (&table, "verbose", arg, 0, 7) : LOG_INFO;
            break;
        case OPT_BACKGROUND:
            a->background = true;
            break;
        case OPT_DUMP:
            a->dump = arg;
            break;
        case OPT_GC:
            a->gc = true;
            break;
        case OPT_SKIP_GC:
            a->gc = false;
            break;
    }
}

static flux_t *open_target (const char *uri)
{
    flux_error_t error;
    flux_t *h;

    if (!uri)
        return cmd_open ();
    if (!(h = flux_open_ex (uri, 0, &error)))
        cmd_die ("%s: %s", uri, error.text);
    return h;
}

static void collect_garbage (const char *uri)
{
    pid_t pid;
    int status = 0;

    if ((pid = fork ()) < 0)
        cmd_die ("fork: %s", strerror (errno));
    if (pid == 0) {
        if (uri)
            setenv ("FLUX_URI", uri, 1);
        execlp ("flux", "flux", "gc", NULL);
        cmd_die ("flux gc: %s", strerror (errno));
    }
    while (waitpid (pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (status != 0)
        cmd_die ("flux gc failed: the instance is not shut down");
}

/* The broker runs elsewhere: the path must be good there. */
static void set_dump (flux_t *h, const char *path)
{
    _cleanup_ (freep) char *cwd = getcwd (NULL, 0);
    flux_error_t error;
    char *absolute;

    if (!cwd || asprintf (&absolute, "%s%s%s", *path == '/' ? "" : cwd,
                          *path == '/' ? "" : "/", path)
                    < 0)
        cmd_die ("%s: %s", path, strerror (errno));
    if (flux_attr_set_ex (h, "content.dump", absolute, false, &error) < 0)
        cmd_die ("content.dump: %s", error.text);
    free (absolute);
}

/* The last that is heard is that rc3 is done, or that there is nobody any more. */
static void follow (flux_future_t *f)
{
    const char *log;

    while (flux_rpc_get_unpack (f, "{s:s}", "log", &log) == 0) {
        fputs (log, stderr);
        flux_future_reset (f);
    }
    if (errno != ENODATA && errno != ECONNRESET && errno != EPIPE)
        cmd_die ("%s", cmd_future_error (f));
}

int cmd_shutdown (int argc, char **argv)
{
    struct shutdown_args a = { .loglevel = LOG_ERR };
    int i = opt_parse (&table, argc, argv, set, &a);
    const char *uri = argv[i];
    flux_future_t *f;
    flux_t *h;

    if (argc - i > 1)
        opt_usage (&table);
    /* In the initial program this is hung up with it: to stay would be to wait for
     * an end that waits for us.
     */
    h = open_target (uri);
    if (a.gc)
        collect_garbage (uri);
    if (a.dump)
        set_dump (h, a.dump);
    if (!(f = flux_rpc_pack (h, "shutdown.start", 0,
                             a.background ? 0 : FLUX_RPC_STREAMING, "{s:i}", "loglevel",
                             a.loglevel)))
        cmd_die ("shutdown.start: %s", flux_strerror (errno));
    if (!a.background)
        follow (f);
    else if (flux_rpc_get (f, NULL) < 0)
        cmd_die ("%s", cmd_future_error (f));
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}
