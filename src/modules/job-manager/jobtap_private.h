/* job-manager/jobtap_private.h - what jobtap.c and jobtap_job.c share.
 *
 * Functions return -1 or NULL with errno, as those of flux/jobtap.h do.
 */

#ifndef MILLRACE_JOB_MANAGER_JOBTAP_PRIVATE_H
#define MILLRACE_JOB_MANAGER_JOBTAP_PRIVATE_H

#include "plugins.h"

/* The stack that the plugin is in; EINVAL: it is in none. */
struct plugins *jobtap_stack (flux_plugin_t *p);

/* EINVAL: no plugin, or no current job; ENOENT: no such job. */
struct job *jobtap_job (struct plugins *ps, flux_jobid_t id);

/* The same for what changes the job: ENOENT if it is inactive. */
struct job *jobtap_active (struct plugins *ps, flux_jobid_t id);

/* 0, or -1 with errno for a negative one; -1 with EINVAL. */
int jobtap_result (int r);
int jobtap_invalid (void);

#endif /* !MILLRACE_JOB_MANAGER_JOBTAP_PRIVATE_H */
