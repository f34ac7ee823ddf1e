/* addfile.h - --add-file: files that a job brings along (RFC 37). */

#ifndef MILLRACE_CMD_ADDFILE_H
#define MILLRACE_CMD_ADDFILE_H

#include <jansson.h>

/* Add "[NAME[:PERMS]=]ARG" to the object of files: ARG is the content if it
 * has a newline ("\n" is one), else a path.  Dies with "ERROR: --add-file: ...".
 */
void addfile (json_t *files, const char *arg);

#endif /* !MILLRACE_CMD_ADDFILE_H */
