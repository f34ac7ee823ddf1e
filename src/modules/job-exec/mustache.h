/* job-exec/mustache.h - {{tag}} templates in commands, paths, environment.
 *
 * Tags that the caller does not know stay as they are (exec.md 8.4).
 */

#ifndef MILLRACE_EXEC_MUSTACHE_H
#define MILLRACE_EXEC_MUSTACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/text.h"

/* Append the value of a tag and return true, or return false. */
typedef bool (*mustache_f) (void *arg, const char *tag, struct text *out);

/* Append the rendered template.  Tags are at most 63 bytes long. */
void mustache_render (const char *tmpl, mustache_f value, void *arg, struct text *out);

static inline bool mustache_has_tags (const char *s)
{
    return strstr (s, "{{") != NULL;
}

#endif /* !MILLRACE_EXEC_MUSTACHE_H */
