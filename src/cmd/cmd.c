#include "config.h"
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "cmd.h"
#include "common/text.h"

const char *cmd_name = "flux";
int cmd_failure = 1;

/* Not exit (): it may be what has called us. */
void cmd_flush (void)
{
    int failed = fflush (stdout) == EOF;

    if (!failed && !ferror (stdout))
        return;
    fprintf (stderr, "%s: write error%s%s\n", cmd_name, failed ? ": " : "",
             failed ? strerror (errno) : "");
    _exit (cmd_failure);
}

/* In one piece: others may write to the same file. */
static void vwarn (const char *fmt, va_list ap)
{
    _cleanup_ (freep) char *text = NULL;

    fflush (stdout);
    if (vasprintf (&text, fmt, ap) < 0)
        text = NULL;
    fprintf (stderr, "%s: %s\n", cmd_name, text ? text : fmt);
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

flux_t *cmd_open_for (const char *prefix)
{
    /* Kept reachable for a command that dies, as is the future whose error it says. */
    static flux_t *volatile opened;
    flux_error_t error;
    flux_t *h;

    error.text[0] = '\0';
    if (!(h = flux_open_ex (NULL, 0, &error))) {
        cmd_die ("%sUnable to connect to Flux: %s", prefix,
                 error.text[0] ? error.text : flux_strerror (errno));
    }
    opened = h;
    return opened;
}

flux_t *cmd_open (void)
{
    return cmd_open_for ("");
}

const char *cmd_future_error (flux_future_t *f)
{
    /* A command mostly ends by saying this, when no variable refers to the future
     * any more.  It is kept reachable, so that only what leaks is called a leak.
     */
    static flux_future_t *volatile said;

    said = f;
    return future_strerror (said, errno);
}

flux_jobid_t cmd_jobid (const char *s)
{
    flux_jobid_t id;

    if (flux_job_id_parse (s, &id) < 0)
        cmd_die ("error parsing jobid: \"%s\"", s);
    return id;
}

void *cmd_grow (void *array, size_t n, size_t size)
{
    void *p = array;

    /* the room doubles: it is full when n is a power of two */
    if ((n & (n - 1)) == 0 && !(p = realloc (array, (n ? 2 * n : 1) * size)))
        cmd_die ("out of memory");
    memset ((char *)p + n * size, 0, size);
    return p;
}

char *cmd_strndup (const char *s, size_t n)
{
    char *copy = strndup (s, n);

    if (!copy)
        cmd_die ("out of memory");
    return copy;
}

int cmd_signum (const char *s)
{
    char *end;
    long n = strtol (s, &end, 10);

    if (end != s && *end == '\0')
        return n > 0 && n < NSIG ? n : 0;
    if (strncmp (s, "SIG", 3) == 0)
        s += 3;
    for (int i = 1; i < NSIG; i++) {
        const char *name = sigabbrev_np (i);

        if (name && strcmp (name, s) == 0)
            return i;
    }
    return 0;
}

static char *take (struct text *t)
{
    char *s = text_take (t, NULL);

    if (!s)
        cmd_die ("out of memory");
    return s;
}

char *cmd_join (int argc, char **argv)
{
    struct text t = TEXT_INIT;

    for (int i = 0; i < argc; i++)
        text_printf (&t, "%s%s", i ? " " : "", argv[i]);
    return take (&t);
}

char *cmd_read_all (FILE *f, const char *name)
{
    struct text t = TEXT_INIT;
    char buf[8192];
    size_t n;

    while ((n = fread (buf, 1, sizeof (buf), f)) > 0)
        text_put (&t, buf, n);
    if (ferror (f))
        cmd_die ("%s: %s", name, strerror (errno));
    return take (&t);
}

static void group_usage (FILE *out, const char *group, const struct cmd *cmds)
{
    fprintf (out, "Usage: %s COMMAND [ARGUMENTS]\n", group);
    for (const struct cmd *c = cmds; c->name; c++) {
        if (c->help)
            fprintf (out, "  %-14s %s\n", c->name, c->help);
    }
}

int cmd_group (const char *group, const struct cmd *cmds, int argc, char **argv)
{
    if (argc > 1) {
        for (const struct cmd *c = cmds; c->name; c++) {
            if (strcmp (c->name, argv[1]) == 0)
                return c->run (argc - 1, argv + 1);
        }
        if (strcmp (argv[1], "-h") == 0 || strcmp (argv[1], "--help") == 0) {
            group_usage (stdout, group, cmds);
            return 0;
        }
        cmd_warn ("Unknown %s: %s", argv[1][0] == '-' ? "option" : "subcommand", argv[1]);
    }
    group_usage (stderr, group, cmds);
    return 1;
}
