/* housekeeping.c - flux housekeeping: what is run between jobs. */

#include "config.h"
#include <flux/hostlist.h>
#include <flux/idset.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>

#include "cmd.h"
#include "format_names.h"
#include "jobview.h"
#include "listing.h"

/* -- list -- */

/* One job whose resources are in housekeeping. */
struct row {
    flux_jobid_t id;
    double t_start;
    double now;
    struct idset *allocated; /* ranks not given back yet */
    struct idset *pending;   /* those where the command runs */
    const struct hostlist *hosts;
};

#define GETTER(f)                                                                         \
    static void f (const void *item,                                                      \
                   const char *name,                                                      \
                   struct text *t,                                                        \
                   struct format_value *v)

GETTER (get_id)
{
    const char *type = strchr (name, '.');
    char buf[64] = "";

    flux_job_id_encode (((const struct row *)item)->id, type ? type + 1 : "f58", buf,
                        sizeof (buf));
    text_puts (t, buf);
    format_set_string (v, t->buf);
}

GETTER (get_start)
{
    format_set_real (v, ((const struct row *)item)->t_start);
}

GETTER (get_runtime)
{
    const struct row *r = item;

    format_set_real (v, r->now > r->t_start ? r->now - r->t_start : 0.);
}

/* "pending.x" is about those where it still runs, "x" about all. */
static const struct idset *ids_of (const struct row *r, const char *name)
{
    return strncmp (name, "pending.", 8) == 0 ? r->pending : r->allocated;
}

GETTER (get_nnodes)
{
    format_set_int (v, idset_count (ids_of (item, name)));
}

GETTER (get_ranks)
{
    char *s = idset_encode (ids_of (item, name), IDSET_FLAG_RANGE);

    text_puts (t, s ? s : "");
    format_set_string (v, t->buf);
    free (s);
}

GETTER (get_nodelist)
{
    const struct row *r = item;
    const struct idset *ids = ids_of (item, name);
    struct hostlist *list = hostlist_create ();
    char *s;

    for (unsigned int rank = idset_first (ids); rank != IDSET_INVALID_ID;
         rank = idset_next (ids, rank)) {
        const char *host = hostlist_nth ((struct hostlist *)r->hosts, rank);

        if (host)
            hostlist_append (list, host);
    }
    s = hostlist_encode (list);
    text_puts (t, s ? s : "");
    format_set_string (v, t->buf);
    free (s);
    hostlist_destroy (list);
}

static const struct format_field fields[] = {
    { "id", "JOBID", get_id, "" },
    JOBVIEW_ID_FIELDS (get_id),
    { "t_start", NULL, get_start, "" },
    { "runtime", NULL, get_runtime, "" },
    { "nnodes", NULL, get_nnodes, "" },
    { "ranks", NULL, get_ranks, "" },
    { "nodelist", NULL, get_nodelist, "" },
    { "pending.nnodes", "#ACTIVE", get_nnodes, "" },
    { "pending.ranks", "ACTIVE-RANKS", get_ranks, "" },
    { "pending.nodelist", "ACTIVE-NODELIST", get_nodelist, "" },
    { NULL, NULL, NULL, NULL },
};

static const struct format_source source = { fields, NULL };

static const struct format_name formats[] = {
    { "default", "Default flux-housekeeping list format string",
      "{id.f58:>12} {nnodes:>6} {pending.nnodes:>7} {runtime!F:>8} {nodelist}" },
    { "pending", "Show the ranks where the command still runs",
      "{id.f58:>12} {pending.nnodes:>7} {runtime!F:>8} {pending.ranks:<12} "
      "{pending.nodelist}" },
    { NULL, NULL, NULL },
};

static const struct format_names names = { formats, "flux-housekeeping",
                                           "FLUX_HOUSEKEEPING_LIST_FORMAT_DEFAULT" };

static const struct opt list_opts[] = {
    { 'n', "no-header", OPT_NONE, NULL, "no header line" },
    { 'i', "include", OPT_REQUIRED, "HOSTS|RANKS", "only those on any of these" },
    { 'o', "format", OPT_REQUIRED, "FORMAT", "a format by name, or \"{id} ...\"; help" },
    OPT_END,
};

static const struct opt_table list_table = {
    .prog = "flux-housekeeping list",
    .usage = "[OPTIONS]",
    .summary = "List the jobs whose resources are in housekeeping.",
    .opts = list_opts,
    .error_exit = 2,
};

struct list {
    bool no_header;
    const char *format;
    const char *include;
};

static void list_set (int key, const char *arg, void *data)
{
    struct list *l = data;

    switch (key) {
        case 'n':
            l->no_header = true;
            break;
        case 'i':
            l->include = arg;
            break;
        default:
            l->format = arg;
    }
}

/* The hosts by rank. */
static struct hostlist *get_hosts (flux_t *h)
{
    const char *s = flux_attr_get (h, "hostlist");
    struct hostlist *hosts = s ? hostlist_decode (s) : hostlist_create ();

    if (!hosts)
        cmd_die ("ERROR: hostlist: %s", strerror (errno));
    return hosts;
}

/* The ranks that -i names, by number or by host. */
static struct idset *get_targets (const char *arg, struct hostlist *hosts)
{
    struct idset *ids = idset_decode (arg);
    struct hostlist *wanted = ids ? NULL : hostlist_decode (arg);
    unsigned int rank = 0;

    if (!ids && !wanted)
        opt_error (&list_table, "-i/--include: invalid targets: %s", arg);
    if (ids)
        return ids;
    if (!(ids = idset_create (0, IDSET_FLAG_AUTOGROW)))
        cmd_die ("ERROR: out of memory");
    for (const char *host = hostlist_first (hosts); host; host = hostlist_next (hosts)) {
        if (hostlist_find (wanted, host) >= 0)
            idset_set (ids, rank);
        rank++;
    }
    hostlist_destroy (wanted);
    return ids;
}

static void get_row (struct row *r, const char *id, json_t *o, const struct hostlist *hosts)
{
    const char *pending = "", *allocated = "";

    *r = (struct row){ .id = cmd_jobid (id), .now = jobview_clock (), .hosts = hosts };
    json_unpack (o, "{s:F s:s s:s}", "t_start", &r->t_start, "pending", &pending,
                 "allocated", &allocated);
    if (!(r->allocated = idset_decode (allocated)) || !(r->pending = idset_decode (pending)))
        cmd_die ("ERROR: %s: %s", id, flux_strerror (EPROTO));
}

static void print_rows (const struct list *l, json_t *running, struct hostlist *hosts)
{
    struct idset *include = l->include ? get_targets (l->include, hosts) : NULL;
    char *format = format_names_get (&names, l->format);
    struct listing out = { listing_format (format, &source), l->no_header, 0, NULL };
    size_t size = json_object_size (running) + 1, n = 0, shown = 0;
    struct row *rows = calloc (size, sizeof (rows[0]));
    const void **items = calloc (size, sizeof (items[0]));
    const char *id;
    json_t *o;

    if (!rows || !items)
        cmd_die ("ERROR: out of memory");
    json_object_foreach (running, id, o)
        get_row (&rows[n++], id, o, hosts);
    for (size_t i = 0; i < n; i++) {
        if (!include || idset_has_intersection (include, rows[i].allocated))
            items[shown++] = &rows[i];
    }
    listing_print (&out, items, shown);
    for (size_t i = 0; i < n; i++) {
        idset_destroy (rows[i].allocated);
        idset_destroy (rows[i].pending);
    }
    idset_destroy (include);
    format_free (out.format);
    free (format);
    free (items);
    free (rows);
}

static int list (int argc, char **argv)
{
    struct list l = { .no_header = false };
    int i = opt_parse (&list_table, argc, argv, list_set, &l);
    struct hostlist *hosts;
    json_t *running;
    flux_future_t *f;
    flux_t *h;

    if (i != argc)
        opt_usage (&list_table);
    if (l.format)
        format_names_answer (&names, l.format);
    h = cmd_open ();
    f = flux_rpc (h, "job-manager.stats-get", NULL, FLUX_NODEID_ANY, 0);
    if (!f
        || flux_rpc_get_unpack (f, "{s:{s:o}}", "housekeeping", "running", &running) < 0)
        cmd_die ("ERROR: %s", f ? cmd_future_error (f) : flux_strerror (errno));
    hosts = get_hosts (h);
    print_rows (&l, running, hosts);
    hostlist_destroy (hosts);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

/* -- kill -- */

static const struct opt kill_opts[] = {
    { 's', "signal", OPT_REQUIRED, "SIGNUM", "which signal (SIGTERM)" },
    { 't', "targets", OPT_REQUIRED, "RANKS", "on these ranks" },
    { 'j', "jobid", OPT_REQUIRED, "ID", "that of this job" },
    { 'a', "all", OPT_NONE, NULL, "all there is" },
    OPT_END,
};

static const struct opt_table kill_table = {
    .prog = "flux-housekeeping kill",
    .usage = "[OPTIONS]",
    .summary = "Send a signal to what housekeeping runs.",
    .opts = kill_opts,
    .error_exit = 2,
};

struct kill_options {
    int signum;
    const char *targets;
    const char *jobid;
    bool all;
};

static void kill_set (int key, const char *arg, void *data)
{
    struct kill_options *k = data;

    switch (key) {
        case 's':
            if ((k->signum = cmd_signum (arg)) == 0)
                opt_error (&kill_table, "'%s' is not a signal", arg);
            break;
        case 't':
            k->targets = arg;
            break;
        case 'j':
            k->jobid = arg;
            break;
        default:
            k->all = true;
    }
}

static int kill_ (int argc, char **argv)
{
    struct kill_options k = { .signum = SIGTERM };
    int i = opt_parse (&kill_table, argc, argv, kill_set, &k);
    json_t *o;
    flux_future_t *f;
    flux_t *h;

    if (i != argc)
        opt_usage (&kill_table);
    if (!k.targets && !k.jobid && !k.all)
        cmd_die ("ERROR: specify at least one of --targets, --jobid, or --all");
    o = json_pack ("{s:i}", "signum", k.signum);
    if (k.targets)
        json_object_set_new (o, "ranks", json_string (k.targets));
    if (k.jobid)
        json_object_set_new (o, "jobid", json_integer ((json_int_t)cmd_jobid (k.jobid)));
    h = cmd_open ();
    f = flux_rpc_pack (h, "job-manager.housekeeping-kill", FLUX_NODEID_ANY, 0, "o", o);
    if (!f || flux_rpc_get (f, NULL) < 0)
        cmd_die ("ERROR: %s", f ? cmd_future_error (f) : flux_strerror (errno));
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static const struct cmd subcommands[] = {
    { "list", list, "list what is run" },
    { "kill", kill_, "send a signal to it" },
    { NULL, NULL, NULL },
};

int cmd_housekeeping (int argc, char **argv)
{
    return cmd_group ("flux housekeeping", subcommands, argc, argv);
}
