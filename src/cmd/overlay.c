/* overlay.c - flux overlay: the tree of brokers. */

#include "config.h"
#include <flux/hostlist.h>
#include <flux/idset.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>

#include "cmd.h"
#include "common/fsd.h"
#include "common/text.h"
#include "trace.h"

/* Who is who */

struct instance {
    flux_t *h;
    struct hostlist *hosts;
    uint32_t size;
    json_t *topology; /* of rank 0 */
    flux_future_t *f; /* ... holds it */
};

static void instance_open (struct instance *in)
{
    const char *s;

    in->h = cmd_open ();
    if (flux_get_size (in->h, &in->size) < 0
        || !(s = flux_attr_get (in->h, "hostlist"))
        || !(in->hosts = hostlist_decode (s)))
        cmd_die ("hostlist: %s", flux_strerror (errno));
    if (!(in->f = flux_rpc_pack (in->h, "overlay.topology", 0, 0, "{s:i}", "rank", 0))
        || flux_rpc_get_unpack (in->f, "o", &in->topology) < 0)
        cmd_die ("overlay.topology: %s", cmd_future_error (in->f));
}

static void instance_close (struct instance *in)
{
    hostlist_destroy (in->hosts);
    flux_future_destroy (in->f);
    flux_close (in->h);
}

/* Valid until it is called again. */
static const char *host (struct instance *in, uint32_t rank)
{
    const char *s = hostlist_nth (in->hosts, rank);

    return s ? s : "?";
}

/* A rank by number or host name. */
static uint32_t find_rank (struct instance *in, const char *target)
{
    char *end;
    unsigned long rank = strtoul (target, &end, 10);
    int n;

    if (*target >= '0' && *target <= '9' && !*end) {
        if (rank >= in->size)
            cmd_die ("%s is not a valid rank in this instance", target);
        return rank;
    }
    if ((n = hostlist_find (in->hosts, target)) < 0)
        cmd_die ("%s: no such host in this instance", target);
    return n;
}

/* The parent of rank in the tree below o, -1 if it is not in there, or its root. */
static int find_parent (json_t *o, int rank)
{
    json_t *child;
    size_t i;
    int parent;

    json_array_foreach (json_object_get (o, "children"), i, child) {
        if (json_integer_value (json_object_get (child, "rank")) == rank)
            return json_integer_value (json_object_get (o, "rank"));
        if ((parent = find_parent (child, rank)) >= 0)
            return parent;
    }
    return -1;
}

static json_t *find_subtree (json_t *o, int rank)
{
    json_t *child, *found;
    size_t i;

    if (json_integer_value (json_object_get (o, "rank")) == rank)
        return o;
    json_array_foreach (json_object_get (o, "children"), i, child) {
        if ((found = find_subtree (child, rank)))
            return found;
    }
    return NULL;
}

/* Status */

struct status_args {
    const char *rank;
    bool verbose;
    bool summary;
    bool down; /* only what is not full, and the way there */
    bool plain;
    const char *wait;
    double timeout;
};

static const struct opt status_opts[] = {
    { 'r', "rank", OPT_REQUIRED, "RANK", "the subtree of this rank (0)" },
    { 'v', "verbose", OPT_NONE, NULL, "how long it has been so" },
    { 's', "summary", OPT_NONE, NULL, "only the status of the whole subtree" },
    { 'd', "down", OPT_NONE, NULL, "only where something is missing" },
    { 'p', "no-pretty", OPT_NONE, NULL, "no lines between parents and children" },
    { 'w', "wait", OPT_REQUIRED, "STATUS", "wait until the subtree has this status" },
    { 't', "timeout", OPT_REQUIRED, "FSD", "... or so long" },
    OPT_END,
};

static const struct opt_table status_table = {
    .prog = "flux-overlay status",
    .usage = "[OPTIONS]",
    .summary = "Show the brokers, and how they are: full, partial, degraded, lost or "
               "offline.",
    .opts = status_opts,
};

static void status_set (int key, const char *arg, void *data)
{
    struct status_args *a = data;

    switch (key) {
        case 'r':
            a->rank = arg;
            break;
        case 'v':
            a->verbose = true;
            break;
        case 's':
            a->summary = true;
            break;
        case 'd':
            a->down = true;
            break;
        case 'p':
            a->plain = true;
            break;
        case 'w':
            a->wait = arg;
            break;
        case 't':
            if (fsd_parse (arg, &a->timeout) < 0)
                opt_error (&status_table, "--timeout: '%s' is no duration", arg);
            break;
    }
}

static void print_node (struct instance *in,
                        const struct status_args *a,
                        uint32_t rank,
                        const char *status,
                        double duration)
{
    char fsd[FSD_BUFSIZE] = "";

    printf ("%u %s: %s", (unsigned int)rank, host (in, rank), status);
    if (a->verbose && duration >= 0
        && fsd_format_prec (fsd, sizeof (fsd), duration, 3) >= 0)
        printf (" for %s", fsd);
    printf ("\n");
}

static void print_children (struct instance *in,
                            const struct status_args *a,
                            json_t *topology,
                            json_t *health,
                            const char *prefix);

static json_t *get_health (struct instance *in, uint32_t rank, flux_future_t **f)
{
    json_t *o;

    if (!(*f = flux_rpc (in->h, "overlay.health", NULL, rank, 0))
        || flux_rpc_get_unpack (*f, "o", &o) < 0)
        return NULL;
    return o;
}

/* What comes before the children of a child; the caller frees it. */
static char *indent (const struct status_args *a, const char *prefix, bool last)
{
    char *s;

    if (asprintf (&s, "%s%s", prefix, a->plain ? "  " : last ? "   " : "│  ") < 0)
        cmd_die ("out of memory");
    return s;
}

/* What lies below a broker that cannot be asked. */
static void print_unreachable (struct instance *in,
                               const struct status_args *a,
                               json_t *topology,
                               const char *status,
                               const char *prefix)
{
    json_t *children = json_object_get (topology, "children"), *child;
    char *deeper;
    size_t i;

    json_array_foreach (children, i, child) {
        bool last = i + 1 == json_array_size (children);

        printf ("%s%s", prefix, a->plain ? "  " : last ? "└─ " : "├─ ");
        print_node (
            in, a, json_integer_value (json_object_get (child, "rank")), status, -1);
        deeper = indent (a, prefix, last);
        print_unreachable (in, a, child, status, deeper);
        free (deeper);
    }
}

static void print_child (struct instance *in,
                         const struct status_args *a,
                         json_t *topology,
                         json_t *child,
                         const char *prefix,
                         bool last)
{
    const char *status = "?";
    flux_future_t *f = NULL;
    json_t *health, *subtree;
    double duration = 0;
    char *deeper;
    int rank = 0;

    (void)json_unpack (child, "{s:i s:s s:f}", "rank", &rank, "status", &status,
                       "duration", &duration);
    if (a->down && strcmp (status, "full") == 0)
        return;
    printf ("%s%s", prefix, a->plain ? "  " : last ? "└─ " : "├─ ");
    print_node (in, a, rank, status, duration);
    deeper = indent (a, prefix, last);
    subtree = find_subtree (topology, rank);
    if (strcmp (status, "lost") == 0 || strcmp (status, "offline") == 0
        || !(health = get_health (in, rank, &f)))
        print_unreachable (in, a, subtree, status, deeper);
    else
        print_children (in, a, subtree, health, deeper);
    free (deeper);
    flux_future_destroy (f);
}

static void print_children (struct instance *in,
                            const struct status_args *a,
                            json_t *topology,
                            json_t *health,
                            const char *prefix)
{
    json_t *children = json_object_get (health, "children"), *child;
    size_t i;

    json_array_foreach (children, i, child)
        print_child (
            in, a, topology, child, prefix, i + 1 == json_array_size (children));
}

/* Until the subtree has this status; that is known when it changes. */
static void wait_status (struct instance *in, const struct status_args *a, uint32_t rank)
{
    const char *status;
    flux_future_t *f;

    if (!(f = flux_rpc (in->h, "overlay.health", NULL, rank, FLUX_RPC_STREAMING)))
        cmd_die ("overlay.health: %s", flux_strerror (errno));
    for (;;) {
        if (flux_future_wait_for (f, a->timeout > 0 ? a->timeout : -1.) < 0
            && errno == ETIMEDOUT)
            cmd_die ("timed out waiting for status '%s'", a->wait);
        if (flux_rpc_get_unpack (f, "{s:s}", "status", &status) < 0)
            cmd_die ("overlay.health: %s", cmd_future_error (f));
        if (strcmp (status, a->wait) == 0)
            break;
        flux_future_reset (f);
    }
    flux_future_destroy (f);
}

static int overlay_status (int argc, char **argv)
{
    struct status_args a = { 0 };
    struct instance in;
    flux_future_t *f;
    const char *status = "?";
    double duration = 0;
    json_t *health;
    uint32_t rank;

    if (opt_parse (&status_table, argc, argv, status_set, &a) < argc)
        opt_usage (&status_table);
    instance_open (&in);
    rank = a.rank ? find_rank (&in, a.rank) : 0;
    if (a.wait)
        wait_status (&in, &a, rank);
    if (!(health = get_health (&in, rank, &f)))
        cmd_die ("rank %u: %s", (unsigned int)rank, cmd_future_error (f));
    (void)json_unpack (health, "{s:s s:f}", "status", &status, "duration", &duration);
    if (a.summary)
        printf ("%s\n", status);
    else {
        print_node (&in, &a, rank, status, duration);
        print_children (&in, &a, find_subtree (in.topology, rank), health, "");
    }
    flux_future_destroy (f);
    instance_close (&in);
    return 0;
}

/* Errors: who was lost, and why */

static const struct opt_table errors_table = {
    .prog = "flux-overlay errors",
    .usage = "",
    .summary = "Show which brokers were lost, and why.",
};

static void print_errors (struct instance *in, json_t *topology, uint32_t rank)
{
    json_t *children, *child;
    const char *status, *why;
    flux_future_t *f;
    json_t *health;
    size_t i;
    int r;

    if ((health = get_health (in, rank, &f))) {
        children = json_object_get (health, "children");
        json_array_foreach (children, i, child) {
            why = NULL;
            if (json_unpack (child, "{s:i s:s s?s}", "rank", &r, "status", &status,
                             "error", &why)
                < 0)
                continue;
            if (why)
                printf ("%d %s: %s\n", r, host (in, r), why);
            else if (strcmp (status, "full") != 0)
                print_errors (in, find_subtree (topology, r), r);
        }
    }
    flux_future_destroy (f);
}

static int overlay_errors (int argc, char **argv)
{
    struct instance in;

    if (opt_parse (&errors_table, argc, argv, NULL, NULL) < argc)
        opt_usage (&errors_table);
    instance_open (&in);
    print_errors (&in, in.topology, 0);
    instance_close (&in);
    return 0;
}

/* Ranks to hosts and back */

static const struct opt_table lookup_table = {
    .prog = "flux-overlay lookup",
    .usage = "RANKS|HOSTS",
    .summary = "Translate ranks to hosts, or hosts to ranks.",
    .example = "flux overlay lookup 0-3",
};

static void lookup_hosts (struct instance *in, const struct idset *ids, const char *what)
{
    struct hostlist *hl = hostlist_create ();
    unsigned int id;
    char *s;

    for (id = idset_first (ids); id != IDSET_INVALID_ID; id = idset_next (ids, id)) {
        if (id >= in->size)
            cmd_die ("%s: rank %u is not in this instance", what, id);
        if (!hl || hostlist_append (hl, host (in, id)) < 0)
            cmd_die ("out of memory");
    }
    if (!(s = hostlist_encode (hl)))
        cmd_die ("out of memory");
    printf ("%s\n", s);
    free (s);
    hostlist_destroy (hl);
}

static void lookup_ranks (struct instance *in, const char *what)
{
    struct hostlist *hl = hostlist_decode (what);
    struct idset *ids = idset_create (0, IDSET_FLAG_AUTOGROW);
    const char *name;
    char *s;

    if (!hl || !ids)
        cmd_die ("%s: neither ranks nor hosts", what);
    for (name = hostlist_first (hl); name; name = hostlist_next (hl))
        (void)idset_set (ids, find_rank (in, name));
    if (!(s = idset_encode (ids, IDSET_FLAG_RANGE)))
        cmd_die ("out of memory");
    printf ("%s\n", s);
    free (s);
    idset_destroy (ids);
    hostlist_destroy (hl);
}

static int overlay_lookup (int argc, char **argv)
{
    int i = opt_parse (&lookup_table, argc, argv, NULL, NULL);
    struct instance in;
    struct idset *ids;

    if (argc - i != 1)
        opt_usage (&lookup_table);
    instance_open (&in);
    if ((ids = idset_decode (argv[i])))
        lookup_hosts (&in, ids, argv[i]);
    else
        lookup_ranks (&in, argv[i]);
    idset_destroy (ids);
    instance_close (&in);
    return 0;
}

/* Parent */

static const struct opt_table parentof_table = {
    .prog = "flux-overlay parentof",
    .usage = "RANK|HOST",
    .summary = "Print the rank of a broker's parent.",
};

static int overlay_parentof (int argc, char **argv)
{
    int i = opt_parse (&parentof_table, argc, argv, NULL, NULL);
    struct instance in;
    uint32_t rank;

    if (argc - i != 1)
        opt_usage (&parentof_table);
    instance_open (&in);
    if ((rank = find_rank (&in, argv[i])) == 0)
        cmd_die ("rank 0 has no parent");
    printf ("%d\n", find_parent (in.topology, rank));
    instance_close (&in);
    return 0;
}

/* Disconnect */

static const struct opt disconnect_opts[] = {
    { 'r', "parent", OPT_REQUIRED, "RANK", "its parent, if that is known better" },
    OPT_END,
};

static const struct opt_table disconnect_table = {
    .prog = "flux-overlay disconnect",
    .usage = "[OPTIONS] RANK|HOST",
    .summary = "Cut a broker, and all below it, off the instance.",
    .opts = disconnect_opts,
};

static void set_string (int key, const char *arg, void *data)
{
    *(const char **)data = arg;
}

static int overlay_disconnect (int argc, char **argv)
{
    const char *parent_arg = NULL;
    int i = opt_parse (&disconnect_table, argc, argv, set_string, &parent_arg);
    struct instance in;
    flux_future_t *f;
    uint32_t rank;
    int parent;

    if (argc - i != 1)
        opt_usage (&disconnect_table);
    instance_open (&in);
    if ((rank = find_rank (&in, argv[i])) == 0)
        cmd_die ("cannot disconnect rank 0: it has no parent");
    parent = parent_arg ? (int)find_rank (&in, parent_arg)
                        : find_parent (in.topology, rank);
    fprintf (stderr, "flux-overlay: asking %s (rank %d)", host (&in, parent), parent);
    fprintf (stderr, " to disconnect child %s (rank %u)\n", host (&in, rank),
             (unsigned int)rank);
    if (!(f = flux_rpc_pack (in.h, "overlay.disconnect-subtree", parent, 0, "{s:i}",
                             "rank", (int)rank))
        || flux_rpc_get (f, NULL) < 0)
        cmd_die ("%s", f ? cmd_future_error (f) : flux_strerror (errno));
    flux_future_destroy (f);
    instance_close (&in);
    return 0;
}

static int overlay_trace (int argc, char **argv)
{
    return cmd_trace ("flux-overlay trace", "overlay.trace", true, argc, argv);
}

static const struct cmd subcommands[] = {
    { "status", overlay_status, "show the brokers and how they are" },
    { "errors", overlay_errors, "show which brokers were lost, and why" },
    { "lookup", overlay_lookup, "translate ranks to hosts and back" },
    { "parentof", overlay_parentof, "print the rank of a broker's parent" },
    { "disconnect", overlay_disconnect, "cut a broker off" },
    { "trace", overlay_trace, "show the messages between brokers" },
    { NULL, NULL, NULL },
};

int cmd_overlay (int argc, char **argv)
{
    return cmd_group ("flux overlay", subcommands, argc, argv);
}
