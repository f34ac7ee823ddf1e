/* broker/rexec/command.h - a command as it comes in a request (RFC 42).
 *
 *   { "cwd"?:s "label"?:s "cmdline":[s...] "env":{name:s...}
 *     "opts":{name:s...} "channels":[s...] "msgchan"?:[] }
 *
 * Ownership: the command owns its arrays, and holds the object its strings are
 * in.
 */

#ifndef MILLRACE_REXEC_COMMAND_H
#define MILLRACE_REXEC_COMMAND_H

#include <flux/core.h>
#include <jansson.h>

#include "child.h"

struct command {
    struct child_command child; /* all but its flags for reading */
    const char *label;
    const char *line; /* argv, with blanks between */
    json_t *o;
};

/* Flags of local_flags in a request. */
enum {
    COMMAND_STDIO_FALLTHROUGH = 1,
    COMMAND_NO_SETPGRP = 2,
};

/* FLUX_URI is set to uri.  Returns 0, -EPROTO (it is malformed), -EINVAL (it
 * asks for what there is not), with a sentence, or -ENOMEM.
 */
int command_decode (json_t *o,
                    int local_flags,
                    const char *uri,
                    struct command **ret,
                    flux_error_t *error);
void command_free (struct command *cmd);

#endif /* !MILLRACE_REXEC_COMMAND_H */
