/* jscan.h - read JSON text in place, without building a tree.
 *
 * Purpose: hot paths look at a few members of a text that they pass on; a tree
 * of it would cost ten times the copy.  A value is a span of the text it was
 * found in: nothing is allocated, nothing is copied.
 *
 * What is accepted is what RFC 8259 says, of any depth up to JSCAN_MAX_DEPTH;
 * \u0000 is allowed.  Bytes above 0x7f are passed over: who takes text from
 * outside checks it with utf8_valid () once, as a whole.
 *
 * Errors are -EINVAL; outputs are written on success only.
 */

#ifndef MILLRACE_JSCAN_H
#define MILLRACE_JSCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

#define JSCAN_MAX_DEPTH 2048

enum jscan_type {
    JSCAN_OBJECT,
    JSCAN_ARRAY,
    JSCAN_STRING,
    JSCAN_NUMBER,
    JSCAN_TRUE,
    JSCAN_FALSE,
    JSCAN_NULL,
};

struct jvalue {
    enum jscan_type type;
    bool escaped;     /* string: has escapes, so that text is not its bytes */
    const char *text; /* string: what is between the quotes */
    size_t len;
};

/* Scan one value at *p (blanks before it are skipped) and step behind it. */
int jscan_value (const char **p, const char *end, struct jvalue *v);

/* Is the whole text one value (of that type)?  Blanks around it are fine. */
int jscan_text (const char *s, size_t len, struct jvalue *v);
bool jscan_is_object (const char *s, size_t len);

/* Iterate over the members of an object, or the elements of an array (key is
 * then left alone and may be NULL): start with *it zeroed but for p and end,
 * p at the '{' or '['.
 * Returns 1 with the next one, 0 at the end (it->p is behind the value),
 * -EINVAL if the text is wrong so far.
 */
struct jscan {
    const char *p;
    const char *end;
    char close; /* '}' or ']' once begun */
};

#define JSCAN_INIT(text, len) { (text), (text) + (len), 0 }

int jscan_next (struct jscan *it, struct jvalue *key, struct jvalue *value);

/* The last member of that name, as JSON readers commonly have it.
 * Returns 0, -ENOENT or -EINVAL.
 */
int jscan_find (const char *s, size_t len, const char *name, struct jvalue *v);

/* Is it this string? */
bool jvalue_is (const struct jvalue *v, const char *s);

/* Append the bytes that a string stands for.  -EINVAL if it is none; a lack of
 * memory is in the text's error.
 */
int jvalue_unescape (const struct jvalue *v, struct text *t);

/* The number, -EINVAL if it is none (or not an integer), -ERANGE. */
int jvalue_int (const struct jvalue *v, int64_t *value);
int jvalue_real (const struct jvalue *v, double *value);

#endif /* !MILLRACE_JSCAN_H */
