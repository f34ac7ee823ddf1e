/* resource/drain.h - which ranks are drained, since when and why.
 *
 * No I/O here.  Sets are checked first, then changed: all or nothing.
 *
 * Ownership: the table owns its reasons.
 * Bound: one record per rank.
 */

#ifndef MILLRACE_RESOURCE_DRAIN_H
#define MILLRACE_RESOURCE_DRAIN_H

#include <stdint.h>
#include <flux/core/types.h>
#include <flux/idset.h>

#include "common/text.h"

enum drain_mode {
    DRAIN_STRICT,    /* none may be drained already */
    DRAIN_UPDATE,    /* skip those; give a reason to those without one */
    DRAIN_OVERWRITE, /* change their reason */
    DRAIN_FORCE,     /* and their time */
};

struct drain;

/* Ranks are 0 .. size-1.  NULL: ENOMEM. */
struct drain *drain_create (uint32_t size);
void drain_destroy (struct drain *d);

/* reason may be NULL.  Returns 0, -EEXIST with a sentence, or -ENOMEM.  ranks
 * must be below size.
 */
int drain_set (struct drain *d,
               const struct idset *ranks,
               double timestamp,
               const char *reason,
               enum drain_mode mode,
               flux_error_t *error);

/* Returns 0 or, if force is not set, -EEXIST with a sentence. */
int drain_clear (struct drain *d,
                 const struct idset *ranks,
                 int force,
                 flux_error_t *error);

bool drain_test (const struct drain *d, uint32_t rank);

/* { ranks:{"timestamp":f "reason":s}, ... }: ranks with the same share a key */
void drain_encode (const struct drain *d, struct text *out);

#endif /* !MILLRACE_RESOURCE_DRAIN_H */
