/* broker/boot.h - who this broker is: rank, size, host, job.
 *
 * An instance has one rank so far.  It is nested if the environment says that
 * the broker was started as a task of a Flux job.
 */

#ifndef MILLRACE_BROKER_BOOT_H
#define MILLRACE_BROKER_BOOT_H

#include <flux/core.h>

#include "attr.h"

/* Set the attributes that say so.  -1 with errno and a sentence: a job of
 * more than one task, an attribute that does not fit.
 */
int boot_single (struct attrs *attrs, flux_error_t *error);

#endif /* !MILLRACE_BROKER_BOOT_H */
