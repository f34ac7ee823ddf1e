/* text.h - a growable byte buffer, and what is written into one: JSON text.
 *
 * Purpose: hot paths build their output here, in one pass, instead of in a
 * JSON tree that is then dumped.
 *
 * Errors stick: after a failed allocation every further call is a no-op and
 * text_error () returns -ENOMEM, so that a writer checks once, at the end.
 *
 * Invariant: buf is NUL-terminated whenever it is not NULL; len excludes
 * that NUL.
 * Bound: none of its own; callers bound what they append.
 */

#ifndef MILLRACE_TEXT_H
#define MILLRACE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util.h"

struct text {
    char *buf;
    size_t len;
    size_t cap;
    int error; /* 0 or -ENOMEM */
};

#define TEXT_INIT     \
    {                 \
        NULL, 0, 0, 0 \
    }

void text_init (struct text *t);
void text_fini (struct text *t);

/* Forget the content and any error, keep the memory. */
void text_clear (struct text *t);

static inline int text_error (const struct text *t)
{
    return t->error;
}

/* Hand the buffer (never NULL on success) to the caller, who frees it; the
 * text is empty after.  Returns NULL if there was an error.
 */
char *text_take (struct text *t, size_t *len);

/* Room for n more bytes at t->buf + t->len; the caller writes there and adds
 * to len, leaving the NUL to text_commit ().  NULL on failure.
 */
static inline char *text_reserve (struct text *t, size_t n);
static inline void text_commit (struct text *t, size_t n);

static inline void text_put (struct text *t, const void *data, size_t len);
static inline void text_puts (struct text *t, const char *s);
static inline void text_putc (struct text *t, char c);
void text_printf (struct text *t, const char *fmt, ...) _printf_ (2, 3);
void text_vprintf (struct text *t, const char *fmt, va_list ap);

/* An integer in decimal. */
void text_put_int (struct text *t, int64_t value);
void text_put_uint (struct text *t, uint64_t value);

/* A real as RFC 11 canonical JSON: %.17g, always with a '.' or an 'e', no '+'
 * or leading zeros in the exponent; shortest form is not sought.  NaN and
 * infinities, which JSON lacks, become 0.0.
 */
void text_put_real (struct text *t, double value);

/* A JSON string with its quotes.  The bytes must be valid UTF-8; they are
 * escaped as RFC 11 canonical text asks: \" \\ \b \f \n \r \t, other bytes
 * below 0x20 as \u00XX in upper-case hex, the rest raw.
 */
void text_put_json_string (struct text *t, const char *s, size_t len);

/* How many bytes that would append. */
size_t text_json_string_size (const char *s, size_t len);

/* Padded standard base64 of data, without quotes. */
void text_put_base64 (struct text *t, const void *data, size_t len);

/* ---- what is done for every few bytes ---- */

/* Make room for n more bytes: false and an error if there is none. */
bool text_grow (struct text *t, size_t n);

static inline bool text_has_room (const struct text *t, size_t n)
{
    return n < t->cap - t->len && !t->error; /* the NUL, too */
}

static inline char *text_reserve (struct text *t, size_t n)
{
    return text_has_room (t, n) || text_grow (t, n) ? t->buf + t->len : NULL;
}

static inline void text_commit (struct text *t, size_t n)
{
    must (n < t->cap - t->len);
    t->len += n;
    t->buf[t->len] = '\0';
}

static inline void text_put (struct text *t, const void *data, size_t len)
{
    char *p = text_reserve (t, len);

    if (p) {
        if (len > 0)
            memcpy (p, data, len);
        text_commit (t, len);
    }
}

static inline void text_puts (struct text *t, const char *s)
{
    text_put (t, s, strlen (s));
}

static inline void text_putc (struct text *t, char c)
{
    char *p = text_reserve (t, 1);

    if (p) {
        *p = c;
        text_commit (t, 1);
    }
}

#endif /* !MILLRACE_TEXT_H */
