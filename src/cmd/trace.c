#include "config.h"
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>

#include "cmd.h"
#include "trace.h"

struct trace {
    bool peers;
    bool full;
    bool human;
    bool delta;
    const char *glob;
    int typemask;
    double first; /* timestamps */
    double last;
};

static const struct opt opts[] = {
    { 'f', "full", OPT_NONE, NULL, "show the payloads too" },
    { 'T', "topic", OPT_REQUIRED, "GLOB", "only messages with such a topic" },
    { 't', "type", OPT_REQUIRED, "TYPE,...",
      "only these types: request, response, event, control" },
    { 'H', "human", OPT_NONE, NULL, "times since the first message" },
    { 'd', "delta", OPT_NONE, NULL, "with -H: since the message before" },
    OPT_END,
};

static const char *const types[] = { "request", "response", "event", "control" };
static const char marks[] = "><ec";

static int parse_types (const struct opt_table *table, const char *arg)
{
    _cleanup_ (freep) char *copy = cmd_strndup (arg, strlen (arg));
    int mask = 0;

    for (char *w = strtok (copy, ","); w; w = strtok (NULL, ",")) {
        size_t i;

        for (i = 0; i < ARRAY_SIZE (types) && strcmp (w, types[i]) != 0; i++)
            ;
        if (i == ARRAY_SIZE (types))
            opt_error (table, "--type: '%s' is no type of message", w);
        mask |= 1 << i;
    }
    return mask;
}

static const struct opt_table *current;

static void set (int key, const char *arg, void *data)
{
    struct trace *t = data;

    switch (key) {
        case 'f':
            t->full = true;
            break;
        case 'T':
            t->glob = arg;
            break;
        case 't':
            t->typemask = parse_types (current, arg);
            break;
        case 'H':
            t->human = true;
            break;
        case 'd':
            t->delta = true;
            break;
    }
}

static void print_time (struct trace *t, double when)
{
    time_t seconds = when;
    char buf[32] = "";
    struct tm tm;

    if (t->first == 0)
        t->first = t->last = when;
    if (t->human)
        printf ("[%+11.6f]", when - (t->delta ? t->last : t->first));
    else {
        if (gmtime_r (&seconds, &tm))
            strftime (buf, sizeof (buf), "%FT%T", &tm);
        printf ("%s.%06dZ", buf, (int)((when - seconds) * 1e6));
    }
    t->last = when;
}

static void print_message (struct trace *t, flux_future_t *f)
{
    const char *prefix, *name, *topic, *errstr;
    int rank, type, size, errnum;
    json_t *payload;
    double when;
    size_t i = 0;

    if (flux_rpc_get_unpack (f, "{s:f s:s s:i s:s s:i s:s s:i s:o s:i s:s}", "timestamp",
                             &when, "prefix", &prefix, "rank", &rank, "name", &name,
                             "type", &type, "topic", &topic, "payload_size", &size,
                             "payload", &payload, "errnum", &errnum, "errstr", &errstr)
        < 0)
        cmd_die ("malformed response");
    while (i < ARRAY_SIZE (types) && type != 1 << i)
        i++;
    print_time (t, when);
    printf (" %s %s %c %s [%d]", name, prefix, i < ARRAY_SIZE (types) ? marks[i] : '?',
            topic, size);
    if (errnum)
        printf (" %s", errstr);
    printf ("\n");
    if (json_is_object (payload)) {
        char *s = json_dumps (payload, JSON_INDENT (2));

        printf ("%s\n", s ? s : "");
        free (s);
    }
    fflush (stdout);
}

static json_t *request (const struct trace *t, int argc, char **argv)
{
    json_t *names = json_array ();
    int nodeid = -1;

    for (int i = 0; i < argc; i++) {
        if (t->peers)
            nodeid = opt_number (current, "rank", argv[i], 0, INT_MAX);
        else if (json_array_append_new (names, json_string (argv[i])) < 0)
            cmd_die ("names must be UTF-8");
    }
    return json_pack ("{s:o s:i s:i s:s s:b}", "names", names, "nodeid", nodeid,
                      "typemask", t->typemask, "topic_glob", t->glob, "full", t->full);
}

int cmd_trace (const char *prog, const char *topic, bool peers, int argc, char **argv)
{
    struct opt_table table = {
        .prog = prog,
        .usage = peers ? "[OPTIONS] [RANK]" : "[OPTIONS] [MODULE...]",
        .summary = peers ? "Show the messages from and to neighbouring brokers."
                         : "Show the messages from and to modules.",
        .opts = opts,
    };
    struct trace t = { .peers = peers, .glob = "*", .typemask = 0xf };
    flux_future_t *f;
    json_t *o;
    flux_t *h;
    int i;

    current = &table;
    i = opt_parse (&table, argc, argv, set, &t);
    if (peers && argc - i > 1)
        opt_usage (&table);
    if (t.delta && !t.human)
        cmd_die ("--delta can only be used with --human");
    h = cmd_open ();
    if (!(o = request (&t, argc - i, argv + i))
        || !(f = flux_rpc_pack (
                 h, topic, FLUX_NODEID_ANY, FLUX_RPC_STREAMING, "O", o)))
        cmd_die ("%s: %s", topic, flux_strerror (errno));
    json_decref (o);
    while (flux_rpc_get (f, NULL) == 0) {
        print_message (&t, f);
        flux_future_reset (f);
    }
    if (errno != ENODATA)
        cmd_die ("trace: %s", cmd_future_error (f));
    flux_future_destroy (f);
    flux_close (h);
    return 0;
}
