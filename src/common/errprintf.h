/* errprintf.h - write the sentence of a flux_error_t, keeping errno.
 *
 * Text that does not fit ends in '+' (spec: flux_error_t).  A NULL error is
 * accepted.  The value is always -1, so that a function can end with
 *     return errprintf (error, "no such key: %s", key);
 */

#ifndef MILLRACE_ERRPRINTF_H
#define MILLRACE_ERRPRINTF_H

#include "util.h"

int errprintf_buf (char *buf, size_t size, const char *fmt, ...) _printf_ (3, 4);

#define errprintf(e, ...)                                                     \
    ((e) ? errprintf_buf ((e)->text, sizeof ((e)->text), __VA_ARGS__) : -1)

#endif /* !MILLRACE_ERRPRINTF_H */
