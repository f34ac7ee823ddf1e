/* subst.h - "{}" and its like in the words of flux submit --cc and bulksubmit.
 *
 *   {cc}          the id of the copy
 *   {seq} {seq1}  the number of the job, from 0 or 1
 *   {} {0} {1}    an input; {} is the first
 *   {.%} {1./}    an input without its extension (%), only its last component
 *                 (/) or all but that (//); {./%} does both
 * "{{...}}" is left alone: it is for whoever runs the job.
 */

#ifndef MILLRACE_CMD_SUBST_H
#define MILLRACE_CMD_SUBST_H

#include <flux/core/types.h>
#include <stdbool.h>
#include <stddef.h>

struct subst {
    const char *cc;            /* NULL: {cc} stays */
    bool cc_only;              /* nothing else is */
    const char *const *inputs;
    size_t ninputs;
    unsigned long seq;
};

/* Is there anything to replace? */
bool subst_wanted (const char *s, bool cc_only);

/* The words with the values in place; the caller frees.  NULL with a sentence
 * if there is no such input.
 */
char *subst_expand (const char *s, const struct subst *v, flux_error_t *error);

#endif /* !MILLRACE_CMD_SUBST_H */
