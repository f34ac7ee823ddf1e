/* jobs.c - flux jobs: what jobs are there, for people. */

#include "config.h"
#include <limits.h>
#include <stdio.h>

#include "cmd.h"
#include "format_names.h"
#include "joblist.h"
#include "jobquery.h"
#include "jobs_formats.h"
#include "jobview.h"
#include "listing.h"

enum { KEY_STATS = JOBQUERY_KEY_LAST, KEY_STATS_ONLY, KEY_JSON, KEY_COLOR, KEY_SORT,
       KEY_FROM_STDIN, KEY_SUPPRESS_HEADER };

struct jobs {
    struct jobquery query;
    long long count;
    const char *format;
    const char *sort;
    int width;
    bool no_header;
    bool stats;
    bool stats_only;
    bool json;
    bool color;
    bool from_stdin;
};

static const struct opt opts[] = {
    JOBQUERY_OPTS,
    JOBQUERY_MORE_OPTS,
    { 'c', "count", OPT_REQUIRED, "N", "at most N jobs (1000); 0 is no limit" },
    { 'n', "no-header", OPT_NONE, NULL, "no header line" },
    { 'o', "format", OPT_REQUIRED, "FORMAT",
      "a format by name, or \"{id} {name}...\"; help" },
    { KEY_SORT, "sort", OPT_REQUIRED, "KEY,...",
      "order by these fields; -KEY: reversed" },
    { 'w', "width", OPT_OPTIONAL, "N", "cut lines at N columns, or at the terminal's" },
    { KEY_JSON, "json", OPT_NONE, NULL, "print JSON" },
    { KEY_STATS, "stats", OPT_NONE, NULL, "print how many jobs there are, first" },
    { KEY_STATS_ONLY, "stats-only", OPT_NONE, NULL,
      "only that; exit 1 if none is active" },
    { KEY_COLOR, "color", OPT_OPTIONAL, "WHEN", "always, never or auto" },
    { KEY_FROM_STDIN, "from-stdin", OPT_NONE, NULL, NULL },
    { KEY_SUPPRESS_HEADER, "suppress-header", OPT_NONE, NULL, NULL },
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux-jobs",
    .usage = "[OPTIONS] [ID...]",
    .summary = "List jobs: your pending and running ones if nothing else is said.",
    .example = "flux jobs -a -c 10 -o long",
    .opts = opts,
    .error_exit = 2,
    .intermixed = true,
};

static const struct format_name builtin[] = {
    { "default", "Default flux-jobs format string", JOBS_FORMAT_DEFAULT },
    { "cute", "Cute flux-jobs format string (default with emojis)", JOBS_FORMAT_CUTE },
    { "long", "Extended flux-jobs format string", JOBS_FORMAT_LONG },
    { "deps", "Show job urgency, priority, and dependencies", JOBS_FORMAT_DEPS },
    { "endreason", "Show why each job ended", JOBS_FORMAT_ENDREASON },
    { NULL, NULL, NULL },
};

static const struct format_names names = { builtin, "flux-jobs",
                                           "FLUX_JOBS_FORMAT_DEFAULT" };

static void set (int key, const char *arg, void *data)
{
    struct jobs *j = data;

    if (jobquery_option (&j->query, key, arg))
        return;
    switch (key) {
        case 'c':
            j->count = opt_number (&table, "count", arg, INT_MIN, INT_MAX);
            break;
        case 'n':
        case KEY_SUPPRESS_HEADER:
            j->no_header = true;
            break;
        case 'o':
            j->format = arg;
            break;
        case KEY_SORT:
            j->sort = arg;
            break;
        case 'w':
            j->width = arg ? opt_number (&table, "width", arg, 0, INT_MAX) : 0;
            if (j->width == 0)
                j->width = listing_terminal_width ();
            break;
        case KEY_JSON:
            j->json = true;
            break;
        case KEY_STATS_ONLY:
            j->stats_only = true;
            break;
        case KEY_STATS:
            j->stats = true;
            break;
        case KEY_COLOR:
            if (!listing_color (arg, &j->color))
                opt_error (&table, "--color: '%s' is not always, never or auto", arg);
            break;
        case KEY_FROM_STDIN:
            j->from_stdin = true;
            break;
    }
}

static const char *color_of (const void *item)
{
    if (!jobview_inactive (item))
        return jobview_annotation (item, "user.uri") ? "\033[01;34m" : NULL;
    switch (jobview_result (item)) {
        case FLUX_JOB_RESULT_COMPLETED:
            return "\033[01;32m";
        case FLUX_JOB_RESULT_CANCELED:
            return "\033[37m";
        default:
            return "\033[01;31m";
    }
}

/* -- where the jobs come from -- */

static json_t *query_list (struct jobs *j, flux_t *h, json_t *attrs)
{
    struct joblist_request req = {
        .max_entries = j->count > 0 ? j->count + 1 : j->count,
        .since = j->query.since,
        .attrs = attrs,
        .constraint = jobquery_constraint (&j->query),
    };
    flux_error_t error;
    json_t *list;

    if (!(list = joblist_get (h, &req, &error)))
        cmd_die ("ERROR: %s", error.text);
    if (j->count > 0 && (long long)json_array_size (list) > j->count) {
        json_array_remove (list, j->count);
        if (!j->no_header) {
            fprintf (stderr,
                     "warning: output truncated at %lld jobs.\nUse --count to increase "
                     "returned results or use filters to alter results.\n",
                     j->count);
        }
    }
    return list;
}

static void check_ids (int n, char **ids)
{
    flux_jobid_t id;

    for (int i = 0; i < n; i++) {
        if (flux_job_id_parse (ids[i], &id) < 0)
            opt_error (&table, "argument JOBID: invalid JobID value: '%s'", ids[i]);
    }
}

static json_t *query_ids (flux_t *h, json_t *attrs, int n, char **ids)
{
    flux_future_t **f = calloc (n, sizeof (f[0]));
    json_t *list = json_array (), *job;

    if (!f)
        cmd_die ("ERROR: out of memory");
    for (int i = 0; i < n; i++) {
        flux_jobid_t id = cmd_jobid (ids[i]);

        f[i] = flux_rpc_pack (h, "job-list.list-id", FLUX_NODEID_ANY, 0, "{s:I s:O}", "id",
                              (json_int_t)id, "attrs", attrs);
        if (!f[i])
            cmd_die ("ERROR: job-list.list-id: %s", flux_strerror (errno));
    }
    for (int i = 0; i < n; i++) {
        if (flux_rpc_get_unpack (f[i], "{s:o}", "job", &job) == 0)
            json_array_append (list, job);
        else if (errno == ENOENT)
            fprintf (stderr, "JobID %s unknown\n", ids[i]);
        else
            cmd_die ("ERROR: %s", cmd_future_error (f[i]));
        flux_future_destroy (f[i]);
    }
    free (f);
    json_decref (attrs);
    return list;
}

static json_t *read_stdin (void)
{
    json_t *list = json_array (), *job;
    json_error_t error;
    char *line = NULL;
    size_t size = 0;

    for (int n = 1; getline (&line, &size, stdin) >= 0; n++) {
        if (!(job = json_loads (line, 0, &error)))
            cmd_die ("ERROR: JSON input error: line %d: %s", n, error.text);
        if (!json_is_object (job) || !json_is_integer (json_object_get (job, "id")))
            cmd_die ("ERROR: JSON input error: line %d: it is not a job", n);
        json_array_append_new (list, job);
    }
    free (line);
    return list;
}

/* -- statistics -- */

struct counts {
    int running, completed, failed, pending, purged;
};

static void add_counts (json_t *o, struct counts *c)
{
    int depend, priority, sched, run, cleanup, successful, failed, canceled, timeout,
        purged;

    if (json_unpack (o, "{s:{s:i s:i s:i s:i s:i} s:i s:i s:i s:i s:i}", "job_states",
                     "depend", &depend, "priority", &priority, "sched", &sched, "run",
                     &run, "cleanup", &cleanup, "successful", &successful, "failed",
                     &failed, "canceled", &canceled, "timeout", &timeout,
                     "inactive_purged", &purged)
        < 0)
        cmd_die ("ERROR: error retrieving job stats: %s", flux_strerror (EPROTO));
    c->running += run + cleanup;
    c->completed += successful;
    c->failed += failed + canceled + timeout;
    c->pending += depend + priority + sched;
    c->purged += purged;
}

static void add_queue_counts (json_t *queues, const char *name, struct counts *c)
{
    json_t *o;
    size_t i;

    json_array_foreach (queues, i, o) {
        const char *s = json_string_value (json_object_get (o, "name"));

        if (s && strcmp (s, name) == 0) {
            add_counts (o, c);
            return;
        }
    }
    cmd_die ("ERROR: error retrieving job stats: no stats available for queue %s", name);
}

/* Returns how many jobs are active. */
static int print_stats (flux_t *h, const struct jobquery *q)
{
    flux_future_t *f = flux_rpc (h, "job-list.job-stats", "{}", FLUX_NODEID_ANY, 0);
    struct counts c = { 0 };
    json_t *o, *name;
    size_t i;

    if (!f || flux_rpc_get_unpack (f, "o", &o) < 0)
        cmd_die ("ERROR: error retrieving job stats: %s",
                 f ? cmd_future_error (f) : flux_strerror (errno));
    if (!q->queues)
        add_counts (o, &c);
    json_array_foreach (q->queues, i, name)
        add_queue_counts (json_object_get (o, "queues"), json_string_value (name), &c);
    printf ("%d running, %d completed, %d failed, %d pending, %d inactive purged\n",
            c.running, c.completed, c.failed, c.pending, c.purged);
    flux_future_destroy (f);
    return c.running + c.pending;
}

/* -- output -- */

/* One at a time: the objects of very many jobs would be as large again. */
static void print_json (struct jobview *views, size_t n, bool single)
{
    bool bare = single && n == 1;

    printf (bare ? "" : "{\"jobs\": [");
    for (size_t i = 0; i < n; i++) {
        json_t *o = jobview_json (&views[i]);

        if (i > 0)
            printf (", ");
        json_dumpf (o, stdout, 0);
        json_decref (o);
    }
    printf (bare ? "\n" : "]}\n");
}

static void print_jobs (struct jobs *j, struct format *format, json_t *list, bool single)
{
    size_t n = json_array_size (list);
    struct jobview *views = calloc (n + 1, sizeof (views[0]));
    const void **items = calloc (n + 1, sizeof (items[0]));
    double now = jobview_clock ();
    struct listing l = {
        .format = format,
        .no_header = j->no_header,
        .width = j->width,
        .color = j->color ? color_of : NULL,
    };

    if (!views || !items)
        cmd_die ("ERROR: out of memory");
    for (size_t i = 0; i < n; i++) {
        views[i] = (struct jobview){ json_array_get (list, i), now };
        items[i] = &views[i];
    }
    if (j->json)
        print_json (views, n, single);
    else
        listing_print (&l, items, n);
    free (items);
    free (views);
}

static struct format *make_format (const struct jobs *j)
{
    char *s = format_names_get (&names, j->format);
    struct format *f = listing_format (s, &jobview_fields);
    flux_error_t error;

    if (j->sort && format_sort_by (f, j->sort, &error) < 0)
        cmd_die ("ERROR: %s", error.text);
    free (s);
    return f;
}

static void check_options (struct jobs *j, int nids)
{
    if (j->json && (j->stats || j->stats_only))
        cmd_die ("ERROR: --json incompatible with --stats or --stats-only");
    if (nids > 0 && j->query.given)
        cmd_warn ("WARNING: Filtering options ignored with jobid list");
    else if (j->query.all_states && (j->query.states || j->query.results))
        cmd_warn ("WARNING: Both -a and --filter specified, ignoring -a");
}

/* The jobs to be listed, from wherever the options say. */
static json_t *get_jobs (struct jobs *j,
                         flux_t *h,
                         struct format *format,
                         int n,
                         char **ids)
{
    json_t *attrs;

    if (j->from_stdin)
        return read_stdin ();
    if (j->json)
        attrs = json_pack ("[s]", "all");
    else
        attrs = jobquery_attrs (format, j->color ? "state,result,annotations" : "");
    return n > 0 ? query_ids (h, attrs, n, ids) : query_list (j, h, attrs);
}

static int list_jobs (struct jobs *j, flux_t *h, int n, char **ids)
{
    struct format *format = make_format (j);
    json_t *list = get_jobs (j, h, format, n, ids);
    int exit_code = n > 0 && json_array_size (list) == 0 ? 1 : 0;

    print_jobs (j, format, list, n == 1);
    json_decref (list);
    format_free (format);
    return exit_code;
}

int cmd_jobs (int argc, char **argv)
{
    struct jobs j = { .count = 1000 };
    int i, exit_code = 0;
    flux_t *h = NULL;

    jobquery_init (&j.query);
    listing_color ("auto", &j.color);
    i = opt_parse (&table, argc, argv, set, &j);
    check_options (&j, argc - i);
    check_ids (argc - i, argv + i);
    if (j.format)
        format_names_answer (&names, j.format);
    if (!j.from_stdin)
        h = cmd_open ();
    if (h && (j.stats || j.stats_only))
        exit_code = print_stats (h, &j.query) > 0 ? 0 : 1;
    if (!j.stats_only)
        exit_code = list_jobs (&j, h, argc - i, argv + i);
    jobquery_fini (&j.query);
    flux_close (h);
    return exit_code;
}
