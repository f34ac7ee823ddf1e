/* update.c - flux update: change the jobspec of a job that has not ended. */

#include "config.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>

#include "cmd.h"
#include "common/eventlog.h"
#include "common/fsd.h"
#include "jsonpath.h"

static const char duration_key[] = "attributes.system.duration";

enum { KEY_WAIT = 256 };

struct update {
    bool dry_run;
    bool wait;
    bool verbose;
    const char *id_arg;
    flux_jobid_t id;
    flux_t *h; /* opened when it is needed */
    json_t *updates;
};

static const struct opt opts[] = {
    { 'n', "dry-run", OPT_NONE, NULL, "print the changes, do not make them" },
    { 'v', "verbose", OPT_NONE, NULL, "say what was changed" },
    { KEY_WAIT, "wait", OPT_NONE, NULL, "wait until the job's log has the change" },
    OPT_END,
};

static const struct opt_table table = {
    .prog = "flux-update",
    .usage = "[OPTIONS] ID KEY=VALUE...",
    .summary =
        "Change attributes of a job: duration (2h, +30m, -10m, inf), name, queue, or\n"
        "any path in its jobspec.",
    .example = "flux update ƒAbC duration=+30m",
    .opts = opts,
    .error_exit = 2,
    .intermixed = true,
};

static void set (int key, const char *arg, void *data)
{
    struct update *u = data;

    if (key == 'n')
        u->dry_run = true;
    else if (key == KEY_WAIT)
        u->wait = true;
    else
        u->verbose = true;
}

static flux_t *handle (struct update *u)
{
    if (!u->h)
        u->h = cmd_open ();
    return u->h;
}

static double current_duration (struct update *u)
{
    flux_future_t *f;
    const char *text;
    double duration;
    json_t *jobspec;

    f = flux_rpc_pack (handle (u), "job-info.lookup", FLUX_NODEID_ANY, 0,
                       "{s:I s:[s] s:i}", "id", (json_int_t)u->id, "keys", "jobspec",
                       "flags", FLUX_JOB_LOOKUP_CURRENT);
    if (!f || flux_rpc_get_unpack (f, "{s:s}", "jobspec", &text) < 0)
        cmd_die ("ERROR: %s: %s", u->id_arg,
                 f ? cmd_future_error (f) : flux_strerror (errno));
    jobspec = json_loads (text, 0, NULL);
    duration = json_number_value (jsonpath_get (jobspec, duration_key));
    json_decref (jobspec);
    flux_future_destroy (f);
    return duration;
}

/* A duration is absolute, or relative to what the job has now. */
static json_t *parse_duration (struct update *u, const char *s)
{
    bool relative = s[0] == '+' || s[0] == '-';
    double seconds, now;
    char buf[FSD_BUFSIZE];

    if (fsd_parse (s + relative, &seconds) < 0)
        cmd_die ("ERROR: invalid Flux standard duration '%s'", s);
    if (!relative)
        return json_real (isinf (seconds) ? 0. : seconds);
    if ((now = current_duration (u)) == 0)
        cmd_die ("ERROR: duration for %s is unlimited, can't update by %s", u->id_arg, s);
    if (s[0] == '-' && seconds >= now) {
        fsd_format (buf, sizeof (buf), now);
        cmd_die ("ERROR: current duration for %s (%s) cannot be reduced by %s", u->id_arg,
                 buf, s + 1);
    }
    return json_real (s[0] == '+' ? now + seconds : now - seconds);
}

/* The path in the jobspec that a key stands for. */
static void expand_key (const char *key, size_t len, char *path, size_t size)
{
    static const char *roots[] = { "attributes.", "resources.", "tasks." };
    int n;

    if (len == 4 && strncmp (key, "name", 4) == 0) {
        snprintf (path, size, "attributes.system.job.name");
        return;
    }
    n = snprintf (path, size, "attributes.system.%.*s", (int)len, key);
    for (size_t i = 0; i < ARRAY_SIZE (roots); i++) {
        if (strncmp (key, roots[i], strlen (roots[i])) == 0)
            n = snprintf (path, size, "%.*s", (int)len, key);
    }
    if (n >= (int)size)
        cmd_die ("ERROR: key too long: %.*s", (int)len, key);
}

static void add_update (struct update *u, const char *arg)
{
    const char *eq = strchr (arg, '=');
    char path[1024];
    json_t *value;

    if (!eq || eq == arg)
        opt_error (&table, "'%s' is not KEY=VALUE", arg);
    expand_key (arg, eq - arg, path, sizeof (path));
    if (strcmp (path, duration_key) == 0)
        value = parse_duration (u, eq + 1);
    else
        value = jsonpath_value (eq + 1);
    if (!value || json_object_set_new (u->updates, path, value) < 0)
        cmd_die ("ERROR: value of %s is not UTF-8", path);
}

static bool is_update (const char *line, size_t len)
{
    struct eventlog_entry e;

    return eventlog_entry_decode (line, len, &e) == 0
           && eventlog_entry_is (&e, "jobspec-update");
}

/* How many updates a job has seen. */
static int count_updates (struct update *u)
{
    flux_future_t *f = flux_rpc_pack (handle (u), "job-info.lookup", FLUX_NODEID_ANY, 0,
                                      "{s:I s:[s] s:i}", "id", (json_int_t)u->id, "keys",
                                      "eventlog", "flags", 0);
    const char *log, *line, *end;
    size_t len;
    int n = 0;

    if (!f || flux_rpc_get_unpack (f, "{s:s}", "eventlog", &log) < 0)
        cmd_die ("ERROR: %s: %s", u->id_arg,
                 f ? cmd_future_error (f) : flux_strerror (errno));
    end = log + strlen (log);
    while ((line = eventlog_next_line (&log, end, &len)))
        n += is_update (line, len);
    flux_future_destroy (f);
    return n;
}

/* Until the log has n updates. */
static void wait_for_updates (struct update *u, int n)
{
    flux_future_t *f = flux_job_event_watch (handle (u), u->id, "eventlog", 0);
    const char *line;

    if (!f)
        cmd_die ("ERROR: %s: %s", u->id_arg, flux_strerror (errno));
    while (n > 0) {
        if (flux_job_event_watch_get (f, &line) < 0)
            cmd_die ("ERROR: %s: %s", u->id_arg,
                     errno == ENODATA ? "the job has ended" : cmd_future_error (f));
        n -= is_update (line, strlen (line));
        flux_future_reset (f);
    }
    flux_job_event_watch_cancel (f);
    flux_future_destroy (f);
}

static void send (struct update *u)
{
    int seen = u->wait ? count_updates (u) : 0;
    flux_future_t *f = flux_rpc_pack (handle (u), "job-manager.update", FLUX_NODEID_ANY, 0,
                                      "{s:I s:O}", "id", (json_int_t)u->id, "updates",
                                      u->updates);
    const char *key;
    json_t *value;

    if (!f || flux_rpc_get (f, NULL) < 0)
        cmd_die ("ERROR: %s", f ? cmd_future_error (f) : flux_strerror (errno));
    flux_future_destroy (f);
    if (u->wait)
        wait_for_updates (u, seen + 1);
    json_object_foreach (u->updates, key, value) {
        _cleanup_ (freep) char *s = json_is_string (value)
                                        ? strdup (json_string_value (value))
                                        : json_dumps (value, JSON_ENCODE_ANY);

        if (u->verbose)
            cmd_warn ("INFO: updated %s to %s", key, s ? s : "");
    }
}

int cmd_update (int argc, char **argv)
{
    struct update u = { .updates = json_object () };
    int i = opt_parse (&table, argc, argv, set, &u);

    if (argc - i < 2)
        opt_usage (&table);
    u.id_arg = argv[i];
    u.id = cmd_jobid (argv[i]);
    for (i++; i < argc; i++)
        add_update (&u, argv[i]);
    if (u.dry_run) {
        json_dumpf (u.updates, stdout, 0);
        printf ("\n");
    }
    else
        send (&u);
    json_decref (u.updates);
    flux_close (u.h);
    return 0;
}
