/* start.c - flux start, flux broker: become a broker. */

#include "config.h"
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/fsd.h"

#include "cmd.h"
#include "start.h"

/* The broker's command line: large enough for every option given, doubled,
 * and the initial program.
 */
struct broker_args {
    char **v; /* with its words */
    int n;
    bool noexec;
    struct start_many many;
    const char *many_only; /* an option that needs --test-size */
};

static void add (struct broker_args *a, const char *word)
{
    a->v[a->n++] = cmd_strndup (word, strlen (word));
}

static _printf_ (2, 3) void add_printf (struct broker_args *a, const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    if (vasprintf (&a->v[a->n++], fmt, ap) < 0)
        cmd_die ("out of memory");
    va_end (ap);
}

static void free_args (struct broker_args *a)
{
    for (int i = 0; i < a->n; i++)
        free (a->v[i]);
    free (a->v);
}

/* A directory that the broker had to make itself it would also remove at the
 * end; who names one here wants to find the state there again.
 */
static void make_statedir (const char *path)
{
    if (mkdir (path, 0700) < 0 && errno != EEXIST)
        cmd_die ("--statedir=%s: %s", path, strerror (errno));
}

/* What is wrong with an instance can be looked at from within. */
static void recover (struct broker_args *a, const char *target)
{
    struct stat sb;

    add (a, "-Sbroker.recovery-mode=1");
    if (!target)
        return;
    if (stat (target, &sb) < 0)
        cmd_die ("--recovery=%s: %s", target, strerror (errno));
    if (S_ISDIR (sb.st_mode))
        add_printf (a, "-Sstatedir=%s", target);
    else {
        char *path = realpath (target, NULL);

        if (!path)
            cmd_die ("--recovery=%s: %s", target, strerror (errno));
        add_printf (a, "-Scontent.restore=%s", path);
        free (path);
    }
}

/* The words go before the broker's own. */
static void wrap (struct broker_args *a, const char *arg)
{
    char *copy = cmd_strndup (arg, strlen (arg));

    for (char *w = strtok (copy, ","); w; w = strtok (NULL, ",")) {
        char **at = a->v + a->many.nwrap++;

        memmove (at + 1, at, (a->v + a->n - at) * sizeof (at[0]));
        *at = cmd_strndup (w, strlen (w));
        a->n++;
    }
    free (copy);
}

enum {
    OPT_CONF = 256,
    OPT_STATEDIR,
    OPT_HOSTS,
    OPT_EXIT_TIMEOUT,
    OPT_EXIT_MODE,
    OPT_RUNDIR,
    OPT_SYSCONFIG,
    OPT_WRAP,
};

static const struct opt start_opts[] = {
    { 's', "test-size", OPT_REQUIRED, "N", "start N brokers on this machine" },
    { 'S', "setattr", OPT_REQUIRED, "ATTR=VAL", "set a broker attribute" },
    { OPT_STATEDIR, "statedir", OPT_REQUIRED, "DIR",
      "keep the instance's state there; -Sstatedir=DIR" },
    { 'c', "config-path", OPT_REQUIRED, "PATH", "read configuration from there" },
    { OPT_CONF, "conf", OPT_REQUIRED, "KEY=VAL", "set a configuration value" },
    { OPT_SYSCONFIG, "sysconfig", OPT_NONE, NULL,
      "read the system instance's configuration" },
    { 'r', "recovery", OPT_OPTIONAL, "TARGET",
      "start even if services fail; TARGET is a state directory, or an archive" },
    { OPT_WRAP, "wrap", OPT_REQUIRED, "WORDS",
      "run the broker by this command, comma-separated" },
    { 'o', "broker-opts", OPT_REQUIRED, "OPTS", "options for the broker, comma-separated" },
    { 'v', "verbose", OPT_OPTIONAL, "LEVEL", "log more to stderr" },
    { OPT_HOSTS, "test-hosts", OPT_REQUIRED, "HOSTS",
      "with -s: what the brokers shall call their hosts" },
    { OPT_EXIT_TIMEOUT, "test-exit-timeout", OPT_REQUIRED, "FSD",
      "with -s: kill what is left so long after rank 0 (20s)" },
    { OPT_EXIT_MODE, "test-exit-mode", OPT_REQUIRED, "any|leader",
      "with -s: whose exit code counts, the highest or rank 0's" },
    { OPT_RUNDIR, "test-rundir", OPT_REQUIRED, "DIR", "with -s: use this directory" },
    { 'X', "noexec", OPT_NONE, NULL, "only print the broker's command line" },
    OPT_END,
};

static const struct opt_table start_table = {
    .prog = "flux-start",
    .usage = "[OPTIONS] [PROGRAM [ARGS...]]",
    .summary = "Start an instance, run PROGRAM in it, exit with its code.\n"
               "One word is a shell command; none is an interactive shell.",
    .example = "flux start flux run hostname",
    .opts = start_opts,
};

static void start_option (int key, const char *arg, void *data)
{
    struct broker_args *a = data;

    switch (key) {
        case 's':
            if (opt_number (&start_table, "test-size", arg, INT_MIN, INT_MAX) <= 0)
                cmd_die ("--test-size argument must be > 0");
            a->many.size = opt_number (&start_table, "test-size", arg, 1, START_MAX);
            break;
        case OPT_HOSTS:
            a->many.hosts = arg;
            a->many_only = "test-hosts";
            break;
        case OPT_EXIT_TIMEOUT:
            if (fsd_parse (arg, &a->many.exit_timeout) < 0)
                cmd_die ("--test-exit-timeout: '%s' is no duration", arg);
            a->many_only = "test-exit-timeout";
            break;
        case OPT_EXIT_MODE:
            a->many.leader_only = strcmp (arg, "leader") == 0;
            if (!a->many.leader_only && strcmp (arg, "any") != 0)
                cmd_die ("--test-exit-mode: '%s' is neither 'any' nor 'leader'", arg);
            a->many_only = "test-exit-mode";
            break;
        case OPT_RUNDIR:
            a->many.rundir = arg;
            a->many_only = "test-rundir";
            break;
        case 'S':
            add_printf (a, "-S%s", arg);
            break;
        case OPT_STATEDIR:
            make_statedir (arg);
            add_printf (a, "-Sstatedir=%s", arg);
            break;
        case 'c':
            add_printf (a, "-c%s", arg);
            break;
        case OPT_CONF:
            add_printf (a, "--conf=%s", arg);
            break;
        case OPT_SYSCONFIG:
            add_printf (a, "-c%s/system/conf.d",
                        flux_conf_builtin_get ("confdir", FLUX_CONF_INSTALLED));
            break;
        case 'r':
            recover (a, arg);
            break;
        case OPT_WRAP:
            wrap (a, arg);
            break;
        case 'o': {
            char *copy = cmd_strndup (arg, strlen (arg));

            for (char *w = strtok (copy, ","); w; w = strtok (NULL, ","))
                add (a, w);
            free (copy);
            break;
        }
        case 'v':
            add_printf (a, "-v%s", arg ? arg : "");
            break;
        case 'X':
            a->noexec = true;
            break;
    }
}

/* The broker lies beside this program: in ../broker of a build tree, in
 * ../libexec of an installation.
 */
static const char *broker_path (void)
{
    static const char *places[] = { "../broker/flux-broker", "../libexec/flux-broker" };
    static char path[PATH_MAX + 32];
    char exe[PATH_MAX];
    ssize_t n = readlink ("/proc/self/exe", exe, sizeof (exe) - 1);
    char *slash;

    if (n > 0) {
        exe[n] = '\0';
        if ((slash = strrchr (exe, '/')))
            *slash = '\0';
        for (size_t i = 0; i < ARRAY_SIZE (places); i++) {
            snprintf (path, sizeof (path), "%s/%s", exe, places[i]);
            if (access (path, X_OK) == 0)
                return path;
        }
    }
    snprintf (path, sizeof (path), "%s/flux-broker",
              flux_conf_builtin_get ("libexecdir", FLUX_CONF_AUTO));
    return path;
}

void cmd_exec_broker (char **args)
{
    args[0] = (char *)broker_path ();
    execv (args[0], args);
    cmd_die ("%s: %s", args[0], strerror (errno));
}

int cmd_start (int argc, char **argv)
{
    struct broker_args a = { .many = { .exit_timeout = 20. } };
    size_t words = argc + 2;
    int i, rc = 0;

    for (i = 0; i < argc; i++)
        words += strlen (argv[i]) / 2; /* -oa,b,c */
    if (!(a.v = calloc (words, sizeof (a.v[0]))))
        cmd_die ("out of memory");
    add (&a, broker_path ());
    i = opt_parse (&start_table, argc, argv, start_option, &a);
    if (a.many_only && a.many.size == 0)
        cmd_die ("--%s only works with --test-size", a.many_only);
    a.many.noptions = a.n;
    if (i < argc)
        add (&a, "--");
    for (; i < argc; i++)
        add (&a, argv[i]);
    if (a.noexec) {
        for (i = 0; i < a.n; i++)
            printf ("%s%s", a.v[i], i + 1 < a.n ? " " : "\n");
    }
    else if (a.many.size > 1)
        rc = start_many (&a.many, a.v);
    else {
        execvp (a.v[0], a.v);
        cmd_die ("%s: %s", a.v[0], strerror (errno));
    }
    free_args (&a);
    return rc;
}

int cmd_broker (int argc, char **argv)
{
    cmd_exec_broker (argv);
}
