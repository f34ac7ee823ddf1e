/* modprobe.c - flux modprobe rc1, rc3, cleanup: bring the services of an
 * instance up and down.
 *
 * Each module loads as soon as those it needs are there, so start-up takes
 * the longest chain, not the sum.  Unloading goes the other way round.
 */

#include "config.h"
#include <jansson.h>
#include <stdio.h>

#include "cmd.h"

enum { MAX_NEEDS = 4 };

struct module {
    const char *name;
    const char *needs[MAX_NEEDS];
    const char *args;
    bool leader; /* on rank 0 only */

    enum { ABSENT, BUSY, DONE } state;
};

static struct module modules[] = {
    { .name = "heartbeat", .leader = true },
    { .name = "content" },
    { .name = "content-sqlite", .leader = true, .needs = { "content" } },
    { .name = "kvs", .needs = { "content", "content-sqlite" } },
    { .name = "kvs-watch", .needs = { "kvs" } },
    { .name = "resource", .leader = true, .needs = { "kvs" } },
    { .name = "job-manager", .leader = true, .needs = { "kvs-watch", "resource" } },
    { .name = "job-info", .needs = { "kvs-watch" } },
    { .name = "job-list", .leader = true, .needs = { "job-manager" } },
    { .name = "job-ingest", .needs = { "job-manager" } },
    { .name = "job-exec", .leader = true, .needs = { "job-manager" } },
    { .name = "sched-simple", .leader = true, .needs = { "job-manager", "resource" } },
};

struct probe {
    flux_t *h;
    bool unload;
    int busy;
    int exit_code;
};

static struct module *find (const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE (modules); i++) {
        if (strcmp (modules[i].name, name) == 0)
            return &modules[i];
    }
    return NULL;
}

/* What rank 0 has for all ranks is as good as loaded on the others. */
static uint32_t leave_to_leader (flux_t *h)
{
    uint32_t rank;

    if (flux_get_rank (h, &rank) < 0)
        cmd_die ("rank: %s", flux_strerror (errno));
    for (size_t i = 0; rank > 0 && i < ARRAY_SIZE (modules); i++) {
        if (modules[i].leader)
            modules[i].state = DONE;
    }
    return rank;
}

static bool needs (const struct module *m, const struct module *other)
{
    for (int i = 0; i < MAX_NEEDS && m->needs[i]; i++) {
        if (find (m->needs[i]) == other)
            return true;
    }
    return false;
}

/* Loading waits for what m needs, unloading for those that need m. */
static bool ready (const struct module *m, bool unload)
{
    for (size_t i = 0; i < ARRAY_SIZE (modules); i++) {
        const struct module *o = &modules[i];

        if ((unload ? needs (o, m) : needs (m, o)) && o->state != DONE)
            return false;
    }
    return true;
}

static void advance (struct probe *p);

static void finished (flux_future_t *f, void *arg)
{
    struct probe *p = arg;
    struct module *m = flux_future_aux_get (f, "module");

    p->busy--;
    m->state = DONE;
    if (flux_rpc_get (f, NULL) < 0 && !(p->unload && errno == ENOENT)) {
        cmd_warn ("%s: %s", m->name, cmd_future_error (f));
        p->exit_code = 1;
        if (!p->unload)
            m->state = ABSENT; /* what needs it is not even tried */
    }
    flux_future_destroy (f);
    if (p->unload || p->exit_code == 0)
        advance (p);
}

static void start_one (struct probe *p, struct module *m)
{
    flux_future_t *f;

    if (p->unload)
        f = flux_rpc_pack (p->h, "module.remove", FLUX_NODEID_ANY, 0, "{s:s}", "name",
                           m->name);
    else if (m->args)
        f = flux_rpc_pack (p->h, "module.load", FLUX_NODEID_ANY, 0, "{s:s s:[s] s:b}",
                           "path", m->name, "args", m->args, "exec", 0);
    else
        f = flux_rpc_pack (p->h, "module.load", FLUX_NODEID_ANY, 0, "{s:s s:[] s:b}",
                           "path", m->name, "args", "exec", 0);
    if (!f || flux_future_aux_set (f, "module", m, NULL) < 0
        || flux_future_then (f, -1., finished, p) < 0)
        cmd_die ("%s: %s", m->name, flux_strerror (errno));
    m->state = BUSY;
    p->busy++;
}

static void advance (struct probe *p)
{
    for (size_t i = 0; i < ARRAY_SIZE (modules); i++) {
        if (modules[i].state == ABSENT && ready (&modules[i], p->unload))
            start_one (p, &modules[i]);
    }
}

static int run (struct probe *p)
{
    advance (p);
    while (p->busy > 0) {
        if (flux_reactor_run (flux_get_reactor (p->h), FLUX_REACTOR_ONCE) < 0)
            cmd_die ("reactor: %s", flux_strerror (errno));
    }
    return p->exit_code;
}

/* FLUX_MODPROBE_DISABLE names modules, separated by commas, to leave out. */
static void disable_some (void)
{
    const char *s = getenv ("FLUX_MODPROBE_DISABLE");
    char *copy = s ? strdup (s) : NULL;

    for (char *w = copy ? strtok (copy, ",") : NULL; w; w = strtok (NULL, ",")) {
        struct module *m = find (w);

        if (m)
            m->state = DONE;
    }
    free (copy);
    if ((s = getenv ("FLUX_SCHED_MODULE")) && strcmp (s, "none") == 0)
        find ("sched-simple")->state = DONE;
}

/* When the initial program ends, its jobs end too: one command, one
 * connection, instead of a process for each step.
 */
static void push_cleanup (flux_t *h)
{
    flux_future_t *f;

    if (getenv ("FLUX_DISABLE_JOB_CLEANUP"))
        return;
    if (!(f = flux_rpc_pack (h, "runat.push", FLUX_NODEID_ANY, 0, "{s:s s:[s]}", "name",
                             "cleanup", "commands", "flux modprobe cleanup"))
        || flux_rpc_get (f, NULL) < 0)
        cmd_die ("runat.push: %s", cmd_future_error (f));
    flux_future_destroy (f);
}

static int modprobe_rc1 (int argc, char **argv)
{
    struct probe p = { .h = cmd_open () };
    uint32_t rank;

    disable_some ();
    rank = leave_to_leader (p.h);
    if (run (&p) == 0 && rank == 0)
        push_cleanup (p.h);
    flux_close (p.h);
    return p.exit_code;
}

static int modprobe_rc3 (int argc, char **argv)
{
    struct probe p = { .h = cmd_open (), .unload = true };

    leave_to_leader (p.h);
    run (&p);
    flux_close (p.h);
    return p.exit_code;
}

/* Stop the queues, cancel what runs, wait until nothing does.  A service
 * that is not loaded has nothing to clean up.
 */
static int modprobe_cleanup (int argc, char **argv)
{
    flux_t *h = cmd_open ();
    flux_future_t *stop, *cancel, *idle;
    int exit_code = 0;

    stop = flux_rpc_pack (h, "job-manager.queue-start", FLUX_NODEID_ANY, 0,
                          "{s:b s:b s:b s:s}", "start", 0, "all", 1, "nocheckpoint", 1,
                          "reason", "instance is shutting down");
    cancel = flux_rpc_pack (h, "job-manager.raiseall", FLUX_NODEID_ANY, 0,
                            "{s:b s:i s:i s:i s:s s:s}", "dry_run", 0, "userid", -1,
                            "states", FLUX_JOB_STATE_RUNNING, "severity", 0, "type",
                            "cancel", "note", "instance is shutting down");
    idle = flux_rpc (h, "job-manager.idle", NULL, FLUX_NODEID_ANY, 0);
    if (!stop || !cancel || !idle)
        cmd_die ("cleanup: %s", flux_strerror (errno));
    if (flux_rpc_get (stop, NULL) < 0 && errno != ENOSYS) {
        cmd_warn ("queue-start: %s", cmd_future_error (stop));
        exit_code = 1;
    }
    if (flux_rpc_get (cancel, NULL) < 0 && errno != ENOSYS) {
        cmd_warn ("raiseall: %s", cmd_future_error (cancel));
        exit_code = 1;
    }
    if (flux_rpc_get (idle, NULL) < 0 && errno != ENOSYS) {
        cmd_warn ("idle: %s", cmd_future_error (idle));
        exit_code = 1;
    }
    flux_future_destroy (stop);
    flux_future_destroy (cancel);
    flux_future_destroy (idle);
    flux_close (h);
    return exit_code;
}

static const struct cmd subcommands[] = {
    { "rc1", modprobe_rc1, "load the modules of an instance" },
    { "cleanup", modprobe_cleanup, "end all jobs" },
    { "rc3", modprobe_rc3, "unload the modules" },
    { NULL, NULL, NULL },
};

int cmd_modprobe (int argc, char **argv)
{
    return cmd_group ("flux modprobe", subcommands, argc, argv);
}
