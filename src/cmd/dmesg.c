/* dmesg.c - flux dmesg, flux logger: the broker's log ring. */

#include "config.h"
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <time.h>

#include "cmd.h"
#include "listing.h"

struct dmesg {
    bool clear_only;
    bool clear;
    bool follow;
    bool only_new;
    bool human;
    bool delta; /* times since the entry before, not since the minute */
    bool color;
    time_t header; /* minute of the last full time printed */
    double t0;     /* time of the entry that had it, or of the last one */
};

#define GREEN "\033[32m"
#define BOLD_GREEN "\033[1m\033[32m"
#define YELLOW "\033[33m"
#define BLUE "\033[34m"
#define RED "\033[31m"
#define BOLD_RED "\033[1m\033[31m"
#define GREY "\033[37m"
#define RESET "\033[0m"

static const struct opt dmesg_opts[] = {
    { 'C', "clear", OPT_NONE, NULL, "clear the log" },
    { 'c', "read-clear", OPT_NONE, NULL, "print the log, then clear it" },
    { 'f', "follow", OPT_NONE, NULL, "go on printing new entries" },
    { 'n', "new", OPT_NONE, NULL, "with -f: only new entries" },
    { 'H', "human", OPT_NONE, NULL, "times relative to the first of a minute" },
    { 'd', "delta", OPT_NONE, NULL, "with -H: relative to the entry before" },
    { 'L', "color", OPT_OPTIONAL, "WHEN", "always, never or auto" },
    OPT_END,
};

static const struct opt_table dmesg_table = {
    .prog = "flux-dmesg",
    .usage = "[OPTIONS]",
    .summary = "Print the broker's log.",
    .opts = dmesg_opts,
};

static void dmesg_set (int key, const char *arg, void *data)
{
    struct dmesg *d = data;

    switch (key) {
        case 'C':
            d->clear_only = true;
            break;
        case 'c':
            d->clear = true;
            break;
        case 'f':
            d->follow = true;
            break;
        case 'n':
            d->only_new = true;
            break;
        case 'H':
            d->human = true;
            break;
        case 'd':
            d->delta = true;
            break;
        case 'L':
            if (!listing_color (arg, &d->color))
                cmd_die ("Invalid argument to --color: '%s'", arg);
            break;
    }
}

static const char *level_name (int level)
{
    static const char *names[] = { "emerg",   "alert",  "crit", "err",
                                   "warning", "notice", "info", "debug" };
    return level >= 0 && level < 8 ? names[level] : "unknown";
}

/* "2026-11-21T11:13:29.246707Z" to seconds, 0 if it is none. */
static double parse_time (const char *s)
{
    struct tm tm = { 0 };
    const char *frac = strptime (s, "%Y-%m-%dT%H:%M:%S", &tm);

    return frac ? timegm (&tm) + strtod (*frac == '.' ? frac : "0", NULL) : 0;
}

static void colored (const struct dmesg *d, const char *color, const char *s)
{
    if (d->color && color)
        printf ("%s%s%s", color, s, RESET);
    else
        fputs (s, stdout);
}

static void print_human_time (struct dmesg *d, const char *stamp)
{
    double t = parse_time (stamp);
    time_t minute = (time_t)t / 60;
    time_t seconds = t;
    struct tm tm;
    char buf[32];

    if (minute != d->header) {
        d->header = minute;
        d->t0 = t;
        strftime (buf, sizeof (buf), "[%b%d %R]", localtime_r (&seconds, &tm));
        colored (d, BOLD_GREEN, buf);
    }
    else {
        snprintf (buf, sizeof (buf), "[%+11.6f]", t - d->t0);
        colored (d, GREEN, buf);
        if (d->delta)
            d->t0 = t;
    }
    putchar (' ');
}

/* What is grave stands out; what is said by the way does not. */
static const char *level_color (int level)
{
    static const char *colors[] = { BOLD_RED, BOLD_RED, BOLD_RED, RED,
                                    YELLOW,   NULL,     NULL,     GREY };

    return level >= 0 && level < 8 ? colors[level] : NULL;
}

/* "<PRI>1 TIME HOST APP PROC - - TEXT" */
static void print_entry (struct dmesg *d, const char *entry)
{
    char stamp[64], host[256], app[128], origin[512];
    int pri, n = 0;

    if (sscanf (entry, "<%d>1 %63s %255s %127s %*s - - %n", &pri, stamp, host, app, &n) < 4
        || n == 0) {
        printf ("%s\n", entry);
        return;
    }
    if (d->human)
        print_human_time (d, stamp);
    else {
        colored (d, GREEN, stamp);
        putchar (' ');
    }
    snprintf (origin, sizeof (origin), "%s.%s[%s]", app, level_name (pri >> 3), host);
    colored (d, BLUE, origin);
    fputs (": ", stdout);
    colored (d, level_color (pri >> 3), entry + n);
    putchar ('\n');
}

int cmd_dmesg (int argc, char **argv)
{
    struct dmesg d = { 0 };
    flux_t *h;
    flux_future_t *f;
    const char *entry;

    listing_color ("auto", &d.color);
    if (opt_parse (&dmesg_table, argc, argv, dmesg_set, &d) < argc)
        opt_usage (&dmesg_table);
    if (d.delta && !d.human)
        cmd_die ("--delta can only be used with --human");
    h = cmd_open ();
    if (!d.clear_only) {
        if (!(f = flux_rpc_pack (h, "log.dmesg", FLUX_NODEID_ANY, FLUX_RPC_STREAMING,
                                 "{s:b s:b}", "follow", d.follow, "nobacklog",
                                 d.only_new)))
            cmd_die ("log.dmesg: %s", flux_strerror (errno));
        while (flux_rpc_get (f, &entry) == 0) {
            print_entry (&d, entry);
            fflush (stdout);
            flux_future_reset (f);
        }
        if (errno != ENODATA)
            cmd_die ("log.dmesg: %s", cmd_future_error (f));
        flux_future_destroy (f);
    }
    if (d.clear || d.clear_only) {
        if (!(f = flux_rpc (h, "log.clear", NULL, FLUX_NODEID_ANY, 0))
            || flux_rpc_get (f, NULL) < 0)
            cmd_die ("log.clear: %s", cmd_future_error (f));
        flux_future_destroy (f);
    }
    flux_close (h);
    return 0;
}

struct logger {
    const char *severity;
    const char *appname;
};

static const struct opt logger_opts[] = {
    { 's', "severity", OPT_REQUIRED, "LEVEL", "emerg alert crit err warning notice info debug" },
    { 'n', "appname", OPT_REQUIRED, "NAME", "program name to show (logger)" },
    OPT_END,
};

static const struct opt_table logger_table = {
    .prog = "flux-logger",
    .usage = "[OPTIONS] MESSAGE...",
    .summary = "Write to the broker's log.",
    .example = "flux logger -s err 'disk on fire'",
    .opts = logger_opts,
};

static void logger_set (int key, const char *arg, void *data)
{
    struct logger *l = data;

    if (key == 's')
        l->severity = arg;
    else
        l->appname = arg;
}

static int level_number (const char *name)
{
    for (int level = 0; level < 8; level++) {
        if (strcmp (level_name (level), name) == 0)
            return level;
    }
    opt_error (&logger_table, "--severity: unknown level '%s'", name);
}

int cmd_logger (int argc, char **argv)
{
    struct logger l = { .severity = "notice", .appname = "logger" };
    int i = opt_parse (&logger_table, argc, argv, logger_set, &l);
    int level = level_number (l.severity);
    char message[4096] = "";
    size_t len = 0;
    flux_t *h;

    if (i == argc)
        opt_usage (&logger_table);
    for (; i < argc && len < sizeof (message); i++)
        len += snprintf (message + len, sizeof (message) - len, "%s%s", len ? " " : "",
                         argv[i]);
    h = cmd_open ();
    flux_log_set_appname (h, l.appname);
    if (flux_log (h, level, "%s", message) < 0)
        cmd_die ("log.append: %s", flux_strerror (errno));
    flux_close (h);
    return 0;
}
