/* broker/module_host_private.h - for module_host.c and module_load.c. */

#ifndef MILLRACE_BROKER_MODULE_HOST_PRIVATE_H
#define MILLRACE_BROKER_MODULE_HOST_PRIVATE_H

#include "module.h"
#include "module_host.h"

struct module_host {
    flux_t *h;
    flux_reactor_t *reactor;
    struct router *router;
    struct service_table *services;
    const struct attrs *attrs;
    const char *searchpath;
    const struct module_host_ops *ops;
    void *arg;
    const char *const *builtins;
    const struct endpoint *self;
    struct module_exec exec;
    double patience; /* with a module that is to end, in seconds; < 0: endless */
    struct list modules;
    struct trace_set *traces;
    int ended_fd; /* written by each thread that ends */
    flux_watcher_t *ended;
    flux_msg_handler_t **handlers;
};

/* module_host.c: by name or path; NULL if it is not loaded. */
struct module *module_host_find (struct module_host *mh, const char *name);
extern const struct module_ops module_host_module_ops;

/* module_load.c: the handler of module.load. */
void module_host_load_cb (flux_t *h,
                          flux_msg_handler_t *mh,
                          const flux_msg_t *msg,
                          void *arg);

#endif /* !MILLRACE_BROKER_MODULE_HOST_PRIVATE_H */
