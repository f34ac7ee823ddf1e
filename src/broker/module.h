/* broker/module.h - one loaded module, seen from the broker.
 *
 * Life: loaded (INIT), RUNNING, FINALIZING (takes no more requests), EXITED
 * (takes nothing), reaped.  The module tells by module.status requests, which
 * are caught here, before the router; that the thread is gone is told by the
 * host's eventfd.
 *
 * Bounds: the channel to the thread is bounded and the broker never waits for
 * room in it.  What does not fit is kept in 'backlog', in order; when that
 * passes MODULE_BACKLOG_SOFT messages the module is congested: clients that
 * send it more are stopped until the backlog is gone (back-pressure first).
 * Modules are not stopped: they bound their own requests, and stopping one
 * could stop the very answer that another is waiting for.
 */

#ifndef MILLRACE_BROKER_MODULE_H
#define MILLRACE_BROKER_MODULE_H

#include <flux/core.h>

#include "common/list.h"

#include "endpoint.h"
#include "module_thread.h"
#include "router.h"
#include "uuid.h"

enum {
    MODULE_BACKLOG_SOFT = 1024,
    MODULE_BATCH = 64, /* messages read from one module per pass */
};

enum module_status {
    MODULE_INIT = 0,
    MODULE_RUNNING = 1,
    MODULE_FINALIZING = 2,
    MODULE_EXITED = 3,
};

struct module;

/* What a module tells its host. */
struct module_ops {
    /* The status changed to what module_status () says. */
    void (*status_changed) (struct module *m, void *arg);
};

struct module {
    struct endpoint ep; /* name, route */
    struct list node;   /* of the host */
    char *name;
    char *path;
    char uuid[UUID_TEXT_SIZE];
    void *dso;
    mod_main_f *mod_main;
    struct module_thread *thread;
    flux_t *h; /* our end of the channel */
    flux_watcher_t *in;
    flux_watcher_t *inout; /* instead of 'in' while there is a backlog */
    struct flux_msglist *backlog;
    bool defer; /* hold everything back (module.debug) */
    struct router *router;
    const struct module_ops *ops;
    void *arg;

    enum module_status status;
    bool was_running;
    int errnum;       /* why it exited */
    double last_seen; /* when it last sent something */

    const flux_msg_t *load_request; /* to be answered; host's business */
    struct flux_msglist *removers;  /* likewise */
};

/* Open the object at path and make the channel; nothing runs yet, and the
 * router does not know it yet.  NULL with errno and a sentence.
 */
struct module *module_new (const char *name,
                           const char *path,
                           flux_reactor_t *reactor,
                           struct router *router,
                           const struct module_ops *ops,
                           void *arg,
                           flux_error_t *error);

/* Start the thread; the welcome has been sent.  -1 with errno. */
int module_start (struct module *m, int ended_fd);

/* Read and route what the module has sent, to the end. */
void module_drain (struct module *m);

/* The thread must have ended, or never have started.  Endpoint detached. */
void module_free (struct module *m);

/* Hold back messages, or let them go. */
void module_set_defer (struct module *m, bool defer);

size_t module_sendqueue (const struct module *m);
size_t module_recvqueue (const struct module *m);

#endif /* !MILLRACE_BROKER_MODULE_H */
