/* modprobe.h - what rc1 and rc3 do besides loading and unloading modules. */

#ifndef MILLRACE_CMD_MODPROBE_H
#define MILLRACE_CMD_MODPROBE_H

#include <flux/core.h>

/* Do it, or begin it: then *f is what to wait for.  Returns 0, or -1 when it has
 * failed and that has been said.
 */
typedef int (*modprobe_task_f) (flux_t *h, flux_future_t **f);

/* Before the kvs is loaded, from the archive that content.restore names; after
 * it is unloaded, to the one that content.dump names.
 */
int modprobe_restore (flux_t *h, flux_future_t **f);
int modprobe_dump (flux_t *h, flux_future_t **f);

/* The log of starts and ends, in the key admin.eventlog: flux startlog. */
int modprobe_start_event (flux_t *h, flux_future_t **f);
int modprobe_finish_event (flux_t *h, flux_future_t **f);

/* Run the site's executables below <confdir>/NAME and NAME below each directory in
 * FLUX_RC_EXTRA, in the order of their names.  Returns 0, or 1 if one failed, after
 * which no more are run.
 */
int modprobe_scripts (const char *name);

#endif /* !MILLRACE_CMD_MODPROBE_H */
