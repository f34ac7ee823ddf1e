/* rlimits.h - the resource limits that a job's tasks get: the caller's. */

#ifndef MILLRACE_CMD_RLIMITS_H
#define MILLRACE_CMD_RLIMITS_H

#include <jansson.h>

/* A new object {NAME:soft limit}, -1 being none, of the limits that are passed
 * on by themselves.
 */
json_t *rlimits_object (void);

/* Apply rules, comma separated, in order:
 *   -PATTERN    do not pass on what matches the glob
 *   PATTERN     pass on the caller's limits that match
 *   NAME=VALUE  a number, or unlimited, infinity, inf
 * Dies with "ERROR: --rlimit: ...".
 */
void rlimits_rule (json_t *limits, const char *rules);

#endif /* !MILLRACE_CMD_RLIMITS_H */
