/* trace.h - flux module trace, flux overlay trace: messages as they pass. */

#ifndef MILLRACE_CMD_TRACE_H
#define MILLRACE_CMD_TRACE_H

#include <jansson.h>

/* What the two have in common.  The words of the command line are the names of
 * modules, or with 'peers' the ranks of neighbours; none are all.
 */
int cmd_trace (const char *prog, const char *topic, bool peers, int argc, char **argv);

#endif /* !MILLRACE_CMD_TRACE_H */
