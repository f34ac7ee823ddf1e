/* broker/boot.h - who this broker is: rank, size, host, job.
 *
 * Rank and size are what PMI says (overlay/pmi_client.h).  The instance is
 * nested if the environment says that the broker was started as a task of a
 * Flux job.
 */

#ifndef MILLRACE_BROKER_BOOT_H
#define MILLRACE_BROKER_BOOT_H

#include <flux/core.h>

#include "attr.h"

/* Set the attributes that say so; with size > 1 all but hostlist and tbon.*,
 * which the overlay finds out.  -1 with errno and a sentence: an attribute
 * that does not fit.
 */
int boot_attrs (struct attrs *attrs,
                uint32_t rank,
                uint32_t size,
                flux_error_t *error);

#endif /* !MILLRACE_BROKER_BOOT_H */
