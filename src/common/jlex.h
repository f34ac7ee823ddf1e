/* jlex.h - the words of JSON: what jview and jpull have in common.
 *
 * Not for anyone else: to read JSON text include jview.h (spans of a text that
 * is checked once, read in any order) or jpull.h (one pass, values taken in the
 * order they come in).
 *
 * The first part checks text from outside against RFC 8259 and says what it
 * saw; what of that to refuse is the caller's choice.  Bytes above 0x7f are
 * passed over: who saw JLEX_WIDE has utf8_valid () look at the text, once.
 * The second part relies on that check.
 */

#ifndef MILLRACE_JLEX_H
#define MILLRACE_JLEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

#define JSON_MAX_DEPTH 2048

enum {
    JLEX_ESCAPE = 1, /* in a string */
    JLEX_WIDE = 2,   /* bytes above 0x7f in a string */
    JLEX_NUL = 4,    /* the escape \u0000 */
    JLEX_REAL = 8,   /* a number with fraction or exponent */
    JLEX_RANGE = 16, /* a number that no int64_t or no double holds */
};

static inline const char *jlex_blanks (const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r'))
        p++;
    return p;
}

/* ---- unchecked text ------------------------------------------------------
 * Each of these is given the first byte of what it reads and returns the first
 * one past it, or NULL if that is not what the text has.  What was seen is
 * added to *seen.
 */

/* p is at the opening quote. */
const char *jlex_string (const char *p, const char *end, unsigned int *seen);

/* p is at '-' or a digit. */
const char *jlex_number (const char *p, const char *end, unsigned int *seen);

const char *jlex_word (const char *p, const char *end, const char *word);

/* Any value, containers nested up to depth; iterative. */
const char *
jlex_value (const char *p, const char *end, unsigned int depth, unsigned int *seen);

/* ---- checked text -------------------------------------------------------- */

const char *jlex_skip_string (const char *p, const char *end);
const char *jlex_skip_value (const char *p, const char *end);

/* p is at a backslash: the UTF-8 that the escape (or two that form a pair)
 * stands for, *n bytes of it.
 */
const char *jlex_escape (const char *p, const char *end, char out[4], size_t *n);

/* Append the bytes that stand between the quotes, escapes decoded.  A lack of
 * memory is in the text's error.
 */
void jlex_decode (const char *s, size_t len, struct text *t);

/* An integer.  False if it does not fit. */
bool jlex_int (const char *s, size_t len, int64_t *value);

/* Any number.  -ERANGE if it is not finite, -ENOMEM. */
int jlex_real (const char *s, size_t len, double *value);

#endif /* !MILLRACE_JLEX_H */
