/* job-exec/talk.h - what the brokers of a job tell each other: a line, then
 * bytes.
 *
 * Purpose: output and input of tasks pass between brokers as they are; the line
 * before them says in words what they are.  The words are those of member.c.
 *
 * Bound: a line has less than TALK_LINE bytes; a longer one is cut when it is
 * written, and refused when it is read.
 */

#ifndef MILLRACE_EXEC_TALK_H
#define MILLRACE_EXEC_TALK_H

#include <stdarg.h>
#include <stddef.h>

#include "common/text.h"

#define TALK_LINE 80

struct talk {
    char line[TALK_LINE];
    const char *data; /* not owned, not terminated */
    size_t len;
};

/* Write the line, and what follows it, to out: 0 or -ENOMEM. */
int talk_encode (const struct talk *t, struct text *out);

void talk_vprintf (struct talk *t, const char *fmt, va_list ap) _printf_ (2, 0);

/* The data points into the payload: 0 or -EPROTO. */
int talk_decode (struct talk *t, const char *payload, size_t size);

#endif /* !MILLRACE_EXEC_TALK_H */
