/* queue.c - flux queue: open and close queues, wait for them. */

#include "config.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "cmd.h"
#include "common/fsd.h"
#include "queue.h"

enum { KEY_QUIET = 256, KEY_NOCHECKPOINT };

/* Which half of a queue's status a command is about. */
enum { SUBMISSION = 1, SCHEDULING = 2 };

struct queue {
    const struct opt_table *table;
    bool all;
    bool verbose;
    bool quiet;
    bool nocheckpoint;
    const char *name; /* -q */
    const char *reason;
    double timeout; /* < 0: none */
};

static void set (int key, const char *arg, void *data)
{
    struct queue *q = data;

    switch (key) {
        case 'a':
            q->all = true;
            break;
        case 'v':
            q->verbose = true;
            break;
        case 'm':
            q->reason = arg;
            break;
        case 'q':
            q->name = arg;
            break;
        case 't':
            if (fsd_parse (arg, &q->timeout) < 0 || !isfinite (q->timeout))
                opt_error (q->table, "--timeout: '%s' is not a duration", arg);
            break;
        case KEY_QUIET:
            q->quiet = true;
            break;
        case KEY_NOCHECKPOINT:
            q->nocheckpoint = true;
            break;
    }
}

json_t *queue_names (flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "job-manager.queue-list", "{}", FLUX_NODEID_ANY, 0);
    json_t *names;

    if (!f || flux_rpc_get_unpack (f, "{s:o}", "queues", &names) < 0)
        cmd_die ("ERROR: %s", f ? cmd_future_error (f) : flux_strerror (errno));
    json_incref (names);
    flux_future_destroy (f);
    return names;
}

json_t *queue_status (flux_t *h, const char *name)
{
    flux_future_t *f = flux_rpc_pack (h, "job-manager.queue-status", FLUX_NODEID_ANY, 0,
                                      "{s:s*}", "name", name);
    json_t *o;

    if (!f || flux_rpc_get_unpack (f, "o", &o) < 0)
        cmd_die ("ERROR: %s", f ? cmd_future_error (f) : flux_strerror (errno));
    json_incref (o);
    flux_future_destroy (f);
    return o;
}

/* -- status -- */

static void print_status (flux_t *h, const char *name, int what)
{
    json_t *o = queue_status (h, name);
    const char *disabled = "", *stopped = "";
    int enable = 0, start = 0;

    if (json_unpack (o, "{s:b s:b s?s s?s}", "enable", &enable, "start", &start,
                     "disable_reason", &disabled, "stop_reason", &stopped)
        < 0)
        cmd_die ("ERROR: %s", flux_strerror (EPROTO));
    if (what & SUBMISSION) {
        printf ("%s%sJob submission is %s%s%s\n", name ? name : "", name ? ": " : "",
                enable ? "enabled" : "disabled", enable ? "" : ": ",
                enable ? "" : disabled);
    }
    if (what & SCHEDULING) {
        printf ("%s%sScheduling is %s%s%s\n", name ? name : "", name ? ": " : "",
                start ? "started" : "stopped", start || !*stopped ? "" : ": ",
                start ? "" : stopped);
    }
    json_decref (o);
}

/* One queue, or all there are. */
static void print_all_status (flux_t *h, const char *name, int what)
{
    json_t *names, *o;
    size_t i;

    if (name) {
        print_status (h, name, what);
        return;
    }
    names = queue_names (h);
    json_array_foreach (names, i, o)
        print_status (h, json_string_value (o), what);
    if (json_array_size (names) == 0)
        print_status (h, NULL, what);
    json_decref (names);
}

static void print_counts (flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "job-manager.alloc-query", "{}", FLUX_NODEID_ANY, 0);
    int queued, pending, running;

    if (!f
        || flux_rpc_get_unpack (f, "{s:i s:i s:i}", "queue_length", &queued,
                                "alloc_pending", &pending, "running", &running)
               < 0)
        cmd_die ("ERROR: alloc-query: %s",
                 f ? cmd_future_error (f) : flux_strerror (errno));
    printf ("%d alloc requests queued\n%d alloc requests pending to scheduler\n"
            "%d running jobs\n",
            queued, pending, running);
    flux_future_destroy (f);
}

/* The queue that a command line names, by a word or by -q; NULL if none. */
static const char *named (const struct queue *q, int argc, char **argv)
{
    if (argc > 1 || (argc == 1 && q->name))
        opt_usage (q->table);
    return argc == 1 ? argv[0] : q->name;
}

static const struct opt status_opts[] = {
    { 'v', "verbose", OPT_NONE, NULL, "count alloc requests and running jobs too" },
    { 'q', "queue", OPT_REQUIRED, "NAME", NULL },
    OPT_END,
};

static const struct opt_table status_table = {
    .prog = "flux-queue status",
    .usage = "[OPTIONS] [QUEUE]",
    .summary = "Say whether queues accept jobs and schedule them.",
    .opts = status_opts,
    .error_exit = 2,
    .intermixed = true,
};

static int status (int argc, char **argv)
{
    struct queue q = { .table = &status_table };
    int i = opt_parse (&status_table, argc, argv, set, &q);
    const char *name = named (&q, argc - i, argv + i);
    flux_t *h = cmd_open ();

    print_all_status (h, name, SUBMISSION | SCHEDULING);
    if (q.verbose)
        print_counts (h);
    flux_close (h);
    return 0;
}

/* -- enable, disable, start, stop -- */

#define CONTROL_OPTS                                                                      \
    { 'a', "all", OPT_NONE, NULL, "all queues" },                                         \
    { 'v', "verbose", OPT_NONE, NULL, "print the whole status after it" },                \
    { KEY_QUIET, "quiet", OPT_NONE, NULL, "print nothing" },                              \
    { 'q', "queue", OPT_REQUIRED, "NAME", NULL }
#define REASON_OPTS                                                                       \
    { 'm', "message", OPT_REQUIRED, "REASON", "why" },                                    \
    { KEY_NOCHECKPOINT, "nocheckpoint", OPT_NONE, NULL, "forget it at a restart" }

static const struct opt open_opts[] = { CONTROL_OPTS, OPT_END };
static const struct opt close_opts[] = { CONTROL_OPTS, REASON_OPTS, OPT_END };

#define CONTROL_TABLE(name, text, options)                                                \
    {                                                                                     \
        .prog = "flux-queue " name, .usage = "[OPTIONS] [QUEUE]", .summary = text,        \
        .opts = options, .error_exit = 2, .intermixed = true                              \
    }

static const struct opt_table enable_table =
    CONTROL_TABLE ("enable", "Accept jobs.", open_opts);
static const struct opt_table disable_table =
    CONTROL_TABLE ("disable", "Accept no more jobs.", close_opts);
static const struct opt_table start_table =
    CONTROL_TABLE ("start", "Schedule jobs.", open_opts);
static const struct opt_table stop_table =
    CONTROL_TABLE ("stop", "Schedule no more jobs.", close_opts);

/* Sends the request and prints the status that it is about. */
static int control (const struct opt_table *table,
                    const char *topic,
                    const char *key,
                    bool value,
                    int argc,
                    char **argv)
{
    bool enabling = strcmp (key, "enable") == 0;
    struct queue q = { .table = table };
    int i = opt_parse (table, argc, argv, set, &q);
    const char *name = named (&q, argc - i, argv + i);
    flux_t *h = cmd_open ();
    flux_future_t *f;

    if (enabling && !value && !q.reason)
        q.reason = "disabled by administrator";
    if (!enabling && !name && !q.all) {
        json_t *names = queue_names (h);

        if (json_array_size (names) > 0)
            cmd_die ("ERROR: Named queues are defined. Specify queues or use --all.");
        json_decref (names);
    }
    f = flux_rpc_pack (h, topic, FLUX_NODEID_ANY, 0, "{s:s* s:b s:s* s:b s:b}", "name",
                       name, key, value, "reason", value ? NULL : q.reason, "all", q.all,
                       "nocheckpoint", q.nocheckpoint);
    if (!f || flux_rpc_get (f, NULL) < 0)
        cmd_die ("ERROR: %s: %s", key, f ? cmd_future_error (f) : flux_strerror (errno));
    flux_future_destroy (f);
    if (!q.quiet) {
        print_all_status (h, name,
                          q.verbose ? SUBMISSION | SCHEDULING
                          : enabling ? SUBMISSION
                                     : SCHEDULING);
    }
    flux_close (h);
    return 0;
}

static int enable (int argc, char **argv)
{
    return control (&enable_table, "job-manager.queue-enable", "enable", true, argc, argv);
}

static int disable (int argc, char **argv)
{
    return control (&disable_table, "job-manager.queue-enable", "enable", false, argc,
                    argv);
}

static int start (int argc, char **argv)
{
    return control (&start_table, "job-manager.queue-start", "start", true, argc, argv);
}

static int stop (int argc, char **argv)
{
    return control (&stop_table, "job-manager.queue-start", "start", false, argc, argv);
}

/* -- drain, idle -- */

static const struct opt drain_opts[] = {
    { 't', "timeout", OPT_REQUIRED, "DURATION", "give up after this time" },
    OPT_END,
};
static const struct opt idle_opts[] = {
    { 't', "timeout", OPT_REQUIRED, "DURATION", "give up after this time" },
    { KEY_QUIET, "quiet", OPT_NONE, NULL, "print nothing" },
    OPT_END,
};
static const struct opt_table drain_table = {
    .prog = "flux-queue drain",
    .usage = "[OPTIONS]",
    .summary = "Wait until there is no active job.",
    .opts = drain_opts,
    .error_exit = 2,
};
static const struct opt_table idle_table = {
    .prog = "flux-queue idle",
    .usage = "[OPTIONS]",
    .summary = "Wait until no job runs or is about to; print how many are pending.",
    .opts = idle_opts,
    .error_exit = 2,
};

/* The answer to a request that waits; dies if it takes too long. */
static flux_future_t *wait_for (flux_t *h, const struct queue *q, const char *what)
{
    char topic[64];
    flux_future_t *f;

    snprintf (topic, sizeof (topic), "job-manager.%s", what);
    if (!(f = flux_rpc (h, topic, "{}", FLUX_NODEID_ANY, 0))
        || flux_future_wait_for (f, q->timeout) < 0 || flux_rpc_get (f, NULL) < 0) {
        if (errno == ETIMEDOUT)
            cmd_die ("ERROR: %s: timeout", what);
        cmd_die ("ERROR: %s: %s", what, f ? cmd_future_error (f) : flux_strerror (errno));
    }
    return f;
}

static int drain (int argc, char **argv)
{
    struct queue q = { .table = &drain_table, .timeout = -1. };
    flux_t *h;

    if (opt_parse (&drain_table, argc, argv, set, &q) < argc)
        opt_usage (&drain_table);
    h = cmd_open ();
    flux_future_destroy (wait_for (h, &q, "drain"));
    flux_close (h);
    return 0;
}

static int idle (int argc, char **argv)
{
    struct queue q = { .table = &idle_table, .timeout = -1. };
    flux_future_t *f;
    int pending;
    flux_t *h;

    if (opt_parse (&idle_table, argc, argv, set, &q) < argc)
        opt_usage (&idle_table);
    h = cmd_open ();
    f = wait_for (h, &q, "idle");
    if (flux_rpc_get_unpack (f, "{s:i}", "pending", &pending) < 0)
        cmd_die ("ERROR: idle: %s", flux_strerror (errno));
    if (!q.quiet)
        printf ("%d jobs\n", pending);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static const struct cmd subcommands[] = {
    { "list", queue_list, "list the queues and their limits" },
    { "status", status, "say whether queues accept and schedule jobs" },
    { "enable", enable, "accept jobs" },
    { "disable", disable, "accept no more jobs" },
    { "start", start, "schedule jobs" },
    { "stop", stop, "schedule no more jobs" },
    { "drain", drain, "wait until there is no active job" },
    { "idle", idle, "wait until no job runs" },
    { NULL, NULL, NULL },
};

int cmd_queue (int argc, char **argv)
{
    return cmd_group ("flux queue", subcommands, argc, argv);
}
