/* addfile.h - --add-file: files that a job brings along (RFC 37). */

#ifndef MILLRACE_CMD_ADDFILE_H
#define MILLRACE_CMD_ADDFILE_H

#include <jansson.h>

#include "common/text.h"

/* Add "[NAME[:PERMS]=]ARG" to the object of files: ARG is the content if it
 * has a newline ("\n" is one), else a path.  Dies with "ERROR: --add-file: ...".
 */
void addfile (json_t *files, const char *arg);

/* A file with this content; mode as in stat(2). */
void addfile_text (json_t *files, const char *name, int mode, const struct text *t);

#endif /* !MILLRACE_CMD_ADDFILE_H */
