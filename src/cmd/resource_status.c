/* resource_status.c - flux resource status, drain, undrain: which nodes may be
 * used.
 */

#include "config.h"
#include <langinfo.h>
#include <stdio.h>

#include "cmd.h"
#include "format_names.h"
#include "listing.h"
#include "resource.h"

/* Nodes that are in the same state for the same reason. */
struct group {
    const char *state;
    bool up;
    double timestamp;   /* drained nodes: since when */
    const char *reason; /* and why, "" if nobody said */
    struct rset *set;
};

struct groups {
    struct group *v;
    size_t n;
};

#define GETTER(f)                                                                         \
    static void f (const void *item,                                                      \
                   const char *name,                                                      \
                   struct text *t,                                                        \
                   struct format_value *v)

GETTER (get_state)
{
    const struct group *g = item;

    text_printf (t, "%s%s", g->state, g->up || strcmp (name, "statex") != 0 ? "" : "*");
    format_set_string (v, t->buf);
}

GETTER (get_up)
{
    bool utf8 = strcmp (nl_langinfo (CODESET), "UTF-8") == 0;
    bool up = ((const struct group *)item)->up;

    format_set_string (v, up ? (utf8 ? "\u2714" : "y") : (utf8 ? "\u2717" : "n"));
}

GETTER (get_timestamp)
{
    format_set_real (v, ((const struct group *)item)->timestamp);
}

GETTER (get_reason)
{
    format_set_string (v, ((const struct group *)item)->reason);
}

GETTER (get_nnodes)
{
    format_set_int (v, rset_nnodes (((const struct group *)item)->set));
}

GETTER (get_nodelist)
{
    rset_nodelist (((const struct group *)item)->set, t);
    format_set_string (v, t->buf);
}

GETTER (get_ranks)
{
    struct idset *ids = rset_ranks (((const struct group *)item)->set);
    char *s = idset_encode (ids, IDSET_FLAG_RANGE);

    text_puts (t, s ? s : "");
    format_set_string (v, t->buf);
    free (s);
    idset_destroy (ids);
}

static const struct format_field fields[] = {
    { "state", NULL, get_state, "" },
    { "statex", "STATE", get_state, "" },
    { "up", NULL, get_up, "" },
    { "timestamp", NULL, get_timestamp, "" },
    { "reason", NULL, get_reason, "" },
    { "nnodes", NULL, get_nnodes, "" },
    { "ranks", NULL, get_ranks, "" },
    { "nodelist", NULL, get_nodelist, "" },
    { NULL, NULL, NULL, NULL },
};

static const struct format_source source = { fields, NULL };

static const struct format_name status_formats[] = {
    { "default", "Default flux-resource status format string",
      "{state:>10} {up:>2} {nnodes:>6} {nodelist}" },
    { "long", "Long flux-resource status format string",
      "{state:>10} {up:>2} {nnodes:>6} {reason:<30.30+} {nodelist}" },
    { NULL, NULL, NULL },
};

static const struct format_name drain_formats[] = {
    { "default", "Default flux-resource drain format string",
      "{timestamp!d:%b%d %R::<12} {state:<8.8} {ranks:<8.8+} {reason:<30.30+} "
      "{nodelist}" },
    { "long", "Long flux-resource drain format string",
      "{timestamp!D:<20} {state:<8.8} {ranks:<8} {reason:<30} {nodelist}" },
    { NULL, NULL, NULL },
};

static const struct format_names status_names = { status_formats, "flux-resource",
                                                  "FLUX_RESOURCE_STATUS_FORMAT_DEFAULT" };
static const struct format_names drain_names = { drain_formats, "flux-resource",
                                                 "FLUX_RESOURCE_DRAIN_FORMAT_DEFAULT" };

/* -- gathering -- */

struct state {
    struct rset *all;
    json_t *answer; /* of resource.status */
    struct idset *online;
    struct idset *exclude;
    struct idset *allocated; /* ranks that jobs use */
    struct idset *only;      /* -i, NULL: all */
};

static void state_init (struct state *st, flux_t *h, const char *targets)
{
    json_t *sched = resource_ask (h, "resource.sched-status");
    struct rset *allocated = resource_set (sched, "allocated");

    st->answer = resource_ask (h, "resource.status");
    st->all = resource_set (st->answer, "R");
    st->online = resource_idset (
        json_string_value (json_object_get (st->answer, "online")));
    st->exclude = resource_idset (
        json_string_value (json_object_get (st->answer, "exclude")));
    st->allocated = rset_ranks (allocated);
    st->only = targets ? resource_targets (st->all, targets) : NULL;
    rset_free (allocated);
    json_decref (sched);
}

static void state_fini (struct state *st)
{
    rset_free (st->all);
    json_decref (st->answer);
    idset_destroy (st->online);
    idset_destroy (st->exclude);
    idset_destroy (st->allocated);
    idset_destroy (st->only);
}

/* Add the group of these ranks, unless there are none; ranks is consumed. */
static void add_group (struct groups *gs,
                       const struct state *st,
                       const struct group *like,
                       struct idset *ranks,
                       bool even_if_empty)
{
    struct group *g;

    if (st->only) {
        struct idset *part = idset_intersect (ranks, st->only);

        idset_destroy (ranks);
        ranks = part;
    }
    if (!ranks)
        cmd_die ("ERROR: out of memory");
    if (idset_count (ranks) > 0 || even_if_empty) {
        gs->v = cmd_grow (gs->v, gs->n, sizeof (gs->v[0]));
        g = &gs->v[gs->n++];
        *g = *like;
        g->set = resource_part (st->all, ranks);
    }
    idset_destroy (ranks);
}

static void groups_fini (struct groups *gs)
{
    for (size_t i = 0; i < gs->n; i++)
        rset_free (gs->v[i].set);
    free (gs->v);
}

/* The same ranks twice: those that are online, and the others. */
static void add_up_and_down (struct groups *gs,
                             const struct state *st,
                             struct group like,
                             const struct idset *ranks,
                             bool even_if_empty)
{
    like.up = true;
    add_group (gs, st, &like, idset_intersect (ranks, st->online), even_if_empty);
    like.up = false;
    add_group (gs, st, &like, idset_difference (ranks, st->online), false);
}

/* Drained nodes that jobs still use are draining.  Adds all to 'drained'. */
static void add_drained (struct groups *gs, const struct state *st, struct idset *drained)
{
    json_t *o;
    const char *key;

    json_object_foreach (json_object_get (st->answer, "drain"), key, o) {
        struct idset *ranks = resource_idset (key);
        struct idset *busy = idset_intersect (ranks, st->allocated);
        struct idset *idle = idset_difference (ranks, st->allocated);
        const char *reason = json_string_value (json_object_get (o, "reason"));
        struct group like = {
            .timestamp = json_number_value (json_object_get (o, "timestamp")),
            .reason = reason ? reason : "",
        };

        like.state = "draining";
        add_up_and_down (gs, st, like, busy, false);
        like.state = "drained";
        add_up_and_down (gs, st, like, idle, false);
        if (idset_add (drained, ranks) < 0)
            cmd_die ("ERROR: out of memory");
        idset_destroy (ranks);
        idset_destroy (busy);
        idset_destroy (idle);
    }
}

static void add_all (struct groups *gs, const struct state *st)
{
    struct idset *drained = resource_idset (NULL), *avail = rset_ranks (st->all);
    struct groups later = { NULL, 0 };
    struct group like = { .reason = "" };

    add_drained (&later, st, drained);
    if (idset_subtract (avail, drained) < 0 || idset_subtract (avail, st->exclude) < 0)
        cmd_die ("ERROR: out of memory");
    like.state = "avail";
    add_up_and_down (gs, st, like, avail, true);
    like.state = "exclude";
    add_up_and_down (gs, st, like, st->exclude, false);
    for (size_t i = 0; i < later.n; i++) {
        gs->v = cmd_grow (gs->v, gs->n, sizeof (gs->v[0]));
        gs->v[gs->n++] = later.v[i];
    }
    free (later.v);
    idset_destroy (drained);
    idset_destroy (avail);
}

/* -- options -- */

struct opts {
    struct resource_opts show;
    const char *mode; /* of draining */
};

static void set (int key, const char *arg, void *data)
{
    struct opts *o = data;

    if (resource_option (&o->show, key, arg))
        return;
    if (key == 'u')
        o->mode = "update";
    else if (o->mode && strcmp (o->mode, "overwrite") == 0)
        o->mode = "force-overwrite";
    else
        o->mode = "overwrite";
}

/* Is the group's state, or whether it is up, in the comma list? */
static bool listed (const struct group *g, const char *list)
{
    while (*list) {
        size_t len = strcspn (list, ",");
        const char *names[] = {
            g->state,
            g->up ? "online" : "offline",
            strncmp (g->state, "drain", 5) == 0 ? "drain" : "all",
            "all",
        };

        for (size_t i = 0; i < ARRAY_SIZE (names); i++) {
            if (strlen (names[i]) == len && strncmp (names[i], list, len) == 0)
                return true;
        }
        list += len + (list[len] == ',');
    }
    return false;
}

static void check_states (const char *list)
{
    static const char *known[] = { "all",   "online",   "offline", "avail",
                                   "exclude", "draining", "drained", "drain" };

    while (*list) {
        size_t len = strcspn (list, ","), i = 0;

        while (i < ARRAY_SIZE (known)
               && (strlen (known[i]) != len || strncmp (known[i], list, len) != 0))
            i++;
        if (i == ARRAY_SIZE (known))
            cmd_die ("ERROR: Invalid resource state %.*s specified", (int)len, list);
        list += len + (list[len] == ',');
    }
}

/* Print the groups that o->states names. */
static int print_groups (const struct resource_opts *o, const struct format_names *names)
{
    char *format = format_names_get (names, o->format);
    struct listing l = { listing_format (format, &source), o->no_header, 0, NULL };
    flux_t *h = cmd_open ();
    struct groups gs = { NULL, 0 };
    struct state st;
    const void **items;
    size_t n = 0;

    state_init (&st, h, o->targets);
    add_all (&gs, &st);
    if (!(items = calloc (gs.n + 1, sizeof (items[0]))))
        cmd_die ("ERROR: out of memory");
    for (size_t i = 0; i < gs.n; i++) {
        if (listed (&gs.v[i], o->states))
            items[n++] = &gs.v[i];
    }
    listing_print (&l, items, n);
    free (items);
    groups_fini (&gs);
    state_fini (&st);
    format_free (l.format);
    free (format);
    flux_close (h);
    return 0;
}

static const struct opt status_opts[] = {
    { 's', "states", OPT_REQUIRED, "LIST",
      "of: avail exclude draining drained drain online offline all" },
    RESOURCE_FORMAT_OPTS,
    RESOURCE_INCLUDE_OPT,
    OPT_END,
};

static const struct opt_table status_table = {
    .prog = "flux-resource status",
    .usage = "[OPTIONS]",
    .summary = "List which nodes may be used, and which not.",
    .opts = status_opts,
    .error_exit = 2,
};

int resource_status (int argc, char **argv)
{
    struct opts o = { .show = { .states = "all" } };

    if (opt_parse (&status_table, argc, argv, set, &o) < argc)
        opt_usage (&status_table);
    check_states (o.show.states);
    if (o.show.format)
        format_names_answer (&status_names, o.show.format);
    return print_groups (&o.show, &status_names);
}

/* -- drain, undrain -- */

static int send (const char *topic, const struct opts *o, int argc, char **argv)
{
    _cleanup_ (freep) char *reason = argc > 1 ? cmd_join (argc - 1, argv + 1) : NULL;
    flux_t *h = cmd_open ();
    flux_future_t *f = flux_rpc_pack (h, topic, 0, 0, "{s:s s:s* s:s*}", "targets",
                                      argv[0], "reason", reason, "mode", o->mode);

    if (!f || flux_rpc_get (f, NULL) < 0)
        cmd_die ("ERROR: %s", f ? cmd_future_error (f) : flux_strerror (errno));
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static const struct opt drain_opts[] = {
    { 'f', "force", OPT_NONE, NULL,
      "also if they are; a new reason takes the place of the old" },
    { 'u', "update", OPT_NONE, NULL,
      "also if they are; set the reason where there is none" },
    RESOURCE_FORMAT_OPTS,
    RESOURCE_INCLUDE_OPT,
    OPT_END,
};

static const struct opt_table drain_table = {
    .prog = "flux-resource drain",
    .usage = "[OPTIONS] [TARGETS [REASON...]]",
    .summary =
        "Keep nodes, by rank or name, from being given to jobs; or list those that are.",
    .example = "flux resource drain 3-5 bad memory",
    .opts = drain_opts,
    .error_exit = 2,
    .intermixed = true,
};

int resource_drain (int argc, char **argv)
{
    struct opts o = { .show = { .states = "drain" } };
    int i = opt_parse (&drain_table, argc, argv, set, &o);

    if (i < argc)
        return send ("resource.drain", &o, argc - i, argv + i);
    if (o.show.format)
        format_names_answer (&drain_names, o.show.format);
    return print_groups (&o.show, &drain_names);
}

static const struct opt undrain_opts[] = {
    { 'f', "force", OPT_NONE, NULL, "also if some are not drained" },
    OPT_END,
};

static const struct opt_table undrain_table = {
    .prog = "flux-resource undrain",
    .usage = "[OPTIONS] TARGETS [REASON...]",
    .summary = "Let nodes be given to jobs again.",
    .opts = undrain_opts,
    .error_exit = 2,
    .intermixed = true,
};

static void undrain_set (int key, const char *arg, void *data)
{
    ((struct opts *)data)->mode = "update";
}

int resource_undrain (int argc, char **argv)
{
    struct opts o = { .mode = NULL };
    int i = opt_parse (&undrain_table, argc, argv, undrain_set, &o);

    if (i == argc)
        opt_usage (&undrain_table);
    return send ("resource.undrain", &o, argc - i, argv + i);
}
