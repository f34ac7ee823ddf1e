/* module_private.h - what module.c and method.c share. */

#ifndef MILLRACE_LIBFLUX_MODULE_PRIVATE_H
#define MILLRACE_LIBFLUX_MODULE_PRIVATE_H

#include <flux/core.h>

/* The handle's debug mask, made on first use; NULL with errno ENOMEM. */
int *module_debug_mask (flux_t *h);

#endif /* !MILLRACE_LIBFLUX_MODULE_PRIVATE_H */
