/* broker/module_process.h - a module in a process of its own.
 *
 * Purpose: to its host such a module is like any other.  A thread stands where
 * its mod_main () would run and passes messages on, between the channel that
 * every module has and a socket pair with the process at its other end, until
 * the process is gone.  So nothing else in the broker need know of it, and
 * modules that run as threads pay nothing for it.
 *
 * Threads: start, describe and free by the broker's; relay by the module's; kill
 * by any.  The process is reaped by relay (), or, if that never ran, by free ().
 *
 * Bounds: what the process does not read waits in its socket, then in the queue
 * of the module (module.h); what the broker does not take, in the socket too.
 */

#ifndef MILLRACE_BROKER_MODULE_PROCESS_H
#define MILLRACE_BROKER_MODULE_PROCESS_H

#include <flux/core.h>

#include "environ.h"

struct module_process;

/* Run "flux LOADER PATH" with FLUX_MODULE_URI.  NULL with errno. */
struct module_process *module_process_start (const char *flux,
                                             const char *loader,
                                             const char *path,
                                             const struct child_env *env);

/* Pass messages on until the process has ended. */
void module_process_relay (struct module_process *p, flux_t *h);

void module_process_kill (struct module_process *p);

/* "loader (NAME) killed by Killed".  After relay () has returned. */
void module_process_describe (const struct module_process *p, char *buf, size_t size);

void module_process_free (struct module_process *p);

#endif /* !MILLRACE_BROKER_MODULE_PROCESS_H */
