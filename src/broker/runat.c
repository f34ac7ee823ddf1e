#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>

#include "common/list.h"
#include "common/util.h"

#include "process.h"
#include "runat.h"

struct command {
    struct list node;
    char **argv;
    char *label; /* as people wrote it */
};

struct phase {
    const char *name;
    const struct phase_host *host;
    struct list commands;
    int flags; /* of process_start () */
    struct process *process;
    double t_start;
    int index;  /* of the running command */
    int rc;     /* first nonzero exit code */
    int aborts; /* how often phase_abort () was called */
    bool running;
};

static void command_free (struct command *c)
{
    if (c) {
        list_del (&c->node);
        command_free_argv (c->argv);
        free (c->label);
        free (c);
    }
}

struct phase *phase_new (const char *name, const struct phase_host *host)
{
    struct phase *ph = calloc (1, sizeof (*ph));

    if (ph) {
        ph->name = name;
        ph->host = host;
        list_init (&ph->commands);
    }
    return ph;
}

void phase_free (struct phase *ph)
{
    struct command *c;

    if (!ph)
        return;
    while ((c = list_first (&ph->commands, struct command, node)))
        command_free (c);
    process_free (ph->process);
    free (ph);
}

const char *phase_name (const struct phase *ph)
{
    return ph->name;
}

void phase_inherit (struct phase *ph, bool share_group)
{
    ph->flags |= PROCESS_INHERIT_STDIO;
    if (share_group)
        ph->flags |= PROCESS_SHARE_GROUP;
}

int phase_count (const struct phase *ph)
{
    struct command *c;
    int count = 0;

    list_foreach (&ph->commands, c, node)
        count++;
    return count;
}

bool phase_is_running (const struct phase *ph)
{
    return ph->running;
}

static struct command *command_new (void)
{
    struct command *c = calloc (1, sizeof (*c));

    if (c)
        list_init (&c->node);
    return c;
}

static char **shell_argv (const char *shell, const char *line)
{
    char **argv = calloc (4, sizeof (*argv));

    if (argv
        && (!(argv[0] = strdup (shell)) || !(argv[1] = strdup ("-c"))
            || !(argv[2] = strdup (line)))) {
        command_free_argv (argv);
        argv = NULL;
    }
    return argv;
}

static int command_from_line (struct phase *ph, const char *line, struct command **cp)
{
    struct command *c;

    if (line[strspn (line, " \t\n")] == '\0')
        return -EINVAL;
    if (phase_count (ph) >= RUNAT_COMMANDS_MAX)
        return -ENOSPC;
    if (!(c = command_new ()))
        return -ENOMEM;
    if (!getenv ("BASH_ENV"))
        c->argv = command_split_plain (line, getenv ("PATH"));
    if ((!c->argv && !(c->argv = shell_argv (ph->host->shell, line)))
        || !(c->label = strdup (line))) {
        command_free (c);
        return -ENOMEM;
    }
    *cp = c;
    return 0;
}

int phase_push (struct phase *ph, const char *line)
{
    struct command *c;
    int r;

    if ((r = command_from_line (ph, line, &c)) < 0)
        return r;
    list_prepend (&ph->commands, &c->node);
    return 0;
}

int phase_append (struct phase *ph, const char *line)
{
    struct command *c;
    int r;

    if ((r = command_from_line (ph, line, &c)) < 0)
        return r;
    list_append (&ph->commands, &c->node);
    return 0;
}

static char *join (int argc, char *const argv[])
{
    size_t size = 1;
    char *s, *p;

    for (int i = 0; i < argc; i++)
        size += strlen (argv[i]) + 1;
    if ((s = p = malloc (size))) {
        *p = '\0';
        for (int i = 0; i < argc; i++)
            p = stpcpy (stpcpy (p, i ? " " : ""), argv[i]);
    }
    return s;
}

int phase_append_argv (struct phase *ph, int argc, char *const argv[])
{
    struct command *c = command_new ();

    if (!c || !(c->label = join (argc, argv))
        || !(c->argv = calloc (argc + 1, sizeof (c->argv[0]))))
        goto error;
    for (int i = 0; i < argc; i++) {
        if (!(c->argv[i] = strdup (argv[i])))
            goto error;
    }
    list_append (&ph->commands, &c->node);
    return 0;
error:
    command_free (c);
    return -ENOMEM;
}

_printf_ (3, 4) static void logf_ (struct phase *ph, int level, const char *fmt, ...)
{
    char buf[PROCESS_LINE_MAX + 256];
    va_list ap;

    va_start (ap, fmt);
    (void)vsnprintf (buf, sizeof (buf), fmt, ap);
    va_end (ap);
    ph->host->log (level, buf, ph->host->arg);
}

/* The first command is over. */
static void command_ended (struct phase *ph, const char *how, int rc)
{
    struct command *c = list_first (&ph->commands, struct command, node);
    double elapsed = flux_reactor_time () - ph->t_start;

    if (rc == 0 && ph->aborts > 0)
        rc = 1;
    logf_ (ph,
           rc ? LOG_ERR : LOG_INFO,
           "%s.%d: %s %s (rc=%d) %.1fs",
           ph->name,
           ph->index,
           c->label,
           how,
           rc,
           elapsed);
    if (ph->rc == 0)
        ph->rc = rc;
    ph->index++;
    command_free (c);
}

static void process_line (struct process *p,
                          enum process_stream stream,
                          const char *s,
                          void *arg)
{
    struct phase *ph = arg;

    logf_ (ph,
           stream == PROCESS_STDOUT ? LOG_INFO : LOG_ERR,
           "%s.%d: %s",
           ph->name,
           ph->index,
           s);
}

static void run_next (struct phase *ph);

static void process_exited (struct process *p, int status, void *arg)
{
    struct phase *ph = arg;
    const char *how = "Exited";

    process_free (p);
    ph->process = NULL;
    if (WIFSIGNALED (status))
        how = strsignal (WTERMSIG (status));
    command_ended (ph, how, process_exit_code (status));
    run_next (ph);
}

static const struct process_ops process_ops = {
    .line = process_line,
    .exited = process_exited,
};

static bool command_start (struct phase *ph, struct command *c)
{
    int errnum;

    ph->t_start = flux_reactor_time ();
    if ((ph->process = process_start (ph->host->reactor,
                                      c->argv,
                                      ph->host->env->v,
                                      ph->flags,
                                      &process_ops,
                                      ph)))
        return true;
    errnum = errno;
    logf_ (ph,
           LOG_ERR,
           "%s.%d: %s: %s",
           ph->name,
           ph->index,
           c->argv[0],
           strerror (errnum));
    /* as a shell puts it */
    command_ended (ph, "Exited", errnum == ENOENT ? 127 : 126);
    return false;
}

/* Start the first command that can be started; without any the phase is over. */
static void run_next (struct phase *ph)
{
    struct command *c;

    while ((c = list_first (&ph->commands, struct command, node))) {
        if (ph->aborts > 0)
            command_free (c);
        else if (command_start (ph, c))
            return;
    }
    ph->running = false;
    ph->host->done (ph, ph->rc, ph->host->arg);
}

int phase_start (struct phase *ph)
{
    must (!ph->running);
    if (list_empty (&ph->commands))
        return -ENOENT;
    ph->running = true;
    ph->index = 0;
    ph->rc = 0;
    ph->aborts = 0;
    run_next (ph);
    return 0;
}

void phase_abort (struct phase *ph, int signum)
{
    if (!ph->running)
        return;
    ph->aborts++;
    if (ph->aborts == 2)
        signum = SIGTERM;
    else if (ph->aborts > 2)
        signum = SIGKILL;
    if (ph->process) {
        (void)process_kill (ph->process, signum);
        (void)process_kill (ph->process, SIGCONT); /* in case it is stopped */
    }
}
