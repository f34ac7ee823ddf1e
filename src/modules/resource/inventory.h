/* resource/inventory.h - where R comes from: configuration, or a look at this
 * machine.
 *
 * All brokers of a bundled instance share one machine, so one look serves all
 * ranks.
 */

#ifndef MILLRACE_RESOURCE_INVENTORY_H
#define MILLRACE_RESOURCE_INVENTORY_H

#include <jansson.h>
#include <stdint.h>
#include <flux/core/types.h>

#include "common/rset.h"

/* Cores we may run on and gpus, for ranks 0 .. size-1; hosts in rank order, or
 * NULL.  Returns 0, -ENOMEM, or -EINVAL with a sentence.
 */
int inventory_probe (uint32_t size,
                     const char *hosts,
                     struct rset **ret,
                     flux_error_t *error);

/* [[resource.config]]: an array of { hosts cores gpus properties }.  Hosts get
 * ranks in the order in which they first appear.
 */
int inventory_config (json_t *config, struct rset **ret, flux_error_t *error);

/* [fake-resources] nnodes cores-per-node gpus-per-node host-prefix */
int inventory_fake (json_t *config, struct rset **ret, flux_error_t *error);

#endif /* !MILLRACE_RESOURCE_INVENTORY_H */
