/* utf8.h - is this text? */

#ifndef MILLRACE_UTF8_H
#define MILLRACE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* True if the len bytes are valid UTF-8 (RFC 3629: no overlong forms, no
 * surrogates, nothing above U+10FFFF).  NUL is valid.
 */
bool utf8_valid (const char *s, size_t len);

#endif /* !MILLRACE_UTF8_H */
