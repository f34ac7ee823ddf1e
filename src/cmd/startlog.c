/* startlog.c - flux startlog: when the instance started and ended. */

#include "config.h"
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "cmd.h"
#include "common/fsd.h"

enum { OPT_CHECK = 256 };

struct startlog_args {
    bool check;
    bool quiet;
    bool version;
};

static const struct opt opts[] = {
    { OPT_CHECK, "check", OPT_NONE, NULL,
      "exit with 1 if the instance did not end properly before this start" },
    { 'q', "quiet", OPT_NONE, NULL, "print nothing" },
    { 'v', "show-version", OPT_NONE, NULL, "print the version of each start" },
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux-startlog",
    .usage = "[OPTIONS]",
    .summary = "Print when the instance started, when it ended, and how long it was up.",
    .opts = opts,
};

static void set (int key, const char *arg, void *data)
{
    struct startlog_args *a = data;

    if (key == OPT_CHECK)
        a->check = true;
    else if (key == 'q')
        a->quiet = true;
    else
        a->version = true;
}

static void print_time (double t)
{
    time_t seconds = t;
    char buf[32] = "";
    struct tm tm;

    if (localtime_r (&seconds, &tm))
        strftime (buf, sizeof (buf), "%F %T", &tm);
    printf ("%s", buf);
}

/* One start, with its end (0: there is none) */
static void print_period (const struct startlog_args *a,
                          double start,
                          double end,
                          const char *version,
                          bool current)
{
    char fsd[FSD_BUFSIZE] = "?";

    if (a->quiet)
        return;
    print_time (start);
    printf (" - ");
    if (end > 0) {
        print_time (end);
        (void)fsd_format_prec (fsd, sizeof (fsd), end > start ? end - start : 0, 3);
        printf (" (%s)", fsd);
    }
    else if (current) {
        (void)fsd_format_prec (fsd, sizeof (fsd), flux_reactor_time () - start, 3);
        printf ("running (%s)", fsd);
    }
    else
        printf ("crashed (?)");
    if (a->version)
        printf (" %s", version);
    printf ("\n");
}

/* Returns true if the instance ended properly before its last start. */
static bool print_log (const struct startlog_args *a, char *log)
{
    double start = 0, end = 0, when;
    char version[32] = "";
    bool proper = true;
    char *save;

    for (char *line = strtok_r (log, "\n", &save); line;
         line = strtok_r (NULL, "\n", &save)) {
        json_t *o = json_loads (line, 0, NULL);
        const char *name, *v = "";

        if (json_unpack (o, "{s:f s:s s?{s?s}}", "timestamp", &when, "name", &name,
                         "context", "core_version", &v)
            < 0)
            cmd_die ("malformed event: %s", line);
        if (strcmp (name, "start") == 0) {
            if (start > 0) {
                print_period (a, start, end, version, false);
                proper = end > 0;
            }
            start = when;
            end = 0;
            snprintf (version, sizeof (version), "%s", v);
        }
        else if (strcmp (name, "finish") == 0)
            end = when;
        json_decref (o);
    }
    if (start > 0)
        print_period (a, start, end, version, true);
    return proper;
}

int cmd_startlog (int argc, char **argv)
{
    struct startlog_args a = { 0 };
    flux_future_t *f;
    const char *log;
    char *copy;
    bool proper;
    flux_t *h;

    if (opt_parse (&table, argc, argv, set, &a) < argc)
        opt_usage (&table);
    h = cmd_open ();
    if (!(f = flux_kvs_lookup (h, NULL, 0, "admin.eventlog"))
        || flux_kvs_lookup_get (f, &log) < 0)
        cmd_die ("admin.eventlog: %s", f ? cmd_future_error (f) : flux_strerror (errno));
    copy = cmd_strndup (log ? log : "", log ? strlen (log) : 0);
    proper = print_log (&a, copy);
    free (copy);
    flux_future_destroy (f);
    flux_close (h);
    return a.check && !proper;
}
