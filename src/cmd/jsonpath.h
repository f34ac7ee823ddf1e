/* jsonpath.h - members of nested JSON objects by dotted path. */

#ifndef MILLRACE_CMD_JSONPATH_H
#define MILLRACE_CMD_JSONPATH_H

#include <jansson.h>

/* Set the len bytes of path, making the objects on the way; a value in the
 * way gives way.  Steals value, also on failure.  Returns 0, or -1 if value is
 * NULL or a key is empty.
 */
int jsonpath_set (json_t *o, const char *path, size_t len, json_t *value);

/* The member, borrowed, or NULL. */
json_t *jsonpath_get (json_t *o, const char *path);

/* JSON if the text parses as such, else a string; NULL if it is not UTF-8. */
json_t *jsonpath_value (const char *s);

#endif /* !MILLRACE_CMD_JSONPATH_H */
