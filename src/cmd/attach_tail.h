/* attach_tail.h - the last entries of an output log.
 *
 * Bound: 'max' entries are kept; older ones are forgotten.
 */

#ifndef MILLRACE_CMD_ATTACH_TAIL_H
#define MILLRACE_CMD_ATTACH_TAIL_H

#include <stddef.h>

struct attach_tail;

/* Dies if out of memory, as attach_tail_add () does. */
struct attach_tail *attach_tail_create (size_t max);
void attach_tail_destroy (struct attach_tail *t);

/* Take the entries in data; only those that bring output or a log message
 * count.
 */
void attach_tail_add (struct attach_tail *t, const char *data, size_t len);

/* Call f for each entry kept, in order. */
void attach_tail_each (const struct attach_tail *t,
                       void (*f) (const char *entry, size_t len, void *arg),
                       void *arg);

#endif /* !MILLRACE_CMD_ATTACH_TAIL_H */
