/* kvs_eventlog.c - flux kvs eventlog append, get, wait-event (RFC 18). */

#include "config.h"
#include <limits.h>
#include <math.h>
#include <stdio.h>

#include "cmd.h"
#include "common/fsd.h"
#include "common/text.h"
#include "common/utf8.h"
#include "eventfmt.h"
#include "kvs.h"

struct opts {
    struct eventfmt fmt;
    const char *ns;
    double timestamp;
    double timeout; /* < 0: none */
    bool waitcreate;
    bool watch;
    bool stream;
    bool unformatted;
    bool color_always;
    bool human;
    bool quiet;
    bool verbose;
    long long count; /* 0: no limit */
    const struct opt_table *table;
};

static const struct opt_table append_table;

static void set (int key, const char *arg, void *data)
{
    struct opts *o = data;
    char *end;

    switch (key) {
        case 'N':
            o->ns = arg;
            break;
        case 't':
            if (o->table == &append_table) {
                o->timestamp = strtod (arg, &end);
                if (end == arg || *end || !isfinite (o->timestamp))
                    cmd_die ("eventlog_entry_create: %s", strerror (EINVAL));
            }
            else if (fsd_parse (arg, &o->timeout) < 0)
                cmd_die ("invalid timeout '%s'", arg);
            break;
        case 'W':
            o->waitcreate = true;
            break;
        case 'w':
            o->watch = true;
            break;
        case 'S':
            o->stream = true;
            break;
        case 'c':
            o->count = opt_number (o->table, "count", arg, 1, INT_MAX);
            break;
        case 'u':
            o->unformatted = o->fmt.json = true;
            break;
        case 'H':
            o->human = true;
            eventfmt_set_time (&o->fmt, "human");
            break;
        case 'L':
            if (!eventfmt_set_color (&o->fmt, arg))
                cmd_die ("Invalid argument to --color: '%s'", arg);
            o->color_always = !arg || strcmp (arg, "always") == 0;
            break;
        case 'q':
            o->quiet = true;
            break;
        case 'v':
            o->verbose = true;
            break;
    }
}

static int parse (const struct opt_table *t, struct opts *o, int argc, char **argv)
{
    int i;

    memset (o, 0, sizeof (*o));
    o->timeout = -1.;
    o->table = t;
    eventfmt_set_color (&o->fmt, "auto");
    i = opt_parse (t, argc, argv, set, o);
    if (o->unformatted && (o->human || o->color_always)) {
        cmd_warn ("Do not specify --unformatted with --human or --color=always");
        cmd_die ("failed to create eventlog formatter");
    }
    return i;
}

/* -- append -- */

static const struct opt append_opts[] = {
    { 'N', "namespace", OPT_REQUIRED, "NAME", "KVS namespace" },
    { 't', "timestamp", OPT_REQUIRED, "SECONDS", "time of the event (now)" },
    OPT_END,
};

static const struct opt_table append_table = {
    .prog = "flux-kvs eventlog append",
    .usage = "[OPTIONS] KEY NAME [CONTEXT...]",
    .summary = "Append an event.  CONTEXT is a JSON object.",
    .example = "flux kvs eventlog append log start '{\"n\":1}'",
    .opts = append_opts,
};

/* The context words joined by blanks, compact; "" if there are none. */
static char *context_text (int argc, char **argv)
{
    struct text t = TEXT_INIT;
    json_t *o;
    char *s;

    if (argc == 0)
        return strdup ("");
    for (int i = 0; i < argc; i++)
        text_printf (&t, "%s%s", i ? " " : "", argv[i]);
    if (text_error (&t))
        cmd_die ("out of memory");
    o = json_loads (t.buf, JSON_ALLOW_NUL, NULL);
    if (!json_is_object (o) || !(s = json_dumps (o, JSON_COMPACT)))
        cmd_die ("eventlog_entry_create: %s", strerror (EINVAL));
    json_decref (o);
    text_fini (&t);
    return s;
}

static int append (int argc, char **argv)
{
    struct opts o;
    int i = parse (&append_table, &o, argc, argv);
    _cleanup_ (freep) char *context = NULL;
    struct text t = TEXT_INIT;
    const char *name;
    struct timespec ts;
    flux_kvs_txn_t *txn;
    flux_future_t *f;
    flux_t *h;

    if (argc - i < 2)
        opt_usage (&append_table);
    name = argv[i + 1];
    if (o.timestamp < 0 || !*name || !utf8_valid (name, strlen (name)))
        cmd_die ("eventlog_entry_create: %s", strerror (EINVAL));
    if (o.timestamp == 0) {
        clock_gettime (CLOCK_REALTIME, &ts);
        o.timestamp = ts.tv_sec + 1e-9 * ts.tv_nsec;
    }
    context = context_text (argc - i - 2, argv + i + 2);
    text_puts (&t, "{\"timestamp\":");
    text_put_real (&t, o.timestamp);
    text_puts (&t, ",\"name\":");
    text_put_json_string (&t, name, strlen (name));
    if (*context)
        text_printf (&t, ",\"context\":%s", context);
    text_puts (&t, "}\n");
    if (text_error (&t) || !(txn = flux_kvs_txn_create ()))
        cmd_die ("out of memory");
    if (flux_kvs_txn_put (txn, FLUX_KVS_APPEND, argv[i], t.buf) < 0)
        cmd_die ("%s: %s", argv[i], flux_strerror (errno));
    h = cmd_open ();
    if (!(f = flux_kvs_commit (h, o.ns, 0, txn)) || flux_future_get (f, NULL) < 0)
        kvs_die ("flux_kvs_commit", f);
    flux_future_destroy (f);
    flux_kvs_txn_destroy (txn);
    text_fini (&t);
    flux_close (h);
    return 0;
}

/* -- get, wait-event -- */

#define READ_OPTS                                                                         \
    { 'N', "namespace", OPT_REQUIRED, "NAME", "KVS namespace" },                          \
    { 'W', "waitcreate", OPT_NONE, NULL, "wait until the key exists" },                   \
    { 'u', "unformatted", OPT_NONE, NULL, "print entries as they are stored" },           \
    { 'H', "human", OPT_NONE, NULL, "human times" },                                      \
    { 'L', "color", OPT_OPTIONAL, "WHEN", "always, never or auto" }

static const struct opt get_opts[] = {
    READ_OPTS,
    { 'w', "watch", OPT_NONE, NULL, "go on printing new events" },
    { 'c', "count", OPT_REQUIRED, "N", "with -w: stop after N events" },
    { 'S', "stream", OPT_NONE, NULL, "fetch a big log piece by piece" },
    OPT_END,
};

static const struct opt_table get_table = {
    .prog = "flux-kvs eventlog get",
    .usage = "[OPTIONS] KEY",
    .summary = "Print the events of a log.",
    .opts = get_opts,
};

/* The entries in the current response; NULL at the end, with errno. */
static json_t *entries (flux_future_t *f)
{
    const char *s;
    json_t *array;

    if (flux_kvs_lookup_get (f, &s) < 0)
        return NULL;
    if (!(array = eventfmt_decode (s ? s : "")))
        cmd_die ("cannot decode improperly formatted eventlog");
    return array;
}

static flux_future_t *lookup (flux_t *h, const struct opts *o, const char *key, bool watch)
{
    int flags = (o->waitcreate ? FLUX_KVS_WAITCREATE : 0)
                | (watch ? FLUX_KVS_WATCH | FLUX_KVS_WATCH_APPEND : 0)
                | (o->stream ? FLUX_KVS_STREAM : 0);
    flux_future_t *f = flux_kvs_lookup (h, o->ns, flags, key);

    if (!f)
        kvs_die ("flux_kvs_lookup", NULL);
    return f;
}

static int get (int argc, char **argv)
{
    struct opts o;
    int i = parse (&get_table, &o, argc, argv);
    long long seen = 0;
    bool streaming, done = false;
    json_t *array, *entry;
    flux_future_t *f;
    flux_t *h;
    size_t k;

    if (argc - i != 1)
        opt_usage (&get_table);
    h = cmd_open ();
    f = lookup (h, &o, argv[i], o.watch);
    streaming = o.watch || o.stream;
    while (!done && (array = entries (f))) {
        json_array_foreach (array, k, entry) {
            if (done)
                break;
            eventfmt_print (&o.fmt, entry, stdout);
            done = o.watch && ++seen == o.count;
        }
        fflush (stdout);
        json_decref (array);
        if (!streaming)
            done = true;
        flux_future_reset (f);
    }
    if (!done && errno != ENODATA)
        cmd_die ("flux_kvs_lookup_get: %s", flux_strerror (errno));
    if (done && streaming)
        flux_kvs_lookup_cancel (f);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static const struct opt wait_opts[] = {
    READ_OPTS,
    { 't', "timeout", OPT_REQUIRED, "DURATION", "give up after this time" },
    { 'q', "quiet", OPT_NONE, NULL, "do not print the event" },
    { 'v', "verbose", OPT_NONE, NULL, "print the events before it too" },
    OPT_END,
};

static const struct opt_table wait_table = {
    .prog = "flux-kvs eventlog wait-event",
    .usage = "[OPTIONS] KEY EVENT",
    .summary = "Wait for an event and print it.",
    .opts = wait_opts,
};

static int wait_event (int argc, char **argv)
{
    struct opts o;
    int i = parse (&wait_table, &o, argc, argv);
    const char *key, *event;
    bool found = false;
    json_t *array, *entry;
    flux_future_t *f;
    flux_t *h;
    size_t k;

    if (argc - i != 2)
        opt_usage (&wait_table);
    key = argv[i];
    event = argv[i + 1];
    h = cmd_open ();
    f = lookup (h, &o, key, true);
    while (!found) {
        if (flux_future_wait_for (f, o.timeout) < 0 || !(array = entries (f))) {
            if (errno == ENOENT)
                cmd_die ("eventlog path %s not found", key);
            if (errno == ETIMEDOUT)
                cmd_die ("wait-event timeout on event '%s'", event);
            if (errno == ENODATA)
                cmd_die ("event '%s' never received", event);
            kvs_die ("flux_kvs_lookup_get", f);
        }
        json_array_foreach (array, k, entry) {
            if (found)
                break;
            found = strcmp (json_string_value (json_object_get (entry, "name")), event) == 0;
            if (found ? !o.quiet : o.verbose)
                eventfmt_print (&o.fmt, entry, stdout);
            else
                eventfmt_skip (&o.fmt, entry);
        }
        fflush (stdout);
        json_decref (array);
        flux_future_reset (f);
    }
    flux_kvs_lookup_cancel (f);
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}

static const struct cmd subcommands[] = {
    { "append", append, "append an event" },
    { "get", get, "print events" },
    { "wait-event", wait_event, "wait for an event" },
    { NULL, NULL, NULL },
};

int kvs_eventlog (int argc, char **argv)
{
    return cmd_group ("flux kvs eventlog", subcommands, argc, argv);
}
