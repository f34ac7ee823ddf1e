/* resource_list.c - flux resource list, info: what the scheduler has. */

#include "config.h"
#include <stdio.h>

#include "cmd.h"
#include "format_names.h"
#include "listing.h"
#include "resource.h"

struct row {
    const char *state;
    struct rset *set;
};

#define GETTER(f)                                                                         \
    static void f (const void *item,                                                      \
                   const char *name,                                                      \
                   struct text *t,                                                        \
                   struct format_value *v)

static const struct rset *set_of (const void *item)
{
    return ((const struct row *)item)->set;
}

GETTER (get_state)
{
    format_set_string (v, ((const struct row *)item)->state);
}

GETTER (get_nnodes)
{
    format_set_int (v, rset_nnodes (set_of (item)));
}

GETTER (get_ncores)
{
    format_set_int (v, rset_count (set_of (item), RSET_CORE));
}

GETTER (get_ngpus)
{
    format_set_int (v, rset_count (set_of (item), RSET_GPU));
}

GETTER (get_nodelist)
{
    rset_nodelist (set_of (item), t);
    format_set_string (v, t->buf);
}

GETTER (get_ranks)
{
    struct idset *ids = rset_ranks (set_of (item));
    char *s = idset_encode (ids, IDSET_FLAG_RANGE);

    text_puts (t, s ? s : "");
    format_set_string (v, t->buf);
    free (s);
    idset_destroy (ids);
}

GETTER (get_rlist)
{
    rset_dumps (set_of (item), t);
    format_set_string (v, t->buf);
}

static const struct format_field fields[] = {
    { "state", NULL, get_state, "" },       { "nnodes", NULL, get_nnodes, "" },
    { "ncores", NULL, get_ncores, "" },     { "ngpus", NULL, get_ngpus, "" },
    { "nodelist", NULL, get_nodelist, "" }, { "ranks", NULL, get_ranks, "" },
    { "rlist", NULL, get_rlist, "" },       { NULL, NULL, NULL, NULL },
};

static const struct format_source source = { fields, NULL };

static const struct format_name builtin[] = {
    { "default", "Default flux-resource list format string",
      "{state:>10} {nnodes:>6} {ncores:>8} {ngpus:>8} {nodelist}" },
    { "rlist", "Format including resource list details",
      "{state:>10} {nnodes:>6} {ncores:>8} {ngpus:>8} {rlist}" },
    { NULL, NULL, NULL },
};

static const struct format_names names = { builtin, "flux-resource",
                                           "FLUX_RESOURCE_LIST_FORMAT_DEFAULT" };

enum { FREE, ALLOCATED, DOWN, UP, ALL, NSETS };

/* Fill in the sets, cut to the targets if there are some. */
static void get_sets (flux_t *h, const char *targets, struct row rows[NSETS])
{
    static const char *states[] = { "free", "allocated", "down", "up", "all" };
    json_t *o = resource_ask (h, "resource.sched-status");

    rows[ALL].set = resource_set (o, "all");
    rows[DOWN].set = resource_set (o, "down");
    rows[ALLOCATED].set = resource_set (o, "allocated");
    rows[UP].set = resource_minus (rows[ALL].set, rows[DOWN].set);
    rows[FREE].set = resource_minus (rows[UP].set, rows[ALLOCATED].set);
    if (targets) {
        struct idset *ids = resource_targets (rows[ALL].set, targets);

        for (int i = 0; i < NSETS; i++) {
            struct rset *part = resource_part (rows[i].set, ids);

            rset_free (rows[i].set);
            rows[i].set = part;
        }
        idset_destroy (ids);
    }
    for (int i = 0; i < NSETS; i++)
        rows[i].state = states[i];
    json_decref (o);
}

/* The rows that a comma list names, in its order.  Dies if one is none. */
static size_t choose (struct row rows[NSETS], const char *list, const void *items[NSETS])
{
    size_t n = 0;

    while (*list && n < NSETS) {
        size_t len = strcspn (list, ",");
        int i = 0;

        while (
            i < NSETS
            && (strlen (rows[i].state) != len || strncmp (rows[i].state, list, len) != 0))
            i++;
        if (i == NSETS)
            cmd_die ("ERROR: Invalid resource state %.*s specified", (int)len, list);
        items[n++] = &rows[i];
        list += len + (list[len] == ',');
    }
    return n;
}

static void set (int key, const char *arg, void *data)
{
    resource_option (data, key, arg);
}

#define COMMON_OPTS                                                                       \
    { 's', "states", OPT_REQUIRED, "LIST", "of: free allocated down up all" },            \
    RESOURCE_INCLUDE_OPT

static const struct opt list_opts[] = {
    COMMON_OPTS,
    RESOURCE_FORMAT_OPTS,
    OPT_END,
};

static const struct opt_table list_table = {
    .prog = "flux-resource list",
    .usage = "[OPTIONS]",
    .summary = "List what the scheduler has: what is free, allocated to jobs, and down.",
    .opts = list_opts,
    .error_exit = 2,
};

int resource_list (int argc, char **argv)
{
    struct resource_opts o = { .states = "free,allocated,down" };
    struct listing l = { .format = NULL };
    struct row rows[NSETS];
    const void *items[NSETS];
    char *format;
    flux_t *h;
    size_t n;

    if (opt_parse (&list_table, argc, argv, set, &o) < argc)
        opt_usage (&list_table);
    if (o.format)
        format_names_answer (&names, o.format);
    format = format_names_get (&names, o.format);
    l.format = listing_format (format, &source);
    l.no_header = o.no_header;
    h = cmd_open ();
    get_sets (h, o.targets, rows);
    n = choose (rows, o.states, items);
    listing_print (&l, items, n);
    for (int i = 0; i < NSETS; i++)
        rset_free (rows[i].set);
    format_free (l.format);
    free (format);
    flux_close (h);
    return 0;
}

static const struct opt info_opts[] = { COMMON_OPTS, OPT_END };

static const struct opt_table info_table = {
    .prog = "flux-resource info",
    .usage = "[OPTIONS]",
    .summary = "Count the nodes, cores and GPUs.",
    .opts = info_opts,
    .error_exit = 2,
};

static const char *plural (size_t n)
{
    return n == 1 ? "" : "s";
}

int resource_info (int argc, char **argv)
{
    struct resource_opts o = { .states = "all" };
    size_t nodes = 0, cores = 0, gpus = 0, n;
    struct row rows[NSETS];
    const void *items[NSETS];
    flux_t *h;

    if (opt_parse (&info_table, argc, argv, set, &o) < argc)
        opt_usage (&info_table);
    h = cmd_open ();
    get_sets (h, o.targets, rows);
    n = choose (rows, o.states, items);
    for (size_t i = 0; i < n; i++) {
        nodes += rset_nnodes (set_of (items[i]));
        cores += rset_count (set_of (items[i]), RSET_CORE);
        gpus += rset_count (set_of (items[i]), RSET_GPU);
    }
    printf ("%zu Node%s, %zu Core%s, %zu GPU%s\n", nodes, plural (nodes), cores,
            plural (cores), gpus, plural (gpus));
    for (int i = 0; i < NSETS; i++)
        rset_free (rows[i].set);
    flux_close (h);
    return 0;
}
