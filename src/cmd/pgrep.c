/* pgrep.c - flux pgrep, flux pkill: jobs by name or by range of ids. */

#include "config.h"
#include <limits.h>
#include <regex.h>
#include <stdio.h>

#include "cmd.h"
#include "format_names.h"
#include "joblist.h"
#include "jobquery.h"
#include "jobs_formats.h"
#include "jobview.h"
#include "listing.h"

enum { KEY_MAX_ENTRIES = JOBQUERY_KEY_LAST, KEY_WAIT };

struct pgrep {
    const struct opt_table *table;
    struct jobquery query;
    long long count;
    long long max_entries;
    const char *format;
    bool no_header;
    bool wait;
    bool have_range;
    flux_jobid_t first, last;
    bool have_regex;
    regex_t regex;
};

#define PGREP_OPTS                                                                        \
    JOBQUERY_OPTS,                                                                        \
    { 'c', "count", OPT_REQUIRED, "N", "at most the first N matches" },                   \
    { KEY_MAX_ENTRIES, "max-entries", OPT_REQUIRED, "N", "search at most N jobs (1000)" }

static const struct opt pgrep_opts[] = {
    PGREP_OPTS,
    { 'n', "no-header", OPT_NONE, NULL, "no header line" },
    { 'o', "format", OPT_REQUIRED, "FORMAT", "a format by name, or as flux jobs; help" },
    OPT_END,
};

static const struct opt pkill_opts[] = {
    PGREP_OPTS,
    { KEY_WAIT, "wait", OPT_NONE, NULL, "wait until the jobs are gone" },
    OPT_END,
};

static const struct opt_table pgrep_table = {
    .prog = "flux-pgrep",
    .usage = "[OPTIONS] EXPRESSION...",
    .summary =
        "Print the ids of jobs: ID..ID is a range, anything else a regular expression\n"
        "for the name.",
    .example = "flux pgrep -a '^test-'",
    .opts = pgrep_opts,
    .error_exit = 2,
    .intermixed = true,
};

static const struct opt_table pkill_table = {
    .prog = "flux-pkill",
    .usage = "[OPTIONS] EXPRESSION...",
    .summary =
        "Cancel jobs: ID..ID is a range, anything else a regular expression for the\n"
        "name.",
    .example = "flux pkill --wait '^test-'",
    .opts = pkill_opts,
    .error_exit = 2,
    .intermixed = true,
};

static const struct format_name builtin[] = {
    { "default", "Default flux-pgrep format string", "{id.f58}" },
    { "full", "Full flux-pgrep format string", JOBS_FORMAT_DEFAULT },
    { "long", "Extended flux-pgrep format string", JOBS_FORMAT_LONG },
    { "deps", "Show job urgency, priority, and dependencies", JOBS_FORMAT_DEPS },
    { NULL, NULL, NULL },
};

static const struct format_names names = { builtin, "flux-jobs",
                                           "FLUX_PGREP_FORMAT_DEFAULT" };

static void set (int key, const char *arg, void *data)
{
    struct pgrep *p = data;

    if (jobquery_option (&p->query, key, arg))
        return;
    switch (key) {
        case 'c':
            p->count = opt_number (p->table, "count", arg, 0, INT_MAX);
            break;
        case KEY_MAX_ENTRIES:
            p->max_entries = opt_number (p->table, "max-entries", arg, 0, INT_MAX);
            break;
        case 'n':
            p->no_header = true;
            break;
        case 'o':
            p->format = arg;
            break;
        case KEY_WAIT:
            p->wait = true;
            break;
    }
}

/* -- expressions -- */

_noreturn_ static void bad_expression (const char *why)
{
    fprintf (stderr, "%s: ERROR: expression error: %s\n", cmd_name, why);
    exit (2);
}

static bool parse_range (struct pgrep *p, const char *s)
{
    const char *dots = strstr (s, "..");
    flux_jobid_t first, last;
    char begin[64];

    if (!dots || dots == s || strchr (s, ':') || dots - s >= (ssize_t)sizeof (begin))
        return false;
    snprintf (begin, sizeof (begin), "%.*s", (int)(dots - s), s);
    if (flux_job_id_parse (begin, &first) < 0 || flux_job_id_parse (dots + 2, &last) < 0)
        return false;
    if (p->have_range)
        bad_expression ("Only one jobid range can be provided");
    p->have_range = true;
    p->first = first;
    p->last = last;
    return true;
}

static void parse_expression (struct pgrep *p, const char *s)
{
    static const char prefix[] = "name:";
    char why[256];
    int r;

    if (parse_range (p, s))
        return;
    if (p->have_regex)
        bad_expression ("Only one pattern can be provided");
    if (strncmp (s, prefix, strlen (prefix)) == 0)
        s += strlen (prefix);
    if ((r = regcomp (&p->regex, s, REG_EXTENDED | REG_NOSUB)) != 0) {
        regerror (r, &p->regex, why, sizeof (why));
        bad_expression (why);
    }
    p->have_regex = true;
}

static bool matches (const struct pgrep *p, const struct jobview *job)
{
    flux_jobid_t id = jobview_id (job);

    if (p->have_range && (id < p->first || id > p->last))
        return false;
    return !p->have_regex
           || regexec (&p->regex, jobview_string (job, "name"), 0, NULL, 0) == 0;
}

/* -- search -- */

static void pgrep_init (struct pgrep *p,
                        const struct opt_table *table,
                        int argc,
                        char **argv)
{
    int i;

    *p = (struct pgrep){ .table = table, .count = 99999, .max_entries = 1000 };
    jobquery_init (&p->query);
    i = opt_parse (table, argc, argv, set, p);
    if (p->format)
        format_names_answer (&names, p->format);
    if (i == argc)
        opt_error (table, "at least one expression is required");
    for (; i < argc; i++)
        parse_expression (p, argv[i]);
}

static void pgrep_fini (struct pgrep *p)
{
    jobquery_fini (&p->query);
    if (p->have_regex)
        regfree (&p->regex);
}

/* The matching jobs, a new array. */
static json_t *search (struct pgrep *p, flux_t *h, json_t *attrs)
{
    struct joblist_request req = {
        .max_entries = p->max_entries,
        .attrs = attrs,
        .constraint = jobquery_constraint (&p->query),
    };
    json_t *list, *found = json_array (), *job;
    flux_error_t error;
    size_t i;

    if (!(list = joblist_get (h, &req, &error)))
        cmd_die ("ERROR: %s", error.text);
    json_array_foreach (list, i, job) {
        struct jobview view = { job, 0 };

        if ((long long)json_array_size (found) < p->count && matches (p, &view))
            json_array_append (found, job);
    }
    json_decref (list);
    return found;
}

/* -- pgrep -- */

static void print_jobs (struct pgrep *p, struct format *format, json_t *list)
{
    struct listing l = { .format = format, .no_header = p->no_header || !p->format };
    size_t n = json_array_size (list);
    struct jobview *views = calloc (n + 1, sizeof (views[0]));
    const void **items = calloc (n + 1, sizeof (items[0]));
    double now = jobview_clock ();

    if (!views || !items)
        cmd_die ("ERROR: out of memory");
    for (size_t i = 0; i < n; i++) {
        views[i] = (struct jobview){ json_array_get (list, i), now };
        items[i] = &views[i];
    }
    if (n > 0)
        listing_print (&l, items, n);
    free (items);
    free (views);
}

int cmd_pgrep (int argc, char **argv)
{
    const char *replaced = getenv (names.environ);
    struct format *format;
    struct pgrep p;
    json_t *list;
    flux_t *h;
    char *s;
    int found;

    pgrep_init (&p, &pgrep_table, argc, argv);
    if (!p.format && replaced && *replaced)
        p.format = replaced;
    s = format_names_get (&names, p.format);
    format = listing_format (s, &jobview_fields);
    free (s);
    h = cmd_open ();
    list = search (&p, h, jobquery_attrs (format, "name"));
    found = json_array_size (list);
    print_jobs (&p, format, list);
    json_decref (list);
    format_free (format);
    pgrep_fini (&p);
    flux_close (h);
    return found > 0 ? 0 : 1;
}

/* -- pkill -- */

/* Cancel all, then look at the answers.  Returns how many were refused. */
static int cancel_all (flux_t *h, json_t *list)
{
    size_t n = json_array_size (list);
    flux_future_t **f = calloc (n + 1, sizeof (f[0]));
    int errors = 0;

    if (!f)
        cmd_die ("ERROR: out of memory");
    for (size_t i = 0; i < n; i++) {
        struct jobview view = { json_array_get (list, i), 0 };

        if (!(f[i] = flux_job_cancel (h, jobview_id (&view), NULL)))
            cmd_die ("ERROR: cancel: %s", flux_strerror (errno));
    }
    for (size_t i = 0; i < n; i++) {
        struct jobview view = { json_array_get (list, i), 0 };
        char id[64] = "";

        if (flux_future_get (f[i], NULL) < 0) {
            int errnum = errno;

            flux_job_id_encode (jobview_id (&view), "f58", id, sizeof (id));
            cmd_warn ("ERROR: %s: cancel: [Errno %d] %s", id, errnum,
                      cmd_future_error (f[i]));
            errors++;
        }
        flux_future_destroy (f[i]);
    }
    free (f);
    return errors;
}

static void wait_for_all (flux_t *h, json_t *list)
{
    json_t *job;
    size_t i;

    json_array_foreach (list, i, job) {
        struct jobview view = { job, 0 };
        flux_future_t *f = flux_job_result (h, jobview_id (&view), 0);

        if (!f || flux_future_get (f, NULL) < 0)
            cmd_warn ("ERROR: %s", f ? cmd_future_error (f) : flux_strerror (errno));
        flux_future_destroy (f);
    }
}

int cmd_pkill (int argc, char **argv)
{
    struct pgrep p;
    json_t *list;
    flux_t *h;
    int found, errors;

    pgrep_init (&p, &pkill_table, argc, argv);
    h = cmd_open ();
    list = search (&p, h, json_pack ("[s]", "name"));
    found = json_array_size (list);
    errors = cancel_all (h, list);
    if (found > errors)
        cmd_warn ("INFO: Canceled %d job%s", found - errors,
                  found - errors == 1 ? "" : "s");
    if (p.wait)
        wait_for_all (h, list);
    json_decref (list);
    pgrep_fini (&p);
    flux_close (h);
    return found == 0 || errors > 0 ? 1 : 0;
}
