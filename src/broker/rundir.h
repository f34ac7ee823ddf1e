/* broker/rundir.h - the directories of an instance, and where its socket is.
 *
 * A directory the broker made is removed when it is cleaned up; one that was
 * there before is used as it is and stays (wire.md section 10).  All of these
 * set the attributes they are about.
 */

#ifndef MILLRACE_BROKER_RUNDIR_H
#define MILLRACE_BROKER_RUNDIR_H

#include <flux/core.h>

#include "attr.h"

/* Make or check the directory that attribute 'name' ("rundir", "statedir")
 * gives, or one below tmpdir if it gives none.  -1 with errno and a sentence.
 */
int rundir_create (struct attrs *attrs,
                   const char *name,
                   const char *tmpdir,
                   flux_error_t *error);

/* Remove the directory of attribute 'name' if NAME-cleanup says so. */
void rundir_cleanup (const struct attrs *attrs, const char *name);

/* rundir/bin/flux -> flux.  -1 with errno and a sentence. */
int rundir_link_flux (const struct attrs *attrs, const char *flux, flux_error_t *error);

/* Check local-uri, or set it to the default.  *path is the socket's path
 * within the attribute's value.  -1 with errno and a sentence.
 */
int rundir_local_uri (struct attrs *attrs, const char **path, flux_error_t *error);

#endif /* !MILLRACE_BROKER_RUNDIR_H */
