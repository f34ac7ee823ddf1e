/* envrule.h - the --env rules of submission commands. */

#ifndef MILLRACE_CMD_ENVRULE_H
#define MILLRACE_CMD_ENVRULE_H

#include <jansson.h>

/* A new object with this process's environment.  Variables that are not
 * UTF-8 are left out: JSON cannot carry them.  Dies if out of memory.
 */
json_t *env_object (void);

/* Apply one rule to env:
 *   -PATTERN     remove the variables that match
 *   ^FILE        apply the rules in FILE, one a line
 *   VAR=VALUE    set; $V and ${V} come from env, then from this process
 *   PATTERN      copy matching variables of this process that env lacks
 * A pattern is a glob, or /REGEX/, matched from the start of the name.
 * Dies with a message that begins with "ERROR: --env: ".
 */
void env_rule (json_t *env, const char *rule);

#endif /* !MILLRACE_CMD_ENVRULE_H */
