/* broker.c - flux-broker: join the parts, run.
 *
 * Reading order: endpoint.h (who talks), router.h (who hears), module.h and
 * client.h (the two kinds of peers), state.h and lifecycle.h (when).
 */

#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <flux/core.h>

#include "common/errprintf.h"
#include "common/util.h"

#include "attr.h"
#include "connector_local.h"
#include "environ.h"
#include "initial.h"
#include "groups.h"
#include "lifecycle.h"
#include "log.h"
#include "module_host.h"
#include "options.h"
#include "overlay/overlay.h"
#include "places.h"
#include "rexec/rexec.h"
#include "rundir.h"
#include "sd_notify.h"
#include "services.h"
#include "setup.h"
#include "uuid.h"

/* For our last words to the other brokers, in seconds. */
#define OVERLAY_LINGER 1.

struct broker {
    struct pmi_client pmi; /* our place */
    struct options opt;
    char uuid[UUID_TEXT_SIZE];
    struct places places;
    struct child_env *env; /* of children */
    char *notify;          /* where systemd listens */
    struct attrs *attrs;
    struct logger *logger;
    flux_reactor_t *reactor;
    flux_t *h;
    struct service_table *services;
    struct event_hub *events;
    struct router *router;
    struct self *self;
    struct connector *connector;
    struct module_host *modules;
    struct lifecycle *lifecycle;
    struct attr_service *attr_service;
    struct log_service *log_service;
    struct event_service *event_service;
    struct config_service *config_service;
    struct groups *groups;
    struct rexec *rexec;
    struct overlay *overlay;
    struct broker_service *broker_service;
};

static const char *const builtins[] = {
    "config", "connector-local", "groups", "rexec", "overlay", NULL,
};

static const char *tmpdir (const char *otherwise)
{
    const char *s = getenv ("TMPDIR");

    return s && *s ? s : otherwise;
}

/* Process */

static void setup_process (uint32_t rank)
{
    struct rlimit rl;
    char name[32];

    /* A reader that went away is an error return, not our end. */
    signal (SIGPIPE, SIG_IGN);
    if (getrlimit (RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < rl.rlim_max) {
        rl.rlim_cur = rl.rlim_max;
        (void)setrlimit (RLIMIT_NOFILE, &rl);
    }
    snprintf (name, sizeof (name), "flux-broker-%u", (unsigned int)rank);
    (void)prctl (PR_SET_NAME, name, 0, 0, 0);
}

/* Parts */

static void log_redirect (const char *buf, int len, void *arg)
{
    logger_append (arg, buf, len);
}

/* The broker's own handle must never ask for what it would have to answer. */
static int cache_attrs (struct broker *b)
{
    const char *name, *value;
    size_t pos = 0;

    while ((name = attrs_next (b->attrs, &pos, &value))) {
        if (value && (attrs_flags (b->attrs, name) & ATTR_IMMUTABLE)
            && flux_attr_set_cacheonly (b->h, name, value) < 0)
            return -1;
    }
    return 0;
}

static void module_failed (const char *name, void *arg)
{
    struct broker *b = arg;

    flux_log (b->h, LOG_CRIT, "%s module runtime failure", name);
    lifecycle_panic (b->lifecycle, name);
}

static void modules_emptied (void *arg)
{
    struct broker *b = arg;

    lifecycle_modules_gone (b->lifecycle);
}

static const struct module_host_ops module_host_ops = {
    .failed = module_failed,
    .emptied = modules_emptied,
};

static int config_changed (const flux_conf_t *conf, flux_error_t *error, void *arg)
{
    struct broker *b = arg;

    return connector_configure (b->connector, conf, error);
}

/* What everything else is plugged into. */
static int create_core (struct broker *b)
{
    uint32_t owner = getuid ();
    char rank[16];

    if (!(b->reactor = flux_reactor_create (0))
        || !(b->services = service_table_new ()) || !(b->events = event_hub_new ())
        || !(b->router = router_new (b->pmi.rank, b->uuid, owner, b->services, b->events))
        || !(b->self = self_new (b->router, b->reactor, b->uuid))
        || router_start (b->router, b->reactor) < 0)
        return -1;
    b->h = self_handle (b->self);
    flux_log_set_appname (b->h, "broker");
    snprintf (rank, sizeof (rank), "%u", (unsigned int)b->pmi.rank);
    flux_log_set_hostname (b->h, rank);
    flux_log_set_redirect (b->h, log_redirect, b->logger);
    if (flux_aux_set (b->h, "flux::name", "broker", NULL) < 0
        || flux_aux_set (b->h, "flux::uuid", b->uuid, NULL) < 0)
        return -1;
    return 0;
}

static int create_services (struct broker *b)
{
    if (!(b->attr_service = attr_serve (b->self, b->services, b->attrs, b->logger))
        || !(b->log_service = log_serve (
                 b->self, b->services, b->logger, b->pmi.rank))
        || !(b->event_service = event_serve (
                 b->self, b->services, b->router, b->events, b->pmi.rank))
        || !(b->config_service = config_serve (
                 b->self, b->services, b->attrs, b->pmi.rank))
        || !(b->groups = groups_serve (
                 b->self, b->services, b->pmi.rank, b->pmi.size))
        || !(b->rexec = rexec_serve (
                 b->self, b->services, b->attrs, b->pmi.rank))
        || !(b->broker_service = broker_serve (b->self, b->services, b->env)))
        return -1;
    return 0;
}

static int create_hosts (struct broker *b)
{
    struct endpoint *self = self_endpoint (b->self);
    const char *shell = getenv ("SHELL");
    struct lifecycle_args args = {
        .self = b->self,
        .services = b->services,
        .attrs = b->attrs,
        .logger = b->logger,
        .env = b->env,
        .shell = shell && *shell ? shell : "/bin/bash",
        .notify = b->notify,
        .rank = b->pmi.rank,
    };

    if (!(b->modules = module_host_new (b->h,
                                        b->router,
                                        b->services,
                                        b->attrs,
                                        b->places.modules,
                                        &module_host_ops,
                                        b))
        || !(b->connector = connector_new (
                 b->h, b->router, b->services, b->events, getuid ())))
        return -1;
    module_host_set_exec (b->modules, b->places.flux, b->env);
    module_host_set_builtins (b->modules, builtins, self);
    config_set_targets (b->config_service, b->modules, config_changed, b);
    args.modules = b->modules;
    if (!(b->lifecycle = lifecycle_new (&args))
        || module_host_serve (b->modules, self) < 0
        || connector_serve (b->connector, self) < 0)
        return -1;
    return 0;
}

static int create_places (struct broker *b, const char **socket, flux_error_t *error)
{
    if (rundir_create (b->attrs, "rundir", tmpdir ("/tmp"), error) < 0
        || (b->pmi.rank == 0
            && rundir_create (b->attrs, "statedir", tmpdir ("/var/tmp"), error) < 0)
        || rundir_link_flux (b->attrs, b->places.flux, error) < 0
        || rundir_local_uri (b->attrs, socket, error) < 0)
        return -1;
    if (!(b->env = child_env_new (environ,
                                  attrs_get (b->attrs, "local-uri"),
                                  attrs_get (b->attrs, "jobid"))))
        return errprintf (error, "%s", strerror (errno));
    return 0;
}

static int setup_initial_program (struct broker *b, flux_error_t *error)
{
    const char *shell = getenv ("SHELL");
    struct phase *rc2 = lifecycle_rc2 (b->lifecycle);

    if (!rc2)
        return 0;
    return initial_program (rc2,
                            b->opt.argc,
                            b->opt.argv,
                            shell && *shell ? shell : "/bin/bash",
                            error);
}

/* The other brokers */

static void config_synced (int errnum, void *arg)
{
    struct broker *b = arg;

    if (errnum) {
        flux_log (b->h, LOG_CRIT, "configuration: %s", strerror (errnum));
        lifecycle_stop (b->lifecycle, true);
    }
    lifecycle_post (b->lifecycle, errnum ? "sync-fail" : "sync-success");
}

static bool state_entered (enum broker_state state, void *arg)
{
    struct broker *b = arg;

    if (state == STATE_INIT)
        router_set_offline (b->router, false);
    if (overlay_entered (b->overlay, state))
        return true;
    if (state != STATE_CONFIG_SYNC || b->pmi.rank == 0)
        return false;
    if (config_follow_leader (b->config_service, config_synced, b) < 0)
        config_synced (errno, b);
    return true;
}

/* What others started here through rexec ends before the services do. */
static void processes_ended (void *arg)
{
    struct broker *b = arg;

    lifecycle_unload (b->lifecycle);
}

static bool end_processes (void *arg)
{
    struct broker *b = arg;

    return rexec_end_all (b->rexec, processes_ended, b);
}

static void overlay_post (const char *event, void *arg)
{
    struct broker *b = arg;

    lifecycle_post (b->lifecycle, event);
}

static void overlay_shutdown (bool failed, void *arg)
{
    struct broker *b = arg;

    lifecycle_stop (b->lifecycle, failed);
}

static const struct overlay_ops overlay_ops = {
    .post = overlay_post,
    .shutdown = overlay_shutdown,
};

static int create_overlay (struct broker *b, flux_error_t *error)
{
    struct overlay_args args = {
        .pmi = &b->pmi,
        .attrs = b->attrs,
        .self = b->self,
        .router = b->router,
        .events = b->events,
        .services = b->services,
        .uuid = b->uuid,
        .plugin = b->places.overlay,
    };

    return (b->overlay = overlay_new (&args, error)) ? 0 : -1;
}

static void connect_overlay (struct broker *b)
{
    if (b->pmi.size > 1) {
        router_set_offline (b->router, true);
        overlay_set_ops (b->overlay, b->groups, &overlay_ops, b);
        lifecycle_set_peers (b->lifecycle, state_entered, b);
    }
    else
        groups_join (b->groups, "broker.online");
}

/* Other ranks have it from rank 0. */
static int read_config (struct broker *b, flux_error_t *error)
{
    if (b->pmi.rank > 0)
        return 0;
    return setup_config (b->h, b->attrs, b->opt.config_path, b->opt.conf, error);
}

/* From nothing to everything in place.  -1 with a sentence. */
static int setup (struct broker *b, flux_error_t *error)
{
    const char *socket;

    errprintf (error, "%s", "out of memory");
    if (setup_log (b->attrs, b->logger, b->opt.verbose, error) < 0
        || setup_attrs (b->attrs, b->uuid, b->pmi.rank, b->pmi.size, error) < 0)
        return -1;
    if (attrs_is_set (b->attrs, "broker.sd-notify"))
        b->notify = sd_notify_address ();
    environ_clean ();
    if (read_config (b, error) < 0
        || create_places (b, &socket, error) < 0 || create_overlay (b, error) < 0)
        return -1;
    if (cache_attrs (b) < 0 || create_services (b) < 0 || create_hosts (b) < 0)
        return errprintf (error, "error starting services: %s", strerror (errno));
    connect_overlay (b);
    lifecycle_set_unload (b->lifecycle, end_processes, b);
    if (lifecycle_configure (b->lifecycle, error) < 0
        || module_host_configure (b->modules, error) < 0
        || setup_initial_program (b, error) < 0
        || connector_configure (b->connector, flux_get_conf (b->h), error) < 0
        || connector_listen (b->connector, socket, error) < 0)
        return -1;
    return 0;
}

static void teardown (struct broker *b)
{
    lifecycle_free (b->lifecycle);
    connector_free (b->connector);
    module_host_free (b->modules);
    broker_unserve (b->broker_service);
    overlay_free (b->overlay, OVERLAY_LINGER);
    rexec_unserve (b->rexec);
    groups_unserve (b->groups);
    config_unserve (b->config_service);
    event_unserve (b->event_service);
    log_unserve (b->log_service);
    attr_unserve (b->attr_service);
    self_free (b->self);
    router_free (b->router);
    event_hub_free (b->events);
    service_table_free (b->services);
    flux_reactor_destroy (b->reactor);
    logger_free (b->logger);
    attrs_free (b->attrs);
    child_env_free (b->env);
    free (b->notify);
    options_fini (&b->opt);
    places_fini (&b->places);
}

static void remove_places (struct broker *b)
{
    rundir_cleanup (b->attrs, "statedir");
    rundir_cleanup (b->attrs, "rundir");
}

/* The initial program was in our process group: nothing of it stays. */
static void hang_up_group (struct broker *b)
{
    if (getpgrp () == getpid () && lifecycle_rc2 (b->lifecycle)
        && !attrs_is_set (b->attrs, "broker.rc2_pgrp")) {
        signal (SIGHUP, SIG_IGN);
        (void)kill (0, SIGHUP);
    }
}

static int run (struct broker *b)
{
    int exit_code;

    if (lifecycle_run (b->lifecycle) < 0) {
        flux_log_error (b->h, "reactor");
        exit_code = 1;
    }
    else
        exit_code = lifecycle_exit_code (b->lifecycle);
    connector_flush (b->connector);
    hang_up_group (b);
    if (module_host_count (b->modules) > 0) {
        /* Threads that cannot be stopped still use all of this: leave it to
         * them, and leave nothing else behind.
         */
        connector_unlink (b->connector);
        remove_places (b);
        _exit (exit_code);
    }
    return exit_code;
}

int main (int argc, char *argv[])
{
    struct broker b = { 0 };
    flux_error_t error;
    int exit_code = 1;
    int r;

    if (pmi_client_place (&b.pmi, &error) < 0) {
        fprintf (stderr, "flux-broker: %s\n", error.text);
        return 1;
    }
    if (!(b.attrs = attrs_new ()) || !(b.logger = logger_new (b.pmi.rank))) {
        fprintf (stderr, "flux-broker: out of memory\n");
        return 1;
    }
    if ((r = options_parse (&b.opt, b.attrs, argc, argv)) != 0) {
        teardown (&b);
        return r < 0;
    }
    setup_process (b.pmi.rank);
    if (uuid_generate_text (b.uuid) < 0 || places_find (&b.places) < 0 || places_set_path (&b.places) < 0
        || create_core (&b) < 0) {
        fprintf (stderr, "flux-broker: %s\n", strerror (errno));
        teardown (&b);
        return 1;
    }
    if (setup (&b, &error) < 0) {
        flux_log (b.h, LOG_CRIT, "%s", error.text);
        if (b.lifecycle)
            lifecycle_post (b.lifecycle, "builtins-fail");
    }
    else
        exit_code = run (&b);
    remove_places (&b);
    teardown (&b);
    return exit_code;
}
