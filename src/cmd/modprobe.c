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
#include "modprobe.h"
#include "modprobe_conf.h"

enum { MAX_NEEDS = 4 };

/* A module, or something else that is to be done at its place in the order. */
struct module {
    const char *name;
    const char *needs[MAX_NEEDS];
    json_t *args;        /* as configured, or NULL */
    const char *instead; /* the module to load in its place */
    const char *path;    /* its file, if that has another name */
    bool leader;         /* on rank 0 only */
    bool member;         /* on the other ranks only */
    modprobe_task_f rc1; /* not a module: these instead */
    modprobe_task_f rc3;

    enum { ABSENT, BUSY, DONE, FAILED } state;
};

static struct module modules[] = {
    { .name = "heartbeat" },
    { .name = "content" },
    { .name = "content-sqlite", .leader = true, .needs = { "content" } },
    { .name = "restore",
      .leader = true,
      .needs = { "content-sqlite" },
      .rc1 = modprobe_restore,
      .rc3 = modprobe_dump },
    { .name = "kvs", .needs = { "content", "content-sqlite", "restore" } },
    { .name = "startlog",
      .leader = true,
      .needs = { "kvs" },
      .rc1 = modprobe_start_event,
      .rc3 = modprobe_finish_event },
    { .name = "kvs-watch", .needs = { "kvs" } },
    { .name = "resource", .leader = true, .needs = { "kvs" } },
    { .name = "job-manager", .leader = true, .needs = { "kvs-watch", "resource" } },
    { .name = "job-info", .needs = { "kvs-watch" } },
    { .name = "job-list", .leader = true, .needs = { "job-manager" } },
    { .name = "job-ingest", .needs = { "job-manager" } },
    { .name = "job-exec", .leader = true, .needs = { "job-manager" } },
    { .name = "job-tasks", .path = "job-exec", .member = true },
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
    for (size_t i = 0; i < ARRAY_SIZE (modules); i++) {
        if (rank > 0 ? modules[i].leader : modules[i].member)
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
            m->state = FAILED; /* what needs it is not even tried */
    }
    flux_future_destroy (f);
    if (p->unload || p->exit_code == 0)
        advance (p);
}

static flux_future_t *load (struct probe *p, const struct module *m, const char *name)
{
    return flux_rpc_pack (p->h, "module.load", FLUX_NODEID_ANY, 0, "{s:s s:s* s:o s:b}",
                          "path", m->path ? m->path : name,
                          "name", m->path ? name : NULL,
                          "args", m->args ? json_incref (m->args) : json_array (),
                          "exec", 0);
}

static flux_future_t *start_task (struct probe *p, struct module *m)
{
    modprobe_task_f task = p->unload ? m->rc3 : m->rc1;
    flux_future_t *f = NULL;

    if (task (p->h, &f) < 0) {
        p->exit_code = 1;
        m->state = p->unload ? DONE : FAILED;
        return NULL;
    }
    if (!f)
        m->state = DONE;
    return f;
}

static void start_one (struct probe *p, struct module *m)
{
    const char *name = m->instead ? m->instead : m->name;
    flux_future_t *f;

    if (m->rc1) {
        m->state = BUSY;
        if (!(f = start_task (p, m)))
            return;
    }
    else if (p->unload)
        f = flux_rpc_pack (
            p->h, "module.remove", FLUX_NODEID_ANY, 0, "{s:s}", "name", name);
    else
        f = load (p, m, name);
    if (!f || flux_future_aux_set (f, "module", m, NULL) < 0
        || flux_future_then (f, -1., finished, p) < 0)
        cmd_die ("%s: %s", m->name, flux_strerror (errno));
    m->state = BUSY;
    p->busy++;
}

static void advance (struct probe *p)
{
    for (size_t i = 0; i < ARRAY_SIZE (modules); i++) {
        if (modules[i].state != ABSENT || !ready (&modules[i], p->unload))
            continue;
        start_one (p, &modules[i]);
        if (modules[i].state == DONE)
            i = -1; /* it is done at once: look again from the start */
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

static int set_args (const char *name, json_t *args)
{
    struct module *m = find (name);

    if (!m || m->rc1)
        return -1;
    m->args = args;
    return 0;
}

static int set_here (const char *name, bool here)
{
    struct module *m = find (name);

    if (!m || m->rc1)
        return -1;
    m->state = here ? ABSENT : DONE;
    return 0;
}

static int set_alternative (const char *service, const char *name)
{
    if (strcmp (service, "sched") == 0)
        find ("sched-simple")->instead = name;
    else if (strcmp (service, "content-backing") == 0)
        find ("content-sqlite")->instead = name;
    else
        return -1;
    return 0;
}

static const struct modprobe_conf_ops conf_ops = { set_args, set_here, set_alternative };

/* The backing store and the scheduler may be others. */
static void choose (flux_t *h)
{
    const char *backing = flux_attr_get (h, "content.backing-module");
    const char *sched = getenv ("FLUX_SCHED_MODULE");

    if (backing && *backing)
        find ("content-sqlite")->instead = backing;
    if (sched && *sched)
        find ("sched-simple")->instead = sched;
}

static bool provides (json_t *services, const char *name)
{
    json_t *service;
    size_t i;

    json_array_foreach (services, i, service) {
        const char *s = json_string_value (service);

        if (s && strcmp (s, name) == 0)
            return true;
    }
    return false;
}

/* Unload what is there, whatever the configuration was when it was loaded.  Names
 * are borrowed from the future that is returned.
 */
static flux_future_t *look_around (flux_t *h)
{
    flux_future_t *f = flux_rpc (h, "module.list", NULL, FLUX_NODEID_ANY, 0);
    json_t *mods, *entry, *services;
    struct module *m;
    const char *name;
    size_t i;

    if (!f || flux_rpc_get_unpack (f, "{s:o}", "mods", &mods) < 0)
        cmd_die ("module.list: %s", f ? cmd_future_error (f) : flux_strerror (errno));
    for (i = 0; i < ARRAY_SIZE (modules); i++) {
        if (!modules[i].rc1)
            modules[i].state = DONE;
    }
    json_array_foreach (mods, i, entry) {
        if (json_unpack (entry, "{s:s s:o}", "name", &name, "services", &services) < 0)
            continue;
        if (provides (services, "sched"))
            m = find ("sched-simple");
        else if (provides (services, "content-backing"))
            m = find ("content-sqlite");
        else
            m = find (name);
        if (m) {
            m->state = ABSENT;
            m->instead = name;
        }
    }
    return f;
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
    uint32_t rank = leave_to_leader (p.h);
    json_t *table = modprobe_configure (p.h, rank, &conf_ops);

    disable_some ();
    choose (p.h);
    if (run (&p) == 0 && rank == 0)
        push_cleanup (p.h);
    if (p.exit_code == 0)
        p.exit_code = modprobe_scripts ("rc1.d");
    json_decref (table);
    flux_close (p.h);
    return p.exit_code;
}

static int modprobe_rc3 (int argc, char **argv)
{
    struct probe p = { .h = cmd_open (), .unload = true };
    flux_future_t *list;

    p.exit_code = modprobe_scripts ("rc3.d");
    leave_to_leader (p.h);
    list = look_around (p.h);
    run (&p);
    flux_future_destroy (list);
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

/* -- task -- */

static int push_cleanup_task (flux_t *h, flux_future_t **f)
{
    push_cleanup (h);
    return 0;
}

static const struct {
    const char *name;
    modprobe_task_f run; /* NULL: the site's executables below that name */
} tasks[] = {
    { "restore", modprobe_restore },
    { "start-event", modprobe_start_event },
    { "push-cleanup", push_cleanup_task },
    { "rc1.d", NULL },
    { "rc3.d", NULL },
    { "finish-event", modprobe_finish_event },
    { "dump", modprobe_dump },
};

static int run_task (modprobe_task_f task, const char *name)
{
    flux_t *h = cmd_open ();
    flux_future_t *f = NULL;
    int rc = task (h, &f);

    if (rc == 0 && f && flux_rpc_get (f, NULL) < 0) {
        cmd_warn ("%s: %s", name, cmd_future_error (f));
        rc = -1;
    }
    flux_future_destroy (f);
    flux_close (h);
    return rc < 0 ? 1 : 0;
}

/* What rc1 and rc3 do besides loading and unloading modules, one at a time: for
 * scripts that take their place (etc/rc1, etc/rc3).
 */
static int modprobe_task (int argc, char **argv)
{
    const char *name = argc == 2 ? argv[1] : "";

    for (size_t i = 0; i < ARRAY_SIZE (tasks); i++) {
        if (strcmp (tasks[i].name, name) == 0)
            return tasks[i].run ? run_task (tasks[i].run, name) : modprobe_scripts (name);
    }
    cmd_die ("task: restore, start-event, push-cleanup, rc1.d, rc3.d, finish-event or dump");
}

static const struct cmd subcommands[] = {
    { "rc1", modprobe_rc1, "load the modules of an instance" },
    { "cleanup", modprobe_cleanup, "end all jobs" },
    { "rc3", modprobe_rc3, "unload the modules" },
    { "task", modprobe_task, "one of the other things that they do" },
    { NULL, NULL, NULL },
};

int cmd_modprobe (int argc, char **argv)
{
    return cmd_group ("flux modprobe", subcommands, argc, argv);
}
