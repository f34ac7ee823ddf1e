/* broker/module.h - one loaded module, seen from the broker.
 *
 * Life: loaded (INIT), RUNNING, FINALIZING (takes no more requests), EXITED
 * (takes nothing), reaped.  The module tells by module.status requests, which
 * are caught here, before the router, and wait in the mailbox for the
 * broker's thread; that the thread is gone is told by the host's eventfd.
 *
 * Threads: what the module sends is routed by its own thread (send ()), and
 * what it is sent is pushed into its queue by the thread that sends it, both
 * inside the router's monitor.  Only the broker's thread changes the status,
 * inside the monitor.
 *
 * Bounds: nobody waits for room in the queue to the thread.  When it is full
 * (inproc.h) the module is congested: clients that send it more are stopped
 * until half of it is worked off (back-pressure first).  Modules are not
 * stopped: they bound their own requests, and stopping one could stop the
 * very answer that another is waiting for.  What a module sends waits while
 * the mailbox is full (mailbox.h).
 */

#ifndef MILLRACE_BROKER_MODULE_H
#define MILLRACE_BROKER_MODULE_H

#include <flux/core.h>

#include "common/list.h"
#include "libflux/interthread.h"

#include "endpoint.h"
#include "module_process.h"
#include "module_thread.h"
#include "router.h"
#include "trace.h"
#include "uuid.h"

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
    char *loader; /* the command that runs it in a process; NULL: a thread does */
    char uuid[UUID_TEXT_SIZE];
    void *dso;
    mod_main_f *mod_main;
    struct module_process *process;
    struct module_thread *thread;
    flux_t *h; /* our end of the channel, used inside the monitor */
    struct interthread_tap tap; /* on what the other end sends */
    struct endpoint desk;       /* for what the broker's thread has to do */
    bool has_time;              /* what is being pushed */
    struct waker *waker;        /* the thread's, once it was found asleep */
    flux_watcher_t *out;        /* while it is congested */
    bool defer;                 /* hold everything back (module.debug) ... */
    struct flux_msglist *held;  /* ... here */
    struct trace_set *traces; /* or NULL */
    struct router *router;
    const struct module_ops *ops;
    void *arg;

    enum module_status status;
    bool was_running;
    bool to_end; /* somebody has asked it to */
    flux_watcher_t *patience; /* then, with it; the host's business; or NULL */
    int errnum;       /* why it exited */
    double last_seen; /* when it last sent something: module_now () */

    const flux_msg_t *load_request; /* to be answered; host's business */
    struct flux_msglist *removers;  /* likewise */
};

/* Open the object at path, unless a loader does that, and make the channel;
 * nothing runs yet, and the router does not know it yet.  NULL with errno and a
 * sentence.
 */
struct module *module_new (const char *name,
                           const char *path,
                           const char *loader,
                           flux_reactor_t *reactor,
                           struct router *router,
                           const struct module_ops *ops,
                           void *arg,
                           flux_error_t *error);

/* What processes of modules need. */
struct module_exec {
    const char *flux; /* path of the command */
    const struct child_env *env;
};

/* Start the thread, and the process; the welcome has been sent.  -1 with errno. */
int module_start (struct module *m, const struct module_exec *exec, int ended_fd);

/* The thread has ended without the module having said so: why, and the errno of
 * that (EINVAL: a sentence about its process).
 */
int module_why_ended (const struct module *m, flux_error_t *error);

/* The thread must have ended, or never have started, and the endpoint be detached. */
void module_free (struct module *m);

/* Hold back messages, or let them go. */
void module_set_defer (struct module *m, bool defer);

size_t module_sendqueue (const struct module *m);

/* A coarse clock, in seconds. */
double module_now (void);

#endif /* !MILLRACE_BROKER_MODULE_H */
