/* requires.h - the constraint syntax of --requires, as RFC 31 objects.
 *
 *   prop          nodes with this property; p,q with all of them
 *   host:LIST     (hosts:) nodes with these names (RFC 29)
 *   rank:IDSET    nodes of these ranks
 *   a b, a and b, a & b, a && b       both;   a or b, a | b, a || b   one
 *   not a, -a, (a or b) c
 */

#ifndef MILLRACE_CMD_REQUIRES_H
#define MILLRACE_CMD_REQUIRES_H

#include <flux/core/types.h>
#include <jansson.h>

/* A new object, or NULL with a sentence. */
json_t *requires_parse (const char *s, flux_error_t *error);

#endif /* !MILLRACE_CMD_REQUIRES_H */
