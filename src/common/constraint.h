/* constraint.h - RFC 31 constraint objects, compiled.
 *
 * A constraint is parsed once per job and matched once per node.  Rules as
 * exec.md 4 states them: an object holds at most one operator that counts,
 * the first of properties, hostlist, ranks, and, or, not; "not" looks at its
 * first element; an empty object matches everything.
 *
 * Ownership: the compiled form owns what it needs; the JSON may go.
 */

#ifndef MILLRACE_CONSTRAINT_H
#define MILLRACE_CONSTRAINT_H

#include <stdbool.h>
#include <stdint.h>
#include <jansson.h>
#include <flux/core/types.h>

struct constraint;

/* What can be asked about one node. */
struct constraint_target {
    uint32_t rank;
    const char *host; /* may be NULL */
    bool (*has_property) (void *arg, uint32_t rank, const char *name);
    void *arg;
};

/* Returns 0, or -EINVAL with a sentence, or -ENOMEM. */
int constraint_parse (json_t *o, struct constraint **c, flux_error_t *error);
void constraint_free (struct constraint *c);

/* A NULL constraint matches. */
bool constraint_match (const struct constraint *c, const struct constraint_target *t);

#endif /* !MILLRACE_CONSTRAINT_H */
