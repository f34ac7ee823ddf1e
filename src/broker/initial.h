/* broker/initial.h - the initial program: what rc2 runs (wire.md 12.2). */

#ifndef MILLRACE_BROKER_INITIAL_H
#define MILLRACE_BROKER_INITIAL_H

#include <flux/core.h>

#include "runat.h"

/* Add the command that the broker's free arguments mean to the phase:
 *   none, or a login shell       an interactive shell (stdin must be a tty)
 *   several                      argv, searched in PATH
 *   one, an executable file      that file
 *   one                          a command line for the shell
 * Returns 0, or -1 with a sentence.
 */
int initial_program (struct phase *rc2,
                     int argc,
                     char *const argv[],
                     const char *shell,
                     flux_error_t *error);

#endif /* !MILLRACE_BROKER_INITIAL_H */
