/* attach_debug.h - what a parallel debugger needs to know (MPIR process acquisition).
 *
 * A debugger runs, or attaches to, "flux job attach --debug ID" and stops in
 * MPIR_Breakpoint (); then MPIR_proctable has each task's host, executable and
 * process id, in the order of ranks.  They are asked of the job's service when all
 * tasks have been started.
 */

#ifndef MILLRACE_CMD_ATTACH_DEBUG_H
#define MILLRACE_CMD_ATTACH_DEBUG_H

#include <flux/core.h>
#include <jansson.h>

struct attach_debug *attach_debug_create (flux_t *h, flux_jobid_t id);
void attach_debug_destroy (struct attach_debug *d);

/* NULL is fine for the others. */

/* shell.init, and shell.start with its context. */
void attach_debug_service (struct attach_debug *d, const char *service, int rank);
void attach_debug_start (struct attach_debug *d, json_t *context);

/* The job's processes are gone: an error, if the debugger did not see them. */
void attach_debug_end (struct attach_debug *d);

#endif /* !MILLRACE_CMD_ATTACH_DEBUG_H */
