/* jview_private.h - between jview's own files. */

#ifndef MILLRACE_JVIEW_PRIVATE_H
#define MILLRACE_JVIEW_PRIVATE_H

#include "jview.h"
#include "util.h"

/* At the 'u' of \uXXXX: the code point, past it.  A high surrogate must be
 * followed by its low one; NUL is refused.
 */
bool jview_unicode_escape (const char **pp, const char *end, unsigned int *code);

/* The digits of an integer as a signed 64-bit number. */
bool jview_fits_int64 (const char *s, size_t len, int64_t *value);

double jview_to_double (const char *s, size_t len);

/* In checked text: past the string whose opening quote is at p. */
const char *jview_skip_string (const char *p);

/* Is key the first part of a dotted path, len bytes of it? */
bool jview_key_is_part (struct jview key, const char *part, size_t len);

static inline const char *jview_past_blanks (const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p;
}

#endif /* !MILLRACE_JVIEW_PRIVATE_H */
