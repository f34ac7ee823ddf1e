/* ping.c - flux ping: the round trip to a service. */

#include "config.h"
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>

#include "cmd.h"

struct ping {
    flux_t *h;
    uint32_t nodeid;
    const char *nodeid_name;
    const char *service;
    char *padding;
    int pad;
    double interval;
    long long count; /* 0 = for ever */
    bool batch;
    bool userid;
    int seq;
    long long pending;
    int exit_code;
    flux_watcher_t *timer;
};

static const struct opt opts[] = {
    { 'r', "rank", OPT_REQUIRED, "RANK", "send to this rank" },
    { 'p', "pad", OPT_REQUIRED, "BYTES", "make the payload longer" },
    { 'i', "interval", OPT_REQUIRED, "SECONDS", "wait between requests (1.0)" },
    { 'c', "count", OPT_REQUIRED, "N", "stop after N" },
    { 'b', "batch", OPT_NONE, NULL, "send all before reading any answer" },
    { 'u', "userid", OPT_NONE, NULL, "show userid and roles" },
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux-ping",
    .usage = "[OPTIONS] TARGET",
    .summary = "TARGET is [RANK!]SERVICE, a rank, any, or upstream.",
    .example = "flux ping -c 3 kvs",
    .opts = opts,
};

static void set (int key, const char *arg, void *data)
{
    struct ping *p = data;
    char *end;

    switch (key) {
        case 'r':
            p->nodeid_name = arg;
            break;
        case 'p':
            p->pad = opt_number (&table, "pad", arg, 0, INT_MAX);
            break;
        case 'i':
            p->interval = strtod (arg, &end);
            if (end == arg || *end || !(p->interval >= 0))
                opt_error (&table, "--interval: '%s' is not a time in seconds", arg);
            break;
        case 'c':
            p->count = opt_number (&table, "count", arg, 1, INT_MAX);
            break;
        case 'b':
            p->batch = true;
            break;
        case 'u':
            p->userid = true;
            break;
    }
}

static bool parse_nodeid (const char *s, uint32_t *nodeid)
{
    char *end;
    unsigned long n;

    if (strcmp (s, "any") == 0)
        *nodeid = FLUX_NODEID_ANY;
    else if (strcmp (s, "upstream") == 0)
        *nodeid = FLUX_NODEID_UPSTREAM;
    else {
        errno = 0;
        n = strtoul (s, &end, 10);
        if (errno || end == s || *end || *s == '-' || n >= FLUX_NODEID_UPSTREAM)
            return false;
        *nodeid = n;
    }
    return true;
}

/* "0!kvs", "kvs", "0", "any": fills in what the options left open. */
static void parse_target (struct ping *p, const char *target)
{
    const char *bang = strchr (target, '!');
    uint32_t nodeid;

    if (bang) {
        if (!(p->nodeid_name = strndup (target, bang - target)))
            cmd_die ("out of memory");
        p->service = bang + 1;
    }
    else if (!p->nodeid_name && parse_nodeid (target, &nodeid)) {
        p->nodeid_name = target;
        p->service = "broker";
    }
    else
        p->service = target;
    if (!p->nodeid_name)
        p->nodeid_name = "any";
    if (!parse_nodeid (p->nodeid_name, &p->nodeid))
        cmd_die ("invalid nodeid/host: '%s'", p->nodeid_name);
}

static double now (void)
{
    struct timespec ts;

    clock_gettime (CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + 1e-9 * ts.tv_nsec;
}

static void done (flux_future_t *f, void *arg)
{
    struct ping *p = arg;
    const char *route;
    double t0;
    int seq, userid, rolemask;

    if (flux_rpc_get_unpack (f, "{s:i s:f s:s s:i s:i}", "seq", &seq, "time", &t0,
                             "route", &route, "userid", &userid, "rolemask", &rolemask)
        < 0) {
        cmd_warn ("%s!%s.ping: %s", p->nodeid_name, p->service, cmd_future_error (f));
        p->exit_code = 1;
        flux_watcher_stop (p->timer);
        flux_reactor_stop (flux_future_get_reactor (f));
    }
    else {
        printf ("%s!%s.ping pad=%d seq=%d time=%.3f ms (%s)", p->nodeid_name, p->service,
                p->pad, seq, (now () - t0) * 1e3, route);
        if (p->userid)
            printf (" userid=%d rolemask=0x%x", userid, rolemask);
        printf ("\n");
        fflush (stdout);
    }
    p->pending--;
    flux_future_destroy (f);
}

static void send_one (struct ping *p)
{
    char topic[256];
    flux_future_t *f;

    snprintf (topic, sizeof (topic), "%s.ping", p->service);
    if (!(f = flux_rpc_pack (p->h, topic, p->nodeid, 0, "{s:i s:f s:s}", "seq", p->seq++,
                             "time", now (), "pad", p->padding))
        || flux_future_then (f, -1., done, p) < 0)
        cmd_die ("%s: %s", topic, flux_strerror (errno));
    p->pending++;
}

static void tick (flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct ping *p = arg;

    send_one (p);
    if (p->count > 0 && p->seq == p->count)
        flux_watcher_stop (w);
}

int cmd_ping (int argc, char **argv)
{
    struct ping p = { .interval = 1.0 };
    int i = opt_parse (&table, argc, argv, set, &p);

    if (argc - i != 1)
        opt_usage (&table);
    parse_target (&p, argv[i]);
    if (!(p.padding = calloc (1, p.pad + 1)))
        cmd_die ("out of memory");
    memset (p.padding, 'p', p.pad);
    p.h = cmd_open ();
    printf ("flux-ping %s!%s\n", p.nodeid_name, p.service);
    fflush (stdout);
    /* interval 0 repeats at once: libev treats a repeat of 0 as "once" */
    p.timer = flux_timer_watcher_create (flux_get_reactor (p.h), 0.,
                                         p.interval > 0 ? p.interval : 1e-6, tick, &p);
    if (!p.timer)
        cmd_die ("timer: %s", flux_strerror (errno));
    if (p.batch && p.count > 0) {
        while (p.seq < p.count)
            send_one (&p);
    }
    else
        flux_watcher_start (p.timer);
    if (flux_reactor_run (flux_get_reactor (p.h), 0) < 0)
        p.exit_code = 1;
    flux_watcher_destroy (p.timer);
    free (p.padding);
    flux_close (p.h);
    return p.exit_code;
}
