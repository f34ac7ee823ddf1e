/* aux.h - named items that hang on an object and die with it.
 *
 * Handles, futures and messages have them, all with the same rules
 * (libflux.md section 1).
 *
 * Ownership: the list owns its items; a value is freed by its own free_fn
 * when it is replaced, deleted or the list is destroyed: named items newest
 * first, then anonymous ones in the order they came.
 */

#ifndef MILLRACE_LIBFLUX_AUX_H
#define MILLRACE_LIBFLUX_AUX_H

#include <flux/core.h>

struct aux_item;

/* Set, replace, or (val NULL) delete.  A NULL name makes an anonymous item.
 * Returns 0, or -1 with errno EINVAL (name and val both NULL; val NULL with
 * a free_fn; name NULL without one) or ENOMEM.
 */
int aux_set (struct aux_item **aux, const char *name, void *val, flux_free_f free_fn);

/* The value, or NULL with errno ENOENT, or EINVAL (name NULL). */
void *aux_get (const struct aux_item *aux, const char *name);

/* Remove the item that holds val, without a name. */
void aux_delete_value (struct aux_item **aux, const void *val);

void aux_destroy (struct aux_item **aux);

#endif /* !MILLRACE_LIBFLUX_AUX_H */
