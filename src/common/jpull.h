/* jpull.h - read JSON text by pulling values from it, without a tree.
 *
 * Purpose: hot paths know what they expect; they take it straight from the
 * text into native form, in one pass that also checks what is skipped: text
 * that was read to the end is valid JSON.  (jview.h hands out spans of text
 * instead, to look at in any order.)
 *
 * Same dialect as jansson: no U+0000 in strings, integers must fit 64 bits,
 * reals must be finite, nesting at most JSON_MAX_DEPTH.
 *
 * Errors: -EPROTO the text is not JSON; -EINVAL it is, but the next value is
 * not of the type asked for (nothing is consumed); -ENOMEM.  After any error
 * other than -EINVAL the scanner must not be used again.
 *
 * Ownership: strings returned point into the text, or, if they had escapes,
 * into a buffer that the next call overwrites.
 */

#ifndef MILLRACE_JPULL_H
#define MILLRACE_JPULL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

struct jpull {
    const char *p;
    const char *end;
    int depth;
    struct text scratch;
};

void jpull_init (struct jpull *s, const char *text, size_t len);
void jpull_fini (struct jpull *s);

/* The first character of the next value, not consumed: { [ " t f n - or a
 * digit if the text is valid.  -EPROTO at the end.
 */
int jpull_peek (struct jpull *s);

/* Nothing but blanks may follow: 0 or -EPROTO. */
int jpull_end (struct jpull *s);

/* A string, decoded: valid UTF-8 without NUL bytes, not NUL-terminated. */
int jpull_string (struct jpull *s, const char **str, size_t *len);

/* An integer; 1.0 is not one. */
int jpull_int (struct jpull *s, int64_t *value);

/* true or false; null. */
int jpull_bool (struct jpull *s, bool *value);
int jpull_null (struct jpull *s);

/* Any value, checked and dropped. */
int jpull_skip (struct jpull *s);

/* Any value, written to out in RFC 11 canonical form: members sorted, of equal
 * names the last one kept.
 */
int jpull_canon (struct jpull *s, struct text *out);

/* Objects and arrays:
 *
 *     int n = 0;
 *     if ((r = jpull_object (s)) < 0)
 *         return r;
 *     while ((r = jpull_member (s, &n, &name, &len)) > 0) {
 *         ... read or skip exactly one value; name is valid until then
 *     }
 *     if (r < 0)
 *         return r;
 *
 * n counts the members so far.
 */
int jpull_object (struct jpull *s);
int jpull_member (struct jpull *s, int *n, const char **name, size_t *len);
int jpull_array (struct jpull *s);
int jpull_element (struct jpull *s, int *n);

/* Read an object: member () reads or skips exactly one value, and returns 0 or
 * a negative errno, which ends it.  Returns that, else 0.
 */
typedef int (*jpull_member_f) (struct jpull *s, const char *name, size_t len, void *arg);
int jpull_members (struct jpull *s, jpull_member_f member, void *arg);

/* Is the decoded string str of len characters equal to the literal? */
#define jpull_is(str, len, literal)                                           \
    ((len) == sizeof (literal) - 1 && memcmp ((str), (literal), (len)) == 0)

#endif /* !MILLRACE_JPULL_H */
