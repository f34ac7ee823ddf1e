/* queue_list.c - flux queue list: the queues, their state and their limits. */

#include "config.h"
#include <langinfo.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>

#include "cmd.h"
#include "common/fsd.h"
#include "common/rset.h"
#include "format_names.h"
#include "jsonpath.h"
#include "listing.h"
#include "queue.h"
#include "resource.h"

/* What a queue is, gathered before it is printed. */
struct row {
    const char *name; /* "" is the anonymous queue */
    const char *parent;
    bool is_default;
    bool enabled, started, blocked;
    json_t *policy;        /* of all queues, may be NULL */
    json_t *queue_policy;  /* this queue's own, comes first */
    long long resources[3]; /* nodes, cores, gpus that it has */
};

static const char *const sizes[] = { "nnodes", "ncores", "ngpus" };

#define GETTER(f)                                                                         \
    static void f (const void *item,                                                      \
                   const char *name,                                                      \
                   struct text *t,                                                        \
                   struct format_value *v)

/* A policy value: the queue's own, else the general one, else NULL. */
static json_t *policy_of (const struct row *r, const char *path)
{
    json_t *o = jsonpath_get (r->queue_policy, path);

    return o ? o : jsonpath_get (r->policy, path);
}

static double seconds_of (json_t *o)
{
    double seconds = INFINITY;

    if (json_is_number (o))
        seconds = json_number_value (o);
    else if (json_is_string (o))
        fsd_parse (json_string_value (o), &seconds);
    return seconds > 0 ? seconds : INFINITY;
}

GETTER (get_name)
{
    const struct row *r = item;

    text_printf (t, "%s%s", r->name,
                 r->is_default && strcmp (name, "queuem") == 0 ? "*" : "");
    format_set_string (v, t->buf);
}

GETTER (get_parent)
{
    format_set_string (v, ((const struct row *)item)->parent);
}

static const char *mark (const char *symbol, const char *letter)
{
    return strcmp (nl_langinfo (CODESET), "UTF-8") == 0 ? symbol : letter;
}

static const char *yes_no (bool yes)
{
    return yes ? mark ("\u2714", "y") : mark ("\u2717", "n");
}

GETTER (get_enabled)
{
    format_set_string (v, yes_no (((const struct row *)item)->enabled));
}

GETTER (get_started)
{
    const struct row *r = item;

    format_set_string (v, r->blocked ? mark ("\u23f8", "p") : yes_no (r->started));
}

GETTER (get_submission)
{
    format_set_string (v, ((const struct row *)item)->enabled ? "enabled" : "disabled");
}

GETTER (get_scheduling)
{
    format_set_string (v, ((const struct row *)item)->started ? "started" : "stopped");
}

GETTER (get_default_time)
{
    format_set_real (v, seconds_of (policy_of (item, "jobspec.defaults.system.duration")));
}

GETTER (get_time_limit)
{
    format_set_real (v, seconds_of (policy_of (item, "limits.duration")));
}

/* limits.job-size.<which>.<size>, or 'missing' if it is not set. */
static long long size_limit (const struct row *r,
                             const char *which,
                             int size,
                             long long missing)
{
    char path[64];
    json_t *o;

    snprintf (path, sizeof (path), "limits.job-size.%s.%s", which, sizes[size]);
    o = policy_of (r, path);
    return json_is_integer (o) && json_integer_value (o) >= 0 ? json_integer_value (o)
                                                              : missing;
}

static int size_named (const char *name)
{
    const char *s = strrchr (name, '.') + 1;
    int i = 0;

    while (strcmp (sizes[i], s) != 0)
        i++;
    return i;
}

static long long max_size (const struct row *r, int size)
{
    long long max = size_limit (r, "max", size, LLONG_MAX);

    return max < r->resources[size] ? max : r->resources[size];
}

GETTER (get_min)
{
    format_set_int (v, size_limit (item, "min", size_named (name), 0));
}

GETTER (get_max)
{
    format_set_int (v, max_size (item, size_named (name)));
}

GETTER (get_range)
{
    int size = size_named (name);
    long long min = size_limit (item, "min", size, 0), max = max_size (item, size);

    if (min == max)
        text_put_int (t, max);
    else
        text_printf (t, "%lld-%lld", min, max);
    format_set_string (v, t->buf);
}

static const struct format_field fields[] = {
    { "queue", "QUEUE", get_name, "" },
    { "queuem", "QUEUE", get_name, "" },
    { "parent", "PARENT", get_parent, "" },
    { "enabled", "EN", get_enabled, "" },
    { "started", "ST", get_started, "" },
    { "submission", "SUBMIT", get_submission, "" },
    { "scheduling", "SCHED", get_scheduling, "" },
    { "defaults.timelimit", "TDEFAULT", get_default_time, "" },
    { "limits.timelimit", "TLIMIT", get_time_limit, "" },
    { "limits.range.nnodes", "NNODES", get_range, "" },
    { "limits.range.ncores", "NCORES", get_range, "" },
    { "limits.range.ngpus", "NGPUS", get_range, "" },
    { "limits.min.nnodes", "MINNODES", get_min, "" },
    { "limits.min.ncores", "MINCORES", get_min, "" },
    { "limits.min.ngpus", "MINGPUS", get_min, "" },
    { "limits.max.nnodes", "MAXNODES", get_max, "" },
    { "limits.max.ncores", "MAXCORES", get_max, "" },
    { "limits.max.ngpus", "MAXGPUS", get_max, "" },
    { NULL, NULL, NULL, NULL },
};

static const struct format_source source = { fields, NULL };

static const struct format_name builtin[] = {
    { "default", "Default flux-queue list format string",
      "?:{queuem:<8.8} ?:{parent:<8.8} {enabled:>2} {started:>2} "
      "{defaults.timelimit!F:>8} {limits.timelimit!F:>8} {limits.range.nnodes:>10} "
      "{limits.range.ncores:>10} {limits.range.ngpus:>10}" },
    { NULL, NULL, NULL },
};

static const struct format_names names = { builtin, "flux-queue",
                                           "FLUX_QUEUE_LIST_FORMAT_DEFAULT" };

/* -- gathering -- */

/* Count what a queue has: the nodes with all properties that it requires. */
static void count_resources (struct row *r, const struct rset *all, json_t *requires)
{
    for (size_t i = 0; i < rset_nnodes (all); i++) {
        const struct idset *cores = rset_ids_at (all, i, RSET_CORE);
        const struct idset *gpus = rset_ids_at (all, i, RSET_GPU);
        bool matches = true;
        json_t *p;
        size_t k;

        json_array_foreach (requires, k, p) {
            if (!rset_has_property (all, rset_rank_at (all, i), json_string_value (p)))
                matches = false;
        }
        if (matches) {
            r->resources[0]++;
            r->resources[1] += cores ? idset_count (cores) : 0;
            r->resources[2] += gpus ? idset_count (gpus) : 0;
        }
    }
}

static void fill_row (flux_t *h,
                      struct row *r,
                      const char *name,
                      json_t *config,
                      const struct rset *all)
{
    json_t *own = name ? json_object_get (json_object_get (config, "queues"), name) : NULL;
    json_t *status = queue_status (h, name);
    const char *parent, *def;

    r->name = name ? name : "";
    r->policy = json_object_get (config, "policy");
    r->queue_policy = json_object_get (own, "policy");
    r->enabled = json_is_true (json_object_get (status, "enable"));
    r->started = json_is_true (json_object_get (status, "start"));
    r->blocked = !r->started && json_object_get (status, "blocked");
    parent = json_string_value (json_object_get (own, "parent"));
    r->parent = parent ? parent : "";
    def = json_string_value (jsonpath_get (r->policy, "jobspec.defaults.system.queue"));
    r->is_default = name && def && strcmp (name, def) == 0;
    count_resources (r, all, json_object_get (own, "requires"));
    json_decref (status);
}

struct list_opts {
    const char *queues;
    const char *format;
    bool no_header;
};

static const struct opt opts[] = {
    { 'q', "queue", OPT_REQUIRED, "NAME,...", "only these queues" },
    { 'o', "format", OPT_REQUIRED, "FORMAT",
      "a format by name, or \"{queue} ...\"; help" },
    { 'n', "no-header", OPT_NONE, NULL, "no header line" },
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux-queue list",
    .usage = "[OPTIONS]",
    .summary = "List the queues: whether they accept (EN) and schedule (ST) jobs, the "
               "time that\n"
               "a job gets and may have, and its size.",
    .opts = opts,
    .error_exit = 2,
};

static void set (int key, const char *arg, void *data)
{
    struct list_opts *o = data;

    if (key == 'q')
        o->queues = arg;
    else if (key == 'o')
        o->format = arg;
    else
        o->no_header = true;
}

/* The queues that are asked for: all of them, or those of the comma list.
 * NULL after a message if one is not known.
 */
static json_t *wanted (json_t *all, const char *list)
{
    json_t *result, *name;
    size_t i;

    if (!list)
        return json_incref (all);
    result = json_array ();
    while (*list) {
        size_t len = strcspn (list, ",");
        bool known = false;

        json_array_foreach (all, i, name) {
            if (json_string_length (name) == len
                && strncmp (json_string_value (name), list, len) == 0) {
                json_array_append (result, name);
                known = true;
            }
        }
        if (!known) {
            cmd_warn ("ERROR: No such queue: %.*s", (int)len, list);
            json_decref (result);
            return NULL;
        }
        list += len + (list[len] == ',');
    }
    return result;
}

static void list_rows (flux_t *h, const struct list_opts *o, json_t *queues)
{
    json_t *config = resource_ask (h, "config.get");
    json_t *status = resource_ask (h, "resource.sched-status");
    size_t n = json_array_size (queues), rows_n = n ? n : 1;
    struct row *rows = calloc (rows_n, sizeof (rows[0]));
    const void **items = calloc (rows_n, sizeof (items[0]));
    char *format = format_names_get (&names, o->format);
    struct listing l = { .format = listing_format (format, &source), o->no_header };
    struct rset *all;

    if (!rows || !items)
        cmd_die ("ERROR: out of memory");
    all = resource_set (status, "all");
    for (size_t i = 0; i < rows_n; i++) {
        fill_row (h, &rows[i], n ? json_string_value (json_array_get (queues, i)) : NULL,
                  config, all);
        items[i] = &rows[i];
    }
    listing_print (&l, items, rows_n);
    format_free (l.format);
    free (format);
    free (items);
    free (rows);
    rset_free (all);
    json_decref (status);
    json_decref (config);
}

int queue_list (int argc, char **argv)
{
    struct list_opts o = { .no_header = false };
    json_t *all, *queues;
    int exit_code;
    flux_t *h;

    if (opt_parse (&table, argc, argv, set, &o) < argc)
        opt_usage (&table);
    if (o.format)
        format_names_answer (&names, o.format);
    h = cmd_open ();
    all = queue_names (h);
    if ((queues = wanted (all, o.queues)))
        list_rows (h, &o, queues);
    exit_code = queues ? 0 : 1;
    json_decref (queues);
    json_decref (all);
    flux_close (h);
    return exit_code;
}
