/* broker/setup.h - defaults and checks of what the command line leaves open.
 *
 * All return 0, or -1 with errno and a sentence.
 */

#ifndef MILLRACE_BROKER_SETUP_H
#define MILLRACE_BROKER_SETUP_H

#include <flux/core.h>

#include "attr.h"
#include "log.h"

/* The log-* attributes, and the logger by them.  verbose is the number of -v. */
int setup_log (struct attrs *attrs,
               struct logger *logger,
               int verbose,
               flux_error_t *error);

/* Who this broker is (boot.h), and all other attributes with a default. */
int setup_attrs (struct attrs *attrs,
                 const char *uuid,
                 uint32_t rank,
                 uint32_t size,
                 flux_error_t *error);

/* Read the configuration from path (NULL: FLUX_CONF_DIR, or none), add the
 * values, which end with NULL, and give it to h.
 */
int setup_config (flux_t *h,
                  struct attrs *attrs,
                  const char *path,
                  const char *const values[],
                  flux_error_t *error);

#endif /* !MILLRACE_BROKER_SETUP_H */
