/* job_events.c - flux job eventlog, wait-event, info. */

#include "config.h"
#include <limits.h>
#include <math.h>
#include <stdio.h>

#include "cmd.h"
#include "common/fsd.h"
#include "eventfmt.h"
#include "job.h"

enum { KEY_MATCH = 256 };

struct opts {
    struct eventfmt fmt;
    const char *path;
    bool follow;
    double timeout; /* < 0: none */
    const char *match;
    long long count;
    bool quiet;
    bool verbose;
    bool waitcreate;
    bool original;
    bool base;
    const struct opt_table *table;
};

/* The names people use for the logs of a job. */
static const char *full_path (const char *path)
{
    if (strcmp (path, "exec") == 0)
        return "guest.exec.eventlog";
    if (strcmp (path, "output") == 0)
        return "guest.output";
    if (strcmp (path, "input") == 0)
        return "guest.input";
    return path;
}

static void set (int key, const char *arg, void *data)
{
    struct opts *o = data;

    switch (key) {
        case 'f':
            if (!eventfmt_set_format (&o->fmt, arg))
                cmd_die ("invalid format type '%s'", arg);
            break;
        case 'T':
            if (!eventfmt_set_time (&o->fmt, arg))
                cmd_die ("invalid time-format type '%s'", arg);
            break;
        case 'H':
            eventfmt_set_format (&o->fmt, "text");
            eventfmt_set_time (&o->fmt, "human");
            break;
        case 'L':
            if (!eventfmt_set_color (&o->fmt, arg))
                cmd_die ("Invalid argument to --color: '%s'", arg);
            break;
        case 'F':
            o->follow = true;
            break;
        case 'p':
            o->path = full_path (arg);
            break;
        case 't':
            if (fsd_parse (arg, &o->timeout) < 0)
                cmd_die ("invalid timeout '%s'", arg);
            break;
        case 'm':
            if (!strchr (arg, '='))
                cmd_die ("must specify a context test as key=value");
            o->match = arg;
            break;
        case 'c':
            o->count = opt_number (o->table, "count", arg, INT_MIN, INT_MAX);
            if (o->count <= 0)
                cmd_die ("count must be > 0");
            break;
        case 'q':
            o->quiet = true;
            break;
        case 'v':
            o->verbose = true;
            break;
        case 'W':
            o->waitcreate = true;
            break;
        case 'o':
            o->original = true;
            break;
        case 'b':
            o->base = true;
            break;
    }
}

#define FORMAT_OPTS                                                                       \
    { 'f', "format", OPT_REQUIRED, "FORMAT", "text or json" },                            \
    { 'T', "time-format", OPT_REQUIRED, "FORMAT", "raw, iso, offset or human" },          \
    { 'H', "human", OPT_NONE, NULL, "text with human times" },                            \
    { 'L', "color", OPT_OPTIONAL, "WHEN", "always, never or auto" },                      \
    { 'p', "path", OPT_REQUIRED, "PATH", "another log: exec, output, input, or a key" }

static struct opts defaults (const struct opt_table *table)
{
    struct opts o = { .path = "eventlog", .timeout = -1., .count = 1, .table = table };

    eventfmt_set_color (&o.fmt, "auto");
    return o;
}

/* What a watch that failed means for the user; never returns. */
static void watch_failed (flux_future_t *f, const struct opts *o, const char *event)
{
    if (errno == ENOENT && strcmp (o->path, "eventlog") == 0)
        cmd_die ("job ID not found");
    if (errno == ENOENT)
        cmd_die ("eventlog path %s not found", o->path);
    if (errno == ETIMEDOUT)
        cmd_die ("wait-event timeout on event '%s'", event);
    if (errno == ENODATA)
        cmd_die ("event '%s' never received", event);
    cmd_die ("flux_job_event_watch_get: %s", cmd_future_error (f));
}

/* Does the context have KEY with this value, as JSON text or as a string? */
static bool context_matches (json_t *entry, const char *match)
{
    const char *eq, *want;
    json_t *value;
    _cleanup_ (freep) char *key = NULL;
    _cleanup_ (freep) char *text = NULL;

    if (!match)
        return true;
    eq = strchr (match, '=');
    want = eq + 1;
    if (!(key = strndup (match, eq - match)))
        cmd_die ("out of memory");
    value = json_object_get (json_object_get (entry, "context"), key);
    if (!value || !(text = json_dumps (value, JSON_COMPACT | JSON_ENCODE_ANY)))
        return false;
    return strcmp (text, want) == 0
           || (json_is_string (value) && strcmp (json_string_value (value), want) == 0);
}

static flux_future_t *watch (flux_t *h, flux_jobid_t id, const struct opts *o)
{
    int flags = o->waitcreate ? FLUX_JOB_EVENT_WATCH_WAITCREATE : 0;
    flux_future_t *f = flux_job_event_watch (h, id, o->path, flags);

    if (!f)
        cmd_die ("flux_job_event_watch: %s", flux_strerror (errno));
    return f;
}

static json_t *next_entry (flux_future_t *f, const struct opts *o)
{
    const char *s;
    json_t *entry;

    if (flux_future_wait_for (f, o->timeout) < 0 || flux_job_event_watch_get (f, &s) < 0)
        return NULL;
    if (!(entry = eventfmt_decode_entry (s, strlen (s))))
        errno = EPROTO;
    return entry;
}

/* Wait for 'event'; print it, and with -v what comes before. */
static void wait_event (flux_t *h, flux_jobid_t id, struct opts *o, const char *event)
{
    flux_future_t *f = watch (h, id, o);
    json_t *entry;
    bool found = false;

    while (!found) {
        if (!(entry = next_entry (f, o)))
            watch_failed (f, o, event);
        found = strcmp (json_string_value (json_object_get (entry, "name")), event) == 0
                && context_matches (entry, o->match) && --o->count == 0;
        if (!o->quiet && (found || o->verbose))
            eventfmt_print (&o->fmt, entry, stdout);
        else
            eventfmt_skip (&o->fmt, entry);
        fflush (stdout);
        json_decref (entry);
        flux_future_reset (f);
    }
    flux_job_event_watch_cancel (f);
    flux_future_destroy (f);
}

static const struct opt wait_opts[] = {
    FORMAT_OPTS,
    { 't', "timeout", OPT_REQUIRED, "DURATION", "give up after this time without an event" },
    { 'm', "match-context", OPT_REQUIRED, "KEY=VAL", "the event must have this" },
    { 'c', "count", OPT_REQUIRED, "N", "wait for the Nth such event" },
    { 'q', "quiet", OPT_NONE, NULL, "do not print it" },
    { 'v', "verbose", OPT_NONE, NULL, "print the events before it too" },
    { 'W', "waitcreate", OPT_NONE, NULL, "wait for the log to appear" },
    OPT_END,
};

static const struct opt_table wait_table = {
    .prog = "flux-job wait-event",
    .usage = "[OPTIONS] ID EVENT",
    .summary = "Wait for an event of a job and print it.",
    .example = "flux job wait-event ƒAbC clean",
    .opts = wait_opts,
};

int job_wait_event (int argc, char **argv)
{
    struct opts o = defaults (&wait_table);
    int i = opt_parse (&wait_table, argc, argv, set, &o);
    flux_jobid_t id;
    flux_t *h;

    if (argc - i != 2)
        opt_usage (&wait_table);
    id = cmd_jobid (argv[i]);
    h = cmd_open ();
    wait_event (h, id, &o, argv[i + 1]);
    flux_close (h);
    return 0;
}

static flux_future_t *lookup (flux_t *h, flux_jobid_t id, const char *key, int flags)
{
    flux_future_t *f = flux_rpc_pack (h, "job-info.lookup", FLUX_NODEID_ANY, 0,
                                      "{s:I s:[s] s:i}", "id", (json_int_t)id, "keys", key,
                                      "flags", flags);
    if (!f)
        cmd_die ("job-info.lookup: %s", flux_strerror (errno));
    return f;
}

/* Logs that have an end are followed to it, others until the stream ends. */
static void follow (flux_t *h, flux_jobid_t id, struct opts *o)
{
    flux_future_t *f;
    json_t *entry;

    o->waitcreate = true;
    o->verbose = true;
    if (strcmp (o->path, "eventlog") == 0)
        wait_event (h, id, o, "clean");
    else if (strcmp (o->path, "guest.exec.eventlog") == 0)
        wait_event (h, id, o, "done");
    else {
        f = watch (h, id, o);
        while ((entry = next_entry (f, o))) {
            eventfmt_print (&o->fmt, entry, stdout);
            fflush (stdout);
            json_decref (entry);
            flux_future_reset (f);
        }
        if (errno != ENODATA)
            watch_failed (f, o, "");
        exit (1);
    }
}

static const struct opt eventlog_opts[] = {
    FORMAT_OPTS,
    { 'F', "follow", OPT_NONE, NULL, "go on until the log's last event" },
    OPT_END,
};

static const struct opt_table eventlog_table = {
    .prog = "flux-job eventlog",
    .usage = "[OPTIONS] ID",
    .summary = "Print the events of a job.",
    .example = "flux job eventlog -p exec ƒAbC",
    .opts = eventlog_opts,
};

int job_eventlog (int argc, char **argv)
{
    struct opts o = defaults (&eventlog_table);
    int i = opt_parse (&eventlog_table, argc, argv, set, &o);
    flux_jobid_t id;
    flux_t *h;
    flux_future_t *f;
    const char *log;
    json_t *array, *entry;
    size_t k;

    if (argc - i != 1)
        opt_usage (&eventlog_table);
    id = cmd_jobid (argv[i]);
    h = cmd_open ();
    if (o.follow) {
        follow (h, id, &o);
        flux_close (h);
        return 0;
    }
    f = lookup (h, id, o.path, 0);
    if (flux_rpc_get_unpack (f, "{s:s}", o.path, &log) < 0) {
        if (errno == ENOENT && strcmp (o.path, "eventlog") == 0)
            cmd_die ("job ID not found");
        if (errno == ENOENT)
            cmd_die ("eventlog path %s not found", o.path);
        cmd_die ("flux_job_eventlog_lookup_get: %s", cmd_future_error (f));
    }
    if (!(array = eventfmt_decode (log)))
        cmd_die ("cannot decode improperly formatted eventlog");
    json_array_foreach (array, k, entry)
        eventfmt_print (&o.fmt, entry, stdout);
    json_decref (array);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static const struct opt info_opts[] = {
    { 'o', "original", OPT_NONE, NULL, "jobspec: as it was submitted" },
    { 'b', "base", OPT_NONE, NULL, "jobspec, R: without later updates" },
    OPT_END,
};

static const struct opt_table info_table = {
    .prog = "flux-job info",
    .usage = "[OPTIONS] ID KEY",
    .summary = "Print what is stored of a job under KEY:\n"
               "J R eventlog jobspec guest.exec.eventlog guest.input guest.output",
    .opts = info_opts,
};

int job_info (int argc, char **argv)
{
    struct opts o = defaults (&info_table);
    int i = opt_parse (&info_table, argc, argv, set, &o);
    const char *key, *value;
    flux_jobid_t id;
    flux_t *h;
    flux_future_t *f;
    flux_error_t error;
    char *unwrapped;
    bool current;

    if (argc - i != 2) {
        fprintf (stderr, "Usage: flux-job info %s\nsome keys: J R eventlog jobspec "
                         "guest.exec.eventlog guest.input guest.output\n",
                 info_table.usage);
        return 1;
    }
    id = cmd_jobid (argv[i]);
    key = argv[i + 1];
    current = !o.base && (strcmp (key, "jobspec") == 0 || strcmp (key, "R") == 0);
    if (o.original && strcmp (key, "jobspec") == 0) {
        key = "J";
        current = false;
    }
    else
        o.original = false;
    h = cmd_open ();
    f = lookup (h, id, key, current ? FLUX_JOB_LOOKUP_CURRENT : 0);
    if (flux_rpc_get_unpack (f, "{s:s}", key, &value) < 0)
        cmd_die ("%s", cmd_future_error (f));
    if (o.original) {
        if (!(unwrapped = flux_unwrap_string (value, false, NULL, &error)))
            cmd_die ("Failed to unwrap J to get jobspec: %s", error.text);
        printf ("%s\n", unwrapped);
        free (unwrapped);
    }
    else
        printf ("%s\n", value);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}
