/* broker/module_host.h - all modules of this broker: service "module".
 *
 * Purpose: load, remove and list modules (wire.md section 8), tell those who
 * asked how it went, and notice modules that end without being asked to.
 *
 * A module is answered for only when it is really gone: its thread has been
 * joined and its object closed.
 */

#ifndef MILLRACE_BROKER_MODULE_HOST_H
#define MILLRACE_BROKER_MODULE_HOST_H

#include <stdbool.h>
#include <flux/core.h>

#include "attr.h"
#include "environ.h"
#include "router.h"

struct module_host;

struct module_host_ops {
    /* A running module failed without having been asked to go. */
    void (*failed) (const char *name, void *arg);
    /* The last module has gone. */
    void (*emptied) (void *arg);
};

/* Everything is borrowed.  searchpath is FLUX_MODULE_PATH. */
struct module_host *module_host_new (flux_t *h,
                                     struct router *router,
                                     struct service_table *services,
                                     const struct attrs *attrs,
                                     const char *searchpath,
                                     const struct module_host_ops *ops,
                                     void *arg);

/* What modules in processes of their own need; borrowed. */
void module_host_set_exec (struct module_host *mh,
                           const char *flux,
                           const struct child_env *env);

/* Take what attributes say.  -1 with errno and a sentence. */
int module_host_configure (struct module_host *mh, flux_error_t *error);

/* All modules must have gone. */
void module_host_free (struct module_host *mh);

/* Names to be listed as built in, NULL-terminated; borrowed. */
void module_host_set_builtins (struct module_host *mh,
                               const char *const *names,
                               const struct endpoint *self);

int module_host_serve (struct module_host *mh, struct endpoint *self);

int module_host_count (const struct module_host *mh);

/* Call f for the name of each module that is loaded. */
void module_host_foreach (struct module_host *mh,
                          void (*f) (const char *name, void *arg),
                          void *arg);

/* Ask all modules to go, or (cancel) stop their threads. */
void module_host_remove_all (struct module_host *mh, bool cancel);

#endif /* !MILLRACE_BROKER_MODULE_HOST_H */
