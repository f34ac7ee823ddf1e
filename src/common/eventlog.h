/* eventlog.h - logs of timestamped events (RFC 18), as text.
 *
 * A log is a sequence of lines, each a compact JSON object and a newline:
 *   {"timestamp":<real>,"name":<string>[,"context":<object>]}
 * Its owner only ever appends whole entries.
 *
 * Nothing here builds a tree: entries are written as text and read as spans of
 * the text that they are in.
 *
 * Errors are -EINVAL; outputs are written on success only.
 */

#ifndef MILLRACE_EVENTLOG_H
#define MILLRACE_EVENTLOG_H

#include <stdbool.h>
#include <stddef.h>

#include "jview.h"
#include "text.h"

/* One entry, in the text that it was read from. */
struct eventlog_entry {
    double timestamp;     /* seconds since the epoch */
    struct jview name;    /* a string */
    struct jview context; /* an object, or absent */
};

/* Append an entry to t.  context: JSON text of an object, or NULL.
 * Returns 0, or -EINVAL with t unchanged: no name, a timestamp that is
 * negative or not finite, a name that is not UTF-8, a context that is not an
 * object.  A lack of memory is in the text's error.
 */
int eventlog_append (struct text *t,
                     double timestamp,
                     const char *name,
                     const char *context);

/* The same in parts, unchecked, for writers of bulk data, who write a context
 * as text themselves: eventlog_begin () leaves the entry open behind the name;
 * if there is to be a context the writer puts ,"context":{...} next.
 */
void eventlog_begin (struct text *t, double timestamp, const char *name);
void eventlog_end (struct text *t);

/* Step through a log: the line at *pos with its newline, *len its length.
 * Returns NULL at the end; text after the last newline is not a line.
 * Start with *pos at the log's first byte.
 */
const char *eventlog_next_line (const char **pos, const char *end, size_t *len);

/* Read one entry: a line with exactly one newline, at its end.  Members of
 * other names are allowed.
 */
int eventlog_entry_decode (const char *line, size_t len, struct eventlog_entry *entry);

static inline bool eventlog_entry_is (const struct eventlog_entry *e, const char *name)
{
    return jview_equal (e->name, name);
}

/* Is this a log?  An empty one is; one without any newline is not; text after
 * the last newline is ignored.  *count (or NULL) becomes the number of entries.
 */
int eventlog_validate (const char *s, size_t len, size_t *count);

#endif /* !MILLRACE_EVENTLOG_H */
