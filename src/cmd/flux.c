/* flux.c - the flux command: sets up the environment, runs the subcommand.
 *
 * Everything is in this one program: no interpreter starts, and nothing but
 * libflux is linked.  Other programs named flux-NAME, in FLUX_EXEC_PATH or
 * PATH, are run as subcommands too.
 */

#include "config.h"
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>

#include "cmd.h"

static int run_helper (int argc, char **argv);

static const struct cmd commands[] = {
    { "start", cmd_start, "start an instance and run a program in it" },
    { "shutdown", cmd_shutdown, "end an instance" },
    { "run", cmd_run, "run a job: its output and exit code are ours" },
    { "mpiexec", cmd_mpiexec, "run MPI programs as MPICH's mpiexec does" },
    { "submit", cmd_submit, "submit jobs and print their ids" },
    { "bulksubmit", cmd_bulksubmit, "submit a job for each of many inputs" },
    { "batch", cmd_batch, "submit a script that runs in an instance of its own" },
    { "alloc", cmd_alloc, "the same for a program, or a shell, at once" },
    { "watch", cmd_watch, "follow the output of many jobs" },
    { "jobs", cmd_jobs, "list jobs" },
    { "pgrep", cmd_pgrep, "find jobs by name" },
    { "pkill", cmd_pkill, "cancel jobs by name" },
    { "cancel", cmd_cancel, "cancel jobs" },
    { "update", cmd_update, "change the attributes of a job" },
    { "post-job-event", cmd_post_job_event, "add an event to the log of a job" },
    { "queue", cmd_queue, "look at and control the queues" },
    { "job", cmd_job, "look into, follow and change jobs" },
    { "resource", cmd_resource, "list nodes, and keep them from being used" },
    { "overlay", cmd_overlay, "the tree of brokers, and how they are" },
    { "exec", cmd_exec, "run a command by the brokers of some ranks" },
    { "uptime", cmd_uptime, "one line about the instance" },
    { "startlog", cmd_startlog, "when the instance started and ended" },
    { "kvs", cmd_kvs, "the key-value store" },
    { "content", cmd_content, "blobs by name, and the checkpoints of the store" },
    { "dump", run_helper, "write the KVS to an archive" },
    { "restore", run_helper, "read an archive into the KVS" },
    { "fsck", run_helper, "check, and repair, what the store has of the KVS" },
    { "gc", run_helper, "remove from the store what nothing refers to" },
    { "config", cmd_config, "the configuration: print, replace, read again" },
    { "getattr", cmd_getattr, "print a broker attribute" },
    { "setattr", cmd_setattr, "set a broker attribute" },
    { "lsattr", cmd_lsattr, "list the broker attributes" },
    { "housekeeping", cmd_housekeeping, "list and kill what is run between jobs" },
    { "jobtap", cmd_jobtap, "load, remove and list plugins of the job-manager" },
    { "module", cmd_module, "list, load, remove and inspect broker modules" },
    { "ping", cmd_ping, "measure the round trip to a service" },
    { "dmesg", cmd_dmesg, "print the broker's log" },
    { "logger", cmd_logger, "write to the broker's log" },
    { "event", cmd_event, "publish and watch events" },
    { "env", cmd_env, "print or run in the flux environment" },
    { "lptest", cmd_lptest, "print a test pattern" },
    { "version", cmd_version, "print versions" },
    { "broker", cmd_broker, NULL },
    { "modprobe", cmd_modprobe, NULL },
    { "guard", cmd_guard, NULL },
    { "hwloc-xml", cmd_hwlocxml, NULL },
    { NULL, NULL, NULL },
};

static void usage (FILE *out)
{
    fprintf (out, "Usage: flux [-h] [-V] COMMAND [ARGUMENTS]\n");
    for (const struct cmd *c = commands; c->name; c++) {
        if (c->help)
            fprintf (out, "  %-14s %s\n", c->name, c->help);
    }
    fprintf (out, "\nflux help COMMAND... says more.  Example: flux start flux run hostname\n");
}

/* Set 'name' to $NAME_PREPEND:<builtin>:$NAME, once however deep we nest. */
static void set_path (const char *name, const char *builtin_key)
{
    const char *builtin = flux_conf_builtin_get (builtin_key, FLUX_CONF_AUTO);
    const char *old = getenv (name);
    const char *pre;
    char prepend[64];
    char *value;
    size_t len;

    if (!builtin)
        return;
    snprintf (prepend, sizeof (prepend), "%s_PREPEND", name);
    pre = getenv (prepend);
    len = strlen (builtin);
    if (old && !pre && strncmp (old, builtin, len) == 0
        && (old[len] == '\0' || old[len] == ':'))
        return;
    if (asprintf (&value, "%s%s%s%s%s", pre ? pre : "", pre ? ":" : "", builtin,
                  old ? ":" : "", old ? old : "") < 0)
        cmd_die ("out of memory");
    setenv (name, value, 1);
    free (value);
}

/* Run flux-NAME from one directory; returns only if it is not there. */
static void exec_in (const char *dir, size_t dirlen, char **argv)
{
    char *path;

    if (asprintf (&path, "%.*s/flux-%s", (int)dirlen, dir, argv[0]) < 0)
        cmd_die ("out of memory");
    if (access (path, X_OK) == 0) {
        execv (path, argv);
        cmd_die ("%s: %s", path, strerror (errno));
    }
    free (path);
}

static void exec_external (char **argv)
{
    const char *lists[] = { getenv ("FLUX_EXEC_PATH"), getenv ("PATH") };

    if (strchr (argv[0], '/'))
        return;
    for (size_t i = 0; i < ARRAY_SIZE (lists); i++) {
        for (const char *p = lists[i]; p && *p;) {
            size_t len = strcspn (p, ":");

            if (len > 0)
                exec_in (p, len, argv);
            p += len + (p[len] == ':');
        }
    }
}

/* A command with libraries that this program is better without. */
static int run_helper (int argc, char **argv)
{
    exec_external (argv);
    cmd_die ("is not installed: FLUX_EXEC_PATH is %s", getenv ("FLUX_EXEC_PATH"));
}

static int run (int argc, char **argv)
{
    static char name[64];

    for (const struct cmd *c = commands; c->name; c++) {
        if (strcmp (c->name, argv[0]) == 0) {
            snprintf (name, sizeof (name), "flux-%s", argv[0]);
            cmd_name = name;
            return c->run (argc, argv);
        }
    }
    exec_external (argv);
    fprintf (stderr, "flux: `%s' is not a flux command.  See 'flux --help'\n", argv[0]);
    return 1;
}

/* "flux help COMMAND..." is "flux COMMAND... --help". */
static int help (int argc, char **argv)
{
    if (argc == 1) {
        usage (stdout);
        return 0;
    }
    memmove (argv, argv + 1, (argc - 1) * sizeof (argv[0]));
    argv[argc - 1] = "--help";
    return run (argc, argv);
}

static void set_paths (void)
{
    set_path ("FLUX_EXEC_PATH", "exec_path");
    set_path ("FLUX_CONNECTOR_PATH", "connector_path");
    set_path ("FLUX_MODULE_PATH", "module_path");
}

/* A closed stdin, stdout or stderr must not become the number of a socket. */
static void fill_stdio (void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl (fd, F_GETFD) < 0 && open ("/dev/null", O_RDWR) != fd)
            cmd_die ("/dev/null: %s", strerror (errno));
    }
}

/* The name under which programs look for an mpiexec. */
static bool is_mpiexec (const char *argv0)
{
    const char *slash = strrchr (argv0, '/');

    return strcmp (slash ? slash + 1 : argv0, "mpiexec.flux") == 0;
}

int main (int argc, char *argv[])
{
    int i;

    fill_stdio ();
    (void)atexit (cmd_flush);
    setlocale (LC_CTYPE, ""); /* job ids have a letter beyond ASCII where possible */
    if (is_mpiexec (argv[0])) {
        argv[0] = "mpiexec";
        set_paths ();
        return run (argc, argv);
    }
    for (i = 1; i < argc && argv[i][0] == '-'; i++) {
        if (strcmp (argv[i], "-h") == 0 || strcmp (argv[i], "--help") == 0) {
            usage (stdout);
            return 0;
        }
        if (strcmp (argv[i], "-V") == 0 || strcmp (argv[i], "--version") == 0) {
            argv[i] = "version";
            break;
        }
        fprintf (stderr, "flux: unrecognized option '%s'\n", argv[i]);
        fprintf (stderr, "Try `flux --help' for more information.\n");
        return 1;
    }
    if (i == argc) {
        usage (stderr);
        return 1;
    }
    set_paths ();
    if (strcmp (argv[i], "help") == 0)
        return help (argc - i, argv + i);
    return run (argc - i, argv + i);
}
