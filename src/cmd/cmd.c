#include "config.h"
#include <stdarg.h>
#include <stdio.h>

#include "cmd.h"

const char *cmd_name = "flux";

static void vwarn (const char *fmt, va_list ap)
{
    fflush (stdout);
    fprintf (stderr, "%s: ", cmd_name);
    vfprintf (stderr, fmt, ap);
    fprintf (stderr, "\n");
}

void cmd_warn (const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    vwarn (fmt, ap);
    va_end (ap);
}

void cmd_die (const char *fmt, ...)
{
    va_list ap;

    va_start (ap, fmt);
    vwarn (fmt, ap);
    va_end (ap);
    exit (1);
}

flux_t *cmd_open (void)
{
    flux_error_t error;
    flux_t *h;

    error.text[0] = '\0';
    if (!(h = flux_open_ex (NULL, 0, &error))) {
        cmd_die ("Unable to connect to Flux: %s",
                 error.text[0] ? error.text : flux_strerror (errno));
    }
    return h;
}

const char *cmd_future_error (flux_future_t *f)
{
    return future_strerror (f, errno);
}

flux_jobid_t cmd_jobid (const char *s)
{
    flux_jobid_t id;

    if (flux_job_id_parse (s, &id) < 0)
        cmd_die ("error parsing jobid: \"%s\"", s);
    return id;
}

int cmd_group (const char *group, const struct cmd *cmds, int argc, char **argv)
{
    if (argc > 1) {
        for (const struct cmd *c = cmds; c->name; c++) {
            if (strcmp (c->name, argv[1]) == 0)
                return c->run (argc - 1, argv + 1);
        }
        if (argv[1][0] != '-')
            cmd_warn ("Unknown subcommand: %s", argv[1]);
    }
    fprintf (stderr, "Usage: %s COMMAND [ARGUMENTS]\n", group);
    for (const struct cmd *c = cmds; c->name; c++) {
        if (c->help)
            fprintf (stderr, "  %-14s %s\n", c->name, c->help);
    }
    return 1;
}
