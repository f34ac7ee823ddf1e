/* attach_output.h - put what a job's tasks wrote (RFC 24) where it belongs.
 *
 * Output comes as the text of whole entries, as they lie in the KVS, and is
 * decoded straight into the stream: no JSON tree is built of it.
 */

#ifndef MILLRACE_CMD_ATTACH_OUTPUT_H
#define MILLRACE_CMD_ATTACH_OUTPUT_H

#include <stddef.h>

#include "attach.h"

/* Write the entries in data to stdout and stderr; t0 is the time that log
 * messages are counted from.  An entry that is not understood is reported.
 */
void attach_output (const struct attach_opts *opts, double t0, const char *data, size_t len);

#endif /* !MILLRACE_CMD_ATTACH_OUTPUT_H */
